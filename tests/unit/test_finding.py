"""The finding: its numbers are those of the tables, its words follow the verdicts."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import finding
from analysis.claims import Estimate, Outcome
from analysis.conditions import CONDITION
from analysis.finding_facts import STATEMENTS, Results, facts
from analysis.own_claims import IN_ALL, ON_TEST, ON_VALIDATION, REWRITING, STAYED, TUNING, UNNEEDED

SCRIPT = Path(finding.__file__)
PLOTTED = ["panel", "quantity", "series", "x", "y", "reached"]
NAMES = [statement.__name__ for statement in STATEMENTS]
UNSAID = "No result: the networks are not in this build, or did not reach their goal."
SMOKE = "**A quick check with few seeds and short training: not a result.**"


def judged(**changed):
    """Return the outcomes of claims, as after a study in which all went well, but for what
    `changed`: a claim's value, interval and verdict."""
    good = {
        "frugal-updates": (4.1e6, 4e6, 4.2e6, "reproduced"),
        "frugal-leaky": (6.1e6, 6e6, 6.2e6, "reproduced"),
        "frugal-factor": (12.3, 11, 14, "reproduced"),
        "frugal-gate": (3.3, 3.1, 3.5, "reproduced"),
        "frugal-change": (2.4, 2.2, 2.6, "reproduced"),
        "frugal-accuracy": (95.123, 95.05, 95.2, "reproduced"),
        "frugal-held": (1.05, 1.02, 1.08, "reproduced"),
        "search-again": (1.2, 1.1, 1.3, "reproduced"),
        "generality": (3.0, 2.5, 3.5, "reproduced"),
        "order": (0.95, 0.92, 0.98, "reproduced"),
        "one-rule": (6.0, 5.5, 6.5, "reproduced"),
        "power-law": (1.7, 1.2, 2.2, "not reproduced"),
        "frugal-both": (4.5e6, 4.4e6, 4.6e6, "reproduced"),
        "rewriting": (38.0, 36.0, 40.0, "reproduced"),
    }
    good |= {name.replace("_", "-"): result for name, result in changed.items()}
    others = {
        "frugal-updates": {ON_TEST: Estimate(3.6e6, 3.5e6, 3.7e6)},
        "frugal-gate": {TUNING: Estimate(3.7, 3.0, 4.6)},
        "frugal-held": {STAYED: Estimate(0.9)},
        "search-again": {"M1": Estimate(0.95, 0.9, 1.0)},
        "power-law": {"M1": Estimate(3.0, 2.0, 4.0)},
        "frugal-both": {"M1": Estimate(1.4e4, 1.3e4, 1.45e4)},
        "rewriting": {UNNEEDED: Estimate(10.5, 9, 12), IN_ALL: Estimate(400, 350, 450)},
    }
    main = {"frugal-updates": ON_VALIDATION, "frugal-gate": ON_VALIDATION, "rewriting": REWRITING}
    return {
        name: Outcome(verdict, {main.get(name, "M0"): Estimate(*numbers)} | others.get(name, {}))
        for name, (*numbers, verdict) in good.items()
    }


def runs(rule, **given):
    """Return five networks of a rule on held-out seeds, with energies that scatter a little."""
    network = dict.fromkeys(CONDITION) | {
        "experiment": "frugal_frontier",
        "rule": rule,
        "stop_on": "validation",
        "gate": "margin",
        "margin": 0.2749,
        "eligible": "all",
        "select": "per_layer",
        "fraction": 0.0031,
        "fraction_out": 0.052,
        "width": 250,
        "learning_rate": 0.0412,
        "learning_rate_out": 0.00412,
        "initial_sd": 0.03,
        "initial_sd_out": 0.061,
        "activation": "relu",
        "goal": 0.955,
        "reached": True,
        "trials": 100_000,
        "updated_trials": 25_000,
        "M0": 4.1e6,
        "M1": 1e5,
        "searched": "gate selection" if rule.startswith("frugal") else None,
    }
    scatter = [0.9, 1 / 0.9, 1, 1, 1]
    rows = pd.DataFrame([network | given | {"seed": seed} for seed in range(5)])
    return rows.assign(M0=rows["M0"] * scatter)


@pytest.fixture
def results():
    """What a study may come to."""
    frontier = [
        ("C", "M1", "frugal_change", "-", 1.5e4, True),
        ("C", "M1", "frugal_cached", "-", 900, True),
    ]
    ablation = [
        ("A", "M0", "on top of the others", "gate", 6.0, True),
        ("A", "M0", "on top of the others", "initial_weights", 1.04, True),
        ("A", "M0", "on top of the others", "selection", 18.0, False),
        ("A", "M0", "alone", "gate", 5.0, True),
        ("A", "M0", "all", "all", 800.0, True),
    ]
    elsewhere = [
        ("A", "M0", rule, goal, saved, True)
        for rule, factors in {"competitive": (10, 10), "frugal_updates": (60, 30)}.items()
        for goal, saved in zip(("goal 90 %", "goal 97 %"), factors, strict=True)
    ]
    unseen = [
        ("A", "M0", rule, goal, 12.0, reached)
        for rule, reached in [
            ("frugal_general", True),
            ("frugal_updates", False),
            ("competitive", True),
        ]
        for goal in ("goal 90 %", "goal 97 %")
    ]
    wide = [("A", "M0", "backprop", width, 3e7 * width, True) for width in (100, 30_000)]
    steps = {"on-line": 4e6, "written once": 1.1e5, "pruning": 1.0e4}
    floor = [("B", "M0", step, "frugal_updates", M0, True) for step, M0 in steps.items()]
    floor += [("A", "M0", "backprop", memory, 3e9 / memory, True) for memory in (1, 300, 1000)]
    figures = {
        "floor": floor,
        "frugal_frontier": frontier,
        "ablation": ablation,
        "generality": elsewhere,
        "harder_tasks": elsewhere,
        "unseen_tasks": unseen,
        "toward_cortex": wide,
    }
    energy = pd.concat(
        [
            runs("frugal_updates", M1=2e5),
            runs("frugal_updates_scaled", M1=8e3),
            runs("frugal_updates_fast", M0=1.2e7, trials=26_000),
            runs("frugal_change", M1=1.5e4),
            runs("backprop", M0=3.28e9, trials=40_000),
            runs("backprop", M0=3.28e9, caching_threshold=0.1, M0_consolidation=8.2e7),
            runs("competitive", M0=5e7),
            runs(
                "frugal_general",
                **{"experiment": "unseen_tasks", "fraction": None, "fraction_out": None},
                **{"winners": 430, "winners_out": 63},
            ),
        ],
        ignore_index=True,
    )
    energy["M0_consolidation"] *= energy["M0"] / 3.28e9
    return Results(
        judged(),
        energy,
        {
            name: pd.DataFrame(rows, columns=PLOTTED).assign(kind="mean")
            for name, rows in figures.items()
        },
    )


def with_claims(results, **changed):
    """Return the results with other outcomes of some claims."""
    return replace(results, claims=judged(**changed))


def said(results):
    """Return the page's numbered sentences, by the name of their facts."""
    lines = finding.page(results, "paper", "beyond.md").splitlines()
    numbered = [line.split(". ", 1) for line in lines if line[:1].isdigit()]
    assert [number for number, _ in numbered] == [str(n + 1) for n in range(len(NAMES))]
    return dict(zip(NAMES, [text for _, text in numbered], strict=True))


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        (
            "tuning_and_gate",
            [
                "takes 4.1 × 10⁶ (3.7 × 10⁶ to 4.5 × 10⁶) synaptic updates on 5 held-out seeds",
                "competitive with rectifiers, makes 5.0 × 10⁷ (4.6 × 10⁷ to 5.5 × 10⁷)",
                "Tuning alone, that is, a search with the gate always open, lowers this",
                "by a factor of 3.7 (3.0 to 4.6)",
                "factor of 3.3 (3.1 to 3.5) on top",
            ],
        ),
        (
            "scaling",
            [
                "has 2.0 (2.0 to 2.0) times backprop's M1",
                "rates are 10-fold apart",
                "0.080 (0.080 to 0.080) times backprop's M1 and makes 1.0 (1.0 to 1.0) times",
            ],
        ),
        (
            "caching",
            [
                "(threshold 0.1) consolidates 40 (40 to 40) times fewer updates than backprop",
                "makes 0.050 (0.050 to 0.050) times as many updates as are consolidated",
            ],
        ),
        ("updates", ["4.0 × 10⁶ to 4.2 × 10⁶", "rule makes 6.1 × 10⁶", "makes 3.6 × 10⁶"]),
        ("paper_factor", ["makes 12 (11 to 14) times as many", "makes 800 (800 to 800) times"]),
        (
            "change",
            [
                "1.5 × 10⁴. The",
                "has 2.4 (2.2 to 2.6) times as much",
                "needs 9.0 × 10²",
                "less than",
            ],
        ),
        (
            "recipe",
            [
                "by less than 0.27, on 25 %",
                "in each layer (0.31 % in the first",
                "250 rectifiers, learning rates of 0.041 and 0.0041",
                "s.d. 0.03 and 0.061 (hidden",
            ],
        ),
        (
            "ingredients",
            [
                "factor of 800",
                "gate 6.0 (alone 5.0), initial weights 1.0.",
                "not all networks",
                ": selection.",
            ],
        ),
        (
            "learning_time",
            ["100,000 trials, 2.5 (2.5 to 2.5) times", "26,000 trials and 1.2 × 10⁷"],
        ),
        ("stopping", ["95.5 % of them", "95.12 % (95.05 to 95.20)", "5 consecutive", "90 %"]),
        (
            "second_search",
            ["1.2 (1.1 to 1.3) times the M0", "0.95 (0.90 to 1.0) times the M1", "agree"],
        ),
        ("other_tasks", ["2 of the 2 variations", "3.0 to 6.0 times fewer"]),
        (
            "one_rule",
            [
                "needs no tuning for each",
                "learns 2 of 2 other tasks, with 12 to 12 times",
                "largest changes in each layer (430 in the first layer, 63 in the second). It has",
                "learning rates of 0.041 and 0.0041, and initial weights of s.d. 0.03 and 0.061",
            ],
        ),
        (
            "cortex",
            [
                "30,000 hidden units",
                "9.0 × 10¹¹ updates",
                "1.7 (1.2 to 2.2)",
                "fitted to 1,000 to 10,000 hidden units; its M1 is 3.0 (2.0 to 4.0) times",
            ],
        ),
    ],
)
def test_a_sentence_has_the_numbers_of_the_tables(results, sentence, parts):
    text = said(results)[sentence]
    for part in parts:
        assert part in text
    assert text.endswith(".") and not re.search(r"\.\.| [.,;)]|\( |\bnan", text)


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict", "part"),
    [
        (4e6, 3.9e6, 4.1e6, "reproduced", "is below the threshold of 5 × 10⁶"),
        (4.9e6, 4.6e6, 5.2e6, "partly", "contains the threshold of 5 × 10⁶"),
        (8e6, 7.6e6, 8.4e6, "partly", "is above the threshold of 5 × 10⁶"),
        (1.1e7, 1e7, 1.2e7, "not reproduced", "beforehand, nor below 10⁷."),
    ],
)
def test_the_sentence_on_the_threshold_stays_true(results, value, low, high, verdict, part):
    changed = with_claims(results, frugal_updates=(value, low, high, verdict))
    assert part in said(changed)["updates"]


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict", "part"),
    [
        (3.3, 3.1, 3.5, "reproduced", "the gate saves updates that tuning does not save."),
        (1.2, 0.9, 1.6, "partly", "contains 1, so it is not certain"),
        (0.8, 0.6, 1.1, "not reproduced", "So the gate saves no updates on top of tuning."),
    ],
)
def test_the_first_sentences_stay_true_if_the_gate_saves_nothing(
    results, value, low, high, verdict, part
):
    changed = with_claims(results, frugal_gate=(value, low, high, verdict))
    assert part in said(changed)["tuning_and_gate"]


def test_every_claim_can_fail_and_the_page_still_says_so(results):
    failed = {name: replace(one, verdict="not reproduced") for name, one in results.claims.items()}
    text = finding.page(replace(results, claims=failed), "paper", "beyond.md")
    assert UNSAID not in text
    for boast in (
        "as claimed",
        "agree on",
        "in all variations",
        "matters little",
        "are within the",
    ):
        assert boast not in text
    reason = "1 of 20 networks failed"
    unreliable = {name: Outcome("not reproduced", {}, reason) for name in failed}
    text = finding.page(replace(results, claims=unreliable), "paper", "beyond.md")
    assert text.count(f": {reason}.") == 11 and text.count(UNSAID) == 1
    assert not re.search(r"\bnan", text)


def test_each_sentence_can_be_partly_true(results):
    partly = {name: replace(one, verdict="partly") for name, one in results.claims.items()}
    text = finding.page(replace(results, claims=partly), "paper", "beyond.md")
    for part in (
        "not above the claimed 10",
        "above the claimed 2",
        "the required 95 %",
        "somewhat",
        "The means are within the claimed factor",
    ):
        assert part in text
    assert "Only one of the two" in text and "not in all" in text
    assert "not certain that it saves as much as claimed" in text
    results.figures["unseen_tasks"].loc[0, ["y", "reached"]] = None, False
    text = finding.page(replace(results, claims=partly), "paper", "beyond.md")
    assert "but does not learn all of them" in text and "learns 1 of 2 other tasks" in text


def test_rules_that_miss_the_goal_have_no_energy(results):
    energy = results.energy
    failed = energy["rule"].isin(["frugal_updates_scaled", "frugal_updates_fast"])
    text = said(replace(results, energy=energy.assign(reached=~failed)))
    assert text["scaling"].endswith("the same learning rate, not all its networks reach the goal.")
    assert "fast" not in text["learning_time"]
    failed = energy["rule"] == "frugal_updates"
    text = said(replace(results, energy=energy.assign(reached=~failed)))
    assert text["scaling"] == text["learning_time"] == UNSAID
    assert text["tuning_and_gate"].startswith("The rule that a search found does not always reach")
    assert "as are consolidated" not in text["caching"]


def test_one_learning_rate_is_not_rescaled(results):
    changed = replace(results, energy=results.energy.assign(learning_rate_out=None))
    assert "apart" not in said(changed)["scaling"]


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"gate": "error"}, "learns only from misclassified patterns, on 25 %"),
        ({"gate": "always"}, "learns on every trial."),
        (
            {"select": "all", "eligible": "fixed_neurons"},
            "makes all changes within fixed neurons. ",
        ),
        ({"select": "per_neuron"}, "among each unit's inputs (0.31 %"),
        ({"learning_rate_out": None}, "a learning rate of 0.041, and initial weights"),
        ({"initial_sd_out": None}, "initial weights of s.d. 0.03."),
    ],
)
def test_the_recipe_is_that_of_the_rule(results, changed, part):
    changed = replace(results, energy=results.energy.assign(**changed))
    assert part in said(changed)["recipe"]


def test_there_are_limits_and_what_would_refute_the_sentences(results):
    text = finding.page(results, "paper", "../docs/beyond.md")
    assert "## Limits" in text and "## What would refute it" in text
    assert "(../docs/beyond.md)" in text and SMOKE not in text
    assert SMOKE in finding.page(results, "smoke", "beyond.md")


def test_what_was_not_trained_is_not_said(results):
    untested = {name: Outcome("not tested", {}, "no networks") for name in results.claims}
    nothing = Results(untested, results.energy[:0], {})
    assert facts(nothing) == dict.fromkeys(NAMES)
    assert set(said(nothing).values()) == {UNSAID}


def test_a_wrong_table_is_told_in_one_line(tmp_path):
    (tmp_path / "claims.csv").write_text("a,b\n1,2\n")
    command = [sys.executable, SCRIPT, "--claims", tmp_path / "claims.csv", "--energy", "none.csv"]
    done = subprocess.run(
        [*command, "--output", tmp_path / "finding.md"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "claims.csv: not a table of claims" in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*finding*"))
