"""The command line: what it prints, what it refuses, and what it shows on real MNIST."""

import argparse
import csv
import io
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import train as script
from plasticity.results import COLUMNS
from workflow import datasets, training_options

TRAIN = Path(script.__file__)

# Other programs rely on these columns and their order; all others come later.
HEADER = (
    "rule,width,plastic_units,fraction,fraction_out,criterion,gate,margin,learning_rate,loss,"
    "dataset,goal,seed,reached,trials,updated_trials,accuracy,train_accuracy,M0,M0_hidden,"
    "M0_out,M1,M1_hidden,M1_out,M0_min,M1_min,participation,"
)

QUICK = "--width 20 --seed 0 --goal 0.6 --test-interval 200 --max-epochs 0.1"


def train(options: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """Run train.py with these options; both streams are text."""
    command = [sys.executable, str(TRAIN), *options.split()]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


def rows(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


def trained(options: str) -> list[dict]:
    """The rows that train.py prints."""
    done = train(f"{options} --output -")
    assert done.returncode == 0, done.stderr
    return rows(done.stdout)


# --- What it prints ---


def test_rows_go_to_standard_output_and_progress_to_standard_error(mnist):
    done = train("--rule backprop --width 20 --seed 0 3 --goal 0.6 --test-interval 200 --output -")
    assert done.returncode == 0
    header, *lines = done.stdout.splitlines()
    assert header.startswith(HEADER) and header.split(",") == COLUMNS
    assert len(lines) == 2
    for row, seed in zip(rows(done.stdout), "03", strict=True):
        assert row["rule"] == "backprop" and row["seed"] == seed and row["reached"] == "True"
        assert row["M0"] == str(int(row["trials"]) * (20 * 785 + 10 * 21))
        assert float(row["accuracy"]) >= 0.6 and row["diverged"] == "False"
        for key in ("fraction", "margin", "criterion", "train_accuracy", "maintenance"):
            assert row[key] == ""
    assert re.search(r"backprop, width 20, seed 3: goal reached after [\d,]+ trials", done.stderr)


def test_a_complete_command_line_needs_no_defined_rule(mnist):
    options = (
        f"--rule my_own {QUICK} --gate margin --margin 0.2 --eligible subnet --plastic-units 15 "
        "--select per_layer --criterion largest_update --fraction 0.2 --fraction-out 0.5 "
        "--learning-rate 0.02 --initial-sd 0.05 --activation relu --loss cross_entropy "
        "--precision double --dataset mnist --caching-threshold 0.01 --caching-decay 0.001 "
        "--train-accuracy"
    )
    (row,) = trained(options)
    words = options.split()
    for option, value in zip(words, words[1:], strict=False):
        if option.startswith("--") and not value.startswith("--"):
            column = option[2:].replace("-", "_")
            if column in row:
                assert row[column] == value
    for key in ("train_accuracy", "M0_consolidation", "M1_consolidation", "maintenance"):
        assert float(row[key]) > 0


def test_what_is_given_replaces_the_rules_definition_and_the_model(mnist):
    (row,) = trained(f"--rule competitive {QUICK} --fraction 0.1 --gate error --learning-rate 0.02")
    assert row["criterion"] == "largest_update" and row["select"] == "per_layer"
    assert (row["gate"], row["learning_rate"], row["loss"]) == ("error", "0.02", "mse")
    assert row["fraction_out"] == "1.0"
    assert int(row["updated_trials"]) < int(row["trials"])


def test_both_engines_print_the_same(mnist):
    options = f"--rule competitive {QUICK} --fraction 0.1 --precision double"
    (fast,), (literal,) = trained(options), trained(f"{options} --engine reference")
    for key in fast:
        if key.startswith("M1"):
            assert float(fast[key] or 0) == pytest.approx(float(literal[key] or 0), rel=1e-9)
        else:
            assert fast[key] == literal[key], key


def test_files_are_written_whole_and_the_same_each_time(mnist, tmp_path):
    options = f"--rule random_synapses {QUICK} --fraction 0.3 --train-accuracy --seed 0 1"
    for folder in ("one", "two"):
        where = f"--output {folder}/a.csv --curve {folder}/b.csv --counts {folder}/c.npz"
        done = train(f"{options} {where}", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, "")
    one, two = tmp_path / "one", tmp_path / "two"
    assert sorted(path.name for path in one.iterdir()) == ["a.csv", "b.csv", "c.npz"]
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()
    (row, other), curve = rows((one / "a.csv").read_text()), rows((one / "b.csv").read_text())
    curve = [point for point in curve if point["seed"] == "0"]
    assert row["M0"] != other["M0"]
    assert curve[-1].keys() >= {"rule", "width", "fraction", "seed"}
    for key in ("trials", "updated_trials", "accuracy", "train_accuracy", "M0", "M1"):
        assert curve[-1][key] == row[key]
    assert [int(point["trials"]) for point in curve] == list(
        range(200, int(row["trials"]) + 1, 200)
    )
    with np.load(one / "c.npz") as counts:
        hidden, out = counts["hidden"], counts["out"]
    assert hidden.shape == (20, 785) and out.shape == (10, 21)
    assert hidden.sum() == int(row["M0_hidden"]) and out.sum() == int(row["M0_out"])


def test_settings_of_the_environment_alter_no_number(mnist, monkeypatch, tmp_path):
    variables = {
        "NUMBA_OPT": "0",
        "NUMBA_LOOP_VECTORIZE": "0",
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_DISABLE_JIT": "1",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "AVX2",
        "MKL_CBWR": "COMPATIBLE",
        "PYTHONOPTIMIZE": "2",
    }
    tables = []
    for changed in ({}, variables):
        monkeypatch.setenv("RESULT_STORE", str(tmp_path / str(len(tables))))
        for name, value in changed.items():
            monkeypatch.setenv(name, value)
        done = train(f"--rule competitive --fraction 0.1 {QUICK} --output -")
        assert done.returncode == 0, done.stderr
        tables.append(done.stdout)
    assert tables[0] == tables[1]


def test_a_goal_that_is_not_reached_and_divergence_are_rows_too(mnist):
    (row,) = trained("--rule backprop --width 20 --seed 0 --max-epochs 0.01 --test-interval 400")
    assert (row["reached"], row["trials"], row["diverged"]) == ("False", "600", "False")
    assert 0 < float(row["accuracy"]) < 0.95
    (row,) = trained("--rule backprop --width 20 --seed 0 --learning-rate 100")
    assert (row["reached"], row["accuracy"], row["diverged"]) == ("False", "", "True")
    assert 0 < int(row["trials"]) < 100


# --- What it refuses ---

BACKPROP = "--rule backprop --width 100 --seed 0 --output -"
COMPETITIVE = "--rule competitive --width 100 --seed 0 --output -"

REFUSED = [
    ("--width 100 --seed 0 --output -", "--rule", "required"),
    ("--rule backprop --seed 0 --output -", "--width", "required"),
    ("--rule backprop --width 100 --output -", "--seed", "required"),
    ("--rule backprop --width 100 --seed 0", "--output", "required"),
    ("--rule bakprop --width 100 --seed 0 --output -", "bakprop", "one of backprop"),
    ("--rule backprop --width 0 --seed 0 --output -", "--width: '0'", "integer of at least 1"),
    ("--rule backprop --width ten --seed 0 --output -", "--width: 'ten'", "integer of at least 1"),
    (
        "--rule backprop --width 100 --seed zero --output -",
        "--seed: 'zero'",
        "an integer of at least 0",
    ),
    ("--rule backprop --width 100 --seed -1 --output -", "--seed", "-1"),
    ("--rule backprop --width 100 --seed 0.5 --output -", "--seed: '0.5'", "an integer"),
    (f"{COMPETITIVE} --fraction 1.5", "--fraction: '1.5'", "above 0, at most 1"),
    (f"{COMPETITIVE} --fraction 0", "--fraction: '0'", "above 0, at most 1"),
    (f"{COMPETITIVE} --fraction much", "--fraction: 'much'", "a number"),
    (f"{COMPETITIVE} --fraction nan", "--fraction: 'nan'", "a number"),
    (COMPETITIVE, "fraction: None", "a value is needed with"),
    (f"{BACKPROP} --fraction 0.1", "fraction: 0.1", "meant for"),
    (f"{COMPETITIVE} --fraction 0.1 --criterion best", "--criterion", "largest_update"),
    (f"{BACKPROP} --gate margin", "margin: None", "a value is needed with gate margin"),
    (f"{BACKPROP} --margin 0.1", "margin: 0.1", "gate margin only"),
    ("--rule subnet --width 100 --seed 0 --output -", "plastic_units: None", "a value is needed"),
    (
        "--rule subnet --width 100 --plastic-units 101 --seed 0 --output -",
        "plastic_units: 101",
        "at most the width, 100",
    ),
    (f"{BACKPROP} --goal 95", "--goal: '95'", "above 0, at most 1"),
    (f"{BACKPROP} --learning-rate 0", "--learning-rate: '0'", "above 0"),
    (f"{BACKPROP} --learning-rate inf", "--learning-rate: 'inf'", "finite"),
    (f"{BACKPROP} --max-epochs -1", "--max-epochs: '-1'", "above 0"),
    (f"{BACKPROP} --test-interval 0", "--test-interval: '0'", "at least 1"),
    (f"{BACKPROP} --dataset cifar", "--dataset", "mnist"),
    (f"{BACKPROP} --loss hinge", "--loss", "cross_entropy"),
    (f"{BACKPROP} --precision half", "--precision", "double"),
    (f"{BACKPROP} --engine warp", "--engine", "reference"),
    (f"{BACKPROP} --caching-decay 0.1", "caching_decay: 0.1", "caching_threshold"),
    (f"{BACKPROP} --learning_rate 0.1", "--learning_rate", "unrecognized"),
    (f"{BACKPROP} --learn 0.1", "--learn", "unrecognized"),
]


@pytest.mark.parametrize(("options", "what", "allowed"), REFUSED, ids=[case[1] for case in REFUSED])
def test_a_mistake_is_refused_in_one_line_before_any_work(monkeypatch, options, what, allowed):
    def too_late(*_):
        raise AssertionError("the data are asked for")

    monkeypatch.setattr(datasets, "ensure", too_late)
    monkeypatch.setattr(sys, "argv", ["train.py", *options.split()])
    with pytest.raises(SystemExit) as refused:
        script.main()
    message = refused.value.code  # a text: Python prints it as the only line and exits with 1
    assert isinstance(message, str) and "\n" not in message
    assert message.startswith("train: ") and what in message and allowed in message


def cpu_seconds() -> float:
    """Time that finished subprocesses have used: unlike the clock's, the same on a busy machine."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize(("options", "what", "allowed"), [REFUSED[5], REFUSED[10]])
def test_a_mistake_ends_the_process_soon_without_a_traceback(options, what, allowed):
    start = cpu_seconds()
    done = train(options)
    assert cpu_seconds() - start < 4
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("train: ")
    assert what in done.stderr and allowed in done.stderr


def test_a_place_that_cannot_be_written_to_is_one_line(mnist, tmp_path):
    (tmp_path / "file").write_text("")
    done = train(f"--rule backprop {QUICK} --output {tmp_path}/file/a.csv")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and str(tmp_path / "file") in done.stderr


# --- The science, at the size of the paper ---


def mean(table: list[dict], column: str) -> float:
    assert all(row["reached"] == "True" for row in table)
    return float(np.mean([float(row[column]) for row in table]))


@pytest.fixture(scope="module")
def backprop(mnist):
    """Three networks of 100 hidden units trained to 95 % by backprop."""
    return trained("--rule backprop --width 100 --seed 0 1 2")


def test_backprop_needs_the_trials_and_energy_of_the_paper(backprop):
    assert len(backprop) == 3
    assert 34_000 <= mean(backprop, "trials") <= 46_000
    assert 2.7e9 <= mean(backprop, "M0") <= 3.7e9
    assert 5.3e4 <= mean(backprop, "M1") <= 7e4
    assert 875 / 1.15 <= mean(backprop, "M1_min") <= 930 * 1.15
    for row in backprop:
        assert int(row["M0_min"]) == pytest.approx(100 * 785 + 10 * 101, rel=0.01)
        assert float(row["accuracy"]) >= 0.95 and float(row["participation"]) == 1


def test_competition_saves_updates(backprop):
    competitive = trained("--rule competitive --width 100 --fraction 0.1 --seed 0 1 2")
    assert mean(competitive, "M0") < mean(backprop, "M0") / 5


def test_a_small_network_learns_for_long(backprop):
    small = trained("--rule backprop --width 30 --seed 0")
    assert mean(small, "trials") > 3 * mean(backprop, "trials")


@pytest.mark.parametrize("text", ["rules: [", "- 1", "rules: {}", "rules: 3\nmodel: 4"])
def test_a_configuration_that_cannot_be_read_is_one_line(text, tmp_path, monkeypatch):
    config = tmp_path / "config.yaml"
    config.write_text(text)
    monkeypatch.setattr(training_options, "CONFIG", config)
    with pytest.raises(OSError, match=f"{config}: no rules and model can be read from it"):
        training_options.completed(argparse.Namespace(rule="backprop"))
