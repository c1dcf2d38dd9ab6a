"""The parts of the page of results: figures to put into it, networks, and where they come from.

The page shows what is in the folders of builds (figures/, figures/beyond/): plotted numbers,
figures, the table of networks, and all records. Its text is in report/site.html.j2.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from docutils.core import publish_parts

from analysis.seeds import geometric_mean
from analysis.tables import CONDITION, MEASURED
from plasticity.settings import PARAMETERS

Record = Mapping[str, Any]

# Quantities of plotted numbers that are no column: what they are called, and their unit.
DERIVED = {
    **{f"saved_{one}": (f"backprop's {one} over {one}", "") for one in ("M0", "M1")},
    **{f"{one} / {one}_min": (f"{one} over the least possible", "") for one in ("M0", "M1")},
    "energy": ("M1 consolidated + cost × maintenance", "weight"),
    "error": ("test error when stopped", "%"),
    "least_test_error": ("lowest test error", "%"),
    "test_error": ("test error", "%"),
    "train_error": ("training error", "%"),
    "time": ("learning time over backprop's", ""),
    "target": ("test accuracy reached", ""),
    "cost": ("cost of maintenance", "per weight and trial"),
    "share": ("share of synapses or units", ""),
    "lag": ("lag", "trials"),
    "memory": ("memory of the learner", "trials"),
}
AVERAGED = ("M0", "M1", "trials")  # of a condition, as geometric means with 95 % intervals
# What an SVG alone needs; its style, that of all lines, is that of the page.
PROLOGUE = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL
)
REFERENCE = re.compile(r'(?:xlink:href="#|url\(#)([^")]+)')
IDENTIFIER = re.compile(r' id="([^"]*)"')
SIZE = re.compile(r'(<svg[^>]*?) width="[^"]*"')
HEIGHT = re.compile(r'(<svg[^>]*?) height="[^"]*"')
SHAPE = re.compile(r'viewBox="0 0 ([^ "]+) ([^ "]+)"')


def inline(svg: str, name: str) -> str:
    """Return an SVG of Matplotlib as an element of a page that has several of them.

    Its ids get the prefix `name`, those that nothing refers to are left out. The ids of marks
    (`rows-...`, see figures/style.py) become the attribute `data-rows`.
    """
    svg = PROLOGUE.sub("", svg).strip()
    used = set(REFERENCE.findall(svg))

    def renamed(found: re.Match) -> str:
        id = found[1]
        if id.startswith("rows-"):
            return f' data-rows="{" ".join(re.findall(r"[0-9]+", id))}"'
        return f' id="{name}-{id}"' if id in used else ""

    svg = IDENTIFIER.sub(renamed, svg)
    svg = re.sub(r'(xlink:href="#|url\(#)', rf"\1{name}-", svg)
    return HEIGHT.sub(r"\1", SIZE.sub(r'\1 aria-hidden="true"', svg, count=1), count=1)


def shape(svg: str) -> str:
    """Return width over height of an SVG of Matplotlib, such as "540 / 302", for CSS."""
    (size,) = SHAPE.findall(svg)
    return " / ".join(size)


def html(text: str) -> str:
    """Return the body of a text in reStructuredText, such as a caption, as HTML."""
    return publish_parts(text, writer="html5")["body"]


def columns() -> dict[str, dict[str, Any]]:
    """Return unit, meaning and kind of the columns of the table of networks, by name."""
    parameters: dict[str, dict[str, Any]] = {
        name: {
            "unit": one.unit,
            "help": one.help,
            "number": one.kind is not str,
            "parameter": True,
        }
        for name, one in PARAMETERS.items()
    }
    measured = {
        name: {"unit": unit, "help": meaning, "number": True, "parameter": False}
        for name, (unit, meaning) in MEASURED.items()
    }
    return parameters | measured


def axes(table: pd.DataFrame) -> dict[str, dict[str, list[str]]]:
    """Return what is on the axes of a figure, as [label, unit]: `x` by panel, `y` by quantity.

    `table` has the plotted numbers. Rows with several networks compare them: their M0, M1 and
    trials are factors. An x that is neither a column nor in DERIVED has no label.
    """
    found: dict[str, dict[str, list[str]]] = {"x": {}, "y": {}}
    if "panel" not in table:
        return found
    known = {column: [column.replace("_", " "), one["unit"]] for column, one in columns().items()}
    known |= {quantity: [*label] for quantity, label in DERIVED.items()}
    for row in table.dropna(subset=["x", "across"]).drop_duplicates("panel").itertuples():
        if row.across in known:
            found["x"][row.panel] = known[row.across]
    for y, networks in table["networks"].fillna("").groupby(table["quantity"]):
        factor = y in MEASURED and networks.str.contains(" ").any()
        found["y"][y] = (
            [f"{y} of the other network over {y}", ""] if factor else known.get(y, [y, ""])
        )
    return found


def averages(energy: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return for each condition how many networks reached the goal, and the means of AVERAGED.

    A mean is [mean, low, high]; there is none if a network did not reach the goal. A single network
    has no interval: None.
    """
    found: dict[str, dict[str, Any]] = {}
    networks = energy.drop_duplicates(["condition", "seed"])
    for condition, runs in networks.groupby("condition", sort=False):
        found[str(condition)] = {"networks": len(runs), "reached": int(runs["reached"].sum())}
        if runs["reached"].all():
            found[str(condition)] |= {
                quantity: [_digits(value) for value in geometric_mean(runs[quantity])]
                for quantity in AVERAGED
            }
    return found


def _digits(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def by_hand(network: Mapping[str, str]) -> str:
    """Return the command that trains networks by hand, without seeds and output.

    `network` is a row of the table of networks.
    """
    names = sorted((name for name in CONDITION if network[name]), key=lambda name: name != "rule")
    words = [f"--{name.replace('_', '-')} {network[name]}" for name in names]
    return f"python scripts/train.py {' '.join(words)}"


def conditions(
    energy: pd.DataFrame, digits: pd.DataFrame, records: Mapping[str, Record], runs: str
) -> dict[str, dict]:
    """Return what the page says of each condition: its command, its record, its means.

    `digits` is the table `energy` with its values as text, so that commands have all digits,
    `records` has all records by path, `runs` is the folder of the runs.
    """
    means, found = averages(energy), {}
    for condition, networks in digits.groupby("condition", sort=False):
        path = f"{runs}/{condition}.record.json"
        record = records[path]
        found[str(condition)] = {
            "command": by_hand(networks.iloc[0]),
            "file": path,
            "record": record["id"],
            "from": sorted(record["records"]),
            **means[str(condition)],
        }
    return found


def sources(records: Mapping[str, Record], found: Mapping[str, dict]) -> dict[str, dict]:
    """Return the records behind those of conditions, down to the raw images, by path."""
    pending = {path for one in found.values() for path in one["from"]}
    behind: dict[str, dict] = {}
    while pending:
        path = pending.pop()
        record = records[path]
        behind[path] = {"record": record["id"], "from": sorted(record["records"])}
        if record["recipe"]["rule"] == "fetch":
            behind[path]["sha256"] = record["outputs"]
        pending |= set(record["records"]) - behind.keys()
    return behind
