"""Training to the goal: runs end when they should."""

from dataclasses import replace

import numpy as np
import pytest

from plasticity.engine import Engine
from plasticity.reference import Reference
from plasticity.rules import Rule
from plasticity.settings import Settings
from plasticity.training import CURVE, train


@pytest.fixture
def script(small):
    """A function that trains with scripted test results: the number of errors of each test."""

    def run(errors: list[int], diverges_at: int | None = None, train_options=(), **settings):
        class Scripted(Reference):
            def __init__(self, *arguments):
                super().__init__(*arguments)
                self.trials, self.tests, self.finished = [], -1, 0

            def run(self, patterns):
                self.trials.append(len(patterns))
                self.tests += 1
                if diverges_at is not None and sum(self.trials) > diverges_at:
                    return len(patterns) - (sum(self.trials) - diverges_at)
                return len(patterns)

            def test_outputs(self, chosen):
                wrong = chosen < errors[self.tests]
                answers = (self.data.test_labels[chosen].astype(int) + wrong) % 10
                return np.eye(10)[answers]

            def outputs(self, inputs):
                return np.eye(10)[np.zeros(len(inputs), int)]

            def finish(self):
                self.finished += 1

        model = Settings(**({"width": 3, "test_interval": 100} | settings))
        return train(small, Rule(), model, 0, Scripted, **dict(train_options))

    return run


def test_a_run_ends_at_the_first_test_that_reaches_the_goal(script):
    result = script([40, 21, 20, 0], goal=0.8)
    m = result.measures
    assert (m["reached"], m["diverged"], m["trials"], m["accuracy"]) == (True, False, 300, 0.8)
    assert result.trainer.trials == [100, 100, 100] and result.trainer.finished == 1
    assert result.curve == [] and m["train_accuracy"] is None


def test_a_run_that_does_not_get_there_is_marked_and_has_its_last_accuracy(script):
    result = script([40, 30, 25], goal=0.8, max_epochs=1)
    m = result.measures
    assert (m["reached"], m["diverged"], m["trials"], m["accuracy"]) == (False, False, 300, 0.75)
    assert result.trainer.finished == 1


def test_the_goal_may_have_to_be_reached_at_several_tests_in_a_row(script):
    errors = [20, 40, 20, 20, 10, 0]
    result = script(errors, goal=0.8, consecutive_tests=3, max_epochs=2)
    assert (result.measures["reached"], result.measures["trials"]) == (True, 500)
    result = script(errors, goal=0.8, consecutive_tests=3, max_epochs=4 / 3)
    assert (result.measures["reached"], result.measures["trials"]) == (False, 400)


@pytest.mark.parametrize("trainer", [Engine, Reference])
def test_validation_neither_trains_on_its_patterns_nor_decides_by_the_test_set(small, trainer):
    model = Settings(
        width=20,
        learning_rate=0.05,
        goal=0.7,
        stop_on="validation",
        test_interval=50,
        max_epochs=5,
    )
    usual = train(small, Rule(), model, 0, trainer)
    y = usual.trainer.outputs(small.train_inputs[-100:])
    share = (np.argmax(y, axis=1) == small.train_labels[-100:]).mean()
    assert usual.measures["validation_accuracy"] == share >= 0.7
    y = usual.trainer.outputs(small.test_inputs)
    share = (np.argmax(y, axis=1) == small.test_labels).mean()
    assert usual.measures["accuracy"] == share
    # Other test labels alter what is found at the end, and nothing else.
    other = replace(small, test_labels=(small.test_labels + 1) % 10)
    found = train(other, Rule(), model, 0, trainer)
    assert found.measures | {"accuracy": share} == usual.measures
    assert found.measures["accuracy"] < 0.5
    # What is held back cannot be learned: with noise in its place, a run of the same length learns
    # the same weights.
    noisy = small.train_inputs.copy()
    noisy[-100:] = np.random.default_rng(0).normal(size=noisy[-100:].shape)
    length = usual.measures["trials"] / len(small.train_labels)
    blind = train(
        replace(small, train_inputs=noisy),
        Rule(),
        replace(model, goal=1, max_epochs=length),
        0,
        trainer,
    )
    np.testing.assert_array_equal(blind.trainer.network.hidden, usual.trainer.network.hidden)


@pytest.mark.parametrize(
    ("max_epochs", "trials"),
    [(0.5, [100, 50]), (1, [100, 100, 100]), (1.1, [100, 100, 100, 30]), (0.01, [3]), (1e-9, [1])],
)
def test_epochs_may_be_fractions(script, max_epochs, trials):
    result = script([50] * 4, max_epochs=max_epochs)
    assert result.trainer.trials == trials
    assert result.measures["trials"] == sum(trials)


def test_the_last_test_may_reach_the_goal(script):
    m = script([50, 4], max_epochs=0.5).measures
    assert (m["reached"], m["trials"], m["accuracy"]) == (True, 150, 0.96)


@pytest.mark.parametrize("full_tests", [True, False])
def test_a_diverging_run_ends_at_once_and_has_no_accuracy(script, full_tests):
    options = {"train_accuracy": True, "full_tests": full_tests}
    result = script([50, 50, 0], diverges_at=130, train_options=options)
    m = result.measures
    assert (m["reached"], m["diverged"], m["trials"]) == (False, True, 130)
    assert m["accuracy"] is None and m["train_accuracy"] is None
    assert result.trainer.trials == [100, 100]


def test_a_curve_has_a_point_a_test(script, small):
    options = {"full_tests": True, "train_accuracy": True}
    result = script([40, 30, 5], goal=0.95, train_options=options)
    share = (small.train_labels == 0).mean()  # the scripted answer to every training pattern is 0
    assert [list(point) for point in result.curve] == [CURVE] * 3
    assert [point["trials"] for point in result.curve] == [100, 200, 300]
    assert [point["accuracy"] for point in result.curve] == [0.6, 0.7, 0.95]
    assert [point["train_accuracy"] for point in result.curve] == [share] * 3
    assert result.measures["train_accuracy"] == share
    assert result.measures["reached"]


@pytest.mark.parametrize("trainer", [Engine, Reference])
def test_a_curve_ends_with_the_runs_measures_and_does_not_alter_them(small, trainer):
    model = Settings(width=20, goal=0.7, test_interval=40, max_epochs=3, learning_rate=0.05)
    plain = train(small, Rule(gate="error"), model, 0, trainer)
    full = train(small, Rule(gate="error"), model, 0, trainer, full_tests=True)
    assert full.measures == plain.measures
    assert plain.curve == [] and len(full.curve) == plain.measures["trials"] / 40 > 2
    for key in ("trials", "updated_trials", "accuracy", "train_accuracy", "M0", "M1"):
        assert full.curve[-1][key] == full.measures[key]
    for key in ("trials", "updated_trials", "M0", "M1"):
        values = [point[key] for point in full.curve]
        assert values == sorted(set(values)), key


def test_train_accuracy_is_the_share_of_training_patterns(small):
    model = Settings(width=20, goal=0.7, max_epochs=2, test_interval=100, learning_rate=0.05)
    result = train(small, Rule(), model, 0, train_accuracy=True)
    right = np.argmax(result.trainer.outputs(small.train_inputs), axis=1) == small.train_labels
    assert result.measures["train_accuracy"] == right.mean() > 0.7


@pytest.mark.parametrize("trainer", [Engine, Reference])
def test_progress_reports_trials_correctness_and_energy(small, trainer):
    reports = []
    model = Settings(width=20, goal=1, max_epochs=0.5, test_interval=60, learning_rate=0.05)
    result = train(
        small, Rule(), model, 0, trainer, progress=lambda *report: reports.append(report)
    )
    assert [trials for trials, _, _ in reports] == [60, 120, 150]
    correct = sum(share * n for (_, share, _), n in zip(reports, (60, 60, 30), strict=True))
    assert correct == pytest.approx(result.trainer.correct_trials)
    assert [M0 for _, _, M0 in reports] == [
        trials * (20 * 23 + 10 * 21) for trials in (60, 120, 150)
    ]


@pytest.mark.parametrize("trainer", [Engine, Reference])
def test_a_run_is_its_seed(small, trainer):
    model = Settings(width=10, max_epochs=0.5, test_interval=100)
    first, again, other = (
        train(small, Rule(), model, seed, trainer).measures for seed in (0, 0, 1)
    )
    assert first == again
    assert first["M1"] != other["M1"]


@pytest.mark.parametrize("trainer", [Engine, Reference])
def test_the_synthetic_data_are_learned(small, trainer):
    model = Settings(width=30, goal=0.8, max_epochs=10, test_interval=100, learning_rate=0.02)
    assert train(small, Rule(), model, 0, trainer).measures["reached"]
