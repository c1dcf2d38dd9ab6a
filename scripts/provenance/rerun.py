"""Run the steps of records again in clean folders, and compare the outputs byte by byte."""

import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from provenance import identity
from provenance.files import sha256
from provenance.history import History
from provenance.identity import SCRIPTS
from provenance.record import MADE


def rerun(path: str, history: History, command: Sequence[str]) -> list[str]:
    """Run the step of the record `path` again; return how its outputs differ, in words.

    The command, which the caller knows from the workflow and not from the record, runs with the
    present code and data, in a folder without any other files. The store of results is not used.
    """
    record = history.records[path]
    with tempfile.TemporaryDirectory(prefix="rerun-") as scratch:
        folder = Path(scratch)
        try:
            unused = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(history.root / SCRIPTS, folder / SCRIPTS, ignore=unused)
            identity.require_sources(command[1], folder)
        except (OSError, identity.StrayError) as error:
            return [f"not run: {error}"]
        for file in (*record["inputs"], *record["outputs"]):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
        for file in record["inputs"]:  # the command fetches or reports what is missing
            if (source := history.root / file).is_file() and file.startswith(MADE):
                (folder / file).symlink_to(source.resolve())
        process = subprocess.run(
            [sys.executable, *command[1:]],
            cwd=folder,
            env=identity.job_environment() | {"RESULT_STORE": str(folder / "store")},
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode != 0:
            lines = process.stderr.strip().splitlines() or ["no reason given"]
            return [f"the command failed: {lines[-1]}"]
        return [
            difference
            for file, hash in record["outputs"].items()
            for difference in _compared(history.root, folder, file, hash)
        ]


def _compared(root: Path, folder: Path, file: str, hash: str) -> Iterator[str]:
    """Yield how an output in `folder` differs from its record."""
    if not (folder / file).is_file():
        yield f"{file}: the command does not make it"
    elif sha256(folder / file) != hash:
        yield from differences(root / file, folder / file, file)


def differences(old: Path, new: Path, name: str) -> Iterator[str]:
    """Yield which columns (CSV) or arrays (.npz) of two files differ, and by how much."""
    if not old.is_file():
        yield f"{name}: content differs from its record (the recorded file is not here)"
        return
    compare = {".csv": _columns, ".npz": _arrays}.get(old.suffix, lambda old, new: ())
    details = []
    with suppress(Exception):  # a damaged file can raise anything
        details = [f"{name}: {difference}" for difference in compare(old, new)]
    yield from details or [f"{name}: content differs from its record"]


def _columns(old: Path, new: Path) -> Iterator[str]:
    before, after = (
        list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) for path in (old, new)
    )
    if len(before) != len(after) or not before or list(before[0]) != list(after[0]):
        yield "different rows or columns"
        return
    for column in before[0]:
        pairs = [(a[column], b[column]) for a, b in zip(before, after, strict=True)]
        unequal = [(a, b) for a, b in pairs if a != b]
        if unequal:
            size = _largest_difference(unequal)
            yield f"column {column} differs in {len(unequal)} of {len(pairs)} rows, {size}"


def _largest_difference(pairs: list[tuple[str, str]]) -> str:
    try:
        numbers = [(float(a), float(b)) for a, b in pairs]
    except ValueError:
        return f"first {pairs[0][0]!r}, now {pairs[0][1]!r}"
    relative, a, b = max((abs(b - a) / (abs(a) or 1), a, b) for a, b in numbers)
    return f"by at most {relative:.2g} of its value ({a!r}, now {b!r})"


def _arrays(old: Path, new: Path) -> Iterator[str]:
    import numpy as np  # the rest of this package does not need it

    with np.load(old) as before, np.load(new) as after:
        for name in sorted({*before, *after}):
            if name not in before or name not in after:
                yield f"array {name} is in only one of the files"
            elif before[name].shape != after[name].shape:
                yield f"array {name} has shape {after[name].shape}, not {before[name].shape}"
            elif count := np.count_nonzero(before[name] != after[name]):
                most = np.abs(after[name].astype(float) - before[name]).max()
                yield f"array {name} differs at {count} of {before[name].size}, by at most {most:g}"
