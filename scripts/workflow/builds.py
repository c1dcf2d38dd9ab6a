"""Check Snakemake's command line, and allow only one build at a time in the project's folder.

Snakemake calls `check` while it reads profiles/default, before it reads the files on its command
line, and `claim` while it reads the Snakefile.
"""

import argparse
import atexit
import fcntl
import logging
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import psutil
from snakemake.cli import parse_config
from snakemake.rules import Rule
from snakemake.workflow import Workflow

from provenance import store
from workflow import configuration
from workflow.asked import merged, read_merged
from workflow.configuration import ConfigurationError

FOLDER = Path(".snakemake")
# The environment variable of all jobs that has the token of their build.
TOKEN = "PLASTICITY_BUILD"

# Snakemake's options that change nothing: they are allowed while a build is running.
READ_ONLY = {
    *("--lint", "--list-rules", "--list", "-l", "--list-target-rules", "--lt"),
    *("--summary", "-S", "--detailed-summary", "-D", "--report"),
    *("--dag", "--rulegraph", "--filegraph", "--d3dag"),
    *("--list-changes", "--lc", "--list-input-changes", "--li", "--list-params-changes", "--lp"),
    *("--list-untracked", "--lu", "--print-compilation"),
}

PID_LENGTH = 11  # characters of the process id in the lock, before the token
FULL = 2**20  # bytes; a disk with less free space is called full

_locks: list[TextIO] = []  # a lock lasts as long as its file is open


def check(arguments: Sequence[str]) -> None:
    """Refuse a folder that is not writable, and a configuration that is not allowed.

    `arguments` are Snakemake's. Raises SystemExit with one line. Snakemake itself would print a
    traceback, run the code in a template, or leave a log.
    """
    if not os.access(".", os.W_OK):
        sys.exit(f"{Path.cwd()}: cannot build here: the folder is read-only")
    if full := full_disk():
        sys.exit(full)
    parser = argparse.ArgumentParser(add_help=False, usage=argparse.SUPPRESS, prog="snakemake")
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=[])
    parser.add_argument("--config", "-C", nargs="*", default=[])
    given, _ = parser.parse_known_args(arguments)
    for entry in given.config:
        name, equals, _ = entry.partition("=")
        if not equals or name not in configuration.SCHEMA["properties"]:
            raise ConfigurationError(
                f"--config: {entry!r} is not allowed: a key of config.yaml and its value, such as "
                "scale=smoke"
            )
    overlays = configuration.overlays(given.configfile)
    config = merged(read_merged(Path("config.yaml"), overlays), parse_config(given.config))
    configuration.folder(overlays)
    configuration.plan(configuration.typed(config), overlays)


def claim(snakemake: Workflow) -> None:
    """Make this process the only build in the project's folder until it ends.

    The kernel releases the lock when the process ends. So a process that gets the lock knows that
    no other build is running: it can end all jobs of an earlier build, and remove Snakemake's own
    locks. Raises SystemExit with one line if another build is running.
    """
    if snakemake.output_settings.dryrun or READ_ONLY.intersection(sys.argv):
        return
    path = FOLDER / "build.lock"
    try:
        FOLDER.mkdir(exist_ok=True)
        path.touch()
        _locks.append(lock := path.open("r+"))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        former, token = lock.read()[PID_LENGTH:], uuid.uuid4().hex
        _write(lock, former)
        end_cluster_jobs()
        end_processes(former)
        for stale in FOLDER.glob("locks/*.lock"):
            stale.unlink()
        correct_times(["scripts", "envs", "data", "results", "figures", "logs"])
        _write(lock, token)
    except BlockingIOError:
        process = path.read_text()[:PID_LENGTH].strip() or "?"
        sys.exit(f"{Path.cwd()}: another build is running here (process {process}): wait for it")
    except OSError as error:
        sys.exit(f"{Path.cwd()}: cannot build here: {error.strerror}")
    os.environ[TOKEN] = token
    store.prune()
    logging.raiseExceptions = False  # no traceback if there is no room for Snakemake's log

    @atexit.register
    def report_full_disk() -> None:
        if full := full_disk():
            print(full, file=sys.stderr)


def require_records(rules: Iterable[Rule], recorder: str) -> None:
    """Raise ConfigurationError for a rule whose command is not run by `recorder`."""
    for rule in rules:
        if rule.output and not (rule.shellcmd or "").startswith(recorder):
            raise ConfigurationError(
                f"Snakefile: rule {rule.name} leaves no record of what it makes:"
                " its shell command must be recorded(...), and `record` one of its outputs"
            )


def _write(lock: TextIO, token: str) -> None:
    """Write the process id and a token to the lock, always with the same length."""
    lock.seek(0)
    lock.write(f"{os.getpid():{PID_LENGTH}}{token}")
    lock.flush()


def full_disk() -> str | None:
    """Return an error message if the disk is full."""
    if shutil.disk_usage(".").free >= FULL:
        return None
    return f"{Path.cwd()}: the disk is full: free some space, and run the same command again"


def end_processes(token: str) -> None:
    """Kill all processes that the build with this token has started, and wait for their end."""
    jobs = [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(TOKEN) == token
    ]
    for process in jobs:
        process.kill()
    psutil.wait_procs(jobs)


def end_cluster_jobs() -> None:
    """Cancel the jobs of an earlier build in Slurm's queue, and wait for their end."""
    while jobs := _slurm_jobs_here():
        subprocess.run(["scancel", *jobs], check=False)
        time.sleep(1)


def correct_times(folders: Iterable[str]) -> None:
    """Set the time of files in the future, which a wrong clock has left, to the present.

    Otherwise Snakemake would reject all outputs made from such a file as older than their input.
    """
    now = time.time()
    for path in (path for folder in folders for path in Path(folder).rglob("*")):
        if path.lstat().st_mtime > now:
            os.utime(path, (now, now))


def _slurm_jobs_here() -> list[str]:
    """Return the ids of the Slurm jobs that Snakemake has submitted from this folder.

    They are recognised by their comments. Snakemake's own notes on running jobs are not reliable: a
    job that starts overwrites them without its id.
    """
    if shutil.which("squeue") is None:
        return []
    command = ["squeue", "--me", "--noheader", "--format=%A %k|%Z"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return re.findall(rf"^(\d+) rule_.*\|{re.escape(os.getcwd())}$", listed, re.MULTILINE)
