"""The configuration: reading, checking, and expanding it into the conditions that are trained.

A condition is one set of parameters with its seeds, trained by one job. Its parameters are named
like the columns of the results and the options of train.py. A user's mistake is reported in one
line, before anything runs.
"""

import hashlib
import json
import os
import re
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import yaml

from analysis.overlap import require_competition
from analysis.readings import ReadingError, readings
from found import INGREDIENTS, KINDS, PLAIN, SEARCHED, TASK, allows, has_meaning
from plasticity.parameters import ParameterError
from plasticity.settings import PARAMETERS, Settings, parts_of
from provenance.files import ROOT
from workflow.asked import SCALES

SCHEMA = json.loads((ROOT / "schemas" / "config.schema.json").read_text(encoding="utf-8"))

SETTINGS = [setting.name for setting in fields(Settings)]
# What most conditions differ by comes first in their names.
NAMED_FIRST = ["width", "fraction", "plastic_units"]
# Tables of examinations: steps that train networks once more, and measure what training does not.
# The folder of each, and the word for it in `record`, which is the name of its script.
EXAMINATIONS = {"overlaps": "overlap", "floors": "floor"}
RECORDED = {"curves": "curve", "counts": "counts"} | EXAMINATIONS  # tables of a figure
CACHED = INGREDIENTS["caching"]  # searched where what is minimised is cached
LARGEST = 100_000  # values in a file
LONGEST_NAME = 150  # file systems allow 255 bytes; scripts add endings

# JSON Schema in words.
TYPES = {
    "object": "keys with values",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "null": "null",
}
LIMITS = {
    "exclusiveMinimum": " above {}",
    "minimum": " of at least {}",
    "maximum": " at most {}",
    "exclusiveMaximum": " below {}",
    "minItems": " of at least {}",
    "minProperties": " of at least {}",
    "uniqueItems": " none of them twice",
    "minLength": " of some length",
}


class ConfigurationError(SystemExit):
    """The user's mistake, in one line: the key, its value and what is allowed.

    When nobody catches it, Python prints that line alone and exits with status 1.
    """


@dataclass(frozen=True)
class Found:
    """Where a condition's other parameters come from: the best rule that a search found.

    With `within`, only rules that learn within so many trials are considered. With `equal_rates`,
    the rule is scaled so that both layers have the same learning rate. `take` names the parameters;
    `most` has upper bounds of the numbers among them.
    """

    search: str
    within: float | None
    equal_rates: bool
    take: list[str]
    most: dict[str, float]


@dataclass
class Condition:
    """What one job trains.

    `parameters` has those that have a meaning and are known before a search, `record` what is
    recorded beside the energy, `found` what is taken from a search.
    """

    parameters: dict
    record: set[str] = field(default_factory=set)
    found: Found | None = None

    @property
    def script(self) -> str:
        """The script that trains it."""
        return f"scripts/{'train_found' if self.found else 'train'}.py"

    @property
    def costliest(self) -> dict:
        """Its parameters; for those that are not known yet, their upper bounds."""
        return (self.found.most if self.found else {}) | self.parameters

    @property
    def datasets(self) -> list[str]:
        """The data set that its networks learn."""
        return [self.parameters["dataset"]]


@dataclass(frozen=True)
class Search:
    """One search.

    `options` are those of search.py except for files, `networks` is how many it trains at most,
    `costliest` has upper bounds of their parameters. `datasets` are those of its tasks, and
    `against` has the experiment that defines them, if there is one.
    """

    options: list[str]
    networks: int
    costliest: dict
    datasets: list[str]
    against: list[str]

    def tables(self, results: str) -> dict[str, list[str]]:
        """Return the tables that the search reads from the folder `results`, by option."""
        return {"against": [f"{results}/experiments/{name}.csv" for name in self.against]}


@dataclass(frozen=True)
class Figure:
    """What draws a figure: a script, the experiment it draws, the tables that it reads."""

    script: str
    experiment: str
    reads: list[str]


@dataclass(frozen=True)
class Plan:
    """What is built at one scale.

    Conditions by name, their names in each experiment, figures, the searches for the rules that
    conditions take, the claims that are tested, whether finding.md is written, and the experiments
    that record update counts. Claims are declared with their readings, or they are the ids of this
    project's own. `examined` has the conditions of examinations, by the table of each, such as
    "overlaps/NAME".
    """

    conditions: dict[str, Condition] = field(default_factory=dict)
    experiments: dict[str, list[str]] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    searches: dict[str, Search] = field(default_factory=dict)
    claims: dict[str, dict] | list[str] = field(default_factory=list)
    finding: bool = False
    counted: list[str] = field(default_factory=list)
    examined: dict[str, Condition] = field(default_factory=dict)

    @property
    def datasets(self) -> list[str]:
        """Names of the data sets that are learned."""
        trained: list[Condition | Search] = [*self.conditions.values(), *self.searches.values()]
        trained += self.examined.values()
        return sorted({dataset for one in trained for dataset in one.datasets})

    def recording(self, what: str) -> set[str]:
        """Names of the conditions that record `what`."""
        return {name for name, condition in self.conditions.items() if what in condition.record}

    def counted_conditions(self) -> list[str]:
        """Names of the conditions of the experiments in `counted`, in their order."""
        return [name for experiment in self.counted for name in self.experiments[experiment]]

    def searched(self, conditions: Iterable[str]) -> list[str]:
        """Names of the searches that these conditions take rules from."""
        found = (self.conditions[name].found for name in conditions)
        return sorted({one.search for one in found if one})

    def examinations(self, table: str, conditions: Iterable[str]) -> list[str]:
        """Names of those of these conditions for which there is such a table, with its folder."""
        return [one for name in conditions if (one := f"{table}/{name}") in self.examined]

    def tables(self, figure: str, results: str) -> dict[str, str | list[str]]:
        """Return what a figure reads from the folder `results`, by the option of plot.py."""
        experiment = self.figures[figure].experiment
        conditions = self.experiments.get(experiment, [])
        files: dict[str, str | list[str]] = {
            "energy": f"{results}/experiments/{experiment}.csv",
            "curves": [f"{results}/curves/{condition}.csv" for condition in conditions],
            "counts": [f"{results}/counts/{condition}.npz" for condition in conditions],
            "claims": f"{results}/claims.csv",
            "searches": [f"{results}/searches/{name}.csv" for name in self.searched(conditions)],
        }
        for table in EXAMINATIONS:
            files[table] = [f"{results}/{one}.csv" for one in self.examinations(table, conditions)]
        return {table: files[table] for table in self.figures[figure].reads}


def read(path: str | Path) -> dict:
    """Return the keys of a YAML file.

    Raises ConfigurationError when it cannot be read, has a key twice, or holds anything but keys
    and plain values: no tag of YAML runs code here, and Snakemake's templates, which do, are
    refused.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path}: not a file")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not a text in UTF-8: save it as UTF-8") from None
    try:
        config = yaml.load(text, _Loader)
    except Exception as error:  # besides its own, PyYAML lets out whatever odd values cause
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigurationError(f"{path}: {line}not valid YAML: {problem}") from None
    if not isinstance(config, dict):
        raise ConfigurationError(f"{path}: keys with values are expected, such as 'scale: smoke'")
    if "__use_yte__" in config:
        raise ConfigurationError(f"{path}: __use_yte__ is not allowed: plain values only")
    if _is_larger(config, LARGEST):
        raise ConfigurationError(f"{path}: more than {LARGEST:,} values, each alias counted")
    return config


def _is_larger(value: object, limit: int) -> bool:
    """Whether there are more values than `limit` in a value; aliases make them without end."""
    pending, count = [value], 0
    while pending and count <= limit:
        part = pending.pop()
        count += 1
        if isinstance(part, dict):
            pending += part.values()
        elif isinstance(part, list):
            pending += part
    return count > limit


class _Loader(yaml.SafeLoader):
    """Reads plain values, and each key once only."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        # As written: merging (<<) then adds keys that the mapping may have itself.
        node = super().compose_mapping_node(anchor)
        keys = Counter((key.tag, str(key.value)) for key, _ in node.value)
        for key, _ in node.value:
            if keys[key.tag, str(key.value)] > 1:
                problem = f"the key {key.value!r} appears twice"
                raise yaml.composer.ComposerError(problem=problem, problem_mark=key.start_mark)
        return node


def typed(config: Mapping) -> dict:
    """Return the configuration with true and false where Snakemake's --config has left words."""
    words = {"true": True, "false": False}
    flags = [key for key, one in SCHEMA["properties"].items() if one.get("type") == "boolean"]
    return {
        key: words.get(str(value), value) if key in flags else value
        for key, value in config.items()
    }


def overlays(files: Iterable[str | Path]) -> list[Path]:
    """Return those of the configuration `files` that lie over config.yaml."""
    return [Path(file) for file in files if Path(file).resolve() != Path("config.yaml").resolve()]


def folder(overlays: Sequence[Path]) -> str:
    """Return the folder, within those of results and figures, for what these files ask for.

    It has the name of the file; without a file it is the paper's, "". Raises ConfigurationError for
    a name that cannot be one of a folder, or is that of one of the paper's.
    """
    for file in overlays:
        if not re.search(SCHEMA["$defs"]["name"]["pattern"], file.stem) or file.stem in SCALES:
            raise ConfigurationError(
                f"--configfile: {str(file)!r} is not allowed: its folders are called like it, by "
                f"{SCHEMA['$defs']['name']['description']} (not smoke, not paper)"
            )
    return "-".join(file.stem for file in overlays)


def plan(config: Mapping, overlays: Sequence[Path] = ()) -> Plan:
    """Check the whole configuration and return what is built at its scale.

    `overlays` are the files that it holds beside config.yaml. When they name experiments or
    figures, these alone are built, with the figures that draw those experiments and the experiments
    that those figures draw. Raises ConfigurationError.
    """
    try:
        _check_schema(config)
        config = {"found": {}, "finding": False, **config}
        experiments, figures = _chosen(config, _figures(config), [read(file) for file in overlays])
        chosen = {**config, "experiments": experiments}
        _check_found(config)
        _check_claims(config)
        counted = [name for name, one in experiments.items() if "counts" in one.get("record", [])]
        rest = config["claims"], config["finding"], counted
        plans = {}
        for scale in SCALES:
            conditions, names = _expand(chosen, scale)
            searches = _searches(config, scale, conditions, names)
            plans[scale] = Plan(conditions, names, figures, searches, *rest)
        plan = plans[config["scale"]]
        asked = plan.searched(plan.conditions)
        return replace(
            plan,
            searches={name: plan.searches[name] for name in asked},
            examined={
                f"{table}/{name}": one
                for table, word in EXAMINATIONS.items()
                for name, one in plan.conditions.items()
                if word in one.record
            },
        )
    except _Mistake as mistake:
        source = " with ".join(["config.yaml", *(file.name for file in overlays)])
        raise ConfigurationError(f"{source}: {mistake}") from None


def command_line(condition: Condition, recording: bool = True) -> list[str]:
    """Return the options with which train.py trains `condition`, except for output files.

    For a found rule: those of train_found.py, except for the table of finalists. An examination has
    the same options, but not those that say what else to record.
    """
    words = options(condition.parameters)
    words += ["--train-accuracy"] * (recording and "train_accuracy" in condition.record)
    if condition.found is None:
        return words
    words += options({"within": condition.found.within})
    words += ["--equal-rates"] * condition.found.equal_rates
    return [*words, "--take", *condition.found.take]


def examined(name: str) -> tuple[str, str]:
    """Return the script that makes the table of an examination, and the condition's name.

    `name` is a key of `Plan.examined`, such as "floors/NAME".
    """
    table, _, condition = name.partition("/")
    return f"scripts/{EXAMINATIONS[table]}.py", condition


def claims_options(plan: Plan, **tables: str | Sequence[str]) -> list[str]:
    """Return the options of claims.py, except for the output; `tables` are those that it reads."""
    declared = isinstance(plan.claims, Mapping)
    words = ["--declared", json.dumps(plan.claims)] if declared else ["--claims", *plan.claims]
    return words + options({**tables, "counted": plan.counted})


def options(values: Mapping) -> list[str]:
    """Return values as options by name: --name value, or --name value value ... for a list.

    None and empty lists give no option.
    """
    return [
        word
        for name, value in values.items()
        if value not in (None, [])
        for word in (
            f"--{name.replace('_', '-')}",
            *map(str, value if isinstance(value, list) else [value]),
        )
    ]


class _Mistake(Exception):
    """A ConfigurationError whose line does not name the file yet."""

    def __init__(self, path: list, problem: str):
        names = (key if str(key).isprintable() else repr(key) for key in path)
        where = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in names)
        super().__init__(f"{where.lstrip('.')}: {problem}")


def _refuse(path: list, value: object, allowed: str) -> NoReturn:
    raise _Mistake(path, f"{reprlib.repr(value)} is not allowed: {allowed}")


def _chosen(
    config: Mapping, figures: Mapping[str, Figure], overlays: Sequence[Mapping]
) -> tuple[dict, dict[str, Figure]]:
    """Return the experiments and the figures that are built: all, or what overlays name."""
    experiments, named = (
        {name for overlay in overlays for name in overlay.get(part, ())}
        for part in ("experiments", "figures")
    )
    if not experiments and not named:
        return config["experiments"], dict(figures)
    drawn = {name for name, figure in figures.items() if figure.experiment in experiments}
    experiments |= {figures[name].experiment for name in named}
    experiments |= _compared(config, experiments)
    return (
        {name: grids for name, grids in config["experiments"].items() if name in experiments},
        {name: figure for name, figure in figures.items() if name in named | drawn},
    )


def _compared(config: Mapping, experiments: Iterable[str]) -> set[str]:
    """Return the experiments that define the tasks of the searches for rules of `experiments`."""
    entries = [
        entry
        for name in experiments
        for scale in SCALES
        for entry in config["experiments"].get(name, {}).get(scale, [])
    ]
    rules = {choice["rule"] for entry in entries for choice in _combinations(entry)}
    found = [config["found"][rule]["search"] for rule in rules if rule in config["found"]]
    searches = config.get("search", {}).get("searches", {})
    return {searches[one]["against"] for one in found if "against" in searches.get(one, {})}


def _tasks(networks: Iterable[Mapping]) -> list[dict]:
    """Return the different tasks that networks with these parameters learn."""
    tasks = ({key: one[key] for key in TASK if key in one} for one in networks)
    return [dict(task) for task in dict.fromkeys(tuple(task.items()) for task in tasks)]


def _expand(config: Mapping, scale: str) -> tuple[dict[str, Condition], dict[str, list[str]]]:
    """Multiply out all grids at `scale`: conditions by name, and their names in each experiment."""
    conditions: dict[str, Condition] = {}
    experiments: dict[str, list[str]] = {}
    for experiment, definition in config["experiments"].items():
        seeds = _seeds(config, definition, scale)
        names = experiments[experiment] = []
        if scale == config["scale"] and scale not in definition:
            raise _Mistake(["experiments", experiment, scale], "it is missing: a list of grids")
        for i, entry in enumerate(definition.get(scale, [])):
            path = ["experiments", experiment, scale, i]
            for choice in _combinations(entry):
                new = _condition(config, {"seed": seeds} | choice, path)
                name = _name(config, scale, new.parameters)
                condition = conditions.setdefault(name, new)
                if name in names:
                    _refuse(path, entry, f"it repeats the condition {name}")
                if condition.parameters != new.parameters:
                    _refuse(path, entry, f"another condition has the name {name}, too")
                recorded = entry.get("record", [])
                for examination in recorded:
                    _check_examination(examination, new, [*path, "record"])
                condition.record.update(definition.get("record", []), recorded)
                names.append(name)
    return conditions, experiments


def _seeds(config: Mapping, experiment: Mapping, scale: str) -> list[int]:
    """Return the seeds of an experiment's entries that do not name their own."""
    return _whole("seed", experiment.get("seeds", {}).get(scale, config["seeds"][scale]))


def _check_examination(name: str, condition: Condition, path: list) -> None:
    """Raise _Mistake if a condition cannot be examined in this way."""
    if name == "floor" and condition.costliest.keys() & {"caching_threshold", "training_patterns"}:
        _refuse(path, [name], "only for networks without synaptic caching, and all patterns")
    if name != "overlap":
        return
    if condition.found:
        _refuse(path, [name], "only for rules that are not found by a search")
    try:
        require_competition(*parts_of(condition.parameters))
    except ParameterError as error:
        rule = condition.parameters["rule"]
        raise _Mistake(path, f"overlap: {error} (rule {rule})") from None


def _combinations(entry: Mapping) -> Iterator[dict]:
    """Yield every combination of an entry's parameters; the list of seeds is one value."""
    lists = {
        key: value if isinstance(value, list) and key != "seed" else [value]
        for key, value in entry.items()
        if key != "record"
    }
    for values in product(*lists.values()):
        yield {key: _whole(key, value) for key, value in zip(lists, values, strict=True)}


def _whole(key: str, value: Any) -> Any:
    """Return 100 for 100.0 if a parameter is an integer: JSON Schema does not distinguish them."""
    if isinstance(value, list):
        return [_whole(key, one) for one in value]
    integral = isinstance(value, float) and key in PARAMETERS and PARAMETERS[key].kind is int
    return int(value) if integral else value


def _condition(config: Mapping, choice: dict, path: list) -> Condition:
    """Return the condition that an entry at `path` chooses.

    Raises _Mistake when its parameters do not make sense together.
    """
    rule = choice["rule"]
    if rule in config["found"]:
        return _found_condition(config, choice, path)
    if rule not in config["rules"]:
        _refuse([*path, "rule"], rule, _one_of([*config["rules"], *config["found"]], rule))
    if "width" not in choice:
        allowed = _allowed(SCHEMA["$defs"]["width"])
        raise _Mistake([*path, "width"], f"it is missing: {allowed}")
    return Condition(_parameters(config, choice, path))


def _parameters(config: Mapping, choice: dict, path: list) -> dict:
    """Return the full parameters of a condition from what an entry at `path` chooses.

    Raises _Mistake when they do not make sense together.
    """
    rule = choice["rule"]
    given = {**config["model"], **config["rules"][rule], **choice}
    try:
        parts, settings = parts_of(given)
    except ParameterError as error:
        key, _, problem = str(error).partition(": ")
        sections = {"model": config["model"], f"rules.{rule}": config["rules"][rule]}
        origin = [name for name, keys in sections.items() if key in keys and key not in choice]
        raise _Mistake([*(origin[-1:] or path), key], f"{problem} (rule {rule})") from None
    parameters = given | asdict(parts) | asdict(settings)
    return {key: parameters[key] for key in PARAMETERS if parameters[key] is not None}


def _found_condition(config: Mapping, choice: dict, path: list) -> Condition:
    """Return the condition that an entry at `path` chooses for a rule that is found.

    Raises _Mistake for a setting that is not allowed, and for seeds of the search.
    """
    definition = config["found"][choice["rule"]]
    space = _space(config, definition["search"])
    if "against" in config["search"]["searches"][definition["search"]] and "width" not in choice:
        raise _Mistake([*path, "width"], "it is missing: this search does not choose the width")
    parameters, take = _found_parameters(config, choice)
    most = {key: max(space[key]) for key in take if KINDS[key] is not str}
    settings = {key: value for key, value in (most | parameters).items() if key in SETTINGS}
    try:
        Settings(**settings)
    except ParameterError as error:
        key, _, problem = str(error).partition(": ")
        where = path if key in choice else ["model"]
        raise _Mistake([*where, key], f"{problem} (rule {choice['rule']})") from None
    used = set(config["search"]["searches"][definition["search"]]["seeds"])
    if shared := sorted(used.intersection(parameters["seed"])):
        allowed = f"search.searches.{definition['search']}.seeds has {shared[0]}, too: only seeds"
        _refuse([*path, "seed"], parameters["seed"], f"{allowed} that no search has seen")
    search, within = definition["search"], definition.get("within")
    found = Found(search, within, definition.get("equal_rates", False), take, most)
    return Condition(parameters, found=found)


def _found_parameters(config: Mapping, choice: Mapping) -> tuple[dict, list[str]]:
    """Return the known parameters of a condition with a found rule, and the names of the others.

    The others are taken from the search. Ingredients that the rule leaves out are as in backprop
    and the model.
    """
    definition = config["found"][choice["rule"]]
    space = _space(config, definition["search"])
    ingredients = [
        key
        for name in definition.get("only", INGREDIENTS)
        if name not in definition.get("without", [])
        for key in INGREDIENTS[name]
    ]
    take = [key for key in SEARCHED if key in space and key in ingredients and key not in choice]
    given = {**PLAIN, **config["model"], **choice}
    return {key: given[key] for key in PARAMETERS if key in given and key not in take}, take


def _check_claims(config: Mapping) -> None:
    """Raise _Mistake for a declared claim whose readings make no sense."""
    if isinstance(config["claims"], list):
        return
    for name, claim in config["claims"].items():
        try:
            readings(claim)
        except ReadingError as error:
            raise _Mistake(["claims", name, "readings"], str(error)) from None
        for i, entry in enumerate(claim["readings"]):
            experiment = entry.get("experiment")
            if experiment and experiment not in config["experiments"]:
                path = ["claims", name, "readings", i, "experiment"]
                _refuse(path, experiment, _one_of(config["experiments"], experiment))


def _space(config: Mapping, search: str) -> dict:
    """Return the parameters that a search chooses, each with its choices or limits."""
    definition = config["search"]["searches"][search]
    space = _merged_space(config, definition)
    cached = definition["minimise"] == "cached"
    return {key: space[key] for key in SEARCHED if key in space and (cached or key not in CACHED)}


def _merged_space(config: Mapping, definition: Mapping) -> dict:
    """Return the space of all searches with the changes by the definition of one, in its order."""
    space = config["search"]["space"] | definition.get("space", {})
    by_task = TASK if "against" in definition else ()
    return {key: one for key, one in space.items() if one is not None and key not in by_task}


def _check_found(config: Mapping) -> None:
    """Raise _Mistake for a rule to be found, or a search, that makes no sense."""
    if "search" not in config:
        if config["found"]:
            raise _Mistake(["search"], "it is missing: the searches that found takes rules from")
        return
    search = config["search"]
    for key in PLAIN:
        if not search["space"].get(key):
            raise _Mistake(["search", "space", key], "it is missing: choices, or two limits")
    own = {("searches", name): one for name, one in search["searches"].items()}
    for path, one in ({(): search} | own).items():
        for key, values in one.get("space", {}).items():
            if values and KINDS[key] is not str and values[0] > values[1]:
                _refuse(["search", *path, "space", key], values, "the lower limit comes first")
        space = _merged_space(config, one)
        for key in sorted(space.keys() & {"fraction", "fraction_out"}):
            if {"winners", "winners_out"} & space.keys():
                _refuse(["search", *path, "space", key], space[key], "null with winners")
        for i, start in enumerate(one.get("start", [])):
            _check_start(["search", *path, "start", i], start, space)
        if "against" in one:
            _check_against(config, one, ["search", *path])
    for name, definition in config["found"].items():
        if name in config["rules"]:
            _refuse(["found"], name, "rules has a rule of this name, too")
        if definition["search"] not in search["searches"]:
            allowed = _one_of(search["searches"], definition["search"])
            _refuse(["found", name, "search"], definition["search"], allowed)


def _check_against(config: Mapping, search: Mapping, where: list) -> None:
    """Raise _Mistake if a search cannot learn the tasks of the experiment that it names."""
    against = search["against"]
    if against not in config["experiments"]:
        _refuse([*where, "against"], against, _one_of(config["experiments"], against))
    if search["minimise"] != "M0":
        _refuse([*where, "minimise"], search["minimise"], "M0 with against")
    experiment = config["experiments"][against]
    for scale in SCALES:
        usual = {**config["model"], "seed": _seeds(config, experiment, scale)}
        for i, entry in enumerate(experiment.get(scale, [])):
            path = ["experiments", against, scale, i]
            for choice in _combinations(entry):
                if choice["rule"] in config["found"]:
                    _refuse([*path, "rule"], choice["rule"], "a rule that no search finds")
                given = usual | choice
                if given["stop_on"] != "validation":
                    allowed = "validation, as a search uses its networks"
                    _refuse([*path, "stop_on"], given["stop_on"], allowed)
                if other := sorted({*given["seed"]} - {*search["seeds"]}):
                    allowed = f"a seed of the search that uses its networks, {search['seeds']}"
                    _refuse([*path, "seed"], other[0], allowed)


def _check_start(where: list, start: Mapping, space: Mapping) -> None:
    """Raise _Mistake for a rule to begin with that lacks a parameter, or is beyond the space."""
    known = {"gate", "eligible", "select"} <= start.keys()
    for key in space:
        if key not in start and key not in CACHED and (not known or has_meaning(key, start)):
            raise _Mistake([*where, key], "it is missing: a value within search.space")
    for key, value in start.items():
        if key not in space:
            _refuse([*where, key], value, _one_of(space, key))
        if not allows(value, space[key]):
            _refuse([*where, key], value, f"search.space.{key} is {space[key]}")


def _searches(
    config: Mapping,
    scale: str,
    conditions: Mapping[str, Condition],
    names: Mapping[str, Sequence[str]],
) -> dict[str, Search]:
    """Return the searches by name; raise _Mistake for one that cannot train a network.

    `names` has the names of the conditions of each experiment.
    """
    searches: dict[str, Search] = {}
    if "search" not in config:
        return searches
    for name, definition in config["search"]["searches"].items():
        given = config["search"] | definition
        space = _space(config, name)
        fixed = {key: value for key, value in config["model"].items() if key not in space}
        training = fixed | given["training"][scale]
        takers = [found for found in config["found"].values() if found["search"] == name]
        within = sorted({found["within"] for found in takers if "within" in found})
        seeds = definition["seeds"][: given["networks"][scale]]
        against = [definition["against"]] if "against" in definition else []
        compared = (conditions[one].parameters for at in against for one in names.get(at, []))
        tasks = _tasks(compared) if against else [{}]
        if not tasks:  # its experiment is not built, and neither is its rule
            continue
        most = {key: max(values) for key, values in space.items() if KINDS[key] is not str}
        widest = max(tasks, key=lambda task: task.get("width", 0))
        most |= {"criterion": "largest_update"} | training | {"seed": seeds} | widest
        try:
            Settings(**{key: value for key, value in most.items() if key in SETTINGS})
        except ParameterError as error:
            key, _, problem = str(error).partition(": ")
            own = ["searches", name] if "training" in definition else []
            in_training = key in given["training"][scale]
            where = ["search", *own, "training", scale] if in_training else ["model"]
            raise _Mistake([*where, key], problem) from None
        evaluations, best = given["evaluations"][scale], given["finalists"][scale]
        asked = {
            "search": name,
            "minimise": definition["minimise"],
            "maintenance-cost": definition.get("maintenance_cost"),
            "most": definition.get("most"),
            "patience": given["patience"],
            "correct": given["correct"],
            "evaluations": evaluations,
            "best": best,
            "within": within,
            "sampler-seed": definition["sampler_seed"],
            "seed": seeds,
            "space": [f"{key}={','.join(map(str, values))}" for key, values in space.items()],
            "training": _words(training),
            "start": [",".join(_words(start)) for start in _starts(given["start"], space)],
        }
        networks = (evaluations + best * (1 + len(within)) * len(seeds)) * len(tasks)
        learned = sorted({(most | task)["dataset"] for task in tasks})
        searches[name] = Search(options(asked), networks, most, learned, against)
    return searches


def _starts(starts: Sequence[Mapping], space: Mapping) -> list[dict]:
    """Return what of the rules to begin with a search chooses, without those that do not fit.

    A rule fits if its values are within the space and no parameter is missing. Its keys are in the
    order of the space: the order in the file changes nothing.
    """

    def fits(start: Mapping) -> bool:
        allowed = all(allows(value, space[key]) for key, value in start.items())
        return allowed and all(key in start for key in space if has_meaning(key, start))

    chosen = [{key: start[key] for key in space if key in start} for start in starts]
    return [start for start in chosen if fits(start)]


def _words(parameters: Mapping) -> list[str]:
    """Return parameters as search.py takes them."""
    return [f"{key}={value}" for key, value in parameters.items()]


def _name(config: Mapping, scale: str, parameters: dict) -> str:
    """Return a condition's name: its rule, its width, and whatever is not as rule and model say.

    What would be too long for a file's name ends in a digest of the whole.
    """
    rule = parameters["rule"]
    usual = {"rule": rule, "seed": config["seeds"][scale]}
    if rule in config["found"]:
        usual = _found_parameters(config, usual)[0]
    else:
        usual |= config["model"] | config["rules"][rule]
        parts, _ = parts_of(parameters)
        plain = replace(parts, fraction_out=None, winners_out=None, margin_unit=None)
        derived = ("fraction_out", "winners_out", "margin_unit")
        usual = {key: getattr(plain, key) for key in derived} | usual
    keys = NAMED_FIRST + [key for key in PARAMETERS if key not in NAMED_FIRST]
    changed = [key for key in keys if key in parameters and parameters[key] != usual.get(key)]
    name = "-".join([rule, *(key + _text(parameters[key]) for key in changed)])
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 17]}-{digest}"


def _text(value: object) -> str:
    """Return a value as part of a file's name; 1 and 1.0 are the same."""
    if isinstance(value, list):
        first, last = value[0], value[-1]
        if len(value) > 2 and value == [*range(first, first + len(value))]:
            return f"{first}to{last}"
        return "_".join(map(str, value))
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _figures(config: Mapping) -> dict[str, Figure]:
    """Return the figures by name, in the order of their numbers.

    Raises _Mistake for a script, caption or experiment that does not exist.
    """
    figures = {}
    numbers: dict[int, str] = {}
    for name, given in sorted(config["figures"].items(), key=lambda item: item[1]["number"]):
        path = ["figures", name]
        script = f"scripts/figures/{given.get('script', name)}.py"
        figure = Figure(script, given.get("experiment", name), given.get("reads", ["energy"]))
        if (other := numbers.setdefault(given["number"], name)) != name:
            _refuse([*path, "number"], given["number"], f"it is the number of {other}, too")
        if not (ROOT / script).is_file():
            _refuse([*path, "script"], given.get("script", name), f"there is no {script}")
        if "caption" in given and not os.path.isfile(ROOT / given["caption"]):
            _refuse([*path, "caption"], given["caption"], "there is no such file")
        if figure.reads != ["claims"] and figure.experiment not in config["experiments"]:
            allowed = _one_of(config["experiments"], figure.experiment)
            _refuse([*path, "experiment"], figure.experiment, allowed)
        recorded = _recorded(config["experiments"].get(figure.experiment, {}), config["scale"])
        for table, record in RECORDED.items():
            if table in figure.reads and record not in recorded:
                allowed = f"{table} need experiments.{figure.experiment}.record to have {record}"
                _refuse([*path, "reads"], figure.reads, allowed)
        figures[name] = figure
    return figures


def _recorded(experiment: Mapping, scale: str) -> set[str]:
    """Return what an experiment, or a grid of it at `scale`, records."""
    grids = experiment.get(scale, [])
    return {what for one in [experiment, *grids] for what in one.get("record", [])}


def _check_schema(config: Mapping) -> None:
    """Raise _Mistake for the first key whose value the schema does not allow."""
    error = next(jsonschema.Draft202012Validator(SCHEMA).iter_errors(config), None)
    if error is None:
        return
    path, value, schema = list(error.absolute_path), error.instance, error.schema
    if error.validator == "additionalProperties":
        key = next(key for key in value if key not in schema["properties"])
        _refuse([*path, key], value[key], f"unknown key, not {_one_of(schema['properties'], key)}")
    if error.validator == "required":
        key = next(key for key in schema["required"] if key not in value)
        raise _Mistake([*path, key], f"it is missing: {_allowed(schema['properties'][key])}")
    hint = " (to YAML this is text; numbers look like 0.001 or 1.0e-3)" if _numeric(value) else ""
    _refuse(path, value, _allowed(schema, value) + hint)


def _allowed(schema: Mapping, value: object = None) -> str:
    """Return in words which values `schema` allows; a name close to `value` is pointed out."""
    if "$ref" in schema:
        return _allowed(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "else" in schema:
        return _allowed(schema["else"])
    if "enum" in schema:
        return _one_of(schema["enum"], value)
    if "pattern" in schema:
        return schema["description"]
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    limits = [words.format(schema[key]) for key, words in LIMITS.items() if key in schema]
    return " or ".join(TYPES[kind] for kind in types) + ",".join(limits)


def _one_of(names: Iterable, value: object) -> str:
    """Return `names` in words, and which of them was probably meant by `value`."""
    names = list(map(str, names))
    close = get_close_matches(str(value), names, n=1)
    return "one of " + ", ".join(names) + (f"; did you mean {close[0]}?" if close else "")


def _numeric(value: object) -> bool:
    """Whether `value` is a number that was written as a text."""
    try:
        return isinstance(value, str) and isinstance(float(value), float)
    except ValueError:
        return False
