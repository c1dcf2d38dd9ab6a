"""Exact training at the speed of matrix products.

On-line learning looks sequential: the pre-activations of trial t need the weights that trial t - 1
left. But the first layer's change is a product,

    W(t+1) = W(t) + delta_t x_t,    delta_t (N,) = learning rate x back-propagated error,

and the patterns x_1 ... x_T of the next T trials can be drawn ahead. Then, with W the weights at
the start of such a block,

    a_t = W(t) x_t = W x_t + sum_{s<t} delta_s (x_s . x_t).                           (1)

The first term is one matrix product for the whole block, (T, 785) x (785, N), and the scalar
products x_s . x_t are another small one, (T, T). What is left for each trial is the sum in (1) over
earlier trials' delta, and a few vector operations (`plasticity.trial`). The weights are needed
again only at the end of the block, where one more matrix product makes all changes,

    W += sum_t delta_t x_t = Delta' X,    Delta (T, N), X (T, 785).                    (2)

Nothing is approximated: (1) and (2) hold for every T, and results differ from the literal method by
rounding only. The output layer is small and learns trial by trial.

How a rule restricts the first layer's change decides what becomes of (1) and (2). There are four
structures, each with its derivation in a module of `plasticity.structures`:

- `outer`: hidden units are masked, or all units change the same inputs. (1) and (2) hold with
  masked vectors.
- `staircase`: competition per layer by the size of the update. (1) has prefix sums for x_s . x_t,
  and (2) touches the winners alone.
- `sparse`: a fixed random mask of synapses. The frozen ones use (1)'s first term, the plastic ones
  learn trial by trial.
- `trialwise`: the rest, trial by trial.

Frozen hidden units cost little: those outside a subnet act on the outputs through a vector of 10
numbers a pattern, computed once for each distinct pattern, and what is trained is a network of the
units inside.
"""

from collections.abc import Callable

import numpy as np

from plasticity.data import Dataset
from plasticity.energy import HIDDEN, OUT, Energy
from plasticity.network import CLASSES, Network, activate, initial_network, outputs
from plasticity.rules import WEIGHT_CRITERIA, Rule, eligibility
from plasticity.settings import Settings
from plasticity.streams import stream
from plasticity.structures.base import BLOCK_NUMBERS, FirstLayer, Structure
from plasticity.structures.outer import Outer
from plasticity.structures.sparse import Sparse
from plasticity.structures.staircase import Staircase
from plasticity.structures.trialwise import Trialwise
from plasticity.trial import Block, Context, codes, output_layer, tally, trial_space


def structure_of(rule: Rule, settings: Settings) -> type[Structure]:
    """Return the structure that this rule gives to the first layer's change."""
    masked = rule.eligible == "random_synapses"
    if (
        rule.criterion in WEIGHT_CRITERIA
        or settings.caching_decay is not None
        or (masked and rule.select != "all")
    ):
        return Trialwise
    if masked:
        return Sparse
    per_layer = rule.chooses_synapses and rule.select == "per_layer"
    return Staircase if per_layer and rule.eligible != "output_only" else Outer


class Engine:
    """Trains one network; see `plasticity.training` for the interface that trainers share.

    Hidden units are in order: the first `plastic` may change their inputs, and the first `active`
    take part in trials one by one, while those beyond are frozen on both sides (`subnet`). Between
    calls of `run` the network is complete and up to date; within, its structure may store parts of
    it elsewhere.
    """

    def __init__(self, data: Dataset, rule: Rule, settings: Settings, seed: int):
        self.data, self.rule, self.settings = data, rule, settings
        self.dtype, width = settings.dtype, settings.width
        inputs = data.train_inputs.shape[1]
        self.network = initial_network(
            width, seed, settings.initial_sd, settings.activation, self.dtype, inputs
        )
        self.eligibility = eligibility(rule, width, inputs, seed)
        self.trial_masks = stream(seed, "trial masks")
        units = self.eligibility.units
        plastic = width if units is None else int(units.sum())
        self.active = plastic if rule.eligible == "subnet" else width
        self.active_outputs = np.append(np.arange(self.active), width)
        self.energy = Energy()
        self.tally = tally(self.energy)
        self.output = output_layer(
            self.network.out[:, self.active_outputs] if self.has_frozen_units else self.network.out,
            self.eligibility.out if rule.eligible == "random_synapses" else None,
            settings,
        )
        space, numbers = trial_space(self.active, self.dtype), codes(rule, settings)
        context = Context(self.active, plastic, space, self.output, numbers, self.tally)
        layer = FirstLayer(
            self.network.hidden, rule, settings, self.eligibility, data.train_order, context
        )
        self.structure = structure_of(rule, settings)(layer)
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
        """Train on these patterns, one a trial; return the number of trials run before
        divergence."""
        self.structure.begin()
        done, length = 0, self.structure.block_length
        for first in range(0, len(patterns), length):
            block = self._block(patterns[first : first + length])
            run = self.structure.run(block)
            done += run
            if run < len(block.x):
                break
        self.structure.end()
        if self.has_frozen_units:
            self.network.out[:, self.active_outputs] = self.output.weights
        return done

    def _block(self, patterns: np.ndarray) -> Block:
        """Return the block of trials with these patterns."""
        # "clip": patterns are in range, and to check it would cost a second pass.
        x = np.take(self.data.train_inputs, patterns, axis=0, mode="clip")
        x = x.astype(self.dtype, copy=False)
        labels = self.data.train_labels[patterns].astype(np.int64)
        return Block(patterns, x, labels, self._offset(patterns, x), self._trial_units(labels))

    def _trial_units(self, labels: np.ndarray) -> np.ndarray:
        """Return the eligible hidden units of each trial (T, N); no rows where they are always the
        first `plastic`."""
        eligible = self.eligibility
        if eligible.class_units is not None:
            return eligible.class_units[labels].astype(np.uint8)
        if eligible.fresh is not None:
            draw = self.trial_masks.random((len(labels), self.settings.width), dtype=np.float32)
            return (draw < np.float32(eligible.fresh)).astype(np.uint8)
        return np.empty((0, 0), np.uint8)

    def _offset(self, patterns: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return what frozen hidden units add to the outputs, (T, 10), for x (T, 785): computed
        once a pattern."""
        if not self.has_frozen_units:
            return np.zeros((len(patterns), CLASSES), self.dtype)
        new = np.isnan(self.frozen_train[patterns, 0])
        if new.any():
            self.frozen_train[patterns[new]] = self._frozen_outputs(x[new])
        return self.frozen_train[patterns]

    def _frozen_outputs(self, x: np.ndarray) -> np.ndarray:
        """Return what frozen hidden units add to the outputs, (patterns, 10), computed anew."""
        h = activate(x @ self.network.hidden[self.active :].T, self.network.activation)
        return h @ self.network.out[:, self.active : -1].T

    def finish(self) -> None:
        """Consolidate what is left in the transient parts."""
        self.energy.consolidate(HIDDEN, self.structure.transient)
        self.energy.consolidate(OUT, self.output.transient)

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of updates of each synapse: (N, inputs), perhaps a read-only view, and
        (10, N + 1)."""
        out = np.zeros(self.network.out.shape, np.int64)
        out[:, self.active_outputs] = self.output.counts + self.output.row_counts
        return self.structure.counts(), out

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return output activities (patterns, 10), with bounded memory at any width."""
        return self._in_parts(lambda x: outputs(self.network, x), inputs)

    def test_outputs(self, chosen: np.ndarray) -> np.ndarray:
        """Return output activities (patterns, 10) for the test patterns with these indices."""
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
        """Return function(inputs), computed for so few patterns at once that their activities fit
        into memory."""
        rows = max(1, BLOCK_NUMBERS // self.settings.width)
        parts = [
            function(inputs[first : first + rows].astype(self.dtype, copy=False))
            for first in range(0, len(inputs), rows)
        ]
        return np.concatenate(parts)
