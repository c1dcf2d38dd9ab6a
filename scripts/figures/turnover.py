"""Turnover of the selected synapses.

Panels: participation against the plastic fraction; the share of all updates in the most updated
synapses; images of the number of updates of hidden units' synapses, by input pixel.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from analysis.estimates import rows, tidy
from analysis.tables import CONDITION, TableError
from figures.style import (
    blank_figure,
    draw_series,
    label_ends,
    lay_out,
    look,
    name,
    name_axes,
    title,
)

Layers = Mapping[str, np.ndarray]  # number of updates of each synapse, by layer

SHARES = np.geomspace(1e-4, 1, 81)  # of all synapses
FRACTION = 0.01  # plastic fraction of the networks in panels B and C (or the nearest one)
UNITS = 6  # images per rule
SIDE = 28  # pixels


def summarise(energy: pd.DataFrame, counts: Sequence[Layers]) -> pd.DataFrame:
    """Return the plotted numbers: participation by rule, shares of updates, counts by pixel.

    `counts` has an item for each condition of `energy`, in the same order: the number of updates of
    each synapse in the first network, with the layers `hidden` (width, 785) and `out`
    (10, width + 1). In rows of kind `picture`, x is a pixel and the quantity names the unit. Raises
    TableError if the widths in `counts` and `energy` differ.
    """
    conditions = energy.drop_duplicates(CONDITION).reset_index(drop=True)
    widths = [len(layers["hidden"]) for layers in counts]
    if widths != conditions["width"].tolist():
        raise TableError(
            f"the numbers of updates are those of networks of {widths} hidden units, the conditions"
            f" of {conditions['width'].tolist()}"
        )
    ended = energy.assign(reached=True)  # a run that missed the goal has a participation, too
    tables = [tidy(ended, "A", "fraction", "participation")]
    for condition in _looked_into(conditions).itertuples():
        layers = counts[condition.Index]
        series = f"{condition.rule} {condition.fraction:g}"
        tables += [_shares(series, layers), *_pictures(series, layers["hidden"])]
    return pd.concat(tables, ignore_index=True)


def _looked_into(conditions: pd.DataFrame) -> pd.DataFrame:
    """Return the condition with the fraction nearest to FRACTION, for each rule with a fraction."""
    distance = np.log(conditions["fraction"].dropna() / FRACTION).abs().sort_values(kind="stable")
    return conditions.loc[distance.index].drop_duplicates("rule").sort_values("rule")


def _pictures(series: str, hidden: np.ndarray) -> list[pd.DataFrame]:
    """Return the number of updates by pixel, for the most updated hidden units."""
    pixels = hidden[:, : SIDE * SIDE]
    most = np.argsort(-pixels.sum(axis=1), kind="stable")[:UNITS]
    common = {"panel": "C", "series": series, "kind": "picture", "x": np.arange(SIDE * SIDE)}
    return [rows(**common, quantity=f"updates of unit {unit}", y=pixels[unit]) for unit in most]


def _shares(series: str, layers: Layers) -> pd.DataFrame:
    """Return the share of updates against the share of synapses, in order of their updates."""
    counts = -np.sort(-np.concatenate([layers["hidden"].ravel(), layers["out"].ravel()]))
    taken = np.cumsum(counts, dtype=float) / counts.sum()
    first = np.maximum(np.rint(SHARES * len(counts)).astype(int), 1)
    return rows(
        panel="B",
        quantity="share of updates",
        series=series,
        kind="share",
        x=first / len(counts),
        y=taken[first - 1],
    )


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    pictures = table[table["kind"] == "picture"]
    series = list(pictures["series"].unique())
    figure = blank_figure(height=62 + 28 * len(series))
    ratios = [62, 28 * len(series)]
    (above,), (below,) = figure.subfigures(2, 1, squeeze=False, height_ratios=ratios)
    left, right = above.subplots(1, 2)
    _draw_participation(left, table[table["panel"] == "A"])
    _draw_shares(right, table[table["panel"] == "B"])
    lay_out(figure)
    label_ends(left, table[table["panel"] == "A"])
    axes = below.subplots(len(series), UNITS, squeeze=False)
    for line, which in zip(axes, series, strict=True):
        _draw_pictures(below, line, pictures[pictures["series"] == which], which)
    heading = "$\\bf{C}$  updates of a hidden unit's inputs, for the most updated units"
    below.suptitle(heading, x=0.03, ha="left")
    return figure


def _draw_participation(ax: Axes, panel: pd.DataFrame) -> None:
    name_axes(ax, "fraction", "participation (fraction of synapses)")
    draw_series(ax, panel)
    ax.axline((1, 1), (0.1, 0.1), color="0.6", lw=0.6, ls=":", zorder=0)
    ax.text(0.03, 0.05, "dotted: always the same synapses", transform=ax.transAxes, color="0.4")
    ax.invert_xaxis()
    title(ax, "A", "how many synapses take part")


def _draw_shares(ax: Axes, panel: pd.DataFrame) -> None:
    name_axes(ax, "fraction of synapses, most updated first", "share of all updates", log="x")
    for series, points in panel.groupby("series", sort=False):
        ax.plot(points["x"], points["y"], color=look(series)["color"], label=name(series))
    ax.plot(SHARES, SHARES, color="0.6", lw=0.6, ls=":", label="all equally often")
    ax.set(ylim=(0, 1.02))
    ax.legend(loc="upper left", labelcolor="linecolor")
    title(ax, "B", "how unevenly updates are shared")


def _draw_pictures(
    figure: SubFigure, axes: Sequence[Axes], pictures: pd.DataFrame, series: str
) -> None:
    shown = [
        p["y"].to_numpy().reshape(SIDE, SIDE) for _, p in pictures.groupby("quantity", sort=False)
    ]
    for ax in axes:
        ax.set_axis_off()
    for ax, picture in zip(axes, shown, strict=False):
        image = ax.imshow(picture, cmap="magma", vmin=0, vmax=np.max(shown))
    axes[0].text(
        -0.08,
        0.5,
        name(series.replace(" ", "\n")),
        transform=axes[0].transAxes,
        rotation=90,
        va="center",
        ha="right",
        multialignment="center",
        color=look(series)["color"],
    )
    figure.colorbar(image, ax=list(axes), label="updates", aspect=10, pad=0.01)
