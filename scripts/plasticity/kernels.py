"""The compiled loops inside a block of trials: what has to be done trial by trial.

`learn_output` is one trial's forward pass from the hidden units on, its gate, the back-propagation
and the whole of the output layer's learning. Around it stand four loops, one for each structure
that a rule can give to the first layer's change; `plasticity.engine` says which is used when, and
derives them.

Names: t, s are trials of the block (s < t), j hidden units, i inputs, o outputs. delta (t, j) is
learning rate times back-propagated error, zero where a unit may not learn: the change of synapse
(j, i) is delta_j x_i.
"""

from typing import NamedTuple

import numpy as np

from plasticity.competition import kth_largest, largest_key, number, winners_of_product
from plasticity.compilation import compiled
from plasticity.network import LEAK

LEAKY_RELU, RELU, ELU, LOGISTIC = range(4)
MSE, CROSS_ENTROPY = range(2)
ALWAYS, ERROR, MARGIN = range(3)
ALL, PER_LAYER, PER_NEURON = range(3)
UPDATE, WEIGHT = range(2)  # what a competition among synapses compares
NO_UNITS, BY_ERROR, BY_ACTIVITY = range(3)  # what a competition among hidden units compares
HIDDEN, OUT = range(2)

CACHED_UNITS = 2048  # units whose sums are made together: they stay in the nearest cache


class Codes(NamedTuple):
    """The rule and the model as numbers."""

    rate: float  # learning rates: of the hidden units' inputs,
    rate_out: float  # and of the output layer
    activation: int
    loss: int
    gate: int
    margin: float
    competes: bool  # synapses do, not hidden units
    select: int
    criterion: int
    largest: bool
    fraction: float
    fraction_out: float
    unit_criterion: int
    threshold: float  # of synaptic caching; infinite without
    decay: float


class Tally(NamedTuple):
    """Totals that the loops add to; by layer (2,), but `trials` is (updated, correct)."""

    M0: np.ndarray
    M1: np.ndarray
    M0_consolidation: np.ndarray
    M1_consolidation: np.ndarray
    maintenance: np.ndarray
    transient: np.ndarray  # sum of |s| now
    trials: np.ndarray


class Output(NamedTuple):
    """The output layer, (10, N + 1) each; `eligible` and `transient` are empty where not needed.

    A synapse's update count is counts[o, j] + row_counts[j]: most trials change all outputs of a
    unit.
    """

    weights: np.ndarray
    eligible: np.ndarray
    n_eligible: np.ndarray  # (10,) by output unit
    counts: np.ndarray
    row_counts: np.ndarray  # (N + 1,)
    transient: np.ndarray
    values: np.ndarray  # work space, and its view as integers
    keys: np.ndarray
    changes: np.ndarray  # (N + 1,) work space
    guess: np.ndarray  # (1,) last threshold relative to the largest value, in bits


class Trial(NamedTuple):
    """Work space of one trial."""

    h: np.ndarray  # (N + 1,) activity, the constant unit last
    d: np.ndarray  # (N,) back-propagated error
    y: np.ndarray  # (10,)
    e: np.ndarray  # (10,)
    values: np.ndarray  # (N,) and its view as integers
    keys: np.ndarray
    number: np.ndarray  # (1,) and its view as integer
    bits: np.ndarray


@compiled
def hidden_activity(a, activation, h, slope):
    """h = f(a) and slope = f'(a) for pre-activations a (N,)."""
    one = a.dtype.type(1)
    zero = a.dtype.type(0)
    leak = a.dtype.type(LEAK)
    if activation == LEAKY_RELU:
        for j in range(a.size):
            slope[j] = one if a[j] > zero else leak
            h[j] = a[j] * slope[j]
    elif activation == RELU:
        for j in range(a.size):
            slope[j] = one if a[j] > zero else zero
            h[j] = a[j] if a[j] > zero else zero
    elif activation == ELU:
        for j in range(a.size):
            slope[j] = one if a[j] > zero else np.exp(a[j])
            h[j] = a[j] if a[j] > zero else np.expm1(a[j])
    else:
        for j in range(a.size):
            h[j] = one / (one + np.exp(-a[j]))
            slope[j] = h[j] * (one - h[j])


@compiled
def output_error(y, label, loss, e):
    """Minus the derivative of the loss with respect to the outputs."""
    if loss == CROSS_ENTROPY:
        highest = y.max()
        total = y.dtype.type(0)
        for o in range(y.size):
            e[o] = np.exp(y[o] - highest)
        # On its own: a loop that also writes is made in two versions, which add in another order,
        # and how far e lies from y in memory decides between them.
        for o in range(y.size):
            total += e[o]
        for o in range(y.size):
            e[o] = -e[o] / total
    else:
        for o in range(y.size):
            e[o] = -y[o]
    e[label] += y.dtype.type(1)


@compiled
def gate_open(y, label, gate, margin):
    """Whether the pattern leads to plasticity; see reference.gate_open."""
    if gate == ALWAYS:
        return True
    if gate == ERROR:
        return np.argmax(y) != label
    rival = -np.inf
    for o in range(y.size):
        if o != label:
            rival = max(rival, y[o])
    return y[label] - rival < margin


@compiled
def infinite_bits(keys):
    """Bits of infinity in the type of the keys: above those of every finite value."""
    return np.int64(0x7F800000) if keys.itemsize == 4 else np.int64(0x7FF0000000000000)


@compiled
def to_keys(keys, largest):
    """Turn bits of non-negative values into keys of which the largest win, in place."""
    if not largest:
        infinity = infinite_bits(keys)
        for i in range(keys.size):
            keys[i] = infinity - keys[i]


@compiled
def cache(transient, i, change, threshold, layer, tally):
    """Add a change to the transient part of synapse i; consolidate that if it passes the threshold.

    Returns by how much |s_i| has grown.
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
def learn_all_outputs(h, e, rate, out, tally):
    """Change every output synapse: dw_oj = (rate e_o) h_j."""
    errors, activity, active = 0, 0.0, 0
    for o in range(e.size):
        errors += e[o] != 0
    whole = errors == e.size
    for j in range(h.size):
        activity += abs(h[j])
        active += h[j] != 0
    size = 0.0
    for o in range(e.size):
        g = rate * e[o]
        size += abs(g)
        for j in range(h.size):
            out.weights[o, j] += g * h[j]
        if not whole and g != 0:
            for j in range(h.size):
                out.counts[o, j] += h[j] != 0
    if whole:
        for j in range(h.size):
            out.row_counts[j] += h[j] != 0
    tally.M0[OUT] += errors * active
    tally.M1[OUT] += size * activity


@compiled
def learn_chosen_outputs(h, e, rate, out, codes, tally):
    """Change the output synapses that are eligible and win, and keep their transient parts."""
    outputs, inputs = out.weights.shape
    restricted = out.eligible.size > 0
    competes = codes.competes
    threshold = out.keys[:1, 0].copy()  # in the keys' own type, for speed
    threshold[0] = 0
    if competes:
        for o in range(outputs):
            values, g = out.values[o], rate * e[o]
            for j in range(inputs):
                values[j] = abs(g * h[j] if codes.criterion == UPDATE else out.weights[o, j])
            to_keys(out.keys[o], codes.largest)
    else:
        out.keys[:] = 0
    if restricted:
        for o in range(outputs):
            for j in range(inputs):
                out.keys[o, j] = out.keys[o, j] if out.eligible[o, j] else -1
    if competes and codes.select == PER_LAYER:
        highest = np.int64(largest_key(out.keys.ravel()))
        k = number(codes.fraction_out, out.n_eligible.sum())
        threshold[0] = kth_largest(out.keys.ravel(), k, highest + out.guess[0])
        out.guess[0] = threshold[0] - highest
    for o in range(outputs):
        keys, weights, counts, changes = out.keys[o], out.weights[o], out.counts[o], out.changes
        g = rate * e[o]
        if competes and codes.select == PER_NEURON:
            k = number(codes.fraction_out, out.n_eligible[o])
            threshold[0] = kth_largest(keys, k, out.guess[0]) if k > 0 else infinite_bits(keys)
            out.guess[0] = threshold[0]
        last, size = threshold[0], 0.0
        for j in range(inputs):
            change = g * h[j] if keys[j] >= last else h.dtype.type(0)
            changes[j] = change
            weights[j] += change
            size += abs(change)
        tally.M1[OUT] += size
        changed = 0
        for j in range(inputs):
            counts[j] += changes[j] != 0
            changed += changes[j] != 0
        tally.M0[OUT] += changed
        if out.transient.size > 0:
            cache_changes(changes, out.transient[o], OUT, codes, tally)


@compiled
def cache_changes(changes, transient, layer, codes, tally):
    """Add changes to the transient parts of some synapses, and consolidate those that are full."""
    for i in range(changes.size):
        if changes[i] != 0:
            growth = cache(transient, i, changes[i], codes.threshold, layer, tally)
            tally.transient[layer] += growth


@compiled
def learn_output(a, label, offset, trial, out, codes, tally):
    """One trial from the pre-activations a (N,) on, except the first layer's change.

    `offset` (10,) is what frozen parts of the network add to the outputs. Leaves the hidden units'
    errors in trial.d and the activities in trial.h. Returns 1 if the trial is plastic, 0 if its
    gate is closed, and -1, with nothing changed, if the outputs are not finite.
    """
    h, d, y, e = trial.h, trial.d, trial.y, trial.e
    width = a.size
    hidden_activity(a, codes.activation, h[:width], d)
    h[width] = 1
    for o in range(y.size):
        total = offset[o]
        for j in range(width + 1):
            total += out.weights[o, j] * h[j]
        y[o] = total
        if not abs(total) < np.inf:  # compiled in this loop, np.isfinite has let nan pass
            return -1
    tally.trials[1] += np.argmax(y) == label
    if not gate_open(y, label, codes.gate, codes.margin):
        return 0
    tally.trials[0] += 1
    output_error(y, label, codes.loss, e)
    back = trial.values
    back[:] = 0
    for o in range(y.size):
        for j in range(width):
            back[j] += out.weights[o, j] * e[o]
    for j in range(width):
        d[j] *= back[j]
    rate = h.dtype.type(codes.rate_out)
    if not codes.competes and out.eligible.size == 0 and out.transient.size == 0:
        learn_all_outputs(h, e, rate, out, tally)
    else:
        learn_chosen_outputs(h, e, rate, out, codes, tally)
    return 1


@compiled
def eligible_units(t, plastic, units, trial, codes, delta):
    """delta[:plastic] = rate x error for the hidden units that may learn on trial t, 0 for the
    others.

    `units` (T, N) marks the trial's eligible units; with no rows, the first `plastic` are eligible.
    With a competition among hidden units its losers are set to 0 as well. Returns the number of
    eligible units.
    """
    rate = trial.h.dtype.type(codes.rate)
    restricted = units.shape[0] > 0
    eligible = plastic
    for j in range(plastic):
        delta[j] = rate * trial.d[j]
    if restricted:
        eligible = 0
        for j in range(plastic):
            eligible += units[t, j]
            delta[j] *= units[t, j]
    if codes.unit_criterion != NO_UNITS and eligible > 0:
        for j in range(plastic):
            trial.values[j] = abs(delta[j] if codes.unit_criterion == BY_ERROR else trial.h[j])
        if restricted:
            for j in range(plastic):
                if not units[t, j]:
                    trial.keys[j] = -1
        threshold = kth_largest(trial.keys[:plastic], number(codes.fraction, eligible), 0)
        for j in range(plastic):
            if trial.keys[j] < threshold:
                delta[j] = 0
    return eligible


@compiled
def add_changes(gram, delta, a):
    """a (j) += sum_s gram[s] delta[s, j], four trials at a time to spare loads and stores of a."""
    trials, units = delta.shape
    whole = trials - trials % 4
    for s in range(0, whole, 4):
        g0, g1, g2, g3 = gram[s], gram[s + 1], gram[s + 2], gram[s + 3]
        d0, d1, d2, d3 = delta[s], delta[s + 1], delta[s + 2], delta[s + 3]
        for j in range(units):
            a[j] += g0 * d0[j] + g1 * d1[j] + g2 * d2[j] + g3 * d3[j]
    for s in range(whole, trials):
        g, d = gram[s], delta[s]
        for j in range(units):
            a[j] += g * d[j]


@compiled
def run_outer(
    pre,
    gram,
    changing,
    labels,
    offset,
    units,
    delta,
    unit_counts,
    trial,
    out,
    codes,
    tally,
):
    """Trials whose first-layer change is an outer product delta_t x_t: T trials, the first `P`
    units plastic.

    pre (T, N): pre-activations under the weights at the start of these trials, corrected here in
    place by sum_s<t gram[t, s] delta[s]; changing (T, inputs): x_t, but 0 for the inputs that are
    not plastic on that trial; gram (T, T): x_t . changing_s; delta (T, P): filled. Returns the
    number of trials made.
    """
    trials, plastic = delta.shape
    for t in range(trials):
        a = pre[t]
        for first in range(0, plastic, CACHED_UNITS):
            add_changes(
                gram[t], delta[:t, first : first + CACHED_UNITS], a[first : first + CACHED_UNITS]
            )
        state = learn_output(a, labels[t], offset[t], trial, out, codes, tally)
        if state < 0:
            delta[t:] = 0
            return t
        now = delta[t]
        if state == 0:
            now[:] = 0
        elif plastic > 0:
            eligible_units(t, plastic, units, trial, codes, now)
            total, changed = 0.0, 0
            for j in range(plastic):
                total += abs(now[j])
                changed += now[j] != 0
            for j in range(plastic):
                unit_counts[j] += now[j] != 0
            size, inputs = 0.0, 0
            for value in changing[t]:
                size += abs(value)
                inputs += value != 0
            tally.M0[HIDDEN] += changed * inputs
            tally.M1[HIDDEN] += total * size
        tally.maintenance[OUT] += tally.transient[OUT]
    return trials


@compiled
def replay_caching(x, delta, transient, row_sums, codes, tally):
    """Caching's books for the trials of `run_outer`: x (T, inputs), delta (T, P), transient (P,
    inputs).

    Without decay caching does not alter learning, so it can follow after the block, unit by unit.
    row_sums (P,) are the units' sums of |s|: a unit that does not change is charged its sum again
    and left alone.
    """
    for j in range(delta.shape[1]):
        for t in range(delta.shape[0]):
            if delta[t, j] != 0:
                row_sums[j] = cache_all(x[t], delta[t, j], transient[j], codes.threshold, tally)
            tally.maintenance[HIDDEN] += row_sums[j]


@compiled
def cache_all(x, g, transient, threshold, tally):
    """As `cache`, for the changes g x_i of all inputs of a hidden unit at once; returns the new sum
    of |s|.

    A change of 0 leaves its synapse below the threshold, as it was.
    """
    zero = transient.dtype.type(0)
    full, moved, kept = 0, 0.0, 0.0
    for i in range(transient.size):
        after = transient[i] + g * x[i]
        passes = abs(after) > threshold
        full += passes
        moved += abs(after) if passes else zero
        kept += zero if passes else abs(after)
        transient[i] = zero if passes else after
    tally.M0_consolidation[HIDDEN] += full
    tally.M1_consolidation[HIDDEN] += moved
    return kept


@compiled
def cache_some(x, places, g, transient, threshold, tally):
    """As `cache`, for the changes g x of a hidden unit's synapses at some places; returns by how
    much the sum of |s| has grown."""
    zero = transient.dtype.type(0)
    full, moved, growth = 0, 0.0, 0.0
    for p in range(places.size):
        before = transient[places[p]]
        after = before + g * x[p]
        passes = abs(after) > threshold
        full += passes
        moved += abs(after) if passes else zero
        after = zero if passes else after
        growth += np.float64(abs(after)) - np.float64(abs(before))
        transient[places[p]] = after
    tally.M0_consolidation[HIDDEN] += full
    tally.M1_consolidation[HIDDEN] += moved
    return growth


@compiled
def run_staircase(
    pre,
    x,
    columns,
    order,
    signed,
    labels,
    offset,
    units,
    plastic,
    delta,
    prefixes,
    ranks,
    sums,
    prefix_sums,
    guess,
    trial,
    out,
    codes,
    tally,
):
    """Trials in which the first layer's synapses compete by |delta_j x_i|: the winners of unit j
    are its largest (smallest) inputs, so a prefix (suffix) of the inputs in order of size.

    pre (N, T): pre-activations under the weights at the start, corrected in place; x (T, inputs),
    and transposed as columns (inputs, T); order (T, inputs): inputs by falling |x|. signed (T,
    inputs) is filled: x in that order; so are delta (N, T) and prefixes (N, T), zero at first: unit
    j's change on trial t and the length of its prefix. sums (T, inputs + 1) gets sums of |x| up to
    each rank, and prefix_sums (inputs + 1, T), for the present trial s, those of x_s x_t for all t
    at once: what the change of unit j adds to its later pre-activations is delta_j times the row
    that belongs to its prefix. (For all t, the past ones too: whole vectors are faster than the
    right half.) Returns the number of trials made.
    """
    trials, inputs = x.shape
    rows, lengths = ranks
    scratch, bits = trial.number, trial.bits
    errors, a = np.empty_like(trial.d), np.empty_like(trial.d)
    sizes, keys = trial.values[:plastic], trial.keys[:plastic]
    ordered = np.empty_like(sizes)
    u = np.empty_like(signed[0])
    for t in range(trials):
        for j in range(a.size):
            a[j] = pre[j, t]
        state = learn_output(a, labels[t], offset[t], trial, out, codes, tally)
        if state < 0:
            return t
        n = 0
        if state == 1:
            n = eligible_units(t, plastic, units, trial, codes, errors)
        if n > 0:
            for rank in range(inputs):
                signed[t, rank] = x[t, order[t, rank]]
                u[rank] = abs(signed[t, rank])
            for j in range(plastic):
                sizes[j] = abs(errors[j])
            if units.shape[0] > 0:
                for j in range(plastic):
                    if not units[t, j]:
                        sizes[j] = -1
            bits[0] = largest_key(keys)
            scratch[0] *= u[0]
            top = np.int64(bits[0])
            k = number(codes.fraction, n * inputs)
            winning, threshold = winners_of_product(
                u,
                sizes,
                keys,
                n,
                k,
                top,
                top + guess[0],
                codes.largest,
                rows,
                ordered,
                lengths,
                scratch,
                bits,
            )
            guess[0] += (threshold - top - guess[0]) // 4  # what is usual of late
            last = inputs
            if codes.largest:
                last = lengths[0] if winning > 0 else 0
            add_prefix_sums(columns, order[t], signed[t], last, prefix_sums, sums[t])
            for r in range(winning):
                j = rows[r]
                g = errors[j]
                first = 0 if codes.largest else lengths[r]
                stop = lengths[r] if codes.largest else inputs
                if g == 0 or first == stop:
                    continue
                delta[j, t], prefixes[j, t] = g, lengths[r]
                tally.M0[HIDDEN] += stop - first
                tally.M1[HIDDEN] += abs(g) * (sums[t, stop] - sums[t, first])
                row, lower, upper = pre[j], prefix_sums[first], prefix_sums[stop]
                for later in range(trials):
                    row[later] += g * (upper[later] - lower[later])
        tally.maintenance[OUT] += tally.transient[OUT]
    return trials


@compiled
def add_prefix_sums(columns, order, signed, last, prefix_sums, sums):
    """Sums up to each of the first `last` ranks, of signed x columns (inputs, T) by trial and of
    |signed|."""
    prefix_sums[0] = 0
    sums[0] = 0
    for rank in range(last):
        factor, other = signed[rank], columns[order[rank]]
        below, here = prefix_sums[rank], prefix_sums[rank + 1]
        for later in range(other.size):
            here[later] = below[later] + factor * other[later]
        sums[rank + 1] = sums[rank] + abs(factor)


@compiled
def learn_staircase(
    order,
    signed,
    delta,
    prefixes,
    weights,
    counts,
    transient,
    row_sums,
    trials,
    codes,
    tally,
):
    """Make the changes that `run_staircase` has listed in delta and prefixes (N, T) for its first
    `trials` trials.

    After the block and unit by unit, because a unit's weights, update counts and transient parts
    then come into the nearest cache once a block. row_sums (N,) are the units' sums of |s|.
    """
    inputs = weights.shape[1]
    cached = transient.size > 0
    for j in range(delta.shape[0]):
        to, number_of = weights[j], counts[j]
        for t in range(trials):
            g = delta[j, t]
            if g != 0:
                first = 0 if codes.largest else prefixes[j, t]
                stop = prefixes[j, t] if codes.largest else inputs
                for rank in range(first, stop):
                    i = order[t, rank]
                    to[i] += g * signed[t, rank]
                    number_of[i] += 1
                if cached:
                    chosen, values = order[t, first:stop], signed[t, first:stop]
                    row_sums[j] += cache_some(
                        values, chosen, g, transient[j], codes.threshold, tally
                    )
            if cached:
                tally.maintenance[HIDDEN] += row_sums[j]


@compiled
def run_sparse(
    pre,
    x,
    labels,
    offset,
    starts,
    places,
    weights,
    transient,
    unit_counts,
    trial,
    out,
    codes,
    tally,
):
    """Trials under a fixed random mask of synapses, those of unit j at places[starts[j]:starts[j +
    1]].

    pre (T, N): the frozen synapses' part of the pre-activations; x (T, inputs). weights and
    transient hold the plastic synapses alone.
    """
    trials = pre.shape[0]
    rate = trial.h.dtype.type(codes.rate)
    for t in range(trials):
        a, inputs = pre[t], x[t]
        for j in range(a.size):
            to, place = weights[starts[j] : starts[j + 1]], places[starts[j] : starts[j + 1]]
            total = a[j]
            for p in range(to.size):
                total += to[p] * inputs[place[p]]
            a[j] = total
        state = learn_output(a, labels[t], offset[t], trial, out, codes, tally)
        if state < 0:
            return t
        if state == 1:
            for j in range(a.size):
                g = rate * trial.d[j]
                if g == 0:
                    continue
                to, place = weights[starts[j] : starts[j + 1]], places[starts[j] : starts[j + 1]]
                size = g * 0
                for p in range(to.size):
                    to[p] += g * inputs[place[p]]
                    size += abs(inputs[place[p]])
                tally.M0[HIDDEN] += to.size
                tally.M1[HIDDEN] += abs(g) * size
                unit_counts[j] += 1
                if transient.size > 0:
                    changes = g * inputs[place]
                    cache_changes(
                        changes, transient[starts[j] : starts[j + 1]], HIDDEN, codes, tally
                    )
        tally.maintenance[:] += tally.transient
    return trials


@compiled
def decay_transient(weights, transient, rate):
    """Let a layer's transient parts decay, and its weights with them; returns the sum of |s|
    afterwards."""
    total = 0.0
    for j in range(weights.shape[0]):
        for i in range(weights.shape[1]):
            loss = rate * transient[j, i]
            transient[j, i] -= loss
            weights[j, i] -= loss
            total += abs(transient[j, i])
    return total


@compiled
def run_trialwise(
    x,
    labels,
    offset,
    units,
    plastic,
    eligible,
    n_eligible,
    weights,
    counts,
    transient,
    values,
    keys,
    guess,
    trial,
    out,
    codes,
    tally,
):
    """Trials of any rule, one after the other over whole weight arrays (N, inputs): a few passes a
    trial.

    `eligible` (N, inputs) marks the synapses that may change, empty for all; n_eligible (N,) is
    their number by unit. values and keys (N, inputs) are work space, empty without a competition
    among synapses.
    """
    trials, inputs = x.shape
    competes = codes.competes
    restricted = eligible.size > 0
    cached = transient.size > 0
    a = np.empty_like(trial.d)
    delta = np.zeros_like(trial.d)
    for t in range(trials):
        if codes.decay > 0:
            rate = a.dtype.type(codes.decay)
            tally.transient[HIDDEN] = decay_transient(weights, transient, rate)
            tally.transient[OUT] = decay_transient(out.weights, out.transient, rate)
        for j in range(a.size):
            total = a.dtype.type(0)
            for i in range(inputs):
                total += weights[j, i] * x[t, i]
            a[j] = total
        state = learn_output(a, labels[t], offset[t], trial, out, codes, tally)
        if state < 0:
            return t
        if state == 1:
            eligible_units(t, plastic, units, trial, codes, delta)
            threshold, k = np.int64(0), 0
            if competes:
                for j in range(plastic):
                    if units.shape[0] > 0 and not units[t, j]:
                        keys[j] = -1
                        continue
                    k += n_eligible[j]
                    for i in range(inputs):
                        values[j, i] = abs(
                            delta[j] * x[t, i] if codes.criterion == UPDATE else weights[j, i]
                        )
                    to_keys(keys[j], codes.largest)
                    if restricted:
                        for i in range(inputs):
                            if not eligible[j, i]:
                                keys[j, i] = -1
                if codes.select == PER_LAYER and k > 0:
                    threshold = kth_largest(
                        keys[:plastic].ravel(), number(codes.fraction, k), guess[0]
                    )
                    guess[0] = threshold
            for j in range(plastic):
                g = delta[j]
                if g == 0:
                    continue
                if competes and codes.select == PER_NEURON:
                    if n_eligible[j] == 0:
                        continue
                    threshold = kth_largest(keys[j], number(codes.fraction, n_eligible[j]), 0)
                size, changed = 0.0, 0
                for i in range(inputs):
                    change = g * x[t, i]
                    wins = not competes or keys[j, i] >= threshold
                    if change == 0 or not wins or (restricted and not eligible[j, i]):
                        continue
                    weights[j, i] += change
                    counts[j, i] += 1
                    changed += 1
                    size += abs(change)
                    if cached:
                        tally.transient[HIDDEN] += cache(
                            transient[j], i, change, codes.threshold, HIDDEN, tally
                        )
                tally.M0[HIDDEN] += changed
                tally.M1[HIDDEN] += size
        tally.maintenance[:] += tally.transient
    return trials
