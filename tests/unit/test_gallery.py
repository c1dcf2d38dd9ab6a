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
        ("M0", "M0", 50, 4e9, True),
        ("M0", "M0", 100, 3e9, True),
        ("M0", "M0", 3000, 3e10, True),
        ("M0", "M0", 20, 1e9, False),  # the energy of networks that missed the goal
        ("trials", "trials", 100, 38000, True),
        ("trials", "trials", 3000, 12000, True),
    )
    text = said("energy_vs_width", plotted)
    for part in ("3.0 × 10⁹, with 100", "3,000 it makes 10 times", "12,000 instead of 38,000"):
        assert part in text


def test_the_best_errors_are_those_of_long_training():
    plotted = table(
        ("test_error", "backprop", None, 2.3, True),
        ("test_error", "competitive", 0.1, 2.4, True),
        ("test_error", "competitive", 0.001, 4.5, True),
        ("test_error", "competitive", 1.0, 9.9, True),
        ("test_error", "random_synapses", 0.001, 39.5, True),
    )
    matched = plotted.assign(panel="B", y=50.0)  # at a fixed training error
    text = said("accuracy", pd.concat([plotted, matched]))
    assert text == (
        "The lowest test error of backprop is 2.3 %. Over all plastic fractions below 1, that of"
        " competition is at most 4.5 %, and that of a fixed random mask at most 39.5 %."
    )


def test_the_worst_criterion_is_named_with_its_error():
    text = said(
        "selection_criteria",
        table(
            ("M0", "largest_update", 0.1, 1e8, True),
            ("M0", "largest_error", 0.1, 4e8, True),
            ("M0", "largest_activity", 0.1, 5e8, True),
            ("error", "smallest_update", 0.1, 25.0, True),
            ("error", "largest_weight", 0.1, 7.0, True),
            ("error", "backprop", None, 90.0, True),
        ),
    )
    assert "error makes 4.0 times" in text and "activity 5.0 times" in text
    assert text.endswith("the smallest updates, the test error is still 25 % when training stops.")


def test_only_what_both_rules_reach_is_compared():
    plotted = table(
        ("M0", "backprop", 0.8, 1e8, True),
        ("M0", "backprop", 0.95, 3e9, True),
        ("M0", "backprop", 0.98, 3e10, True),
        ("M0", "competitive", 0.8, 5e6, True),
        ("M0", "competitive", 0.95, 1e8, True),
        ("M0", "competitive", 0.98, 1e8, False),
    )
    text = said("energy_vs_accuracy", plotted)
    assert "From 80 to 98 % accuracy, backprop's M0 grows by a factor of 300." in text
    assert text.endswith("Competition lowers M0 by a factor of 20 at 80 %, and of 30 at 95 %.")
    with pytest.raises(NothingToSay):
        FACTS["energy_vs_accuracy"](plotted[plotted["series"] == "backprop"])


def test_the_frontiers_sentence_compares_with_the_papers_most_sparing_rule():
    plotted = pd.concat(
        [
            table(
                ("M0", "competitive", 5e4, 6e7, True),
                ("M0", "subnet", 5e4, 1e6, False),  # not all networks reached the goal
                ("M0", "backprop", 4e4, 3e9, True),
                ("M0", "frugal_updates", 1e5, 8e6, True),
                ("M1", "frugal_change", 1e5, 1.7e4, True),
            ).assign(stop_on="validation"),
            table(("M0", "frugal_updates", 9e4, 6e6, True)).assign(stop_on="test"),
        ]
    )
    plotted["found"] = plotted["series"].isin(["frugal_updates", "frugal_change"])
    text = said("frugal_frontier", plotted)
    for part in ("8.0 × 10⁶ updates, 7.5 times", "competitive. It makes 6.0 × 10⁶ updates if"):
        assert part in text
    assert text.endswith("The rule found for least M1 has an M1 (summed change) of 1.7 × 10⁴.")
    alone = plotted[(plotted["stop_on"] == "validation") & (plotted["quantity"] == "M0")]
    assert said("frugal_frontier", alone).endswith("the best of the paper's rules, competitive.")


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
        ("M0", "backprop", "0.9", 200.0, True),
        ("M0", "competitive", "0.9", 100.0, True),
        ("M0", "frugal_updates", "0.9", 10.0, True),
        ("M0", "competitive", "MNIST", 1.0, True),  # as usual
        ("M0", "frugal_updates", "MNIST", 10.0, True),
        ("M0", "backprop", "0.97", 200.0, True),
        ("M0", "competitive", "0.97", 100.0, True),
        ("M0", "frugal_updates", "0.97", 10.0, False),
        ("M0", "competitive", "300", 100.0, True),  # where the found rule was not tried
        ("M0", "competitive", "cross- entropy", 100.0, False),
        ("M0", "frugal_updates", "cross- entropy", 10.0, True),
    )
    text = said("generality", elsewhere.assign(varied=elsewhere["x"] != "MNIST"))
    assert "in 1 of the 2 variations" in text and "10 to 10 times fewer" in text
    assert text.endswith(
        "variations in which backprop reaches the goal, it fails in 1 with at least one seed."
    )


def test_the_claims_of_the_paper_and_ours_are_counted_apart():
    verdicts = [
        ("a", "A", "reproduced"),
        ("b", "S", "partly"),
        ("b", "S", "partly"),  # another reading
        ("c", "ours", "partly"),
        ("d", "ours", "partly"),
    ]
    text = said("claims", pd.DataFrame(verdicts, columns=["id", "source", "verdict"]))
    assert text == (
        "Verdicts on the paper's 2 claims: 1 reproduced, 1 partly."
        " Verdicts on this project's own 2 claims: 2 partly."
    )


def test_a_figure_without_the_networks_for_it_says_so(tmp_path):
    for name in FACTS:
        empty = table(("M0", "nobody", 1, 1, True))
        empty = empty.assign(verdict="reproduced", source="A", varied=True, found=False)
        empty = empty.assign(stop_on="validation", id="a")
        empty.to_csv(tmp_path / f"{name}.csv", index=False)
    text = gallery.gallery(tmp_path, "figures", FACTS)
    assert text.count("Too few networks") == len(FACTS) - 1
    assert "Verdicts on the paper's 1 claims: 1 reproduced." in text
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
