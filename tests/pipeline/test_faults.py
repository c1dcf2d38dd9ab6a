"""Kills, a full disk, no memory, a jumping clock: the same command typed again goes on.

Real networks are trained on the real data. `pytest -m thorough` kills a smoke build 20 times.
"""

import base64
import contextlib
import fcntl
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml

from analysis.tables import COLUMNS
from plasticity.raw_files import SHA256, check
from workflow import builds

ROOT = Path(__file__).parents[2]

MINE = {
    "experiments": {
        "quick": {
            "question": "?",
            "smoke": [
                {
                    "rule": "backprop",
                    "width": [20, 21, 22, 23, 24],
                    "goal": 0.85,
                    "test_interval": 400,
                    "max_epochs": 0.2,
                }
            ],
        }
    },
    "figures": {"quick": {"number": 30, "title": "Quick", "script": "energy_vs_width"}},
}


WHOLE = ("--configfile", "mine.yaml")
QUICK = ("results/mine/smoke/experiments/quick.csv", *WHOLE)  # all that is trained


class Build:
    """A build at smoke scale that has been started in a copy of the project."""

    def __init__(self, copy, *arguments):
        self.root = copy.root
        self.start = time.time_ns()
        self.log = copy.root.parents[1] / f"{self.start}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                copy.command(*arguments),
                cwd=copy.root,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            )

    def trainings(self):
        """Return the processes that train a network."""
        found = []
        for process in psutil.process_iter(["cmdline", "cwd", "create_time"]):
            command = process.info["cmdline"] or []
            if process.info["cwd"] == str(self.root) and "scripts/train.py" in command[1:2]:
                found.append(process)
        return found

    def own_trainings(self):
        """Return those that this build has started: a killed one may have left some."""
        return [
            process
            for process in self.trainings()
            if process.info["create_time"] * 1e9 > self.start
        ]

    def wait_for_training(self):
        """Wait until this build trains a network; return whether that came before the end."""
        while self.process.poll() is None and not self.own_trainings():
            time.sleep(0.02)
        return self.process.poll() is None

    def end(self):
        """Wait for the end; return the exit status and all that was told."""
        return self.process.wait(), self.log.read_text()

    def trained(self):
        """Return the conditions whose training was begun: each then writes its log anew."""
        logs = self.root.glob("logs/**/train/*.log")
        return {path.stem for path in logs if path.stat().st_mtime_ns > self.start}


def kill_scheduler(build):
    os.kill(build.process.pid, signal.SIGKILL)


def kill_everything(build):
    os.killpg(build.process.pid, signal.SIGKILL)


def kill_job(build):
    if build.wait_for_training():
        for process in build.own_trainings()[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def complete(root):
    """Return the conditions that are trained, and that Snakemake does not mark as incomplete."""
    folder = root / ".snakemake" / "incomplete"
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    marked = {base64.urlsafe_b64decode(re.sub("@|/", "", name)).decode() for name in names}
    return {
        path.stem
        for path in root.glob("results/**/runs/[!.]*.csv")
        if str(path.relative_to(root)) not in marked
    }


def survive(copy, kills, rng, longest, *arguments):
    """Type a build until it is done, with kills at random times; each takes up what the last left.

    The build whose job is killed goes on. Returns the conditions that each of the builds began.
    """
    kills, begun = list(kills), []
    while True:
        left = len(kills)
        build = Build(copy, *arguments)
        before = complete(copy.root)
        while kills and build.wait_for_training():
            time.sleep(rng.uniform(0, longest))
            kill = kills.pop(0)
            kill(build)
            if kill is not kill_job:
                break
        status, told = build.end()
        begun.append(build.trained())
        assert not begun[-1] & before, told
        assert_heals(told)
        if status == 0:
            assert not kills and not build.trainings()
            return begun
        assert len(kills) < left, told  # undisturbed, it does not fail


def assert_heals(told):
    """Check that a build knew what to do."""
    for problem in ("Traceback", "unlock", "LockException", "IncompleteFiles", "rerun-incomplete"):
        assert problem not in told, told


def tables(files):
    """Return those of the files that hold what was trained."""
    return {
        name: content for name, content in files.items() if re.search("/runs/|/experiments/", name)
    }


@pytest.fixture(scope="module")
def undisturbed(prepared, tmp_path_factory):
    """What the quick experiment and its figure make when nothing disturbs them."""
    copy = prepared(tmp_path_factory.mktemp("undisturbed"))
    (copy.root / "mine.yaml").write_text(yaml.safe_dump(MINE))
    status, told = Build(copy, *WHOLE).end()
    assert status == 0, told
    return copy.made()


@pytest.fixture(autouse=True)
def own_store(monkeypatch, tmp_path):
    """A store of results in which nothing is yet: what a test builds is really trained."""
    monkeypatch.setenv("RESULT_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def quick(prepared, tmp_path):
    """A copy of the project in which the quick experiment is to be built."""
    copy = prepared(tmp_path)
    (copy.root / "mine.yaml").write_text(yaml.safe_dump(MINE))
    yield copy
    shutil.rmtree(copy.root)


@pytest.mark.thorough
def test_a_killed_build_goes_on_and_ends_with_the_same_bytes(quick, undisturbed):
    kills = [kill_scheduler, kill_everything, kill_job]  # the last leaves the others alone
    begun = survive(quick, kills, random.Random(0), 1, *QUICK)
    assert len(begun) == 4 and set().union(*begun) == complete(quick.root)
    assert tables(quick.made()) == tables(undisturbed)


@pytest.mark.thorough
def test_a_smoke_build_is_killed_20_times(built, copied, tmp_path):
    rng = random.Random(20)
    kills = [rng.choice([kill_scheduler, kill_job, kill_everything]) for _ in range(20)]
    copy = copied(tmp_path)
    begun = survive(copy, kills, rng, 15)
    print(f"conditions begun: {[len(conditions) for conditions in begun]}")
    assert copy.made() == built.made()


@pytest.mark.thorough
def test_two_builds_at_once_are_refused_and_looking_is_not(quick):
    first = Build(quick, *WHOLE)
    assert first.wait_for_training()
    second = Build(quick, *QUICK)
    status, told = second.end()
    assert status == 1
    assert f"another build is running here (process {first.process.pid}): wait for it" in told
    assert "Traceback" not in told and "unlock" not in told
    status, told = Build(quick, "--dry-run", *QUICK).end()
    assert status == 0, told
    assert first.process.poll() is None
    status, told = first.end()
    assert status == 0, told


def test_a_build_is_refused_while_another_one_starts(copied, tmp_path):
    """From the lock on, before the other has begun anything that Snakemake would notice."""
    copy = copied(tmp_path)
    lock = copy.root / ".snakemake/build.lock"
    lock.parent.mkdir()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write(f"{12345:11}")
        held.flush()
        process = copy.snakemake()
    assert process.returncode == 1
    assert "another build is running here (process 12345): wait for it" in process.stderr
    assert "Traceback" not in process.stderr and not (copy.root / "results/smoke").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_no_process_and_goes_on(quick, undisturbed, end):
    build = Build(quick, *QUICK)
    assert build.wait_for_training()
    os.killpg(build.process.pid, end)
    assert build.end()[0] != 0
    status, told = Build(quick, *QUICK).end()
    assert status == 0, told
    assert_heals(told)
    assert tables(quick.made()) == tables(undisturbed)


@pytest.mark.thorough
def test_files_from_the_future_do_no_harm(quick, undisturbed, own_store):
    """As a clock leaves them that was ahead, and was then corrected."""
    status, told = Build(quick, *QUICK).end()
    assert status == 0, told
    future = time.time() + 3600
    logs = list(quick.root.glob("logs/**/train/*.log"))
    for log in logs:
        log.write_text("")
    trained = [path for kind in ("runs", "train") for path in quick.root.glob(f"*/**/{kind}/*.*")]
    for path in [quick.root / "data/mnist/inputs.npy", *trained]:  # the last are logs
        os.utime(path, (future, future))
    lost = next(quick.root.glob("results/**/runs/*width20*.csv"))
    lost.unlink()
    shutil.rmtree(own_store)
    (quick.root / QUICK[0]).unlink()  # the table: what nothing needs is not made
    status, told = Build(quick, *QUICK).end()
    assert status == 0, told
    assert {log.stem for log in logs if log.read_text()} == {lost.stem}  # all logs are of now
    assert tables(quick.made()) == tables(undisturbed)


# Places that cannot be written to


@pytest.fixture
def disk(tmp_path):
    """Return what makes a small disk, as a folder, with some mount options."""
    made = []

    def make(*options):
        folder = tmp_path / "disk"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder]
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("a disk can be made here by root only")
        made.append(folder)
        return folder

    yield make
    for folder in made:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder, left=0):
    """Fill a disk, but for some bytes."""
    with (folder / "filler").open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(2**16))
        file.truncate(file.tell() - left)


SCRIPTS = {
    "fetch": "fetch.py --folder {place} --source {data}",
    "prepare": "prepare.py --folder {place}",
    "train": "train.py --rule backprop --width 20 --seed 0 1 --goal 0.5 --test-interval 200"
    " --output {place}/out.csv",
    "summarise": "summarise.py --output {place}/out.csv {table}",
    "claims": "claims.py --energy {table} --output {place}/out.csv",
    "gallery": "gallery.py --figures {figures} --output {place}/out.md",
    "figure": "plot.py {scripts}/figures/subnet_size.py --energy {table} --experiment x"
    " --output {place}/out",
}


@pytest.fixture
def script(mnist, tmp_path):
    """Return what runs a script that is to write into a folder; it returns the finished process."""
    (tmp_path / "table.csv").write_text(table())

    def run(name, place, *options, **limits):
        where = {"place": place, "data": ROOT / "data" / "mnist", "table": tmp_path / "table.csv"}
        where |= {"figures": ROOT / "figures", "scripts": ROOT / "scripts"}
        command = [word.format(**where) for word in SCRIPTS[name].split()] + list(options)
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / command[0], *command[1:]],
            capture_output=True,
            text=True,
            **limits,
        )

    return run


def table():
    """Return a table of networks as summarise.py makes it."""
    row = {
        column: {"a text": "x", "a number": 1, "True or False": True}[what]
        for column, what in COLUMNS["energy"].items()
    }
    return pd.DataFrame([row | {"seed": seed} for seed in (0, 1)]).to_csv(index=False)


def raw_files(folder):
    """Put links to the raw files of MNIST into a folder."""
    for path in (ROOT / "data" / "mnist").glob("*.idx"):
        (folder / path.name).symlink_to(path)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_full_disk_is_told_in_one_line_and_nothing_is_left(disk, script, name):
    folder = disk("size=20m")
    if name == "prepare":
        raw_files(folder)
    if name not in ("fetch", "prepare"):  # they need more than there is
        fill(folder)
    before = sorted(folder.rglob("*"))
    done = script(name, folder)
    assert done.returncode == 1
    assert done.stderr.endswith("\n") and "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr.splitlines()[-1]
    left = set(folder.rglob("*")) - set(before)
    assert all(path.name in SHA256["mnist"] for path in left)
    for path in left:  # what fetch had room for is whole
        check(path.read_bytes(), "mnist", path.name)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_read_only_folder_is_told_in_one_line(disk, script, name):
    folder = disk("size=1m")
    if name == "prepare":
        raw_files(folder)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    done = script(name, folder)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and str(folder) in done.stderr
    assert "Read-only" in done.stderr or "cannot write a file here" in done.stderr


@pytest.mark.thorough
def test_a_build_on_a_full_disk_says_so_and_goes_on_when_there_is_room(quick, undisturbed, disk):
    folder = disk("size=64m")
    data_folder = quick.root.parent / "data"
    (quick.root / "data").rename(data_folder)
    shutil.copytree(quick.root, folder, dirs_exist_ok=True)
    (folder / "data").symlink_to(data_folder)
    copy = type(quick)(folder, {})
    fill(folder, left=2**21)
    full = f"{folder}: the disk is full: free some space, and run the same command again"
    build = Build(copy, *WHOLE)
    status, told = build.end()
    assert status == 1 and told.splitlines()[-1] == full, told
    with (folder / "rest").open("wb") as file, contextlib.suppress(OSError):
        file.write(bytes(2**21))
    status, told = Build(copy, *WHOLE).end()
    assert status == 1 and told.splitlines()[1:] == [full], told
    (folder / "filler").unlink()
    (folder / "rest").unlink()
    status, told = Build(copy, *WHOLE).end()
    assert status == 0, told
    assert copy.made() == undisturbed


def test_a_build_in_a_read_only_folder_says_so(copied, disk):
    folder = disk("size=64m")
    copy = copied(folder)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    status, told = Build(copy).end()
    assert status == 1
    assert told.splitlines()[-1] == f"{copy.root}: cannot build here: the folder is read-only"


@pytest.mark.parametrize("part", ["", "metadata"])
def test_a_build_whose_snakemake_folder_is_read_only_says_so(copied, disk, tmp_path, part):
    copy = copied(tmp_path)
    folder = disk("size=1m,ro")
    (copy.root / ".snakemake" / part).parent.mkdir(exist_ok=True)
    (copy.root / ".snakemake" / part).symlink_to(folder)
    status, told = Build(copy).end()
    assert status == 1
    place = Path(".snakemake", part)
    assert told.splitlines()[1:] == [f"{copy.root}: cannot build here: {place} is read-only"]


def test_a_build_in_a_copy_leaves_the_jobs_of_the_original_alone(copied, tmp_path):
    """Although the copy has the original's token."""
    original = copied(tmp_path)
    lock = original.root / ".snakemake/build.lock"
    lock.parent.mkdir()
    lock.write_text(f"{1:11}token")
    copy = type(original)(tmp_path / "copy", {})
    shutil.copytree(original.root, copy.root, symlinks=True)
    jobs = {
        one.root: subprocess.Popen(
            ["sleep", "100"], cwd=one.root, env=os.environ | {builds.TOKEN: "token"}
        )
        for one in (original, copy)
    }
    process = copy.snakemake("figures/none.svg")  # nothing makes it; that is found after the start
    assert "another build" not in process.stderr and "none.svg" in process.stderr
    assert jobs[copy.root].poll() == -signal.SIGKILL and jobs[original.root].poll() is None
    jobs[original.root].kill()
    for job in jobs.values():
        job.wait()


# Memory


def test_no_memory_is_told_in_one_line(script, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))

    done = script("train", tmp_path, preexec_fn=limit)
    assert done.returncode == 0, done.stderr  # it is enough for a small network
    (tmp_path / "out.csv").unlink()
    done = script("train", tmp_path, "--width", "1000000", preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("train: not enough memory: Unable to allocate")
    assert not (tmp_path / "out.csv").exists()
