"""Competition by other criteria than the largest update.

Panels: M0 to reach the goal and the final test error against the plastic fraction, by criterion.
Rules without a criterion are shown for comparison.
"""

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import tidy
from figures.style import draw_series, label_ends, lay_out, name_axes, new_figure, title


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: M0 and final test error (%) by criterion and fraction."""
    energy = energy.assign(
        series=energy["criterion"].fillna(energy["rule"]), error=100 * (1 - energy["accuracy"])
    )
    ended = energy.assign(reached=True)  # a run has an error even if it missed the goal
    return pd.concat(
        [
            tidy(energy, "A", "fraction", "M0", "series"),
            tidy(ended, "B", "fraction", "error", "series"),
        ],
        ignore_index=True,
    )


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; fractions decrease from left to right."""
    figure, axes = new_figure(1, 2, height=68)
    y = {"A": "M0", "B": "test error in the end (%)"}
    titles = {"A": "energy to reach the goal", "B": "error when stopped"}
    panels = {letter: table[table["panel"] == letter] for letter in "AB"}
    for ax, letter in zip(axes, "AB", strict=True):
        name_axes(ax, "fraction", y[letter])
        draw_series(ax, panels[letter])
        ax.invert_xaxis()
        title(ax, letter, titles[letter])
    lay_out(figure)
    label_ends(axes[-1], panels["B"])
    return figure
