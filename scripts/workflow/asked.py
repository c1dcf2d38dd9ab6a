"""What config.yaml, and overlays of it, ask for today, compared with provenance records."""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from provenance import record
from provenance.verify import Finding, settings, text

if TYPE_CHECKING:
    from workflow.configuration import Plan

CONFIG = "config.yaml"
SCALES = ("smoke", "paper")
RUN = {"train": "run", "search": "search"}  # what their outputs are called


class Configuration:
    """A check for provenance.verify: compares records with the configuration of a project."""

    def __init__(self, root: Path):
        self.root = root
        self._plans: dict[tuple[str, str], Plan | Finding | None] = {}

    def __call__(self, path: str, made: Mapping) -> Iterator[Finding]:
        """Yield what today's configuration asks for otherwise than the record `path` says."""
        (file, *_), recipe = sorted(made["outputs"]), made["recipe"]
        place = place_of(file)
        plan = self._plan(*place) if place else None
        if place is None or plan is None:
            return
        if isinstance(plan, Finding):
            yield plan
            return
        rule, name = recipe["rule"], Path(file).stem
        if rule in RUN:
            if name not in (plan.conditions if rule == "train" else plan.searches):
                what = f"it has no {RUN[rule]} {name} any more"
                yield Finding("parameters", "STALE", CONFIG, what)
                return
            then, now = settings(recipe), self._options(rule, plan, name)
            for key in sorted(then.keys() | now.keys()):
                if then.get(key) != now.get(key):
                    what = f"{text(then.get(key))} then, {text(now.get(key))} now"
                    yield Finding("parameters", "STALE", f"{CONFIG}: {key}", what)
        asked = files_read(rule, name, plan, "/".join(filter(None, ("results", *place))))
        if asked is not None:
            used = {file for file in made["inputs"] if file.startswith("results/")}
            for file in sorted(asked - used):
                yield Finding("parameters", "STALE", CONFIG, f"it now asks for {file}, too")
            for file in sorted(used - asked):
                yield Finding("parameters", "STALE", CONFIG, f"it does not ask for {file} any more")

    def _options(self, rule: str, plan: "Plan", name: str) -> dict[str, record.Value]:
        """The parameters that a condition is trained with, or a search made with."""
        from workflow.configuration import command_line

        search = rule == "search"
        words = plan.searches[name].options if search else command_line(plan.conditions[name])
        return settings({"parameters": record.parameters(words, {}, [])})

    def _plan(self, overlay: str, scale: str) -> "Plan | Finding | None":
        """What the configuration asks for at a scale; a Finding when it cannot be read.

        None where the packages to read it are missing, or the overlay's file is not here.
        """
        if (overlay, scale) not in self._plans:
            self._plans[overlay, scale] = self._read(overlay, scale)
        return self._plans[overlay, scale]

    def _read(self, overlay: str, scale: str) -> "Plan | Finding | None":
        files = [self.root / f"{overlay}.yaml"] if overlay else []
        if not all(file.is_file() for file in files):
            return None
        try:
            from workflow import configuration  # needs packages; all else here does not

            config = configuration.read(self.root / CONFIG)
            for file in files:
                config = merged(config, configuration.read(file))
            return configuration.plan(config | {"scale": scale}, files)
        except ImportError:
            return None
        except SystemExit as error:
            return Finding("parameters", "STALE", CONFIG, str(error))


def merged(config: Mapping, overlay: Mapping) -> dict:
    """Return a configuration with an overlay's keys in it, as Snakemake merges them."""
    result = dict(copy.deepcopy(config))
    for key, value in overlay.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def place_of(file: str) -> tuple[str, str] | None:
    """Return for which overlay ("": none) and at which scale a file is made; None for others."""
    top, *folders = Path(file).parent.parts or [""]
    if top == "results":
        names = folders[:1] if folders[:1] and folders[0] in SCALES else folders[:2]
    elif top == "figures":
        names = folders if folders[-1:] == ["smoke"] else [*folders, "paper"]
    else:
        return None
    overlay, scale = ["", *names][-2:] if names else ("", "")
    return (overlay, scale) if scale in SCALES and len(names) <= 2 else None


def files_read(rule: str, name: str, plan: "Plan", results: str) -> set[str] | None:
    """Return the files in the folder `results` that a rule reads to make what is called `name`.

    None for a rule of which that is not known.
    """
    match rule:
        case "train":
            searches = plan.searched([name])
            return {f"{results}/searches/{search}.finalists.csv" for search in searches}
        case "tabulate":
            return {f"{results}/runs/{run}.csv" for run in plan.experiments.get(name, [])}
        case "summarise":
            return {f"{results}/experiments/{experiment}.csv" for experiment in plan.experiments}
        case "claims":
            curves = {f"{results}/curves/{run}.csv" for run in plan.recording("curve")}
            return {f"{results}/energy.csv", *curves}
        case "plot":
            tables = plan.tables(name, results).values() if name in plan.figures else ()
            return {
                file for files in tables for file in ([files] if isinstance(files, str) else files)
            }
    return None
