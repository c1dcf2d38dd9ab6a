"""Averages over seeds with their 95 % intervals, and power laws fitted to each seed."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

CONFIDENCE = 0.95
V1_NEURONS = 1.6e8  # in macaque V1 [S]
WIDEST_OF_PAPER = 10_000  # hidden units; the power laws of the paper's range are fitted up to here


def over_seeds(values: ArrayLike) -> np.ndarray:
    """Return the mean over the first axis and its 95 % interval, as (mean, low, high).

    The interval is Student's t. It is NaN for a single seed.
    """
    values = np.asarray(values, dtype=float)
    mean, count = values.mean(axis=0), len(values)
    if count < 2:
        half = np.full_like(mean, np.nan)
    else:
        half = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * stats.sem(values)
    return np.array([mean, mean - half, mean + half])


def geometric_mean(values: ArrayLike) -> np.ndarray:
    """Return the geometric mean of positive values and its 95 % interval: (mean, low, high)."""
    return np.exp(over_seeds(np.log(np.asarray(values, dtype=float))))


@dataclass(frozen=True)
class PowerLaw:
    """A power law for each seed: log y = height + slope * (log x - centre)."""

    slopes: np.ndarray
    heights: np.ndarray
    centre: float

    def exponent(self) -> np.ndarray:
        """Return the mean exponent and its 95 % interval, as (mean, low, high)."""
        return over_seeds(self.slopes)

    def logarithms(self, x: ArrayLike) -> np.ndarray:
        """Return the natural logarithm of y at the values `x`; its shape is (seeds, len(x))."""
        distance = np.log(np.asarray(x, dtype=float)) - self.centre
        return self.heights[:, None] + self.slopes[:, None] * distance

    def at(self, x: ArrayLike) -> np.ndarray:
        """Return y at the values `x` and its 95 % band, as rows (mean, low, high).

        The mean is geometric, over seeds. The band is that of the fitted lines; it does not show
        whether the power law is valid at `x`.
        """
        return np.exp(over_seeds(self.logarithms(x)))


def from_least(logarithms: pd.DataFrame) -> pd.DataFrame:
    """Return the columns from the one with the least mean on: there, y grows with x."""
    return logarithms.loc[:, logarithms.mean().idxmin() :]


def power_law(logarithms: pd.DataFrame) -> PowerLaw:
    """Fit a power law by least squares to each row of `logarithms`.

    `logarithms` has the natural logarithm of y, a row per seed; its column labels are x.
    """
    log_x, log_y = np.log(logarithms.columns.to_numpy(dtype=float)), logarithms.to_numpy(float)
    distance = log_x - log_x.mean()
    return PowerLaw(log_y @ distance / (distance @ distance), log_y.mean(axis=1), log_x.mean())
