"""Synaptic caching in compiled code: transient parts of synapses and their consolidation.

A change of a synapse is added to its transient part s. If |s| then exceeds the threshold, s is
consolidated: |s| is added to the energy, and s becomes 0. The functions differ in how the changes
of a unit's synapses are stored. They report how the sum of |s| changed, because the energy of
maintenance is proportional to this sum (Li and van Rossum, eLife 9:e50804, 2020).
"""

import numpy as np

from plasticity.compilation import compiled
from plasticity.energy import HIDDEN
from plasticity.settings import Settings


def transient_parts(shape: tuple[int, ...], settings: Settings) -> np.ndarray:
    """Return transient parts of synapses, all zero; an empty array without synaptic caching.

    Both have the same number of dimensions.
    """
    cached = settings.caching_threshold is not None
    return np.zeros(shape if cached else (0,) * len(shape), settings.dtype)


@compiled
def cache_change(transient, i, change, threshold, layer, tally):
    """Add a change to the transient part of synapse i.

    Returns the increase of |s_i|, which is negative if |s_i| became smaller.
    """
    before = transient[i]
    after = before + change
    if abs(after) > threshold:
        tally.M0_consolidation[layer] += 1
        tally.M1_consolidation[layer] += abs(after)
        after *= 0
    transient[i] = after
    return np.float64(abs(after)) - np.float64(abs(before))


@compiled
def cache_changes(changes, transient, layer, threshold, tally):
    """Add changes (n,) to the transient parts (n,) of synapses in a layer."""
    for i in range(changes.size):
        if changes[i] != 0:
            growth = cache_change(transient, i, changes[i], threshold, layer, tally)
            tally.transient[layer] += growth


@compiled
def cache_unit(x, g, transient, threshold, tally):
    """Add the changes g x_i to the transient parts of all inputs of a hidden unit.

    Returns the new sum of |s| over these inputs. A change of 0 needs no special treatment: the
    transient part stays the same, and below the threshold.
    """
    zero = transient.dtype.type(0)
    full, moved, total = 0, 0.0, 0.0
    for i in range(transient.size):
        after = transient[i] + g * x[i]
        passes = abs(after) > threshold
        full += passes
        moved += abs(after) if passes else zero
        total += zero if passes else abs(after)
        transient[i] = zero if passes else after
    tally.M0_consolidation[HIDDEN] += full
    tally.M1_consolidation[HIDDEN] += moved
    return total


@compiled
def cache_inputs(x, inputs, g, transient, threshold, tally):
    """Add the changes g x (n,) to the transient parts of some inputs of a hidden unit.

    `inputs` (n,) are the indices of these inputs. Returns the increase of the sum of |s|.
    """
    zero = transient.dtype.type(0)
    full, moved, growth = 0, 0.0, 0.0
    for n in range(inputs.size):
        before = transient[inputs[n]]
        after = before + g * x[n]
        passes = abs(after) > threshold
        full += passes
        moved += abs(after) if passes else zero
        after = zero if passes else after
        growth += np.float64(abs(after)) - np.float64(abs(before))
        transient[inputs[n]] = after
    tally.M0_consolidation[HIDDEN] += full
    tally.M1_consolidation[HIDDEN] += moved
    return growth


@compiled
def decay(weights, transient, rate):
    """Let the transient parts of a layer decay, and its weights with them.

    Each transient part s and its weight decrease by `rate` x s. Returns the new sum of |s|.
    """
    total = 0.0
    for j in range(weights.shape[0]):
        for i in range(weights.shape[1]):
            loss = rate * transient[j, i]
            transient[j, i] -= loss
            weights[j, i] -= loss
            total += abs(transient[j, i])
    return total
