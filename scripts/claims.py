"""Test the paper's claims, or this project's own, on the trained networks.

The configuration declares the paper's claims with all their readings; scripts/analysis/readings.py
says how, and scripts/analysis/measures.py computes them. This project's own are functions in
scripts/analysis/own_claims.py, whose docstrings state which result gets which verdict.
"""

import json

import pandas as pd

from analysis.claims import judged
from analysis.conditions import CONDITION
from analysis.measures import Tables
from analysis.own_claims import CLAIMS
from analysis.paper_claims import tested
from analysis.tables import TableError, read, read_conditions, read_counts, with_networks
from summarise import write
from workflow.command_line import Parser, finish


def with_counts(energy: pd.DataFrame, experiments: list[str], paths: list[str]) -> pd.DataFrame:
    """Return `energy` with a column `counts`: updates by layer of some experiments' conditions.

    The files are in the order of the conditions; each has the updates of a condition's first
    network. Raises TableError if a file cannot be used, or if there are more or fewer files than
    conditions.
    """
    firsts = energy[energy["experiment"].isin(experiments)].drop_duplicates(CONDITION)
    if len(paths) != len(firsts):
        raise TableError(f"--counts: {len(paths)} files for {len(firsts)} conditions of --counted")
    counts = [read_counts(path) for path in paths]
    return energy.assign(counts=pd.Series(counts, index=firsts.index, dtype=object))


def main() -> None:
    """Run the command: read the tables, test the claims and write the table of outcomes."""
    parser = Parser("claims", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    own = "which of this project's own are tested (default: all)"
    which.add_argument(
        "--claims", nargs="+", choices=CLAIMS, default=CLAIMS, metavar="ID", help=own
    )
    declared = "the paper's claims, like `claims` in config.yaml; they are tested instead"
    which.add_argument("--declared", type=json.loads, metavar="JSON", help=declared)
    parser.add_argument("--energy", required=True, metavar="CSV", help="table of trained networks")
    for name, metavar, text in (
        ("curves", "CSV", "tables of tests during training"),
        ("counts", "NPZ", "updates of each synapse, by condition of the experiments --counted"),
        ("counted", "NAME", "experiments that --counts is for"),
        ("floors", "CSV", "M0 of learners that write less than on-line learning"),
    ):
        parser.add_argument(f"--{name}", nargs="*", default=[], metavar=metavar, help=text)
    parser.add_argument("--output", required=True, metavar="CSV")
    arguments = parser.parse_args()

    def work() -> None:
        energy = with_networks(read(arguments.energy, "energy"))
        curves = read_conditions(arguments.curves, "curves")
        if arguments.declared:
            energy = with_counts(energy, arguments.counted, arguments.counts)
            table = tested(arguments.declared, Tables(energy, curves))
        else:
            chosen = {name: CLAIMS[name] for name in arguments.claims}
            floors = read_conditions(arguments.floors, "floors")
            table = judged(chosen, {"energy": energy, "curves": curves, "floors": floors})
        write(table, arguments.output, float_format="%.6g")

    finish("claims", work, TableError)


if __name__ == "__main__":
    main()
