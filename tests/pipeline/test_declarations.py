"""Each rule has the identity of its step as an input, so that an edit of its code is noticed."""

import json
import shlex

import pytest

from provenance import identity, record


@pytest.fixture(scope="module")
def declared(built):
    """What every job of a step had as inputs, by its scripts, as Snakemake has recorded it."""
    inputs = {}
    for job in built.table("--detailed-summary"):
        recorder, _, command = job["shellcmd"].partition(" -- ")
        assert recorder.startswith("python scripts/record.py")
        scripts = tuple(record.scripts_of(shlex.split(command)))
        if not scripts:
            assert command.startswith("cp ")
            continue
        files = set(job["input-file(s)"].split(","))
        inputs[scripts] = inputs.get(scripts, files) & files
    return inputs


def file_of(*scripts):
    """The file of a step's identity."""
    name = scripts[-1].removeprefix("scripts/").removesuffix(".py").replace("/", ".")
    return str(identity.STEPS / f"{name}.json")


def test_every_rule_has_the_identity_of_its_step_as_an_input(built, declared):
    by_content = {("scripts/fetch.py",)}  # whichever code gets them, the files are known
    for scripts in declared.keys() - by_content:
        assert file_of(*scripts) in declared[scripts]
        written = json.loads((built.root / file_of(*scripts)).read_bytes())
        assert written == identity.step(*scripts, root=built.root)


def test_training_is_done_anew_on_data_that_other_code_has_prepared(declared):
    assert file_of("scripts/prepare.py") in declared["scripts/train.py",]


def test_no_rule_has_code_as_an_input(declared):
    files = {file for files in declared.values() for file in files}
    assert not any(file.endswith(".py") for file in files)
    assert not any(file.startswith("envs/") for file in files)


def test_every_step_is_looked_at(declared):
    steps = {(f"scripts/{step}.py",) for step in ("fetch", "prepare", "train", "overlap", "claims")}
    assert steps | {("scripts/plot.py", "scripts/figures/energy_vs_width.py")} <= declared.keys()
