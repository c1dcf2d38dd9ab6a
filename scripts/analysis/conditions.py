"""Selection of the networks that a claim compares, by experiment, condition, width and seed.

Energies, trials and their ratios are compared as logarithms, seed by seed, because all networks
with the same seed have the same initial weights and patterns. A condition is left out if one of its
networks did not reach the goal.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import pandas as pd

from analysis import estimates, tables

# The columns that distinguish the networks of a table, apart from the seed.
CONDITION = ["experiment", *tables.CONDITION]


# The networks whose values are read while `noting` is entered.
_NOTED: ContextVar[list[str] | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[list[str]]:
    """Collect the `networks` of the rows that are noted meanwhile (see `note`)."""
    networks: list[str] = []
    token = _NOTED.set(networks)
    try:
        yield networks
    finally:
        _NOTED.reset(token)


def note(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows`, whose values enter a reading; their networks are noted if they have names."""
    noted = _NOTED.get()
    if noted is not None and "networks" in rows:
        noted += rows["networks"].unique().tolist()
    return rows


class NotTested(Exception):
    """The table has too few networks to test a claim; the message names what is missing."""


class NotReached(Exception):
    """Networks that must reach the goal did not; the message has their number."""


def matching(
    rows: pd.DataFrame, wanted: Mapping[str, object], named: Mapping[str, object] | None = None
) -> pd.DataFrame:
    """Return the rows whose columns have the values in `wanted`.

    A value is one value, a tuple of allowed ones, or "any"; None stands for an empty cell. Raises
    NotTested if there are none; its message says what is `named` (default: `wanted`).
    """
    for column, value in wanted.items():
        if value == "any":
            continue
        allowed = value if isinstance(value, tuple) else (value,)
        keep = rows[column].isin([one for one in allowed if one is not None])
        rows = rows[keep | rows[column].isna() if None in allowed else keep]
    if rows.empty:
        words = (f"{column} {value}" for column, value in (named or wanted).items())
        raise NotTested(f"no networks of {', '.join(words)}")
    return rows


def networks(energy: pd.DataFrame, experiment: str, **equal: object) -> pd.DataFrame:
    """Return the rows of an experiment whose columns have the values in `equal`.

    Raises NotTested if there are none.
    """
    return matching(energy, {"experiment": experiment, **equal})


def reached(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the conditions in which every network reached the goal.

    Raises NotTested if there are none.
    """
    every = rows.groupby(CONDITION, dropna=False)["reached"].transform("all")
    if not every.any():
        raise NotTested("no condition of which every network reached its goal")
    return rows[every]


def every_reached(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows`; raise NotReached if one of these networks did not reach the goal."""
    failed = (~note(rows)["reached"]).sum()
    if failed:
        raise NotReached(f"{failed} of {len(rows)} networks did not reach the goal")
    return rows


def most_sparing(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return the networks of the condition with the least mean `quantity`, one per seed.

    Raises NotTested if no condition reached the goal with every network.
    """
    return estimates.most_sparing(reached(rows), quantity, of=()).drop_duplicates("seed")


def by_seed(rows: pd.DataFrame, quantity: str, column: str) -> pd.DataFrame:
    """Return the logarithm of `quantity`, with a row per seed and a column per value of `column`.

    Conditions with a single network are left out, then seeds that are missing in a condition.
    Raises NotTested if nothing remains.
    """
    table = note(rows).groupby(["seed", column])[quantity].mean().unstack(column)
    table = table.dropna(axis=1, thresh=2).dropna()
    if table.empty:
        raise NotTested("an interval takes two seeds at least")
    return np.log(table)


def least(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return the logarithm of `quantity` by seed (rows) and width (columns).

    At each width the condition with the least mean is used. Raises NotTested if no condition
    reached the goal with every network.
    """
    best = estimates.most_sparing(reached(rows), quantity, of=["width"])
    return by_seed(best.drop_duplicates(["width", "seed"]), quantity, "width")


def common(difference: pd.DataFrame, none: str) -> pd.DataFrame:
    """Return the columns and seeds of a `difference` that are present in both operands.

    Raises NotTested, with the message `none`, if nothing remains.
    """
    difference = difference.dropna(axis=1, how="all").dropna()
    if difference.empty:
        raise NotTested(none)
    return difference


def held_out(
    energy: pd.DataFrame, rule: str, quantity: str, stop_on: str = "validation"
) -> pd.Series:
    """Return the `quantity` of a found rule in experiment `frugal_frontier`, by held-out seed.

    Raises NotTested if there are no networks, NotReached if one did not reach the goal.
    """
    rows = networks(energy, "frugal_frontier", rule=rule, stop_on=stop_on)
    return per_seed(every_reached(rows), quantity)


def best_of_paper(energy: pd.DataFrame, quantity: str, stop_on: str = "validation") -> pd.DataFrame:
    """Return the held-out networks of the paper's rule with the least mean `quantity`.

    Raises NotTested if there are none that reached the goal.
    """
    rows = networks(energy, "frugal_frontier", stop_on=stop_on)
    return most_sparing(rows[rows["searched"].isna()], quantity)


def saved_by_found(
    energy: pd.DataFrame, rule: str, quantity: str, stop_on: str = "validation"
) -> pd.Series:
    """Return the factor that a found rule saves, by held-out seed.

    The factor is `quantity` under the paper's best rule over `quantity` under `rule`.
    """
    theirs = per_seed(best_of_paper(energy, quantity, stop_on), quantity)
    return ratios(theirs, held_out(energy, rule, quantity, stop_on))


def per_seed(rows: pd.DataFrame, quantity: str) -> pd.Series:
    """Return the `quantity` of the networks of one condition, by seed."""
    return note(rows).set_index("seed")[quantity].astype(float)


def ratios(values: pd.Series, others: pd.Series) -> pd.Series:
    """Return `values` over `others`, by seed, for the common seeds."""
    return (values / others).dropna()
