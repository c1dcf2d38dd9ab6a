"""Trialwise: any rule, trial by trial over the whole weight array, in compiled code.

This is for rules that cannot use (1) and (2) of `plasticity.engine`. Competition by |w| needs all
current weights on each trial. Its threshold changes little between trials, so a few passes over the
layer find the new one. With a random mask and a competition, the inputs of hidden units have no
common order. With decay in synaptic caching, all weights change on each trial.
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
    eligible: np.ndarray  # mask of the synapses that may change; empty if all may change
    n_eligible: np.ndarray  # (N,) number of eligible synapses of each unit
    values: np.ndarray  # workspace
    keys: np.ndarray  # `values` as integers
    guess: np.ndarray  # (1,) last threshold of the layer, as bits


class Trialwise(Structure):
    """Trains the first layer under any rule."""

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
        """Run the trials of a block; return the number of trials before divergence."""
        return run_block(block, self.synapses, self.context)

    def counts(self) -> np.ndarray:
        """Return the number of updates of each synapse, (N, inputs)."""
        return self.synapse_counts


@compiled
def run_block(block, synapses, context):
    """Run a block of trials; return the number of trials before divergence.

    Each trial takes a few passes over the layer.
    """
    trial, out, codes, tally = context.trial, context.output, context.codes, context.tally
    weights, transient, plastic = synapses.weights, synapses.transient, context.plastic
    counts, keys, n_eligible = synapses.counts, synapses.keys, synapses.n_eligible
    labels, offset, units, gain = block.labels, block.offset, block.units, block.gain
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
        state = run_trial(a, labels[t], offset[t], gain[t], trial, out, codes, tally)
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
                    threshold = kth_largest(
                        keys[j], number(codes.fraction, codes.winners, n_eligible[j]), 0
                    )
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
    """Set the keys of the synapses of plastic units.

    Returns the threshold of a competition per layer, as bits; 0 if there is none.
    """
    keys, guess, n_eligible = synapses.keys, synapses.guess, synapses.n_eligible
    k = 0
    for j in range(delta.size):
        if units.shape[0] > 0 and not units[t, j]:
            keys[j] = -1
            continue
        k += n_eligible[j]
        set_keys(synapses, j, delta[j], x, codes)
    if codes.competes and codes.select == PER_LAYER and k > 0:
        guess[0] = kth_largest(
            keys[: delta.size].ravel(), number(codes.fraction, codes.winners, k), guess[0]
        )
        return guess[0]
    return np.int64(0)
