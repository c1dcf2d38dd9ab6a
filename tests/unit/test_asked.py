"""What the configuration asks for, as the audit compares it with records."""

import copy
import shutil
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from provenance.record import parameters
from workflow import configuration
from workflow.asked import Configuration, merged, place_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("file", "place"),
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
def test_files_have_a_place(file, place):
    assert place_of(file) == place


def test_overlays_are_merged_as_snakemake_does():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    overlay = {"seeds": {"smoke": [7]}, "figures": {"new": {"number": 99}}, "claims": []}
    expected = copy.deepcopy(config)
    update_config(expected, overlay)
    assert merged(config, overlay) == expected


@pytest.fixture
def project(tmp_path):
    """A project's configuration, and the record of the run of its first condition."""
    for name in ("config.yaml", "beyond.yaml"):
        shutil.copy2(ROOT / name, tmp_path / name)

    def record(overlay=""):
        config = configuration.read(tmp_path / "config.yaml")
        files = [tmp_path / f"{overlay}.yaml"] if overlay else []
        for file in files:
            config = merged(config, configuration.read(file))
        plan = configuration.plan(config | {"scale": "smoke"}, files)
        name, condition = next(
            (name, one) for name, one in plan.conditions.items() if one.found is None
        )
        words = configuration.command_line(condition)
        folder = "/".join(filter(None, ("results", overlay, "smoke")))
        recipe = {"rule": "train", "parameters": parameters(words, {}, [])}
        return {"recipe": recipe, "outputs": {f"{folder}/runs/{name}.csv": ""}, "inputs": {}}

    return tmp_path, record


@pytest.mark.parametrize("overlay", ["", "beyond"])
def test_what_is_asked_for_is_no_finding(project, overlay):
    folder, record = project
    assert list(Configuration(folder)("path", record(overlay))) == []


@pytest.mark.parametrize("overlay", ["", "beyond"])
def test_another_value_is_told(project, overlay):
    folder, record = project
    made = record(overlay)
    made["recipe"]["parameters"]["learning_rate"] = 7
    (finding,) = Configuration(folder)("path", made)
    assert finding.subject == "config.yaml: learning_rate"
    assert finding.what.startswith("7 then, ")


def test_an_overlay_that_is_not_here_is_not_compared(project):
    folder, record = project
    made = record("beyond")
    (folder / "beyond.yaml").unlink()
    made["recipe"]["parameters"]["width"] = 1
    assert list(Configuration(folder)("path", made)) == []


def test_a_configuration_that_cannot_be_read_is_told(project):
    folder, record = project
    made = record()
    (folder / "config.yaml").write_text("model: [")
    (finding,) = Configuration(folder)("path", made)
    assert (finding.status, finding.subject) == ("STALE", "config.yaml")
