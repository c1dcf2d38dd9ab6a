"""Do found rules save elsewhere, too, without being tuned again? Other goals, widths, data, loss.

Panels: M0 (upper) and M1 (lower line) by rule, against the goal, against the width, and for another
data set and another loss; everything else as most of the rule's networks have it.
"""

import pandas as pd
from command import main
from estimates import tidy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from style import (
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

    A task is a data set and a loss, named with its goal where that is not the usual one. `varied`:
    whether anything is not as usual. The usual width is each rule's own.
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
    for place, (ax, letter) in enumerate(zip(axes, letters, strict=True)):
        panel = table[table["panel"] == letter]
        parameter, quantity = panel.iloc[0][["parameter", "quantity"]]
        name_axes(ax, AXES[parameter], quantity, "y" if parameter == "task" else "xy")
        if place % len(AXES):
            ax.set_ylabel("")
        if parameter == "task":
            panel = place_choices(ax, panel)
        if parameter == "goal":
            panel = _as_errors(ax, panel)
        draw_series(ax, panel, unlined if parameter == "task" else look)
        title(ax, letter)
        drawn.append(panel)
    lay_out(figure)
    for place in (len(AXES) - 1, 2 * len(AXES) - 1):
        label_ends(axes[place], drawn[place])
    return figure


def _as_errors(ax: Axes, panel: pd.DataFrame) -> pd.DataFrame:
    """Return the panel with errors for goals, each halving of which takes the same room."""
    goals = sorted(panel["x"].unique())
    ax.set_xticks([1 - goal for goal in goals], [f"{100 * goal:g}" for goal in goals])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.invert_xaxis()
    return panel.assign(x=1 - panel["x"].astype(float))


if __name__ == "__main__":
    main(__file__, __doc__, summarise, draw)
