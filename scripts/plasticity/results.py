"""Trained networks as rows of tables, CSV text and .npz files: the bytes of a run's results."""

import csv
import io
from collections.abc import Iterable, Mapping

import numpy as np

from plasticity.rules import Rule
from plasticity.settings import PARAMETERS, Settings
from plasticity.training import CURVE, Result

# Other programs rely on the order of these columns. All other columns come after them.
FIRST = [
    *("rule", "width", "plastic_units", "fraction", "fraction_out", "criterion", "gate", "margin"),
    *("learning_rate", "loss", "dataset", "goal", "seed", "reached", "trials", "updated_trials"),
    *("accuracy", "train_accuracy", "M0", "M0_hidden", "M0_out", "M1", "M1_hidden", "M1_out"),
    *("M0_min", "M1_min", "participation"),
]
LAST = [
    *("diverged", "validation_accuracy", "M0_consolidation", "M1_consolidation", "maintenance"),
    "searched",  # the parts of the rule that were found by a search; see found.INGREDIENTS
]
COLUMNS = [*FIRST, *(name for name in PARAMETERS if name not in FIRST), *LAST]
CURVE_COLUMNS = [*(name for name in COLUMNS if name in PARAMETERS), *CURVE]


def row(parameters: Mapping, rule: Rule, settings: Settings, seed: int, result: Result) -> dict:
    """Return the row of a network in the table. A field without meaning for it is None."""
    values = {**parameters, **vars(rule), **vars(settings), "seed": seed, **result.measures}
    return {column: values.get(column) for column in COLUMNS}


def table(rows: Iterable[Mapping], columns: list[str]) -> str:
    """Return the rows as CSV. None becomes an empty field, and floats keep all their digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return arrays as the content of a compressed .npz file. Equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
