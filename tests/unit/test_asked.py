"""Comparison of records with the configuration."""

import copy
import shutil
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from provenance.record import parameters
from workflow import configuration
from workflow.asked import Configuration, merged, overlay_and_scale, results_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("results/smoke/runs/a.csv", ("", "smoke")),
        ("results/paper/energy.csv", ("", "paper")),
        ("results/beyond/paper/runs/a.csv", ("beyond", "paper")),
        ("figures/a.svg", ("", "paper")),
        ("figures/smoke/a.svg", ("", "smoke")),
        ("figures/beyond/a.svg", ("beyond", "paper")),
        ("figures/beyond/smoke/a.svg", ("beyond", "smoke")),
        ("results/stray.txt", None),
        ("results/beyond/stray.txt", None),
        ("figures/a/b/c/d.svg", None),
        ("data/mnist/inputs.npy", None),
        ("README.md", None),
    ],
)
def test_files_have_an_overlay_and_a_scale(file, target):
    assert overlay_and_scale(file) == target


def test_overlays_are_merged_as_snakemake_does():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    overlay = {"seeds": {"smoke": [7]}, "figures": {"new": {"number": 99}}, "claims": []}
    expected = copy.deepcopy(config)
    update_config(expected, overlay)
    assert merged(config, overlay) == expected


@pytest.fixture
def project(tmp_path):
    """Return a folder with a configuration, and a function for a run's path and record."""
    for name in ("config.yaml", "beyond.yaml"):
        shutil.copy2(ROOT / name, tmp_path / name)

    def run(overlay=""):
        config = configuration.read(tmp_path / "config.yaml")
        files = [tmp_path / f"{overlay}.yaml"] if overlay else []
        for file in files:
            config = merged(config, configuration.read(file))
        plan = configuration.plan(config | {"scale": "smoke"}, files)
        name, condition = next(
            (name, one) for name, one in plan.conditions.items() if one.found is None
        )
        folder = results_of(overlay, "smoke")
        path = f"{folder}/runs/{name}.record.json"
        words = ["python", "scripts/train.py", *configuration.command_line(condition)]
        outputs = {f"{folder}/runs/{name}.csv": ""}
        words += ["--output", *outputs]
        if "curve" in condition.record:
            outputs[f"{folder}/curves/{name}.csv"] = ""
            words += ["--curve", f"{folder}/curves/{name}.csv"]
        data = condition.parameters["dataset"]
        inputs = {f"data/{data}/{file}.npy": "" for file in ("inputs", "labels", "order")}
        recipe = {"rule": "train", "parameters": parameters(words, inputs, sorted(outputs))}
        return path, {"recipe": recipe, "outputs": outputs, "inputs": inputs}

    return tmp_path, run


@pytest.mark.parametrize("overlay", ["", "beyond"])
def test_a_requested_run_has_no_issue(project, overlay):
    folder, run = project
    assert list(Configuration(folder)(*run(overlay))) == []


@pytest.mark.parametrize("overlay", ["", "beyond"])
def test_a_changed_value_is_reported(project, overlay):
    folder, run = project
    path, record = run(overlay)
    record["recipe"]["parameters"]["learning_rate"] = 7
    (issue,) = Configuration(folder)(path, record)
    assert issue.subject == "config.yaml: learning_rate"
    assert issue.what.startswith("7 then, ")


def test_a_missing_overlay_is_not_compared(project):
    folder, run = project
    path, record = run("beyond")
    (folder / "beyond.yaml").unlink()
    record["recipe"]["parameters"]["width"] = 1
    assert list(Configuration(folder)(path, record)) == []


def test_an_invalid_configuration_is_reported(project):
    folder, run = project
    path, record = run()
    (folder / "config.yaml").write_text("model: [")
    (issue,) = Configuration(folder)(path, record)
    assert (issue.status, issue.subject) == ("STALE", "config.yaml")


@pytest.mark.parametrize("overlay", ["", "beyond"])
def test_the_command_of_a_run_is_that_of_the_configuration(project, overlay):
    folder, run = project
    path, record = run(overlay)
    command = Configuration(folder).command(path)
    inputs, outputs = record["inputs"], sorted(record["outputs"])
    assert parameters(command, inputs, outputs) == record["recipe"]["parameters"]


@pytest.mark.parametrize(
    "path",
    [
        "results/smoke/runs/forged.record.json",
        "results/other/smoke/runs/backprop-width50.record.json",
        "scripts/x.record.json",
    ],
)
def test_what_is_not_asked_for_has_no_command(project, path):
    assert Configuration(project[0]).command(path) is None
