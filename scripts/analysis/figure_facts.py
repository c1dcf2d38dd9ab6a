"""The numbers in the sentences about figures, computed from the figures' plotted numbers.

There is one function per figure, with the figure's name; the text is in report/sentences.md.j2.
Tables have the columns of analysis/estimates.py, with a row of kind `mean` for each condition. The
functions return the numbers by name, as the text uses them. They raise NothingToSay if the table
lacks the networks that the sentence is about.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from analysis.claims import OURS
from analysis.own_claims import GENERAL, TIMES_FEWER, USUAL

Facts = dict[str, Any]
FACTS: dict[str, Callable[[pd.DataFrame], Facts]] = {}
LAG = 1000  # trials between two whose winners are compared
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


def exponent(table: pd.DataFrame, series: str, quantity: str) -> tuple[float, float, float] | None:
    """Return the exponent of a series' power law, as (value, low, high), None if it has none."""
    laws = table[(table["kind"] == "exponent") & (table["quantity"] == quantity)]
    for law in laws[laws["series"] == series].itertuples():
        return law.y, law.low, law.high
    return None


@figure
def trade_off(table: pd.DataFrame) -> Facts:
    """Return the largest factors saved within the longest learning time, by width."""
    best = table[table["kind"] == "best"]
    if best.empty:
        raise NothingToSay
    saved = best.pivot_table(index="width", columns="quantity", values="y")
    return {
        "longest": best["longest"].iloc[0],
        "widths": saved.index.tolist(),
        "M0": saved["saved_M0"].tolist(),
        "M1": saved["saved_M1"].tolist(),
    }


@figure
def energy_vs_width(table: pd.DataFrame) -> Facts:
    """Compare backprop at its optimal width (least M0) with the largest width.

    Both have the s.d. of the initial weights with which the largest width reached the goal; so have
    the exponents of M0 and M1.
    """
    M0 = means(table, quantity="M0")
    sd = M0.loc[M0["x"].idxmax(), "series"].split()[-1]
    M0, trials = curve(table, "M0", f"M0 {sd}"), curve(table, "trials", f"trials {sd}")
    best, widest = M0.idxmin(), M0.index[-1]
    return {
        "sd": sd,
        "best": best,
        "least": M0.min(),
        "widest": widest,
        "factor": M0[widest] / M0.min(),
        "trials_best": trials[best],
        "trials_widest": trials[widest],
        **{quantity: exponent(table, f"{quantity} {sd}", quantity) for quantity in ("M0", "M1")},
    }


@figure
def energy_vs_accuracy(table: pd.DataFrame) -> Facts:
    """Compare M0 at the lowest and the highest accuracy: backprop's growth, and what is saved.

    Accuracies are in percent. `saved` has the factors saved by competition, as (accuracy, factor);
    `highest` the accuracies that all networks of a rule reached within `epochs`.
    """
    backprop = curve(table, "M0", "backprop")
    both = curves(table, "M0", "backprop", "competitive")
    saved = both["backprop"] / both["competitive"]
    return {
        "low": 100 * backprop.index[0],
        "high": 100 * backprop.index[-1],
        "growth": backprop.iloc[-1] / backprop.iloc[0],
        "saved": [(100 * saved.index[end], saved.iloc[end]) for end in (0, -1)],
        "highest": (100 * means(table).groupby("series")["x"].max()).to_dict(),
        "epochs": table["max_epochs"].max(),
    }


@figure
def energy_vs_fraction(table: pd.DataFrame) -> Facts:
    """Compare the least M0 of competition, a random mask and hidden units with that of backprop.

    `mask_epochs` are the least and the most epochs in which networks with a mask failed.
    """
    competitive, mask = (curve(table, "M0", rule) for rule in ("competitive", "random_synapses"))
    backprop = means(table, quantity="M0", series="backprop")["y"].iloc[0]
    failed = table[(table["series"] == "random_synapses") & ~table["reached"].astype(bool)]
    return {
        "best": competitive.idxmin(),
        "least": competitive.min(),
        "saved": backprop / competitive.min(),
        "saved_by_mask": backprop / mask.min(),
        "saved_by_units": backprop / means(table, panel="B")["y"].min(),
        "least_fraction_of_mask": mask.index[0],
        "mask_epochs": (failed["max_epochs"].min(), failed["max_epochs"].max()),
    }


@figure
def selection_criteria(table: pd.DataFrame) -> Facts:
    """Compare the least M0 of the criteria that reach the goal, and the errors of the others.

    `others` has (criterion, M0 relative to the largest updates). `failing` are the criteria that
    reached the goal at no fraction; `errors` is the range of their mean test errors (%), `epochs`
    that of their budgets, and `diverged` the number of their networks that diverged.
    """
    M0 = means(table, quantity="M0").groupby("series")["y"].min()
    failing = table[(table["quantity"] == "error") & ~table["series"].isin(M0.index)]
    if failing.empty or not {"backprop", "largest_update"} <= set(M0.index):
        raise NothingToSay
    others = (M0 / M0["largest_update"]).drop(["backprop", "largest_update"])
    errors, runs = means(failing)["y"], failing[failing["kind"] == "run"]
    return {
        "least": M0["largest_update"],
        "saved": M0["backprop"] / M0["largest_update"],
        "others": list(others.sort_values().items()),
        "failing": list(failing["series"].unique()),
        "errors": (errors.min(), errors.max()),
        "epochs": (failing["max_epochs"].min(), failing["max_epochs"].max()),
        "diverged": (~runs["reached"].astype(bool)).sum(),
    }


@figure
def subnet_size(table: pd.DataFrame) -> Facts:
    """Return the ranges of the optimal sizes, and how M0 and M1 grow from least to largest width.

    `growth` has (s.d. of the initial weights, factor of M0, factor of M1).
    """
    best = table[table["kind"] == "optimum"].groupby("quantity")["x"]
    wide = means(table[table["panel"].isin(["C", "D"])])
    wide = wide.pivot_table(index="x", columns=["series", "quantity"], values="y").dropna()
    if best.ngroups < 2 or len(wide) < 2:
        raise NothingToSay
    growth = wide.iloc[-1] / wide.iloc[0]
    return {
        "sizes": {quantity: (sizes.min(), sizes.max()) for quantity, sizes in best},
        "widths": (wide.index[0], wide.index[-1]),
        "growth": [(sd, growth[sd, "M0"], growth[sd, "M1"]) for sd in wide.columns.unique(0)],
    }


@figure
def strategies_vs_width(table: pd.DataFrame) -> Facts:
    """Compare M0 at the largest width at which competition learns within the budget of time.

    `within` has the three rules of least M0 within the budget, `slower` the rules that take longer.
    """
    shown = means(table, quantity="M0").drop_duplicates(["series", "x"])
    within = shown["within"].astype(bool)
    width = curves(shown[within], "M0", "backprop", "competitive").index[-1]
    here = shown[shown["x"] == width].sort_values("y")
    backprop = here[here["series"] == "backprop"].iloc[0]
    others = here[here["series"] != "backprop"].set_index("series")
    fast = others["within"].astype(bool)
    return {
        "width": width,
        "sd": backprop["initial_sd"],
        "budget": backprop["budget"],
        "backprop": backprop["y"],
        "within": list(others.loc[fast, "y"].items())[:3],
        "slower": others.index[~fast].tolist(),
    }


@figure
def initial_weights(table: pd.DataFrame) -> Facts:
    """Return the energies with the largest s.d. over those with the smallest, for each rule.

    `factors` has (rule, width, factor of M0, factor of M1) at the largest width with both.
    """
    shown = means(table)
    low, high = shown["initial_sd"].min(), shown["initial_sd"].max()
    energies = shown.pivot_table(
        index=["rule", "x"], columns=["quantity", "initial_sd"], values="y", sort=False
    )
    if low == high:
        raise NothingToSay
    factors = pd.DataFrame(
        {quantity: energies[quantity, high] / energies[quantity, low] for quantity in ("M0", "M1")}
    )
    widest = factors.dropna().sort_index(level="x").groupby("rule").tail(1).reset_index()
    return {"low": low, "high": high, "factors": widest.to_numpy().tolist()}


@figure
def savings(table: pd.DataFrame) -> Facts:
    """Return what competition saves at the smallest and the largest width, and the exponents."""
    quantities = ("saved_M0", "saved_M1")
    M0, M1 = (curve(table, quantity, "competitive") for quantity in quantities)
    laws = [exponent(table, "competitive", quantity) for quantity in quantities]
    return {
        "widths": M0.index[[0, -1]],
        "M0": M0.iloc[[0, -1]].tolist(),
        "M1": M1.iloc[[0, -1]].tolist(),
        "laws": laws if all(laws) else None,
    }


@figure
def accuracy(table: pd.DataFrame) -> Facts:
    """Return the least test errors (%) within `epochs`, by width.

    For each rule there are (fraction, error), in ascending order of fractions. Raises NothingToSay
    if backprop or competition is missing.
    """
    rows = means(table, quantity="least_test_error").sort_values("x")
    widths = []
    for width, errors in rows.groupby("width"):
        points = {
            rule: each[["x", "y"]].to_numpy().tolist() for rule, each in errors.groupby("series")
        }
        if {"backprop", "competitive"} <= set(points):
            widths.append({"width": width, "backprop": points.pop("backprop")[0][1], **points})
    if not widths:
        raise NothingToSay
    return {"epochs": rows["max_epochs"].max(), "widths": widths}


@figure
def turnover(table: pd.DataFrame) -> Facts:
    """Return participations (%) at the smallest width and the fraction nearest to 0.01.

    They are those of competition, over first-layer synapses and over hidden units, and that of a
    random mask over first-layer synapses. `overlap` has the overlaps (%) of the winning synapses of
    trials of the same digit, of different digits and by chance, `overlap_units` those of their
    hidden units, at that fraction and LAG.
    """
    rows = means(table, quantity="participation")
    named = rows["series"].str.split(" ", expand=True).reindex(columns=[0, 1])
    rows = rows.assign(rule=named[0], width=named[1].astype(float))
    rows = rows[rows["width"] == rows["width"].min()]
    share = 100 * rows.pivot(index="x", columns=["panel", "rule"], values="y")
    wanted = [("C", "competitive"), ("F", "competitive"), ("C", "random_synapses")]
    share = share.reindex(columns=wanted).dropna()
    if share.empty:
        raise NothingToSay
    fraction = min(share.index, key=lambda x: abs(np.log(x / 0.01)))
    synapses, units, mask = share.loc[fraction]
    return {
        "fraction": fraction,
        "synapses": synapses,
        "units": units,
        "mask": mask,
        "lag": LAG,
        "overlap": _overlap(table, "A", fraction),
        "overlap_units": _overlap(table, "D", fraction),
    }


def _overlap(table: pd.DataFrame, panel: str, fraction: float) -> Facts:
    """Return the overlaps (%) in a panel of `turnover` after LAG trials, and that of chance."""
    compared = {"same": "same digit", "different": "different digits", "chance": "chance"}
    rows = means(table, quantity="overlap", panel=panel)
    rows = rows[rows["x"].isna() | (rows["x"] == LAG)].set_index("series")["y"]
    rows = rows.reindex([f"competitive {fraction:g} {which}" for which in compared.values()])
    if rows.isna().any():
        raise NothingToSay
    return dict(zip(compared, 100 * rows, strict=True))


@figure
def caching(table: pd.DataFrame) -> Facts:
    """Return the factors that caching without maintenance costs saves in M1.

    `more` is the range, over maintenance costs, of the energy of competition with caching relative
    to that of backprop with caching; `without` is this ratio without caching.
    """
    rules = ("backprop", "competitive")
    cached = curves(table, "energy", *(f"{rule} with caching" for rule in rules))
    by_rule = [table[table["rule"] == rule] for rule in rules]
    free = [curve(each, "energy", "0").min() for each in by_rule]
    without = [means(each, series="without")["y"].iloc[0] for each in by_rule]
    more = cached.iloc[:, 1] / cached.iloc[:, 0]
    return {
        "backprop": without[0] / free[0],
        "competitive": without[1] / free[1],
        "without": without[1] / without[0],
        "more": (more.min(), more.max()),
    }


@figure
def robustness(table: pd.DataFrame) -> Facts:
    """Count, for competition and subnets, the variations in which energy is saved.

    For each quantity and rule: the number of variations, that of those with a factor above 1, the
    least and the largest factor, and the variation with the least.
    """
    facts: Facts = {}
    for quantity, rule in product(("M0", "M1"), ("competitive", "subnet")):
        saved = curve(table, quantity, rule)
        facts.setdefault(quantity, {})[rule] = {
            "variations": len(saved),
            "fewer": (saved > 1).sum(),
            "least": saved.min(),
            "most": saved.max(),
            "worst": saved.idxmin(),
        }
    return facts


@figure
def frugal_frontier(table: pd.DataFrame) -> Facts:
    """Compare the rule found for M0 with the paper's rules, in M0 and in M1.

    `tuning` and `gate` are the factors of M0 that they save. `M1` is the found rule's M1 over that
    of backprop, `M1_scaled` the same for the rule with equal learning rates, `change` the M1 of the
    rule found for M1. Each of these is None if networks are missing or did not reach the goal.
    """
    M0, M1 = (means(table, panel=panel).set_index("series") for panel in ("B", "C"))
    paper = M0.loc[M0["found"].isin([False]) & ~M0.index.str.endswith(" cached"), "y"]
    if paper.empty or "frugal_updates" not in M0.index:
        raise NothingToSay
    factors = table[table["kind"] == "factor"].set_index("series")["y"]
    M1 = M1["y"]
    over_backprop = M1 / M1["backprop"] if "backprop" in M1 else M1[:0]
    return {
        "M0": M0["y"]["frugal_updates"],
        "best_of_paper": paper.idxmin(),
        "saved": paper.min() / M0["y"]["frugal_updates"],
        "tuning": factors.get("tuning"),
        "gate": factors.get("gate"),
        "M1": over_backprop.get("frugal_updates"),
        "M1_scaled": over_backprop.get("frugal_updates_scaled"),
        "change": M1.get("frugal_change"),
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
    the found rule does not. The table only has variations that backprop learns.
    """
    factors = _elsewhere(table, "frugal_updates", "competitive")
    saved = (factors["frugal_updates"] / factors["competitive"]).dropna()
    fewer = saved[saved > 1]
    return {
        "fewer": len(fewer),
        "competitive_learns": factors["competitive"].notna().sum(),
        "least": fewer.min(),
        "most": fewer.max(),
        "backprop_learns": len(factors),
        "failed": factors["frugal_updates"].isna().sum(),
    }


@figure
def harder_tasks(table: pd.DataFrame) -> Facts:
    """Count the harder tasks: those that the found rule learns, and those in which it saves most.

    Also return the least and the largest factor that it saves against backprop. The table only has
    tasks that backprop learns.
    """
    factors = _elsewhere(table, "frugal_updates")
    found = factors["frugal_updates"]
    return _learned(found) | {"first": (found == factors.max(axis=1)).sum()}


@figure
def unseen_tasks(table: pd.DataFrame) -> Facts:
    """Count the tasks that the rule found for many tasks learns, and those in which it saves much.

    Also return the least and the largest factor that it saves against tuned competition, in how
    many tasks it saves much against competition of which only the fraction is tuned, and how many
    tasks the rule found for one task misses. The table only has tasks that backprop and competition
    learn.
    """
    factors = _elsewhere(table, GENERAL, "frugal_updates", "competitive")
    saved = factors[GENERAL]
    return _learned(saved) | {
        "times": TIMES_FEWER,
        "often": (saved > TIMES_FEWER).sum(),
        "often_partly_tuned": (saved / factors["competitive"] > TIMES_FEWER).sum(),
        "earlier_missed": factors["frugal_updates"].isna().sum(),
    }


def _elsewhere(table: pd.DataFrame, found: str, *others: str) -> pd.DataFrame:
    """Return the factors of M0 by task (row) and rule (column), NaN if a network missed the goal.

    The usual task, and those on which the rule `found` was not tried, are left out. Raises
    NothingToSay if `found` or one of the `others` is missing.
    """
    rows = table[(table["quantity"] == "M0") & (table["kind"] == "mean")]
    rows = rows[~rows["x"].astype(str).str.endswith(USUAL)]
    if not {found, *others} <= {*rows["series"]}:
        raise NothingToSay
    tried = rows.loc[rows["series"] == found, "x"]
    return rows.pivot(index="x", columns="series", values="y").loc[tried]


def _learned(factors: pd.Series) -> Facts:
    """Count tasks, and those that a rule learns, and return the range of the factors that it saves.

    Raises NothingToSay if it learns none of them.
    """
    if factors.isna().all():
        raise NothingToSay
    return {
        "tasks": len(factors),
        "learned": factors.notna().sum(),
        "least": factors.min(),
        "most": factors.max(),
    }


@figure
def toward_cortex(table: pd.DataFrame) -> Facts:
    """Return the M0 of the rules at the largest width at which backprop reaches the goal.

    `missed` is the factor by which backprop exceeds its power law there, None if it is unknown.
    `found` is the M0 of the rule found for M0 at its own largest width, None if it missed the goal.
    """
    rows = means(table, quantity="M0").sort_values("x")
    M0 = curve(table, "M0", "backprop")
    width = M0.index[-1]
    others = rows[(rows["x"] == width) & (rows["series"] != "backprop")]
    missed = table[(table["kind"] == "missed") & (table["quantity"] == "M0")]
    found = rows[rows["series"] == "frugal_updates"]
    return {
        "width": width,
        "M0": M0[width],
        "missed": next(iter(missed.loc[missed["x"] == width, "y"]), None),
        "others": list(zip(others["series"], others["y"], strict=True)),
        "found": (found["x"].iloc[-1], found["y"].iloc[-1]) if len(found) else None,
    }


@figure
def floor(table: pd.DataFrame) -> Facts:
    """Return the updates of the rule found for M0, and the factors down to its bound.

    `once` is the number of synapses that change, and `bound` the M0 after pruning and training.
    `memory` is the least memory (trials) with which
    backprop with caching writes no more than the found rule on-line; None if there is none.
    """
    steps = means(table, panel="B", x="frugal_updates").set_index("series")["y"]
    if not {"on-line", "written once", "pruning"} <= {*steps.index}:
        raise NothingToSay
    plain = means(table, panel="A", series="backprop").astype({"x": float}).sort_values("x")
    enough = plain.loc[plain["y"] <= steps["on-line"], "x"]
    return {
        "M0": steps["on-line"],
        "once": steps["written once"],
        "bound": steps["pruning"],
        "rewriting": steps["on-line"] / steps["written once"],
        "unneeded": steps["written once"] / steps["pruning"],
        "memory": next(iter(enough), None),
    }


@figure
def claims(table: pd.DataFrame) -> Facts:
    """Count the verdicts on this project's claims, and on the paper's.

    The paper's are counted by their first reading, the one nearest to the source's words. All
    readings of the sources that could be tested are counted, too: how many hold (are reproduced),
    and the claims of which all hold, or none.
    """
    first = table.drop_duplicates("id")
    own = first[first["source"] == OURS]
    theirs = table[(table["source"] != OURS) & (table["verdict"] != "not tested")]
    holds = theirs["verdict"] == "reproduced"
    by_claim = holds.groupby(theirs["id"], sort=False)
    return {
        "paper": _verdicts(first[first["source"] != OURS]),
        "own": _verdicts(own),
        "readings": len(theirs),
        "hold": holds.sum(),
        "always": [name for name, held in by_claim if held.all()],
        "never": [name for name, held in by_claim if not held.any()],
    }


def _verdicts(claims: pd.DataFrame) -> dict[str, int]:
    """Return the number of claims with each verdict, without those that none has."""
    counts = claims["verdict"].value_counts()
    return {name: counts[name] for name in VERDICTS if name in counts}
