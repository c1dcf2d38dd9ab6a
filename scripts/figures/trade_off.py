"""Energy and learning time of every rule against the network's width.

Panels: M0, M1 and learning time. If a rule was tried with several fractions or subnet sizes, M0 is
shown for the one with the least M0, M1 for the one with the least M1, and learning time for the one
with the least M0. Widths with an unusual learning rate are shaded.
"""

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import most_sparing, tidy
from figures.style import MEASURES, draw_measures, note_rates

# For each measure, the one that is minimised to choose the fraction and the subnet size.
LEAST = {"M0": "M0", "M1": "M1", "trials": "M0"}


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each of MEASURES against the width, by rule."""
    chosen = ("fraction", "plastic_units", "learning_rate")
    return pd.concat(
        [
            tidy(most_sparing(energy, LEAST[quantity]), letter, "width", quantity, keep=chosen)
            for letter, quantity in MEASURES.items()
        ],
        ignore_index=True,
    )


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    return draw_measures(table, "width", 80, note_rates)
