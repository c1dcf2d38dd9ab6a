"""The factor by which each rule saves energy against backprop, extrapolated to a cortex.

Panels: the factor saved in M0 and in M1 against width, for each rule with the fraction and the
subnet size of least energy. "Optimal width" compares backprop with itself at its best width. A rule
that reaches the goal at no width is left out. Some power laws, fitted from the width of least
saving on, are extrapolated to the number of neurons in macaque V1. They are dashed, because nothing
was simulated at these widths; the interval is that over seeds. Widths with an unusual learning rate
are shaded and not fitted.
"""

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import fitted, most_sparing, tidy
from analysis.seeds import V1_NEURONS
from figures.style import (
    Style,
    draw_series,
    interval,
    label_ends,
    lay_out,
    look,
    name,
    name_axes,
    new_figure,
    note_rates,
    number,
    title,
    usual_rate,
)

PANELS = {"A": "M0", "B": "M1"}
TITLES = {"A": "saved updates", "B": "saved change"}
OPTIMAL = "optimal width"
CARRIED = [
    OPTIMAL,
    "competitive",
    "subnet",
    "competitive_subnet",
]  # fitted and extrapolated to the size of V1


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: backprop's energy over each rule's, seed by seed, and the fits.

    A ratio is only defined if both runs reached the goal.
    """
    table = pd.concat(
        [
            tidy(_ratios(energy, quantity), letter, "width", quantity, keep=["learning_rate"])
            for letter, quantity in PANELS.items()
        ]
    )
    usual = table["learning_rate"] == usual_rate(table)
    carried = table[usual & table["series"].isin(CARRIED)]
    return pd.concat([table, fitted(carried, upto=V1_NEURONS)], ignore_index=True)


def _ratios(energy: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return the ratio of backprop's `quantity` to that of each rule, by width and seed."""
    best = most_sparing(energy, quantity)
    backprop = best[best["rule"] == "backprop"]
    by_width = backprop.groupby("width")
    optimum = by_width[quantity].mean().where(by_width["reached"].all(), np.inf).idxmin()
    least = backprop[backprop["width"] == optimum].drop(columns="width").assign(rule=OPTIMAL)
    others = pd.concat(
        [best[best["rule"] != "backprop"], least.merge(backprop[["width", "seed"]], on="seed")]
    )
    pairs = others.merge(backprop, on=["width", "seed"], suffixes=("", "_backprop"))
    pairs = pairs.assign(
        reached=pairs["reached"] & pairs["reached_backprop"],
        learning_rate=pairs["learning_rate_backprop"],  # at this width, not at the optimal one
        **{quantity: pairs[f"{quantity}_backprop"] / pairs[quantity]},
    )
    return pairs[pairs.groupby("rule")["reached"].transform("any")]


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = new_figure(1, 2, height=75)
    for ax, (letter, quantity) in zip(axes, PANELS.items(), strict=True):
        panel = table[table["panel"] == letter]
        digit = quantity[1]
        name_axes(ax, "width", f"saving in $M_{digit}$ (backprop / rule)")
        draw_series(ax, panel, _look)
        note_rates(ax, panel, y=0.8)
        ax.axhline(1, color="0.7", lw=0.6, zorder=0)
        ax.axvline(V1_NEURONS, color="0.7", lw=0.6, zorder=0)
        where: Style = {"transform": ax.get_xaxis_transform(), "rotation": 90, "ha": "right"}
        ax.text(V1_NEURONS, 0.02, "macaque V1", size="small", **where)
        title(ax, letter, TITLES[letter])
    lay_out(figure)
    for ax, letter in zip(axes, PANELS, strict=True):
        panel = table[table["panel"] == letter]
        label_ends(ax, panel, _look, partial(_name, panel=panel))
    return figure


def _look(series: str) -> Style:
    return look("backprop" if series == OPTIMAL else series)


def _name(series: str, panel: pd.DataFrame) -> str:
    """Return the name of a series with its extrapolated saving."""
    fit = panel[(panel["series"] == series) & (panel["kind"] == "fit")]
    if fit.empty:
        return name(series)
    end = fit.loc[fit["x"].idxmax()]
    return f"{name(series)}\n{number(end.y)}{interval(end.low, end.high)}"
