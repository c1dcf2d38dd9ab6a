"""Updates and learning time of rules that are not tuned again, on tasks that no search has seen.

Panels: M0 and the number of trials of competition, over those of a rule. There is one row for each
task, on which competition has the fraction and the learning rate of least M0.
"""

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import factors_saved, most_sparing, panels
from analysis.own_claims import tasks
from figures.style import draw_factors

AXES = {
    "M0": "competition's $M_0$ / $M_0$ of the rule",
    "trials": "competition's trials / trials of the rule",
}


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: factors saved (y) by rule and task (x).

    A factor is the measure of competition, tuned to the task, over that of the rule, with the same
    seed. It only exists if both networks reached the goal. Tasks that backprop or competition does
    not learn are left out.
    """
    saved = [_saved(runs).assign(task=name) for name, runs in tasks(energy)]
    return panels(
        pd.concat([energy[:0].assign(task=""), *saved]), AXES, "task", keep=["max_epochs"]
    )


def _saved(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the other rules, with competition's measures over their own."""
    rules = runs["rule"]
    tuned = most_sparing(runs[rules == "competitive"], "M0", of=())
    learned = runs[rules == "backprop"]["reached"].all() and tuned["reached"].all()
    return factors_saved(runs[(rules != "competitive") & learned], tuned, AXES)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    return draw_factors(table, 105, AXES)
