"""The factors of energy that rules save when one parameter of the model changes.

Panels: the factor in M0, and in M1. There is one row for each variation of the model, which is
compared with backprop in the same variation.
"""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from analysis.estimates import factors_saved, panels, variants
from figures.style import draw_factors, name

# What can be varied, and how a row is named after its value.
VARIED = {
    "learning_rate": "learning rate {:g}",
    "initial_sd": "initial s.d. {:g}",
    "loss": "{} loss",
    "activation": "{} units",
    "dataset": "{} images",
}
AXES = {
    "M0": "factor saved: backprop's $M_0$ / $M_0$ of the rule",
    "M1": "factor saved: backprop's $M_1$ / $M_1$ of the rule",
}


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: factors saved (y) by rule and variation (x).

    A factor is backprop's energy over that of the rule, with the same variation and seed. It exists
    if both reached the goal. The usual model has the values that most runs have.
    """
    varied = energy[list(VARIED)]
    usual = varied.mode().iloc[0]
    energy = energy.assign(variation=[_named(values, usual) for _, values in varied.iterrows()])
    is_backprop = energy["rule"] == "backprop"
    pair = ["variation", "width", "seed"]
    runs = factors_saved(energy[~is_backprop], energy[is_backprop], AXES, on=pair)
    runs["series"] = variants(runs)
    return panels(runs, AXES, "variation", "series", ["max_epochs"])


def _named(values: pd.Series, usual: pd.Series) -> str:
    changed = [
        text.format(values[key]) for key, text in VARIED.items() if values[key] != usual[key]
    ]
    return name(", ".join(changed)) or "usual model"


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure = draw_factors(table, 90, AXES)
    for ax in figure.axes:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    return figure
