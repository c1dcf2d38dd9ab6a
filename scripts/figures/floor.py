"""How far learning remains from the least number of updates, and why.

Panel A: M0 against the memory of the learner, that is, the number of trials in which a synapse is
written once at most. With caching, the remembered updates take part in the outputs; in batches,
they do not. Panel B: M0 of on-line learning, of writing each changed synapse once, and upper bounds
of the least M0: of the largest changes that suffice, and of pruning. The factors between them are
between the marks: what rewriting costs, and what synapses cost that need not change.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.conditions import per_seed, ratios
from analysis.estimates import rows, tidy
from analysis.seeds import geometric_mean
from analysis.tables import together
from figures import style

# Learners, from the most updates to the fewest, with their markers in panel B.
STEPS = {
    "on-line": ("o", "on-line learning"),
    "written once": ("s", "each synapse written once"),
    "largest changes": ("D", "largest changes that suffice"),
    "pruning": ("v", "pruning and training again"),
}
# Factors of M0 between two learners, and their names in the plotted numbers.
FACTORS = {
    "rewriting": ("on-line", "written once"),
    "not needed": ("written once", "pruning"),
    "in all": ("on-line", "pruning"),
}
BATCH = " batch"  # ends the name of a rule that learns in batches
OPEN: style.Style = {"mfc": "white", "mew": 0.8, "linestyle": ":"}  # the look of batches


def plotted(floors: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: M0 by memory (A), by learner (B), and the factors between them.

    `floors` has the learners of each network (see floor.py). Factors are computed seed by seed; a
    factor is left out if a network of its rule missed the goal.
    """
    batches = floors["learner"] == "batch"
    remembering = floors[floors["learner"].isin(["remembering", "batch"])]
    remembering = remembering.assign(series=floors["rule"].where(~batches, floors["rule"] + BATCH))
    online = floors[(floors["learner"] == "remembering") & (floors["memory"] == 1)]
    steps = pd.concat([online.assign(learner="on-line"), floors[floors["learner"].isin(STEPS)]])
    tables = [
        tidy(remembering, "A", "memory", "M0", "series", ["max_epochs"]),
        tidy(steps, "B", "rule", "M0", "learner", ["max_epochs"]),
    ]
    for rule, learners in steps.groupby("rule", sort=False):
        if learners["reached"].all():
            M0 = {name: per_seed(one, "M0") for name, one in learners.groupby("learner")}
            for name, (more, less) in FACTORS.items():
                y, low, high = geometric_mean(ratios(M0[more], M0[less]))
                at = {"panel": "B", "quantity": name, "series": rule, "kind": "factor"}
                at["networks"] = together(learners["networks"])
                tables.append(rows(**at, x=rule, y=y, low=low, high=high))
    return pd.concat(tables, ignore_index=True)


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers."""
    figure, axes = style.new_figure(1, 2, 85, width_ratios=(2, 3))
    _draw_memory(axes[0], table[table["panel"] == "A"])
    _draw_steps(axes[1], table[table["panel"] == "B"])
    style.title(axes[0], "A", "updates against memory")
    style.title(axes[1], "B", "from on-line learning to the bound")
    key = {
        text: {"marker": marker, "color": "0.3", "linestyle": ""} for marker, text in STEPS.values()
    }
    key["in batches (A)"] = {"marker": "o", "color": "0.3"} | OPEN
    style.legend(figure, key, columns=3)
    return figure


def _draw_memory(ax: Axes, table: pd.DataFrame) -> None:
    style.name_axes(ax, "memory (trials)", "M0")
    style.draw_series(ax, table, _look)


def _look(series: str) -> style.Style:
    look = style.look(series)
    return look | OPEN | {"mec": look["color"]} if series.endswith(BATCH) else look


def _draw_steps(ax: Axes, table: pd.DataFrame) -> None:
    style.name_axes(ax, "M0", "", log="x")
    rules = list(table["x"].unique())
    for row, rule in enumerate(rules):
        colour = style.look(rule)["color"]
        of_rule = table[table["x"] == rule]
        means = of_rule[of_rule["kind"] == "mean"]
        M0 = means.set_index("series")["y"]
        ax.plot(M0, [row] * len(M0), color=colour, lw=0.8, zorder=1)
        for learner, (marker, _) in STEPS.items():
            mean = means[means["series"] == learner]
            at_row = [row] * len(mean)
            ax.plot([mean["low"], mean["high"]], [at_row, at_row], color=colour, **style.BAR)
            mark = {"marker": marker, "color": colour, "linestyle": "", "ms": 5} | style.EDGE
            ax.plot(mean["y"], at_row, **mark, **style.marks(mean, "y"), zorder=4)
        for factor in of_rule[of_rule["kind"] == "factor"].itertuples():
            more, less = (M0.get(one) for one in FACTORS[factor.quantity])
            if factor.quantity != "in all" and more and less:
                text = f"{factor.quantity}: {style.number(factor.y)}-fold"
                rewritten = factor.quantity == "rewriting"
                x = (more * less) ** 0.5 if rewritten else less
                at: style.Style = {"textcoords": "offset points", "size": "small", "color": colour}
                at["xytext"] = (0, 5) if rewritten else (-4, -5)
                at["ha"], at["va"] = ("center", "bottom") if rewritten else ("left", "top")
                ax.annotate(text, (x, row), **at)
    ax.set_yticks(range(len(rules)), [style.name(rule) for rule in rules])
    ax.set_ylim(len(rules) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
