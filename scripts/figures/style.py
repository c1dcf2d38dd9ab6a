"""The common style of all figures: colours, axes, series, labels, and saving.

A rule has the same colour and marker in all figures. The colours of rules differ by at least 18 in
CIELAB, for normal vision and for protan, deutan and tritan colour blindness; markers distinguish
them in greyscale. Rules found by searches for the same energy have the same colour.
"""

import os
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import Formatter, FuncFormatter
from matplotlib.transforms import ScaledTranslation
from matplotlib.typing import ColorType
from scipy.optimize import isotonic_regression

from provenance.files import replacing

matplotlib.rc_file(Path(__file__).with_name("matplotlibrc"))

# Keywords of matplotlib, and a function that maps a series to them: color, marker, linestyle.
Style = dict[str, Any]
Look = Callable[[str], Style]

WIDTH = 174  # mm: two columns of print

# Colour, marker and line of each rule, and of each criterion of competition.
LOOKS = {
    "backprop": ("#000000", "o", "-"),
    "random_synapses": ("#E69F00", "s", "-"),
    "fixed_neurons": ("#1C4A3C", "v", "-"),
    "random_neurons": ("#8CC49A", "<", "-"),
    "class_neurons": ("#B5B053", ">", "-"),
    "alternating_neurons": ("#9078FC", "H", "-"),
    "competitive": ("#0072B2", "D", "-"),
    "competitive_per_neuron": ("#3FB8F5", "d", "-"),
    "subnet": ("#D55E00", "p", "-"),
    "competitive_subnet": ("#641C66", "X", "-"),
    "fixed_features": ("#7C7C55", "h", "-"),
    "frugal_updates": ("#B31600", "^", "-"),
    "frugal_updates_fast": ("#B31600", "*", "-"),
    "frugal_updates_again": ("#B31600", "P", "-"),
    "frugal_updates_leaky": ("#B31600", "d", "-"),
    "frugal_updates_scaled": ("#B31600", "v", "-"),
    "frugal_open": ("#B44B78", "s", "-"),
    "frugal_change": ("#7F00FF", "^", "-"),
    "frugal_change_again": ("#7F00FF", "P", "-"),
    "frugal_both": ("#7F00FF", "d", "-"),
    "frugal_cached": ("#D194BA", "^", "-"),
    "frugal_general": ("#3C0087", "s", "-"),
    "largest_update": ("#0072B2", "D", "-"),
    "smallest_update": ("#7FB2D9", "D", ":"),
    "largest_weight": ("#B85C90", "^", "-"),
    "smallest_weight": ("#DFA9C7", "^", ":"),
    "largest_error": ("#1C4A3C", "v", "-"),
    "smallest_error": ("#1C4A3C", "v", ":"),
    "largest_activity": ("#B5B053", ">", "-"),
    "smallest_activity": ("#B5B053", ">", ":"),
}
# Displayed names of the rules that searches found.
NAMES = {
    "frugal_updates": "found rule",
    "frugal_updates_fast": "found rule, fast",
    "frugal_updates_again": "found rule, second search",
    "frugal_updates_leaky": "found rule, leaky rectifiers",
    "frugal_updates_scaled": "found rule, equal rates",
    "frugal_open": "tuned, gate open",
    "frugal_change": "found for least $M_1$",
    "frugal_change_again": "found for least $M_1$, second search",
    "frugal_both": "found for both energies",
    "frugal_cached": "found for caching",
    "frugal_general": "found for many tasks",
}
# For rules that are added to a config file, which takes no new code.
SPARE_COLOURS = ["#712301", "#B85C90"]

# Line, and share of white in the markers' fill, by the s.d. of the initial weights.
SD_LOOKS = {0.03: ("-", 0), 0.02: ("--", 0.6), 0.01: (":", 1)}

# The panels of most figures, and their titles.
QUANTITIES = {"A": "M0", "B": "M1", "C": "trials"}
TITLES = {"M0": "number of updates", "M1": "summed change", "trials": "learning time"}
AXES = {
    "trials": "learning time (trials)",
    "M0": "$M_0$ (synaptic updates)",
    "M1": r"$M_1$ (summed $|\Delta w|$)",
    "width": "width (hidden units)",
    "fraction": "plastic fraction",
    "plastic_units": "plastic hidden units",
}

# Leading digits of the labelled ticks if an axis spans more than this number of decades.
LABELLED = {1.4: {1}, 0.7: {1, 2, 5}, 0.25: {1, 2, 3, 4, 5, 6, 8}, 0: {*range(1, 10)}}

SMOKE = "SMOKE: a quick check with few seeds and conditions, not a result"
NAME_HEIGHT = 8  # points between two direct labels
BESIDE = 9  # points from a panel to the names beside it
LEADER = dict(arrowstyle="-", lw=0.4, alpha=0.6, shrinkA=1, shrinkB=3, relpos=(0, 0.5))
LOWEST_NAME = 0.04  # of a panel's height, so that labels do not touch the x axis
STRIP_ROW, STRIP = 0.06, 0.3  # of a panel's height: a line of the strip; the strip at most
EDGE: Style = {"mec": "white", "mew": 0.4}  # of the marker of a mean
BAR: Style = {"lw": 1.2, "solid_capstyle": "butt", "zorder": 3}  # an interval
DOT: Style = {"s": 5, "alpha": 0.7, "ec": "white", "lw": 0.3, "clip_on": False}  # a run
SPREAD = 0.5  # between the outermost series of a choice; choices are 1 apart

# The same input must give the same bytes, so that dates and versions are left out. The id of the
# provenance record (see record.py) depends on what a figure is computed from, not on time or host.
RECORD = f"record:{os.environ['RECORD_ID']}" if "RECORD_ID" in os.environ else None
METADATA = {
    "svg": {"Date": None, "Identifier": RECORD},
    "png": {"Software": "matplotlib", "Record": RECORD},
    "pdf": {"CreationDate": None, "ModDate": None, "Keywords": RECORD},
}


def look(series: str) -> Style:
    """Return colour, marker and line of a series, as keywords of `Axes.plot`.

    The name of a series is its rule or criterion; text after a space distinguishes variants.
    """
    rule = series.split()[0]
    spare = SPARE_COLOURS[zlib.crc32(rule.encode()) % len(SPARE_COLOURS)]
    colour, marker, line = LOOKS.get(rule, (spare, "H", "-"))
    return {"color": colour, "marker": marker, "linestyle": line}


def look_of_sd(style: Style, initial_sd: float) -> Style:
    """Return the look of a series with a line and a fill that depend on the initial s.d.

    The fill is lighter, and the line has more gaps, the smaller the s.d. is.
    """
    line, lightness = SD_LOOKS.get(initial_sd, ("-.", 0))
    fill = lightness + (1 - lightness) * np.array(to_rgb(style["color"]))
    return style | {"linestyle": line, "mfc": tuple(fill), "mec": style["color"], "mew": 0.7}


def shades(variants: Collection[str]) -> Look:
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


def name(series: str) -> str:
    """Return the displayed name of a series."""
    return NAMES.get(series, series.replace("_", " "))


def blank_figure(height: float) -> Figure:
    """Return an empty figure, two columns wide and `height` mm high."""
    return Figure(figsize=(WIDTH / 25.4, height / 25.4))


def new_figure(rows: int, columns: int, height: float, **shared: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure `height` mm high and its panels, as a flat list in reading order."""
    figure = blank_figure(height)
    return figure, list(figure.subplots(rows, columns, squeeze=False, **shared).flat)


def title(ax: Axes, letter: str, text: str = "") -> None:
    """Set a panel's title: its letter and a text, above the strip if there is one."""
    top = ax.child_axes[-1] if ax.child_axes else ax
    top.set(title=rf"$\bf{{{letter}}}$  {text}")


def name_axes(ax: Axes, x: str, y: str, log: str = "xy") -> None:
    """Label the axes of a panel by their quantities; `log` names the logarithmic axes."""
    ax.set(xlabel=AXES.get(x, x), ylabel=AXES.get(y, y))
    for direction in log:
        ax.set(**{f"{direction}scale": "log"})
        axis = getattr(ax, f"{direction}axis")
        axis.set_major_formatter(TickFormatter())
        axis.set_minor_formatter(TickFormatter())


class TickFormatter(Formatter):
    """Formatter of logarithmic axes, which labels more ticks if the axis spans fewer decades.

    Only powers of ten are labelled if there are at least two of them and the axis is long. Labels
    are plain numbers if all of them are short, and else have powers of ten.
    """

    def __call__(self, value: float, position: int | None = None) -> str:
        """Return the label of the tick at `value`, empty if the tick has no label."""
        assert self.axis is not None, "a formatter belongs to an axis"
        low, high = sorted(self.axis.get_view_interval())
        mantissa, exponent = f"{value:.4e}".split("e")
        leading = float(mantissa)
        powers = np.floor(np.log10(high)) - np.ceil(np.log10(low)) + 1
        wanted = next(
            digits
            for span, digits in LABELLED.items()
            if np.log10(high / low) > span and (len(digits) > 1 or powers > 1)
        )
        if leading not in wanted:
            return ""
        if low > 4e-5 and high < 5e4:
            return f"{value:,.6g}"
        power = f"10^{{{int(exponent)}}}"
        return f"${power}$" if leading == 1 else rf"${leading:g}\times{power}$"


def number(value: float) -> str:
    """Return a number as text for a figure, such as 0.012, 0.54, 1,230 or 1.2 x 10^8."""
    if not np.isfinite(value):
        return "?"
    if value != 0 and not 1e-3 <= abs(value) < 1e4:
        mantissa, exponent = f"{value:.1e}".split("e")
        return rf"${mantissa}\times 10^{{{int(exponent)}}}$"
    if abs(value) < 10:
        text = f"{value:.2g}" if abs(value) < 0.1 else f"{value:.2f}"
    else:
        text = f"{float(f'{value:.3g}'):,.6g}"
    return text.replace("-", "\N{MINUS SIGN}")


def epochs(count: float) -> str:
    """Return a number of epochs as text, such as "0.5 epochs" or "1 epoch"."""
    return f"{count:g} epoch" + ("" if count == 1 else "s")


def draw_series(ax: Axes, table: pd.DataFrame, look: Look = look) -> None:
    """Draw the series of a panel: runs, means with their intervals, and fits.

    `table` has the tidy rows of one panel (see analysis/estimates.py). `look` maps a series to its
    colour, marker and line. A series without x is drawn as a horizontal line. Conditions with runs
    that did not reach the goal are marked in a strip above the panel.
    """
    table = table.astype({"x": float})
    for series, points in table.groupby("series", sort=False):
        style = look(series)
        colour = style["color"]
        if points.loc[points["kind"] == "mean", "x"].isna().any():
            _draw_level(ax, points, colour)
            continue
        points = points.sort_values("x", kind="stable")
        runs = points[(points["kind"] == "run") & points["reached"]]
        means = points[points["kind"] == "mean"]
        fit = points[points["kind"] == "fit"]
        ax.plot([means["x"], means["x"]], [means["low"], means["high"]], color=colour, **BAR)
        ax.plot(means["x"], means["y"], **{**EDGE, **style}, **marks(means), zorder=4)
        ax.plot(fit["x"], fit["y"], color=colour, lw=0.8, ls=(0, (4, 2)), zorder=1)
        ax.scatter(runs["x"], runs["y"], fc=colour, **marks(runs), zorder=3.5, **DOT)
        limits = ax.dataLim.frozen()  # a wide band must not widen them
        ax.fill_between(fit["x"], fit["low"], fit["high"], color=colour, alpha=0.15, lw=0)
        ax.dataLim.set(limits)
    _mark_unreached(ax, table[table["kind"].isin(["run", "mean"])], look)


def marks(points: pd.DataFrame, needed: str | Sequence[str] = ("x", "y"), end: str = "") -> Style:
    """Return the id, in the SVG, of marks that are drawn at once, one for each row of `points`.

    The id lists the rows of the table of plotted numbers, which the index of `points` has, in the
    order in which they are drawn. Rows without a value in the columns `needed` are not drawn. `end`
    distinguishes marks of the same rows.
    """
    drawn = points.dropna(subset=needed).index
    return {"gid": "-".join(["rows", *map(str, drawn)]) + end} if len(drawn) else {}


def without_strip(panel: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a panel without the runs that failed, if another panel has their strip."""
    return panel[panel["reached"] | (panel["kind"] != "run")]


def key_of_laws(ax: Axes, panel: pd.DataFrame, look: Look, name: Callable[[str], str]) -> None:
    """Draw the legend of a panel, with the exponents of power laws."""
    key = {name(one) + exponent(panel, one, ": "): look(one) for one in panel["series"].unique()}
    ax.legend(handles=_handles(key), loc="upper left", borderaxespad=0, labelspacing=0.3)


def exponent(panel: pd.DataFrame, series: str, before: str) -> str:
    """Return the exponent of a series' power law as text to append after `before`, "" if none."""
    law = panel[(panel["series"] == series) & (panel["kind"] == "exponent")]
    if law.empty:
        return ""
    values = law[["y", "low", "high"]].iloc[0].round(2) + 0.0  # no negative zero
    y, low, high = (f"{value:.2f}".replace("-", "\N{MINUS SIGN}") for value in values)
    known = f" ({low} to {high})" if np.isfinite(values["low"]) else ""
    return f"{before}exponent {y}{known}"


def draw_quantities(
    table: pd.DataFrame,
    x: str,
    height: float,
    finish: Callable[[Axes, pd.DataFrame], None],
    look: Look = look,
    name: Callable[[str], str] = name,
) -> Figure:
    """Return a figure `height` mm high with a panel for each of QUANTITIES against `x`.

    `finish` is called with each panel and its rows of `table`, to add to the panel. The names of
    the series are written beside the last panel.
    """
    figure, axes = new_figure(1, len(QUANTITIES), height)
    for ax, (letter, quantity) in zip(axes, QUANTITIES.items(), strict=True):
        panel = table[table["panel"] == letter]
        name_axes(ax, x, quantity)
        draw_series(ax, panel, look)
        title(ax, letter, TITLES[quantity])
        finish(ax, panel)
    lay_out(figure)
    label_ends(axes[-1], panel, look, name)
    return figure


def legend(figure: Figure, key: Mapping[str, Style], columns: int | None = None) -> None:
    """Draw a legend below the panels: texts with their looks, by default all in one row."""
    count = columns or max(len(key), 1)
    figure.legend(handles=_handles(key), loc="outside lower center", ncols=count)


def _handles(key: Mapping[str, Style]) -> list[Line2D]:
    return [Line2D([], [], **style, label=text) for text, style in key.items()]


def draw_factors(
    table: pd.DataFrame,
    height: float,
    axes: Mapping[str, str],
    look: Look = look,
    name: Callable[[str], str] = name,
) -> Figure:
    """Return a figure `height` mm high with a panel of rows for each quantity: factors saved.

    `axes` maps quantities, in the order of the panels, to the labels of their axes.
    """
    figure, panels = new_figure(1, len(axes), height, sharey=True)
    for ax, letter, (quantity, label) in zip(panels, ascii_uppercase, axes.items(), strict=False):
        draw_rows(ax, table[table["panel"] == letter], look)
        name_axes(ax, label, "", log="x")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda factor, _: f"{factor:,g}"))
        title(ax, letter, f"{TITLES[quantity]}\n")
        name_sides(ax)
    key = {name(one): look(one) | {"linestyle": ""} for one in table["series"].unique()}
    legend(figure, key, columns=min(len(key), 4))
    return figure


def draw_rows(ax: Axes, table: pd.DataFrame, look: Look = look, spread: float = SPREAD) -> None:
    """Draw a panel of rows, from top to bottom one for each x of `table`, with y to the right.

    `table` has the tidy rows of one panel: runs, means and their intervals. The series of a row are
    up to `spread` of a row apart. Instead of the mean and the runs of a condition with runs that
    failed, it is written within how many epochs (`max_epochs`) they did not reach the goal.
    """
    rows, series = list(table["x"].unique()), list(table["series"].unique())
    shift = table["series"].map(series.index) / max(len(series) - 1, 1) - 0.5
    table = table.assign(row=table["x"].map(rows.index) + spread * shift)
    every = table.groupby(["series", "x"])["reached"].transform("all")
    for one, points in table[every].groupby("series", sort=False):
        style = look(one) | EDGE | {"linestyle": ""}
        colour = style["color"]
        runs, means = (points[points["kind"] == kind] for kind in ("run", "mean"))
        ax.plot([means["low"], means["high"]], [means["row"], means["row"]], color=colour, **BAR)
        ax.plot(means["y"], means["row"], **style, **marks(means, "y"), zorder=4)
        ax.scatter(runs["y"], runs["row"], fc=colour, **marks(runs, "y"), zorder=3.5, **DOT)
    failing = table[(table["kind"] == "mean") & ~table["reached"]]
    for mean in failing.itertuples():
        place = marks(failing.loc[[mean.Index]], [])
        failed = f"not within {epochs(mean.max_epochs)}"
        place |= {"transform": ax.get_yaxis_transform(), "va": "center", "size": 6}
        place["bbox"] = {"fc": "white", "lw": 0, "pad": 0.6, "alpha": 0.8}
        ax.text(0.01, mean.row, failed, color=look(mean.series)["color"], **place)
    for row in range(0, len(rows), 2):
        ax.axhspan(row - 0.5, row + 0.5, color="0.95", lw=0, zorder=0)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)


def name_sides(ax: Axes) -> None:
    """Draw a line at the factor 1, and write above the panel on which side of it a rule saves."""
    ax.axvline(1, color="black", lw=0.8, zorder=1)
    common: Style = {"size": "small", "color": "0.4", "va": "bottom", "textcoords": "offset points"}
    common["xycoords"] = ax.get_xaxis_transform()
    ax.annotate("\N{LEFTWARDS ARROW} costs more", (1, 1), xytext=(-2, 1), ha="right", **common)
    ax.annotate("saves \N{RIGHTWARDS ARROW}", (1, 1), xytext=(2, 1), **common)


def _draw_level(ax: Axes, points: pd.DataFrame, colour: ColorType) -> None:
    for mean in points[(points["kind"] == "mean") & points["reached"]].itertuples():
        ax.axhspan(mean.low, mean.high, color=colour, alpha=0.12, lw=0, zorder=0)
        ax.axhline(mean.y, color=colour, lw=0.8, **marks(points.loc[[mean.Index]], "y"), zorder=1)
    runs = points[(points["kind"] == "run") & points["reached"]]
    edge = ax.get_yaxis_transform()
    ax.scatter([0.01] * len(runs), runs["y"], fc=colour, transform=edge, **marks(runs, "y"), **DOT)


def _mark_unreached(ax: Axes, table: pd.DataFrame, look: Look) -> None:
    """Mark in a strip above the panel at which x runs failed, with a line per series.

    The mark is a triangle, which is open if only some runs failed. If their `max_epochs` differ, it
    is this number, which is on white if only some runs failed.
    """
    runs = table[table["kind"] == "run"]
    failing = _unreached(runs)
    if not failing:
        return
    line = _strip_line(failing)
    budgets = runs.loc[~runs["reached"], "max_epochs"].unique() if "max_epochs" in runs else []
    counted = len(budgets) > 1
    strip = ax.inset_axes((0, 1.03, 1, line * len(failing)), sharex=ax, facecolor="0.94")
    strip.set(ylim=(-0.5, len(failing) - 0.5), yticks=[])
    strip.tick_params(which="both", bottom=False, labelbottom=False)
    sns.despine(ax=strip, left=True, bottom=True)
    within = "\N{HORIZONTAL ELLIPSIS} epochs" if counted else "".join(map(epochs, budgets))
    said = f"not within\n{within}" if within else "not\nreached"
    strip.text(-0.02, 0.5, said, transform=strip.transAxes, size="small", ha="right", va="center")
    for row, series in enumerate(failing):
        colour = look(series)["color"]
        for x, rows in table[table["series"] == series].groupby("x", dropna=False):
            condition = rows[rows["kind"] == "run"]
            if condition["reached"].all():
                continue
            partly = condition["reached"].any()
            anywhere = pd.isna(x)
            across = strip.get_yaxis_transform() if anywhere else strip.transData
            place: Style = {"transform": across, "color": colour, "clip_on": False}
            place |= marks(rows[rows["kind"] == "mean"], [])
            where = (0.02 if anywhere else x, row)
            if counted:
                ax.update_datalim([where], updatex=not anywhere, updatey=False)
                box: Style | None = {"fc": "white", "lw": 0, "pad": 0.8} if partly else None
                place |= {"size": 6, "ha": "center", "va": "center_baseline", "bbox": box}
                strip.text(*where, f"{condition['max_epochs'].max():g}", **place)
            else:
                fill = "white" if partly else colour
                strip.plot(*where, marker="^", ms=3.5 * line / STRIP_ROW, mfc=fill, **place)


def _unreached(runs: pd.DataFrame) -> list[str]:
    return list(runs.loc[~runs["reached"], "series"].unique())


def _strip_line(failing: Sequence[str]) -> float:
    return min(STRIP_ROW, STRIP / len(failing))


def lay_out(figure: Figure) -> None:
    """Compute the layout of a figure from what has been drawn so far."""
    figure.draw_without_rendering()


def label_ends(
    ax: Axes, table: pd.DataFrame, look: Look = look, name: Callable[[str], str] = name
) -> None:
    """Write the name of each series at its right end, moved apart where names would overlap.

    The layout must be final (see `lay_out`), because the positions depend on the panel's height.
    """
    height = ax.get_window_extent().height * 72 / ax.figure.dpi
    failing = _unreached(table[table["kind"] == "run"])
    ends = []
    for series, points in table[table["kind"].isin(["mean", "fit"])].groupby("series", sort=False):
        points = points[points["y"].notna()]
        if len(points):
            data = points[["x", "y"]].fillna({"x": ax.get_xlim()[1]}).to_numpy(dtype=float)
            on_panel = ax.transAxes.inverted().transform(ax.transData.transform(data))
            right, up = on_panel[on_panel[:, 0].argmax()]
        else:
            right, up = 1, 1.03 + _strip_line(failing) * (failing.index(series) + 0.5)
        ends.append((up, right, series))
    if not ends:
        return
    ups, rights, names = zip(*sorted(ends), strict=True)
    lines = np.array([1 + name(series).count("\n") for series in names])
    step = NAME_HEIGHT / height * (np.cumsum(lines) - (lines + lines[0]) / 2)
    heights = np.maximum(isotonic_regression(np.array(ups) - step).x, LOWEST_NAME) + step
    beside = ax.transAxes + ScaledTranslation(BESIDE / 72, 0, ax.figure.dpi_scale_trans)
    for up, right, name_height, series in zip(ups, rights, heights, names, strict=True):
        colour = look(series)["color"]
        ax.annotate(
            name(series),
            xy=(right, up),
            xycoords="axes fraction",
            xytext=(1, name_height),
            textcoords=beside,
            size="small",
            color=colour,
            va="center",
            annotation_clip=False,
            arrowprops={**LEADER, "color": colour},
        )


def save(figure: Figure, numbers: pd.DataFrame, output: str | Path, scale: str) -> None:
    """Write the figure as OUTPUT.svg, .png and .pdf, and its plotted numbers as OUTPUT.csv.

    The same input gives the same bytes. A figure of scale `smoke` is marked as a quick check. Files
    are written completely or not at all. Raises OSError if one cannot be written.
    """
    if scale == "smoke":
        box = {"boxstyle": "square,pad=0.3", "facecolor": "#B2182B", "linewidth": 0}
        figure.suptitle(SMOKE, color="white", weight="bold", bbox=box)
    lay_out(figure)
    figure.set_layout_engine("none")  # the same layout in every format
    for kind, metadata in METADATA.items():
        with replacing(f"{output}.{kind}") as partial:
            figure.savefig(partial, format=kind, metadata=metadata)
    with replacing(f"{output}.csv") as partial:
        numbers.to_csv(partial, index=False, float_format="%.10g", lineterminator="\n")
