"""Read, check and restore the published runs: a zip file of runs, examinations and searches.

The zip file holds the outputs at their paths. Their records are in the bundle of all records (see
history.py). A published file is used only if it matches its record. A note is kept on each restored
run: the workflow uses the run until its meaning changes (see workflow/restored.py).
"""

import functools
import os
import platform
import sysconfig
import time
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256 as sha256_of
from pathlib import Path
from typing import NamedTuple

from provenance import identity
from provenance.audit import parameters_of
from provenance.files import digest, read_json, readable_json, sha256, write, write_json
from provenance.history import BUNDLE, unpack
from provenance.record import SUFFIX, RecordError, Value, is_sealed, read

NAME = "runs.zip"
RUNS = ("train", "examine", "search")  # rules whose outputs are in the archive
DATA = ("fetch", "prepare")  # rules that make their inputs
DRAWN = ("tabulate", "summarise", "claims", "plot", "gallery", "finding")  # rules that use them
PREPARE = "scripts/prepare.py"
NOTES = Path(".snakemake/restored.json")  # on the restored runs

Records = Mapping[str, dict]  # by path


class Published(NamedTuple):
    """The published runs behind the figures of a folder: all records, and all files, by path."""

    records: Records
    files: Mapping[str, bytes]

    @property
    def runs(self) -> Records:
        """The records of all runs, examinations and searches."""
        return of_rules(self.records, RUNS)


def of_rules(records: Records, rules: Collection[str]) -> dict[str, dict]:
    """Return the records of the outputs of these rules."""
    return {path: record for path, record in records.items() if record["recipe"]["rule"] in rules}


def published(folder: str) -> Published:
    """Return the published runs of `folder`, a path relative to the project's root.

    Raises RecordError unless the archive, the bundle, all records and all files are intact.
    """
    archive, bundle = f"{folder}/{NAME}", f"{folder}/{BUNDLE}"
    _require_intact(archive)
    _require_intact(bundle)
    records = unpack(Path(bundle))
    for path, record in records.items():
        if not is_sealed(record):
            raise RecordError(f"{bundle}: the record {path} was changed after it was written")
    runs = of_rules(records, RUNS).values()
    expected = {file: hash for record in runs for file, hash in record["outputs"].items()}
    return Published(records, members(archive, expected))


def _require_intact(file: str) -> None:
    """Raise RecordError unless a file matches the record beside it."""
    path = Path(file).with_name(Path(file).name.split(".")[0] + SUFFIX)
    hash, record = sha256(file), read(path)
    if not is_sealed(record):
        raise RecordError(f"{path}: the record was changed after it was written")
    if record["outputs"].get(file) != hash:
        raise RecordError(f"{file}: damaged: content does not match {path}")


def members(archive: str, expected: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files in an archive; raise RecordError unless they have the `expected` sha256."""
    try:
        with zipfile.ZipFile(archive) as opened:
            names = opened.namelist()
            files = {name: opened.read(name) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise RecordError(f"{archive}: damaged: {error}") from None
    if unknown := sorted(files.keys() - expected.keys()):
        raise RecordError(f"{archive}: {unknown[0]}: no published record of this file")
    if missing := sorted(expected.keys() - files.keys()):
        raise RecordError(f"{archive}: {missing[0]}: missing")
    for name, content in files.items():
        if names.count(name) > 1 or sha256_of(content).hexdigest() != expected[name]:
            raise RecordError(f"{archive}: {name}: content does not match its record")
    return files


def restore(
    source: Published, root: Path, leave_out: Collection[str] = (), trust: bool = False
) -> list[str]:
    """Write the published runs and their records into the tree at `root`; return the files.

    Runs whose record is in `leave_out` are not written, and existing runs with the same content are
    left unchanged. With `trust`, restored runs count as made by the present code. Raises
    RecordError, and writes nothing, if a file with other content exists.
    """
    runs = {path: record for path, record in source.runs.items() if path not in leave_out}
    for record in runs.values():
        for file, hash in record["outputs"].items():
            if (root / file).exists() and sha256(root / file) != hash:
                raise RecordError(
                    f"{file}: differs from the published file: move it or remove it, and run the"
                    " same command again"
                )
    missing = {
        path: record
        for path, record in runs.items()
        if not all((root / file).exists() for file in (path, *record["outputs"]))
    }
    mtime = (int(time.time()) // 2 - 1) * 2  # in the past, exact in all file systems
    _note(source, missing, root, mtime, trust)  # first: after a kill, all files have a note
    for path, record in missing.items():
        files = {file: source.files[file] for file in record["outputs"]}
        for file, content in (files | {path: readable_json(record)}).items():
            write(root / file, content, mtime)
    # A restored file is older than the identity of its step: when the workflow no longer accepts
    # the file, Snakemake makes it again. Files that were made here are compared by content.
    for step in (root / identity.STEPS).glob("*.json"):
        os.utime(step)
    return [file for path, record in missing.items() for file in (path, *record["outputs"])]


def _note(source: Published, runs: Records, root: Path, mtime: int, trust: bool) -> None:
    """Note the meaning of runs that are restored with this time; see `restore`."""
    notes = _notes(root)
    for path, record in runs.items():
        code = data_code = None
        if not trust:
            code = record["recipe"]["code"]
            data = {name: source.records[name] for name in record["records"]}
            preparations = of_rules(data, ["prepare"]).values()
            data_code = next((one["recipe"]["code"] for one in preparations), None)
        script = record["made"]["command"][1]
        run = meaning(parameters_of(record["recipe"]), script, code, data_code)
        notes["runs"][path] = {"time": mtime, "meaning": run}
    notes["data"] |= of_rules(source.records, DATA)
    write_json(root / NOTES, notes)


def meaning(
    parameters: Mapping[str, Value],
    script: str,
    code: Mapping[str, str] | None = None,
    data_code: Mapping[str, str] | None = None,
) -> str:
    """Return the sha256 of a run's parameters, its step, and the step that prepared its data.

    By default, the code of these steps is the present code. Packages and arithmetic are always
    those of this machine: a published run replaces a run on this machine until they change.
    """
    step, data_step = _step(script), _step(PREPARE)
    return digest(
        [
            parameters,
            step | ({"code": code} if code else {}),
            data_step | ({"code": data_code} if data_code else {}),
        ]
    )


_step = functools.cache(identity.step)


def restored(root: Path = Path()) -> dict[str, str]:
    """Return the meanings of the restored runs, by the path of their records.

    Runs that were made again after they were restored are not included.
    """
    return {
        path: note["meaning"]
        for path, note in _notes(root)["runs"].items()
        if (root / path).exists() and (root / path).stat().st_mtime == note["time"]
    }


def records_of_data(root: Path = Path()) -> dict[str, dict]:
    """Return the records of the data of restored runs; the data itself may be missing."""
    return _notes(root)["data"]


def _notes(root: Path) -> dict:
    return read_json(root / NOTES) or {"runs": {}, "data": {}}


def unlike(records: Records, what: str) -> Iterator[str]:
    """Yield a line for each difference between the environment of `records` and the present one.

    Code, packages, arithmetic, Python and platform are compared. `what` describes the records.
    """
    for part in ("code", "packages", "arithmetic"):
        differing: dict[str, str] = {}
        for record in records.values():
            then, now = record["recipe"][part], _step(record["made"]["command"][1])[part]
            for name in sorted(then.keys() | now.keys()):
                if then.get(name) != now.get(name):
                    versions = f" {then.get(name, 'none')}, here {now.get(name, 'none')}"
                    differing[name] = name + versions * (part != "code")
        if differing:
            yield f"{what} were made with other {part}: {', '.join(differing.values())}"
    machine = {"python": platform.python_version(), "platform": sysconfig.get_platform()}
    for part, version in machine.items():
        if others := sorted({record["made"][part] for record in records.values()} - {version}):
            yield f"{what} were made with {part} {', '.join(others)}, here {version}"
