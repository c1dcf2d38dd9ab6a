"""Turnover of the selected synapses.

Columns: synapses of the first layer, hidden units (the sum of their inputs' updates), all synapses.
Rows: participation against the plastic fraction; the share of all updates that the most updated
synapses or units make.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.estimates import rows, tidy
from analysis.tables import CONDITION, TableError
from figures.style import (
    Look,
    Style,
    draw_series,
    label_ends,
    lay_out,
    look,
    name,
    name_axes,
    new_figure,
    shades,
    title,
)

Layers = Mapping[str, np.ndarray]  # number of updates of each synapse, by layer

# The columns: their title, and the panels of participation and of shares.
COLUMNS = {
    "hidden": ("first-layer synapses", "A", "D"),
    "units": ("hidden units", "B", "E"),
    "all": ("all synapses", "C", "F"),
}
SHARES = np.linspace(0, 1, 201)  # of synapses or units
FRACTIONS = [0.001, 0.01, 0.1]  # plastic fractions of competition whose shares are drawn
MASK = 0.01  # plastic fraction of the random mask beside them
WIDE = 1000  # hidden units


def summarise(energy: pd.DataFrame, counts: Sequence[Layers]) -> pd.DataFrame:
    """Return the plotted numbers: participation by fraction, and shares of updates.

    `counts` has an item for each condition of `energy`, in the same order: the number of updates of
    each synapse in the first network, with the layers `hidden` (width, 785) and `out`
    (10, width + 1). The participation of all synapses is that of all networks. A random mask has no
    rows for hidden units, because it holds synapses of most units. Raises TableError if the widths
    in `counts` and `energy` differ.
    """
    energy = energy.assign(reached=True)  # a run that missed the goal has a participation, too
    energy["series"] = energy["rule"] + " " + energy["width"].astype(str)
    firsts = energy.drop_duplicates(CONDITION).reset_index(drop=True)
    widths = [len(layers["hidden"]) for layers in counts]
    if widths != firsts["width"].tolist():
        raise TableError(
            f"the numbers of updates are those of networks of {widths} hidden units, the conditions"
            f" of {firsts['width'].tolist()}"
        )
    tables = []
    for which, (_, above, below) in COLUMNS.items():
        updates = [_updates(layers, which) for layers in counts]
        shown = firsts.assign(participation=[_participation(each) for each in updates])
        if which == "units":
            shown = shown[shown["rule"] != "random_synapses"]
        runs = energy if which == "all" else shown
        tables.append(tidy(runs, above, "fraction", "participation", "series"))
        tables += [
            _shares(below, f"{network.rule} {network.fraction:g}", updates[network.Index])
            for network in shown[_with_shares(shown)].itertuples()
        ]
    return pd.concat(tables, ignore_index=True)


def _updates(layers: Layers, which: str) -> np.ndarray:
    """Return the number of updates of each synapse or hidden unit of a column."""
    hidden = layers["hidden"]
    match which:
        case "units":
            return hidden.sum(axis=1)
        case "hidden":
            return hidden.ravel()
        case _:
            return np.concatenate([hidden.ravel(), layers["out"].ravel()])


def _participation(updates: np.ndarray) -> float:
    """Return the inverse Simpson index of numbers of updates, as a fraction of their count."""
    updates = updates.astype(float)
    return updates.sum() ** 2 / (len(updates) * (updates**2).sum())


def _with_shares(networks: pd.DataFrame) -> pd.Series:
    """Return for which networks the shares are drawn: some of those with the smallest width."""
    competitive = (networks["rule"] == "competitive") & networks["fraction"].isin(FRACTIONS)
    mask = (networks["rule"] == "random_synapses") & (networks["fraction"] == MASK)
    return (competitive | mask) & (networks["width"] == networks["width"].min())


def _shares(panel: str, series: str, updates: np.ndarray) -> pd.DataFrame:
    """Return the share of updates against the share of synapses, in order of their updates."""
    taken = np.append(0, np.cumsum(np.sort(updates)[::-1], dtype=float))
    first = np.unique(np.rint(SHARES * len(updates)).astype(int))
    return rows(
        panel=panel,
        quantity="share of updates",
        series=series,
        kind="share",
        x=first / len(updates),
        y=taken[first] / taken[-1],
    )


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; fractions decrease from left to right."""
    figure, axes = new_figure(2, len(COLUMNS), height=120, sharey="row")
    panels = {letter: table[table["panel"] == letter] for letter in "ABCDEF"}
    shade = shades(table.loc[table["kind"] == "share", "series"].unique())
    columns = zip(COLUMNS.values(), axes, axes[len(COLUMNS) :], strict=False)
    for (text, above, below), top, bottom in columns:
        _draw_participation(top, panels[above])
        title(top, above, text)
        _draw_shares(bottom, panels[below], shade)
        bottom.set_xlabel(f"share of {text},\nmost updated first")
        title(bottom, below)
    axes[0].set_ylabel("participation\n(effective fraction that takes part)")
    axes[len(COLUMNS)].set_ylabel("share of all updates")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.03, 1), labelcolor="linecolor")
    lay_out(figure)
    label_ends(axes[len(COLUMNS) - 1], panels["C"], _look, _name)
    return figure


def _draw_participation(ax: Axes, panel: pd.DataFrame) -> None:
    name_axes(ax, "fraction", "")
    draw_series(ax, panel, _look)
    ax.axline((1, 1), (0.1, 0.1), color="0.5", lw=0.8, ls=":", zorder=0)
    ax.text(0.03, 0.04, "dotted: always the same", size="small", transform=ax.transAxes)
    ax.invert_xaxis()


def _draw_shares(ax: Axes, panel: pd.DataFrame, shade: Look) -> None:
    for series, points in panel.groupby("series", sort=False):
        ax.plot(points["x"], points["y"], color=shade(series)["color"], label=name(series))
    ax.plot([0, 1], [0, 1], color="0.5", lw=0.8, ls=":", label="all equally often")
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.05))


def _look(series: str) -> Style:
    """Return the look of a rule, with another marker and line in wide networks."""
    rule, width = series.split()
    return look(rule) | ({"marker": "s", "linestyle": "--"} if int(width) >= WIDE else {})


def _name(series: str) -> str:
    rule, width = series.split()
    return f"{name(rule)},\n{int(width):,} hidden units"
