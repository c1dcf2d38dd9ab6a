"""Backprop's energy and learning time against the width, for each s.d. of the initial weights.

Panels: M0 and M1, each with power laws fitted from the width of least energy, which is ringed, to
WIDEST_OF_PAPER; learning time; and the energies over M0_min and M1_min, which are the least with
which the initial weights can become the final ones.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.estimates import fitted, tidy
from analysis.seeds import WIDEST_OF_PAPER
from figures import style
from figures.subnet_size import optima, ring_optima

# The quantities of each panel, its title and its y axis.
PANELS = {
    "A": (["M0"], "updates", "M0"),
    "B": (["M1"], "change", "M1"),
    "C": (["trials"], "learning time", "trials"),
    "D": (["M0 / M0_min", "M1 / M1_min"], "energy over the least possible", "ratio"),
}
RATIOS = {"M0 / M0_min": "$M_0/M_0^{min}$", "M1 / M1_min": "$M_1/M_1^{min}$"}


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each quantity against the width, by initial s.d., and the fits.

    A series is named by its quantity and s.d.; rows of kind `optimum` have the least energy.
    """
    energy = energy[energy["rule"] == "backprop"].sort_values("initial_sd", ascending=False)
    energy = energy.assign(
        **{f"M{i} / M{i}_min": energy[f"M{i}"] / energy[f"M{i}_min"] for i in (0, 1)}
    )
    sd = energy["initial_sd"].map(" {:g}".format)
    tables = [
        tidy(energy.assign(series=y + sd), letter, "width", y, "series", ["max_epochs"])
        for letter, (quantities, *_) in PANELS.items()
        for y in quantities
    ]
    table = pd.concat(tables)
    energies = table[table["panel"].isin(["A", "B"])]
    laws = fitted(energies[energies["x"] <= WIDEST_OF_PAPER])
    return pd.concat([table, optima(energies), laws], ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = style.new_figure(2, 2, height=125, sharex=True)
    for ax, (letter, (_, heading, y)) in zip(axes, PANELS.items(), strict=True):
        panel = table[table["panel"] == letter]
        laws = letter in "AB"
        style.name_axes(ax, "width", y)
        ax.margins(0.03, 0.14 if laws else 0.05)
        drawn = panel if laws else style.without_strip(panel)
        style.draw_series(ax, drawn, _unlined if laws else _look)
        style.title(ax, letter, heading + _growth(panel))
        if laws:
            ring_optima(ax, panel, _look)
            style.key_of_laws(ax, panel, _look, _name)
    _name_quantities(axes[3], panel)
    return figure


def _look(series: str) -> style.Style:
    return style.look_of_sd(style.look("backprop"), float(series.split()[-1]))


def _unlined(series: str) -> style.Style:
    """Return the look of a series without its line, so that the fitted line is seen."""
    return _look(series) | {"linestyle": ""}


def _name(series: str) -> str:
    return f"s.d. {series.split()[-1]}"


def _growth(panel: pd.DataFrame) -> str:
    """Return how much the energy grows from the optimum to the largest width, as text to append."""
    optima = panel[panel["kind"] == "optimum"].set_index("series")
    if optima.empty:
        return ""
    means = panel[(panel["kind"] == "mean") & panel["reached"]]
    widest = means.loc[means["x"].idxmax()]
    best = optima.loc[widest["series"]]
    factor = float(f"{widest['y'] / best['y']:.2g}")
    return f": {factor:g}-fold from {best['x']:,.0f} to {widest['x']:,.0f} units"


def _name_quantities(ax: Axes, panel: pd.DataFrame) -> None:
    """Write the name of each quantity above its widest mean."""
    means = panel[(panel["kind"] == "mean") & panel["reached"]].sort_values("x")
    above: style.Style = {"xytext": (0, 7), "textcoords": "offset points", "ha": "right"}
    for quantity, points in means.groupby("quantity"):
        ax.annotate(RATIOS[quantity], points.iloc[-1][["x", "y"]], **above)
