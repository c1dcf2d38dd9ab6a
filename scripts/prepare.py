"""Convert the raw files of a data set to the arrays that training uses.

The inputs are the pixels and a constant bias input of 1. The pixels are scaled to [0, 1], the mean
over all pixels of the training set is subtracted, and Gaussian noise with standard deviation 0.001
is added (van Rossum and Pache, PLoS Comput Biol 20(10), e1012553, 2024). The noise is drawn once
for each data set. It removes nearly all ties in the ranks of a pattern's inputs.

Two variants are made from the raw files of MNIST: in mnist_rotated, each image is rotated by its
own angle, up to 45 degrees to either side; in mnist_permuted, the pixels of all images are permuted
in the same way.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

from plasticity.data import PREPARED, DataError, order_by_size
from plasticity.raw_files import DATASETS, check, header
from workflow.command_line import Parser, finish
from workflow.datasets import folder_of, remove_leftovers

NOISE_SD = 0.001
CHUNK = 5_000  # images to convert at once, to save memory; it does not affect the result


def read(folder: Path, dataset: str, name: str) -> np.ndarray:
    """Return the raw file `name` as an array of bytes, with the shape given in its header.

    Raises DataError if the file is missing or has unexpected content.
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


def random_stream(dataset: str) -> np.random.Generator:
    """Return the generator of a variant and of the fixed noise. Its seed is the data set's name."""
    return np.random.default_rng(np.random.SeedSequence(list(dataset.encode())))


def rotated(images: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Return images (n, 28, 28), each rotated by a random angle, with linear interpolation."""

    def turned(image: np.ndarray) -> np.ndarray:
        angle = rng.uniform(-45, 45)  # degrees
        return ndimage.rotate(image.astype(float), angle, reshape=False, order=1)

    return [np.rint([turned(image) for image in part]).astype(np.uint8) for part in images]


def permuted(images: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Return images (n, 28, 28) with the same random permutation of their pixels."""
    order = rng.permutation(images[0][0].size)
    return [part.reshape(len(part), -1)[:, order].reshape(part.shape) for part in images]


MADE = {"mnist_rotated": rotated, "mnist_permuted": permuted}


def write_inputs(images: list[np.ndarray], noise: np.random.Generator, path: Path) -> None:
    """Write the inputs of the training images and then of the test images, float32 (rows, 785).

    `images` are the two arrays of bytes, (n, 28, 28). The mean is a ratio of integers, and all
    other operations are elementwise in double precision, so the bytes are the same on every
    machine. Raises DataError if an input is exactly 0, because the energy accounting requires
    nonzero inputs.
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
    """Write the indices of each training pattern's inputs by decreasing absolute value.

    They have the type uint16 and the shape of `inputs`.
    """
    write_rows(path, map(order_by_size, chunks(inputs)), inputs.shape, np.uint16)


def chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Return an iterator over all rows, in parts of at most CHUNK rows."""
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))


def write_rows(path: Path, parts: Iterable[np.ndarray], shape: tuple, dtype: type) -> None:
    """Write a .npy file of this shape and type from consecutive parts.

    The file is not memory-mapped, because the process would then end without a message if the disk
    is full.
    """
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(part.tobytes())


def prepare(dataset: str, folder: Path) -> None:
    """Write inputs.npy, labels.npy and order.npy from the raw files of a data set in `folder`.

    Raises DataError if a raw file is missing or wrong.
    """
    images = [read(folder, dataset, f"{part}-images.idx") for part in ("train", "test")]
    labels = [read(folder, dataset, f"{part}-labels.idx") for part in ("train", "test")]
    rng = random_stream(dataset)
    if dataset in MADE:
        images = MADE[dataset](images, rng)
    remove_leftovers(folder)
    beside = {name: folder / f".{os.getpid()}-{name}" for name in PREPARED}
    try:
        write_inputs(images, rng, beside["inputs.npy"])
        training = np.load(beside["inputs.npy"], mmap_mode="r")[: len(images[0])]
        write_order(training, beside["order.npy"])
        np.save(beside["labels.npy"], np.concatenate(labels))
        for name, path in beside.items():
            os.replace(path, folder / name)
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)


def main() -> None:
    """Run the command-line program."""
    parser = Parser("prepare", description=__doc__)
    parser.add_argument("--dataset", choices=DATASETS, default="mnist")
    parser.add_argument("--folder", type=Path, help="folder of the files (default: data/<dataset>)")
    arguments = parser.parse_args()
    folder = arguments.folder or folder_of(arguments.dataset)
    finish("prepare", lambda: prepare(arguments.dataset, folder), DataError)


if __name__ == "__main__":
    main()
