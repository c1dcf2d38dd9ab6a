"""Energy of the found rules for other goals, widths, data and losses, without further tuning.

Panels: M0 (upper row) and M1 (lower row) by rule, against the goal, against the width, and for
another data set and another loss. The other parameters have the values of most networks of the
rule.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from analysis.estimates import tidy
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
    tables = []
    for line, quantity in enumerate(["M0", "M1"]):
        for column, (key, runs) in enumerate(chosen.items()):
            letter = chr(ord("A") + line * len(chosen) + column)
            table = tidy(runs, letter, key, quantity, keep=["varied"])
            tables.append(table.assign(parameter=key))
    return pd.concat(tables, ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    letters = sorted(table["panel"].unique())
    figure, axes = new_figure(2, len(AXES), height=110, sharey="row")
    drawn = []
    for index, (ax, letter) in enumerate(zip(axes, letters, strict=True)):
        panel = table[table["panel"] == letter]
        parameter, quantity = panel.iloc[0][["parameter", "quantity"]]
        name_axes(ax, AXES[parameter], quantity, "y" if parameter == "task" else "xy")
        if index % len(AXES):
            ax.set_ylabel("")
        if parameter == "task":
            panel = place_choices(ax, panel)
        if parameter == "goal":
            panel = _as_errors(ax, panel)
        draw_series(ax, panel, unlined if parameter == "task" else look)
        title(ax, letter)
        drawn.append(panel)
    lay_out(figure)
    for index in (len(AXES) - 1, 2 * len(AXES) - 1):
        label_ends(axes[index], drawn[index])
    return figure


def _as_errors(ax: Axes, panel: pd.DataFrame) -> pd.DataFrame:
    """Return the panel with errors as x; label them by goals, which rise from left to right."""
    goals = sorted(panel["x"].unique())
    ax.set_xticks([1 - goal for goal in goals], [f"{100 * goal:g}" for goal in goals])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.invert_xaxis()
    return panel.assign(x=1 - panel["x"].astype(float))
