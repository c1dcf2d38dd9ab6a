"""Energy and learning time in wide networks, compared with extrapolated power laws.

Panels: M0, M1 and learning time, by rule. Dashed: power laws of backprop, fitted to the widths of
FITTED and extrapolated to the largest width. All rules but the found one have the same learning
rate and initial weights at all widths.
"""

from contextlib import suppress
from dataclasses import astuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.conditions import NotReached, NotTested
from analysis.estimates import fitted, panels, rows
from analysis.own_claims import FITTED, over_law
from figures.style import QUANTITIES, Style, draw_quantities

ENERGIES = {"A": "M0", "B": "M1"}


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: each of QUANTITIES against the width, by rule, and the fits.

    Rows of kind `missed` have the factor by which backprop's energy at the largest width exceeds
    the power law (see analysis/own_claims.py).
    """
    table = panels(energy, QUANTITIES.values(), "width", keep=["max_epochs"])
    backprop = table[(table["series"] == "backprop") & table["quantity"].isin(ENERGIES.values())]
    fits = fitted(backprop[backprop["x"].between(*FITTED)], upto=backprop["x"].max(), whole=True)
    return pd.concat([table, fits, *_missed(energy)], ignore_index=True)


def _missed(energy: pd.DataFrame) -> list[pd.DataFrame]:
    backprop = energy[energy["rule"] == "backprop"]
    lines = []
    for letter, quantity in ENERGIES.items():
        at = {"panel": letter, "quantity": quantity, "series": "backprop", "kind": "missed"}
        with suppress(NotTested, NotReached):
            y, low, high = astuple(over_law(backprop, quantity))
            lines.append(rows(**at, x=backprop["width"].max(), y=y, low=low, high=high))
    return lines


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    return draw_quantities(table, "width", 85, _note)


def _note(ax: Axes, panel: pd.DataFrame) -> None:
    """Write what is dashed into panel B, and how many networks a mean has into panel C."""
    place: Style = {"transform": ax.transAxes, "size": "small", "va": "top", "color": "0.4"}
    if panel["panel"].iloc[0] == "B" and (panel["kind"] == "fit").any():
        least, most = FITTED
        ax.text(0.03, 0.99, f"dashed: power law, fitted\nfrom {least:,} to {most:,}", **place)
    if panel["panel"].iloc[0] == "C":
        runs = panel[panel["kind"] == "run"].groupby(["x", "series"])["seed"].nunique()
        usual = runs.mode()[0]
        fewest = runs.groupby("x").min()
        fewer = [f"at least {count} at {x:,.0f}" for x, count in fewest[fewest < usual].items()]
        ax.text(0.99, 0.99, "\n".join([f"{usual} networks each", *fewer]), ha="right", **place)
