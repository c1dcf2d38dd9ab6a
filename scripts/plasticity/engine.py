"""Exact training at the speed of matrix products.

On-line learning seems to be sequential: the pre-activations of trial t depend on the weights after
trial t - 1. But the change of the first layer is an outer product,

    W(t+1) = W(t) + delta_t x_t,    delta_t (N,) = learning rate x back-propagated error,

and the patterns x_1 ... x_T of the next T trials can be drawn in advance. These trials form a
block. Let W be the weights at the start of the block. Then

    a_t = W(t) x_t = W x_t + sum_{s<t} delta_s (x_s . x_t).                           (1)

For the whole block, the first term is one matrix product, (T, 785) x (785, N). The scalar products
x_s . x_t are another small one, (T, T). Each trial then requires only the sum over earlier trials
in (1), and a few vector operations (`plasticity.trial`). The weights are not needed again until the
end of the block, where one more matrix product makes all changes,

    W += sum_t delta_t x_t = Delta^T X,    Delta (T, N), X (T, 785).                   (2)

Nothing is approximated: (1) and (2) hold for every T, and results differ from those of the literal
method by rounding errors only. The output layer is small and learns trial by trial.

The form of (1) and (2) depends on how a rule restricts the changes of the first layer. There are
four structures. Each is derived in a module of `plasticity.structures`:

- `outer`: hidden units are masked, or all units change the same inputs. (1) and (2) hold with
  masked vectors.
- `staircase`: competition per layer by the size of the update. Prefix sums replace x_s . x_t in
  (1), and (2) is restricted to the winners.
- `sparse`: a fixed random mask of synapses. The frozen synapses use the first term of (1); the
  plastic synapses learn trial by trial.
- `trialwise`: all other rules, trial by trial.

Frozen hidden units need little time. The units outside a subnet contribute a vector of 10 numbers
per pattern to the outputs, which is computed once for each distinct pattern. The units inside the
subnet are trained like a smaller network.
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
    """Return the structure that the changes of the first layer have under this rule."""
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
    """Fast trainer of one network, with the interface of `plasticity.training.Trainer`.

    Hidden units are ordered. The inputs of the first `plastic` units may change. The first `active`
    units take part in each trial; the others are frozen, with their inputs and outputs (`subnet`).
    Between calls of `run`, `network` contains the current weights. During a call, the structure may
    store some of them elsewhere.
    """

    def __init__(self, data: Dataset, rule: Rule, settings: Settings, seed: int):
        self.data, self.rule, self.settings = data, rule, settings
        self.dtype, width = settings.dtype, settings.width
        inputs = data.train_inputs.shape[1]
        self.network = initial_network(
            width, seed, settings.initial_sds(inputs), settings.activation, self.dtype, inputs
        )
        self.eligibility = eligibility(rule, width, inputs, seed)
        self.trial_masks = stream(seed, "trial masks")
        self.trials = 0
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
            (len(data.train_labels), CLASSES + 1), np.nan, self.dtype
        )
        self.frozen_test: np.ndarray | None = None

    @property
    def updated_trials(self) -> int:
        """Number of trials whose gate was open."""
        return int(self.tally.trials[0])

    @property
    def correct_trials(self) -> int:
        """Number of trials whose pattern was classified correctly before learning."""
        return int(self.tally.trials[1])

    @property
    def has_frozen_units(self) -> bool:
        """Whether there are hidden units whose inputs and outputs cannot change."""
        return self.active < self.settings.width

    def run(self, patterns: np.ndarray) -> int:
        """Train on these patterns, one per trial.

        `patterns` (T,) are indices of training patterns. Returns the number of trials that were
        run before divergence, that is, before an output was infinite or NaN.
        """
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
        # All indices are valid; "clip" avoids checking them, which would cost a second pass.
        x = np.take(self.data.train_inputs, patterns, axis=0, mode="clip")
        x = x.astype(self.dtype, copy=False)
        labels = self.data.train_labels[patterns].astype(np.int64)
        block = Block(
            patterns, x, labels, self._offset(patterns, x), self._trial_units(labels), self._gain(x)
        )
        self.trials += len(patterns)
        return block

    def _trial_units(self, labels: np.ndarray) -> np.ndarray:
        """Return the mask of the eligible hidden units on each trial, uint8 (T, N).

        The array is empty if the first `plastic` units are eligible on all trials.
        """
        eligible = self.eligibility
        if eligible.class_units is not None:
            return eligible.class_units[labels].astype(np.uint8)
        if eligible.alternating is not None:
            turns = np.arange(self.trials, self.trials + len(labels)) % len(eligible.alternating)
            return eligible.alternating[turns].astype(np.uint8)
        if eligible.fresh is not None:
            draw = self.trial_masks.random((len(labels), self.settings.width), dtype=np.float32)
            return (draw < np.float32(eligible.fresh)).astype(np.uint8)
        return np.empty((0, 0), np.uint8)

    def _gain(self, x: np.ndarray) -> np.ndarray:
        """Return the factor of the hidden layer's learning rate on each trial, (T,)."""
        if self.settings.rate_unit == "trial":
            return np.ones(len(x), self.dtype)
        return 1 / np.einsum("ti,ti->t", x, x)

    def _offset(self, patterns: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the contribution of frozen hidden units to the outputs, see `Block`, (T, 11).

        `x` (T, 785) are the patterns. The contribution of each pattern is computed only once.
        """
        if not self.has_frozen_units:
            return np.zeros((len(patterns), CLASSES + 1), self.dtype)
        new = np.isnan(self.frozen_train[patterns, 0])
        if new.any():
            self.frozen_train[patterns[new]] = self._frozen_outputs(x[new])
        return self.frozen_train[patterns]

    def _frozen_outputs(self, x: np.ndarray) -> np.ndarray:
        """Compute the contribution of frozen hidden units, (patterns, 11)."""
        h = activate(x @ self.network.hidden[self.active :].T, self.network.activation)
        squares = np.einsum("ti,ti->t", h, h)
        return np.column_stack([h @ self.network.out[:, self.active : -1].T, squares])

    def finish(self) -> None:
        """Consolidate what remains in the transient parts at the end of training."""
        self.energy.consolidate(HIDDEN, self.structure.transient)
        self.energy.consolidate(OUT, self.output.transient)

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of updates of each synapse, (N, inputs) and (10, N + 1).

        The first array may be a read-only view.
        """
        out = np.zeros(self.network.out.shape, np.int64)
        out[:, self.active_outputs] = self.output.counts + self.output.row_counts
        return self.structure.counts(), out

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return the output activities (patterns, 10), with limited memory at every width."""
        return self._in_parts(lambda x: outputs(self.network, x), inputs)

    def test_outputs(self, chosen: np.ndarray) -> np.ndarray:
        """Return the output activities (patterns, 10) for test patterns with these indices."""
        if not self.has_frozen_units:
            return self.outputs(self.data.test_inputs[chosen])
        if self.frozen_test is None:
            self.frozen_test = self._in_parts(self._frozen_outputs, self.data.test_inputs)
        x = self.data.test_inputs[chosen].astype(self.dtype, copy=False)
        subnet = Network(
            self.network.hidden[: self.active], self.output.weights, self.network.activation
        )
        return outputs(subnet, x) + self.frozen_test[chosen, :CLASSES]

    def _in_parts(
        self, function: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray
    ) -> np.ndarray:
        """Return function(inputs), computed in parts that are small enough for the memory."""
        rows = max(1, BLOCK_NUMBERS // self.settings.width)
        parts = [
            function(inputs[first : first + rows].astype(self.dtype, copy=False))
            for first in range(0, len(inputs), rows)
        ]
        return np.concatenate(parts)
