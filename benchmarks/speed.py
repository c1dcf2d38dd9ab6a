"""Measure the speed of training on one core, compared with other implementations and a limit.

A case is a rule at a width. It is timed in rounds that alternate a large matrix product, the engine
and a PyTorch loop, because machines are noisy. The reported times and ratios are medians over the
rounds. Set-up, import and compilation are not included. Times are processor times: on one thread
they equal the clock time of an idle machine, and they are hardly longer on a busy one. The
following are compared:

- engine: the exact block training of this project, including energy accounting;
- reference: the literal trainer of this project, also including energy accounting;
- torch: backprop in the same network by PyTorch, one pattern at a time, without energy accounting;
- limit: the operations of the first layer's matrix products, at the rate of `sgemm`;
- whole: a run to the goal, including tests, over the limit of its trials and tests.

The results are written to the folder of this file: speed.csv and its plot, slopes.csv, targets.csv.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from plasticity import data  # isort: skip  # before NumPy: see there

import numpy as np
import pandas as pd
import torch
import yaml
from threadpoolctl import threadpool_limits
from timing import sgemm_rate, timed
from torch import nn

from figures import style
from plasticity.data import INPUTS, Dataset
from plasticity.engine import Engine
from plasticity.network import CLASSES, LEAK, initial_network
from plasticity.reference import Reference
from plasticity.rules import Rule
from plasticity.settings import Settings
from plasticity.training import train
from workflow import datasets
from workflow.command_line import write
from workflow.training_options import CONFIG

HERE = Path(__file__).resolve().parent
WIDTHS = (30, 100, 300, 1000, 3000, 10000)
ROUNDS, WHOLE_ROUNDS = 5, 3
SECONDS = 0.3  # approximate duration of one timing
SEED = 0
PREPARED = 10_000  # patterns in the trials of a subnet; its frozen outputs are prepared for these
TEST_INTERVAL = Settings.test_interval
GROWTH_TRIALS = (1000, 2000, 4000, 8000, 16000)
GROWTH_WIDTH = 300
SLOPE_WIDTH = 300  # least width of the fit; the output layer dominates the cost below

Run = Callable[[np.ndarray], object]  # runs a trial with each of the patterns
Draw = Callable[[int], np.ndarray]  # returns the given number of random patterns


@dataclass(frozen=True)
class Case:
    """A rule of config.yaml at a width, with the parameter that the rule leaves open."""

    rule: str
    width: int
    fraction: float | None = None
    plastic_units: int | None = None

    @property
    def name(self) -> str:
        """The rule and its parameter, such as "competitive p 0.1"."""
        fraction = "" if self.fraction is None else f" p {self.fraction:g}"
        units = "" if self.plastic_units is None else f" K {self.plastic_units}"
        return self.rule + fraction + units

    @property
    def forward(self) -> int:
        """Floating-point operations of the product that takes a pattern to the unfrozen units."""
        return 2 * INPUTS * (self.plastic_units or self.width)

    @property
    def trial(self) -> int:
        """Floating-point operations of a trial's products: forward and, where it is one, update."""
        return self.forward * (2 if self.rule in ("backprop", "subnet") else 1)

    def definition(self) -> Rule:
        """Return the rule in the form that the trainers use."""
        parts = yaml.safe_load(CONFIG.read_text())["rules"][self.rule]
        return Rule(**parts, fraction=self.fraction, plastic_units=self.plastic_units)

    def trainer(self, dataset: Dataset, kind: type = Engine) -> Engine | Reference:
        """Return a trainer with a new network and a learning rate at which no rule diverges."""
        settings = Settings(self.width, learning_rate=stable_rate(self.width))
        return kind(dataset, self.definition(), settings, SEED)


CASES = [
    case
    for width in WIDTHS
    for case in (
        Case("backprop", width),
        Case("competitive", width, fraction=0.1),
        Case("competitive", width, fraction=0.03),
        Case("competitive", width, fraction=0.01),
        Case("random_synapses", width, fraction=0.1),
        Case("subnet", width, plastic_units=100),
        Case("fixed_features", width),
    )
    if (case.plastic_units or 0) <= width and (case.fraction != 0.03 or width == 100)
]
WHOLE = [Case("backprop", width) for width in (100, 1000, 10000)]
WHOLE += [Case("competitive", 1000, fraction=0.01)]

# Case, column of speed.csv, direction, bound.
TARGETS = (
    (Case("backprop", 100), "torch_per_engine", "at least", 40),
    (Case("backprop", 1000), "whole_per_limit", "at most", 1.3),
    (Case("backprop", 1000), "torch_per_engine", "at least", 15),
    (Case("backprop", 10000), "whole_per_limit", "at most", 1.3),
    (Case("backprop", 10000), "torch_per_engine", "at least", 15),
    (Case("competitive", 1000, fraction=0.01), "whole_per_limit", "at most", 2.5),
    (Case("competitive", 1000, fraction=0.01), "torch_per_engine", "at least", 8),
    (Case("competitive", 100, fraction=0.03), "torch_per_engine", "at least", 20),
    (Case("subnet", 10000, plastic_units=100), "per_narrow", "at most", 1.5),
    (Case("backprop", 1_000_000), "peak_gb", "at most", 8),
)


def stable_rate(width: int) -> float:
    """Return a stable learning rate.

    It is the paper's 0.01, or a smaller one in wide networks, in which 0.01 is unstable.
    """
    return min(0.01, 10 / width)


class TorchLoop:
    """Backprop in idiomatic PyTorch: modules, autograd, `optim.SGD`, batches of one pattern."""

    def __init__(self, dataset: Dataset, width: int):
        start = initial_network(width, SEED, (Settings.initial_sd,) * 2, "leaky_relu", np.float32)
        hidden, out = nn.Linear(INPUTS, width, bias=False), nn.Linear(width, CLASSES)
        with torch.no_grad():
            hidden.weight.copy_(torch.from_numpy(start.hidden))
            out.weight.copy_(torch.from_numpy(start.out[:, :-1]))
            out.bias.copy_(torch.from_numpy(start.out[:, -1]))
        self.model = nn.Sequential(hidden, nn.LeakyReLU(LEAK), out)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=stable_rate(width))
        self.inputs = torch.from_numpy(dataset.train_inputs.copy())
        labels = torch.from_numpy(dataset.train_labels.astype(np.int64))
        self.targets = nn.functional.one_hot(labels, CLASSES).float()

    def run(self, patterns: np.ndarray) -> None:
        """Run a trial with each of these patterns (indices of the training set)."""
        for p in patterns.tolist():
            y = self.model(self.inputs[p : p + 1])
            loss = nn.functional.mse_loss(y, self.targets[p : p + 1], reduction="sum") / 2
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


class Timed(Engine):
    """The engine with the processor times of its parts and the number of tested patterns.

    `setup`, `training` and `testing` are in seconds.
    """

    def __init__(self, *arguments):
        self.training = self.testing = 0.0
        self.tested = 0
        self.setup, _ = timed(super().__init__, *arguments)

    def run(self, patterns: np.ndarray) -> int:
        """Train as the engine does, and add to the training time."""
        seconds, done = timed(super().run, patterns)
        self.training += seconds
        return done

    def test_outputs(self, chosen: np.ndarray) -> np.ndarray:
        """Test as the engine does, and add to the testing time and the number of patterns."""
        seconds, y = timed(super().test_outputs, chosen)
        self.testing += seconds
        self.tested += len(chosen)
        return y


def run_as_training_does(trainer: Engine | Reference, patterns: np.ndarray) -> None:
    """Run these trials in the portions between two tests.

    Raises RuntimeError if training diverges.
    """
    for first in range(0, len(patterns), TEST_INTERVAL):
        part = patterns[first : first + TEST_INTERVAL]
        if trainer.run(part) < len(part):
            raise RuntimeError("training diverged: a broken run's speed means nothing")


def trials_that_fill(run: Run, draw: Draw, least: int) -> int:
    """Return the number of trials that take about SECONDS, but at least `least`."""
    return max(least, round(SECONDS / seconds_per_trial(run, draw(least))))


def seconds_per_trial(run: Run, patterns: np.ndarray) -> float:
    """Return the mean processor time of a trial with these patterns, in seconds."""
    return timed(run, patterns)[0] / len(patterns)


def require_equal(dataset: Dataset, width: int, trials: int = 20) -> None:
    """Raise AssertionError unless engine, reference and PyTorch learn the same weights."""
    patterns = np.arange(trials)
    case = Case("backprop", width)
    trainers = [case.trainer(dataset, Engine), case.trainer(dataset, Reference)]
    loop = TorchLoop(dataset, width)
    for trainer in (*trainers, loop):
        trainer.run(patterns)
    for trainer in trainers:
        found = loop.model[0].weight.detach().numpy()
        np.testing.assert_allclose(trainer.network.hidden, found, rtol=1e-3, atol=1e-5)


def prepare(case: Case, dataset: Dataset) -> tuple[Run, Draw, float]:
    """Return an engine that is ready for timing, as (run, draw, seconds for the frozen part).

    The seconds are NaN if the network has no frozen part.
    """
    trainer = case.trainer(dataset)
    trainer.run(np.arange(10))  # loads or compiles the loop
    run = partial(run_as_training_does, trainer)
    known = PREPARED if case.plastic_units else len(dataset.train_labels)
    frozen, _ = timed(run, np.arange(PREPARED)) if case.plastic_units else (np.nan, None)
    return run, partial(np.random.default_rng(SEED).integers, 0, known), frozen


def measure(dataset: Dataset, case: Case) -> dict[str, float]:
    """Return a row of speed.csv without whole runs: times per trial (µs) and their ratios."""
    engine, draw, frozen = prepare(case, dataset)
    loop = TorchLoop(dataset, case.width).run
    engine_trials = trials_that_fill(engine, draw, 256)
    loop_trials = trials_that_fill(loop, draw, 20)
    rounds = []
    for _ in range(ROUNDS):
        before = sgemm_rate()
        engine_time = seconds_per_trial(engine, draw(engine_trials))
        rate = (before + sgemm_rate()) / 2
        times = {
            "engine": engine_time,
            "torch": seconds_per_trial(loop, draw(loop_trials)),
            "limit": case.trial / rate,
        }
        ratios = {
            "engine_per_limit": engine_time / times["limit"],
            "torch_per_engine": times["torch"] / engine_time,
        }
        rounds.append({k: 1e6 * t for k, t in times.items()} | ratios | {"gflops": rate / 1e9})
    row = pd.DataFrame(rounds).median().to_dict()
    literal = case.trainer(dataset, Reference).run
    trials = trials_that_fill(literal, draw, 2)
    row["reference"] = 1e6 * seconds_per_trial(literal, draw(trials))
    row["frozen_per_pattern"] = 1e6 * frozen / PREPARED - row["engine"]
    return row


def measure_whole(dataset: Dataset, case: Case) -> dict[str, float]:
    """Return medians over runs to the goal at the paper's learning rate, with different seeds.

    Raises RuntimeError if a run does not reach the goal.
    """
    rounds = []
    for seed in range(WHOLE_ROUNDS):
        before = sgemm_rate()
        run = dataset, case.definition(), Settings(case.width), seed
        seconds, result = timed(train, *run, trainer=Timed)
        rate = (before + sgemm_rate()) / 2
        if not result.measures["reached"]:
            raise RuntimeError(
                f"{case} did not reach the goal: an endless run's speed means nothing"
            )
        trainer, trials = result.trainer, result.measures["trials"]
        seconds -= trainer.setup
        operations = trials * case.trial + trainer.tested * case.forward
        rounds.append(
            {
                "whole_trials": trials,
                "whole_s": seconds,
                "whole_per_limit": seconds * rate / operations,
                "training_share": trainer.training / seconds,
                "testing_share": trainer.testing / seconds,
                "tested_per_trial": trainer.tested / trials,
            }
        )
    return pd.DataFrame(rounds).median().to_dict()


def measure_growth(dataset: Dataset, case: Case) -> list[dict]:
    """Return the seconds that one run takes for its first trials, for each of GROWTH_TRIALS."""
    run, draw, _ = prepare(case, dataset)
    portions = np.diff(GROWTH_TRIALS, prepend=0)
    seconds = np.cumsum([timed(run, draw(portion))[0] for portion in portions])
    return [
        {"name": case.name, "trials": trials, "seconds": total}
        for trials, total in zip(GROWTH_TRIALS, seconds, strict=True)
    ]


def measure_wide() -> dict[str, float]:
    """Return the time per trial (µs) and the peak memory (10^9 bytes) of the widest network.

    It is trained in a separate process, because the memory is that of the whole process.
    """
    command = [sys.executable, str(HERE / "wide.py")]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    per_trial = 1e6 * found["training_s"] / found["trials"]
    return {"engine": per_trial, "peak_gb": found["peak_gb"]}


def slope(x: pd.Series, y: pd.Series) -> float:
    """Return the exponent of the power law that fits best on logarithmic axes."""
    return np.polyfit(np.log(x), np.log(y), 1)[0]


def slopes(speed: pd.DataFrame, growth: pd.DataFrame) -> pd.DataFrame:
    """Return the exponents of the engine's cost: per trial against width, total against trials."""
    wide = speed[speed["width"].between(SLOPE_WIDTH, WIDTHS[-1])]
    rows = [
        {
            "name": name,
            "per_trial_against_width": slope(part["width"], part["engine"]),
            "total_against_trials": slope(run["trials"], run["seconds"]),
        }
        for (name, part), (_, run) in zip(
            wide.groupby("name", sort=False), growth.groupby("name", sort=False), strict=True
        )
    ]
    return pd.DataFrame(rows)


def targets(speed: pd.DataFrame) -> pd.DataFrame:
    """Return the table of targets, with the measured values and whether each target is met."""
    rows = []
    for case, column, direction, bound in TARGETS:
        value = speed.set_index(["name", "width"]).at[(case.name, case.width), column]
        met = value >= bound if direction == "at least" else value <= bound
        target = f"{direction} {bound:g}"
        rows.append((case.name, case.width, column, target, value, met))
    return pd.DataFrame(rows, columns=["name", "width", "measure", "target", "measured", "met"])


def per_narrow(speed: pd.DataFrame) -> pd.Series:
    """Return the cost per trial of a subnet over that in a network of width 1,000.

    Both are divided by their limit, which has the same number of operations, so that changes of the
    machine's speed between the two cancel.
    """
    subnet = speed[speed["plastic_units"].notna()].set_index("width")["engine_per_limit"]
    return speed["width"].map(subnet / subnet.get(1000)).where(speed["plastic_units"].notna())


def measured_all(dataset: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure all cases; return the tables of the cases and of the growth with trials."""
    rows, growth = [], []
    for width in WIDTHS:
        require_equal(dataset, width)
    for case in CASES:
        row = vars(case) | {"name": case.name} | measure(dataset, case)
        if case in WHOLE:
            row |= measure_whole(dataset, case)
        if case.width == GROWTH_WIDTH:
            growth += measure_growth(dataset, case)
        rows.append(row)
        report(f"{case.name}, width {case.width}: {row['engine']:.4g} us a trial")
    widest = Case("backprop", 1_000_000)
    report(f"{widest.name}, width {widest.width}")
    rows.append(vars(widest) | {"name": widest.name} | measure_wide())
    speed = pd.DataFrame(rows)
    return speed.assign(per_narrow=per_narrow(speed)), pd.DataFrame(growth)


def report(text: str) -> None:
    """Write a line about the progress to standard error."""
    print(text, file=sys.stderr, flush=True)


def look(series: str) -> dict:
    """Return colour, marker and line of a series.

    Rules have their usual colour and marker. The line depends on the fraction.
    """
    others = {
        "PyTorch": {"color": "#D55E00", "marker": "s", "linestyle": "-"},
        "literal": {"color": "#0072B2", "marker": "D", "linestyle": "-"},
        "limit": {"color": "0.6", "marker": "", "linestyle": "--"},
        "engine": style.look("backprop"),
    }
    lines = {"0.01": "--", "0.03": ":"}
    own = style.look(series)
    own["linestyle"] = lines.get(series.split()[-1], own["linestyle"])
    return others.get(series, own)


def points(series: str, x: pd.Series, y: pd.Series) -> pd.DataFrame:
    """Return a curve in the form that the functions of the figures use."""
    curve = {"series": series, "kind": "mean", "reached": True}
    return pd.DataFrame({"x": x, "y": y, "low": y, "high": y}).assign(**curve)


def plot(speed: pd.DataFrame, growth: pd.DataFrame) -> style.Figure:
    """Draw the times of other implementations, of all rules, over the limit, and in long runs."""
    speed = speed[speed["width"] <= WIDTHS[-1]]
    backprop = speed[speed["name"] == "backprop"]
    ways = {"literal": "reference", "PyTorch": "torch", "engine": "engine", "limit": "limit"}
    by_rule = [(name, rows) for name, rows in speed.groupby("name", sort=False) if len(rows) > 1]
    runs = growth.groupby("name", sort=False)
    panels = (
        (
            "backprop",
            "time per trial (µs)",
            [points(way, backprop["width"], backprop[column]) for way, column in ways.items()],
        ),
        (
            "engine, by rule",
            "time per trial (µs)",
            [points(name, rows["width"], rows["engine"]) for name, rows in by_rule],
        ),
        (
            "engine over its limit",
            "time / time at sgemm's rate",
            [points(name, rows["width"], rows["engine_per_limit"]) for name, rows in by_rule],
        ),
        (
            f"engine, width {GROWTH_WIDTH}",
            "time (s)",
            [points(name, rows["trials"], rows["seconds"]) for name, rows in runs],
        ),
    )
    figure, axes = style.new_figure(2, 2, height=120)
    axes[2].axhline(1, **look("limit"))
    for ax, letter, (title, label, curves) in zip(axes, "ABCD", panels, strict=True):
        table = pd.concat(curves)
        style.draw_series(ax, table, look)
        style.name_axes(ax, "trials" if letter == "D" else "width", label)
        style.title(ax, letter, title)
        style.label_ends(ax, table, look, style.name)
    return figure


def main() -> None:
    """Run the command: measure, write the tables and the plot, and print the tables."""
    argparse.ArgumentParser(description=__doc__.split("\n\n")[0]).parse_args()
    dataset = data.load("mnist", datasets.ensure("mnist"))
    for array in (dataset.train_inputs, dataset.train_order, dataset.test_inputs):
        array.max()  # brings the file into memory
    with threadpool_limits(1):
        speed, growth = measured_all(dataset)
    tables = {"speed": speed, "slopes": slopes(speed, growth), "targets": targets(speed)}
    style.save(plot(speed, growth), speed, HERE / "speed", scale="paper")
    for name, table in tables.items():
        print(table.to_string(index=False, na_rep="", float_format="{:.3g}".format), end="\n\n")
        write(HERE / f"{name}.csv", table.to_csv(index=False, float_format="%.4g").encode())


if __name__ == "__main__":
    main()
