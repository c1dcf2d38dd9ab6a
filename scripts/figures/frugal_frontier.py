"""Energy of the rules found by searches and of the paper's rules, on held-out seeds.

Panel A: M0 against learning time, for backprop, the best of the paper's rules, the best rule with
the gate always open, and rules found for least M0. Arrows: the factors that tuning and the gate
save. Dots: evaluations of the searches for least M0. Panels B and C: M0 and M1 of all rules. If a
rule has several settings, the one with the least energy is shown. Training stops on validation
patterns.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.conditions import per_seed, ratios
from analysis.estimates import most_sparing, rows, tidy, tidy_against
from analysis.seeds import geometric_mean
from figures import style

FLOOR = 1e8  # M0 that learning takes at least with the paper's rules [A]
# The rules in panel A, beside the best of the paper's.
FOUND = ("frugal_updates", "frugal_updates_fast", "frugal_updates_leaky")
OPEN = "frugal_open"  # the rule that was found with the gate always open
CACHED = " cached"  # ends the name of a rule of the paper with synaptic caching
ROWS = {"B": "M0", "C": "M1"}
KEPT = ["max_epochs", "found"]
LEVEL: style.Style = {"color": "0.4", "lw": 0.6, "ls": (0, (4, 2)), "zorder": 0.5}


def plotted(energy: pd.DataFrame, searches: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: means, runs (B and C), evaluations and factors saved (A).

    `energy` has the networks on held-out seeds, `searches` a row for each evaluation of a search.
    Means in panel A have the learning time as x, with its interval (`x_low`, `x_high`). Rows of
    kind `factor` have what tuning and the gate save in M0, seed by seed. `found` says whether a
    search found the rule.
    """
    runs = _with_caching(energy[energy["stop_on"] == "validation"])
    shown = {what: most_sparing(runs, what, of=["series"]) for what in ROWS.values()}
    paper = runs[~runs["found"] & runs["caching_threshold"].isna()]
    best = most_sparing(paper, "M0", of=()).drop_duplicates("seed")
    main = ["backprop", *best["series"].unique(), OPEN, *FOUND]
    compared = shown["M0"][shown["M0"]["series"].isin(main)]
    frontier = tidy_against(compared, "A", "trials", "M0", "width", "series", KEPT)
    tables = [frontier[frontier["kind"] == "mean"]]
    tables += [_factors(shown["M0"], best), _evaluations(searches[searches["minimise"] == "M0"])]
    order = shown["M0"].groupby("series")["M0"].mean().sort_values(ascending=False).index
    for letter, quantity in ROWS.items():
        chosen = shown[quantity].sort_values("series", key=lambda names: names.map(order.get_loc))
        tables.append(tidy(chosen, letter, "series", quantity, "series", KEPT))
    return pd.concat(tables, ignore_index=True)


def _with_caching(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with the columns `series` and `found`.

    With synaptic caching, M0 and M1 are those of consolidation: maintenance is free.
    """
    found, cached = energy["searched"].notna(), energy["caching_threshold"].notna()
    return energy.assign(
        found=found,
        series=energy["rule"].where(found | ~cached, energy["rule"] + CACHED),
        M0=energy["M0"].where(~cached, energy["M0_consolidation"]),
        M1=energy["M1"].where(~cached, energy["M1_consolidation"]),
    )


def _factors(runs: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Return the factors of M0 from the `best` runs of the paper to OPEN, and on to the found rule.

    A factor is left out if not all networks reached the goal.
    """
    tuned, gated = (runs[runs["series"] == rule] for rule in (OPEN, FOUND[0]))
    lines = [rows(panel=[])]
    for series, (more, less) in {"tuning": (best, tuned), "gate": (tuned, gated)}.items():
        pairs = ratios(per_seed(more, "M0"), per_seed(less, "M0"))
        if len(pairs) and more["reached"].all() and less["reached"].all():
            y, low, high = geometric_mean(pairs)
            at = {"panel": "A", "quantity": "M0", "series": series, "kind": "factor"}
            lines.append(rows(**at, y=y, low=low, high=high))
    return pd.concat(lines, ignore_index=True)


def _evaluations(searches: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluations that reached the goal, under the rule that has their colour."""
    searches = searches[searches["reached"]]
    return rows(
        panel="A",
        quantity="M0",
        series=np.where(searches["gate"] == "always", OPEN, FOUND[0]),
        kind="evaluation",
        x=searches["trials"].to_numpy(float),
        y=searches["energy"].to_numpy(float),
    )


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure = style.blank_figure(155)
    axes = figure.subplot_mosaic("AA;BC", height_ratios=(5, 6))
    frontier = table[table["panel"] == "A"]
    _draw_frontier(axes["A"], frontier)
    style.title(axes["A"], "A", "number of updates against learning time")
    for letter, quantity in ROWS.items():
        ax = axes[letter]
        style.name_axes(ax, quantity, "", log="x")
        panel = table[table["panel"] == letter]
        style.draw_rows(ax, panel.assign(x=panel["x"].map(_name)), spread=0)
        backprop = panel[(panel["series"] == "backprop") & (panel["kind"] == "mean")]
        for y in backprop["y"].dropna():
            ax.axvline(y, **LEVEL)
        style.title(ax, letter, f"{style.TITLES[quantity]}, all rules")
    axes["C"].set_yticklabels([])
    beside: style.Style = {"transform": axes["B"].transAxes, "size": "small", "va": "top"}
    axes["B"].text(-0.03, -0.02, "* only what is consolidated", ha="right", **beside)
    style.lay_out(figure)
    style.label_ends(axes["A"], frontier[frontier["reached"]], name=_name)
    return figure


def _draw_frontier(ax: Axes, table: pd.DataFrame) -> None:
    style.name_axes(ax, "trials", "M0")
    for series, evaluated in table[table["kind"] == "evaluation"].groupby("series"):
        dot: style.Style = {"s": 4, "lw": 0, "alpha": 0.3, "zorder": 0}
        dot |= {"fc": style.look(series)["color"], **style.marks(evaluated)}
        ax.scatter(evaluated["x"], evaluated["y"], **dot)
    means = table[table["kind"] == "mean"]
    for mean in means[means["reached"]].itertuples():
        mark = style.look(mean.series) | style.EDGE | {"linestyle": "", "ms": 6}
        bar: style.Style = {"color": mark["color"], "lw": 1, "zorder": 2}
        ax.plot([mean.x_low, mean.x_high], [mean.y, mean.y], **bar)
        ax.plot([mean.x, mean.x], [mean.low, mean.high], **bar)
        ax.plot(mean.x, mean.y, **mark, **style.marks(means.loc[[mean.Index]]), zorder=3)
    ax.axhline(FLOOR, **LEVEL)
    failed = [
        f"{_name(mean.series)}: not within {style.epochs(mean.max_epochs)}"
        for mean in means[~means["reached"]].itertuples()
    ]
    note = "\n".join(["small dots: tried by the searches", *failed, "dashed: the paper's floor"])
    place: style.Style = {"transform": ax.get_yaxis_transform(), "va": "bottom"}
    ax.text(0.01, FLOOR, note, size="small", color="0.4", linespacing=1.4, **place)
    _draw_factors(ax, table)


def _draw_factors(ax: Axes, table: pd.DataFrame) -> None:
    """Draw an arrow for each factor, from the higher to the lower M0."""
    M0 = table[table["kind"] == "mean"].set_index("series")["y"]
    saved = table[table["kind"] == "factor"].set_index("series")["y"]
    paper = M0.drop([OPEN, *FOUND], errors="ignore").min()
    ends = {"tuning": (paper, OPEN), "gate": (OPEN, FOUND[0])}
    for series, factor in saved.items():
        start, end = (M0.get(one, one) for one in ends[series])
        across = ax.get_yaxis_transform()
        arrow: style.Style = {"arrowstyle": "->", "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
        at: style.Style = {"xycoords": across, "textcoords": across, "annotation_clip": False}
        ax.annotate("", (0.9, end), (0.9, start), arrowprops=arrow, **at)
        less, times = ("fewer", factor) if factor >= 1 else ("more", 1 / factor)
        text = f"{series}: {style.number(times)}\N{MULTIPLICATION SIGN} {less}"
        place: style.Style = {"transform": across, "ha": "right", "va": "center", "zorder": 1.5}
        place["bbox"] = {"fc": "white", "lw": 0, "pad": 1, "alpha": 0.8}
        ax.text(0.89, (start * end) ** 0.5, text, **place)


def _name(series: str) -> str:
    rule = series.removesuffix(CACHED)
    with_caching = {CACHED: ", caching*", "frugal_cached": "*"}
    return style.name(rule) + with_caching.get(series.removeprefix(rule) or series, "")
