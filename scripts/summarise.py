"""Collect tables of trained networks into one table.

With --experiment, the tables are tables of runs. The first column of the result is then the name of
the experiment, and the last one the condition, which is the name of the run's file. Without it,
they are tables of experiments. Values are copied as text, so no digit changes.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.tables import TableError, read_csv
from provenance.files import replacing
from workflow.command_line import Parser, finish


def read(path: str) -> pd.DataFrame:
    """Return the table in a CSV file, with all values as text.

    Raises TableError if it is missing, empty or not CSV.
    """
    table = read_csv(path, dtype=str, keep_default_na=False)
    if table.empty:
        raise TableError(f"{path}: a table without rows")
    return table


def collect(paths: list[str], experiment: str | None = None) -> pd.DataFrame:
    """Return the rows of all tables in the given order.

    With an `experiment`, they get the columns `experiment` and `condition`.

    Raises TableError if a table cannot be used or its columns differ from those of the first table.
    """
    tables = [read(path) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        if list(table) != list(tables[0]):
            differing = sorted(set(table).symmetric_difference(tables[0]))
            names = ", ".join(differing) or "their order"
            raise TableError(f"{path}: its columns are not those of {paths[0]}: {names}")
    table = pd.concat(tables, ignore_index=True)
    if experiment is not None:
        conditions = [Path(path).stem for path in paths]
        table.insert(0, "experiment", experiment)
        table["condition"] = np.repeat(conditions, [len(runs) for runs in tables])
    return table


def write(table: pd.DataFrame, path: str, float_format: str | None = None) -> None:
    """Write a table as CSV, completely or not at all."""
    with replacing(path) as partial:
        table.to_csv(partial, index=False, float_format=float_format, lineterminator="\n")


def main() -> None:
    """Collect the tables on the command line."""
    parser = Parser("summarise", description=__doc__)
    parser.add_argument("tables", nargs="+", metavar="CSV")
    parser.add_argument("--experiment", help="name of the experiment of these runs")
    parser.add_argument("--output", required=True, metavar="CSV")
    arguments = parser.parse_args()

    def work() -> None:
        write(collect(arguments.tables, arguments.experiment), arguments.output)

    finish("summarise", work, TableError)


if __name__ == "__main__":
    main()
