"""The parts of the page of results, and the marks in figures that it relies on."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import site
from analysis.conditions import note, noting, per_seed
from analysis.pages import measured, script_safe, typeset
from analysis.tables import together, with_networks
from figures.style import marks
from workflow import asked

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"
# The figures that are published with the networks behind their marks. Claims are in blocks, each
# with an axis of its own.
FIGURES = [
    path
    for folder in ("figures", "figures/beyond")
    for path in sorted((ROOT / folder).glob("*.svg"))
    if path.stem != "claims"
]


def places(svg):
    """Return the place (x, y) of each row that has a single mark with a place, by row."""
    found = {}
    for group in ET.fromstring(svg.read_text()).iter(f"{SVG}g"):
        if not re.fullmatch("rows(-[0-9]+)+", group.get("id", "")):
            continue
        rows = [int(row) for row in group.get("id").split("-")[1:]]
        uses = [
            (float(use.get("x")), float(use.get("y")))
            for use in group.iter(f"{SVG}use")
            if use.get("y") is not None  # not a letter
        ]
        if len(rows) > 1 or len(uses) == 1:
            assert len(uses) == len(rows), group.get("id")
            found |= dict(zip(rows, uses, strict=True))
    return found


def on_a_line(values, places):
    """Return whether places (pixels) are a linear function of values or of their logarithms."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scales = [np.asarray(values, dtype=float), np.log(np.asarray(values, dtype=float))]
    for scale in scales:
        if np.isfinite(scale).all() and np.ptp(scale) > 0:
            line = np.polyfit(scale, places, 1)
            if np.abs(np.polyval(line, scale) - places).max() < 0.05:
                return True
    return np.ptp(np.asarray(values, dtype=float)) == 0


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_a_mark_is_where_its_row_says(path):
    table, found = pd.read_csv(path.with_suffix(".csv")), places(path)
    drawn = table.loc[sorted(found)].assign(place=[found[row] for row in sorted(found)])
    drawn = drawn[drawn["kind"].isin(["mean", "run"]) & drawn["reached"].astype(bool)]
    assert len(drawn)
    for _, panel in drawn.groupby("panel"):
        x, y = zip(*panel["place"], strict=True)
        assert on_a_line(panel["y"], y) or on_a_line(panel["y"], x)


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_a_row_names_the_networks_that_it_averages(path):
    table = pd.read_csv(path.with_suffix(".csv"))
    energy = pd.read_csv(path.with_name("energy.csv"), dtype={"seed": str})
    known = set(energy["condition"] + ":" + energy["seed"])
    runs = table[table["kind"] == "run"]
    for row in runs.itertuples():
        names = row.networks.split()
        assert names[0].endswith(f":{row.seed:g}") and known.issuperset(names)
    key = ["panel", "quantity", "series", *(["trials"] if "trials" in table else []), "x"]
    key = key[:-1] if path.stem in ("trade_off", "accuracy", "frugal_frontier") else key
    for _, rows in table[table["kind"].isin(["run", "mean"])].groupby(key, dropna=False):
        ours = rows[rows["kind"] == "run"]
        for mean in rows[rows["kind"] == "mean"].itertuples():
            first = mean.networks.split()[0].split(":")[0] + ":"
            behind = ours[ours["networks"].str.startswith(first)]
            if len(behind):
                assert mean.networks == together(behind["networks"])
                if mean.reached:
                    assert mean.y == pytest.approx(np.exp(np.log(behind["y"]).mean()), rel=1e-6)


def test_networks_are_joined_by_condition():
    assert together(["a:0 b:0", "a:1 b:1", "a:1"]) == "a:0,1 b:0,1"
    assert together([]) == ""
    assert list(with_networks(pd.DataFrame({"condition": ["a"], "seed": [3]}))["networks"]) == [
        "a:3"
    ]


def test_the_networks_whose_values_are_read_are_noted():
    rows = pd.DataFrame({"seed": [0, 1], "M0": [1, 2], "networks": ["a:0", "a:1"]})
    with noting() as outer:
        per_seed(rows, "M0")
    note(rows.assign(networks="b:0"))
    assert together(outer) == "a:0,1"


def test_marks_name_the_rows_that_are_drawn():
    rows = pd.DataFrame({"x": [1, 2, 3], "y": [1, np.nan, 3]}, index=[7, 8, 9])
    assert marks(rows) == {"gid": "rows-7-9"}
    assert marks(rows, []) == {"gid": "rows-7-8-9"}
    assert marks(rows, "y", end="-slow") == {"gid": "rows-7-9-slow"}
    assert marks(rows[:0]) == {}


def test_axes_are_named_by_what_is_plotted():
    x = {"panel": ["A", "A", "B", "C"], "x": [np.nan, 100, 0.1, "one"], "series": "a"}
    table = pd.DataFrame(x | {"across": ["level", "width", "time", "row"]})
    table = table.assign(
        quantity=["M0", "M0", "saved_M1", "trials"], networks=["a:0"] * 3 + ["a:0 b:0"]
    )
    assert site.axes(table) == {
        "x": {"A": ["width", "units"], "B": ["learning time over backprop's", ""]},
        "y": {
            "M0": ["M0", "updates"],
            "saved_M1": ["backprop's M1 over M1", ""],
            "trials": ["trials of the other network over trials", ""],
        },
    }


def test_an_svg_in_the_page_keeps_what_is_referred_to():
    svg = (
        '<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg width="9pt" height="8pt" viewBox="0 0 9 8">'
        '<metadata>x</metadata><defs><style type="text/css">*{}</style></defs><g id="figure_1">'
        '<defs><path id="m1"/><clipPath id="p1"/></defs><g id="rows-3-5-slow" clip-path="url(#p1)">'
        '<use xlink:href="#m1"/></g></g></svg>'
    )
    assert site.inline(svg, "a") == (
        '<svg aria-hidden="true" viewBox="0 0 9 8"><defs></defs><g>'
        '<defs><path id="a-m1"/><clipPath id="a-p1"/></defs><g data-rows="3 5"'
        ' clip-path="url(#a-p1)"><use xlink:href="#a-m1"/></g></g></svg>'
    )


def test_a_figure_takes_its_place_before_it_is_drawn():
    assert site.shape('<svg aria-hidden="true" viewBox="0 0 9.5 8">') == "9.5 / 8"


def test_a_command_has_every_digit_of_the_table():
    network = dict.fromkeys(site.CONDITION, "") | {
        "width": "100",
        "rule": "competitive",
        "fraction": "0.15680000000000002",
    }
    assert site.by_hand(network) == (
        "python scripts/train.py --rule competitive --fraction 0.15680000000000002 --width 100"
    )


def test_means_are_those_of_conditions_that_reached_the_goal():
    rows = {"condition": ["a", "a", "b"], "seed": [0, 1, 0], "reached": [True, True, False]}
    energy = pd.DataFrame(rows | dict.fromkeys(site.AVERAGED, [2.0, 8.0, 1.0]))
    found = site.averages(pd.concat([energy, energy]))  # in two experiments
    assert found["a"]["networks"] == 2 and found["a"]["M0"][0] == 4
    assert found["b"] == {"networks": 1, "reached": 0}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "0.5"), (-0.25, "−0.25"), (68339, "68,300"), (6.41e7, "6.4 × 10⁷")],
)
def test_values_are_short(value, text):
    assert measured(value) == text


def test_texts_cannot_end_the_element_that_they_are_in():
    assert "</script" not in script_safe("a</script>b")
    assert typeset("<b> 10^8") == "&lt;b&gt; 10<sup>8</sup>"


def test_the_page_of_the_paper_shows_the_overlays_that_are_published(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("config.yaml", "beyond.yaml", "other.yaml"):
        Path(name).touch()
    Path("figures/beyond").mkdir(parents=True)
    Path("figures/beyond/records.json.gz").touch()
    assert asked.shown("", "paper") == {"figures": "config.yaml", "figures/beyond": "beyond.yaml"}
    assert asked.shown("", "smoke") == {"figures/smoke": "config.yaml"}
    assert asked.shown("other", "paper") == {"figures/other": "other.yaml"}
