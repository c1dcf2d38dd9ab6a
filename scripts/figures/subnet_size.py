"""Energy of a subnet against its number of plastic units, and against the width around it.

Above: M0 and M1 against the number of plastic hidden units, for several widths of the whole network
and s.d. of the initial weights. A ring marks the size of least mean energy. Below: M0 and M1 of
subnets with SIZE plastic units against the width, with the exponents of power laws.
"""

from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.estimates import fitted, tidy
from figures import style

SIZE = 100  # plastic units of the subnets that are compared between widths [S]
# The x axis and the energy of each panel.
PANELS = {
    "A": ("plastic_units", "M0"),
    "B": ("plastic_units", "M1"),
    "C": ("width", "M0"),
    "D": ("width", "M1"),
}
# The subnet's colour, from light to dark, for widths from small to large.
SHADES = "blend:#EE9E66,#D55E00,#4F2300"


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: M0 and M1 against the subnet's size and against the width.

    A series is named by its s.d. of the initial weights and, in panels A and B, its width. Rows of
    kind `optimum` have the size of least mean energy, those of kind `exponent` the exponent of a
    power law in the width.
    """
    energy = energy.sort_values(["initial_sd", "width"], ascending=[False, True])
    sd = energy["initial_sd"].map("{:g}".format)
    sizes = energy.assign(series=sd + energy["width"].map(" {:g}".format))
    several = sizes.groupby("series")["plastic_units"].transform("nunique") > 1
    of_size = energy.assign(series=sd)[energy["plastic_units"] == SIZE]
    runs = {"plastic_units": sizes[several], "width": of_size}
    tables = [
        tidy(runs[x], letter, x, quantity, "series", keep=["max_epochs"])
        for letter, (x, quantity) in PANELS.items()
    ]
    table = pd.concat(tables)
    above = table["panel"].isin(["A", "B"])
    laws = fitted(table[~above], whole=True).query("kind == 'exponent'")
    return pd.concat([table, optima(table[above]), laws], ignore_index=True)


def optima(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of least y of each panel and series, as rows of kind `optimum`."""
    means = table[(table["kind"] == "mean") & table["reached"]].reset_index(drop=True)
    best = means.loc[means.groupby(["panel", "series"], sort=False)["y"].idxmin()]
    return best.assign(kind="optimum")


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = style.new_figure(2, 2, 130, sharey="col")
    sizes = table.loc[table["panel"] == "A", "series"].unique()
    look_of = _looks(sizes)
    for ax, (letter, (x, quantity)) in zip(axes, PANELS.items(), strict=True):
        panel = table[table["panel"] == letter]
        style.name_axes(ax, x, quantity)
        style.draw_series(ax, panel, look_of)
        if x == "width":
            style.key_of_laws(ax, panel, look_of, "initial s.d. {}".format)
            style.title(ax, letter, f"{SIZE} plastic hidden units")
        else:
            ring_optima(ax, panel, look_of)
            style.title(ax, letter, f"least with {_range(panel)} plastic units")
    style.legend(figure, {_name(one): look_of(one) for one in sizes}, columns=3)
    return figure


def ring_optima(ax: Axes, panel: pd.DataFrame, look: style.Look) -> None:
    """Draw rings around the optima of a panel."""
    optima = panel[panel["kind"] == "optimum"]
    for best in optima.itertuples():
        ring = {"ec": look(best.series)["color"], **style.marks(optima.loc[[best.Index]])}
        ax.scatter(best.x, best.y, s=55, fc="none", lw=0.9, **ring, zorder=5)


def _looks(sizes: Sequence[str]) -> style.Look:
    """Return a function that maps a series to its look: colour by width, line and fill by s.d."""
    widths = sorted({one.split()[1] for one in sizes}, key=float)
    shades = dict(zip(widths, sns.color_palette(SHADES, len(widths)), strict=True))

    def look_of(series: str) -> style.Style:
        sd, *width = series.split()
        colour = {"color": shades[width[0]]} if width else {}
        return style.look_of_sd(style.look("subnet") | colour, float(sd))

    return look_of


def _range(panel: pd.DataFrame) -> str:
    """Return the range of the optima as text, such as "60 to 100"."""
    best = panel.loc[panel["kind"] == "optimum", "x"]
    ends = sorted({best.min(), best.max()})
    return " to ".join(f"{end:,.0f}" for end in ends) if len(best) else "?"


def _name(series: str) -> str:
    sd, width = series.split()
    return f"{int(width):,} hidden units, initial s.d. {sd}"
