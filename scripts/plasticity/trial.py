"""One trial in compiled code, except for the change of the first layer.

`run_trial` takes the pre-activations of the hidden units. It computes the outputs, evaluates the
gate, back-propagates the error and changes the output layer. `eligible_units` then computes delta
of the first layer: the learning rate times the back-propagated error, or zero if a unit may not
learn. The update of synapse (j, i) is delta_j x_i. The modules in `plasticity.structures` determine
which synapses change, and change them. Indices: trial t of T, hidden unit j of N, input i,
output o.
"""

from typing import NamedTuple

import numpy as np

from plasticity.caching import cache_changes, transient_parts
from plasticity.competition import infinite_bits, kth_largest, largest_key, number, to_keys
from plasticity.compilation import compiled
from plasticity.energy import OUT, Energy
from plasticity.network import ACTIVATIONS, CLASSES, LEAK, LOSSES
from plasticity.rules import (
    ERROR_CRITERIA,
    GATES,
    SELECTIONS,
    UNIT_CRITERIA,
    UPDATE_CRITERIA,
    Rule,
)
from plasticity.settings import Settings, learning_rates

LEAKY_RELU, RELU, ELU, LOGISTIC = range(4)
MSE, CROSS_ENTROPY = range(2)
ALWAYS, ERROR, MARGIN = range(3)
ALL, PER_LAYER, PER_NEURON = range(3)
UPDATE, WEIGHT = range(2)  # what a competition among synapses compares
NO_UNITS, BY_ERROR, BY_ACTIVITY = range(3)  # what a competition among hidden units compares
# The result of a trial: an output is not finite, the gate is closed, the gate is open.
DIVERGED, CLOSED, PLASTIC = -1, 0, 1

KEYS: dict[type, type] = {np.float32: np.int32, np.float64: np.int64}  # types for a float's bits


class Codes(NamedTuple):
    """The rule and the settings of the model as numbers."""

    rate: float  # learning rate of the hidden layer
    rate_out: float  # learning rate of the output layer
    activation: int
    loss: int
    gate: int
    margin: float
    relative_margin: bool  # whether it is in units of the root mean square of the outputs
    normalised: bool  # whether the learning rates are divided by squared activities
    competes: bool  # whether synapses (not hidden units) compete
    select: int
    criterion: int
    largest: bool
    fraction: float
    fraction_out: float
    winners: int  # instead of a fraction; 0 without
    winners_out: int
    unit_criterion: int
    threshold: float  # of synaptic caching; infinite without caching
    decay: float  # of transient parts; 0 without decay


class Tally(NamedTuple):
    """Totals that the loops update, for each layer (2,). `trials` is (updated, correct)."""

    M0: np.ndarray
    M1: np.ndarray
    M0_consolidation: np.ndarray
    M1_consolidation: np.ndarray
    maintenance: np.ndarray
    transient: np.ndarray  # current sum of |s|
    trials: np.ndarray


class Output(NamedTuple):
    """The output layer. Arrays are (10, N + 1), unless stated otherwise.

    `eligible` and `transient` are empty if they are not needed. The update count of a synapse is
    counts[o, j] + row_counts[j], because most trials change all outputs of a unit.
    """

    weights: np.ndarray
    eligible: np.ndarray
    n_eligible: np.ndarray  # (10,) number of eligible synapses of each output unit
    counts: np.ndarray
    row_counts: np.ndarray  # (N + 1,)
    transient: np.ndarray
    values: np.ndarray  # workspace
    keys: np.ndarray  # `values` as integers
    changes: np.ndarray  # (N + 1,) workspace
    guess: np.ndarray  # (1,) last threshold minus largest value, both as bits


class Trial(NamedTuple):
    """Workspace of one trial."""

    h: np.ndarray  # (N + 1,) hidden activities; the constant unit is the last one
    d: np.ndarray  # (N,) back-propagated errors, times the trial's gain
    y: np.ndarray  # (10,) output activities
    e: np.ndarray  # (10,) output errors
    values: np.ndarray  # (N,) workspace
    keys: np.ndarray  # (N,) `values` as integers


class Context(NamedTuple):
    """The arguments that all loops need.

    The first `active` hidden units take part in each trial, and the others are frozen. The inputs
    of the first `plastic` units may change. Loops unpack the context once per block: each access
    costs time, because Numba counts references.
    """

    active: int
    plastic: int
    trial: Trial
    output: Output
    codes: Codes
    tally: Tally


class Block(NamedTuple):
    """T trials whose patterns are known in advance.

    `offset` is the contribution of frozen hidden units to the outputs, and the sum of their squared
    activities. `units` is the mask of the eligible hidden units on each trial; if it is empty, the
    first `plastic` units are eligible on all trials. `gain` is the factor of the hidden layer's
    learning rate on each trial.
    """

    patterns: np.ndarray  # (T,) indices of training patterns
    x: np.ndarray  # (T, inputs)
    labels: np.ndarray  # (T,)
    offset: np.ndarray  # (T, 11)
    units: np.ndarray  # (T, N) uint8, or (0, 0)
    gain: np.ndarray  # (T,)


def codes(rule: Rule, settings: Settings) -> Codes:
    """Return the rule and the settings of the model as numbers."""
    by_unit = BY_ERROR if rule.criterion in ERROR_CRITERIA else BY_ACTIVITY
    threshold = settings.caching_threshold
    return Codes(
        *learning_rates(rule, settings),
        activation=ACTIVATIONS.index(settings.activation),
        loss=LOSSES.index(settings.loss),
        gate=GATES.index(rule.gate),
        margin=float(rule.margin or 0),
        relative_margin=rule.margin_unit == "rms",
        normalised=settings.rate_unit == "squared_activity",
        competes=rule.chooses_synapses,
        select=SELECTIONS.index(rule.select),
        criterion=UPDATE if rule.criterion in UPDATE_CRITERIA else WEIGHT,
        largest=rule.wants_largest,
        fraction=float(rule.fraction or 0),
        fraction_out=float(rule.fraction_out or 0),
        winners=rule.winners or 0,
        winners_out=rule.winners_out or 0,
        unit_criterion=by_unit if rule.criterion in UNIT_CRITERIA else NO_UNITS,
        threshold=np.inf if threshold is None else threshold,
        decay=settings.caching_decay or 0.0,
    )


def tally(energy: Energy) -> Tally:
    """Return the totals: the arrays of `energy` itself, and those that only the loops need."""
    return Tally(**vars(energy), transient=np.zeros(2), trials=np.zeros(2, np.int64))


def output_layer(weights: np.ndarray, mask: np.ndarray | None, settings: Settings) -> Output:
    """Return the output layer with these weights (10, N + 1), which are trained in place.

    `mask`, of the same shape, marks the synapses that may change. None means all synapses.
    """
    shape = weights.shape
    values: np.ndarray = np.empty(shape, weights.dtype)
    return Output(
        weights=weights,
        eligible=as_flags(mask),
        n_eligible=np.full(CLASSES, shape[1]) if mask is None else mask.sum(axis=1),
        counts=np.zeros(shape, np.int32),
        row_counts=np.zeros(shape[1], np.int32),
        transient=transient_parts(shape, settings),
        values=values,
        keys=values.view(KEYS[settings.dtype]),
        changes=np.empty(shape[1], weights.dtype),
        guess=np.zeros(1, np.int64),
    )


def trial_space(units: int, dtype: type) -> Trial:
    """Return the workspace of one trial with this number of active hidden units."""
    values: np.ndarray = np.empty(units, dtype)
    return Trial(
        h=np.empty(units + 1, dtype),
        d=np.empty(units, dtype),
        y=np.empty(CLASSES, dtype),
        e=np.empty(CLASSES, dtype),
        values=values,
        keys=values.view(KEYS[dtype]),
    )


def as_flags(mask: np.ndarray | None) -> np.ndarray:
    """Return a 2-D mask as numbers 0 and 1, and None as an empty array, for Numba."""
    return np.empty((0, 0), np.uint8) if mask is None else mask.astype(np.uint8)


@compiled
def hidden_activity(a, activation, h, slope):
    """Set h = f(a) and slope = f'(a), both (N,), for pre-activations a (N,)."""
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
    """Set e (10,) to minus the derivative of the loss with respect to the outputs y (10,)."""
    if loss == CROSS_ENTROPY:
        highest = y.max()
        total = y.dtype.type(0)
        for o in range(y.size):
            e[o] = np.exp(y[o] - highest)
        # This loop must not write: a loop that also writes is compiled in two versions, which add
        # in different orders. The distance between y and e in memory decides which version runs.
        for o in range(y.size):
            total += e[o]
        for o in range(y.size):
            e[o] = -e[o] / total
    else:
        for o in range(y.size):
            e[o] = -y[o]
    e[label] += y.dtype.type(1)


@compiled
def gate_open(y, label, gate, margin, relative):
    """Return whether the gate is open; see `reference.gate_open`."""
    if gate == ALWAYS:
        return True
    if gate == ERROR:
        return np.argmax(y) != label
    rival = -np.inf
    for o in range(y.size):
        if o != label:
            rival = max(rival, y[o])
    if relative:
        squares = y.dtype.type(0)
        for o in range(y.size):
            squares += y[o] * y[o]
        margin *= np.sqrt(squares / y.size)
    return y[label] - rival < margin


@compiled
def run_trial(a, label, offset, gain, trial, out, codes, tally):
    """Run one trial, given the pre-activations a (N,), without the change of the first layer.

    `offset` (11,) is the contribution of frozen hidden units (see `Block`). The function stores the
    back-propagated errors, times `gain`, in trial.d and the activities in trial.h. It returns
    PLASTIC if the gate is open and CLOSED if it is closed. If an output is not finite, it returns
    DIVERGED, and does not change weights and totals.
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
        if not abs(total) < np.inf:  # np.isfinite did not detect NaN when compiled in this loop
            return DIVERGED
    tally.trials[1] += np.argmax(y) == label
    if not gate_open(y, label, codes.gate, codes.margin, codes.relative_margin):
        return CLOSED
    tally.trials[0] += 1
    output_error(y, label, codes.loss, e)
    back = trial.values
    back[:] = 0
    for o in range(y.size):
        for j in range(width):
            back[j] += out.weights[o, j] * e[o]
    for j in range(width):
        d[j] *= back[j] * gain
    rate = h.dtype.type(codes.rate_out)
    if codes.normalised:
        squares = offset[y.size]
        for j in range(width + 1):
            squares += h[j] * h[j]
        rate /= squares
    if not codes.competes and out.eligible.size == 0 and out.transient.size == 0:
        change_all_outputs(h, e, rate, out, tally)
    else:
        change_chosen_outputs(h, e, rate, out, codes, tally)
    return PLASTIC


@compiled
def change_all_outputs(h, e, rate, out, tally):
    """Change all output synapses by dw_oj = (rate e_o) h_j, without synaptic caching."""
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
def change_chosen_outputs(h, e, rate, out, codes, tally):
    """Change the eligible output synapses that win the competition, and their transient parts."""
    for o in range(e.size):
        set_keys(out, o, rate * e[o], h, codes)
    threshold = out.keys[:1, 0].copy()  # comparisons are faster in the type of the keys
    threshold[0] = 0
    if codes.competes and codes.select == PER_LAYER:
        highest = np.int64(largest_key(out.keys.ravel()))
        k = number(codes.fraction_out, codes.winners_out, out.n_eligible.sum())
        threshold[0] = kth_largest(out.keys.ravel(), k, highest + out.guess[0])
        out.guess[0] = threshold[0] - highest
    for o in range(e.size):
        keys, weights, counts, changes = out.keys[o], out.weights[o], out.counts[o], out.changes
        g = rate * e[o]
        if codes.competes and codes.select == PER_NEURON:
            k = number(codes.fraction_out, codes.winners_out, out.n_eligible[o])
            threshold[0] = kth_largest(keys, k, out.guess[0]) if k > 0 else infinite_bits(keys)
            out.guess[0] = threshold[0]
        last, size = threshold[0], 0.0
        for j in range(h.size):
            change = g * h[j] if keys[j] >= last else h.dtype.type(0)
            changes[j] = change
            weights[j] += change
            size += abs(change)
        tally.M1[OUT] += size
        changed = 0
        for j in range(h.size):
            counts[j] += changes[j] != 0
            changed += changes[j] != 0
        tally.M0[OUT] += changed
        if out.transient.size > 0:
            cache_changes(changes, out.transient[o], OUT, codes.threshold, tally)


@compiled
def set_keys(layer, row, g, x, codes):
    """Set the keys of the synapses in one row of a layer, whose proposed updates are g x.

    The synapses with the largest keys win. All keys are 0 without a competition among synapses. The
    key of a synapse that is not eligible is -1.
    """
    values, keys, weights = layer.values[row], layer.keys[row], layer.weights[row]
    if codes.competes:
        for i in range(x.size):
            values[i] = abs(g * x[i] if codes.criterion == UPDATE else weights[i])
        to_keys(keys, codes.largest)
    else:
        keys[:] = 0
    if layer.eligible.size > 0:
        for i in range(x.size):
            keys[i] = keys[i] if layer.eligible[row, i] else -1


@compiled
def eligible_units(t, units, plastic, trial, codes, delta):
    """Set delta[:plastic] to rate x error for hidden units that learn on trial t, else to 0.

    `units` is the mask of the block. In a competition among hidden units, delta of the losers is
    also 0. Returns the number of eligible units, which includes the losers.
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
        to_keys(trial.keys[:plastic], codes.largest)
        if restricted:
            for j in range(plastic):
                if not units[t, j]:
                    trial.keys[j] = -1
        threshold = kth_largest(
            trial.keys[:plastic], number(codes.fraction, codes.winners, eligible), 0
        )
        for j in range(plastic):
            if trial.keys[j] < threshold:
                delta[j] = 0
    return eligible
