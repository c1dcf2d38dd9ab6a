"""The gallery's sentences: their numbers are those of the plotted tables."""

import os
import subprocess
import sys
from pathlib import Path

import jinja2
import pandas as pd
import pytest

import gallery
from analysis import pages
from analysis.figure_facts import FACTS, NothingToSay

ROOT = Path(__file__).resolve().parents[2]


def table(*rows) -> pd.DataFrame:
    """A plotted table; a row is quantity, series, x, y, and whether all reached the goal."""
    columns = ["quantity", "series", "x", "y", "reached"]
    return pd.DataFrame(rows, columns=columns).assign(panel="A", kind="mean")


def said(name, plotted) -> str:
    """What the gallery says of a figure."""
    page = pages.render("gallery.md.j2", links=".", figures=[gallery.shown(name, plotted)])
    return page.splitlines()[-1].split(" | ")[1].removesuffix(f" ([numbers](./{name}.csv)) |")


@pytest.mark.parametrize(
    ("x", "text"), [(1.36e8, "1.4 × 10⁸"), (9.97e9, "1.0 × 10¹⁰"), (3.2e-5, "3.2 × 10⁻⁵")]
)
def test_powers_of_ten(x, text):
    assert pages.power(x) == text


@pytest.mark.parametrize(
    ("x", "text"), [(0.4567, "0.46"), (4.567, "4.6"), (45.67, "46"), (4567, "4,600"), (0, "0")]
)
def test_two_digits(x, text):
    assert pages.number(x) == text


def test_a_sentence_has_the_figures_numbers():
    plotted = table(
        ("M0", "M0 0.01", 50, 4e9, True),
        ("M0", "M0 0.01", 100, 3e9, True),
        ("M0", "M0 0.01", 3000, 3e10, True),
        ("M0", "M0 0.01", 20, 1e9, False),  # the energy of networks that missed the goal
        ("M0", "M0 0.03", 70, 2e9, True),  # of another s.d., which has no wider network
        ("trials", "trials 0.01", 100, 38000, True),
        ("trials", "trials 0.01", 3000, 12000, True),
    )
    text = said("energy_vs_width", plotted)
    for part in ("3.0 × 10⁹, with 100", "s.d. 0.01", "3,000 it makes 10 times"):
        assert part in text
    assert "12,000 instead of 38,000" in text and "power" not in text
    laws = [("M0", 0.5, 0.4, 0.6), ("M1", 0.3, 0.25, 0.35)]
    laws = pd.DataFrame(laws, columns=["quantity", "y", "low", "high"])
    laws = laws.assign(kind="exponent", series=laws["quantity"] + " 0.01", reached=True)
    text = said("energy_vs_width", pd.concat([plotted, laws]))
    assert "power of 0.50 (95 % interval 0.40 to 0.60), M1 to the power of 0.30" in text


def test_the_trade_offs_sentence_has_the_best_of_each_width():
    best = pd.DataFrame(
        [
            ("saved_M0", 100, 50.4),
            ("saved_M0", 1000, 1234),
            ("saved_M1", 100, 1.23),
            ("saved_M1", 1000, 4),
        ],
        columns=["quantity", "width", "y"],
    )
    assert said("trade_off", best.assign(kind="best", longest=1.5)) == (
        "If learning may take at most 1.5 times as long as with backprop, the most sparing rule"
        " makes 50 times fewer updates with 100 hidden units, 1,200 times fewer updates with 1,000"
        " hidden units. It lowers M1 by factors of 1.2, 4.0."
    )


def test_the_strategies_sentence_tells_the_fast_from_the_slow():
    plotted = table(
        ("M0", "backprop", 1000, 1e10, True),
        ("M0", "competitive", 1000, 1e8, True),
        ("M0", "subnet", 1000, 3e9, True),
        ("M0", "backprop", 3000, 1e11, True),
        ("M0", "competitive", 3000, 1e8, True),
    )
    within = [True, True, False, True, False]
    plotted = plotted.assign(within=within, budget=2, initial_sd=0.01)
    assert said("strategies_vs_width", plotted) == (
        "With 1,000 hidden units (initial weights of s.d. 0.01), backprop makes 1.0 × 10¹⁰ updates."
        " In at most 2 times its learning time, others learn with fewer: competitive with"
        " 1.0 × 10⁸. These take longer: subnet."
    )


def test_the_sentence_on_initial_weights_compares_the_widest_networks_with_both():
    plotted = table(
        *((q, "subnet", width, y, True) for q in ("M0", "M1") for width, y in [(300, 1), (900, 5)]),
        *((q, "subnet", 300, 3, True) for q in ("M0", "M1")),
    )
    plotted = plotted.assign(rule="subnet", initial_sd=[0.01] * 4 + [0.03] * 2)
    text = said("initial_weights", plotted)
    assert text.endswith("with both: subnet (width 300) 3.0 in M0 and 3.0 in M1.")


def test_the_lowest_errors_are_said_by_width():
    plotted = table(
        ("least_test_error", "backprop", None, 2.3, True),
        ("least_test_error", "competitive", 0.1, 2.4, True),
        ("least_test_error", "competitive", 0.001, 4.5, True),
        ("least_test_error", "random_synapses", 0.01, 9.5, True),
        ("test_error", "competitive", 5.0, 50.0, True),  # at a fixed training error
    ).assign(width=200, max_epochs=6)
    text = said("accuracy", plotted)
    assert text == (
        "Within 6 epochs, the lowest test error with 200 hidden units is 2.3 % for backprop,"
        " 2.4 % (fraction 0.1), 4.5 % (0.001) for competition, and 9.5 % (fraction 0.01) for a"
        " fixed random mask."
    )
    wide = plotted[~plotted["series"].isin(["random_synapses"])].assign(width=1000)
    text = said("accuracy", pd.concat([plotted, wide]))
    assert text.endswith(
        "with 1,000 hidden units is 2.3 % for backprop,"
        " 2.4 % (fraction 0.1), 4.5 % (0.001) for competition."
    )


def test_the_criteria_that_fail_are_named_with_their_errors():
    plotted = table(
        ("M0", "backprop", None, 3e9, True),
        ("M0", "largest_update", 0.1, 1e8, True),
        ("M0", "largest_update", 0.5, 2e8, True),
        ("M0", "largest_error", 0.1, 4e8, True),
        ("M0", "largest_activity", 0.1, 5e8, True),
        ("error", "largest_error", "largest error, 0.02", 90.0, True),
        ("error", "smallest_update", "smallest update, 0.1", 25.0, True),
        ("error", "largest_weight", "largest weight, 0.1", 7.0, True),
    ).assign(max_epochs=[10, 10, 10, 3, 3, 3, 1, 1])
    text = said("selection_criteria", plotted)
    for part in (
        "1.0 × 10⁸ updates, 30 times fewer",
        "4.0 times as many with largest error, 5.0 times as many with largest activity.",
        "within 1 epoch: smallest update, largest weight.",
    ):
        assert part in text
    assert text.endswith("Their mean test errors are 7.0 to 25 %.")
    run = plotted.iloc[[-1]].assign(kind="run", reached=False)
    assert said("selection_criteria", pd.concat([plotted, run])).endswith("1 network(s) diverged.")


def test_only_what_both_rules_reach_is_compared():
    plotted = table(
        ("M0", "backprop", 0.92, 1e8, True),
        ("M0", "backprop", 0.95, 3e9, True),
        ("M0", "backprop", 0.98, 3e10, True),
        ("M0", "competitive", 0.92, 5e6, True),
        ("M0", "competitive", 0.95, 1e8, True),
        ("M0", "competitive", 0.98, 1e8, False),
    ).assign(max_epochs=4)
    text = said("energy_vs_accuracy", plotted)
    assert "From 92 to 98 % accuracy, backprop's M0 grows by a factor of 300." in text
    assert "Competition lowers M0 by a factor of 20 at 92 %, and of 30 at 95 %." in text
    assert text.endswith("4 epochs, all networks reach 98 % with backprop, 95 % with competitive.")
    with pytest.raises(NothingToSay):
        FACTS["energy_vs_accuracy"](plotted[plotted["series"] == "backprop"])


def test_turnover_is_that_of_the_narrow_networks():
    plotted = table(
        ("participation", "competitive 100", 0.01, 0.2, True),
        ("participation", "competitive 100", 0.1, 0.7, True),
        ("participation", "competitive 1000", 0.01, 0.9, True),
        ("participation", "random_synapses 100", 0.01, 0.01, True),
        ("participation", "competitive 100", 0.01, 0.61, True),
        ("overlap", "competitive 0.01 same digit", 1000, 0.4, True),
        ("overlap", "competitive 0.01 same digit", 1, 0.6, True),
        ("overlap", "competitive 0.01 different digits", 1000, 0.3, True),
        ("overlap", "competitive 0.01 chance", None, 0.01, True),
        ("overlap", "competitive 0.1 chance", None, 0.1, True),
        ("overlap", "competitive 0.01 same digit", 1000, 0.8, True),
        ("overlap", "competitive 0.01 different digits", 1000, 0.7, True),
        ("overlap", "competitive 0.01 chance", None, 0.2, True),
    ).assign(panel=[*"CCCCFAAAAADDD"])
    text = said("turnover", plotted)
    assert "40 % of the winning first-layer synapses win again 1,000 trials later" in text
    assert "same, 30 % if it is another (1.0 % by chance)" in text
    assert "overlap by 80 % and 70 % (20 % by chance)" in text
    assert "61 % of the hidden units and 20 % of the first-layer synapses" in text
    assert text.endswith("but 1.0 % of these synapses for a fixed random mask.")
    with pytest.raises(NothingToSay):
        FACTS["turnover"](plotted[plotted["x"] != 1000])


def test_caching_compares_the_rules_at_each_cost():
    plotted = table(
        ("energy", "backprop with caching", 1e-4, 20.0, True),
        ("energy", "backprop with caching", 1e-2, 40.0, True),
        ("energy", "competitive with caching", 1e-4, 30.0, True),
        ("energy", "competitive with caching", 1e-2, 44.0, True),
        ("energy", "0", 0.1, 10.0, True),
        ("energy", "without", None, 60.0, True),
        ("energy", "0", 0.1, 20.0, True),
        ("energy", "without", None, 30.0, True),
    ).assign(
        panel=[*"AAAABBCC"],
        rule=["backprop"] * 2 + ["competitive"] * 2 + ["backprop"] * 2 + ["competitive"] * 2,
    )
    text = said("caching", plotted)
    for part in ("6.0 for backprop and of 1.5 for competition", "costs 1.1 to 1.5 times as much"):
        assert part in text
    assert text.endswith("Without caching, it costs 0.50 times as much.")


def test_robustness_counts_the_variations_that_save():
    plotted = table(
        *(("M0", "competitive", x, y, True) for x, y in {"a": 9, "b": 20}.items()),
        *(("M1", "competitive", x, y, True) for x, y in {"a": 0.9, "b": 2}.items()),
        *(("M0", "subnet", x, y, True) for x, y in {"a": 0.3, "b": 2}.items()),
        *(("M1", "subnet", x, y, True) for x, y in {"a": 0.1, "b": 2}.items()),
    )
    text = said("robustness", plotted)
    for part in ("in 2 of 2 variations (9.0 to 20 times fewer), and has a lower M1 in 1.",):
        assert part in text
    assert text.endswith("fewer updates in 1 of 2, by a factor of 0.30 (a) to 2.0.")


def frontier(*rows) -> pd.DataFrame:
    """The table of frugal_frontier; a row is panel, series, y, and whether all reached the goal."""
    columns = ["panel", "series", "y", "reached"]
    plotted = pd.DataFrame(rows, columns=columns).assign(kind="mean")
    return plotted.assign(found=plotted["series"].str.startswith("frugal"))


def test_the_frontiers_sentence_says_what_tuning_and_the_gate_save():
    plotted = frontier(
        ("B", "competitive", 6e7, True),
        ("B", "subnet", 1e6, False),  # not all networks reached the goal
        ("B", "backprop", 3e9, True),
        ("B", "backprop cached", 1e6, True),  # only what is consolidated
        ("B", "frugal_updates", 8e6, True),
        ("C", "backprop", 1e5, True),
        ("C", "frugal_updates", 2e5, True),
        ("C", "frugal_updates_scaled", 8e3, True),
        ("C", "frugal_change", 1.7e4, True),
    )
    saved = frontier(("A", "tuning", 4.4, True), ("A", "gate", 3.3, True)).assign(kind="factor")
    text = said("frugal_frontier", pd.concat([plotted, saved]))
    assert "8.0 × 10⁶ updates, 7.5 times fewer than the best of the paper's rules, compet" in text
    assert "gate always open, lowers M0 by a factor of 4.4, and the gate by a factor of 3.3" in text
    assert "2.0 times backprop's M1 (summed change), and 0.080 times if it is scaled" in text
    assert text.endswith("The rule found for least M1 has an M1 of 1.7 × 10⁴.")
    alone = said("frugal_frontier", plotted[~plotted["series"].str.contains("scaled|change")])
    assert "Tuning" not in alone and alone.endswith("2.0 times backprop's M1 (summed change).")


def test_the_ablations_sentence_names_what_costs_most():
    plotted = table(
        ("M0", "on top of the others", "gate", 6.0, True),
        ("M0", "on top of the others", "initial_weights", 18.0, True),
        ("M0", "on top of the others", "width", 99.0, False),
        ("M0", "alone", "initial_weights", 25.0, True),
        ("M0", "all", "all", 440.0, True),
    )
    text = said("ablation", plotted)
    assert "by a factor of 440" in text
    assert "saves most: initial weights, by a factor of 18 (alone: 25)." in text
    assert text.endswith("If one of these is left out, not all networks reach the goal: width.")
    assert "left out, not" not in said("ablation", plotted[plotted["reached"]])


def test_elsewhere_a_rule_that_misses_the_goal_has_saved_nothing():
    elsewhere = table(
        ("M0", "competitive", "goal 90 %", 2.0, True),
        ("M0", "frugal_updates", "goal 90 %", 20.0, True),
        ("M0", "competitive", "goal 95 % (usual)", 10.0, True),
        ("M0", "frugal_updates", "goal 95 % (usual)", 2.0, True),
        ("M0", "competitive", "goal 97 %", 2.0, True),
        ("M0", "frugal_updates", "goal 97 %", None, False),
        ("M0", "competitive", "width 300", 2.0, True),  # where the found rule was not tried
        ("M0", "competitive", "cross entropy loss", None, False),
        ("M0", "frugal_updates", "cross entropy loss", 20.0, True),
    )
    text = said("generality", elsewhere)
    assert "in 1 of the 2 variations" in text and "10 to 10 times fewer" in text
    assert "Of the 3 variations in which backprop reaches the goal, it misses the goal in 1" in text


def test_on_harder_tasks_the_found_rule_is_compared_with_all_others():
    harder = table(
        ("M0", "competitive", "goal 92 % (usual)", 99.0, True),
        ("M0", "frugal_updates", "goal 92 % (usual)", 1.0, True),
        ("M0", "competitive", "rotated", 20.0, True),
        ("M0", "frugal_updates", "rotated", 500.0, True),
        ("M0", "competitive", "permuted", 20.0, True),
        ("M0", "frugal_updates", "permuted", 10.0, True),
        ("M0", "competitive", "few", 20.0, True),
        ("M0", "frugal_updates", "few", None, False),
    )
    text = said("harder_tasks", harder)
    assert text.startswith(
        "Of 3 harder tasks that backprop learns, the rule found for least M0 learns 2,"
    )
    assert "with 10 to 500 times fewer updates. On 1 of them, it makes the" in text


def test_on_unseen_tasks_what_is_learned_and_saved_is_counted():
    unseen = table(
        *(
            ("M0", "frugal_general", task, saved, True)
            for task, saved in zip("abc", (9.0, 20.0, 4.0), strict=True)
        ),
        ("M0", "frugal_general", "d", None, False),
        *(("M0", "frugal_updates", task, None, False) for task in "abc"),
        ("M0", "frugal_updates", "d", 3.0, True),
        *(("M0", "competitive", task, 0.5, True) for task in "abcd"),
    )
    text = said("unseen_tasks", unseen)
    assert "learns 3 of 4 other tasks, with 4.0 to 20 times fewer updates" in text
    assert "more than 5 times fewer in 2 of them" in text and "misses the goal in 3 with" in text
    assert "that of the paper, it makes more than 5 times fewer in 3." in text


def test_the_sentence_on_wide_networks_compares_the_rules_at_the_largest_width():
    wide = table(
        ("M0", "backprop", 10_000, 1e10, True),
        ("M0", "backprop", 30_000, 3e10, True),
        ("M0", "subnet", 30_000, 3e9, True),
        ("M0", "competitive", 30_000, 2e8, True),
        ("M0", "frugal_updates", 1000, 5e6, True),
        ("M0", "frugal_updates", 100, 1e6, False),
    )
    law = table(("M0", "backprop", 30_000, 1.3, True)).assign(kind="missed")
    text = said("toward_cortex", pd.concat([wide, law]))
    assert "With 30,000 hidden units, backprop makes 3.0 × 10¹⁰ updates, 1.3 times" in text
    assert "a subnet makes 3.0 × 10⁹" in text and "competition makes 2.0 × 10⁸." in text
    assert text.endswith("makes 5.0 × 10⁶ updates with 1,000 hidden units.")
    assert "prediction" not in said("toward_cortex", wide[wide["reached"]])


def test_the_sentence_on_the_floor_says_what_rewriting_costs():
    memory = table(*(("M0", "backprop", at, 3e9 / at, True) for at in (1, 100, 1000)))
    steps = {"on-line": 4e6, "written once": 1e5, "largest changes": 9e4, "pruning": 1e4}
    rows = [("M0", step, "frugal_updates", M0, True) for step, M0 in steps.items()]
    text = said("floor", pd.concat([memory, table(*rows).assign(panel="B")]))
    assert "makes 4.0 × 10⁶ updates, but only 1.0 × 10⁵ synapses change" in text
    assert "a factor of 40. With pruning and training again, 1.0 × 10⁴ changes" in text
    assert "another factor of 10." in text and "for 1,000 trials" in text
    text = said("floor", pd.concat([memory[:2], table(*rows).assign(panel="B")]))
    assert text.endswith("another factor of 10.")
    with pytest.raises(NothingToSay):
        FACTS["floor"](table(*rows[:1]).assign(panel="B"))


def test_the_claims_of_the_paper_and_ours_are_counted_apart():
    verdicts = [
        ("a", "A", "reproduced"),
        ("a", "A", "reproduced"),  # another reading
        ("a", "ours", "partly"),  # a question that the source does not ask
        ("b", "S", "partly"),
        ("b", "S", "reproduced"),
        ("c", "S", "not reproduced"),
        ("c", "S", "not tested"),
        ("d", "ours", "partly"),
        ("e", "ours", "partly"),
    ]
    rows = pd.DataFrame(verdicts, columns=["id", "source", "verdict"])
    paper = (
        "The paper's 3 claims, read as nearest to their words: 1 reproduced, 1 partly, 1 not"
        " reproduced. Of all 5 readings that could be tested, 3 hold: all of a; none of c. The"
        " readings were chosen after data had been seen."
    )
    own = "Verdicts on this project's own 2 claims: 2 partly."
    assert said("claims", rows) == f"{paper} {own}"
    assert said("claims", rows[:7]) == paper and said("claims", rows[7:]) == own


def test_a_figure_without_the_networks_for_it_says_so(tmp_path):
    for name in FACTS:
        empty = table(("M0", "nobody", 1, 1, True))
        empty = empty.assign(verdict="reproduced", source="A", found=False)
        empty = empty.assign(id="a", rule="nobody", initial_sd=0.03, within=True)
        empty.to_csv(tmp_path / f"{name}.csv", index=False)
    text = gallery.gallery(tmp_path, "figures", FACTS)
    assert text.count("Too few networks") == len(FACTS) - 1
    assert "The paper's 1 claims, read as nearest to their words: 1 reproduced." in text
    assert "](figures/energy_vs_width.csv)" in text


def test_every_figure_with_facts_has_a_sentence():
    sentences = (pages.ROOT / "report" / "sentences.md.j2").read_text()
    assert all(f"{{% macro {name}(facts) %}}" in sentences for name in FACTS)


def test_a_fact_that_is_missing_is_an_error_and_no_gap():
    with pytest.raises((jinja2.UndefinedError, TypeError), match="Undefined"):
        figure = {"name": "energy_vs_width", "facts": {"best": 100}}
        pages.render("gallery.md.j2", links=".", figures=[figure])


def test_a_figure_of_ones_own_is_shown_without_a_sentence(tmp_path):
    for name in ("mine", "energy_vs_width"):
        table(("M0", "M0", 1, 1, True)).to_csv(tmp_path / f"{name}.csv", index=False)
    text = gallery.gallery(tmp_path, ".", ["mine"])
    assert "| [![Mine](./mine.png)](./mine.svg) |  ([numbers](./mine.csv)) |" in text
    assert "energy_vs_width" not in text


def test_the_gallery_replaces_what_stands_between_its_marks():
    first, last = gallery.MARKS
    readme = f"before\n{first}\nold\n{last}\nafter\n"
    new = gallery.spliced(readme, "| new |\n")
    assert new == f"before\n{first}\n\n| new |\n\n{last}\nafter\n"
    assert gallery.spliced(new, "| new |\n") == new
    with pytest.raises(ValueError, match="not marked"):
        gallery.spliced("no marks", "")


def test_files_are_utf_8_in_any_locale(tmp_path):
    (tmp_path / "savings.csv").write_bytes((ROOT / "figures" / "savings.csv").read_bytes())
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, ROOT / "scripts" / "gallery.py", "--figures", tmp_path]
    command += ["--output", tmp_path / "gallery.md"]
    subprocess.run(command, env=os.environ | ascii_only, check=True)
    assert (tmp_path / "gallery.md").read_text(encoding="utf-8").startswith("| figure")
