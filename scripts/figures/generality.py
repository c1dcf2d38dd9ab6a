"""Energy of the found rules for other goals, widths, data and losses, without further tuning.

Panels: M0 (upper row) and M1 (lower row) by rule, against the goal, against the width, and for
another data set and another loss. The other parameters have the values of most networks of the
rule.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from analysis.estimates import grid
from figures.style import draw_grid

TASKS = {
    ("mnist", "mse"): "MNIST",
    ("fashion_mnist", "mse"): "Fashion- MNIST",
    ("mnist", "cross_entropy"): "cross- entropy",
}
AXES = {"goal": "test accuracy reached (%)", "width": "width", "task": ""}


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: M0 and M1 by rule, against goal, width and task (`parameter`).

    A task is a data set and a loss. Its name includes the goal if this is not the usual one.
    `varied` says whether the task, the goal or the width is unusual; each rule has its own usual
    width.
    """
    tasks = zip(energy["dataset"], energy["loss"], strict=True)
    names = pd.Series([TASKS.get(task, " ".join(task)) for task in tasks], index=energy.index)
    usual_task = names == names.mode()[0]
    usual_goal = energy["goal"] == energy["goal"].mode()[0]
    widths = energy.groupby("rule")["width"]
    usual_width = energy["width"] == widths.transform(lambda values: values.mode()[0])
    at = " " + (100 * energy["goal"]).map("{:g}%".format)
    energy = energy.assign(
        task=names.where(usual_task | usual_goal, names + at),
        varied=~(usual_task & usual_goal & usual_width),
    )
    chosen = {
        "goal": energy[usual_task & usual_width],
        "width": energy[usual_task & usual_goal],
        "task": energy[(usual_goal | ~usual_task) & usual_width],
    }
    return grid(chosen, keep=["varied"])


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    return draw_grid(table, AXES, ["task"], 110, _as_errors)


def _as_errors(ax: Axes, panel: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Return a panel of goals with errors as x; label them by goals, rising from left to right."""
    if parameter != "goal":
        return panel
    goals = sorted(panel["x"].unique())
    ax.set_xticks([1 - goal for goal in goals], [f"{100 * goal:g}" for goal in goals])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.invert_xaxis()
    return panel.assign(x=1 - panel["x"].astype(float))
