"""Energy of the rules when learning rate, initial weights, loss, activation or data set change.

Panels: M0 (upper row) and M1 (lower row) by rule, against one parameter each. The other parameters
have their usual values.
"""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from analysis.estimates import tidy, variants
from figures.style import (
    draw_series,
    label_ends,
    lay_out,
    look,
    name_axes,
    new_figure,
    place_choices,
    title,
    unlined,
)

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
    tables = []
    for column, key in enumerate(varied):
        others = [other for other in PARAMETERS if other != key]
        runs = energy[(energy[others] == pd.Series(usual)[others]).all(axis=1)]
        for line, quantity in enumerate(["M0", "M1"]):
            letter = chr(ord("A") + line * len(varied) + column)
            tables.append(tidy(runs, letter, key, quantity).assign(parameter=key))
    return pd.concat(tables, ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    letters = sorted(table["panel"].unique())
    columns = len(letters) // 2
    figure, axes = new_figure(2, columns, height=105, sharey="row")
    drawn = []
    for index, (ax, letter) in enumerate(zip(axes, letters, strict=True)):
        panel = table[table["panel"] == letter]
        parameter, quantity = panel.iloc[0][["parameter", "quantity"]]
        name_axes(ax, PARAMETERS[parameter], quantity, "xy" if parameter in NUMBERS else "y")
        if index % columns:
            ax.set_ylabel("")
        if parameter in CHOICES:
            panel = place_choices(ax, panel)
        else:
            values = sorted(panel["x"].unique())
            ax.set_xticks(values, [f"{value:g}" for value in values])
            ax.xaxis.set_minor_locator(NullLocator())
            ax.margins(x=0.1)
        draw_series(ax, panel, look if parameter in NUMBERS else unlined)
        title(ax, letter)
        drawn.append(panel)
    lay_out(figure)
    for index in (columns - 1, 2 * columns - 1):
        label_ends(axes[index], drawn[index])
    return figure
