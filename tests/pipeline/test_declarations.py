"""Each rule declares the code that its script really imports, so that an edit of it is noticed."""

import json
import shlex
import subprocess
import sys

import pytest

from provenance.identity import local_modules

# Imports each script as its process would, and tells which files under scripts/ that brought in.
IMPORT = """
import json, runpy, sys
from pathlib import Path

root = Path("scripts").resolve()

def local():
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return {name: Path(file) for name, file in files.items() if file and root in Path(file).parents}

found = {}
for script in sys.argv[1:]:
    for name in local():
        del sys.modules[name]
    sys.path[0] = str(Path(script).resolve().parent)
    runpy.run_path(script, run_name="imported")
    found[script] = [str(file.relative_to(root.parent)) for file in local().values()]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def declared(built):
    """What all jobs of a script had as inputs, by script, as Snakemake has recorded it."""
    inputs = {}
    for job in built.table("--detailed-summary"):
        recorder, _, command = job["shellcmd"].partition(" -- ")
        assert recorder.startswith("python scripts/record.py")
        interpreter, script, *_ = shlex.split(command)
        if interpreter == "cp":
            continue
        assert interpreter == "python"
        files = set(job["input-file(s)"].split(","))
        inputs[script] = inputs.get(script, files) & files
    return inputs


@pytest.fixture(scope="module")
def imported(built, declared):
    """What the scripts of the rules really import from scripts/."""
    command = [sys.executable, "-c", IMPORT, *declared]
    run = subprocess.run(command, cwd=built.root, capture_output=True, text=True, check=True)
    return {script: set(files) for script, files in json.loads(run.stdout).items()}


def undeclared(imported, declared):
    """Return what a script needs, itself included, and its rule does not declare."""
    return {
        (script, file)
        for script, files in imported.items()
        for file in files | {script}
        if file not in declared[script]
    }


def test_every_rule_declares_its_script_and_all_that_it_imports(declared, imported):
    assert undeclared(imported, declared) == set()


def test_a_missing_declaration_is_noticed(declared, imported):
    for script, files in imported.items():
        for file in files | {script}:
            incomplete = declared | {script: declared[script] - {file}}
            assert undeclared(imported, incomplete) == {(script, file)}


def test_no_rule_declares_code_that_its_script_does_not_import(built, declared, monkeypatch):
    monkeypatch.chdir(built.root)
    for script, files in declared.items():
        code = {file for file in files if file.startswith("scripts/") and file.endswith(".py")}
        assert code == {script, *local_modules(script)}


def test_every_step_is_looked_at(declared):
    steps = {"fetch", "prepare", "train", "summarise", "claims", "figures/energy_vs_width"}
    assert {f"scripts/{step}.py" for step in steps} <= declared.keys()
    assert "scripts/plasticity/network.py" in declared["scripts/train.py"]
    assert "scripts/plasticity/network.py" not in declared["scripts/summarise.py"]
