"""Train networks under one plasticity rule, and write a table with one row per network.

The table is in CSV format. Options are named like its columns. Parameters that are not given come
from the rule and the model in config.yaml. Progress is written to standard error.

    python scripts/train.py --rule competitive --width 100 --fraction 0.03 --seed 0 1 --output -
"""

import argparse

from plasticity import data  # isort: skip  # must come before NumPy, see plasticity/__init__.py

from threadpoolctl import threadpool_limits

from plasticity.parameters import ParameterError
from plasticity.results import COLUMNS, CURVE_COLUMNS, npz, row, table
from plasticity.settings import parts_of
from plasticity.training import train
from workflow import datasets, networks, training_options
from workflow.command_line import finish, require_writable, write
from workflow.progress import ProgressLine


def run(arguments: argparse.Namespace) -> None:
    """Train one network for each seed, then write all requested files.

    Raises ParameterError if a parameter is not allowed, DataError if the data set cannot be used,
    and OSError if a file cannot be read or written.
    """
    chosen = training_options.completed(arguments)
    rule, settings = parts_of(chosen)
    for path in filter(None, (arguments.output, arguments.curve, arguments.counts)):
        require_writable(path)
    dataset = data.load(chosen["dataset"], datasets.ensure(chosen["dataset"]))

    recorded = {"curve": arguments.curve is not None, "train_accuracy": arguments.train_accuracy}
    made_from = networks.recipe(arguments.engine, chosen, rule, settings) | recorded

    def network(seed: int, counted: bool) -> networks.Network:
        """Train a network; return its row, its curve and, if `counted`, its update counts."""
        progress = ProgressLine(f"{chosen['rule']}, width {settings.width}, seed {seed}")
        with threadpool_limits(1):  # more threads change rounding, and slow down other jobs
            result = train(
                dataset,
                rule,
                settings,
                seed,
                trainer=training_options.TRAINERS[arguments.engine],
                progress=progress,
                full_tests=recorded["curve"],
                train_accuracy=recorded["train_accuracy"],
            )
        progress.done(result.measures)
        counts = zip(("hidden", "out"), result.trainer.counts() if counted else (), strict=False)
        return row(chosen, rule, settings, seed, result), result.curve, dict(counts)

    def stored(seed: int) -> networks.Network:
        """Return a network from the store if it is there, otherwise train it."""
        counted = bool(arguments.counts) and seed == arguments.seed[0]
        recipe = made_from | {"seed": seed, "counts": counted}
        return networks.stored(recipe, lambda: network(seed, counted))

    rows, curves, counts = zip(*map(stored, arguments.seed), strict=True)
    if arguments.curve:
        points = [row | point for row, curve in zip(rows, curves, strict=True) for point in curve]
        write(arguments.curve, table(points, CURVE_COLUMNS).encode())
    if arguments.counts:
        write(arguments.counts, npz(counts[0]))
    write(arguments.output, table(rows, COLUMNS).encode())


def main() -> None:
    """Run the command-line program."""
    arguments = training_options.parser("train", __doc__).parse_args()
    finish(
        "train",
        lambda: run(arguments),
        *(ParameterError, data.DataError),
        interrupted=", nothing written",
    )


if __name__ == "__main__":
    main()
