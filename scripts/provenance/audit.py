"""Compare provenance records with the present files, code and packages.

Code is compared by its meaning, packages by their versions, files by their content. This module
does not know the configuration of the project: the caller passes that check.
"""

import re
import subprocess
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from platform import python_version

from provenance import identity
from provenance.files import digest, read_bytes
from provenance.history import History, in_order
from provenance.record import MADE, SUFFIX, Value, is_sealed, resolved, scripts_of
from provenance.shape import in_project

STATUSES = ["verified", "not here", "STALE", "UNTRACKED", "MISSING", "TAMPERED"]  # worst last
CARRIERS = (".svg", ".png", ".pdf")  # figures, which contain the id of their record


@dataclass(frozen=True)
class Issue:
    """A statement about a file, package or key, usually that it is not as recorded.

    `part` is what it concerns: made (the outputs and the record), code, parameters or environment.
    An issue with the status "verified" is only a note.
    """

    part: str
    status: str
    subject: str
    what: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"

    @property
    def breaks(self) -> bool:
        """Whether the issue breaks the chain of records."""
        return self.status not in ("verified", "not here")


def tampered(subject: str, what: str) -> Issue:
    """Return an issue: outputs or a record are not what the rules have made."""
    return Issue("made", "TAMPERED", subject, what)


def stale_code(file: str, what: str) -> Issue:
    """Return an issue: code or other sources have changed."""
    return Issue("code", "STALE", file, what)


Check = Callable[[str, Mapping], Iterable[Issue]]  # of a record, given its path and content


def worst(issues: Iterable[Issue]) -> str:
    """Return the worst status of `issues`."""
    return max((issue.status for issue in issues), key=STATUSES.index, default="verified")


class Verifier:
    """Compares records with the present files, code and packages.

    `checks` are further checks of records that were not tampered with.
    """

    def __init__(self, history: History, checks: Sequence[Check] = ()):
        self.history, self.checks = history, checks
        self._issues: dict[str, list[Issue]] = {}
        self._step = cache(self._step_uncached)

    def issues(self, path: str) -> list[Issue]:
        """Return the issues of the record `path`, without those of the records behind it."""
        if path not in self._issues:
            record = self.history.records[path]
            issues = list(self._record(path, record))
            if worst(issues) != "TAMPERED":  # otherwise the content of the record is not credible
                files = (self._outputs, self._unique, self._copied, self._inputs)
                checks = (*files, self._code, self._packages, *self.checks)
                issues += [issue for check in checks for issue in check(path, record)]
            self._issues[path] = issues
        return self._issues[path]

    def behind(self, path: str) -> list[Issue]:
        """Return the issues of a record and all records behind it, starting with the raw data."""
        return list(
            dict.fromkeys(
                issue for record in self.history.behind(path) for issue in self.issues(record)
            )
        )

    def untracked(self, file: str) -> Issue:
        """Return the issue of a file without a record."""
        beside = f"{file.rpartition('.')[0]}{SUFFIX}"
        if beside in self.history.broken:
            return tampered(beside, self.history.broken[beside])
        if self.history.sha256(file) is None:
            return Issue("made", "MISSING", file, "no such file, and no record of it")
        if file in self.history.unreadable:
            return Issue("made", "UNTRACKED", file, self.history.unreadable[file])
        carried = self._carried(file)
        if carried is None:
            return Issue("made", "UNTRACKED", file, "no record says what it was made from")
        return Issue("made", "MISSING", file, f"its record {carried[:12]} is missing")

    def _record(self, path: str, record: Mapping) -> Iterator[Issue]:
        if path in self.history.broken:
            yield tampered(path, self.history.broken[path])
        elif path not in self.history.here:
            what = "the record is missing (the file of all records has a copy)"
            yield Issue("made", self._missing(path), path, what)
        if not is_sealed(record):
            yield tampered(path, "the record was changed after it was written")
            return
        recipe, command = real_recipe(record), record["made"]["command"]
        expected = resolved(command, record["inputs"], sorted(record["outputs"]))
        if digest(expected) != digest({part: recipe.get(part) for part in expected}):
            yield tampered(path, "its parameters do not match its command and its inputs")
        if path in self.history.cycle:
            yield tampered(path, "its inputs were made from its outputs")

    def _unique(self, path: str, record: Mapping) -> Iterator[Issue]:
        """Check that each output has one record, and that the recipe has one result."""
        for file in record["outputs"]:
            if others := [name for name in self.history.makers[file] if name != path]:
                names = ", ".join(sorted([path, *others]))
                yield tampered(file, f"two records describe it: {names}")
        mine, results = in_order(record["outputs"]), self.history.results[record["id"]]
        for where in [where for result, where in results.items() if result != mine][:1]:
            yield tampered(path, f"the same recipe has other outputs in {where}")

    def _copied(self, path: str, record: Mapping) -> Iterator[Issue]:
        """Check that the output of the program `cp` is its input."""
        program, *files = record["made"]["command"]
        if program == "cp":
            inputs = [record["inputs"].get(file) for file in files[:-1]]
            if inputs != list(record["outputs"].values()):
                yield tampered(path, "its output is not a copy of its input")

    def _outputs(self, path: str, record: Mapping) -> Iterator[Issue]:
        for file, expected in record["outputs"].items():
            hash = self.history.sha256(file)
            if hash is None:
                yield Issue("made", self._missing(file), file, "missing")
                continue
            if wrong := self.history.unreadable.get(file) or self.history.broken.get(file):
                yield tampered(file, wrong)
                continue
            carried = self._carried(file)
            if hash != expected:
                what = f"content does not match its record: {hash[:12]}, not {expected[:12]}"
                records = self.history.records.items()
                owner = next((name for name, one in records if one["id"] == carried), path)
                if owner != path:
                    what = f"this is the file of {owner}, not of {path}"
                yield tampered(file, what)
            elif file.endswith(CARRIERS) and carried != record["id"]:
                what = f"it contains the id {str(carried)[:12]}, its record has {record['id'][:12]}"
                yield tampered(file, what)
        if record["recipe"].get("content", record["outputs"]) != record["outputs"]:
            yield tampered(path, "its id is the id of other outputs")

    def _inputs(self, path: str, record: Mapping) -> Iterator[Issue]:
        """Check that the inputs of `path` have the same content as then."""
        records = self.history.records
        for name in record["records"].keys() - records.keys():
            broken = self.history.broken.get(name)
            status = "TAMPERED" if broken else "MISSING"
            yield Issue("made", status, name, broken or "the record is missing")
        makers = {
            file: name
            for name in record["records"].keys() & records.keys()
            for file in records[name]["outputs"]
        }
        stale = set()
        for file, hash in record["inputs"].items():
            name = makers.get(file)
            if name is None:
                yield from self._source(path, record, file, hash)
            elif records[name]["outputs"][file] != hash:
                if records[name]["id"] == record["records"][name]:
                    yield tampered(file, f"{path} was made from another version of it")
                else:
                    stale.add(name)
        for name, id in sorted(record["records"].items()):
            if name in records and records[name]["id"] != id:
                what = f"{path} was made from {id[:12]}, now it is {records[name]['id'][:12]}"
                if name in stale:
                    yield Issue("made", "STALE", name, what)
                else:
                    yield Issue("made", "verified", name, f"{what}, with the same bytes")

    def _source(self, path: str, record: Mapping, file: str, hash: str) -> Iterator[Issue]:
        """Check a file that no rule made, or a record that was read as data."""
        now = self.history.sha256(file)
        if file.startswith(MADE) and not file.endswith(SUFFIX):
            if record["records"].keys() <= self.history.records.keys():  # else already reported
                yield tampered(path, f"it names no record of {file}")
        elif now is None and not file.endswith(SUFFIX):
            yield stale_code(file, "missing")
        elif now not in (None, hash):
            if file.endswith(SUFFIX) and self._same_result(file):
                yield Issue("code", "verified", file, "made again since, with the same bytes")
            else:
                yield stale_code(file, self.history.unreadable.get(file, "edited since"))

    def _same_result(self, path: str) -> bool:
        """Return whether a record has the id and the outputs of each of its copies in bundles."""
        record = self.history.records.get(path, {})
        copies = [copy for _, name, copy in self.history.copies if name == path]
        same = all(copy[part] == record.get(part) for copy in copies for part in ("id", "outputs"))
        return same and bool(copies)

    def _code(self, path: str, record: Mapping) -> Iterator[Issue]:
        """Compare the modules of the step by their meaning."""
        scripts = scripts_of(record["made"]["command"])
        if "content" in record["recipe"] or not scripts:  # or made by a program of the system
            return
        then, now = record["recipe"].get("code", {}), self._step(*scripts)
        if isinstance(now, Issue):
            yield now
            return
        meanings, sources = now
        for file in sorted(then.keys() | meanings.keys()):
            if file not in meanings:
                exists = (self.history.root / file).exists()
                yield stale_code(file, "no longer used" if exists else "missing")
            elif file not in then:
                yield stale_code(file, f"not used by {scripts[-1]} then")
            elif then[file] != meanings[file]:
                yield stale_code(file, "edited since")
            elif record["made"]["sources"].get(file) != sources[file]:
                what = "only its comments, texts or layout were edited since"
                yield Issue("code", "verified", file, what)

    def _step_uncached(self, *scripts: str) -> tuple[dict[str, str], dict[str, str]] | Issue:
        """Return the meaning and the sha256 of each module of a step as it is now, by path."""
        if outside := [one for one in scripts if in_project(one)]:
            return Issue("code", "TAMPERED", outside[0], "not in the project")
        try:
            root = self.history.root
            return identity.code(*scripts, root=root), identity.sources(*scripts, root=root)
        except OSError:
            return stale_code(scripts[-1], "missing")
        except (SyntaxError, ValueError, RecursionError) as error:
            return stale_code(scripts[-1], f"no longer valid Python: {error}")

    def _packages(self, path: str, record: Mapping) -> Iterator[Issue]:
        """Compare the versions of the packages of the step, if any of them is installed."""
        then = record["recipe"].get("packages", {})
        if any(map(installed, then)):
            for name, version in then.items():
                if installed(name) != version:
                    what = f"version {version} then, {installed(name) or 'none'} now"
                    yield Issue("environment", "STALE", name, what)

    @cached_property
    def environment(self) -> list[str]:
        """The present Python and platform, and the arithmetic if its packages are installed."""
        facts = [f"Python {python_version()}", sysconfig.get_platform()]
        recipes = [record["recipe"] for record in self.history.records.values()]
        needed = {
            name for one in recipes if one.get("arithmetic") for name in one.get("packages", {})
        }
        if needed and all(map(installed, needed)):
            with suppress(OSError, subprocess.CalledProcessError, ValueError):
                facts += identity.arithmetic(self.history.root).values()
        return facts

    def _missing(self, file: str) -> str:
        """Return the status of a missing file: a clone has no results, which is not an error."""
        return "not here" if file in self.history.beyond else "MISSING"

    def _carried(self, file: str) -> str | None:
        """Return the id of the record that a figure contains."""
        match = None
        if file.endswith(CARRIERS):
            with suppress(OSError):
                content = read_bytes(self.history.root / file)
                match = re.search(rb"record:([0-9a-f]{64})", content)
        return match[1].decode() if match else None


@cache
def installed(package: str) -> str | None:
    """Return the version of a package, or None if it is not installed."""
    return identity.packages([package]).get(package)


def real_recipe(record: Mapping) -> dict:
    """Return how the outputs of a record were made, also if they are identified by content."""
    return record["made"].get("recipe", record["recipe"])


def environment_of(record: Mapping) -> list[str]:
    """Return the environment in which a record's outputs were made, like Verifier.environment."""
    facts = [f"Python {record['made']['python']}", record["made"]["platform"]]
    return facts + list(record["recipe"].get("arithmetic", {}).values())


def parameters_of(recipe: Mapping) -> dict[str, Value]:
    """Return the parameters of a recipe, without its program and without files."""
    return {
        name: value
        for name, value in recipe.get("parameters", {}).items()
        if name != "program"
        and not re.fullmatch(r"(output \d+|.* [0-9a-f]{64})( .*)?", text(value))
    }


def text(value: object) -> str:
    """Return the value of a parameter as on a command line."""
    if value is None:
        return "not given"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
