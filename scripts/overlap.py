"""Train networks to their goal, and compare the winners of competition on the trials that follow.

The engine trains a network until it reaches its goal. The literal reference continues with the next
patterns and keeps the winners of each trial. The result is a CSV table of overlaps, which
analysis/overlap.py defines. Options are those of train.py.

    python scripts/overlap.py --rule competitive --width 100 --fraction 0.01 --seed 0 1 --output -
"""

from collections.abc import Iterator

from plasticity import data  # isort: skip  # must come before NumPy, see plasticity/__init__.py

import numpy as np

from analysis.overlap import COLUMNS, overlaps, packed, require_competition
from examination import examine
from plasticity.energy import HIDDEN
from plasticity.network import Network
from plasticity.parameters import ParameterError
from plasticity.reference import Reference
from plasticity.rules import Rule
from plasticity.settings import Settings
from plasticity.streams import stream
from plasticity.training import Result
from workflow import training_options
from workflow.command_line import finish

TRIALS = 4000  # that are compared


class Recorder(Reference):
    """The literal trainer of a trained network; it keeps the winners of each trial."""

    def __init__(
        self, network: Network, dataset: data.Dataset, rule: Rule, settings: Settings, seed: int
    ):
        super().__init__(dataset, rule, settings, seed)
        self.network = network
        self.winners: list[np.ndarray] = []  # of the first layer, packed

    def plastic_synapses(
        self, units: np.ndarray, delta: np.ndarray, h: np.ndarray, changes: list[np.ndarray]
    ) -> list[np.ndarray]:
        """Return the masks of the synapses that change on this trial, and keep the first."""
        masks = super().plastic_synapses(units, delta, h, changes)
        self.winners.append(packed(masks[HIDDEN]))
        return masks


def winners_after(
    result: Result,
    dataset: data.Dataset,
    rule: Rule,
    settings: Settings,
    seed: int,
    trials: int = TRIALS,
) -> tuple[np.ndarray, np.ndarray]:
    """Continue the training of a network; return the winners and the digits of these trials.

    The winners (trials, N, bytes) are those of the first layer, packed; the digits are (trials,).
    The network of `result` is trained.
    """
    recorder = Recorder(result.trainer.network, dataset, rule, settings, seed)
    drawn = stream(seed, "pattern order").integers(
        0, len(dataset.train_labels), result.measures["trials"] + trials
    )
    recorder.run(drawn[-trials:])
    return np.stack(recorder.winners), dataset.train_labels[drawn[-trials:]]


def compared(
    dataset: data.Dataset, rule: Rule, settings: Settings, seed: int, result: Result
) -> Iterator[dict]:
    """Yield the mean overlaps of the winners after the training of a network."""
    winners, digits = winners_after(result, dataset, rule, settings, seed)
    yield from overlaps(winners, digits, result.trainer.network.hidden.size)


def main() -> None:
    """Run the command-line program."""
    arguments = training_options.parser("overlap", __doc__, recording=False).parse_args()

    def work() -> None:
        examine(arguments, ["trials", *COLUMNS], require_competition, compared)

    finish("overlap", work, ParameterError, data.DataError)


if __name__ == "__main__":
    main()
