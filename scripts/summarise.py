"""Collect tables of trained networks into one.

With --experiment the tables are those of runs, and a first column gets the experiment's name;
without it they are tables of experiments. Values pass as text: no digit of them changes.
"""

import sys

import pandas as pd

from figures.tables import TableError
from provenance.files import replacing
from workflow.command_line import Parser


def read(path: str) -> pd.DataFrame:
    """Return the table in the CSV file `path`, with all values as the text that is written there.

    Raises TableError when it is missing, empty or not CSV.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise TableError(f"{path}: no such file") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise TableError(f"{path}: not a table in CSV") from None
    if table.empty:
        raise TableError(f"{path}: a table without rows")
    return table


def collect(paths: list[str], experiment: str | None = None) -> pd.DataFrame:
    """Return the rows of all tables in the order given, marked with `experiment` if it is given.

    Raises TableError when a table is unusable or its columns are not those of the first one.
    """
    tables = [read(path) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        if list(table) != list(tables[0]):
            odd = sorted(set(table).symmetric_difference(tables[0]))
            names = ", ".join(odd) or "their order"
            raise TableError(f"{path}: its columns are not those of {paths[0]}: {names}")
    table = pd.concat(tables, ignore_index=True)
    if experiment is not None:
        table.insert(0, "experiment", experiment)
    return table


def write(table: pd.DataFrame, path: str, float_format: str | None = None) -> None:
    """Write `table` as CSV, whole or not at all."""
    with replacing(path) as partial:
        table.to_csv(partial, index=False, float_format=float_format, lineterminator="\n")


def main() -> None:
    parser = Parser("summarise", description=__doc__)
    parser.add_argument("tables", nargs="+", metavar="CSV")
    parser.add_argument("--experiment", help="name that the rows of these runs get")
    parser.add_argument("--output", required=True, metavar="CSV")
    arguments = parser.parse_args()
    try:
        write(collect(arguments.tables, arguments.experiment), arguments.output)
    except (TableError, OSError) as error:
        sys.exit(f"summarise: {error}")


if __name__ == "__main__":
    main()
