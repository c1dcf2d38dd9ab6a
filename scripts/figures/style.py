"""The look that all figures share: colours, axes, series, labels, and saving.

A rule has one colour and one marker, everywhere. Rules' colours differ by at least 18 in CIELAB,
to normal as to protan, deutan and tritan sight; the markers tell them apart in grey. Rules found by
searches for the same energy share a colour.
"""

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter
from matplotlib.transforms import ScaledTranslation
from matplotlib.typing import ColorType
from scipy.optimize import isotonic_regression

matplotlib.rc_file(Path(__file__).with_name("matplotlibrc"))

# Keywords of what matplotlib draws, and what says those of a series: color, marker, linestyle.
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
    "competitive": ("#0072B2", "D", "-"),
    "competitive_per_neuron": ("#3FB8F5", "d", "-"),
    "subnet": ("#D55E00", "p", "-"),
    "competitive_subnet": ("#641C66", "X", "-"),
    "fixed_features": ("#7C7C55", "h", "-"),
    "frugal_updates": ("#B31600", "^", "-"),
    "frugal_updates_fast": ("#B31600", "*", "-"),
    "frugal_updates_again": ("#B31600", "P", "-"),
    "frugal_updates_leaky": ("#B31600", "d", "-"),
    "frugal_change": ("#7F00FF", "^", "-"),
    "frugal_change_again": ("#7F00FF", "P", "-"),
    "frugal_cached": ("#D194BA", "^", "-"),
    "largest_update": ("#0072B2", "D", "-"),
    "smallest_update": ("#7FB2D9", "D", ":"),
    "largest_weight": ("#B85C90", "^", "-"),
    "smallest_weight": ("#DFA9C7", "^", ":"),
    "largest_error": ("#1C4A3C", "v", "-"),
    "largest_activity": ("#B5B053", ">", "-"),
}
# For rules that a config adds: a new combination of known parts needs no new code.
SPARE_COLOURS = ["#712301", "#B85C90"]

AXES = {
    "trials": "learning time (trials)",
    "M0": "$M_0$ (synaptic updates)",
    "M1": r"$M_1$ (summed $|\Delta w|$)",
    "width": "width (hidden units)",
    "fraction": "plastic fraction",
    "plastic_units": "plastic hidden units",
}

# Leading digits of the ticks that are labelled, where an axis spans more than so many decades.
LABELLED = {1.4: {1}, 0.7: {1, 2, 5}, 0.25: {1, 2, 3, 4, 5, 6, 8}, 0: {*range(1, 10)}}

SMOKE = "SMOKE: a quick check with few seeds and conditions, not a result"
NAME_HEIGHT = 8  # points between two direct labels
BESIDE = 9  # points from a panel to the names beside it
LEADER = {
    "arrowstyle": "-",
    "lw": 0.4,
    "alpha": 0.6,
    "shrinkA": 1,
    "shrinkB": 3,
    "relpos": (0, 0.5),
}
LOWEST_NAME = 0.04  # of a panel's height, so that labels stay clear of the x axis
STRIP_ROW, STRIP = 0.06, 0.3  # of a panel's height: a line of the strip above it, at most in all
DOT: Style = {"s": 3, "alpha": 0.5, "lw": 0, "clip_on": False}  # a run
ASIDE = 3.5  # points by which runs stand beside their mean
SPREAD = 0.5  # between the outermost series of a choice; choices are 1 apart

# Nothing that changes from run to run may enter a file. The provenance record that is being written
# (see record.py) gets its id from what a figure is made of, and not from when or where.
RECORD = f"record:{os.environ['RECORD_ID']}" if "RECORD_ID" in os.environ else None
METADATA = {
    "svg": {"Date": None, "Identifier": RECORD},
    "png": {"Software": "matplotlib", "Record": RECORD},
    "pdf": {"CreationDate": None, "ModDate": None, "Keywords": RECORD},
}


def look(series: str) -> Style:
    """Return colour, marker and line of a series, as keywords of `Axes.plot`.

    A series is named by its rule or criterion; what follows a space tells variants apart.
    """
    rule = series.split()[0]
    spare = SPARE_COLOURS[zlib.crc32(rule.encode()) % len(SPARE_COLOURS)]
    colour, marker, line = LOOKS.get(rule, (spare, "H", "-"))
    return {"color": colour, "marker": marker, "linestyle": line}


def name(series: str) -> str:
    """Return the name of a series for people."""
    return series.replace("_", " ")


def blank_figure(height: float) -> Figure:
    """Return an empty figure, two columns wide and `height` mm high."""
    return Figure(figsize=(WIDTH / 25.4, height / 25.4))


def new_figure(rows: int, columns: int, height: float, **shared: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure `height` mm high and its panels, as a flat list in reading order."""
    figure = blank_figure(height)
    return figure, list(figure.subplots(rows, columns, squeeze=False, **shared).flat)


def title(ax: Axes, letter: str, text: str = "") -> None:
    """Give a panel its letter and, after it, what it shows (above the strip, where it has one)."""
    top = ax.child_axes[-1] if ax.child_axes else ax
    top.set(title=rf"$\bf{{{letter}}}$  {text}")


def name_axes(ax: Axes, x: str, y: str, log: str = "xy") -> None:
    """Label a panel's axes by the quantities on them; `log` says which are logarithmic."""
    ax.set(xlabel=AXES.get(x, x), ylabel=AXES.get(y, y))
    for direction in log:
        ax.set(**{f"{direction}scale": "log"})
        axis = getattr(ax, f"{direction}axis")
        axis.set_major_formatter(TickFormatter())
        axis.set_minor_formatter(TickFormatter())


class TickFormatter(Formatter):
    """Labels a logarithmic axis: the fewer decades it spans, the more of the ticks between them.

    Powers of ten alone have labels only where there are two of them at least.

    Labels are plain numbers where all of them are short, else they have powers of ten.
    """

    def __call__(self, value: float, position: int | None = None) -> str:
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
        if low > 4e-5 and high < 4e4:
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


def draw_series(ax: Axes, table: pd.DataFrame, look: Look = look) -> None:
    """Draw a panel's series: each run, the means with their intervals, and the fits.

    `table` holds the tidy rows (see estimates) of one panel; `look` maps a series to its colour,
    marker and line. Runs stand a little to the right of their mean. A series that holds at any x is
    a level across the panel. Conditions with runs that never reached the goal are marked in a strip
    above the panel.
    """
    table = table.astype({"x": float})
    aside = ax.transData + ScaledTranslation(ASIDE / 72, 0, ax.figure.dpi_scale_trans)
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
        bar = {"color": colour, "lw": 1.2, "solid_capstyle": "butt", "zorder": 3}
        ax.plot([means["x"], means["x"]], [means["low"], means["high"]], **bar)
        ax.plot(means["x"], means["y"], **style, mec="white", mew=0.4, zorder=4)
        ax.plot(fit["x"], fit["y"], color=colour, lw=0.8, ls=(0, (4, 2)), zorder=1)
        # The limits hold the data; a wide band or the dots' displacement must not widen them.
        limits = ax.dataLim.frozen()
        ax.scatter(runs["x"], runs["y"], color=colour, transform=aside, zorder=2, **DOT)
        ax.fill_between(fit["x"], fit["low"], fit["high"], color=colour, alpha=0.15, lw=0)
        ax.dataLim.set(limits)
        ax.update_datalim(runs[["x", "y"]].to_numpy(dtype=float))
    _mark_unreached(ax, table[table["kind"] == "run"], look)


def place_choices(ax: Axes, panel: pd.DataFrame) -> pd.DataFrame:
    """Return the panel with its choices as numbers, a little apart by series; tick them."""
    choices, series = list(panel["x"].unique()), list(panel["series"].unique())
    shift = panel["series"].map(series.index) / max(len(series) - 1, 1) - 0.5
    ax.set_xticks(range(len(choices)), [name(choice).replace(" ", "\n") for choice in choices])
    ax.set_xlim(-0.5, len(choices) - 0.5)
    return panel.assign(x=panel["x"].map(choices.index) + SPREAD * shift)


def unlined(series: str) -> Style:
    """Return the look of a series whose points are not to be joined: those of choices."""
    return {**look(series), "linestyle": ""}


def usual_rate(table: pd.DataFrame) -> float:
    """Return the learning rate at which most points of a figure's table learned."""
    return table["learning_rate"].mode().min()  # nan, not an error, if there is none


def note_rates(ax: Axes, table: pd.DataFrame, y: float = 0.02) -> None:
    """Shade the x at which the networks learned at another rate than most, and name it at `y`."""
    rates = table.dropna(subset=["learning_rate"])
    other = rates[rates["learning_rate"] != usual_rate(table)]
    for x, rate in other[["x", "learning_rate"]].drop_duplicates().to_numpy(dtype=float):
        ax.axvspan(x / 1.6, x * 1.6, color="0.94", lw=0, zorder=-1)
        where: Style = {"transform": ax.get_xaxis_transform(), "rotation": 90, "ha": "center"}
        ax.text(x, y, f"rate {rate:g}", size="small", color="0.4", **where)


def _draw_level(ax: Axes, points: pd.DataFrame, colour: ColorType) -> None:
    for mean in points[(points["kind"] == "mean") & points["reached"]].itertuples():
        ax.axhspan(mean.low, mean.high, color=colour, alpha=0.12, lw=0, zorder=0)
        ax.axhline(mean.y, color=colour, lw=0.8, zorder=1)
    runs = points[(points["kind"] == "run") & points["reached"]]
    edge = ax.get_yaxis_transform()
    ax.scatter([0.01] * len(runs), runs["y"], color=colour, transform=edge, **DOT)


def _mark_unreached(ax: Axes, runs: pd.DataFrame, look: Look) -> None:
    """Mark above the panel, a line a series, where all (filled) or some (open) runs failed."""
    failing = _unreached(runs)
    if not failing:
        return
    line = _strip_line(failing)
    strip = ax.inset_axes((0, 1.03, 1, line * len(failing)), sharex=ax, facecolor="0.94")
    strip.set(ylim=(-0.5, len(failing) - 0.5), yticks=[])
    strip.tick_params(which="both", bottom=False, labelbottom=False)
    sns.despine(ax=strip, left=True, bottom=True)
    strip.text(
        -0.02, 0.5, "never", transform=strip.transAxes, size="small", ha="right", va="center"
    )
    for row, series in enumerate(failing):
        colour = look(series)["color"]
        for x, condition in runs[runs["series"] == series].groupby("x", dropna=False):
            if condition["reached"].all():
                continue
            anywhere = pd.isna(x)
            strip.plot(
                0.02 if anywhere else x,
                row,
                transform=strip.get_yaxis_transform() if anywhere else strip.transData,
                marker="^",
                ms=3.5 * line / STRIP_ROW,
                color=colour,
                mfc="white" if condition["reached"].any() else colour,
                clip_on=False,
            )


def _unreached(runs: pd.DataFrame) -> list[str]:
    return list(runs.loc[~runs["reached"], "series"].unique())


def _strip_line(failing: Sequence[str]) -> float:
    return min(STRIP_ROW, STRIP / len(failing))


def lay_out(figure: Figure) -> None:
    """Settle the places of a figure's panels, as far as they are drawn."""
    figure.draw_without_rendering()


def label_ends(
    ax: Axes, table: pd.DataFrame, look: Look = look, name: Callable[[str], str] = name
) -> None:
    """Write each series' name at its right end, pushed apart where names would overlap.

    The panel must be drawn and laid out: the room that a name takes depends on the panel's height.
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
    places = np.maximum(isotonic_regression(np.array(ups) - step).x, LOWEST_NAME) + step
    beside = ax.transAxes + ScaledTranslation(BESIDE / 72, 0, ax.figure.dpi_scale_trans)
    for up, right, place, series in zip(ups, rights, places, names, strict=True):
        colour = look(series)["color"]
        ax.annotate(
            name(series),
            xy=(right, up),
            xycoords="axes fraction",
            xytext=(1, place),
            textcoords=beside,
            size="small",
            color=colour,
            va="center",
            annotation_clip=False,
            arrowprops={**LEADER, "color": colour},
        )


def save(figure: Figure, numbers: pd.DataFrame, output: str | Path, scale: str) -> None:
    """Write OUTPUT.svg, .png, .pdf and the plotted numbers as OUTPUT.csv: same input, same bytes.

    At smoke scale the figure says so. Each file is written beside and then renamed.
    """
    if scale == "smoke":
        box = {"boxstyle": "square,pad=0.3", "facecolor": "#B2182B", "linewidth": 0}
        figure.suptitle(SMOKE, color="white", weight="bold", bbox=box)
    lay_out(figure)
    figure.set_layout_engine("none")  # laid out once: the same places in every format
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    for kind, metadata in METADATA.items():
        with _beside(output, kind) as partial:
            figure.savefig(partial, format=kind, metadata=metadata)
    with _beside(output, "csv") as partial:
        numbers.to_csv(partial, index=False, float_format="%.10g", lineterminator="\n")


@contextmanager
def _beside(output: Path, kind: str) -> Iterator[Path]:
    partial = output.with_name(f".{output.name}.{kind}.partial")
    try:
        yield partial
        partial.replace(output.with_name(f"{output.name}.{kind}"))
    finally:
        partial.unlink(missing_ok=True)  # what a full disk has cut short
