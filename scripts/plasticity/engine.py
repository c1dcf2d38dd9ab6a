"""Exact training at the speed of matrix products.

On-line learning looks sequential: the pre-activations of trial t need the weights that trial t - 1
left. But the first layer's change is an outer product,

    W(t+1) = W(t) + delta_t x_t,    delta_t (N,) = learning rate x back-propagated error,

and the patterns x_1 ... x_T of the next T trials can be drawn ahead. Then, with W the weights at
the start of such a block,

    a_t = W(t) x_t = W x_t + sum_{s<t} delta_s (x_s . x_t).                           (1)

The first term is one matrix product for the whole block, (T, 785) x (785, N), and the scalar
products x_s . x_t are another small one, (T, T). What is left for each trial is the sum in (1) over
earlier trials' delta, a few vector operations; the weights are needed again only at the end of the
block, where all changes are made by one more matrix product,

    W += sum_t delta_t x_t = Delta' X,    Delta (T, N), X (T, 785).                    (2)

Nothing is approximated: (1) and (2) hold for every T, and results differ from the literal method by
rounding only. The sum in (1) is split once more: trials run in groups of SUB, and when a group is
done its part of the sum is given to all later trials of the block by a matrix product. The output
layer is small and learns trial by trial.

Energy comes from the same structure: M1 of a trial is sum_j |delta_j| x sum_i |x_i|, M0 the product
of two counts.

How a rule restricts the first layer's change decides which of four loops (plasticity.kernels) runs
it:

- `outer`: hidden units are masked, or each takes the same inputs (competition per neuron: the ranks
  of |delta_j x_i| in i are those of |x_i|). The change stays an outer product, of masked vectors,
  and (1), (2) hold with those.
- `staircase`: competition per layer by |delta_j x_i|. Sort the inputs by |x_i|: the winners of each
  unit are a prefix of that order. Then x_s . x_t in (1) becomes a prefix sum, and the winners alone
  are written to.
- `sparse`: a fixed random mask of synapses. The frozen ones' part of a is (1)'s first term; the
  plastic ones are kept apart, unit by unit, and used directly. Costs two passes over the plastic
  synapses a trial.
- `trialwise`: the rest, literally but compiled. Competition by |w| needs all present weights on
  each trial; its threshold hardly moves between trials, so that finding it again takes a few passes
  over the layer. So do a random mask with a competition on top, and the decay of synaptic caching,
  which alters every weight on every trial.

Frozen parts cost little: hidden units outside a subnet act on the outputs through a vector of 10
numbers a pattern, computed once for each distinct pattern, and the rest is a network of K units;
where the first layer is frozen, (2) falls away.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import blas

from plasticity import kernels
from plasticity.data import Dataset
from plasticity.energy import HIDDEN, OUT, Energy
from plasticity.network import (
    ACTIVATIONS,
    CLASSES,
    LOSSES,
    Network,
    activate,
    initial_network,
    outputs,
)
from plasticity.rules import (
    GATES,
    SELECTIONS,
    UNIT_CRITERIA,
    UPDATE_CRITERIA,
    WEIGHT_CRITERIA,
    Rule,
    eligibility,
    number,
)
from plasticity.settings import Settings
from plasticity.streams import stream

BLOCK = 64  # trials of a block: long enough for efficient matrix products, short for the sum in (1)
LONG_BLOCK = 192  # of an `outer` block in wide networks, where each product must fetch the weights
WIDE = 2_500  # hidden units whose weights outgrow a usual cache
SUB = 16  # trials of a group inside it: short enough for the sum in (1)
BLOCK_NUMBERS = 1 << 26  # bound on trials x units of a block, for very wide networks


def structure(rule: Rule, settings: Settings) -> str:
    """Which loop trains by this rule: outer, staircase, sparse or trialwise."""
    masked = rule.eligible == "random_synapses"
    if (
        rule.criterion in WEIGHT_CRITERIA
        or settings.caching_decay is not None
        or (masked and rule.select != "all")
    ):
        return "trialwise"
    if masked:
        return "sparse"
    per_layer = rule.chooses_synapses and rule.select == "per_layer"
    return "staircase" if per_layer and rule.eligible != "output_only" else "outer"


def add_product(c: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """c += a @ b in place, without a temporary of c's size.

    c (m, n) is in C order; a (m, k) and b (k, n) in C or Fortran order. BLAS thinks in Fortran
    order, so what it is given is the transposed equation c' += b' a'.
    """
    if 0 in (*a.shape, *b.shape):
        return
    gemm = blas.sgemm if c.dtype == np.float32 else blas.dgemm

    def transposed(m: np.ndarray) -> tuple[np.ndarray, bool]:
        return (m.T, False) if m.flags.c_contiguous else (m, True)

    (left, trans_left), (right, trans_right) = transposed(b), transposed(a)
    gemm(1, left, right, 1, c.T, trans_a=trans_left, trans_b=trans_right, overwrite_c=1)


class Engine:
    """Trains one network; see `plasticity.training` for the interface that trainers share.

    Hidden units are in order: the first `plastic` may change their inputs, and the first `active`
    take part in trials one by one, while those beyond are frozen for good on both sides (`subnet`).
    Between calls of `run` the network is complete and up to date; within, its loop may keep parts
    of it elsewhere.
    """

    def __init__(self, data: Dataset, rule: Rule, settings: Settings, seed: int):
        self.data, self.rule, self.settings = data, rule, settings
        self.dtype = settings.dtype
        self.inputs = data.train_inputs.shape[1]
        self.network = initial_network(
            settings.width, seed, settings.initial_sd, settings.activation, self.dtype, self.inputs
        )
        self.eligibility = eligibility(rule, settings.width, self.inputs, seed)
        self.trial_masks = stream(seed, "trial masks")
        units = self.eligibility.units
        self.plastic = settings.width if units is None else int(units.sum())
        self.active = self.plastic if rule.eligible == "subnet" else settings.width
        self.energy = Energy()
        self.tally = _tally(self.energy)
        self.codes = _codes(rule, settings)
        self.trial = _trial_space(self.active, self.dtype)
        self.active_outputs = np.append(np.arange(self.active), settings.width)
        self.output = self._output_layer()
        self.loop = LOOPS[structure(rule, settings)](self)
        self.frozen_train: np.ndarray = np.full(
            (len(data.train_labels), CLASSES), np.nan, self.dtype
        )
        self.frozen_test: np.ndarray | None = None

    @property
    def updated_trials(self) -> int:
        """Number of trials whose gate was open."""
        return int(self.tally.trials[0])

    @property
    def correct_trials(self) -> int:
        """Number of trials whose pattern was classified correctly, before learning from it."""
        return int(self.tally.trials[1])

    @property
    def has_frozen_units(self) -> bool:
        """Whether some hidden units can change on neither side."""
        return self.active < self.settings.width

    def run(self, patterns: np.ndarray) -> int:
        """Train on these patterns, one a trial; return the number of trials made before
        divergence."""
        self.loop.begin()
        done = 0
        for first in range(0, len(patterns), self.loop.block):
            block = patterns[first : first + self.loop.block]
            # "clip": patterns are in range, and to check it would cost a second pass.
            x = np.take(self.data.train_inputs, block, axis=0, mode="clip")
            x = x.astype(self.dtype, copy=False)
            labels = self.data.train_labels[block].astype(np.int64)
            made = self.loop.run(
                block, x, labels, self._offset(block, x), self._trial_units(labels)
            )
            done += made
            if made < len(block):
                break
        self.loop.end()
        if self.has_frozen_units:
            self.network.out[:, self.active_outputs] = self.output.weights
        return done

    def _trial_units(self, labels: np.ndarray) -> np.ndarray:
        """Eligible hidden units of each trial (T, N); no rows where they are the first `plastic`
        always."""
        eligible = self.eligibility
        if eligible.class_units is not None:
            return eligible.class_units[labels].astype(np.uint8)
        if eligible.fresh is not None:
            draw = self.trial_masks.random((len(labels), self.settings.width), dtype=np.float32)
            return (draw < np.float32(eligible.fresh)).astype(np.uint8)
        return np.empty((0, 0), np.uint8)

    def _offset(self, patterns: np.ndarray, x: np.ndarray) -> np.ndarray:
        """What frozen hidden units add to the outputs, (T, 10), for x (T, 785): computed once a
        pattern."""
        if not self.has_frozen_units:
            return np.zeros((len(patterns), CLASSES), self.dtype)
        new = np.isnan(self.frozen_train[patterns, 0])
        if new.any():
            self.frozen_train[patterns[new]] = self._frozen_outputs(x[new])
        return self.frozen_train[patterns]

    def _frozen_outputs(self, x: np.ndarray) -> np.ndarray:
        """Contribution of the frozen hidden units to the outputs, (patterns, 10)."""
        h = activate(x @ self.network.hidden[self.active :].T, self.network.activation)
        return h @ self.network.out[:, self.active : -1].T

    def _output_layer(self) -> kernels.Output:
        """The output synapses of the active units and the constant unit, as the loops use them."""
        weights = (
            self.network.out[:, self.active_outputs] if self.has_frozen_units else self.network.out
        )
        shape = weights.shape
        mask = self.eligibility.out if self.rule.eligible == "random_synapses" else None
        values: np.ndarray = np.empty(shape, self.dtype)
        return kernels.Output(
            weights=weights,
            eligible=_empty(np.uint8) if mask is None else mask.astype(np.uint8),
            n_eligible=np.full(CLASSES, shape[1]) if mask is None else mask.sum(axis=1),
            counts=np.zeros(shape, np.int32),
            row_counts=np.zeros(shape[1], np.int32),
            transient=_transient(shape, self.settings),
            values=values,
            keys=values.view(_KEYS[self.dtype]),
            changes=np.empty(shape[1], self.dtype),
            guess=np.zeros(1, np.int64),
        )

    def finish(self) -> None:
        """Consolidate what is left in the transient parts."""
        self.energy.consolidate(HIDDEN, self.loop.transient)
        self.energy.consolidate(OUT, self.output.transient)

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Number of updates of each synapse: (N, inputs), perhaps a read-only view, and (10, N +
        1)."""
        out = np.zeros(self.network.out.shape, np.int64)
        out[:, self.active_outputs] = self.output.counts + self.output.row_counts
        return self.loop.counts(), out

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Output activities (patterns, 10), with bounded memory at any width."""
        return self._in_parts(lambda x: outputs(self.network, x), inputs)

    def test_outputs(self, chosen: np.ndarray) -> np.ndarray:
        """Output activities (patterns, 10) for the test patterns with these indices."""
        if not self.has_frozen_units:
            return self.outputs(self.data.test_inputs[chosen])
        if self.frozen_test is None:
            self.frozen_test = self._in_parts(self._frozen_outputs, self.data.test_inputs)
        x = self.data.test_inputs[chosen].astype(self.dtype, copy=False)
        subnet = Network(
            self.network.hidden[: self.active], self.output.weights, self.network.activation
        )
        return outputs(subnet, x) + self.frozen_test[chosen]

    def _in_parts(
        self, function: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray
    ) -> np.ndarray:
        """function(inputs), by so few patterns at once that their activities fit into memory."""
        rows = max(1, BLOCK_NUMBERS // self.settings.width)
        parts = [
            function(inputs[first : first + rows].astype(self.dtype, copy=False))
            for first in range(0, len(inputs), rows)
        ]
        return np.concatenate(parts)


class Loop:
    """How the first layer learns in blocks of trials; the subclasses are the structures of the
    derivation."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self.hidden = engine.network.hidden
        self.transient = _transient(self.hidden.shape, engine.settings)
        self.block = max(1, min(BLOCK, BLOCK_NUMBERS // engine.active))

    def begin(self) -> None:
        """Called before a series of blocks."""

    def end(self) -> None:
        """Called after a series of blocks: the network must be up to date."""

    def run(
        self,
        patterns: np.ndarray,
        x: np.ndarray,
        labels: np.ndarray,
        offset: np.ndarray,
        units: np.ndarray,
    ) -> int:
        """Make T trials with x (T, inputs) of these patterns; labels (T,), offset (T, 10), units
        (T, N) or no rows."""
        raise NotImplementedError

    def counts(self) -> np.ndarray:
        """Number of updates of each synapse, (N, inputs)."""
        raise NotImplementedError


class Outer(Loop):
    """The change is an outer product: equations (1) and (2)."""

    def __init__(self, engine: Engine):
        super().__init__(engine)
        if engine.active >= WIDE:
            self.block = max(1, min(LONG_BLOCK, BLOCK_NUMBERS // engine.active))
        self.per_neuron = engine.rule.chooses_synapses
        self.transient = self.transient[: engine.plastic]
        self.row_sums = np.zeros(engine.plastic)
        self.unit_counts = np.zeros(engine.settings.width, np.int64)
        shape = self.hidden.shape if self.per_neuron else (0, 0)
        # Sums of 0 and 1 by matrix products: exact below 2^24 trials.
        self.synapse_counts = np.zeros(shape, np.float32)

    def run(self, patterns, x, labels, offset, units):
        engine, plastic = self.engine, self.engine.plastic
        trials = len(x)
        pre = x @ self.hidden[: engine.active].T
        changing = self._changing_inputs(x)
        delta = np.empty((trials, plastic), engine.dtype)
        done = 0
        for first in range(0, trials, SUB):
            group = slice(first, min(first + SUB, trials))
            # x_t . x_s for s in this group and t in it or later.
            gram = x[first:] @ changing[group].T
            made = kernels.run_outer(
                pre[group],
                gram[: group.stop - first],
                changing[group],
                labels[group],
                offset[group],
                units[group],
                delta[group],
                self.unit_counts,
                engine.trial,
                engine.output,
                engine.codes,
                engine.tally,
            )
            done += made
            if made < group.stop - first:
                break
            later = slice(group.stop, trials)
            if plastic == engine.active:
                add_product(pre[later], gram[group.stop - first :], delta[group])
            else:
                pre[later, :plastic] += gram[group.stop - first :] @ delta[group]
        self._learn(delta[:done], changing[:done])
        return done

    def _changing_inputs(self, x: np.ndarray) -> np.ndarray:
        """x (T, inputs) with zeros where the competition per neuron forbids change, the same for
        all units."""
        if not self.per_neuron:
            return x
        rule = self.engine.rule
        size = np.abs(x)
        k = number(rule.fractions[0], x.shape[1])
        if rule.wants_largest:
            last = np.partition(size, -k, axis=1)[:, -k, None]
            return np.where(size >= last, x, 0)
        last = np.partition(size, k - 1, axis=1)[:, k - 1, None]
        return np.where(size <= last, x, 0)

    def _learn(self, delta: np.ndarray, changing: np.ndarray) -> None:
        """Equation (2), over the trials that were plastic."""
        plastic = np.flatnonzero(delta.any(axis=1))
        if len(plastic) < len(delta):
            delta_used, changing_used = delta[plastic], changing[plastic]
        else:
            delta_used, changing_used = delta, changing
        engine = self.engine
        add_product(self.hidden[: engine.plastic], delta_used.T, changing_used)
        if self.per_neuron:
            changed = (delta_used != 0).astype(np.float32)
            inputs = (changing_used != 0).astype(np.float32)
            add_product(self.synapse_counts[: engine.plastic], changed.T, inputs)
        if engine.settings.caching_threshold is not None:
            kernels.replay_caching(
                changing, delta, self.transient, self.row_sums, engine.codes, engine.tally
            )

    def counts(self):
        if self.per_neuron:
            return self.synapse_counts
        return np.broadcast_to(self.unit_counts[:, None], self.hidden.shape)


class Staircase(Loop):
    """Competition per layer: each unit's winners are the first inputs in order of size."""

    def __init__(self, engine: Engine):
        super().__init__(engine)
        units, inputs, trials = engine.active, engine.inputs, self.block
        self.synapse_counts = np.zeros(self.hidden.shape, np.int32)
        self.row_sums = np.zeros(len(self.hidden))
        self.guess = np.zeros(1, np.int64)
        self.ranks = tuple(np.empty(units, np.int32) for _ in range(2))
        self.signed: np.ndarray = np.empty((trials, inputs), engine.dtype)
        self.sums = np.empty((trials, inputs + 1))
        self.prefix_sums = np.empty((inputs + 1, trials), engine.dtype)

    def run(self, patterns, x, labels, offset, units):
        engine, trials = self.engine, len(x)
        order = np.take(engine.data.train_order, patterns, axis=0, mode="clip")
        delta = np.zeros((engine.active, trials), engine.dtype)
        prefixes = np.zeros((engine.active, trials), np.int16)
        done = kernels.run_staircase(
            self.hidden[: engine.active] @ x.T,
            x,
            np.ascontiguousarray(x.T),
            order,
            self.signed[:trials],
            labels,
            offset,
            units,
            engine.plastic,
            delta,
            prefixes,
            self.ranks,
            self.sums,
            np.ascontiguousarray(self.prefix_sums[:, :trials]),
            self.guess,
            engine.trial,
            engine.output,
            engine.codes,
            engine.tally,
        )
        kernels.learn_staircase(
            order,
            self.signed,
            delta,
            prefixes,
            self.hidden,
            self.synapse_counts,
            self.transient,
            self.row_sums,
            done,
            engine.codes,
            engine.tally,
        )
        return done

    def counts(self):
        return self.synapse_counts


class Sparse(Loop):
    """A fixed random mask: plastic synapses apart, the frozen ones by a matrix product a block."""

    def __init__(self, engine: Engine):
        super().__init__(engine)
        mask = engine.eligibility.hidden
        assert mask is not None  # it is what makes this loop the right one
        self.mask = mask
        units, places = np.nonzero(mask)
        self.synapses = (units, places)
        self.places = places.astype(np.uint16)
        self.starts = np.searchsorted(units, np.arange(len(self.hidden) + 1))
        self.unit_counts = np.zeros(len(self.hidden), np.int64)
        self.transient = _transient(places.shape, engine.settings)

    def begin(self):
        self.weights = self.hidden[self.synapses]
        self.hidden[self.synapses] = 0

    def end(self):
        self.hidden[self.synapses] = self.weights

    def run(self, patterns, x, labels, offset, units):
        engine = self.engine
        return kernels.run_sparse(
            x @ self.hidden.T,
            x,
            labels,
            offset,
            self.starts,
            self.places,
            self.weights,
            self.transient,
            self.unit_counts,
            engine.trial,
            engine.output,
            engine.codes,
            engine.tally,
        )

    def counts(self):
        return self.mask * self.unit_counts[:, None]


class Trialwise(Loop):
    """Any rule, trial by trial over the whole weight array."""

    def __init__(self, engine: Engine):
        super().__init__(engine)
        mask = engine.eligibility.hidden
        self.synapse_counts = np.zeros(self.hidden.shape, np.int32)
        self.eligible = _empty(np.uint8) if mask is None else mask.astype(np.uint8)
        full = np.full(len(self.hidden), engine.inputs)
        self.n_eligible = full if mask is None else mask.sum(axis=1)
        competes = engine.rule.chooses_synapses
        self.guess = np.zeros(1, np.int64)
        shape = self.hidden.shape if competes else (0, 0)
        self.values: np.ndarray = np.empty(shape, engine.dtype)

    def run(self, patterns, x, labels, offset, units):
        engine = self.engine
        active = slice(engine.active)
        return kernels.run_trialwise(
            x,
            labels,
            offset,
            units,
            engine.plastic,
            self.eligible,
            self.n_eligible,
            self.hidden[active],
            self.synapse_counts[active],
            self.transient[active],
            self.values,
            self.values.view(_KEYS[engine.dtype]),
            self.guess,
            engine.trial,
            engine.output,
            engine.codes,
            engine.tally,
        )

    def counts(self):
        return self.synapse_counts


LOOPS = {"outer": Outer, "staircase": Staircase, "sparse": Sparse, "trialwise": Trialwise}

# Integers that the bits of a float are read as.
_KEYS: dict[type, type] = {np.float32: np.int32, np.float64: np.int64}


def _empty(dtype: type) -> np.ndarray:
    """An array that stands for "none" in a compiled loop."""
    return np.empty((0, 0), dtype)


def _transient(shape: tuple[int, ...], settings: Settings) -> np.ndarray:
    """Transient parts of synapses, all zero; none without synaptic caching."""
    cached = settings.caching_threshold is not None
    return np.zeros(shape if cached else (0,) * len(shape), settings.dtype)


def _tally(energy: Energy) -> kernels.Tally:
    """The energy's totals, shared, and those that only a loop needs."""
    return kernels.Tally(
        energy.M0,
        energy.M1,
        energy.M0_consolidation,
        energy.M1_consolidation,
        energy.maintenance,
        transient=np.zeros(2),
        trials=np.zeros(2, np.int64),
    )


def _trial_space(units: int, dtype: type) -> kernels.Trial:
    """Work space of one trial of a network with so many active hidden units."""
    values: np.ndarray = np.empty(units, dtype)
    number: np.ndarray = np.empty(1, dtype)
    return kernels.Trial(
        h=np.empty(units + 1, dtype),
        d=np.empty(units, dtype),
        y=np.empty(CLASSES, dtype),
        e=np.empty(CLASSES, dtype),
        values=values,
        keys=values.view(_KEYS[dtype]),
        number=number,
        bits=number.view(_KEYS[dtype]),
    )


def _codes(rule: Rule, settings: Settings) -> kernels.Codes:
    """The rule and the model as numbers for the loops."""
    criterion = rule.criterion or ""
    by_unit = UNIT_CRITERIA.index(criterion) + 1 if criterion in UNIT_CRITERIA else kernels.NO_UNITS
    threshold = settings.caching_threshold
    rate, rate_out = settings.rates
    return kernels.Codes(
        rate=rate,
        rate_out=rate_out,
        activation=ACTIVATIONS.index(settings.activation),
        loss=LOSSES.index(settings.loss),
        gate=GATES.index(rule.gate),
        margin=float(rule.margin or 0),
        competes=rule.chooses_synapses,
        select=SELECTIONS.index(rule.select),
        criterion=kernels.UPDATE if criterion in UPDATE_CRITERIA else kernels.WEIGHT,
        largest=rule.wants_largest,
        fraction=float(rule.fraction or 0),
        fraction_out=float(rule.fraction_out or 0),
        unit_criterion=by_unit,
        threshold=np.inf if threshold is None else threshold,
        decay=settings.caching_decay or 0.0,
    )
