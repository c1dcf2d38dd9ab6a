"""Accuracy of the rules after long training, and their generalisation.

Panels: the least test error of each run against the plastic fraction; the test error when the
training error first falls to a level, which compares rules at matched training error.
"""

from collections.abc import Collection

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from analysis.estimates import tidy, variants
from figures.style import (
    Look,
    Style,
    draw_series,
    label_ends,
    lay_out,
    look,
    name_axes,
    new_figure,
    title,
)

TRAINING_ERRORS = [10, 7, 5, 4, 3, 2.5, 2, 1.5, 1, 0.7, 0.5, 0.3, 0.2, 0.1]  # %


def summarise(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the plotted numbers: least test error (%), and test against training error (%).

    `curves` has a row for each test of each run. A training error is only used for a series if all
    of its runs reached it.
    """
    curves = curves.assign(
        series=variants(curves),
        train_error=100 * (1 - curves["train_accuracy"]),
        test_error=100 * (1 - curves["accuracy"]),
        reached=True,
    )
    run = ["series", "width", "seed"]
    best = curves.loc[curves.groupby(run)["test_error"].idxmin()].sort_index()
    matched = pd.concat([_first(curves, level, run) for level in TRAINING_ERRORS])
    return pd.concat(
        [
            tidy(best, "A", "fraction", "test_error"),
            tidy(matched, "B", "level", "test_error", "series"),
        ],
        ignore_index=True,
    )


def _first(curves: pd.DataFrame, level: float, run: list[str]) -> pd.DataFrame:
    """Return each run's first test with a training error of at most `level` (%).

    A series is only included if all of its runs reached the level, starting from a larger error.
    """
    ordered = curves.sort_values("trials", kind="stable")
    passed = ordered[ordered["train_error"] <= level]
    first = passed.drop_duplicates(run).drop(ordered.drop_duplicates(run).index, errors="ignore")
    first = first.assign(level=level)
    runs = curves.groupby("series")["seed"].nunique()
    return first[first.groupby("series")["seed"].transform("nunique") == first["series"].map(runs)]


def draw(table: pd.DataFrame) -> Figure:
    """Return the figure of the plotted numbers; both x axes decrease from left to right."""
    figure, axes = new_figure(1, 2, height=68)
    name_axes(axes[0], "fraction", "least test error (%)")
    name_axes(axes[1], "training error (%)", "test error (%)")
    titles = {"A": "after long training", "B": "at matched training error"}
    panels = {letter: table[table["panel"] == letter] for letter in "AB"}
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
    """Return the look of each variant: that of its rule, lighter for smaller fractions."""
    looks: dict[str, Style] = {}
    for rule in {variant.split()[0] for variant in variants}:
        same_rule = sorted((v for v in variants if v.split()[0] == rule), reverse=True)
        colours = sns.light_palette(look(rule)["color"], len(same_rule) + 2, reverse=True)
        looks |= {
            variant: {**look(rule), "color": colour}
            for variant, colour in zip(same_rule, colours, strict=False)
        }
    return looks.__getitem__
