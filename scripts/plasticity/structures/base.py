"""Interface of all structures, and the first layer that they train."""

from dataclasses import dataclass

import numpy as np

from plasticity.caching import transient_parts
from plasticity.rules import Eligibility, Rule
from plasticity.settings import Settings
from plasticity.trial import Block, Context

BLOCK = 64  # trials per block: many make matrix products efficient, few keep the sum in (1) short
BLOCK_NUMBERS = 1 << 26  # limit of trials x units in a block, for very wide networks


@dataclass(frozen=True)
class FirstLayer:
    """The first layer of a network, and everything that determines its changes."""

    weights: np.ndarray  # (N, inputs)
    rule: Rule
    settings: Settings
    eligibility: Eligibility
    train_order: np.ndarray  # (patterns, inputs): indices of inputs by decreasing absolute value
    context: Context


class Structure:
    """Trains the first layer in blocks of `block_length` trials.

    `transient` contains the transient parts of its synapses. It is empty without synaptic caching.
    """

    def __init__(self, layer: FirstLayer):
        self.layer, self.context = layer, layer.context
        self.active, self.plastic = layer.context.active, layer.context.plastic
        self.weights = layer.weights
        self.transient = transient_parts(layer.weights.shape, layer.settings)
        self.block_length = max(1, min(BLOCK, BLOCK_NUMBERS // self.active))

    def begin(self) -> None:
        """Prepare for a series of blocks."""

    def end(self) -> None:
        """End a series of blocks. The network must then contain the current weights."""

    def run(self, block: Block) -> int:
        """Run the trials of a block; return the number of trials before divergence."""
        raise NotImplementedError

    def counts(self) -> np.ndarray:
        """Return the number of updates of each synapse, (N, inputs)."""
        raise NotImplementedError
