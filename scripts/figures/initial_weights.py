"""Energy against the width, for each s.d. of the initial weights and several rules.

There is a column for each rule; M0 is above, M1 below. If a rule was tried with several fractions
or subnet sizes, the one with the least energy is shown at each width and s.d.
"""

from itertools import product
from string import ascii_uppercase

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import most_sparing, tidy
from figures import style

QUANTITIES = ["M0", "M1"]
RULES = ["backprop", "competitive", "subnet", "competitive_subnet"]


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: M0 and M1 against the width, by rule and initial s.d."""
    energy = energy.sort_values("initial_sd", ascending=False, kind="stable")
    energy = energy.assign(series=energy["rule"] + energy["initial_sd"].map(" {:g}".format))
    rules = [rule for rule in RULES if rule in set(energy["rule"])]
    kept = ["rule", "initial_sd", "fraction", "plastic_units", "max_epochs"]
    tables = []
    for letter, (quantity, rule) in zip(ascii_uppercase, product(QUANTITIES, rules), strict=False):
        best = most_sparing(energy[energy["rule"] == rule], quantity, of=("series", "width"))
        tables.append(tidy(best, letter, "width", quantity, "series", kept))
    return pd.concat(tables, ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    letters = sorted(table["panel"].unique())
    columns = len(letters) // 2
    figure, axes = style.new_figure(2, columns, 115, sharex=True, sharey="row")
    for ax, letter in zip(axes, letters, strict=True):
        panel = table[table["panel"] == letter]
        quantity = panel["quantity"].iloc[0]
        style.name_axes(ax, "width", quantity)
        # The strip of M0 is that of M1, too.
        style.draw_series(ax, panel if quantity == "M0" else style.without_strip(panel), _look)
        style.title(ax, letter, style.name(panel["rule"].iloc[0]))
        ax.label_outer()
    sds = table["initial_sd"].unique()
    style.legend(figure, {f"initial weights of s.d. {sd:g}": _look(f"backprop {sd}") for sd in sds})
    return figure


def _look(series: str) -> style.Style:
    return style.look_of_sd(style.look(series), float(series.split()[1]))
