"""Learners that write less than on-line learning, and upper bounds of the least M0."""

import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import floor as script
from analysis import tables
from plasticity import memory, pruning
from plasticity.energy import HIDDEN, OUT
from plasticity.memory import Batch, Remembering, largest_products, learns_in_batches
from plasticity.network import Network, initial_network, outputs
from plasticity.parameters import ParameterError
from plasticity.reference import Reference
from plasticity.rules import Rule
from plasticity.settings import Settings
from plasticity.training import train

COMPETITION = {"select": "per_layer", "criterion": "largest_update"}
RULES = st.builds(
    Rule,
    gate=st.sampled_from(["always", "error"]),
    **{"select": st.just("per_layer"), "criterion": st.just("largest_update")},
    fraction=st.floats(0.01, 1),
    fraction_out=st.floats(0.01, 1),
) | st.sampled_from(
    [
        Rule(),
        Rule(gate="error"),
        Rule(gate="margin", margin=0.2),
        Rule(gate="margin", margin=0.2, margin_unit="rms", **COMPETITION, winners=9, winners_out=3),
    ]
)
SETTINGS = Settings(width=7, precision="double", test_interval=50)


class LiteralBatch(Reference):
    """The definition of batches: the literal trainer, which changes the weights later."""

    def __init__(self, *network, memory):
        super().__init__(*network)
        self.memory = memory
        self.sums = [np.zeros_like(w) for w in (self.network.hidden, self.network.out)]

    def change(self, changes):
        for total, change in zip(self.sums, changes, strict=True):
            total += change

    def trial(self, x, label):
        finite = super().trial(x, label)
        if self.trials % self.memory == 0:
            super().change(self.sums)
            self.sums = [np.zeros_like(total) for total in self.sums]
        return finite


class Recorder(Reference):
    """The literal trainer, which keeps the changed synapses of each trial."""

    def __init__(self, *network):
        super().__init__(*network)
        self.changed = []

    def trial(self, x, label):
        before = [counts.copy() for counts in self.counts()]
        finite = super().trial(x, label)
        pairs = zip(before, self.counts(), strict=True)
        self.changed.append(np.concatenate([(old != new).ravel() for old, new in pairs]))
        return finite


@given(
    rule=RULES,
    length=st.integers(1, 40),
    seed=st.integers(0, 99),
    loss=st.sampled_from(["mse", "cross_entropy"]),
    activation=st.sampled_from(["relu", "leaky_relu", "logistic"]),
    rate_unit=st.sampled_from(["trial", "squared_activity"]),
)
def test_batches_are_those_of_the_literal_trainer(
    small, rule, length, seed, loss, activation, rate_unit
):
    settings = replace(SETTINGS, loss=loss, activation=activation, rate_unit=rate_unit)
    patterns = np.random.default_rng(seed).integers(0, 300, 90)
    literal = LiteralBatch(small, rule, settings, seed, memory=length)
    fast = Batch(small, rule, settings, seed, memory=length)
    assert [fast.run(part) for part in np.split(patterns, [35])] == [35, 55]
    literal.run(patterns)
    for layer in ("hidden", "out"):
        assert np.allclose(getattr(fast.network, layer), getattr(literal.network, layer))
    assert np.array_equal(fast.energy.M0, literal.energy.M0)
    assert np.allclose(fast.energy.M1, literal.energy.M1)
    assert (fast.updated_trials, fast.correct_trials, fast.trials) == (
        *(literal.updated_trials, literal.correct_trials),
        90,
    )


def test_batches_of_one_trial_are_on_line_learning(small):
    rule = Rule(**COMPETITION, fraction=0.1)
    batch, online = (
        train(small, rule, SETTINGS, 1, trainer=trainer).measures
        for trainer in (partial(Batch, memory=1), Reference)
    )
    assert batch == online | {"M1": pytest.approx(online["M1"])} | {
        key: pytest.approx(online[key]) for key in ("M1_hidden", "M1_out", "M1_min")
    }


def test_batches_stop_at_outputs_that_are_not_finite(small):
    settings = replace(SETTINGS, learning_rate=1e300)
    with np.errstate(over="ignore", invalid="ignore"):
        assert Batch(small, Rule(), settings, 0, memory=10).run(np.arange(40)) == 10


@pytest.mark.parametrize(
    ("rule", "settings", "possible"),
    [
        (Rule(), SETTINGS, True),
        (Rule(gate="margin", margin=0.1, **COMPETITION, fraction=0.1), SETTINGS, True),
        (Rule(eligible="random_neurons", fraction=0.5), SETTINGS, False),
        (Rule(select="per_neuron", criterion="largest_update", fraction=0.1), SETTINGS, False),
        (Rule(select="per_layer", criterion="largest_weight", fraction=0.1), SETTINGS, False),
        (Rule(), replace(SETTINGS, caching_threshold=0.1), False),
    ],
)
def test_rules_that_learn_in_batches(rule, settings, possible):
    assert learns_in_batches(rule, settings) == possible


@given(
    rows=st.integers(1, 3), m=st.integers(1, 9), n=st.integers(1, 9), data=st.data(),
)  # fmt: skip
def test_the_largest_products_are_those_of_all_products(rows, m, n, data):
    k = data.draw(st.integers(1, m * n))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    a, b = rng.normal(size=(rows, m)), rng.normal(size=(rows, n))
    found = [set() for _ in range(rows)]
    for row, i, j in zip(*largest_products(a, b, k), strict=True):
        found[row].add((int(i), int(j)))
    for row in range(rows):
        sizes = np.abs(np.outer(a[row], b[row]))
        largest = np.argsort(sizes, axis=None)[-k:]
        assert found[row] == {divmod(int(pair), n) for pair in largest}


@pytest.mark.parametrize(
    "rule",
    [Rule(), Rule(**COMPETITION, fraction=0.1), Rule(gate="error", **COMPETITION, fraction=0.05)],
)
def test_a_remembering_learner_writes_each_changed_synapse_once(small, monkeypatch, rule):
    monkeypatch.setattr(memory, "MEMORIES", (10, 30, 1000))
    patterns = np.random.default_rng(1).integers(0, 300, 100)
    remembering = Remembering(small, rule, SETTINGS, 2)
    literal = Recorder(small, rule, SETTINGS, 2)
    for part in (patterns[:50], patterns[50:]):
        assert remembering.run(part) == 50
    literal.run(patterns)
    changed = np.array(literal.changed)
    expected = [
        sum(changed[first : first + length].any(axis=0).sum() for first in range(0, 100, length))
        for length in memory.MEMORIES
    ]
    assert remembering.writes.tolist() == expected
    assert remembering.energy.M0.sum() == changed.sum() >= expected[0]
    assert np.allclose(remembering.network.hidden, literal.network.hidden)


def test_a_remembering_learner_counts_at_multiples_whatever_the_test_interval(small, monkeypatch):
    monkeypatch.setattr(memory, "MEMORIES", (10, 30))
    patterns = np.random.default_rng(1).integers(0, 300, 90)
    whole, parts = (Remembering(small, Rule(), SETTINGS, 2) for _ in range(2))
    whole.run(patterns)
    for part in np.split(patterns, [7, 10, 33, 41]):
        assert parts.run(part) == len(part)
    assert parts.writes.tolist() == whole.writes.tolist() == [9 * 241, 3 * 241]


def test_a_remembering_learner_stops_at_divergence(small):
    settings = replace(SETTINGS, learning_rate=50, test_interval=1000)
    with np.errstate(over="ignore", invalid="ignore"):
        measures = [
            train(small, Rule(), settings, 0, trainer=trainer).measures
            for trainer in (Remembering, Reference)
        ]
    for key in ("diverged", "trials", "updated_trials", "M0"):
        assert measures[0][key] == measures[1][key], key
    assert measures[0]["diverged"]


def test_the_largest_changes_by_hand():
    """Two of three changes suffice: the small one is left out."""
    changes = [np.array([[0.5, 0.0, -0.1]]), np.array([[2.0, 0.0]])]
    assert [mask.tolist() for mask in pruning.largest(changes, 2)] == [
        [[True, False, False]],
        [[True, False]],
    ]
    # zeros are never among them, even if more are asked for than there are changes
    assert sum(mask.sum() for mask in pruning.largest(changes, 5)) == 3


def test_the_largest_changes_suffice_for_the_goal_and_fewer_do_not(small):
    settings = replace(SETTINGS, goal=0.7, max_epochs=30)
    initial = pruning.initial_of(small, settings, 4)
    result = train(small, Rule(), settings, 4)
    assert result.measures["reached"]
    bound = pruning.largest_changes(small, settings, 4, result.trainer.network)
    assert 0 < bound.M0 < result.measures["M0_min"]
    assert bound.accuracy == pruning.accuracy(bound.network, small) >= settings.goal
    assert changed_synapses(initial, bound.network) == bound.M0
    changes = [
        result.trainer.network.hidden - initial.hidden,
        result.trainer.network.out - initial.out,
    ]
    fewer = [
        np.where(mask, change, 0)
        for mask, change in zip(pruning.largest(changes, bound.M0 - 1), changes, strict=True)
    ]
    assert pruning.accuracy(pruning.changed(initial, fewer), small) < settings.goal


def changed_synapses(initial, network):
    return int((initial.hidden != network.hidden).sum() + (initial.out != network.out).sum())


def test_all_changes_of_a_network_below_the_goal_are_returned(small):
    network = train(small, Rule(), replace(SETTINGS, max_epochs=0.1), 4).trainer.network
    bound = pruning.largest_changes(small, replace(SETTINGS, goal=1), 4, network)
    assert changed_synapses(pruning.initial_of(small, SETTINGS, 4), network) == bound.M0


def test_pruned_synapses_keep_their_initial_weights(small):
    settings = replace(SETTINGS, width=20, goal=0.7)
    initial = pruning.initial_of(small, settings, 5)
    before = initial.hidden.size + initial.out.size + 1
    pruned = []
    for _, bound in zip(range(12), pruning.rounds(small, settings, 5, epochs=10), strict=False):
        assert bound.M0 == changed_synapses(initial, bound.network) < before
        assert bound.accuracy == pruning.accuracy(bound.network, small)
        pruned.append(bound)
        before = bound.M0
    assert pruned[-1].M0 <= pruning.KEEP**11 * pruned[0].M0
    same = pruned[5].network.hidden == initial.hidden
    assert (pruned[8].network.hidden == initial.hidden)[same].all()


def test_the_bound_is_the_sparsest_network_at_the_goal(small):
    settings = replace(SETTINGS, width=20, goal=0.85)
    best = pruning.pruned(small, settings, 5, epochs=10)
    rounds, below = [], 0
    for bound in pruning.rounds(small, settings, 5, epochs=10):
        rounds.append(bound)
        below = 0 if bound.accuracy >= 0.85 else below + 1
        if below == pruning.ROUNDS_BELOW:
            break
    assert min(bound.M0 for bound in rounds if bound.accuracy >= 0.85) == best.M0
    assert train(small, Rule(), settings, 5).measures["M0_min"] / 2 > best.M0
    missed = pruning.pruned(small, replace(settings, goal=1), 5, epochs=0.1)
    assert missed.accuracy < 1 and missed.M0 < 670 * pruning.KEEP ** (pruning.FIRST_ROUNDS - 2)


def test_the_gradient_is_that_of_the_loss(small):
    network = initial_network(5, 0, (0.3, 0.3), "logistic", np.float64, 23)
    patterns = np.array([0, 1, 2])
    gradient = pruning.descent(network, small, patterns, "mse")

    def loss(hidden, out):
        y = outputs(Network(hidden, out, "logistic"), small.train_inputs[patterns])
        target = np.eye(10)[small.train_labels[patterns]]
        return ((target - y) ** 2).sum() / 2 / len(patterns)

    for layer, at in ((HIDDEN, (2, 3)), (OUT, (4, 1))):
        weights = [network.hidden.copy(), network.out.copy()]
        losses = []
        for step in (1e-5, -2e-5):
            weights[layer][at] += step
            losses.append(loss(*weights))
        assert gradient[layer][at] == pytest.approx((losses[1] - losses[0]) / 2e-5, rel=1e-5)


def test_adam_by_hand():
    """After the first step, Adam's update is the sign of the gradient."""
    mean, square = np.zeros(2), np.zeros(2)
    assert pruning.adam(mean, square, np.array([3.0, -0.1]), 1) == pytest.approx([1, -1], rel=1e-6)
    assert mean == pytest.approx([0.3, -0.01])
    second = pruning.adam(mean, square, np.array([0.0, 0.0]), 2)
    assert second[0] == pytest.approx(
        (0.27 / 0.19) / np.sqrt(0.999 * 0.009 / (1 - 0.999**2)), rel=1e-6
    )


@pytest.mark.parametrize("setting", [{"caching_threshold": 0.1}, {"training_patterns": 50}])
def test_networks_that_are_not_compared_are_refused(setting):
    with pytest.raises(ParameterError, match=f"{next(iter(setting))}: .* without it"):
        script.require_plain(Rule(), replace(SETTINGS, **setting))


def test_the_table_has_each_learner_of_each_network(mnist, tmp_path, monkeypatch):
    output = tmp_path / "a.csv"
    words = "--rule competitive --width 20 --fraction 0.05 --seed 0 1 --goal 0.8"
    words += f" --stop-on validation --test-interval 200 --max-epochs 0.2 --output {output}"
    monkeypatch.setattr(sys, "argv", ["floor.py", *words.split()])
    script.main()
    table = tables.read(output, "floors")
    assert table["learner"].value_counts().to_dict() == {
        **{"remembering": 2 * (1 + len(memory.MEMORIES)), "batch": 2 * len(script.BATCHES)},
        **dict.fromkeys(["written once", "largest changes", "pruning"], 2),
    }
    for _, network in table.groupby("seed"):
        M0 = network.set_index("learner")["M0"]
        assert M0["remembering"].is_monotonic_decreasing
        steps = [
            M0["remembering"].iloc[-1],
            M0["written once"],
            M0["largest changes"],
            M0["pruning"],
        ]
        assert (np.diff(steps) <= 0).all()
        last = network[network["learner"] == "pruning"]
        assert (last["accuracy"] >= 0.8).all() and (last["test_accuracy"] > 0.7).all()
