"""Write the gallery: all figures, each with a sentence or two about its result.

The numbers in the sentences are computed from the plotted numbers of the figures (NAME.csv), so
that both agree. The text is in report/sentences.md.j2. With --readme, the gallery replaces the text
between its marks in that file.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from analysis.figure_facts import FACTS, NothingToSay
from analysis.pages import render
from provenance.files import write
from workflow.command_line import Parser, finish

MARKS = "<!-- gallery: made by `make gallery` -->", "<!-- end of the gallery -->"


def shown(name: str, table: pd.DataFrame) -> dict[str, object]:
    """Return the entry of a figure in the gallery: its name and the facts.

    The facts are None if too few networks reached the goal. Figures without a function in
    analysis/figure_facts.py have no facts.
    """
    if name not in FACTS:
        return {"name": name}
    try:
        return {"name": name, "facts": FACTS[name](table)}
    except NothingToSay:
        return {"name": name, "facts": None}


def gallery(folder: Path, links: str, names: Iterable[str]) -> str:
    """Return the gallery of the named figures in `folder`, as Markdown.

    `links` is the path of the folder relative to the file with the gallery.
    """
    figures = [shown(name, pd.read_csv(folder / f"{name}.csv")) for name in names]
    return render("gallery.md.j2", links=links, figures=figures)


def spliced(readme: str, text: str) -> str:
    """Return `readme` with the text between the MARKS replaced by `text`.

    Raises ValueError if `readme` does not have both marks.
    """
    before, mark, rest = readme.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (mark and end):
        raise ValueError(f"the gallery's place is not marked: {MARKS[0]} ... {MARKS[1]}")
    return f"{before}{mark}\n\n{text}\n{end}{after}"


def main() -> None:
    """Run the command: read the plotted numbers and write the gallery."""
    parser = Parser("gallery", description=__doc__)
    parser.add_argument("--figures", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--names", nargs="+", help="figures to show (default: those in the folder with a sentence)"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--output", type=Path, metavar="FILE")
    where.add_argument(
        "--readme", type=Path, metavar="FILE", help="whose gallery is to be replaced"
    )
    arguments = parser.parse_args()

    def work() -> None:
        path = arguments.output or arguments.readme
        links = os.path.relpath(arguments.figures, path.parent)
        drawn = [name for name in FACTS if (arguments.figures / f"{name}.csv").exists()]
        text = gallery(arguments.figures, links, arguments.names or drawn)
        if arguments.readme:
            text = spliced(path.read_text(encoding="utf-8"), text)
        write(path, text.encode())

    finish("gallery", work, ValueError, KeyError)


if __name__ == "__main__":
    main()
