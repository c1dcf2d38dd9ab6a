"""Energy and learning time of a subnet against its number of plastic hidden units.

Panels: M0, M1 and learning time, for each width of the whole network. A ring marks the size with
the least mean energy.
"""

from itertools import cycle

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.estimates import panels
from figures.style import MEASURES, Style, draw_measures, title

# The subnet's colour, from light to dark, for widths from small to large.
SHADES = "blend:#EE9E66,#D55E00,#4F2300"


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each of MEASURES against subnet size, a series per width.

    Rows of kind `optimum` have the size of least mean energy.
    """
    table = panels(energy.sort_values("width"), MEASURES.values(), "plastic_units", "width")
    means = table[(table["kind"] == "mean") & table["reached"] & (table["quantity"] != "trials")]
    best = means.loc[means.groupby(["panel", "series"], sort=False)["y"].idxmin()]
    return pd.concat([table, best.assign(kind="optimum")], ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    widths = table["series"].unique()
    shades = dict(zip(widths, sns.color_palette(SHADES, len(widths)), strict=True))
    markers = dict(zip(widths, cycle("osD^v"), strict=False))

    def width_look(width: str) -> Style:
        return {"color": shades[width], "marker": markers[width], "linestyle": "-"}

    def ring_least(ax: Axes, panel: pd.DataFrame) -> None:
        best = panel[panel["kind"] == "optimum"]
        ring: Style = {"s": 45, "facecolor": "none", "lw": 0.8, "zorder": 5}
        ax.scatter(best["x"], best["y"], edgecolor=best["series"].map(shades), **ring)
        if len(best):
            title(ax, best["panel"].iloc[0], _range(best["x"]))

    return draw_measures(table, "plastic_units", 66, ring_least, width_look, _name)


def _range(sizes: pd.Series) -> str:
    low, high = f"{sizes.min():,.0f}", f"{sizes.max():,.0f}"
    return f"least at {low}" + (f"\N{EN DASH}{high}" if high != low else "")


def _name(width: str) -> str:
    return f"width {int(width):,}"
