"""Energy against learning time, for the rules found by searches and the paper's rules.

There is a panel for each objective of the searches: M0, M1, and M1 with caching (consolidation and
maintenance). Grey points: networks that the searches evaluated, on the seeds of the searches.
Steps: the Pareto fronts of these networks in energy and time. Markers: means of the found rules and
the paper's rules on held-out seeds, with their intervals; training stops on validation patterns or
on the test set. If a rule has several settings, the one with the least energy is shown.
"""

from string import ascii_uppercase

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.estimates import most_sparing, rows
from analysis.seeds import geometric_mean
from figures.style import Style, lay_out, look, name, name_axes, new_figure, title

TITLES = {"M0": "number of updates", "M1": "summed change", "cached": "with caching"}
AXES = {"cached": "$M_1$ consolidated + $c$ maintenance"}
FLOOR = 1e8  # M0 that learning takes at least with the paper's rules [A]
STOPS = {"validation": "stopped on validation patterns", "test": "stopped on the test set"}
FRONTS = ["-", "--", ":"]  # of several searches for the same energy
# The rule whose colour is used for the fronts of searches for an energy.
LIKE = {"M0": "frugal_updates", "M1": "frugal_change", "cached": "frugal_cached"}
EVALUATED: Style = {"color": "0.7", "marker": "o", "linestyle": "", "ms": 1.3, "mew": 0}


def summarise(energy: pd.DataFrame, searches: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers, by panel: runs and means on held-out seeds, evaluations, fronts.

    `energy` has the networks on held-out seeds, `searches` a row for each evaluation of a search.
    In addition to the usual columns there are `stop_on`, `found` (whether the rule was found by a
    search) and, for means, the interval of x (`x_low` and `x_high`). A run that did not reach the
    goal has no y, and its condition has no mean.
    """
    minimised = searches["minimise"]
    uncached = energy["caching_threshold"].isna()
    cost = searches.loc[minimised == "cached", "maintenance_cost"].median()
    with_caching = energy["M1_consolidation"] + cost * energy["maintenance"]
    energy = energy.assign(cached=energy["M1"].where(uncached, with_caching))
    objectives = [what for what in TITLES if what != "cached" or (minimised == what).any()]
    tables = []
    for letter, quantity in zip(ascii_uppercase, objectives, strict=False):
        shown = energy if quantity == "cached" else energy[uncached]
        shown = most_sparing(shown, quantity, of=("rule", "stop_on"))
        tables += [
            _held_out(shown, letter, quantity),
            _evaluations(searches[minimised == quantity], letter, quantity),
        ]
    return pd.concat(tables, ignore_index=True)


def _held_out(runs: pd.DataFrame, letter: str, quantity: str) -> pd.DataFrame:
    each = rows(
        panel=letter,
        quantity=quantity,
        series=runs["rule"].to_numpy(),
        kind="run",
        x=runs["trials"].to_numpy(float),
        y=runs[quantity].where(runs["reached"]).to_numpy(float),
        seed=runs["seed"].to_numpy(),
        reached=runs["reached"].to_numpy(bool),
    ).assign(
        stop_on=runs["stop_on"].to_numpy(),
        found=runs["searched"].notna().to_numpy(),
        x_low=np.nan,
        x_high=np.nan,
    )
    conditions = each.groupby(["series", "stop_on"], sort=False)
    return pd.concat([each, *(_mean(condition) for _, condition in conditions)], ignore_index=True)


def _mean(condition: pd.DataFrame) -> pd.DataFrame:
    reached = condition["reached"].all()
    columns = ["x", "x_low", "x_high", "y", "low", "high"]
    values = [*geometric_mean(condition["x"]), *geometric_mean(condition["y"])]
    means = dict(zip(columns, values if reached else [np.nan] * 6, strict=True))
    return condition.head(1).assign(kind="mean", seed=pd.NA, reached=reached, **means)


def _evaluations(searches: pd.DataFrame, letter: str, quantity: str) -> pd.DataFrame:
    front = searches[searches["front"]].sort_values(["search", "trials"], kind="stable")
    return pd.concat(
        rows(
            panel=letter,
            quantity=quantity,
            series=evaluated["search"].to_numpy(),
            kind=kind,
            x=evaluated["trials"].to_numpy(float),
            y=evaluated["energy"].where(evaluated["reached"]).to_numpy(float),
            reached=evaluated["reached"].to_numpy(bool),
        )
        for kind, evaluated in {"evaluation": searches, "front": front}.items()
    )


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers: the panels, and the legend at the end."""
    objectives = table.drop_duplicates("panel").set_index("panel")["quantity"]
    shape = (1, 3) if len(objectives) == 2 else (2, 2)
    figure, axes = new_figure(*shape, height=66 * shape[0])
    for ax, (letter, quantity) in zip(axes, objectives.items(), strict=False):
        panel = table[table["panel"] == letter]
        name_axes(ax, "trials", AXES.get(quantity, quantity))
        _draw_searches(ax, panel, look(LIKE[quantity])["color"])
        _draw_rules(ax, panel[panel["kind"] == "mean"])
        if quantity == "M0":
            ax.axhline(FLOOR, color="0.4", lw=0.6, ls=(0, (4, 2)), zorder=0)
            where: Style = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "bottom"}
            ax.text(0.99, FLOOR, "the paper's floor", size="small", color="0.4", **where)
        title(ax, letter, TITLES[quantity])
    _draw_key(axes[-1], table)
    lay_out(figure)
    return figure


def _draw_searches(ax: Axes, panel: pd.DataFrame, colour: str) -> None:
    evaluated = panel[panel["kind"] == "evaluation"]
    ax.plot(evaluated["x"], evaluated["y"], **EVALUATED, zorder=0)
    fronts = panel[panel["kind"] == "front"].groupby("series", sort=False)
    for line, (_, front) in zip(FRONTS, fronts, strict=False):
        style: Style = {"color": colour, "ls": line, "lw": 0.8}
        ax.plot(front["x"], front["y"], **style, drawstyle="steps-post", zorder=1)


def _draw_rules(ax: Axes, means: pd.DataFrame) -> None:
    for mean in means[means["reached"]].itertuples():
        style = _marker(mean.series, mean.stop_on, mean.found)
        bar = {"color": style["color"], "lw": 0.8, "zorder": 2}
        ax.plot([mean.x_low, mean.x_high], [mean.y, mean.y], **bar)
        ax.plot([mean.x, mean.x], [mean.low, mean.high], **bar)
        ax.plot(mean.x, mean.y, **style, zorder=3)


def _marker(rule: str, stop_on: str, found: bool) -> Style:
    """Return the look of a rule's mean.

    The marker is filled if training stopped on validation patterns, and larger if a search found
    the rule.
    """
    colour = look(rule)["color"]
    fill = colour if stop_on == "validation" else "white"
    size = {"ms": 7 if look(rule)["marker"] == "*" else 5} if found else {"ms": 4}
    return {**look(rule), "linestyle": "", "mfc": fill, "mec": colour, "mew": 0.6, **size}


def _draw_key(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the legend, with the number of networks that failed, by rule."""
    ax.set_axis_off()
    runs = table[(table["panel"] == table["panel"].max()) & (table["kind"] == "run")]
    entries = []
    for rule, tried in runs.groupby("series", sort=False):
        failed = (~tried["reached"]).sum()
        never = f"\n({failed} of {len(tried)} never)" if failed else ""
        style = _marker(rule, "validation", tried["found"].iloc[0])
        entries.append(Line2D([], [], **style, label=name(rule) + never))
    for stop_on, text in STOPS.items():
        style = {**look("backprop"), "linestyle": "", "mew": 0.6, "mec": "black"}
        fill = "black" if stop_on == "validation" else "white"
        entries.append(Line2D([], [], **style, mfc=fill, label=text.replace(" on", "\non")))
    evaluated = table[table["kind"] == "evaluation"]
    text = f"evaluated in searches:\n{len(evaluated):,}, {(~evaluated['reached']).sum():,} never"
    entries.append(Line2D([], [], **{**EVALUATED, "ms": 3}, label=text))
    columns = 2 if len(entries) > 8 else 1
    ax.legend(handles=entries, loc="upper left", ncols=columns, borderaxespad=0, columnspacing=1)
