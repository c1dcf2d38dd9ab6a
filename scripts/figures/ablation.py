"""The factor that each ingredient of a found rule saves, alone and on top of all the others.

Panels: the factor saved in M0, in M1 and in learning time. Alone: backprop over backprop with the
ingredient. On top of the others: the found rule without the ingredient over the found rule. "All":
backprop over the found rule. Factors are computed seed by seed and averaged as logarithms. The
column `searched` of the table of networks lists the ingredients of a rule; the found rule is the
one with the most. Ingredients that change no parameter are left out.
"""

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import factors_saved, panels
from analysis.tables import CONDITION
from figures.style import Style, draw_factors, look, name

AXES = {"M0": "factor of $M_0$", "M1": "factor of $M_1$", "trials": "factor of learning time"}
ALONE, ON_TOP, ALL = "alone", "on top of the others", "all"
# The rule whose colour and marker a series has, and its name in the legend.
LIKE = {ON_TOP: "frugal_updates", ALL: "competitive_subnet", ALONE: "backprop"}
KEY = {
    ON_TOP: "left out of the found rule",
    ALL: "all added to backprop",
    ALONE: "one added to backprop",
}


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: the factors of each quantity of AXES, by ingredient.

    A factor is only defined if both networks reached the goal.
    """
    searched = energy.dropna(subset=["searched"]).set_index("rule")["searched"]
    has = {rule: set(parts.split()) for rule, parts in searched.items()}
    found = max(has, key=lambda rule: len(has[rule]), default="")
    without = {rule: has[found] - parts for rule, parts in has.items()}
    pairs = [(ON_TOP, *lost, rule, found) for rule, lost in without.items() if len(lost) == 1]
    pairs += [(ALL, ALL, "backprop", found)]
    pairs += [(ALONE, *parts, "backprop", rule) for rule, parts in has.items() if len(parts) == 1]
    saved = [
        _factors(energy, *rules).assign(series=series, ingredient=what)
        for series, what, *rules in pairs
    ]
    return panels(pd.concat(saved), AXES, "ingredient", "series", ["max_epochs"])


def _factors(energy: pd.DataFrame, rule: str, other: str) -> pd.DataFrame:
    """Return a rule's energies over those of another; no rows if their parameters are equal."""
    same = ["seed", *(column for column in CONDITION if column != "rule")]
    one, two = (energy[energy["rule"] == which] for which in (rule, other))
    equal = len(one.merge(two, on=same)) > 0
    return factors_saved(two, one[:0] if equal else one, AXES)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    named = table.assign(x=table["x"].map(name))
    return draw_factors(named, 90, AXES, _look, KEY.__getitem__)


def _look(series: str) -> Style:
    return look(LIKE[series])
