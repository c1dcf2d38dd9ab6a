"""Claims of this project: one function per claim, whose docstring states the rule of its verdict.

Unless a claim says otherwise, a network that does not reach its goal refutes it, and networks that
are stopped on the test set, as in the paper, are measured but do not affect the verdict. Which
claims were declared before any data were seen is said in docs/beyond.md.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from pandas.api.typing import SeriesGroupBy

from analysis import seeds
from analysis.claims import (
    Claim,
    Estimate,
    Outcome,
    Test,
    all_or_some,
    factor,
    least_first,
    over_seeds,
    verdict,
    within,
)
from analysis.conditions import (
    NotReached,
    NotTested,
    by_seed,
    every_reached,
    held_out,
    most_sparing,
    networks,
    note,
    per_seed,
    ratios,
    reached,
    saved_by_found,
)

# What defines a task, apart from the width, and how its values are named.
TASK = {
    "goal": "goal {:.1%}",
    "dataset": "{} images",
    "loss": "{} loss",
    "training_patterns": "{:,.0f} training patterns",
}
NAMES = TASK | {"width": "width {:,}"}
USUAL = " (usual)"  # ends the name of the variation in which nothing is varied
GENERAL = "frugal_general"  # the rule that was found for many tasks
STOPPED, HELD = 2, 5  # tests in a row at the goal: when training stops, and for frugal-held
FEW_UPDATES = 5e6  # what the claim frugal-updates states
LITTLE_CHANGE = 1.5e4  # the M1 that the claim frugal-both states
TIMES_FEWER, OFTEN = 5, 0.8  # the factor that the claim one-rule states, and its share of tasks
FITTED = (1_000, 10_000)  # hidden units; the widths that power laws are fitted to
# Readings that the page of results shows.
ON_VALIDATION, ON_TEST = "stopped on validation patterns", "stopped on the test set"
TUNING = "tuning alone, with the gate always open"
REWRITING, UNNEEDED = "rewriting of synapses", "synapses that need not change"
IN_ALL = "in all"
STAYED = "share of networks that stayed at the goal at the next tests"

CLAIMS: dict[str, Claim] = {}


def claim(
    name: str, text: str, expected: str | Mapping[str, str], quantity: str, reads: str = "energy"
) -> Callable[[Test], Test]:
    """Return a decorator that registers a function as the test of the claim `name`.

    The other parameters are fields of `Claim`.
    """

    def register(test: Test) -> Test:
        CLAIMS[name] = Claim(text, expected, quantity, test, reads)
        return test

    return register


def with_aside(measure: Callable[[str], Estimate]) -> dict[str, Estimate]:
    """Return the readings of networks stopped on validation patterns and on the test set.

    `measure` takes the value of `stop_on`. The reading on the test set is NaN if one of its
    networks did not reach the goal, and is left out if there are none.
    """
    readings = {ON_VALIDATION: measure("validation")}
    try:
        return readings | {ON_TEST: measure("test")}
    except NotReached:
        return readings | {ON_TEST: Estimate()}
    except NotTested:
        return readings


def few_updates(energy: pd.DataFrame, rule: str, reproduced: float, partly: float) -> Outcome:
    """Return the outcome for the mean M0 of a found rule.

    The verdict is `reproduced` if the interval is below `reproduced`, and `partly` if it is below
    `partly`.
    """
    readings = with_aside(lambda stop_on: factor(held_out(energy, rule, "M0", stop_on)))
    M0 = readings[ON_VALIDATION]
    return Outcome(verdict(M0.high < reproduced, M0.high < partly), readings)


@claim(
    "frugal-updates",
    "a rule found by search learns MNIST to 95 % with fewer than 5 × 10^6 updates on held-out"
    " seeds",
    expected={ON_VALIDATION: "below 5e6"},
    quantity="mean M0 of the found rule, stopped on validation patterns",
)
def frugal_updates(energy: pd.DataFrame) -> Outcome:
    """Test the mean M0 of the rule found for M0, stopped on validation patterns.

    Reproduced if its interval is below 5 × 10^6 (20 times below the paper's floor), partly if below
    10^7.
    """
    return few_updates(energy, "frugal_updates", FEW_UPDATES, 1e7)


@claim(
    "frugal-leaky",
    "in the paper's own network, of leaky rectifiers, a rule found by search takes fewer than 10^7",
    expected={ON_VALIDATION: "below 1e7"},
    quantity="mean M0 of the rule found for leaky rectifiers, stopped on validation patterns",
)
def frugal_leaky(energy: pd.DataFrame) -> Outcome:
    """Test the mean M0 of the rule found for M0 with the paper's activation.

    Training stops on validation patterns.

    Reproduced if its interval is below 10^7 (ten times below the paper's floor), partly if below
    2 × 10^7.
    """
    return few_updates(energy, "frugal_updates_leaky", 1e7, 2e7)


@claim(
    "frugal-factor",
    "on the same patterns and seeds it takes ten times fewer updates than the paper's best rule",
    expected={ON_VALIDATION: "above 10"},
    quantity="M0 of the paper's most sparing rule over that of the found rule, seed by seed",
)
def frugal_factor(energy: pd.DataFrame) -> Outcome:
    """Test the factor of M0 between the paper's rule of least M0 and the rule found for M0.

    Both are stopped on validation patterns.

    Reproduced if its interval is above 10, partly if above 5.
    """
    readings = with_aside(
        lambda stop_on: factor(saved_by_found(energy, "frugal_updates", "M0", stop_on))
    )
    saved = readings[ON_VALIDATION]
    return Outcome(verdict(saved.low > 10, saved.low > 5), readings)


@claim(
    "frugal-gate",
    "the gate saves updates on top of all that tuning saves",
    expected={ON_VALIDATION: "above 1"},
    quantity="M0 of the rule found with an open gate over that of the found rule, seed by seed",
)
def frugal_gate(energy: pd.DataFrame) -> Outcome:
    """Test the factor of M0 between the rules that were found with the gate always open and freely.

    Both were searched in the same way, and are stopped on validation patterns. What tuning alone
    saves is measured too: M0 of the paper's rule of least M0 over that with the gate always open.

    Reproduced if the interval is above 1, partly if the mean is.
    """

    def saved(stop_on: str) -> Estimate:
        tuned, gated = (
            held_out(energy, rule, "M0", stop_on) for rule in ("frugal_open", "frugal_updates")
        )
        return factor(ratios(tuned, gated))

    readings = with_aside(saved)
    gate = readings[ON_VALIDATION]
    tuning = factor(saved_by_found(energy, "frugal_open", "M0"))
    readings = {ON_VALIDATION: gate, TUNING: tuning} | readings
    return Outcome(verdict(gate.low > 1, gate.value > 1), readings)


@claim(
    "frugal-change",
    "a rule found by search halves the M1 of the paper's best rule on the same patterns and seeds",
    expected={"factor": "above 2"},
    quantity="M1 of the paper's most sparing rule over that of the found rule, seed by seed",
)
def frugal_change(energy: pd.DataFrame) -> Outcome:
    """Test the factor of M1 between the paper's rule of least M1 and the rule found for M1.

    Both are stopped on validation patterns.

    Reproduced if its interval is above 2, partly if above 1.
    """
    saved = factor(saved_by_found(energy, "frugal_change", "M1"))
    M1 = factor(held_out(energy, "frugal_change", "M1"))
    return Outcome(
        verdict(saved.low > 2, saved.low > 1), {"factor": saved, "M1 of the found rule": M1}
    )


@claim(
    "frugal-both",
    "one rule has both: fewer than 5 × 10^6 updates, and a summed change below 1.5 × 10^4",
    expected={"M0": "below 5e6", "M1": "below 1.5e4"},
    quantity="mean M0 and M1 of the rule found for both, stopped on validation patterns",
)
def frugal_both(energy: pd.DataFrame) -> Outcome:
    """Test the mean M0 and M1 of the rule found for least M1 among those with few updates.

    Training stops on validation patterns.

    Reproduced if the intervals of both are below 5 × 10^6 and 1.5 × 10^4, partly if one is.
    """
    readings = {one: factor(held_out(energy, "frugal_both", one)) for one in ("M0", "M1")}
    holds = readings["M0"].high < FEW_UPDATES, readings["M1"].high < LITTLE_CHANGE
    return Outcome(all_or_some(holds), readings)


@claim(
    "frugal-accuracy",
    "stopped on validation patterns, the found rules reach 95 % on the test set",
    expected="at least 95",
    quantity="mean test accuracy of the found rules, the least, %",
)
def frugal_accuracy(energy: pd.DataFrame) -> Outcome:
    """Test the mean test accuracy of each found rule, stopped on validation patterns.

    Reproduced if the least of their intervals is above 95 %, partly if the least mean is.
    """
    rows = networks(energy, "frugal_frontier", stop_on="validation")
    found = rows.loc[rows["searched"].notna(), "rule"].unique()
    if not len(found):
        raise NotTested("no networks of frugal_frontier under a rule that was found")
    readings = least_first(
        {rule: over_seeds(100 * held_out(energy, rule, "accuracy")) for rule in found}
    )
    least = next(iter(readings.values()))
    return Outcome(verdict(least.low >= 95, least.value >= 95), readings)


@claim(
    "frugal-held",
    "the goal is not reached by the luck of a test: it holds at the next tests",
    expected={"factor": "below 1.25"},
    quantity="M0 when the goal has held at five tests in a row over M0 when at two",
    reads="curves",
)
def frugal_held(curves: pd.DataFrame) -> Outcome:
    """Test how much M0 grows until the goal has been held at several tests in a row.

    The networks are those of the rule found for M0. Their M0 when validation accuracy has been at
    the goal at HELD tests in a row is divided by M0 at the end of the first STOPPED in a row, where
    the frontier's networks stop.

    Reproduced if its interval is below 1.25 (to be sure costs a quarter at most; the three more
    tests are part of it), partly if below 1.5.
    """
    tests = note(curves[curves["rule"] == "frugal_updates"])
    tests = tests.sort_values("trials", kind="stable")
    if tests.empty:
        raise NotTested("no learning curves of frugal_updates")
    at_goal = (tests["accuracy"] >= tests["goal"]).groupby(tests["seed"])
    stops = tests[_in_a_row(at_goal, STOPPED)].drop_duplicates("seed").set_index("seed")
    ends = tests[_in_a_row(at_goal, HELD)].drop_duplicates("seed").set_index("seed")
    count = tests["seed"].nunique()
    if len(ends) < count:
        raise NotReached(
            f"{count - len(ends)} of {count} networks were not at the goal at {HELD} tests in a row"
        )
    interval = tests["trials"].min()
    stayed = (ends["trials"] - stops["trials"] == (HELD - STOPPED) * interval).mean()
    longer = factor(ratios(ends["M0"].astype(float), stops["M0"].astype(float)))
    return Outcome(
        verdict(longer.high < 1.25, longer.high < 1.5), {"factor": longer, STAYED: Estimate(stayed)}
    )


def _in_a_row(at_goal: SeriesGroupBy, tests: int) -> pd.Series:
    """Return whether a network was `at_goal` at each test and at the `tests - 1` before it."""
    return at_goal.transform(lambda at: at.rolling(tests).sum() == tests).astype(bool)


@claim(
    "search-again",
    "a second search finds rules within 30 % of the first's energy",
    expected="1",
    quantity="M0 of the second search's rule over that of the first's, seed by seed",
)
def search_again(energy: pd.DataFrame) -> Outcome:
    """Test the factors of M0 and M1 between the rules of a first and a second search.

    The searches have different random numbers and different seeds; each found a rule for M0 and one
    for M1. Networks are stopped on validation patterns.

    Reproduced if both are within a factor 1.3 of 1, partly if one is.
    """
    again = {}
    for quantity, rule in {"M0": "frugal_updates", "M1": "frugal_change"}.items():
        first, second = (held_out(energy, name, quantity) for name in (rule, f"{rule}_again"))
        again[quantity] = factor(ratios(second, first))
    return Outcome(all_or_some(within(ratio.value, 1, 1.3) for ratio in again.values()), again)


@claim(
    "generality",
    "without retuning the found rule saves updates for other goals, widths, data and loss",
    expected="above 1",
    quantity="M0 of competition over that of the found rule, the least over all variations",
)
def generality(energy: pd.DataFrame) -> Outcome:
    """Test the factor of M0 between competition and the rule found for M0 in other conditions.

    Neither rule is tuned again. The factor is taken in each variation (see `variations`) in which
    both reach the goal.

    Reproduced if its interval is above 1 in all variations that competition or backprop learns (so
    that to miss the goal in one of them counts against it), partly in at least half.
    """
    saved = {}
    for name, runs in variations(networks(energy, "generality")):
        rules = dict(list(runs.groupby("rule")))
        ours = rules.pop("frugal_updates", None)
        learned = {rule: rows for rule, rows in rules.items() if rows["reached"].all()}
        if name.endswith(USUAL) or ours is None or not learned:
            continue
        if not ours["reached"].all():
            saved[name] = Estimate()
        elif "competitive" in learned:
            theirs = per_seed(learned["competitive"], "M0")
            saved[name] = factor(ratios(theirs, per_seed(ours, "M0")))
    if not any(ratio.known for ratio in saved.values()):
        raise NotReached("in no variation both competition and the found rule reach the goal")
    above = sum(ratio.low > 1 for ratio in saved.values())
    return Outcome(verdict(above == len(saved), 2 * above >= len(saved)), least_first(saved))


def variations(energy: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the variations of an experiment, as (name, networks of all rules).

    The usual task has the most frequent data set, loss, goal and number of training patterns. A
    variation differs from it, or has the usual task and the same width for all rules whose width is
    varied. If the width is not varied, each rule has its own, the most frequent of its widths.
    """
    energy = _all_patterns(energy)
    usual = energy[[*TASK]].mode().iloc[0]
    own = energy["width"] == energy.groupby("rule")["width"].transform(lambda at: at.mode()[0])
    yield from _by_task(energy[own], usual)
    usual_task = energy[(energy[[*TASK]] == usual).all(axis=1)]
    varied = usual_task.groupby("rule")["width"].transform("nunique") > 1
    for width, runs in usual_task[varied].groupby("width"):
        if runs["rule"].nunique() > 1:
            yield NAMES["width"].format(width), runs


def tasks(energy: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the tasks of an experiment, as (name, networks of all rules).

    Networks of the same task also have the same width. A name says what differs from the most
    frequent data set, loss, goal, number of training patterns and width.
    """
    energy = _all_patterns(energy)
    yield from _by_task(energy, energy[[*NAMES]].mode().iloc[0])


def _all_patterns(energy: pd.DataFrame) -> pd.DataFrame:
    """Return the table with a number of training patterns in each row: groups omit empty cells."""
    return energy.fillna({"training_patterns": np.inf})


def _by_task(energy: pd.DataFrame, usual: pd.Series) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the networks of each task and its name: what differs from the `usual` values."""
    for values, runs in energy.groupby([*usual.index], sort=False):
        task = dict(zip(usual.index, values, strict=True))
        changed = [key for key in task if task[key] != usual[key]]
        words = ", ".join(NAMES[key].format(task[key]) for key in changed or ["goal"])
        words = words.replace("_", " ").replace(".0%", " %")
        yield words + ("" if changed else USUAL), runs


@claim(
    "order",
    "the ranking of the rules by M0 is the same for rotated or permuted images and fewer patterns",
    expected="above 0.9",
    quantity="share of pairs of rules whose M0 is in the same order as on MNIST, the least",
)
def order(energy: pd.DataFrame) -> Outcome:
    """Test whether the ranking of the rules by M0 is the same on harder tasks as on MNIST.

    Pairs of rules are compared seed by seed, stopped on the test set. A network that missed its
    goal counts as more updates than all that reached it. Pairs of rules that both missed the goal
    on MNIST, or both on the harder task, are left out.

    Reproduced if the interval of the share of pairs in the same order is above 0.9 on all harder
    tasks, partly if on at least half.
    """
    M0 = {
        name: note(runs)
        .assign(M0=runs["M0"].where(runs["reached"], np.inf))
        .pivot(index="seed", columns="rule", values="M0")
        for name, runs in variations(networks(energy, "harder_tasks"))
    }
    usual = next((M0.pop(name) for name in list(M0) if name.endswith(USUAL)), None)
    if usual is None or not M0:
        raise NotTested("no networks on MNIST and on a harder task")
    same = {name: over_seeds(_same_order(usual, other)) for name, other in M0.items()}
    above = sum(share.low > 0.9 for share in same.values())
    return Outcome(verdict(above == len(same), 2 * above >= len(same)), least_first(same))


def _same_order(M0: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    """Return the share of pairs of rules (columns) in the same order in both tables, by seed (row).

    Raises NotTested if the tables have fewer than two rules in common.
    """
    tables = M0.align(others, join="inner")
    pairs = list(combinations(tables[0].columns, 2))
    if not pairs:
        raise NotTested("fewer than two rules on both tasks")
    one, two = (
        pd.DataFrame({pair: np.sign(table[pair[0]] - table[pair[1]]) for pair in pairs})
        for table in tables
    )
    return (one == two).where(one.notna() & two.notna()).astype(float).mean(axis=1)


@claim(
    "one-rule",
    "one rule learns other tasks than those of its search, without being tuned again, with five"
    " times fewer updates than competition tuned to each",
    expected=f"above {TIMES_FEWER}",
    quantity="M0 of competition, tuned to the task, over that of the rule, the least over tasks",
)
def one_rule(energy: pd.DataFrame) -> Outcome:
    """Test the rule that was found for many tasks in tasks that its search has not seen.

    On each task, competition has the fraction and the learning rate of least M0, which are chosen
    with the networks that are compared. Tasks that backprop does not learn are left out.

    Two statements: the rule learns all these tasks, and the interval of the factor is above 5 in at
    least four fifths of them. Reproduced if both are true, partly if one is.
    """
    saved = {}
    for name, runs in tasks(networks(energy, "unseen_tasks")):
        rules = dict(list(runs.groupby("rule")))
        compared = {"backprop", "competitive", GENERAL} <= rules.keys()
        if not compared or not rules["backprop"]["reached"].all():
            continue
        saved[name] = Estimate()
        if note(rules[GENERAL])["reached"].all():
            tuned = per_seed(most_sparing(rules["competitive"], "M0"), "M0")
            saved[name] = factor(ratios(tuned, per_seed(rules[GENERAL], "M0")))
    if not any(ratio.known for ratio in saved.values()):
        raise NotReached("the rule reaches the goal in no task that backprop learns")
    fewer = sum(ratio.low > TIMES_FEWER for ratio in saved.values())
    holds = (all(ratio.known for ratio in saved.values()), fewer >= OFTEN * len(saved))
    return Outcome(all_or_some(holds), least_first(saved))


@claim(
    "power-law",
    "power laws of narrower networks predict backprop's energy in wider ones, within a factor 1.5",
    expected="1",
    quantity="backprop's energy at the largest width over that of a power law, seed by seed",
)
def power_law(energy: pd.DataFrame) -> Outcome:
    """Test whether power laws predict backprop's energy in wider networks.

    They are fitted to widths of 1,000 to 10,000, and compared with the largest width beyond. All
    networks have the same learning rate and initial weights.

    Reproduced if the intervals of M0 and M1 are within a factor 1.5 of 1, partly if the means are.
    """
    rows = networks(energy, "toward_cortex", rule="backprop")
    over = {quantity: over_law(rows, quantity) for quantity in ("M0", "M1")}
    return Outcome(
        verdict(
            all(within(end, 1, 1.5) for at in over.values() for end in (at.low, at.high)),
            all(within(at.value, 1, 1.5) for at in over.values()),
        ),
        over,
    )


def over_law(rows: pd.DataFrame, quantity: str) -> Estimate:
    """Return `quantity` at the largest width over that of a power law, seed by seed.

    The law is fitted to the widths of FITTED. Raises NotTested if there are fewer than three of
    them, or no larger width; NotReached if a network of the largest width did not reach the goal.
    """
    widest = rows[rows["width"] == rows["width"].max()]
    fitted = rows[rows["width"].between(*FITTED)]
    if widest["width"].max() <= FITTED[1]:
        raise NotTested(f"no networks wider than {FITTED[1]}")
    logs = by_seed(reached(fitted), quantity, "width")
    if logs.shape[1] < 3:
        raise NotTested(f"fewer than three widths from {FITTED[0]} to {FITTED[1]}")
    law = seeds.power_law(logs).logarithms([widest["width"].max()])[:, 0]
    predicted = pd.Series(np.exp(law), index=logs.index)
    return factor(ratios(per_seed(every_reached(widest), quantity), predicted))


@claim(
    "rewriting",
    "most updates of the found rule rewrite synapses that it has changed before",
    expected={REWRITING: "above 10"},
    quantity="M0 of one learner over that of one that writes less, seed by seed",
    reads="floors",
)
def rewriting(floors: pd.DataFrame) -> Outcome:
    """Test how many updates of the found rule change a synapse once more.

    M0 of the rule found for M0 is divided by the number of synapses that have changed in the end.
    The number of changed synapses over an upper bound of the least M0, by pruning, is what synapses
    cost that need not change.

    Reproduced if the interval of the first factor is above 10, partly if above 2.
    """
    rows = floors[(floors["rule"] == "frugal_updates") & (floors["learner"] != "batch")]
    if rows.empty:
        raise NotTested("no learners of frugal_updates that write less")
    rows = every_reached(rows)
    online = rows[(rows["learner"] == "remembering") & (rows["memory"] == 1)]
    once, pruned = (rows[rows["learner"] == one] for one in ("written once", "pruning"))
    M0 = [per_seed(one, "M0") for one in (online, once, pruned)]
    pairs = {REWRITING: (0, 1), UNNEEDED: (1, 2), IN_ALL: (0, 2)}
    readings = {name: factor(ratios(M0[more], M0[less])) for name, (more, less) in pairs.items()}
    times = readings[REWRITING].low
    return Outcome(verdict(times > 10, times > 2), readings)
