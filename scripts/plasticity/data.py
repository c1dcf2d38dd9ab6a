"""Image data sets in the form that training uses: the three arrays that `prepare.py` writes."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

TRAINING_IMAGES = 60_000
TEST_IMAGES = 10_000
INPUTS = 28 * 28 + 1  # the pixels and a constant bias input
PREPARED = ("inputs.npy", "labels.npy", "order.npy")


class DataError(Exception):
    """Raised if data are missing or wrong. The message is one line that says what to do."""

    @staticmethod
    def advice(dataset: str) -> str:
        """Return how to make the arrays of a data set."""
        return f"run 'python scripts/fetch.py --dataset {dataset}', then prepare.py likewise"


@dataclass(frozen=True, eq=False)  # instances are compared by identity, so they can be cache keys
class Dataset:
    """A data set. The arrays are memory-mapped and read-only.

    train_inputs (60000, 785) and test_inputs (10000, 785), float32, contain centred pixels with
    weak fixed noise, and the bias input 1 in the last column. train_labels (60000,) and test_labels
    (10000,), uint8, are the classes 0 to 9. train_order (60000, 785), uint16, contains the indices
    of each training pattern's inputs by decreasing absolute value, for competition.
    """

    name: str
    train_inputs: np.ndarray
    train_labels: np.ndarray
    test_inputs: np.ndarray
    test_labels: np.ndarray
    train_order: np.ndarray

    @cached_property
    def validation(self) -> "Dataset":
        """The data set with a validation set in place of the test set.

        The validation set consists of the last training patterns, as many as there are test
        patterns. They are removed from the training set.
        """
        cut = len(self.train_labels) - len(self.test_labels)
        return replace(
            self,
            train_inputs=self.train_inputs[:cut],
            train_labels=self.train_labels[:cut],
            test_inputs=self.train_inputs[cut:],
            test_labels=self.train_labels[cut:],
            train_order=self.train_order[:cut],
        )


def order_by_size(inputs: np.ndarray) -> np.ndarray:
    """Return the indices of each row's inputs by decreasing |x|, uint16 (patterns, inputs).

    Among equal values the smaller index comes first.
    """
    return np.argsort(-np.abs(inputs), axis=1, kind="stable").astype(np.uint16)


def load(dataset: str, folder: Path) -> Dataset:
    """Open the prepared arrays of a data set in `folder`.

    Raises DataError if they are missing or damaged.
    """
    images = TRAINING_IMAGES + TEST_IMAGES
    inputs = _open(folder / "inputs.npy", (images, INPUTS), np.float32, dataset)
    labels = _open(folder / "labels.npy", (images,), np.uint8, dataset)
    if labels.max() > 9:
        raise DataError(f"{folder / 'labels.npy'} is damaged: {labels.max()} is not a class")
    order = _open(folder / "order.npy", (TRAINING_IMAGES, INPUTS), np.uint16, dataset)
    train, test = slice(None, TRAINING_IMAGES), slice(TRAINING_IMAGES, None)
    return Dataset(dataset, inputs[train], labels[train], inputs[test], labels[test], order)


def _open(path: Path, shape: tuple[int, ...], dtype: type, dataset: str) -> np.ndarray:
    try:
        array = np.lib.format.open_memmap(path, mode="r")  # never loads Python objects
    except FileNotFoundError:
        raise DataError(f"{path} is missing: {DataError.advice(dataset)}") from None
    except Exception:  # a damaged header causes various errors in NumPy
        raise DataError(f"{path} is damaged: {DataError.advice(dataset)}") from None
    if (array.shape, array.dtype) != (shape, np.dtype(dtype)):
        raise DataError(
            f"{path} has type {array.dtype} and shape {array.shape}, not {np.dtype(dtype)} and"
            f" {shape}: {DataError.advice(dataset)}"
        )
    return array
