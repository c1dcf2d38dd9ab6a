"""Claims, their tests, and the table of outcomes.

Intervals are 95 % intervals of the mean over seeds (Student's t). Energies, trials and their ratios
are averaged as logarithms. A claim whose networks are not in the table is not tested.

A claim of this project is a function with one verdict; what it measures beside the main value is
listed as further readings. The paper's claims are declared in the configuration, and each of their
readings has a verdict of its own (see analysis/paper_claims.py). Their sources are A, the paper's
abstract; S, a survey that quotes the paper; P, the preprint's abstract.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from math import inf, isnan, nan

import numpy as np
import pandas as pd

from analysis import seeds
from analysis.conditions import NotReached, NotTested, noting
from analysis.tables import together

COLUMNS = [
    *("id", "claim", "source", "reading", "expected", "value", "low", "high"),
    *("verdict", "quantity", "reason", "nearest", "target", "target_low", "target_high"),
    "networks",
]
OURS = "ours"  # the source of this project's own claims
MISSED = "networks did not reach the goal"


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval.

    The numbers are NaN if networks did not reach the goal.
    """

    value: float = nan
    low: float = nan
    high: float = nan

    @property
    def known(self) -> bool:
        """Whether the mean is known, that is, not NaN."""
        return not isnan(self.value)

    @property
    def bounded(self) -> bool:
        """Whether the interval is known; that of a single network is not."""
        return not (isnan(self.low) or isnan(self.high))


@dataclass(frozen=True)
class Outcome:
    """The outcome of a claim: its verdict and the measured values.

    `readings` maps names to values, the main value first. It is empty if the claim was not tested
    or its networks did not reach the goal; `reason` says why.
    """

    verdict: str
    readings: Mapping[str, Estimate]
    reason: str = ""

    @property
    def main(self) -> Estimate:
        """The first reading; raises StopIteration if there are no readings."""
        return next(iter(self.readings.values()))


Test = Callable[[pd.DataFrame], Outcome]


@dataclass(frozen=True)
class Claim:
    """A claim of this project: its text, the expected and the measured quantity, and its test.

    `expected` is one text for all readings, or maps readings to texts, the main one first; a text
    ends in a number. `reads` names the table that is tested: `energy` (trained networks), `curves`
    (tests during training) or `floors` (learners with fewer updates).
    """

    text: str
    expected: str | Mapping[str, str]
    quantity: str
    test: Test
    reads: str = "energy"

    def expects(self, reading: str) -> str:
        """Return the expected value of a reading, as text.

        The name `reading` is empty if nothing was measured; the main reading is used then.
        """
        if isinstance(self.expected, str):
            return self.expected
        return self.expected.get(reading or next(iter(self.expected)), "")

    def outcome(self, table: pd.DataFrame) -> Outcome:
        """Return the outcome on a table of the kind that the claim reads.

        The exceptions NotTested and NotReached become outcomes without readings.
        """
        try:
            return self.test(table)
        except NotTested as reason:
            return Outcome("not tested", {}, str(reason))
        except NotReached as reason:
            return Outcome("not reproduced", {}, str(reason))


def over_seeds(
    values: pd.Series, mean: Callable[[pd.Series], np.ndarray] = seeds.over_seeds
) -> Estimate:
    """Return the mean of `values`, one per seed, with its Student's t interval.

    Raises NotTested for fewer than two seeds: the spread is then unknown.
    """
    if len(values) < 2:
        raise NotTested("an interval takes two seeds at least")
    return Estimate(*mean(values))


def factor(ratios: pd.Series) -> Estimate:
    """Return the geometric mean of ratios, one per seed, with its interval."""
    return over_seeds(ratios, seeds.geometric_mean)


def least_first(readings: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Return the readings with the least one first, so that it is the main one.

    A reading without a value is the main one only if there is no other.
    """
    least = min(readings, key=lambda name: (not readings[name].known, readings[name].value))
    return {least: readings[least], **readings}


def verdict(reproduced: bool, partly: bool) -> str:
    """Return the verdict as text; `partly` matters only if `reproduced` is false."""
    return "reproduced" if reproduced else "partly" if partly else "not reproduced"


def all_or_some(holds: Iterable[bool]) -> str:
    """Return the verdict: reproduced if all conditions hold, partly if some do."""
    holds = list(holds)
    return verdict(all(holds), any(holds))


def within(value: float, expected: float, times: float) -> bool:
    """Return whether `value` is within a factor `times` of `expected`."""
    return expected / times <= value <= expected * times


def target(expected: str) -> tuple[float, float, float]:
    """Return the number in a text such as "below 5e6", and the limits of the values that agree."""
    *words, number = expected.split()
    value = float(number)
    below = "below" in words
    return value, -inf if below else value, value if below or not words else inf


def judged(claims: Mapping[str, Claim], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Test claims and return the table of their outcomes, with one row per reading.

    `tables` has those that claims read (see `Claim`). A claim without readings has one row, which
    has the reason.
    """
    rows: list[dict] = []
    for name, claim in claims.items():
        with noting() as networks:
            outcome = claim.outcome(tables[claim.reads])
        for reading, estimate in (outcome.readings or {"": Estimate()}).items():
            expected = claim.expects(reading)
            value, low, high = target(expected) if expected else (nan, nan, nan)
            rows.append(
                {
                    "id": name,
                    "claim": claim.text,
                    "source": OURS,
                    "reading": reading,
                    "expected": expected,
                    **asdict(estimate),
                    "verdict": outcome.verdict,
                    "quantity": claim.quantity,
                    "reason": "" if estimate.known else outcome.reason or MISSED,
                    "nearest": not rows or rows[-1]["id"] != name,
                    "target": value,
                    "target_low": low,
                    "target_high": high,
                    "networks": together(networks),
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def outcomes(table: pd.DataFrame) -> dict[str, Outcome]:
    """Return the outcomes in a table that `judged` returned, by the id of the claim."""
    return {
        str(name): Outcome(
            rows["verdict"].iloc[0],
            {
                row.reading: Estimate(row.value, row.low, row.high)
                for row in rows.dropna(subset=["reading"]).itertuples()
                if row.reading
            },
            "" if rows["reading"].fillna("").any() else rows["reason"].iloc[0],
        )
        for name, rows in table.groupby("id", sort=False)
    }
