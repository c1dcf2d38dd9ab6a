"""Energy and learning time of every rule against the network's width.

Panels: M0, M1, learning time. Where a rule was tried with several fractions or subnet sizes, M0 and
M1 are each shown for the one with the least of it, learning time for the one with the least M0.
Widths at which networks learned at another rate are shaded.
"""

import pandas as pd
from command import main
from estimates import most_sparing, tidy
from matplotlib.figure import Figure
from style import draw_series, label_ends, lay_out, name_axes, new_figure, note_rates, title

PANELS = {"A": "M0", "B": "M1", "C": "trials"}
LEAST = {"A": "M0", "B": "M1", "C": "M0"}  # what chooses the fraction and the subnet size
TITLES = {"A": "number of updates", "B": "summed change", "C": "learning time"}


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each quantity of PANELS against width, by rule."""
    chosen = ("fraction", "plastic_units", "learning_rate")
    return pd.concat(
        [
            tidy(most_sparing(energy, LEAST[letter]), letter, "width", quantity, keep=chosen)
            for letter, quantity in PANELS.items()
        ],
        ignore_index=True,
    )


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = new_figure(1, 3, height=80)
    for ax, (letter, quantity) in zip(axes, PANELS.items(), strict=True):
        panel = table[table["panel"] == letter]
        name_axes(ax, "width", quantity)
        draw_series(ax, panel)
        note_rates(ax, panel)
        title(ax, letter, TITLES[letter])
    lay_out(figure)
    label_ends(axes[-1], table[table["panel"] == "C"])
    return figure


if __name__ == "__main__":
    main(__file__, __doc__, summarise, draw)
