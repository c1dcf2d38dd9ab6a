"""Settings of a training run apart from its plasticity rule, and the list of all parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from plasticity.network import ACTIVATIONS, LOSSES
from plasticity.parameters import check, declared, parameter, require
from plasticity.rules import Rule

LARGEST = 10**9  # larger values are mistakes, and would overflow later
PRECISIONS = {"single": np.float32, "double": np.float64}
RATE_SCALINGS = ("none", "root_fraction")
RATE_UNITS = ("trial", "squared_activity")
SD_UNITS = ("weight", "root_fan_in")
STOP_ON = ("test", "validation")  # the set of patterns that decides when training stops


@dataclass(frozen=True)
class Settings:
    """Parameters of the model, the training and synaptic caching.

    The defaults of parameters with source [P] are those of the paper.

    Raises ParameterError with a one-line message if a value is not allowed.
    """

    width: int = parameter(
        at_least=1, at_most=LARGEST, unit="units", help="Number of hidden units.", source="[P]"
    )
    learning_rate: float = parameter(
        0.01,
        above=0,
        unit="per trial",
        help="Learning rate of both layers, or of the hidden layer if learning_rate_out is given.",
        source="[P]",
    )
    learning_rate_out: float | None = parameter(
        None,
        above=0,
        unit="per trial",
        help="Learning rate of the output layer. If not given, it equals learning_rate.",
        source="[here]",
    )
    rate_scaling: str = parameter(
        "none",
        choices=RATE_SCALINGS,
        help="Scaling of the hidden layer's learning rate: none, or division by the square root of"
        " the rule's fraction (root_fraction).",
        source="[P]",
    )
    rate_unit: str = parameter(
        "trial",
        choices=RATE_UNITS,
        help="Unit of the learning rates: none (trial), or division by the sum of the squared"
        " activities of the layer before on each trial (squared_activity), as in normalised LMS"
        " (Nagumo and Noda, IEEE Trans Autom Control 12:282, 1967).",
        source="[here]",
    )
    initial_sd: float = parameter(
        0.03,
        above=0,
        unit="weight",
        help="Standard deviation of the initial weights of both layers, or of the hidden layer if"
        " initial_sd_out is given.",
        source="[P]",
    )
    initial_sd_out: float | None = parameter(
        None,
        above=0,
        unit="weight",
        help="Standard deviation of the output layer's initial weights. If not given, it equals"
        " initial_sd.",
        source="[here]",
    )
    sd_unit: str = parameter(
        "weight",
        choices=SD_UNITS,
        help="Unit of the initial s.d.: none (weight), or division by the root of the fan-in, the"
        " number of a unit's synapses (root_fan_in; LeCun et al., Efficient BackProp, 1998).",
        source="[here]",
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
        help="Loss function: half the squared error of the linear outputs (mse), or the"
        " cross-entropy of their softmax (cross_entropy).",
        source="[P]",
    )
    goal: float = parameter(
        0.95,
        above=0,
        at_most=1,
        help="Accuracy at which training stops, measured on the patterns of stop_on.",
        source="[P]",
    )
    stop_on: str = parameter(
        "test",
        choices=STOP_ON,
        help="Patterns on which the goal is tested: the test set, or a validation set. The"
        " validation set consists of the last training patterns, which are then not used for"
        " training.",
        source="[P]",
    )
    consecutive_tests: int = parameter(
        1,
        at_least=1,
        at_most=LARGEST,
        unit="tests",
        help="Number of consecutive tests that must reach the goal.",
        source="[P]",
    )
    training_patterns: int | None = parameter(
        None,
        at_least=1,
        at_most=LARGEST,
        unit="patterns",
        help="Number of training patterns that are learned, the first ones of those that are not"
        " validation patterns. All, if not given or if there are fewer.",
        source="[here]",
    )
    test_interval: int = parameter(
        2000,
        at_least=1,
        at_most=LARGEST,
        unit="trials",
        help="Number of trials between two tests.",
        source="[P]",
    )
    max_epochs: float = parameter(
        10,
        above=0,
        at_most=LARGEST,
        unit="epochs",
        help="Longest training time, in epochs of 60,000 trials.",
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
        help="Threshold of synaptic caching: the transient part of a synapse is consolidated when"
        " its absolute value exceeds the threshold. If not given, there is no caching.",
        source="[S]",
    )
    caching_decay: float | None = parameter(
        None,
        above=0,
        below=1,
        unit="per trial",
        help="Decay rate of the transient part. Only with caching_threshold.",
        source="[S]",
    )

    def __post_init__(self) -> None:
        check(self)
        require(
            self.caching_decay is None or self.caching_threshold is not None,
            "caching_decay",
            self.caching_decay,
            "it is meant for runs with caching_threshold only",
        )

    def initial_sds(self, inputs: int) -> tuple[float, float]:
        """Return the standard deviations of the initial weights of the hidden and output layer.

        `inputs` is the number of synapses of a hidden unit; an output unit has width + 1.
        """
        sds = self.initial_sd, self.initial_sd_out or self.initial_sd
        if self.sd_unit == "weight":
            return sds
        return sds[0] / inputs**0.5, sds[1] / (self.width + 1) ** 0.5

    @property
    def dtype(self) -> type:
        """NumPy type of the weights."""
        return PRECISIONS[self.precision]


@dataclass(frozen=True)
class Task:
    """Parameters of a network that belong neither to the parts of its rule nor to its settings."""

    dataset: str = parameter(help="Data set of images to learn.", source="[P]")
    seed: int = parameter(at_least=0, help="Seed of the network's random streams.", source="[here]")
    rule: str = parameter(help="Name of the plasticity rule.", source="[P]")


PARAMETERS = declared(Rule, Settings, Task)


def learning_rates(rule: Rule, settings: Settings) -> tuple[float, float]:
    """Return the learning rates of the hidden layer and the output layer."""
    scaled = settings.rate_scaling == "root_fraction"
    scale = rule.fractions[0] ** -0.5 if scaled else 1.0
    return settings.learning_rate * scale, settings.learning_rate_out or settings.learning_rate


def parts_of(chosen: Mapping) -> tuple[Rule, Settings]:
    """Return the rule and the settings that have these parameters.

    `chosen` maps names of parameters to values; names of other things are ignored. Raises
    ParameterError if a value is not allowed.
    """

    def build(kind: type) -> Any:
        names = [one.name for one in fields(kind)]
        return kind(**{name: chosen[name] for name in names if name in chosen})

    rule, settings = build(Rule), build(Settings)
    rule.check_width(settings.width)
    require(
        settings.rate_scaling == "none" or rule.fraction is not None,
        "rate_scaling",
        settings.rate_scaling,
        "it is meant for rules with a fraction only",
    )
    return rule, settings
