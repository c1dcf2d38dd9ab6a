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


def test_a_figure_without_the_networks_for_it_says_so(tmp_path):
    for name in gallery.SENTENCES:
        empty = table(("M0", "nobody", 1, 1, True)).assign(verdict="reproduced")
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
