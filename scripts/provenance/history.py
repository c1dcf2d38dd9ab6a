"""All provenance records of a tree, and all of them in one file that can be committed.

Records lie beside what they record (see record.py). Results are too large to be committed, so the
figures' folder also gets one file with all records behind the figures: the history of a figure
can be followed to the raw data where the results themselves are not.
"""

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from provenance.files import replacing, sha256
from provenance.record import SUFFIX, RecordError, is_record, read

BUNDLE = "records.json.gz"


class History:
    """The records of the tree at `root`; paths are relative to it, as in the records.

    `records` has them by path, those of the bundles included, `here` those that are files of their
    own, `broken` what is wrong with files that are none, `beyond` the files that only a bundle
    knows, since nothing of their folder is here, and `maker` the record of each file that was made.
    """

    def __init__(self, root: str | Path = "."):
        self.root = Path(root)
        self.records: dict[str, dict] = {}
        self.broken: dict[str, str] = {}
        self.beyond: set[str] = set()
        self._hashes: dict[str, str | None] = {}
        for bundle in sorted(self.root.glob(f"figures/**/{BUNDLE}")):
            try:
                records = unpack(bundle)
                self.records |= records
                self.beyond |= self._absent(records)
            except RecordError as error:
                self.broken[str(bundle.relative_to(self.root))] = str(error).partition(": ")[2]
        found = sorted(
            str(path.relative_to(self.root))
            for folder in ("data", "results", "figures")
            for path in self.root.glob(f"{folder}/**/*{SUFFIX}")
        )
        self.here = set(found)
        for path in found:
            try:
                self.records[path] = read(self.root / path)
            except RecordError as error:
                self.broken[path] = str(error).partition(": ")[2]
        self.maker = {
            file: path for path, record in self.records.items() for file in record["outputs"]
        }

    def _absent(self, records: Mapping[str, Mapping]) -> set[str]:
        """Return those files of a bundle's records in whose folder, such as results/paper, none of
        them is: a clone has no results, while a tree that has some of them should have all."""
        folders: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for path, record in records.items():
            for file in (path, *record["outputs"]):
                if file.startswith(("data/", "results/")):
                    folders[Path(file).parts[:2]].append(file)
        absent = (
            files
            for files in folders.values()
            if not any((self.root / file).exists() for file in files)
        )
        return {file for files in absent for file in files}

    def sha256(self, file: str) -> str | None:
        """Return the sha256 of a file's bytes, read once only; None if it is not there."""
        if file not in self._hashes:
            try:
                self._hashes[file] = sha256(self.root / file)
            except (FileNotFoundError, NotADirectoryError):
                self._hashes[file] = None
        return self._hashes[file]

    def upstream(self, path: str) -> list[str]:
        """Return the records of what the record `path` was made from, as far as there are any."""
        return [record for record in self.records[path]["records"] if record in self.records]

    def behind(self, path: str, seen: set[str] | None = None) -> Iterator[str]:
        """Yield the record `path` and all before it once, those of what was made first first."""
        seen = set() if seen is None else seen
        if path not in seen:
            seen.add(path)
            for record in self.upstream(path):
                yield from self.behind(record, seen)
            yield path


def unpack(bundle: Path) -> dict[str, dict]:
    """Return the records in a bundle, by path; raise RecordError for a file that is none."""
    try:
        records = json.loads(gzip.decompress(bundle.read_bytes()))
        if all(map(is_record, records.values())):
            return records
    except (OSError, EOFError, zlib.error, ValueError, AttributeError):
        pass
    raise RecordError(f"{bundle}: not a bundle of provenance records")


def pack(paths: Iterable[str], bundle: Path, others: Mapping[str, dict]) -> None:
    """Write the records in the files `paths`, and all before them, into one file.

    Where there is no such file, the record is one of the `others`. Raises RecordError when it is
    missing.
    """
    records: dict[str, dict] = {}
    pending = list(paths)
    while pending:
        path = pending.pop()
        if path not in records:
            known = path in others and not Path(path).exists()
            records[path] = others[path] if known else read(path)
            pending += records[path]["records"]
    text = json.dumps(records, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    with replacing(bundle) as partial:
        partial.write_bytes(gzip.compress(text.encode(), mtime=0))
