"""One build at a time: what an earlier one has left ends, and nothing else does."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from workflow import builds

SLEEP = ["sleep", "100"]
UNAWARE = f"""
import os, subprocess, time
subprocess.Popen({SLEEP}, env=os.environ | {{"{builds.TOKEN}": "token"}})
time.sleep(100)
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The folder in which a build starts, with a folder beside it."""
    for name in ("project", "copy"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def started():
    """What starts a process with a token in a folder."""
    processes = []

    def start(token, folder, command=SLEEP):
        environment = os.environ | {builds.TOKEN: token}
        processes.append(subprocess.Popen(command, cwd=folder, env=environment))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def program(folder, name, script):
    """Put a program that runs a shell script into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


# Processes


def test_the_jobs_of_the_folder_end_and_those_of_a_copy_live_on(here, started):
    mine, below = started("token", here), here / "data"
    below.mkdir()
    others = [started("token", here.parent / "copy"), started("another", here)]
    too = started("token", below)
    builds.end_processes("token")
    assert mine.poll() is not None and too.poll() is not None
    assert all(process.poll() is None for process in others)


def test_no_token_means_no_process(here, started):
    process = started("", here)
    builds.end_processes("")
    assert process.poll() is None


def test_a_build_ends_neither_itself_nor_what_has_started_it(here, started):
    code = f"import sys; sys.path[:] = {sys.path}; from workflow import builds; "
    build = started(
        "token",
        here,
        [
            "sh",
            "-c",
            '"$@"; echo $? > status',
            "sh",
            sys.executable,
            "-c",
            code + "builds.end_processes('token')",
        ],
    )
    assert build.wait() == 0
    assert (here / "status").read_text() == "0\n"


def test_a_process_that_nobody_waits_for_counts_as_ended(here, started):
    """As in a container whose first process does not care for orphans."""
    parent = started("another", here, [sys.executable, "-c", UNAWARE])
    while not (children := psutil.Process(parent.pid).children()):
        time.sleep(0.01)
    while children[0].name() != "sleep":
        time.sleep(0.01)
    builds.end_processes("token")
    assert children[0].status() == psutil.STATUS_ZOMBIE


def test_a_process_may_end_on_its_own(monkeypatch, started, here):
    process = psutil.Process(started("token", here, ["true"]).pid)
    process.wait()
    listed = iter([[process], []])
    monkeypatch.setattr(builds, "_processes_here", lambda token: next(listed))
    builds.end_processes("token")


# Slurm


def test_a_slurm_job_that_does_not_end_is_not_waited_for_without_end(
    here, monkeypatch, tmp_path, capsys
):
    program(tmp_path / "bin", "squeue", f"echo '12 rule_train|{here}'")
    program(tmp_path / "bin", "scancel", "true")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(builds, "PATIENCE", 1.5)
    with pytest.raises(SystemExit, match="Slurm job 12 of an earlier build does not end"):
        builds.end_cluster_jobs()
    told = "waiting up to 1.5 s for the end of Slurm job 12 of an earlier build\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--executor", "slurm"], True),
        (["-e", "slurm-jobstep"], False),
        (["--profile", "mine"], True),
        (["--profile", "mine", "--executor", "local"], False),
        (["--cores", "2"], False),
    ],
)
def test_slurm_is_chosen_by_an_option_or_a_profile(here, options, chosen):
    (here / "mine").mkdir()
    (here / "mine/config.yaml").write_text("executor: slurm\n")
    assert builds.uses_slurm(options) == chosen


def test_a_build_without_the_commands_of_slurm_is_refused(monkeypatch, tmp_path):
    program(tmp_path / "bin", "squeue", "true")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "argv", ["snakemake", "--executor", "slurm"])
    snakemake = SimpleNamespace(output_settings=SimpleNamespace(dryrun=False))
    with pytest.raises(SystemExit, match="^sbatch: no such command: build where Slurm is"):
        builds.claim(snakemake)
    assert not builds.FOLDER.exists()


def test_a_build_is_refused_if_slurm_does_not_answer(monkeypatch, tmp_path):
    for name in builds.SLURM:
        program(tmp_path / "bin", name, "echo squeue: error: no controller >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    with pytest.raises(SystemExit, match="^Slurm does not answer: squeue: error: no controller$"):
        builds.require_slurm()


# Times


def test_times_are_corrected_in_the_folders_and_not_where_links_lead(here):
    future = time.time() + 3600
    outside = here.parent / "copy" / "file"
    inside = here / "data" / "file"
    inside.parent.mkdir()
    for path in (inside, outside):
        path.touch()
        os.utime(path, (future, future))
    links = [inside.with_name("link"), inside.with_name("dangling")]
    links[0].symlink_to(outside)
    links[1].symlink_to("nothing")
    for link in links:
        os.utime(link, (future, future), follow_symlinks=False)
    builds.correct_times(["data", "missing"])
    assert outside.stat().st_mtime == pytest.approx(future)
    assert all(path.lstat().st_mtime <= time.time() for path in [inside, *links])


# Options


@pytest.mark.parametrize("options", [["--cores", "0"], ["-c0"], ["-j", "-1"], ["--cores", "two"]])
def test_a_number_of_cores_that_would_do_nothing_is_refused(options):
    with pytest.raises(SystemExit, match="^--cores, --jobs: '.*' is not allowed: a number of at"):
        builds.check(options)


def test_a_path_with_braces_is_refused(monkeypatch, tmp_path):
    (tmp_path / "a{b}").mkdir()
    monkeypatch.chdir(tmp_path / "a{b}")
    with pytest.raises(SystemExit, match="cannot build here: Snakemake needs a path without { and"):
        builds.check([])


def test_another_folder_is_refused(here):
    with pytest.raises(SystemExit, match="^--directory: '..' is not allowed: go to the project's"):
        builds.check(["--directory", ".."])
    assert Path.cwd() == here


def test_a_target_that_is_missing_at_the_end_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/a.svg").touch()
    builds.require_targets(["published", "figures/a.svg"])
    with pytest.raises(SystemExit, match="figures/b.svg: not made yet"):
        builds.require_targets(["published", "figures/a.svg", "figures/b.svg"])
