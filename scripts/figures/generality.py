"""The factors of energy that rules save in other tasks and widths, without further tuning.

Panels: the factor in M0, and in M1. There is one row for each variation, which is compared with
backprop in the same variation (see analysis/own_claims.py).
"""

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import factors_saved, panels
from analysis.own_claims import variations
from figures.style import draw_factors

AXES = {
    "M0": "backprop's $M_0$ / $M_0$ of the rule",
    "M1": "backprop's $M_1$ / $M_1$ of the rule",
}


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: factors saved (y) by rule and variation (x).

    A factor is backprop's energy over that of the rule, with the same variation and seed. It only
    exists if both networks reached the goal. Variations without backprop, or in which it does not
    always reach the goal, are left out.
    """
    saved = [_saved(runs).assign(variation=name) for name, runs in variations(energy)]
    runs = pd.concat([energy[:0].assign(variation=""), *saved])
    return panels(runs, AXES, "variation", keep=["max_epochs", "width"])


def _saved(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the other rules, with backprop's energies over their own."""
    is_backprop = runs["rule"] == "backprop"
    backprop = runs[is_backprop]
    return factors_saved(runs[~is_backprop & backprop["reached"].all()], backprop, AXES)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    return draw_factors(table, 105, AXES)
