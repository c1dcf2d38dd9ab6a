"""Compare provenance records with what config.yaml and its overlays ask for."""

import copy
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.record import SUFFIX, Value, parameters
from provenance.verify import Issue, settings, text

if TYPE_CHECKING:
    from workflow.configuration import Plan

CONFIG = "config.yaml"
SCALES = ("smoke", "paper")
NOUNS = {"train": "run", "search": "search"}  # for the outputs of these rules
Jobs = dict[str, tuple[str, Mapping[str, Value]]]  # script and parameters, by path of the record


class Configuration:
    """A check for provenance.verify: compares records with the configuration of a project."""

    def __init__(self, root: Path):
        self.root = root
        self._read = functools.cache(self._read_uncached)

    def __call__(self, path: str, record: Mapping) -> Iterator[Issue]:
        """Yield the differences between the record `path` and the configuration."""
        file, recipe = min(record["outputs"]), record["recipe"]
        target = overlay_and_scale(file)
        if not target or not (asked := self._read(*target)):
            return
        if isinstance(asked, Issue):
            yield asked
            return
        plan, jobs = asked
        rule, name = recipe["rule"], Path(file).stem
        if rule in NOUNS:
            if path not in jobs:
                yield stale(CONFIG, f"no longer asks for the {NOUNS[rule]} {name}")
                return
            then, (_, now) = settings(recipe), jobs[path]
            for key in sorted(then.keys() | now.keys()):
                if then.get(key) != now.get(key):
                    what = f"{text(then.get(key))} then, {text(now.get(key))} now"
                    yield stale(f"{CONFIG}: {key}", what)
        needed = inputs_of(rule, name, plan, results_of(*target))
        if needed is not None:
            used = {file for file in record["inputs"] if file.startswith("results/")}
            for file in sorted(needed - used):
                yield stale(CONFIG, f"now also asks for {file}")
            for file in sorted(used - needed):
                yield stale(CONFIG, f"no longer asks for {file}")

    def _read_uncached(self, overlay: str, scale: str) -> "tuple[Plan, Jobs] | Issue | None":
        """Return the plan and the jobs at a scale, or an Issue if the configuration is invalid.

        Return None if the packages to read it are not installed, or if the overlay is missing.
        """
        overlays = [self.root / f"{overlay}.yaml"] if overlay else []
        if not all(file.is_file() for file in overlays):
            return None
        try:
            from workflow import configuration  # the only import that needs packages

            config = read_merged(self.root / CONFIG, overlays)
            plan = configuration.plan(config | {"scale": scale}, overlays)
        except ImportError:
            return None
        except SystemExit as error:
            return stale(CONFIG, str(error))
        return plan, requested(plan, results_of(overlay, scale))


def results_of(overlay: str, scale: str) -> str:
    """Return the folder of the results of a build."""
    return "/".join(filter(None, ("results", overlay, scale)))


def requested(plan: "Plan", results: str) -> Jobs:
    """Return the script and the parameters of each run and search, by the path of its record.

    `results` is the folder of the results.
    """
    from workflow.configuration import command_line

    jobs = {
        f"{results}/searches/{name}{SUFFIX}": ("scripts/search.py", search.options)
        for name, search in plan.searches.items()
    }
    for name, condition in plan.conditions.items():
        script = f"scripts/{'train_found' if condition.found else 'train'}.py"
        jobs[f"{results}/runs/{name}{SUFFIX}"] = script, command_line(condition)
    return {
        path: (script, settings({"parameters": parameters(options, {}, [])}))
        for path, (script, options) in jobs.items()
    }


def stale(subject: str, what: str) -> Issue:
    """Return an issue: parameters have changed."""
    return Issue("parameters", "STALE", subject, what)


def read_merged(config: Path, overlays: Sequence[Path]) -> dict:
    """Return a configuration with overlays; raise ConfigurationError if one cannot be read."""
    from workflow.configuration import read

    layers = read(config)
    for file in overlays:
        layers = merged(layers, read(file))
    return layers


def merged(config: Mapping, overlay: Mapping) -> dict:
    """Return a configuration with the keys of an overlay, merged like Snakemake does."""
    result = dict(copy.deepcopy(config))
    for key, value in overlay.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def overlay_and_scale(file: str) -> tuple[str, str] | None:
    """Return the overlay ("" for none) and the scale of a build's file; None for other files."""
    top, *folders = Path(file).parent.parts or [""]
    if top == "results":
        names = folders[:1] if folders[:1] and folders[0] in SCALES else folders[:2]
    elif top == "figures":
        names = folders if folders[-1:] == ["smoke"] else [*folders, "paper"]
    else:
        return None
    overlay, scale = ["", *names][-2:] if names else ("", "")
    return (overlay, scale) if scale in SCALES and len(names) <= 2 else None


def inputs_of(rule: str, name: str, plan: "Plan", results: str) -> set[str] | None:
    """Return the files in the folder `results` that a rule reads to make its output `name`.

    Return None if they are not known for this rule.
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
