"""Builds through a real Slurm of one node: the bytes of a local build, even after a kill."""

import contextlib
import math
import os
import re
import shutil
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from test_faults import Build, assert_heals, kill_scheduler

from provenance import record
from workflow import configuration, resources

ROOT = Path(__file__).parents[2]
DAEMONS = ("munged", "slurmctld", "slurmd")
PROFILE = ["--profile", "profiles/slurm", "--cores", "1"]
PROFILE += ["--slurm-init-seconds-before-status-checks", "1"]
FIGURE = "figures/smoke/energy_vs_width.svg"
SETTINGS = configuration.read(ROOT / "profiles/slurm/config.yaml")
TOGETHER = SETTINGS["group-components"]["conditions"]

LOST = (  # of the smoke build
    "curves/backprop-width100-goal1-test_interval15000-max_epochs2.csv",
    "counts/random_synapses-width100-fraction0.01-max_epochs1.npz",
)
RULES = {"train", "tabulate", "summarise", "publish", "claims", "plot", "gallery"}
RULES |= {"history", "archive"}

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MpiDefault=none
ReturnToService=2
KillWait=2
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/ended
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE
"""
MUNGE = ["--foreground", "--force", "--key-file={0}/key", "--socket={0}/munge"]
MUNGE += ["--pid-file={0}/munge.pid", "--seed-file={0}/munge.seed", "--log-file={0}/munge.log"]

pytestmark = [
    pytest.mark.skipif(not all(map(shutil.which, DAEMONS)), reason="Slurm is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start Slurm"),
]


def configure(folder):
    """Write into a folder all that Slurm's daemons and commands read."""
    with socket.socket() as controller, socket.socket() as node:
        for listener in (controller, node):
            listener.bind(("127.0.0.1", 0))
        text = CONF.format(
            host=socket.gethostname().partition(".")[0],
            controller=controller.getsockname()[1],
            node=node.getsockname()[1],
            folder=folder,
            cores=os.cpu_count(),
            memory=psutil.virtual_memory().total // 2**20 * 9 // 10,
        )
    (folder / "slurm.conf").write_text(text)
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o400)
    # The plugin takes SLURM_CONF out of the environment of the srun that it starts in a job.
    srun = folder / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)


@contextlib.contextmanager
def running(command, log):
    """Run a daemon; it ends even if the tests are killed."""
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def wait_for(condition, log):
    """Wait until a condition holds; it should within a minute."""
    for _ in range(300):
        if condition():
            return
        time.sleep(0.2)
    pytest.fail(Path(log.name).read_text())


def said(*command):
    """Return what one of Slurm's commands says, without spaces around."""
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def cancel_all():
    """Cancel all jobs, and wait for their end."""
    while said("squeue", "--noheader"):
        said("scancel", "--me")
        time.sleep(0.2)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A Slurm of one node, and the file into which it writes the jobs that have ended."""
    folder = tmp_path_factory.mktemp("slurm")
    configure(folder)
    with (
        pytest.MonkeyPatch.context() as environment,
        (folder / "log").open("w") as log,
        contextlib.ExitStack() as started,
    ):
        environment.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        environment.setenv("PATH", str(folder / "bin"), prepend=os.pathsep)
        munge = [option.format(folder) for option in MUNGE]
        started.enter_context(running(["munged", *munge], log))
        wait_for((folder / "munge").exists, log)
        for daemon in ("slurmctld", "slurmd"):
            started.enter_context(running([daemon, "-D"], log))
        wait_for(lambda: said("sinfo", "--noheader", "--format=%T") == "idle", log)
        started.callback(cancel_all)
        yield folder / "ended"


def jobs(ended, root):
    """Return what Slurm has noted on each job of a folder that has ended."""
    noted = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in ended.read_text().splitlines()]
    return [job for job in noted if job["WorkDir"] == str(root)]


def asked(job):
    """Return the minutes and the memory that a job had asked for."""
    return int(job["TimeLimit"]), re.search(r"mem=(\w+)", job["Tres"])[1]


def plan(copy):
    """Return what a copy builds at smoke scale."""
    return configuration.plan(configuration.read(copy.root / "config.yaml") | {"scale": "smoke"})


def conditions(copy, experiment=None):
    """Return the conditions of a copy that share jobs, and those that have one to themselves."""
    planned = plan(copy)
    names = planned.experiments[experiment] if experiment else planned.conditions
    chosen = [planned.conditions[name] for name in names]
    together = [condition for condition in chosen if resources.group(condition)]
    return together, [condition for condition in chosen if condition not in together]


@pytest.fixture(scope="module")
def survived(slurm, small, tmp_path_factory):
    """A small copy that was built through Slurm, after a kill; jobs before and after the kill."""
    copy = small(tmp_path_factory.mktemp("slurm"))
    build = Build(copy, *PROFILE, FIGURE)
    assert build.wait_for_training(), build.end()
    kill_scheduler(build)
    build.end()
    status, told = Build(copy, *PROFILE, FIGURE).end()
    assert status == 0, told
    assert_heals(told)
    first, *others = jobs(slurm, copy.root)
    before = [job for job in others if job["Name"] == first["Name"]]
    return copy, before, [job for job in others if job not in before]


@pytest.mark.thorough
def test_a_killed_build_goes_on_and_makes_the_bytes_of_a_local_one(survived, small_built):
    copy, before, after = survived
    states = {job["JobState"] for job in before}
    assert "CANCELLED" in states and states <= {"CANCELLED", "COMPLETED"}
    assert {job["JobState"] for job in after} == {"COMPLETED"}
    assert copy.made() == small_built.made()


@pytest.mark.thorough
def test_jobs_ask_for_what_was_computed_and_small_conditions_share_one(survived):
    copy, before, after = survived
    together, alone = conditions(copy, "energy_vs_width")
    assert len(together) == 3 and len(alone) == 1
    minutes = sum(map(resources.minutes, together))
    memory = max(map(resources.memory_mb, together))
    expected = {(minutes, f"{memory}M")}
    expected |= {(resources.minutes(one), f"{resources.memory_mb(one)}M") for one in alone}
    assert {asked(job) for job in before} == expected
    assert len(before) == 2 and len(after) <= 3  # the last for the table and the figure


@pytest.mark.thorough
def test_what_is_done_outlasts_a_failure_in_the_same_job(slurm, small, small_built, tmp_path):
    copy = small(tmp_path)
    script = copy.root / "scripts/figures/energy_vs_width.py"
    right = script.read_text()
    script.write_text(right + "\nraise SystemExit('energy_vs_width: no ink')\n")
    process = copy.snakemake(*PROFILE, FIGURE)
    assert process.returncode == 1
    assert "energy_vs_width: no ink" in process.stderr
    assert (copy.root / "results/smoke/experiments/energy_vs_width.csv").exists()
    script.write_text(right)
    assert copy.pending(FIGURE) == {
        FIGURE.replace("svg", kind) for kind in ("svg", "png", "pdf", "csv")
    }
    process = copy.snakemake(*PROFILE, FIGURE)
    assert process.returncode == 0, process.stderr
    assert copy.made() == small_built.made()


def test_what_a_smoke_build_lacks_is_made_with_the_bytes_of_a_local_one(slurm, built, tmp_path):
    """Of everything that follows from the data: all rules but the first two."""
    copy = type(built)(tmp_path / "project", {})
    shutil.copytree(built.root, copy.root, symlinks=True)
    for name in LOST:
        (copy.root / "results/smoke" / name).unlink()
    start = time.time()
    process = copy.snakemake(*PROFILE)
    assert process.returncode == 0, process.stderr
    assert copy.made() == built.made()
    made = [path for path in copy.root.rglob(f"*{record.SUFFIX}") if path.stat().st_mtime > start]
    rules = Counter(record.read(path)["recipe"]["rule"] for path in made)
    assert rules.keys() == RULES and rules["train"] == 2
    assert len(jobs(slurm, copy.root)) == 2  # one after the other: training, all the rest


@pytest.mark.thorough
def test_the_smoke_build_makes_the_bytes_of_a_local_one_in_few_jobs(slurm, built, copied, tmp_path):
    copy = copied(tmp_path)
    process = copy.snakemake(*PROFILE)
    assert process.returncode == 0, process.stderr
    assert copy.made() == built.made()
    together, alone = conditions(copy)
    count = len(plan(copy).datasets) + len(plan(copy).searches)
    count += math.ceil(len(together) / TOGETHER) + len(alone) + 1  # the last: tables and figures
    assert len(jobs(slurm, copy.root)) == count
