"""Sparse: the synapses of a fixed random mask may change, without a competition.

The contribution of the frozen synapses to the pre-activations is the first term of equation (1) in
`plasticity.engine`: one matrix product per block. The plastic synapses are stored separately, unit
by unit. They are used trial by trial, with two passes over them on each trial.
"""

import numpy as np

from plasticity.caching import cache_changes, transient_parts
from plasticity.compilation import compiled
from plasticity.energy import HIDDEN
from plasticity.structures.base import FirstLayer, Structure
from plasticity.trial import DIVERGED, PLASTIC, Block, run_trial


class Sparse(Structure):
    """Trains the synapses of a fixed random mask."""

    def __init__(self, layer: FirstLayer):
        super().__init__(layer)
        mask = layer.eligibility.hidden
        assert mask is not None  # rules without a mask have another structure
        self.mask = mask
        self.synapses = np.nonzero(mask)  # units and inputs of plastic synapses, ordered by unit
        units, inputs = self.synapses
        self.inputs = inputs.astype(np.uint16)
        self.starts = np.searchsorted(units, np.arange(len(mask) + 1))
        self.unit_counts = np.zeros(len(mask), np.int64)
        self.transient = transient_parts(inputs.shape, layer.settings)

    def begin(self) -> None:
        """Move the plastic weights out of the weight array."""
        self.plastic_weights = self.weights[self.synapses]
        self.weights[self.synapses] = 0

    def end(self) -> None:
        """Move the plastic weights back into the weight array."""
        self.weights[self.synapses] = self.plastic_weights

    def run(self, block: Block) -> int:
        """Run the trials of a block; return the number of trials before divergence."""
        synapses = (self.starts, self.inputs, self.plastic_weights, self.transient)
        pre = block.x @ self.weights.T
        return run_block(block, pre, synapses, self.unit_counts, self.context)

    def counts(self) -> np.ndarray:
        """Return the number of updates of each synapse, (N, inputs)."""
        return self.mask * self.unit_counts[:, None]


@compiled
def run_block(block, pre, synapses, unit_counts, context):
    """Run a block of T trials; return the number of trials before divergence.

    `pre` (T, N) is the contribution of the frozen synapses to the pre-activations; the function
    adds that of the plastic synapses in place. The inputs, weights and transient parts of the
    plastic synapses of unit j have the indices starts[j] to starts[j + 1] - 1.
    """
    starts, all_inputs, all_weights, transient = synapses
    trial, out, codes, tally = context.trial, context.output, context.codes, context.tally
    labels, offset, gain = block.labels, block.offset, block.gain
    trials = pre.shape[0]
    rate = trial.h.dtype.type(codes.rate)
    for t in range(trials):
        a, x = pre[t], block.x[t]
        for j in range(a.size):
            unit = slice(starts[j], starts[j + 1])
            weights, inputs = all_weights[unit], all_inputs[unit]
            total = a[j]
            for n in range(weights.size):
                total += weights[n] * x[inputs[n]]
            a[j] = total
        state = run_trial(a, labels[t], offset[t], gain[t], trial, out, codes, tally)
        if state == DIVERGED:
            return t
        if state == PLASTIC:
            for j in range(a.size):
                g = rate * trial.d[j]
                if g == 0:
                    continue
                unit = slice(starts[j], starts[j + 1])
                weights, inputs = all_weights[unit], all_inputs[unit]
                size = g * 0
                for n in range(weights.size):
                    weights[n] += g * x[inputs[n]]
                    size += abs(x[inputs[n]])
                tally.M0[HIDDEN] += weights.size
                tally.M1[HIDDEN] += abs(g) * size
                unit_counts[j] += 1
                if transient.size > 0:
                    cache_changes(g * x[inputs], transient[unit], HIDDEN, codes.threshold, tally)
        tally.maintenance[:] += tally.transient
    return trials
