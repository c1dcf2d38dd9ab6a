"""What a training run needs to know beside its plasticity rule, and the list of all parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from plasticity.data import DATASETS
from plasticity.network import ACTIVATIONS, LOSSES
from plasticity.parameters import check, declared, parameter, require
from plasticity.rules import Rule

LARGEST = 10**9  # what is more is a slip, and would only overflow later
PRECISIONS = {"single": np.float32, "double": np.float64}
STOP_ON = ("test", "validation")  # patterns that decide when training stops


@dataclass(frozen=True)
class Settings:
    """Model, training and caching parameters of a run; the defaults are the paper's.

    Raises ParameterError, in one line, for a value that is not allowed.
    """

    width: int = parameter(
        at_least=1, at_most=LARGEST, unit="units", help="Size of the hidden layer.", source="[P]"
    )
    learning_rate: float = parameter(
        0.01, above=0, unit="per trial", help="Learning rate.", source="[P]"
    )
    learning_rate_out: float | None = parameter(
        None,
        above=0,
        unit="per trial",
        help="The output layer's learning rate; left out, it is as the hidden layer's.",
        source="[here]",
    )
    initial_sd: float = parameter(
        0.03,
        above=0,
        unit="weight",
        help="Standard deviation of the initial weights of both layers.",
        source="[P]",
    )
    activation: str = parameter(
        "leaky_relu",
        choices=ACTIVATIONS,
        help="Activation function of the hidden units.",
        source="[P]",
    )
    loss: str = parameter(
        "mse",
        choices=LOSSES,
        help="Loss: half the squared error of linear outputs, or cross-entropy of their softmax.",
        source="[P]",
    )
    goal: float = parameter(
        0.95,
        above=0,
        at_most=1,
        help="Accuracy at which training stops, on the patterns of stop_on.",
        source="[P]",
    )
    stop_on: str = parameter(
        "test",
        choices=STOP_ON,
        help="Patterns on which the goal is to be reached: the test set, or the last training"
        " patterns, which are then not trained on.",
        source="[P]",
    )
    consecutive_tests: int = parameter(
        1,
        at_least=1,
        at_most=LARGEST,
        unit="tests",
        help="Tests in a row that must reach the goal.",
        source="[P]",
    )
    test_interval: int = parameter(
        2000,
        at_least=1,
        at_most=LARGEST,
        unit="trials",
        help="Trials between two tests.",
        source="[P]",
    )
    max_epochs: float = parameter(
        10,
        above=0,
        at_most=LARGEST,
        unit="epochs",
        help="When to give up, in epochs of 60,000 trials.",
        source="[here]",
    )
    precision: str = parameter(
        "single",
        choices=tuple(PRECISIONS),
        help="Floating-point precision of the weights.",
        source="[P]",
    )
    caching_threshold: float | None = parameter(
        None,
        above=0,
        unit="weight",
        help="Size of a synapse's transient part from which on it is consolidated.",
        source="[S]",
    )
    caching_decay: float | None = parameter(
        None,
        above=0,
        below=1,
        unit="per trial",
        help="Decay rate of the transient part; with a caching_threshold only.",
        source="[S]",
    )

    def __post_init__(self) -> None:
        check(self)
        require(
            self.caching_decay is None or self.caching_threshold is not None,
            "caching_decay",
            self.caching_decay,
            "it is meant for runs with a caching_threshold only",
        )

    @property
    def rates(self) -> tuple[float, float]:
        """Learning rates of the hidden and of the output layer."""
        return self.learning_rate, self.learning_rate_out or self.learning_rate

    @property
    def dtype(self) -> type:
        """NumPy type of the weights."""
        return PRECISIONS[self.precision]


@dataclass(frozen=True)
class Task:
    """What tells networks apart beside their rule's parts and settings."""

    dataset: str = parameter(choices=DATASETS, help="Images to learn.", source="[P]")
    seed: int = parameter(at_least=0, help="Seed of a network's random streams.", source="[here]")
    rule: str = parameter(help="Name of a plasticity rule.", source="[P]")


PARAMETERS = declared(Rule, Settings, Task)
# What tells the networks of an experiment apart, beside their seed.
CONDITION = [name for name in PARAMETERS if name != "seed"]


def parts_of(chosen: Mapping) -> tuple[Rule, Settings]:
    """Return the rule and the settings that parameters make; raise ParameterError for bad ones."""

    def build(kind: type) -> Any:
        names = [one.name for one in fields(kind)]
        return kind(**{name: chosen[name] for name in names if name in chosen})

    rule, settings = build(Rule), build(Settings)
    rule.check_width(settings.width)
    return rule, settings
