"""Competition by other criteria than the largest update.

Panels: M0 to reach the goal against the plastic fraction, for conditions whose networks all reached
it; and the accuracy when training stopped, for the others.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.estimates import tidy
from analysis.tables import CONDITION
from figures import style
from plasticity.rules import OUT_PER_HIDDEN


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: M0, or the test error (%) in the end, by criterion and fraction.

    A condition has M0 if all of its networks reached the goal, and an error if not; without a mean
    if a network diverged. In rows with an error, x is the criterion with its fraction, in order of
    the mean error.
    """
    energy = energy.assign(series=_series(energy), error=100 * (1 - energy["accuracy"]))
    condition = energy.groupby(CONDITION, dropna=False)
    able = condition["reached"].transform("all")
    failed = energy.assign(mean=condition["error"].transform("mean"))[~able]
    failed = failed.sort_values("mean", kind="stable")
    failed["reached"] = True  # a network has an error without the goal, too
    failed["row"] = [f"{style.name(run.series)}, {run.fraction:g}" for run in failed.itertuples()]
    kept = ["fraction", "max_epochs", "goal"]
    energies = tidy(energy[able], "A", "fraction", "M0", "series", kept)
    errors = tidy(failed, "B", "row", "error", "series", kept)
    return pd.concat([energies, errors], ignore_index=True)


def _series(energy: pd.DataFrame) -> pd.Series:
    """Return the criterion of each run, or its rule if it has none; and where it competes."""
    series = energy["criterion"].fillna(energy["rule"])
    by_neuron = energy["rule"] == "competitive_per_neuron"
    usual_out = (OUT_PER_HIDDEN * energy["fraction"]).clip(upper=1)
    alone = (energy["criterion"] == "largest_update") & (energy["fraction_out"] > usual_out)
    return series.mask(by_neuron, series + " (per unit)").mask(alone, series + " (layer 1)")


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; fractions decrease from left to right."""
    figure, axes = style.new_figure(1, 2, height=90, width_ratios=(5, 4))
    panels = {letter: table[table["panel"] == letter] for letter in "AB"}
    style.name_axes(axes[0], "fraction", "M0")
    style.draw_series(axes[0], panels["A"], _look)
    axes[0].invert_xaxis()
    style.title(axes[0], "A", "reaches the goal")
    _draw_errors(axes[1], panels["B"])
    style.title(axes[1], "B", "misses the goal within \N{HORIZONTAL ELLIPSIS}")
    style.lay_out(figure)
    style.label_ends(axes[0], panels["A"], _look)
    return figure


def _draw_errors(ax: Axes, panel: pd.DataFrame) -> None:
    drawn = panel[(panel["kind"] == "run") | panel["reached"]]
    style.draw_rows(ax, drawn.assign(reached=True), _look, spread=0)
    style.name_axes(ax, "test error when stopped (%; dotted: goal)", "", log="x")
    beside: style.Style = {"transform": ax.get_yaxis_transform(), "size": "small", "va": "center"}
    runs = panel[panel["kind"] == "run"]
    for line, (_, row) in enumerate(runs.groupby("x", sort=False)):
        diverged = (~row["reached"]).sum()
        budget = style.epochs(row["max_epochs"].max())
        ax.text(1.02, line, budget + (f"\n{diverged} diverged" if diverged else ""), **beside)
    for goal in panel["goal"].unique():
        ax.axvline(100 * (1 - goal), color="0.4", lw=0.8, ls=":")


def _look(series: str) -> style.Style:
    """Return the look of a criterion, with another marker and line if it is a variant."""
    return style.look(series) | ({"marker": "s", "linestyle": "--"} if " " in series else {})
