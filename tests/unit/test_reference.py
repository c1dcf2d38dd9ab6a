"""The literal trainer: tiny networks worked out by hand."""

import numpy as np
import pytest

from plasticity.data import Dataset, order_by_size
from plasticity.energy import HIDDEN, OUT
from plasticity.reference import Reference, gate_open
from plasticity.rules import Eligibility, Rule
from plasticity.settings import Settings

WIDTH, INPUTS = 2, 3


def make(rule: Rule, **settings) -> Reference:
    """A trainer of two hidden units with three inputs; what it learns is given trial by trial."""
    x = np.ones((1, INPUTS), np.float32)
    label = np.zeros(1, np.uint8)
    data = Dataset("none", x, label, x, label, order_by_size(x))
    return Reference(
        data, rule, Settings(**({"width": 2, "precision": "double"} | settings)), seed=0
    )


def by_layer(criterion: str, fraction: float | None, **parts) -> Rule:
    return Rule(select="per_layer", criterion=criterion, fraction=fraction, **parts)


def by_neuron(criterion: str, fraction: float | None, **parts) -> Rule:
    return Rule(select="per_neuron", criterion=criterion, fraction=fraction, **parts)


# --- When: the gate ---


@pytest.mark.parametrize(
    ("rule", "outputs", "is_open"),
    [
        (Rule(), {3: 1.0}, True),
        (Rule(gate="error"), {3: 1.0}, False),
        (Rule(gate="error"), {3: 1.0, 4: 1.5}, True),
        (Rule(gate="error"), {3: 1.0, 9: 1.0}, False),  # of equals the first is the answer
        (Rule(gate="error"), {3: 1.0, 0: 1.0}, True),
        (Rule(gate="margin", margin=0.5), {3: 1.0, 4: 0.75}, True),
        (Rule(gate="margin", margin=0.5), {3: 1.0, 4: 0.25}, False),
        (Rule(gate="margin", margin=0.5), {3: 1.0, 4: 0.5}, False),  # leads by just the margin
        (Rule(gate="margin", margin=0.5), {3: -1.0}, True),
        (Rule(gate="margin", margin=-0.5), {3: -1.0}, True),
        (Rule(gate="margin", margin=-0.5), {3: -0.25}, False),  # wrong, but not by enough
    ],
)
def test_gate(rule, outputs, is_open):
    y = np.zeros(10)
    for output, activity in outputs.items():
        y[output] = activity
    assert gate_open(rule, y, label=3) is is_open


@pytest.mark.parametrize("gate", ["error", "margin"])
def test_behind_a_closed_gate_nothing_changes(gate):
    t = make(Rule(gate=gate, margin=0.5 if gate == "margin" else None))
    t.network.out[:] = 0
    t.network.out[3, -1] = 1  # class 3 leads by 1 whatever comes in
    before = t.network.hidden.copy(), t.network.out.copy()
    assert t.trial(np.array([1.0, 2, 1]), 3)
    assert (t.updated_trials, t.correct_trials, t.energy.M0.sum()) == (0, 1, 0)
    for old, new in zip(before, (t.network.hidden, t.network.out), strict=True):
        np.testing.assert_array_equal(new, old)
    assert t.trial(np.array([1.0, 2, 1]), 4)
    assert (t.updated_trials, t.correct_trials) == (1, 1)
    assert t.energy.M0.sum() > 0


# --- A whole trial ---


def test_a_trial_of_backprop_by_hand():
    t = make(Rule(), learning_rate=0.5)
    t.network.hidden[:] = [[1, 0, 1], [0, -1, 0]]
    t.network.out[:] = 0
    t.network.out[0] = [0.5, 2, 0.25]
    assert t.trial(np.array([2.0, 1, -1]), 1)
    # a = (1, -1), h = (1, -0.1, 1), y = (0.5 - 0.2 + 0.25, 0, ...), error = (-0.55, 1, 0, ...)
    # back-propagated: -0.55 (0.5, 2) times the slopes (1, 0.1) = (-0.275, -0.11)
    delta = 0.5 * np.array([-0.275, -0.11])
    hidden = [[1 + 2 * delta[0], delta[0], 1 - delta[0]], [2 * delta[1], -1 + delta[1], -delta[1]]]
    np.testing.assert_allclose(t.network.hidden, hidden, rtol=1e-14)
    np.testing.assert_allclose(
        t.network.out[0], [0.5 - 0.275, 2 + 0.0275, 0.25 - 0.275], rtol=1e-14
    )
    np.testing.assert_allclose(t.network.out[1], [0.5, -0.05, 0.5], rtol=1e-14)
    assert not t.network.out[2:].any()
    assert t.energy.M0.tolist() == [6, 6]
    assert t.energy.M1[HIDDEN] == pytest.approx(0.1925 * 4)
    assert t.energy.M1[OUT] == pytest.approx((0.275 + 0.5) * 2.1)
    assert (t.updated_trials, t.correct_trials) == (1, 0)


def test_a_trial_of_competition_by_hand():
    t = make(by_layer("largest_update", 0.3, fraction_out=0.1), learning_rate=0.5)
    t.network.hidden[:] = [[1, 0, 1], [0, -1, 0]]
    t.network.out[:] = 0
    t.network.out[0] = [0.5, 2, 0.25]
    assert t.trial(np.array([2.0, 1, -1]), 1)
    # updates: hidden 0.1375 (2, 1, -1) and 0.055 (2, 1, -1), k = round(1.8) = 2, then a tie;
    # output 0.275 (1, -0.1, 1) and 0.5 (1, -0.1, 1), k = 3 of 30, then a tie
    assert t.energy.M0.tolist() == [3, 4]
    assert t.counts()[HIDDEN].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert t.counts()[OUT][:2].tolist() == [[1, 0, 1], [1, 0, 1]]
    np.testing.assert_array_equal(t.network.hidden[1], [0, -1, 0])
    np.testing.assert_allclose(t.network.hidden[0], [1 - 0.275, -0.1375, 1 + 0.1375], rtol=1e-14)


def test_the_hidden_rate_is_divided_by_the_root_of_the_fraction():
    changes = []
    for scaling in ("none", "root_fraction"):
        t = make(by_layer("largest_update", 0.25), learning_rate=0.1, rate_scaling=scaling)
        hidden, out = t.network.hidden.copy(), t.network.out.copy()
        t.run(np.zeros(1, int))
        changes.append([t.network.hidden - hidden, t.network.out - out])
    (hidden, out), (faster, same) = changes
    assert hidden.any() and out.any()
    np.testing.assert_allclose(faster, 2 * hidden, rtol=1e-12)
    np.testing.assert_array_equal(same, out)


def test_normalised_rates_correct_a_pattern_at_once_whatever_its_scale():
    """With a rate of 1, the linear output layer then gives the target (Nagumo and Noda, 1967)."""
    for scale in (0.1, 1, 30):
        rule = Rule(eligible="output_only")
        t = make(rule, learning_rate=1, rate_unit="squared_activity")
        x = scale * np.array([2.0, 1, -1])
        assert t.trial(x, 4)
        np.testing.assert_allclose(t.outputs(x[None])[0], np.eye(10)[4], atol=1e-12)


def test_a_normalised_hidden_rate_is_divided_by_the_squared_input():
    changes = []
    for unit in ("trial", "squared_activity"):
        t = make(Rule(), learning_rate=0.1, rate_unit=unit)
        before = t.network.hidden.copy()
        assert t.trial(np.array([2.0, 1, -1]), 1)  # 4 + 1 + 1
        changes.append(t.network.hidden - before)
    np.testing.assert_allclose(changes[1], changes[0] / 6, rtol=1e-12)


def test_a_relative_margin_does_not_depend_on_the_scale_of_outputs():
    y = np.zeros(10)
    y[[3, 4]] = 1.0, 0.9  # root mean square 0.425
    for scale in (0.01, 1, 100):
        for margin, is_open in ((0.23, False), (0.24, True)):
            rule = Rule(gate="margin", margin=margin, margin_unit="rms")
            assert gate_open(rule, scale * y, label=3) is is_open


def test_a_number_of_winners_is_the_same_in_all_networks():
    for width in (2, 5, 9):
        t = make(by_layer("largest_update", None, winners=2, winners_out=7), width=width)
        assert t.trial(np.array([2.0, 1.5, -1]), 1)
        assert t.energy.M0.tolist() == [2, 7]
        t = make(by_neuron("largest_update", None, winners=2), width=width)
        assert t.trial(np.array([2.0, 1.5, -1]), 1)
        assert t.energy.M0.tolist() == [2 * width, 20]


def test_initial_weights_may_be_scaled_by_the_fan_in():
    plain, scaled = (
        make(Rule(), width=8, initial_sd=0.3, sd_unit=unit).network
        for unit in ("weight", "root_fan_in")
    )
    np.testing.assert_allclose(scaled.hidden, plain.hidden / 3**0.5, rtol=1e-6)
    np.testing.assert_allclose(scaled.out, plain.out / 9**0.5, rtol=1e-6)


def test_both_layers_have_their_own_initial_weights():
    one = make(Rule(), initial_sd=0.1).network
    other = make(Rule(), initial_sd=0.1, initial_sd_out=0.2).network
    np.testing.assert_array_equal(one.hidden, other.hidden)
    np.testing.assert_allclose(other.out, 2 * one.out, rtol=1e-6)


def test_alternating_neurons_learn_in_turn():
    t = make(Rule(eligible="alternating_neurons", fraction=0.5, alternating_sets=2))
    t.eligibility = Eligibility(alternating=np.array([[True, False], [False, True]]))
    for changed in ([True, False], [False, True], [True, False]):
        before = t.network.hidden.copy()
        assert t.trial(np.array([2.0, 1, -1]), 1)
        assert (t.network.hidden != before).any(axis=1).tolist() == changed


def test_outputs_that_are_not_finite_end_a_run_without_a_change():
    t = make(Rule())
    t.network.out[4, -1] = np.inf
    before = t.network.hidden.copy()
    assert not t.trial(np.array([2.0, 1, -1]), 1)
    assert t.run(np.zeros(5, int)) == 0
    assert (t.updated_trials, t.energy.M0.sum()) == (0, 0)
    np.testing.assert_array_equal(t.network.hidden, before)


# --- Which synapses: selections ---

DELTA = np.array([1.0, -3])
X = np.array([2, -1, 0.5])
H = np.array([0.5, -2, 1])
ERROR = np.array([1.0, -0.25, *[0] * 8])

# |changes|: hidden (2, 1, 0.5) and (6, 3, 1.5); output (0.5, 2, 1), a quarter of it, zeros
CHANGES = [np.outer(DELTA, X), np.outer(ERROR, H)]
WEIGHTS = [np.array([[0.1, -7, 3], [-2, 5, 4]]), np.arange(30.0).reshape(10, 3)]

ALL_OUT = np.ones((10, 3), bool)


def masks_of(rule: Rule, units=(True, True)) -> list[np.ndarray]:
    """The synapses that may change where CHANGES are proposed to a network with WEIGHTS."""
    t = make(rule)
    t.network.hidden[:], t.network.out[:] = WEIGHTS
    return t.plastic_synapses(np.array(units), DELTA, H, CHANGES)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (by_layer("largest_update", 0.5), [[1, 0, 0], [1, 1, 0]]),  # k = 3
        (by_layer("largest_update", 0.001), [[0, 0, 0], [1, 0, 0]]),  # k = 1 at least
        (by_layer("largest_update", 1), [[1, 1, 1], [1, 1, 1]]),
        (by_layer("smallest_update", 0.5), [[0, 1, 1], [0, 0, 1]]),
        (by_layer("largest_weight", 0.5), [[0, 1, 0], [0, 1, 1]]),
        (by_layer("smallest_weight", 0.5), [[1, 0, 1], [1, 0, 0]]),
        (by_neuron("largest_update", 0.34), [[1, 0, 0], [1, 0, 0]]),  # k = 1 of 3
        (by_neuron("largest_update", 0.6), [[1, 1, 0], [1, 1, 0]]),
        (by_neuron("smallest_update", 0.34), [[0, 0, 1], [0, 0, 1]]),
        (by_neuron("largest_weight", 0.34), [[0, 1, 0], [0, 1, 0]]),
        (by_neuron("smallest_weight", 0.34), [[1, 0, 0], [1, 0, 0]]),
        (
            by_layer("largest_error", 0.5),
            [[0, 0, 0], [1, 1, 1]],
        ),  # of units: the second's is larger
        (by_layer("largest_activity", 0.5), [[0, 0, 0], [1, 1, 1]]),
        (by_layer("smallest_error", 0.5), [[1, 1, 1], [0, 0, 0]]),
        (by_layer("smallest_activity", 0.5), [[1, 1, 1], [0, 0, 0]]),
        (by_layer("largest_error", 1), [[1, 1, 1], [1, 1, 1]]),
    ],
    ids=lambda value: value.criterion if isinstance(value, Rule) else None,
)
def test_selection_in_the_first_layer(rule, expected):
    np.testing.assert_array_equal(masks_of(rule)[HIDDEN], np.array(expected, bool))


@pytest.mark.parametrize(
    ("rule", "chosen"),
    [
        (
            by_layer("largest_update", 0.5, fraction_out=0.1),
            [(0, 1), (0, 2), (0, 0), (1, 1)],
        ),  # tie
        (by_layer("largest_update", 0.5, fraction_out=0.06), [(0, 1), (0, 2)]),  # k = 1.8 of 30
        (by_layer("largest_weight", 0.5, fraction_out=0.06), [(9, 1), (9, 2)]),
        (by_layer("smallest_weight", 0.5, fraction_out=0.06), [(0, 0), (0, 1)]),
        (by_neuron("largest_weight", 0.5, fraction_out=0.3), [(o, 2) for o in range(10)]),
        (by_layer("largest_error", 0.5), [(o, j) for o in range(10) for j in range(3)]),
        (by_layer("largest_activity", 0.5), [(o, j) for o in range(10) for j in range(3)]),
        (Rule(eligible="output_only"), [(o, j) for o in range(10) for j in range(3)]),
    ],
    ids=lambda value: value.criterion if isinstance(value, Rule) else None,
)
def test_selection_in_the_output_layer(rule, chosen):
    expected = np.zeros((10, 3), bool)
    expected[tuple(np.transpose(chosen))] = True
    np.testing.assert_array_equal(masks_of(rule)[OUT], expected)


def test_smallest_update_prefers_synapses_that_do_not_change():
    mask = masks_of(by_layer("smallest_update", 0.5, fraction_out=0.1))[OUT]
    assert not mask[:2].any() and mask[2:].all()  # k = 3, tied with all the zeros


def test_error_and_activity_look_at_sizes_only():
    delta, h = np.array([2.0, -1]), np.array([0.5, -2, 1])
    chosen = {
        "largest_error": 0,
        "smallest_error": 1,
        "largest_activity": 1,
        "smallest_activity": 0,
    }
    for criterion, unit in chosen.items():
        t = make(by_layer(criterion, 0.5))
        hidden, _ = t.plastic_synapses(np.ones(2, bool), delta, h, CHANGES)
        np.testing.assert_array_equal(hidden, np.arange(2)[:, None] == [unit] * 3)


def test_units_that_are_not_eligible_do_not_compete():
    hidden, out = masks_of(by_layer("largest_update", 0.34), units=(True, False))
    np.testing.assert_array_equal(hidden, [[1, 0, 0], [0, 0, 0]])  # k = 1 of the 3 that compete
    np.testing.assert_array_equal(out, ALL_OUT)
    for rule in (by_layer("largest_error", 0.5), by_neuron("largest_update", 1), Rule()):
        hidden, _ = masks_of(rule, units=(True, False))
        np.testing.assert_array_equal(hidden, [[1, 1, 1], [0, 0, 0]])
    hidden, _ = masks_of(by_layer("largest_update", 1), units=(False, False))
    assert not hidden.any()


def test_a_subnet_has_inputs_outputs_and_biases():
    hidden, out = masks_of(Rule(eligible="subnet", plastic_units=1), units=(True, False))
    np.testing.assert_array_equal(hidden, [[1, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(out, [[1, 0, 1]] * 10)


def test_competition_in_a_subnet_counts_its_own_synapses():
    rule = by_layer("largest_update", 0.34, eligible="subnet", plastic_units=1, fraction_out=0.05)
    hidden, out = masks_of(rule, units=(True, False))
    np.testing.assert_array_equal(hidden, [[1, 0, 0], [0, 0, 0]])
    assert out.sum() == 1 and out[0, 2]  # k = 1 of 20; the largest of all, (0, 1), is not in it


def test_a_random_mask_restricts_both_layers_and_its_competition():
    rule = Rule(eligible="random_synapses", fraction=0.5, fraction_out=0.4)
    t = make(rule)
    hidden, out = t.plastic_synapses(np.ones(2, bool), DELTA, H, CHANGES)
    np.testing.assert_array_equal(hidden, t.eligibility.hidden)
    np.testing.assert_array_equal(out, t.eligibility.out)
    assert (hidden.sum(), out.sum()) == (3, 12)
    t = make(by_layer("largest_update", 0.7, eligible="random_synapses", eligible_fraction=0.5))
    chosen, _ = t.plastic_synapses(np.ones(2, bool), DELTA, H, CHANGES)
    sizes = np.abs(CHANGES[HIDDEN])
    eligible = t.eligibility.hidden
    assert eligible.sum() == 3 and chosen.sum() == 2  # k = round(0.7 x 3)
    assert not (chosen & ~eligible).any()
    assert sizes[chosen].min() > sizes[eligible & ~chosen].max()
