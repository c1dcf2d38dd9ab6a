"""What does not hold any more of a provenance record: of its own, its files, or what it was made
from."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from provenance import record
from provenance.history import History
from provenance.record import LOCK, MADE

if TYPE_CHECKING:
    from workflow.configuration import Plan

STATUSES = ["verified", "not here", "STALE", "UNTRACKED", "MISSING", "TAMPERED"]  # ever worse
CARRIERS = (".svg", ".png", ".pdf")  # they carry the id of their record
CONFIG = "config.yaml"
RUN = {"train": "run", "search": "search"}  # what their outputs are called


@dataclass(frozen=True)
class Finding:
    """Something that does not hold: of which file, package or key, and what is wrong with it.

    `part` says what it is a part of: made (the outputs and the record), code, parameters or
    environment.
    """

    part: str
    status: str
    subject: str
    what: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"


def worst(findings: Iterable[Finding]) -> str:
    """Return the worst status among `findings`."""
    return max((finding.status for finding in findings), key=STATUSES.index, default="verified")


class Verifier:
    """Compares records with the files, the configuration and the environment that are here."""

    def __init__(self, history: History):
        self.history = history
        self._found: dict[str, list[Finding]] = {}
        self._plans: dict[str, Plan | Finding | None] = {}

    def findings(self, path: str) -> list[Finding]:
        """Return what does not hold of the record `path`, but not of the records before it."""
        if path not in self._found:
            made = self.history.records[path]
            found = list(self._record(path, made))
            if worst(found) != "TAMPERED":  # else nothing that the record says counts
                checks = (self._outputs, self._inputs, self._code, self._parameters)
                found += [finding for check in checks for finding in check(path, made)]
                found += self._environment(made["recipe"].get("environment"))
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
        if record.seal(made) != made["seal"] or record.digest(made["recipe"]) != made["id"]:
            yield Finding("made", "TAMPERED", path, "the record was changed after it was written")

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
        """Check that what rules made is still what it was when `path` was made from it."""
        recipe = made["recipe"]
        before: dict[str, str] = {}
        for name, id in recipe.get("records", {}).items():
            if name not in self.history.records:
                broken = self.history.broken.get(name)
                status = "TAMPERED" if broken else "MISSING"
                yield Finding("made", status, name, broken or "the record is gone")
                continue
            source = self.history.records[name]
            if source["id"] == id:
                before |= source["outputs"]
            else:
                what = f"{path} was made from {id[:12]}, it is now {source['id'][:12]}"
                yield Finding("made", "STALE", name, what)
        for file, hash in recipe.get("inputs", {}).items():
            if before.get(file, hash) != hash:
                yield Finding("made", "TAMPERED", file, f"{path} was made from other bytes of it")

    def _code(self, path: str, made: Mapping) -> Iterator[Finding]:
        for file, expected in made["recipe"].get("inputs", {}).items():
            if not file.startswith(MADE):
                part = "environment" if file == str(LOCK) else "code"
                found = self.history.sha256(file)
                if found is None:
                    yield Finding(part, "STALE", file, "it is not there any more")
                elif found != expected:
                    yield Finding(part, "STALE", file, "edited since")

    def _parameters(self, path: str, made: Mapping) -> Iterator[Finding]:
        """Compare with what config.yaml asks for today."""
        (file, *_), recipe = made["outputs"], made["recipe"]
        rule, name = recipe["rule"], Path(file).stem
        scale = scale_of(file)
        plan = self._plan(scale) if scale else None
        if scale is None or plan is None:
            return
        if isinstance(plan, Finding):
            yield plan
            return
        if rule in ("train", "search"):
            if name not in (plan.conditions if rule == "train" else plan.searches):
                what = f"it has no {RUN[rule]} {name} any more"
                yield Finding("parameters", "STALE", CONFIG, what)
                return
            then = recipe["parameters"] | {"seed": list(map(str, recipe["seeds"]))}
            now = record.options(self._options(rule, plan, name), [])
            now["seed"] = record.as_list(now["seed"])
            for key in sorted(then.keys() | now.keys()):
                if then.get(key) != now.get(key):
                    what = f"{text(then.get(key))} then, {text(now.get(key))} now"
                    yield Finding("parameters", "STALE", f"{CONFIG}: {key}", what)
        if (asked := asked_for(rule, name, plan, scale)) is not None:
            used = set(results_read(recipe))
            for file in sorted(asked - used):
                yield Finding("parameters", "STALE", CONFIG, f"it now asks for {file}, too")
            for file in sorted(used - asked):
                yield Finding("parameters", "STALE", CONFIG, f"it does not ask for {file} any more")

    def _options(self, rule: str, plan: "Plan", name: str) -> list[str]:
        """The options that a condition is trained with, or a search made with."""
        if rule == "search":
            return plan.searches[name].options
        return self._configuration.command_line(plan.conditions[name])

    def _environment(self, then: Mapping | None) -> list[Finding]:
        """Compare the packages, which the project pins, with those that are installed here."""
        here = self.environment["packages"]
        if not then or not here:
            return []
        return [
            Finding(
                "environment",
                "STALE",
                name,
                f"version {then['packages'].get(name, 'none')} then, {here.get(name, 'none')} now",
            )
            for name in sorted(then["packages"].keys() | here.keys())
            if then["packages"].get(name) != here.get(name)
        ]

    @cached_property
    def environment(self) -> dict:
        """The environment that the audit runs in; no packages where none is set up."""
        here = record.versions()
        complete = {"numpy", "numba", "threadpoolctl", "scipy"} <= here["packages"].keys()
        return here | {"arithmetic": record.arithmetic(here) if complete else {}}

    def _gone(self, file: str) -> str:
        """The status of what is not there: a clone has no results, a tree with results has all."""
        folder = Path(*Path(file).parts[:2])
        beyond = (
            file.startswith(("data/", "results/")) and not (self.history.root / folder).exists()
        )
        return "not here" if beyond else "MISSING"

    def _carried(self, file: str) -> str | None:
        """The id of a record that a figure carries inside."""
        if not file.endswith(CARRIERS):
            return None
        found = re.search(rb"record:([0-9a-f]{64})", (self.history.root / file).read_bytes())
        return found[1].decode() if found else None

    def _owner(self, id: str | None) -> str | None:
        records = self.history.records
        return next((path for path, made in records.items() if made["id"] == id), None)

    @cached_property
    def _configuration(self) -> ModuleType:
        from workflow import configuration  # needs packages; all else here does not

        return configuration

    def _plan(self, scale: str) -> "Plan | Finding | None":
        """What config.yaml asks for at a scale; a Finding when it cannot be read.

        None where the packages to read it are missing.
        """
        if scale not in self._plans:
            try:
                config = self._configuration.read(self.history.root / CONFIG)
                self._plans[scale] = self._configuration.plan(config | {"scale": scale})
            except ImportError:
                self._plans[scale] = None
            except SystemExit as error:
                self._plans[scale] = Finding("parameters", "STALE", CONFIG, str(error))
        return self._plans[scale]


def scale_of(file: str) -> str | None:
    """Return the scale at which config.yaml asks for a file; None if it does not."""
    folder = str(Path(file).parent)
    if folder.startswith("results/"):
        scale = Path(file).parts[1]
        return scale if scale in ("smoke", "paper") else None
    return {"figures": "paper", "figures/smoke": "smoke"}.get(folder)


def real_recipe(made: Mapping) -> dict:
    """Return how a record's outputs were made, also of what counts by its content alone."""
    return made["made"].get("recipe", made["recipe"])


def results_read(recipe: Mapping) -> list[str]:
    """Return the files under results/ that something was made from."""
    return [file for file in recipe["inputs"] if file.startswith("results/")]


def asked_for(rule: str, name: str, plan: "Plan", scale: str) -> set[str] | None:
    """Return the files under results/ that a rule reads, by `plan`, to make what is called `name`.

    None for a rule of which that is not known.
    """
    results = f"results/{scale}"
    if rule == "train":
        searches = plan.searched([name])
        return {f"{results}/searches/{search}.finalists.csv" for search in searches}
    if rule == "tabulate":
        return {f"{results}/runs/{run}.csv" for run in plan.experiments.get(name, [])}
    if rule == "summarise":
        return {f"{results}/experiments/{experiment}.csv" for experiment in plan.experiments}
    if rule == "claims":
        curves = {f"{results}/curves/{run}.csv" for run in plan.recording("curve")}
        return {f"{results}/energy.csv", *curves}
    if rule == "plot":
        tables = plan.tables(name, results).values() if name in plan.figures else ()
        return {file for files in tables for file in ([files] if isinstance(files, str) else files)}
    return None


def text(value: object) -> str:
    """Return a parameter's value as it is given on a command line."""
    if value is None:
        return "not given"
    return " ".join(value) if isinstance(value, list) else str(value)
