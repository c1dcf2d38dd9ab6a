"""Each rule has the identity of its step as an input, so that an edit of its code is noticed."""

import json
import shlex

import pytest

from provenance import identity


@pytest.fixture(scope="module")
def declared(built):
    """What every job of a script had as inputs, by script, as Snakemake has recorded it."""
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


def file_of(script):
    """The file of a step's identity."""
    name = script.removeprefix("scripts/").removesuffix(".py").replace("/", ".")
    return str(identity.STEPS / f"{name}.json")


def test_every_rule_has_the_identity_of_its_step_as_an_input(built, declared):
    by_content = {"scripts/fetch.py"}  # whichever code gets them, the files are known
    for script in declared.keys() - by_content:
        assert file_of(script) in declared[script]
        written = json.loads((built.root / file_of(script)).read_bytes())
        assert written == identity.step(script, built.root)


def test_training_is_done_anew_on_data_that_other_code_has_prepared(declared):
    assert file_of("scripts/prepare.py") in declared["scripts/train.py"]


def test_no_rule_has_code_as_an_input(declared):
    files = {file for files in declared.values() for file in files}
    assert not any(file.endswith(".py") for file in files)
    assert not any(file.startswith("envs/") for file in files)


def test_every_step_is_looked_at(declared):
    steps = {"fetch", "prepare", "train", "summarise", "claims", "figures/energy_vs_width"}
    assert {f"scripts/{step}.py" for step in steps} <= declared.keys()
