"""Run a rule's command and write a provenance record of what it made, and from what.

A record has five parts. `recipe` says what determines the outputs: rule, command, parameters,
seeds, the sha256 of every input (code included), the ids of the records of those inputs that rules
made, and the environment. `id` is the recipe's sha256: the same in any folder, at any time, on any
host whose arithmetic is the same. `outputs` has their sha256. `made` tells when, where and
at which commit that was. `seal` is the sha256 of all the rest.

    python scripts/record.py --rule RULE --record FILE --inputs FILE ... --outputs FILE ... -- WORDS

The command finds the id in the variable RECORD_ID. When it fails there is no record, and its exit
status is passed on. Only the standard library is imported, since this starts with every job; and no
rule has this file as an input, since how a record is written does not alter what is recorded.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SUFFIX = ".record.json"
LOCK = Path("envs/requirements.lock")
MADE = ("data/", "results/", "figures/")  # where rules put what they make

# What chooses between ways to compute the same, beside the processor and the code.
ARITHMETIC = "scripts/arithmetic.py"
CHOOSING = ("OPENBLAS_", "NPY_", "NUMBA_", "MKL_", "BLIS_")


class RecordError(Exception):
    """What was made cannot be recorded; the message is one line that names the file."""


def sha256(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state(path: str) -> tuple[int, int, int]:
    """Return what tells that a file may have been changed: its size, time and place."""
    known = os.stat(path)
    return known.st_size, known.st_mtime_ns, known.st_ino


def digest(value: object) -> str:
    """Return the sha256 of a JSON value in its one canonical form, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seal(record: Mapping) -> str:
    """Return what a record's seal should be: the digest of everything else in it."""
    return digest({part: value for part, value in record.items() if part != "seal"})


Option = str | list[str] | bool  # one value, a list of them, or just there (True)


def options(command: list[str], files: Iterable[str]) -> dict[str, Option]:
    """Return a command's options by name, but for those that only name some of `files`."""
    values: dict[str, list[str]] = {}
    words: list[str] = []  # in front of the first option: the program
    for word in command:
        if word.startswith("--"):
            words = values.setdefault(word[2:].replace("-", "_"), [])
        else:
            words.append(word)
    files = set(files)
    return {
        name: words[0] if len(words) == 1 else words or True
        for name, words in values.items()
        if not words or not files.issuperset(words)
    }


def as_list(option: Option) -> list[str]:
    """Return an option's values as a list; one that is just there has none."""
    if isinstance(option, bool):
        return []
    return [option] if isinstance(option, str) else option


def recipe(rule: str, command: list[str], inputs: list[str], outputs: list[str]) -> dict:
    """Return what determines the outputs of `command`, by content.

    Raises RecordError for an input that a rule made, but that is not as its record says, or of
    which no record is among the inputs.
    """
    records = {path: read(path) for path in inputs if path.endswith(SUFFIX)}
    hashes = {path: sha256(path) for path in inputs if path not in records}
    made = {path: hash for record in records.values() for path, hash in record["outputs"].items()}
    for path, hash in hashes.items():
        if path.startswith(MADE) and made.get(path) != hash:
            problem = "its bytes are not those of its record: make it again"
            raise RecordError(f"{path}: {problem if path in made else 'its record is no input'}")
    parameters = options(command, [*inputs, *outputs])
    seeds = as_list(parameters.pop("seed", []))
    return {
        "rule": rule,
        "command": command,
        "parameters": parameters,
        "seeds": [int(seed) for seed in seeds],
        "inputs": hashes,
        "records": {path: record["id"] for path, record in records.items()},
        "environment": environment(),
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
    parts = {"id": str, "recipe": dict, "outputs": dict, "made": dict, "seal": str}
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(part), kind) for part, kind in parts.items())
        and bool(value["outputs"])
    )


def environment() -> dict:
    """Return Python's version, those of the locked packages as installed, and the arithmetic."""
    here = versions()
    return here | {"arithmetic": arithmetic(here)}


def versions() -> dict:
    """Return the versions of Python and of the locked packages, and the platform."""
    return {
        "python": platform.python_version(),
        "platform": sysconfig.get_platform(),
        "packages": packages(),
    }


def packages() -> dict[str, str]:
    """Return the installed versions of the packages that the lock file names."""
    locked = set(re.findall(r"^([\w.-]+)==", LOCK.read_text(), re.MULTILINE))
    # Each has a folder name-version.dist-info; importlib.metadata would read what is in them.
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    found = (path.stem for folder in folders for path in Path(folder).glob("*.dist-info"))
    versions = dict(name.split("-", 1) for name in found)
    return {
        name: version
        for installed, version in sorted(versions.items())
        if (name := re.sub(r"[-_.]+", "-", installed).lower()) in locked
    }


def arithmetic(versions: dict) -> dict:
    """Return which BLAS kernels, SIMD extensions and Numba target compute in a job.

    To ask the libraries takes a second. It is done once for all that the answer depends on.
    """
    code = [ARITHMETIC, *sorted(map(str, Path("scripts/plasticity").glob("*.py")))]
    chosen = {
        key: value
        for key, value in os.environ.items()
        if key.startswith(CHOOSING) and not key.endswith("_NUM_THREADS")
    }
    known = digest([versions, processor(), chosen, [sha256(path) for path in code]])
    cache = Path(".cache/arithmetic") / f"{known[:16]}.json"
    try:
        return json.loads(cache.read_bytes())
    except (FileNotFoundError, ValueError):  # not asked yet, or damaged
        asked = subprocess.run([sys.executable, ARITHMETIC], stdout=subprocess.PIPE, check=True)
        answer = json.loads(asked.stdout)
        write(cache, answer)
        return answer


def processor() -> dict[str, str]:
    """Return the CPU's model and what it can do."""
    try:
        first, *_ = Path("/proc/cpuinfo").read_text().split("\n\n")
    except OSError:
        return {"model name": platform.processor()}
    lines = (line.partition(":") for line in first.splitlines())
    facts = {key.strip(): value.strip() for key, _, value in lines}
    return {key: facts.get(key, "") for key in ("model name", "flags")}


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


def run(command: list[str], id: str | None) -> int:
    """Run `command` and return its exit status; whoever ends this process ends the command."""
    signal.signal(signal.SIGINT, lambda *_: None)  # a terminal sends it to the command as well
    child = subprocess.Popen(command, env=os.environ | ({"RECORD_ID": id} if id else {}))
    signal.signal(signal.SIGTERM, lambda number, _: child.send_signal(number))
    status = child.wait()
    return status if status >= 0 else 128 - status


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def write(path: str | Path, content: dict) -> None:
    """Write JSON beside its place first, so that it is never half there."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False)
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)  # what a full disk has cut short


def record(arguments: argparse.Namespace) -> int:
    """Run the command, write the record if it succeeds, and return its exit status."""
    outputs = [path for path in arguments.outputs if path != arguments.record]
    start, asked = now(), commit()
    states = {path: state(path) for path in arguments.inputs}
    how = recipe(arguments.rule, arguments.command, arguments.inputs, outputs)
    status = run(arguments.command, None if arguments.by_content else digest(how))
    if status == 128 + signal.SIGKILL:
        print(f"record: {arguments.rule} was killed: out of memory?", file=sys.stderr)
    if status != 0:
        return status
    for path, hash in how["inputs"].items():
        if state(path) != states[path] and sha256(path) != hash:
            raise RecordError(f"{path}: it was changed while {arguments.rule} ran: run it again")
    made: dict[str, Any] = {"start": start, "end": now(), "host": platform.node()}
    made["cpu"] = processor()["model name"]
    described = asked.communicate()[0].strip() if asked else ""
    made["commit"] = described.removesuffix("-dirty") or None
    made["dirty"] = described.endswith("-dirty") if described else None
    hashes = {path: sha256(path) for path in outputs}
    if arguments.by_content:
        made["recipe"], how = how, {"rule": arguments.rule, "content": hashes}
    content = {"id": digest(how), "recipe": how, "outputs": hashes, "made": made}
    write(arguments.record, content | {"seal": seal(content)})
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--rule", required=True)
    add("--record", required=True, metavar="FILE", help="where the record goes")
    add("--inputs", required=True, nargs="+", metavar="FILE", help="code and records included")
    add("--outputs", required=True, nargs="+", metavar="FILE")
    add(
        "--by-content",
        action="store_true",
        help="the outputs' known sha256 say all, not how they were got",
    )
    add("command", nargs="+", help="after --")
    arguments = parser.parse_args()
    try:
        sys.exit(record(arguments))
    except (RecordError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"record: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
