"""Competition by other criteria than the largest update: which learn, and which fail.

Panels: M0 to reach the goal, and the accuracy in the end, against the plastic fraction, by
criterion; rules without a criterion are there to compare.
"""

import pandas as pd
from command import main
from estimates import tidy
from style import draw_series, label_ends, lay_out, name_axes, new_figure, title


def summarise(energy):
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


def draw(table):
    """Return the figure of the plotted numbers; fractions fall from left to right."""
    figure, axes = new_figure(1, 2, height=68)
    y = {"A": "M0", "B": "test accuracy in the end (%)"}
    titles = {"A": "energy to reach the goal", "B": "accuracy when stopped"}
    for ax, letter in zip(axes, "AB", strict=True):
        panel = table[table["panel"] == letter]
        name_axes(ax, "fraction", y[letter], log="xy" if letter == "A" else "x")
        draw_series(ax, panel)
        ax.invert_xaxis()
        title(ax, letter, titles[letter])
    lay_out(figure)
    label_ends(axes[-1], table[table["panel"] == "B"])
    return figure


if __name__ == "__main__":
    main(__file__, __doc__, summarise, draw)
