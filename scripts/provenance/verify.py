"""Compare provenance records with the files, the code and the packages that are here.

Code is compared by its meaning, packages by their versions, files by their content. This module
does not know what the project asks for today: the caller passes that as a further check.
"""

import re
import subprocess
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from platform import python_version

from provenance import identity, record
from provenance.files import digest
from provenance.history import History
from provenance.record import MADE, SUFFIX

STATUSES = ["verified", "not here", "STALE", "UNTRACKED", "MISSING", "TAMPERED"]  # ever worse
CARRIERS = (".svg", ".png", ".pdf")  # they carry the id of their record


@dataclass(frozen=True)
class Finding:
    """Something to say about a file, package or key: mostly that it does not hold, and why.

    `part` says what it is a part of: made (the outputs and the record), code, parameters or
    environment. One whose status is "verified" is a note, and breaks nothing.
    """

    part: str
    status: str
    subject: str
    what: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"

    @property
    def breaks(self) -> bool:
        """Whether it breaks the chain."""
        return self.status not in ("verified", "not here")


Check = Callable[[str, Mapping], Iterable[Finding]]  # of a record, by its path and its content


def worst(findings: Iterable[Finding]) -> str:
    """Return the worst status among `findings`."""
    return max((finding.status for finding in findings), key=STATUSES.index, default="verified")


class Verifier:
    """Compares records with the files, the code and the packages that are here.

    `checks` say what else does not hold of a record that was not tampered with.
    """

    def __init__(self, history: History, checks: Sequence[Check] = ()):
        self.history, self.checks = history, checks
        self._found: dict[str, list[Finding]] = {}
        self._scripts: dict[str, tuple[dict[str, str], dict[str, str]] | Finding] = {}

    def findings(self, path: str) -> list[Finding]:
        """Return what does not hold of the record `path`, but not of the records before it."""
        if path not in self._found:
            made = self.history.records[path]
            found = list(self._record(path, made))
            if worst(found) != "TAMPERED":  # else nothing that the record says counts
                checks = (self._outputs, self._inputs, self._code, self._packages, *self.checks)
                found += [finding for check in checks for finding in check(path, made)]
            self._found[path] = found
        return self._found[path]

    def behind(self, path: str) -> list[Finding]:
        """Return what does not hold of a record and all before it, first what was made first."""
        found = [self.findings(record) for record in self.history.behind(path)]
        return list(dict.fromkeys(finding for findings in found for finding in findings))

    def untracked(self, file: str) -> Finding:
        """Return what is to be said of a file that no record is about."""
        if self.history.sha256(file) is None:
            return Finding("made", "MISSING", file, "no such file, and no record of it")
        carried = self._carried(file)
        if carried is None:
            return Finding("made", "UNTRACKED", file, "no record says what it was made from")
        return Finding("made", "MISSING", file, f"its record {carried[:12]} is gone")

    def _record(self, path: str, made: Mapping) -> Iterator[Finding]:
        if path in self.history.broken:
            yield Finding("made", "TAMPERED", path, self.history.broken[path])
        elif path not in self.history.here:
            status = self._gone(path)
            yield Finding("made", status, path, "the record is gone (all records together have it)")
        how = real_recipe(made)
        if record.seal(made) != made["seal"] or digest(made["recipe"]) != made["id"]:
            yield Finding("made", "TAMPERED", path, "the record was changed after it was written")
            return
        resolved = record.resolved(made["made"]["command"], made["inputs"], sorted(made["outputs"]))
        if resolved != {part: how.get(part) for part in resolved}:
            what = "its parameters are not those of its command and its inputs"
            yield Finding("made", "TAMPERED", path, what)

    def _outputs(self, path: str, made: Mapping) -> Iterator[Finding]:
        for file, expected in made["outputs"].items():
            found = self.history.sha256(file)
            if found is None:
                yield Finding("made", self._gone(file), file, "it is gone")
                continue
            carried = self._carried(file)
            if found != expected:
                what = f"its bytes are not those of its record: {found[:12]}, not {expected[:12]}"
                owner = self._owner(carried)
                if owner not in (None, path):
                    what = f"this is what {owner} records, not what {path} does"
                yield Finding("made", "TAMPERED", file, what)
            elif file.endswith(CARRIERS) and carried != made["id"]:
                what = f"it carries the id {str(carried)[:12]}, not its record's {made['id'][:12]}"
                yield Finding("made", "TAMPERED", file, what)
        content = made["recipe"].get("content", made["outputs"])
        if content != made["outputs"]:
            yield Finding("made", "TAMPERED", path, "its id is that of other outputs")

    def _inputs(self, path: str, made: Mapping) -> Iterator[Finding]:
        """Check that what `path` was made from is still what it was then, by content."""
        records = self.history.records
        for name in made["records"].keys() - records.keys():
            broken = self.history.broken.get(name)
            status = "TAMPERED" if broken else "MISSING"
            yield Finding("made", status, name, broken or "the record is gone")
        makers = {
            file: name
            for name in made["records"].keys() & records.keys()
            for file in records[name]["outputs"]
        }
        stale = set()
        for file, hash in made["inputs"].items():
            if file not in makers:
                yield from self._source(path, made, file, hash)
            elif records[makers[file]]["outputs"][file] != hash:
                name = makers[file]
                if records[name]["id"] == made["records"][name]:
                    yield Finding(
                        "made", "TAMPERED", file, f"{path} was made from other bytes of it"
                    )
                else:
                    stale.add(name)
        for name, id in sorted(made["records"].items()):
            if name in records and records[name]["id"] != id:
                what = f"{path} was made from {id[:12]}, it is now {records[name]['id'][:12]}"
                if name in stale:
                    yield Finding("made", "STALE", name, what)
                else:
                    yield Finding("made", "verified", name, f"{what}, with the same bytes")

    def _source(self, path: str, made: Mapping, file: str, hash: str) -> Iterator[Finding]:
        """Check a file that no rule has made, or a record that was read as a file."""
        found = self.history.sha256(file)
        if file.startswith(MADE) and not file.endswith(SUFFIX):
            if made["records"].keys() <= self.history.records.keys():  # else that has been said
                yield Finding("made", "TAMPERED", path, f"it names no record of {file}")
        elif found is None and not file.endswith(SUFFIX):
            yield Finding("code", "STALE", file, "it is not there any more")
        elif found not in (None, hash):
            yield Finding("code", "STALE", file, "edited since")

    def _code(self, path: str, made: Mapping) -> Iterator[Finding]:
        """Compare the modules that the step computes with, by their meaning."""
        then, script = made["recipe"].get("code"), record.script_of(made["made"]["command"])
        if not then or script is None:  # it counts by its content alone, or no code of ours made it
            return
        now = self._script(script)
        if isinstance(now, Finding):
            yield now
            return
        meanings, sources = now
        for file in sorted(then.keys() | meanings.keys()):
            if file not in meanings:
                there = (self.history.root / file).exists()
                what = "it is not used any more" if there else "it is not there any more"
                yield Finding("code", "STALE", file, what)
            elif file not in then:
                yield Finding("code", "STALE", file, f"{script} has used it only since")
            elif then[file] != meanings[file]:
                yield Finding("code", "STALE", file, "edited since")
            elif made["made"]["sources"].get(file) != sources[file]:
                what = "only its comments, texts or layout were edited since"
                yield Finding("code", "verified", file, what)

    def _script(self, script: str) -> tuple[dict[str, str], dict[str, str]] | Finding:
        """Return the meaning and the plain sha256 of what a script computes with here, by path."""
        if script not in self._scripts:
            try:
                root = self.history.root
                self._scripts[script] = identity.code(script, root), identity.sources(script, root)
            except OSError:
                self._scripts[script] = Finding("code", "STALE", script, "it is not there any more")
            except (SyntaxError, ValueError) as error:
                what = f"it cannot be read as code any more: {error}"
                self._scripts[script] = Finding("code", "STALE", script, what)
        return self._scripts[script]

    def _packages(self, path: str, made: Mapping) -> Iterator[Finding]:
        """Compare the versions of the step's packages, where any of them are installed."""
        then = made["recipe"].get("packages", {})
        if any(map(installed, then)):
            for name, version in then.items():
                if installed(name) != version:
                    what = f"version {version} then, {installed(name) or 'none'} now"
                    yield Finding("environment", "STALE", name, what)

    @cached_property
    def environment(self) -> list[str]:
        """What computes here: Python, platform, and the arithmetic where its packages are."""
        facts = [f"Python {python_version()}", sysconfig.get_platform()]
        recipes = [made["recipe"] for made in self.history.records.values()]
        needed = {name for how in recipes if how.get("arithmetic") for name in how["packages"]}
        if needed and all(map(installed, needed)):
            with suppress(OSError, subprocess.CalledProcessError, ValueError):
                facts += identity.arithmetic(self.history.root).values()
        return facts

    def _gone(self, file: str) -> str:
        """The status of what is not there: a clone has no results, a tree with results has all."""
        return "not here" if file in self.history.beyond else "MISSING"

    def _carried(self, file: str) -> str | None:
        """The id of a record that a figure carries inside."""
        if not file.endswith(CARRIERS):
            return None
        found = re.search(rb"record:([0-9a-f]{64})", (self.history.root / file).read_bytes())
        return found[1].decode() if found else None

    def _owner(self, id: str | None) -> str | None:
        records = self.history.records
        return next((path for path, made in records.items() if made["id"] == id), None)


@cache
def installed(package: str) -> str | None:
    """Return the version of an installed package, None if there is none."""
    return identity.packages([package]).get(package)


def real_recipe(made: Mapping) -> dict:
    """Return how a record's outputs were made, also of what counts by its content alone."""
    return made["made"].get("recipe", made["recipe"])


def environment_of(made: Mapping) -> list[str]:
    """Return what computed when a record's outputs were made, as Verifier.environment."""
    facts = [f"Python {made['made']['python']}", made["made"]["platform"]]
    return facts + list(made["recipe"].get("arithmetic", {}).values())


def settings(recipe: Mapping) -> dict[str, record.Value]:
    """Return the parameters of a recipe that name neither its program nor a file."""
    return {
        name: value
        for name, value in recipe.get("parameters", {}).items()
        if name != "program"
        and not re.fullmatch(r"(output \d+|.* [0-9a-f]{64})( .*)?", text(value))
    }


def text(value: object) -> str:
    """Return a parameter's value as it is given on a command line."""
    if value is None:
        return "not given"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
