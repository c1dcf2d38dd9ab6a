"""What a build needs beside Snakemake: a command line without mistakes, and a folder to itself.

Snakemake calls `check` while it reads profiles/default, before the files that its command line
names, and `claim` while it reads the Snakefile.
"""

import argparse
import fcntl
import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import psutil
from snakemake.cli import parse_config
from snakemake.utils import update_config

import configuration
from configuration import ConfigurationError

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

_held: list[TextIO] = []  # a lock lasts as long as its file is open


def check(arguments: Sequence[str]) -> None:
    """Refuse a configuration that is not allowed, as Snakemake's command line gives it.

    Raises ConfigurationError. Snakemake itself would show a traceback, run what a template says, or
    leave a log behind.
    """
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
    configuration.plan(config, overlays)


def claim(snakemake: object) -> None:
    """Make this process the only build in the project's folder, until it ends however it may.

    The kernel drops the lock when the process dies: whoever gets it knows that no build is alive
    here, that what a former build has started is left over and can be ended, and that Snakemake's
    own locks are stale. Raises SystemExit, in one line, when another build is alive.
    """
    if snakemake.output_settings.dryrun or LOOKING.intersection(sys.argv):
        return
    OURS.mkdir(exist_ok=True)
    lock = (OURS / "build.lock").open("a+")
    lock.seek(0)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        process = lock.read().partition(" ")[0]
        sys.exit(
            f"{Path.cwd()}: another build is running here (process {process}): let it end first"
        )
    _held.append(lock)
    end_jobs(lock.read().rpartition(" ")[2])
    for stale in OURS.glob("locks/*.lock"):
        stale.unlink()
    os.environ[TOKEN] = uuid.uuid4().hex
    lock.truncate(0)
    lock.write(f"{os.getpid()} {os.environ[TOKEN]}")
    lock.flush()


def end_jobs(token: str) -> None:
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
