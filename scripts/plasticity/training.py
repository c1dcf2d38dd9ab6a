"""Train one network to its goal: draw patterns, run trials, test, and account for the energy.

The loop is the same for both trainers: `plasticity.engine`, the fast one, and the literal one.
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
from plasticity.settings import Settings
from plasticity.streams import stream
from plasticity.testing import HardestFirst, linear_margins, share_correct

# A point of the learning curve; M0 and M1 are totals so far.
CURVE = ["trials", "updated_trials", "accuracy", "train_accuracy", "M0", "M1"]

Progress = Callable[[int, float, int], None]  # trials, share of correct trials since last time, M0


class Trainer(Protocol):
    """A network and what trains it."""

    network: Network
    energy: Energy

    @property
    def updated_trials(self) -> int:
        """Number of trials whose gate was open."""

    @property
    def correct_trials(self) -> int:
        """Number of trials whose pattern was classified correctly, before learning from it."""

    def run(self, patterns: np.ndarray) -> int:
        """Make these trials; return how many were made before the outputs ceased to be finite."""

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Output activities (patterns, 10) for inputs (patterns, inputs)."""

    def test_outputs(self, chosen: np.ndarray) -> np.ndarray:
        """Output activities (patterns, 10) for the test patterns with these indices."""

    def finish(self) -> None:
        """Account for what is left when training ends."""

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Number of updates of each synapse, shaped like the weights of both layers."""


@dataclass
class Result:
    """A trained network with its measures, its update counts and, if asked for, its learning
    curve."""

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
    """Train one network until its test accuracy reaches the goal, or for max_epochs.

    The goal counts as reached when that many consecutive tests find it so. With `stop_on`
    validation, patterns of the training set take the place of the test set in all that is decided
    during training; they are not trained on, and the test set is classified at the end only.
    With `full_tests` every test classifies all patterns and gives a point of the learning curve;
    with `train_accuracy` the training set is classified too, wherever the test accuracy is known. A
    network that does not get there is marked as not reached; one whose outputs cease to be finite
    is stopped at once and marked as diverged. `trainer` makes the network and trains it.
    """
    validated = settings.stop_on == "validation"
    split = data.validation if validated else data
    trained = trainer(split, rule, settings, seed)
    order = stream(seed, "pattern order")
    test = HardestFirst(split.test_labels, linear_margins(split))
    limit = max(1, round(settings.max_epochs * len(data.train_labels)))
    curve: list[dict] = []
    trials, accuracy, successes = 0, None, 0

    def measured_training() -> float | None:
        if not train_accuracy:
            return None
        return share_correct(trained.outputs, split.train_inputs, split.train_labels)

    while trials < limit and successes < settings.consecutive_tests:
        interval = min(settings.test_interval, limit - trials)
        correct_before = trained.correct_trials
        done = trained.run(order.integers(0, len(split.train_labels), interval))
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
    """Whether a share of patterns reaches a goal, but for the rounding of either number."""
    return accuracy >= goal - 1e-12


def _energy_measures(trainer: Trainer, settings: Settings, seed: int) -> dict:
    """Everything that a finished run has cost; None where a measure is not meant."""
    energy = trainer.energy
    M0_min, M1_min = minima(trainer.network, seed, settings.initial_sd)
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
