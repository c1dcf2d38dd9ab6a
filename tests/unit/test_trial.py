"""A compiled trial: its rounding must not depend on where in memory its arrays lie."""

import numpy as np

from plasticity import trial


def test_an_error_is_the_same_bits_wherever_it_is_written():
    rng = np.random.default_rng(0)
    for outputs in rng.normal(0, 5, (50, 10)).astype(np.float32):
        errors = set()
        for distance in (-40, -16, -12, -10, 10, 12, 16, 20, 40, 100):
            memory = np.zeros(300, np.float32)
            y, e = memory[100:110], memory[100 + distance : 110 + distance]
            y[:] = outputs
            trial.output_error(y, 3, trial.CROSS_ENTROPY, e)
            errors.add(e.tobytes())
        assert len(errors) == 1
