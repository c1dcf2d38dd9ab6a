"""Read all provenance records of a tree, and bundle them into one file that can be committed.

Each record is beside the files that it describes (see record.py). Results are too large to be
committed, so the folder of the figures also has one file with all records behind the figures. With
it, the history of a figure can be followed to the raw data without the results.
"""

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from provenance import shape
from provenance.files import sha256, write
from provenance.record import SUFFIX, RecordError, read

BUNDLE = "records.json.gz"


class History:
    """The records of the tree at `root`.

    All paths are relative to `root`, as in the records.

    Attributes
    ----------
    records : the records by path, those in bundles included
    here : paths of the records that are files
    broken : what is wrong with damaged records and bundles, by path
    beyond : files of folders that only a bundle knows, such as results in a clone
    maker : the path of the record of each recorded file
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
        self.here = {
            str(path.relative_to(self.root))
            for folder in ("data", "results", "figures")
            for path in self.root.glob(f"{folder}/**/*{SUFFIX}")
        }
        for path in sorted(self.here):
            try:
                self.records[path] = read(self.root / path)
            except RecordError as error:
                self.broken[path] = str(error).partition(": ")[2]
        self.maker = {
            file: path for path, record in self.records.items() for file in record["outputs"]
        }

    def _absent(self, records: Mapping[str, Mapping]) -> set[str]:
        """Return the files of a bundle whose folder, such as results/paper, has none of them.

        A clone has no results, while a tree that has some of them should have all.
        """
        folders: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for path, record in records.items():
            for file in (path, *record["outputs"]):
                if file.startswith(("data/", "results/")):
                    folders[Path(file).parts[:2]].add(file)
        return set().union(
            *(
                files
                for files in folders.values()
                if not any((self.root / file).exists() for file in files)
            )
        )

    def sha256(self, file: str) -> str | None:
        """Return the sha256 of a file, which is read only once; None if it is missing."""
        if file not in self._hashes:
            try:
                self._hashes[file] = sha256(self.root / file)
            except (FileNotFoundError, NotADirectoryError):
                self._hashes[file] = None
        return self._hashes[file]

    def upstream(self, path: str) -> list[str]:
        """Return the known records of the inputs of the record `path`."""
        return [record for record in self.records[path]["records"] if record in self.records]

    def behind(self, path: str, seen: set[str] | None = None) -> Iterator[str]:
        """Yield the record `path` and all records behind it once, each after its inputs."""
        seen = set() if seen is None else seen
        if path not in seen:
            seen.add(path)
            for record in self.upstream(path):
                yield from self.behind(record, seen)
            yield path


def unpack(bundle: Path) -> dict[str, dict]:
    """Return the records in a bundle, by path; raise RecordError if the file is not a bundle."""
    try:
        records = json.loads(gzip.decompress(bundle.read_bytes()))
        if not any(map(shape.problem, records.values())):
            return records
    except (OSError, EOFError, zlib.error, ValueError, AttributeError, RecursionError):
        pass
    raise RecordError(f"{bundle}: not a bundle of provenance records")


def pack(paths: Iterable[str], bundle: Path, others: Mapping[str, dict]) -> None:
    """Write the records at `paths`, and all records behind them, into one file.

    If a record file is missing, the record is taken from `others`. Raises RecordError if it is
    missing there, too.
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
    write(bundle, gzip.compress(text.encode(), mtime=0))
