"""Updates and learning time of rules that are not tuned again, on tasks that no search has seen.

Panels: M0 and the number of trials of competition, over those of a rule. There is one row for each
task, on which competition has the fraction and the learning rate of least M0.
"""

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import factors_saved, most_sparing, panels
from analysis.own_claims import tasks
from figures.style import draw_factors, name

AXES = {
    "M0": "competition's $M_0$ / $M_0$ of the rule",
    "trials": "competition's trials / trials of the rule",
}
NAMED = {"competitive": "competitive, only the fraction tuned"}


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: factors saved (y) by rule and task (x).

    A factor is the measure of competition, tuned to the task, over that of the rule, with the same
    seed. It only exists if both networks reached the goal. One of the rules is competition with
    backprop's learning rate, of which only the fraction is tuned. Tasks that backprop or
    competition does not learn are left out.
    """
    saved = [_saved(runs).assign(task=task) for task, runs in tasks(energy)]
    return panels(
        pd.concat([energy[:0].assign(task=""), *saved]), AXES, "task", keep=["max_epochs"]
    )


def _saved(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the compared runs of a task, with the measures of tuned competition over their own."""
    rules = runs["rule"]
    backprop, competition = runs[rules == "backprop"], runs[rules == "competitive"]
    usual_rate = competition["learning_rate"].isin(backprop["learning_rate"])
    tuned, partly_tuned = (
        most_sparing(one, "M0", of=()) for one in (competition, competition[usual_rate])
    )
    compared = pd.concat([runs[~rules.isin(["backprop", "competitive"])], partly_tuned])
    learned = pd.concat([backprop, tuned, partly_tuned])["reached"].all()
    return factors_saved(compared if learned else compared[:0], tuned, AXES)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    return draw_factors(table, 125, AXES, name=lambda rule: NAMED.get(rule, name(rule)))
