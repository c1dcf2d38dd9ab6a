"""Synaptic caching combined with plasticity rules: energy against the consolidation threshold.

Changes are first stored in a transient part of the weight, which costs maintenance. They move to
the stable part when they exceed the threshold. Panels: M1 of consolidation plus c times the
maintenance, for each rule and several costs c; the least energy over all thresholds against c, with
and without caching.
"""

from string import ascii_uppercase

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from analysis.estimates import tidy, variants
from figures.style import (
    Look,
    draw_series,
    label_ends,
    lay_out,
    look,
    name,
    name_axes,
    new_figure,
    title,
)

# Cost of keeping one unit of transient weight for one trial, in units of M1.
COSTS = [0, 1e-4, 1e-3, 1e-2]
CACHED = " with caching"
COST_RANGE = np.geomspace(1e-5, 1e-1, 9)


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: a panel for each rule, then the panel of least energies.

    In the panel of a rule there is a series for each cost, and one "without" caching. The energy of
    the latter is M1, which does not change by caching without decay.
    """
    energy = energy.assign(rule=variants(energy))
    cached = energy[energy["caching_threshold"].notna()]
    *letters, last = list(ascii_uppercase[: cached["rule"].nunique() + 1])
    tables = []
    for letter, (rule, runs) in zip(letters, cached.groupby("rule", sort=False), strict=True):
        plain = runs.drop_duplicates("seed").assign(energy=lambda run: run["M1"], level=np.nan)
        at_cost = pd.concat([_costed(runs, cost).assign(series=f"{cost:g}") for cost in COSTS])
        best = pd.concat([_best(_costed(runs, cost)) for cost in COST_RANGE])
        tables += [
            tidy(at_cost, letter, "caching_threshold", "energy", "series"),
            tidy(plain.assign(series="without"), letter, "level", "energy", "series"),
            tidy(best.assign(series=rule + CACHED), last, "cost", "energy", "series"),
            tidy(plain, last, "level", "energy"),
        ]
    return pd.concat(tables, ignore_index=True)


def _costed(runs: pd.DataFrame, cost: float) -> pd.DataFrame:
    return runs.assign(cost=cost, energy=runs["M1_consolidation"] + cost * runs["maintenance"])


def _best(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the threshold with the least mean energy."""
    means = runs.groupby("caching_threshold")["energy"].mean()
    return runs[runs["caching_threshold"] == means.idxmin()]


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    *letters, last = sorted(table["panel"].unique())
    compared = table.loc[table["panel"] == last, "series"].unique()
    rules = [series for series in compared if not series.endswith(CACHED)]
    figure, axes = new_figure(1, len(letters) + 1, height=66)
    y = "$M_1$ consolidated + $c$ maintenance"
    for ax, letter, rule in zip(axes[:-1], letters, rules, strict=True):
        name_axes(ax, "threshold (weight)", y)
        draw_series(ax, table[table["panel"] == letter], _shades(rule))
        title(ax, letter, name(rule))
    name_axes(axes[-1], "cost $c$ (per weight and trial)", y)
    draw_series(axes[-1], table[table["panel"] == last])
    title(axes[-1], last, "at the best threshold")
    lay_out(figure)
    for ax, letter, rule in zip(axes[:-1], letters, rules, strict=True):
        label_ends(ax, table[table["panel"] == letter], _shades(rule), _cost_name)
    label_ends(axes[-1], table[table["panel"] == last])
    return figure


def _cost_name(series: str) -> str:
    return "no caching" if series == "without" else f"$c$ = {series}"


def _shades(rule: str) -> Look:
    """Return the look of each cost: the rule's colour, darker for higher costs."""
    colours = sns.light_palette(look(rule)["color"], len(COSTS) + 2)[2:]
    looks = {
        f"{cost:g}": {"color": colour, "marker": look(rule)["marker"], "linestyle": "-"}
        for cost, colour in zip(COSTS, colours, strict=True)
    }
    return {**looks, "without": {**look(rule)}}.__getitem__
