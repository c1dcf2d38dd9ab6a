"""Which synapses change: does the chosen set turn over, or is it always the same?

Panels: participation against the plastic fraction; the share of all updates that the most updated
synapses take; pictures of what hidden units learn from, the number of updates of each input pixel.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from command import main
from estimates import rows, tidy
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from style import blank_figure, draw_series, label_ends, lay_out, look, name, name_axes, title

Condition = tuple[str, float]  # its rule and its fraction
Layers = Mapping[str, np.ndarray]  # how often each synapse of a layer changed

SHARES = np.geomspace(1e-4, 1, 81)  # of all synapses
FRACTION = 0.01  # plastic fraction of the networks that are looked into (or the nearest one)
UNITS = 6  # pictures for each rule
SIDE = 28  # pixels


def summarise(energy: pd.DataFrame, counts: Mapping[Condition, Layers]) -> pd.DataFrame:
    """Return the plotted numbers: participation by rule, shares of updates, counts by pixel.

    `counts`: {(rule, fraction): updates of each synapse}, of the layers `hidden` (width, 785) and
    `out` (10, width + 1). Rows of kind `picture`: x is a pixel, the quantity names the unit.
    """
    ended = energy.assign(reached=True)  # a run that fell short has a participation too
    tables = [tidy(ended, "A", "fraction", "participation")]
    for rule, fraction in _looked_into(counts):
        layers = counts[rule, fraction]
        series = f"{rule} {fraction:g}"
        tables += [_shares(series, layers), *_pictures(series, layers["hidden"])]
    return pd.concat(tables, ignore_index=True)


def _looked_into(counts: Iterable[Condition]) -> list[Condition]:
    """Return for each rule with a fraction the condition whose fraction is next to FRACTION."""
    chosen: dict[str, Condition] = {}
    having = [condition for condition in counts if np.isfinite(condition[1])]
    for rule, fraction in sorted(
        having, key=lambda condition: abs(np.log(condition[1] / FRACTION))
    ):
        chosen.setdefault(rule, (rule, fraction))
    return sorted(chosen.values())


def _pictures(series: str, hidden: np.ndarray) -> list[pd.DataFrame]:
    """Return how often each pixel's synapse changed, for the hidden units of most changes."""
    pixels = hidden[:, : SIDE * SIDE]
    most = np.argsort(-pixels.sum(axis=1), kind="stable")[:UNITS]
    place = {"panel": "C", "series": series, "kind": "picture", "x": np.arange(SIDE * SIDE)}
    return [rows(**place, quantity=f"updates of unit {unit}", y=pixels[unit]) for unit in most]


def _shares(series: str, layers: Layers) -> pd.DataFrame:
    """Return the share of all updates against the share of synapses, the most updated first."""
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


if __name__ == "__main__":
    main(__file__, __doc__, summarise, draw, inputs=["energy", "counts"])
