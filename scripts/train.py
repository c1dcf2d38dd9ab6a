"""Train networks under one plasticity rule and print what it cost them, one row a network, as CSV.

Options are named like the columns of the results. A parameter that is not given is taken from the
rule's definition and the model in config.yaml. Progress goes to standard error.

    python scripts/train.py --rule competitive --width 100 --fraction 0.03 --seed 0 1 --output -
"""

import argparse
import csv
import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from plasticity import data  # isort: skip  # before NumPy: see there

import numpy as np
import yaml
from threadpoolctl import threadpool_limits

import checkpoints
from plasticity.network import ACTIVATIONS, LOSSES
from plasticity.rules import (
    CRITERIA,
    ELIGIBLE,
    GATES,
    SELECTIONS,
    ParameterError,
    Rule,
    require_choice,
)
from plasticity.settings import PRECISIONS, STOP_ON, Settings
from plasticity.training import CURVE, TRAINERS, Result, train

Number = TypeVar("Number", int, float)

CONFIG = Path(__file__).resolve().parents[1] / "config.yaml"

COLUMNS = [
    "rule",
    "width",
    "plastic_units",
    "fraction",
    "fraction_out",
    "criterion",
    "gate",
    "margin",
    "learning_rate",
    "loss",
    "dataset",
    "goal",
    "seed",
    "reached",
    "trials",
    "updated_trials",
    "accuracy",
    "train_accuracy",
    "M0",
    "M0_hidden",
    "M0_out",
    "M1",
    "M1_hidden",
    "M1_out",
    "M0_min",
    "M1_min",
    "participation",
    "eligible",
    "select",
    "eligible_fraction",
    "activation",
    "initial_sd",
    "diverged",
    "caching_threshold",
    "caching_decay",
    "M0_consolidation",
    "M1_consolidation",
    "maintenance",
    "learning_rate_out",
    "stop_on",
    "consecutive_tests",
    "validation_accuracy",
]
CURVE_COLUMNS = ["rule", "width", "plastic_units", "fraction", "goal", "seed", *CURVE]
# A command line that gives all these is complete: config.yaml is not looked at.
REQUIRED = [field.name for field in fields(Rule) + fields(Settings) if field.default is not None]

PROGRESS_SECONDS = 0.2, 10.0  # between two reports, on a terminal and in a file


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        sys.exit(f"train: {message}")


def number_from(kind: Callable[[str], Number], low: float, text: str) -> Number:
    """Return the number that `text` stands for; raises ArgumentTypeError unless it is at least
    `low`."""
    try:
        value = kind(text)
        allowed = value >= low
    except ValueError:
        allowed = False
    if not allowed:
        name = "an integer" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: {name} of at least {low}")
    return value


def seed(text: str) -> int:
    """A seed of random streams."""
    return number_from(int, 0, text)


def count(text: str) -> int:
    """A number of things."""
    return number_from(int, 1, text)


def number(text: str) -> float:
    """Any number; what is allowed, the rule and the settings know."""
    return number_from(float, -np.inf, text)


def parser() -> Parser:
    """The command line."""
    parse = Parser(
        description=__doc__.split("\n\n")[0],
        epilog="Values that are not given come from the rule and the model in config.yaml.",
        allow_abbrev=False,
    )
    add = parse.add_argument
    add(
        "--rule",
        required=True,
        help="a rule of config.yaml, or any name if all its parts are given",
    )
    add("--width", type=count, required=True, help="number of hidden units")
    add("--seed", type=seed, nargs="+", required=True, help="one network is trained for each seed")
    add("--output", required=True, metavar="FILE", help="the table; - for standard output")
    parts = parse.add_argument_group("the rule's parts")
    add = parts.add_argument
    add("--gate", choices=GATES, help="which trials are plastic")
    add("--margin", type=number, help="lead of the right output below which a trial is plastic")
    add("--eligible", choices=ELIGIBLE, help="which synapses may change at all")
    add("--eligible-fraction", type=number, help="of the eligible set, below a selection")
    add("--plastic-units", type=count, help="hidden units of a subnet")
    add("--select", choices=SELECTIONS, help="how eligible synapses compete")
    add("--criterion", choices=CRITERIA, help="what the winners have")
    add("--fraction", type=number, help="of the selection, or else of the eligible set")
    add("--fraction-out", type=number, help="in the output layer (default min(1, 78.4 fraction))")
    model = parse.add_argument_group("the model and its training")
    add = model.add_argument
    add("--learning-rate", type=number, help="per trial")
    add("--learning-rate-out", type=number, help="of the output layer, if it has its own")
    add("--initial-sd", type=number, help="of both layers' Gaussian initial weights")
    add("--activation", choices=ACTIVATIONS, help="of the hidden units")
    add("--loss", choices=LOSSES, help="that the errors come from")
    add("--goal", type=number, help="test accuracy at which training stops, 0 to 1")
    add("--stop-on", choices=STOP_ON, help="patterns on which the goal is to be reached")
    add("--consecutive-tests", type=count, help="at so many tests in a row")
    add("--test-interval", type=count, help="trials between two tests")
    add("--max-epochs", type=number, help="give up after so many times 60,000 trials")
    add("--precision", choices=PRECISIONS, help="of weights and activities")
    add("--dataset", choices=data.SHA256, help="what is learned")
    add("--caching-threshold", type=number, help="size at which a transient change is consolidated")
    add("--caching-decay", type=number, help="of transient changes, per trial")
    how = parse.add_argument_group("how to train and what to write")
    add = how.add_argument
    add(
        "--engine",
        choices=TRAINERS,
        default="engine",
        help="exact and fast, or the literal reference",
    )
    add("--train-accuracy", action="store_true", help="classify the training set, too")
    add(
        "--curve",
        metavar="FILE",
        help="write a row a test; every test then takes all test patterns",
    )
    add("--counts", metavar="FILE", help="write the first seed's updates of each synapse (.npz)")
    return parse


def parameters(given: dict) -> dict:
    """Complete what was given on the command line from config.yaml.

    Raises ParameterError for a rule that neither is defined there nor given by its parts, OSError
    for a file that defines none.
    """
    if given.keys() >= {*REQUIRED, "dataset"}:
        return given
    try:
        config = yaml.safe_load(CONFIG.read_text())
        rules, model = dict(config["rules"]), dict(config["model"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise OSError(
            f"{CONFIG}: no rules and model can be read from it; snakemake --dry-run says why"
        ) from None
    if not given.keys() >= {"gate", "eligible", "select"}:
        require_choice("--rule", given["rule"], tuple(rules))
    return model | rules.get(given["rule"], {}) | given


def parts_of(chosen: Mapping) -> tuple[Rule, Settings]:
    """Return the rule and the settings that parameters make; raise ParameterError for bad ones."""

    def made(kind: type) -> Any:
        return kind(
            **{part.name: chosen[part.name] for part in fields(kind) if part.name in chosen}
        )

    return made(Rule), made(Settings)


def row(parameters: dict, rule: Rule, settings: Settings, seed: int, result: Result) -> dict:
    """A network's row in the table; a field that has no meaning for it is None."""
    values = parameters | vars(rule) | vars(settings) | {"seed": seed} | result.measures
    return {column: values.get(column) for column in COLUMNS}


def table(rows: Iterable[dict], columns: list[str]) -> str:
    """The rows as CSV; None is an empty field and floats keep all their digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def npz(arrays: dict[str, np.ndarray]) -> bytes:
    """The arrays as the bytes of a compressed .npz file, the same bytes for the same arrays."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def require_writable(path: str) -> None:
    """Raise OSError if a file cannot be written there, before hours of training."""
    if path == "-":
        return
    folder = next(folder for folder in Path(path).absolute().parents if folder.exists())
    if Path(path).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OSError(f"{path}: not a place where a file can be written")


def write(path: str, content: bytes) -> None:
    """Write a file beside its place first, so that it is never half there; - is standard output."""
    if path == "-":
        sys.stdout.buffer.write(content)
        return
    partial = Path(f"{path}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)  # what a full disk has cut short


class ProgressLine:
    """Reports on standard error how training gets on: a line that is renewed, or now and then a
    line."""

    def __init__(self, name: str):
        self.name = name
        self.terminal = sys.stderr.isatty()
        self.last = time.monotonic()

    def __call__(self, trials: int, correct: float, M0: int) -> None:
        now = time.monotonic()
        if now - self.last > PROGRESS_SECONDS[0 if self.terminal else 1]:
            self.last = now
            state = f"{trials:,} trials, {correct:.1%} of the last ones correct, M0 {M0:.3g}"
            self.show(f"{self.name}: {state}", end="\r" if self.terminal else "\n")

    def done(self, result: Result) -> None:
        """Report the end of a network's training."""
        m = result.measures
        state = "diverged" if m["diverged"] else "reached" if m["reached"] else "NOT reached"
        accuracy = "" if m["diverged"] else f", test accuracy {m['accuracy']:.2%}"
        self.show(
            f"{self.name}: goal {state} after {m['trials']:,} trials{accuracy}, M0 {m['M0']:.3g}"
        )

    def show(self, text: str, end: str = "\n") -> None:
        erase = "\033[K" if self.terminal else ""
        print(text + erase, end=end, file=sys.stderr, flush=True)


def run(arguments: argparse.Namespace) -> None:
    """Train all seeds, then write everything that was asked for."""
    given = {key: value for key, value in vars(arguments).items() if value is not None}
    chosen = parameters(given)
    rule, settings = parts_of(chosen)
    rule.check_width(settings.width)
    for path in filter(None, (arguments.output, arguments.curve, arguments.counts)):
        require_writable(path)
    data.ensure(chosen["dataset"])
    dataset = data.load(chosen["dataset"])

    def network(seed: int) -> tuple[dict, list[dict], dict[str, np.ndarray]]:
        """Train it, and return its row, its learning curve and, of the first, its counts."""
        progress = ProgressLine(f"{chosen['rule']}, width {settings.width}, seed {seed}")
        result = train(
            dataset,
            rule,
            settings,
            seed,
            engine=arguments.engine,
            progress=progress,
            full_tests=arguments.curve is not None,
            train_accuracy=arguments.train_accuracy,
        )
        progress.done(result)
        counted = result.trainer.counts() if arguments.counts and seed == arguments.seed[0] else ()
        counts = dict(zip(("hidden", "out"), counted, strict=False))
        return row(chosen, rule, settings, seed, result), result.curve, counts

    files = [data.folder_of(chosen["dataset"]) / name for name in data.PREPARED]
    made_from = checkpoints.digest(chosen | {"seed": arguments.seed[0]}, files)
    networks = []
    for seed in arguments.seed:
        kept = checkpoints.place(arguments.output, made_from, seed)
        networks.append(checkpoints.unpack(kept) or network(seed))
        if seed != arguments.seed[-1] and arguments.output != "-":
            write(str(kept), checkpoints.pack(*networks[-1]))
    rows, curves, counts = zip(*networks, strict=True)
    if arguments.curve:
        points = [row | point for row, curve in zip(rows, curves, strict=True) for point in curve]
        write(arguments.curve, table(points, CURVE_COLUMNS).encode())
    if arguments.counts:
        write(arguments.counts, npz(counts[0]))
    write(arguments.output, table(rows, COLUMNS).encode())
    checkpoints.clear(arguments.output)


def finish(tool: str, work: Callable[[], None], interrupted: str) -> None:
    """Do the work of a command; what is wrong with it, or stops it, ends it in one line."""
    try:
        with threadpool_limits(1):  # jobs run side by side; more threads for one would slow all
            work()
    except (ParameterError, data.DataError, OSError) as error:
        sys.exit(f"{tool}: {error}")
    except MemoryError as error:
        sys.exit(f"{tool}: not enough memory: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{tool}: interrupted{interrupted}")


def main() -> None:
    arguments = parser().parse_args()
    finish("train", lambda: run(arguments), ", nothing written")


if __name__ == "__main__":
    main()
