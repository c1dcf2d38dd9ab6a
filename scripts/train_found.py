"""Train networks under a rule that a search has found; all else is as in train.py.

The rule is the best one in a table of finalists. Options of train.py replace its parameters; what
then loses its meaning, such as the margin of another gate, is dropped.

    python scripts/train_found.py --finalists results/paper/searches/updates.finalists.csv \\
        --rule frugal_updates --seed 100 101 --output -
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from math import inf
from pathlib import Path

import train
from found import INGREDIENTS, SEARCHED, choose, rule_of
from plasticity.data import DataError
from plasticity.parameters import ParameterError
from workflow import training_options
from workflow.command_line import Parser, finish

TOOL = "train_found"


def parser() -> Parser:
    """Return the parser of the options beside those of train.py."""
    parse = Parser(TOOL, description=__doc__, epilog="All other options are those of train.py.")
    add = parse.add_argument
    add("--finalists", required=True, type=Path, metavar="CSV", help="a search's table, best first")
    add(
        "--within",
        type=training_options.number(float),
        default=inf,
        metavar="TRIALS",
        help="take the best of those that learn within so many trials",
    )
    add(
        "--take",
        nargs="+",
        choices=SEARCHED,
        default=SEARCHED,
        metavar="PARAMETER",
        help="what is taken from the finalist (default: all that was searched)",
    )
    return parse


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table of finalists; raise OSError for a file that is none."""
    try:
        rows = list(csv.DictReader(path.read_text().splitlines()))
    except UnicodeDecodeError:
        rows = []
    if not rows or not rows[0].keys() >= {"trials", *SEARCHED}:
        raise OSError(f"{path}: not a table of finalists, which search.py makes")
    return rows


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return train.py's arguments for a command line of this script.

    Raises ParameterError or OSError for a table that cannot be used.
    """
    own, given = parser().parse_known_args(words)
    best = choose(read(own.finalists), own.within)
    taken = [
        word
        for key in own.take
        if key in best
        for word in (f"--{key.replace('_', '-')}", str(best[key]))
    ]
    # Of an option that is there twice the last one counts.
    chosen = training_options.parser(TOOL, __doc__).parse_args([*taken, *given])
    named = {key: value for key in SEARCHED if (value := getattr(chosen, key)) is not None}
    if named.keys() >= {"gate", "eligible", "select"}:
        vars(chosen).update(dict.fromkeys(named) | rule_of(named))
    used = {key for key in own.take if key in best and getattr(chosen, key) == best[key]}
    chosen.searched = " ".join(name for name, keys in INGREDIENTS.items() if used & {*keys})
    return chosen


def main() -> None:
    """Train as the command line says."""
    finish(
        TOOL,
        lambda: train.run(arguments(sys.argv[1:])),
        *(ParameterError, DataError),
        interrupted=", nothing written",
    )


if __name__ == "__main__":
    main()
