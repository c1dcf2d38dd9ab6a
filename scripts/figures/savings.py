"""The factor of energy that rules save against backprop, and its growth with the width.

Panels: the factor saved in M0 and in M1, for each rule with the fraction and the subnet size of
least energy at each width, however long it learns. Power laws are fitted to the rules of FITTED
up to WIDEST_OF_PAPER and are not extrapolated: wider networks have too few seeds.
"""

from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import fitted, most_sparing, tidy
from analysis.seeds import WIDEST_OF_PAPER
from figures import style
from figures.trade_off import ENERGIES, relative_to_backprop

FITTED = ["competitive", "subnet", "competitive_subnet"]
SHOWN = [*FITTED, "competitive_per_neuron", "fixed_features", "random_synapses"]


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: backprop's energy over each rule's, seed by seed, and the fits.

    A ratio is only defined if both runs reached the goal. Rows of kind `exponent` have the
    exponents of the fitted power laws.
    """
    kept = ["fraction", "plastic_units", "initial_sd", "max_epochs"]
    runs = relative_to_backprop(energy).dropna(subset="time")
    runs = runs[runs["rule"].isin(SHOWN)]
    tables = [
        tidy(most_sparing(runs, quantity), letter, "width", f"saved_{quantity}", keep=kept)
        for letter, quantity in zip("AB", ENERGIES, strict=True)
    ]
    table = pd.concat(tables)
    usual = table["series"].isin(FITTED) & (table["x"] <= WIDEST_OF_PAPER)
    laws = fitted(table[usual], whole=True)
    return pd.concat([table, laws], ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = style.new_figure(1, 2, height=75)
    panels = [table[table["panel"] == letter] for letter in "AB"]
    # The strip of M0 is that of M1, too.
    drawn = panels[0], style.without_strip(panels[1])
    for ax, panel, letter, energy in zip(axes, drawn, "AB", ENERGIES.values(), strict=True):
        style.draw_series(ax, panel)
        ax.axhline(1, color="0.5", lw=0.6, zorder=0)
        style.name_axes(ax, "width", energy)
        style.title(ax, letter)
    style.lay_out(figure)
    for ax, panel in zip(axes, panels, strict=True):
        style.label_ends(ax, panel[panel["reached"]], name=partial(_name, panel=panel))
    return figure


def _name(series: str, panel: pd.DataFrame) -> str:
    """Return the name of a series with the exponent of its power law."""
    return style.name(series) + style.exponent(panel, series, "\n")
