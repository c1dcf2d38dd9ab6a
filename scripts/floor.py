r"""Train networks to their goal, and measure how far their M0 is from the least that it could be.

The result is a CSV table. Its `learner` is one of:

- `remembering`: M0 if a synapse is written at most once in `memory` trials (1: on-line learning);
- `batch`: likewise, with weights that are constant for `memory` trials; only for rules in which all
  synapses are eligible, and all of them or the largest updates of each layer are selected;
- `written once`: the number of synapses whose weights have changed when the goal is reached;
- `largest changes`: of these, only so many of the largest as suffice for the goal;
- `pruning`: the changes that an offline search needs, by pruning and training again.

The last two are upper bounds of the least M0. They need one test at the goal. Options are those of
train.py, or of train_found.py if there are --finalists.

    python scripts/floor.py --rule competitive --width 100 --fraction 0.02 --seed 0 1 --output -
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial

from plasticity import data  # isort: skip  # must come before NumPy, see plasticity/__init__.py

import numpy as np

import train_found
from examination import examine
from plasticity.memory import MEMORIES, Batch, Remembering, learns_in_batches
from plasticity.network import Network
from plasticity.parameters import ParameterError, require
from plasticity.pruning import accuracy, largest_changes, pruned
from plasticity.rules import Rule
from plasticity.settings import Settings
from plasticity.training import Result, at_least, train
from workflow import training_options
from workflow.command_line import finish

COLUMNS = ["learner", "memory", "M0", "reached", "trials", "accuracy", "test_accuracy"]
BATCHES = (10, 30, 100, 300)  # memories (trials) with which batches are tried


def remembering(
    dataset: data.Dataset, rule: Rule, settings: Settings, seed: int, result: Result
) -> Iterator[dict]:
    """Yield the values of COLUMNS for learners with a memory.

    `result` is that of the network that `Remembering` has trained.
    """
    assert isinstance(result.trainer, Remembering)
    decides = "validation_accuracy" if settings.stop_on == "validation" else "accuracy"

    def values(learner: str, memory: int | None, M0: int, result: Result) -> dict:
        measures = result.measures
        accuracies = measures[decides], measures["accuracy"]
        values = learner, memory, M0, measures["reached"], measures["trials"], *accuracies
        return dict(zip(COLUMNS, values, strict=True))

    M0 = result.measures["M0"], *map(int, result.trainer.writes)
    for memory, writes in zip((1, *MEMORIES), M0, strict=True):
        yield values("remembering", memory, writes, result)
    for memory in BATCHES if learns_in_batches(rule, settings) else ():
        with np.errstate(over="ignore", invalid="ignore"):  # it may diverge
            batch = train(dataset, rule, settings, seed, trainer=partial(Batch, memory=memory))
        yield values("batch", memory, batch.measures["M0"], batch)
    yield values("written once", None, result.measures["M0_min"], result)


def bounds(
    dataset: data.Dataset, settings: Settings, seed: int, network: Network
) -> Iterator[dict]:
    """Yield the values of COLUMNS for the upper bounds of the least M0 of a trained network."""
    split = dataset.validation if settings.stop_on == "validation" else dataset
    for learner, bound in (
        ("largest changes", largest_changes(split, settings, seed, network)),
        ("pruning", pruned(split, settings, seed)),
    ):
        reached = at_least(bound.accuracy, settings.goal)
        accuracies = bound.accuracy, accuracy(bound.network, dataset)
        yield dict(zip(COLUMNS, (learner, None, bound.M0, reached, None, *accuracies), strict=True))


def learners(
    dataset: data.Dataset, rule: Rule, settings: Settings, seed: int, result: Result
) -> Iterator[dict]:
    """Yield the values of COLUMNS for all learners."""
    yield from remembering(dataset, rule, settings, seed, result)
    yield from bounds(dataset, settings, seed, result.trainer.network)


def require_plain(rule: Rule, settings: Settings) -> None:
    """Raise ParameterError for networks with another cache, or with only some of the patterns."""
    for key in ("caching_threshold", "training_patterns"):
        value = getattr(settings, key)
        require(value is None, key, value, "learners are compared without it")


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of a command line.

    Raises OSError or ParameterError if a table of finalists cannot be used.
    """
    if "--finalists" in words:
        return train_found.arguments(words)
    return training_options.parser("floor", __doc__, recording=False).parse_args(words)


def main() -> None:
    """Run the command-line program."""

    def work() -> None:
        examine(arguments(sys.argv[1:]), COLUMNS, require_plain, learners, Remembering)

    finish("floor", work, ParameterError, data.DataError)


if __name__ == "__main__":
    main()
