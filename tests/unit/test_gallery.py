"""The gallery's sentences: their numbers are those of the plotted tables."""

import pandas as pd
import pytest

import gallery


def table(*rows) -> pd.DataFrame:
    """A plotted table; a row is quantity, series, x, y and whether all networks got there."""
    columns = ["quantity", "series", "x", "y", "reached"]
    return pd.DataFrame(rows, columns=columns).assign(panel="A", kind="mean")


@pytest.mark.parametrize(
    ("x", "text"), [(1.36e8, "1.4 × 10⁸"), (9.97e9, "1.0 × 10¹⁰"), (3.2e-5, "3.2 × 10⁻⁵")]
)
def test_powers_of_ten(x, text):
    assert gallery.power(x) == text


@pytest.mark.parametrize(
    ("x", "text"), [(0.4567, "0.46"), (4.567, "4.6"), (45.67, "46"), (4567, "4,600"), (0, "0")]
)
def test_two_digits(x, text):
    assert gallery.number(x) == text


def test_a_sentence_has_the_figures_numbers():
    plotted = table(
        ("M0", "M0", 50, 4e9, True),
        ("M0", "M0", 100, 3e9, True),
        ("M0", "M0", 3000, 3e10, True),
        ("M0", "M0", 20, 1e9, False),  # the energy of networks that never got there
        ("trials", "trials", 100, 38000, True),
        ("trials", "trials", 3000, 12000, True),
    )
    said = gallery.energy_vs_width(plotted)
    for part in ("3.0 × 10⁹, with 100", "3,000 it makes 10 times", "12,000 instead of 38,000"):
        assert part in said


def test_the_frontiers_sentence_compares_with_the_papers_most_sparing_rule():
    plotted = pd.concat(
        [
            table(
                ("M0", "competitive", 5e4, 6e7, True),
                ("M0", "subnet", 5e4, 1e6, False),  # not all networks got there
                ("M0", "backprop", 4e4, 3e9, True),
                ("M0", "frugal_updates", 1e5, 8e6, True),
                ("M1", "frugal_change", 1e5, 1.7e4, True),
            ).assign(stop_on="validation"),
            table(("M0", "frugal_updates", 9e4, 6e6, True)).assign(stop_on="test"),
        ]
    )
    plotted["found"] = plotted["series"].isin(["frugal_updates", "frugal_change"])
    said = gallery.frugal_frontier(plotted)
    for part in ("8.0 × 10⁶ updates, 7.5 times", "rule, competitive", "6.0 × 10⁶ if the test"):
        assert part in said
    assert said.endswith("that found for least M1 changes 1.7 × 10⁴.")


def test_the_ablations_sentence_names_what_costs_most():
    said = gallery.ablation(
        table(
            ("M0", "on top of the others", "gate", 6.0, True),
            ("M0", "on top of the others", "initial_weights", 18.0, True),
            ("M0", "on top of the others", "width", 99.0, False),
            ("M0", "alone", "initial_weights", 25.0, True),
            ("M0", "all", "all", 440.0, True),
        )
    )
    assert "save 440 times" in said and "the initial weights costs most, 18 times" in said
    assert "and saves 25 times alone" in said and said.endswith(
        "; without width not all networks learn."
    )


def test_elsewhere_a_rule_that_never_gets_there_has_saved_nothing():
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
    said = gallery.generality(elsewhere.assign(varied=elsewhere["x"] != "MNIST"))
    assert "in 1 of the 2 variations" in said and "10 to 10 times fewer" in said
    assert said.endswith("of 2 that backprop learns it does not always learn 1.")


def test_the_claims_of_the_paper_and_ours_are_counted_apart():
    verdicts = [("A", "reproduced"), ("S", "partly"), ("ours", "partly"), ("ours", "partly")]
    said = gallery.claims(pd.DataFrame(verdicts, columns=["source", "verdict"]))
    assert said == (
        "Of the paper's 2 claims: 1 reproduced, 1 partly. Of this project's own 2 claims: 2 partly."
    )


def test_a_figure_without_the_networks_for_it_says_so(tmp_path):
    for name in gallery.SENTENCES:
        empty = table(("M0", "nobody", 1, 1, True))
        empty = empty.assign(verdict="reproduced", source="A", varied=True, found=False)
        empty.to_csv(tmp_path / f"{name}.csv", index=False)
    text = gallery.gallery(tmp_path, "figures", gallery.SENTENCES)
    assert text.count("Too few networks") == len(gallery.SENTENCES) - 1
    assert "Of the paper's 1 claims: 1 reproduced." in text
    assert "](figures/energy_vs_width.csv)" in text


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
