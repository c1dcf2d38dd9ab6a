"""The numbers on the page with the results beyond the paper: one function per statement.

They come from the claims, the figures' plotted numbers, and the table of networks (for the
parameters of the rule). The text is in report/statements.md.j2. It depends on the verdicts, so that
a statement remains true if a claim fails. The functions raise NothingToSay or NotTested if networks
are missing or did not reach the goal.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from analysis import figure_facts, own_claims
from analysis.claims import Estimate, Outcome, factor
from analysis.conditions import (
    NotReached,
    NotTested,
    best_of_paper,
    every_reached,
    most_sparing,
    networks,
    per_seed,
    ratios,
)
from analysis.figure_facts import Facts, NothingToSay


class Missed(Exception):
    """Nothing was measured for a claim, because networks missed the goal; the message says so."""


@dataclass(frozen=True)
class Results:
    """The outcomes of claims by id, the table of networks, and the plotted numbers by figure."""

    claims: dict[str, Outcome]
    energy: pd.DataFrame
    figures: dict[str, pd.DataFrame]

    def claim(self, name: str) -> Outcome:
        """Return the outcome of a claim; raise NothingToSay if it was not tested."""
        if name not in self.claims or self.claims[name].verdict == "not tested":
            raise NothingToSay
        return self.claims[name]

    def measured(self, name: str) -> Outcome:
        """Return the outcome of a claim that was tested; raise Missed if nothing was measured."""
        claim = self.claim(name)
        if not claim.readings:
            raise Missed(claim.reason)
        return claim

    def figure(self, name: str) -> pd.DataFrame:
        """Return the plotted numbers of a figure; raise NothingToSay if they are missing."""
        if name not in self.figures:
            raise NothingToSay
        return self.figures[name]

    def runs(self, rule: str) -> pd.DataFrame:
        """Return the networks of a rule on held-out seeds, stopped on validation patterns.

        Those with synaptic caching are left out, except of a rule that was found with it. Raises
        NotTested if there are none.
        """
        rows = networks(self.energy, "frugal_frontier", rule=rule, stop_on="validation")
        plain = rows["caching_threshold"].isna()
        return rows[plain] if plain.any() else rows

    def mean(self, rule: str, quantity: str) -> Estimate:
        """Return the mean `quantity` of a rule; raise NotReached if a network missed the goal."""
        return factor(per_seed(every_reached(self.runs(rule)), quantity))

    def ratio(self, rule: str, other: str, quantity: str) -> Estimate:
        """Return the mean `quantity` of a rule over that of another, seed by seed.

        Raises NotReached if a network missed the goal.
        """
        values = (per_seed(every_reached(self.runs(one)), quantity) for one in (rule, other))
        return factor(ratios(*values))


def known(measure: Callable[[], Estimate]) -> Estimate | None:
    """Return what is measured, None if networks are missing or missed the goal."""
    try:
        return measure()
    except (NotTested, NotReached):
        return None


def tuning_and_gate(results: Results) -> Facts:
    """Return the outcome of `frugal-gate`, what tuning alone saves, and the energies compared.

    The M0 of the found rule is None if it missed the goal. `best` is a network of the paper's best
    rule; the mean of this rule is `paper`.
    """
    claim = results.claim("frugal-gate")
    paper = best_of_paper(results.energy, "M0")
    return {
        "claim": claim,
        "gate": claim.readings.get(own_claims.ON_VALIDATION),
        "tuning": claim.readings.get(own_claims.TUNING),
        "M0": known(lambda: results.mean("frugal_updates", "M0")),
        "networks": len(results.runs("frugal_updates")),
        "paper": factor(per_seed(paper, "M0")),
        "best": paper.iloc[0],
    }


def scaling(results: Results) -> Facts:
    """Compare the M1 of the rule found for M0 with backprop's, before and after it is rescaled.

    `scaled` and `scaled_M0` are None if not all rescaled networks reached the goal. `apart` is the
    factor between the two learning rates.
    """
    rule = results.runs("frugal_updates").iloc[0]
    rates = rule["learning_rate"], rule["learning_rate_out"]
    scaled = "frugal_updates_scaled"
    return {
        "M1": results.ratio("frugal_updates", "backprop", "M1"),
        "apart": max(rates) / min(rates) if pd.notna(rates[1]) else 1.0,
        "scaled": known(lambda: results.ratio(scaled, "backprop", "M1")),
        "scaled_M0": known(lambda: results.ratio(scaled, "frugal_updates", "M0")),
    }


def caching(results: Results) -> Facts:
    """Return how many times fewer updates backprop consolidates with caching than it makes.

    The threshold is the one with the fewest consolidations. `found` is the number of updates of the
    rule found for M0 over this number of consolidations, None if it missed the goal.
    """
    rows = networks(results.energy, "frugal_frontier", rule="backprop", stop_on="validation")
    best = most_sparing(rows[rows["caching_threshold"].notna()], "M0_consolidation")
    consolidated = per_seed(best, "M0_consolidation")
    updates = per_seed(results.runs("frugal_updates"), "M0")
    every = results.runs("frugal_updates")["reached"].all()
    return {
        "threshold": best["caching_threshold"].iloc[0],
        "fewer": factor(ratios(per_seed(best, "M0"), consolidated)),
        "found": factor(ratios(updates, consolidated)) if every else None,
    }


def updates(results: Results) -> Facts:
    """Return the outcome of `frugal-updates`, and the mean M0 with leaky rectifiers."""
    claim = results.measured("frugal-updates")
    leaky = results.claims.get("frugal-leaky")
    return {
        "claim": claim,
        "surely_missed": claim.main.low > own_claims.FEW_UPDATES,
        "leaky": leaky.main.value if leaky and leaky.readings else None,
        "on_test": claim.readings.get(own_claims.ON_TEST, Estimate()),
    }


def paper_factor(results: Results) -> Facts:
    """Return the outcome of `frugal-factor`, and the M0 of backprop over that of the found rule."""
    claim = results.measured("frugal-factor")
    return {
        "claim": claim,
        "backprop": known(lambda: results.ratio("backprop", "frugal_updates", "M0")),
    }


def change(results: Results) -> Facts:
    """Return the outcome of `frugal-change`, and the energies of the rules for M1 and caching."""
    claim = results.measured("frugal-change")
    M1 = results.mean("frugal_change", "M1").value
    cached = figure_facts.means(results.figure("frugal_frontier"), panel="C")
    cached = cached.loc[cached["series"] == "frugal_cached", "y"]
    return {"claim": claim, "M1": M1, "cached": next(iter(cached), None)}


def both(results: Results) -> Facts:
    """Return the outcome of `frugal-both` and its thresholds."""
    limits = {"few": own_claims.FEW_UPDATES, "little": own_claims.LITTLE_CHANGE}
    return {"claim": results.measured("frugal-both")} | limits


def recipe(results: Results) -> Facts:
    """Return the parameters of the rule found for M0 and its share of trials with updates (%)."""
    return _rule(results.runs("frugal_updates"))


def _rule(runs: pd.DataFrame) -> Facts:
    """Return the parameters that a rule has, and its share of trials with updates (%)."""
    updated = 100 * (runs["updated_trials"] / runs["trials"]).mean()
    return {"rule": runs.iloc[0].dropna(), "updated": updated}


def ingredients(results: Results) -> Facts:
    """Return the facts of figure `ablation`."""
    return figure_facts.ablation(results.figure("ablation"))


def learning_time(results: Results) -> Facts:
    """Compare the trials of the rule found for M0 with those of backprop and of its fast variant.

    `fast` has the mean trials and the mean M0 of that variant, None if networks missed the goal.
    """
    fast = [
        known(lambda: results.mean("frugal_updates_fast", "trials")),
        known(lambda: results.mean("frugal_updates_fast", "M0")),
    ]
    return {
        "trials": results.mean("frugal_updates", "trials").value,
        "ratio": results.ratio("frugal_updates", "backprop", "trials"),
        "fast": fast if all(fast) else None,
    }


def stopping(results: Results) -> Facts:
    """Return the outcomes of `frugal-accuracy` and `frugal-held`; shares are in percent."""
    accuracy, held = results.claim("frugal-accuracy"), results.claim("frugal-held")
    if not (accuracy.readings and held.readings):
        raise NothingToSay
    return {
        "accuracy": accuracy,
        "held": held,
        "goal": 100 * results.runs("frugal_updates")["goal"].iloc[0],
        "stayed": 100 * held.readings[own_claims.STAYED].value,
        "tests": own_claims.HELD,
        "more_tests": own_claims.HELD - own_claims.STOPPED,
    }


def second_search(results: Results) -> Facts:
    """Return the outcome of `search-again`."""
    return {"claim": results.measured("search-again")}


def other_tasks(results: Results) -> Facts:
    """Return the outcome of `generality` and the facts of its figure."""
    claim = results.measured("generality")
    return {"claim": claim, "saved": figure_facts.generality(results.figure("generality"))}


def order(results: Results) -> Facts:
    """Return the outcome of `order` and the facts of the figure `harder_tasks`."""
    claim = results.measured("order")
    return {"claim": claim, "saved": figure_facts.harder_tasks(results.figure("harder_tasks"))}


def one_rule(results: Results) -> Facts:
    """Return the outcome of `one-rule`, the rule, and the facts of the figure `unseen_tasks`."""
    claim = results.measured("one-rule")
    rule = _rule(networks(results.energy, "unseen_tasks", rule=own_claims.GENERAL))
    saved = figure_facts.unseen_tasks(results.figure("unseen_tasks"))
    return {"claim": claim, "saved": saved} | rule


def cortex(results: Results) -> Facts:
    """Return the outcome of `power-law`, and backprop's M0 at the largest width."""
    claim = results.measured("power-law")
    M0 = figure_facts.curve(results.figure("toward_cortex"), "M0", "backprop")
    return {"claim": claim, "fitted": own_claims.FITTED, "width": M0.index[-1], "M0": M0.iloc[-1]}


def floor(results: Results) -> Facts:
    """Return the outcome of `rewriting` and the facts of the figure `floor`."""
    claim = results.measured("rewriting")
    return {"claim": claim} | figure_facts.floor(results.figure("floor"))


# In the order of the page.
STATEMENTS: list[Callable[[Results], Facts]] = [
    *(tuning_and_gate, scaling, caching, updates, paper_factor, change, both, recipe),
    *(ingredients, learning_time, stopping, second_search, other_tasks, order, one_rule),
    *(cortex, floor),
]


def facts(results: Results) -> dict[str, Facts | None]:
    """Return the facts of each statement by its name, or None if networks are missing.

    If nothing was measured for the claim of a statement, its only fact is why: `missed`.
    """
    found: dict[str, Facts | None] = {}
    for statement in STATEMENTS:
        try:
            found[statement.__name__] = statement(results)
        except Missed as reason:
            found[statement.__name__] = {"missed": str(reason)}
        except (NothingToSay, NotTested, NotReached):
            found[statement.__name__] = None
    return found
