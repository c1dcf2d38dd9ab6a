"""Measures of hand-worked tables, verdicts, and the readings that the configuration declares."""

from itertools import product
from math import exp, inf, log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import conditions, measures, paper_claims, readings
from analysis.claims import COLUMNS, Estimate
from analysis.conditions import NotReached, NotTested
from analysis.measures import MODEL, Tables
from analysis.readings import Expected, ReadingError
from analysis.seeds import V1_NEURONS
from workflow import configuration

CONFIG = configuration.read(Path(__file__).parents[2] / "config.yaml")
USUAL = {name: value for name, value in MODEL.items() if not isinstance(value, tuple)} | {
    "reached": True,
    "experiment": "any",
    "initial_sd": 0.03,
    "participation": 0.5,
}
SEEDS = {0: 0.5, 1: 2.0}  # factors of energies: their geometric mean is 1


def networks(*rows):
    """Return networks of two seeds for each row.

    A list has the value of each seed; an energy that is a number is halved and doubled.
    """
    made = []
    for row, (seed, scatter) in product(rows, SEEDS.items()):
        one = dict.fromkeys(conditions.CONDITION, None) | USUAL | {"seed": seed, "M1": 1.0}
        one |= {"trials": 1000.0} | row
        for key, value in one.items():
            if isinstance(value, list):
                one[key] = value[seed]
            elif key in ("M0", "M1"):
                one[key] = value * scatter
        made.append(one)
    return pd.DataFrame(made)


def measured(name, rows, curves=None, **options):
    tables = Tables(networks(*rows) if rows else pd.DataFrame(), curves)
    return getattr(measures, name)(tables, options)


def backprop(width, M0, **more):
    return {"rule": "backprop", "width": width, "M0": M0} | more


def competitive(width, M0, **more):
    return {"rule": "competitive", "width": width, "M0": M0, "fraction": 0.1} | more


# Measures


def test_floor_is_the_setting_of_least_energy_in_the_papers_model():
    rows = [
        competitive(100, 300.0),
        competitive(100, 200.0, fraction=0.01),
        competitive(100, 1.0, fraction=0.001, reached=[True, False]),
        competitive(100, 2.0, fraction=0.002, learning_rate=0.02),
        competitive(100, 3.0, fraction=0.003, rate_scaling="root_fraction"),
        competitive(100, 4.0, gate="error"),
        competitive(100, 5.0, goal=0.9),
        competitive(100, 6.0, caching_threshold=0.1),
        competitive(100, 7.0, searched="width"),
        competitive(100, 8.0, criterion="largest_error"),
        competitive(100, 100.0, initial_sd=0.01),
    ]
    assert measured("least_energy", rows, quantity="M0").value == pytest.approx(100)
    assert measured("least_energy", rows, quantity="M0", initial_sd=0.03).value == (
        pytest.approx(200)
    )
    any_rate = {"learning_rate": "any", "quantity": "M0"}
    assert measured("least_energy", rows, **any_rate).value == pytest.approx(2)
    with pytest.raises(NotTested, match="no networks of initial_sd 0.02"):
        measured("least_energy", rows, quantity="M0", initial_sd=0.02)


def test_the_interval_is_that_of_the_logarithms():
    found = measured("least_energy", [backprop(100, 8.0)], quantity="M0")
    half = 12.706204736 * log(2)  # t(0.975, 1) times the standard error of log 4 and log 16
    assert found.high == pytest.approx(8 * exp(half)) and found.low == pytest.approx(8 * exp(-half))


# Energy falls to width 100, then grows with exponents 1 and 0.5 for the two seeds.
GROWING = [
    backprop(width, [max(width, 1e4 / width), 7 * max(width, 1e4 / width) ** 0.5])
    for width in (10, 100, 1000, 10_000, 100_000)
]


@pytest.mark.parametrize(
    ("fitted", "exponents"),
    [
        ("optimum to 10000", (1, 0.5)),
        ("100 to 10000", (1, 0.5)),
        ("10 to 1000", (0, 0)),
        ("10 to 100000", (0.6, 0.3)),  # -1, 0, 1, 2, 3 have 1, 0, 1, 2, 3: 6 / 10, worked by hand
    ],
)
def test_the_exponent_is_fitted_in_the_range_that_a_reading_names(fitted, exponents):
    found = measured("exponent", GROWING, quantity="M0", rule="backprop", fitted=fitted)
    assert found.value == pytest.approx(np.mean(exponents))
    half = 12.706204736 * abs(exponents[0] - exponents[1]) / 2
    assert found.high - found.value == pytest.approx(half, abs=1e-9)


def test_a_line_takes_three_widths_and_a_curve_four():
    options = {"quantity": "M0", "rule": "backprop"}
    with pytest.raises(NotTested, match="takes 3 widths"):
        measured("exponent", GROWING, **options, fitted="100 to 1000")
    with pytest.raises(NotTested, match="takes 4 widths"):
        measured("curvature", GROWING, **options, fitted="optimum to 10000")
    unreached = [*GROWING[:3], GROWING[3] | {"reached": [False, True]}]
    with pytest.raises(NotTested, match="takes 3 widths"):
        measured("exponent", unreached, **options, fitted="optimum to 10000")


def test_curvature_is_the_change_of_the_exponent_in_a_decade():
    bent = [
        backprop(10**decade, 10.0 ** (0.5 * decade + 0.1 * decade**2)) for decade in range(1, 5)
    ]
    options = {"quantity": "M0", "rule": "backprop", "fitted": "10 to 10000"}
    assert measured("curvature", bent, **options).value == pytest.approx(0.2)
    straight = [backprop(10**decade, 10.0**decade) for decade in range(1, 5)]
    assert measured("curvature", straight, **options).value == pytest.approx(0, abs=1e-9)


def subnet(size, M0, width=1000, **more):
    return {"rule": "subnet", "width": width, "plastic_units": size, "M0": M0} | more


def test_the_optimal_size_is_that_of_each_seed():
    sizes = [subnet(40, [3, 9]), subnet(60, [2, 8]), subnet(150, [4, 7])]
    sizes.append(subnet(20, [1, 1], reached=[True, False]))
    found = measured("optimal_size", sizes, quantity="M0", rule="subnet", width=1000)
    assert found.value == pytest.approx((60 * 150) ** 0.5)
    with pytest.raises(NotTested, match="three sizes"):
        measured("optimal_size", sizes[1:], quantity="M0", rule="subnet", width=1000)


def test_each_rule_is_compared_at_its_best():
    mask = {"rule": "random_synapses", "width": 100}
    rows = [
        backprop(100, 80.0),
        competitive(100, 10.0),
        competitive(100, 4.0, fraction=0.2),
        mask | {"fraction": 0.1, "M0": 20.0},
        mask | {"fraction": 0.2, "M0": 40.0},
        competitive(1000, 1.0),
    ]
    usual = {"rule": "competitive", "quantity": "M0", "width": 100}
    for more, factor in (
        ({"against": "backprop"}, 20),
        ({"against": "random_synapses"}, 5),
        ({"against": "random_synapses", "fraction": 0.2}, 10),
        ({"against": "random_synapses", "fraction": 0.1}, 2),
        ({"against": "backprop", "fraction": 0.1}, 8),
    ):
        assert measured("factor_saved", rows, **usual, **more).value == pytest.approx(factor)


def test_factors_are_compared_seed_by_seed():
    rows = [backprop(100, [10, 90]), competitive(100, [1, 9])]
    found = measured("factor_saved", rows, rule="competitive", against="backprop", quantity="M0")
    assert (found.value, found.low, found.high) == pytest.approx((10, 10, 10))


def test_savings_grow_with_an_exponent():
    rows = [backprop(width, width**1.0) for width in (100, 1000, 10_000)]
    rows += [competitive(width, width**0.25) for width in (100, 1000, 10_000)]
    rows += [competitive(100, 1e9, fraction=0.5), competitive(30, 1.0)]
    options = {"rule": "competitive", "against": "backprop", "quantity": "M0"}
    found = measured("exponent_of_factor", rows, **options)
    assert found.value == pytest.approx(0.75) and found.low == pytest.approx(0.75)
    with pytest.raises(NotTested, match="three widths"):
        measured("exponent_of_factor", rows[1:], **options)


# Learning times are 1000 trials for backprop; smaller fractions save more and learn longer.
SLOWER = [
    backprop(300, 100.0),
    competitive(300, 20.0, fraction=0.2, trials=[1000, 1210]),
    competitive(300, 5.0, fraction=0.1, trials=1500.0),
    competitive(300, 1.0, fraction=0.01, trials=3000.0),
    competitive(300, 0.1, fraction=0.001, trials=100.0, reached=[True, False]),
]


@pytest.mark.parametrize(("at_most", "saved"), [(1.1, 5), (1.49, 5), (1.5, 20), (3, 100)])
def test_the_largest_factor_is_taken_within_the_learning_time(at_most, saved):
    options = {"rule": "competitive", "quantity": "M0", "width": 300, "at_most": at_most}
    assert measured("factor_in_time", SLOWER, **options).value == pytest.approx(saved)


def test_subnets_may_have_a_largest_size():
    rows = [SLOWER[0], subnet(160, 1.0, 300), subnet(150, 25.0, 300), subnet(30, 50.0, 300)]
    options = {"rule": "subnet", "quantity": "M0", "width": 300, "at_most": 1}
    for share, saved in {0.5: 4, 0.6: 100, 0.2: 2}.items():
        found = measured("factor_in_time", rows, **options, subnet_share=share)
        assert found.value == pytest.approx(saved)
    with pytest.raises(NotTested, match="no networks of width 300, rule subnet"):
        measured("factor_in_time", rows, **options, subnet_share=0.05)


def test_a_rule_that_is_too_slow_saves_nothing_in_time():
    options = {"rule": "competitive", "quantity": "M0", "width": 300, "at_most": 1.09}
    with pytest.raises(NotReached, match=r"within 1\.09 times"):
        measured("factor_in_time", SLOWER, **options)


def test_both_ideas_are_compared_with_the_better_one_in_time():
    both = {"rule": "competitive_subnet", "width": 300, "plastic_units": 150, "fraction": 0.1}
    rows = [*SLOWER, both | {"M0": 2.0}, subnet(60, 50.0, 300)]
    options = {"quantity": "M0", "width": 300}
    # In 1.5 times backprop's trials competition makes 5 updates, in 1.1 times 20, a subnet 50.
    for at_most, factor in {1.5: 2.5, 1.1: 10, 1: 25}.items():
        found = measured("factor_over_either", rows, **options, at_most=at_most)
        assert found.value == pytest.approx(factor)
    with pytest.raises(NotTested, match="neither"):
        slow = [SLOWER[0], *(row | {"trials": 9e3} for row in [*SLOWER[1:], subnet(60, 1.0, 300)])]
        measured("factor_over_either", [*slow, rows[-2]], **options, at_most=1)


def curve(rule, fraction, *tests, width=200):
    """Learning curves of two seeds that are 0.1 percentage points better and worse."""
    return pd.DataFrame(
        {
            "rule": rule,
            "width": width,
            "fraction": fraction,
            "seed": seed,
            "trials": 20_000 * (i + 1),
            "train_accuracy": train,
            "accuracy": test + 0.001 * (2 * seed - 1) * (rule == "competitive"),
        }
        for seed in (0, 1)
        for i, (train, test) in enumerate(tests)
    )


CURVES = pd.concat(
    [
        curve("backprop", np.nan, (0.94, 0.93), (0.97, 0.96), (0.99, 0.97)),
        curve("competitive", 0.1, (0.95, 0.94), (0.98, 0.966), (0.99, 0.963)),
        curve("competitive", 0.01, (0.9, 0.99), (0.91, 0.99), (0.94, 0.99)),
        curve("competitive", 0.1, (0.99, 0.1), width=1000),
    ]
)


def test_the_best_accuracies_of_long_training_are_compared():
    options = {"rule": "competitive", "fraction": 0.1, "width": 200}
    found = measured("best_accuracy", [], CURVES, **options)
    assert found.value == pytest.approx(-0.4)
    assert found.high == pytest.approx(-0.4 + 12.706204736 * 0.1)
    with pytest.raises(NotTested, match="no networks of width 200, rule random_synapses"):
        measured("best_accuracy", [], CURVES, **options | {"rule": "random_synapses"})
    untrained = CURVES.assign(train_accuracy=np.nan)
    with pytest.raises(NotTested, match="no networks"):
        measured("best_accuracy", [], untrained, **options)


@pytest.mark.parametrize(("error", "points"), [(5, -2), (3, 0.6), (2, -0.4)])
def test_accuracies_are_compared_when_the_training_error_is_first_low_enough(error, points):
    options = {"rule": "competitive", "fraction": 0.1, "width": 200, "training_error": error}
    found = measured("accuracy_at_error", [], CURVES, **options)
    assert found.value == pytest.approx(points)


def test_a_training_error_that_some_network_does_not_reach_compares_nothing():
    options = {"rule": "competitive", "width": 200, "training_error": 5}
    with pytest.raises(NotTested, match="not all networks of competitive"):
        measured("accuracy_at_error", [], CURVES, **options, fraction=0.01)


def test_participation_is_that_of_synapses_or_units():
    hidden, out = np.array([[1, 3, 0], [0, 0, 0]]), np.array([[5, 5, 5]])
    others = backprop(2, 1.0, counts=[{"hidden": hidden + 9, "out": out}, None])
    rows = [others, competitive(2, 1.0, participation=[0.2, 0.4])]
    rows[1]["counts"] = [{"hidden": hidden, "out": out}, None]  # of the first seed
    options = {"rule": "competitive", "width": 2}
    found = measured("participation", rows, **options, part="all synapses")
    assert found.value == pytest.approx(0.3) and found.bounded
    # 4^2 / (6 (1 + 9)), and 4^2 / (2 x 4^2)
    first = measured("participation", rows, **options, part="first layer")
    assert first.value == pytest.approx(16 / 60) and not first.bounded
    units = measured("participation", rows, **options, part="hidden units")
    assert units.value == pytest.approx(1 / 2)
    rows[1]["counts"] = [None, None]
    with pytest.raises(NotTested, match="no numbers of updates"):
        measured("participation", rows, **options, part="hidden units")


def test_energy_is_extrapolated_to_the_size_of_v1():
    rows = [backprop(width, 3.0 * max(width, 1e4 / width)) for width in (10, 100, 1000, 10_000)]
    rows += [competitive(1000, 30.0), competitive(100, 60.0), competitive(9, 1.0, initial_sd=0.5)]
    options = {"quantity": "M0", "fitted": "optimum to 10000", "initial_sd": 0.03}
    found = measured("extrapolated", rows, **options, necessary="backprop")
    assert found.value == pytest.approx(V1_NEURONS / 100)
    found = measured("extrapolated", rows, **options, necessary="competitive")
    assert found.value == pytest.approx(3 * V1_NEURONS / 30)


# Verdicts


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (1, 2, "reproduced"),  # the limits agree
        (1.2, 1.5, "reproduced"),
        (0.9, 1.5, "partly"),
        (1.5, 2.1, "partly"),
        (0.5, 3, "partly"),
        (2, 3, "partly"),
        (2.01, 3, "not reproduced"),
        (0.1, 0.99, "not reproduced"),
    ],
)
def test_the_whole_interval_decides(low, high, found):
    expected = Expected(1.5, 1, 2, "")
    assert paper_claims.verdict(Estimate((low + high) / 2, low, high), expected) == found


@pytest.mark.parametrize(
    ("value", "found"), [(1, "partly"), (2, "partly"), (2.01, "not reproduced")]
)
def test_a_single_network_reproduces_nothing(value, found):
    assert paper_claims.verdict(Estimate(value), Expected(1.5, 1, 2, "")) == found


@pytest.mark.parametrize(
    ("given", "value", "low", "high", "text"),
    [
        ({"about": 1e8, "factor": 2}, 1e8, 5e7, 2e8, "1e+08, within a factor of 2"),
        ({"about": 0.5, "margin": 0.1}, 0.5, 0.4, 0.6, "0.5 ± 0.1"),
        ({"above": 10}, 10, 10, inf, "above 10"),
        ({"below": 0}, 0, -inf, 0, "below 0"),
        ({"between": [50, 200]}, 100, 50, 200, "50 to 200"),
    ],
)
def test_expected_values(given, value, low, high, text):
    found = readings.expected(given)
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high))
    assert found.text == text


@pytest.mark.parametrize("given", [{"about": 1}, {}, {"factor": 2}])
def test_an_expected_value_needs_its_tolerance(given):
    with pytest.raises(ReadingError, match="about with factor or margin"):
        readings.expected(given)


# Readings

ENTRY = {"measure": "least_energy", "quantity": "M0", "expected": {"above": 1}}
LISTS = {"quantity": ["M0", "M1"], "width": [10, 1000], "rule": "subnet", "experiment": "any"}


def declared(*entries, **claim):
    return {"sentence": "it is so", "source": "S", "readings": list(entries)} | claim


def test_lists_stand_for_all_combinations_with_the_nearest_first():
    entry = ENTRY | LISTS | {"name": "all", "nearest": {"quantity": "M1", "width": 10}}
    found = readings.readings(declared(entry))
    assert [one.name for one in found] == [
        "all, M1, width 10",
        "all, M0, width 10",
        "all, M0, width 1,000",
        "all, M1, width 1,000",
    ]
    assert [one.nearest for one in found] == [True, False, False, False]
    assert found[2].options == {
        "quantity": "M0",
        "width": 1000,
        "rule": "subnet",
        "experiment": "any",
    }
    assert found[0].quantity == "least M1 of all settings"


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([ENTRY], "0 readings are nearest"),
        ([ENTRY | {"nearest": True, "width": [1, 2]}], "2 readings are nearest"),
        ([ENTRY | {"nearest": {"width": 3}, "width": [1, 2]}], "0 readings are nearest"),
        ([ENTRY | {"nearest": True}, ENTRY], "two readings are called ''"),
        ([ENTRY | {"nearest": True, "measure": "exponent"}], "exponent takes fitted, rule"),
        ([ENTRY | {"nearest": True, "expected": {"about": 1}}], "about with factor"),
    ],
)
def test_readings_that_make_no_sense_are_refused(entries, problem):
    claim = declared(*entries)
    with pytest.raises(ReadingError, match=problem):
        readings.readings(claim)
    config = CONFIG | {"claims": {"mine": claim}}
    line = rf"^config\.yaml: claims\.mine\.readings: .*{problem}"
    with pytest.raises(configuration.ConfigurationError, match=line):
        configuration.plan(config)


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        (
            {"mine": declared(ENTRY | {"nearest": True, "experiment": "subnets"})},
            r"claims\.mine\.readings\[0\]\.experiment: 'subnets' .*did you mean subnet_size\?",
        ),
        ({"mine": declared(ENTRY | {"measure": "lest"})}, r"measure: 'lest' .*one of least_energy"),
        (
            {"mine": declared(ENTRY | {"fitted": ["50 to 100", "all"]})},
            r"fitted\[1\]: 'all' is not allowed: a range of widths, such as 50 to 1000",
        ),
        ({"mine": declared(ENTRY | {"quantity": "M3"})}, r"quantity: 'M3' .*one of M0, M1"),
        ({"mine": declared(ENTRY | {"part": ["top"]})}, r"part\[0\]: 'top' .*one of all synapses"),
        ({"mine": declared(ENTRY | {"width": "any"})}, r"width: 'any' .*a number or a list"),
        ({"mine": declared(ENTRY | {"widht": 3})}, r"widht: 3 .*did you mean width\?"),
        ({"mine": declared(ENTRY, source="Q")}, r"claims\.mine\.source: 'Q' .*one of A, S, P"),
        ({"mine": {"source": "A", "readings": []}}, r"claims\.mine\.sentence: it is missing"),
        ({}, r"claims: \{\} is not allowed: keys with values or a list of at least 1"),
        ("floor", "claims: 'floor' is not allowed: keys with values or a list"),
        (["floor"], r"claims\[0\]: 'floor' .*one of frugal-updates"),
    ],
)
def test_a_claim_that_is_not_declared_well_is_refused(claims, problem):
    with pytest.raises(configuration.ConfigurationError, match=rf"^config\.yaml: .*{problem}"):
        configuration.plan(CONFIG | {"claims": claims})


def test_the_schema_the_declarations_and_the_functions_agree():
    enum = configuration.SCHEMA["$defs"]["reading"]["properties"]["measure"]["enum"]
    assert enum == list(readings.MEASURES)
    assert all(getattr(measures, name).__doc__ for name in enum)


# The table


def test_each_reading_has_a_row_and_nothing_is_averaged():
    entry = ENTRY | {"quantity": ["M0", "M1"], "expected": {"above": 10}}
    claim = declared(
        entry | {"nearest": {"quantity": "M1"}},
        ENTRY | {"name": "other", "initial_sd": 0.9},
        ENTRY | {"name": "ours", "ours": True},
    )
    tables = Tables(networks(backprop(100, 5.0, M1=[20, 20])), pd.DataFrame())
    table = paper_claims.tested({"mine": claim}, tables)
    assert list(table.columns) == COLUMNS
    assert list(table["reading"]) == ["M1", "M0", "other", "ours"]
    assert list(table["verdict"]) == ["reproduced", "partly", "not tested", "partly"]
    assert list(table["nearest"]) == [True, False, False, False]
    assert list(table["source"]) == ["S", "S", "S", "ours"]
    assert table["value"].tolist()[:2] == pytest.approx([20, 5])
    assert table["reason"][2] == "no networks of initial_sd 0.9"
    assert (table["target"][0], table["target_low"][0], table["target_high"][0]) == (10, 10, inf)


def test_what_no_setting_reaches_is_not_reproduced():
    reading = ENTRY | {"measure": "factor_in_time", "rule": "competitive", "at_most": 1}
    claim = declared(reading | {"nearest": True, "width": 300})
    table = paper_claims.tested({"mine": claim}, Tables(networks(*SLOWER), pd.DataFrame()))
    (row,) = table.to_dict("records")
    assert row["verdict"] == "not reproduced" and pd.isna(row["value"])
    assert row["reason"] == "no setting that was trained learns within 1 times backprop's trials"


def energies(condition):
    """Energies of a network that is a little like those that were trained."""
    width, fraction = condition["width"], condition.get("fraction") or 1
    size = min(condition.get("plastic_units") or width, width)
    waste = max(size / 90, 90 / size) ** 0.5
    return {
        "M0": 1e8 * waste * (fraction * width) ** 0.5,
        "M1": 1e5 * waste * fraction**0.1,
        "trials": 2e4 / fraction**0.05,
        "participation": fraction,
        "reached": True,
        "searched": None,
    }


@pytest.fixture(scope="module")
def study():
    """Return tables of all networks of the paper's experiments, with energies that are made up."""
    plan = configuration.plan(CONFIG)
    rows, curves = [], []
    for experiment, names in plan.experiments.items():
        for name in names:
            condition = plan.conditions[name].parameters | {"experiment": experiment}
            for seed in condition["seed"][:3]:
                scatter = 1 + 0.01 * seed
                row = dict.fromkeys(conditions.CONDITION) | condition | {"seed": seed}
                row |= energies(condition) | {"counts": None}
                if experiment == "turnover" and seed == condition["seed"][0]:
                    layers = {"hidden": np.arange(6).reshape(2, 3), "out": np.ones((1, 3), int)}
                    row["counts"] = layers
                rows.append(row | {key: row[key] * scatter for key in ("M0", "M1")})
            if experiment == "accuracy":
                tests = [(0.9 + 0.01 * i, 0.9 + 0.005 * i) for i in range(10)]
                given = condition["rule"], condition.get("fraction"), *tests
                curves.append(curve(*given, width=condition["width"]))
    return Tables(pd.DataFrame(rows), pd.concat(curves))


def test_every_declared_reading_can_be_computed(study):
    table = paper_claims.tested(CONFIG["claims"], study)
    # Some costly conditions are not trained, or with one seed only.
    untested = table[table["verdict"] == "not tested"]
    assert untested["reason"].str.contains("no networks of|two seeds at least").all()
    assert len(untested) < len(table) / 8
    assert not table.duplicated(["id", "reading"]).any()
    assert (table.groupby("id")["nearest"].sum() == 1).all()
    assert table.drop_duplicates("id")["nearest"].all()


def test_every_claim_of_the_sources_is_declared():
    assert list(CONFIG["claims"]) == [
        *("floor", "growth", "optimum", "competitive-saves", "subnet-saves", "subnet-flat"),
        *("large-networks", "trade-off", "combined", "accuracy", "generalisation", "turnover"),
        "cortex",
    ]
