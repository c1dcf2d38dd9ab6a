"""Synaptic caching combined with plasticity rules: energy against maintenance and threshold.

Changes are first stored in a transient part of the weight, which costs maintenance. They move to
the stable part when they exceed the threshold. All panels have the same axis of energy: M1 of
consolidation plus c times the maintenance. Panels: the least energy over all thresholds against c,
with and without caching; for each rule, the energy against the threshold, for several costs c.
"""

from string import ascii_uppercase

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from analysis.estimates import tidy, variants
from figures import style

# Cost of keeping one unit of transient weight for one trial, in units of M1.
COSTS = [0, 1e-4, 1e-3, 1e-2]
CACHED = " with caching"
COST_RANGE = np.geomspace(1e-5, 1e-2, 7)


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: the panel of least energies, then a panel for each rule.

    In the panel of a rule there is a series for each cost, and one "without" caching. The energy of
    the latter is M1, which does not change by caching without decay.
    """
    energy = energy.assign(rule=variants(energy))
    cached = energy[energy["caching_threshold"].notna()]
    tables = []
    by_rule = cached.groupby("rule", sort=False)
    for letter, (rule, runs) in zip(ascii_uppercase[1:], by_rule, strict=False):
        plain = runs.drop_duplicates("seed").assign(energy=lambda run: run["M1"], level=np.nan)
        at_cost = pd.concat([_costed(runs, cost).assign(series=f"{cost:g}") for cost in COSTS])
        best = pd.concat([_best(_costed(runs, cost)) for cost in COST_RANGE])
        tables += [
            tidy(best.assign(series=rule + CACHED), "A", "cost", "energy", "series", ["rule"]),
            tidy(plain, "A", "level", "energy", keep=["rule"]),
            tidy(at_cost, letter, "caching_threshold", "energy", "series", ["rule"]),
            tidy(plain.assign(series="without"), letter, "level", "energy", "series", ["rule"]),
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
    panels = {letter: table[table["panel"] == letter] for letter in sorted(table["panel"].unique())}
    rules = panels["A"]["rule"].unique()
    figure, axes = style.new_figure(1, len(panels), height=72, sharey=True)
    looks = [style.look, *map(_shades, rules)]
    titles = ["at the best threshold", *map(style.name, rules)]
    for ax, letter, of_series, text in zip(axes, panels, looks, titles, strict=True):
        style.name_axes(ax, "threshold (weight)", "")
        style.draw_series(ax, panels[letter], of_series)
        style.title(ax, letter, text)
    axes[0].set(
        xlabel="cost $c$ (per weight and trial)", ylabel="$M_1$ consolidated + $c$ maintenance"
    )
    style.lay_out(figure)
    for ax, (letter, panel), of_series in zip(axes, panels.items(), looks, strict=True):
        style.label_ends(ax, panel, of_series, _caching_name if letter == "A" else _cost_name)
    return figure


def _caching_name(series: str) -> str:
    return style.name(series) + ("" if series.endswith(CACHED) else ", no caching")


def _cost_name(series: str) -> str:
    return "no caching" if series == "without" else f"$c$ = {series}"


def _shades(rule: str) -> style.Look:
    """Return the look of each cost: the rule's colour, darker for higher costs."""
    colours = sns.light_palette(style.look(rule)["color"], len(COSTS) + 2)[2:]
    looks = {"without": style.look(rule)}
    for cost, colour in zip(COSTS, colours, strict=True):
        looks[f"{cost:g}"] = looks["without"] | {"color": colour}
    return looks.__getitem__
