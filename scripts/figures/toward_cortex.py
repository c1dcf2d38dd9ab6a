"""Energy and learning time in very wide networks, compared with extrapolated power laws.

Panels: M0, M1 and learning time, by rule. Dashed: power laws, fitted in the paper's range (from the
width of least energy to 10,000 hidden units, with the rule's usual learning rate and initial
weights) and extrapolated to the largest simulated width. Shaded: widths at which the learning rate
or the initial weights were scaled down for all rules, for stability.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.estimates import fitted, laws, rows, tidy
from analysis.seeds import WIDEST_OF_PAPER
from figures.style import MEASURES, Style, draw_measures

SCALED = ["learning_rate", "initial_sd"]  # parameters that may decrease with the width


def summarise(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each of MEASURES against the width, by rule, and the fits.

    Rows of kind `missed` have the factor by which the energy at a width beyond the paper's range
    exceeds the power law; the interval is that of the law, over seeds. `scaled` says whether the
    networks have another learning rate or other initial weights than most networks of the rule.
    """
    table = pd.concat(
        [
            tidy(energy, letter, "width", quantity, keep=SCALED)
            for letter, quantity in MEASURES.items()
        ],
        ignore_index=True,
    )
    usual = table.groupby("series")[SCALED].transform(lambda values: values.mode()[0])
    table["scaled"] = (table[SCALED] != usual).any(axis=1)
    energies = table[table["quantity"] != "trials"]
    paper = energies[(energies["x"] <= WIDEST_OF_PAPER) & ~energies["scaled"]]
    fits = fitted(paper, upto=table["x"].max())
    return pd.concat([table, fits, _missed(energies, paper)], ignore_index=True)


def _missed(energies: pd.DataFrame, paper: pd.DataFrame) -> pd.DataFrame:
    means = energies[(energies["kind"] == "mean") & energies["reached"]]
    lines = [rows(panel=[])]
    for at, _, law in laws(paper):
        series = means[(means[list(at)] == pd.Series(at)).all(axis=1)]
        for x in series.loc[series["x"] > WIDEST_OF_PAPER, "x"]:
            same = (energies[list(at)] == pd.Series(at)).all(axis=1) & (energies["x"] == x)
            runs = energies[same & (energies["kind"] == "run")]
            y, low, high = law.missed(x, runs["y"])
            lines.append(rows(**at, kind="missed", x=x, y=y, low=low, high=high))
    return pd.concat(lines, ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    return draw_measures(table, "width", 85, _shade_scaled)


def _shade_scaled(ax: Axes, panel: pd.DataFrame) -> None:
    """Shade the widths at which no rule has its usual parameters; in panel A, add a note."""
    every = panel[panel["kind"] == "mean"].groupby("x")["scaled"].all()
    scaled = every.index[every]
    if scaled.empty:
        return
    ax.axvspan(scaled.min() / 1.6, scaled.max() * 1.6, color="0.94", lw=0, zorder=-1)
    if (panel["panel"] != "A").any():
        return
    middle = (scaled.min() * scaled.max()) ** 0.5
    where: Style = {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "bottom"}
    ax.text(
        middle, 0.01, "rate or initial weights\nscaled down", size="small", color="0.4", **where
    )
