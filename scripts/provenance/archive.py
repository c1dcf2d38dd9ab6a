"""The published runs: a zip file of all that was trained and searched for the figures beside it.

It holds files at their paths; their records are in the bundle of all records (see history.py). A
published file is used only if every byte is as its record says. Files that were restored from an
archive are noted, each with what it stands for: the workflow takes them as they are until that
changes (see workflow/restored.py).
"""

import functools
import json
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
from provenance.files import digest, replacing, sha256, write_json
from provenance.history import BUNDLE, unpack
from provenance.record import SUFFIX, RecordError, Value, read, seal
from provenance.verify import settings

NAME = "runs.zip"
RUNS = ("train", "search")  # rules whose outputs are in the archive
DATA = ("fetch", "prepare")  # rules that make what these learn from
DRAWN = ("tabulate", "summarise", "claims", "plot", "gallery", "finding")  # made from the runs
PREPARE = "scripts/prepare.py"
NOTES = Path(".snakemake/restored.json")  # what was restored

Records = Mapping[str, dict]  # by path


class ArchiveError(Exception):
    """The published runs cannot be used; the message is one line that names the file."""


class Published(NamedTuple):
    """What is behind the figures in a folder: all records, and the files of all runs, by path."""

    records: Records
    files: Mapping[str, bytes]

    @property
    def runs(self) -> Records:
        """The records of all runs and searches."""
        return of_rules(self.records, RUNS)


def of_rules(records: Records, rules: Collection[str]) -> dict[str, dict]:
    """Return the records of what these rules made."""
    return {path: made for path, made in records.items() if made["recipe"]["rule"] in rules}


def published(folder: str) -> Published:
    """Return what is behind the figures in `folder`, a path relative to the project's root.

    Raises ArchiveError unless the archive and the bundle are as the records beside them say, and
    so is every record and every file inside.
    """
    archive, bundle = f"{folder}/{NAME}", f"{folder}/{BUNDLE}"
    _require_intact(archive)
    _require_intact(bundle)
    try:
        records = unpack(Path(bundle))
    except RecordError as error:
        raise ArchiveError(str(error)) from None
    for path, made in records.items():
        if not _sealed(made):
            raise ArchiveError(f"{bundle}: the record {path} was changed after it was written")
    runs = of_rules(records, RUNS).values()
    expected = {file: hash for made in runs for file, hash in made["outputs"].items()}
    return Published(records, _members(archive, expected))


def _require_intact(file: str) -> None:
    """Raise ArchiveError unless a file is as the record beside it says."""
    beside = Path(file).with_name(Path(file).name.split(".")[0] + SUFFIX)
    try:
        found, made = sha256(file), read(beside)
    except RecordError as error:
        raise ArchiveError(str(error)) from None
    except OSError as error:
        raise ArchiveError(f"{file}: {error.strerror}") from None
    if not _sealed(made):
        raise ArchiveError(f"{beside}: the record was changed after it was written")
    if made["outputs"].get(file) != found:
        raise ArchiveError(f"{file}: damaged: its bytes are not those of {beside}")


def _sealed(made: Mapping) -> bool:
    return made["seal"] == seal(made) and made["id"] == digest(made["recipe"])


def _members(archive: str, expected: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files in an archive; raise ArchiveError unless they have the `expected` sha256."""
    try:
        with zipfile.ZipFile(archive) as opened:
            names = opened.namelist()
            files = {name: opened.read(name) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(f"{archive}: damaged: {error}") from None
    if odd := sorted(files.keys() - expected.keys()):
        raise ArchiveError(f"{archive}: {odd[0]}: no published record is about it")
    if missing := sorted(expected.keys() - files.keys()):
        raise ArchiveError(f"{archive}: {missing[0]}: it is missing")
    for name, content in files.items():
        if names.count(name) > 1 or sha256_of(content).hexdigest() != expected[name]:
            raise ArchiveError(f"{archive}: {name}: its bytes are not those of its record")
    return files


def restore(
    shown: Published, root: Path, leave_out: Collection[str] = (), trust: bool = False
) -> list[str]:
    """Write the published runs and their records into the tree at `root`; return the files.

    Those in `leave_out`, by the path of their record, are not written, and runs that are there with
    the same bytes stay. With `trust` they count as made by the code that is here, whatever code
    made them. Raises ArchiveError, and writes nothing, where a file with other bytes is.
    """
    runs = {path: made for path, made in shown.runs.items() if path not in leave_out}
    for made in runs.values():
        for file, hash in made["outputs"].items():
            if (root / file).exists() and sha256(root / file) != hash:
                raise ArchiveError(
                    f"{file}: it is not the published one: remove it, or keep it elsewhere, and"
                    " type the same command again"
                )
    missing = {
        path: made
        for path, made in runs.items()
        if not all((root / file).exists() for file in (path, *made["outputs"]))
    }
    moment = _moment()
    _note(shown, missing, root, moment, trust)  # first: a kill leaves nothing that is not noted
    for path, made in missing.items():
        for file in made["outputs"]:
            with replacing(root / file) as partial:
                partial.write_bytes(shown.files[file])
                os.utime(partial, (moment, moment))
        with replacing(root / path) as partial:
            write_json(partial, made)
            os.utime(partial, (moment, moment))
    # A restored file is older than the identity of its step: as soon as the workflow no longer
    # accepts it unchanged, Snakemake makes it again. Files made here are compared by content.
    for step in (root / identity.STEPS).glob("*.json"):
        os.utime(step)
    return [file for path, made in missing.items() for file in (path, *made["outputs"])]


def _moment() -> int:
    """Return a time that has just passed (s), and that file systems with coarse times can keep."""
    return (int(time.time()) // 2 - 1) * 2


def _note(shown: Published, runs: Records, root: Path, moment: int, trust: bool) -> None:
    """Note what runs stand for that are restored with this time of change; see `restore`."""
    notes = _notes(root)
    for path, made in runs.items():
        code, data_code = (None, None) if trust else _codes(made, shown.records)
        script = made["made"]["command"][1]
        stands = meaning(settings(made["recipe"]), script, code, data_code)
        notes["runs"][path] = {"time": moment, "meaning": stands}
    notes["data"] |= of_rules(shown.records, DATA)
    write_json(root / NOTES, notes)


def meaning(
    parameters: Mapping[str, Value],
    script: str,
    code: Mapping[str, str] | None = None,
    data_code: Mapping[str, str] | None = None,
) -> str:
    """Return the sha256 of what a run stands for: its parameters, its step, its data's step.

    The code of these steps is that which is here, unless it is given. Packages and arithmetic are
    always those of this machine: as long as they stay, a published run does in place of one that is
    trained here.
    """
    step, data_step = _step(script), _step(PREPARE)
    given = step | ({"code": code} if code else {})
    data_given = data_step | ({"code": data_code} if data_code else {})
    return digest([parameters, given, data_given])


_step = functools.cache(identity.step)


def _codes(made: Mapping, records: Records) -> tuple[Mapping[str, str], Mapping[str, str] | None]:
    """Return the code that made a run, and that which prepared its data."""
    data = of_rules({path: records[path] for path in made["records"]}, ["prepare"])
    data_code = next((one["recipe"]["code"] for one in data.values()), None)
    return made["recipe"]["code"], data_code


def restored(root: Path = Path()) -> dict[str, str]:
    """Return what the restored runs that are here stand for, by the path of their records.

    A run that was made anew since is none of them.
    """
    return {
        path: note["meaning"]
        for path, note in _notes(root)["runs"].items()
        if (root / path).exists() and (root / path).stat().st_mtime == note["time"]
    }


def records_of_data(root: Path = Path()) -> dict[str, dict]:
    """Return the records of the data that restored runs have learned, which need not be here."""
    return _notes(root)["data"]


def _notes(root: Path) -> dict:
    try:
        return json.loads((root / NOTES).read_bytes())
    except (OSError, ValueError):
        return {"runs": {}, "data": {}}


def unlike(records: Records, what: str) -> Iterator[str]:
    """Yield a line on each of code, packages, arithmetic, Python and platform by which these
    records were made and which is not what is here; `what` are their outputs, in words."""
    for part in ("code", "packages", "arithmetic"):
        differing: dict[str, str] = {}
        for made in records.values():
            then, now = made["recipe"][part], _step(made["made"]["command"][1])[part]
            for name in sorted(then.keys() | now.keys()):
                if then.get(name) != now.get(name):
                    versions = f" {then.get(name, 'none')}, here {now.get(name, 'none')}"
                    differing[name] = name + versions * (part != "code")
        if differing:
            yield f"{what} were made with other {part}: {', '.join(differing.values())}"
    machine = {"python": platform.python_version(), "platform": sysconfig.get_platform()}
    for part, version in machine.items():
        if others := sorted({made["made"][part] for made in records.values()} - {version}):
            yield f"{what} were made with {part} {', '.join(others)}, here {version}"
