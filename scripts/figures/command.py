"""The command line that all figure scripts share."""

import argparse
import re
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from style import save
from tables import TableError, read

from workflow.command_line import Parser


def main(
    script: str,
    description: str,
    summarise: Callable[..., pd.DataFrame],
    draw: Callable[[pd.DataFrame], Figure],
    inputs: Sequence[str] = ("energy",),
) -> None:
    """Read the inputs, summarise and draw them, and save the figure of the script file `script`.

    `inputs` names what `summarise` takes, in its order: energy, curves, counts, searches, claims.
    """
    figure = Path(script).stem
    arguments = _parser(figure, description, inputs).parse_args()
    try:
        table = summarise(*(READERS[what](arguments) for what in inputs))
        save(draw(table), table, arguments.output, arguments.scale)
    except (TableError, OSError) as error:
        sys.exit(f"{figure}: {error}")


def _parser(figure: str, description: str, inputs: Sequence[str]) -> Parser:
    parser = Parser(figure, description=description)
    for what in inputs:
        several = what in ("curves", "counts", "searches")
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


def _energy(arguments: argparse.Namespace) -> pd.DataFrame:
    energy = read(arguments.energy, "energy")
    mine = energy[energy["experiment"] == arguments.experiment]
    if mine.empty:
        known = ", ".join(sorted(energy["experiment"].unique()))
        raise TableError(
            f"{arguments.energy}: no networks of experiment {arguments.experiment}; it has: {known}"
        )
    return mine.reset_index(drop=True)


def _curves(arguments: argparse.Namespace) -> pd.DataFrame:
    return _together(arguments.curves, "curves")


def _searches(arguments: argparse.Namespace) -> pd.DataFrame:
    return _together(arguments.searches, "searches")


def _together(paths: list[str], kind: str) -> pd.DataFrame:
    return pd.concat([read(path, kind) for path in paths], ignore_index=True)


def _counts(arguments: argparse.Namespace) -> dict[tuple[str, float], dict[str, np.ndarray]]:
    """Return {(rule, fraction): {layer: updates of each synapse}}; a file's name says which."""
    counts = {}
    for path in map(Path, arguments.counts):
        fraction = re.search(r"-fraction([0-9.]+(e-[0-9]+)?)", path.stem)
        condition = path.stem.split("-")[0], float(fraction[1]) if fraction else np.nan
        try:
            with np.load(path) as file:
                layers = {layer: file[layer] for layer in ("hidden", "out")}
        except FileNotFoundError as error:
            raise TableError(f"{path}: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, EOFError, OSError, zlib.error, BadZipFile):
            layers = {}
        if not layers or any(
            layer.ndim != 2 or layer.dtype.kind not in "iu" for layer in layers.values()
        ):
            raise TableError(f"{path}: does not hold numbers of updates (hidden, out)")
        counts[condition] = layers
    return counts


READERS = {
    "energy": _energy,
    "curves": _curves,
    "counts": _counts,
    "searches": _searches,
    "claims": lambda arguments: read(arguments.claims, "claims"),
}
HELP = {
    "energy": "table of trained networks (CSV)",
    "curves": "tables of the tests during training (CSV)",
    "counts": "numbers of updates of each synapse (npz)",
    "searches": "histories of searches (CSV)",
    "claims": "table of claims (CSV)",
}
