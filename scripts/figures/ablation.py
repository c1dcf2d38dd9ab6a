"""The factor that each ingredient of a found rule saves, alone and on top of all the others.

Panels: the factor saved in M0, in M1 and in learning time. Alone: backprop over backprop with the
ingredient. On top of the others: the found rule without the ingredient over the found rule. "All":
backprop over the found rule. Factors are computed seed by seed and averaged as logarithms. The
column `searched` of the table of networks lists the ingredients of a rule; the found rule is the
one with the most.
"""

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import tidy
from figures.style import (
    Style,
    draw_series,
    label_ends,
    lay_out,
    name_axes,
    new_figure,
    place_choices,
    title,
    unlined,
)

PANELS = {"A": "M0", "B": "M1", "C": "trials"}
AXES = {"M0": "factor of $M_0$", "M1": "factor of $M_1$", "trials": "factor of learning time"}
TITLES = {"A": "saves updates", "B": "saves change", "C": "saves time"}
ALONE, ON_TOP, ALL = "alone", "on top of the others", "all"
# The rule whose colour and marker a series has.
LIKE = {ALONE: "backprop", ON_TOP: "frugal_updates", ALL: "competitive_subnet"}


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: the factors of each quantity of PANELS, by ingredient.

    A factor is only defined if both networks reached the goal.
    """
    tables = []
    for letter, quantity in PANELS.items():
        saved = _factors(energy, quantity)
        tables.append(tidy(saved, letter, "ingredient", quantity, "series"))
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
    columns = ["seed", "reached", quantity]
    one, two = (energy.loc[energy["rule"] == which, columns] for which in (rule, other))
    pairs = one.merge(two, on="seed", suffixes=("", "_other"))
    factor = pairs[quantity] / pairs[f"{quantity}_other"]
    return pairs.assign(reached=pairs["reached"] & pairs["reached_other"], **{quantity: factor})


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = new_figure(1, 3, height=72)
    drawn = []
    for ax, (letter, quantity) in zip(axes, PANELS.items(), strict=True):
        name_axes(ax, "", AXES[quantity], "y")
        panel = place_choices(ax, table[table["panel"] == letter])
        ax.tick_params(axis="x", labelrotation=90)
        draw_series(ax, panel, _look)
        ax.axhline(1, color="0.7", lw=0.6, zorder=0)
        title(ax, letter, TITLES[letter])
        drawn.append(panel)
    lay_out(figure)
    label_ends(axes[-1], drawn[-1], _look)
    return figure


def _look(series: str) -> Style:
    return unlined(LIKE[series])
