"""Run a rule's command, or take its outputs from the store, and write a provenance record.

A record has these parts:

- `recipe`: what determines the outputs: the rule, the identity of its step (code, packages,
  arithmetic: see identity.py), the resolved parameters, and the sha256 of all data that the
  parameters do not name;
- `id`: the sha256 of the recipe. It is the same in every folder, at any time, on every host with
  the same arithmetic;
- `outputs`: the sha256 of each output, by path;
- `inputs`: the sha256 of each data file that was read, and `records`: the ids of the records of
  those inputs that rules made;
- `made`: time, commit, command, CPU seconds, and the sha256 of each file of code;
- `seal`: the sha256 of all other parts.

    python scripts/record.py --rule RULE --record FILE --inputs FILE ... --outputs FILE ... -- WORDS

The command gets the id in the variable RECORD_ID. If the command fails, no record is written, and
its exit status is passed on. If the store has the outputs of the recipe, the command does not run.
Only the standard library is imported, since this module is loaded for every job.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from provenance import identity, shape, store
from provenance.files import digest, read_bytes, remembered_sha256, sha256, state, write, write_json
from provenance.identity import StrayError

SUFFIX = ".record.json"
MADE = ("data/", "results/", "figures/", "site/")  # folders of the outputs of rules

Value = str | int | float | bool | list  # of a parameter; True for an option without values


class RecordError(Exception):
    """A record or a recorded file cannot be used; the message is one line that names the file."""


def seal(record: Mapping) -> str:
    """Return the correct seal of a record: the digest of all its other parts."""
    return digest({part: value for part, value in record.items() if part != "seal"})


def is_sealed(record: Mapping) -> bool:
    """Return whether a record is unchanged since it was written."""
    return record["seal"] == seal(record) and record["id"] == digest(record["recipe"])


def parameters(
    command: Sequence[str], inputs: Mapping[str, str], outputs: Sequence[str]
) -> dict[str, Value]:
    """Return the resolved parameters of a command: its options, and its first words as `program`.

    Numbers are converted, so `1` and `1.0` are equal. A file in `inputs`, which has the sha256 by
    path, becomes its name and sha256. A file in `outputs` becomes its position there. So parameters
    do not depend on the folders of files.
    """

    def value(word: str) -> str | int | float:
        if word in inputs:
            return f"{Path(word).name} {inputs[word]}"
        return f"output {outputs.index(word)}" if word in outputs else number(word)

    words: list[str | int | float] = []
    options = {"program": words}
    for word in command:
        if word.startswith("--"):
            words = options.setdefault(word[2:].replace("-", "_"), [])
        else:
            words.append(value(word))
    return {name: words[0] if len(words) == 1 else words or True for name, words in options.items()}


def number(word: str) -> str | int | float:
    """Return the number that a word represents, if possible as an integer; else the word."""
    with suppress(ValueError):
        return int(word)  # of any length
    try:
        value = float(word)
    except ValueError:
        return word
    if not isfinite(value):  # JSON does not allow it
        return word
    return int(value) if value.is_integer() else value


def hashes(
    inputs: Iterable[str], records: Mapping[str, Mapping], command: Sequence[str]
) -> dict[str, str]:
    """Return the sha256 of the data files in `inputs`, by path.

    `records` are the records in `inputs`. A record counts as data only if the command reads it.
    Raises RecordError for a file made by a rule if it does not match its record, or if its record
    is not in `inputs`.
    """
    recorded = {
        file: hash for record in records.values() for file, hash in record["outputs"].items()
    }
    data = {
        path: remembered_sha256(path)
        for path in inputs
        if not path.startswith(f"{identity.STEPS}/") and (path not in records or path in command)
    }
    for path, hash in data.items():
        if path.startswith(MADE) and path not in records and recorded.get(path) != hash:
            if path in recorded:
                raise RecordError(f"{path}: content does not match its record: build it again")
            raise RecordError(f"{path}: its record is not an input of the rule")
    return data


def scripts_of(command: Sequence[str]) -> list[str]:
    """Return the Python script that a command runs, and the modules that the command names."""
    return [word for word in command if word.endswith(".py")] if command[0] == "python" else []


def resolved(command: Sequence[str], inputs: Mapping[str, str], outputs: Sequence[str]) -> dict:
    """Return the parts of a recipe that depend on its command and data; `inputs` are sha256."""
    return {
        "parameters": parameters(command, inputs, outputs),
        "data": {path: hash for path, hash in inputs.items() if path not in command},
    }


def read(path: str | Path) -> dict:
    """Return the record in a file; raise RecordError if it is missing or damaged."""
    try:
        record = json.loads(read_bytes(path))
    except (FileNotFoundError, NotADirectoryError):
        raise RecordError(f"{path}: no such record") from None
    except OSError as error:
        raise RecordError(f"{path}: not a provenance record: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise RecordError(f"{path}: not a provenance record: not JSON") from None
    if found := shape.problem(record):
        raise RecordError(f"{path}: not a provenance record: {found}")
    return record


def commit() -> subprocess.Popen | None:
    """Start a process that prints the commit and whether files differ; None without git.

    Only a repository of the project's own folder counts, not one that contains this folder.
    """
    others = ("GIT_DIR", "GIT_WORK_TREE")
    own = {"GIT_OPTIONAL_LOCKS": "0", "GIT_CEILING_DIRECTORIES": str(Path.cwd().parent)}
    try:
        return subprocess.Popen(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            env={name: text for name, text in os.environ.items() if name not in others} | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except OSError:
        return None


def run(command: Sequence[str], id: str | None) -> int:
    """Run `command` and return its exit status; pass SIGTERM on to it.

    Environment variables that are not part of the recipe, but could alter results, are removed.
    `python` is the Python that runs this, whose packages are in the recipe.
    """
    signal.signal(signal.SIGINT, lambda *_: None)  # a terminal also sends it to the command
    environment = identity.job_environment() | ({"RECORD_ID": id} if id else {})
    program = sys.executable if command[0] == "python" else command[0]
    child = subprocess.Popen([program, *command[1:]], env=environment)
    signal.signal(signal.SIGTERM, lambda number, _: child.send_signal(number))
    status = child.wait()
    return status if status >= 0 else 128 - status


def timestamp() -> str:
    """Return the current time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def run_and_record(arguments: argparse.Namespace) -> int:
    """Make the outputs, write their record if that succeeds, and return the exit status."""
    rule, command = arguments.rule, arguments.command
    outputs = sorted(path for path in arguments.outputs if path != arguments.record)
    start, git = timestamp(), commit()
    if scripts := scripts_of(command):
        identity.require_sources(scripts[0])
    states = {path: state(path) for path in arguments.inputs}
    records = {path: read(path) for path in arguments.inputs if path.endswith(SUFFIX)}
    inputs = hashes(arguments.inputs, records, command)
    step = identity.step(*scripts) if scripts else {}
    recipe = {"rule": rule, **step, **resolved(command, inputs, outputs)}
    id = digest(recipe)
    entry = store.get(id) if scripts and not arguments.by_content else None
    if entry:
        for i, path in enumerate(outputs):
            write(path, entry.files[f"output {i}"])
    else:
        status = run(command, None if arguments.by_content else id)
        if status == 128 + signal.SIGKILL:
            print(f"record: {rule} was killed: out of memory?", file=sys.stderr)
        if status != 0:
            return status
    for path, hash in inputs.items():
        if state(path) != states[path] and sha256(path) != hash:
            raise RecordError(f"{path}: changed while {rule} was running: run it again")
    if scripts and recipe["code"] != identity.code(*scripts):
        raise RecordError(f"{scripts[-1]}: code changed while {rule} was running: run it again")
    described = git.communicate()[0].strip() if git else ""
    details = {
        "start": start,
        "end": timestamp(),
        "seconds": entry.seconds if entry else round(sum(os.times()[:4]), 2),  # of processor time
        "from_store": entry is not None,
        "command": command,
        "sources": identity.sources(*scripts) if scripts else {},
        "commit": described.removesuffix("-dirty") or None,
        "dirty": described.endswith("-dirty") if described else None,
        "host": platform.node(),
        "cpu": identity.processor()["model name"],
        "platform": sysconfig.get_platform(),
        "python": platform.python_version(),
    }
    results = {path: sha256(path) for path in outputs}
    if arguments.by_content:
        details["recipe"], recipe = recipe, {"rule": rule, "content": results}
    elif scripts and not entry and sum(map(os.path.getsize, outputs)) <= store.LARGEST:
        files = {f"output {i}": Path(path).read_bytes() for i, path in enumerate(outputs)}
        store.put(id, files, details["seconds"])
    record = {
        "id": digest(recipe),
        "recipe": recipe,
        "outputs": results,
        "inputs": inputs,
        "records": {path: record["id"] for path, record in records.items()},
        "made": details,
    }
    write_json(arguments.record, record | {"seal": seal(record)})
    return 0


def main() -> None:
    """Run a command and record it, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--rule", required=True, help="name of the rule")
    add("--record", required=True, metavar="FILE", help="the record to write")
    add("--inputs", required=True, nargs="*", metavar="FILE", help="inputs, records included")
    add("--outputs", required=True, nargs="+", metavar="FILE", help="outputs, the record included")
    add("--by-content", action="store_true", help="identify the outputs by their sha256 alone")
    add("command", nargs="+", help="the command, after --")
    arguments = parser.parse_args()
    try:
        sys.exit(run_and_record(arguments))
    except (RecordError, StrayError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"record: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
