"""Named random streams: one independent generator per purpose and seed.

Every random choice of a run has a stream of its own, so that a rule which draws a mask sees the
same initial weights and the same order of patterns as a rule which draws none: rules are compared
pairwise on identical trials.
"""

import numpy as np

# A stream is identified by its position: append, never reorder.
PURPOSES = ("hidden weights", "output weights", "pattern order", "eligible set", "trial masks")


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator of `purpose` for a run's `seed`.

    Raises ValueError for a purpose that is not in PURPOSES.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PURPOSES.index(purpose),)))
