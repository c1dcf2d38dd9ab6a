"""Training what a search has found: what is taken from its finalists, and what is dropped."""

import argparse
import sys

import numpy as np
import pytest

import train_found
from found import INGREDIENTS, SEARCHED, choose, rule_of, with_equal_rates
from plasticity.parameters import ParameterError
from plasticity.reference import Reference
from plasticity.results import table
from plasticity.rules import Rule
from plasticity.settings import Settings
from workflow import training_options

COLUMNS = ["order", *SEARCHED, "reached", "trials", "energy"]
BEST = {
    "order": 1,
    "gate": "margin",
    "margin": 0.4,
    "eligible": "fixed_neurons",
    "eligible_fraction": 0.5,
    "select": "per_layer",
    "criterion": "largest_update",
    "fraction": 0.003,
    "fraction_out": 0.05,
    "width": 250,
    "learning_rate": 0.03,
    "learning_rate_out": 0.005,
    "initial_sd": 0.05,
    "activation": "relu",
    "reached": 1.0,
    "trials": 90000.0,
    "energy": 1e7,
}
FAST = BEST | {"order": 2, "width": 400, "trials": 28000.0, "energy": 2e7}
PLAIN = "--gate always --eligible all --select all --width 100"


@pytest.fixture
def finalists(tmp_path):
    """A table of two finalists."""
    path = tmp_path / "mine.finalists.csv"
    path.write_text(table([BEST, FAST], COLUMNS))
    return path


def arguments(finalists, options=""):
    """The arguments of train.py that were given, for these options of train_found.py."""
    words = f"--finalists {finalists} --rule mine --seed 1 2 --output - {options}".split()
    return {k: v for k, v in vars(train_found.arguments(words)).items() if v is not None}


def test_the_best_finalist_is_trained(finalists):
    given = arguments(finalists)
    assert {key: BEST[key] for key in SEARCHED if key in BEST}.items() <= given.items()
    assert given["rule"] == "mine" and given["seed"] == [1, 2]


def test_the_best_of_those_that_learn_in_time(finalists):
    assert arguments(finalists, "--within 90000")["width"] == 250
    assert arguments(finalists, "--within 30000")["width"] == 400
    assert arguments(finalists, "--within 1000")["width"] == 400  # the fastest there is


def test_equal_rates_scale_the_activities_of_the_hidden_layer(finalists):
    given = arguments(finalists, "--equal-rates")
    a = (0.005 / 0.03) ** 0.25
    assert given["learning_rate"] == given["learning_rate_out"] == pytest.approx(0.03 * a**2)
    assert given["learning_rate_out"] == pytest.approx(0.005 / a**2)
    assert given["initial_sd"] == pytest.approx(0.05 * a)
    assert given["initial_sd_out"] == pytest.approx(0.05 / a)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_a_scaled_rule_is_the_same_network_except_for_the_output_bias(small, activation):
    found = {"activation": activation, "learning_rate": 0.4, "learning_rate_out": 0.001,
             "initial_sd": 0.05, "initial_sd_out": 0.1}  # fmt: skip
    nets = [
        Reference(small, Rule(), Settings(width=9, precision="double", **chosen), seed=0)
        for chosen in (found, with_equal_rates(found))
    ]
    for net in nets:  # without the output bias, which learns at another rate
        net.network.out[:, -1] = 0
        for pattern, label in zip(small.train_inputs[:30], small.train_labels, strict=False):
            net.trial(pattern.astype(float), int(label))
            net.network.out[:, -1] = 0
    one, other = (net.outputs(small.test_inputs) for net in nets)
    assert np.abs(one).max() > 0.01
    np.testing.assert_allclose(one, other, atol=1e-5)  # initial weights are in single precision


def test_sigmoid_units_cannot_be_scaled():
    with pytest.raises(ParameterError, match="activation: 'logistic' is not allowed"):
        with_equal_rates({"activation": "logistic"})


def test_what_is_given_replaces_what_was_found_and_its_companions_are_dropped(finalists):
    given = arguments(finalists, "--gate error --select all --width 50 --goal 0.9")
    assert (given["gate"], given["width"], given["goal"]) == ("error", 50, 0.9)
    assert not given.keys() & {"margin", "criterion", "fraction_out", "eligible_fraction"}
    assert given["fraction"] == 0.5  # of the eligible set, where nothing is selected
    assert given["searched"] == "eligible learning_rates initial_weights activation"


TAKEN = [
    ("gate margin", {"gate": "margin", "margin": 0.4, "select": "all", "width": 100}),
    (
        "select criterion fraction fraction_out width",
        {"select": "per_layer", "fraction": 0.003, "eligible": "all", "width": 250},
    ),
    ("eligible eligible_fraction", {"eligible": "fixed_neurons", "fraction": 0.5}),
    ("learning_rate learning_rate_out", {"learning_rate": 0.03, "learning_rate_out": 0.005}),
]


@pytest.mark.parametrize(("take", "expected"), TAKEN)
def test_some_ingredients_alone_are_taken(finalists, take, expected):
    plain = " ".join(
        f"--{key} {value}"
        for key, value in zip(("gate", "eligible", "select"), ("always", "all", "all"), strict=True)
        if key not in take.split()
    )
    width = "" if "width" in take.split() else "--width 100"
    given = arguments(finalists, f"{plain} {width} --take {take}")
    assert expected.items() <= given.items()
    taken = set(take.split()) | {"gate", "eligible", "select", "width", "fraction"}
    assert given.keys() & set(SEARCHED) <= taken
    assert given["searched"].split() == [
        name for name, keys in INGREDIENTS.items() if set(keys) & set(take.split())
    ]


def test_a_subnet_has_no_more_units_than_the_network():
    chosen = {"gate": "always", "eligible": "subnet", "plastic_units": 80, "select": "all"}
    assert rule_of(chosen | {"width": 50})["plastic_units"] == 50
    assert rule_of(chosen | {"width": 100})["plastic_units"] == 80


def test_the_rule_it_makes_is_complete(finalists):
    given = arguments(finalists)
    assert "dataset" not in given
    completed = training_options.completed(argparse.Namespace(**given))
    assert completed["goal"] == 0.95 and completed["width"] == 250  # the rest is the model's


def test_without_any_that_learns_in_time_the_fastest_is_chosen():
    rows = [{"trials": "90000", "width": "10"}, {"trials": "50000", "width": "20"}]
    rows = [dict.fromkeys(SEARCHED, "") | row for row in rows]
    assert choose(rows, 100) == {"width": 20}


REFUSED = [
    ("--finalists {0}/none.csv", "none.csv", "No such file"),
    ("--finalists {0}/other.csv", "other.csv", "not a table of finalists"),
    ("--finalists {0}/binary.csv", "binary.csv", "not a table of finalists"),
    ("--finalists {1} --within soon", "--within: 'soon'", "a finite number"),
    ("--finalists {1} --take goal", "--take", "'goal'"),
    ("--finalists {1} --widht 10", "--widht", "unrecognized"),
    ("--finalists {1} --margin much", "--margin: 'much'", "a finite number"),
    ("--finalists {1} --eligible subnet", "plastic_units: None", "a value is needed"),
    ("", "--finalists", "required"),
]


@pytest.mark.parametrize(("options", "what", "allowed"), REFUSED)
def test_a_mistake_is_refused_in_one_line(monkeypatch, tmp_path, finalists, options, what, allowed):
    (tmp_path / "other.csv").write_text("rule,width\nbackprop,100\n")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    words = f"--rule mine --seed 0 --output - {options.format(tmp_path, finalists)}".split()
    monkeypatch.setattr(sys, "argv", ["train_found.py", *words])
    with pytest.raises(SystemExit) as refused:
        train_found.main()
    message = refused.value.code
    assert isinstance(message, str) and "\n" not in message
    assert message.startswith("train_found: ") and what in message and allowed in message
