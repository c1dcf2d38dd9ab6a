"""Figures: what they plot, that nobody's failure is hidden, and that the bytes do not change."""

import importlib
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy import stats

from analysis import estimates, seeds
from figures import style

ROOT = Path(__file__).resolve().parents[2]

RULES = ["backprop", "random_synapses", "competitive", "subnet", "competitive_subnet"]
# Rules that searches have found, and what they chose of each.
FOUND = {
    "frugal_updates": "gate selection width",
    "frugal_change": "gate selection width",
    "frugal_cached": "gate selection width",
    "frugal_without_gate": "selection width",
    "frugal_only_gate": "gate",
}
CRITERIA = [
    *("largest_update", "smallest_update", "largest_weight", "smallest_weight"),
    *("largest_error", "largest_activity"),
]
FIGURES = [
    *("energy_vs_width", "energy_vs_accuracy", "energy_vs_fraction", "selection_criteria"),
    *("subnet_size", "strategies_vs_width", "savings", "accuracy", "turnover", "caching"),
    *("robustness", "claims", "frugal_frontier", "ablation", "generality", "toward_cortex"),
]


def load(figure):
    """Return the module of a figure."""
    return importlib.import_module(f"figures.{figure}")


def network(rule, seed, width=100, **given):
    """Return a made-up row of energy.csv: energies that differ by rule, width and seed."""
    size = [*RULES, *FOUND].index(rule) + 1
    trials = 20_000 + 2_000 * seed + 400_000 // width
    M0 = trials * 795 * width // size**2
    M1 = 50.0 * (width * (2 + seed)) ** 0.5 / size
    return {
        **dict.fromkeys(estimates.CONDITION, np.nan),
        "rule": rule,
        "width": width,
        "gate": "always",
        "learning_rate": 0.01,
        "initial_sd": 0.03,
        "loss": "mse",
        "activation": "leaky_relu",
        "dataset": "mnist",
        "goal": 0.95,
        "stop_on": "test",
        "seed": seed,
        "reached": True,
        "trials": trials,
        "accuracy": 0.951 + 0.001 * seed,
        "M0": M0,
        "M1": M1,
        "M0_min": 795 * width,
        "M1_min": M1 / (20 + seed),
        "participation": 1 / size,
        "M1_consolidation": np.nan,
        "maintenance": np.nan,
        "searched": FOUND.get(rule, np.nan),
        **given,
    }


def networks(seeds, *conditions):
    """Return a table of networks: each condition, (rule, values), with each of `seeds`."""
    return pd.DataFrame(
        [network(rule, seed, **given) for rule, given in conditions for seed in range(seeds)]
    )


def progress_of(seeds, *conditions):
    """Return a table of tests during training: errors halve from test to test."""
    return pd.DataFrame(
        {
            "rule": rule,
            "width": 100,
            "plastic_units": np.nan,
            "fraction": fraction,
            "seed": seed,
            "trials": 2000 * test,
            "accuracy": 1 - 0.6 / 2**test - 0.01 * (rule == "random_synapses"),
            "train_accuracy": 1 - 0.55 / 2**test,
            "M0": 1000 * test * (seed + 1),
            "M1": 10.0 * test,
        }
        for rule, fraction in conditions
        for seed in range(seeds)
        for test in range(1, 8)
    )


def inputs(figure, seeds=2):
    """Return what the summarise function of a figure takes, as a list."""
    widths, fractions = [30, 100, 300, 1000], [0.003, 0.01, 0.1]
    by_width = [(rule, {"width": width}) for rule in RULES for width in widths]
    by_fraction = [
        ("backprop", {}),
        *(("competitive", {"fraction": p}) for p in fractions),
        *(("random_synapses", {"fraction": p, "reached": p > 0.05}) for p in fractions),
    ]
    match figure:
        case "energy_vs_width" | "strategies_vs_width" | "savings":
            return [networks(seeds, *by_width)]
        case "energy_vs_fraction":
            return [networks(seeds, *by_fraction)]
        case "subnet_size":
            sizes = [("subnet", {"width": w, "plastic_units": k}) for w in widths for k in (9, 20)]
            return [networks(seeds, *sizes)]
        case "selection_criteria":
            chosen = [
                ("competitive", {"criterion": c, "fraction": p, "reached": "smallest" not in c})
                for c in CRITERIA
                for p in fractions
            ]
            return [networks(seeds, ("backprop", {}), *chosen)]
        case "caching":
            cached = [
                (rule, {"caching_threshold": h, "M1_consolidation": 9 / h, "maintenance": 1e4 * h})
                for rule in ("backprop", "competitive")
                for h in (0.001, 0.01, 0.1)
            ]
            return [networks(seeds, *cached)]
        case "robustness":
            changes = [{}, {"learning_rate": 0.1, "reached": False, "M1": np.nan}]
            changes += [{"loss": "cross_entropy"}, {"activation": "relu"}, {"initial_sd": 0.1}]
            return [networks(seeds, *((rule, given) for rule in RULES for given in changes))]
        case "energy_vs_accuracy" | "accuracy":
            conditions = [("backprop", np.nan), ("competitive", 0.01), ("random_synapses", 0.01)]
            return [progress_of(seeds, *conditions)]
        case "turnover":
            random = np.random.default_rng(0)
            counts = [
                {
                    "hidden": random.integers(9, size=(100, 785)),
                    "out": random.integers(9, size=(10, 101)),
                }
                for _ in by_fraction
            ]
            return [networks(seeds, *by_fraction), counts]
        case "claims":
            columns = "id claim source reading expected value low high verdict quantity reason"
            rows = [
                ("floor", "takes 10^8", "A", "M0", "1e8", 2e8, 1e8, 3e8, "reproduced", "M0", ""),
                ("growth", "a law", "S", "M1", "0.5", 0.3, 0.2, 0.4, "partly", "exponent", ""),
                ("growth", "a law", "S", "M0", "", 0.7, 0.6, 0.8, "partly", "exponent", ""),
                ("cortex", "large", "S", "M0", "1e5", 1, 0.5, 2, "not reproduced", "factor", ""),
                ("turnover", "is 0.6", "S", "", "", *[np.nan] * 3, "not tested", "-", "no runs"),
            ]
            return [pd.DataFrame(rows, columns=columns.split())]
        case "frugal_frontier":
            cache = {"caching_threshold": 0.1, "M1_consolidation": 3.0, "maintenance": 500.0}
            rules = [(rule, {}) for rule in ("backprop", "competitive", "subnet", *[*FOUND][:2])]
            stops = [
                (rule, given | {"stop_on": stop_on})
                for rule, given in [*rules, ("frugal_cached", cache)]
                for stop_on in ("validation", "test")
            ]
            return [networks(seeds, *stops), histories()]
        case "ablation":
            return [networks(seeds, *((rule, {}) for rule in ("backprop", *FOUND)))]
        case "generality":
            varied = [{"goal": goal} for goal in (0.9, 0.95, 0.97)]
            varied += [{"width": width} for width in (30, 300)]
            varied += [{"dataset": "fashion_mnist", "goal": 0.85}, {"loss": "cross_entropy"}]
            rules = ("backprop", "competitive", "frugal_updates")
            return [networks(seeds, *((rule, given) for rule in rules for given in varied))]
        case "toward_cortex":
            scaled = {10_000: {"learning_rate": 0.003}, 100_000: {"initial_sd": 0.01}}
            wide = [
                (rule, {"width": width} | scaled.get(width, {}))
                for rule in ("backprop", "competitive", "frugal_updates")
                for width in (30, 100, 300, 1000, 3000, *scaled)
            ]
            return [networks(seeds, *wide)]


def histories():
    """Return the evaluations of three searches: the second of four fails, the last is beaten."""
    trials = [2000, 4000, 6000, 8000]
    return pd.concat(
        pd.DataFrame(
            {
                "search": search,
                "minimise": minimised,
                "maintenance_cost": 0.01 if minimised == "cached" else 0.0,
                "reached": [True, False, True, True],
                "front": [True, False, True, False],
                "trials": trials,
                "energy": [40.0, np.nan, 10.0, 20.0],
                "M0": [40.0 if minimised == "M0" else 1, 7, 10, 20],
                "M1": [40.0 if minimised == "M1" else 1, 7, 10, 20],
                "M1_consolidation": [30.0, 7, 8, 15] if minimised == "cached" else np.nan,
                "maintenance": [1000.0, 7, 200, 500] if minimised == "cached" else np.nan,
            }
        )
        for search, minimised in [("updates", "M0"), ("change", "M1"), ("cached", "cached")]
    )


@pytest.fixture(autouse=True)
def coarse_pictures(monkeypatch):
    """Save time: the size of pictures does not matter to what is tested."""
    monkeypatch.setitem(matplotlib.rcParams, "savefig.dpi", 60)


def built(figure, tables, output, scale="paper"):
    """Save a figure made from tables and return its files' bytes by their endings."""
    module = load(figure)
    numbers = module.summarise(*tables)
    style.save(module.draw(numbers), numbers, output, scale)
    return {path.suffix: path.read_bytes() for path in output.parent.glob(f"{output.name}.*")}


# Estimates


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0], [0.5, 0.1], list(np.geomspace(1, 1e9, 8))])
def test_means_are_geometric_with_intervals_of_their_logarithms(values):
    theirs = stats.ttest_1samp(np.log(values), 0).confidence_interval(0.95)
    expected = stats.gmean(values), np.exp(theirs.low), np.exp(theirs.high)
    assert seeds.geometric_mean(values) == pytest.approx(expected)


def test_one_value_has_no_interval():
    mean, low, high = seeds.geometric_mean([3.0])
    assert mean == pytest.approx(3) and np.isnan([low, high]).all()


def test_power_law_is_found_and_carried_on():
    widths = np.array([100, 300, 1000, 3000])
    exponents = np.array([0.4, 0.5, 0.6])
    logarithms = np.log(7 * widths ** exponents[:, None])
    law = seeds.power_law(pd.DataFrame(logarithms, columns=widths))
    mean, low, high = law.exponent()
    t = stats.ttest_1samp(exponents, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((0.5, t.low, t.high))
    assert law.at([1e8])[0] == pytest.approx(7 * 1e8**0.5)
    assert law.at([1])[1:] == pytest.approx(7)  # where all three meet


def test_fit_starts_at_the_optimum_and_needs_three_widths():
    energy = networks(3, *(("backprop", {"width": w}) for w in (10, 20, 40, 80)))
    energy["M0"] = energy["width"].map({10: 900, 20: 100, 40: 200, 80: 400})
    table = estimates.tidy(energy, "A", "width", "M0")
    fit = estimates.fitted(table)
    assert fit.loc[fit["kind"] == "fit", "x"].agg(["min", "max"]).tolist() == [20, 80]
    assert fit.loc[fit["kind"] == "exponent", "y"].item() == pytest.approx(1)
    assert estimates.fitted(table[table["x"] != 40]).empty


def test_a_failed_run_leaves_no_mean_but_is_there():
    energy = networks(3, ("competitive", {"fraction": 0.1}), ("competitive", {"fraction": 0.2}))
    energy.loc[1, "reached"] = False
    table = estimates.tidy(energy, "A", "fraction", "M0").set_index(["kind", "x"])
    assert np.isnan(table.loc[("mean", 0.1), "y"]) and not table.loc[("mean", 0.1), "reached"]
    assert table.loc[("mean", 0.2), "y"] == pytest.approx(stats.gmean(energy["M0"][3:]))
    assert len(table.loc[("run", 0.1)]) == 3


def test_a_diverged_run_has_not_reached_anything():
    energy = networks(1, ("backprop", {"M1": np.inf}))
    assert not estimates.tidy(energy, "A", "width", "M1")["reached"].any()


def test_most_sparing_setting_is_one_that_always_reached_the_goal():
    energy = networks(
        2,
        ("competitive", {"fraction": 0.1, "M0": 50}),
        ("competitive", {"fraction": 0.2, "M0": 70}),
        ("competitive", {"fraction": 0.01, "M0": 5}),
    )
    energy.loc[5, "reached"] = False
    assert set(estimates.most_sparing(energy, "M0")["fraction"]) == {0.1}


# Colours and numbers


def test_every_rule_of_the_config_has_its_own_look():
    config, beyond = (
        yaml.safe_load((ROOT / name).read_text()) for name in ("config.yaml", "beyond.yaml")
    )
    compared = beyond["experiments"]["frugal_frontier"]["paper"][0]["rule"]
    looks = [style.LOOKS[rule][:2] for rule in [*config["rules"], *compared]]
    assert len(set(looks)) == len(looks)


def test_a_rule_without_a_look_gets_one_and_keeps_it():
    assert style.look("my_rule") == style.look("my_rule 0.3")


# Matrices of Machado, Oliveira and Fernandes (2009) for linear RGB, severity 1.
SIGHTS = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour, sight):
    """Return the CIELAB coordinates of an sRGB colour, as a kind of sight perceives it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.array(to_xyz) @ np.clip(sight @ linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_of_rules_differ_to_every_eye(sight):
    # Those of rules that were searched for the same are one.
    same = [rule for rule in style.LOOKS if rule.endswith(("_again", "_fast", "_leaky"))]
    for rule in same:
        assert style.LOOKS[rule][0] == style.LOOKS[rule.rpartition("_")[0]][0]
    rules = [rule for rule in style.LOOKS if rule not in [*CRITERIA, *same]]
    seen = {rule: lab(style.LOOKS[rule][0], np.array(SIGHTS[sight])) for rule in rules}
    for one, other in combinations(rules, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 18, (one, other)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.50"),
        (-0.5, "\N{MINUS SIGN}0.50"),
        (0.0123, "0.012"),
        (4949, "4,950"),
        (123456, r"$1.2\times 10^{5}$"),
        (0, "0"),
        (np.nan, "?"),
    ],
)
def test_numbers_as_text(value, text):
    assert style.number(value) == text


@pytest.mark.parametrize(
    ("limits", "labels"),
    [
        ((40, 250), {50: "50", 60: "", 100: "100", 200: "200"}),
        ((9, 2e4), {10: "10", 50: "", 1e4: "10,000"}),
        ((0.003, 2), {0.01: "0.01", 0.02: "", 1: "1"}),
        ((2e4, 5e5), {2e4: r"$2\times10^{4}$", 1e5: "$10^{5}$", 3e5: ""}),
        ((5e4, 9e4), {6e4: r"$6\times10^{4}$", 7e4: "", 8e4: r"$8\times10^{4}$"}),
        ((6e4, 8e4), {7e4: r"$7\times10^{4}$"}),
        ((1.2e8, 3.6e9), {2e8: r"$2\times10^{8}$", 1e9: "$10^{9}$"}),
    ],
)
def test_tick_labels(limits, labels):
    ax = Figure().subplots()
    style.name_axes(ax, "width", "M0", log="x")
    ax.set_xlim(limits)
    told = {value: ax.xaxis.get_major_formatter()(value) for value in labels}
    assert told == labels


# Figures


@pytest.mark.parametrize("figure", FIGURES)
def test_figure_has_the_same_bytes_twice(figure, tmp_path):
    once, twice = (built(figure, inputs(figure), tmp_path / n / figure) for n in ("1", "2"))
    assert set(once) == {".svg", ".png", ".pdf", ".csv"}
    assert once == twice


@pytest.mark.parametrize("figure", FIGURES)
def test_figure_of_one_seed(figure):
    module = load(figure)
    figure = module.draw(module.summarise(*inputs(figure, seeds=1)))
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()


@pytest.mark.parametrize("figure", sorted({*FIGURES} - {"claims"}))
def test_figure_where_nothing_reached_the_goal_and_rules_are_missing(figure):
    table, *more = inputs(figure)
    if "reached" in table:
        table = table[table["rule"].isin(["backprop", "subnet", "competitive", *[*FOUND][2:]])]
        table = table.assign(reached=False)
        if figure == "turnover":
            more = [more[0][: table["fraction"].nunique(dropna=False)]]
    else:
        table = table[table["rule"] == "competitive"].assign(accuracy=0.1, train_accuracy=np.nan)
    module = load(figure)
    module.draw(module.summarise(table, *more)).draw_without_rendering()


@pytest.mark.parametrize(
    ("figure", "x", "quantities"),
    [
        ("energy_vs_width", "width", ["trials", "M0", "M0_min", "M1", "M1_min"]),
        ("energy_vs_fraction", "fraction", ["trials", "M0", "M1"]),
        ("strategies_vs_width", "width", ["trials", "M0", "M1"]),
    ],
)
def test_plotted_means_are_those_of_the_runs(figure, x, quantities, tmp_path):
    energy = inputs(figure)[0]
    style.save(Figure(), load(figure).summarise(energy), tmp_path / figure, "paper")
    numbers = pd.read_csv(tmp_path / f"{figure}.csv")
    for quantity in quantities:
        plotted = numbers[(numbers["quantity"] == quantity) & (numbers["kind"] == "mean")]
        for point in plotted[plotted["reached"]].itertuples():
            rule = "backprop" if figure == "energy_vs_width" else point.series
            here = energy[x] == point.x if pd.notna(point.x) else energy[x].isna()
            runs = energy.loc[(energy["rule"] == rule) & here, quantity]
            assert point.y == pytest.approx(stats.gmean(runs), rel=1e-9)
            assert point.low <= point.y <= point.high


def test_savings_are_ratios_seed_by_seed():
    energy = inputs("savings", seeds=3)[0]
    table = load("savings").summarise(energy)
    runs = energy.set_index(["rule", "width", "seed"])["M0"]
    for run in table[(table["kind"] == "run") & (table["quantity"] == "M0")].itertuples():
        optimal = run.series == "optimal width"
        other = runs["backprop", 30, run.seed] if optimal else runs[run.series, run.x, run.seed]
        assert run.y == pytest.approx(runs["backprop", run.x, run.seed] / other)
    ends = table[(table["kind"] == "fit")].groupby(["panel", "series"])["x"].max()
    assert ends.tolist() == pytest.approx([1.6e8] * len(ends))


def test_savings_of_another_learning_rate_are_shown_but_not_extrapolated():
    conditions = [
        (rule, {"width": width, "learning_rate": 0.001 if width == 5000 else 0.01})
        for rule in RULES
        for width in (30, 100, 300, 1000, 5000)
    ]
    energy = networks(2, *conditions).astype({"M0": float})
    energy.loc[(energy["width"] == 5000) & (energy["rule"] != "backprop"), ["M0", "M1"]] /= 1000
    table, without = (
        load("savings").summarise(rows) for rows in (energy, energy[energy["width"] < 5000])
    )
    assert 5000 in set(table.loc[table["kind"] == "mean", "x"])
    fits = [rows[rows["kind"] == "fit"]["y"].to_numpy() for rows in (table, without)]
    assert len(fits[0]) and fits[0] == pytest.approx(fits[1])


def test_training_error_is_matched_only_by_runs_that_come_from_above():
    tests = progress_of(1, ("backprop", np.nan))
    levels = load("accuracy").summarise(tests).query("panel == 'B'")["x"]
    errors = 100 * (1 - tests["train_accuracy"])
    assert errors.min() <= levels.min() and levels.max() < errors.max()
    late = load("accuracy").summarise(tests[errors < 8]).query("panel == 'B'")["x"]
    assert late.max() < errors[errors < 8].max()


def test_powers_of_ten_in_claims_are_typeset():
    cells = load("claims")._cells(inputs("claims")[0].iloc[0].to_dict())
    assert cells["expected"] == "$10^{8}$"
    assert "$10^{8}$" in cells["claim"]


def test_subnet_size_marks_the_size_of_least_mean_energy():
    sizes = [("subnet", {"width": w, "plastic_units": k}) for w in (50, 90) for k in (9, 20, 40)]
    energy = networks(2, *sizes)
    energy["M0"] = energy["plastic_units"].map({9: 3, 20: 1, 40: 2}) + energy["seed"]
    energy["M1"] = energy["plastic_units"] * energy["width"]
    best = load("subnet_size").summarise(energy).query("kind == 'optimum'")
    assert best.set_index(["panel", "series"])["x"].to_dict() == {
        ("A", "50"): 20,
        ("A", "90"): 20,
        ("B", "50"): 9,
        ("B", "90"): 9,
    }


def test_energy_vs_accuracy_takes_the_first_test_that_passes():
    tests = progress_of(1, ("backprop", np.nan))
    table = load("energy_vs_accuracy").summarise(tests)
    runs = table[(table["kind"] == "run") & (table["quantity"] == "trials")].set_index("x")["y"]
    for target, trials in runs.items():
        assert trials == tests.loc[tests["accuracy"] >= target, "trials"].min()


def test_caching_adds_maintenance_and_takes_the_best_threshold():
    table = load("caching").summarise(inputs("caching", seeds=1)[0]).query("kind == 'mean'")
    at = table.set_index(["panel", "series", "x"])["y"]
    assert at["A", "0.001", 0.1] == pytest.approx(9 / 0.1 + 0.001 * 1e4 * 0.1)
    best = min(9 / h + 0.1 * 1e4 * h for h in (0.001, 0.01, 0.1))
    assert at["C", "backprop with caching", 0.1] == pytest.approx(best)


def means(table, panel):
    """Return the means of a panel by series and x."""
    rows = table[(table["kind"] == "mean") & (table["panel"] == panel)]
    return rows.set_index(["series", "x"])["y"]


def test_the_frontier_has_means_on_held_out_seeds():
    runs = networks(
        2,
        ("frugal_updates", {"stop_on": "validation"}),
        ("frugal_updates", {"stop_on": "test"}),
        ("subnet", {"stop_on": "validation"}),
    )
    runs["trials"] = [10_000, 40_000, 8000, 10_000, 1, 1]
    runs["M0"] = [100, 400, 40, 90, 1, 1]
    runs.loc[5, "reached"] = False
    table = load("frugal_frontier").summarise(runs, histories().query("search == 'updates'"))
    panel = table[(table["panel"] == "A") & (table["kind"] == "mean")]
    panel = panel.set_index(["series", "stop_on"])
    ours = panel.loc[("frugal_updates", "validation")]
    assert (ours["x"], ours["y"]) == pytest.approx((20_000, 200))
    low, high = seeds.geometric_mean([10_000, 40_000])[1], seeds.geometric_mean([100, 400])[2]
    assert (ours["x_low"], ours["high"]) == pytest.approx((low, high))
    assert panel.loc[("frugal_updates", "test"), "y"] == pytest.approx(60)
    assert np.isnan(panel.loc[("subnet", "validation"), "y"])
    assert set(table["panel"]) == {"A", "B"}  # nobody looked for rules with caching


def test_the_frontier_takes_the_setting_of_least_energy_in_each_panel():
    settings = [
        ("competitive", {"width": 300, "M0": 50, "M1": 9.0}),
        ("competitive", {"width": 100, "M0": 70, "M1": 4.0}),
        ("competitive", {"width": 20, "M0": 1, "M1": 1.0, "reached": False}),
    ]
    table = load("frugal_frontier").summarise(networks(2, *settings), histories())
    assert [means(table, panel).item() for panel in "ABC"] == pytest.approx([50, 4, 4])


def test_the_frontier_has_what_searches_evaluated_and_their_fronts():
    energy, searches = inputs("frugal_frontier")
    table = load("frugal_frontier").summarise(energy, searches)
    for panel, search in {"A": "updates", "B": "change", "C": "cached"}.items():
        mine = table[(table["panel"] == panel) & (table["series"] == search)]
        evaluated = mine[mine["kind"] == "evaluation"]
        assert evaluated["reached"].tolist() == [True, False, True, True]
        assert evaluated["y"].isna().tolist() == [False, True, False, False]
        front = mine[mine["kind"] == "front"]
        assert front[["x", "y"]].to_numpy().tolist() == [[2000, 40], [6000, 10]]


def test_the_frontier_adds_maintenance_to_what_caching_consolidates():
    energy, searches = inputs("frugal_frontier", seeds=1)
    table = load("frugal_frontier").summarise(energy, searches)
    cached = table[(table["panel"] == "C") & (table["kind"] == "mean")].set_index("series")["y"]
    assert cached["frugal_cached"].tolist() == pytest.approx([3 + 0.01 * 500] * 2)
    plain = energy[energy["rule"] == "subnet"]["M1"]
    assert cached["subnet"].tolist() == pytest.approx(plain)
    assert "frugal_cached" not in set(table[table["panel"] == "B"]["series"])


def test_ablation_compares_seed_by_seed_and_averages_as_logarithms():
    rules = ("backprop", "frugal_updates", "frugal_without_gate", "frugal_only_gate")
    energy = networks(2, *((rule, {}) for rule in rules))
    energy["M0"] = [1000, 2000, 10, 20, 40, 320, 100, 200]
    saved = means(load("ablation").summarise(energy), "A")
    assert saved.to_dict() == pytest.approx(
        {
            ("on top of the others", "gate"): 8,  # of 4 and 16
            ("alone", "gate"): 10,
            ("all", "all"): 100,
        }
    )
    energy.loc[4, "reached"] = False
    saved = means(load("ablation").summarise(energy), "A")
    assert np.isnan(saved["on top of the others", "gate"])
    assert saved["alone", "gate"] == pytest.approx(10)


def test_generality_varies_one_thing_and_leaves_the_rest_as_it_is():
    table = load("generality").summarise(inputs("generality")[0])
    x = {panel: set(rows["x"]) for panel, rows in table.groupby("panel")}
    assert x["A"] == x["D"] == {0.9, 0.95, 0.97}
    assert x["B"] == x["E"] == {30, 100, 300}
    assert x["C"] == x["F"] == {"MNIST", "Fashion- MNIST 85%", "cross- entropy"}
    counts = table[table["kind"] == "run"].groupby(["panel", "series", "x"]).size()
    assert (counts == 2).all()


def test_toward_cortex_says_how_far_the_power_law_of_the_papers_range_is_off():
    scaled = {10_000: {"learning_rate": 0.003}, 100_000: {"initial_sd": 0.01}}
    widths = (100, 300, 1000, 3000, *scaled)
    wide = [("backprop", {"width": width} | scaled.get(width, {})) for width in widths]
    energy = networks(2, *wide)
    energy["M0"] = (1 + energy["seed"]) * 7 * energy["width"]
    energy.loc[energy["width"] == 10_000, "M0"] *= 50  # at another rate: not fitted
    energy.loc[energy["width"] == 100_000, "M0"] *= 3
    table = load("toward_cortex").summarise(energy)
    missed = table[(table["kind"] == "missed") & (table["quantity"] == "M0")]
    assert missed["x"].tolist() == [100_000] and missed["y"].item() == pytest.approx(3)
    assert missed["low"].item() < 3 < missed["high"].item()
    fit = table[(table["kind"] == "fit") & (table["quantity"] == "M0")]
    assert fit["x"].max() == pytest.approx(100_000)
    assert fit["y"].iloc[0] == pytest.approx(np.sqrt(2) * 7 * 100)
    runs = table[table["kind"] == "run"]
    assert set(runs[runs["scaled"].astype(bool)]["x"]) == {10_000, 100_000}


def test_smoke_is_marked_and_paper_is_not(tmp_path):
    module = load("energy_vs_fraction")
    table = module.summarise(*inputs("energy_vs_fraction"))
    for scale, mark in {"smoke": style.SMOKE, "paper": ""}.items():
        figure = module.draw(table)
        style.save(figure, table, tmp_path / scale, scale)
        assert figure.get_suptitle() == mark


# The command line


def run_script(figure, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "scripts/plot.py", f"scripts/figures/{figure}.py", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_script_writes_the_same_bytes_in_another_process(tmp_path):
    unused = dict.fromkeys(["eligible", "select", "eligible_fraction", "caching_decay"], 1)
    unused |= dict.fromkeys(["learning_rate_out", "consecutive_tests", "updated_trials"], 1)
    energy = inputs("subnet_size")[0].assign(experiment="subnet_size", **unused)
    energy.to_csv(tmp_path / "energy.csv", index=False)
    for salt in ("1", "2"):
        output = tmp_path / salt / "subnet_size"
        arguments = ["--energy", tmp_path / "energy.csv", "--scale", "smoke", "--output", output]
        done = run_script("subnet_size", *arguments, PYTHONHASHSEED=salt, MPLBACKEND=f"a{salt}")
        assert done.returncode == 0, done.stderr
    for kind in ("svg", "png", "pdf", "csv"):
        one, other = ((tmp_path / n / f"subnet_size.{kind}").read_bytes() for n in "12")
        assert one == other


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "energy.csv: No such file or directory"),
        ("", "energy.csv: not a table in CSV"),
        ("a,b\n1,2\n", "energy.csv: not a table of energy: it has no column experiment"),
    ],
)
def test_a_wrong_table_is_told_in_one_line(content, told, tmp_path):
    path = tmp_path / "energy.csv"
    if content is not None:
        path.write_text(content)
    done = run_script("subnet_size", "--energy", path, "--output", tmp_path / "figure")
    assert done.returncode == 1
    assert told in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("figure*"))
