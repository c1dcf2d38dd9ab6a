"""Energy of the rules when learning rate, initial weights, loss, activation or data set change.

Panels: M0 (upper row) and M1 (lower row) by rule, against one parameter each. The other parameters
have their usual values.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from analysis.estimates import grid, variants
from figures.style import draw_grid

NUMBERS = {"learning_rate": "learning rate", "initial_sd": "initial weights' s.d."}
CHOICES = {"loss": "loss", "activation": "activation", "dataset": "data set"}
PARAMETERS = NUMBERS | CHOICES


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: M0 and M1 by rule, against each parameter that varies.

    The usual value of a parameter is the one that most runs have.
    """
    energy = energy.assign(rule=variants(energy))
    usual = {key: energy[key].mode()[0] for key in PARAMETERS}
    varied = [key for key in PARAMETERS if energy[key].nunique() > 1]
    runs = {}
    for key in varied:
        others = [other for other in PARAMETERS if other != key]
        runs[key] = energy[(energy[others] == pd.Series(usual)[others]).all(axis=1)]
    return grid(runs)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    return draw_grid(table, PARAMETERS, CHOICES, 105, _tick_values)


def _tick_values(ax: Axes, panel: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Tick the values of the parameter, and no others."""
    values = sorted(panel["x"].unique())
    ax.set_xticks(values, [f"{value:g}" for value in values])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.margins(x=0.1)
    return panel
