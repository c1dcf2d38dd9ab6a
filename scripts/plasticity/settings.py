"""What a training run needs to know beside its plasticity rule."""

from dataclasses import dataclass

import numpy as np

from plasticity.network import ACTIVATIONS, LOSSES
from plasticity.rules import require, require_choice

LARGEST = 10**9  # what is more is a slip, and would only overflow later
PRECISIONS = {"single": np.float32, "double": np.float64}
STOP_ON = ("test", "validation")  # patterns that decide when training stops


@dataclass(frozen=True)
class Settings:
    """Model, training and caching parameters of a run; the defaults are the paper's.

    `learning_rate` per trial, `learning_rate_out` the output layer's if it has its own;
    `initial_sd` of both layers' weights; `goal`, an accuracy, to be reached on the patterns that
    `stop_on` names, at so many `consecutive_tests`; `test_interval` in trials;
    `max_epochs` in passes through as many trials as there are training patterns;
    `caching_threshold` in units of weight; `caching_decay` per trial (1 / tau).

    Raises ParameterError, in one line, for a value that is not allowed.
    """

    width: int
    learning_rate: float = 0.01
    learning_rate_out: float | None = None
    initial_sd: float = 0.03
    activation: str = "leaky_relu"
    loss: str = "mse"
    goal: float = 0.95
    stop_on: str = "test"
    consecutive_tests: int = 1
    test_interval: int = 2000
    max_epochs: float = 10
    precision: str = "single"
    caching_threshold: float | None = None
    caching_decay: float | None = None

    def __post_init__(self) -> None:
        for key in ("width", "test_interval", "consecutive_tests"):
            value = getattr(self, key)
            allowed = f"an integer of at least 1, at most {LARGEST}"
            require(1 <= value <= LARGEST, key, value, allowed)
        for key in ("learning_rate", "learning_rate_out", "initial_sd", "caching_threshold"):
            value = getattr(self, key)
            require(value is None or 0 < value < np.inf, key, value, "a finite number above 0")
        allowed = f"a number above 0, at most {LARGEST}"
        require(0 < self.max_epochs <= LARGEST, "max_epochs", self.max_epochs, allowed)
        require(0 < self.goal <= 1, "goal", self.goal, "an accuracy above 0, at most 1")
        require_choice("stop_on", self.stop_on, STOP_ON)
        require_choice("activation", self.activation, ACTIVATIONS)
        require_choice("loss", self.loss, LOSSES)
        require_choice("precision", self.precision, tuple(PRECISIONS))
        if self.caching_decay is not None:
            require(
                self.caching_threshold is not None,
                "caching_decay",
                self.caching_decay,
                "it is meant for runs with a caching_threshold only",
            )
            require(
                0 < self.caching_decay < 1, "caching_decay", self.caching_decay, "between 0 and 1"
            )

    @property
    def rates(self) -> tuple[float, float]:
        """Learning rates of the hidden and of the output layer."""
        return self.learning_rate, self.learning_rate_out or self.learning_rate

    @property
    def dtype(self) -> type:
        """NumPy type of the weights."""
        return PRECISIONS[self.precision]
