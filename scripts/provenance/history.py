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
from contextlib import contextmanager
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from provenance import shape
from provenance.files import read_bytes, sha256, walk, write
from provenance.record import MADE, SUFFIX, RecordError, read

BUNDLE = "records.json.gz"


class History:
    """The records of the tree at `root`.

    All paths are relative to `root`, as in the records. Only regular files are read.

    Attributes
    ----------
    records : the records by path, those in bundles included
    here : paths of the records that are files
    copies : the records in bundles: path of the bundle, path of the record, record
    broken : what is wrong with damaged records and bundles, by path
    beyond : files of folders that only a bundle knows, such as results in a clone
    unreadable : what is wrong with files that exist but cannot be read, by path; see `sha256`
    """

    def __init__(self, root: str | Path = "."):
        self.root = Path(root)
        self.records: dict[str, dict] = {}
        self.copies: list[tuple[str, str, dict]] = []
        self.broken: dict[str, str] = {}
        self.unreadable: dict[str, str] = {}
        self._hashes: dict[str, str | None] = {}
        files = set(walk(self.root, *MADE))
        self.here = {file for file in files if file.endswith(SUFFIX)}
        for bundle in sorted(file for file in files if Path(file).name == BUNDLE):
            with self._noting(bundle):
                records = unpack(self.root / bundle)
                self.copies += [(bundle, path, record) for path, record in records.items()]
                self.records |= records
        for path in sorted(self.here):
            with self._noting(path):
                self.records[path] = read(self.root / path)
        self.beyond = self._absent()

    @contextmanager
    def _noting(self, path: str) -> Iterator[None]:
        """Note what is wrong with the record or the bundle `path`."""
        try:
            yield
        except RecordError as error:
            self.broken[path] = str(error).removeprefix(f"{self.root / path}: ")

    def _absent(self) -> set[str]:
        """Return the files of bundles whose folder, such as results/paper, has no record here.

        A clone has no results, while a tree that has some of them should have all.
        """
        present = {Path(path).parts[:2] for path in self.here}
        files = {file for _, path, copy in self.copies for file in (path, *copy["outputs"])}
        return {
            file
            for file in files
            if file.startswith(("data/", "results/")) and Path(file).parts[:2] not in present
        }

    @cached_property
    def maker(self) -> dict[str, str]:
        """The path of the record of each recorded file."""
        return {file: paths[0] for file, paths in self.makers.items()}

    @cached_property
    def makers(self) -> dict[str, list[str]]:
        """The records of each recorded file: those that are files, or else those in bundles."""
        makers: dict[str, list[str]] = defaultdict(list)
        for path, record in self.records.items():
            for file in record["outputs"]:
                makers[file].append(path)
        return {
            file: [path for path in paths if path in self.here] or paths
            for file, paths in makers.items()
        }

    @cached_property
    def results(self) -> dict[str, dict[tuple[str, ...], str]]:
        """The outputs of each id, in the order of their paths, and a file with such a record."""
        results: dict[str, dict[tuple[str, ...], str]] = defaultdict(dict)
        recorded = [(path, record) for path, record in self.records.items() if path in self.here]
        for file, record in [*recorded, *((bundle, copy) for bundle, _, copy in self.copies)]:
            results[record["id"]].setdefault(in_order(record["outputs"]), file)
        return results

    @cached_property
    def cycle(self) -> list[str]:
        """Records whose outputs were made from themselves, if there are any."""
        known = {path: self.upstream(path) for path in self.records}
        try:
            TopologicalSorter(known).prepare()
        except CycleError as error:
            return error.args[1]
        return []

    def sha256(self, file: str) -> str | None:
        """Return the sha256 of a file, which is read only once; None if it is missing.

        If it cannot be read, return an empty text, and note why in `unreadable`.
        """
        if file not in self._hashes:
            try:
                self._hashes[file] = sha256(self.root / file)
            except (FileNotFoundError, NotADirectoryError):
                self._hashes[file] = None
            except OSError as error:
                self._hashes[file] = ""
                self.unreadable[file] = f"cannot be read: {error.strerror}"
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


def in_order(outputs: Mapping[str, str]) -> tuple[str, ...]:
    """Return the sha256 of outputs in the order of their paths, as a recipe numbers them."""
    return tuple(outputs[file] for file in sorted(outputs))


def unpack(bundle: Path) -> dict[str, dict]:
    """Return the records in a bundle, by path; raise RecordError if the file is not a bundle."""
    try:
        records = json.loads(gzip.decompress(read_bytes(bundle)))
        named = all(shape.in_project(path) is None and path.endswith(SUFFIX) for path in records)
        if named and not any(map(shape.problem, records.values())):
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
