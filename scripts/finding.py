"""Write the page with the results beyond the paper.

The page has numbered statements, their limits, and what would refute them. The numbers are computed
by analysis/finding_facts.py. The text is in report/finding.md.j2 and report/statements.md.j2.
"""

import os
from pathlib import Path

import pandas as pd

from analysis.claims import outcomes
from analysis.finding_facts import Results, facts
from analysis.pages import render
from analysis.tables import TableError, read
from provenance.files import ROOT, write
from workflow.command_line import Parser, finish


def page(results: Results, scale: str, method: str) -> str:
    """Return the page as Markdown.

    `scale` is `smoke` or `paper`; `method` is the link to the description of the methods.
    """
    figures = [name for name in results.figures if name != "claims"]  # it has a link of its own
    return render(
        "finding.md.j2", facts=facts(results), figures=figures, scale=scale, method=method
    )


def main() -> None:
    """Run the command: read the tables and write the page."""
    parser = Parser("finding", description=__doc__)
    parser.add_argument("--claims", required=True, metavar="CSV", help="table of claims")
    parser.add_argument("--energy", required=True, metavar="CSV", help="table of trained networks")
    parser.add_argument(
        "--figures", nargs="*", default=[], type=Path, metavar="CSV", help="plotted numbers"
    )
    parser.add_argument("--scale", choices=["smoke", "paper"], default="paper")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE")
    arguments = parser.parse_args()

    def work() -> None:
        results = Results(
            outcomes(read(arguments.claims, "claims")),
            read(arguments.energy, "energy"),
            {path.stem: pd.read_csv(path) for path in arguments.figures},
        )
        method = os.path.relpath(ROOT / "docs" / "beyond.md", arguments.output.resolve().parent)
        write(arguments.output, page(results, arguments.scale, method).encode())

    finish("finding", work, TableError, KeyError)


if __name__ == "__main__":
    main()
