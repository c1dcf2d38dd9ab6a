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
from pathlib import Path

import train
from found import SEARCHED, choose, rule_of


def parser() -> train.Parser:
    """The command line, but for the options of train.py."""
    parse = train.Parser(
        description=__doc__.split("\n\n")[0],
        epilog="All other options are those of train.py.",
        allow_abbrev=False,
    )
    add = parse.add_argument
    add("--finalists", required=True, type=Path, metavar="CSV", help="a search's table, best first")
    add(
        "--within",
        type=train.number,
        default=float("inf"),
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
    chosen = train.parser().parse_args([*taken, *given])
    named = {key: value for key in SEARCHED if (value := getattr(chosen, key)) is not None}
    if named.keys() >= {"gate", "eligible", "select"}:
        vars(chosen).update(dict.fromkeys(named) | rule_of(named))
    return chosen


def main() -> None:
    train.finish("train", lambda: train.run(arguments(sys.argv[1:])), ", nothing written")


if __name__ == "__main__":
    main()
