"""Derive command line options from the parameters of networks, and complete their values.

Options are derived from the declarations of the parameters. Values that are not given come from
the configuration.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import MISSING, replace
from typing import Any

import yaml

from plasticity.engine import Engine
from plasticity.parameters import Parameter, ParameterError, declared, require_choice
from plasticity.raw_files import DATASETS
from plasticity.reference import Reference
from plasticity.rules import Rule
from plasticity.settings import PARAMETERS, Settings
from provenance.files import ROOT
from workflow.command_line import Parser

CONFIG = ROOT / "config.yaml"
# Their names are not in the parameter itself, so that a new data set does not retrain networks.
DATASET = replace(PARAMETERS["dataset"], choices=DATASETS)
TRAINERS: dict[str, type[Engine] | type[Reference]] = {"engine": Engine, "reference": Reference}

# If a command line gives all of these, config.yaml is not read.
REQUIRED = {name for name, one in PARAMETERS.items() if one.default is not None}


def value(of: Parameter) -> Callable[[str], Any]:
    """Return the type of an option: it converts a text to an allowed value of a parameter."""

    def convert(text: str) -> Any:
        try:
            number = of.value_of(text)
            allowed = of.allows(number)
        except ParameterError:
            allowed = False
        if not allowed:
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed: {of.allowed}")
        return number

    return convert


def number(kind: type, **limits: Any) -> Callable[[str], Any]:
    """Return the type of an option that is not a parameter of networks: a number in `limits`."""
    return value(Parameter("", kind, MISSING, **limits))


def parser(tool: str, description: str | None, recording: bool = True) -> Parser:
    """Return the parser of train.py; its options have the names of the columns of the results.

    Without `recording`, the options that say how to train and what else to write are left out.
    """
    epilog = "Values that are not given come from the rule and the model in config.yaml."
    parse = Parser(tool, description, epilog)

    def add(group: Any, parameters: Mapping[str, Parameter], **options: Any) -> None:
        for name, one in parameters.items():
            unit = f" [{one.unit}]" if one.unit else ""
            kind = {"choices": one.choices} if one.choices else {"type": value(one)}
            option = f"--{name.replace('_', '-')}"
            group.add_argument(option, help=f"{one.help}{unit}", **kind, **options)

    model = declared(Settings) | {"dataset": DATASET}
    add(parse, {"rule": PARAMETERS["rule"], "width": model.pop("width")}, required=True)
    add(parse, {"seed": PARAMETERS["seed"]}, required=True, nargs="+")
    parse.add_argument(
        "--output", required=True, metavar="FILE", help="the table; - for standard output"
    )
    add(parse.add_argument_group("the rule's parts"), declared(Rule))
    add(parse.add_argument_group("the model and its training"), model)
    if not recording:
        return parse
    how = parse.add_argument_group("how to train and what to write").add_argument
    how(
        "--engine",
        choices=TRAINERS,
        default="engine",
        help="exact and fast, or the literal reference",
    )
    how("--train-accuracy", action="store_true", help="also classify the training set")
    how("--curve", metavar="FILE", help="write a row for each test, which then uses all patterns")
    how("--counts", metavar="FILE", help="write the first seed's updates of each synapse (.npz)")
    return parse


def completed(arguments: argparse.Namespace) -> dict:
    """Return the values on the command line, completed from config.yaml.

    Raises ParameterError for a rule that is neither in config.yaml nor given by its parts, and
    OSError if config.yaml has no rules or no model.
    """
    given = {key: value for key, value in vars(arguments).items() if value is not None}
    if given.keys() >= REQUIRED:
        return given
    try:
        config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
        rules, model = dict(config["rules"]), dict(config["model"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise OSError(
            f"{CONFIG}: no rules and model can be read from it: see snakemake --dry-run"
        ) from None
    if not given.keys() >= {"gate", "eligible", "select"}:
        require_choice("--rule", given["rule"], tuple(rules))
    return model | rules.get(given["rule"], {}) | given
