"""Run a rule's command, or take what it would make from the store, and write a provenance record.

A record has these parts:

- `recipe`: what determines the outputs: the rule, the identity of its step (code, packages,
  arithmetic: see identity.py), the resolved parameters, and the sha256 of all data that the
  parameters do not name;
- `id`: the recipe's sha256: the same in any folder, at any time, on any host that computes alike;
- `outputs`: their sha256, by path;
- `inputs`: the sha256 of all files of data that were read, and `records`: the ids of the records of
  those among them that rules made;
- `made`: when, where, from which commit and with which command, in how many CPU seconds, and the
  plain sha256 of the code;
- `seal`: the sha256 of all the rest.

    python scripts/record.py --rule RULE --record FILE --inputs FILE ... --outputs FILE ... -- WORDS

The command finds the id in the variable RECORD_ID. When it fails there is no record, and its exit
status is passed on. A recipe whose outputs are in the store is not run again. Only the standard
library is imported, since this starts with every job.
"""

import argparse
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import cache_from_source
from math import isfinite
from pathlib import Path
from typing import Any

from provenance import identity, store
from provenance.files import digest, remembered_sha256, replacing, sha256, state, write_json

SUFFIX = ".record.json"
MADE = ("data/", "results/", "figures/")  # where rules put what they make
PARTS = {
    "id": str,
    "recipe": dict,
    "outputs": dict,
    "inputs": dict,
    "records": dict,
    "made": dict,
    "seal": str,
}

Value = str | int | float | bool | list  # of a parameter; True: an option without values


class RecordError(Exception):
    """What was made cannot be recorded; the message is one line that names the file."""


def seal(record: Mapping) -> str:
    """Return what a record's seal should be: the digest of everything else in it."""
    return digest({part: value for part, value in record.items() if part != "seal"})


def parameters(
    command: Sequence[str], inputs: Mapping[str, str], outputs: Sequence[str]
) -> dict[str, Value]:
    """Return the resolved parameters of a command: its options by name, its first words as program.

    A number is a number, however it is written. A file among `inputs`, which gives the sha256 by
    path, is its name and sha256, a file among `outputs` its position in them: no folder of such a
    file is a parameter.
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
    """Return the number that a word stands for, an integer where it is one; else the word."""
    with suppress(ValueError):
        return int(word)  # of any length
    try:
        value = float(word)
    except ValueError:
        return word
    if not isfinite(value):  # JSON has no such numbers
        return word
    return int(value) if value.is_integer() else value


def hashes(
    inputs: Iterable[str], records: Mapping[str, Mapping], command: Sequence[str]
) -> dict[str, str]:
    """Return the sha256 of the files of data among `inputs`, by path.

    `records` are those among them; one that the command itself reads is data. Raises RecordError
    for a file that a rule made, but that is not as its record says, or of which no record is among
    them.
    """
    made = {path: hash for record in records.values() for path, hash in record["outputs"].items()}
    found = {
        path: remembered_sha256(path)
        for path in inputs
        if not path.startswith(f"{identity.STEPS}/") and (path not in records or path in command)
    }
    for path, hash in found.items():
        if path.startswith(MADE) and path not in records and made.get(path) != hash:
            problem = "its bytes are not those of its record: make it again"
            raise RecordError(f"{path}: {problem if path in made else 'its record is no input'}")
    return found


def script_of(command: Sequence[str]) -> str | None:
    """Return the Python script that a command runs, None if it runs none."""
    return command[1] if command[0] == "python" else None


def recipe(
    rule: str, command: Sequence[str], inputs: Mapping[str, str], outputs: Sequence[str]
) -> dict:
    """Return what determines the outputs of `command`, by content; `inputs` are sha256 by path."""
    script = script_of(command)
    return {
        "rule": rule,
        **(identity.step(script) if script else {}),
        **resolved(command, inputs, outputs),
    }


def resolved(command: Sequence[str], inputs: Mapping[str, str], outputs: Sequence[str]) -> dict:
    """Return the parts of a recipe that follow from its command and its data."""
    return {
        "parameters": parameters(command, inputs, outputs),
        "data": {path: hash for path, hash in inputs.items() if path not in command},
    }


def read(path: str | Path) -> dict:
    """Return the record in a file; raise RecordError for one that is missing or is none."""
    try:
        record = json.loads(Path(path).read_bytes())
    except FileNotFoundError:
        raise RecordError(f"{path}: no such record") from None
    except ValueError:
        record = None
    if not is_record(record):
        raise RecordError(f"{path}: not a provenance record")
    return record


def is_record(value: object) -> bool:
    """Whether a JSON value has the parts of a record."""
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(part), kind) for part, kind in PARTS.items())
        and bool(value["outputs"])
    )


def commit() -> subprocess.Popen | None:
    """Ask git for the commit and whether files differ from it; None without git."""
    try:
        return subprocess.Popen(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except OSError:
        return None


def forget_bytecode(sources: Iterable[str]) -> None:
    """Remove bytecode that is older than its source.

    Python compares whole seconds and sizes only, so it might run that of the edit before.
    """
    for source in sources:
        bytecode = Path(cache_from_source(source))
        with suppress(OSError):
            if bytecode.stat().st_mtime_ns <= Path(source).stat().st_mtime_ns:
                bytecode.unlink()


def run(command: Sequence[str], id: str | None) -> int:
    """Run `command` and return its exit status; whoever ends this process ends the command.

    What the caller's environment says of Python's and NumPy's arithmetic is no part of the recipe.
    """
    signal.signal(signal.SIGINT, lambda *_: None)  # a terminal sends it to the command as well
    environment = identity.job_environment() | ({"RECORD_ID": id} if id else {})
    child = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGTERM, lambda number, _: child.send_signal(number))
    status = child.wait()
    return status if status >= 0 else 128 - status


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(one.ru_utime + one.ru_stime for one in used), 3)


def take(entry: store.Entry, outputs: Sequence[str]) -> None:
    """Write what the store has of a recipe to the paths of its outputs."""
    for i, path in enumerate(outputs):
        with replacing(path) as partial:
            partial.write_bytes(entry.files[f"output {i}"])


def record(arguments: argparse.Namespace) -> int:
    """Make the outputs, write the record if that succeeds, and return the command's exit status."""
    rule, command = arguments.rule, arguments.command
    outputs = sorted(path for path in arguments.outputs if path != arguments.record)
    start, asked = now(), commit()
    states = {path: state(path) for path in arguments.inputs}
    records = {path: read(path) for path in arguments.inputs if path.endswith(SUFFIX)}
    inputs = hashes(arguments.inputs, records, command)
    how = recipe(rule, command, inputs, outputs)
    script = script_of(command)
    entry = store.get(digest(how)) if script and not arguments.by_content else None
    if entry:
        take(entry, outputs)
    else:
        forget_bytecode(how.get("code", ()))
        status = run(command, None if arguments.by_content else digest(how))
        if status == 128 + signal.SIGKILL:
            print(f"record: {rule} was killed: out of memory?", file=sys.stderr)
        if status != 0:
            return status
    for path, hash in inputs.items():
        if state(path) != states[path] and sha256(path) != hash:
            raise RecordError(f"{path}: it was changed while {rule} ran: run it again")
    if script and how["code"] != identity.code(script):
        raise RecordError(f"{script}: its code was changed while {rule} ran: run it again")
    made: dict[str, Any] = {"start": start, "end": now(), "host": platform.node()}
    made |= {"command": command, "from_store": entry is not None}
    made["seconds"] = entry.seconds if entry else cpu_seconds()
    made |= {"cpu": identity.processor()["model name"], "platform": sysconfig.get_platform()}
    made["python"] = platform.python_version()
    made["sources"] = identity.sources(script) if script else {}
    described = asked.communicate()[0].strip() if asked else ""
    made["commit"] = described.removesuffix("-dirty") or None
    made["dirty"] = described.endswith("-dirty") if described else None
    results = {path: sha256(path) for path in outputs}
    if arguments.by_content:
        made["recipe"], how = how, {"rule": rule, "content": results}
    elif script and not entry and sum(os.path.getsize(path) for path in outputs) <= store.LARGEST:
        files = {f"output {i}": Path(path).read_bytes() for i, path in enumerate(outputs)}
        store.put(digest(how), files, made["seconds"])
    content = {
        "id": digest(how),
        "recipe": how,
        "outputs": results,
        "inputs": inputs,
        "records": {path: record["id"] for path, record in records.items()},
        "made": made,
    }
    write_json(arguments.record, content | {"seal": seal(content)})
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--rule", required=True)
    add("--record", required=True, metavar="FILE", help="where the record goes")
    add("--inputs", required=True, nargs="*", metavar="FILE", help="records included")
    add("--outputs", required=True, nargs="+", metavar="FILE")
    add(
        "--by-content",
        action="store_true",
        help="the outputs' known sha256 say all, not how they were made",
    )
    add("command", nargs="+", help="after --")
    arguments = parser.parse_args()
    try:
        sys.exit(record(arguments))
    except (RecordError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"record: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
