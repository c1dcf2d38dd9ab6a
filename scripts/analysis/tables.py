"""Reading and checking of the tables that the claims and figures are computed from."""

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from plasticity.settings import PARAMETERS

# The parameters that define a condition. Networks of one condition differ in their seed only.
CONDITION = [name for name in PARAMETERS if name != "seed"]

# The measured columns: unit, and meaning.
MEASURED = {
    "trials": ("trials", "Learning time."),
    "updated_trials": ("trials", "Trials on which the gate let synapses change."),
    "accuracy": ("", "Accuracy on the test set when training stopped."),
    "validation_accuracy": ("", "Accuracy on the validation set when training stopped."),
    "train_accuracy": ("", "Accuracy on the training set when training stopped."),
    "M0": ("updates", "Number of synaptic updates."),
    "M0_hidden": ("updates", "M0 of the hidden layer."),
    "M0_out": ("updates", "M0 of the output layer."),
    "M1": ("weight", "Summed absolute change of the synapses."),
    "M1_hidden": ("weight", "M1 of the hidden layer."),
    "M1_out": ("weight", "M1 of the output layer."),
    "M0_min": ("updates", "Least M0 with which the final weights can be reached."),
    "M1_min": ("weight", "Least M1 with which the final weights can be reached."),
    "participation": ("", "How evenly updates are spread: 1 if all synapses change equally often."),
    "M0_consolidation": ("updates", "With caching: updates of the stable part."),
    "M1_consolidation": ("weight", "With caching: M1 of the stable part."),
    "maintenance": ("weight × trials", "With caching: transient weight, summed over trials."),
}

# The type of a column, in words, and which values are wrong. Empty cells are allowed except in the
# columns of NEEDED.
TEXT, NUMBER, TRUTH = "a text", "a number", "True or False"
WRONG = {
    TEXT: lambda values: values.isna() & False,
    NUMBER: lambda values: values.notna() & pd.to_numeric(values, errors="coerce").isna(),
    TRUTH: lambda values: ~values.astype(str).isin(["True", "False"]),
}
NEEDED = {
    *("experiment", "condition", "rule", "width", "goal", "seed", "trials", "M0"),
    *("id", "claim", "verdict", "search"),
}

# The columns that are used. A table may have more.
COLUMNS = {
    "energy": {
        **dict.fromkeys(["experiment", "condition", "searched"], TEXT),
        **{name: TEXT if PARAMETERS[name].kind is str else NUMBER for name in PARAMETERS},
        "reached": TRUTH,
        **dict.fromkeys(MEASURED, NUMBER),
    },
    "curves": {
        "rule": TEXT,
        **dict.fromkeys(["width", "plastic_units", "fraction", "goal", "seed", "trials"], NUMBER),
        "max_epochs": NUMBER,
        **dict.fromkeys(["accuracy", "train_accuracy", "M0", "M1"], NUMBER),
    },
    "overlaps": {
        **dict.fromkeys(["rule", "part", "compared"], TEXT),
        **dict.fromkeys(["width", "fraction", "seed", "lag", "overlap"], NUMBER),
    },
    "floors": {
        **dict.fromkeys(["rule", "learner"], TEXT),
        "reached": TRUTH,
        **dict.fromkeys(["width", "seed", "max_epochs", "memory", "M0"], NUMBER),
        **dict.fromkeys(["accuracy", "test_accuracy"], NUMBER),
    },
    "searches": {
        **dict.fromkeys(["search", "minimise", "gate"], TEXT),
        **dict.fromkeys(["reached", "front"], TRUTH),
        **dict.fromkeys(["trials", "M0", "M1", "energy", "maintenance_cost"], NUMBER),
        **dict.fromkeys(["M1_consolidation", "maintenance"], NUMBER),
    },
    "claims": {
        **dict.fromkeys(["id", "claim", "source", "reading", "expected", "verdict"], TEXT),
        **dict.fromkeys(["quantity", "reason"], TEXT),
        **dict.fromkeys(["value", "low", "high", "target", "target_low", "target_high"], NUMBER),
        "nearest": TRUTH,
    },
}


class TableError(Exception):
    """A file that cannot be used; its message is one line for the user."""


def read_csv(path: str | Path, **options: Any) -> pd.DataFrame:
    """Return the table in a CSV file; `options` are those of pandas.

    Raises TableError if the file cannot be read.
    """
    try:
        return pd.read_csv(path, **options)
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise TableError(f"{path}: not a table in CSV") from None


def read(path: str | Path, kind: str) -> pd.DataFrame:
    """Return the table in a CSV file; `kind` is a key of COLUMNS.

    Raises TableError if the file cannot be read, or if a column is missing or has a wrong value.
    """
    table = read_csv(path)
    if not isinstance(table.index, pd.RangeIndex):  # what is beyond the columns becomes an index
        raise TableError(f"{path}: not a table in CSV: a row has more values than columns")
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


def read_conditions(paths: Sequence[str], kind: str) -> pd.DataFrame:
    """Return one table of several files, one for each condition, with the column `networks`.

    `kind` is a key of COLUMNS, such as `curves`. A condition has the name of its file. Without
    files, the table has the columns but no rows. Raises TableError if a file cannot be used.
    """
    none = pd.DataFrame(columns=[*COLUMNS[kind], "condition"])
    tables = [read(path, kind).assign(condition=Path(path).stem) for path in paths]
    return with_networks(pd.concat(tables or [none], ignore_index=True))


def with_networks(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the column `networks`, which names the network of each row.

    The name is `CONDITION:SEED`; `table` has the columns `condition` and `seed`.
    """
    return table.assign(networks=table["condition"] + ":" + table["seed"].astype(str))


def together(networks: Iterable[str]) -> str:
    """Return the networks of several rows as one text, such as "a:0,1 b:0", each of them once."""
    seeds: dict[str, dict[str, None]] = {}
    for name in " ".join(networks).split():
        condition, _, several = name.partition(":")
        seeds.setdefault(condition, {}).update(dict.fromkeys(several.split(",")))
    return " ".join(f"{condition}:{','.join(several)}" for condition, several in seeds.items())


def read_counts(path: str | Path) -> dict[str, np.ndarray]:
    """Return the number of updates of each synapse, by layer: `hidden` and `out`.

    Raises TableError if the file cannot be used.
    """
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
    return layers
