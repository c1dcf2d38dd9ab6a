"""Energy against the fraction of synapses, or of hidden units, that may change.

Columns: rules that choose synapses, and rules that choose hidden units. Rows: M0 and M1. Backprop
is drawn as a level.
"""

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import tidy, variants
from figures import style

# The rules that choose hidden units. All other rules with a fraction choose synapses.
OF_NEURONS = ["fixed_neurons", "random_neurons", "class_neurons", "alternating_neurons"]
# The title, the quantity and the rules of each panel: among hidden units or not.
PANELS = {
    "A": ("a fraction of the synapses changes", "M0", False),
    "B": ("a fraction of the hidden units changes", "M0", True),
    "C": ("", "M1", False),
    "D": ("", "M1", True),
}


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: M0 and M1 against the fraction, by rule."""
    energy = energy.assign(series=variants(energy, ["width"]))
    of_neurons, backprop = energy["rule"].isin(OF_NEURONS), energy["rule"] == "backprop"
    tables = []
    for letter, (_, quantity, wanted) in PANELS.items():
        shown = energy[backprop | (of_neurons == wanted)]
        tables.append(tidy(shown, letter, "fraction", quantity, "series", ["max_epochs"]))
    return pd.concat(tables, ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; fractions decrease from left to right."""
    figure, axes = style.new_figure(2, 2, height=130, sharex=True, sharey="row")
    panels = {letter: table[table["panel"] == letter] for letter in PANELS}
    for ax, (letter, (heading, quantity, _)) in zip(axes, PANELS.items(), strict=True):
        style.name_axes(ax, "fraction", quantity)
        # What does not reach the goal is marked once, above M0.
        marked = panels[letter]["reached"] | (quantity == "M0")
        style.draw_series(ax, panels[letter][marked])
        style.title(ax, letter, heading)
        ax.label_outer()
    axes[0].invert_xaxis()
    style.lay_out(figure)
    for ax, letter in zip(axes, PANELS, strict=True):
        style.label_ends(ax, panels[letter])
    return figure
