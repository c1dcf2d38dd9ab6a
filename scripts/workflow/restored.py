"""Restored runs: those that came from a published archive and are still what the configuration and
the code ask for. The workflow takes them as they are; all others are made by its rules."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from provenance import archive, record
from provenance.archive import ArchiveError, Published
from provenance.record import SUFFIX, Value
from provenance.verify import settings, text
from workflow import configuration
from workflow.asked import merged
from workflow.configuration import Plan, command_line


class Build(NamedTuple):
    """What config.yaml with overlays asks for, and the folders where it goes."""

    overlays: Sequence[Path]
    plan: Plan
    results: str
    figures: str

    @property
    def options(self) -> list[str]:
        """Snakemake's options for the overlays."""
        return ["--configfile", *map(str, self.overlays)] if self.overlays else []


def build(overlays: Sequence[Path]) -> Build:
    """Return what is built with these overlays; raise ConfigurationError when they are wrong."""
    config = configuration.read("config.yaml")
    for file in overlays:
        config = merged(config, configuration.read(file))
    plan, own, scale = (
        configuration.plan(config, overlays),
        configuration.folder(overlays),
        config["scale"],
    )
    figures = os.path.join("figures", own, "" if scale == "paper" else scale).rstrip("/")
    return Build(overlays, plan, os.path.join("results", own, scale), figures)


def asked(plan: Plan, results: str) -> dict[str, tuple[str, Mapping[str, Value]]]:
    """Return the script and the parameters of each run and search, by the path of its record.

    `results` is the folder of the results.
    """
    searches = {
        f"{results}/searches/{name}{SUFFIX}": ("scripts/search.py", search.options)
        for name, search in plan.searches.items()
    }
    runs = {
        f"{results}/runs/{name}{SUFFIX}": (
            f"scripts/{'train_found' if condition.found else 'train'}.py",
            command_line(condition),
        )
        for name, condition in plan.conditions.items()
    }
    return {
        path: (script, settings({"parameters": record.parameters(options, {}, [])}))
        for path, (script, options) in (searches | runs).items()
    }


def require_asked(one: Build, shown: Published) -> None:
    """Raise ArchiveError unless all runs that the configuration asks for are published."""
    for path, (_, wanted) in asked(one.plan, one.results).items():
        name = path.removeprefix(f"{one.results}/").removesuffix(SUFFIX)
        if path not in shown.runs:
            raise ArchiveError(
                f"{name}: the configuration asks for it, but it is not published:"
                " `make figures` trains it"
            )
        made = settings(shown.runs[path]["recipe"])
        for key in sorted(made.keys() | wanted.keys()):
            if made.get(key) != wanted.get(key):
                raise ArchiveError(
                    f"{name}: it is published with {key} {text(made.get(key))}, the configuration"
                    f" asks for {text(wanted.get(key))}: `make figures` trains it"
                )


def restored(plan: Plan, results: str) -> tuple[set[str], set[str]]:
    """Return the names of the restored searches and of the restored conditions.

    A condition whose rule comes from a search is one only if that search is.
    """
    known = archive.restored()
    if not known:
        return set(), set()
    wanted = asked(plan, results)
    current = {
        path
        for path in known.keys() & wanted.keys()
        if known[path] == archive.meaning(wanted[path][1], wanted[path][0])
    }
    searches = {name for name in plan.searches if f"{results}/searches/{name}{SUFFIX}" in current}
    conditions = {
        name
        for name in plan.conditions
        if f"{results}/runs/{name}{SUFFIX}" in current
        and searches.issuperset(plan.searched([name]))
        and all(Path(file).exists() for file in _recorded(plan, results, name))
    }
    return searches, conditions


def _recorded(plan: Plan, results: str, condition: str) -> list[str]:
    """The files that a condition is to record beside its energy."""
    endings = {"curve": "curves/{}.csv", "counts": "counts/{}.npz"}
    return [
        f"{results}/{ending.format(condition)}"
        for kind, ending in endings.items()
        if kind in plan.conditions[condition].record
    ]
