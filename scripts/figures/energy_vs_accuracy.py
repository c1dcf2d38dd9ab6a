"""Energy and learning time to reach an accuracy, by rule.

Panels: M0, M1 and learning time at the first test that reaches the accuracy. The x axis is
logarithmic in the error, so that each halving of the error has the same width.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.estimates import panels, variants
from figures.style import QUANTITIES, draw_quantities

TARGETS = [0.80, 0.85, 0.90, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.975, 0.98]
TICKS = [0.80, 0.90, 0.92, 0.95, 0.97, 0.98]


def plotted(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each of QUANTITIES against the accuracy reached, by rule.

    `curves` has a row for each test of each run. Accuracies that no run reached are left out, and
    so are those that a run had at its first test, because it reached them some time before. The
    rows of runs that did not reach an accuracy have `reached` False.
    """
    curves = curves.assign(series=variants(curves))
    runs = pd.concat([_first(curves, target) for target in TARGETS], ignore_index=True)
    early = runs["reached"] & (runs["trials"] == curves["trials"].min())
    possible = runs["reached"].groupby(runs["target"]).transform("any")
    possible &= ~early.groupby(runs["target"]).transform("any")
    return panels(runs[possible], QUANTITIES.values(), "target", "series", ["max_epochs"])


def _first(curves: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return each run's first row with an accuracy of at least `target`, or else its last row."""
    curves = curves.assign(target=target, reached=curves["accuracy"] >= target)
    run = ["series", "width", "seed"]
    ordered = curves.sort_values("trials", kind="stable")
    first = ordered[ordered["reached"]].drop_duplicates(run, keep="first")
    last = ordered.drop_duplicates(run, keep="last")
    return pd.concat([first, last]).drop_duplicates(run, keep="first")


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    return draw_quantities(table.assign(x=1 - table["x"]), "error", 66, _name_accuracies)


def _name_accuracies(ax: Axes, panel: pd.DataFrame) -> None:
    """Label the x axis, which shows errors, by accuracies that rise from left to right."""
    ax.set_xlabel("test accuracy reached (%)")
    ax.invert_xaxis()
    ax.xaxis.set_major_locator(FixedLocator([1 - tick for tick in TICKS]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * (1 - x):.3g}"))
    ax.xaxis.set_minor_locator(NullLocator())
