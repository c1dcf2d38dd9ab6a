"""Follow the commands of records again, in clean folders, and compare byte for byte."""

import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from provenance import identity
from provenance.files import sha256
from provenance.history import History


def rerun(path: str, history: History) -> list[str]:
    """Run the command of the record `path` again; return how its outputs differ, in words.

    It runs with the code and the data that are here, in a folder that has nothing else, and takes
    nothing from the store of results.
    """
    made = history.records[path]
    _, *words = made["made"]["command"]
    with tempfile.TemporaryDirectory(prefix="rerun-") as scratch:
        folder = Path(scratch)
        shutil.copytree(history.root / identity.SCRIPTS, folder / identity.SCRIPTS)
        for file in (*made["inputs"], *made["outputs"]):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
        for file in made["inputs"]:  # of what is missing here, the command says so, or fetches it
            if (source := history.root / file).exists() and not (folder / file).exists():
                (folder / file).symlink_to(source.resolve())
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env=identity.job_environment() | {"RESULT_STORE": str(folder / "store")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or ["no reason given"]
            return [f"the command failed: {said[-1]}"]
        return [
            difference
            for file, hash in made["outputs"].items()
            if sha256(folder / file) != hash
            for difference in differences(history.root / file, folder / file, file)
        ]


def differences(old: Path, new: Path, name: str) -> Iterator[str]:
    """Yield in which columns (CSV) or arrays (.npz) two files differ, and by how much."""
    if not old.exists():
        yield f"{name}: other bytes than recorded (what it was is not here)"
        return
    compare = {".csv": _columns, ".npz": _arrays}.get(old.suffix, lambda old, new: ())
    found = [f"{name}: {difference}" for difference in compare(old, new)]
    yield from found or [f"{name}: other bytes than recorded"]


def _columns(old: Path, new: Path) -> Iterator[str]:
    before, after = (list(csv.DictReader(path.read_text().splitlines())) for path in (old, new))
    if len(before) != len(after) or not before or list(before[0]) != list(after[0]):
        yield "it has other rows or columns"
        return
    for column in before[0]:
        pairs = [(a[column], b[column]) for a, b in zip(before, after, strict=True)]
        odd = [pair for pair in pairs if pair[0] != pair[1]]
        if odd:
            yield f"column {column} differs in {len(odd)} of {len(pairs)} rows, {_largest(odd)}"


def _largest(pairs: list[tuple[str, str]]) -> str:
    try:
        numbers = [(float(a), float(b)) for a, b in pairs]
    except ValueError:
        return f"first {pairs[0][0]!r}, now {pairs[0][1]!r}"
    relative, a, b = max((abs(b - a) / (abs(a) or 1), a, b) for a, b in numbers)
    return f"by at most {relative:.2g} of its value ({a!r}, now {b!r})"


def _arrays(old: Path, new: Path) -> Iterator[str]:
    import numpy as np  # all else here does without

    with np.load(old) as before, np.load(new) as after:
        for name in sorted({*before, *after}):
            if name not in before or name not in after:
                yield f"array {name} is in one only"
            elif before[name].shape != after[name].shape:
                yield f"array {name} has shape {after[name].shape}, not {before[name].shape}"
            elif (odd := before[name] != after[name]).any():
                most = np.abs(after[name].astype(float) - before[name]).max()
                yield f"array {name} differs at {odd.sum()} of {odd.size}, by at most {most:g}"
