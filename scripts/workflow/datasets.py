"""The folders of the data sets: where they are, and what fills them."""

import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from plasticity.data import PREPARED, DataError

SCRIPTS = Path(__file__).resolve().parents[1]


def folder_of(dataset: str) -> Path:
    """Return the folder of `dataset` under the project's root."""
    return SCRIPTS.parent / "data" / dataset


def ensure(dataset: str) -> Path:
    """Fetch and prepare `dataset` if that is not done yet; return its folder.

    The scripts run as processes, so that training does not depend on their code.
    Raises DataError when one fails; it has then said why.
    """
    folder = folder_of(dataset)
    if all((folder / name).exists() for name in PREPARED):
        return folder
    for script in ("fetch.py", "prepare.py"):
        options = ["--dataset", dataset, "--folder", str(folder)]
        if subprocess.run([sys.executable, SCRIPTS / script, *options]).returncode != 0:
            raise DataError(f"{dataset}: scripts/{script} failed (its own line says why)")
    return folder


def remove_leftovers(folder: Path) -> None:
    """Remove from `folder` what killed processes have left there: files called .PROCESS-NAME."""
    for path in folder.glob(".[0-9]*-*"):
        if not psutil.pid_exists(int(path.name[1:].split("-")[0])):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
