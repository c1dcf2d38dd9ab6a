"""Test whether a network has reached its goal, and how many patterns it classifies correctly.

Most tests of a run fail, because training ends with the first successful test. The accuracy g on n
patterns allows n - ceil(g n) errors, and a test has failed as soon as there is one error more. A
test that fails is therefore fastest if the misclassified patterns come first. `HardestFirst` sorts
the patterns by an estimate of their margin, the correct output minus the largest wrong output.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from plasticity.data import Dataset

Outputs = Callable[[np.ndarray], np.ndarray]  # returns output activities (patterns, 10)

CHUNK = 500  # maximum number of patterns to classify at once: their activities fit into the cache
MIN_CHUNK = 128  # minimum number of patterns to classify at once: small matrix products are slow
STRIDE = 5  # `linear_margins` uses every fifth input; 5 does not divide a row of 28 pixels
LARGEST = 8.0  # limit of the absolute value of estimated margins
STEPS = 4096  # for estimated margins as integers; LARGEST * (STEPS - 1) fits into int16


class HardestFirst:
    """Test exactly whether the goal has been reached, with as few test patterns as possible.

    Patterns are classified in the order of increasing estimated margin. The answer does not depend
    on this order:

    - The answer is "no" only after more errors than allowed have been counted. The network makes
      these errors in every order, and the remaining patterns cannot remove them.
    - The answer is "yes" only after all patterns have been classified. The total number of errors
      is the same in every order.

    Wrong estimates therefore cost time, but cannot change the answer. The initial estimates are
    `estimates` (n,). When a pattern is classified, its estimate becomes the mean of the old
    estimate and the new margin, because margins fluctuate from test to test.

    There is one exception: the last bit of an output can depend on the position of the pattern in a
    matrix product. If two outputs of a pattern are equal up to rounding, its class can depend on
    the order. The order is the same whenever a run is repeated, so the bytes are the same, too.
    """

    def __init__(self, labels: np.ndarray, estimates: np.ndarray):
        self.labels = labels
        self.estimates = estimates.copy()

    def accuracy(self, outputs: Outputs, goal: float) -> float | None:
        """Return the test accuracy if it is at least `goal`, otherwise None.

        With goal 0, the result is always the accuracy. `outputs` maps indices of test patterns to
        output activities (patterns, 10).
        """
        n = len(self.labels)
        allowed = n - int(np.ceil(goal * n - 1e-9))
        order = ascending(self.estimates)
        first, errors, share = 0, 0, 1.0
        while first < n and errors <= allowed:
            # The share of errors tends to decrease along the order, so this number of patterns
            # should not contain more errors than needed.
            size = (allowed + 1 - errors) / max(share, 1 / CHUNK)
            patterns = order[first : first + int(np.clip(size, MIN_CHUNK, CHUNK))]
            wrong = self._wrong(outputs(patterns), patterns)
            first += len(patterns)
            errors += wrong
            share = wrong / len(patterns)
        return None if errors > allowed else (n - errors) / n

    def _wrong(self, y: np.ndarray, patterns: np.ndarray) -> int:
        """Return the number of errors in the outputs y (patterns, 10), and update estimates."""
        labels = self.labels[patterns]
        self.estimates[patterns] += (margins(y, labels) - self.estimates[patterns]) / 2
        return int((np.argmax(y, axis=1) != labels).sum())


def share_correct(outputs: Outputs, inputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of the patterns `inputs` (n, inputs) that are classified correctly.

    `labels` (n,) are their classes. `outputs` maps inputs to output activities (patterns, 10).
    """
    correct = 0
    for first in range(0, len(labels), CHUNK):
        part = slice(first, first + CHUNK)
        correct += int((np.argmax(outputs(inputs[part]), axis=1) == labels[part]).sum())
    return correct / len(labels)


def margins(y: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the correct output minus the largest wrong output, float32 (patterns,).

    y (patterns, 10) are the outputs. Margins are clipped to [-LARGEST, LARGEST], and NaN is
    replaced by -LARGEST, so that estimates stay finite.
    """
    rows = np.arange(len(labels))
    wrong = y.copy()
    wrong[rows, labels] = -np.inf
    margin = y[rows, labels] - wrong.max(axis=1)
    return np.fmin(np.fmax(margin, -LARGEST), LARGEST).astype(np.float32)


def ascending(estimates: np.ndarray) -> np.ndarray:
    """Return the indices that sort estimated margins (n,); equal margins keep their order.

    Margins are converted to 16-bit integers, which NumPy sorts 30 times faster than floats.
    """
    return np.argsort((estimates * (STEPS - 1)).astype(np.int16), kind="stable")


@lru_cache(maxsize=2)
def linear_margins(data: Dataset) -> np.ndarray:
    """Return the margins (n,) of the test patterns under a linear classifier.

    They are the estimates for the first test: patterns that are difficult for the linear classifier
    are difficult for networks, too. The classifier is a ridge regression of the test labels on
    every fifth input. It takes 12 ms, once for each data set in a process. The test labels affect
    only the order in which patterns are classified.
    """
    x = np.ascontiguousarray(data.test_inputs[:, ::-STRIDE])  # the first column is the bias input
    targets = data.test_labels[:, None] == np.arange(10)
    gram = x.T @ x + len(x) / 500 * np.eye(x.shape[1], dtype=x.dtype)
    y = x @ np.linalg.solve(gram, x.T @ targets.astype(x.dtype))
    return margins(y, data.test_labels)
