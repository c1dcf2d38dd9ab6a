"""The configuration: what is refused and how, and what the rest is expanded into."""

import argparse
import copy
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

import search
import train_found
from found import rule_of
from plasticity.settings import parts_of
from workflow import training_options
from workflow.configuration import ConfigurationError, command_line, options, plan, read, typed

ROOT = Path(__file__).parents[2]
PAPER, BEYOND = (read(ROOT / f"{name}.yaml") for name in ("config", "beyond"))
WHOLE = copy.deepcopy(PAPER)  # all keys at once
update_config(WHOLE, BEYOND)
ALONE = copy.deepcopy(WHOLE)  # without the search whose tasks are those of an experiment
del ALONE["search"]["searches"]["general"], ALONE["found"]["frugal_general"]
ENTRY = "experiments energy_vs_width smoke 0"
MISSING = object()


def changed(path, value, config=WHOLE):
    """Return a copy of the configuration with the value at `path` changed or taken out."""
    config = copy.deepcopy(config)
    *parents, key = (int(k) if k.isdigit() else k for k in path.split())
    place = config
    for parent in parents:
        place = place[parent]
    if value is MISSING:
        del place[key]
    else:
        place[key] = value
    return config


def small(**experiments):
    """Return the configuration with these experiments, each the entries of both scales, alone."""
    return ALONE | {
        "scale": "smoke",
        "figures": {},
        "experiments": {
            name: {"question": "?", "smoke": entries, "paper": entries}
            for name, entries in experiments.items()
        },
    }


def test_the_papers_configuration_is_allowed_at_both_scales():
    for scale in ("smoke", "paper"):
        trained = plan(PAPER | {"scale": scale})
        assert trained.experiments.keys() == PAPER["experiments"].keys()
        assert set(trained.conditions) == set().union(*trained.experiments.values())
        assert trained.datasets == ["mnist"] and not trained.searches and not trained.finding


def test_what_is_beyond_the_paper_is_an_overlay_of_its_own():
    for scale in ("smoke", "paper"):
        trained = plan(WHOLE | {"scale": scale}, [ROOT / "beyond.yaml"])
        assert trained.experiments.keys() == BEYOND["experiments"].keys()
        assert trained.figures.keys() == BEYOND["figures"].keys()
        searches = BEYOND["search"]["searches"].keys() - {"cached" if scale == "paper" else ""}
        assert list(trained.searches) == sorted(searches)
        assert trained.claims == BEYOND["claims"] and trained.finding
    assert "fashion_mnist" in trained.datasets


def test_an_overlay_that_lists_no_claims_tests_those_below_it(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("experiments: {energy_vs_width: {smoke: [{rule: backprop, width: 9}]}}")
    config = copy.deepcopy(PAPER)
    update_config(config, read(mine))
    assert plan(config, [mine]).claims == PAPER["claims"]


def test_figures_come_in_the_order_of_their_numbers():
    (first, one), *others = PAPER["figures"].items()
    figures = dict(others) | {first: one}
    assert list(plan(PAPER | {"figures": figures}).figures) == list(PAPER["figures"])


def test_every_figure_of_ours_has_its_caption():
    figures = [*PAPER["figures"].values(), *BEYOND["figures"].values()]
    captions = (str(file.relative_to(ROOT)) for file in ROOT.glob("report/captions/*"))
    assert sorted(figure["caption"] for figure in figures) == sorted(captions)


WIDTH = "an integer of at least 1"
REFUSED = [
    ("scale", "tiny", "scale: 'tiny' is not allowed: one of smoke, paper"),
    ("scale", MISSING, "scale: it is missing: one of smoke, paper"),
    ("modle", 1, "modle: 1 is not allowed: unknown key, not one of scale, .*did you mean model"),
    ("model lerning_rate", 0.1, r"model\.lerning_rate: 0.1 .*did you mean learning_rate\?"),
    ("model learning_rate", -1, r"model\.learning_rate: -1 is not allowed: a number above 0$"),
    ("model learning_rate", "1e-4", r"model\.learning_rate: '1e-4' .*: a number above 0 \(to YAML"),
    ("model goal", 0, r"model\.goal: 0 is not allowed: a number above 0, at most 1"),
    ("model goal", float("nan"), r"model\.goal: nan is not allowed: .* at most 1"),
    (
        "model max_epochs",
        float("inf"),
        r"model\.max_epochs: inf is .*: a number above 0, at most 10+$",
    ),
    ("model loss", "mae", r"model\.loss: 'mae' .*: one of mse, cross_entropy"),
    ("seeds paper", ["zero"], r"seeds\.paper\[0\]: 'zero' .*: an integer of at least 0"),
    ("seeds paper", [1, 1], r"seeds\.paper: \[1, 1\] .*: a list .*none of them twice"),
    ("seeds smoke", [-1], r"seeds\.smoke\[0\]: -1 is not allowed: an integer of at least 0"),
    ("data mnist", 7, r"data\.mnist: 7 is not allowed: a text or null"),
    ("rules backprop gate", "alway", r"rules\.backprop\.gate: 'alway' .*did you mean always\?"),
    ("rules backprop fraction", 0.1, r"rules\.backprop\.fraction: 0.1 .* selection only"),
    ("rules competitive criterion", MISSING, r"\.criterion: None is not allowed: one of"),
    ("rules Back-prop", {}, "rules: 'Back-prop' is not allowed: a name of up to 64 small letters"),
    ("rules", None, "rules: None is not allowed: keys with values"),
    (f"{ENTRY} rule", "bakprop", r"smoke\[0\]\.rule: 'bakprop' .*did you mean backprop\?"),
    (f"{ENTRY} width", 0, rf"smoke\[0\]\.width: 0 is not allowed: {WIDTH}"),
    (f"{ENTRY} width", [100, 0], rf"smoke\[0\]\.width\[1\]: 0 is not allowed: {WIDTH}"),
    (f"{ENTRY} width", 2.5, rf"smoke\[0\]\.width: 2.5 is not allowed: {WIDTH}"),
    (f"{ENTRY} width", True, rf"smoke\[0\]\.width: True is not allowed: {WIDTH}"),
    (f"{ENTRY} width", [], rf"smoke\[0\]\.width: \[\] is not allowed: {WIDTH}"),
    (f"{ENTRY} width", MISSING, rf"smoke\[0\]\.width: it is missing: {WIDTH}"),
    (f"{ENTRY} width", [9, 9], r"smoke\[0\]: .* it repeats the condition backprop-width9"),
    (f"{ENTRY} fraction", 1.5, r"\.fraction: 1.5 is not allowed: a number above 0, at most 1"),
    (f"{ENTRY} fraction", 0.1, r"\.fraction: 0.1 is not allowed: .* \(rule backprop\)"),
    (f"{ENTRY} margin", 0.1, r"\.margin: 0.1 is not allowed: it is meant for gate margin only"),
    (f"{ENTRY} widht", 9, r"smoke\[0\]\.widht: 9 .* unknown key, .*did you mean width\?"),
    (f"{ENTRY} seed", ["a"], r"\.seed\[0\]: 'a' is not allowed: an integer of at least 0"),
    (
        "experiments subnet_size smoke 0 width",
        30,
        r"subnet_size\.smoke\[0\]\.plastic_units: \d+ is not allowed: at most the width, 30",
    ),
    ("experiments energy_vs_width record", ["curves"], r"record\[0\]: .*did you mean curve\?"),
    ("search patience", 0, r"search\.patience: 0 is not allowed: an integer of at least 1"),
    ("search evaluations paper", 0, r"search\.evaluations\.paper: 0 .*: an integer of at least 1"),
    ("search training smoke goal", 90, r"search\.training\.smoke\.goal: 90 .* at most 1"),
    ("search space gate", ["never"], r"search\.space\.gate\[0\]: 'never' .*: one of always, error"),
    ("search space width", [200, 100], r"search\.space\.width: .*: the lower limit comes first"),
    (
        "search space width",
        [100],
        r"search\.space\.width: \[100\] is not allowed: a list of at least 2",
    ),
    ("search space goal", [0.9, 1], r"search\.space\.goal: .* unknown key"),
    ("search space width", MISSING, r"search\.space\.width: it is missing"),
    (
        "search searches updates space",
        {"width": [200, 100]},
        r"search\.searches\.updates\.space\.width: .*: the lower limit comes first",
    ),
    ("search searches updates space", {"goal": [0.9, 1]}, r"updates\.space\.goal: .* unknown key"),
    ("search start 0 width", 7, r"search\.start\[0\]\.width: 7 .*: search\.space\.width is \["),
    ("search start 0 gate", "always", r"search\.start\[0\]\.gate: 'always' .*space\.gate is"),
    ("search start 0 fraction", MISSING, r"search\.start\[0\]\.fraction: it is missing"),
    ("search searches change start 0 width", 7, r"change\.start\[0\]\.width: 7 .*width is \["),
    ("search start 0 plastic_units", 9, r"search\.start\[0\]\.plastic_units: 9 .*: one of gate"),
    ("search searches updates minimise", "M2", r"minimise: 'M2' .*: one of M0, M1, cached"),
    ("search searches updates seeds", [], r"updates\.seeds: \[\] is not allowed"),
    ("found frugal_updates search", "update", r"\.search: 'update' .*did you mean updates\?"),
    ("found frugal_updates within", 0, r"found\.frugal_updates\.within: 0 .*: a number above 0"),
    ("found frugal_updates without", ["gates"], r"without\[0\]: 'gates' .*did you mean gate\?"),
    (
        "found backprop",
        {"search": "updates"},
        r"found: 'backprop' .*: rules has a rule of this name",
    ),
    ("experiments frugal_frontier smoke 0 goal", 95, r"smoke\[0\]\.goal: 95 .* at most 1"),
    (
        "experiments frugal_frontier seeds smoke",
        [1000],
        r"smoke\[0\]\.seed: \[1000\] .*: search\.searches\.updates\.seeds has 1000, too",
    ),
    ("search", MISSING, "search: it is missing: the searches that found takes rules from"),
    ("claims", ["frugal"], r"claims\[0\]: .frugal. .*one of frugal-updates, "),
    ("claims", [], r"claims: \[\] is not allowed: a list of at least 1"),
    ("finding", "yes", "finding: 'yes' is not allowed: true or false"),
    ("figures subnet_size experiment", "subnets", r"'subnets' .*did you mean subnet_size\?"),
    ("figures subnet_size script", "subnet", r"\.script: 'subnet' .*: there is no scripts/figures"),
    ("figures subnet_size script", "../train", r"\.script: '../train' .*: a name of up to 64"),
    ("figures subnet_size caption", "none.rst", r"\.caption: 'none.rst' .*: there is no such file"),
    ("figures subnet_size number", 1, r"\.number: 1 .* it is the number of trade_off, too"),
    ("figures subnet_size reads", ["curves"], r"\.reads: .*record to have curve"),
]


@pytest.mark.parametrize(("path", "value", "message"), REFUSED)
def test_a_mistake_is_refused_in_one_line_with_key_value_and_what_is_allowed(path, value, message):
    with pytest.raises(ConfigurationError, match=rf"^config\.yaml: .*{message}") as refusal:
        plan(changed(path, value))
    assert "\n" not in str(refusal.value)


def leaves(config, path=()):
    """Yield the path of every key and list element of the configuration."""
    items = config.items() if isinstance(config, dict) else enumerate(config)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.dates()
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(scalars, scalars, max_size=3)


@settings(max_examples=100, deadline=None)
@given(place=st.sampled_from(sorted(leaves(WHOLE), key=str)), value=values)
def test_whatever_is_written_it_is_allowed_or_refused_in_one_line(place, value):
    config = copy.deepcopy(WHOLE)
    parent = config
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    try:
        plan(config)
    except ConfigurationError as refusal:
        assert str(refusal).startswith("config.yaml: ")
        assert str(refusal).isprintable()


def test_a_large_seed_costs_no_memory():
    trained = plan(small(one=[{"rule": "backprop", "width": 9, "seed": [0, 1, 10**20]}]))
    assert f"seed0_1_{10**20}" in next(iter(trained.conditions))


# Each line stands for ten times the one before.
BOMB = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scale: [smoke", "line 1: not valid YAML"),
        ("a: 1\nb: !!python/object/apply:os.system [true]\n", "line 2: not valid YAML"),
        ("a: 1\nb: {c: 1, c: 2}", "line 2: not valid YAML: the key 'c' appears twice"),
        ("a: {<<: 7}", "line 1: not valid YAML: expected a mapping"),
        ("a: {<<: *b}", "line 1: not valid YAML: found undefined alias"),
        ("a: &a [*a]", "more than 100,000 values, each alias counted"),
        ("a0: &a0 [1]\n" + "".join(BOMB), "more than 100,000 values, each alias counted"),
        ("scale: smoke".encode("utf-16"), "not a text in UTF-8"),
        ("- smoke", "keys with values are expected"),
        ("", "keys with values are expected"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError, match=message) as refusal:
        read(path)
    assert str(refusal.value).isprintable()


def test_a_grid_takes_the_keys_of_a_named_mapping_but_its_own_keys_win(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("""
        grids:
          - &base {rule: backprop, width: 10, goal: 0.9}
          - &wide {width: 20, <<: *base}
          - {<<: *wide, goal: 0.8}
        higher_up: {<<: *wide, seed: [7]}
    """)
    config = read(mine)
    assert config["higher_up"] == {"rule": "backprop", "width": 20, "goal": 0.9, "seed": [7]}
    assert plan(small(one=config["grids"])).experiments["one"] == [
        "backprop-width10-goal0.9",
        "backprop-width20-goal0.9",
        "backprop-width20-goal0.8",
    ]


@pytest.mark.parametrize("name", ["config.yaml", "beyond.yaml"])
def test_snakemake_reads_the_same_configuration(name):
    assert load_configfile(ROOT / name) == read(ROOT / name)


def test_a_file_that_is_not_there_is_refused_in_one_line(tmp_path):
    with pytest.raises(ConfigurationError, match="mine.yaml: cannot be read: No such file"):
        read(tmp_path / "mine.yaml")


def test_lists_are_multiplied_out_and_seeds_are_not():
    entry = {"rule": "competitive", "width": [10, 20], "fraction": [0.1, 0.5], "seed": [3, 4]}
    trained = plan(small(one=[entry]))
    assert trained.experiments["one"] == [
        "competitive-width10-fraction0.1-seed3_4",
        "competitive-width10-fraction0.5-seed3_4",
        "competitive-width20-fraction0.1-seed3_4",
        "competitive-width20-fraction0.5-seed3_4",
    ]
    assert all(c.parameters["seed"] == [3, 4] for c in trained.conditions.values())


def test_experiments_share_a_condition_and_what_is_recorded_of_it():
    same = {"rule": "competitive", "width": 10, "fraction": 0.1}
    config = small(one=[same], two=[same | {"fraction_out": 1.0, "goal": 0.95}])
    config["experiments"]["one"]["record"] = ["curve"]
    config["experiments"]["two"]["record"] = ["counts", "train_accuracy"]
    trained = plan(config)
    assert trained.experiments == {
        "one": ["competitive-width10-fraction0.1"],
        "two": ["competitive-width10-fraction0.1"],
    }
    assert trained.recording("curve") == trained.recording("counts") == set(trained.conditions)
    (condition,) = trained.conditions.values()
    assert command_line(condition)[-1] == "--train-accuracy"


def test_winners_are_compared_in_the_grids_that_say_so():
    grid = {"rule": "competitive", "width": 10, "fraction": 0.1, "record": ["overlap"]}
    config = small(one=[grid, grid | {"fraction": 0.2, "record": []}], two=[{**grid, "width": 20}])
    planned = plan(config)
    assert list(planned.conditions) == [
        f"competitive-width{width}-fraction{fraction}"
        for width, fraction in [(10, 0.1), (10, 0.2), (20, 0.1)]
    ]
    first, _, last = planned.conditions
    assert list(planned.examined) == [f"overlaps/{first}", f"overlaps/{last}"]
    one = planned.experiments["one"]
    assert planned.examinations("overlaps", one) == [f"overlaps/{first}"]
    assert planned.examinations("floors", one) == []
    assert "--record" not in command_line(planned.conditions[first])


def test_names_tell_conditions_apart():
    entry = {"rule": "competitive", "width": 10, "fraction": [1e-7, 0.1, 0.1000001, 1]}
    others = [
        entry | {"fraction_out": 0.5},
        entry | {"criterion": "largest_weight"},
        entry | {"gate": "margin", "margin": [-0.1, 0.1]},
        entry | {"caching_threshold": 0.01},
        entry | {"seed": [7]},
    ]
    trained = plan(small(one=[entry, *others]))
    assert len(trained.conditions) == 4 * 7
    assert all(
        set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-") for name in trained.conditions
    )


def test_the_order_of_keys_does_not_matter():
    entry = {"rule": "competitive", "width": 10, "fraction": 0.1}
    items = list(entry.items())
    random.Random(0).shuffle(items)
    assert plan(small(one=[entry])).conditions == plan(small(one=[dict(items)])).conditions


def test_the_command_line_is_the_condition():
    for condition in plan(WHOLE).conditions.values():
        if condition.found:
            continue
        words = [*command_line(condition), "--output", "-"]
        options = training_options.parser("train", "").parse_args(words)
        given = {key: value for key, value in vars(options).items() if value is not None}
        assert condition.parameters.items() <= given.items()
        # Nothing is left to config.yaml.
        assert training_options.completed(argparse.Namespace(**given)) == given


def test_files_are_options():
    assert options({"source": None, "curves": []}) == []
    assert options({"output": "a.csv", "curves": ["b.csv", "c.csv"]}) == [
        *("--output", "a.csv"),
        *("--curves", "b.csv", "c.csv"),
    ]


# --- Rules that are found ---

FOUND = {"rule": "frugal_updates", "goal": 0.9}
SPACE = WHOLE["search"]["space"]


def found(*entries):
    """The conditions of these entries, by name."""
    return plan(small(one=list(entries))).conditions


def test_a_found_rule_takes_from_the_search_what_nobody_says():
    (condition,) = found(FOUND | {"width": 70, "margin": 0.2}).values()
    assert condition.found.search == "updates"
    assert {"width", "margin", "caching_threshold"}.isdisjoint(condition.found.take)
    assert {"gate", "fraction", "learning_rate"} <= set(condition.found.take)
    assert (condition.parameters["width"], condition.parameters["goal"]) == (70, 0.9)
    assert "learning_rate" not in condition.parameters


def test_what_a_found_rule_may_cost_is_bounded():
    (condition,) = found(FOUND).values()
    assert condition.costliest["width"] == SPACE["width"][1]
    (condition,) = found(FOUND | {"width": 70}).values()
    assert condition.costliest["width"] == 70


def test_a_found_rule_does_without_an_ingredient_as_backprop_does():
    (without,) = found({"rule": "frugal_without_gate"}).values()
    assert without.parameters["gate"] == "always"
    assert {"gate", "margin"}.isdisjoint(without.found.take) and "select" in without.found.take
    (only,) = found({"rule": "frugal_only_gate"}).values()
    assert only.found.take == ["gate", "margin"]
    expected = {"eligible": "all", "select": "all", "width": 100, "learning_rate": 0.01}
    assert expected.items() <= only.parameters.items()


def test_names_of_found_rules_tell_what_was_said():
    names = found(FOUND, FOUND | {"width": [100, 200]}, {"rule": "frugal_without_gate"})
    assert list(names) == [
        "frugal_updates-goal0.9",
        "frugal_updates-width100-goal0.9",
        "frugal_updates-width200-goal0.9",
        "frugal_without_gate",
    ]


def test_the_command_line_of_a_found_rule_is_the_condition():
    for condition in plan(WHOLE).conditions.values():
        if not condition.found:
            continue
        own, words = train_found.parser().parse_known_args(
            [*command_line(condition), "--finalists", "f"]
        )
        assert (own.take, own.within) == (
            condition.found.take,
            condition.found.within or float("inf"),
        )
        words += [] if "width" in condition.parameters else ["--width", "1"]
        options = training_options.parser("train", "").parse_args([*words, "--output", "-"])
        given = {key: value for key, value in vars(options).items() if value is not None}
        assert condition.parameters.items() <= given.items()
        # Nothing is left to config.yaml.
        assert given.keys() | set(own.take) >= training_options.REQUIRED


def test_searches_are_made_for_the_rules_that_are_trained_alone():
    assert plan(small(one=[{"rule": "backprop", "width": 10}])).searches == {}
    trained = plan(small(one=[FOUND, {"rule": "frugal_cached"}]))
    assert list(trained.searches) == ["cached", "updates"]
    figure = {"number": 1, "title": "t", "script": "claims", "experiment": "one"}
    config = small(one=[FOUND]) | {"figures": {"one": figure | {"reads": ["searches"]}}}
    assert plan(config).tables("one", "r") == {"searches": ["r/searches/updates.csv"]}


@pytest.mark.parametrize("scale", ["smoke", "paper"])
def test_the_options_of_a_search_are_allowed_and_are_the_configuration(scale):
    for name, made in plan(WHOLE | {"scale": scale}).searches.items():
        if made.against:
            continue  # its tasks are in a table, see the tests below
        words = [*made.options, "--history", "h", "--finalists", "f"]
        asked = search.search_of(search.parser().parse_args(words))
        given = WHOLE["search"]["searches"][name]
        cached = given["minimise"] == "cached"
        assert asked.minimise == given["minimise"]
        space = SPACE | given.get("space", {})
        assert asked.space == {k: v for k, v in space.items() if cached or k != "caching_threshold"}
        assert WHOLE["search"]["training"][scale].items() <= asked.training.items()
        starts = given.get("start", WHOLE["search"]["start"])
        started = [start["activation"] in space["activation"] for start in starts]
        assert len(asked.start) == sum(started) > 0
        limits = 1 + len(asked.within)
        assert made.networks == asked.evaluations + asked.best * limits * len(asked.seed)
        for start in asked.start:
            parts_of(asked.training | rule_of(start))


# A search for one rule that learns all tasks of an experiment, with its own space.
GENERAL = {
    **{"minimise": "M0", "against": "tuned", "sampler_seed": 8, "seeds": [1800, 1801]},
    "space": {"winners": [9, 99], "winners_out": [1, 9], "fraction": None, "fraction_out": None},
    "start": [{"winners": 20, "winners_out": 3}],
}
GENERAL["start"][0] |= {
    key: values[0] for key, values in SPACE.items() if not key.startswith(("fraction", "width"))
}
OF_SEARCH = {"stop_on": "validation", "seed": [1800]}
TUNED = [
    OF_SEARCH | {"rule": "backprop", "width": [30, 60], "goal": [0.7, 0.8]},
    OF_SEARCH | {"rule": "competitive", "width": 30, "fraction": [0.1, 0.2], "goal": 0.7},
    OF_SEARCH
    | {"rule": "backprop", "width": 50, "dataset": "fashion_mnist", "training_patterns": 500},
]


def general(**changes):
    """The configuration of a rule that a search for many tasks finds."""
    config = changed("found", {"robust": {"search": "general"}})
    config["search"]["searches"]["general"] = GENERAL | changes
    experiments = small(tuned=TUNED, one=[{"rule": "robust", "width": [20, 70]}])["experiments"]
    return config | {"scale": "smoke", "figures": {}, "experiments": experiments}


def test_a_search_learns_the_tasks_of_an_experiment():
    trained = plan(general())
    made = trained.searches["general"]
    assert made.tables("r") == {"against": ["r/experiments/tuned.csv"]}
    assert made.datasets == ["fashion_mnist", "mnist"] == trained.datasets
    assert made.networks == 5 * (4 + 1)  # evaluations and finalists of five tasks
    assert made.costliest["width"] == 60
    space = made.options[made.options.index("--space") + 1 :]
    searched = {word.partition("=")[0] for word in space[: space.index("--training")]}
    assert {"winners", "winners_out"} < searched
    assert searched.isdisjoint({"fraction", "fraction_out", "width"})
    found = trained.conditions["robust-width70"]
    assert found.parameters["width"] == 70 and "winners" in found.found.take


def test_a_search_can_have_its_own_training():
    training = {"smoke": {"max_epochs": 3}, "paper": {}}
    config = general(correct=0.4, training=training)
    options, usual = (plan(one).searches["general"].options for one in (config, general()))
    assert options[options.index("--correct") + 1] == "0.4"
    assert "max_epochs=3" in options and "goal=0.95" in options  # the model's goal
    assert usual[usual.index("--correct") + 1] == str(WHOLE["search"]["correct"])


def test_the_tasks_of_a_search_come_with_the_rule_in_an_overlay(tmp_path):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("experiments: {one: {question: a}}")
    assert plan(general(), [overlay]).experiments.keys() == {"tuned", "one"}
    config = general()
    config["experiments"]["one"]["smoke"] = [{"rule": "backprop", "width": 20}]
    config["experiments"]["one"]["paper"] = [{"rule": "backprop", "width": 20}]
    assert plan(config, [overlay]).experiments.keys() == {"one"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (general(against="tune"), r"general\.against: 'tune' .*did you mean tuned\?"),
        (
            general(start=[GENERAL["start"][0] | {"width": 9}]),
            r"general\.start\[0\]\.width: 9 is not allowed: one of gate",
        ),
        (
            changed("experiments one smoke 0 width", MISSING, general()),
            r"one\.smoke\[0\]\.width: it is missing: this search does not choose the width",
        ),
        (
            general(space=GENERAL["space"] | {"fraction": [0.1, 0.2]}),
            r"general\.space\.fraction: \[0.1, 0.2\] is not allowed: null with winners",
        ),
        (
            general(training={"smoke": {"caching_decay": 0.1}, "paper": {}}),
            r"search\.searches\.general\.training\.smoke\.caching_decay: 0\.1 is not allowed",
        ),
        (general(minimise="M1"), r"general\.minimise: 'M1' is not allowed: M0 with against"),
        (general(seeds=[1801]), r"tuned\.smoke\[0\]\.seed: 1800 .*: a seed of the search"),
        (
            changed("experiments tuned smoke 1 stop_on", "test", general()),
            r"tuned\.smoke\[1\]\.stop_on: 'test' is not allowed: validation",
        ),
        (
            changed("experiments tuned smoke 0 rule", "robust", general()),
            r"tuned\.smoke\[0\]\.rule: 'robust' is not allowed: a rule that no search finds",
        ),
    ],
)
def test_a_search_for_many_tasks_that_makes_no_sense_is_refused(config, message):
    with pytest.raises(ConfigurationError, match=message):
        plan(config)


def test_the_order_of_keys_does_not_matter_to_a_search():
    starts = [dict(reversed(start.items())) for start in WHOLE["search"]["start"]]
    assert plan(changed("search start", starts)).searches == plan(WHOLE).searches


def test_no_seed_of_a_search_is_another_ones_or_an_experiments():
    searches = WHOLE["search"]["searches"].values()
    seeds = [set(given["seeds"]) for given in searches]
    assert len(set().union(*seeds)) == sum(map(len, seeds))
    own = {given["against"] for given in searches if "against" in given}
    for scale in ("smoke", "paper"):
        made = plan(WHOLE | {"scale": scale})
        names = {name for one in made.experiments.keys() - own for name in made.experiments[one]}
        for name in names:
            assert not set().union(*seeds) & set(made.conditions[name].parameters["seed"])


@pytest.mark.parametrize(
    ("word", "value"), [("true", True), ("false", False), (True, True), ("yes", "yes")]
)
def test_words_of_the_command_line_for_true_and_false_are_understood(word, value):
    assert typed({"fresh": word, "scale": "true"}) == {"fresh": value, "scale": "true"}


def test_a_whole_number_may_be_written_with_a_point():
    trained = plan(small(one=[{"rule": "backprop", "width": [9.0, 10], "seed": [0.0, 3]}]))
    found = [
        (one.parameters["width"], one.parameters["seed"]) for one in trained.conditions.values()
    ]
    assert str(found) == "[(9, [0, 3]), (10, [0, 3])]"
