"""The plotted numbers of figures as a tidy table: runs, means with intervals, power laws.

Columns: `panel` (its letter), `quantity` (on the y axis), `across` (on the x axis), `series`,
`kind` (run, mean, fit, exponent), `x`, `y`, `low` and `high` (95 % interval), `seed` (of a run),
`reached` (the goal), `networks` (whose values these are, such as "CONDITION:0,1"; empty if the
tables do not name them).

All quantities are positive and drawn on logarithmic axes. Means are geometric, and their intervals
are Student's t of the logarithms, as in the claims.
"""

from collections.abc import Iterable, Iterator, Sequence
from string import ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd

from analysis.seeds import PowerLaw, from_least, geometric_mean, power_law
from analysis.tables import CONDITION, together

COLUMNS = [
    *("panel", "quantity", "across", "series", "kind", "x", "y", "low", "high", "seed", "reached"),
    "networks",
]

# How the value of a parameter is added to the name of a series.
VARIANT = {"fraction": " {:g}", "plastic_units": " K={:g}", "width": " N={:g}"}


def rows(**columns: Any) -> pd.DataFrame:
    """Return tidy rows from the given columns, which are sequences or scalars.

    The other columns are empty, and `reached` is true unless it is given.
    """
    length = max((len(c) for c in columns.values() if np.ndim(c)), default=1)
    columns.setdefault("reached", True)
    table = pd.DataFrame(columns, index=range(length)).reindex(columns=COLUMNS)
    table["seed"] = table["seed"].astype("Int64")
    return table.astype({"y": float, "low": float, "high": float, "series": str, "reached": bool})


def tidy(
    runs: pd.DataFrame, panel: str, x: str, y: str, series: str = "rule", keep: Iterable[str] = ()
) -> pd.DataFrame:
    """Return the tidy rows of one panel: a row for each run, then a row for each mean.

    `x`, `y` and `series` name columns of `runs`; the columns in `keep` are copied. A series whose
    `x` is empty is valid at any x. If a run of a condition did not reach its goal, or diverged,
    then the condition has no mean, because the mean of the other runs would be biased: its y is
    empty and `reached` is False.
    """
    each = rows(
        panel=panel,
        quantity=y,
        across=x,
        series=runs[series].to_numpy(),
        kind="run",
        x=runs[x].to_numpy(),
        y=runs[y].to_numpy(),
        seed=runs["seed"].to_numpy(),
        reached=runs["reached"].to_numpy(dtype=bool) & np.isfinite(runs[y].to_numpy(dtype=float)),
        networks=runs["networks"].to_numpy() if "networks" in runs else "",
    ).assign(**{column: runs[column].to_numpy() for column in keep})
    conditions = each.groupby(["series", "x"], sort=False, dropna=False)
    return pd.concat([each, *(_mean(condition) for _, condition in conditions)], ignore_index=True)


def tidy_against(
    runs: pd.DataFrame, panel: str, x: str, y: str, condition: str, series: str, keep: Iterable[str]
) -> pd.DataFrame:
    """Return the tidy rows of `y` against `x`, where both differ between the runs of a `condition`.

    Means have the geometric mean of x and its interval (`x_low`, `x_high`), too.
    """
    table, other = (tidy(runs, panel, condition, what, series, keep) for what in (y, x))
    return table.assign(across=x, x=other["y"], x_low=other["low"], x_high=other["high"])


def panels(
    runs: pd.DataFrame,
    quantities: Iterable[str],
    x: str,
    series: str = "rule",
    keep: Iterable[str] = (),
) -> pd.DataFrame:
    """Return the tidy rows of one panel for each of `quantities`; panels are A, B, C, ...

    `keep` as in `tidy`.
    """
    lettered = zip(ascii_uppercase, quantities, strict=False)
    tables = [tidy(runs, letter, x, y, series, keep) for letter, y in lettered]
    return pd.concat(tables, ignore_index=True)


def factors_saved(
    runs: pd.DataFrame,
    others: pd.DataFrame,
    quantities: Iterable[str],
    on: Sequence[str] = ("seed",),
) -> pd.DataFrame:
    """Return `runs` with each quantity of `others` over their own, in pairs with the same `on`.

    A run without a partner is left out. `reached` is true if both runs of a pair reached the goal.
    """
    others = others[[*on, "reached", "networks", *quantities]]
    pairs = runs.merge(others, on=[*on], suffixes=("", "_other"))
    factors = {quantity: pairs[f"{quantity}_other"] / pairs[quantity] for quantity in quantities}
    both = pairs["reached"] & pairs["reached_other"]
    return pairs.assign(reached=both, networks=compared(pairs), **factors)


def compared(pairs: pd.DataFrame) -> pd.Series:
    """Return the networks of rows that compare a network with another one, the latter last.

    `pairs` has the columns `networks` and `networks_other`.
    """
    return pairs["networks"] + " " + pairs["networks_other"].fillna("")


def variants(
    runs: pd.DataFrame, columns: Iterable[str] = ("fraction", "plastic_units", "width")
) -> pd.Series:
    """Return the name of the series of each run.

    It consists of the rule and the values of those `columns` that vary within the rule.
    """
    series = runs["rule"]
    for column in columns:
        several = runs.groupby("rule")[column].transform("nunique") > 1
        series = series.where(~several, series + runs[column].map(VARIANT[column].format))
    return series


def most_sparing(
    runs: pd.DataFrame, quantity: str, of: Sequence[str] = ("rule", "width")
) -> pd.DataFrame:
    """Return the runs of the condition with the least mean `quantity`, for each value of `of`.

    `of` names columns; by default there is one condition for each rule and width, and a single one
    if it is empty. Only conditions in which every run reached the goal are considered. If there is
    none, all runs are returned.
    """
    condition = runs.groupby([*dict.fromkeys([*of, *CONDITION])], dropna=False)
    mean = condition[quantity].transform("mean")
    mean = mean.where(condition["reached"].transform("all"), np.inf)
    least = mean.groupby([runs[column] for column in of]).transform("min") if of else mean.min()
    return runs[mean == least]


def _mean(condition: pd.DataFrame) -> pd.DataFrame:
    reached = condition["reached"].all()
    y, low, high = geometric_mean(condition["y"]) if reached else [np.nan] * 3
    return condition.head(1).assign(
        kind="mean",
        y=y,
        low=low,
        high=high,
        seed=pd.NA,
        reached=reached,
        networks=together(condition["networks"]),
    )


def laws(
    table: pd.DataFrame, whole: bool = False
) -> Iterator[tuple[dict[str, str], pd.Index, PowerLaw]]:
    """Yield the power law of each series of a tidy table, as (key, fitted x, law).

    The key has the series' `panel`, `quantity` and `series`. The fit starts at the x with the least
    geometric mean of y, or at the least x if it is `whole`. It needs at least three x; other series
    are left out, and so are seeds that are missing in a condition.
    """
    means = table[(table["kind"] == "mean") & table["reached"] & table["x"].notna()]
    key = ["panel", "quantity", "series"]
    runs = table[table["kind"] == "run"].merge(means[[*key, "x"]], on=[*key, "x"])
    for values, points in runs.groupby(key, sort=False):
        logs = np.log(points.pivot(index="seed", columns="x", values="y").astype(float).dropna())
        beyond = logs if whole else from_least(logs)
        if beyond.shape[1] >= 3:
            yield dict(zip(key, values, strict=True)), beyond.columns, power_law(beyond)


def fitted(table: pd.DataFrame, upto: float | None = None, whole: bool = False) -> pd.DataFrame:
    """Return the power laws of a tidy table's series, as rows of kind `fit` and `exponent`.

    The rows of kind `fit` are points of the line, which ends at x = `upto` (default: the largest
    fitted x). `whole` as in `laws`.
    """
    lines = [rows(panel=[])]
    for at, columns, law in laws(table, whole):
        x = np.geomspace(columns[0], upto or columns[-1], 60)
        y, low, high = law.at(x)
        lines.append(rows(**at, kind="fit", x=x, y=y, low=low, high=high))
        y, low, high = law.exponent()
        lines.append(rows(**at, kind="exponent", y=y, low=low, high=high))
    return pd.concat(lines, ignore_index=True)
