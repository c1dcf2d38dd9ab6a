"""Turnover of the selected synapses.

Rows: synapses of the first layer, hidden units (the sum of their inputs' updates). Columns: overlap
of the winners of two trials against the trials between them; the share of all updates that the most
updated synapses or units make; participation against the plastic fraction.
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
    marks,
    name,
    name_axes,
    new_figure,
    shades,
    title,
)
from plasticity.energy import participation

Layers = Mapping[str, np.ndarray]  # number of updates of each synapse, by layer

# The rows, and their panels of overlap, shares and participation.
PARTS = {"first-layer synapses": ("A", "B", "C"), "hidden units": ("D", "E", "F")}
SHARES = np.linspace(0, 1, 201)  # of synapses or units
EVERY = 5  # points of a line of shares, for a mark that is too small to see (see docs/site.md)
FRACTIONS = [0.001, 0.01, 0.1]  # plastic fractions of competition whose shares are drawn
MASK = 0.01  # plastic fraction of the random mask beside them
WIDE = 1000  # hidden units
TITLES = ["winners of two trials", "who makes the updates", "how many take part"]


def plotted(energy: pd.DataFrame, counts: Sequence[Layers], overlaps: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: overlaps by lag, shares of updates, participation by fraction.

    `counts` has an item for each condition of `energy`, in the same order: the number of updates of
    each synapse in the first network, with the layers `hidden` (width, 785) and `out`
    (10, width + 1). `overlaps` has rows for all networks (see analysis/overlap.py); those of chance
    have no x. A random mask has no rows for hidden units, because it holds synapses of most units.
    Raises TableError if the widths in `counts` and `energy` differ.
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
    fractions = overlaps["fraction"].map("{:g} ".format)
    overlaps = overlaps.assign(
        series=overlaps["rule"] + " " + fractions + overlaps["compared"], reached=True
    )
    tables = []
    for part, (first, second, third) in PARTS.items():
        units = part == "hidden units"
        hidden = (layers["hidden"] for layers in counts)
        updates = [each.sum(axis=1) if units else each.ravel() for each in hidden]
        shown = firsts.assign(participation=[participation([each]) for each in updates])
        if units:
            shown = shown[shown["rule"] != "random_synapses"]
        compared = overlaps[overlaps["part"] == part]
        tables.append(tidy(compared, first, "lag", "overlap", "series"))
        for network in shown[_with_shares(shown)].sort_values(["rule", "fraction"]).itertuples():
            series, named = f"{network.rule} {network.fraction:g}", network.networks
            tables.append(_shares(second, series, updates[network.Index]).assign(networks=named))
        tables.append(tidy(shown, third, "fraction", "participation", "series"))
    return pd.concat(tables, ignore_index=True)


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
        across="share",
        series=series,
        kind="share",
        x=first / len(updates),
        y=taken[first] / taken[-1],
    )


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; fractions decrease from left to right."""
    figure, axes = new_figure(len(PARTS), 3, height=110)
    panels = {letter: table[table["panel"] == letter] for letter in "ABCDEF"}
    coloured = table.loc[table["quantity"] != "participation", "series"]
    shade = shades({_fraction(series) for series in coloured})
    least = table.loc[table["quantity"] == "overlap", "y"].min()
    for i, (part, (first, second, third)) in enumerate(PARTS.items()):
        overlap, shares, participation = axes[3 * i : 3 * i + 3]
        _draw_overlap(overlap, panels[first], shade)
        overlap.set(ylim=(least / 2, 1.3), ylabel=f"overlap of winners\n({part})")
        _draw_shares(shares, panels[second], shade)
        shares.set_xlabel(f"share of {part},\nmost updated first")
        _draw_participation(participation, panels[third])
        participation.set_ylabel(f"participation\n({part})")
    for ax, letter, text in zip(axes, panels, [*TITLES, "", "", ""], strict=True):
        title(ax, letter, text)
    handles, labels = axes[1].get_legend_handles_labels()
    place: Style = {"loc": "upper left", "bbox_to_anchor": (1.03, 1), "labelcolor": "linecolor"}
    axes[-1].legend(handles, labels, title="A, B, D, E", alignment="left", **place)
    lay_out(figure)
    label_ends(axes[2], panels["C"], _look, _name)
    return figure


def _draw_overlap(ax: Axes, panel: pd.DataFrame, shade: Look) -> None:
    """Draw overlaps by lag, with open markers for different digits and a dotted line for chance."""

    def styled(series: str) -> Style:
        style = shade(_fraction(series))
        differ = {"linestyle": "--", "mfc": "white", "mec": style["color"], "mew": 0.8}
        return style | (differ if _compared(series) == "different digits" else {})

    name_axes(ax, "lag (trials)", "")
    chance = panel["x"].isna()
    draw_series(ax, panel[~chance], styled)
    for mean in panel[chance & (panel["kind"] == "mean")].itertuples():
        ax.axhline(mean.y, lw=0.8, ls=":", color=styled(mean.series)["color"], zorder=0)
    ax.axhline(1, lw=0.8, ls=":", color="0.5", zorder=0)
    named: Style = {"textcoords": "offset points", "size": "small"}
    ax.annotate("always the same", (1, 1), xytext=(0, -3), va="top", color="0.5", **named)
    for series, points in panel[panel["kind"] == "mean"].groupby("series", sort=False):
        named["color"] = styled(series)["color"]
        if _compared(series) == "chance":
            ax.annotate("chance", (1, points["y"].iloc[0]), xytext=(0, -3), va="top", **named)
        else:
            ax.annotate(_compared(series), (1, points["y"].iloc[0]), xytext=(0, 4), **named)


def _draw_shares(ax: Axes, panel: pd.DataFrame, shade: Look) -> None:
    for series, points in panel.groupby("series", sort=False):
        some = points[::EVERY]
        dots: Style = {"marker": "o", "ms": 0.5, "mew": 0, "markevery": EVERY, **marks(some)}
        ax.plot(points["x"], points["y"], color=shade(series)["color"], label=name(series), **dots)
    ax.plot([0, 1], [0, 1], color="0.5", lw=0.8, ls=":", label="all equally often")
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.05), ylabel="share of all updates")


def _draw_participation(ax: Axes, panel: pd.DataFrame) -> None:
    name_axes(ax, "fraction", "participation")
    draw_series(ax, panel, _look)
    ax.axline((1, 1), (0.1, 0.1), color="0.5", lw=0.8, ls=":", zorder=0)
    ax.text(0.03, 0.04, "dotted: always\nthe same", size="small", transform=ax.transAxes)
    ax.set(xlim=(1.4, 0.0007), ylim=(0.0007, 1.4))


def _fraction(series: str) -> str:
    """Return the rule and fraction of a series of panels A, B, D and E."""
    return " ".join(series.split()[:2])


def _compared(series: str) -> str:
    """Return which trials are compared in a series of panels A and D."""
    return series.split(maxsplit=2)[2]


def _look(series: str) -> Style:
    """Return the look of a rule, with another marker and line in wide networks."""
    rule, width = series.split()
    return look(rule) | ({"marker": "s", "linestyle": "--"} if int(width) >= WIDE else {})


def _name(series: str) -> str:
    rule, width = series.split()
    return f"{name(rule)},\n{int(width):,} hidden units"
