"""Files that are whole or absent, whatever interrupts their writing, and their sha256."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HASHES = ROOT / ".cache" / "sha256"  # of large files
LARGE = 1 << 24  # bytes from which a file's sha256 is remembered


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; what is written there becomes `path` when complete.

    After an error, as on a full disk, nothing is left. Missing folders are made.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: str | Path, value: object) -> None:
    """Write a JSON value in a form that people can read, the same bytes for the same value."""
    with replacing(path) as partial:
        text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False)
        partial.write_text(text + "\n", encoding="utf-8")


def sha256(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: object) -> str:
    """Return the sha256 of a JSON value in canonical form, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def state(path: str | Path) -> list[int]:
    """Return what differs after any change of a file: size, times of change in ns, inode.

    No program can set the second time, ctime, to a value of its choice.
    """
    known = os.stat(path)
    return [known.st_size, known.st_mtime_ns, known.st_ctime_ns, known.st_ino]


def remembered_sha256(path: str | Path) -> str:
    """Return the sha256 of a file; read a large one only if its state has changed since."""
    known = state(path)
    if known[0] < LARGE:
        return sha256(path)
    note = HASHES / f"{digest(str(Path(path).resolve()))[:16]}.json"
    with suppress(OSError, ValueError, TypeError):
        noted, hash = json.loads(note.read_bytes())
        if noted == known:
            return hash
    hash = sha256(path)
    with suppress(OSError):
        write_json(note, [known, hash])
    return hash
