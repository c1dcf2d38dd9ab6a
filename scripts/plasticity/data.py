"""The image data sets as training sees them: the three arrays that `prepare.py` writes."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

TRAINING_IMAGES = 60_000
TEST_IMAGES = 10_000
INPUTS = 28 * 28 + 1  # the pixels and a constant bias input
PREPARED = ("inputs.npy", "labels.npy", "order.npy")
DATASETS = ("mnist", "fashion_mnist")


class DataError(Exception):
    """Data are missing or wrong; the message is one line that says what to do."""


@dataclass(frozen=True, eq=False)  # is its own key in caches
class Dataset:
    """A data set as the network sees it; the arrays are mapped from disk and read-only.

    train_inputs (60000, 785) and test_inputs (10000, 785) are float32: centred pixels with a little
    fixed noise, then the bias input 1. train_labels and test_labels are uint8, the classes 0 to 9.
    train_order (60000, 785), uint16, lists each training pattern's inputs by falling size, for
    competition.
    """

    name: str
    train_inputs: np.ndarray
    train_labels: np.ndarray
    test_inputs: np.ndarray
    test_labels: np.ndarray
    train_order: np.ndarray

    @cached_property
    def validation(self) -> "Dataset":
        """The same without the test patterns; in their place are the last training patterns, as
        many, which are then not trained on."""
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
    """Indices of each row's inputs (patterns, inputs) by falling |x|, as uint16; of equal ones the
    first comes first."""
    return np.argsort(-np.abs(inputs), axis=1, kind="stable").astype(np.uint16)


def load(dataset: str, folder: Path) -> Dataset:
    """Open the prepared arrays of `dataset` in `folder`.

    Raises DataError when they are missing or damaged.
    """
    images = TRAINING_IMAGES + TEST_IMAGES
    inputs = _open(folder / "inputs.npy", (images, INPUTS), np.float32, dataset)
    labels = _open(folder / "labels.npy", (images,), np.uint8, dataset)
    if labels.max() > 9:
        raise DataError(f"{folder / 'labels.npy'} is damaged: {labels.max()} is no class")
    order = _open(folder / "order.npy", (TRAINING_IMAGES, INPUTS), np.uint16, dataset)
    train, test = slice(None, TRAINING_IMAGES), slice(TRAINING_IMAGES, None)
    return Dataset(dataset, inputs[train], labels[train], inputs[test], labels[test], order)


def _open(path: Path, shape: tuple[int, ...], dtype: type, dataset: str) -> np.ndarray:
    advice = f"run 'python scripts/fetch.py --dataset {dataset}', then prepare.py likewise"
    try:
        array = np.lib.format.open_memmap(path, mode="r")  # arrays of numbers only
    except FileNotFoundError:
        raise DataError(f"{path} is missing: {advice}") from None
    except Exception:  # in whatever way NumPy stumbles over its header
        raise DataError(f"{path} is damaged: {advice}") from None
    if (array.shape, array.dtype) != (shape, np.dtype(dtype)):
        raise DataError(f"{path} is {array.dtype} {array.shape}, not {shape}: {advice}")
    return array
