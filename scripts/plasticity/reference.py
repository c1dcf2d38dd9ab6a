"""The literal trainer: the definition of the model, trial by trial, in plain NumPy.

The code is written for readers, and serves as the reference in tests of the fast engine. It is
never optimised.
"""

import numpy as np

from plasticity.data import Dataset
from plasticity.energy import HIDDEN, OUT, Energy
from plasticity.network import (
    activate,
    hidden_error,
    initial_network,
    output_error,
    outputs,
    with_constant_unit,
)
from plasticity.rules import (
    ERROR_CRITERIA,
    UNIT_CRITERIA,
    UPDATE_CRITERIA,
    Rule,
    chosen,
    eligibility,
)
from plasticity.settings import Settings, learning_rates
from plasticity.streams import stream


def gate_open(rule: Rule, y: np.ndarray, label: int) -> bool:
    """Return whether the gate is open for a pattern of class `label` with outputs y (10,).

    The gate `error` is open if the pattern is misclassified. The gate `margin` is open if the
    correct output exceeds the largest wrong output by less than the margin; with both loss
    functions, this compares linear outputs (Pache and van Rossum, arXiv:2303.16067). The margin may
    be relative to the root mean square of the outputs.
    """
    if rule.gate == "always":
        return True
    if rule.gate == "error":
        return int(np.argmax(y)) != label
    if rule.gate == "margin":
        unit = np.sqrt(np.mean(y**2)) if rule.margin_unit == "rms" else 1
        return bool(y[label] - np.delete(y, label).max() < float(rule.margin or 0) * unit)
    raise ValueError(rule.gate)


class Reference:
    """Literal trainer of one network, with the interface of `plasticity.training.Trainer`."""

    def __init__(self, data: Dataset, rule: Rule, settings: Settings, seed: int):
        self.data, self.rule, self.settings = data, rule, settings
        inputs = data.train_inputs.shape[1]
        self.dtype = settings.dtype
        self.network = initial_network(
            settings.width,
            seed,
            settings.initial_sds(inputs),
            settings.activation,
            self.dtype,
            inputs,
        )
        self.eligibility = eligibility(rule, settings.width, inputs, seed)
        self.rates = learning_rates(rule, settings)
        self.trial_masks = stream(seed, "trial masks")
        self.trials = 0
        self.energy = Energy()
        self.updated_trials = 0
        self.correct_trials = 0
        layers = (self.network.hidden, self.network.out)
        self._counts = [np.zeros(w.shape, np.int64) for w in layers]
        self.transient = [np.zeros_like(w) for w in layers]

    def run(self, patterns: np.ndarray) -> int:
        """Train on these patterns, one per trial.

        `patterns` (T,) are indices of training patterns. Returns the number of trials that were
        run before divergence, that is, before an output was infinite or NaN.
        """
        for done, pattern in enumerate(patterns):
            x = self.data.train_inputs[pattern].astype(self.dtype)
            if not self.trial(x, int(self.data.train_labels[pattern])):
                return done
        return len(patterns)

    def trial(self, x: np.ndarray, label: int) -> bool:
        """Present one pattern and learn from it.

        `x` (inputs,) is the pattern and `label` its class. Returns False, and does not learn, if
        an output is not finite.
        """
        network, (rate, rate_out) = self.network, map(self.dtype, self.rates)
        self.decay()
        a = network.hidden @ x
        h = with_constant_unit(activate(a, network.activation))
        y = network.out @ h
        if not np.isfinite(y).all():
            return False
        self.correct_trials += int(np.argmax(y) == label)
        units = self.eligibility.trial_units(network.width, self.trials, label, self.trial_masks)
        self.trials += 1
        if gate_open(self.rule, y, label):
            self.updated_trials += 1
            if self.settings.rate_unit == "squared_activity":
                rate, rate_out = rate / (x @ x), rate_out / (h @ h)
            error = output_error(y, label, self.settings.loss)
            delta = rate * hidden_error(network, a, error)
            changes = [np.outer(delta, x), np.outer(rate_out * error, h)]
            masks = self.plastic_synapses(units, delta, h, changes)
            self.change([np.where(m, c, 0) for m, c in zip(masks, changes, strict=True)])
        for layer in (HIDDEN, OUT):
            self.energy.maintenance[layer] += np.abs(self.transient[layer]).sum(dtype=np.float64)
        return True

    def plastic_synapses(
        self, units: np.ndarray, delta: np.ndarray, h: np.ndarray, changes: list[np.ndarray]
    ) -> list[np.ndarray]:
        """Return the masks (N, inputs) and (10, N + 1) of the synapses that change on this trial.

        `units` (N,) is the mask of the eligible hidden units, `delta` (N,) is the learning rate
        times the back-propagated errors, and `h` (N + 1,) are the activities. `changes` are the
        updates of both layers that unrestricted back-propagation proposes.
        """
        rule, eligible = self.rule, self.eligibility
        if rule.criterion in UNIT_CRITERIA:
            values = delta if rule.criterion in ERROR_CRITERIA else h[:-1]
            k = rule.number(HIDDEN, int(units.sum()))
            units = chosen(np.abs(values), units, k, rule.wants_largest)
        masks = [np.repeat(units[:, None], changes[HIDDEN].shape[1], axis=1)]
        masks[HIDDEN] &= True if eligible.hidden is None else eligible.hidden
        masks.append(np.ones(changes[OUT].shape, bool) if eligible.out is None else eligible.out)
        if not rule.chooses_synapses:
            return masks
        weights = [self.network.hidden, self.network.out]
        competing = changes if rule.criterion in UPDATE_CRITERIA else weights
        return [
            self.select(layer, np.abs(values), mask)
            for layer, (values, mask) in enumerate(zip(competing, masks, strict=True))
        ]

    def select(self, layer: int, values: np.ndarray, eligible: np.ndarray) -> np.ndarray:
        """Return the mask of the synapses of a layer that win the competition.

        `values`, which are compared, and the mask `eligible` have the shape of the layer's
        weights. The winners are a fraction or a number of the eligible synapses of the layer, or
        of each receiving unit.
        """
        rule, largest = self.rule, self.rule.wants_largest
        if rule.select == "per_layer":
            return chosen(values, eligible, rule.number(layer, int(eligible.sum())), largest)
        rows = zip(values, eligible, strict=True)
        return np.stack([chosen(v, e, rule.number(layer, int(e.sum())), largest) for v, e in rows])

    def change(self, changes: list[np.ndarray]) -> None:
        """Apply the changes of both layers to the weights, and account for them.

        The energy, the update counts and the transient parts are updated.
        """
        weights = (self.network.hidden, self.network.out)
        for layer, (weight, change) in enumerate(zip(weights, changes, strict=True)):
            weight += change
            self.energy.add(layer, change)
            self._counts[layer] += change != 0
            if self.settings.caching_threshold is not None:
                transient = self.transient[layer]
                transient += change
                full = np.abs(transient) > self.settings.caching_threshold
                self.energy.consolidate(layer, transient[full])
                transient[full] = 0

    def decay(self) -> None:
        """Let the transient parts, and the weights with them, decay at the start of a trial."""
        if self.settings.caching_decay is None:
            return
        weights = (self.network.hidden, self.network.out)
        for weight, transient in zip(weights, self.transient, strict=True):
            loss = self.dtype(self.settings.caching_decay) * transient
            transient -= loss
            weight -= loss

    def finish(self) -> None:
        """Consolidate what remains in the transient parts at the end of training."""
        for layer, transient in enumerate(self.transient):
            self.energy.consolidate(layer, transient)
            transient[:] = 0

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of updates of each synapse, (N, inputs) and (10, N + 1)."""
        return self._counts[HIDDEN], self._counts[OUT]

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return the output activities (patterns, 10) for inputs (patterns, inputs)."""
        return outputs(self.network, inputs.astype(self.dtype, copy=False))

    def test_outputs(self, chosen: np.ndarray) -> np.ndarray:
        """Return the output activities (patterns, 10) for test patterns with these indices."""
        return self.outputs(self.data.test_inputs[chosen])
