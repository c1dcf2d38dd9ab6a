"""Energy and learning time that it takes to reach an accuracy, from low to high accuracies.

Panels: M0, M1, learning time, taken at the first test that a run passes; by rule. The x axis is
logarithmic in the error, so that each halving of the error takes the same room.
"""

import pandas as pd
from command import main
from estimates import panels, variants
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from style import draw_series, label_ends, lay_out, name_axes, new_figure, title

PANELS = {"A": "M0", "B": "M1", "C": "trials"}
TITLES = {"A": "number of updates", "B": "summed change", "C": "learning time"}
TARGETS = [0.80, 0.85, 0.90, 0.92, 0.94, 0.95, 0.96, 0.97, 0.975, 0.98]
TICKS = [0.80, 0.90, 0.95, 0.98]


def summarise(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each quantity of PANELS against the accuracy reached, by rule.

    `curves`: a row for each test of each run, in order of trials. An accuracy that a run did not
    reach counts as not reached; one that no run reached is left out.
    """
    curves = curves.assign(series=variants(curves))
    runs = pd.concat([_first(curves, target) for target in TARGETS], ignore_index=True)
    possible = runs.groupby("target")["reached"].transform("any")
    return panels(runs[possible], PANELS.values(), "target", "series")


def _first(curves: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return each run's first row with an accuracy of at least `target`, else its last row."""
    curves = curves.assign(target=target, reached=curves["accuracy"] >= target)
    run = ["series", "width", "seed"]
    ordered = curves.sort_values("trials", kind="stable")
    first = ordered[ordered["reached"]].drop_duplicates(run, keep="first")
    last = ordered.drop_duplicates(run, keep="last")
    return pd.concat([first, last]).drop_duplicates(run, keep="first")


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = new_figure(1, 3, height=66)
    error = table.assign(x=1 - table["x"])
    for ax, (letter, quantity) in zip(axes, PANELS.items(), strict=True):
        name_axes(ax, "test accuracy reached (%)", quantity)
        draw_series(ax, error[error["panel"] == letter])
        ax.invert_xaxis()
        ax.xaxis.set_major_locator(FixedLocator([1 - tick for tick in TICKS]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * (1 - x):.3g}"))
        ax.xaxis.set_minor_locator(NullLocator())
        title(ax, letter, TITLES[letter])
    lay_out(figure)
    label_ends(axes[-1], error[error["panel"] == "C"])
    return figure


if __name__ == "__main__":
    main(__file__, __doc__, summarise, draw, inputs=["curves"])
