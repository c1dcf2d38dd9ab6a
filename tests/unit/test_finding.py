"""The finding: its numbers are those of the tables, its words follow the verdicts."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import claims
import finding
from finding import Results
from gallery import NothingToSay

SCRIPT = Path(finding.__file__)
FRONTIER = ["quantity", "series", "stop_on", "x", "y"]
PLOTTED = ["panel", "quantity", "series", "x", "y", "reached"]


def judged(**changed):
    """Return the table of claims, as after a study in which all went well, but for what `changed`.

    A claim is its value, interval, verdict and detail.
    """
    good = {
        "frugal-updates": (4.1e6, 4e6, 4.2e6, "reproduced", ""),
        "frugal-leaky": (6.1e6, 6e6, 6.2e6, "reproduced", ""),
        "frugal-factor": (12.3, 11, 14, "reproduced", "competitive; stopped on the test set: 13"),
        "frugal-change": (2.4, 2.2, 2.6, "reproduced", "competitive; M1 1.5e4"),
        "frugal-accuracy": (95.123, 95.05, 95.2, "reproduced", ""),
        "frugal-held": (1.05, 1.02, 1.08, "reproduced", "18 of 20 networks stayed at it"),
        "search-again": (1.2, 1.1, 1.3, "reproduced", "M1: 0.95 (0.9 to 1)"),
        "generality": (3.0, 2.5, 3.5, "reproduced", "above 1 in 2 of 2 variations"),
        "power-law": (1.7, 1.2, 2.2, "not reproduced", "M1 at 100000: 3"),
    }
    good |= {name.replace("_", "-"): result for name, result in changed.items()}
    columns = ["id", "value", "low", "high", "verdict", "detail"]
    table = pd.DataFrame([(name, *result) for name, result in good.items()], columns=columns)
    unsaid = dict.fromkeys(["claim", "source", "expected", "quantity"], "-")
    return table.assign(**unsaid)[claims.COLUMNS].set_index("id")


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
    network = {
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
    }
    return Results(
        judged(),
        pd.DataFrame([network] * 20),
        {name: table.assign(kind="mean", varied=True) for name, table in tables.items()},
    )


def with_claims(results, **changed):
    """Return the results with other outcomes of some claims."""
    return Results(judged(**changed), results.energy, results.figures)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        (finding.updates, ["4.1 × 10⁶ (4.0 × 10⁶ to 4.2 × 10⁶)", "20 held-out", "it is 6.1 × 10⁶"]),
        (finding.factor, ["competitive, makes 12 (11 to 14) times as many", "makes 800 times"]),
        (finding.change, ["1.5 × 10⁴, 2.4 (2.2 to 2.6) times less", "comes to 9.0 × 10²", "less."]),
        (finding.recipe, ["by less than 0.27, on 25 %", "0.31 % in the first", "250 rectifiers"]),
        (
            finding.ingredients,
            ["save 800 times", "the gate 6.0 (5.0 alone)", "without selection not"],
        ),
        (
            finding.learning_time,
            ["100,000 trials, 2.5 times backprop's", "26,000 trials and 1.2 × 10⁷"],
        ),
        (
            finding.honesty,
            ["95.5 % of them", "95.12 % (95.05 to 95.20)", "held at 5 in", "18 of 20"],
        ),
        (finding.again, ["1.2 (1.1 to 1.3) times", "0.95 (0.9 to 1) times its M1", "agree"]),
        (finding.elsewhere, ["2 of the 2 variations", "3.0 to 6.0 times fewer"]),
        (
            finding.cortex,
            ["1,000,000 hidden units", "3.0 × 10¹³ updates", "1.7 (1.2 to 2.2)", "100000: 3)"],
        ),
    ],
)
def test_a_sentence_has_the_numbers_of_the_tables(results, sentence, parts):
    said = sentence(results)
    for part in parts:
        assert part in said
    assert said.endswith(".") and ".." not in said


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict", "said"),
    [
        (4e6, 3.9e6, 4.1e6, "reproduced", "below the 5 × 10⁶ declared beforehand"),
        (4.9e6, 4.6e6, 5.2e6, "partly", "are not certain to be reached, but it is ten times below"),
        (8e6, 7.6e6, 8.4e6, "partly", "are missed, but it is ten times below"),
        (1.1e7, 1e7, 1.2e7, "not reproduced", "and even 10⁷, are not certain to be reached"),
    ],
)
def test_the_first_sentence_stays_true_whatever_came_out(results, value, low, high, verdict, said):
    changed = with_claims(results, frugal_updates=(value, low, high, verdict, ""))
    assert said in finding.updates(changed)


def test_every_claim_can_fail_and_the_page_still_says_so(results):
    table = results.claims.assign(verdict="not reproduced")
    text = finding.page(Results(table, results.energy, results.figures), "paper", "beyond.md")
    assert finding.UNSAID not in text
    for boast in ("as claimed", "agree on", "it saves wherever", "owes little"):
        assert boast not in text
    unreliable = table.assign(value=None, low=None, high=None, detail="1 of 20 networks failed")
    unreliable.loc["power-law", ["value", "low", "high"]] = [1.7, 1.2, 2.2]
    text = finding.page(Results(unreliable, results.energy, results.figures), "paper", "beyond.md")
    assert text.count("1 of 20 networks failed") == 6 and "nan" not in text


def test_there_are_ten_sentences_with_limits_and_what_would_refute_them(results):
    text = finding.page(results, "paper", "../docs/beyond.md")
    numbered = [line for line in text.splitlines() if line[:1].isdigit()]
    assert [line.partition(". ")[0] for line in numbered] == [str(n) for n in range(1, 11)]
    assert "## Limits" in text and "## What would refute it" in text
    assert "(../docs/beyond.md)" in text and finding.SMOKE not in text
    assert finding.SMOKE in finding.page(results, "smoke", "beyond.md")


def test_what_was_not_trained_is_not_said(results):
    energy = results.energy[:0].assign(width=[], accuracy=[], reached=[])
    nothing = Results(results.claims.assign(verdict="not tested"), energy, {})
    for sentence in finding.SENTENCES:
        with pytest.raises(NothingToSay):
            sentence(nothing)
    assert finding.page(nothing, "paper", "beyond.md").count(finding.UNSAID) == 10


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
        {
            "experiment": "toward_cortex",
            "rule": ["backprop", "backprop", "subnet"],
            "width": [10_000, 30_000, 30_000],
            "accuracy": [0.951, 0.938, 0.9],
            "reached": [True, False, False],
            "M0": [1e11, 1.43e12, 9.5e9],
        }
    )
    claims = results.claims.copy()
    claims.loc["power-law", "verdict"] = "not tested"
    said = finding.cortex(Results(claims, wide, results.figures))
    assert "it came to 93.8 % after 1.4 × 10¹² updates with 30,000 units." in said
    assert "remains open" in said and "95.1" not in said
