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
from analysis.own_claims import STAYED

SCRIPT = Path(finding.__file__)
FRONTIER = ["quantity", "series", "stop_on", "x", "y"]
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
        "frugal-change": (2.4, 2.2, 2.6, "reproduced"),
        "frugal-accuracy": (95.123, 95.05, 95.2, "reproduced"),
        "frugal-held": (1.05, 1.02, 1.08, "reproduced"),
        "search-again": (1.2, 1.1, 1.3, "reproduced"),
        "generality": (3.0, 2.5, 3.5, "reproduced"),
        "power-law": (1.7, 1.2, 2.2, "not reproduced"),
    }
    good |= {name.replace("_", "-"): result for name, result in changed.items()}
    others = {
        "frugal-held": {STAYED: Estimate(0.9)},
        "search-again": {"M1": Estimate(0.95, 0.9, 1.0)},
        "power-law": {"M1 at width 100,000": Estimate(3.0, 2.0, 4.0), "width 5": Estimate()},
    }
    return {
        name: Outcome(verdict, {"M0": Estimate(*numbers)} | others.get(name, {}))
        for name, (*numbers, verdict) in good.items()
    }


@pytest.fixture
def results():
    """What a study may come to."""
    frontier = [
        ("M0", "frugal_updates", "validation", 100_000, 4.1e6),
        ("M0", "frugal_updates", "test", 90_000, 3.6e6),
        ("M0", "frugal_updates_fast", "validation", 26_000, 1.2e7),
        ("M0", "backprop", "validation", 40_000, 3.28e9),
        ("M1", "frugal_change", "validation", 60_000, 1.5e4),
        ("cached", "frugal_cached", "validation", 60_000, 900),
    ]
    ablation = [
        ("A", "M0", "on top of the others", "gate", 6.0, True),
        ("A", "M0", "on top of the others", "initial_weights", 1.04, True),
        ("A", "M0", "on top of the others", "selection", 18.0, False),
        ("A", "M0", "alone", "gate", 5.0, True),
        ("A", "M0", "all", "all", 800.0, True),
    ]
    elsewhere = [
        ("A", "M0", rule, goal, M0, True)
        for rule, energies in {
            "backprop": (600, 900),
            "competitive": (60, 90),
            "frugal_updates": (10, 30),
        }.items()
        for goal, M0 in zip(("0.9", "0.97"), energies, strict=True)
    ]
    wide = [("A", "M0", "backprop", width, 3e7 * width, True) for width in (100, 1e6)]
    tables = {
        "frugal_frontier": pd.DataFrame(frontier, columns=FRONTIER).assign(reached=True),
        **{
            name: pd.DataFrame(rows, columns=PLOTTED)
            for name, rows in [
                ("ablation", ablation),
                ("generality", elsewhere),
                ("toward_cortex", wide),
            ]
        },
    }
    network = dict.fromkeys(CONDITION) | {
        "experiment": "frugal_frontier",
        "rule": "frugal_updates",
        "stop_on": "validation",
        "gate": "margin",
        "margin": 0.2749,
        "eligible": "all",
        "select": "per_layer",
        "fraction": 0.0031,
        "fraction_out": 0.052,
        "width": 250,
        "learning_rate": 0.0412,
        "learning_rate_out": 0.0051,
        "initial_sd": 0.03,
        "activation": "relu",
        "goal": 0.955,
        "consecutive_tests": 2,
        "trials": 98_000,
        "updated_trials": 24_500,
        "accuracy": 0.951,
        "reached": True,
        "M0": 4.1e6,
        "searched": "gate selection",
    }
    known = {"rule": "competitive", "M0": 5e7, "searched": None}
    runs = [network | {"seed": seed} for seed in range(20)]
    return Results(
        judged(),
        pd.DataFrame(runs + [run | known for run in runs]),
        {name: table.assign(kind="mean", varied=True) for name, table in tables.items()},
    )


def with_claims(results, **changed):
    """Return the results with other outcomes of some claims."""
    return replace(results, claims=judged(**changed))


def said(results):
    """Return the page's numbered sentences, by the name of their facts."""
    lines = finding.page(results, "paper", "beyond.md").splitlines()
    numbered = [line.split(". ", 1) for line in lines if line[:1].isdigit()]
    assert [number for number, _ in numbered] == [str(n) for n in range(1, 11)]
    return dict(zip(NAMES, [text for _, text in numbered], strict=True))


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("updates", ["4.1 × 10⁶ (4.0 × 10⁶ to 4.2 × 10⁶)", "20 held-out", "rule makes 6.1 × 10⁶"]),
        (
            "factor",
            ["competitive with rectifiers, makes 12 (11 to 14) times as many", "makes 800 times"],
        ),
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
            ["by less than 0.27, on 25 %", "in each layer (0.31 % in the first", "250 rectifiers"],
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
        ("learning_time", ["100,000 trials, 2.5 times", "26,000 trials and 1.2 × 10⁷"]),
        (
            "stopping",
            [
                "95.5 % of them",
                "95.12 % (95.05 to 95.20)",
                "5 consecutive tests",
                "90 %",
                "3.6 × 10⁶",
            ],
        ),
        (
            "second_search",
            ["1.2 (1.1 to 1.3) times the M0", "0.95 (0.90 to 1.0) times the M1", "agree"],
        ),
        ("other_tasks", ["2 of the 2 variations", "3.0 to 6.0 times fewer"]),
        (
            "cortex",
            [
                "1,000,000 hidden units",
                "3.0 × 10¹³ updates",
                "1.7 (1.2 to 2.2)",
                "M1 at width 100,000, 3.0 (2.0 to 4.0); width 5, goal not reached.",
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
        (4e6, 3.9e6, 4.1e6, "reproduced", "interval is below the threshold of 5 × 10⁶"),
        (4.9e6, 4.6e6, 5.2e6, "partly", "contains the threshold of 5 × 10⁶"),
        (8e6, 7.6e6, 8.4e6, "partly", "above the threshold of 5 × 10⁶"),
        (1.1e7, 1e7, 1.2e7, "not reproduced", "beforehand, nor below 10⁷."),
    ],
)
def test_the_first_sentence_stays_true_whatever_came_out(results, value, low, high, verdict, part):
    changed = with_claims(results, frugal_updates=(value, low, high, verdict))
    assert part in said(changed)["updates"]


def test_every_claim_can_fail_and_the_page_still_says_so(results):
    failed = {name: replace(one, verdict="not reproduced") for name, one in results.claims.items()}
    text = finding.page(replace(results, claims=failed), "paper", "beyond.md")
    assert UNSAID not in text
    for boast in ("as claimed", "agree on", "in all variations", "matters little"):
        assert boast not in text
    reason = "1 of 20 networks failed"
    unreliable = {name: Outcome("not reproduced", {}, reason) for name in failed}
    unreliable["power-law"] = failed["power-law"]
    text = finding.page(replace(results, claims=unreliable), "paper", "beyond.md")
    assert text.count(f": {reason}.") == 5 and text.count(UNSAID) == 1 and "nan" not in text


def test_each_sentence_can_be_partly_true(results):
    partly = {name: replace(one, verdict="partly") for name, one in results.claims.items()}
    text = finding.page(replace(results, claims=partly), "paper", "beyond.md")
    for part in (
        "not above the claimed 10",
        "above the claimed 2",
        "the required 95 %",
        "somewhat",
    ):
        assert part in text
    assert "Only one of the two" in text and "not in all" in text and "within a factor of 2" in text


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
    ],
)
def test_the_recipe_is_that_of_the_rule(results, changed, part):
    changed = replace(results, energy=results.energy.assign(**changed))
    assert part in said(changed)["recipe"]


def test_there_are_ten_sentences_with_limits_and_what_would_refute_them(results):
    text = finding.page(results, "paper", "../docs/beyond.md")
    assert len(said(results)) == 10
    assert "## Limits" in text and "## What would refute it" in text
    assert "(../docs/beyond.md)" in text and SMOKE not in text
    assert SMOKE in finding.page(results, "smoke", "beyond.md")


def test_what_was_not_trained_is_not_said(results):
    untested = {name: Outcome("not tested", {}, "no networks") for name in results.claims}
    nothing = Results(untested, results.energy[:0], {})
    assert facts(nothing) == dict.fromkeys(NAMES)
    assert list(said(nothing).values()) == [UNSAID] * 10


def test_a_wrong_table_is_told_in_one_line(tmp_path):
    (tmp_path / "claims.csv").write_text("a,b\n1,2\n")
    command = [sys.executable, SCRIPT, "--claims", tmp_path / "claims.csv", "--energy", "none.csv"]
    done = subprocess.run(
        [*command, "--output", tmp_path / "finding.md"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "claims.csv: not a table of claims" in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*finding*"))


def test_where_no_wide_network_learned_it_says_how_far_they_came(results):
    wide = pd.DataFrame(
        dict.fromkeys(CONDITION)
        | {
            "experiment": "toward_cortex",
            "rule": ["backprop", "backprop", "subnet"],
            "width": [10_000, 30_000, 30_000],
            "accuracy": [0.951, 0.938, 0.9],
            "reached": [True, False, False],
            "M0": [1e11, 1.43e12, 9.5e9],
        }
    )
    untested = results.claims | {"power-law": Outcome("not tested", {}, "none reached the goal")}
    text = said(Results(untested, wide, results.figures))["cortex"]
    assert text.endswith("It reached 93.8 % after 1.4 × 10¹² updates with 30,000 units.")
    assert "remains open" in text and "95.1" not in text
