"""The factors of energy that rules save when one parameter of the model changes.

Panels: the factor in M0, and in M1. There is one row for each variation of the model, which is
compared with backprop in the same variation.
"""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

from analysis.estimates import panels, variants
from figures.style import (
    TITLES,
    draw_rows,
    look,
    name,
    name_axes,
    name_sides,
    new_figure,
    title,
)

# What can be varied, and how a row is named after its value.
VARIED = {
    "learning_rate": "learning rate {:g}",
    "initial_sd": "initial s.d. {:g}",
    "loss": "{} loss",
    "activation": "{} units",
    "dataset": "{} images",
}
PANELS = {"A": "M0", "B": "M1"}
SAVED = "factor saved: backprop's ${0}$ / ${0}$ of the rule"


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: factors saved (y) by rule and variation (x).

    A factor is backprop's energy over that of the rule, with the same variation and seed. It exists
    if both reached the goal. The usual model has the values that most runs have.
    """
    varied = energy[list(VARIED)]
    usual = varied.mode().iloc[0]
    energy = energy.assign(variation=[_named(values, usual) for _, values in varied.iterrows()])
    is_backprop, pair = energy["rule"] == "backprop", ["variation", "width", "seed"]
    backprop = energy.loc[is_backprop, [*pair, "reached", *PANELS.values()]]
    runs = energy[~is_backprop].merge(backprop, on=pair, suffixes=("", "_backprop"))
    runs["reached"] &= runs["reached_backprop"]
    for quantity in PANELS.values():
        runs[quantity] = runs[f"{quantity}_backprop"] / runs[quantity]
    runs["series"] = variants(runs)
    return panels(runs, PANELS.values(), "variation", "series", ["max_epochs"])


def _named(values: pd.Series, usual: pd.Series) -> str:
    changed = [
        text.format(values[key]) for key, text in VARIED.items() if values[key] != usual[key]
    ]
    return name(", ".join(changed)) or "usual model"


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = new_figure(1, 2, height=90, sharey=True)
    for ax, (letter, quantity) in zip(axes, PANELS.items(), strict=True):
        draw_rows(ax, table[table["panel"] == letter])
        name_axes(ax, SAVED.format(f"M_{quantity[1]}"), "", log="x")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda factor, _: f"{factor:g}"))
        title(ax, letter, f"{TITLES[quantity]}\n")
        name_sides(ax)
    key = [
        Line2D([], [], **{**look(rule), "linestyle": ""}, label=name(rule))
        for rule in table["series"].unique()
    ]
    figure.legend(handles=key, loc="outside lower center", ncols=len(key))
    return figure
