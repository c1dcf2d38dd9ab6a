"""The factors of energy that rules save in other tasks and widths, without further tuning.

Panels: the factor in M0, and in M1. There is one row for each variation, which is compared with
backprop in the same variation (see analysis/own_claims.py).
"""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from analysis.estimates import tidy
from analysis.own_claims import variations
from figures.style import TITLES, draw_rows, look, name, name_axes, name_sides, new_figure, title

AXES = {
    "M0": "backprop's $M_0$ / $M_0$ of the rule",
    "M1": "backprop's $M_1$ / $M_1$ of the rule",
}


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: factors saved (y) by rule and variation (x).

    A factor is backprop's energy over that of the rule, with the same variation and seed. It only
    exists if both networks reached the goal. Variations without backprop, or in which it does not
    always reach the goal, are left out.
    """
    saved = [_saved(*variation) for variation in variations(energy)]
    runs = pd.concat([energy[:0].assign(variation=""), *saved])
    return pd.concat(
        [
            tidy(runs, letter, "variation", quantity, keep=["max_epochs", "width"])
            for letter, quantity in zip("AB", AXES, strict=True)
        ],
        ignore_index=True,
    )


def _saved(variation: str, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the other rules, with backprop's energies over their own."""
    is_backprop = runs["rule"] == "backprop"
    backprop = runs.loc[is_backprop, ["seed", "reached", *AXES]]
    others = runs[~is_backprop & backprop["reached"].all()]
    pairs = others.merge(backprop, on="seed", suffixes=("", "_backprop"))
    factors = {quantity: pairs[f"{quantity}_backprop"] / pairs[quantity] for quantity in AXES}
    return pairs.assign(variation=variation, **factors)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = new_figure(1, 2, height=105, sharey=True)
    for ax, (quantity, text) in zip(axes, AXES.items(), strict=True):
        panel = table[table["quantity"] == quantity]
        draw_rows(ax, panel)
        name_axes(ax, text, "", log="x")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda factor, _: f"{factor:,g}"))
        title(ax, "AB"[quantity == "M1"], f"{TITLES[quantity]}\n")
        name_sides(ax)
    key = [
        Line2D([], [], **{**look(rule), "linestyle": ""}, label=name(rule))
        for rule in table["series"].unique()
    ]
    figure.legend(handles=key, loc="outside lower center", ncols=max(len(key), 1))
    return figure
