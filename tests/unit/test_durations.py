"""Estimated durations of jobs, from earlier builds or other jobs of the same rule."""

import pytest

from workflow.durations import INERTIA, UNKNOWN, Durations, Job, size


def record(rule, seconds, **parameters):
    """Return the parts of a provenance record that determine durations."""
    return {"recipe": {"rule": rule, "parameters": parameters}, "made": {"seconds": seconds}}


TRAINED = {
    "a": record("train", 30.0, seed=[0, 1, 2], width=100),
    "b": record("train", 10.0, seed=[0], width=100),
    "c": record("train", 900.0, seed=[0], width=100),
}


def test_nothing_is_left_when_nothing_waits_or_runs():
    assert Durations({}).left([], {}, 2) == 0


def test_a_job_with_a_record_takes_the_same_time_again():
    assert Durations(TRAINED).expected(Job("train/c", "c")) == 900


def test_other_jobs_take_the_median_of_their_rule_scaled_by_their_size():
    parameters = {"seed": [0, 1], "width": 3200}
    expected = Durations(TRAINED).expected(Job("train/new", "new", size(parameters)))
    assert expected == pytest.approx(10 * 2 * 32**0.4)


def test_jobs_without_width_or_seeds_have_size_1():
    assert size({}) == size({"width": 100, "seed": [7]}) == 1
    known = Durations({"x": record("plot", 4.0), "y": record("plot", 6.0)})
    assert known.expected(Job("plot/z", "z")) == 5


def test_the_duration_of_a_job_whose_rule_never_ran_is_a_guess():
    assert Durations(TRAINED).expected(Job("plot/z", "z", 3.0)) == 3 * UNKNOWN


def test_the_speed_of_a_build_is_learned_from_finished_jobs():
    known = Durations(TRAINED)
    known.end(Job("train/c", "c"), 3 * 900 + 2 * INERTIA)
    assert known.left([Job("train/b", "b")], {}, 1) == pytest.approx(30)


def test_a_single_short_job_hardly_changes_the_speed():
    known = Durations(TRAINED)
    known.end(Job("train/b", "b"), 0.0)
    assert 8 < known.left([Job("train/b", "b")], {}, 1) < 10


def test_a_running_job_takes_what_is_left_of_its_time():
    job = Job("train/c", "c")
    assert Durations(TRAINED).left([], {job: 600.0}, 1) == 300


def test_a_job_that_takes_longer_than_expected_needs_some_more_time():
    job = Job("train/c", "c")
    assert Durations(TRAINED).left([], {job: 2000.0}, 1) == 200


def test_more_cores_are_faster_down_to_the_longest_job():
    known = Durations(TRAINED)
    waiting = [Job(f"train/{name}", name) for name in TRAINED]
    assert known.left(waiting, {}, 1) == 940
    assert known.left(waiting, {}, 8) == 900
