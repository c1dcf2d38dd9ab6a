"""A reader's own experiment: by YAML alone, in folders of its own."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from snakemake.utils import update_config

from workflow import configuration

ROOT = Path(__file__).parents[2]
QUICK = {"goal": 0.6, "test_interval": 200, "max_epochs": 0.1, "width": 20}

RULE = {
    "rules": {
        "own_rule": {
            "gate": "margin",
            "margin": 0.2,
            "eligible": "subnet",
            "plastic_units": 15,
            "select": "per_neuron",
            "criterion": "largest_update",
        }
    }
}
EXPERIMENT = {
    "experiments": {
        "own": {"question": "?", "smoke": [{"rule": "own_rule", "fraction": [0.2, 0.5]} | QUICK]}
    }
}
FIGURE = {
    "figures": {
        "own_figure": {
            "number": 30,
            "title": "Own",
            "script": "energy_vs_fraction",
            "experiment": "own",
        }
    }
}


def overlaid(clone, config, *arguments):
    """Write mine.yaml, and return the arguments that call Snakemake with it."""
    (clone.root / "mine.yaml").write_text(yaml.safe_dump(config))
    return [*arguments, "--configfile", "mine.yaml"]


@pytest.mark.thorough
def test_a_whole_experiment_with_its_figure_is_built_in_folders_of_its_own(prepared, tmp_path):
    copy = prepared(tmp_path)
    for name in ("results/smoke/energy.csv", "figures/smoke/own_figure.svg"):
        (copy.root / name).parent.mkdir(parents=True)
        (copy.root / name).write_text("made by the paper's smoke build\n")
    before = copy.made()
    done = copy.snakemake(*overlaid(copy, RULE | EXPERIMENT | FIGURE))
    assert done.returncode == 0, done.stderr
    after = copy.made()
    assert {path: after[path] for path in before} == before
    new = {path for path in after.keys() - before.keys() if not path.startswith("data/")}
    assert all(path.startswith(("results/mine/smoke/", "figures/mine/smoke/")) for path in new)
    assert {path for path in new if path.startswith("figures")} >= {
        f"figures/mine/smoke/own_figure.{kind}" for kind in ("svg", "png", "pdf", "csv")
    }
    energy = pd.read_csv(copy.root / "results/mine/smoke/energy.csv")
    assert list(energy["fraction"]) == [0.2, 0.2, 0.5, 0.5]
    assert set(energy["experiment"]) == {"own"} and set(energy["gate"]) == {"margin"}
    again = copy.snakemake(*overlaid(copy, RULE | EXPERIMENT | FIGURE))
    assert "Nothing to be done" in again.stderr


def runs(pending):
    """Return the conditions that would be trained."""
    return {match[1] for file in pending if (match := re.search(r"/runs/([^/]*)\.csv", file))}


def test_a_width_more_in_an_experiment_builds_that_experiment(fresh):
    grid = [{"rule": "backprop", "width": [50, 60]}]
    config = {"experiments": {"energy_vs_width": {"smoke": grid}}}
    pending = fresh.pending(*overlaid(fresh, config))
    assert runs(pending) == {"backprop-width50", "backprop-width60"}
    figures = {file for file in pending if file.startswith("figures")}
    assert {"figures/mine/smoke/energy_vs_width.svg"} <= figures
    assert not any("energy_vs_fraction" in file for file in figures)


@pytest.fixture(scope="module")
def usual(fresh):
    """The files that would be made without a configuration of one's own."""
    return fresh.pending()


def test_another_model_builds_everything_its_way(fresh, usual):
    pending = fresh.pending(*overlaid(fresh, {"model": {"learning_rate": 0.02}}))
    assert runs(pending) and len(runs(pending)) == len(runs(usual))
    assert {file.replace("/mine/", "/") for file in pending if file.startswith("figures")} == {
        file for file in usual if file.startswith("figures")
    }
    assert not any(file.startswith(("results/smoke", "figures/smoke")) for file in pending)


def test_what_is_added_to_the_papers_configuration_is_all_that_is_added(fresh, usual):
    text = (fresh.root / "config.yaml").read_text()
    config = yaml.safe_load(text)
    for part in (RULE, EXPERIMENT, FIGURE):
        for key, entries in part.items():
            config[key] |= entries
    (fresh.root / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    try:
        added = fresh.pending() - usual
    finally:
        (fresh.root / "config.yaml").write_text(text)
    assert len(runs(added)) == 2 and all(run.startswith("own_rule-") for run in runs(added))
    assert "figures/smoke/own_figure.svg" in added


def test_the_example_of_the_documentation_is_allowed(tmp_path):
    text = (ROOT / "docs" / "own-experiment.md").read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text(re.search(r"```yaml\n(rules:.*?)```", text, re.DOTALL)[1])
    config = configuration.read(ROOT / "config.yaml")
    update_config(config, configuration.read(mine))
    for scale, count in {"smoke": 2, "paper": 11}.items():
        plan = configuration.plan(config | {"scale": scale}, [mine])
        assert len(plan.conditions) == count
