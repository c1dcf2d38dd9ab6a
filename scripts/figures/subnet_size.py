"""Energy and learning time of a subnet against its number of plastic hidden units.

Panels: M0, M1, learning time, for each width of the whole network; the size of least mean energy is
ringed.
"""

from itertools import cycle

import pandas as pd
import seaborn as sns
from command import main
from estimates import panels
from matplotlib.figure import Figure
from style import Style, draw_series, label_ends, lay_out, name_axes, new_figure, title

PANELS = {"A": "M0", "B": "M1", "C": "trials"}
# The subnet's colour, from light to dark, for widths from small to large.
SHADES = "blend:#EE9E66,#D55E00,#4F2300"


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each quantity of PANELS against subnet size, a series a width.

    Rows of kind `optimum` hold the size of least mean energy.
    """
    table = panels(energy.sort_values("width"), PANELS.values(), "plastic_units", "width")
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

    figure, axes = new_figure(1, 3, height=66)
    for ax, (letter, quantity) in zip(axes, PANELS.items(), strict=True):
        panel = table[table["panel"] == letter]
        name_axes(ax, "plastic_units", quantity)
        draw_series(ax, panel, width_look)
        best = panel[panel["kind"] == "optimum"]
        ring: Style = {"s": 45, "facecolor": "none", "lw": 0.8, "zorder": 5}
        ax.scatter(best["x"], best["y"], edgecolor=best["series"].map(shades), **ring)
        title(ax, letter, _range(best["x"]))
    lay_out(figure)
    label_ends(axes[-1], table[table["panel"] == "C"], width_look, _name)
    return figure


def _range(sizes: pd.Series) -> str:
    if sizes.empty:
        return ""
    low, high = f"{sizes.min():,.0f}", f"{sizes.max():,.0f}"
    return f"least at {low}" + (f"\N{EN DASH}{high}" if high != low else "")


def _name(width: str) -> str:
    return f"width {int(width):,}"


if __name__ == "__main__":
    main(__file__, __doc__, summarise, draw)
