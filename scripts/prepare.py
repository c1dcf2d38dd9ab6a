"""Turn the raw files of a data set into the arrays that training opens.

Inputs are the pixels scaled to [0, 1], less the global mean of the training set's pixels, plus
Gaussian noise of standard deviation 0.001 that is drawn once per data set (so that the ranks of a
pattern's inputs have next to no ties), and a constant bias input of 1: van Rossum and Pache (2024).
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from plasticity.data import DATASETS, PREPARED, DataError, order_by_size
from plasticity.raw_files import check, header
from workflow.command_line import Parser, finish
from workflow.datasets import folder_of, remove_leftovers

NOISE_SD = 0.001
CHUNK = 5_000  # images converted at a time, to keep memory small; has no influence on the result


def read(folder: Path, dataset: str, name: str) -> np.ndarray:
    """Return the raw file `name` as an array of bytes in the shape of its header.

    Raises DataError when it is missing or is not the known file.
    """
    path = folder / name
    try:
        content = path.read_bytes()
        check(content, dataset, name)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: run scripts/fetch.py --dataset {dataset}") from None
    except DataError as error:
        raise DataError(f"{path} {error}: run scripts/fetch.py --dataset {dataset}") from None
    shape = header(content)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def noise_stream(dataset: str) -> np.random.Generator:
    """Return the generator of the fixed noise, its seed being the data set's name."""
    return np.random.default_rng(np.random.SeedSequence(list(dataset.encode())))


def write_inputs(images: list[np.ndarray], noise: np.random.Generator, path: Path) -> None:
    """Write training, then test `images`, each (n, 28, 28) bytes, as float32 inputs (rows, 785).

    The mean is a ratio of integers and the rest is element by element in double precision, so that
    the bytes are the same on every machine. Raises DataError should an input be exactly 0, which
    the energy accounting excludes.
    """
    pixels = np.concatenate([part.reshape(len(part), -1) for part in images])
    mean = images[0].sum(dtype=np.int64) / (255 * images[0].size)

    def inputs(part: np.ndarray) -> np.ndarray:
        rows = np.ones((len(part), part.shape[1] + 1), np.float32)
        rows[:, :-1] = part / 255 - mean + NOISE_SD * noise.standard_normal(part.shape)
        if not rows.all():
            raise DataError("an input is exactly 0: choose another seed for the noise")
        return rows

    write_rows(path, map(inputs, chunks(pixels)), (len(pixels), pixels.shape[1] + 1), np.float32)


def write_order(inputs: np.ndarray, path: Path) -> None:
    """Write the order of size of each training pattern's inputs: uint16, of the inputs' shape."""
    write_rows(path, map(order_by_size, chunks(inputs)), inputs.shape, np.uint16)


def chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield all rows, some at a time."""
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))


def write_rows(path: Path, parts: Iterable[np.ndarray], shape: tuple, dtype: type) -> None:
    """Write a .npy file of this shape from its parts, one after the other.

    Not by mapping it: should the disk be full, that ends the process without a word.
    """
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(part.tobytes())


def prepare(dataset: str, folder: Path) -> None:
    """Write inputs.npy, labels.npy and order.npy of `dataset` from the raw files in `folder`.

    Raises DataError when a raw file is missing or wrong.
    """
    images = [read(folder, dataset, f"{part}-images.idx") for part in ("train", "test")]
    labels = [read(folder, dataset, f"{part}-labels.idx") for part in ("train", "test")]
    remove_leftovers(folder)
    beside = {name: folder / f".{os.getpid()}-{name}" for name in PREPARED}
    try:
        write_inputs(images, noise_stream(dataset), beside["inputs.npy"])
        training = np.load(beside["inputs.npy"], mmap_mode="r")[: len(images[0])]
        write_order(training, beside["order.npy"])
        np.save(beside["labels.npy"], np.concatenate(labels))
        for name, path in beside.items():
            os.replace(path, folder / name)
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)


def main() -> None:
    """Prepare as the command line says."""
    parser = Parser("prepare", description=__doc__)
    parser.add_argument("--dataset", choices=DATASETS, default="mnist")
    parser.add_argument("--folder", type=Path, help="where the files are (data/<dataset>)")
    arguments = parser.parse_args()
    folder = arguments.folder or folder_of(arguments.dataset)
    finish("prepare", lambda: prepare(arguments.dataset, folder), DataError)


if __name__ == "__main__":
    main()
