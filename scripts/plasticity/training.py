"""Train one network to its goal: draw patterns, run trials, test, and account for the energy.

Two trainers share this loop: `reference`, the literal one, and `engine`, the exact fast one. A
trainer has

- `run(patterns)`: make these trials, return how many were made before the outputs ceased to be
  finite;
- `outputs(inputs)` and `test_outputs(chosen)`: outputs for any inputs, and for some test patterns;
- `network`, `energy`, `updated_trials`, `correct_trials`, `counts()`, and `finish()` at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from plasticity.data import Dataset
from plasticity.energy import HIDDEN, OUT, minima, participation
from plasticity.engine import Engine
from plasticity.reference import Reference
from plasticity.rules import Rule
from plasticity.settings import Settings
from plasticity.streams import stream

TRAINERS: dict[str, type[Engine] | type[Reference]] = {"engine": Engine, "reference": Reference}

# A point of the learning curve; M0 and M1 are totals so far.
CURVE = ["trials", "updated_trials", "accuracy", "train_accuracy", "M0", "M1"]

Progress = Callable[[int, float, int], None]  # trials, share of correct trials since last time, M0


@dataclass
class Result:
    """A trained network with its measures, its update counts and, if asked for, its learning
    curve."""

    measures: dict
    trainer: Engine | Reference
    curve: list[dict] = field(default_factory=list)


class HardestFirst:
    """Answers "has the goal been reached?" exactly, looking at as few test patterns as the answer
    needs.

    A goal of accuracy g on n patterns allows n - ceil(g n) errors. Patterns are classified in an
    order that puts those that were wrong the last time first; as soon as more errors are found than
    allowed, no outcome for the remaining patterns can make the test a success, so the answer "no"
    is certain and is the one that the whole test set would give. A "yes" needs every pattern. The
    order never affects an answer, only its cost.
    """

    CHUNK = 500  # patterns classified at once

    def __init__(self, labels: np.ndarray):
        self.labels = labels
        self.order = np.arange(len(labels))

    def accuracy(self, outputs: Callable[[np.ndarray], np.ndarray], goal: float) -> float | None:
        """Test accuracy if it is at least `goal`, else None; goal 0 gives the accuracy always.

        `outputs` maps indices of test patterns to output activities (patterns, 10).
        """
        n = len(self.labels)
        allowed = n - int(np.ceil(goal * n - 1e-9))
        wrong: list[np.ndarray] = []
        errors = 0
        for first in range(0, n, self.CHUNK):
            patterns = self.order[first : first + self.CHUNK]
            predicted = np.argmax(outputs(patterns), axis=1)
            wrong.append(patterns[predicted != self.labels[patterns]])
            errors += len(wrong[-1])
            if errors > allowed:
                break
        front = np.concatenate(wrong)
        self.order = np.concatenate([front, np.setdiff1d(self.order, front, assume_unique=True)])
        return None if errors > allowed else (n - errors) / n


def train(
    data: Dataset,
    rule: Rule,
    settings: Settings,
    seed: int,
    engine: str = "engine",
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
    is stopped at once and marked as diverged.
    """
    validated = settings.stop_on == "validation"
    split = data.validation() if validated else data
    trainer = TRAINERS[engine](split, rule, settings, seed)
    order = stream(seed, "pattern order")
    test = HardestFirst(split.test_labels)
    limit = max(1, round(settings.max_epochs * len(data.train_labels)))
    curve: list[dict] = []
    trials, accuracy, successes = 0, None, 0

    def measured_training() -> float | None:
        if not train_accuracy:
            return None
        return share_correct(trainer, split.train_inputs, split.train_labels)

    while trials < limit and successes < settings.consecutive_tests:
        interval = min(settings.test_interval, limit - trials)
        correct_before = trainer.correct_trials
        done = trainer.run(order.integers(0, len(split.train_labels), interval))
        trials += done
        M0, M1 = int(trainer.energy.M0.sum()), float(trainer.energy.M1.sum())
        if progress:
            progress(trials, (trainer.correct_trials - correct_before) / max(done, 1), M0)
        if done < interval:
            break
        accuracy = test.accuracy(trainer.test_outputs, 0 if full_tests else settings.goal)
        reached = accuracy is not None and at_least(accuracy, settings.goal)
        successes = successes + 1 if reached else 0
        if full_tests:
            point = (trials, trainer.updated_trials, accuracy, measured_training(), M0, M1)
            curve.append(dict(zip(CURVE, point, strict=True)))
    diverged = done < interval
    trainer.finish()
    accuracies = dict.fromkeys(("accuracy", "validation_accuracy", "train_accuracy"))
    if not diverged:
        decisive = accuracy or test.accuracy(trainer.test_outputs, 0)
        accuracies["accuracy"] = decisive
        if validated:
            accuracies["validation_accuracy"] = decisive
            accuracies["accuracy"] = share_correct(trainer, data.test_inputs, data.test_labels)
        accuracies["train_accuracy"] = measured_training()
    measures = {
        "reached": successes == settings.consecutive_tests,
        "trials": trials,
        "diverged": diverged,
    }
    return Result(measures | accuracies | _energy_measures(trainer, settings, seed), trainer, curve)


def at_least(accuracy: float, goal: float) -> bool:
    """Whether a share of patterns reaches a goal, but for the rounding of either number."""
    return accuracy >= goal - 1e-12


def share_correct(trainer: Engine | Reference, inputs: np.ndarray, labels: np.ndarray) -> float:
    """Share of these patterns (n, inputs) that the network classifies as their labels (n,) say."""
    correct = 0
    for first in range(0, len(labels), HardestFirst.CHUNK):
        part = slice(first, first + HardestFirst.CHUNK)
        y = trainer.outputs(inputs[part])
        correct += int((np.argmax(y, axis=1) == labels[part]).sum())
    return correct / len(labels)


def _energy_measures(trainer: Engine | Reference, settings: Settings, seed: int) -> dict:
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
