"""Energy: cases worked out by hand, and identities that any run has to obey."""

import numpy as np
import pytest

from plasticity import energy
from plasticity.energy import HIDDEN, OUT, Energy, minima, participation
from plasticity.engine import Engine
from plasticity.network import initial_network
from plasticity.reference import Reference
from plasticity.rules import Rule
from plasticity.settings import Settings
from plasticity.training import train


@pytest.fixture
def trainer(small):
    """A function that makes a literal trainer of two hidden units with synaptic caching."""

    def make(threshold: float, decay: float | None = None) -> Reference:
        settings = Settings(
            width=2, precision="double", caching_threshold=threshold, caching_decay=decay
        )
        return Reference(small, Rule(), settings, seed=0)

    return make


def change(trainer: Reference, hidden: float, out: float = 0) -> None:
    """Change one synapse of each layer."""
    shapes = trainer.network.hidden.shape, trainer.network.out.shape
    changes = [np.zeros(shape) for shape in shapes]
    changes[HIDDEN][1, 2], changes[OUT][9, 0] = hidden, out
    trainer.change(changes)


# --- Updates ---


def test_updates_are_counted_and_their_sizes_summed_by_layer():
    total = Energy()
    total.add(HIDDEN, np.array([[0, 1.5], [-2, 0]], np.float32))
    total.add(OUT, np.array([[0.25, -0.25, 0]], np.float32))
    total.add(HIDDEN, np.array([[0.5, 0], [0, 0]], np.float32))
    assert total.M0.tolist() == [3, 2]
    assert total.M1.tolist() == [4.0, 0.5]


def test_the_count_is_exact_and_the_sum_double_where_single_precision_would_stall():
    total = Energy()
    total.M0[HIDDEN], total.M1[HIDDEN] = 10**12 + 1, 2.0**24
    total.add(HIDDEN, np.ones((3, 5), np.float32))
    assert int(total.M0[HIDDEN]) == 10**12 + 16
    assert total.M1[HIDDEN] == 2**24 + 15
    one = Energy()
    one.add(OUT, np.array([2.0**24, 1, 1, 1], np.float32))
    assert one.M1[OUT] == 2**24 + 3


def test_consolidation_is_counted_and_summed_like_the_updates():
    total = Energy()
    total.consolidate(OUT, np.array([[2.0**24, -1, 1, 1], [0, 0, 0, -0.0]], np.float32))
    total.consolidate(HIDDEN, np.array([[0, -0.5]], np.float32))
    total.consolidate(OUT, np.array([0.25, 0], np.float32))
    assert total.M0_consolidation.tolist() == [1, 5]
    assert total.M1_consolidation.tolist() == [0.5, 2**24 + 3.25]
    for other in (total.M0, total.M1, total.maintenance):
        assert not other.any()


def test_totals_begin_at_zero_have_the_widest_types_and_belong_to_one_run():
    one, other = vars(Energy()), vars(Energy())
    assert len(one) == 5
    for name, values in one.items():
        assert values.tolist() == [0, 0]
        assert values.dtype == (np.int64 if name.startswith("M0") else np.float64)
        assert values is not other[name]


def test_a_trainer_counts_the_updates_of_each_synapse(trainer):
    t = trainer(threshold=100)
    before = t.network.hidden[1, 2]
    for size in (0.5, 0, -0.25):
        change(t, size, out=1)
    hidden, out = t.counts()
    assert hidden[1, 2] == hidden.sum() == 2
    assert out[9, 0] == out.sum() == 3
    assert t.energy.M0.tolist() == [2, 3]
    assert t.energy.M1.tolist() == [0.75, 3]
    assert t.network.hidden[1, 2] == pytest.approx(before + 0.25)


# --- Minima and participation ---


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 4096])
def test_minima_compare_the_end_with_the_beginning(monkeypatch, dtype, rows):
    monkeypatch.setattr("plasticity.network._ROWS", rows)
    net = initial_network(3, 7, (0.05, 0.05), "relu", dtype, inputs=4)
    assert minima(net, 7, (0.05, 0.05)) == (0, 0)
    net.hidden[2, 1] += 0.5
    net.hidden[0, 0] -= 0.25
    net.out[9, 3] -= 1
    assert minima(net, 7, (0.05, 0.05)) == (3, pytest.approx(1.75, rel=1e-6))


def test_minima_are_exact_where_single_precision_would_stall():
    net = initial_network(3, 7, (0, 0), "relu", np.float32, inputs=4)  # all weights are 0
    net.hidden[1] = 2.0**24, 1, -1, 1
    net.out[0, :3] = -1
    M0, M1 = minima(net, 7, (0, 0))
    assert (M0, M1) == (7, 2**24 + 6)
    assert type(M0) is int and type(M1) is float


def test_minima_of_another_beginning_count_everything():
    net = initial_network(3, 7, (0.05, 0.05), "relu", np.float32, inputs=4)
    assert minima(net, 8, (0.05, 0.05))[0] == minima(net, 7, (0.06, 0.06))[0] == 3 * 4 + 10 * 4


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([np.full((3, 4), 7), np.full((2, 3), 7)], 1),
        ([np.array([[1, 2, 3]])], 36 / (3 * 14)),
        ([np.array([[1], [2]]), np.array([[3, 0]])], 36 / (4 * 14)),
        ([np.arange(10) < 3], 0.3),  # a fixed mask: its fraction
        ([np.broadcast_to(np.array([[2], [0]]), (2, 5))], 0.5),
        ([np.array([3_000_000_000, 3_000_000_000])], 1),
    ],
)
@pytest.mark.parametrize("rows", [1, 4096])
def test_participation(monkeypatch, layers, expected, rows):
    monkeypatch.setattr(energy, "_ROWS", rows)
    assert participation(layers) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("layers", [[], [np.zeros((2, 3), int)], [np.zeros(3, np.int32)] * 2])
def test_participation_without_updates_is_not_a_number(layers):
    assert np.isnan(participation(layers))


def test_participation_of_one_update_is_one_synapse():
    assert participation([np.array([[0, 1], [0, 0]]), np.zeros((2, 3), int)]) == 1 / 10


def test_participation_is_exact_where_the_counts_own_type_would_overflow():
    counts = np.array([2**17, 2**17, 0, 0], np.int32)  # squared, more than 2^31
    assert participation([counts]) == participation(iter([counts])) == 0.5


# --- Synaptic caching, by hand (all numbers are exact in binary) ---


def test_a_transient_part_is_consolidated_when_it_passes_the_threshold(trainer):
    t = trainer(threshold=0.5)
    for size, transient, moves, moved in (
        (0.25, 0.25, 0, 0),
        (0.25, 0.5, 0, 0),  # at the threshold, not beyond it
        (0.125, 0, 1, 0.625),
        (-0.25, -0.25, 1, 0.625),
        (-0.5, 0, 2, 1.375),  # the size counts, whatever the sign
        (0.375, 0.375, 2, 1.375),
    ):
        change(t, size)
        assert t.transient[HIDDEN][1, 2] == transient
        assert t.energy.M0_consolidation.tolist() == [moves, 0]
        assert t.energy.M1_consolidation.tolist() == [moved, 0]
    assert t.energy.M0.tolist() == [6, 0]
    assert t.energy.M1.tolist() == [1.75, 0]


def test_what_is_left_at_the_end_is_consolidated(trainer):
    t = trainer(threshold=0.5)
    change(t, 0.25, out=-0.125)
    weights = t.network.hidden.copy()
    t.finish()
    assert t.energy.M0_consolidation.tolist() == [1, 1]
    assert t.energy.M1_consolidation.tolist() == [0.25, 0.125]
    assert not t.transient[HIDDEN].any() and not t.transient[OUT].any()
    np.testing.assert_array_equal(t.network.hidden, weights)


def test_decay_takes_transient_parts_and_weights_down_together(trainer):
    t = trainer(threshold=8, decay=0.25)
    t.network.hidden[1, 2], t.network.out[9, 0] = 1, 2
    change(t, 4, out=-1)
    for transient in (3, 2.25):
        t.decay()
        assert t.transient[HIDDEN][1, 2] == transient
        assert t.network.hidden[1, 2] == 1 + transient
        assert t.network.out[9, 0] == 2 - transient / 4
    assert t.energy.M0.tolist() == [1, 1]  # decay is no update


def test_without_decay_transient_parts_stay(trainer):
    t = trainer(threshold=8)
    change(t, 4)
    t.decay()
    assert t.transient[HIDDEN][1, 2] == 4


def test_maintenance_is_charged_on_every_trial_after_its_decay_and_change(small):
    rule = Rule(gate="margin", margin=-1e9)  # no trial is plastic
    settings = Settings(width=2, precision="double", caching_threshold=8, caching_decay=0.25)
    t = Reference(small, rule, settings, seed=0)
    change(t, 4, out=-1)
    x = small.train_inputs[0].astype(float)
    for hidden, out in ((3, 0.75), (3 + 2.25, 0.75 + 0.5625)):
        assert t.trial(x, 0)
        assert t.energy.maintenance.tolist() == [hidden, out]
    t.rule = Rule()
    before = np.abs(t.transient[HIDDEN]).sum() * 0.75
    t.trial(x, 0)
    added = t.energy.maintenance[HIDDEN] - 5.25
    assert added == pytest.approx(np.abs(t.transient[HIDDEN]).sum())
    assert added != pytest.approx(before)


# --- Identities of whole runs, for both trainers ---

RULES = [
    Rule(),
    Rule(select="per_layer", criterion="largest_update", fraction=0.1, fraction_out=0.3),
    Rule(eligible="random_synapses", fraction=0.2, fraction_out=0.5),
    Rule(eligible="subnet", plastic_units=5, gate="error"),
    Rule(
        eligible="random_synapses",
        eligible_fraction=0.5,
        **{"select": "per_neuron", "criterion": "largest_update", "fraction": 0.3},
    ),
]


@pytest.fixture(params=RULES, ids=lambda rule: f"{rule.eligible}-{rule.select}")
def measures(request, small):
    """A function that trains by a rule and returns what it cost."""

    def run(trainer: type, **options) -> dict:
        settings = Settings(
            width=12, goal=1, max_epochs=1, test_interval=70, precision="double", **options
        )
        return train(small, request.param, settings, 0, trainer).measures

    return run


@pytest.mark.parametrize("kind", [Engine, Reference])
def test_with_a_vanishing_threshold_every_update_is_consolidated(measures, kind):
    m = measures(kind, caching_threshold=1e-300)
    assert m["M0_consolidation"] == m["M0"] > 0
    assert m["M1_consolidation"] == pytest.approx(m["M1"], rel=1e-12)
    assert m["maintenance"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", [Engine, Reference])
def test_with_an_endless_cache_the_minimum_is_consolidated(measures, kind):
    m = measures(kind, caching_threshold=1e9)
    assert m["M0_consolidation"] == m["M0_min"] > 0
    assert m["M1_consolidation"] == pytest.approx(m["M1_min"], rel=1e-9)
    assert m["maintenance"] > m["M1_min"]


@pytest.mark.parametrize("kind", [Engine, Reference])
def test_caching_without_decay_leaves_learning_alone(measures, kind):
    plain, cached = measures(kind), measures(kind, caching_threshold=0.01)
    costs = ("M0_consolidation", "M1_consolidation", "maintenance")
    assert all(plain[key] is None for key in costs)
    assert plain["M1_min"] < cached["M1_consolidation"] < plain["M1"]
    for key, value in plain.items():
        if value is not None:
            assert cached[key] == pytest.approx(value, rel=1e-9), key


@pytest.mark.parametrize("kind", [Engine, Reference])
def test_every_measure_is_that_of_its_layers(small, kind):
    settings = Settings(width=3, goal=1, max_epochs=0.3, test_interval=90, caching_threshold=0.01)
    result = train(small, Rule(), settings, 0, kind)
    measures, total = result.measures, result.trainer.energy
    for quantity in ("M0", "M1"):
        hidden, out = getattr(total, quantity)
        assert (measures[f"{quantity}_hidden"], measures[f"{quantity}_out"]) == (hidden, out)
        assert hidden != out and min(hidden, out) > 0
        assert measures[quantity] == hidden + out
    for quantity in ("M0_consolidation", "M1_consolidation", "maintenance"):
        assert measures[quantity] == sum(getattr(total, quantity))
    assert (measures["M0_min"], measures["M1_min"]) == minima(
        result.trainer.network, 0, (0.03, 0.03)
    )
    assert measures["participation"] == participation(result.trainer.counts())
    hidden, out = result.trainer.counts()
    assert (hidden.sum(), out.sum()) == tuple(total.M0)


@pytest.mark.parametrize("kind", [Engine, Reference])
def test_layers_add_up_and_no_run_is_cheaper_than_its_minimum(measures, kind):
    m = measures(kind)
    assert m["M0"] == m["M0_hidden"] + m["M0_out"]
    assert m["M1"] == pytest.approx(m["M1_hidden"] + m["M1_out"])
    assert m["M0"] >= m["M0_min"] and m["M1"] >= m["M1_min"] > 0
    assert 0 < m["participation"] <= 1
