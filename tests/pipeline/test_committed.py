"""The committed results are what anybody gets who trains the same networks again."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from snakemake.utils import update_config

import finding
import gallery
from analysis.claims import outcomes
from analysis.tables import read
from workflow import configuration

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "figures"
BEYOND = FIGURES / "beyond"
published = pytest.mark.skipif(
    not (BEYOND / "runs.zip").exists(), reason="figures/beyond has no published runs yet"
)
# Exact: counts. To rounding, which another processor may do otherwise: sums.
EXACT = ["reached", "diverged", "trials", "updated_trials", "accuracy", "M0", "M0_hidden", "M0_out"]
SUMS = ["M1", "M1_hidden", "M1_out", "M1_min", "participation"]
# Cheap, and of every loop of the engine: experiment, condition, seeds.
SAMPLE = [
    ("energy_vs_width", "backprop-width100", [0, 3]),
    ("energy_vs_fraction", "competitive-width100-fraction0.02", [1]),
    ("energy_vs_fraction", "random_synapses-width100-fraction0.5", [2]),
    ("energy_vs_fraction", "random_neurons-width100-fraction0.5", [4]),
    ("subnet_size", "subnet-width1000-plastic_units100", [0]),
]


def planned(*overlays):
    """Return what is built at the paper's scale, by config.yaml and what lies over it."""
    config = configuration.read(ROOT / "config.yaml")
    for overlay in overlays:
        update_config(config, configuration.read(overlay))
    return configuration.plan(config | {"scale": "paper"}, overlays)


@pytest.fixture(scope="module")
def plan():
    return planned()


@pytest.mark.parametrize(("experiment", "name", "seeds"), SAMPLE)
def test_networks_trained_again_give_the_committed_numbers(plan, experiment, name, seeds, tmp_path):
    condition = plan.conditions[name]
    assert name in plan.experiments[experiment]
    options = configuration.command_line(condition)
    given = options.index("--seed")
    options[given + 1 : given + 1 + len(condition.parameters["seed"])] = map(str, seeds)
    output = tmp_path / "run.csv"
    command = [sys.executable, ROOT / "scripts" / "train.py", *options, "--output", output]
    subprocess.run(command, check=True)
    found = pd.read_csv(output).set_index("seed")
    energy = pd.read_csv(FIGURES / "energy.csv")
    same = energy["experiment"] == experiment
    for column in ("rule", "width", "fraction", "plastic_units", "initial_sd"):
        if column in condition.parameters:
            same &= energy[column] == condition.parameters[column]
    committed = energy[same].set_index("seed").loc[seeds]
    pd.testing.assert_frame_equal(found[EXACT], committed[EXACT])
    pd.testing.assert_frame_equal(found[SUMS], committed[SUMS], rtol=1e-5)


@pytest.mark.parametrize(
    ("folder", "overlays"),
    [(FIGURES, []), pytest.param(BEYOND, [ROOT / "beyond.yaml"], marks=published)],
)
def test_the_table_has_every_network_of_the_plan(folder, overlays):
    energy, plan = pd.read_csv(folder / "energy.csv"), planned(*overlays)
    networks = {
        experiment: sum(len(plan.conditions[name].parameters["seed"]) for name in names)
        for experiment, names in plan.experiments.items()
    }
    assert energy["experiment"].value_counts().to_dict() == networks


def test_the_readme_says_what_the_figures_plot(plan):
    text = gallery.gallery(FIGURES, "figures", plan.figures)
    readme = (ROOT / "README.md").read_text()
    assert gallery.spliced(readme, text) == readme
    assert "Too few networks" not in text


@published
def test_the_gallery_beyond_the_paper_says_what_its_figures_plot():
    text = gallery.gallery(BEYOND, ".", planned(ROOT / "beyond.yaml").figures)
    assert (BEYOND / "gallery.md").read_text() == text
    assert "Too few networks" not in text


@published
def test_the_finding_says_what_the_tables_say():
    figures = planned(ROOT / "beyond.yaml").figures
    results = finding.Results(
        outcomes(read(BEYOND / "claims.csv", "claims")),
        pd.read_csv(BEYOND / "energy.csv"),
        {name: pd.read_csv(BEYOND / f"{name}.csv") for name in figures},
    )
    page = (BEYOND / "finding.md").read_text()
    assert finding.page(results, "paper", "../../docs/beyond.md") == page
    assert "No result" not in page
