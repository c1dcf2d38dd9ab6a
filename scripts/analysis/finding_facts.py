"""The numbers on the page with the results beyond the paper: one function per statement.

They come from the claims, the figures' plotted numbers, and the table of networks (for the
parameters of the rule). The text is in report/statements.md.j2. It depends on the verdicts, so that
a statement remains true if a claim fails. The functions raise NothingToSay or NotTested if networks
are missing or did not reach the goal.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from analysis import figure_facts
from analysis.claims import Outcome
from analysis.conditions import NotTested, best_of_paper, networks
from analysis.figure_facts import Facts, NothingToSay, curve, energy_of, held_out
from analysis.own_claims import FEW_UPDATES, HELD, STAYED, STOPPED
from analysis.seeds import WIDEST_OF_PAPER


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

    def figure(self, name: str) -> pd.DataFrame:
        """Return the plotted numbers of a figure; raise NothingToSay if they are missing."""
        if name not in self.figures:
            raise NothingToSay
        return self.figures[name]

    def held_out(self, rule: str) -> pd.DataFrame:
        """Return the networks of a rule on held-out seeds, stopped on validation patterns.

        Raises NotTested if there are none.
        """
        return networks(self.energy, "frugal_frontier", rule=rule, stop_on="validation")


def updates(results: Results) -> Facts:
    """Return the outcome of `frugal-updates`, and the mean M0 with leaky rectifiers."""
    claim = results.claim("frugal-updates")
    if not claim.readings:
        return {"claim": claim}
    leaky = results.claims.get("frugal-leaky")
    return {
        "claim": claim,
        "networks": len(results.held_out("frugal_updates")),
        "surely_missed": claim.main.low > FEW_UPDATES,
        "leaky": leaky.main.value if leaky and leaky.readings else None,
    }


def factor(results: Results) -> Facts:
    """Return the outcome of `frugal-factor`, with a network of the paper's best rule.

    `backprop` is the M0 of backprop over that of the found rule, or None if one is missing.
    """
    claim = results.claim("frugal-factor")
    if not claim.readings:
        return {"claim": claim}
    frontier = results.figure("frugal_frontier")
    backprop, found = (energy_of(frontier, "M0", rule) for rule in ("backprop", "frugal_updates"))
    return {
        "claim": claim,
        "best": best_of_paper(results.energy, "M0").iloc[0],
        "backprop": backprop / found if backprop and found else None,
    }


def change(results: Results) -> Facts:
    """Return the outcome of `frugal-change`, and the energies of the rules for M1 and caching."""
    claim = results.claim("frugal-change")
    if not claim.readings:
        return {"claim": claim}
    frontier = results.figure("frugal_frontier")
    return {
        "claim": claim,
        "M1": held_out(frontier, "M1", series="frugal_change")["y"].iloc[0],
        "cached": energy_of(frontier, "cached", "frugal_cached"),
    }


def recipe(results: Results) -> Facts:
    """Return the parameters of the rule found for M0 and its share of trials with updates (%)."""
    runs = results.held_out("frugal_updates")
    return {
        "rule": runs.iloc[0],
        "second_rate": pd.notna(runs["learning_rate_out"].iloc[0]),
        "updated": 100 * (runs["updated_trials"] / runs["trials"]).mean(),
    }


def ingredients(results: Results) -> Facts:
    """Return the facts of figure `ablation` without the ingredients that change nothing."""
    facts = figure_facts.ablation(results.figure("ablation"))
    used = [one for one in facts["ingredients"] if round(one["on_top"], 9) != 1]
    return facts | {"ingredients": used}


def learning_time(results: Results) -> Facts:
    """Compare the trials of the rule found for M0 with those of backprop and of its fast variant.

    `fast` is None if there is no such variant.
    """
    M0 = held_out(results.figure("frugal_frontier"), "M0")
    if not {"backprop", "frugal_updates"} <= set(M0.index):
        raise NothingToSay
    trials = M0.loc["frugal_updates", "x"]
    return {
        "trials": trials,
        "ratio": trials / M0.loc["backprop", "x"],
        "fast": M0.loc["frugal_updates_fast"] if "frugal_updates_fast" in M0.index else None,
    }


def stopping(results: Results) -> Facts:
    """Return the outcomes of `frugal-accuracy` and `frugal-held`, and M0 when stopped on tests.

    Shares and accuracies are in percent.
    """
    accuracy, held = results.claim("frugal-accuracy"), results.claim("frugal-held")
    if not (accuracy.readings and held.readings):
        raise NothingToSay
    frontier = results.figure("frugal_frontier")
    return {
        "accuracy": accuracy,
        "held": held,
        "goal": 100 * results.held_out("frugal_updates")["goal"].iloc[0],
        "stayed": 100 * held.readings[STAYED].value,
        "tests": HELD,
        "more_tests": HELD - STOPPED,
        "M0_on_test": energy_of(frontier, "M0", "frugal_updates", stop_on="test"),
    }


def second_search(results: Results) -> Facts:
    """Return the outcome of `search-again`."""
    return {"claim": results.claim("search-again")}


def other_tasks(results: Results) -> Facts:
    """Return the outcome of `generality` and the facts of its figure."""
    claim = results.claim("generality")
    if not claim.readings:
        return {"claim": claim}
    return {"claim": claim, "saved": figure_facts.generality(results.figure("generality"))}


def cortex(results: Results) -> Facts:
    """Return the outcome of `power-law` and backprop's M0 at the largest width.

    If the claim was not tested, return the networks that missed the goal instead.
    """
    claim = results.claims.get("power-law")
    if claim is None or not claim.readings:
        return {"claim": None, "usual": WIDEST_OF_PAPER, "missed": too_wide(results.energy)}
    M0 = curve(results.figure("toward_cortex"), "M0", "backprop")
    return {"claim": claim, "width": M0.index[-1], "M0": M0.iloc[-1]}


def too_wide(energy: pd.DataFrame) -> list[dict]:
    """Return backprop's networks beyond the paper's range that missed the goal.

    They are records of width, accuracy and M0. Raises NothingToSay if there are none.
    """
    wide = energy[(energy["experiment"] == "toward_cortex") & (energy["rule"] == "backprop")]
    wide = wide[(wide["width"] > WIDEST_OF_PAPER) & wide["accuracy"].notna()]
    wide = wide[~wide["reached"].astype(bool)]
    if wide.empty:
        raise NothingToSay
    return wide[["width", "accuracy", "M0"]].to_dict("records")


# In the order of the page.
STATEMENTS: list[Callable[[Results], Facts]] = [
    *(updates, factor, change, recipe, ingredients),
    *(learning_time, stopping, second_search, other_tasks, cortex),
]


def facts(results: Results) -> dict[str, Facts | None]:
    """Return the facts of each statement by its name, or None if networks are missing."""
    found: dict[str, Facts | None] = {}
    for statement in STATEMENTS:
        try:
            found[statement.__name__] = statement(results)
        except (NothingToSay, NotTested):
            found[statement.__name__] = None
    return found
