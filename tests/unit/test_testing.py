"""Tests that stop early give the answer of the whole test set, whatever they look at first."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plasticity import testing
from plasticity.testing import HardestFirst, linear_margins, margins, share_correct


def outputs_of(y: np.ndarray, seen: list):
    """A function of pattern indices that gives their outputs y and notes the indices."""

    def outputs(chosen):
        seen.extend(chosen)
        return y[chosen]

    return outputs


def right_where(correct: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Outputs (patterns, 10) that are right where `correct`."""
    return np.eye(10)[np.where(correct, labels, (labels + 1) % 10)]


# Outputs of few values are often equal, others are not finite.
values = st.sampled_from([0.0, 0.0, 0.5, 1.0, -1.0, 1e30, np.inf, -np.inf, np.nan])


@pytest.mark.filterwarnings("ignore:invalid value")  # a difference of infinities
@given(
    data=st.data(),
    n=st.integers(1, 60),
    least=st.integers(1, 70),
    most=st.integers(1, 70),
    estimates=st.sampled_from(["zero", "random"]),
)
def test_the_answer_is_that_of_all_patterns(data, n, least, most, estimates):
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    labels = rng.integers(0, 10, n)
    start = np.zeros(n, np.float32) if estimates == "zero" else rng.uniform(-8, 8, n)
    test = HardestFirst(labels, start.astype(np.float32))
    for _ in range(4):
        ease = data.draw(st.sampled_from([0.0, 0.5, 2.0]))
        y = rng.normal(size=(n, 10)) + ease * np.eye(10)[labels]
        odd = rng.random(n) < data.draw(st.sampled_from([0.0, 0.3]))
        y[odd] = rng.choice(data.draw(st.lists(values, min_size=1)), (odd.sum(), 10))
        right = int((np.argmax(y, axis=1) == labels).sum())
        # Goals at which a single pattern decides, and any other.
        needed = data.draw(st.integers(max(right - 1, 1), min(right + 1, n)) | st.integers(1, n))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(testing, "MIN_CHUNK", min(least, most))
            patch.setattr(testing, "CHUNK", most)
            seen: list[int] = []
            found = test.accuracy(outputs_of(y, seen), needed / n)
            assert found == (right / n if right >= needed else None)
            assert len(set(seen)) == len(seen)
            assert len(seen) == n or found is None
            assert test.accuracy(outputs_of(y, []), 0) == right / n
        assert np.isfinite(test.estimates).all()


@pytest.mark.parametrize(
    ("right", "goal", "expected"),
    [(9500, 0.95, 0.95), (9499, 0.95, None), (10000, 1, 1), (9999, 1, None), (0, 0, 0)],
)
def test_goal_is_reached_exactly(right, goal, expected):
    labels = np.zeros(10000, int)
    y = right_where(np.arange(10000) < right, labels)
    for estimates in (np.arange(10000), -np.arange(10000), np.zeros(10000)):
        test = HardestFirst(labels, (estimates / 2000).astype(np.float32))
        assert test.accuracy(outputs_of(y, []), goal) == expected


def test_no_more_patterns_than_needed_are_looked_at_where_the_hardest_are_known():
    labels = np.arange(2000) % 10
    correct = np.arange(2000) < 1890  # the last 110 are wrong
    test = HardestFirst(labels, np.zeros(2000, np.float32))
    y = right_where(correct, labels)
    for known in (False, True):
        seen: list[int] = []
        assert test.accuracy(outputs_of(y, seen), 0.95) is None
        assert len(seen) == (testing.MIN_CHUNK if known else 2000)
    assert set(np.flatnonzero(~correct)) <= set(seen)


def test_patterns_are_looked_at_by_growing_margin(monkeypatch):
    monkeypatch.setattr(testing, "MIN_CHUNK", 1)
    labels = np.zeros(5, int)
    test = HardestFirst(labels, np.array([0.3, -0.1, 0.2, -0.1, 0.25], np.float32))
    y = np.zeros((5, 10))
    y[:, 0] = 1.2, 0.1, 0.1, 0.1, 0.1
    for expected in ([1, 3, 2, 4, 0], [1, 3, 2, 4, 0]):
        seen: list[int] = []
        assert test.accuracy(outputs_of(y, seen), 1) == 1
        assert seen == expected
    np.testing.assert_allclose(test.estimates, [0.975, 0.05, 0.125, 0.05, 0.1375], rtol=1e-6)


def test_margin_is_the_right_output_minus_the_largest_wrong_one():
    y = np.zeros((5, 10), np.float32)
    y[0, 3], y[1, 4], y[2, :2], y[3, 0], y[4, 0] = 2, 0.5, 1, 1e9, np.nan
    expected = [2, -0.5, 0, testing.LARGEST, -testing.LARGEST]
    found = margins(y, np.array([3, 3, 0, 0, 0]))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32


def test_linear_margins_are_those_of_ridge_regression(small):
    x = small.test_inputs[:, [22, 17, 12, 7, 2]].astype(float)
    root = np.sqrt(len(x) / 500) * np.eye(5)  # more patterns, which pull the weights to zero
    targets = np.concatenate([np.eye(10)[small.test_labels], np.zeros((5, 10))])
    weights, *_ = np.linalg.lstsq(np.concatenate([x, root]), targets, rcond=None)
    expected = margins(x @ weights, small.test_labels)
    np.testing.assert_allclose(linear_margins(small), expected, atol=1e-4)
    assert linear_margins(small) is linear_margins(small)
    assert linear_margins(replace(small)) is not linear_margins(small)


def test_linear_margins_tell_hard_patterns_from_easy_ones(mnist):
    estimates = linear_margins(mnist)
    assert estimates.shape == (10000,)
    assert 0.8 < (estimates > 0).mean() < 0.9


def test_share_correct_counts_every_pattern(monkeypatch):
    monkeypatch.setattr(testing, "CHUNK", 3)
    labels = np.arange(8) % 4
    correct = np.array([1, 1, 0, 1, 0, 1, 1, 1], bool)
    y = right_where(correct, labels)
    assert share_correct(lambda inputs: y[inputs], np.arange(8), labels) == 6 / 8
