"""Examine trained networks: train one for each seed, measure it, and write one table."""

import argparse
from collections.abc import Callable, Iterable, Sequence

from threadpoolctl import threadpool_limits

from plasticity import data
from plasticity.engine import Engine
from plasticity.results import row, table
from plasticity.rules import Rule
from plasticity.settings import PARAMETERS, Settings, parts_of
from plasticity.training import Result, train
from workflow import datasets, training_options
from workflow.command_line import require_writable, write
from workflow.progress import ProgressLine

Measure = Callable[[data.Dataset, Rule, Settings, int, Result], Iterable[dict]]


def examine(
    arguments: argparse.Namespace,
    columns: Sequence[str],
    check: Callable[[Rule, Settings], None],
    measure: Measure,
    trainer: Callable = Engine,
) -> None:
    """Train and measure one network for each seed, then write the table.

    `check` raises ParameterError for a network that cannot be examined. `measure` gets the data
    set, the rule, the settings, the seed and the result of a training; it returns the values of
    `columns`, one mapping for each row. Each row also has the parameters of its network.

    Raises ParameterError if a parameter is not allowed, DataError if the data set cannot be used,
    and OSError if a file cannot be read or written.
    """
    chosen = training_options.completed(arguments)
    rule, settings = parts_of(chosen)
    check(rule, settings)
    require_writable(arguments.output)
    dataset = data.load(chosen["dataset"], datasets.ensure(chosen["dataset"]))
    rows = []
    for seed in arguments.seed:
        progress = ProgressLine(f"{chosen['rule']}, width {settings.width}, seed {seed}")
        with threadpool_limits(1):  # as in train.py
            result = train(dataset, rule, settings, seed, trainer=trainer, progress=progress)
            measured = [*measure(dataset, rule, settings, seed, result)]
        progress.done(result.measures)
        network = row(chosen, rule, settings, seed, result)
        rows += [network | values for values in measured]
    parameters = [name for name in network if name in PARAMETERS]
    write(arguments.output, table(rows, [*parameters, *columns]).encode())
