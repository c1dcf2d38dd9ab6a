"""The factor that each ingredient of a found rule saves, alone and on top of all the others.

Panels: the factor saved in M0, in M1 and in learning time. Alone: backprop over backprop with the
ingredient. On top of the others: the found rule without the ingredient over the found rule. "All":
backprop over the found rule. Factors are computed seed by seed and averaged as logarithms. The
column `searched` of the table of networks lists the ingredients of a rule; the found rule is the
one with the most. Ingredients that change no parameter are left out.
"""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from analysis.estimates import tidy
from analysis.tables import CONDITION
from figures.style import (
    TITLES,
    Style,
    draw_rows,
    look,
    name,
    name_axes,
    name_sides,
    new_figure,
    title,
)

PANELS = {"A": "M0", "B": "M1", "C": "trials"}
AXES = {"M0": "factor of $M_0$", "M1": "factor of $M_1$", "trials": "factor of learning time"}
ALONE, ON_TOP, ALL = "alone", "on top of the others", "all"
# The rule whose colour and marker a series has, and its name in the legend.
LIKE = {ON_TOP: "frugal_updates", ALL: "competitive_subnet", ALONE: "backprop"}
KEY = {
    ON_TOP: "left out of the found rule",
    ALL: "all added to backprop",
    ALONE: "one added to backprop",
}


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: the factors of each quantity of PANELS, by ingredient.

    A factor is only defined if both networks reached the goal.
    """
    tables = []
    for letter, quantity in PANELS.items():
        saved = _factors(energy, quantity)
        tables.append(tidy(saved, letter, "ingredient", quantity, "series", ["max_epochs"]))
    return pd.concat(tables, ignore_index=True)


def _factors(energy: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return the factors saved in `quantity`, by ingredient, series and seed."""
    searched = energy.dropna(subset=["searched"]).set_index("rule")["searched"]
    has = {rule: set(parts.split()) for rule, parts in searched.items()}
    found = max(has, key=lambda rule: len(has[rule]), default="")
    without = {rule: has[found] - parts for rule, parts in has.items()}
    pairs = [(ON_TOP, *lost, rule, found) for rule, lost in without.items() if len(lost) == 1]
    pairs += [(ALL, ALL, "backprop", found)]
    pairs += [(ALONE, *parts, "backprop", rule) for rule, parts in has.items() if len(parts) == 1]
    return pd.concat(
        [
            _ratio(energy, quantity, *compared).assign(series=series, ingredient=what)
            for series, what, *compared in pairs
        ],
        ignore_index=True,
    )


def _ratio(energy: pd.DataFrame, quantity: str, rule: str, other: str) -> pd.DataFrame:
    """Return `quantity` of a rule over that of another; nothing if they have equal parameters."""
    same = ["seed", *(column for column in CONDITION if column != "rule")]
    one, two = (energy[energy["rule"] == which] for which in (rule, other))
    if len(one.merge(two, on=same)):
        one = one[:0]
    columns = ["seed", "reached", "max_epochs", quantity]
    pairs = one[columns].merge(two[columns], on="seed", suffixes=("", "_other"))
    return pairs.assign(
        reached=pairs["reached"] & pairs["reached_other"],
        **{quantity: pairs[quantity] / pairs[f"{quantity}_other"]},
    )


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = new_figure(1, 3, height=90, sharey=True)
    for ax, (letter, quantity) in zip(axes, PANELS.items(), strict=True):
        panel = table[table["panel"] == letter]
        draw_rows(ax, panel.assign(x=panel["x"].map(name)), _look)
        name_axes(ax, AXES[quantity], "", log="x")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda factor, _: f"{factor:,g}"))
        title(ax, letter, f"{TITLES[quantity]}\n")
        name_sides(ax)
    key = [
        Line2D([], [], **{**_look(series), "linestyle": ""}, label=text)
        for series, text in KEY.items()
    ]
    figure.legend(handles=key, loc="outside lower center", ncols=len(key))
    return figure


def _look(series: str) -> Style:
    return look(LIKE[series])
