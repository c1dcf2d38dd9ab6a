"""Named random streams: one independent generator for each purpose and seed.

Each kind of random choice has its own stream. A rule that draws a mask therefore has the same
initial weights and the same order of patterns as a rule that draws none, and rules can be compared
on identical trials.
"""

import numpy as np

# The position in this list identifies a stream: append new purposes, and do not change the order.
PURPOSES = ("hidden weights", "output weights", "pattern order", "eligible set", "trial masks")


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator for a purpose and the seed of a run.

    Raises ValueError if `purpose` is not in PURPOSES.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PURPOSES.index(purpose),)))
