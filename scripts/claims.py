"""Test the paper's claims, and this project's own, on the trained networks.

The configuration lists the claims that are tested (`claims:`). The docstrings of their functions,
in analysis/paper_claims.py and analysis/own_claims.py, state what is measured and which result gets
which verdict.
"""

import sys

import pandas as pd

from analysis import own_claims, paper_claims
from analysis.claims import judged
from analysis.tables import TableError, read
from summarise import write
from workflow.command_line import Parser

CLAIMS = {**paper_claims.CLAIMS, **own_claims.CLAIMS}
CURVE = ["rule", "width", "fraction", "goal", "seed", "trials", "accuracy", "train_accuracy", "M0"]


def read_curves(paths: list[str]) -> pd.DataFrame:
    """Return the tests during training from several files, as one table.

    The table has the columns of CURVE even if there are no files. Raises TableError if a file
    cannot be used.
    """
    tables = [read(path, "curves") for path in paths]
    return pd.concat([pd.DataFrame(columns=CURVE), *tables], ignore_index=True)


def main() -> None:
    """Run the command: read the tables, test the claims and write the table of outcomes."""
    parser = Parser("claims", description=__doc__)
    parser.add_argument(
        "--claims",
        nargs="+",
        choices=CLAIMS,
        default=CLAIMS,
        metavar="ID",
        help="which are tested (default: all)",
    )
    parser.add_argument("--energy", required=True, metavar="CSV", help="table of trained networks")
    parser.add_argument(
        "--curves", nargs="*", default=[], metavar="CSV", help="tables of tests during training"
    )
    parser.add_argument("--output", required=True, metavar="CSV")
    arguments = parser.parse_args()
    try:
        tables = read(arguments.energy, "energy"), read_curves(arguments.curves)
        chosen = {name: CLAIMS[name] for name in arguments.claims}
        write(judged(chosen, *tables), arguments.output, float_format="%.6g")
    except (TableError, OSError) as error:
        sys.exit(f"claims: {error}")


if __name__ == "__main__":
    main()
