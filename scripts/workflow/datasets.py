"""Locate the folders of the data sets, and fill them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

import psutil

from plasticity.data import PREPARED, DataError
from plasticity.raw_files import SHA256
from provenance import identity
from provenance.files import ROOT
from provenance.record import SUFFIX


def folder_of(dataset: str) -> Path:
    """Return the folder of `dataset` in the project."""
    return ROOT / "data" / dataset


def ensure(dataset: str) -> Path:
    """Fetch and prepare `dataset` if it is missing; return its folder.

    The scripts run as separate processes, so that training does not depend on their code, and with
    the recorder, as in the workflow. Raises DataError if a script fails, after the script has
    printed the reason.
    """
    folder = folder_of(dataset)
    if all((folder / name).exists() for name in PREPARED):
        return folder
    to = f"data/{dataset}"
    with chdir(ROOT):  # first, or the workflow takes the prepared files for older than it
        identity.write_step("scripts/prepare.py")
    raw, prepared = ([f"{to}/{name}" for name in names] for names in (SHA256[dataset], PREPARED))
    _record("fetch", dataset, [], raw, "--by-content")
    _record("prepare", dataset, [*raw, f"{to}/fetch{SUFFIX}"], prepared)
    return folder


def _record(
    rule: str, dataset: str, inputs: Sequence[str], outputs: Sequence[str], *options: str
) -> None:
    """Run the script of a rule through the recorder."""
    record = f"data/{dataset}/{rule}{SUFFIX}"
    command = [sys.executable, "scripts/record.py", "--rule", rule, *options, "--record", record]
    command += ["--inputs", *inputs, "--outputs", *outputs, record, "--", "python"]
    command += [f"scripts/{rule}.py", "--dataset", dataset, "--folder", f"data/{dataset}"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    process = subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path})
    if process.returncode != 0:
        raise DataError(f"{dataset}: scripts/{rule}.py failed (see its message)")


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of killed processes from `folder`; they are named .PID-NAME."""
    for path in folder.glob(".[0-9]*-*"):
        if not psutil.pid_exists(int(path.name[1:].split("-")[0])):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
