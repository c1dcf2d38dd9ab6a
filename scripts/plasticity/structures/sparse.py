"""Sparse: a fixed random mask of synapses may change, and no competition follows.

The frozen synapses' part of the pre-activations is the first term of equation (1) in
`plasticity.engine`: a matrix product a block. The plastic synapses are stored apart, unit by unit,
and used trial by trial: two passes over them a trial.
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
        assert mask is not None  # otherwise another structure is the right one
        self.mask = mask
        self.synapses = np.nonzero(mask)  # units and inputs, by unit
        units, inputs = self.synapses
        self.inputs = inputs.astype(np.uint16)
        self.starts = np.searchsorted(units, np.arange(len(mask) + 1))
        self.unit_counts = np.zeros(len(mask), np.int64)
        self.transient = transient_parts(inputs.shape, layer.settings)

    def begin(self) -> None:
        self.plastic_weights = self.weights[self.synapses]
        self.weights[self.synapses] = 0

    def end(self) -> None:
        self.weights[self.synapses] = self.plastic_weights

    def run(self, block: Block) -> int:
        synapses = (self.starts, self.inputs, self.plastic_weights, self.transient)
        pre = block.x @ self.weights.T
        return run_block(block, pre, synapses, self.unit_counts, self.context)

    def counts(self) -> np.ndarray:
        return self.mask * self.unit_counts[:, None]


@compiled
def run_block(block, pre, synapses, unit_counts, context):
    """Run a block of T trials; return how many were run.

    pre (T, N): the frozen synapses' part of the pre-activations, completed here in place. The
    plastic synapses of unit j are starts[j] to starts[j + 1] of their inputs, weights and transient
    parts.
    """
    starts, all_inputs, all_weights, transient = synapses
    trial, out, codes, tally = context.trial, context.output, context.codes, context.tally
    labels, offset = block.labels, block.offset
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
        state = run_trial(a, labels[t], offset[t], trial, out, codes, tally)
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
