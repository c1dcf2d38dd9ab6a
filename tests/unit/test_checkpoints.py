"""An interrupted condition goes on with the networks that are done, if they are the same ones."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import checkpoints
import train
from plasticity import data
from provenance.identity import local_modules

OPTIONS = (
    "--rule competitive --fraction 0.2 --width 9 --seed 3 1 2 --goal 0.9 --test-interval 50 "
    "--max-epochs 2 --train-accuracy --output out/a.csv --curve out/b.csv --counts out/c.npz"
)


class Interrupted(Exception):
    """What ends a run in the middle."""


@pytest.fixture
def run(small, tmp_path, monkeypatch):
    """Return what trains on the small data set, for at most so many networks, and counts them."""
    monkeypatch.chdir(tmp_path)
    for name in data.PREPARED:
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(data, "folder_of", lambda dataset: tmp_path)
    monkeypatch.setattr(data, "ensure", lambda dataset: None)
    monkeypatch.setattr(data, "load", lambda dataset: small)
    trained = train.train

    def run(*options, networks=99):
        seeds = []

        def train_one(*arguments, **settings):
            if len(seeds) == networks:
                raise Interrupted
            seeds.append(arguments[3])
            return trained(*arguments, **settings)

        monkeypatch.setattr(train, "train", train_one)
        with contextlib.suppress(Interrupted):
            train.run(train.parser().parse_args([*OPTIONS.split(), *options]))
        return seeds

    return run


def made():
    """Return the content of all files that training has made."""
    return {path.name: path.read_bytes() for path in Path("out").iterdir()}


def test_the_networks_that_are_done_are_not_trained_again_and_the_bytes_are_the_same(run):
    assert run() == [3, 1, 2]
    undisturbed = made()
    assert undisturbed.keys() == {"a.csv", "b.csv", "c.npz"}
    for path in Path("out").iterdir():
        path.unlink()
    assert run(networks=1) == [3]
    assert all(name.startswith(".a.csv.") for name in made())
    assert run(networks=1) == [1]
    assert run() == [2]
    assert made() == undisturbed


@pytest.mark.parametrize(
    "options",
    [
        "--width 8",
        "--fraction 0.3",
        "--learning-rate 0.02",
        "--goal 0.8",
        "--precision double",
        "--engine reference",
        "--seed 1 3",
        "--gate error",
    ],
)
def test_networks_of_other_options_are_not_taken(run, options):
    run(networks=2)
    again = run(*options.split())
    assert len(again) == (2 if "--seed" in options else 3)


@pytest.mark.parametrize("what", ["code", "packages", "data"])
def test_networks_of_other_code_or_data_are_not_taken(run, what, tmp_path, monkeypatch):
    run(networks=2)
    if what == "code":
        (tmp_path / "edited.py").write_text("# edited\n")
        monkeypatch.setattr(checkpoints, "CODE", [*checkpoints.CODE, tmp_path / "edited.py"])
    elif what == "packages":
        monkeypatch.setattr(checkpoints, "version", lambda package: "99")
    else:
        os.utime(tmp_path / "inputs.npy", ns=(1, 1))
    assert run() == [3, 1, 2]


def test_all_code_that_trains_is_told_apart():
    scripts = Path(train.__file__).parent
    files = {(scripts / path).resolve() for path in checkpoints.CODE}
    needed = {Path(path).resolve() for path in local_modules(train.__file__)} | {
        scripts / "train.py"
    }
    assert needed <= files


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_a_damaged_checkpoint_is_as_good_as_none(run, damage):
    run()
    undisturbed = made()
    run(networks=2)
    kept = sorted(path for path in Path("out").glob(".a.csv*"))
    assert len(kept) == 2
    for path in kept:
        whole = path.read_bytes()
        middle = len(whole) // 2
        path.write_bytes(
            {
                "cut": whole[:-9],
                "flip": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
                "empty": b"",
                "other": b"PK",
            }[damage]
        )
    assert run() == [3, 1, 2]
    assert made() == undisturbed


def test_a_killed_process_goes_on_where_it_was(mnist, tmp_path):
    """With real data and kill -9, as soon as the first network is done."""
    options = "--rule backprop --width 20 --seed 0 1 --goal 0.8 --output"
    command = [sys.executable, train.__file__, *options.split()]
    first = subprocess.Popen([*command, tmp_path / "a.csv"], stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob(".a.csv.*seed0")):
        assert first.poll() is None
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL and not (tmp_path / "a.csv").exists()
    for name in ("a.csv", "undisturbed.csv"):
        done = subprocess.run([*command, tmp_path / name], capture_output=True, text=True)
        assert done.returncode == 0
        assert ("seed 0: goal" in done.stderr) == (name == "undisturbed.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "undisturbed.csv").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2
