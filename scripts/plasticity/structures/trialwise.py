"""Trialwise: any rule, literally but compiled, trial by trial over the whole weight array.

For rules without a structure that (1) and (2) of `plasticity.engine` could use. Competition by |w|
needs all present weights on each trial; its threshold hardly moves between trials, so that finding
it again takes a few passes over the layer. A random mask with a competition on top has no common
order of inputs, and the decay of synaptic caching alters every weight on every trial.
"""

from typing import NamedTuple

import numpy as np

from plasticity.caching import cache_change, decay
from plasticity.competition import kth_largest, number
from plasticity.compilation import compiled
from plasticity.energy import HIDDEN, OUT
from plasticity.structures.base import FirstLayer, Structure
from plasticity.trial import (
    DIVERGED,
    KEYS,
    PER_LAYER,
    PER_NEURON,
    PLASTIC,
    Block,
    as_flags,
    eligible_units,
    run_trial,
    set_keys,
)


class Synapses(NamedTuple):
    """The first layer's synapses, (N, inputs) each."""

    weights: np.ndarray
    counts: np.ndarray
    transient: np.ndarray  # empty without synaptic caching
    eligible: np.ndarray  # which may change; empty for all
    n_eligible: np.ndarray  # (N,) their number by unit
    values: np.ndarray  # work space, and its view as integers
    keys: np.ndarray
    guess: np.ndarray  # (1,) the last threshold of the layer, in bits


class Trialwise(Structure):
    """Trains by any rule."""

    def __init__(self, layer: FirstLayer):
        super().__init__(layer)
        mask = layer.eligibility.hidden
        width, inputs = self.weights.shape
        self.synapse_counts = np.zeros((width, inputs), np.int32)
        dtype, active = layer.settings.dtype, slice(self.active)
        values: np.ndarray = np.empty((width, inputs), dtype)
        self.synapses = Synapses(
            weights=self.weights[active],
            counts=self.synapse_counts[active],
            transient=self.transient[active],
            eligible=as_flags(mask),
            n_eligible=np.full(width, inputs) if mask is None else mask.sum(axis=1),
            values=values,
            keys=values.view(KEYS[dtype]),
            guess=np.zeros(1, np.int64),
        )

    def run(self, block: Block) -> int:
        return run_block(block, self.synapses, self.context)

    def counts(self) -> np.ndarray:
        return self.synapse_counts


@compiled
def run_block(block, synapses, context):
    """Run a block of trials, a few passes over the layer each; return how many were run."""
    trial, out, codes, tally = context.trial, context.output, context.codes, context.tally
    weights, transient, plastic = synapses.weights, synapses.transient, context.plastic
    counts, keys, n_eligible = synapses.counts, synapses.keys, synapses.n_eligible
    labels, offset, units = block.labels, block.offset, block.units
    trials, inputs = block.x.shape
    a = np.empty_like(trial.d)
    delta = np.zeros_like(trial.d)
    for t in range(trials):
        x = block.x[t]
        if codes.decay > 0:
            rate = a.dtype.type(codes.decay)
            tally.transient[HIDDEN] = decay(weights, transient, rate)
            tally.transient[OUT] = decay(out.weights, out.transient, rate)
        for j in range(a.size):
            total = a.dtype.type(0)
            for i in range(inputs):
                total += weights[j, i] * x[i]
            a[j] = total
        state = run_trial(a, labels[t], offset[t], trial, out, codes, tally)
        if state == DIVERGED:
            return t
        if state == PLASTIC:
            eligible_units(t, units, plastic, trial, codes, delta)
            threshold = compete(t, units, x, delta[:plastic], synapses, codes)
            for j in range(plastic):
                g = delta[j]
                if g == 0:
                    continue
                if codes.select == PER_NEURON and n_eligible[j] > 0:
                    threshold = kth_largest(keys[j], number(codes.fraction, n_eligible[j]), 0)
                size, changed = 0.0, 0
                for i in range(inputs):
                    change = g * x[i]
                    if change == 0 or keys[j, i] < threshold:
                        continue
                    weights[j, i] += change
                    counts[j, i] += 1
                    changed += 1
                    size += abs(change)
                    if transient.size > 0:
                        tally.transient[HIDDEN] += cache_change(
                            transient[j], i, change, codes.threshold, HIDDEN, tally
                        )
                tally.M0[HIDDEN] += changed
                tally.M1[HIDDEN] += size
        tally.maintenance[:] += tally.transient
    return trials


@compiled
def compete(t, units, x, delta, synapses, codes):
    """Set the keys of the plastic units' synapses; return the threshold of a competition per layer,
    0 without."""
    keys, guess, n_eligible = synapses.keys, synapses.guess, synapses.n_eligible
    k = 0
    for j in range(delta.size):
        if units.shape[0] > 0 and not units[t, j]:
            keys[j] = -1
            continue
        k += n_eligible[j]
        set_keys(synapses, j, delta[j], x, codes)
    if codes.competes and codes.select == PER_LAYER and k > 0:
        guess[0] = kth_largest(keys[: delta.size].ravel(), number(codes.fraction, k), guess[0])
        return guess[0]
    return np.int64(0)
