"""The fast engine does what the literal reference does, trial for trial, under every rule."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plasticity.data import Dataset
from plasticity.engine import Engine
from plasticity.network import ACTIVATIONS, LOSSES
from plasticity.reference import Reference
from plasticity.rules import (
    CRITERIA,
    ELIGIBLE,
    FRACTIONAL,
    GATES,
    MARGIN_UNITS,
    SELECTIONS,
    UNIT_CRITERIA,
    Rule,
)
from plasticity.settings import RATE_SCALINGS, RATE_UNITS, SD_UNITS, STOP_ON, Settings
from plasticity.structures import base, outer
from plasticity.training import Result, train

COMPETITIONS = [("all", None)] + [
    (select, criterion)
    for select, criterion in itertools.product(SELECTIONS[1:], CRITERIA)
    if select == "per_layer" or criterion not in UNIT_CRITERIA
]

# Models that between them have every activation, both losses, and caching with and without decay.
MODELS = {
    "plain": {"activation": "leaky_relu", "loss": "mse"},
    "cached": {"activation": "relu", "loss": "cross_entropy", "caching_threshold": 0.01},
    "decaying": {
        "activation": "elu",
        "loss": "mse",
        "caching_threshold": 0.01,
        "caching_decay": 0.05,
    },
    "saturating": {"activation": "logistic", "loss": "cross_entropy"},
    "normalised": {"activation": "relu", "rate_unit": "squared_activity", "sd_unit": "root_fan_in"},
}


def make_rule(
    gate, eligible, select, criterion, *, fraction, share, units, winners=None, **margin
) -> Rule:
    """The rule with these parts; of the numbers, those that have a meaning for it are used."""
    parts = {"gate": gate, "eligible": eligible, "select": select, "criterion": criterion}
    if gate == "margin":
        parts |= margin
    if select != "all":
        parts |= {"winners": winners} if winners else {"fraction": fraction}
    if eligible in FRACTIONAL:
        parts["fraction" if select == "all" else "eligible_fraction"] = share
    if eligible == "subnet":
        parts["plastic_units"] = units
    if eligible == "alternating_neurons":
        parts["alternating_sets"] = units
    return Rule(**parts)


def assert_same(one: Result, other: Result, rtol: float = 1e-9) -> None:
    """Same trials, same updates synapse by synapse, same energy; sums and weights to rounding."""
    measures = dict(one.measures)
    if one.trainer.settings.caching_decay is not None:
        del measures["M0_min"]  # weights that decay back to where they began: to rounding only
    for key, expected in measures.items():
        if isinstance(expected, float):
            assert other.measures[key] == pytest.approx(expected, rel=rtol, nan_ok=True), key
        else:
            assert other.measures[key] == expected, key
    a, b = one.trainer, other.trainer
    assert a.correct_trials == b.correct_trials
    for expected, counts in zip(a.counts(), b.counts(), strict=True):
        np.testing.assert_array_equal(counts, expected)
    for expected, weights in (
        (a.network.hidden, b.network.hidden),
        (a.network.out, b.network.out),
    ):
        np.testing.assert_allclose(weights, expected, rtol=0, atol=rtol * np.abs(expected).max())


def both(data: Dataset, rule: Rule, model: Settings, seed: int) -> tuple[Result, Result]:
    """The results of the reference and of the engine."""
    return tuple(
        train(data, rule, model, seed, trainer, train_accuracy=True)
        for trainer in (Reference, Engine)
    )


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("eligible", ELIGIBLE)
@pytest.mark.parametrize(("select", "criterion"), COMPETITIONS)
def test_every_combination_of_parts_equals_the_reference(small, gate, eligible, select, criterion):
    rule = make_rule(
        gate, eligible, select, criterion, margin=0.3, fraction=0.2, share=0.4, units=4
    )
    for options in MODELS.values():
        model = Settings(
            width=11,
            learning_rate=0.05,
            initial_sd=0.3,
            goal=1,
            test_interval=41,
            max_epochs=1 / 3,
            precision="double",
            **options,
        )
        assert_same(*both(small, rule, model, seed=3))


fractions = st.sampled_from([0.01, 0.1, 0.25, 0.5, 1.0]) | st.floats(0.01, 1)


@st.composite
def runs(draw) -> tuple[Rule, Settings, int]:
    """A rule, a model that it fits, and a seed."""
    width = draw(st.integers(1, 30))
    select, criterion = draw(st.sampled_from(COMPETITIONS))
    rule = make_rule(
        draw(st.sampled_from(GATES)),
        draw(st.sampled_from(ELIGIBLE)),
        select,
        criterion,
        margin=draw(st.floats(-0.5, 1)),
        fraction=draw(fractions),
        share=draw(fractions),
        units=draw(st.integers(1, width)),
        margin_unit=draw(st.sampled_from(MARGIN_UNITS)),
        winners=draw(st.none() | st.integers(1, 40)),
    )
    threshold = draw(st.none() | st.floats(1e-4, 0.1))
    model = Settings(
        width=width,
        learning_rate=draw(st.floats(1e-3, 0.05)),
        learning_rate_out=draw(st.none() | st.floats(1e-3, 0.05)),
        rate_scaling="none" if rule.fraction is None else draw(st.sampled_from(RATE_SCALINGS)),
        rate_unit=draw(st.sampled_from(RATE_UNITS)),
        sd_unit=draw(st.sampled_from(SD_UNITS)),
        initial_sd=draw(st.floats(0.03, 0.4)),
        initial_sd_out=draw(st.none() | st.floats(0.03, 0.4)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        loss=draw(st.sampled_from(LOSSES)),
        goal=draw(st.floats(0.3, 1)),
        stop_on=draw(st.sampled_from(STOP_ON)),
        consecutive_tests=draw(st.integers(1, 3)),
        test_interval=draw(st.integers(5, 300)),
        max_epochs=draw(st.floats(0.02, 1)),
        precision="double",
        caching_threshold=threshold,
        caching_decay=None if threshold is None else draw(st.none() | st.floats(1e-3, 0.5)),
    )
    return rule, model, draw(st.integers(0, 1000))


@given(run=runs())
def test_engine_equals_the_reference(small, run):
    assert_same(*both(small, *run))


@given(run=runs(), block=st.integers(1, 100), sub=st.integers(1, 100))
def test_result_does_not_depend_on_the_length_of_blocks(small, run, block, sub):
    rule, model, seed = run
    usual = train(small, rule, model, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outer, "SUB", sub)
        patch.setattr(base, "BLOCK", block)
        assert_same(usual, train(small, rule, model, seed))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize(
    ("rule", "activation"),
    [(Rule(), activation) for activation in ACTIVATIONS]
    + [
        (Rule(select="per_layer", criterion="largest_update", fraction=0.3), "leaky_relu"),
        (Rule(select="per_neuron", criterion="largest_update", fraction=0.3), "leaky_relu"),
        (Rule(select="per_layer", criterion="largest_weight", fraction=0.3), "leaky_relu"),
        (Rule(eligible="random_synapses", fraction=0.5), "leaky_relu"),
        (Rule(eligible="subnet", plastic_units=5), "leaky_relu"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.eligible}-{value.criterion}",
)
def test_divergence_is_reported_at_the_same_trial(small, rule, activation, precision):
    model = Settings(
        width=8, learning_rate=50, activation=activation, precision=precision, test_interval=1000
    )
    expected, found = (result.measures for result in both(small, rule, model, seed=0))
    assert expected["diverged"] and 0 < expected["trials"] < 300
    for key in ("diverged", "reached", "trials", "updated_trials", "accuracy"):
        assert found[key] == expected[key], key


@pytest.mark.parametrize(
    "rule",
    [
        Rule(),
        Rule(select="per_layer", criterion="largest_update", fraction=0.05),
        Rule(
            select="per_neuron",
            criterion="largest_update",
            fraction=0.05,
            gate="margin",
            margin=0.3,
        ),
        Rule(eligible="random_synapses", fraction=0.2, gate="error"),
        Rule(eligible="subnet", plastic_units=25),
        Rule(eligible="random_neurons", fraction=0.5),
        Rule(eligible="alternating_neurons", fraction=0.5, alternating_sets=3),
        Rule(select="per_layer", criterion="largest_weight", fraction=0.5),
    ],
    ids=lambda rule: f"{rule.gate}-{rule.eligible}-{rule.select}-{rule.criterion}",
)
def test_same_trials_to_the_goal_on_mnist_in_single_precision(mnist, rule):
    model = Settings(width=40, goal=0.8, test_interval=250, max_epochs=0.2)
    reference, fast = both(mnist, rule, model, seed=0)
    assert reference.measures["reached"]
    for key in ("trials", "updated_trials", "reached"):
        assert fast.measures[key] == reference.measures[key], key
    for key in ("M0", "M1", "M0_min", "M1_min", "accuracy", "train_accuracy", "participation"):
        assert fast.measures[key] == pytest.approx(reference.measures[key], rel=0.01), key
