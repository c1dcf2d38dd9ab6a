"""Forest plot of the claims: each reading's value over the expected one, with its interval.

Readings are grouped by claim; a group says how many of its readings hold. Values are relative to
the expected ones, on a logarithmic axis. Where 0 is expected, they are differences, on an axis of
their own. Shaded: the values that agree with the claim.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, log10
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.claims import OURS
from figures.style import WIDTH, Style, blank_figure, marks

# Colour, marker and filled part: verdicts differ in shape as well as in colour.
VERDICTS = {
    "reproduced": ("#0072B2", "o", "full"),
    "partly": ("#E69F00", "o", "left"),
    "not reproduced": ("#D55E00", "X", "full"),
    "not tested": ("#7A7A7A", "s", "none"),
}
AGREES = "#CFE3F1"
SIZE = 6  # points, of all letters
LINE, GAP = 2.15, 1.8  # mm: a line of text, and the space between groups
TOP, BOTTOM = 9, 6  # mm: the title; the key
BETWEEN = 3  # mm, between columns
LETTER = 1.12  # mm: the width of a letter
FEW = 100  # readings that fit into two columns; more take three
TRIES = 1000  # to fill the columns evenly
SUFFIX, PLOT = 0.37, 0.66  # where the end of a label, and the plot, begin: fractions of a column
RATIOS = (0.01, 200)  # limits of the axis of ratios
TICKS = (0.1, 1, 10, 100)
WIDE = 4  # tolerances, on the axis of differences
NEAREST = "\N{BLACK RIGHT-POINTING TRIANGLE}"


@dataclass(frozen=True)
class Block:
    """Readings of a claim that share an axis; the first block of a claim has its heading."""

    heading: list[str]
    readings: pd.DataFrame
    ratio: bool

    @property
    def height(self) -> float:
        """Height in mm."""
        return LINE * (len(self.heading) + len(self.readings) + 1) + GAP

    def scaled(self, values: pd.Series) -> np.ndarray:
        """Return values, relative to the expected ones, on the axis of the block, from 0 to 1."""
        target = self.readings["target"]
        if self.ratio:
            low, high = np.log10(RATIOS)
            with np.errstate(divide="ignore", invalid="ignore"):
                at = np.log10(np.maximum(values / target, 0))
        else:
            low, high = -self.reach, self.reach
            at = values - target
        return ((at - low) / (high - low)).to_numpy(dtype=float)

    @property
    def reach(self) -> float:
        """The largest difference on the axis, a round number: WIDE times a tolerance at most."""
        target = self.readings["target"]
        away, limits = (
            self.readings[columns].sub(target, axis=0).abs().to_numpy(dtype=float)
            for columns in (["value", "low", "high"], ["target_low", "target_high"])
        )
        largest = max(away[np.isfinite(away)], default=0) or 1.0
        limits = limits[np.isfinite(limits) & (limits > 0)]
        largest = min([largest, *(WIDE * limits)])
        step = 10.0 ** np.floor(log10(largest))
        return float(ceil(round(largest / step, 6)) * step)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the ticks, as (place from 0 to 1, label)."""
        if self.ratio:
            low, high = np.log10(RATIOS)
            return [((log10(tick) - low) / (high - low), f"{tick:g}") for tick in TICKS]
        labels = (f"{value:g}".replace("-", "\N{MINUS SIGN}") for value in (-self.reach, 0))
        return [*zip((0, 0.5), labels, strict=True), (1, f"{self.reach:g}")]


def plotted(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: all readings of the claims."""
    return claims


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure: a line per reading that has an expected value, in groups of claims."""
    shown = table[table["target"].notna() | table["value"].isna()]
    shown = shown.assign(nearest=shown["nearest"] & (shown["source"] != OURS))
    count = 2 if len(shown) <= FEW else 3
    width = (WIDTH - BETWEEN * (count + 1)) / count
    blocks = [
        [*_blocks(readings.fillna({"target": 1, "reading": ""}), width)]
        for _, readings in shown.groupby("id", sort=False)
    ]
    columns = _columns(blocks, count)
    height = TOP + BOTTOM + max(sum(block.height for block in column) for column in columns)
    figure = blank_figure(height)
    figure.set_layout_engine("none")  # places are in mm
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
    ax.set_axis_off()
    tested = shown[shown["verdict"] != "not tested"]
    text = f"Values over the expected ones, under {len(tested)} readings of "
    text += f"{table['id'].nunique()} claims"
    _write(ax, BETWEEN, 5.5, text, weight="bold")
    _draw_key(ax, height - BOTTOM / 2)
    for index, column in enumerate(columns):
        left, top = BETWEEN + index * (width + BETWEEN), float(TOP)
        for block in column:
            _draw_block(ax, block, left, width, top)
            top += block.height
    return figure


def _blocks(readings: pd.DataFrame, width: float) -> Iterator[Block]:
    """Yield the blocks of a claim: of ratios, and of differences."""
    claim = readings.iloc[0]
    heading = [f"{claim['id']}: {_held(readings)}"]
    source = "" if claim["source"] == OURS else f" [{claim['source']}]"
    heading += textwrap.wrap(claim["claim"] + source, int(width / LETTER))
    for ratio in (True, False):
        chosen = readings[(readings["target"] != 0) == ratio]
        if len(chosen):
            yield Block(heading, chosen, ratio)
            heading = []


def _held(readings: pd.DataFrame) -> str:
    """Return in words how many readings hold; of a claim of this project, its verdict."""
    theirs = readings[readings["source"] != OURS]
    if theirs.empty:
        return str(readings["verdict"].iloc[0])
    tested = theirs[theirs["verdict"] != "not tested"]
    untested = len(theirs) - len(tested)
    held = f"{(tested['verdict'] == 'reproduced').sum()} of {len(tested)} hold"
    return held + (f", {untested} not tested" if untested else "")


def _columns(blocks: Sequence[Sequence[Block]], count: int) -> list[list[Block]]:
    """Return the blocks of claims in columns of about the same height, the best of some tries.

    A try puts one claim after another, in random order, into the lowest column. In a column they
    keep their order.
    """
    heights = np.array([sum(block.height for block in claim) for claim in blocks])
    order = np.random.default_rng(0)
    tries = (_fill(heights, count, order.permutation(len(blocks))) for _ in range(TRIES))
    best = min(tries, key=lambda columns: max(heights[column].sum() for column in columns))
    return [[block for i in column for block in blocks[i]] for column in sorted(map(sorted, best))]


def _fill(heights: np.ndarray, count: int, order: np.ndarray) -> list[list[int]]:
    """Return the indices of `heights` in columns: each, in this order, in the lowest column."""
    columns: list[list[int]] = [[] for _ in range(count)]
    for index in order:
        min(columns, key=lambda column: heights[column].sum()).append(index)
    return columns


def _draw_key(ax: Axes, y: float) -> None:
    """Draw the meaning of colours and marks in a line."""
    left = float(BETWEEN)
    for verdict in list(VERDICTS)[:-1]:
        _mark(ax, left + 1, y, verdict)
        _write(ax, left + 3, y, verdict)
        left += 8 + LETTER * len(verdict)
    ax.add_patch(Rectangle((left, y - LINE / 2), 3, LINE, color=AGREES, lw=0))
    _write(ax, left + 4, y, "agrees with the claim")
    _write(ax, left + 34, y, f"{NEAREST} nearest to the source's words")
    _write(ax, left + 74, y, "bars: 95 % intervals")


def _draw_block(ax: Axes, block: Block, left: float, width: float, top: float) -> None:
    """Draw a block at a place (mm): heading, labels, axis, marks with intervals."""
    for i, line in enumerate(block.heading):
        _write(ax, left, top + LINE * (i + 0.5), line, weight="normal" if i else "bold")
    heights = top + LINE * (len(block.heading) + np.arange(len(block.readings)) + 0.5)
    edge, length = left + PLOT * width, (1 - PLOT) * width
    _draw_labels(ax, block.readings, heights, left, width)
    _draw_axis(ax, block, heights, edge, length)
    _draw_readings(ax, block, heights, edge, length)


def _draw_axis(ax: Axes, block: Block, heights: np.ndarray, edge: float, length: float) -> None:
    """Draw lines at the ticks, from the first to the last height, with labels below."""
    top, bottom = heights[0] - LINE / 2, heights[-1] + LINE / 2
    for place, label in block.ticks():
        x = edge + length * place
        ax.plot([x, x], [top, bottom], color="0.8", lw=0.4, zorder=1)
        _write(ax, x, bottom + LINE / 2, label, ha="center", color="0.3")
    expected = edge + length * block.scaled(block.readings["target"])[0]
    ax.plot([expected, expected], [top, bottom], color="0.3", lw=0.6, zorder=2)
    what = "value / expected" if block.ratio else "value \N{MINUS SIGN} expected"
    _write(ax, edge - 3, bottom + LINE / 2, what, ha="right", color="0.3")


def _draw_readings(ax: Axes, block: Block, heights: np.ndarray, edge: float, length: float) -> None:
    """Draw the mark of each reading, its interval, and the values that agree with the claim."""
    places = {
        name: block.scaled(block.readings[name])
        for name in ("value", "low", "high", "target_low", "target_high")
    }
    x = {name: edge + length * place.clip(0, 1) for name, place in places.items()}
    for i, (y, verdict) in enumerate(zip(heights, block.readings["verdict"], strict=True)):
        colour, first, last = VERDICTS[verdict][0], x["target_low"][i], x["target_high"][i]
        if np.isfinite(last - first):
            box = (first, y - LINE / 2), last - first, LINE
            ax.add_patch(Rectangle(*box, color=AGREES, lw=0, zorder=0))
        if np.isnan(x["value"][i]):
            unknown = "not tested" if verdict == "not tested" else "not reached"
            _write(ax, edge + length / 2, y, unknown, ha="center", color=colour)
            continue
        ax.plot([x["low"][i], x["high"][i]], [y, y], color=colour, lw=0.9, zorder=3)
        beyond = "<" if places["value"][i] < 0 else ">" if places["value"][i] > 1 else None
        _mark(ax, x["value"][i], y, verdict, beyond, **marks(block.readings.iloc[[i]], "value"))


def _draw_labels(
    ax: Axes, readings: pd.DataFrame, heights: np.ndarray, left: float, width: float
) -> None:
    """Write the names of readings; what successive names begin with is written once."""
    names = [name.rpartition(", ") for name in readings["reading"]]
    lines = zip(names, heights, readings["nearest"], strict=True)
    for start, run in groupby(lines, key=lambda line: line[0][0]):
        rows = list(run)
        room = int(SUFFIX * width / LETTER) - 1
        if start and len(rows) > 1:
            wrapped = textwrap.wrap(start, room)[: len(rows)]
            for text, (_, y, _) in zip(wrapped, rows, strict=False):
                _write(ax, left, y, text)
        for (_, comma, end), y, nearest in rows:
            alone = len(rows) == 1
            text = start + comma + end if alone or not start else end
            _write(ax, left + (0 if alone or not start else SUFFIX * width), y, text)
            if nearest:
                _write(ax, left - 0.4, y, NEAREST, ha="right")


def _mark(
    ax: Axes, x: float, y: float, verdict: str, beyond: str | None = None, **options: Any
) -> None:
    """Draw the mark of a verdict; `beyond` is a mark for a value outside the axis."""
    colour, marker, filled = VERDICTS[verdict]
    style: Style = {"color": colour, "mec": colour, "markerfacecoloralt": "white", "mew": 0.5}
    ax.plot(x, y, marker=beyond or marker, fillstyle=filled, ms=3.2, zorder=4, **style, **options)


def _write(ax: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Write a text, with its powers of ten (10^8) as superscripts."""
    typeset = re.sub(r"\b10\^(\d+)", r"$10^{\1}$", text)
    ax.text(x, y, typeset, size=SIZE, va="center", **style)
