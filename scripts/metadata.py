"""Write what archives and platforms read about the project, from CITATION.cff.

    python scripts/metadata.py

Writes `codemeta.json` (CodeMeta 3.0), `.zenodo.json` (the fields of a deposit in Zenodo) and
`codecheck.yml` (CODECHECK 1.0: the outputs that somebody who checks the project makes again).
Titles of outputs come from the configurations.
"""

import json
from collections.abc import Iterator

import yaml

from provenance.files import ROOT
from workflow.command_line import Parser

# The configuration of each folder of figures, and the command that makes them again.
MADE = {
    "figures": ("config.yaml", "make figures"),
    "figures/beyond": ("beyond.yaml", "make beyond"),
}


def codemeta(citation: dict) -> dict:
    """Return the description of the software in the terms of CodeMeta."""
    paper = citation["preferred-citation"]
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "@type": "SoftwareSourceCode",
        "name": citation["title"],
        "description": citation["abstract"],
        "keywords": citation["keywords"],
        "author": [
            {"@type": "Organization", "name": author["name"]} for author in citation["authors"]
        ],
        "license": f"https://spdx.org/licenses/{citation['license']}",
        "programmingLanguage": "Python",
        "runtimePlatform": "Python 3.11 or newer",
        "softwareRequirements": "envs/requirements.lock",
        "referencePublication": {
            "@type": "ScholarlyArticle",
            "@id": doi_address(paper),
            "name": paper["title"],
        },
    }


def zenodo(citation: dict) -> dict:
    """Return the metadata of a deposit of the software in Zenodo."""
    return {
        "upload_type": "software",
        "title": citation["title"],
        "description": citation["abstract"],
        "keywords": citation["keywords"],
        "creators": [{"name": author["name"]} for author in citation["authors"]],
        "license": citation["license"],
        "access_right": "open",
        "related_identifiers": [
            {"identifier": citation["preferred-citation"]["doi"], "relation": "references"}
        ],
    }


def codecheck(citation: dict) -> dict:
    """Return the configuration of a CODECHECK. Codechecker and report are added by who checks."""
    paper = citation["preferred-citation"]
    names = (f"{who['given-names']} {who['family-names']}" for who in paper["authors"])
    return {
        "version": "https://codecheck.org.uk/spec/config/1.0/",
        "paper": {
            "title": paper["title"],
            "authors": [{"name": name} for name in names],
            "reference": doi_address(paper),
        },
        "manifest": list(manifest()),
    }


def manifest() -> Iterator[dict]:
    """Yield each published figure and table, with its title and the command that makes it."""
    for folder, (configuration, command) in MADE.items():
        figures = read(configuration)["figures"]
        energy = f"All networks: parameters, learning time, energy ({command})"
        yield {"file": f"{folder}/energy.csv", "comment": energy}
        for name, figure in figures.items():
            made = f"{figure['title']} ({command})"
            yield {"file": f"{folder}/{name}.svg", "comment": made}
            yield {"file": f"{folder}/{name}.csv", "comment": f"Plotted numbers: {made}"}


def read(name: str) -> dict:
    """Return the content of a YAML file of the project."""
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def doi_address(paper: dict) -> str:
    """Return the address of a paper."""
    return f"https://doi.org/{paper['doi']}"


def as_json(content: dict) -> str:
    """Return the content as JSON text."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def derived() -> dict[str, str]:
    """Return the text of each file that is made from CITATION.cff, by name."""
    citation = read("CITATION.cff")
    in_order = {"sort_keys": False, "allow_unicode": True, "width": 120}
    return {
        "codemeta.json": as_json(codemeta(citation)),
        ".zenodo.json": as_json(zenodo(citation)),
        "codecheck.yml": yaml.safe_dump(codecheck(citation), **in_order),
    }


def main() -> None:
    """Write all files."""
    Parser("metadata", description=__doc__).parse_args()
    for name, text in derived().items():
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
