"""Results kept by identity: what was made once from a recipe need not be made again.

An entry is one zip file, named by the id of a recipe: the bytes that were made from it, their
sha256, and the processor time that this took. It holds no folder and no time, so it serves every
folder, branch and overlay on the machine. Each entry is written beside its name first, and checked
whenever it is read: a damaged one is named, removed, and made again. Jobs may share a store.

The variable RESULT_STORE names its folder; RESULT_STORE_FRESH, when it is set, keeps anything from
being taken from it.
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

from provenance.files import replacing

LIMIT = 4 << 30  # bytes; the entries that were not used for longest go first
LARGEST = 64 << 20  # bytes of an entry; what is larger is made again
MANIFEST = "manifest.json"
SUFFIX = ".zip"


class StoreError(Exception):
    """An entry cannot be used; the message is one line that names it."""


class Entry(NamedTuple):
    """What was made from a recipe: bytes by name, and the CPU seconds that it took."""

    files: dict[str, bytes]
    seconds: float


def folder() -> Path:
    """Return the store's folder: RESULT_STORE, or result-store among the user's caches."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("RESULT_STORE") or Path(caches) / "result-store")


def get(id: str) -> Entry | None:
    """Return what was made from the recipe with this id, None if that is unknown.

    A damaged entry is removed, and standard error names it.
    """
    path = _path(id)
    if os.environ.get("RESULT_STORE_FRESH") or not path.is_file():
        return None
    try:
        entry = unpack(path.read_bytes(), id)
        os.utime(path)  # it was used
        return entry
    except (StoreError, OSError) as error:
        print(f"store: {path}: {error}; it is made again", file=sys.stderr)
        with suppress(OSError):
            path.unlink()
        return None


def put(id: str, files: Mapping[str, bytes], seconds: float) -> None:
    """Keep what was made from a recipe; a store that cannot be written to is left as it is."""
    if sum(map(len, files.values())) > LARGEST:
        return
    with suppress(OSError), replacing(_path(id)) as partial:
        partial.write_bytes(pack(id, files, seconds))


def pack(id: str, files: Mapping[str, bytes], seconds: float) -> bytes:
    """Return the bytes of an entry."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = json.dumps({"id": id, "files": hashes, "seconds": seconds}, sort_keys=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {MANIFEST: manifest.encode(), **files}.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpack(content: bytes, id: str) -> Entry:
    """Return the entry in these bytes; raise StoreError unless it is the whole one with this id."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            manifest = json.loads(archive.read(MANIFEST))
            files = {name: archive.read(name) for name in manifest["files"]}
        hashes = {name: hashlib.sha256(file).hexdigest() for name, file in files.items()}
        if manifest["id"] == id and manifest["files"] == hashes:
            return Entry(files, float(manifest["seconds"]))
    except Exception:  # zipfile stumbles over damage in many ways
        pass
    raise StoreError("not the entry of the store that its name says")


def size() -> tuple[int, int]:
    """Return the number of entries and their bytes."""
    sizes = [state.st_size for _, state in _entries()]
    return len(sizes), sum(sizes)


def prune(limit: int = LIMIT) -> None:
    """Remove the entries that were not used for longest until `limit` bytes are left at most."""
    entries = sorted(_entries(), key=lambda entry: entry[1].st_mtime)
    surplus = sum(state.st_size for _, state in entries) - limit
    for path, state in entries:
        if surplus <= 0:
            break
        with suppress(OSError):
            path.unlink()
        surplus -= state.st_size


def _entries() -> list[tuple[Path, os.stat_result]]:
    found = []
    for path in folder().glob("??/*"):  # also what a killed process has left
        with suppress(OSError):  # another process may have removed it
            found.append((path, path.stat()))
    return found


def _path(id: str) -> Path:
    return folder() / id[:2] / f"{id}{SUFFIX}"
