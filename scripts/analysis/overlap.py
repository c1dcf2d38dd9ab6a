"""Overlap of the winners of competition on different trials.

The winners of a trial are the synapses of the first layer that change on it. Two trials A and B are
compared in two ways:

- `first-layer synapses`: the share of the winners of A that win on B, too.
- `hidden units`: a unit's share of a trial's winners are those among its inputs. The overlap is the
  sum over units of the smaller of the shares on A and B. It is 1 if the winners are spread over
  units in the same way, whichever inputs they are, and 0 if no unit has winners on both trials.

Synapses that are chosen once and for all, such as a fixed random mask, have an overlap of 1. Chance
is the mean overlap after the synapses, or the units, of B have been permuted at random.
"""

from collections.abc import Iterator

from plasticity.parameters import require  # isort: skip  # before NumPy, see plasticity/__init__.py

import numpy as np

from plasticity.rules import Rule
from plasticity.settings import Settings

LAGS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)  # trials from A to B
COLUMNS = ["part", "compared", "lag", "overlap", "pairs"]


def require_competition(rule: Rule, settings: Settings) -> None:
    """Raise ParameterError unless a network's weights are all that continues its training.

    So all synapses must compete on every trial, without caching, and on all training patterns.
    """
    for key, value, wanted in (
        ("gate", rule.gate, "always"),
        ("eligible", rule.eligible, "all"),
        ("caching_threshold", settings.caching_threshold, None),
        ("stop_on", settings.stop_on, "test"),
        ("training_patterns", settings.training_patterns, None),
    ):
        allowed = "without it" if wanted is None else f"with {wanted} only"
        require(value == wanted, key, value, f"winners are compared {allowed}")
    require(rule.chooses_synapses, "select", rule.select, "synapses must compete")


def packed(winners: np.ndarray) -> np.ndarray:
    """Return a mask of winners (..., inputs) as bits, uint8 (..., inputs / 8 rounded up)."""
    return np.packbits(winners, axis=-1)


def overlaps(winners: np.ndarray, labels: np.ndarray, synapses: int) -> Iterator[dict]:
    """Yield mean overlaps by part of the network: the values of COLUMNS.

    `winners` (trials, N, bytes) are the packed masks of the winners on consecutive trials, of all
    `synapses` of the first layer, and `labels` (trials,) are the digits. All pairs of trials at a
    lag are compared: those of the `same digit`, and those of `different digits`. `chance` has no
    lag; it is computed from the pairs at the longest one.
    """
    by_unit = np.bitwise_count(winners).sum(axis=-1)  # (trials, N)
    number = by_unit.sum(axis=-1)  # of winners
    shares = by_unit / number[:, None]

    def row(part: str, compared: str, lag: int | None, values: np.ndarray) -> dict:
        return dict(zip(COLUMNS, (part, compared, lag, values.mean(), len(values)), strict=True))

    for lag in LAGS:
        before, after = slice(None, -lag), slice(lag, None)
        common = np.bitwise_count(winners[before] & winners[after]).sum(axis=(1, 2))
        overlap = {
            "first-layer synapses": common / number[before],
            "hidden units": np.minimum(shares[before], shares[after]).sum(axis=1),
        }
        same = labels[before] == labels[after]
        for part, values in overlap.items():
            yield row(part, "same digit", lag, values[same])
            yield row(part, "different digits", lag, values[~same])
    pairs = zip(shares[before], shares[after], strict=True)
    permuted = np.array([np.minimum.outer(a, b).sum() for a, b in pairs]) / shares.shape[1]
    yield row("first-layer synapses", "chance", None, number[after] / synapses)
    yield row("hidden units", "chance", None, permuted)
