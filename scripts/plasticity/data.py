"""The image data sets: which files they are, and how training sees them.

`fetch.py` brings the four raw files of a data set into its folder, `prepare.py` makes the three
arrays that are opened here. Raw files are IDX: a big-endian header (0, 0, type 8 for unsigned
bytes, number of dimensions, then one 32-bit size per dimension) followed by the bytes.
"""

import hashlib
import math
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

SCRIPTS = Path(__file__).resolve().parents[1]
TRAINING_IMAGES = 60_000
TEST_IMAGES = 10_000
INPUTS = 28 * 28 + 1  # the pixels and a constant bias input
PREPARED = ("inputs.npy", "labels.npy", "order.npy")

# sha256 of the uncompressed files, whatever source they come from.
SHA256 = {
    "mnist": {
        "train-images.idx": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels.idx": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "test-images.idx": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "test-labels.idx": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        "train-images.idx": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels.idx": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "test-images.idx": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "test-labels.idx": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}


class DataError(Exception):
    """Data are missing or wrong; the message is one line that says what to do."""


@dataclass(frozen=True)
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


def folder_of(dataset: str) -> Path:
    """Return the folder under the project's root where `dataset` is kept."""
    return SCRIPTS.parent / "data" / dataset


def load(dataset: str = "mnist", folder: Path | str | None = None) -> Dataset:
    """Open the prepared arrays of `dataset`, from data/<dataset> unless `folder` is given.

    Raises DataError when they are missing or damaged.
    """
    folder = Path(folder or folder_of(dataset))
    images = TRAINING_IMAGES + TEST_IMAGES
    inputs = _open(folder / "inputs.npy", (images, INPUTS), np.float32, dataset)
    labels = _open(folder / "labels.npy", (images,), np.uint8, dataset)
    if labels.max() > 9:
        raise DataError(f"{folder / 'labels.npy'} is damaged: {labels.max()} is no class")
    order = _open(folder / "order.npy", (TRAINING_IMAGES, INPUTS), np.uint16, dataset)
    train, test = slice(None, TRAINING_IMAGES), slice(TRAINING_IMAGES, None)
    return Dataset(dataset, inputs[train], labels[train], inputs[test], labels[test], order)


def ensure(dataset: str) -> None:
    """Fetch and prepare `dataset` in its folder under the project's root if that is not done yet.

    The scripts run as processes, so that training does not depend on their code.
    Raises DataError when one fails; it has then said why.
    """
    folder = folder_of(dataset)
    if all((folder / name).exists() for name in PREPARED):
        return
    for script in ("fetch.py", "prepare.py"):
        options = ["--dataset", dataset, "--folder", str(folder)]
        if subprocess.run([sys.executable, SCRIPTS / script, *options]).returncode != 0:
            raise DataError(f"{dataset}: scripts/{script} failed (its own line says why)")


def remove_leftovers(folder: Path) -> None:
    """Remove from `folder` what processes that were killed have left there: .PROCESS-anything."""
    for path in folder.glob(".[0-9]*-*"):
        if not psutil.pid_exists(int(path.name[1:].split("-")[0])):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def check(content: bytes, dataset: str, name: str) -> None:
    """Raise DataError, saying how it differs, unless `content` is `dataset`'s raw file `name`."""
    found, expected = hashlib.sha256(content).hexdigest(), SHA256[dataset][name]
    if found == expected:
        return
    if content.lstrip()[:1] == b"<":
        raise DataError("is a web page, not data (a proxy's or a log-in page?)")
    shape = header(content)
    length = 4 + 4 * len(shape) + math.prod(shape)
    if len(content) < length:
        raise DataError(f"is cut short: {len(content):,} of {length:,} bytes")
    raise DataError(f"is not {dataset}'s {name}: sha256 {found[:12]}..., not {expected[:12]}...")


def header(content: bytes) -> tuple[int, ...]:
    """Return the sizes that an IDX file of unsigned bytes announces.

    Raises DataError if it is no such file.
    """
    known = content[:3] == b"\x00\x00\x08" and len(content) > 3
    if not known or len(content) < 4 + 4 * content[3]:
        raise DataError("is not an IDX file")
    return struct.unpack_from(f">{content[3]}I", content, 4)


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
