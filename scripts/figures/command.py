"""The command line that all figure scripts share."""

import argparse
import re
import sys
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from style import save


class InputError(Exception):
    """A file that cannot be plotted; its message is one line for the user."""


def main(script, description, summarise, draw, inputs=("energy",)):
    """Read the inputs, summarise and draw them, and save the figure of the script file `script`.

    `inputs` names what `summarise` takes, in its order: energy, curves, counts, claims.
    """
    arguments = _parser(Path(script).stem, description, inputs).parse_args()
    try:
        tables = [READERS[what](arguments) for what in inputs]
    except InputError as error:
        sys.exit(f"{Path(script).name}: {error}")
    table = summarise(*tables)
    save(draw(table), table, arguments.output, arguments.scale)


def _parser(figure, description, inputs):
    parser = argparse.ArgumentParser(description=description)
    for what in inputs:
        several = what in ("curves", "counts")
        parser.add_argument(
            f"--{what}",
            metavar="FILE",
            nargs="+" if several else None,
            required=True,
            help=HELP[what],
        )
    parser.add_argument(
        "--experiment", default=figure, help="whose networks are drawn (default: %(default)s)"
    )
    parser.add_argument("--scale", choices=["smoke", "paper"], default="paper")
    parser.add_argument(
        "--output",
        default=f"figures/{figure}",
        help="figure without its ending (default: %(default)s)",
    )
    return parser


def _read(path, column):
    """Return the table in a file; `column` is one that it must have to be of the right sort."""
    try:
        table = pd.read_csv(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise InputError(f"{path}: not a table in CSV") from None
    if column not in table:
        raise InputError(f"{path}: has no column {column}")
    return table


def _energy(arguments):
    energy = _read(arguments.energy, "experiment")
    mine = energy[energy["experiment"] == arguments.experiment]
    if mine.empty:
        known = ", ".join(sorted(energy["experiment"].unique()))
        raise InputError(
            f"{arguments.energy}: no networks of experiment {arguments.experiment}; it has: {known}"
        )
    return mine.reset_index(drop=True)


def _curves(arguments):
    tables = [_read(path, "train_accuracy") for path in arguments.curves]
    return pd.concat(tables, ignore_index=True)


def _counts(arguments):
    """Return {(rule, fraction): {layer: updates of each synapse}}; a file's name says which."""
    counts = {}
    for path in map(Path, arguments.counts):
        fraction = re.search(r"-fraction([0-9.]+(e-[0-9]+)?)", path.stem)
        condition = path.stem.split("-")[0], float(fraction[1]) if fraction else np.nan
        try:
            with np.load(path) as file:
                counts[condition] = {layer: file[layer] for layer in ("hidden", "out")}
        except FileNotFoundError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        except (ValueError, KeyError, OSError, BadZipFile):
            raise InputError(f"{path}: does not hold numbers of updates (hidden, out)") from None
    return counts


READERS = {
    "energy": _energy,
    "curves": _curves,
    "counts": _counts,
    "claims": lambda arguments: _read(arguments.claims, "verdict"),
}
HELP = {
    "energy": "table of trained networks (CSV)",
    "curves": "tables of the tests during training (CSV)",
    "counts": "numbers of updates of each synapse (npz)",
    "claims": "table of claims (CSV)",
}
