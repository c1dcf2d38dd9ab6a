"""Overlap of the winners of competition: a case by hand, and the trials that are recorded."""

import sys

import numpy as np
import pandas as pd
import pytest

import overlap as script
from analysis import overlap, tables
from overlap import Recorder, winners_after
from plasticity.energy import HIDDEN
from plasticity.parameters import ParameterError
from plasticity.reference import Reference
from plasticity.rules import Rule
from plasticity.settings import Settings
from plasticity.streams import stream
from plasticity.training import train

COMPETITION = Rule(select="per_layer", criterion="largest_update", fraction=0.1)
SETTINGS = Settings(width=7, test_interval=50, goal=0.9, max_epochs=1)


def test_overlaps_by_hand(monkeypatch):
    """Two hidden units with three inputs; three of the six synapses win on each of three trials."""
    monkeypatch.setattr(overlap, "LAGS", (1,))
    masks = np.array(
        [
            [[1, 1, 1], [0, 0, 0]],  # digit 4
            [[0, 1, 1], [1, 0, 0]],  # digit 4: two of the same synapses
            [[1, 0, 0], [0, 1, 1]],  # digit 5: none of the same synapses
        ],
        bool,
    )
    rows = overlap.overlaps(overlap.packed(masks), np.array([4, 4, 5]), synapses=6)
    assert [tuple(row.values()) for row in rows] == [
        ("first-layer synapses", "same digit", 1, pytest.approx(2 / 3), 1),
        ("first-layer synapses", "different digits", 1, 0, 1),
        # shares of the units: (1, 0), (2/3, 1/3) and (1/3, 2/3)
        ("hidden units", "same digit", 1, pytest.approx(2 / 3), 1),
        ("hidden units", "different digits", 1, pytest.approx(2 / 3), 1),
        ("first-layer synapses", "chance", None, 1 / 2, 2),
        # with the units of the second trial in either order: 2/3 or 1/3; 1 or 2/3
        ("hidden units", "chance", None, pytest.approx((1 / 2 + 5 / 6) / 2), 2),
    ]


def test_a_fixed_mask_has_an_overlap_of_one_and_random_winners_that_of_chance():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 2400)
    fixed = np.repeat(rng.random((1, 8, 50)) < 0.1, len(labels), axis=0)
    table = pd.DataFrame(overlap.overlaps(overlap.packed(fixed), labels, fixed[0].size))
    assert np.allclose(table.loc[table["compared"] != "chance", "overlap"], 1)
    rows = rng.permuted(np.arange(400) < 40, axis=0)
    drawn = rng.permuted(np.tile(rows, (len(labels), 1)), axis=1).reshape(-1, 8, 50)
    table = pd.DataFrame(overlap.overlaps(overlap.packed(drawn), labels, rows.size))
    for _, part in table.groupby("part"):
        chance = part.loc[part["compared"] == "chance", "overlap"].item()
        assert np.allclose(part["overlap"], chance, atol=0.04)
    assert table.loc[table["part"] == "first-layer synapses", "overlap"].iloc[-1] == 0.1


def test_recorded_winners_are_the_synapses_that_change(small):
    recorder = Recorder(
        Reference(small, COMPETITION, SETTINGS, 3).network, small, COMPETITION, SETTINGS, 3
    )
    for trial, pattern in enumerate(range(20)):
        before = recorder.network.hidden.copy()
        counts = recorder.counts()[HIDDEN].copy()
        recorder.run(np.array([pattern]))
        won = np.unpackbits(recorder.winners[trial], axis=-1, count=before.shape[1]).astype(bool)
        assert np.array_equal(won, recorder.counts()[HIDDEN] > counts)
        assert np.array_equal(won, recorder.network.hidden != before)
        assert won.sum() == 16  # a tenth of 7 x 23 synapses


def test_training_continues_where_it_has_stopped(small):
    """The winners are those of the literal trainer, had it trained from the first trial on."""
    result = train(small, COMPETITION, SETTINGS, 3)
    done, more = result.measures["trials"], 40
    winners, labels = winners_after(result, small, COMPETITION, SETTINGS, 3, more)
    patterns = stream(3, "pattern order").integers(0, len(small.train_labels), done + more)
    literal = Recorder(
        Reference(small, COMPETITION, SETTINGS, 3).network, small, COMPETITION, SETTINGS, 3
    )
    literal.run(patterns)
    assert 0 < done < len(patterns) and np.array_equal(labels, small.train_labels[patterns[done:]])
    assert np.array_equal(winners, np.stack(literal.winners[done:]))


@pytest.mark.parametrize(
    ("rule", "settings", "message"),
    [
        (Rule(), SETTINGS, "select: 'all' is not allowed: synapses must compete"),
        (
            Rule(gate="error", select="per_layer", criterion="largest_update", fraction=0.1),
            SETTINGS,
            "gate: 'error' is not allowed: winners are compared with always only",
        ),
        (
            COMPETITION,
            Settings(width=7, caching_threshold=0.1),
            "caching_threshold: 0.1 is not allowed: winners are compared without it",
        ),
        (
            COMPETITION,
            Settings(width=7, training_patterns=50),
            "training_patterns: 50 is not allowed: winners are compared without it",
        ),
    ],
)
def test_only_networks_whose_weights_are_all_can_be_continued(rule, settings, message):
    with pytest.raises(ParameterError, match=message):
        overlap.require_competition(rule, settings)


def test_the_table_has_every_network_part_and_lag(mnist, tmp_path, monkeypatch):
    output = tmp_path / "a.csv"
    words = "--rule competitive --width 20 --fraction 0.05 --seed 0 1 --goal 0.5"
    words += f" --test-interval 200 --output {output}"
    monkeypatch.setattr(sys, "argv", ["overlap.py", *words.split()])
    script.main()
    table = tables.read(output, "overlaps")
    assert len(table) == 2 * 2 * (2 * len(overlap.LAGS) + 1)
    assert not table.duplicated(["seed", "part", "compared", "lag"]).any()
    counted = table.dropna(subset=["lag"]).groupby(["seed", "part", "lag"])["pairs"].sum()
    assert (counted == script.TRIALS - counted.index.get_level_values("lag")).all()
    chance = table[table["compared"] == "chance"].set_index("part")["overlap"]
    assert chance["first-layer synapses"].tolist() == pytest.approx([0.05] * 2, rel=1e-4)  # ties
    mean = table.groupby(["part", "compared"])["overlap"].mean().unstack()
    assert (mean["same digit"] > mean["different digits"]).all() and (mean < 1).all(axis=None)
