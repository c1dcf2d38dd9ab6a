"""What a build needs beside Snakemake: a command line without mistakes, and a folder to itself.

Snakemake calls `check` while it reads profiles/default, before the files that its command line
names, and `claim` while it reads the Snakefile.
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
from snakemake.utils import update_config
from snakemake.workflow import Workflow

from provenance import store
from workflow import configuration
from workflow.configuration import ConfigurationError

OURS = Path(".snakemake")
# In the environment of a build's jobs: the token of the build that started them.
TOKEN = "PLASTICITY_BUILD"

# Snakemake's options that only look: they may be used while a build runs.
LOOKING = {
    *("--lint", "--list-rules", "--list", "-l", "--list-target-rules", "--lt"),
    *("--summary", "-S", "--detailed-summary", "-D", "--report"),
    *("--dag", "--rulegraph", "--filegraph", "--d3dag"),
    *("--list-changes", "--lc", "--list-input-changes", "--li", "--list-params-changes", "--lp"),
    *("--list-untracked", "--lu", "--print-compilation"),
}

PROCESS = 11  # characters of the process's number in the lock, before the token
FULL = 2**20  # bytes that are left on a disk of which one says that it is full

_held: list[TextIO] = []  # a lock lasts as long as its file is open


def check(arguments: Sequence[str]) -> None:
    """Refuse a place where nothing can be written, and a configuration that is not allowed.

    `arguments` are Snakemake's. Raises SystemExit, in one line. Snakemake itself would show a
    traceback, run what a template says, or leave a log behind.
    """
    if not os.access(".", os.W_OK):
        sys.exit(f"{Path.cwd()}: nothing can be built here: it is read-only")
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
    config = configuration.read("config.yaml")
    overlays = configuration.overlays(given.configfile)
    for layer in [*map(configuration.read, overlays), parse_config(given.config)]:
        update_config(config, layer)
    configuration.folder(overlays)
    configuration.plan(configuration.typed(config), overlays)


def claim(snakemake: Workflow) -> None:
    """Make this process the only build in the project's folder, until it ends however it may.

    The kernel drops the lock when the process dies: whoever gets it knows that no build is alive
    here, that what a former build has started is left over and can be ended, and that Snakemake's
    own locks are stale. Raises SystemExit, in one line, when another build is alive.
    """
    if snakemake.output_settings.dryrun or LOOKING.intersection(sys.argv):
        return
    place = OURS / "build.lock"
    try:
        OURS.mkdir(exist_ok=True)
        place.touch()
        _held.append(lock := place.open("r+"))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        former, token = lock.read()[PROCESS:], uuid.uuid4().hex
        lock.seek(0)
        lock.write(f"{os.getpid():{PROCESS}}{former}")
        lock.flush()
        end_cluster_jobs()
        end_processes(former)
        for stale in OURS.glob("locks/*.lock"):
            stale.unlink()
        set_back(["scripts", "envs", "data", "results", "figures", "logs"])
        lock.seek(0)
        lock.write(f"{os.getpid():{PROCESS}}{token}")  # always this long: a full disk has room
        lock.flush()
    except BlockingIOError:
        process = place.read_text()[:PROCESS].strip() or "?"
        sys.exit(f"{Path.cwd()}: another build runs here (process {process}): let it end first")
    except OSError as error:
        sys.exit(f"{Path.cwd()}: nothing can be built here: {error.strerror}")
    os.environ[TOKEN] = token
    store.prune()
    logging.raiseExceptions = False  # no traceback when there is no room for Snakemake's own log

    @atexit.register
    def last_words() -> None:
        if full := full_disk():
            print(full, file=sys.stderr)


def full_disk() -> str | None:
    """Return in a line that the disk is full, if it is."""
    if shutil.disk_usage(".").free >= FULL:
        return None
    return f"{Path.cwd()}: the disk is full: make room, and type the same command again"


def end_processes(token: str) -> None:
    """Kill all processes that the build with this token has started, and wait for their end."""
    left = [process for process in psutil.process_iter() if _token(process) == token]
    for process in left:
        process.kill()
    psutil.wait_procs(left)


def _token(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(TOKEN)
    except psutil.Error:  # it has ended, or is someone else's
        return None


def end_cluster_jobs() -> None:
    """Cancel what a former build has left in Slurm's queue, and wait for its end."""
    while left := _slurm_jobs_here():
        subprocess.run(["scancel", *left], check=False)
        time.sleep(1)


def set_back(folders: Iterable[str]) -> None:
    """Give files that a jump of the clock has left in the future the time of now.

    To Snakemake, whatever is made from such a file is older than it, and fails.
    """
    now = time.time()
    for path in (path for folder in folders for path in Path(folder).rglob("*")):
        if path.lstat().st_mtime > now:
            os.utime(path, (now, now))


def _slurm_jobs_here() -> list[str]:
    """Return the numbers of the Slurm jobs that Snakemake has submitted from this folder.

    Their comments tell them from others. Snakemake's own notes on what runs do not last: a job
    that begins writes them anew, without its number.
    """
    if shutil.which("squeue") is None:
        return []
    command = ["squeue", "--me", "--noheader", "--format=%A %k|%Z"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return re.findall(rf"^(\d+) rule_.*\|{re.escape(os.getcwd())}$", listed, re.MULTILINE)
