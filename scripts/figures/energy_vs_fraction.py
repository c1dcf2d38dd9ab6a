"""Energy and learning time against the fraction of synapses that may change.

Panels: M0, M1, learning time, for each rule that has a fraction; backprop, where it was run, as a
level.
"""

import pandas as pd
from command import main
from estimates import panels, variants
from matplotlib.figure import Figure
from style import draw_series, label_ends, lay_out, name_axes, new_figure, title

PANELS = {"A": "M0", "B": "M1", "C": "trials"}
TITLES = {"A": "number of updates", "B": "summed change", "C": "learning time"}


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each quantity of PANELS against the fraction, by rule."""
    energy = energy.assign(series=variants(energy, ["width"]))
    return panels(energy, PANELS.values(), "fraction", "series")


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; fractions fall from left to right."""
    figure, axes = new_figure(1, 3, height=70)
    for ax, (letter, quantity) in zip(axes, PANELS.items(), strict=True):
        panel = table[table["panel"] == letter]
        name_axes(ax, "fraction", quantity)
        draw_series(ax, panel)
        ax.invert_xaxis()
        title(ax, letter, TITLES[letter])
    lay_out(figure)
    label_ends(axes[-1], table[table["panel"] == "C"])
    return figure


if __name__ == "__main__":
    main(__file__, __doc__, summarise, draw)
