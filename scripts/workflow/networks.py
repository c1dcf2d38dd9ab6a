"""Keep each trained network in the store of results.

So an interrupted job resumes after its last complete network, and conditions, overlays and manual
runs share networks.
"""

import io
import json
import time
from collections.abc import Callable, Mapping

import numpy as np

from plasticity.data import PREPARED
from plasticity.rules import Rule
from plasticity.settings import Settings
from provenance import identity, store
from provenance.files import digest, remembered_sha256
from workflow import datasets
from workflow.progress import ProgressLine

NAMES = ("rule", "searched", "dataset")  # parameters that are not in Rule or Settings
Network = tuple[dict, list[dict], dict]  # a network's row, learning curve and update counts


def recipe(engine: str, chosen: Mapping, parts: Rule, settings: Settings) -> dict:
    """Return what determines a network, without its seed and without what is recorded of it."""
    return {
        "step": identity.step("scripts/train.py"),
        "engine": identity.code(f"scripts/plasticity/{engine}.py"),
        "parameters": vars(parts) | vars(settings) | {key: chosen.get(key) for key in NAMES},
        "data": data_of(chosen["dataset"]),
    }


def data_of(dataset: str) -> dict[str, str]:
    """Return the sha256 of the arrays of a data set, by name."""
    folder = datasets.folder_of(dataset)
    return {name: remembered_sha256(folder / name) for name in PREPARED}


def stored(recipe: Mapping, train: Callable[[], Network]) -> Network:
    """Return the network of a recipe from the store; if it is missing, train and store it."""
    id = digest(recipe)
    if entry := store.get(id):
        row, curve = json.loads(entry.files["network.json"])
        name = "from the store: {rule}, width {width}, seed {seed}".format_map(row)
        ProgressLine(name).done(row)
        with np.load(io.BytesIO(entry.files["counts.npz"])) as counts:
            return row, curve, dict(counts)
    start = time.process_time()
    row, curve, counts = network = train()
    text = json.dumps([row, curve], default=lambda number: number.item())
    arrays = io.BytesIO()
    np.savez(arrays, allow_pickle=False, **counts)
    files = {"network.json": text.encode(), "counts.npz": arrays.getvalue()}
    store.put(id, files, time.process_time() - start)
    return network
