"""Energy and learning time against the fraction of synapses that may change.

Panels: M0, M1 and learning time for each rule with a fraction. Backprop is drawn as a level.
"""

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import panels, variants
from figures.style import MEASURES, draw_measures


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each of MEASURES against the fraction, by rule."""
    energy = energy.assign(series=variants(energy, ["width"]))
    return panels(energy, MEASURES.values(), "fraction", "series")


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; fractions decrease from left to right."""
    return draw_measures(table, "fraction", 70, lambda ax, panel: ax.invert_xaxis())
