"""Table of the claims with the expected value, the measured value and the verdict."""

import re
import textwrap
from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from figures.style import blank_figure, number

# Colour, marker and filled part: verdicts differ in shape as well as in colour.
VERDICTS = {
    "reproduced": ("#0072B2", "o", "full"),
    "partly": ("#E69F00", "o", "left"),
    "not reproduced": ("#D55E00", "X", "full"),
    "not tested": ("#7A7A7A", "s", "none"),
}
VALUE = "value (95 % interval)"
# Column: its left end, as a fraction of the width, and its width in letters.
COLUMNS = {
    "verdict": (0.03, 16),
    "claim": (0.16, 37),
    "measured": (0.455, 29),
    "expected": (0.685, 14),
    VALUE: (0.795, 24),
}
LINE, GAP = 3.2, 2.2  # mm


def summarise(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: all readings of the claims. The figure shows the first ones."""
    return claims


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure: a row per claim with its main reading, in the order of the table."""
    claims = table.drop_duplicates("id").to_dict("records")
    cells = [_cells(claim) for claim in claims]
    heights = [LINE * max(text.count("\n") + 1 for text in row.values()) + GAP for row in cells]
    height = sum(heights) + LINE + 2 * GAP
    figure = blank_figure(height)
    ax = figure.add_subplot(xlim=(0, 1), ylim=(height, 0))
    ax.set_axis_off()
    for column, (left, _) in COLUMNS.items():
        ax.text(left, GAP, column, weight="bold", va="top")
    top = LINE + 2 * GAP
    for claim, row, room in zip(claims, cells, heights, strict=True):
        ax.axhline(top - GAP / 2, color="0.8", lw=0.5)
        colour, marker, filled = VERDICTS[claim["verdict"]]
        ax.plot(
            0.012,
            top + LINE / 2,
            marker=marker,
            fillstyle=filled,
            color=colour,
            mec=colour,
            markerfacecoloralt="white",
            ms=6,
        )
        for column, text in row.items():
            ax.text(
                COLUMNS[column][0],
                top,
                text,
                va="top",
                size="small",
                linespacing=1.15,
                color=colour if column == "verdict" else "black",
                weight="bold" if column == "verdict" else "normal",
            )
        top += room
    return figure


def _cells(claim: Mapping) -> dict[str, str]:
    """Return the texts in the row of a claim, by column, wrapped into lines."""
    text = {
        "verdict": claim["verdict"],
        "claim": f"{claim['id']}: {claim['claim']} [{claim['source']}]",
        "measured": claim["quantity"],
        "expected": str(claim["expected"]),
    }
    if pd.isna(claim["value"]):
        text[VALUE] = claim["reason"]
    cells = {column: textwrap.fill(cell, COLUMNS[column][1]) for column, cell in text.items()}
    if pd.notna(claim["value"]):
        interval = f"({number(claim['low'])} to {number(claim['high'])})"
        cells[VALUE] = f"{number(claim['value'])}\n{interval}"
    return {column: _typeset(cell) for column, cell in cells.items()}


def _typeset(text: str) -> str:
    """Return the text with its powers of ten (10^8, 1e8) as superscripts."""
    return re.sub(r"\b(?:10\^|1e)(\d+)", r"$10^{\1}$", text)
