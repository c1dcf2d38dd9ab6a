"""Write files atomically, read JSON safely, and compute sha256 digests."""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HASHES = ROOT / ".cache" / "sha256"  # of large files
LARGE = 1 << 24  # bytes; the sha256 of a larger file is remembered


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path; when the block ends, the file written there replaces `path`.

    After an error, such as a full disk, nothing is left. Missing folders are created.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write(path: str | Path, content: bytes, mtime: float | None = None) -> None:
    """Write a file completely or not at all, if given with this time of modification."""
    with replacing(path) as partial:
        partial.write_bytes(content)
        if mtime is not None:
            os.utime(partial, (mtime, mtime))


def readable_json(value: object) -> bytes:
    """Return a JSON value in a readable form; equal values give equal bytes."""
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def write_json(path: str | Path, value: object) -> None:
    """Write a JSON value in a readable form."""
    write(path, readable_json(value))


def read_json(path: str | Path) -> Any:
    """Return the JSON value in a file, or None if the file is missing or damaged."""
    with suppress(OSError, ValueError, RecursionError):
        return json.loads(read_bytes(path))


def opened(path: str | Path) -> BufferedReader:
    """Open a regular file for reading.

    Raises OSError for everything else: a pipe or a device could have no end.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return open(path, "rb")


def read_bytes(path: str | Path) -> bytes:
    """Return the content of a regular file; raise OSError for everything else."""
    with opened(path) as file:
        return file.read()


def sha256(path: str | Path) -> str:
    """Return the sha256 of a regular file's bytes, in hexadecimal."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def walk(root: Path, *tops: str) -> Iterator[str]:
    """Yield all that is in these folders and below, relative to `root`, without hidden names.

    Links are followed; a folder that is reached in several ways is entered once.
    """
    entered = {os.path.realpath(root)}
    places = (place for top in tops for place in os.walk(root / top, followlinks=True))
    for place, folders, files in places:
        real = os.path.realpath(place)
        names = [] if real in entered else [name for name in folders + files if name[0] != "."]
        entered.add(real)
        folders[:] = sorted({*folders} & {*names})
        yield from (os.path.relpath(os.path.join(place, name), root) for name in sorted(names))


def digest(value: object) -> str:
    """Return the sha256 of a JSON value in canonical form, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def state(path: str | Path) -> tuple[int, ...]:
    """Return numbers that differ after any change of a file: size, mtime and ctime in ns, inode.

    No program can set ctime to a value of its choice.
    """
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def remembered_sha256(path: str | Path) -> str:
    """Return the sha256 of a file; read a large file only if its state has changed."""
    now = state(path)
    if now[0] < LARGE:
        return sha256(path)
    note = HASHES / f"{digest(str(Path(path).resolve()))[:16]}.json"
    match read_json(note):
        case [before, str(hash)] if before == [*now]:
            return hash
    hash = sha256(path)
    with suppress(OSError):
        write_json(note, [now, hash])
    return hash
