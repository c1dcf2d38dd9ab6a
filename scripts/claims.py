"""Test the paper's claims, or this project's own, on the trained networks.

The configuration declares the paper's claims with all their readings; scripts/analysis/readings.py
says how, and scripts/analysis/measures.py computes them. This project's own are functions in
scripts/analysis/own_claims.py, whose docstrings state which result gets which verdict.
"""

import json
import sys

import pandas as pd

from analysis.claims import judged
from analysis.conditions import CONDITION
from analysis.measures import Tables
from analysis.own_claims import CLAIMS
from analysis.paper_claims import tested
from analysis.tables import TableError, read, read_counts
from summarise import write
from workflow.command_line import Parser

CURVE = ["rule", "width", "fraction", "goal", "seed", "trials", "accuracy", "train_accuracy", "M0"]


def read_curves(paths: list[str]) -> pd.DataFrame:
    """Return the tests during training from several files, as one table.

    The table has the columns of CURVE even if there are no files. Raises TableError if a file
    cannot be used.
    """
    tables = [read(path, "curves") for path in paths]
    return pd.concat([pd.DataFrame(columns=CURVE), *tables], ignore_index=True)


def counted(energy: pd.DataFrame, experiments: list[str], paths: list[str]) -> list[tuple]:
    """Return (parameters, numbers of updates by layer) of each condition of some experiments.

    The files are in the order of the conditions. Raises TableError if a file cannot be used, or if
    there are more or fewer files than conditions.
    """
    rows = energy[energy["experiment"].isin(experiments)].drop_duplicates(CONDITION)
    if len(paths) != len(rows):
        raise TableError(f"--counts: {len(paths)} files for {len(rows)} conditions of --counted")
    return list(zip(rows.to_dict("records"), map(read_counts, paths), strict=True))


def main() -> None:
    """Run the command: read the tables, test the claims and write the table of outcomes."""
    parser = Parser("claims", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--claims",
        nargs="+",
        choices=CLAIMS,
        default=CLAIMS,
        metavar="ID",
        help="which of this project's own are tested (default: all)",
    )
    which.add_argument(
        "--declared",
        type=json.loads,
        metavar="JSON",
        help="the paper's claims, like `claims` in config.yaml; they are tested instead",
    )
    parser.add_argument("--energy", required=True, metavar="CSV", help="table of trained networks")
    parser.add_argument(
        "--curves", nargs="*", default=[], metavar="CSV", help="tables of tests during training"
    )
    parser.add_argument(
        "--counts",
        nargs="*",
        default=[],
        metavar="NPZ",
        help="numbers of updates of each synapse, by condition of the experiments --counted",
    )
    parser.add_argument(
        "--counted", nargs="*", default=[], metavar="NAME", help="experiments that --counts is for"
    )
    parser.add_argument("--output", required=True, metavar="CSV")
    arguments = parser.parse_args()
    try:
        energy, curves = read(arguments.energy, "energy"), read_curves(arguments.curves)
        if arguments.declared:
            counts = counted(energy, arguments.counted, arguments.counts)
            table = tested(arguments.declared, Tables(energy, curves, counts))
        else:
            chosen = {name: CLAIMS[name] for name in arguments.claims}
            table = judged(chosen, energy, curves)
        write(table, arguments.output, float_format="%.6g")
    except (TableError, OSError) as error:
        sys.exit(f"claims: {error}")


if __name__ == "__main__":
    main()
