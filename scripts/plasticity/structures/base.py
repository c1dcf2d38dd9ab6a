"""What all structures share: the first layer that they train, and their interface."""

from dataclasses import dataclass

import numpy as np

from plasticity.caching import transient_parts
from plasticity.rules import Eligibility, Rule
from plasticity.settings import Settings
from plasticity.trial import Block, Context

BLOCK = 64  # trials of a block: long enough for efficient matrix products, short for the sum in (1)
BLOCK_NUMBERS = 1 << 26  # bound on trials x units of a block, for very wide networks


@dataclass(frozen=True)
class FirstLayer:
    """The first layer of a network in training, and what decides how it changes."""

    weights: np.ndarray  # (N, inputs)
    rule: Rule
    settings: Settings
    eligibility: Eligibility
    train_order: np.ndarray  # (patterns, inputs): each pattern's inputs by falling size
    context: Context


class Structure:
    """How the first layer learns in blocks of `block_length` trials.

    `transient` are the transient parts of its synapses, empty without synaptic caching.
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
        """End a series of blocks: the network must be up to date."""

    def run(self, block: Block) -> int:
        """Run these trials; return how many were run before divergence."""
        raise NotImplementedError

    def counts(self) -> np.ndarray:
        """Number of updates of each synapse, (N, inputs)."""
        raise NotImplementedError
