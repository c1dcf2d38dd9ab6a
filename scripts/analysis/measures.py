"""The measures that readings of the paper's claims name: one function per measure, of that name.

Which measure, of which networks, with which expected value, is declared in the configuration (see
analysis/readings.py). A function takes the tables and the options of a reading, and returns the
mean over seeds with its 95 % interval. Energies, trials and their ratios are averaged as
logarithms; exponents, accuracies and participation arithmetically. Settings ("each at its best")
are chosen by their means over the same seeds, and only among those with which all networks reached
the goal.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis import seeds
from analysis.claims import Estimate, factor, over_seeds
from analysis.conditions import (
    CONDITION,
    NotReached,
    NotTested,
    by_seed,
    common,
    least,
    matching,
    most_sparing,
    note,
    per_seed,
    ratios,
    reached,
)
from analysis.seeds import V1_NEURONS
from plasticity.energy import participation as share_of

Options = Mapping[str, Any]

# The paper's model and rules, unless a reading says otherwise: no gate, no caching, no search.
MODEL = {
    "gate": "always",
    "criterion": (None, "largest_update"),
    "dataset": "mnist",
    "loss": "mse",
    "goal": 0.95,
    "stop_on": "test",
    "consecutive_tests": 1,
    "learning_rate": 0.01,
    "rate_scaling": "none",
    "rate_unit": "trial",
    "learning_rate_out": None,
    "initial_sd_out": None,
    "sd_unit": "weight",
    "training_patterns": None,
    "winners": None,
    "activation": "leaky_relu",
    "caching_threshold": None,
    "searched": None,
}
# Parameters of a network that a reading may name; those of SETTINGS belong to the rule alone.
COMMON = ["experiment", "width", "initial_sd"]
SETTINGS = ["rule", "fraction", "plastic_units", "rate_scaling", "learning_rate"]


@dataclass(frozen=True)
class Tables:
    """The trained networks, and the tests during training.

    The column `counts` of `energy` has the updates of each synapse by layer, `hidden` (width, 785)
    and `out` (10, width + 1). It is empty for networks whose updates were not counted.
    """

    energy: pd.DataFrame
    curves: pd.DataFrame


def networks(tables: Tables, options: Options, **changed: object) -> pd.DataFrame:
    """Return the networks that a reading names, with the paper's model where it names nothing.

    `subnet_share` limits the size of subnets, as a share of the width. Raises NotTested if there
    are none.
    """
    named = {key: options[key] for key in [*COMMON, *SETTINGS] if key in options} | changed
    energy = tables.energy
    if "subnet_share" in options:
        energy = energy[~(energy["plastic_units"] > options["subnet_share"] * energy["width"])]
    return matching(energy, MODEL | named, named)


def baseline(tables: Tables, options: Options, rule: str = "backprop") -> pd.DataFrame:
    """Return the networks that a reading compares with: of `rule`, elsewhere the same.

    A rule other than backprop has the fraction of the reading, too, if it names one.
    """
    same = [*COMMON, *(["fraction"] if rule != "backprop" else [])]
    return networks(tables, {key: options[key] for key in same if key in options}, rule=rule)


def least_energy(tables: Tables, options: Options) -> Estimate:
    """Return the least mean energy of all settings."""
    quantity = options["quantity"]
    rows = most_sparing(networks(tables, options), quantity)
    return factor(per_seed(rows, quantity))


def fitted(energies: pd.DataFrame, between: str, widths: int) -> pd.DataFrame:
    """Return the columns (widths) that a power law is fitted to, "from to to".

    `from` is a width, or `optimum`, the width of least mean energy. Raises NotTested for fewer than
    so many `widths`.
    """
    first, last = between.split(" to ")
    if first == "optimum":
        energies = seeds.from_least(energies)
    else:
        energies = energies.loc[:, energies.columns >= int(first)]
    energies = energies.loc[:, energies.columns <= int(last)]
    if energies.shape[1] < widths:
        raise NotTested(f"a fit from {between} takes {widths} widths that reached the goal")
    return energies


def by_width(tables: Tables, options: Options, widths: int) -> pd.DataFrame:
    """Return the logarithm of the energy by seed and width, at the widths that are fitted."""
    energies = least(networks(tables, options), options["quantity"])
    return fitted(energies, options["fitted"], widths)


def exponent(tables: Tables, options: Options) -> Estimate:
    """Return the exponent of the power law of energy against width, fitted to each seed."""
    return over_seeds(pd.Series(seeds.power_law(by_width(tables, options, 3)).slopes))


def curvature(tables: Tables, options: Options) -> Estimate:
    """Return by how much the exponent changes per tenfold width; 0 for a power law.

    A parabola is fitted to each seed on logarithmic axes.
    """
    energies = by_width(tables, options, 4)
    widths = np.log10(energies.columns.to_numpy(dtype=float))
    square, _, _ = np.polyfit(widths, energies.to_numpy().T / np.log(10), 2)
    return over_seeds(pd.Series(2 * square))


def optimal_size(tables: Tables, options: Options) -> Estimate:
    """Return the number of plastic units with the least energy, found for each seed."""
    energies = by_seed(reached(networks(tables, options)), options["quantity"], "plastic_units")
    if energies.shape[1] < 3:
        raise NotTested("an optimum takes three sizes that reached the goal")
    return factor(energies.idxmin(axis=1).astype(float))


def factor_saved(tables: Tables, options: Options) -> Estimate:
    """Return the energy of one rule over that of another, each at its setting of least energy."""
    quantity = options["quantity"]
    against, rule = (
        per_seed(most_sparing(rows, quantity), quantity)
        for rows in (baseline(tables, options, options["against"]), networks(tables, options))
    )
    return factor(ratios(against, rule))


def exponent_of_factor(tables: Tables, options: Options) -> Estimate:
    """Return the exponent of the power law of `factor_saved` against width."""
    quantity = options["quantity"]
    against, rule = (
        least(rows, quantity)
        for rows in (baseline(tables, options, options["against"]), networks(tables, options))
    )
    factors = common(against - rule, "the rules reach the goal at no common width")
    if factors.shape[1] < 3:
        raise NotTested("growth takes three widths at which both rules reach the goal")
    return over_seeds(pd.Series(seeds.power_law(factors).slopes))


def in_time(tables: Tables, options: Options, rule: str) -> pd.Series:
    """Return the largest factor that a rule saves within a learning time, by seed.

    The time is `at_most` times that of backprop (geometric mean over seeds). Raises NotReached if
    no setting learns so fast.
    """
    quantity = options["quantity"]
    backprop = most_sparing(baseline(tables, options), quantity)
    conditions = reached(networks(tables, options, rule=rule)).groupby(CONDITION, dropna=False)
    saved = [
        ratios(per_seed(backprop, quantity), per_seed(condition, quantity))
        for _, condition in conditions
        if _longer(condition, backprop) <= options["at_most"]
    ]
    if not saved:
        raise NotReached(
            f"no setting that was trained learns within {options['at_most']:g} times backprop's"
            " trials"
        )
    return max(saved, key=_geometric_mean)


def _longer(condition: pd.DataFrame, backprop: pd.DataFrame) -> float:
    """Return the learning time of a condition over that of backprop, rounded to six digits."""
    times = ratios(per_seed(condition, "trials"), per_seed(backprop, "trials"))
    return round(_geometric_mean(times), 6)  # so that 1.5 is at most 1.5


def _geometric_mean(values: pd.Series) -> float:
    return float(seeds.geometric_mean(values)[0])


def factor_in_time(tables: Tables, options: Options) -> Estimate:
    """Return the largest factor that a rule saves within a learning time."""
    return factor(in_time(tables, options, options["rule"]))


def factor_over_either(tables: Tables, options: Options) -> Estimate:
    """Return the factor that both ideas together save over the better of the two alone.

    Each has its best setting within the learning time. An idea that is too slow is left out.
    """
    both = in_time(tables, options, "competitive_subnet")
    alone = []
    for rule in ("competitive", "subnet"):
        with suppress(NotReached):
            alone.append(in_time(tables, options, rule))
    if not alone:
        raise NotTested("neither competition nor a subnet learns within the time")
    return factor(ratios(both, max(alone, key=_geometric_mean)))


def difference(
    accuracy: Callable[[pd.DataFrame], pd.Series], tables: Tables, options: Options
) -> Estimate:
    """Return the accuracy of a rule minus that of backprop, in percentage points.

    `accuracy` computes that of each seed from learning curves. Raises NotTested if it is missing
    for a seed of one of the two.
    """
    curves = tables.curves.dropna(subset=["train_accuracy"])  # others stop at a goal
    wanted = {"width": options["width"]}
    rule = {"rule": options["rule"], "fraction": options["fraction"]}
    found = []
    for which in (rule, {"rule": "backprop"}):
        tests = note(matching(curves, wanted | which)).sort_values("trials")
        found.append(accuracy(tests))
        if len(found[-1]) < tests["seed"].nunique():
            raise NotTested(f"not all networks of {which['rule']} had so low a training error")
    return over_seeds(100 * (found[0] - found[1]).dropna())


def best_accuracy(tables: Tables, options: Options) -> Estimate:
    """Return the difference of the best accuracies on the test set in long training."""
    return difference(lambda tests: tests.groupby("seed")["accuracy"].max(), tables, options)


def accuracy_at_error(tables: Tables, options: Options) -> Estimate:
    """Return the difference of test accuracies when the training error is first low enough."""
    learned = 1 - options["training_error"] / 100

    def at_error(tests: pd.DataFrame) -> pd.Series:
        return tests[tests["train_accuracy"] >= learned].groupby("seed")["accuracy"].first()

    return difference(at_error, tables, options)


def participation(tables: Tables, options: Options) -> Estimate:
    """Return the effective share of synapses, or of hidden units, that take part in the updates.

    This is the inverse Simpson index of the numbers of updates over the number of synapses or
    units; those of a unit are the updates of its inputs. Parts of the network were counted for the
    first seed alone.
    """
    rows = networks(tables, options)
    if options["part"] == "all synapses":
        return over_seeds(per_seed(rows, "participation"))
    counted = rows.dropna(subset="counts")
    if counted.empty:
        raise NotTested("no numbers of updates of these networks")
    hidden = note(counted.head(1))["counts"].iloc[0]["hidden"]
    units = options["part"] == "hidden units"
    return Estimate(share_of([hidden.sum(axis=1, keepdims=True) if units else hidden]))


def extrapolated(tables: Tables, options: Options) -> Estimate:
    """Return backprop's energy, extrapolated to the size of V1, over what is necessary.

    The power law is fitted to each seed. Necessary is the least energy of the rule that
    `necessary` names. The interval is that over seeds; it does not show whether the power law is
    valid so far outside the fitted range.
    """
    quantity = options["quantity"]
    energies = by_width(tables, {**options, "rule": "backprop"}, 3)
    law = np.exp(seeds.power_law(energies).logarithms([V1_NEURONS])[:, 0])
    elsewhere = {key: options[key] for key in ("initial_sd",) if key in options}
    rows = most_sparing(networks(tables, elsewhere, rule=options["necessary"]), quantity)
    return factor(ratios(pd.Series(law, index=energies.index), per_seed(rows, quantity)))
