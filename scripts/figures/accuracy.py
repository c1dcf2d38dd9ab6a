"""Test error of the rules after equally long training, and their generalisation.

There is a row of panels for each width. Panels: the least test error of each network against the
plastic fraction; the test error against the training error, at each test during training.
"""

from string import ascii_uppercase

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.estimates import tidy, variants
from figures import style

KEPT = ["width", "max_epochs"]


def plotted(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: least test error (%), and test against training error (%).

    `curves` has a row for each test of each run. In the panels of training error, there is a row
    for each test and network, and one for the geometric means over the networks at each test.
    """
    curves = curves.assign(
        series=variants(curves, ["fraction"]),
        train_error=100 * (1 - curves["train_accuracy"]),
        test_error=100 * (1 - curves["accuracy"]),
        reached=True,
    )
    letters = iter(ascii_uppercase)
    tables = []
    for _, runs in curves.groupby("width"):
        best = runs.loc[runs.groupby(["series", "seed"])["test_error"].idxmin()].sort_index()
        best = best.assign(least_test_error=best["test_error"])
        tables += [
            tidy(best, next(letters), "fraction", "least_test_error", keep=KEPT),
            _along_training(runs, next(letters)),
        ]
    return pd.concat(tables, ignore_index=True)


def _along_training(runs: pd.DataFrame, letter: str) -> pd.DataFrame:
    """Return the test errors (y) and training errors (x) of one panel, at each test."""
    test, training = (
        tidy(runs, letter, "trials", error, "series", [*KEPT, "trials"])
        for error in ("test_error", "train_error")
    )
    return test.assign(across="train_error", x=training["y"])


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; both x axes decrease from left to right."""
    panels = [panel for _, panel in table.groupby("panel")]
    shade = style.shades(table.loc[table["quantity"] == "test_error", "series"].unique())
    count = len(panels) // 2
    figure, axes = style.new_figure(count, 2, 30 + 50 * count, sharex="col", sharey=True)
    for ax, panel in zip(axes[::2], panels[::2], strict=True):
        style.draw_series(ax, panel)
        style.name_axes(ax, "fraction", "test error (%)")
        style.title(ax, *_title(panel, f"lowest in {style.epochs(panel['max_epochs'].max())}"))
    for ax, panel in zip(axes[1::2], panels[1::2], strict=True):
        _draw_paths(ax, panel, shade)
        style.name_axes(ax, "training error (%)", "")
        style.title(ax, *_title(panel, "during training"))
    for ax in axes[:2]:
        ax.invert_xaxis()
    for ax in axes[:-2]:
        ax.set_xlabel("")
    style.lay_out(figure)
    for ax, panel, of_series in zip(axes, panels, [style.look, shade] * count, strict=True):
        style.label_ends(ax, panel, of_series)
    return figure


def _title(panel: pd.DataFrame, text: str) -> tuple[str, str]:
    return panel["panel"].iloc[0], f"{panel['width'].iloc[0]:,} hidden units: {text}"


def _draw_paths(ax: Axes, panel: pd.DataFrame, look: style.Look) -> None:
    """Draw single networks as dots, and a line along the means whose lowest error is marked."""
    for series, points in panel.groupby("series", sort=False):
        drawn = look(series)
        runs, means = (points[points["kind"] == kind] for kind in ("run", "mean"))
        dot: style.Style = {"s": 2, "alpha": 0.4, "lw": 0, "color": drawn["color"], "zorder": 2}
        ax.scatter(runs["x"], runs["y"], **dot, **style.marks(runs))
        means = means.sort_values("x", ascending=False)
        last: style.Style = {"markevery": [-1], "lw": 0.8, "ms": 5, "zorder": 3}
        ax.plot(means["x"], means["y"], **drawn, **last, **style.marks(means.tail(1)))
