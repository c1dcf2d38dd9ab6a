"""Write the gallery: every figure with one sentence that says what it shows.

The numbers in the sentences are taken from the numbers that the figures plot (figures/NAME.csv),
so that both agree. With --readme the gallery replaces the text between its marks in that file.
"""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from provenance.files import replacing
from workflow.command_line import Parser

MARKS = "<!-- gallery: made by `make gallery` -->", "<!-- end of the gallery -->"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

SENTENCES: dict[str, Callable[[pd.DataFrame], str]] = {}


class NothingToSay(Exception):
    """The figure does not show what its sentence is about."""


def sentence(function: Callable[[pd.DataFrame], str]) -> Callable:
    """Register the decorated function as the one that says what the figure of its name shows."""
    SENTENCES[function.__name__] = function
    return function


def curve(table: pd.DataFrame, quantity: str, series: str) -> pd.Series:
    """Return a curve's means by x where all its networks got there; x rises.

    Raises NothingToSay when there are none.
    """
    rows = table[(table["quantity"] == quantity) & (table["series"] == series)]
    rows = rows[(rows["kind"] == "mean") & rows["reached"].astype(bool)]
    if rows.empty:
        raise NothingToSay
    return rows.set_index("x")["y"].sort_index()


def power(x: float) -> str:
    """A number with two digits and a power of ten, such as 1.4 × 10⁸."""
    mantissa, exponent = f"{x:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def number(x: float) -> str:
    """A number with two digits, such as 0.46, 4.6, 46 or 4,600."""
    if x == 0 or not np.isfinite(x):
        return f"{x:g}"
    digits = 1 - int(np.floor(np.log10(abs(x))))
    return f"{round(x, digits):,.{max(digits, 0)}f}"


def whole(x: float) -> str:
    """A whole number, such as 10,000."""
    return f"{x:,.0f}"


@sentence
def energy_vs_width(table: pd.DataFrame) -> str:
    M0, trials = curve(table, "M0", "M0"), curve(table, "trials", "trials")
    best, widest = M0.idxmin(), M0.index[-1]
    return (
        f"Backprop makes the fewest updates, {power(M0.min())}, with {whole(best)} hidden units;"
        " with"
        f" {whole(widest)} it makes {number(M0[widest] / M0.min())} times as many, although it"
        " learns in"
        f" {whole(trials[widest])} instead of {whole(trials[best])} trials."
    )


@sentence
def energy_vs_accuracy(table: pd.DataFrame) -> str:
    backprop, competitive = (curve(table, "M0", rule) for rule in ("backprop", "competitive"))
    low, high = backprop.index[0], backprop.index[-1]
    common = competitive.index.intersection(backprop.index)[-1]
    return (
        f"From {100 * low:g} to {100 * high:g} % accuracy backprop's M0 grows"
        f" {number(backprop[high] / backprop[low])} times; competition saves"
        f" {number(backprop[low] / competitive[low])} times at {100 * low:g} % and"
        f" {number(backprop[common] / competitive[common])} times at {100 * common:g} %."
    )


@sentence
def energy_vs_fraction(table: pd.DataFrame) -> str:
    competitive = curve(table, "M0", "competitive")
    backprop = table[(table["series"] == "backprop") & (table["kind"] == "mean")]
    backprop = backprop.set_index("quantity")["y"]["M0"]
    mask = curve(table, "M0", "random_synapses")
    best = competitive.idxmin()
    return (
        f"Competition is most sparing at a plastic fraction of {best:g}, with"
        f" {power(competitive[best])}"
        f" updates, {number(backprop / competitive[best])} times fewer than backprop; a fixed"
        " random mask"
        f" saves {number(backprop / mask.min())} times at most and gets there only from a"
        " fraction of"
        f" {mask.index[0]:g} on."
    )


@sentence
def selection_criteria(table: pd.DataFrame) -> str:
    least = {
        name: curve(table, "M0", name).min()
        for name in ("largest_update", "largest_error", "largest_activity")
    }
    worst = table[(table["quantity"] == "accuracy") & (table["kind"] == "mean")]
    worst = worst[worst["series"].isin(["smallest_update", "largest_weight", "smallest_weight"])]
    if worst.empty:
        raise NothingToSay
    low = worst.loc[worst["y"].idxmin()]
    return (
        f"The largest updates are the best choice ({power(least['largest_update'])} updates);"
        " choosing"
        " hidden units by error takes"
        f" {number(least['largest_error'] / least['largest_update'])} and by"
        f" activity {number(least['largest_activity'] / least['largest_update'])} times as many,"
        " and the"
        f" {low['series'].replace('_', ' ')}s end at {low['y']:.0f} % accuracy."
    )


@sentence
def subnet_size(table: pd.DataFrame) -> str:
    best = table[(table["quantity"] == "M0") & (table["kind"] == "optimum")]
    if best.empty:
        raise NothingToSay
    sizes, energies = best["x"], best["y"]
    return (
        f"Learning is cheapest with {whole(sizes.min())} to {whole(sizes.max())} plastic hidden"
        " units;"
        f" the least M0 is {power(energies.min())} to {power(energies.max())} in networks of"
        f" {whole(best['series'].astype(float).min())} to"
        f" {whole(best['series'].astype(float).max())}."
    )


@sentence
def strategies_vs_width(table: pd.DataFrame) -> str:
    rules = ("backprop", "competitive", "subnet", "competitive_subnet")
    M0 = pd.DataFrame({rule: curve(table, "M0", rule) for rule in rules}).dropna()
    widest = M0.iloc[-1]
    return (
        f"In a network of {whole(widest.name)}, backprop makes {power(widest['backprop'])} updates,"
        f" a subnet {power(widest['subnet'])}, competition {power(widest['competitive'])}, and both"
        f" together {power(widest['competitive_subnet'])}."
    )


@sentence
def savings(table: pd.DataFrame) -> str:
    M0, M1 = (curve(table, quantity, "competitive") for quantity in ("M0", "M1"))
    return (
        f"From {whole(M0.index[0])} to {whole(M0.index[-1])} hidden units the factor by which"
        " competition"
        f" saves M0 goes from {number(M0.iloc[0])} to {number(M0.iloc[-1])}, and that of M1 from"
        f" {number(M1.iloc[0])} to {number(M1.iloc[-1])}."
    )


@sentence
def accuracy(table: pd.DataFrame) -> str:
    best = table[(table["quantity"] == "accuracy") & (table["kind"] == "mean")]
    backprop = best[best["series"] == "backprop"]["y"].max()
    least = best[best["x"] < 1].groupby("series")["y"].min()
    if not {"competitive", "random_synapses"} <= set(least.index):
        raise NothingToSay
    return (
        f"Backprop's best accuracy is {backprop:.1f} %; over all fractions competition's is"
        " never below"
        f" {least['competitive']:.1f} %, while a random mask's falls to"
        f" {least['random_synapses']:.1f} %."
    )


@sentence
def turnover(table: pd.DataFrame) -> str:
    rows = table[(table["quantity"] == "participation") & (table["kind"] == "mean")]
    share = rows.set_index(["series", "x"])["y"]
    fractions = rows[rows["series"] == "competitive"]["x"]
    if fractions.empty:
        raise NothingToSay
    fraction = fractions.iloc[np.abs(np.log(fractions / 0.01)).argmin()]
    return (
        f"With a plastic fraction of {fraction:g}, updates are spread over an effective share of"
        f" {number(100 * share['competitive', fraction])} % of all synapses under competition, and"
        f" of {number(100 * share['random_synapses', fraction])} % under a fixed random mask."
    )


@sentence
def caching(table: pd.DataFrame) -> str:
    least = {
        rule: curve(table[table["panel"] == panel], "energy", "0").min()
        for rule, panel in (("backprop", "A"), ("competitive", "B"))
    }
    plain = table[(table["series"] == "without") & (table["kind"] == "mean")]
    plain = plain.set_index("panel")["y"]
    return (
        "With free maintenance, caching lowers M1"
        f" {number(plain['A'] / least['backprop'])} times for backprop and"
        f" {number(plain['B'] / least['competitive'])} times for competition;"
        f" both together {number(plain['A'] / least['competitive'])} times."
    )


@sentence
def robustness(table: pd.DataFrame) -> str:
    means = table[(table["quantity"] == "M0") & (table["kind"] == "mean")]
    means = means[means["reached"].astype(bool)]
    pairs = means.pivot_table(index=["panel", "x"], columns="series", values="y")
    if not {"backprop", "competitive"} <= set(pairs):
        raise NothingToSay
    saved = (pairs["backprop"] / pairs["competitive"]).dropna()
    return (
        f"Competition needs fewer updates than backprop in {(saved > 1).sum()} of {len(saved)}"
        " variants of"
        f" the model in which both reach the goal, {number(saved.min())} to"
        f" {number(saved.max())} times"
        " fewer."
    )


@sentence
def frugal_frontier(table: pd.DataFrame) -> str:
    M0, M1 = (held_out(table, quantity) for quantity in ("M0", "M1"))
    known = table.loc[table["found"].isin([False]), "series"]
    paper = M0["validation"][M0["validation"].index.isin(known)]
    if paper.empty or not {"frugal_updates"} <= set(M0["validation"].index):
        raise NothingToSay
    found = M0["validation"]["frugal_updates"]
    text = (
        f"On held-out seeds the rule found for least M0 makes {power(found)} updates,"
        f" {number(paper.min() / found)} times fewer than the paper's most sparing rule,"
        f" {paper.idxmin().replace('_', ' ')}"
    )
    if "frugal_updates" in M0["test"].index:
        text += f", and {power(M0['test']['frugal_updates'])} if the test set says when to stop"
    if "frugal_change" in M1["validation"].index:
        text += f"; that found for least M1 changes {power(M1['validation']['frugal_change'])}"
    return text + "."


def held_out(table: pd.DataFrame, quantity: str) -> dict[str, pd.Series]:
    """Return the frontier's means of `quantity` by rule, for each way of stopping."""
    rows = table[(table["kind"] == "mean") & table["reached"].astype(bool)]
    rows = rows[rows["quantity"] == quantity]
    stopped = rows["stop_on"] if "stop_on" in rows else pd.Series(index=rows.index, dtype=str)
    return {
        stop_on: rows[stopped == stop_on].set_index("series")["y"]
        for stop_on in ("validation", "test")
    }


@sentence
def ablation(table: pd.DataFrame) -> str:
    on_top, every = (curve(table, "M0", series) for series in ("on top of the others", "all"))
    most = on_top.idxmax()
    alone = curve(table, "M0", "alone")
    text = (
        f"All ingredients together save {number(every.iloc[0])} times in M0; of those that can be"
        f" left out, the {str(most).replace('_', ' ')} costs most, {number(on_top[most])} times the"
        " updates"
    )
    if most in alone:
        text += f", and saves {number(alone[most])} times alone"
    failed = unreached(table, "on top of the others")
    return text + (f"; without {failed} not all networks learn." if failed else ".")


def unreached(table: pd.DataFrame, series: str) -> str:
    """Name what an ablation's comparison was made of where not all networks reached the goal."""
    means = table[(table["quantity"] == "M0") & (table["kind"] == "mean")]
    failed = means.loc[(means["series"] == series) & ~means["reached"].astype(bool), "x"]
    return ", ".join(str(what).replace("_", " ") for what in failed)


@sentence
def generality(table: pd.DataFrame) -> str:
    return f"Not tuned again, the rule found for least M0 {saved_elsewhere(table)}."


def saved_elsewhere(table: pd.DataFrame) -> str:
    """Say where the rule found for M0 saves against competition, and where it does not learn."""
    means = table[(table["quantity"] == "M0") & (table["kind"] == "mean")]
    means = means[means["varied"].astype(bool)]
    means = means.assign(y=means["y"].where(means["reached"].astype(bool)))
    pairs = means.pivot_table(index=["panel", "x"], columns="series", values="y", dropna=False)
    if not {"frugal_updates", "competitive", "backprop"} <= set(pairs):
        raise NothingToSay
    tried = means[means["series"] == "frugal_updates"].set_index(["panel", "x"]).index
    pairs = pairs[pairs.index.isin(tried)]
    saved = (pairs["competitive"] / pairs["frugal_updates"]).dropna()
    less = saved[saved > 1]
    text = (
        f"makes fewer updates than competition in {len(less)} of the"
        f" {pairs['competitive'].notna().sum()} variations of goal, width, data set and loss that"
        " competition learns"
    )
    if len(less):
        text += f", {number(less.min())} to {number(less.max())} times fewer"
    known = pairs[pairs["backprop"].notna()]
    return text + (
        f"; of {len(known)} that backprop learns it does not always learn"
        f" {known['frugal_updates'].isna().sum()}"
    )


@sentence
def toward_cortex(table: pd.DataFrame) -> str:
    M0 = curve(table, "M0", "backprop")
    widest = M0.index[-1]
    text = f"With {whole(widest)} hidden units backprop makes {power(M0[widest])} updates"
    missed = table[(table["kind"] == "missed") & (table["quantity"] == "M0")]
    missed = missed[(missed["series"] == "backprop") & (missed["x"] == widest)]
    if not missed.empty:
        text += (
            f", {number(missed['y'].iloc[0])} times what the power law of the paper's range says"
        )
    found = curve(table, "M0", "frugal_updates")
    return text + (
        f"; the rule found for least M0 makes {power(found.iloc[-1])} with"
        f" {whole(found.index[-1])}."
    )


@sentence
def claims(table: pd.DataFrame) -> str:
    ours = table["source"] == "ours"
    parts = {"the paper's": table[~ours], "this project's own": table[ours]}
    return " ".join(
        f"Of {whose} {len(part)} claims: {verdicts(part)}."
        for whose, part in parts.items()
        if len(part)
    )


def verdicts(table: pd.DataFrame) -> str:
    """How many claims have each verdict."""
    counts = table["verdict"].value_counts()
    return ", ".join(
        f"{counts[verdict]} {verdict}"
        for verdict in ("reproduced", "partly", "not reproduced", "not tested")
        if verdict in counts
    )


def said(name: str, table: pd.DataFrame) -> str:
    """Return what a figure's plotted numbers show; of figures beside the paper's, nothing."""
    try:
        return SENTENCES[name](table) if name in SENTENCES else ""
    except NothingToSay:
        return "Too few networks reached the goal to say what the paper's scale shows."


def gallery(folder: Path, links: str, names: Iterable[str]) -> str:
    """Return the gallery of the figures with these names in `folder`, as Markdown.

    Each is shown, and linked with its plotted numbers. `links` is how the folder is called where
    the gallery stands.
    """
    parts = []
    for name in names:
        text = said(name, pd.read_csv(folder / f"{name}.csv"))
        title = name.replace("_", " ").capitalize()
        image = f"[![{title}]({links}/{name}.png)]({links}/{name}.svg)"
        parts.append(f"| {image} | {text} ([numbers]({links}/{name}.csv)) |")
    return "\n".join(["| figure | what it shows |", "|---|---|", *parts, ""])


def spliced(readme: str, text: str) -> str:
    """Return `readme` with `text` in the place of what stands between the gallery's MARKS."""
    before, mark, rest = readme.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (mark and end):
        raise ValueError(f"the gallery's place is not marked: {MARKS[0]} ... {MARKS[1]}")
    return f"{before}{mark}\n\n{text}\n{end}{after}"


def main() -> None:
    parser = Parser("gallery", description=__doc__)
    parser.add_argument("--figures", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--names", nargs="+", help="figures to show (default: those in the folder with a sentence)"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--output", type=Path, metavar="FILE")
    where.add_argument(
        "--readme", type=Path, metavar="FILE", help="whose gallery is to be replaced"
    )
    arguments = parser.parse_args()
    try:
        path = arguments.output or arguments.readme
        links = os.path.relpath(arguments.figures, path.parent)
        there = [name for name in SENTENCES if (arguments.figures / f"{name}.csv").exists()]
        text = gallery(arguments.figures, links, arguments.names or there)
        if arguments.readme:
            text = spliced(path.read_text(), text)
        with replacing(path) as partial:
            partial.write_text(text)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"gallery: {error}")


if __name__ == "__main__":
    main()
