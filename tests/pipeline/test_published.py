"""Published runs: a clone redraws everything from them, builds on them, and checks some of them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

FIGURES = Path("figures/smoke")
ENGINE = "scripts/plasticity/engine.py"


def call(clone, script, *options):
    """Run a script of a copy of the project; return the finished process."""
    return subprocess.run(
        [sys.executable, f"scripts/{script}.py", *options],
        cwd=clone.root,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )


def published_files(root):
    """The figures, tables and pages in a copy of the project, by name."""
    return {
        path.name: path.read_bytes()
        for path in (root / FIGURES).iterdir()
        if path.suffix not in (".json", ".gz", ".zip")
    }


def rules(clone, *targets):
    """How many jobs of each rule a dry run would run."""
    process = clone.snakemake("-n", *targets)
    assert process.returncode == 0, process.stderr
    table = re.search(r"Job stats:\n(.*?)\n\n", process.stderr + process.stdout, re.DOTALL)
    lines = (line.split() for line in table[1].splitlines()[2:]) if table else ()
    jobs = {rule.partition("_with_")[0]: int(count) for rule, count in lines}
    return {rule: count for rule, count in jobs.items() if rule not in ("all", "total")}


@pytest.fixture(scope="module")
def publish(built, copied):
    """What makes a copy that has what was published at smoke scale, and nothing else."""

    def copy(folder):
        clone = copied(folder)
        shutil.rmtree(clone.root / "results")
        shutil.copytree(built.root / FIGURES, clone.root / FIGURES)
        config = clone.root / "config.yaml"
        config.write_text(config.read_text().replace("scale: paper", "scale: smoke"))
        return clone

    return copy


@pytest.fixture(scope="module")
def redrawn(publish, tmp_path_factory):
    """A copy that has been redrawn, and the finished process."""
    clone = publish(tmp_path_factory.mktemp("redrawn"))
    process = call(clone, "redraw")
    assert process.returncode == 0, process.stderr
    return clone, process


def test_everything_published_is_redrawn_byte_for_byte_without_data(built, redrawn):
    clone, process = redrawn
    assert f"{FIGURES}: every byte as published" in process.stdout
    assert published_files(clone.root) == published_files(built.root)
    for kind in ("runs", "curves", "counts", "overlaps"):
        assert len(list((clone.root / "results/smoke" / kind).glob("*.[cn]*"))) == len(
            list((built.root / "results/smoke" / kind).glob("*.[cn]*"))
        )
    assert not (clone.root / "data").exists()


def test_a_second_call_does_nothing(redrawn):
    clone, _ = redrawn
    process = call(clone, "redraw")
    assert process.returncode == 0
    assert " 0 files restored" in process.stdout
    assert "Nothing to be done" in process.stderr


def test_a_build_takes_what_was_restored(redrawn):
    clone, _ = redrawn
    assert rules(clone) == {"archive": 1, "history": 1}


@pytest.mark.parametrize(
    ("file", "old", "new", "trains"),
    [
        ("scripts/figures/turnover.py", "\n\n\n", "\nODD = 1\n\n\n", False),
        (ENGINE, "\n\n\n", "\nODD = 1\n\n\n", True),
        ("config.yaml", "  goal: 0.95 ", "  goal: 0.94 ", True),
    ],
)
def test_an_edit_draws_or_trains_what_it_can_alter(redrawn, file, old, new, trains):
    clone, _ = redrawn
    path = clone.root / file
    content = path.read_text()
    assert old in content
    try:
        path.write_text(content.replace(old, new, 1))
        jobs = rules(clone, f"{FIGURES}/turnover.svg")
        assert jobs["plot"] == 1
        assert ("train" in jobs) == ("prepare" in jobs) == trains
    finally:
        path.write_text(content)


def test_one_more_condition_trains_it_alone(redrawn):
    clone, _ = redrawn
    path = clone.root / "config.yaml"
    content = path.read_text()
    old = "{rule: backprop, width: [50, 100, 300, 1000]}"
    assert old in content
    try:
        path.write_text(content.replace(old, old.replace("1000", "1000, 70"), 1))
        assert rules(clone)["train"] == 1
        process = call(clone, "redraw")
        assert process.returncode != 0
        (line,) = process.stderr.splitlines()
        assert line.startswith("redraw: runs/backprop-width70: the configuration asks for it")
    finally:
        path.write_text(content)


def test_a_damaged_archive_is_named_and_nothing_is_used(publish, tmp_path):
    clone = publish(tmp_path)
    path = clone.root / FIGURES / "runs.zip"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    for script in ("redraw", "verify"):
        process = call(clone, script)
        assert process.returncode == 1
        (line,) = process.stderr.splitlines()
        assert line.startswith(f"{script}: {FIGURES}/runs.zip: damaged")
    assert not (clone.root / "results").exists()


def test_a_condition_that_is_trained_anew_agrees(redrawn):
    clone, _ = redrawn
    overlay = {"experiments": {"energy_vs_width": {"smoke": [{"rule": "backprop", "width": 50}]}}}
    (clone.root / "mine.yaml").write_text(yaml.safe_dump(overlay))
    process = clone.snakemake("--configfile", "mine.yaml")
    assert process.returncode == 0, process.stderr
    before = clone.made()
    process = call(clone, "verify", "--number", "3", "--seed", "0", "--configfile", "mine.yaml")
    assert process.returncode == 0, process.stdout + process.stderr
    first, condition, everything = process.stdout.splitlines()
    assert first.startswith("seed 0: 1 conditions, which took ")
    assert condition == "backprop-width50: equal"
    assert everything == "figures/mine/smoke: all figures, tables and pages are equal"
    assert clone.made() == before
