"""The numbers in the sentences about figures, computed from the figures' plotted numbers.

There is one function per figure, with the figure's name; the text is in report/sentences.md.j2.
Tables have the columns of analysis/estimates.py, with a row of kind `mean` for each condition. The
functions return the numbers by name, as the text uses them. They raise NothingToSay if the table
lacks the networks that the sentence is about.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Facts = dict[str, Any]
FACTS: dict[str, Callable[[pd.DataFrame], Facts]] = {}
VERDICTS = ["reproduced", "partly", "not reproduced", "not tested"]


class NothingToSay(Exception):
    """The networks that a sentence is about are missing, or did not reach their goal."""


def figure(function: Callable[[pd.DataFrame], Facts]) -> Callable[[pd.DataFrame], Facts]:
    """Register the decorated function for the figure with the same name."""
    FACTS[function.__name__] = function
    return function


def means(table: pd.DataFrame, **equal: str) -> pd.DataFrame:
    """Return the means of conditions in which all networks reached the goal.

    `equal` maps columns to the values that they must have. Raises NothingToSay if no row remains.
    """
    rows = table[(table["kind"] == "mean") & table["reached"].astype(bool)]
    for column, value in equal.items():
        rows = rows[rows[column] == value]
    if rows.empty:
        raise NothingToSay
    return rows


def curve(table: pd.DataFrame, quantity: str, series: str) -> pd.Series:
    """Return the means of a series by x, in ascending order of x.

    Conditions in which a network missed the goal are left out. Raises NothingToSay if none remains.
    """
    return means(table, quantity=quantity, series=series).set_index("x")["y"].sort_index()


def curves(table: pd.DataFrame, quantity: str, *series: str) -> pd.DataFrame:
    """Return the means of several series by x, a column per series, at their common x.

    Raises NothingToSay if there is no common x.
    """
    together = pd.DataFrame({one: curve(table, quantity, one) for one in series}).dropna()
    if together.empty:
        raise NothingToSay
    return together


def held_out(table: pd.DataFrame, quantity: str, **equal: str) -> pd.DataFrame:
    """Return the means of `quantity` in figure `frugal_frontier`, a row per rule.

    x is the learning time in trials, y the energy. Training stops on validation patterns unless
    `equal` has another `stop_on`. Raises NothingToSay if there are none.
    """
    stop = {"stop_on": "validation"}
    return means(table, quantity=quantity, **(stop | equal)).set_index("series", drop=False)


def energy_of(table: pd.DataFrame, quantity: str, rule: str, **equal: str) -> float | None:
    """Return the mean `quantity` of a rule in figure `frugal_frontier`, None if it is missing."""
    try:
        return held_out(table, quantity, series=rule, **equal)["y"].iloc[0]
    except NothingToSay:
        return None


@figure
def energy_vs_width(table: pd.DataFrame) -> Facts:
    """Compare backprop at its optimal width (least M0) with the largest width."""
    M0, trials = curve(table, "M0", "M0"), curve(table, "trials", "trials")
    best, widest = M0.idxmin(), M0.index[-1]
    return {
        "best": best,
        "least": M0.min(),
        "widest": widest,
        "factor": M0[widest] / M0.min(),
        "trials_best": trials[best],
        "trials_widest": trials[widest],
    }


@figure
def energy_vs_accuracy(table: pd.DataFrame) -> Facts:
    """Compare M0 at the lowest and the highest accuracy: backprop's growth, and what is saved.

    Accuracies are in percent. `saved` has the factors saved by competition, as (accuracy, factor).
    """
    backprop = curve(table, "M0", "backprop")
    both = curves(table, "M0", "backprop", "competitive")
    saved = both["backprop"] / both["competitive"]
    return {
        "low": 100 * backprop.index[0],
        "high": 100 * backprop.index[-1],
        "growth": backprop.iloc[-1] / backprop.iloc[0],
        "saved": [(100 * saved.index[end], saved.iloc[end]) for end in (0, -1)],
    }


@figure
def energy_vs_fraction(table: pd.DataFrame) -> Facts:
    """Compare the least M0 of competition and of a random mask with the M0 of backprop."""
    competitive, mask = (curve(table, "M0", rule) for rule in ("competitive", "random_synapses"))
    backprop = means(table, quantity="M0", series="backprop")["y"].iloc[0]
    return {
        "best": competitive.idxmin(),
        "least": competitive.min(),
        "saved": backprop / competitive.min(),
        "saved_by_mask": backprop / mask.min(),
        "least_fraction_of_mask": mask.index[0],
    }


@figure
def selection_criteria(table: pd.DataFrame) -> Facts:
    """Compare the least M0 of three criteria, and find the criterion with the largest error.

    `worst_error` is the largest test error (%) of the criteria that select poorly.
    """
    updates, error, activity = (
        curve(table, "M0", criterion).min()
        for criterion in ("largest_update", "largest_error", "largest_activity")
    )
    ends = means(table, quantity="error")
    ends = ends[ends["series"].isin(["smallest_update", "largest_weight", "smallest_weight"])]
    if ends.empty:
        raise NothingToSay
    worst = ends.loc[ends["y"].idxmax()]
    return {
        "least": updates,
        "by_error": error / updates,
        "by_activity": activity / updates,
        "worst": worst["series"],
        "worst_error": worst["y"],
    }


@figure
def subnet_size(table: pd.DataFrame) -> Facts:
    """Return the ranges, over widths, of the optimal subnet size and its M0; and of the widths."""
    best = table[(table["quantity"] == "M0") & (table["kind"] == "optimum")]
    if best.empty:
        raise NothingToSay
    ranges = {"size": best["x"], "M0": best["y"], "width": best["series"].astype(float)}
    return {name: (values.min(), values.max()) for name, values in ranges.items()}


@figure
def strategies_vs_width(table: pd.DataFrame) -> Facts:
    """Return the M0 of four rules at the largest width at which all reach the goal."""
    M0 = curves(table, "M0", "backprop", "competitive", "subnet", "competitive_subnet")
    return {"width": M0.index[-1], **M0.iloc[-1]}


@figure
def savings(table: pd.DataFrame) -> Facts:
    """Return the factors that competition saves at the smallest and the largest width."""
    M0, M1 = (curve(table, quantity, "competitive") for quantity in ("M0", "M1"))
    ends = {"widths": M0.index, "M0": M0, "M1": M1}
    return {name: (list(values)[0], list(values)[-1]) for name, values in ends.items()}


@figure
def accuracy(table: pd.DataFrame) -> Facts:
    """Return the least test error (%) after long training.

    For competition and a random mask it is the largest over all fractions below 1.
    """
    rows = means(table, panel="A", quantity="test_error")
    errors = rows.groupby("series")["y"]
    most = rows[rows["x"] < 1].groupby("series")["y"].max()
    if "backprop" not in errors.groups or not {"competitive", "random_synapses"} <= set(most.index):
        raise NothingToSay
    return {
        "backprop": errors.min()["backprop"],
        "competitive": most["competitive"],
        "mask": most["random_synapses"],
    }


@figure
def turnover(table: pd.DataFrame) -> Facts:
    """Return the participation (%) of competition and a random mask at a fraction near 0.01."""
    share = 100 * curves(table, "participation", "competitive", "random_synapses")
    fraction = min(share.index, key=lambda x: abs(np.log(x / 0.01)))
    competitive, mask = share.loc[fraction]
    return {"fraction": fraction, "competitive": competitive, "mask": mask}


@figure
def caching(table: pd.DataFrame) -> Facts:
    """Return the factors that caching without maintenance costs saves in M1.

    Panel A has backprop, panel B competition. `both` compares competition with caching to backprop
    without.
    """
    panels = [table[table["panel"] == letter] for letter in "AB"]
    backprop, competitive = (curve(panel, "energy", "0").min() for panel in panels)
    without = [means(panel, series="without")["y"].iloc[0] for panel in panels]
    return {
        "backprop": without[0] / backprop,
        "competitive": without[1] / competitive,
        "both": without[0] / competitive,
    }


@figure
def robustness(table: pd.DataFrame) -> Facts:
    """Count the variants in which competition saves M0; return the range of the factor."""
    pairs = means(table, quantity="M0")
    pairs = pairs.pivot_table(index=["panel", "x"], columns="series", values="y")
    if not {"backprop", "competitive"} <= set(pairs):
        raise NothingToSay
    saved = (pairs["backprop"] / pairs["competitive"]).dropna()
    return {
        "fewer": (saved > 1).sum(),
        "variants": len(saved),
        "least": saved.min(),
        "most": saved.max(),
    }


@figure
def frugal_frontier(table: pd.DataFrame) -> Facts:
    """Compare the M0 of the rule found for M0 with the least M0 of the paper's rules."""
    M0 = held_out(table, "M0")
    paper = M0.loc[M0["found"].isin([False]), "y"]
    if paper.empty or "frugal_updates" not in M0.index:
        raise NothingToSay
    least = M0["y"]["frugal_updates"]
    return {
        "M0": least,
        "best_of_paper": paper.idxmin(),
        "saved": paper.min() / least,
        "M0_on_test": energy_of(table, "M0", "frugal_updates", stop_on="test"),
        "M1": energy_of(table, "M1", "frugal_change"),
    }


@figure
def ablation(table: pd.DataFrame) -> Facts:
    """Return the factors that the ingredients save in M0, the largest first."""
    on_top = curve(table, "M0", "on top of the others").sort_values(ascending=False)
    alone = curve(table, "M0", "alone")
    return {
        "all": curve(table, "M0", "all").iloc[0],
        "ingredients": [
            {"name": name, "on_top": factor, "alone": alone.get(name)}
            for name, factor in on_top.items()
        ],
        "fail_without": _unreached(table, "on top of the others"),
        "fail_alone": _unreached(table, "alone"),
    }


def _unreached(table: pd.DataFrame, series: str) -> list[str]:
    """Return the ingredients of a series for which a network missed the goal."""
    rows = table[(table["quantity"] == "M0") & (table["kind"] == "mean")]
    return rows.loc[(rows["series"] == series) & ~rows["reached"].astype(bool), "x"].tolist()


@figure
def generality(table: pd.DataFrame) -> Facts:
    """Count the variations in which the rule found for M0 saves M0 against competition.

    Also count those in which competition and backprop learn, and those in which backprop learns but
    the found rule does not.
    """
    rows = table[(table["quantity"] == "M0") & (table["kind"] == "mean")]
    rows = rows[rows["varied"].astype(bool)]
    rows = rows.assign(y=rows["y"].where(rows["reached"].astype(bool)))
    pairs = rows.pivot_table(index=["panel", "x"], columns="series", values="y", dropna=False)
    if not {"frugal_updates", "competitive", "backprop"} <= set(pairs):
        raise NothingToSay
    tried = rows[rows["series"] == "frugal_updates"].set_index(["panel", "x"]).index
    pairs = pairs[pairs.index.isin(tried)]
    saved = (pairs["competitive"] / pairs["frugal_updates"]).dropna()
    fewer = saved[saved > 1]
    by_backprop = pairs[pairs["backprop"].notna()]
    return {
        "fewer": len(fewer),
        "competitive_learns": pairs["competitive"].notna().sum(),
        "least": fewer.min(),
        "most": fewer.max(),
        "backprop_learns": len(by_backprop),
        "failed": by_backprop["frugal_updates"].isna().sum(),
    }


@figure
def toward_cortex(table: pd.DataFrame) -> Facts:
    """Return the M0 of backprop and of the rule found for M0 at their largest widths.

    `missed` is the factor by which backprop exceeds its power law at that width.
    """
    M0, found = (curve(table, "M0", rule) for rule in ("backprop", "frugal_updates"))
    width = M0.index[-1]
    missed = table[(table["kind"] == "missed") & (table["quantity"] == "M0")]
    missed = missed[(missed["series"] == "backprop") & (missed["x"] == width)]
    return {
        "width": width,
        "M0": M0[width],
        "missed": next(iter(missed["y"]), None),
        "width_found": found.index[-1],
        "M0_found": found.iloc[-1],
    }


@figure
def claims(table: pd.DataFrame) -> Facts:
    """Count the claims with each verdict, for the paper and for this project."""
    table = table.drop_duplicates("id")
    ours = table["source"] == "ours"
    counts = [table.loc[part, "verdict"].value_counts() for part in (~ours, ours)]
    paper, own = ({name: one[name] for name in VERDICTS if name in one} for one in counts)
    return {"paper": paper, "own": own}
