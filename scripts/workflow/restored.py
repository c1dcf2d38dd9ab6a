"""Select the restored runs that are still what the configuration and the code ask for.

Restored runs come from a published archive. The workflow uses these, and makes all others itself.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from provenance import archive
from provenance.archive import Published
from provenance.audit import parameters_of, text
from provenance.record import SUFFIX, RecordError
from workflow import configuration
from workflow.asked import figures_of, job_parameters, read_merged, results_of, trained
from workflow.configuration import Plan


class Build(NamedTuple):
    """The plan of config.yaml with overlays, and the folders of its outputs."""

    overlays: Sequence[Path]
    plan: Plan
    results: str
    figures: str

    def run(self, tool: str, *options: str, folder: Path = Path()) -> None:
        """Make all published files in a folder with Snakemake; raise SystemExit on failure.

        The overlays are in this folder.
        """
        command = [sys.executable, "-m", "snakemake", "published", "--cores", "all", *options]
        if self.overlays:
            command += ["--configfile", *(file.name for file in self.overlays)]
        if subprocess.run(command, cwd=folder, check=False).returncode != 0:
            sys.exit(f"{tool}: Snakemake failed (see its messages)")


def build(overlays: Sequence[Path]) -> Build:
    """Return the build of these overlays; raise ConfigurationError if they are wrong."""
    config = read_merged(Path("config.yaml"), overlays)
    plan, folder = configuration.plan(config, overlays), configuration.folder(overlays)
    target = folder, config["scale"]
    return Build(overlays, plan, results_of(*target), figures_of(*target))


def require_requested(build: Build, published: Published) -> None:
    """Raise RecordError unless all runs that the configuration asks for are published."""
    for path, job in trained(build.plan, build.results).items():
        name = path.removeprefix(f"{build.results}/").removesuffix(SUFFIX)
        if path not in published.runs:
            raise RecordError(
                f"{name}: the configuration asks for it, but it is not published: run"
                " `make figures` to train it"
            )
        parameters, wanted = parameters_of(published.runs[path]["recipe"]), job_parameters(job)
        for key in sorted(parameters.keys() | wanted.keys()):
            if parameters.get(key) != wanted.get(key):
                raise RecordError(
                    f"{name}: it is published with {key} {text(parameters.get(key))}, the"
                    f" configuration asks for {text(wanted.get(key))}: run `make figures` to"
                    " train it"
                )


def remaining(plan: Plan, results: str) -> Plan:
    """Return the plan of what is made here: without what is restored.

    A restored run is used if all its files are here, and the search that it takes its rule from is
    restored, too. So is a search, if the networks that define its tasks are restored.
    """
    meanings = archive.restored()
    if not meanings:
        return plan
    current = {
        path
        for path, job in trained(plan, results).items()
        if path in meanings
        and meanings[path] == archive.meaning(job_parameters(job), job.command[1])
        and all(map(os.path.exists, job.outputs))
    }
    searches = {
        name: search
        for name, search in plan.searches.items()
        if f"{results}/searches/{name}{SUFFIX}" not in current
        or any(
            f"{results}/runs/{condition}{SUFFIX}" not in current
            for experiment in search.against
            for condition in plan.experiments[experiment]
        )
    }
    conditions = {
        name: condition
        for name, condition in plan.conditions.items()
        if f"{results}/runs/{name}{SUFFIX}" not in current
        or searches.keys() & plan.searched([name])
    }
    examined = {
        name: condition
        for name, condition in plan.examined.items()
        if f"{results}/{name}{SUFFIX}" not in current
        or searches.keys() & plan.searched([configuration.examined(name)[1]])
    }
    return replace(plan, conditions=conditions, searches=searches, examined=examined)
