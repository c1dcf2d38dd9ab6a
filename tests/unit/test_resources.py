"""Bounds of memory and time for a cluster, from a condition's parameters."""

from pathlib import Path

import pytest

from workflow import configuration, resources

ROOT = Path(__file__).resolve().parents[2]
BASE = {"scale": "paper", "found": {}, "figures": {}}


def condition(**parameters):
    """Return a condition with these parameters and five networks."""
    paper = configuration.read(ROOT / "config.yaml")
    entry = {"rule": "backprop", "width": 100} | parameters
    experiment = {"question": "?", "seeds": {"smoke": [0], "paper": [0, 1, 2, 3, 4]}}
    experiments = {"one": experiment | {"smoke": [entry], "paper": [entry]}}
    plan = configuration.plan(paper | BASE | {"experiments": experiments, "claims": ["power-law"]})
    (only,) = plan.conditions.values()
    return only


def test_a_network_of_a_million_units_gets_enough_memory_but_not_too_much():
    asked = resources.memory_mb(condition(width=1_000_000))
    assert 4_000 / 0.8 < asked < 16_000  # it takes 4,000 MB


@pytest.mark.parametrize(
    "slow",
    [
        {"criterion": "smallest_weight"},
        {"caching_threshold": 0.1},
        {"eligible": "random_synapses", "eligible_fraction": 0.5},
    ],
)
def test_selection_that_examines_every_synapse_gets_more_time(slow):
    fast = {"rule": "competitive", "fraction": 0.1, "max_epochs": 3}
    seconds = 0.4e-3 * 3 * 60_000 * 5  # as measured, for each trial of width 100
    assert 60 * resources.minutes(condition(**fast)) < seconds
    assert 60 * resources.minutes(condition(**fast | slow)) > seconds


def test_time_grows_with_trials_seeds_and_curves():
    usual = resources.minutes(condition(width=3000))
    assert resources.minutes(condition(width=3000, max_epochs=20)) == pytest.approx(
        2 * usual, abs=1
    )
    assert resources.minutes(condition(width=3000, seed=[0])) == pytest.approx(usual / 5, abs=1)


def test_short_conditions_share_jobs():
    assert resources.group(condition(max_epochs=1)) == "conditions"
    assert resources.group(condition(width=10_000)) is None


def test_an_examination_takes_several_trainings():
    examined = condition(width=1000)
    assert resources.examination_minutes(examined) == 10 * resources.minutes(examined)
    assert resources.examination_mb(examined) == resources.memory_mb(examined) + 50
