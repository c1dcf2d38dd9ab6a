"""Test a network: has it reached its goal, and how many patterns does it classify correctly?

Most tests of a run fail, since training ends with the first that succeeds. A goal of accuracy g on
n patterns allows n - ceil(g n) errors; one error more settles the answer. So a test that fails
costs the least when the patterns that are classified incorrectly come first. `HardestFirst` sorts
the patterns by an estimate of their margin, which is the right output minus the largest wrong one.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from plasticity.data import Dataset

Outputs = Callable[[np.ndarray], np.ndarray]  # to output activities (patterns, 10)

CHUNK = 500  # most patterns to classify at once: their activities stay in the cache
LEAST = 128  # fewest patterns to classify at once: small matrix products are slow
STRIDE = 5  # of the inputs that `linear_margins` uses; no divisor of a row of 28 pixels
LARGEST = 8.0  # bound on estimated margins
STEPS = 4096  # of estimated margins in a unit; LARGEST * STEPS fits into int16


class HardestFirst:
    """Answers "has the goal been reached?" exactly, from as few test patterns as possible.

    Patterns are classified in increasing order of their estimated margin. The answer does not
    depend on this order:

    - "No" is given only when more errors than allowed have been counted. The network makes these
      errors in every order, and no outcome for the remaining patterns can remove them.
    - "Yes" is given only when all patterns have been classified. The number of errors in all
      patterns is the same in every order.

    So the estimates may be arbitrarily wrong: a bad order costs time, and nothing else. They start
    as `estimates` (n,). When a pattern is classified, its estimate becomes the mean of the estimate
    and the new margin, since margins fluctuate from test to test.

    One reservation: the last bit of an output can depend on a pattern's place in a matrix product,
    so two outputs that are equal up to rounding may swap. A run's order is the same each time, so
    its bytes are, too.
    """

    def __init__(self, labels: np.ndarray, estimates: np.ndarray):
        self.labels = labels
        self.estimates = estimates.copy()

    def accuracy(self, outputs: Outputs, goal: float) -> float | None:
        """Test accuracy if it is at least `goal`, else None; goal 0 gives the accuracy always.

        `outputs` maps indices of test patterns to output activities (patterns, 10).
        """
        n = len(self.labels)
        allowed = n - int(np.ceil(goal * n - 1e-9))
        order = ascending(self.estimates)
        first, errors, share = 0, 0, 1.0
        while first < n and errors <= allowed:
            # The share of errors falls along the order, so this many contain no more than needed.
            size = (allowed + 1 - errors) / max(share, 1 / CHUNK)
            patterns = order[first : first + int(np.clip(size, LEAST, CHUNK))]
            wrong = self._wrong(outputs(patterns), patterns)
            first += len(patterns)
            errors += wrong
            share = wrong / len(patterns)
        return None if errors > allowed else (n - errors) / n

    def _wrong(self, y: np.ndarray, patterns: np.ndarray) -> int:
        """Number of errors in the outputs y of these patterns; updates their estimates."""
        labels = self.labels[patterns]
        self.estimates[patterns] += (margins(y, labels) - self.estimates[patterns]) / 2
        return int((np.argmax(y, axis=1) != labels).sum())


def share_correct(outputs: Outputs, inputs: np.ndarray, labels: np.ndarray) -> float:
    """Share of these patterns (n, inputs) that the network classifies as their labels (n,) say.

    `outputs` maps inputs to output activities (patterns, 10).
    """
    correct = 0
    for first in range(0, len(labels), CHUNK):
        part = slice(first, first + CHUNK)
        correct += int((np.argmax(outputs(inputs[part]), axis=1) == labels[part]).sum())
    return correct / len(labels)


def margins(y: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Right output minus the largest wrong one, (patterns,) float32, of outputs y (patterns, 10).

    Bounded by LARGEST, which also replaces NaN, so that estimates stay finite.
    """
    rows = np.arange(len(labels))
    wrong = y.copy()
    wrong[rows, labels] = -np.inf
    margin = y[rows, labels] - wrong.max(axis=1)
    return np.fmin(np.fmax(margin, -LARGEST), LARGEST).astype(np.float32)


def ascending(estimates: np.ndarray) -> np.ndarray:
    """Indices that sort estimated margins (n,), the first of equal ones first.

    Rounded to integers of 16 bits, which NumPy sorts 30 times faster than floats.
    """
    return np.argsort((estimates * (STEPS - 1)).astype(np.int16), kind="stable")


@lru_cache(maxsize=2)
def linear_margins(data: Dataset) -> np.ndarray:
    """Margins (n,) of the test patterns under a linear classifier: estimates for a first test.

    Ridge regression of the test labels on every fifth input takes 12 ms, once for each data set in
    a process. Patterns that are hard for it are hard for networks as well. The test labels decide
    nothing here but the order in which patterns are classified.
    """
    x = np.ascontiguousarray(data.test_inputs[:, ::-STRIDE])  # the last is the bias input
    targets = data.test_labels[:, None] == np.arange(10)
    gram = x.T @ x + len(x) / 500 * np.eye(x.shape[1], dtype=x.dtype)
    y = x @ np.linalg.solve(gram, x.T @ targets.astype(x.dtype))
    return margins(y, data.test_labels)
