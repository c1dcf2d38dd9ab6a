"""Backprop's learning time, energy and minimal energy against the width of the network.

Panels: learning time; M0 and M1, each with its minimum (computed from the initial and final weights
only) and a power law fitted from the width of least energy on; inefficiency M / M_min.
"""

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import fitted, tidy
from figures.style import (
    TITLES,
    Style,
    draw_series,
    interval,
    label_ends,
    lay_out,
    look,
    name_axes,
    new_figure,
    title,
)

PANELS = {
    "A": ("trials", ["trials"]),
    "B": ("M0", ["M0", "M0_min"]),
    "C": ("M1", ["M1", "M1_min"]),
    "D": ("inefficiency", ["M0 / M0_min", "M1 / M1_min"]),
}
NAMES = {
    "trials": "",
    "M0": "$M_0$",
    "M0_min": "$M_0^{min}$",
    "M1": "$M_1$",
    "M1_min": "$M_1^{min}$",
    "M0 / M0_min": "$M_0/M_0^{min}$",
    "M1 / M1_min": "$M_1/M_1^{min}$",
}


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each quantity of PANELS against the width, and the fits."""
    energy = energy[energy["rule"] == "backprop"].assign(
        **{f"M{i} / M{i}_min": energy[f"M{i}"] / energy[f"M{i}_min"] for i in (0, 1)}
    )
    table = pd.concat(
        [
            tidy(energy.assign(series=quantity), letter, "width", quantity, "series")
            for letter, (_, quantities) in PANELS.items()
            for quantity in quantities
        ]
    )
    return pd.concat([table, fitted(table[table["series"].isin(["M0", "M1"])])], ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = new_figure(2, 2, height=110)
    for ax, (letter, (y, _)) in zip(axes, PANELS.items(), strict=True):
        panel = table[table["panel"] == letter]
        name_axes(ax, "width", y)
        draw_series(ax, panel, _look)
        title(ax, letter, TITLES.get(y, "energy over the least possible") + _exponent(panel))
    lay_out(figure)
    for ax, letter in zip(axes[1:], "BCD", strict=True):
        label_ends(ax, table[table["panel"] == letter], _look, NAMES.__getitem__)
    return figure


def _look(quantity: str) -> Style:
    whole = "min" not in quantity or quantity.startswith("M0 /")
    return look("backprop") if whole else {"color": "#6E6E6E", "marker": "s", "linestyle": ":"}


def _exponent(panel: pd.DataFrame) -> str:
    for law in panel[panel["kind"] == "exponent"].itertuples():
        return f"; fit $\\propto$ width$^{{\\,{law.y:.2f}}}${interval(law.low, law.high)}"
    return ""
