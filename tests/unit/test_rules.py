"""Plasticity rules: their parts are checked, their numbers exact, their streams independent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plasticity.energy import HIDDEN, OUT
from plasticity.network import initial_network
from plasticity.parameters import ParameterError, require
from plasticity.reference import Reference
from plasticity.rules import (
    CRITERIA,
    ELIGIBLE,
    FRACTIONAL,
    SELECTIONS,
    UNIT_CRITERIA,
    Eligibility,
    Rule,
    chosen,
    eligibility,
    first_units,
    number,
    random_mask,
)
from plasticity.settings import Settings
from plasticity.streams import PURPOSES, stream
from plasticity.training import train

WIDTH, INPUTS = 40, 23

COMPETITION = {"select": "per_layer", "criterion": "largest_update", "fraction": 0.1}


def problem(make, **parts) -> str:
    """The one-line message by which these parts are refused."""
    with pytest.raises(ParameterError) as refused:
        make(**parts)
    message = str(refused.value)
    assert "\n" not in message
    return message


# --- Parts ---


@pytest.mark.parametrize(
    ("parts", "key", "allowed"),
    [
        ({"gate": "sometimes"}, "gate", "one of always, error, margin"),
        ({"eligible": "some"}, "eligible", "one of all, random_synapses"),
        ({"select": "per_brain"}, "select", "one of all, per_layer, per_neuron"),
        (COMPETITION | {"criterion": "loudest"}, "criterion", "one of largest_update"),
        (COMPETITION | {"criterion": None}, "criterion", "one of largest_update"),
        ({"criterion": "largest_update"}, "criterion", "meant for select per_layer or per_neuron"),
        ({"gate": "margin"}, "margin", "a value is needed with gate margin"),
        ({"margin": 0.1}, "margin", "meant for gate margin only"),
        ({"gate": "margin", "margin": float("nan")}, "margin", "a finite number"),
        ({"gate": "margin", "margin": float("inf")}, "margin", "a finite number"),
        ({"fraction": 0.1}, "fraction", "meant for a fractional eligible set or a selection only"),
        (COMPETITION | {"fraction": None}, "fraction", "a value is needed"),
        (COMPETITION | {"fraction": 0}, "fraction", "above 0, at most 1"),
        (COMPETITION | {"fraction": -0.1}, "fraction", "above 0, at most 1"),
        (COMPETITION | {"fraction": 1.5}, "fraction", "above 0, at most 1"),
        (COMPETITION | {"fraction": float("nan")}, "fraction", "above 0, at most 1"),
        (COMPETITION | {"fraction_out": 1.01}, "fraction_out", "above 0, at most 1"),
        (COMPETITION | {"fraction_out": 0}, "fraction_out", "above 0, at most 1"),
        ({"eligible": "random_synapses"}, "fraction", "a value is needed"),
        ({"eligible": "fixed_neurons"}, "fraction", "a value is needed"),
        ({"fraction_out": 0.5}, "fraction_out", "rules that choose synapses"),
        (
            {"eligible": "fixed_neurons", "fraction": 0.5, "fraction_out": 0.5},
            "fraction_out",
            "rules that choose synapses",
        ),
        (
            COMPETITION | {"criterion": "largest_error", "fraction_out": 0.5},
            "fraction_out",
            "rules that choose synapses",
        ),
        (COMPETITION | {"eligible": "random_synapses"}, "eligible_fraction", "a value is needed"),
        (
            COMPETITION | {"eligible_fraction": 0.5},
            "eligible_fraction",
            "meant for a selection from",
        ),
        (
            {"eligible": "random_synapses", "fraction": 0.5, "eligible_fraction": 0.5},
            "eligible_fraction",
            "meant for a selection from",
        ),
        (
            COMPETITION | {"eligible": "class_neurons", "eligible_fraction": 2},
            "eligible_fraction",
            "above 0, at most 1",
        ),
        ({"eligible": "subnet"}, "plastic_units", "a value is needed with eligible subnet"),
        ({"eligible": "subnet", "plastic_units": 0}, "plastic_units", "an integer of at least 1"),
        ({"plastic_units": 5}, "plastic_units", "meant for eligible subnet only"),
        (
            {"select": "per_neuron", "criterion": "largest_activity", "fraction": 0.1},
            "select",
            "criterion largest_activity requires per_layer",
        ),
    ],
)
def test_meaningless_parts_are_refused_by_key_value_and_what_is_allowed(parts, key, allowed):
    message = problem(Rule, **parts)
    assert message.startswith(f"{key}: {parts.get(key)!r} is not allowed: ")
    assert allowed in message


ONE_OF = {
    "gate": "always, error, margin",
    "eligible": "all, random_synapses, fixed_neurons, random_neurons, class_neurons, "
    "alternating_neurons, subnet, "
    "output_only",
    "select": "all, per_layer, per_neuron",
    "criterion": "largest_update, smallest_update, largest_weight, smallest_weight, largest_error, "
    "smallest_error, largest_activity, smallest_activity",
}
MASKED = COMPETITION | {"eligible": "random_synapses", "eligible_fraction": 0.5}


@pytest.mark.parametrize("key", ONE_OF)
@pytest.mark.parametrize("value", ["", "Always", 1, None])
def test_a_part_is_one_of_its_choices(key, value):
    message = problem(Rule, **COMPETITION | {key: value})
    assert message == f"{key}: {value!r} is not allowed: one of {ONE_OF[key]}"
    for choice in ONE_OF[key].split(", "):
        with pytest.raises(ParameterError):
            Rule(**COMPETITION | {key: f"{choice} "})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"gate": "margin"}, "margin: None is not allowed: a value is needed with gate margin"),
        (
            {"gate": "error", "margin": 0},
            "margin: 0 is not allowed: it is meant for gate margin only",
        ),
        (
            {"criterion": "largest_update"},
            "criterion: 'largest_update' is not allowed: "
            "it is meant for select per_layer or per_neuron only",
        ),
        (
            {"eligible": "class_neurons"},
            "fraction: None is not allowed: "
            "a value is needed with a fractional eligible set or a selection",
        ),
        (
            {"eligible": "output_only", "fraction": 1},
            "fraction: 1 is not allowed: it is meant for a fractional eligible set or a selection "
            "only",
        ),
        (
            MASKED | {"eligible_fraction": None},
            "eligible_fraction: None is not allowed: "
            "a value is needed with a selection from a fractional eligible set",
        ),
        (
            {"eligible_fraction": 1},
            "eligible_fraction: 1 is not allowed: "
            "it is meant for a selection from a fractional eligible set only",
        ),
        (
            {"eligible": "subnet"},
            "plastic_units: None is not allowed: a value is needed with eligible subnet",
        ),
        (
            {"plastic_units": 1},
            "plastic_units: 1 is not allowed: it is meant for eligible subnet only",
        ),
        (
            {"fraction_out": 1},
            "fraction_out: 1 is not allowed: "
            "it is meant for rules that choose synapses in both layers only",
        ),
        (
            {"eligible": "subnet", "plastic_units": 0},
            "plastic_units: 0 is not allowed: an integer of at least 1",
        ),
        (
            {"gate": "margin", "margin": -np.inf},
            "margin: -inf is not allowed: a finite number",
        ),
        *(
            (
                COMPETITION | {"select": select, "criterion": criterion},
                f"select: '{select}' is not allowed: criterion {criterion} requires per_layer",
            )
            for select in ("per_neuron",)
            for criterion in UNIT_CRITERIA
        ),
    ],
)
def test_what_is_said_of_parts_that_do_not_go_together(parts, message):
    assert problem(Rule, **parts) == message


def test_a_selection_of_units_is_per_layer_whatever_else_is_said():
    message = problem(Rule, criterion="largest_error")
    assert message == "select: 'all' is not allowed: criterion largest_error requires per_layer"


@pytest.mark.parametrize("key", ["fraction", "fraction_out", "eligible_fraction"])
def test_fractions_are_above_0_and_at_most_1(key):
    for value in (np.nextafter(0, 1), 0.5, np.nextafter(1, 0), 1, 1.0):
        assert getattr(Rule(**MASKED | {key: value}), key) == value
    for value in (-1, -0.5, 0, 0.0, np.nextafter(1, 2), 1.5, 2, float("nan"), float("inf")):
        message = problem(Rule, **MASKED | {key: value})
        assert message == f"{key}: {value!r} is not allowed: a number above 0, at most 1"


def test_margins_are_finite_and_subnets_have_a_unit_at_least():
    for margin in (-1e300, -0.5, 0, 0.5, 1, 1e300):
        assert Rule(gate="margin", margin=margin).margin == margin
    for units in (1, 2, 10**9):
        assert Rule(eligible="subnet", plastic_units=units).plastic_units == units
    assert "plastic_units: -1 " in problem(Rule, eligible="subnet", plastic_units=-1)


def test_requirements_that_hold_pass_in_silence():
    assert require(True, "key", 1, "anything") is None
    refused = problem(require, condition=False, key="key", value="a'b", allowed="c")
    assert refused == 'key: "a\'b" is not allowed: c'
    assert issubclass(ParameterError, ValueError)


def test_rules_do_not_change():
    with pytest.raises(AttributeError):
        Rule().gate = "error"


def test_what_a_rule_chooses_among():
    """Synapses of both layers, hidden units, or nothing; and the fraction of its eligible set."""
    for eligible in ELIGIBLE:
        units = 3 if eligible == "subnet" else None
        sets = 2 if eligible == "alternating_neurons" else None
        of_it = {"eligible": eligible, "plastic_units": units, "alternating_sets": sets}
        fractional = eligible in FRACTIONAL
        plain = Rule(**of_it, fraction=0.002 if fractional else None)
        assert not plain.chooses_synapses
        assert plain.mask_fraction == (0.002 if fractional else 1)
        assert plain.fraction_out == (0.002 * 78.4 if eligible == "random_synapses" else None)
        for select in SELECTIONS[1:]:
            for criterion in CRITERIA:
                if select == "per_neuron" and criterion in UNIT_CRITERIA:
                    continue
                rule = Rule(
                    **of_it,
                    select=select,
                    criterion=criterion,
                    fraction=0.001,
                    eligible_fraction=0.002 if fractional else None,
                )
                assert rule.chooses_synapses == (criterion not in UNIT_CRITERIA)
                assert rule.mask_fraction == (0.002 if fractional else 1)
                assert rule.fraction_out == (0.001 * 78.4 if rule.chooses_synapses else None)


@pytest.mark.parametrize(
    ("parts", "key", "allowed"),
    [
        ({"width": 0}, "width", "at least 1"),
        ({"test_interval": 0}, "test_interval", "at least 1"),
        ({"learning_rate": 0}, "learning_rate", "above 0"),
        ({"learning_rate": float("nan")}, "learning_rate", "above 0"),
        ({"learning_rate_out": 0}, "learning_rate_out", "above 0"),
        ({"stop_on": "train"}, "stop_on", "one of test, validation"),
        ({"consecutive_tests": 0}, "consecutive_tests", "at least 1"),
        ({"initial_sd": -0.03}, "initial_sd", "above 0"),
        ({"max_epochs": float("inf")}, "max_epochs", "at most 1000000000"),
        ({"goal": 0}, "goal", "above 0, at most 1"),
        ({"goal": 95}, "goal", "above 0, at most 1"),
        ({"activation": "tanh"}, "activation", "one of leaky_relu, relu, elu, logistic"),
        ({"loss": "hinge"}, "loss", "one of mse, cross_entropy"),
        ({"precision": "half"}, "precision", "one of single, double"),
        ({"caching_threshold": 0}, "caching_threshold", "above 0"),
        ({"caching_decay": 0.1}, "caching_decay", "with caching_threshold only"),
        ({"caching_threshold": 1, "caching_decay": 0}, "caching_decay", "above 0, below 1"),
        ({"caching_threshold": 1, "caching_decay": 1}, "caching_decay", "above 0, below 1"),
    ],
)
def test_settings_are_refused_by_key_value_and_what_is_allowed(parts, key, allowed):
    message = problem(Settings, **({"width": 10} | parts))
    assert message.startswith(f"{key}: {parts[key]!r} is not allowed: ")
    assert allowed in message


def test_a_subnet_fits_into_its_network():
    rule = Rule(eligible="subnet", plastic_units=41)
    rule.check_width(41)
    for make in (rule.check_width, lambda width: eligibility(rule, width, INPUTS, 0)):
        assert "plastic_units: 41 is not allowed: at most the width, 40" in problem(make, width=40)


def test_any_network_bears_a_rule_without_a_subnet_and_a_subnet_of_all_units():
    for rule in (Rule(), Rule(**COMPETITION), Rule(eligible="subnet", plastic_units=1)):
        assert rule.check_width(1) is None
    message = problem(Rule(eligible="subnet", plastic_units=2).check_width, width=1)
    assert message == "plastic_units: 2 is not allowed: at most the width, 1"


@pytest.mark.parametrize(
    ("parts", "fraction_out"),
    [
        (COMPETITION | {"fraction": 0.001}, 0.0784),
        (COMPETITION | {"fraction": 0.1}, 1),
        (COMPETITION | {"fraction": 0.0128}, 1),
        (COMPETITION | {"fraction": 0.0127}, 0.99568),
        (COMPETITION | {"fraction": 0.1, "fraction_out": 0.3}, 0.3),
        (COMPETITION | {"fraction": 0.001, "select": "per_neuron"}, 0.0784),
        ({"eligible": "random_synapses", "fraction": 0.01}, 0.784),
        (COMPETITION | {"criterion": "largest_error"}, None),
        ({"eligible": "fixed_neurons", "fraction": 0.01}, None),
        ({}, None),
    ],
)
def test_output_layers_fraction_follows_the_first_layers(parts, fraction_out):
    assert Rule(**parts).fraction_out == pytest.approx(fraction_out)


def test_a_number_of_winners_replaces_the_fractions():
    parts = {"select": "per_layer", "criterion": "largest_update"}
    rule = Rule(**parts, winners=50)
    assert (rule.fraction, rule.fraction_out, rule.winners_out) == (None, None, 50)
    assert [rule.number(HIDDEN, n) for n in (20, 785, 10**6)] == [20, 50, 50]
    assert Rule(**parts, winners=50, winners_out=7).number(OUT, 1000) == 7
    for wrong in ({"winners": 5, "fraction": 0.1}, {"fraction": 0.1, "winners_out": 5}):
        with pytest.raises(ParameterError):
            Rule(**parts, **wrong)
    with pytest.raises(ParameterError):
        Rule(winners=5)
    with pytest.raises(ParameterError):
        Rule(margin_unit="rms")


# --- Numbers and competitions ---


@pytest.mark.parametrize(
    ("fraction", "eligible", "k"),
    [
        (0.1, 100, 10),
        (0.104, 100, 10),
        (0.106, 100, 11),
        (0.5, 3, 2),  # halves go to the even number
        (0.5, 5, 2),
        (0.5, 7, 4),
        (0.5, 1, 1),  # 0 is not enough
        (0.25, 5, 1),
        (0.15, 10, 2),  # 1.5
        (1e-9, 100, 1),
        (0.999, 100, 100),
        (0.994, 100, 99),
        (1, 7, 7),
        (1, 1, 1),
        (0.3, 0, 0),
        (1, 0, 0),
        (1e-9, 0, 0),
    ],
)
def test_number_of_chosen(fraction, eligible, k):
    assert number(fraction, 0, eligible) == k


@pytest.mark.parametrize(
    ("k", "largest", "expected"),
    [
        (1, True, [0, 1, 0, 0, 1, 0]),  # both fives
        (2, True, [0, 1, 0, 0, 1, 0]),
        (3, True, [0, 1, 1, 0, 1, 0]),  # and the eligible one of the threes
        (4, True, [1, 1, 1, 0, 1, 0]),
        (0, True, [0, 0, 0, 0, 0, 0]),
        (1, False, [1, 0, 0, 0, 0, 0]),
        (3, False, [1, 1, 1, 0, 1, 0]),
        (0, False, [0, 0, 0, 0, 0, 0]),
    ],
)
def test_chosen_keeps_ties_and_looks_at_the_eligible_only(k, largest, expected):
    values = np.array([1.0, 5, 3, 3, 5, 9])
    eligible = np.array([1, 1, 1, 0, 1, 0], bool)
    np.testing.assert_array_equal(chosen(values, eligible, k, largest), np.array(expected, bool))


@given(
    elements=st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12),
    k=st.integers(0, 12),
    largest=st.booleans(),
)
def test_chosen_are_those_of_which_fewer_than_k_are_ahead(elements, k, largest):
    values, eligible = map(np.array, zip(*elements, strict=True))
    k = min(k, int(eligible.sum()))
    taking_part = values[eligible]
    expected = [
        mine and int(np.sum(taking_part > value if largest else taking_part < value)) < k
        for value, mine in elements
    ]
    found = chosen(values, eligible, k, largest)
    assert found.dtype == bool and found.tolist() == expected


def test_chosen_keeps_the_shape():
    values = np.array([[1, 4], [3, 2]])
    mask = chosen(values, np.ones((2, 2), bool), 2, largest=True)
    np.testing.assert_array_equal(mask, [[False, True], [True, False]])


# --- Eligible sets ---


def make_rule(eligible: str, fraction: float = 0.3, units: int = 7) -> Rule:
    fractions = {"fraction": fraction} if eligible in FRACTIONAL else {}
    return Rule(
        eligible=eligible,
        plastic_units=units if eligible == "subnet" else None,
        alternating_sets=units if eligible == "alternating_neurons" else None,
        **fractions,
    )


@given(width=st.integers(1, 60), fraction=st.floats(0.001, 1), seed=st.integers(0, 99))
def test_masks_have_exactly_the_number_of_elements_that_is_due(width, fraction, seed):
    def of(eligible):
        return eligibility(make_rule(eligible, fraction), width, INPUTS, seed)

    synapses = of("random_synapses")
    assert synapses.hidden.shape == (width, INPUTS) and synapses.out.shape == (10, width + 1)
    assert synapses.hidden.sum() == number(fraction, 0, width * INPUTS)
    assert synapses.out.sum() == number(min(1, 78.4 * fraction), 0, 10 * (width + 1))
    assert of("fixed_neurons").units.sum() == number(fraction, 0, width)
    classes = of("class_neurons").class_units
    assert classes.shape == (10, width)
    np.testing.assert_array_equal(classes.sum(axis=1), number(fraction, 0, width))
    alternating = of("alternating_neurons").alternating
    assert alternating.shape[1] == width
    np.testing.assert_array_equal(alternating.sum(axis=1), number(fraction, 0, width))


def test_masks_are_drawn_one_after_the_other_from_the_stream_of_their_own():
    rng = stream(3, "eligible set")
    expected = random_mask((WIDTH, INPUTS), 0.005, rng), random_mask((10, WIDTH + 1), 0.392, rng)
    found = eligibility(make_rule("random_synapses", 0.005), WIDTH, INPUTS, 3)
    for mask, drawn in zip((found.hidden, found.out), expected, strict=True):
        np.testing.assert_array_equal(mask, drawn)
    rng = stream(3, "eligible set")
    classes = [random_mask((WIDTH,), 0.3, rng) for _ in range(10)]
    found = eligibility(make_rule("class_neurons"), WIDTH, INPUTS, 3)
    np.testing.assert_array_equal(found.class_units, classes)


def test_a_mask_of_synapses_has_an_output_fraction_of_its_own():
    rule = Rule(eligible="random_synapses", fraction=0.1, fraction_out=0.2)
    found = eligibility(rule, WIDTH, INPUTS, 0)
    assert found.hidden.sum() == number(0.1, 0, WIDTH * INPUTS)
    assert found.out.sum() == number(0.2, 0, 10 * (WIDTH + 1))


def test_each_eligible_set_restricts_what_it_is_meant_to():
    restricted = {
        "all": set(),
        "random_synapses": {"hidden", "out"},
        "fixed_neurons": {"units"},
        "random_neurons": {"fresh"},
        "class_neurons": {"class_units"},
        "alternating_neurons": {"alternating"},
        "subnet": {"units", "out"},
        "output_only": {"units"},
    }
    assert restricted.keys() == set(ELIGIBLE)
    for eligible, names in restricted.items():
        found = vars(eligibility(make_rule(eligible), WIDTH, INPUTS, 0))
        assert {name for name, value in found.items() if value is not None} == names


def test_fixed_sets_of_units_are_the_first():
    for width, k, expected in ((4, 0, "0000"), (4, 1, "1000"), (4, 3, "1110"), (4, 4, "1111")):
        assert "".join(map(str, first_units(width, k).astype(int))) == expected
    units = eligibility(make_rule("fixed_neurons"), WIDTH, INPUTS, 0).units
    np.testing.assert_array_equal(units, np.arange(WIDTH) < 12)
    units = eligibility(make_rule("subnet"), WIDTH, INPUTS, 0).units
    np.testing.assert_array_equal(units, np.arange(WIDTH) < 7)


def test_output_mask_below_a_selection_follows_the_eligible_fraction():
    rule = Rule(eligible="random_synapses", eligible_fraction=0.005, **COMPETITION)
    found = eligibility(rule, WIDTH, INPUTS, 0)
    assert found.hidden.sum() == number(0.005, 0, WIDTH * INPUTS)
    assert found.out.sum() == number(0.392, 0, 10 * (WIDTH + 1))


def test_subnet_has_inputs_and_outputs_of_its_units_and_the_output_biases():
    found = eligibility(make_rule("subnet"), WIDTH, INPUTS, 0)
    assert found.units.sum() == 7
    for row in found.out:
        np.testing.assert_array_equal(row[:-1], found.units)
        assert row[-1]


def test_a_smaller_set_of_units_is_part_of_a_larger_one():
    small, large = (eligibility(make_rule("subnet", units=k), WIDTH, INPUTS, 0) for k in (7, 20))
    assert np.all(large.units[small.units]) and np.all(large.out[small.out])
    few, many = (
        eligibility(make_rule("fixed_neurons", p), WIDTH, INPUTS, 0).units for p in (0.1, 0.6)
    )
    assert np.all(many[few])


def test_output_only_and_all():
    rng = stream(0, "trial masks")
    assert (
        not eligibility(make_rule("output_only"), WIDTH, INPUTS, 0)
        .trial_units(WIDTH, 0, 3, rng)
        .any()
    )
    everything = eligibility(Rule(), WIDTH, INPUTS, 0)
    assert everything.trial_units(WIDTH, 0, 3, rng).all()
    assert everything.hidden is None and everything.out is None


def test_a_trials_units_are_boolean_one_for_each():
    rng = stream(0, "trial masks")
    for eligible in ELIGIBLE:
        found = eligibility(make_rule(eligible), WIDTH, INPUTS, 0).trial_units(WIDTH, 0, 3, rng)
        assert found.shape == (WIDTH,) and found.dtype == bool


def test_fresh_units_are_those_whose_number_is_below_the_probability():
    class Numbers:
        def random(self, width, dtype):
            assert dtype is np.float32
            return np.array([0.3, np.nextafter(np.float32(0.3), np.float32(0)), 0, 0.9], dtype)

    units = Eligibility(fresh=0.3).trial_units(4, 0, 0, Numbers())
    assert units.tolist() == [False, True, True, False]
    rng = stream(0, "trial masks")
    assert Eligibility(fresh=1).trial_units(1000, 0, 0, rng).all()


def test_random_neurons_are_drawn_afresh_with_the_probability_that_is_due():
    found = eligibility(make_rule("random_neurons"), WIDTH, INPUTS, 0)
    rng = stream(0, "trial masks")
    units = np.stack([found.trial_units(WIDTH, 0, 0, rng) for _ in range(500)])
    five_sd = 5 * np.sqrt(0.3 * 0.7 / units.size)
    assert units.mean() == pytest.approx(0.3, abs=five_sd)
    assert len(np.unique(units, axis=0)) > 490
    np.testing.assert_allclose(units.mean(axis=0), 0.3, atol=5 * np.sqrt(0.3 * 0.7 / 500))


def test_class_neurons_depend_on_the_class():
    found = eligibility(make_rule("class_neurons"), WIDTH, INPUTS, 0)
    units = [found.trial_units(WIDTH, 0, label, stream(0, "trial masks")) for label in range(10)]
    assert len({mask.tobytes() for mask in units}) == 10
    np.testing.assert_array_equal(
        found.trial_units(WIDTH, 7, 4, stream(9, "trial masks")), units[4]
    )


def test_alternating_neurons_take_turns():
    rule = Rule(eligible="alternating_neurons", fraction=0.3, alternating_sets=3)
    found = eligibility(rule, WIDTH, INPUTS, 0)
    assert len({mask.tobytes() for mask in found.alternating}) == 3
    for trial in range(7):
        units = found.trial_units(WIDTH, trial, 0, stream(0, "trial masks"))
        np.testing.assert_array_equal(units, found.alternating[trial % 3])


@pytest.mark.parametrize("shape", [(7,), (5, 4), (1, 1), (30, 400)])
@pytest.mark.parametrize("fraction", [1e-9, 0.01, 0.5, 1])
def test_a_random_mask_has_exactly_so_many_elements(shape, fraction):
    mask = random_mask(shape, fraction, np.random.default_rng(0))
    assert mask.shape == shape and mask.dtype == bool
    assert mask.sum() == number(fraction, 0, mask.size)


def test_any_place_of_a_mask_may_be_its_only_one():
    rng = np.random.default_rng(0)
    counts = sum(random_mask((2, 3), 1 / 6, rng).astype(int) for _ in range(3000))
    np.testing.assert_allclose(counts, 500, atol=5 * np.sqrt(3000 * 5 / 36))


def test_masks_are_random_and_belong_to_the_seed():
    first, again, other = (
        eligibility(make_rule("random_synapses"), WIDTH, INPUTS, seed).hidden for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    counts = sum(
        random_mask((5, 4), 0.25, np.random.default_rng(i)).astype(int) for i in range(2000)
    )
    assert np.abs(counts - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)


# --- Random streams ---


def test_streams_are_the_seeds_children_in_their_order():
    children = np.random.SeedSequence(5).spawn(len(PURPOSES))
    numbers = [stream(5, purpose).random(4) for purpose in PURPOSES]
    for child, drawn in zip(children, numbers, strict=True):
        np.testing.assert_array_equal(drawn, np.random.default_rng(child).random(4))
    assert len({drawn.tobytes() for drawn in numbers}) == len(PURPOSES)
    assert PURPOSES[:3] == ("hidden weights", "output weights", "pattern order")


def test_a_stream_needs_a_known_purpose():
    with pytest.raises(ValueError):
        stream(0, "coffee")


@pytest.mark.parametrize("eligible", ELIGIBLE)
def test_a_mask_shifts_neither_weights_nor_the_order_of_patterns(small, eligible):
    seen = {}

    class Recorder(Reference):
        def __init__(self, data, rule, settings, seed):
            super().__init__(data, rule, settings, seed)
            seen[rule] = [self.network.hidden.copy(), self.network.out.copy()]

        def run(self, patterns):
            seen[self.rule].append(patterns)
            return super().run(patterns)

    settings = Settings(width=10, goal=1, test_interval=50, max_epochs=0.5)
    rules = Rule(), make_rule(eligible)
    for rule in rules:
        train(small, rule, settings, seed=4, trainer=Recorder)
    plain, masked = (seen[rule] for rule in rules)
    assert len(plain) == 2 + 3
    for expected, found in zip(plain, masked, strict=True):
        np.testing.assert_array_equal(found, expected)
    start = initial_network(10, 4, settings.initial_sds(INPUTS), "leaky_relu", np.float32, INPUTS)
    np.testing.assert_array_equal(plain[0], start.hidden)
