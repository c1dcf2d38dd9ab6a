"""Selection of the networks that a claim compares, by experiment, condition, width and seed.

Energies, trials and their ratios are compared as logarithms, seed by seed, because all networks
with the same seed have the same initial weights and patterns. A condition is left out if one of its
networks did not reach the goal.
"""

import numpy as np
import pandas as pd

from analysis import tables

# The columns that distinguish the networks of a table, apart from the seed.
CONDITION = ["experiment", *tables.CONDITION]


class NotTested(Exception):
    """The table has too few networks to test a claim; the message names what is missing."""


class NotReached(Exception):
    """Networks that must reach the goal did not; the message has their number."""


def networks(energy: pd.DataFrame, experiment: str, **equal: object) -> pd.DataFrame:
    """Return the rows of an experiment whose columns have the values in `equal`.

    Raises NotTested if there are none.
    """
    rows = energy[energy["experiment"] == experiment]
    for column, value in equal.items():
        rows = rows[rows[column] == value]
    if rows.empty:
        wanted = "".join(f", {column} {value}" for column, value in equal.items())
        raise NotTested(f"no networks of {experiment}{wanted}")
    return rows


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
    failed = (~rows["reached"]).sum()
    if failed:
        raise NotReached(f"{failed} of {len(rows)} networks did not reach the goal")
    return rows


def most_sparing(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return the networks of the condition with the least mean `quantity`, one per seed.

    Raises NotTested if no condition reached the goal with every network.
    """
    rows = reached(rows)
    means = rows.groupby(CONDITION, dropna=False)[quantity].transform("mean")
    return rows[means == means.min()].drop_duplicates("seed")


def by_seed(rows: pd.DataFrame, quantity: str, columns: str | list[str]) -> pd.DataFrame:
    """Return the logarithm of `quantity`, with a row per seed and a column per value of `columns`.

    Seeds that are missing in a condition are left out.
    """
    columns = [columns] if isinstance(columns, str) else columns
    table = rows.groupby(["seed", *columns])[quantity].mean().unstack(columns)
    return np.log(table).dropna()


def least(rows: pd.DataFrame, quantity: str, chosen: str | None = None) -> pd.DataFrame:
    """Return the logarithm of `quantity` by seed (rows) and width (columns).

    At each width the condition with the least mean of `quantity`, or of `chosen` if it is given, is
    used. Raises NotTested if no condition reached the goal with every network.
    """
    rows = reached(rows)
    means = rows.groupby(CONDITION, dropna=False)[chosen or quantity].transform("mean")
    best = means == means.groupby(rows["width"]).transform("min")
    return by_seed(rows[best].drop_duplicates(["width", "seed"]), quantity, "width")


def beyond_optimum(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return the logarithm of `quantity` by seed and width, from the optimal width on.

    The optimal width is the one with the least mean. Raises NotTested for fewer than three widths,
    because two cannot show a power law.
    """
    table = by_seed(reached(rows), quantity, "width")
    table = table.loc[:, table.mean().idxmin() :]
    if table.shape[1] < 3:
        raise NotTested("a power law takes three widths from the one of least energy on")
    return table


def saved_by(
    energy: pd.DataFrame, rule: str, quantity: str, chosen: str | None = None
) -> pd.DataFrame:
    """Return the logarithm of backprop's `quantity` over that of `rule`, by seed and width.

    At each width, the condition of a rule with the least mean of `quantity`, or of `chosen` if it
    is given, is used. Widths at which one of the two rules does not reach the goal are left out.
    Raises NotTested if none remains.
    """
    backprop, other = (
        least(networks(energy, "strategies_vs_width", rule=name), quantity, chosen)
        for name in ("backprop", rule)
    )
    return common(backprop - other, f"backprop and {rule} reach the goal at no common width")


def common(difference: pd.DataFrame, none: str) -> pd.DataFrame:
    """Return the columns and seeds of a `difference` that are present in both operands.

    Raises NotTested, with the message `none`, if nothing remains.
    """
    difference = difference.dropna(axis=1, how="all").dropna()
    if difference.empty:
        raise NotTested(none)
    return difference


def differences(accuracy: pd.Series, rule: str = "competitive") -> pd.Series:
    """Return the accuracy of `rule` minus that of backprop, by width, seed and fraction below 1.

    `accuracy` is indexed by rule, width, fraction and seed. Raises NotTested if nothing remains.
    """
    rules = accuracy.index.get_level_values("rule")
    backprop = accuracy[rules == "backprop"].droplevel(["rule", "fraction"])
    other = accuracy[rules == rule].droplevel("rule")
    difference = other.reset_index("fraction", name="accuracy").join(backprop.rename("backprop"))
    difference = difference[difference["fraction"] < 1].set_index("fraction", append=True)
    difference = (difference["accuracy"] - difference["backprop"]).dropna()
    if difference.empty:
        raise NotTested(f"no learning curves of backprop and {rule} that can be compared")
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
    """Return the logarithm of the factor that a found rule saves, by held-out seed.

    The factor is `quantity` under the paper's best rule over `quantity` under `rule`.
    """
    theirs = per_seed(best_of_paper(energy, quantity, stop_on), quantity)
    return log_ratio(theirs, held_out(energy, rule, quantity, stop_on))


def per_seed(rows: pd.DataFrame, quantity: str) -> pd.Series:
    """Return the `quantity` of the networks of one condition, by seed."""
    return rows.set_index("seed")[quantity].astype(float)


def log_ratio(values: pd.Series, others: pd.Series) -> pd.Series:
    """Return the logarithm of `values` over `others`, by seed, for the common seeds."""
    return (np.log(values) - np.log(others)).dropna()
