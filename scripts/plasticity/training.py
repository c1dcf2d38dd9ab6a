"""Train one network to its goal: draw patterns, run trials, test, and measure the energy.

Both trainers use this loop: the fast `plasticity.engine` and the literal `plasticity.reference`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from plasticity.data import Dataset
from plasticity.energy import HIDDEN, OUT, Energy, minima, participation
from plasticity.engine import Engine
from plasticity.network import Network
from plasticity.rules import Rule
from plasticity.settings import LARGEST, Settings
from plasticity.streams import stream
from plasticity.testing import HardestFirst, linear_margins, share_correct

# A point of the learning curve; M0 and M1 are totals so far.
CURVE = ["trials", "updated_trials", "accuracy", "train_accuracy", "M0", "M1"]

Progress = Callable[[int, float, int], None]  # trials, share of correct ones in this interval, M0


class Trainer(Protocol):
    """Interface of the trainers: a network, its energy, and methods that train and test it."""

    network: Network
    energy: Energy

    @property
    def updated_trials(self) -> int:
        """Number of trials whose gate was open."""

    @property
    def correct_trials(self) -> int:
        """Number of trials whose pattern was classified correctly before learning."""

    def run(self, patterns: np.ndarray) -> int:
        """Train on the training patterns with these indices (T,), one per trial.

        Returns the number of trials that were run before divergence, that is, before an output was
        infinite or NaN.
        """

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return the output activities (patterns, 10) for inputs (patterns, inputs)."""

    def test_outputs(self, chosen: np.ndarray) -> np.ndarray:
        """Return the output activities (patterns, 10) for test patterns with these indices."""

    def finish(self) -> None:
        """Account for what remains in the transient parts at the end of training."""

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of updates of each synapse, (N, inputs) and (10, N + 1)."""


@dataclass
class Result:
    """The measures of a trained network, its trainer, and its learning curve.

    The curve is empty if it was not requested.
    """

    measures: dict
    trainer: Trainer
    curve: list[dict] = field(default_factory=list)


def train(
    data: Dataset,
    rule: Rule,
    settings: Settings,
    seed: int,
    trainer: Callable[[Dataset, Rule, Settings, int], Trainer] = Engine,
    progress: Progress | None = None,
    full_tests: bool = False,
    train_accuracy: bool = False,
) -> Result:
    """Train one network until it reaches the goal, but not longer than max_epochs.

    The goal is reached when `consecutive_tests` tests in a row have at least the accuracy `goal`.
    The measure "reached" says whether this happened. Training stops immediately if an output is
    infinite or NaN; the measure "diverged" is then True.

    If `stop_on` is "validation", a part of the training set is used as the validation set. It
    replaces the test set in all decisions during training, and is not trained on. The test set is
    classified only at the end.

    `trainer` creates the network and trains it. `progress` is called after each test interval. With
    `full_tests`, each test classifies all patterns and adds a point to the learning curve. With
    `train_accuracy`, the training set is also classified, for each point of the curve and at the
    end.
    """
    validated = settings.stop_on == "validation"
    split = data.validation if validated else data
    trained = trainer(split, rule, settings, seed)
    order = stream(seed, "pattern order")
    test = HardestFirst(split.test_labels, linear_margins(split))
    limit = max(1, round(settings.max_epochs * len(data.train_labels)))
    patterns = min(settings.training_patterns or LARGEST, len(split.train_labels))
    curve: list[dict] = []
    trials, accuracy, successes = 0, None, 0

    def measured_training() -> float | None:
        if not train_accuracy:
            return None
        return share_correct(
            trained.outputs, split.train_inputs[:patterns], split.train_labels[:patterns]
        )

    while trials < limit and successes < settings.consecutive_tests:
        interval = min(settings.test_interval, limit - trials)
        correct_before = trained.correct_trials
        done = trained.run(order.integers(0, patterns, interval))
        trials += done
        M0, M1 = int(trained.energy.M0.sum()), float(trained.energy.M1.sum())
        if progress:
            progress(trials, (trained.correct_trials - correct_before) / max(done, 1), M0)
        if done < interval:
            break
        accuracy = test.accuracy(trained.test_outputs, 0 if full_tests else settings.goal)
        reached = accuracy is not None and at_least(accuracy, settings.goal)
        successes = successes + 1 if reached else 0
        if full_tests:
            point = (trials, trained.updated_trials, accuracy, measured_training(), M0, M1)
            curve.append(dict(zip(CURVE, point, strict=True)))
    diverged = done < interval
    trained.finish()
    accuracies = dict.fromkeys(("accuracy", "validation_accuracy", "train_accuracy"))
    if not diverged:
        decisive = accuracy or test.accuracy(trained.test_outputs, 0)
        accuracies["accuracy"] = decisive
        if validated:
            accuracies["validation_accuracy"] = decisive
            accuracies["accuracy"] = share_correct(
                trained.outputs, data.test_inputs, data.test_labels
            )
        accuracies["train_accuracy"] = measured_training()
    measures = {
        "reached": successes == settings.consecutive_tests,
        "trials": trials,
        "diverged": diverged,
    }
    return Result(measures | accuracies | _energy_measures(trained, settings, seed), trained, curve)


def at_least(accuracy: float, goal: float) -> bool:
    """Return whether an accuracy reaches a goal, apart from rounding errors."""
    return accuracy >= goal - 1e-12


def _energy_measures(trainer: Trainer, settings: Settings, seed: int) -> dict:
    """Return the energies and counts of a finished run. A measure without meaning is None."""
    energy = trainer.energy
    M0_min, M1_min = minima(
        trainer.network, seed, settings.initial_sds(trainer.network.hidden.shape[1])
    )
    caching = settings.caching_threshold is not None
    return {
        "updated_trials": trainer.updated_trials,
        "M0": int(energy.M0.sum()),
        "M0_hidden": int(energy.M0[HIDDEN]),
        "M0_out": int(energy.M0[OUT]),
        "M1": float(energy.M1.sum()),
        "M1_hidden": float(energy.M1[HIDDEN]),
        "M1_out": float(energy.M1[OUT]),
        "M0_min": M0_min,
        "M1_min": M1_min,
        "participation": participation(trainer.counts()),
        "M0_consolidation": int(energy.M0_consolidation.sum()) if caching else None,
        "M1_consolidation": float(energy.M1_consolidation.sum()) if caching else None,
        "maintenance": float(energy.maintenance.sum()) if caching else None,
    }
