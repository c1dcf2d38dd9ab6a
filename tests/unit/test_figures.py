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
from analysis.tables import COLUMNS
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
    "frugal_open": "gate selection width",
    "frugal_general": "gate selection",
}
CRITERIA = [
    *("largest_update", "smallest_update", "largest_weight", "smallest_weight"),
    *("largest_error", "largest_activity", "smallest_error", "smallest_activity"),
]
CACHED = ("backprop", "frugal_cached")
UNTUNED = ("backprop", "frugal_updates", "frugal_general")
FIGURES = [
    *("energy_vs_width", "energy_vs_accuracy", "energy_vs_fraction", "selection_criteria"),
    *("subnet_size", "strategies_vs_width", "savings", "trade_off", "initial_weights"),
    *("accuracy", "turnover", "caching"),
    *("robustness", "claims", "frugal_frontier", "ablation", "generality", "toward_cortex"),
    *("floor", "unseen_tasks"),
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
        "experiment": "made up",
        "condition": rule,
        "networks": f"{rule}:{seed}",
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
        "max_epochs": 10,
        "seed": seed,
        "reached": True,
        "trials": trials,
        "accuracy": 0.951 + 0.001 * seed,
        "M0": M0,
        "M1": M1,
        "M0_min": 795 * width,
        "M1_min": M1 / (20 + seed),
        "participation": 1 / size,
        "M0_consolidation": np.nan,
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
            "max_epochs": 4,
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


def inputs(figure, seeds=2):  # noqa: C901  # one case for each figure
    """Return what the function `plotted` of a figure takes, as a list."""
    widths, fractions = [30, 100, 300, 1000], [0.003, 0.01, 0.1]
    by_width = [(rule, {"width": width}) for rule in RULES for width in widths]
    by_fraction = [
        ("backprop", {}),
        *(("competitive", {"fraction": p}) for p in fractions),
        *(("random_synapses", {"fraction": p, "reached": p > 0.05}) for p in fractions),
    ]
    match figure:
        case "energy_vs_width" | "strategies_vs_width" | "savings" | "trade_off":
            return [networks(seeds, *by_width)]
        case "initial_weights":
            sds = (0.01, 0.02, 0.03)
            by_sd = [(rule, width | {"initial_sd": sd}) for rule, width in by_width for sd in sds]
            return [networks(seeds, *by_sd)]
        case "energy_vs_fraction":
            return [networks(seeds, *by_fraction)]
        case "subnet_size":
            sizes = [("subnet", {"width": w, "plastic_units": k}) for w in widths for k in (9, 100)]
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
            return [networks(seeds, *by_fraction), counts, overlaps_of(seeds)]
        case "claims":
            columns = (
                "id source reading value low high verdict nearest target target_low target_high"
            )
            inf, nan = np.inf, np.nan
            rows = [
                ("floor", "A", "any", 2e8, 1e8, 3e8, "partly", True, 1e8, 5e7, 2e8),
                ("growth", "S", "M0, from 10", 0.3, 0.2, 0.4, "partly", True, 0.5, 0.4, 0.6),
                ("growth", "S", "M0, from 90", -1, -2, 0, "not reproduced", False, 0.5, 0.4, 0.6),
                ("growth", "S", "curvature", 0.2, -0.1, 0.3, "partly", False, 0, -0.1, 0.1),
                ("growth", "ours", "a question", 9e9, 8e9, 1e10, "reproduced", False, 1, 1, inf),
                ("turnover", "S", "one network", 0.6, nan, nan, "partly", True, 0.6, 0.5, 0.7),
                ("trade-off", "A", "slow", *[nan] * 3, "not reproduced", True, 10, 10, inf),
                ("cortex", "S", "untrained", *[nan] * 3, "not tested", True, 10, 1, 20),
                ("frugal", "ours", "M0", 2, 1, 3, "partly", True, 1, -inf, 1),
                ("frugal", "ours", "aside", 2, 1, 3, "partly", False, *[nan] * 3),
            ]
            table = pd.DataFrame(rows, columns=columns.split())
            return [table.assign(claim="learning takes 10^8 updates", expected="", reason="")]
        case "frugal_frontier":
            cache = {"caching_threshold": 0.1, "M1_consolidation": 3.0, "maintenance": 500.0}
            cache["M0_consolidation"] = 70
            rules = ("backprop", "competitive", "subnet", "frugal_updates", "frugal_open")
            conditions = [(rule, {"stop_on": "validation"}) for rule in rules]
            conditions += [(rule, cache | {"stop_on": "validation"}) for rule in CACHED]
            conditions += [("frugal_updates", {"stop_on": "test", "M0": 1})]
            return [networks(seeds, *conditions), histories()]
        case "ablation":
            gate, wide = {"gate": "margin"}, {"width": 300}
            conditions = [("backprop", {}), ("frugal_updates", gate | wide)]
            conditions += [("frugal_without_gate", wide), ("frugal_only_gate", gate)]
            return [networks(seeds, *conditions)]
        case "generality":
            varied = [{"goal": goal} for goal in (0.9, 0.95, 0.97)]
            varied += [{"width": width} for width in (30, 300)]
            varied += [{"dataset": "fashion_mnist", "goal": 0.85}, {"loss": "cross_entropy"}]
            rules = ("backprop", "competitive", "frugal_updates")
            return [networks(seeds, *((rule, given) for rule in rules for given in varied))]
        case "unseen_tasks":
            given = [{"goal": 0.9}, {"width": 300}, {"loss": "cross_entropy", "width": 300}]
            conditions = [(rule, task) for rule in UNTUNED for task in given]
            tuned = [
                {"fraction": 0.01},
                {"fraction": 0.02, "M0": 1e9},
                {"fraction": 0.01, "learning_rate": 0.03, "M0": 1e9},
            ]
            conditions += [("competitive", task | one) for task in given for one in tuned]
            return [networks(seeds, *conditions)]
        case "toward_cortex":
            rules = ("backprop", "competitive", "frugal_updates")
            wide = (100, 1000, 3000, 10_000, 30_000)
            return [networks(seeds, *((rule, {"width": at}) for rule in rules for at in wide))]
        case "floor":
            return [learners_of(seeds)]


def overlaps_of(seeds):
    """Return overlaps of winners: larger on the same digit, smaller the later; and of chance."""
    return pd.DataFrame(
        {
            "rule": "competitive",
            "width": 100,
            "fraction": fraction,
            "seed": seed,
            "part": part,
            "compared": compared,
            "lag": lag,
            "overlap": overlap * 0.9**seed / (1 if np.isnan(lag) else lag**0.1),
        }
        for fraction in (0.01, 0.1)
        for seed in range(seeds)
        for part in ("first-layer synapses", "hidden units")
        for compared, overlap in [("same digit", 0.5), ("different digits", 0.3), ("chance", 0.1)]
        for lag in ([np.nan] if compared == "chance" else [1, 10, 100, 1000])
    )


def learners_of(seeds):
    """Return the M0 of learners: the first network of competition learns in no batch of 100."""
    return pd.DataFrame(
        {
            "rule": rule,
            "max_epochs": 5,
            "networks": f"{rule}:{seed}",
            "seed": seed,
            "learner": learner,
            "memory": memory,
            "M0": M0 * 0.9**seed / (1 if rule == "backprop" else 10),
            "reached": (rule, seed, learner, memory) != ("competitive", 0, "batch", 100),
        }
        for rule in ("backprop", "competitive")
        for seed in range(seeds)
        for learner, memory, M0 in [
            *(("remembering", 1, 1e6), ("remembering", 10, 1e5), ("remembering", 100, 1e4)),
            *(("batch", 10, 2e5), ("batch", 100, 2e4), ("written once", np.nan, 5e3)),
            *(("largest changes", np.nan, 4e3), ("pruning", np.nan, 50 / (1 + seed))),
        ]
    )


def histories():
    """Return the evaluations of three searches: the second of four fails, the last is beaten."""
    trials = [2000, 4000, 6000, 8000]
    return pd.concat(
        pd.DataFrame(
            {
                "search": search,
                "minimise": minimised,
                "maintenance_cost": 0.01 if minimised == "cached" else 0.0,
                "gate": ["margin", "margin", "margin", "always"],
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
    numbers = module.plotted(*tables)
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
    same = [rule for rule in style.LOOKS if rule.endswith(("_again", "_fast", "_leaky", "_scaled"))]
    alike = {rule: rule.rpartition("_")[0] for rule in same} | {"frugal_both": "frugal_change"}
    for rule, other in alike.items():
        assert style.LOOKS[rule][0] == style.LOOKS[other][0]
    rules = [rule for rule in style.LOOKS if rule not in [*CRITERIA, *alike]]
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
    figure = module.draw(module.plotted(*inputs(figure, seeds=1)))
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()


@pytest.mark.parametrize("figure", sorted({*FIGURES} - {"claims"}))
def test_figure_where_nothing_reached_the_goal_and_rules_are_missing(figure):
    table, *more = inputs(figure)
    if "reached" in table:
        table = table[table["rule"].isin(["backprop", "subnet", "competitive", *[*FOUND][2:]])]
        table = table.assign(reached=False)
        if figure == "turnover":
            more[0] = more[0][: table["fraction"].nunique(dropna=False)]
    else:
        table = table[table["rule"] == "competitive"].assign(accuracy=0.1, train_accuracy=np.nan)
    module = load(figure)
    module.draw(module.plotted(table, *more)).draw_without_rendering()


@pytest.mark.parametrize(
    ("figure", "x", "quantities"),
    [
        ("energy_vs_width", "width", ["trials", "M0", "M1"]),
        ("energy_vs_fraction", "fraction", ["M0", "M1"]),
        ("strategies_vs_width", "width", ["M0", "M1"]),
    ],
)
def test_plotted_means_are_those_of_the_runs(figure, x, quantities, tmp_path):
    energy = inputs(figure)[0]
    style.save(Figure(), load(figure).plotted(energy), tmp_path / figure, "paper")
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
    table = load("savings").plotted(energy)
    runs = energy.set_index(["rule", "width", "seed"])["M0"]
    plotted = table[(table["kind"] == "run") & (table["quantity"] == "saved_M0")]
    assert set(plotted["series"]) == {*RULES} - {"backprop"}
    for run in plotted.itertuples():
        saved = runs["backprop", run.x, run.seed] / runs[run.series, run.x, run.seed]
        assert run.y == pytest.approx(saved)
    fits = table[table["kind"] == "fit"].groupby(["panel", "series"])["x"]
    assert fits.min().tolist() == pytest.approx([30] * 6)
    assert fits.max().tolist() == pytest.approx([1000] * 6)


def fractions_in_time(*settings):
    """Return backprop and competition with fractions that have the given (time, saved M0, M1)."""
    energy = networks(
        2,
        ("backprop", {}),
        *(("competitive", {"fraction": 0.1 * (1 + i)}) for i in range(len(settings))),
    )
    backprop = energy[energy["rule"] == "backprop"].set_index("seed")
    for i, (time, *saved) in enumerate(settings):
        rows = energy.index[2 + 2 * i : 4 + 2 * i]
        energy.loc[rows, "trials"] = (time * backprop["trials"]).to_numpy()
        for quantity, factor in zip(("M0", "M1"), saved, strict=True):
            energy[quantity] = energy[quantity].astype(float)
            energy.loc[rows, quantity] = (backprop[quantity] / factor).to_numpy()
    return energy


def test_the_trade_off_is_relative_to_backprop_and_marks_the_best_within_the_time():
    energy = fractions_in_time((1, 5, 2), (1.5, 20, 1.5), (4, 90, 3), (1.2, 999, 9))
    energy.loc[energy.index[-1], "reached"] = False
    table = load("trade_off").plotted(energy)
    points = table[(table["panel"] == "A") & (table["kind"] == "mean")]
    assert points["x"].tolist() == pytest.approx([1, 1.5, 4, np.nan], nan_ok=True)
    assert points["y"].tolist() == pytest.approx([5, 20, 90, np.nan], nan_ok=True)
    best = table[table["kind"] == "best"].set_index("panel")
    assert best["y"].to_dict() == pytest.approx({"A": 20, "B": 2})
    assert best.loc["A", ["x", "x_low", "x_high"]].tolist() == pytest.approx([1.5] * 3)
    runs = table[(table["panel"] == "A") & (table["kind"] == "run")]
    assert runs["y"].tolist() == pytest.approx([5, 5, 20, 20, 90, 90, 999, 999])
    assert runs["reached"].tolist() == [True] * 7 + [False]


def test_the_trade_off_has_rate_scaling_as_a_series_of_its_own():
    energy = networks(1, ("backprop", {}), ("competitive", {}), ("competitive", {}))
    energy["rate_scaling"] = [np.nan, "none", "root_fraction"]
    series = load("trade_off").plotted(energy)["series"]
    assert set(series) == {"competitive", "competitive rate_scaling"}


def test_strategies_have_the_least_energy_within_the_time_or_else_the_fastest():
    figure = load("strategies_vs_width")
    energy = fractions_in_time((1, 5, 2), (2, 20, 1), (4, 90, 3))
    table = figure.plotted(energy).query("series == 'competitive' and kind == 'mean'")
    assert table.set_index("panel")["fraction"].to_dict() == pytest.approx({"A": 0.2, "B": 0.1})
    assert table["within"].all()
    assert not table["networks"].str.contains(" ").any()  # not compared with backprop's
    table = figure.plotted(fractions_in_time((9, 90, 3), (4, 20, 2)))
    table = table.query("series == 'competitive' and kind == 'mean'")
    assert table["fraction"].tolist() == pytest.approx([0.2, 0.2])
    assert not table["within"].any()


def test_rules_that_learn_where_backprop_fails_have_an_energy_but_no_saving():
    energy = fractions_in_time((1, 5, 2))
    energy.loc[0, "reached"] = False
    shown = load("strategies_vs_width").plotted(energy).query("series == 'competitive'")
    assert shown["reached"].all() and not shown["within"].any()
    assert load("savings").plotted(energy).empty


def test_initial_weights_have_the_best_fraction_of_each_sd():
    conditions = [
        ("competitive", {"initial_sd": sd, "fraction": p, "M0": M0, "M1": 10 / M0})
        for sd, p, M0 in [(0.01, 0.1, 1), (0.01, 0.2, 2), (0.03, 0.1, 4), (0.03, 0.2, 3)]
    ]
    table = load("initial_weights").plotted(networks(2, *conditions)).query("kind == 'mean'")
    best = table.set_index(["quantity", "initial_sd"])["fraction"].to_dict()
    assert best == {("M0", 0.03): 0.2, ("M0", 0.01): 0.1, ("M1", 0.03): 0.1, ("M1", 0.01): 0.2}


def test_energy_vs_width_is_fitted_from_the_optimum_to_the_widest_of_the_paper():
    widths = (30, 100, 300, 1000, 10_000, 30_000)
    energy = networks(2, *(("backprop", {"width": width}) for width in widths))
    energy["M0"] = (1 + energy["seed"]) * 7 * energy["width"]
    energy.loc[energy["width"].isin([30, 30_000]), "M0"] = 1e9
    table = load("energy_vs_width").plotted(energy).query("panel == 'A'")
    fit = table[table["kind"] == "fit"]["x"]
    assert (fit.min(), fit.max()) == pytest.approx((100, 10_000))
    assert table[table["kind"] == "exponent"]["y"].item() == pytest.approx(1)
    assert table[table["kind"] == "optimum"]["x"].item() == 100


def test_accuracy_has_both_errors_of_each_test_and_the_lowest():
    tests = progress_of(3, ("backprop", np.nan), ("competitive", 0.01))
    table = load("accuracy").plotted(tests)
    best, path = (table[(table["panel"] == p) & (table["kind"] == "run")] for p in "AB")
    assert best["y"].tolist() == pytest.approx([100 * (1 - tests["accuracy"].max())] * 6)
    backprop = tests[tests["rule"] == "backprop"]
    plotted = path[path["series"] == "backprop"].sort_values(["seed", "trials"])
    assert plotted["y"].to_numpy() == pytest.approx(100 * (1 - backprop["accuracy"].to_numpy()))
    assert plotted["x"].to_numpy() == pytest.approx(
        100 * (1 - backprop["train_accuracy"].to_numpy())
    )


def test_accuracy_has_a_row_of_panels_for_each_width():
    tests = pd.concat([progress_of(2, ("backprop", np.nan)).assign(width=w) for w in (50, 7)])
    table = load("accuracy").plotted(tests)
    assert table.groupby("panel")["width"].unique().map(list).to_dict() == {
        **dict.fromkeys("AB", [7]),
        **dict.fromkeys("CD", [50]),
    }


def test_turnover_counts_synapses_and_units():
    hidden = np.zeros((100, 785), dtype=np.uint32)
    hidden[:20, :] = 3  # a fifth of the units, always the same
    counts = [{"hidden": hidden, "out": np.full((10, 101), 3)}]
    energy = networks(2, ("competitive", {"fraction": 0.01, "participation": 0.25}))
    overlaps = overlaps_of(seeds=3)
    table = load("turnover").plotted(energy, counts, overlaps)
    assert [means(table, panel).item() for panel in "CF"] == pytest.approx([0.2, 0.2])
    for panel in "BE":
        curve = table[table["panel"] == panel].set_index("x")["y"]
        assert curve[0] == 0 and curve[0.1] == pytest.approx(0.5)
        assert curve[0.2:].tolist() == pytest.approx([1] * len(curve[0.2:]))
        assert set(table.loc[table["panel"] == panel, "networks"]) == {"competitive:0"}
    mask = energy.assign(rule="random_synapses")
    assert set(load("turnover").plotted(mask, counts, overlaps)["panel"]) == {*"ABCD"}


def test_lines_of_shares_in_turnover_have_marks_with_their_rows():
    table = load("turnover").plotted(*inputs("turnover", seeds=2))
    drawn = [line for ax in load("turnover").draw(table).axes for line in ax.lines]
    rows = {line: [int(row) for row in (line.get_gid() or "").split("-")[1:]] for line in drawn}
    for _, points in table[table["kind"] == "share"].groupby(["panel", "series"]):
        (line,) = (line for line in drawn if points.index[0] in rows[line])
        marked = slice(None, None, line.get_markevery())
        assert len(rows[line]) > 20
        assert line.get_xdata()[marked].tolist() == points.loc[rows[line], "x"].tolist()


def test_turnover_averages_overlaps_over_seeds():
    table = load("turnover").plotted(*inputs("turnover", seeds=3))
    for panel in "AD":
        rows = table[(table["panel"] == panel) & (table["kind"] == "mean")]
        assert set(rows["series"]) == {
            f"competitive {fraction} {compared}"
            for fraction in ("0.01", "0.1")
            for compared in ("same digit", "different digits", "chance")
        }
        same = rows[rows["series"] == "competitive 0.01 same digit"].set_index("x")
        seeds = 0.5 * 0.9 ** np.arange(3) / 100**0.1
        theirs = stats.ttest_1samp(np.log(seeds), 0).confidence_interval(0.95)
        expected = [stats.gmean(seeds), *np.exp(theirs)]
        assert same.loc[100, ["y", "low", "high"]].tolist() == pytest.approx(expected)
        assert rows.loc[rows["series"] == "competitive 0.01 chance", "x"].isna().all()


def test_robustness_compares_within_a_variation_seed_by_seed():
    variations = [{}, {"activation": "relu"}, {"loss": "cross_entropy"}]
    energy = networks(2, *((r, v) for v in variations for r in ("backprop", "subnet")))
    energy["M0"] = [10, 30, 5, 5, 400, 900, 1, 1, 400, 900, 1, 1]
    energy.loc[11, "reached"] = False
    table = load("robustness").plotted(energy)
    runs = table[(table["panel"] == "A") & (table["kind"] == "run")]
    assert runs.loc[runs["x"] == "usual model", "y"].tolist() == [2, 6]
    assert runs.loc[runs["x"] == "cross entropy loss", "reached"].tolist() == [True, False]
    saved = means(table, "A")["subnet"]
    assert saved[["usual model", "relu units"]].tolist() == pytest.approx([np.sqrt(12), 600])
    assert np.isnan(saved["cross entropy loss"])


def test_criteria_have_an_energy_or_an_error():
    energy = networks(
        2,
        ("competitive", {"criterion": "largest_update", "fraction": 0.001, "fraction_out": 1}),
        ("competitive", {"criterion": "largest_update", "fraction": 0.1, "fraction_out": 1}),
        ("competitive", {"criterion": "smallest_update", "fraction": 0.1, "accuracy": 0.5}),
        ("competitive", {"criterion": "largest_error", "fraction": 0.1, "accuracy": 0.9}),
    )
    energy.loc[[4, 5, 6], "reached"] = False  # of the last condition, one network
    table = load("selection_criteria").plotted(energy)
    assert set(means(table, "A").index) == {
        ("largest_update (layer 1)", 0.001),
        ("largest_update", 0.1),
    }
    errors = {("largest_error", "largest error, 0.1"): 10}
    errors["smallest_update", "smallest update, 0.1"] = 50
    assert means(table, "B").to_dict() == pytest.approx(errors)
    assert list(table.loc[table["panel"] == "B", "x"].unique()) == [row for _, row in errors]


def test_fractions_of_synapses_and_of_units_are_apart():
    rules = [("backprop", {}), ("competitive", {"fraction": 0.1})]
    energy = networks(1, *rules, ("subnet", {"fraction": 0.1}))
    energy["rule"] = energy["rule"].replace("subnet", "fixed_neurons")
    series = load("energy_vs_fraction").plotted(energy).groupby("panel")["series"].unique()
    assert {panel: set(rules) for panel, rules in series.items()} == {
        **dict.fromkeys("AC", {"backprop", "competitive"}),
        **dict.fromkeys("BD", {"backprop", "fixed_neurons"}),
    }


@pytest.mark.parametrize(
    ("budgets", "words"),
    [
        ([3, 3], "not within\n3 epochs"),
        ([1, 3], "not within\n… epochs"),
        ([1], "not within\n1 epoch"),
    ],
)
def test_the_strip_says_within_how_many_epochs(budgets, words):
    conditions = [
        ("competitive", {"fraction": 0.1 * (1 + i), "reached": False, "max_epochs": budget})
        for i, budget in enumerate(budgets)
    ]
    table = estimates.tidy(networks(2, *conditions), "A", "fraction", "M0", keep=["max_epochs"])
    ax = Figure().subplots()
    style.draw_series(ax, table)
    said, *numbers = (text.get_text() for text in ax.child_axes[0].texts)
    assert said == words
    assert numbers == ([f"{budget}" for budget in budgets] if len({*budgets}) > 1 else [])


def test_a_forest_plot_has_a_line_for_each_reading():
    module, (table,) = load("claims"), inputs("claims")
    texts = [text.get_text() for text in module.draw(table).axes[0].texts]
    shown = table[table["reading"] != "aside"]
    suffixes = [name.rpartition(", ")[2] for name in shown["reading"]]
    assert all(
        suffix in texts or name in texts
        for suffix, name in zip(suffixes, shown["reading"], strict=True)
    )
    assert texts.count("M0") == 2  # of two lines of growth once, and of frugal
    assert "aside" not in texts
    assert "growth: 0 of 3 hold" in texts and "cortex: 0 of 0 hold, 1 not tested" in texts
    assert "frugal: partly" in texts
    assert texts.count("not reached") == texts.count("not tested") == 1
    assert texts.count(module.NEAREST) == 5  # one a claim of the paper
    assert "learning takes $10^{8}$ updates [A]" in texts


def test_a_value_in_a_forest_plot_is_over_the_expected_one():
    module, (table,) = load("claims"), inputs("claims")
    growth = table[(table["id"] == "growth") & (table["source"] == "S")]
    ratios, differences = module._blocks(growth, 60)
    low, high = np.log10(module.RATIOS)
    assert ratios.scaled(ratios.readings["value"])[0] == pytest.approx(
        (np.log10(0.6) - low) / (high - low)
    )
    assert ratios.scaled(ratios.readings["value"])[1] < 0  # of another sign: outside
    assert differences.reach == pytest.approx(0.3)
    assert differences.scaled(differences.readings["value"])[0] == pytest.approx(5 / 6)
    assert ratios.heading and not differences.heading


def test_subnet_size_marks_the_size_of_least_mean_energy():
    sizes = [("subnet", {"width": w, "plastic_units": k}) for w in (50, 90) for k in (9, 20, 40)]
    energy = networks(2, *sizes)
    energy["M0"] = energy["plastic_units"].map({9: 3, 20: 1, 40: 2}) + energy["seed"]
    energy["M1"] = energy["plastic_units"] * energy["width"]
    best = load("subnet_size").plotted(energy).query("kind == 'optimum'")
    assert best.set_index(["panel", "series"])["x"].to_dict() == {
        ("A", "0.03 50"): 20,
        ("A", "0.03 90"): 20,
        ("B", "0.03 50"): 9,
        ("B", "0.03 90"): 9,
    }


def test_subnet_size_compares_subnets_of_one_size_over_all_widths():
    sizes = [("subnet", {"width": w, "plastic_units": 100}) for w in (200, 500, 1000)]
    energy = networks(2, *sizes)
    energy["M0"] = energy["width"] ** -2.0
    table = load("subnet_size").plotted(energy).query("panel == 'C'")
    assert table[table["kind"] == "mean"]["x"].tolist() == [200, 500, 1000]
    assert table[table["kind"] == "exponent"]["y"].item() == pytest.approx(-2)


def test_energy_vs_accuracy_takes_the_first_test_that_passes():
    tests = progress_of(1, ("backprop", np.nan))
    table = load("energy_vs_accuracy").plotted(tests)
    runs = table[(table["kind"] == "run") & (table["quantity"] == "trials")].set_index("x")["y"]
    for target, trials in runs.items():
        assert trials == tests.loc[tests["accuracy"] >= target, "trials"].min()
    late = load("energy_vs_accuracy").plotted(tests[tests["trials"] > 4000])  # accuracy 0.925
    assert set(late["x"]) == {target for target in runs.index if target > 0.925}


def test_caching_adds_maintenance_and_takes_the_best_threshold():
    table = load("caching").plotted(inputs("caching", seeds=1)[0]).query("kind == 'mean'")
    at = table.set_index(["panel", "series", "x"])["y"]
    assert at["B", "0.001", 0.1] == pytest.approx(9 / 0.1 + 0.001 * 1e4 * 0.1)
    best = min(9 / h + 0.01 * 1e4 * h for h in (0.001, 0.01, 0.1))
    assert at["A", "backprop with caching", 0.01] == pytest.approx(best)


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
    table = load("frugal_frontier").plotted(runs, histories())
    panel = table[(table["panel"] == "A") & (table["kind"] == "mean")].set_index("series")
    ours = panel.loc["frugal_updates"]
    assert (ours["x"], ours["y"]) == pytest.approx((20_000, 200))
    low, high = seeds.geometric_mean([10_000, 40_000])[1], seeds.geometric_mean([100, 400])[2]
    assert (ours["x_low"], ours["high"]) == pytest.approx((low, high))
    assert np.isnan(panel.loc["subnet", "y"])


def test_the_frontier_takes_the_setting_of_least_energy_in_each_panel():
    settings = [
        ("competitive", {"width": 300, "M0": 50, "M1": 9.0}),
        ("competitive", {"width": 100, "M0": 70, "M1": 4.0}),
        ("competitive", {"width": 20, "M0": 1, "M1": 1.0, "reached": False}),
    ]
    runs = networks(2, *settings).assign(stop_on="validation")
    table = load("frugal_frontier").plotted(runs, histories())
    assert [means(table, panel).item() for panel in "ABC"] == pytest.approx([50, 50, 4])


def test_the_frontiers_first_panel_has_six_rules_at_most_and_the_others_have_all():
    rules = ["backprop", "subnet", "competitive", *[*FOUND][:3], "frugal_open"]
    energy = networks(2, *((rule, {"stop_on": "validation"}) for rule in rules))
    table = load("frugal_frontier").plotted(energy, histories())
    shown = table[table["kind"] == "mean"].groupby("panel")["series"].agg(set)
    best = energy.loc[energy["searched"].isna()].groupby("rule")["M0"].mean().idxmin()
    assert shown["A"] == {"backprop", best, "frugal_open", "frugal_updates"}
    assert shown["B"] == shown["C"] == {*rules}
    order = means(table, "B")
    assert order.is_monotonic_decreasing


def test_the_frontier_says_what_tuning_and_the_gate_save_seed_by_seed():
    rules = ("backprop", "competitive", "frugal_open", "frugal_updates")
    energy = networks(2, *((rule, {"stop_on": "validation"}) for rule in rules))
    energy["M0"] = [900, 900, 80, 320, 10, 20, 5, 40]
    cached = energy[:2].assign(caching_threshold=0.1, M0_consolidation=1)  # not among the paper's
    energy = pd.concat([energy, cached], ignore_index=True)
    table = load("frugal_frontier").plotted(energy, histories())
    saved = table[table["kind"] == "factor"].set_index("series")["y"]
    assert saved.to_dict() == pytest.approx({"tuning": (8 * 16) ** 0.5, "gate": 1})
    energy.loc[7, "reached"] = False
    table = load("frugal_frontier").plotted(energy, histories())
    assert list(table.loc[table["kind"] == "factor", "series"]) == ["tuning"]


def test_the_frontier_has_what_searches_for_updates_evaluated():
    energy, searches = inputs("frugal_frontier")
    table = load("frugal_frontier").plotted(energy, searches)
    evaluated = table[table["kind"] == "evaluation"]
    assert evaluated[["x", "y"]].to_numpy().tolist() == [[2000, 40], [6000, 10], [8000, 20]]
    assert list(evaluated["series"]) == ["frugal_updates", "frugal_updates", "frugal_open"]


def test_the_frontier_shows_what_caching_consolidates():
    energy, searches = inputs("frugal_frontier", seeds=1)
    table = load("frugal_frontier").plotted(energy, searches)
    M0, M1 = (means(table, panel).droplevel("x") for panel in "BC")
    for series in ("frugal_cached", "backprop cached"):
        assert (M0[series], M1[series]) == pytest.approx((70, 3))
    plain = energy[energy["rule"] == "subnet"].iloc[0]
    assert (M0["subnet"], M1["subnet"]) == pytest.approx((plain["M0"], plain["M1"]))


def test_ablation_compares_seed_by_seed_and_averages_as_logarithms():
    energy = inputs("ablation")[0]
    energy["M0"] = [1000, 2000, 10, 20, 40, 320, 100, 200]
    saved = means(load("ablation").plotted(energy), "A")
    assert saved.to_dict() == pytest.approx(
        {
            ("on top of the others", "gate"): 8,  # of 4 and 16
            ("alone", "gate"): 10,
            ("all", "all"): 100,
        }
    )
    energy.loc[4, "reached"] = False
    saved = means(load("ablation").plotted(energy), "A")
    assert np.isnan(saved["on top of the others", "gate"])
    assert saved["alone", "gate"] == pytest.approx(10)


def test_ablation_leaves_out_what_is_one_by_construction():
    energy = inputs("ablation")[0]
    energy["gate"] = "always"  # the found rule has no gate
    table = load("ablation").plotted(energy)
    assert set(table["x"]) == {"all"}


def test_generality_compares_with_backprop_in_the_same_variation():
    energy = inputs("generality")[0]
    energy.loc[(energy["rule"] == "competitive") & (energy["goal"] == 0.9), "M0"] = 7
    energy.loc[(energy["rule"] == "backprop") & (energy["width"] == 30), "reached"] = False
    table = load("generality").plotted(energy)
    usual = "goal 95 % (usual)"
    others = {"goal 90 %", "goal 97 %", "goal 85 %, fashion mnist images", "cross entropy loss"}
    assert set(table["x"]) == {usual, *others, "width 100", "width 300"}
    for rows in (table[table["panel"] == "A"], table[table["panel"] == "B"]):
        assert (rows[rows["kind"] == "run"].groupby(["series", "x"]).size() == 2).all()
    backprop = energy.query("rule == 'backprop' and goal == 0.9")["M0"]
    assert means(table, "A")["competitive", "goal 90 %"] == pytest.approx(stats.gmean(backprop) / 7)


def test_on_unseen_tasks_competition_is_tuned_to_each():
    energy = inputs("unseen_tasks")[0]
    easy = energy["goal"] == 0.9
    energy.loc[easy & (energy["learning_rate"] == 0.03), "M0"] = 70
    energy.loc[easy & (energy["fraction"] == 0.02), "M0"] = 140
    energy.loc[(energy["rule"] == "frugal_general") & (energy["goal"] == 0.9), "M0"] = 7
    table = load("unseen_tasks").plotted(energy)
    assert set(table["x"]) == {"goal 90 %, width 100", "goal 95 % (usual)", "cross entropy loss"}
    assert set(table["series"]) == {"frugal_updates", "frugal_general", "competitive"}
    assert means(table, "A")["frugal_general", "goal 90 %, width 100"] == pytest.approx(10)
    assert means(table, "A")["competitive", "goal 90 %, width 100"] == pytest.approx(0.5)
    task = energy["width"] == 300
    for rule, lost in (("backprop", "cross_entropy"), ("competitive", "mse")):
        energy.loc[(energy["rule"] == rule) & task & (energy["loss"] == lost), "reached"] = False
    assert set(load("unseen_tasks").plotted(energy)["x"]) == {"goal 90 %, width 100"}


def test_toward_cortex_says_how_far_the_power_law_of_narrower_networks_is_off():
    energy = inputs("toward_cortex")[0]
    energy["M0"] = (1 + energy["seed"]) * 7 * energy["width"]
    energy.loc[energy["width"] == 100, "M0"] *= 50  # narrower than what is fitted
    energy.loc[energy["width"] == 30_000, "M0"] *= 3
    table = load("toward_cortex").plotted(energy)
    missed = table[(table["kind"] == "missed") & (table["quantity"] == "M0")]
    assert missed["x"].tolist() == [30_000] and missed["y"].item() == pytest.approx(3)
    fit = table[(table["kind"] == "fit") & (table["quantity"] == "M0")]
    assert set(fit["series"]) == {"backprop"}
    assert fit["x"].agg(["min", "max"]).tolist() == pytest.approx([1000, 30_000])
    assert fit["y"].iloc[0] == pytest.approx(np.sqrt(2) * 7 * 1000)
    energy.loc[energy.index[-1], "reached"] = False  # not backprop
    assert len(load("toward_cortex").plotted(energy)) == len(table)


def test_floor_has_the_factors_from_on_line_learning_to_the_bound():
    learners = learners_of(2)
    table = load("floor").plotted(learners)
    assert means(table, "A")["backprop batch", 10] == pytest.approx(2e5 * 0.9**0.5)
    batches = table[(table["series"] == "competitive batch") & (table["kind"] == "mean")]
    assert batches.set_index("x")["reached"].to_dict() == {10: True, 100: False}
    steps = means(table, "B")
    assert steps["written once", "competitive"] == pytest.approx(5e2 * 0.9**0.5)
    factors = table[table["kind"] == "factor"].set_index(["series", "quantity"])["y"]
    assert factors["backprop", "rewriting"] == pytest.approx(200)
    assert factors["backprop", "not needed"] == pytest.approx(100 * 2**0.5)
    assert factors["backprop", "in all"] == pytest.approx(20_000 * 2**0.5)
    learners.loc[learners["rule"] == "backprop", "reached"] = False
    factors = load("floor").plotted(learners).query("kind == 'factor'")
    assert set(factors["series"]) == {"competitive"}


def test_smoke_is_marked_and_paper_is_not(tmp_path):
    module = load("energy_vs_fraction")
    table = module.plotted(*inputs("energy_vs_fraction"))
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
    energy = inputs("subnet_size")[0].assign(experiment="subnet_size")
    unused = dict.fromkeys(COLUMNS["energy"].keys() - {*energy}, 1)
    energy.assign(**unused).to_csv(tmp_path / "energy.csv", index=False)
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
