"""The factor of energy that each rule saves against the learning time that this takes.

There is a column for each of three widths; M0 is above, M1 below. All values are relative to
backprop in a network of the same width and seed. A line joins the conditions of a rule, which
differ in their fraction or subnet size. Learning times up to LONGEST times backprop's are shaded;
the largest mean saving among them is ringed and written beside the ring.
"""

from itertools import product
from string import ascii_uppercase

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from analysis.estimates import compared, most_sparing, tidy_against
from analysis.tables import CONDITION
from figures.style import DOT, Style, legend, look, marks, name, name_axes, new_figure, title

LONGEST = 1.5  # learning time, relative to backprop's, up to which it is hardly longer [here]
ENERGIES = {"M0": "times fewer updates ($M_0$)", "M1": "times less change ($M_1$)"}
SCALED = " rate_scaling"  # ends the name of a series whose rate is divided by root of the fraction


def relative_to_backprop(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with values relative to backprop at the same width, initial s.d. and seed.

    The column `time` has the learning time over backprop's; `saved_M0` and `saved_M1` have
    backprop's energy over that of the run. They are empty where not all networks with backprop
    reached the goal. If backprop has several conditions, the one with the least M0 is taken.
    """
    same = ["width", "initial_sd"]
    backprop = most_sparing(energy[energy["rule"] == "backprop"], "M0", of=same)
    backprop = backprop[backprop.groupby(same)["reached"].transform("all")]
    backprop = backprop[[*same, "seed", "trials", "networks", *ENERGIES]]
    pairs = energy.merge(backprop, on=[*same, "seed"], how="left", suffixes=("", "_other"))
    return pairs.assign(
        networks=compared(pairs),
        time=pairs["trials"] / pairs["trials_other"],
        **{f"saved_{one}": pairs[f"{one}_other"] / pairs[one] for one in ENERGIES},
    )


def plotted(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: factors saved (y) against relative learning times (x).

    Means have the interval of x (`x_low` and `x_high`). Rows of kind `best` repeat the mean of each
    panel with the largest factor within LONGEST, which is in the column `longest`.
    """
    runs = relative_to_backprop(energy)
    runs = runs[runs["rule"] != "backprop"]
    scaled = runs["rate_scaling"] == "root_fraction"
    runs = runs.assign(
        reached=runs["reached"] & runs["time"].notna(),
        series=runs["rule"].where(~scaled, runs["rule"] + SCALED),
        condition=runs.groupby(CONDITION, dropna=False).ngroup(),
    )
    widths = np.sort(runs["width"].unique())
    shown = np.unique(widths[[0, len(widths) // 2, -1]])
    kept = ["width", "fraction", "plastic_units", "initial_sd", "max_epochs"]
    tables = []
    for letter, (energy, width) in zip(ascii_uppercase, product(ENERGIES, shown), strict=False):
        here = runs[runs["width"] == width]
        saved = f"saved_{energy}"
        tables.append(tidy_against(here, letter, "time", saved, "condition", "series", kept))
    table = pd.concat(tables, ignore_index=True)
    # Rounded, so that 1.5 is at most 1.5.
    means = table[(table["kind"] == "mean") & (table["x"].round(6) <= LONGEST)]
    best = means.loc[means.groupby("panel")["y"].idxmax()].assign(kind="best", longest=LONGEST)
    return pd.concat([table, best], ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    letters = sorted(table["panel"].unique())
    columns = len(letters) // 2
    figure, axes = new_figure(2, columns, 120, sharex=True, sharey="row")
    for ax, letter in zip(axes, letters, strict=True):
        panel = table[table["panel"] == letter]
        _draw_curves(ax, panel)
        _ring_best(ax, panel[panel["kind"] == "best"])
        title(ax, letter, f"{panel['width'].iloc[0]:,.0f} hidden units")
    for ax, energy in zip(axes[::columns], ENERGIES.values(), strict=True):
        ax.set_ylabel(energy)
        where: Style = {"size": "small", "va": "top", "transform": ax.get_xaxis_transform()}
        ax.text(LONGEST, 0.98, f" \N{LEFTWARDS ARROW} at most {LONGEST:g} times as long", **where)
    for ax, letter in zip(axes[:columns], letters, strict=False):
        runs = table[(table["panel"] == letter) & (table["kind"] == "run")]
        ax.set_xlabel(_unreached(runs), size="small", loc="right")
    legend(figure, {_name(one): _look(one) for one in table["series"].unique()})
    return figure


def _draw_curves(ax: Axes, panel: pd.DataFrame) -> None:
    """Draw the curves, and lines that cross at backprop's own values."""
    name_axes(ax, "learning time / backprop's", "")
    ax.margins(0.1, 0.16)
    ax.axvspan(0, LONGEST, color="0.92", lw=0, zorder=-1)
    ax.axhline(1, color="0.5", lw=0.6, zorder=0)
    ax.axvline(1, color="0.5", lw=0.6, zorder=0)
    for series, points in panel[panel["reached"]].groupby("series", sort=False):
        style = _look(series)
        means, runs = (points[points["kind"] == kind] for kind in ("mean", "run"))
        bar: Style = {"color": style["color"], "lw": 0.8, "zorder": 2}
        ax.plot([means["x"], means["x"]], [means["low"], means["high"]], **bar)
        ax.plot([means["x_low"], means["x_high"]], [means["y"], means["y"]], **bar)
        ax.plot(means["x"], means["y"], **style, **marks(means), zorder=4)
        ax.scatter(runs["x"], runs["y"], fc=style["color"], **marks(runs), zorder=3, **DOT)


def _ring_best(ax: Axes, best: pd.DataFrame) -> None:
    ax.scatter(best["x"], best["y"], s=45, fc="none", ec="black", lw=0.8, **marks(best), zorder=5)
    beside: Style = {"xytext": (-5, 5), "textcoords": "offset points", "ha": "right", "zorder": 6}
    halo = [withStroke(linewidth=1.5, foreground="white")]
    for mean in best.itertuples():
        factor = f"{float(f'{mean.y:.2g}'):,g}\N{MULTIPLICATION SIGN}"
        ax.annotate(factor, (mean.x, mean.y), weight="bold", path_effects=halo, **beside)


def _unreached(runs: pd.DataFrame) -> str:
    """Return how many runs are not drawn, and why, as a note; "" if all of them are."""
    failed = runs[~runs["reached"]]
    if failed.empty:
        return ""
    epochs = " or ".join(f"{budget:g}" for budget in sorted(failed["max_epochs"].unique()))
    return (
        f"not drawn: {len(failed)} of {len(runs)} networks, which\n"
        f"diverged or did not learn within {epochs} epochs"
    )


def _look(series: str) -> Style:
    return look(series) | ({"linestyle": "--", "mfc": "white"} if series.endswith(SCALED) else {})


def _name(series: str) -> str:
    return name(series).replace(name(SCALED), ", rate / $\\sqrt{fraction}$")
