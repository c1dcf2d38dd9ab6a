"""The tables that claims are tested on and figures drawn from, and what their columns must hold."""

from pathlib import Path

import pandas as pd

# What a column holds, in words, and which values are none; empty is allowed unless it is needed.
TEXT, NUMBER, TRUTH = "a text", "a number", "True or False"
WRONG = {
    TEXT: lambda values: values.isna() & False,
    NUMBER: lambda values: values.notna() & pd.to_numeric(values, errors="coerce").isna(),
    TRUTH: lambda values: ~values.astype(str).isin(["True", "False"]),
}
NEEDED = {
    *("experiment", "rule", "width", "goal", "seed", "trials", "M0", "id", "claim", "verdict"),
    "search",
}

# The columns that are used; there may be more.
COLUMNS = {
    "energy": {
        **dict.fromkeys(["experiment", "rule", "gate", "eligible", "select", "criterion"], TEXT),
        **dict.fromkeys(["activation", "loss", "dataset", "stop_on"], TEXT),
        **dict.fromkeys(["width", "plastic_units", "fraction", "fraction_out"], NUMBER),
        **dict.fromkeys(["eligible_fraction", "margin", "learning_rate", "initial_sd"], NUMBER),
        **dict.fromkeys(["learning_rate_out", "consecutive_tests", "updated_trials"], NUMBER),
        **dict.fromkeys(["goal", "seed", "caching_threshold", "caching_decay"], NUMBER),
        "reached": TRUTH,
        **dict.fromkeys(["trials", "accuracy", "M0", "M1", "M0_min", "M1_min"], NUMBER),
        **dict.fromkeys(["participation", "M1_consolidation", "maintenance"], NUMBER),
    },
    "curves": {
        "rule": TEXT,
        **dict.fromkeys(["width", "plastic_units", "fraction", "goal", "seed", "trials"], NUMBER),
        **dict.fromkeys(["accuracy", "train_accuracy", "M0", "M1"], NUMBER),
    },
    "searches": {
        "search": TEXT,
        **dict.fromkeys(["reached", "front"], TRUTH),
        **dict.fromkeys(["trials", "M0", "M1", "energy"], NUMBER),
        **dict.fromkeys(["M1_consolidation", "maintenance"], NUMBER),
    },
    "claims": {
        **dict.fromkeys(["id", "claim", "source", "expected", "verdict"], TEXT),
        **dict.fromkeys(["quantity", "detail"], TEXT),
        **dict.fromkeys(["value", "low", "high"], NUMBER),
    },
}

# How the names of rules begin that searches have found (config.yaml: found).
FOUND = "frugal_"


class TableError(Exception):
    """A file that cannot be used; its message is one line for the user."""


def read(path: str | Path, kind: str) -> pd.DataFrame:
    """Return the table of this kind (a key of COLUMNS) in the CSV file `path`.

    Raises TableError when it cannot be read, lacks a column, or holds a value of another sort.
    """
    try:
        table = pd.read_csv(path)
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise TableError(f"{path}: not a table in CSV") from None
    for column, what in COLUMNS[kind].items():
        if column not in table:
            raise TableError(f"{path}: not a table of {kind}: it has no column {column}")
        values = table[column]
        wrong = WRONG[what](values)
        if column in NEEDED:
            wrong |= values.isna()
        if wrong.any():
            row = wrong.idxmax()
            raise TableError(
                f"{path}: row {row + 1}: {column}: {str(values[row])!r} is not allowed: {what}"
            )
    return table
