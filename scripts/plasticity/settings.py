"""What a training run needs to know beside its plasticity rule."""

from dataclasses import dataclass

import numpy as np

from plasticity.network import ACTIVATIONS, LOSSES
from plasticity.rules import require, require_choice

LARGEST = 10**9  # what is more is a slip, and would only overflow later
PRECISIONS = {"single": np.float32, "double": np.float64}


@dataclass(frozen=True)
class Settings:
    """Model, training and caching parameters of a run; the defaults are the paper's.

    `learning_rate` per trial; `initial_sd` of both layers' weights; `test_interval` in trials;
    `max_epochs` in passes through as many trials as there are training patterns;
    `caching_threshold` in units of weight; `caching_decay` per trial (1 / tau).

    Raises ParameterError, in one line, for a value that is not allowed.
    """

    width: int
    learning_rate: float = 0.01
    initial_sd: float = 0.03
    activation: str = "leaky_relu"
    loss: str = "mse"
    goal: float = 0.95
    test_interval: int = 2000
    max_epochs: float = 10
    precision: str = "single"
    caching_threshold: float | None = None
    caching_decay: float | None = None

    def __post_init__(self) -> None:
        for key in ("width", "test_interval"):
            value = getattr(self, key)
            allowed = f"an integer of at least 1, at most {LARGEST}"
            require(1 <= value <= LARGEST, key, value, allowed)
        for key in ("learning_rate", "initial_sd", "caching_threshold"):
            value = getattr(self, key)
            require(value is None or 0 < value < np.inf, key, value, "a finite number above 0")
        allowed = f"a number above 0, at most {LARGEST}"
        require(0 < self.max_epochs <= LARGEST, "max_epochs", self.max_epochs, allowed)
        require(0 < self.goal <= 1, "goal", self.goal, "an accuracy above 0, at most 1")
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
    def dtype(self) -> type:
        """NumPy type of the weights."""
        return PRECISIONS[self.precision]
