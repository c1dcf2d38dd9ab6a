"""Locate the folders of the data sets, and fill them."""

import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from plasticity.data import PREPARED, DataError

SCRIPTS = Path(__file__).resolve().parents[1]


def folder_of(dataset: str) -> Path:
    """Return the folder of `dataset` in the project."""
    return SCRIPTS.parent / "data" / dataset


def ensure(dataset: str) -> Path:
    """Fetch and prepare `dataset` if it is missing; return its folder.

    The scripts run as separate processes, so that training does not depend on their code. Raises
    DataError if a script fails, after the script has printed the reason.
    """
    folder = folder_of(dataset)
    if all((folder / name).exists() for name in PREPARED):
        return folder
    for script in ("fetch.py", "prepare.py"):
        options = ["--dataset", dataset, "--folder", str(folder)]
        if subprocess.run([sys.executable, SCRIPTS / script, *options]).returncode != 0:
            raise DataError(f"{dataset}: scripts/{script} failed (see its message)")
    return folder


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of killed processes from `folder`; they are named .PID-NAME."""
    for path in folder.glob(".[0-9]*-*"):
        if not psutil.pid_exists(int(path.name[1:].split("-")[0])):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
