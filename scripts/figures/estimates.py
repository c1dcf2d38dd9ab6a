"""What the figures draw, as one tidy table: runs, means with intervals, fitted power laws.

Columns: `panel` (its letter), `quantity` (what y is), `series`, `kind` (run, mean, fit, exponent),
`x`, `y`, `low` and `high` (95 % interval), `seed` (of a run), `reached` (its goal).
"""

from collections.abc import Iterable, Iterator, Sequence
from string import ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from seeds import CONFIDENCE, PowerLaw, power_law
from tables import CONDITION

RESAMPLES = 10_000
COLUMNS = ["panel", "quantity", "series", "kind", "x", "y", "low", "high", "seed", "reached"]

# How a series' name tells values of a parameter apart.
VARIANT = {"fraction": " {:g}", "plastic_units": " K={:g}", "width": " N={:g}"}


def interval(values: ArrayLike) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the mean of `values`, as (low, high).

    The resampling has a fixed seed: the same values give the same interval. Fewer than two values
    say nothing about their spread: (nan, nan).
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return np.nan, np.nan
    picks = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    tail = (1 - CONFIDENCE) / 2
    return tuple(np.quantile(values[picks].mean(axis=1), [tail, 1 - tail]))


def rows(**columns: Any) -> pd.DataFrame:
    """Return tidy rows from the given columns (sequences or scalars); the others stay empty."""
    length = max((len(c) for c in columns.values() if np.ndim(c)), default=1)
    columns.setdefault("reached", True)
    table = pd.DataFrame(columns, index=range(length)).reindex(columns=COLUMNS)
    table["seed"] = table["seed"].astype("Int64")
    return table.astype({"y": float, "low": float, "high": float, "series": str, "reached": bool})


def tidy(
    runs: pd.DataFrame, panel: str, x: str, y: str, series: str = "rule", keep: Iterable[str] = ()
) -> pd.DataFrame:
    """Return what one panel plots of a table of runs: a row for each run, then for each mean.

    `x`, `y` and `series` name columns of `runs`, `keep` those to be kept beside them; a series
    whose `x` is empty holds at any x. A run that did not reach its goal, or diverged, leaves its
    condition without a mean (the mean of the others would flatter it): y is then empty and
    `reached` False.
    """
    each = rows(
        panel=panel,
        quantity=y,
        series=runs[series].to_numpy(),
        kind="run",
        x=runs[x].to_numpy(),
        y=runs[y].to_numpy(),
        seed=runs["seed"].to_numpy(),
        reached=runs["reached"].to_numpy(dtype=bool) & np.isfinite(runs[y].to_numpy(dtype=float)),
    ).assign(**{column: runs[column].to_numpy() for column in keep})
    conditions = each.groupby(["series", "x"], sort=False, dropna=False)
    return pd.concat([each, *(_mean(condition) for _, condition in conditions)], ignore_index=True)


def panels(
    runs: pd.DataFrame, quantities: Iterable[str], x: str, series: str = "rule"
) -> pd.DataFrame:
    """Return the tidy rows of one panel for each of `quantities`, lettered A, B, C, ..."""
    lettered = zip(ascii_uppercase, quantities, strict=False)
    tables = [tidy(runs, letter, x, y, series) for letter, y in lettered]
    return pd.concat(tables, ignore_index=True)


def errors(accuracies: pd.DataFrame) -> pd.DataFrame:
    """Return tidy rows with errors for their accuracies, both in %: they spread over decades."""
    y, low, high = (100 - accuracies[column] for column in ("y", "low", "high"))
    return accuracies.assign(y=y, low=high, high=low)


def variants(
    runs: pd.DataFrame, columns: Iterable[str] = ("fraction", "plastic_units", "width")
) -> pd.Series:
    """Return each run's series: its rule, and those of `columns` of which the rule has several."""
    series = runs["rule"]
    for column in columns:
        several = runs.groupby("rule")[column].transform("nunique") > 1
        series = series.where(~several, series + runs[column].map(VARIANT[column].format))
    return series


def most_sparing(
    runs: pd.DataFrame, quantity: str, of: Sequence[str] = ("rule", "width")
) -> pd.DataFrame:
    """Return, of each rule at each width, the runs of the setting with the least mean `quantity`.

    `of` names the columns, other than these, for whose values a setting is chosen. Only settings
    with which every run reached the goal are considered; where there is none, all runs are kept.
    """
    condition = runs.groupby([*dict.fromkeys([*of, *CONDITION])], dropna=False)
    mean = condition[quantity].transform("mean")
    mean = mean.where(condition["reached"].transform("all"), np.inf)
    least = mean.groupby([runs[column] for column in of]).transform("min")
    return runs[mean == least]


def _mean(condition: pd.DataFrame) -> pd.DataFrame:
    reached = condition["reached"].all()
    low, high = interval(condition["y"]) if reached else (np.nan, np.nan)
    return condition.head(1).assign(
        kind="mean",
        y=condition["y"].mean() if reached else np.nan,
        low=low,
        high=high,
        seed=pd.NA,
        reached=reached,
    )


def laws(table: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.Index, PowerLaw]]:
    """Yield the power laws of a tidy table's series: (where it is, fitted x, law).

    Where: its `panel`, `quantity` and `series`. Each series is fitted from its x of least
    (geometric) mean y on, over at least three x. Seeds that lack a condition are left out.
    """
    means = table[(table["kind"] == "mean") & table["reached"] & table["x"].notna()]
    place = ["panel", "quantity", "series"]
    runs = table[table["kind"] == "run"].merge(means[[*place, "x"]], on=[*place, "x"])
    for where, points in runs.groupby(place, sort=False):
        logs = np.log(points.pivot(index="seed", columns="x", values="y").astype(float).dropna())
        beyond = logs.loc[:, logs.mean().idxmin() :]
        if beyond.shape[1] >= 3:
            yield dict(zip(place, where, strict=True)), beyond.columns, power_law(beyond)


def fitted(table: pd.DataFrame, upto: float | None = None) -> pd.DataFrame:
    """Return the power laws of a tidy table's series, as rows of kind fit (a line) and exponent.

    The line goes to x = `upto`, or to the largest x that was fitted.
    """
    lines = [rows(panel=[])]
    for at, columns, law in laws(table):
        x = np.geomspace(columns[0], upto or columns[-1], 60)
        y, low, high = law.at(x)
        lines.append(rows(**at, kind="fit", x=x, y=y, low=low, high=high))
        y, low, high = law.exponent()
        lines.append(rows(**at, kind="exponent", y=y, low=low, high=high))
    return pd.concat(lines, ignore_index=True)
