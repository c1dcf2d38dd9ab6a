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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import psutil
import yaml
from snakemake.cli import get_profile_dir, parse_config
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

SLURM = ("sbatch", "squeue", "scancel")  # its commands that a build needs
PATIENCE = 60  # seconds until a build gives up waiting for the end of an earlier one

PID_LENGTH = 11  # characters of the process id in the lock, before the token
FULL = 2**20  # bytes; a disk with less free space is called full

_locks: list[TextIO] = []  # a lock lasts as long as its file is open


def check(arguments: Sequence[str]) -> None:
    """Refuse a folder that is not writable, and options or a configuration that are not allowed.

    `arguments` are Snakemake's. Raises SystemExit with one line. Snakemake itself would print a
    traceback, wait forever, run the code in a template, or leave a log.
    """
    if problem := unusable() or full_disk():
        sys.exit(problem)
    given = _given(arguments)
    if given.directory and Path(given.directory).resolve() != Path.cwd():
        raise ConfigurationError(
            f"--directory: {given.directory!r} is not allowed: go to the project's folder, and run"
            " the command there"
        )
    for count in filter(None, given.cores):
        if not re.fullmatch(r"all|unlimited|0*[1-9]\d*", count):
            raise ConfigurationError(
                f"--cores, --jobs: {count!r} is not allowed: a number of at least 1, or all"
            )
    for file in given.configfile[1:]:
        if Path(file).suffix not in (".yaml", ".yml", ".json"):
            raise ConfigurationError(
                f"--configfile: {file!r} is not allowed: a YAML file; targets come before options,"
                " such as snakemake TARGET --configfile mine.yaml"
            )
    for entry in given.config:
        _check_entry(entry)
    overlays = configuration.overlays(given.configfile)
    config = merged(read_merged(Path("config.yaml"), overlays), parse_config(given.config))
    configuration.folder(overlays)
    configuration.plan(configuration.typed(config), overlays)


def _given(arguments: Sequence[str]) -> argparse.Namespace:
    """Return those of Snakemake's options that are looked at here."""
    parser = argparse.ArgumentParser(add_help=False, usage=argparse.SUPPRESS, prog="snakemake")
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=[])
    parser.add_argument("--config", "-C", nargs="*", default=[])
    parser.add_argument("--cores", "-c", "--jobs", "-j", nargs="?", action="append", default=[])
    parser.add_argument("--directory", "-d")
    parser.add_argument("--executor", "-e")
    parser.add_argument("--profile", default=os.environ.get("SNAKEMAKE_PROFILE"))
    return parser.parse_known_args(arguments)[0]


def _check_entry(entry: str) -> None:
    """Refuse an entry of --config that is no key and value, or that Snakemake would not keep."""
    name, equals, value = entry.partition("=")
    if not equals or name not in configuration.SCHEMA["properties"]:
        raise ConfigurationError(
            f"--config: {entry!r} is not allowed: a key of config.yaml and its value, such as "
            "scale=smoke (targets come before options)"
        )
    parsed = parse_config([entry])[name]
    if isinstance(parsed, dict | list):
        meant = None
        with suppress(yaml.YAMLError, ValueError, TypeError):
            meant = yaml.safe_load(value)
        if parsed != meant:
            raise ConfigurationError(
                f"--config: {entry!r} is not allowed: Snakemake would make texts of the values in"
                " it: write them into a file, and give that with --configfile"
            )


def claim(snakemake: Workflow) -> None:
    """Make this process the only build in the project's folder until it ends.

    The kernel releases the lock when the process ends. So a process that gets the lock knows that
    no other build is running: it can end all jobs of an earlier build, and remove Snakemake's own
    locks. Raises SystemExit with one line if another build is running.
    """
    if snakemake.output_settings.dryrun or READ_ONLY.intersection(sys.argv):
        return
    if uses_slurm(sys.argv[1:]):
        require_slurm()
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
        process = path.read_text(encoding="utf-8")[:PID_LENGTH].strip() or "?"
        sys.exit(f"{Path.cwd()}: another build is running here (process {process}): wait for it")
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        sys.exit(f"{Path.cwd()}: cannot build here: {file}{error.strerror}")
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


def require_targets(targets: Iterable[str]) -> None:
    """Raise SystemExit if a file that was asked for is missing at the end.

    When a data set is prepared again, Snakemake overlooks missing files that are made from it,
    because its age does not count for training (`ancient`). A second call finds them.
    """
    for target in targets:
        if os.sep in target and not os.path.exists(target):
            sys.exit(f"{target}: not made yet, only its data set: run the same command again")


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


def unusable() -> str | None:
    """Return an error message if Snakemake cannot work in the project's folder."""
    refusal = f"{Path.cwd()}: cannot build here:"
    if re.search("[{}]", str(Path.cwd())):
        return f"{refusal} Snakemake needs a path without {{ and }}: rename the folder"
    for path in (Path(), FOLDER, *FOLDER.glob("*")):
        if path.exists() and not os.access(path, os.W_OK):
            return f"{refusal} {'the folder' if path == Path() else path} is read-only"
    return None


def uses_slurm(arguments: Sequence[str]) -> bool:
    """Return whether Snakemake's `arguments`, or the profile that they name, choose Slurm."""
    given = _given(arguments)
    if given.executor is None and given.profile and (found := get_profile_dir(given.profile)):
        given.executor = (yaml.safe_load(found[1].read_bytes()) or {}).get("executor")
    return given.executor == "slurm"


def require_slurm() -> None:
    """Raise SystemExit with one line if a command of Slurm is missing, or Slurm does not answer."""
    for command in SLURM:
        if shutil.which(command) is None:
            sys.exit(f"{command}: no such command: build where Slurm is, or without Slurm")
    asked = subprocess.run(["squeue", "--me"], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        reason = " ".join(asked.stderr.split())
        sys.exit(f"Slurm does not answer: {reason or f'squeue ended with {asked.returncode}'}")


def end_processes(token: str) -> None:
    """Kill all processes that the build with this token has started, and wait for their end."""

    def kill(processes: Iterable[psutil.Process]) -> None:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    _end("process", lambda: list(_processes_here(token)), kill, lambda process: str(process.pid))


def end_cluster_jobs() -> None:
    """Cancel the jobs of an earlier build in Slurm's queue, and wait for their end."""

    def cancel(jobs: Iterable[str]) -> None:
        subprocess.run(["scancel", *jobs], check=False)

    _end("Slurm job", _slurm_jobs_here, cancel, str)


def _end(
    kind: str,
    left: Callable[[], list[Any]],
    end: Callable[[list[Any]], None],
    name: Callable[[Any], str],
) -> None:
    """End what an earlier build has left, until nothing is left.

    Raises SystemExit with one line if that takes longer than PATIENCE.
    """
    start = time.monotonic()
    announced = False
    while found := left():
        end(found)
        what = f"{kind} {', '.join(map(name, found))} of an earlier build"
        waited = time.monotonic() - start
        if waited > 1 and not announced:
            print(f"waiting up to {PATIENCE} s for the end of {what}", file=sys.stderr)
            announced = True
        if waited > PATIENCE:
            sys.exit(f"{Path.cwd()}: cannot build here: {what} does not end: end it yourself")
        time.sleep(1 if waited > 0.5 else 0.1)


def correct_times(folders: Iterable[str]) -> None:
    """Set the time of files in the future, which a wrong clock has left, to the present.

    Otherwise Snakemake would reject all outputs made from such a file as older than their input.
    The time of a link is changed, not that of its target, which may be outside the project.
    """
    now = time.time()
    for path in (path for folder in folders for path in Path(folder).rglob("*")):
        with suppress(FileNotFoundError):
            if path.lstat().st_mtime > now:
                os.utime(path, (now, now), follow_symlinks=False)


def _processes_here(token: str) -> Iterator[psutil.Process]:
    """Yield the processes that the build with this token has started in this folder.

    A copy of the folder has the same token, so a process must also run in this folder and belong to
    this user. A zombie is left out, because it has no environment.
    """
    if not token:
        return
    here, user = Path.cwd(), os.getuid()
    me = psutil.Process()
    callers = {me, *me.parents()}
    for process in psutil.process_iter(["environ", "cwd", "uids"]):
        environment, cwd, uids = (process.info[name] for name in ("environ", "cwd", "uids"))
        if (
            (environment or {}).get(TOKEN) == token
            and Path(cwd or "/").is_relative_to(here)
            and uids.real == user
            and process not in callers
        ):
            yield process


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
