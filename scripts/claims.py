"""Test the paper's claims, and this project's own, on the trained networks.

One function a claim; its docstring states what is measured and which result gets which verdict, so
that the rule stands before the data. Intervals are 95 % intervals of the mean over seeds (Student's
t); energies, trials and their ratios are averaged as logarithms. All networks of a seed start alike
and see the same patterns, so that conditions are compared seed by seed. A condition of which a
network did not reach its goal has no energy and is left out. A claim whose networks are not in the
table is not tested.

The configuration lists the claims that are tested (`claims:`). Those of this project are marked as
ours: they were declared before their networks, which have held-out seeds, were trained, and a
network that does not reach its goal refutes them.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.typing import SeriesGroupBy

from figures import seeds
from figures.seeds import V1_NEURONS, WIDEST_OF_PAPER
from figures.tables import TableError, read
from plasticity import settings
from summarise import write
from workflow.command_line import Parser

COLUMNS = [
    *("id", "claim", "source", "expected", "value", "low", "high", "verdict"),
    *("quantity", "detail"),
]
CURVE = ["rule", "width", "fraction", "goal", "seed", "trials", "accuracy", "train_accuracy", "M0"]
ENERGIES = ("M0", "M1")

# What tells the networks of a table apart, beside their seed.
CONDITION = ["experiment", *settings.CONDITION]

OURS = "ours"
STOPPED, HELD = 2, 5  # tests in a row at the goal: where training stops, and where it surely holds


class NotTested(Exception):
    """The table has too few networks to test a claim; the message says what is missing."""


class NotReached(Exception):
    """Networks of a claim of ours did not reach their goal; the message says how many."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True)
class Outcome:
    """What came out for a claim."""

    estimate: Estimate
    verdict: str
    detail: str = ""


@dataclass(frozen=True)
class Claim:
    """A claim: its text, its source, the value that is expected, and its test."""

    text: str
    source: str
    expected: str
    quantity: str
    reads: str
    test: Callable[[pd.DataFrame], Outcome]


CLAIMS: dict[str, Claim] = {}


def claim(
    name: str, text: str, source: str, expected: str, quantity: str, reads: str = "energy"
) -> Callable:
    """Register the decorated function as the test of the claim `name` on the table that it `reads`.

    Sources: A, the paper's abstract; S, a survey that quotes the paper; P, the preprint's abstract;
    ours. Tables: energy, of the trained networks; curves, of the tests during training.
    """

    def register(test: Callable[[pd.DataFrame], Outcome]) -> Callable:
        CLAIMS[name] = Claim(text, source, expected, quantity, reads, test)
        return test

    return register


# Estimates


def over_seeds(values: pd.Series) -> Estimate:
    """Return the mean of one value a seed, with its Student's t interval.

    Raises NotTested for fewer than two seeds, which say nothing about their spread.
    """
    if len(values) < 2:
        raise NotTested("an interval takes two seeds at least")
    return Estimate(*seeds.over_seeds(values))


def factor(logarithms: pd.Series) -> Estimate:
    """Return the geometric mean of one factor a seed, given as natural logarithms."""
    mean = over_seeds(logarithms)
    return Estimate(np.exp(mean.value), np.exp(mean.low), np.exp(mean.high))


def slopes(table: pd.DataFrame) -> pd.Series:
    """Return for each row of logarithms its slope against the logarithm of the columns' numbers."""
    return pd.Series(seeds.power_law(table).slopes, index=table.index)


def weakest(estimates: dict[str, Estimate]) -> tuple[Estimate, str]:
    """Return the estimate with the least value, and all of them in words."""
    least = min(estimates.values(), key=lambda estimate: estimate.value)
    return least, "; ".join(f"{name}: {estimate}" for name, estimate in estimates.items())


def verdict(reproduced: bool, partly: bool) -> str:
    """Return the verdict in words."""
    return "reproduced" if reproduced else "partly" if partly else "not reproduced"


def within(value: float, expected: float, times: float) -> bool:
    """Whether `value` is within a factor `times` of `expected`."""
    return expected / times <= value <= expected * times


# Tables


def networks(energy: pd.DataFrame, experiment: str, **equal: object) -> pd.DataFrame:
    """Return an experiment's rows whose columns are `equal` to what is given.

    Raises NotTested when there are none.
    """
    rows = energy[energy["experiment"] == experiment]
    for column, value in equal.items():
        rows = rows[rows[column] == value]
    if rows.empty:
        wanted = "".join(f", {column} {value}" for column, value in equal.items())
        raise NotTested(f"no networks of {experiment}{wanted}")
    return rows


def reached(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of those conditions of which every network reached its goal."""
    every = rows.groupby(CONDITION, dropna=False)["reached"].transform("all")
    if not every.any():
        raise NotTested("no condition of which every network reached its goal")
    return rows[every]


def by_seed(rows: pd.DataFrame, quantity: str, columns: str | list[str]) -> pd.DataFrame:
    """Return the logarithm of `quantity`, a row a seed, a column for each value of `columns`.

    Seeds that some condition lacks are left out.
    """
    columns = [columns] if isinstance(columns, str) else columns
    table = rows.groupby(["seed", *columns])[quantity].mean().unstack(columns)
    return np.log(table).dropna()


def least(rows: pd.DataFrame, quantity: str, chosen: str | None = None) -> pd.DataFrame:
    """Return log `quantity` by seed and width, at each width for the condition with the least mean.

    With `chosen`, that quantity's least mean says which condition is taken.
    """
    rows = reached(rows)
    means = rows.groupby([*CONDITION], dropna=False)[chosen or quantity].transform("mean")
    best = means == means.groupby(rows["width"]).transform("min")
    first = rows[best].drop_duplicates(["width", "seed"])
    return by_seed(first, quantity, "width")


def beyond_optimum(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return the log `quantity` of a rule's networks by seed and width, from the width of least
    mean energy on.

    Raises NotTested for fewer than three widths: two do not show a power law.
    """
    table = by_seed(reached(rows), quantity, "width")
    table = table.loc[:, table.mean().idxmin() :]
    if table.shape[1] < 3:
        raise NotTested("a power law takes three widths from the one of least energy on")
    return table


def saved_by(
    energy: pd.DataFrame, rule: str, quantity: str, chosen: str | None = None
) -> pd.DataFrame:
    """Return, by seed and width, the logarithm of backprop's `quantity` over that of `rule`.

    Of several conditions of a rule at a width, that with the least mean `quantity` (or `chosen`) is
    taken. Widths at which either does not reach the goal are left out.
    """
    backprop, other = (
        least(networks(energy, "strategies_vs_width", rule=name), quantity, chosen)
        for name in ("backprop", rule)
    )
    saving = (backprop - other).dropna(axis=1, how="all").dropna()
    if saving.empty:
        raise NotTested(f"backprop and {rule} reach the goal at no common width")
    return saving


def differences(accuracy: pd.Series, rule: str = "competitive") -> pd.Series:
    """Return the accuracy of `rule` minus that of backprop, by width, fraction (below 1) and seed.

    `accuracy` is indexed by rule, width, fraction and seed. Raises NotTested when nothing remains.
    """
    rules = accuracy.index.get_level_values("rule")
    backprop = accuracy[rules == "backprop"].droplevel(["rule", "fraction"])
    other = accuracy[rules == rule].droplevel("rule")
    difference = other.reset_index("fraction", name="accuracy").join(backprop.rename("backprop"))
    difference = difference[difference["fraction"] < 1].set_index("fraction", append=True)
    difference = (difference["accuracy"] - difference["backprop"]).dropna()
    if difference.empty:
        raise NotTested(f"no learning curves of backprop and {rule} that can be compared")
    return difference


def held_out(
    energy: pd.DataFrame, rule: str, quantity: str, stop_on: str = "validation"
) -> pd.Series:
    """Return a found rule's `quantity` in the frontier's experiment, by held-out seed.

    Raises NotReached when a network did not reach its goal.
    """
    rows = networks(energy, "frugal_frontier", rule=rule, stop_on=stop_on)
    return every_reached(rows).set_index("seed")[quantity].astype(float)


def stopped_on_test(measure: Callable[[], object]) -> str:
    """Say what is measured if the test set says when to stop, as in the paper: an aside, which
    decides no verdict."""
    try:
        return f"stopped on the test set: {measure()}"
    except (NotReached, NotTested) as reason:
        return f"stopped on the test set: {reason}"


def few_updates(energy: pd.DataFrame, rule: str, reproduced: float, partly: float) -> Outcome:
    """Return a found rule's mean M0: reproduced, or partly, if its interval is below these."""
    value = over_seeds(held_out(energy, rule, "M0"))
    as_paper = stopped_on_test(lambda: over_seeds(held_out(energy, rule, "M0", "test")))
    return Outcome(value, verdict(value.high < reproduced, value.high < partly), as_paper)


def every_reached(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows; raise NotReached when a network among them did not reach its goal."""
    failed = (~rows["reached"]).sum()
    if failed:
        raise NotReached(f"{failed} of {len(rows)} networks did not reach the goal")
    return rows


def saved_by_found(
    energy: pd.DataFrame, rule: str, quantity: str, stop_on: str = "validation"
) -> tuple[Estimate, str]:
    """Return by which factor a found rule saves `quantity` against the most sparing of the paper's,
    on the same seeds, and the name of that rule with its activation.
    """
    rows = networks(energy, "frugal_frontier", stop_on=stop_on)
    known = reached(rows[rows["searched"].isna()])
    means = known.groupby(CONDITION, dropna=False)[quantity].transform("mean")
    best = known[means == means.min()].drop_duplicates("seed")
    ours = np.log(held_out(energy, rule, quantity, stop_on))
    theirs = np.log(best.set_index("seed")[quantity].astype(float))
    name = f"{best['rule'].iloc[0]} with {best['activation'].iloc[0]}"
    return factor((theirs - ours).dropna()), name


# Claims of the paper


@claim(
    "floor",
    "learning MNIST to 95 % takes at least about 10^8 synaptic updates with the paper's rules",
    source="A",
    expected="1e8",
    quantity="M0 of the most sparing condition",
)
def floor(energy: pd.DataFrame) -> Outcome:
    """Least M0 of any condition with the paper's model and rules (gate always, nothing cached,
    nothing found by a search).

    Reproduced within a factor 2 of 10^8, partly within a factor 5.
    """
    paper = {
        "gate": "always",
        "dataset": "mnist",
        "loss": "mse",
        "goal": 0.95,
        "learning_rate": 0.01,
        "initial_sd": 0.03,
        "activation": "leaky_relu",
    }
    rows = energy[(energy[list(paper)] == pd.Series(paper)).all(axis=1)]
    rows = rows[rows["caching_threshold"].isna() & rows["searched"].isna()]
    if rows.empty:
        raise NotTested("no networks with the paper's model and rules")
    conditions = reached(rows).groupby(CONDITION, dropna=False)
    means = conditions["M0"].mean()
    best = conditions.get_group(means.idxmin())
    value = factor(np.log(best["M0"].astype(float)))
    which = best.iloc[0][["rule", "width", "plastic_units", "fraction"]].dropna()
    return Outcome(
        value,
        verdict(within(value.value, 1e8, 2), within(value.value, 1e8, 5)),
        ", ".join(f"{column} {text}" for column, text in which.items()),
    )


@claim(
    "growth",
    "backprop's energy grows as a power law of the width beyond the optimum; M1 about as its root",
    source="A, S",
    expected="0.5",
    quantity="exponent of M1 against width",
)
def growth(energy: pd.DataFrame) -> Outcome:
    """Exponents of M1 and M0 against width, from the width of least energy on.

    Reproduced if M1's exponent is in 0.4 to 0.6 and straight lines explain 95 % of the variance of
    both logarithms; partly if both exponents' intervals are above 0.
    """
    rows = networks(energy, "energy_vs_width", rule="backprop")
    tables = {quantity: beyond_optimum(rows, quantity) for quantity in ENERGIES}
    exponents = {quantity: over_seeds(slopes(table)) for quantity, table in tables.items()}
    explained = min(
        np.corrcoef(np.log(table.columns.to_numpy(dtype=float)), table.mean())[0, 1] ** 2
        for table in tables.values()
    )
    M1 = exponents["M1"]
    return Outcome(
        M1,
        verdict(
            0.4 <= M1.value <= 0.6 and explained >= 0.95,
            all(exponent.low > 0 for exponent in exponents.values()),
        ),
        f"M0: {exponents['M0']}; variance explained {explained:.3f}",
    )


@claim(
    "optimum",
    "there is an optimal number of plastic hidden units",
    source="S",
    expected="60 to 100",
    quantity="plastic hidden units with the least M0",
)
def optimum(energy: pd.DataFrame) -> Outcome:
    """Subnet size of least M0, averaged over the widths of the whole network.

    Reproduced if it is in 60 to 100 and, at each width, inside the range of sizes that was tried;
    partly if only the latter.
    """
    rows = networks(energy, "subnet_size", rule="subnet")
    best, inside = [], []
    for width, sizes in rows.groupby("width"):
        table = by_seed(reached(sizes), "M0", "plastic_units")
        least_mean = table.mean().idxmin()
        inside.append(sizes["plastic_units"].min() < least_mean < sizes["plastic_units"].max())
        best.append(np.log(table.idxmin(axis=1).astype(float)).rename(width))
    value = factor(pd.concat(best, axis=1).mean(axis=1))
    widths = ", ".join(str(table.name) for table in best)
    return Outcome(
        value,
        verdict(all(inside) and 60 <= value.value <= 100, all(inside)),
        f"at widths {widths}",
    )


@claim(
    "competitive-saves",
    "competition saves M0 and M1 against backprop and a random mask of the same fraction",
    source="A",
    expected="above 1",
    quantity="factor saved, the least of the four",
)
def competitive_saves(energy: pd.DataFrame) -> Outcome:
    """Factors saved by competition: against backprop at the fraction of least energy, and against a
    random mask, averaged over all fractions below 1 at which both reach the goal.

    Reproduced if the intervals of all four factors are above 1, partly if some are.
    """
    rows = {
        rule: networks(energy, "energy_vs_fraction", rule=rule)
        for rule in ("backprop", "competitive", "random_synapses")
    }
    saved = {}
    for quantity in ENERGIES:
        backprop = least(rows["backprop"], quantity)
        saving = (backprop - least(rows["competitive"], quantity)).dropna(axis=1)
        saved[f"{quantity} against backprop"] = factor(saving.mean(axis=1))
        masked, competing = (
            by_seed(reached(rows[rule]).query("fraction < 1"), quantity, ["width", "fraction"])
            for rule in ("random_synapses", "competitive")
        )
        saving = (masked - competing).dropna(axis=1, how="all").dropna()
        if saving.empty:
            raise NotTested("competition and a random mask reach the goal at no common fraction")
        saved[f"{quantity} against a random mask"] = factor(saving.mean(axis=1))
    value, detail = weakest(saved)
    above = [factor.low > 1 for factor in saved.values()]
    return Outcome(value, verdict(all(above), any(above)), detail)


@claim(
    "subnet-flat",
    "a subnet's energy does not depend on the network's width",
    source="S",
    expected="0",
    quantity="exponent of M0 against width at a fixed subnet size",
)
def subnet_flat(energy: pd.DataFrame) -> Outcome:
    """Exponents of M0 and M1 against width, averaged over the subnet sizes that reach the goal at
    every width at which they were tried, two at least.

    Reproduced if both are within 0.1 of 0 (doubling the width changes the energy by 7 % at most),
    partly within 0.25.
    """
    rows = networks(energy, "subnet_size", rule="subnet")
    exponents = {}
    for quantity in ENERGIES:
        by_size = [
            slopes(by_seed(sizes, quantity, "width"))
            for _, sizes in rows.groupby("plastic_units")
            if sizes["reached"].all() and sizes["width"].nunique() > 1
        ]
        if not by_size:
            raise NotTested("no subnet size reaches the goal at two widths")
        exponents[quantity] = over_seeds(pd.concat(by_size, axis=1).mean(axis=1))
    largest = max(abs(exponent.value) for exponent in exponents.values())
    return Outcome(
        exponents["M0"], verdict(largest <= 0.1, largest <= 0.25), f"M1: {exponents['M1']}"
    )


@claim(
    "large-networks",
    "savings grow with width",
    source="A",
    expected="above 0",
    quantity="exponent of the factor saved by competition against width, the lesser of M0 and M1",
)
def large_networks(energy: pd.DataFrame) -> Outcome:
    """Exponents against width of the factors by which competition, at each width with the fraction
    of least energy, saves M0 and M1 against backprop.

    Reproduced if both intervals are above 0, partly if one is.
    """
    exponents = {}
    for quantity in ENERGIES:
        saving = saved_by(energy, "competitive", quantity)
        if saving.shape[1] < 2:
            raise NotTested("growth takes two widths at which both rules reach the goal")
        exponents[quantity] = over_seeds(slopes(saving))
    value, detail = weakest(exponents)
    above = [exponent.low > 0 for exponent in exponents.values()]
    return Outcome(value, verdict(all(above), any(above)), detail)


@claim(
    "learning-time",
    "the learning time grows only slightly",
    source="A",
    expected="slightly above 1",
    quantity="trials of competition at its fraction of least M0 over those of backprop",
)
def learning_time(energy: pd.DataFrame) -> Outcome:
    """Learning time of competition, at each width with the fraction of least M0, over backprop's,
    averaged over the widths.

    Reproduced if at most 1.5, partly if at most 3.
    """
    shorter = saved_by(energy, "competitive", "trials", chosen="M0")
    value = factor(-shorter.mean(axis=1))
    widths = ", ".join(map(str, shorter.columns))
    return Outcome(value, verdict(value.value <= 1.5, value.value <= 3), f"at widths {widths}")


@claim(
    "combined",
    "competition in a subnet saves more than either",
    source="P",
    expected="above 1",
    quantity="factor saved over the better of the two, the lesser of M0 and M1",
)
def combined(energy: pd.DataFrame) -> Outcome:
    """Factors of M0 and M1 by which competition in a subnet saves more than the more sparing of
    competition and subnet, each at its fraction and size of least energy, averaged over the widths.

    Reproduced if both intervals are above 1, partly if one is.
    """
    saved = {}
    for quantity in ENERGIES:
        both, *either = (
            saved_by(energy, rule, quantity)
            for rule in ("competitive_subnet", "competitive", "subnet")
        )
        better = np.maximum(*either[0].align(either[1], join="inner"))
        saving = (both - better).dropna(axis=1, how="all").dropna()
        if saving.empty:
            raise NotTested("the three rules reach the goal at no common width")
        saved[quantity] = factor(saving.mean(axis=1))
    value, detail = weakest(saved)
    above = [factor.low > 1 for factor in saved.values()]
    return Outcome(value, verdict(all(above), any(above)), detail)


@claim(
    "accuracy",
    "competition leaves the best accuracy essentially unchanged, fixed random masks lower it",
    source="S",
    expected="0",
    quantity="best accuracy of competition minus that of backprop, percentage points",
    reads="curves",
)
def accuracy(curves: pd.DataFrame) -> Outcome:
    """Best accuracy in long training against backprop's, averaged over the fractions below 1 at
    which both competition and a random mask were trained.

    Reproduced if competition loses at most 0.5 percentage points and the interval of what the mask
    loses more than competition is above 0; partly if one of the two holds.
    """
    curves = curves.dropna(subset=["train_accuracy"])  # others stop at a goal
    best = (
        100 * curves.groupby(["rule", "width", "fraction", "seed"], dropna=False)["accuracy"].max()
    )
    against = differences(best)
    masked = differences(best, "random_synapses")
    common = against.index.intersection(masked.index)
    if common.empty:
        raise NotTested("competition and a random mask were trained at no common fraction")
    gain = over_seeds(against[common].groupby("seed").mean())
    lead = over_seeds((against - masked)[common].groupby("seed").mean())
    holds = [gain.value >= -0.5, lead.low > 0]
    detail = f"competition minus random mask: {lead}"
    return Outcome(gain, verdict(all(holds), any(holds)), detail)


@claim(
    "generalisation",
    "at a fixed training error, generalisation is only minimally worse",
    source="S",
    expected="0",
    quantity="test accuracy of competition minus that of backprop when the training error is first "
    "at most 2 %, percentage points",
    reads="curves",
)
def generalisation(curves: pd.DataFrame) -> Outcome:
    """Test accuracy of competition minus backprop's at the first test at which 2 % of the training
    patterns or fewer are misclassified, averaged over the fractions below 1 that get there.

    Reproduced if competition loses at most 0.5 percentage points, partly if at most 1.
    """
    there = curves[curves["train_accuracy"] >= 0.98].sort_values("trials")
    first = there.groupby(["rule", "width", "fraction", "seed"], dropna=False)["accuracy"].first()
    value = over_seeds(differences(100 * first).groupby("seed").mean())
    return Outcome(value, verdict(value.value >= -0.5, value.value >= -1))


@claim(
    "turnover",
    "the set of synapses that competition chooses turns over",
    source="S",
    expected="0.6",
    quantity="participation at fraction 0.01",
)
def turnover(energy: pd.DataFrame) -> Outcome:
    """Participation of all synapses in learning with fraction 0.01: competition, and a random mask.

    Reproduced if competition's is in 0.5 to 0.7 and the mask's in 0.005 to 0.02, partly if
    competition's is at least ten times the mask's.
    """
    competing, masked = (
        over_seeds(
            networks(energy, "turnover", rule=rule, fraction=0.01)
            .groupby("seed")["participation"]
            .mean()
        )
        for rule in ("competitive", "random_synapses")
    )
    return Outcome(
        competing,
        verdict(
            0.5 <= competing.value <= 0.7 and 0.005 <= masked.value <= 0.02,
            competing.value >= 10 * masked.value,
        ),
        f"random mask: {masked}",
    )


@claim(
    "cortex",
    "extrapolated to macaque V1's size, backprop makes about 10^5 times more updates and costs "
    "about 700 times more M1 than necessary",
    source="S",
    expected="1e5",
    quantity="M0 extrapolated to 1.6e8 hidden units over the least M0",
)
def cortex(energy: pd.DataFrame) -> Outcome:
    """Backprop's power laws of M0 and M1, from the width of least energy on, extrapolated to as
    many hidden units as V1 has neurons, over the energy at that width. The interval is that over
    seeds: it says nothing about whether the power laws hold so far out.

    Reproduced if both factors are within a factor 3 of 10^5 and 700, partly if one is.
    """
    factors = {}
    rows = networks(energy, "energy_vs_width", rule="backprop")
    for quantity in ENERGIES:
        table = beyond_optimum(rows, quantity)
        extrapolated = seeds.power_law(table).logarithms([V1_NEURONS])[:, 0]
        factors[quantity] = factor(extrapolated - table.iloc[:, 0])
    holds = [within(factors["M0"].value, 1e5, 3), within(factors["M1"].value, 700, 3)]
    return Outcome(factors["M0"], verdict(all(holds), any(holds)), f"M1: {factors['M1']}")


# Claims of this project


@claim(
    "frugal-updates",
    "a rule found by search learns MNIST to 95 % with fewer than 5 10^6 updates on held-out seeds",
    source=OURS,
    expected="below 5e6",
    quantity="mean M0 of the found rule, stopped on validation patterns",
)
def frugal_updates(energy: pd.DataFrame) -> Outcome:
    """Mean M0 (not of logarithms) of the rule found for M0, stopped on validation patterns.

    Reproduced if its interval is below 5 10^6 (20 times below the paper's floor), partly if below
    10^7.
    """
    return few_updates(energy, "frugal_updates", 5e6, 1e7)


@claim(
    "frugal-leaky",
    "in the paper's own network, of leaky rectifiers, a rule found by search takes fewer than 10^7",
    source=OURS,
    expected="below 1e7",
    quantity="mean M0 of the rule found for leaky rectifiers, stopped on validation patterns",
)
def frugal_leaky(energy: pd.DataFrame) -> Outcome:
    """Mean M0 (not of logarithms) of the rule found for M0 where the activation is the paper's.

    Reproduced if its interval is below 10^7 (ten times below the paper's floor), partly if below
    2 10^7.
    """
    return few_updates(energy, "frugal_updates_leaky", 1e7, 2e7)


@claim(
    "frugal-factor",
    "on the same patterns and seeds it takes ten times fewer updates than the paper's best rule",
    source=OURS,
    expected="above 10",
    quantity="M0 of the paper's most sparing rule over that of the found rule, seed by seed",
)
def frugal_factor(energy: pd.DataFrame) -> Outcome:
    """Factor of M0 between the paper's rule of least M0 and the rule found for M0, both stopped on
    validation patterns.

    Reproduced if its interval is above 10, partly if above 5.
    """
    value, best = saved_by_found(energy, "frugal_updates", "M0")
    as_paper = stopped_on_test(
        lambda: "{} against {}".format(*saved_by_found(energy, "frugal_updates", "M0", "test"))
    )
    return Outcome(value, verdict(value.low > 10, value.low > 5), f"{best}; {as_paper}")


@claim(
    "frugal-change",
    "a rule found by search halves the M1 of the paper's best rule on the same patterns and seeds",
    source=OURS,
    expected="above 2",
    quantity="M1 of the paper's most sparing rule over that of the found rule, seed by seed",
)
def frugal_change(energy: pd.DataFrame) -> Outcome:
    """Factor of M1 between the paper's rule of least M1 and the rule found for M1, both stopped on
    validation patterns.

    Reproduced if its interval is above 2, partly if above 1.
    """
    value, best = saved_by_found(energy, "frugal_change", "M1")
    M1 = over_seeds(held_out(energy, "frugal_change", "M1"))
    return Outcome(value, verdict(value.low > 2, value.low > 1), f"{best}; M1 {M1}")


@claim(
    "frugal-accuracy",
    "stopped on validation patterns, the found rules reach 95 % on the test set",
    source=OURS,
    expected="at least 95",
    quantity="mean test accuracy of the found rules, the least, %",
)
def frugal_accuracy(energy: pd.DataFrame) -> Outcome:
    """Mean test accuracy of each rule that was found, which stopped on validation patterns.

    Reproduced if the least of their intervals is above 95 %, partly if the least mean is.
    """
    rows = networks(energy, "frugal_frontier", stop_on="validation")
    found = rows.loc[rows["searched"].notna(), "rule"].unique()
    if not len(found):
        raise NotTested("no networks of frugal_frontier under a rule that was found")
    value, detail = weakest(
        {rule: over_seeds(100 * held_out(energy, rule, "accuracy")) for rule in found}
    )
    return Outcome(value, verdict(value.low >= 95, value.value >= 95), detail)


@claim(
    "frugal-held",
    "the goal is not reached by the luck of a test: it holds at the next tests",
    source=OURS,
    expected="below 1.25",
    quantity="M0 when the goal has held at five tests in a row over M0 when at two, the usual stop",
    reads="curves",
)
def frugal_held(curves: pd.DataFrame) -> Outcome:
    """M0 of the rule found for M0 when validation accuracy has been at the goal at HELD tests in a
    row, over M0 at the end of the first STOPPED in a row, where the frontier's networks stop.

    Reproduced if its interval is below 1.25 (to be sure costs a quarter at most; the three more
    tests are part of it), partly if below 1.5.
    """
    tests = curves[curves["rule"] == "frugal_updates"].sort_values("trials", kind="stable")
    if tests.empty:
        raise NotTested("no learning curves of frugal_updates")
    there = (tests["accuracy"] >= tests["goal"]).groupby(tests["seed"])
    stops = tests[_in_a_row(there, STOPPED)].drop_duplicates("seed").set_index("seed")
    ends = tests[_in_a_row(there, HELD)].drop_duplicates("seed").set_index("seed")
    count = tests["seed"].nunique()
    if len(ends) < count:
        raise NotReached(
            f"{count - len(ends)} of {count} networks were not at the goal at {HELD} tests in a row"
        )
    interval = tests["trials"].min()
    stayed = (ends["trials"] - stops["trials"] == (HELD - STOPPED) * interval).sum()
    value = factor(np.log(ends["M0"].astype(float) / stops["M0"].astype(float)))
    detail = (
        f"{stayed} of {count} networks stayed at the goal at the next {HELD - STOPPED} tests after"
        " they would have stopped"
    )
    return Outcome(value, verdict(value.high < 1.25, value.high < 1.5), detail)


def _in_a_row(there: SeriesGroupBy, tests: int) -> pd.Series:
    """Whether a network was `there` at a test and at those before, so many `tests` in all."""
    return there.transform(lambda at: at.rolling(tests).sum() == tests).astype(bool)


@claim(
    "search-again",
    "a second search finds rules within 30 % of the first's energy",
    source=OURS,
    expected="1",
    quantity="M0 of the second search's rule over that of the first's, seed by seed",
)
def search_again(energy: pd.DataFrame) -> Outcome:
    """Factors of M0 and M1 between rules that searches with other random numbers and other seeds
    found for M0 and M1, stopped on validation patterns.

    Reproduced if both are within a factor 1.3 of 1, partly if one is.
    """
    again = {}
    for quantity, rule in {"M0": "frugal_updates", "M1": "frugal_change"}.items():
        first, second = (
            np.log(held_out(energy, name, quantity)) for name in (rule, f"{rule}_again")
        )
        again[quantity] = factor((second - first).dropna())
    near = [within(ratio.value, 1, 1.3) for ratio in again.values()]
    return Outcome(again["M0"], verdict(all(near), any(near)), f"M1: {again['M1']}")


@claim(
    "generality",
    "without retuning the found rule saves updates for other goals, widths, data and loss",
    source=OURS,
    expected="above 1",
    quantity="M0 of competition over that of the found rule, the least over all variations",
)
def generality(energy: pd.DataFrame) -> Outcome:
    """Factor of M0 between competition and the rule found for M0, neither of them tuned again, in
    each variation of goal, width, data set or loss in which both reach the goal. The usual width is
    each rule's own.

    Reproduced if its interval is above 1 in all variations that competition or backprop learns (so
    that to miss the goal there counts against it), partly in at least half.
    """
    varied = ["dataset", "loss", "goal"]
    rules = {
        rule: networks(energy, "generality", rule=rule)
        for rule in ("frugal_updates", "competitive", "backprop")
    }
    usual = {rule: rows["width"].mode()[0] for rule, rows in rules.items()}
    ours = rules["frugal_updates"]
    usual_task = ours[varied].mode().iloc[0].tolist()
    saved, failed = {}, []
    for (*task, width), mine in ours.groupby([*varied, "width"]):
        alike = width == usual["frugal_updates"]
        if alike and task == usual_task:
            continue
        known = {}
        for rule in ("competitive", "backprop"):
            there = (rules[rule][varied] == task).all(axis=1)
            there &= rules[rule]["width"] == (usual[rule] if alike else width)
            if there.any() and rules[rule][there]["reached"].all():
                known[rule] = rules[rule][there]
        what = ", ".join(map(str, [*task, "usual" if alike else width]))
        if known and not mine["reached"].all():
            failed.append(what)
        elif "competitive" in known:
            pair = (known["competitive"], mine)
            theirs, own = (np.log(rows.set_index("seed")["M0"].astype(float)) for rows in pair)
            saved[what] = factor((theirs - own).dropna())
    if not saved:
        raise NotReached("in no variation both competition and the found rule reach the goal")
    value = min(saved.values(), key=lambda ratio: ratio.value)
    above = sum(ratio.low > 1 for ratio in saved.values())
    count = len(saved) + len(failed)
    detail = f"above 1 in {above} of {count} variations"
    if failed:
        detail += f"; goal not reached: {'; '.join(failed)}"
    return Outcome(value, verdict(above == count, 2 * above >= count), detail)


@claim(
    "power-law",
    "backprop's power laws of the paper's range predict its energy in wider networks",
    source=OURS,
    expected="1",
    quantity="M0 at the largest simulated width over that of the power law",
)
def power_law(energy: pd.DataFrame) -> Outcome:
    """Backprop's M0 and M1 at each simulated width above 10,000, where learning rate and initial
    weights are scaled down, over power laws that are fitted from the width of least energy to at
    most 10,000, where all networks got there at the usual learning rate. The interval is that of
    the power law, over seeds.

    Reproduced if the intervals hold 1 at all widths for both, and all networks got there; partly if
    all that did are within a factor 2.
    """
    every = networks(energy, "toward_cortex", rule="backprop")
    rows = reached(every)
    usual = rows["learning_rate"] == rows["learning_rate"].mode()[0]
    paper = rows[usual & (rows["width"] <= WIDEST_OF_PAPER)]
    wide = rows[rows["width"] > WIDEST_OF_PAPER]
    if wide.empty:
        raise NotTested(f"no networks wider than {WIDEST_OF_PAPER} that reached the goal")
    missed = {}
    for quantity in ENERGIES:
        law = seeds.power_law(beyond_optimum(paper, quantity))
        for width, networks_there in wide.groupby("width"):
            missed[quantity, width] = Estimate(*law.missed(width, networks_there[quantity]))
    widest = missed["M0", wide["width"].max()]
    detail = "; ".join(f"{quantity} at {width}: {at}" for (quantity, width), at in missed.items())
    failed = every.loc[(every["width"] > WIDEST_OF_PAPER) & ~every["reached"], "width"].unique()
    if len(failed):
        detail += f"; goal not reached at {', '.join(map(str, failed))}"
    holds = not len(failed) and all(at.low <= 1 <= at.high for at in missed.values())
    near = all(within(at.value, 1, 2) for at in missed.values())
    return Outcome(widest, verdict(holds, near), detail)


def judged(names: Iterable[str], energy: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each named claim, with its verdict on the networks' energies and tests."""
    tables = {"energy": energy, "curves": curves}
    rows: list[tuple] = []
    for name in names:
        what = CLAIMS[name]
        result: tuple
        try:
            outcome = what.test(tables[what.reads])
            estimate = outcome.estimate
            numbers = (estimate.value, estimate.low, estimate.high)
            result = (*numbers, outcome.verdict, what.quantity, outcome.detail)
        except NotTested as reason:
            result = (None, None, None, "not tested", what.quantity, str(reason))
        except NotReached as reason:
            result = (None, None, None, "not reproduced", what.quantity, str(reason))
        rows.append((name, what.text, what.source, what.expected, *result))
    return pd.DataFrame(rows, columns=COLUMNS)


def read_curves(paths: list[str]) -> pd.DataFrame:
    """Return the tests of all networks whose learning curves are there, as one table."""
    tables = [read(path, "curves") for path in paths]
    return pd.concat([pd.DataFrame(columns=CURVE), *tables], ignore_index=True)


def main() -> None:
    parser = Parser("claims", description=__doc__)
    parser.add_argument(
        "--claims",
        nargs="+",
        choices=CLAIMS,
        default=CLAIMS,
        metavar="ID",
        help="which are tested (default: all)",
    )
    parser.add_argument("--energy", required=True, metavar="CSV", help="table of trained networks")
    parser.add_argument(
        "--curves", nargs="*", default=[], metavar="CSV", help="tables of tests during training"
    )
    parser.add_argument("--output", required=True, metavar="CSV")
    arguments = parser.parse_args()
    try:
        tables = read(arguments.energy, "energy"), read_curves(arguments.curves)
        write(judged(arguments.claims, *tables), arguments.output, float_format="%.6g")
    except (TableError, OSError) as error:
        sys.exit(f"claims: {error}")


if __name__ == "__main__":
    main()
