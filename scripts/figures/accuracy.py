"""How accurate the rules become after long training, and how well they generalise.

Panels: the best test accuracy of each run against the plastic fraction, drawn as an error; test
error at the first time that the training error falls to a level, so that rules are compared at
matched training error.
"""

from collections.abc import Collection

import pandas as pd
import seaborn as sns
from command import main
from estimates import errors, tidy, variants
from matplotlib.figure import Figure
from style import Look, Style, draw_series, label_ends, lay_out, look, name_axes, new_figure, title

TRAINING_ERRORS = [10, 7, 5, 4, 3, 2.5, 2, 1.5, 1, 0.7, 0.5, 0.3, 0.2, 0.1]  # %


def summarise(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: best test accuracy (%), and test by training error (%).

    `curves`: a row for each test of each run, in order of trials. A training error counts for a
    series where each of its runs got there.
    """
    curves = curves.assign(
        series=variants(curves),
        accuracy=100 * curves["accuracy"],
        train_error=100 * (1 - curves["train_accuracy"]),
        test_error=100 * (1 - curves["accuracy"]),
        reached=True,
    )
    run = ["series", "width", "seed"]
    best = curves.loc[curves.groupby(run)["accuracy"].idxmax()].sort_index()
    matched = pd.concat([_first(curves, level, run) for level in TRAINING_ERRORS])
    return pd.concat(
        [
            tidy(best, "A", "fraction", "accuracy"),
            tidy(matched, "B", "level", "test_error", "series"),
        ],
        ignore_index=True,
    )


def _first(curves: pd.DataFrame, level: float, run: list[str]) -> pd.DataFrame:
    """Return each run's first test with a training error of at most `level`.

    A series counts where each of its runs got there, and from a larger error.
    """
    ordered = curves.sort_values("trials", kind="stable")
    there = ordered[ordered["train_error"] <= level]
    first = there.drop_duplicates(run).drop(ordered.drop_duplicates(run).index, errors="ignore")
    first = first.assign(level=level)
    runs = curves.groupby("series")["seed"].nunique()
    return first[first.groupby("series")["seed"].transform("nunique") == first["series"].map(runs)]


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; fractions and errors fall from left to right."""
    figure, axes = new_figure(1, 2, height=68)
    name_axes(axes[0], "fraction", "least test error (%)")
    name_axes(axes[1], "training error (%)", "test error (%)")
    titles = {"A": "after long training", "B": "at matched training error"}
    panels = {"A": errors(table[table["panel"] == "A"]), "B": table[table["panel"] == "B"]}
    shades = {"A": look, "B": _shades(panels["B"]["series"].unique())}
    for ax, letter in zip(axes, titles, strict=True):
        draw_series(ax, panels[letter], shades[letter])
        ax.invert_xaxis()
        title(ax, letter, titles[letter])
    lay_out(figure)
    for ax, letter in zip(axes, titles, strict=True):
        label_ends(ax, panels[letter], shades[letter])
    return figure


def _shades(variants: Collection[str]) -> Look:
    """Return each variant's look: that of its rule, the lighter the smaller its fraction."""
    looks: dict[str, Style] = {}
    for rule in {variant.split()[0] for variant in variants}:
        mine = sorted((v for v in variants if v.split()[0] == rule), reverse=True)
        colours = sns.light_palette(look(rule)["color"], len(mine) + 2, reverse=True)
        looks |= {
            variant: {**look(rule), "color": colour}
            for variant, colour in zip(mine, colours, strict=False)
        }
    return looks.__getitem__


if __name__ == "__main__":
    main(__file__, __doc__, summarise, draw, inputs=["curves"])
