r"""Train networks under a plasticity rule that was found by a search, otherwise like train.py.

The rule is the best one in a table of finalists, which search.py writes. Options of train.py
override its parameters. Parameters of the rule that then have no meaning, such as the margin of
another gate, are dropped.

    python scripts/train_found.py --finalists results/paper/searches/updates.finalists.csv \
        --rule frugal_updates --seed 100 101 --output -
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from math import inf
from pathlib import Path

import train
from found import INGREDIENTS, SEARCHED, choose, rule_of, with_equal_rates
from plasticity.data import DataError
from plasticity.parameters import ParameterError
from workflow import training_options
from workflow.command_line import Parser, finish

TOOL = "train_found"


def parser() -> Parser:
    """Return the parser of the options that train.py does not have."""
    parse = Parser(TOOL, description=__doc__, epilog="All other options are those of train.py.")
    add = parse.add_argument
    add("--finalists", required=True, type=Path, metavar="CSV", help="table written by search.py")
    add(
        "--within",
        type=training_options.number(float),
        default=inf,
        metavar="TRIALS",
        help="use the best rule that learns within this number of trials",
    )
    add(
        "--equal-rates",
        action="store_true",
        help="scale the activities of the hidden layer so that both layers have one learning rate",
    )
    add(
        "--take",
        nargs="+",
        choices=SEARCHED,
        default=SEARCHED,
        metavar="PARAMETER",
        help="parameters to use from the table (default: all parameters that were searched)",
    )
    return parse


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table of finalists.

    Raises OSError if the file cannot be read or is not such a table.
    """
    try:
        rows = list(csv.DictReader(path.read_text().splitlines()))
    except UnicodeDecodeError:
        rows = []
    if not rows or not rows[0].keys() >= {"trials", *SEARCHED}:
        raise OSError(f"{path}: not a table of finalists, which search.py makes")
    return rows


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Convert a command line of this script to the arguments of train.py.

    Raises OSError or ParameterError if the table cannot be used.
    """
    own, given = parser().parse_known_args(words)
    best = choose(read(own.finalists), own.within)
    if own.equal_rates:
        best = with_equal_rates(best)
    taken = [
        word
        for key in own.take
        if key in best
        for word in (f"--{key.replace('_', '-')}", str(best[key]))
    ]
    # If an option occurs twice, the last one is used.
    chosen = training_options.parser(TOOL, __doc__).parse_args([*taken, *given])
    named = {key: value for key in SEARCHED if (value := getattr(chosen, key)) is not None}
    if named.keys() >= {"gate", "eligible", "select"}:
        vars(chosen).update(dict.fromkeys(named) | rule_of(named))
    used = {key for key in own.take if key in best and getattr(chosen, key) == best[key]}
    chosen.searched = " ".join(name for name, keys in INGREDIENTS.items() if used & {*keys})
    return chosen


def main() -> None:
    """Run the command-line program."""
    finish(
        TOOL,
        lambda: train.run(arguments(sys.argv[1:])),
        *(ParameterError, DataError),
        interrupted=", nothing written",
    )


if __name__ == "__main__":
    main()
