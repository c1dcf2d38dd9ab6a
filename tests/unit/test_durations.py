"""How long jobs will take: learned from what was timed, and as uncertain as it really is."""

import numpy as np
import pytest

from workflow.configuration import Condition, Search
from workflow.durations import Durations, timed

NAMES = [f"train/{rule}{width}" for rule in "ab" for width in range(50, 1050, 50)]


def condition(rule, width):
    return Condition({"rule": rule, "width": width, "seed": [0, 1]})


CONDITIONS = {name.removeprefix("train/"): condition(name[6], int(name[7:])) for name in NAMES}


def durations(earlier=(), ended=()):
    return Durations(CONDITIONS, dict(earlier), dict(ended))


def build(rng):
    """Durations of a build: unlike the first guess, with noise, and at another speed from its half
    on."""
    seconds, later = {}, 0.25 * rng.standard_normal()
    for i, name in enumerate(rng.permutation(NAMES)):
        parameters = CONDITIONS[name.removeprefix("train/")].parameters
        expected = np.log(9) + 0.6 * np.log(parameters["width"] / 100) + (parameters["rule"] == "b")
        speed = 0 if i < len(NAMES) // 2 else later
        seconds[str(name)] = np.exp(expected + speed + 0.5 * rng.standard_normal())
    return seconds


def test_nothing_is_left_when_nothing_waits_or_runs():
    assert durations().left([], {}, 2) == (0, 0)


def test_before_anything_is_timed_the_range_is_wide():
    low, high = durations().left(NAMES, {}, 1)
    assert 0 < 3 * low < high


def test_the_true_time_is_in_the_range_about_eight_times_in_ten():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(100):
        seconds = build(rng)
        ended = dict(list(seconds.items())[: len(NAMES) // 2])
        left = {name: s for name, s in seconds.items() if name not in ended}
        low, high = durations(ended=ended).left(left, {}, 1)
        inside += low <= sum(left.values()) <= high
    assert 75 <= inside <= 97


def test_what_wider_networks_take_is_learned():
    ended = {name: int(name[7:]) / 10 for name in NAMES if int(name[7:]) <= 500}
    low, high = durations(ended=ended).left(["train/a1000"], {}, 1)
    assert low < 100 < high and np.sqrt(low * high) > 65


def test_what_has_ended_narrows_the_range():
    seconds = build(np.random.default_rng(0))
    first = durations().left(NAMES[-5:], {}, 1)
    ended = {name: seconds[name] for name in NAMES[:-5]}
    later = durations(ended=ended).left(NAMES[-5:], {}, 1)
    assert later[1] / later[0] < 0.5 * first[1] / first[0]


def test_a_job_is_expected_to_take_as_long_as_the_last_time_at_the_speed_of_this_build():
    earlier = dict.fromkeys(NAMES, 10.0) | {NAMES[7]: 1000.0}
    low, high = durations(earlier).left([NAMES[7]], {}, 1)
    assert low < 1000 < high
    slower = dict.fromkeys(NAMES[10:], 30.0)
    low, high = durations(earlier, slower).left([NAMES[7]], {}, 1)
    assert 1500 < low < 3000 < high < 6000


def test_a_job_that_has_run_for_long_is_not_expected_to_end_at_once():
    known = durations(dict.fromkeys(NAMES, 10.0))
    waiting, started, old = (
        known.left([NAMES[0]], {}, 1),
        known.left([], {NAMES[0]: 5.0}, 1),
        known.left([], {NAMES[0]: 1000.0}, 1),
    )
    assert waiting[1] > started[1]
    assert old[1] > started[1] and old[0] > 0


def test_more_cores_are_faster_down_to_the_longest_job():
    known = durations(dict.fromkeys(NAMES, 10.0) | {NAMES[0]: 1000.0})
    one, two, many = (known.left(NAMES, {}, cores) for cores in (1, 2, 1000))
    assert one[0] > two[0] >= many[0] > 400


def test_jobs_that_do_not_train_have_durations_too():
    low, high = durations({"plot/x": 100.0, "plot/y": 120.0}).left(["plot/z"], {}, 1)
    assert low < 100 < high < 1000


def test_a_search_is_expected_to_take_as_long_as_its_networks():
    searches = {name: Search([], n, {}) for name, n in {"few": 10, "many": 1000}.items()}
    known = Durations({}, {}, searches=searches)
    few, many = (known.left([f"search/{name}"], {}, 1) for name in searches)
    assert many[0] == pytest.approx(100 * few[0]) and many[1] == pytest.approx(100 * few[1])


def test_benchmark_files_are_read(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a-fraction0.01.tsv").write_text("h:m:s\ts\n0:00:12\t12.5\n")
    (tmp_path / "claims.tsv").write_text("s\th:m:s\n3\t0:00:03\n")
    (tmp_path / "empty.tsv").write_text("s\n")
    assert timed(tmp_path) == {"train/a-fraction0.01": 12.5, "claims": 3.0}


@pytest.mark.parametrize("content", ["", "s\n"])
def test_a_benchmark_file_that_was_cut_off_is_passed_over(tmp_path, content):
    (tmp_path / "x.tsv").write_text(content)
    assert timed(tmp_path) == {}
