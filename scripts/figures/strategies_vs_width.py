"""Energy of every rule against the network's width, if learning may take BUDGET times as long.

M0 is on the left, M1 on the right; the rules of COMPETING are above, all others below. If a rule
was tried with several fractions or subnet sizes, the one with the least energy is shown among those
whose mean learning time is at most BUDGET times backprop's at the same width. If there is none, the
fastest is shown, with an open marker.
"""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.estimates import most_sparing, tidy
from analysis.tables import CONDITION
from figures import style
from figures.trade_off import relative_to_backprop

BUDGET = 2  # learning time, relative to backprop's [here]
COMPETING = ["competitive", "competitive_per_neuron", "subnet", "competitive_subnet"]
ENERGIES = {"M0": "updates", "M1": "change"}
GROUPS = {True: "competition, subnets", False: "other rules"}
# Whether each panel has the rules of COMPETING or the others, and its energy.
PANELS = dict(zip("ABCD", product(GROUPS, ENERGIES), strict=True))


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: M0 and M1 against the width, by rule.

    `within` is true for conditions whose mean learning time is within BUDGET, which is in the
    column `budget`.
    """
    runs = relative_to_backprop(energy)
    condition = [runs[column] for column in CONDITION]
    time = np.exp(np.log(runs["time"]).groupby(condition, dropna=False).transform("mean"))
    reached = runs["reached"].groupby(condition, dropna=False).transform("all")
    own = runs["networks"].str.split().str[0]  # an energy is not relative to backprop's
    # Rounded, so that 2 is at most 2.
    runs = runs.assign(within=reached & (time.round(6) <= BUDGET), networks=own)
    tables = [_panel(runs, letter, *shown) for letter, shown in PANELS.items()]
    return pd.concat(tables, ignore_index=True).assign(budget=BUDGET)


def _panel(runs: pd.DataFrame, letter: str, competing: bool, quantity: str) -> pd.DataFrame:
    group = (runs["rule"].isin(COMPETING) == competing) | (runs["rule"] == "backprop")
    runs = runs[group]
    possible = runs.groupby(["rule", "width"])["within"].transform("any")
    kept = ["within", "fraction", "plastic_units", "initial_sd", "max_epochs"]
    within, slow = runs[runs["within"]], runs[~possible]
    chosen = pd.concat([most_sparing(within, quantity), most_sparing(slow, "trials")])
    return tidy(chosen.sort_index(), letter, "width", quantity, keep=kept)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = style.new_figure(2, 2, 130, sharex=True, sharey="col")
    panels = [table[table["panel"] == letter] for letter in PANELS]
    for ax, panel, letter in zip(axes, panels, PANELS, strict=True):
        competing, quantity = PANELS[letter]
        style.name_axes(ax, "width", quantity)
        # The strip of M0 is that of M1, too.
        style.draw_series(ax, panel if quantity == "M0" else style.without_strip(panel))
        slow = panel[(panel["kind"] == "mean") & panel["reached"] & ~panel["within"].astype(bool)]
        for mean in slow.itertuples():
            drawn = _slow(mean.series) | style.marks(slow.loc[[mean.Index]], end="-slow")
            ax.plot(mean.x, mean.y, **drawn, zorder=5)
        style.title(ax, letter, f"{ENERGIES[quantity]}: {GROUPS[competing]}")
    for ax in axes[:2]:
        ax.set_xlabel("")
    key = {
        f"learns in at most {BUDGET:g} times backprop's time": _unlined("backprop"),
        "takes longer (the fastest setting)": _slow("backprop"),
        **_failing(pd.concat(panels[::2])),
    }
    style.legend(figure, key, columns=2)
    style.lay_out(figure)
    for ax, panel in zip(axes[1::2], panels[1::2], strict=True):
        style.label_ends(ax, panel[panel["reached"]])
    return figure


def _failing(table: pd.DataFrame) -> dict[str, style.Style]:
    """Return the marks in the strips of the rules that learn at no width, by their explanation."""
    failing = table.groupby("series").filter(lambda rule: not rule["reached"].any())
    return {
        f"{style.name(rule)}: not within {style.epochs(budget)}": _unlined(rule) | {"marker": "^"}
        for rule, budget in failing.groupby("series")["max_epochs"].max().items()
    }


def _unlined(series: str) -> style.Style:
    return style.look(series) | {"linestyle": ""}


def _slow(series: str) -> style.Style:
    """Return the look of a condition that takes longer than BUDGET: an open marker."""
    return _unlined(series) | {"mfc": "white", "mec": style.look(series)["color"]}
