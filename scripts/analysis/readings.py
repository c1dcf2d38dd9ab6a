"""Readings of claims: what a sentence may mean, as the configuration declares it.

A claim is a sentence of the sources. Each of its readings names a measure, the networks that are
measured and the expected value. A list of values stands for all combinations, as in the grids of
experiments. analysis/paper_claims.py computes the measures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import inf, sqrt
from typing import Any

# What each measure is, in words that may name the options of a reading, and the options it needs.
MEASURES: dict[str, tuple[str, set[str]]] = {
    "least_energy": ("least {quantity} of all settings", {"quantity"}),
    "exponent": ("exponent of {quantity} against width", {"rule", "quantity", "fitted"}),
    "curvature": (
        "change of the exponent of {quantity} per tenfold width",
        {"rule", "quantity", "fitted"},
    ),
    "optimal_size": ("plastic hidden units with the least {quantity}", {"rule", "quantity"}),
    "factor_saved": (
        "{quantity} of {against} over that of {rule}, each at its best",
        {"rule", "quantity", "against"},
    ),
    "exponent_of_factor": (
        "exponent, against width, of {quantity} of {against} over that of {rule}",
        {"rule", "quantity", "against"},
    ),
    "factor_in_time": (
        "largest factor saved in {quantity} by {rule} within {at_most} times backprop's trials",
        {"rule", "quantity", "at_most"},
    ),
    "factor_over_either": (
        "least {quantity} of competitive or subnet over that of both, within {at_most} times "
        "backprop's trials",
        {"quantity", "at_most"},
    ),
    "best_accuracy": (
        "best test accuracy of {rule} minus that of backprop, percentage points",
        {"rule"},
    ),
    "accuracy_at_error": (
        "test accuracy of {rule} minus that of backprop when the training error is first at most "
        "{training_error} %, percentage points",
        {"rule", "training_error"},
    ),
    "participation": ("participation of {part} in the updates", {"rule", "part"}),
    "extrapolated": (
        "{quantity} of backprop, extrapolated to V1, over the least {quantity} of {necessary}",
        {"quantity", "fitted", "necessary"},
    ),
}

# How the value of an option reads in the name of a reading; others as they are.
IN_WORDS = {
    "width": "width {:,}",
    "initial_sd": "s.d. {}",
    "fraction": "fraction {}",
    "plastic_units": "{} plastic",
    "at_most": "time \N{MULTIPLICATION SIGN}{}",
    "training_error": "error {} %",
    "against": "vs {}",
}
SHORT = {
    "none": "usual rate",
    "root_fraction": "scaled rate",
    "random_synapses": "random mask",
    "fixed_neurons": "fixed neurons",
    "competitive": "competition",
    "competitive_subnet": "both",
    "optimum to 10000": "from optimum",
    "1000 to 10000": "from 1,000",
    "50 to 1000": "50 to 1,000",
}
NOT_NAMED = {"experiment"}  # which experiment has the networks says nothing about the meaning
DECLARED = {"name", "measure", "expected", "nearest", "ours"}  # keys that are no options


class ReadingError(ValueError):
    """A claim whose readings make no sense; the message says why."""


@dataclass(frozen=True)
class Expected:
    """The values that agree with a claim, `low` to `high`; `value` is what its words name."""

    value: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Reading:
    """One reading of a claim.

    `options` has the parameters of its networks and of its measure. `nearest` marks the reading
    that is nearest to the source's words, `ours` a question that the source does not ask.
    """

    name: str
    measure: str
    options: Mapping[str, Any]
    expected: Expected
    nearest: bool
    ours: bool

    @property
    def quantity(self) -> str:
        """What is measured, in words."""
        words = {key: SHORT.get(value, value) for key, value in self.options.items()}
        return MEASURES[self.measure][0].format_map(words)


def expected(given: Mapping[str, Any]) -> Expected:
    """Return the expected value as the configuration states it.

    It is `about` a value, within a `factor` or a `margin`; or `above` a value, `below` a value, or
    `between` two values, whose geometric mean is the value that others are compared with.
    """
    match given:
        case {"about": value, "factor": factor}:
            text = f"{value:g}, within a factor of {factor:g}"
            return Expected(value, value / factor, value * factor, text)
        case {"about": value, "margin": margin}:
            return Expected(value, value - margin, value + margin, f"{value:g} ± {margin:g}")
        case {"above": value}:
            return Expected(value, value, inf, f"above {value:g}")
        case {"below": value}:
            return Expected(value, -inf, value, f"below {value:g}")
        case {"between": [low, high]}:
            return Expected(sqrt(low * high), low, high, f"{low:g} to {high:g}")
    raise ReadingError(f"{dict(given)}: about with factor or margin, above, below, or between")


def readings(claim: Mapping[str, Any]) -> list[Reading]:
    """Return all readings of a claim, the one nearest to the source's words first.

    Raises ReadingError if two have the same name, if not exactly one is nearest, or if an option
    is missing.
    """
    found = [reading for entry in claim["readings"] for reading in _expanded(entry)]
    names = [reading.name for reading in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ReadingError(f"two readings are called {twice[0]!r}")
    nearest = sum(reading.nearest for reading in found)
    if nearest != 1:
        raise ReadingError(f"{nearest} readings are nearest to the source's words, instead of one")
    return sorted(found, key=lambda reading: not reading.nearest)


def _expanded(entry: Mapping[str, Any]) -> Iterator[Reading]:
    """Yield the readings that an entry of the configuration stands for."""
    options = {key: value for key, value in entry.items() if key not in DECLARED}
    if missing := MEASURES[entry["measure"]][1] - options.keys():
        raise ReadingError(f"{entry['measure']} takes {', '.join(sorted(missing))}")
    lists = {key: value for key, value in options.items() if isinstance(value, list)}
    nearest = entry.get("nearest", False)
    for values in product(*lists.values()):
        chosen = dict(zip(lists, values, strict=True))
        is_nearest = chosen == nearest if isinstance(nearest, Mapping) else nearest
        named = [_word(key, value) for key, value in chosen.items() if key not in NOT_NAMED]
        name = ", ".join(filter(None, [entry.get("name"), *named]))
        ours = entry.get("ours", False)
        of = expected(entry["expected"])
        yield Reading(name, entry["measure"], options | chosen, of, is_nearest, ours)


def _word(key: str, value: object) -> str:
    """Return the value of an option as part of a reading's name."""
    return IN_WORDS.get(key, "{}").format(SHORT.get(str(value), value))
