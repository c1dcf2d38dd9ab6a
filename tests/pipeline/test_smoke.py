"""The pipeline at smoke scale, from raw images to figures: what it makes, remakes and refuses."""

from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from workflow.configuration import read

ROOT = Path(__file__).parents[2]
CONFIG = read(ROOT / "config.yaml")
KINDS = ["svg", "png", "pdf", "csv"]
GALLERY = "figures/smoke/gallery.md"


@contextmanager
def edited(clone, name, edit):
    """Edit a file of the clone, and restore it afterwards."""
    path = clone.root / name
    content = path.read_text()
    path.write_text(edit(content))
    assert path.read_text() != content
    try:
        yield
    finally:
        path.write_text(content)


def files(pending, *starts):
    """Return those of the files whose names start so."""
    return {file for file in pending if file.startswith(starts)}


def figure(name):
    """Return the files of a figure."""
    return {f"figures/smoke/{name}.{kind}" for kind in KINDS}


@pytest.fixture(scope="module")
def energy(built):
    """The networks that were trained at smoke scale."""
    return pd.read_csv(built.root / "results/smoke/energy.csv")


def mean(rows, quantity="M0"):
    """Return the mean of a quantity over the networks that reached the goal."""
    assert len(rows) and rows["reached"].all()
    return rows[quantity].mean()


# Before anything is built


def test_one_figure_needs_its_own_experiment_only(fresh):
    pending = fresh.pending("figures/smoke/energy_vs_width.svg")
    assert files(pending, "figures") == figure("energy_vs_width")
    assert files(pending, "results") == {
        "results/smoke/experiments/energy_vs_width.csv",
        *(f"results/smoke/runs/backprop-width{width}.csv" for width in (50, 100, 300, 1000)),
    }


# What is built


def test_all_figures_and_tables_are_there(built):
    for name in CONFIG["figures"]:
        for file in figure(name):
            assert (built.root / file).stat().st_size > 0
    made = {str(path.relative_to(built.root)) for path in (built.root / "results").rglob("*.csv")}
    assert {"results/smoke/energy.csv", "results/smoke/claims.csv"} <= made


def test_paper_scale_work_is_untouched(built):
    for path, text in built.paper.items():
        assert path.read_text() == text
    assert [path.name for path in (built.root / "results/paper").iterdir()] == ["energy.csv"]
    assert [path.name for path in (built.root / "logs").iterdir()] == ["smoke"]
    assert [path.name for path in (built.root / "figures").glob("*.*")] == ["energy_vs_width.svg"]


def test_the_table_has_every_network_once_for_each_experiment(built, energy):
    names = "experiment rule width plastic_units fraction fraction_out criterion gate margin"
    assert list(energy)[:9] == names.split()
    assert list(energy["experiment"].unique()) == list(CONFIG["experiments"])
    assert energy["M0"].dtype == "int64"
    by = ["experiment", "rule", "width", "plastic_units", "fraction", "goal", "criterion"]
    for experiment, networks in energy.groupby("experiment"):
        own = CONFIG["experiments"][experiment].get("seeds", CONFIG["seeds"])
        count = networks.groupby(by, dropna=False)["seed"].nunique()
        assert (count >= len(own["smoke"])).all()


def test_values_are_passed_on_digit_by_digit(built):
    name = "backprop-width50"
    run = (built.root / f"results/smoke/runs/{name}.csv").read_text().splitlines()
    energy = (built.root / "results/smoke/energy.csv").read_text().splitlines()
    assert energy[0] == f"experiment,{run[0]},condition"
    assert {f"energy_vs_width,{line},{name}" for line in run[1:]} <= set(energy)


def test_every_claim_has_a_verdict(built):
    claims = pd.read_csv(built.root / "results/smoke/claims.csv")
    names = "id,claim,source,reading,expected,value,low,high,verdict"
    assert list(claims)[:9] == names.split(",")
    assert not claims.duplicated(["id", "reading"]).any()
    assert list(claims["id"].unique()) == list(CONFIG["claims"])
    assert (claims.groupby("id")["nearest"].sum() == 1).all()
    untested = claims["verdict"] == "not tested"
    assert claims["verdict"].isin(["reproduced", "partly", "not reproduced", "not tested"]).all()
    assert claims.loc[claims["value"].isna(), "reason"].str.len().gt(0).all()
    assert claims.loc[untested, "value"].isna().all()
    # Few readings have their networks at this scale.
    assert {"floor", "growth", "turnover"} <= set(claims["id"][~untested])


def test_the_paper_needs_no_search_and_no_other_data(built):
    made = {path.name for path in (built.root / "results/smoke").iterdir()}
    assert "searches" not in made
    assert [path.name for path in (built.root / "data").iterdir()] == ["mnist"]
    assert not (built.root / "figures/smoke/finding.md").exists()


# The science, with room for chance


def test_backprop_learns_as_is_known(energy):
    rows = energy.query("experiment == 'energy_vs_width' and width == 100")
    assert 30_000 <= mean(rows, "trials") <= 50_000
    assert 2.4e9 <= mean(rows, "M0") <= 4e9
    assert 4.5e4 <= mean(rows, "M1") <= 8e4


def test_backprop_spends_more_in_larger_networks_and_learns_faster(energy):
    large, best, small = (
        energy.query(f"experiment == 'energy_vs_width' and width == {width}")
        for width in (300, 100, 50)
    )
    assert mean(large) > 1.2 * mean(best)
    assert mean(large, "trials") < mean(best, "trials") < mean(small, "trials")


def test_every_synapse_takes_part_in_backprop_and_few_in_competition(energy):
    leaky = energy[energy["activation"] == "leaky_relu"]  # others have units that do not learn
    backprop = leaky.query("rule == 'backprop'")
    assert (backprop["participation"] > 1 - 1e-6).all()  # an error may be 0 by chance
    largest = leaky.query("rule == 'competitive' and criterion == 'largest_update'")
    assert (largest["participation"] < 0.95).all()
    turnover = energy.query("experiment == 'turnover' and fraction == 0.01")
    turnover = turnover.groupby("rule")["participation"].mean()
    assert turnover["competitive"] > 1.5 * turnover["random_synapses"]
    members = 0.01 * 785 * 100 + 0.784 * 101 * 10  # of the mask, in both layers
    assert turnover["random_synapses"] == pytest.approx(members / (785 * 100 + 101 * 10), rel=0.01)


def test_competition_saves_updates_and_a_random_mask_saves_less(energy):
    rows = energy[energy["experiment"] == "energy_vs_fraction"]
    backprop = mean(rows.query("rule == 'backprop'"))
    assert mean(rows.query("rule == 'competitive' and fraction == 0.1")) < backprop / 4
    assert mean(rows.query("rule == 'competitive' and fraction == 0.01")) < backprop / 10
    competitive, masked = (
        mean(rows.query(f"rule == '{rule}' and fraction == 0.3"))
        for rule in ("competitive", "random_synapses")
    )
    assert competitive < 0.8 * masked


def test_a_subnet_spends_less_than_the_whole_network(energy):
    sizes = energy.query("experiment == 'subnet_size' and width == 200")
    whole = mean(sizes.query("plastic_units == width"))
    assert mean(sizes.query("plastic_units == 100")) < whole


def test_the_smallest_updates_are_the_wrong_ones(energy):
    rows = energy[energy["experiment"] == "selection_criteria"]
    smallest = rows[rows["criterion"] == "smallest_update"]
    assert not smallest["reached"].any() and (smallest["accuracy"] < 0.9).all()
    for criterion in ("largest_error", "largest_activity"):
        by_units = rows.query(f"criterion == '{criterion}' and fraction == 0.3")
        assert mean(rows.query("criterion == 'largest_update' and fraction == 0.1")) < mean(
            by_units
        )


def test_in_a_large_network_competition_saves_most_and_fixed_features_do_not_do(energy):
    rows = energy.query("experiment == 'strategies_vs_width' and width == 1000")
    backprop, competitive, subnet, both = (
        mean(rows.query(condition))
        for condition in (
            "rule == 'backprop'",
            "rule == 'competitive' and fraction == 0.01",
            "rule == 'subnet'",
            "rule == 'competitive_subnet'",
        )
    )
    assert competitive < backprop / 20
    assert both < subnet < backprop / 2
    fixed = energy.query("experiment == 'strategies_vs_width' and rule == 'fixed_features'")
    assert not fixed["reached"].any()


def test_competition_and_a_subnet_save_at_higher_accuracies_too(energy):
    rows = energy[energy["experiment"] == "energy_vs_accuracy"]
    backprop = mean(rows.query("rule == 'backprop'"))
    assert mean(rows.query("rule == 'competitive'")) < backprop / 10
    assert mean(rows.query("rule == 'subnet'")) < backprop


def test_in_the_end_a_random_mask_costs_more_accuracy_than_competition(energy):
    rows = energy[energy["experiment"] == "accuracy"]
    accuracy = rows.fillna({"fraction": 1}).groupby(["rule", "fraction"])["accuracy"].mean()
    assert accuracy["competitive", 0.1] > accuracy["backprop", 1] - 0.02
    assert accuracy["competitive", 0.1] > accuracy["random_synapses", 0.1] + 0.01


def test_caching_leaves_learning_as_it_is_and_saves_consolidation(energy):
    cached = energy.query("experiment == 'caching' and rule == 'backprop'")
    plain = energy.query("experiment == 'energy_vs_width' and width == 100").set_index("seed")
    for _, rows in cached.groupby("caching_threshold"):
        same = rows.set_index("seed")[["trials", "M0"]]
        pd.testing.assert_frame_equal(same, plain[["trials", "M0"]])
    consolidated = cached.groupby("caching_threshold")["M1_consolidation"].mean()
    assert consolidated.is_monotonic_decreasing
    assert consolidated[0.1] < plain["M1"].mean() / 5


def test_competition_saves_updates_in_every_variant_of_the_model(energy):
    rows = energy[energy["experiment"] == "robustness"]
    variant = ["learning_rate", "initial_sd", "loss", "activation"]
    M0 = rows[rows["reached"]].pivot_table(index=variant, columns="rule", values="M0").dropna()
    assert len(M0) >= 4
    assert (M0["competitive"] < M0["backprop"] / 2).all()


# What is made anew


def test_a_second_call_does_nothing(built):
    process = built.snakemake()
    assert process.returncode == 0
    assert "Nothing to be done" in process.stderr


def test_an_edit_of_a_plotting_script_remakes_that_figure_only(built):
    script = "scripts/figures/energy_vs_width.py"
    with edited(built, script, lambda text: text + "EDITED = 1\n"):
        assert built.pending() == figure("energy_vs_width") | {GALLERY}


def test_the_style_remakes_figures_only(built):
    with edited(built, "scripts/figures/matplotlibrc", lambda text: text + "\n# a comment\n"):
        pending = built.pending()
    assert pending == {GALLERY}.union(*map(figure, CONFIG["figures"]))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("scripts/plasticity/network.py", "# a comment"),
        ("scripts/figures/energy_vs_width.py", "# a comment"),
        ("scripts/provenance/record.py", "EDITED = 1"),
        ("scripts/workflow/command_line.py", "EDITED = 1"),
        ("envs/requirements.lock", "# a comment"),
        ("envs/tools.lock", "# a comment"),
    ],
)
def test_what_can_alter_no_number_remakes_nothing(built, file, text):
    with edited(built, file, lambda code: f"{code}\n{text}\n"):
        assert built.pending() == set()


def test_an_edit_of_the_reference_compares_winners_again(built):
    """It continues the training of networks whose winners are compared."""
    with edited(built, "scripts/plasticity/reference.py", lambda text: text + "\nEDITED = 1\n"):
        pending = built.pending()
    assert files(pending, "results/smoke/overlaps")
    assert not files(pending, "results/smoke/runs")


def test_an_edit_of_the_network_retrains(built):
    with edited(built, "scripts/plasticity/network.py", lambda text: text + "\nEDITED = 1\n"):
        pending = built.pending()
    runs = {
        str(path.relative_to(built.root)) for path in built.root.glob("results/smoke/runs/*.csv")
    }
    assert runs <= pending
    assert not files(pending, "data/mnist/train")


def test_a_changed_value_retrains_what_it_touches(built):
    old, new = "width: 200, plastic_units: [50, 100,", "width: 200, plastic_units: [51, 100,"
    with edited(built, "config.yaml", lambda text: text.replace(old, new, 1)):
        pending = built.pending()
    (run,) = files(pending, "results/smoke/runs")
    assert run.startswith("results/smoke/runs/subnet-width200-plastic_units51")
    assert files(pending, "results/smoke/experiments") == {
        "results/smoke/experiments/subnet_size.csv"
    }
    assert files(pending, "figures") >= figure("subnet_size")
    assert not files(pending, "figures/smoke/energy_vs_width")
