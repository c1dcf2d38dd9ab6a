"""The search: what it proposes and learns from, that it goes on where it was, what it refuses."""

import csv
import sys

import pytest

import search as script
from found import SEARCHED, rule_of
from plasticity import data
from plasticity.rules import Rule
from workflow import datasets

SPACE = (
    "gate=margin,error margin=0.1,0.9 eligible=all,fixed_neurons eligible_fraction=0.2,1"
    " select=per_layer,all criterion=largest_update fraction=0.001,0.1 fraction_out=0.01,0.5"
    " width=10,400 learning_rate=0.001,0.1"
)
KNOWN = (
    "gate=margin,margin=0.3,eligible=all,select=per_layer,criterion=largest_update,fraction=0.01,"
    "fraction_out=0.1,width=100,learning_rate=0.01"
)
OPTIONS = (
    f"--search mine --minimise M0 --evaluations 40 --best 3 --seed 7 8 --space {SPACE}"
    f" --training goal=0.9 stop_on=validation --start {KNOWN}"
)


def search(options=OPTIONS):
    words = [*options.split(), "--history", "h", "--finalists", "f"]
    return script.search_of(script.parser().parse_args(words))


def landscape(search, chosen, seed, dataset=None, stop=True):
    """A stand-in for training: wide networks learn fast, large fractions cost, high rates fail."""
    fraction = chosen.get("fraction", 1.0)
    reached = chosen["learning_rate"] < 0.03
    trials = 2000 * (1 + 2000 // chosen["width"]) + 10 * seed
    energy = int(trials * chosen["width"] * fraction * 785) + seed
    return {
        **dict.fromkeys(script.MEASURES),
        "seed": seed,
        "reached": reached,
        "stopped": not reached,
        "trials": trials,
        "validation_accuracy": 0.91 if reached else None,
        "missed": 0.0 if reached else max(0.9 - 0.03 / chosen["learning_rate"], 1e-3),
        "M0": energy,
        "M1": float(energy) if reached else None,
        "energy": energy if reached else None,
    }


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing is trained, and no data are needed."""
    monkeypatch.setattr(script, "evaluate", landscape)
    monkeypatch.setattr(script, "digest", lambda search: "digest")
    monkeypatch.setattr(datasets, "ensure", lambda name: None)
    monkeypatch.setattr(data, "load", lambda name, folder: None)


def run(folder, options=OPTIONS):
    """Search, and return the bytes of both tables."""
    paths = [folder / name for name in ("mine.csv", "mine.finalists.csv")]
    script.run(search(options), *map(str, paths))
    return [path.read_bytes() for path in paths]


def rows(content):
    return list(csv.DictReader(content.decode().splitlines()))


def test_the_same_search_finds_the_same_and_another_seed_something_else(tmp_path):
    assert run(tmp_path / "one") == run(tmp_path / "two")
    other = run(tmp_path / "three", f"{OPTIONS} --sampler-seed 1")
    assert other != run(tmp_path / "one")


@pytest.mark.parametrize("after", [0, 1, 17, 40, 42])
def test_a_search_that_was_killed_goes_on_to_the_same_bytes(tmp_path, monkeypatch, after):
    whole = run(tmp_path / "whole")
    made = []

    def killed(*arguments):
        if len(made) == after:
            raise KeyboardInterrupt
        made.append(landscape(*arguments))
        return made[-1]

    monkeypatch.setattr(script, "evaluate", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut")
    again = []
    monkeypatch.setattr(script, "evaluate", lambda *a: again.append(0) or landscape(*a))
    assert run(tmp_path / "cut") == whole
    assert len(made) + len(again) == 40 + 3 * 2
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == [
        "mine.csv",
        "mine.finalists.csv",
    ]


@pytest.mark.parametrize("damage", ["torn", "garbage", "empty", "all garbage"])
def test_a_damaged_journal_costs_evaluations_but_no_result(tmp_path, monkeypatch, damage):
    whole = run(tmp_path / "whole")
    made = []

    def killed(*arguments):
        if len(made) == 20:
            raise KeyboardInterrupt
        made.append(0)
        return landscape(*arguments)

    monkeypatch.setattr(script, "evaluate", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut")
    journal = next((tmp_path / "cut").glob(".*.journal"))
    content = journal.read_bytes()
    middle = content.index(b"\n", len(content) // 2) + 1
    journal.write_bytes(
        {
            "torn": content[:-9],
            "garbage": content[:middle] + bytes(100) + b"\n" + content[middle:],
            "empty": b"",
            "all garbage": b"\xff{\n" * 9,
        }[damage]
    )
    again = []
    monkeypatch.setattr(script, "evaluate", lambda *a: again.append(0) or landscape(*a))
    assert run(tmp_path / "cut") == whole
    repeated = len(again) - (40 + 3 * 2 - 20)
    assert repeated == 1 if damage == "torn" else repeated > 1


def test_the_history_has_all_that_was_evaluated(tmp_path):
    history, _ = map(rows, run(tmp_path))
    assert [row["evaluation"] for row in history] == list(map(str, range(40)))
    assert [row["start"] for row in history] == ["True"] + ["False"] * 39
    assert [row["seed"] for row in history] == ["7", "8"] * 20
    assert list(history[0]) == script.HISTORY
    for row in history:
        assert (row["margin"] == "") == (row["gate"] == "error")
        assert (row["fraction"] == "") == (row["select"] == "all")
        assert (row["energy"] == "") == (row["reached"] == "False")
        assert 10 <= int(row["width"]) <= 400 and 0.001 <= float(row["learning_rate"]) <= 0.1


def test_the_front_is_what_nothing_is_better_than(tmp_path):
    history, _ = map(rows, run(tmp_path))
    costs = {
        row["evaluation"]: (float(row["energy"]), float(row["trials"]))
        for row in history
        if row["reached"] == "True"
    }
    best = {
        number
        for number, cost in costs.items()
        if not any(o != cost and o[0] <= cost[0] and o[1] <= cost[1] for o in costs.values())
    }
    assert {row["evaluation"] for row in history if row["front"] == "True"} == best != set()


def test_it_learns_what_costs_little_and_what_fails(tmp_path):
    history, _ = map(rows, run(tmp_path, OPTIONS.replace("40", "120")))
    early, late = history[1:11], history[-40:]
    share = [sum(r["reached"] == "True" for r in part) / len(part) for part in (early, late)]
    assert share[1] > max(share[0], 0.8)
    reached = [float(row["energy"]) for row in history if row["reached"] == "True"]
    assert min(reached) < float(history[0]["energy"]) / 5


def test_finalists_are_trained_on_all_seeds_and_the_best_comes_first(tmp_path):
    options = f"{OPTIONS} --within 25000"
    history, finalists = map(rows, run(tmp_path, options))
    energies = {r["evaluation"]: float(r["energy"]) for r in history if r["reached"] == "True"}
    least = sorted(energies, key=energies.get)[:3]
    fast = [r["evaluation"] for r in history if r["evaluation"] in energies]
    fast = [n for n in fast if float(history[int(n)]["trials"]) <= 25000]
    fast = sorted(fast, key=energies.get)[:3]
    assert {row["evaluation"] for row in finalists} == {*least, *fast}
    assert [row["order"] for row in finalists] == [str(i + 1) for i in range(len(finalists))]
    means = [float(row["energy"]) for row in finalists]
    assert means == sorted(means)
    for row in finalists:
        assert row["networks"] == "2" and row["reached"] == "1.0"
        of_it = history[int(row["evaluation"])]
        chosen = {key: script.value_of(key, of_it[key]) for key in SEARCHED if of_it[key]}
        expected = [landscape(None, chosen, seed)["energy"] for seed in (7, 8)]
        assert float(row["energy"]) == pytest.approx(sum(expected) / 2)


def test_a_finalist_that_fails_on_a_seed_comes_after_those_that_do_not(tmp_path, monkeypatch):
    def lucky(search, chosen, seed, dataset=None, stop=True):
        found = landscape(search, chosen, seed)
        if not stop and seed == 8 and chosen["width"] > 50:
            found |= {"reached": False, "energy": 0}
        return found

    monkeypatch.setattr(script, "evaluate", lucky)
    _, finalists = map(rows, run(tmp_path, OPTIONS.replace("--best 3", "--best 9")))
    shares = [float(row["reached"]) for row in finalists]
    assert shares == sorted(shares, reverse=True) and {0.5, 1.0} == set(shares)


def test_every_proposal_is_a_rule(tmp_path):
    history, _ = map(rows, run(tmp_path, OPTIONS.replace("40", "80")))
    combinations = set()
    for row in history:
        chosen = {key: script.value_of(key, row[key]) for key in SEARCHED if row[key]}
        made = rule_of(chosen)
        Rule(**{key: made[key] for key in made if hasattr(Rule, key)})
        combinations.add((made["gate"], made["eligible"], made["select"]))
    assert len(combinations) >= 6


def test_a_search_in_which_nothing_learned_is_one_line(tmp_path, monkeypatch, capsys):
    def never(search, chosen, seed, dataset=None, stop=True):
        return landscape(search, chosen | {"learning_rate": 0.05}, seed)

    monkeypatch.setattr(script, "evaluate", never)
    monkeypatch.chdir(tmp_path)
    words = [*OPTIONS.split(), "--history", "h.csv", "--finalists", "f.csv"]
    monkeypatch.setattr(sys, "argv", ["search.py", *words])
    with pytest.raises(SystemExit, match="^search: --evaluations: 40 .*none of these networks"):
        script.main()


@pytest.mark.parametrize("minimise", script.OBJECTIVES)
def test_what_is_minimised(minimise):
    options = OPTIONS.replace("--minimise M0", f"--minimise {minimise} --maintenance-cost 0.5")
    measures = {"M0": 5, "M1": 7.0, "M1_consolidation": 3.0, "maintenance": 4.0}
    assert search(options).energy(measures) == {"M0": 5, "M1": 7.0, "cached": 5.0}[minimise]


REFUSED = [
    ("--minimise M0", "--minimise M2", "--minimise", "'M0', 'M1', 'cached'"),
    ("--evaluations 40", "--evaluations 0", "--evaluations", "at least 1"),
    ("--seed 7 8", "--seed -7", "--seed", "-7"),
    ("width=10,400", "width=400,10", "width: '400,10'", "two numbers, low,high"),
    ("width=10,400", "width=10", "width: '10'", "two numbers, low,high"),
    ("width=10,400", "width=0,400", "width: '0,400'", "two numbers, low,high"),
    ("width=10,400", "width=ten,400", "width: 'ten'", "an integer"),
    ("width=10,400", "", "--space", "it must have width"),
    ("width=10,400", "widht=10,400", "widht", "no parameter has this name"),
    ("width=10,400", "width=10,400 goal=0.5,1", "--space: 'goal'", "one of gate"),
    (f"--start {KNOWN}", f"--start {KNOWN},initial_sd=1", "initial_sd", "a key of --space"),
    ("width=100", "width=1000", "--start width: 1000", "a value within --space"),
    ("margin=0.3,eligible=all", "margin=0.3,eligible=subnet", "'subnet'", "a value within"),
    ("goal=0.9", "goal=90", "goal: 90.0", "a number above 0, at most 1"),
    ("goal=0.9", "goal=much", "goal: 'much'", "a number"),
]


@pytest.mark.parametrize(("right", "wrong", "what", "allowed"), REFUSED)
def test_a_mistake_is_refused_in_one_line_before_any_work(
    monkeypatch, tmp_path, right, wrong, what, allowed
):
    def too_late(*_):
        raise AssertionError("the data are asked for")

    assert right in OPTIONS
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "ensure", too_late)
    words = [*OPTIONS.replace(right, wrong).split(), "--history", "h", "--finalists", "f"]
    monkeypatch.setattr(sys, "argv", ["search.py", *words])
    with pytest.raises(SystemExit) as refused:
        script.main()
    message = refused.value.code
    assert isinstance(message, str) and "\n" not in message
    assert message.startswith("search: ") and what in message and allowed in message


# --- With networks that are really trained ---


@pytest.fixture
def training(monkeypatch, small):
    """Networks are trained, on few patterns."""
    monkeypatch.undo()
    options = OPTIONS.replace("stop_on=validation", "stop_on=test test_interval=50 max_epochs=20")
    chosen = {
        **{"gate": "margin", "margin": 0.3, "eligible": "all", "select": "per_layer"},
        **{"criterion": "largest_update", "fraction": 0.1, "width": 20, "learning_rate": 0.03},
    }
    return options.replace("goal=0.9", "goal=0.6"), chosen, small


def test_an_evaluation_trains_a_network(training):
    options, chosen, small = training
    found = script.evaluate(search(options), chosen, 7, {"mnist": small})
    assert found["reached"] and not found["stopped"] and found["validation_accuracy"] is None
    assert found["energy"] == found["M0"] > 0 and found["M1"] > 0
    assert "accuracy" not in found
    assert found == script.evaluate(search(options), chosen, 7, {"mnist": small})


@pytest.mark.parametrize("limit", ["--most 1000", "--patience 100 --correct 1.1"])
def test_a_network_that_is_of_no_interest_is_given_up(training, limit):
    options, chosen, small = training
    found = script.evaluate(search(f"{options} {limit}"), chosen, 7, {"mnist": small})
    assert found["stopped"] and not found["reached"] and found["energy"] is None
    assert found["trials"] <= 100
    assert script.evaluate(search(f"{options} {limit}"), chosen, 7, {"mnist": small}, stop=False)[
        "reached"
    ]


# --- One rule for many tasks ---


@pytest.fixture
def networks(tmp_path):
    """What writes a table of networks: condition, width, goal, reached and M0 of each."""

    def write(*rows):
        path = tmp_path / "networks.csv"
        values = [("mnist", "", "mse", *row) for row in rows]
        header = "dataset,training_patterns,loss,condition,width,goal,reached,M0"
        path.write_text("\n".join([header, *(",".join(map(str, row)) for row in values)]) + "\n")
        return str(path)

    return write


def test_tasks_are_what_networks_learn_in_the_unit_of_the_best_rule(networks):
    path = networks(
        ("a", 50, 0.9, True, 100),
        ("a", 50, 0.9, True, 300),
        ("b", 50, 0.95, True, 900),
        ("c", 50, 0.9, True, 10),
        ("c", 50, 0.9, False, 10),  # a rule of which one network fails is no measure
        ("d", 50, 0.9, True, 150),
    )
    same = {"dataset": "mnist", "loss": "mse", "width": 50}
    assert script.tasks_of(path) == [
        script.Task(same | {"goal": 0.9}, 150.0),
        script.Task(same | {"goal": 0.95}, 900.0),
    ]


def test_a_task_that_no_rule_learns_is_named(networks):
    path = networks(("a", 50, 0.9, True, 100), ("b", 50, 0.95, False, 900))
    with pytest.raises(script.ParameterError, match="--against: '.*goal=0.95 width=50'"):
        script.tasks_of(path)


def test_another_table_is_refused(tmp_path):
    path = tmp_path / "networks.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(OSError, match="not a table of networks"):
        script.tasks_of(str(path))


@pytest.fixture
def many(training, networks):
    """A search for a rule that learns three tasks; the widths are those of the tasks."""
    options, chosen, small = training
    path = networks(
        ("a", 20, 0.5, True, 3000), ("b", 20, 0.6, True, 90000), ("c", 30, 0.6, True, 1000)
    )
    options = options.replace("width=10,400", "").partition("--start")[0]
    del chosen["width"]
    return f"{options} --against {path}", chosen, {"mnist": small}


def test_a_rule_is_judged_by_its_worst_task(many):
    options, chosen, small = many
    asked = search(options)
    factors = [
        script.learn(asked, task, chosen, 7, small, True)["M0"] / task.unit for task in asked.tasks
    ]
    found = script.evaluate(asked, chosen, 7, small)
    assert found["energy"] == max(factors) and found["missed"] == 0
    assert found["task"] == asked.tasks[factors.index(max(factors))].name
    assert len({*factors}) == 3


def test_tasks_after_one_that_is_missed_are_left_out_but_count(many):
    options, chosen, small = many
    for task, parameters in enumerate(asked_tasks := search(options).tasks):
        asked = search(options)
        hard = script.Task(parameters.parameters | {"goal": 1.0}, 1.0)
        asked.tasks[:] = [*asked_tasks[:task], hard, *asked_tasks[task + 1 :]]
        found = script.evaluate(asked, chosen, 7, small)
        assert not found["reached"] and found["task"] == hard.name
        assert 2 - task < found["missed"] < 3 - task


def test_a_network_is_stopped_in_the_unit_of_its_task(many):
    options, chosen, small = many
    asked = search(options)
    worst = script.evaluate(asked, chosen, 7, small)["energy"]
    assert script.evaluate(search(f"{options} --most {worst}"), chosen, 7, small)["reached"]
    found = script.evaluate(search(f"{options} --most {0.5 * worst}"), chosen, 7, small)
    assert found["stopped"] and not found["reached"]


def test_only_updates_have_a_unit(many):
    options, *_ = many
    with pytest.raises(script.ParameterError, match="--minimise: 'M1'.*M0 with --against"):
        search(options.replace("--minimise M0", "--minimise M1"))
