"""Competition by other criteria than the largest update: which learn, and which fail.

Panels: M0 to reach the goal, and the test error in the end, against the plastic fraction, by
criterion; rules without a criterion are there to compare.
"""

import pandas as pd
from command import main
from estimates import errors, tidy
from matplotlib.figure import Figure
from style import draw_series, label_ends, lay_out, name_axes, new_figure, title


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: M0 and final accuracy (%) against the fraction, by criterion."""
    energy = energy.assign(
        series=energy["criterion"].fillna(energy["rule"]), accuracy=100 * energy["accuracy"]
    )
    ended = energy.assign(reached=True)  # each run has an accuracy, whether enough or not
    return pd.concat(
        [
            tidy(energy, "A", "fraction", "M0", "series"),
            tidy(ended, "B", "fraction", "accuracy", "series"),
        ],
        ignore_index=True,
    )


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; fractions fall from left to right."""
    figure, axes = new_figure(1, 2, height=68)
    y = {"A": "M0", "B": "test error in the end (%)"}
    titles = {"A": "energy to reach the goal", "B": "error when stopped"}
    panels = {"A": table[table["panel"] == "A"], "B": errors(table[table["panel"] == "B"])}
    for ax, letter in zip(axes, "AB", strict=True):
        name_axes(ax, "fraction", y[letter])
        draw_series(ax, panels[letter])
        ax.invert_xaxis()
        title(ax, letter, titles[letter])
    lay_out(figure)
    label_ends(axes[-1], panels["B"])
    return figure


if __name__ == "__main__":
    main(__file__, __doc__, summarise, draw)
