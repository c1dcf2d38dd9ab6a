"""Store results by the id of their recipe, so that equal results are not computed again.

An entry is one zip file, named by the id: the output files, their sha256, and the processor time
that they took. It contains no folder and no time, so it serves every folder, branch and overlay on
the machine. Entries are written atomically and checked whenever they are read. A damaged entry is
reported, removed, and computed again. Several jobs can use the store at the same time.

The variable RESULT_STORE names the folder of the store. If RESULT_STORE_FRESH is set, nothing is
taken from the store.
"""

import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from provenance.files import write

LIMIT = 4 << 30  # bytes; the entries that were unused for longest are removed first
LARGEST = 64 << 20  # bytes; a larger result is not stored
MANIFEST = "manifest.json"


class Entry(NamedTuple):
    """The outputs of a recipe: their bytes by name, and the CPU seconds that they took."""

    files: dict[str, bytes]
    seconds: float


def folder() -> Path:
    """Return the folder of the store: RESULT_STORE, or result-store in the user's cache."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("RESULT_STORE") or Path(caches) / "result-store")


def get(id: str) -> Entry | None:
    """Return the entry with this id, or None if there is none.

    A damaged entry is removed, and a message on standard error names it.
    """
    path = _path(id)
    if os.environ.get("RESULT_STORE_FRESH") or not path.is_file():
        return None
    with suppress(OSError):
        if entry := unpack(path.read_bytes(), id):
            os.utime(path)  # the time of its last use
            return entry
        print(f"store: {path}: damaged: removed, and computed again", file=sys.stderr)
        path.unlink()
    return None


def put(id: str, files: Mapping[str, bytes], seconds: float) -> None:
    """Store the outputs of a recipe; do nothing if the store cannot be written to."""
    if sum(map(len, files.values())) <= LARGEST:
        with suppress(OSError):
            write(_path(id), pack(id, files, seconds))


def pack(id: str, files: Mapping[str, bytes], seconds: float) -> bytes:
    """Return the bytes of an entry."""
    manifest = json.dumps({"id": id, "files": _hashes(files), "seconds": seconds}, sort_keys=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {MANIFEST: manifest.encode(), **files}.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpack(content: bytes, id: str) -> Entry | None:
    """Return the entry in these bytes; None if it is damaged or has another id."""
    with suppress(Exception):  # zipfile raises many kinds for damaged files
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            manifest = json.loads(archive.read(MANIFEST))
            files = {name: archive.read(name) for name in manifest["files"]}
        if manifest["id"] == id and manifest["files"] == _hashes(files):
            return Entry(files, float(manifest["seconds"]))
    return None


def size() -> tuple[int, int]:
    """Return the number of entries and their total size in bytes."""
    sizes = [status.st_size for _, status in _entries()]
    return len(sizes), sum(sizes)


def prune(limit: int = LIMIT) -> None:
    """Remove the entries that were unused for longest until at most `limit` bytes are left."""
    entries = sorted(_entries(), key=lambda entry: entry[1].st_mtime)
    surplus = sum(status.st_size for _, status in entries) - limit
    for path, status in entries:
        if surplus <= 0:
            break
        with suppress(OSError):
            path.unlink()
        surplus -= status.st_size


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _entries() -> list[tuple[Path, os.stat_result]]:
    entries = []
    for path in folder().glob("??/*"):  # includes what killed processes left
        with suppress(OSError):  # another process may have removed it
            entries.append((path, path.stat()))
    return entries


def _path(id: str) -> Path:
    return folder() / id[:2] / f"{id}.zip"
