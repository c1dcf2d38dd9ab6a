"""Staircase: the synapses of the first layer compete by the size of their update, |delta_j x_i|.

Sort the inputs of a pattern by decreasing absolute value, u_0 >= u_1 >= ... with u = |x|. The
winners of hidden unit j have u_i |delta_j| >= threshold, so they are a *prefix* of this order. The
larger |delta_j|, the longer is the prefix. If the units are ordered by |delta_j|, their prefixes
form a staircase. (If the smallest updates win, the winners are the inputs after the prefix.) This
has three consequences.

- The threshold is found without computing all products: a single walk down the steps counts the
  winners for a threshold (`winners_of_product`).
- In equation (1) of `plasticity.engine`, the part of x_s . x_t that belongs to the winners of unit
  j is a prefix sum over the inputs in the order of x_s. Trial s computes these sums once, for all
  trials t, and each unit uses the row of its prefix (`run_block`).
- Equation (2) changes only the winners. This is done after the block, unit by unit, so that the
  weights, update counts and transient parts of a unit are loaded into the fastest cache only once
  per block (`change_block`).
"""

from typing import NamedTuple

import numpy as np

from plasticity.caching import cache_inputs
from plasticity.competition import (
    COUNT_HI,
    COUNT_LO,
    HI,
    LO,
    OCTAVE,
    largest_key,
    narrow,
    new_bracket,
    next_probe,
    number,
)
from plasticity.compilation import compiled
from plasticity.energy import HIDDEN, OUT
from plasticity.structures.base import FirstLayer, Structure
from plasticity.trial import DIVERGED, KEYS, PLASTIC, Block, eligible_units, run_trial

AT_ONCE = 64  # if at most this many products are within a bracket, all of them are compared


class Search(NamedTuple):
    """Workspace of `winners_of_product`."""

    units: np.ndarray  # (N,) units by decreasing size
    sizes: np.ndarray  # (P,) their sizes, with P plastic units
    prefixes: np.ndarray  # (N,) lengths of their prefixes
    scratch: np.ndarray  # (1,) for the conversion between floats and bits
    bits: np.ndarray  # (1,) `scratch` as an integer


class Changes(NamedTuple):
    """The changes of the first layer in a block of T trials.

    On trial t, the synapse of unit j from input order[t, i] changes by delta[j, t] signed[t, i].
    This holds for i < prefixes[j, t], or for i >= prefixes[j, t] if the smallest updates win.
    """

    order: np.ndarray  # (T, inputs) indices of inputs by decreasing |x|
    signed: np.ndarray  # (T, inputs) x in this order
    delta: np.ndarray  # (N, T)
    prefixes: np.ndarray  # (N, T)


class Synapses(NamedTuple):
    """The first layer's synapses, (N, inputs) each."""

    weights: np.ndarray
    counts: np.ndarray
    transient: np.ndarray  # empty without synaptic caching
    row_sums: np.ndarray  # (N,) sum of |s| of each unit


class Staircase(Structure):
    """Trains the first layer with a competition per layer by the size of the update."""

    def __init__(self, layer: FirstLayer):
        super().__init__(layer)
        (width, inputs), dtype = self.weights.shape, layer.settings.dtype
        counts = np.zeros((width, inputs), np.int32)
        self.synapses = Synapses(self.weights, counts, self.transient, np.zeros(width))
        self.guess = np.zeros(1, np.int64)  # typical threshold minus largest product, both as bits
        scratch: np.ndarray = np.empty(1, dtype)
        self.search = Search(
            units=np.empty(self.active, np.int32),
            sizes=np.empty(self.plastic, dtype),
            prefixes=np.empty(self.active, np.int32),
            scratch=scratch,
            bits=scratch.view(KEYS[dtype]),
        )
        self.signed: np.ndarray = np.empty((self.block_length, inputs), dtype)
        self.prefix_sums: np.ndarray = np.empty((inputs + 1, self.block_length), dtype)

    def run(self, block: Block) -> int:
        """Run the trials of a block; return the number of trials before divergence."""
        x, trials, active = block.x, len(block.x), self.active
        changes = Changes(
            order=np.take(self.layer.train_order, block.patterns, axis=0, mode="clip"),
            signed=self.signed[:trials],
            delta=np.zeros((active, trials), x.dtype),
            prefixes=np.zeros((active, trials), np.int16),
        )
        sums = np.ascontiguousarray(self.prefix_sums[:, :trials])
        pre = self.weights[:active] @ x.T
        columns = np.ascontiguousarray(x.T)
        done = run_block(block, columns, pre, changes, sums, self.guess, self.search, self.context)
        change_block(changes, self.synapses, done, self.context.codes, self.context.tally)
        return done

    def counts(self) -> np.ndarray:
        """Return the number of updates of each synapse, (N, inputs)."""
        return self.synapses.counts


@compiled
def run_block(block, columns, pre, changes, sums, guess, search, context):
    """Run a block of T trials; return the number of trials before divergence.

    The function stores the changes of the first layer in `changes`, where delta and prefixes must
    be 0 before. `pre` (N, T) are the pre-activations with the weights before the block; they are
    corrected in place. `columns` (inputs, T) is x transposed. On each trial s, `sums`
    (inputs + 1, T) is set to the sums of x_s x_t over each prefix, for all t. The change of unit j
    adds delta_j times the row of its prefix to the unit's pre-activations. (Earlier t are included,
    because operations on whole vectors are faster.)
    """
    trial, out, codes, tally = context.trial, context.output, context.codes, context.tally
    plastic, labels, offset, units = context.plastic, block.labels, block.offset, block.units
    gain = block.gain
    all_orders, all_signed, delta, all_prefixes = changes
    winners, prefixes = search.units, search.prefixes
    patterns = block.x
    trials, inputs = patterns.shape
    errors, a = np.empty_like(trial.d), np.empty_like(trial.d)
    sizes, keys = trial.values[:plastic], trial.keys[:plastic]
    u = np.empty_like(all_signed[0])
    size_sums = np.empty(inputs + 1)
    for t in range(trials):
        for j in range(a.size):
            a[j] = pre[j, t]
        state = run_trial(a, labels[t], offset[t], gain[t], trial, out, codes, tally)
        if state == DIVERGED:
            return t
        n = 0
        if state == PLASTIC:
            n = eligible_units(t, units, plastic, trial, codes, errors)
        if n > 0:
            x, order, signed = patterns[t], all_orders[t], all_signed[t]
            for i in range(inputs):
                signed[i] = x[order[i]]
                u[i] = abs(signed[i])
            for j in range(plastic):
                sizes[j] = abs(errors[j])
            if units.shape[0] > 0:
                for j in range(plastic):
                    if not units[t, j]:
                        sizes[j] = -1
            k = number(codes.fraction, codes.winners, n * inputs)
            winning, threshold = winners_of_product(
                u, sizes, keys, n, k, guess[0], codes.largest, search
            )
            guess[0] += (threshold - guess[0]) // 4  # a running average
            longest = inputs
            if codes.largest:
                longest = prefixes[0] if winning > 0 else 0
            add_prefix_sums(columns, order, signed, longest, sums, size_sums)
            for r in range(winning):
                j, prefix = winners[r], prefixes[r]
                g = errors[j]
                first, stop = (0, prefix) if codes.largest else (prefix, inputs)
                if g == 0 or first == stop:
                    continue
                delta[j, t], all_prefixes[j, t] = g, prefix
                tally.M0[HIDDEN] += stop - first
                tally.M1[HIDDEN] += abs(g) * (size_sums[stop] - size_sums[first])
                row, lower, upper = pre[j], sums[first], sums[stop]
                for other in range(trials):
                    row[other] += g * (upper[other] - lower[other])
        tally.maintenance[OUT] += tally.transient[OUT]
    return trials


@compiled
def add_prefix_sums(columns, order, signed, longest, sums, size_sums):
    """Compute the prefix sums over the first `longest` inputs in the given order.

    Row i of `sums` (inputs + 1, T) becomes the sum of signed x columns, for each trial, over the
    first i inputs. Element i of `size_sums` (inputs + 1,) becomes the sum of |signed| over them.
    """
    sums[0] = 0
    size_sums[0] = 0
    for i in range(longest):
        factor, column = signed[i], columns[order[i]]
        before, after = sums[i], sums[i + 1]
        for t in range(column.size):
            after[t] = before[t] + factor * column[t]
        size_sums[i + 1] = size_sums[i] + abs(factor)


@compiled
def change_block(changes, synapses, trials, codes, tally):
    """Apply the changes that `run_block` stored for the first `trials` trials of its block."""
    order, signed, delta, prefixes = changes
    all_weights, all_counts, transient, row_sums = synapses
    for j in range(delta.shape[0]):
        weights, counts = all_weights[j], all_counts[j]
        for t in range(trials):
            g, prefix = delta[j, t], prefixes[j, t]
            if g != 0:
                first, stop = (0, prefix) if codes.largest else (prefix, weights.size)
                for n in range(first, stop):
                    i = order[t, n]
                    weights[i] += g * signed[t, n]
                    counts[i] += 1
                if transient.size > 0:
                    x, inputs = signed[t, first:stop], order[t, first:stop]
                    growth = cache_inputs(x, inputs, g, transient[j], codes.threshold, tally)
                    row_sums[j] += growth
            if transient.size > 0:
                tally.maintenance[HIDDEN] += row_sums[j]


@compiled
def winners_of_product(u, v, keys, n, k, guess, largest, search):
    """Find the k largest of all products u_i v_j, as prefixes of u.

    u (inputs,) is non-negative and decreasing. v (units,) has any order, and `keys` are its bits.
    n units take part; v is negative for the others. search.prefixes[:m] is set to the lengths of
    the winning prefixes of the units search.units[:m]. All other units have no winners. If
    `largest` is false, the k smallest products win: m is n, and the winners are the products
    *after* the prefixes.

    Returns m, and the bits of the threshold minus those of the largest product. `guess` is an
    estimate of this difference, which does not change the winners.
    """
    units, all_sizes, prefixes, scratch, bits = search
    inputs = u.size
    highest = as_bits(as_float(largest_key(keys), scratch, bits) * u[0], scratch, bits)
    guess += highest
    bracket = new_bracket(highest, keys.itemsize)
    target = k if largest else inputs * n - k
    floor = max(guess - bracket[OCTAVE] // 2, 0) if largest else 0
    while True:
        lowest = as_float(floor, scratch, bits)
        least = lowest / u[0] * v.dtype.type(0.999)  # slightly too small: more units do no harm
        m = units_in_order(v, keys, as_bits(least, scratch, bits), units, all_sizes)
        sizes = all_sizes[:m]
        count = walk(u, sizes, lowest, prefixes, inputs)
        if count >= target or floor == 0:
            break
        bracket[HI], bracket[COUNT_HI] = floor, count
        floor = max(floor - 2 * bracket[OCTAVE], 0)
    bracket[LO], bracket[COUNT_LO] = floor, count
    longest = prefixes[0] if m > 0 else 0  # no prefix of a higher threshold is longer
    probe = floor
    while count != target and bracket[HI] - bracket[LO] > 1:
        if bracket[COUNT_HI] >= 0 and bracket[COUNT_LO] - bracket[COUNT_HI] <= AT_ONCE:
            rank = target - bracket[COUNT_HI] + (not largest)
            lower = as_float(bracket[LO], scratch, bits)
            upper = as_float(bracket[HI], scratch, bits)
            nth = as_bits(nth_between(u, sizes, lower, upper, rank, longest), scratch, bits)
            bracket[LO], bracket[HI] = nth, nth + 1
            break
        probe = next_probe(bracket, guess, target)
        count = walk(u, sizes, as_float(probe, scratch, bits), prefixes, longest)
        if count != target:
            narrow(bracket, probe, count, target)
    if count != target:
        # Products that equal the threshold all win, as the largest or as the smallest.
        probe = bracket[LO] if largest else bracket[HI]
        walk(u, sizes, as_float(probe, scratch, bits), prefixes, longest)
    return m, probe - highest


@compiled
def as_float(key, scratch, bits):
    """Return the float with the bits `key`; `scratch` and `bits` are those of `Search`."""
    bits[0] = key
    return scratch[0]


@compiled
def as_bits(value, scratch, bits):
    """Return the bits of a float as an integer."""
    scratch[0] = value
    return np.int64(bits[0])


@compiled
def walk(u, sizes, threshold, prefixes, longest):
    """Compute the length of the prefix of u with u_i sizes_j >= threshold for each unit j.

    u and sizes must be decreasing, and no prefix is longer than `longest`. Returns the sum of the
    lengths.
    """
    length, total = longest, 0
    for r in range(sizes.size):
        while length > 0 and u[length - 1] * sizes[r] < threshold:
            length -= 1
        prefixes[r] = length
        total += length
    return total


@compiled
def nth_between(u, sizes, lower, upper, rank, longest):
    """Return the rank-th largest, from 1, of the products with lower <= u_i sizes_j < upper.

    There must be at most AT_ONCE such products.
    """
    products = np.empty(AT_ONCE, u.dtype)
    count, first = 0, longest
    for size in sizes:
        while first > 0 and u[first - 1] * size < upper:
            first -= 1
        i = first
        while i < longest and u[i] * size >= lower:
            products[count] = u[i] * size
            count += 1
            i += 1
    for c in range(count):  # faster than sorting for so few products
        above, equal = 0, 0
        for i in range(count):
            above += products[i] > products[c]
            equal += products[i] == products[c]
        if above < rank <= above + equal:
            break
    return products[c]


@compiled
def units_in_order(v, keys, floor, units, sizes):
    """Write the units with keys >= floor to `units`, by decreasing v, and their v to `sizes`.

    `keys` are the bits of v. Returns the number of these units. The algorithm is a counting sort by
    the leading bits of the keys, followed by an insertion sort. For the few hundred units that are
    typical, it is faster than sorting by comparisons.
    """
    m = 0
    for j in range(keys.size):  # without a branch, which the processor could not predict
        units[m] = j
        m += keys[j] >= floor
    chosen = units[:m].copy()
    highest = floor
    for j in chosen:
        highest = max(highest, keys[j])
    shift = 0
    while (highest - floor) >> shift > 4 * m:
        shift += 1
    starts = np.zeros(((highest - floor) >> shift) + 2, np.int32)
    for j in chosen:
        starts[((highest - keys[j]) >> shift) + 1] += 1
    for b in range(1, starts.size):
        starts[b] += starts[b - 1]
    for j in chosen:
        b = (highest - keys[j]) >> shift
        units[starts[b]] = j
        sizes[starts[b]] = v[j]
        starts[b] += 1
    for r in range(1, m):
        unit, size, rank = units[r], sizes[r], r
        while rank > 0 and sizes[rank - 1] < size:
            units[rank], sizes[rank] = units[rank - 1], sizes[rank - 1]
            rank -= 1
        units[rank], sizes[rank] = unit, size
    return m
