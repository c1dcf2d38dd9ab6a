"""Write the page of results: claims, figures whose marks answer, and an explorer of all networks.

The page is one HTML file that opens without a network. It shows the builds in --figures, the
paper's first. Vega-Lite, which draws the explorer, is copied into it from the package vl-convert.
The name of this script is not site.py, since that would hide a module that Python itself imports.
"""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert
import yaml

from analysis import site
from analysis.pages import ROOT, render
from analysis.tables import TableError, read
from figures.style import LOOKS
from gallery import shown
from provenance.files import replacing
from provenance.history import BUNDLE, unpack
from provenance.record import RecordError
from provenance.record import read as record
from workflow.command_line import Parser, finish

PARTS = ROOT / "report" / "site"


def build(folder: Path, config: Path) -> dict[str, Any]:
    """Return what the page shows of the build in a folder; `config` describes its figures."""
    records = unpack(folder / BUNDLE)
    energy = folder / "energy.csv"
    (table,) = record(f"{folder}/energy.record.json")["inputs"]
    runs = f"{os.path.dirname(table)}/runs"
    digits = pd.read_csv(energy, dtype=str, keep_default_na=False)
    networks = read(energy, "energy")
    conditions = site.conditions(networks, digits, records, runs)
    described = yaml.safe_load(config.read_text(encoding="utf-8"))["figures"]
    figures = [figure(folder, name, given) for name, given in described.items()]
    return {
        "name": "paper" if config.name == "config.yaml" else config.stem,
        "figures": sorted(figures, key=lambda one: one["number"]),
        "claims": read(folder / "claims.csv", "claims").to_dict("records"),
        "claims_key": f"{folder.name}-claims",
        "energy": energy.read_text(encoding="utf-8"),
        "conditions": conditions,
        "sources": site.sources(records, conditions),
    }


def figure(folder: Path, name: str, given: dict) -> dict[str, Any]:
    """Return what the page shows of a figure."""
    key, made = f"{folder.name}-{name}", record(f"{folder}/{name}.record.json")
    svg = site.inline((folder / f"{name}.svg").read_text(encoding="utf-8"), key)
    numbers, table = folder / f"{name}.csv", pd.read_csv(folder / f"{name}.csv")
    caption = (ROOT / given["caption"]).read_text(encoding="utf-8") if "caption" in given else ""
    return {
        **shown(name, table),
        "key": key,
        "number": given["number"],
        "title": given["title"],
        "caption": site.html(caption),
        "svg": svg,
        "shape": site.shape(svg),
        "csv": numbers.read_text(encoding="utf-8"),
        "axes": site.axes(table),
        "file": f"{folder}/{name}",
        "script": f"scripts/figures/{given.get('script', name)}.py",
        "record": made["id"],
        "inputs": made["inputs"],
    }


def data(builds: list[dict]) -> str:
    """Return what the scripts of the page read, as JSON that can stand in an HTML element."""
    text = json.dumps(
        {
            "columns": site.columns(),
            "colours": {rule: colour for rule, (colour, *_) in LOOKS.items()},
            "builds": [
                {key: one[key] for key in ("name", "energy", "conditions", "sources")}
                | {
                    "figures": [
                        {
                            key: each[key]
                            for key in ("key", "number", "title", "csv", "file", "axes")
                        }
                        for each in one["figures"]
                    ]
                }
                for one in builds
            ],
        },
        allow_nan=False,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return text.replace("<", "\\u003c")


def page(folders: list[Path], configs: list[Path]) -> str:
    """Return the page of the builds in `folders`, whose figures are described in `configs`."""
    builds = [build(*one) for one in zip(folders, configs, strict=True)]
    vega = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    parts = {file.name: file.read_text(encoding="utf-8") for file in sorted(PARTS.iterdir())}
    return render(
        "site.html.j2",
        builds=builds,
        style=parts["style.css"],
        page=parts["page.js"],
        later=[vega, parts["explorer.js"]],
        data=data(builds),
    )


def main() -> None:
    """Run the command: read the folders and write the page."""
    parser = Parser("website", description=__doc__)
    add = parser.add_argument
    add("--figures", nargs="+", type=Path, required=True, metavar="FOLDER", help="of each build")
    add("--configs", nargs="+", type=Path, required=True, metavar="YAML", help="of each build")
    add("--output", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()

    def work() -> None:
        text = page(arguments.figures, arguments.configs)
        with replacing(arguments.output) as partial:
            partial.write_text(text, encoding="utf-8")

    finish("website", work, TableError, RecordError, KeyError)


if __name__ == "__main__":
    main()
