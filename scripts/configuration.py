"""The configuration: reading, checking, and expanding it into the conditions that are trained.

A condition is one set of parameters with its seeds, trained by one job. Its parameters are named
as the columns of the results and the options of train.py. What a user got wrong is told in one
line, before anything runs.
"""

import json
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import NoReturn

import jsonschema
import yaml

from plasticity.rules import ParameterError, Rule
from plasticity.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads((ROOT / "schemas" / "config.schema.json").read_text())
SCALES = ("smoke", "paper")

PARTS = [part.name for part in fields(Rule)]
SETTINGS = [setting.name for setting in fields(Settings)]
PARAMETERS = ["rule", *PARTS, *SETTINGS, "dataset", "seed"]
# What most conditions differ by comes first in their names.
NAMED_FIRST = ["width", "fraction", "plastic_units"]

# JSON Schema in words.
TYPES = {
    "object": "keys with values",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "integer": "an integer",
    "null": "null",
}
LIMITS = {
    "exclusiveMinimum": " above {}",
    "minimum": " of at least {}",
    "maximum": " at most {}",
    "exclusiveMaximum": " below {}",
    "minItems": " of at least {}",
    "uniqueItems": " none of them twice",
    "minLength": " of some length",
}


class ConfigurationError(SystemExit):
    """The user's mistake, in one line: the key, its value and what is allowed.

    When nobody catches it, Python prints that line alone and exits with status 1.
    """


@dataclass
class Condition:
    """One job: all its parameters that have a meaning, and what it records beside the energy."""

    parameters: dict
    record: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Figure:
    """What draws a figure: a script, the experiment it draws, the tables that it reads."""

    script: str
    experiment: str
    reads: list[str]


@dataclass(frozen=True)
class Plan:
    """What is built at one scale: conditions by name, their names in each experiment, figures."""

    conditions: dict[str, Condition]
    experiments: dict[str, list[str]]
    figures: dict[str, Figure]

    def recording(self, what: str) -> set[str]:
        """Names of the conditions that record `what`."""
        return {name for name, condition in self.conditions.items() if what in condition.record}

    def tables(self, figure: str, results: str) -> dict[str, str | list[str]]:
        """What a figure reads from the folder `results`, by the name of its script's option."""
        experiment = self.figures[figure].experiment
        conditions = self.experiments.get(experiment, [])
        files = {
            "energy": f"{results}/experiments/{experiment}.csv",
            "curves": [f"{results}/curves/{condition}.csv" for condition in conditions],
            "counts": [f"{results}/counts/{condition}.npz" for condition in conditions],
            "claims": f"{results}/claims.csv",
        }
        return {table: files[table] for table in self.figures[figure].reads}


def read(path: str | Path) -> dict:
    """Return the keys of a YAML file.

    Raises ConfigurationError when it cannot be read or holds anything but keys and plain values.
    """
    try:
        config = yaml.safe_load(Path(path).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigurationError(f"{path}: {line}not valid YAML: {problem}") from None
    if not isinstance(config, dict):
        raise ConfigurationError(f"{path}: keys with values are expected, such as 'scale: smoke'")
    return config


def plan(config: Mapping, source: str = "config.yaml") -> Plan:
    """Check the whole configuration and return what is built at its scale.

    `source` is what error messages call the configuration. Raises ConfigurationError.
    """
    try:
        _check_schema(config)
        trained = {scale: _expand(config, scale) for scale in SCALES}
        return Plan(*trained[config["scale"]], _figures(config))
    except _Mistake as mistake:
        raise ConfigurationError(f"{source}: {mistake}") from None


def command_line(condition: Condition) -> list[str]:
    """Return the options with which train.py trains `condition`, apart from where output goes."""
    options = [
        word
        for key, value in condition.parameters.items()
        for word in (
            f"--{key.replace('_', '-')}",
            *map(str, value if isinstance(value, list) else [value]),
        )
    ]
    return options + ["--train-accuracy"] * ("train_accuracy" in condition.record)


def flags(files: Mapping) -> list[str]:
    """Return a rule's named files as options: --name file, or --name file file ... for a list.

    What is not there, an empty list or None, is no option.
    """
    return [
        word
        for name, paths in files.items()
        if paths
        for word in (f"--{name}", *([paths] if isinstance(paths, str) else paths))
    ]


class _Mistake(Exception):
    """A ConfigurationError whose line does not name the file yet."""

    def __init__(self, path: list, problem: str):
        names = (key if str(key).isprintable() else repr(key) for key in path)
        where = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in names)
        super().__init__(f"{where.lstrip('.')}: {problem}")


def _refuse(path: list, value: object, allowed: str) -> NoReturn:
    raise _Mistake(path, f"{reprlib.repr(value)} is not allowed: {allowed}")


def _expand(config: Mapping, scale: str) -> tuple[dict[str, Condition], dict[str, list[str]]]:
    """Multiply out all grids at `scale`: conditions by name, and their names in each experiment."""
    conditions: dict[str, Condition] = {}
    experiments: dict[str, list[str]] = {}
    for experiment, definition in config["experiments"].items():
        seeds = definition.get("seeds", {}).get(scale, config["seeds"][scale])
        names = experiments[experiment] = []
        for i, entry in enumerate(definition[scale]):
            path = ["experiments", experiment, scale, i]
            for choice in _combinations(entry):
                parameters = _parameters(config, {"seed": seeds} | choice, path)
                name = _name(config, scale, parameters)
                condition = conditions.setdefault(name, Condition(parameters))
                if name in names:
                    _refuse(path, entry, f"it repeats the condition {name}")
                if condition.parameters != parameters:
                    _refuse(path, entry, f"another condition has the name {name}, too")
                condition.record.update(definition.get("record", []))
                names.append(name)
    return conditions, experiments


def _combinations(entry: Mapping) -> Iterator[dict]:
    """Yield every combination of an entry's values; the list of seeds is one value."""
    lists = [
        value if isinstance(value, list) and key != "seed" else [value]
        for key, value in entry.items()
    ]
    return (dict(zip(entry, values, strict=True)) for values in product(*lists))


def _parameters(config: Mapping, choice: dict, path: list) -> dict:
    """Return the full parameters of a condition from what an entry at `path` chooses.

    Raises _Mistake when they do not make sense together.
    """
    rule = choice["rule"]
    if rule not in config["rules"]:
        _refuse([*path, "rule"], rule, _one_of(config["rules"], rule))
    given = {**config["model"], **config["rules"][rule], **choice}
    try:
        parts = Rule(**{key: given[key] for key in PARTS if key in given})
        settings = Settings(**{key: given[key] for key in SETTINGS if key in given})
        parts.check_width(settings.width)
    except ParameterError as error:
        key, _, problem = str(error).partition(": ")
        places = {"model": config["model"], f"rules.{rule}": config["rules"][rule]}
        place = [name for name, keys in places.items() if key in keys and key not in choice]
        raise _Mistake([*(place[-1:] or path), key], f"{problem} (rule {rule})") from None
    parameters = given | asdict(parts) | asdict(settings)
    return {key: parameters[key] for key in PARAMETERS if parameters[key] is not None}


def _name(config: Mapping, scale: str, parameters: dict) -> str:
    """Return a condition's name: its rule, its width, and whatever is not as rule and model say."""
    rule = parameters["rule"]
    usual = {
        "rule": rule,
        "seed": config["seeds"][scale],
        **config["model"],
        **config["rules"][rule],
    }
    parts = Rule(**{key: parameters[key] for key in PARTS if key in parameters})
    usual.setdefault("fraction_out", replace(parts, fraction_out=None).fraction_out)
    keys = NAMED_FIRST + [key for key in PARAMETERS if key not in NAMED_FIRST]
    changed = [key for key in keys if key in parameters and parameters[key] != usual.get(key)]
    return "-".join([rule, *(key + _text(parameters[key]) for key in changed)])


def _text(value: object) -> str:
    """Return a value as part of a file's name; 1 and 1.0 are the same."""
    if isinstance(value, list):
        return "_".join(map(str, value))
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _figures(config: Mapping) -> dict[str, Figure]:
    """Return the figures by name; raise _Mistake for one that draws what is not there."""
    figures = {}
    numbers: dict[int, str] = {}
    for name, given in config["figures"].items():
        path = ["figures", name]
        script = f"scripts/figures/{given.get('script', name)}.py"
        figure = Figure(script, given.get("experiment", name), given.get("reads", ["energy"]))
        if (other := numbers.setdefault(given["number"], name)) != name:
            _refuse([*path, "number"], given["number"], f"it is the number of {other}, too")
        if not (ROOT / script).is_file():
            _refuse([*path, "script"], given.get("script", name), f"there is no {script}")
        if figure.reads != ["claims"] and figure.experiment not in config["experiments"]:
            allowed = _one_of(config["experiments"], figure.experiment)
            _refuse([*path, "experiment"], figure.experiment, allowed)
        for table, record in {"curves": "curve", "counts": "counts"}.items():
            recorded = config["experiments"].get(figure.experiment, {}).get("record", [])
            if table in figure.reads and record not in recorded:
                allowed = f"{table} need experiments.{figure.experiment}.record to have {record}"
                _refuse([*path, "reads"], figure.reads, allowed)
        figures[name] = figure
    return figures


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
