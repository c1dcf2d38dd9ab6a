"""What is seen of a build: while it runs, when a job fails, and of what is left to do."""

import re

import pytest
from test_smoke import edited

from workflow.configuration import read

FIGURE = "figures/smoke/energy_vs_width.svg"
SCRIPT = "scripts/figures/energy_vs_width.py"
STATUS = "--workflow-profile", "profiles/status"


def rows(process):
    """The words of each line of the table that a process has printed."""
    assert process.returncode == 0, process.stderr
    return [line.split() for line in process.stdout.splitlines()]


def test_status_before_anything_is_built(fresh):
    conditions = read(fresh.root / "config.yaml")["experiments"]["energy_vs_width"]["smoke"]
    table = rows(fresh.snakemake(*STATUS))
    assert ["data", "sets", "0", "1", "0"] in table
    (row,) = (row for row in table if row[:1] == ["energy_vs_width"])
    assert row[1:4] == ["missing", "0", "of"]
    assert int(row[4]) >= len(conditions)
    assert not (fresh.root / "data").exists() and not (fresh.root / "results/smoke").exists()


def test_status_when_all_is_built(built):
    table = rows(built.snakemake(*STATUS))
    assert {tuple(row[-2:]) for row in table[1:4]} == {("0", "0")}
    assert table[-1][:4] == ["Nothing", "to", "be", "done"]


def test_status_says_what_an_edit_makes_stale_and_why(built):
    with edited(built, SCRIPT, lambda text: text + "EDITED = True\n"):
        table = rows(built.snakemake(*STATUS))
    assert [row[1] for row in table if row[:1] == ["energy_vs_width"]] == ["stale"]
    assert ["1", "Updated", "input", "files:", SCRIPT] in table
    assert table[-1][:5] == ["3", "jobs", "to", "do,", "in"]  # the gallery and the bundle, too


@pytest.fixture(scope="module")
def forced(built):
    """The copy in which everything has been built, which is as it was in the end."""
    yield built
    assert built.snakemake().returncode == 0


def test_a_build_is_a_few_lines(forced):
    process = forced.snakemake("--force", FIGURE)
    assert process.returncode == 0, process.stderr
    assert re.fullmatch(r"1 of 1 job done in \d+ \w+", process.stderr.splitlines()[-1])
    assert "rule" not in process.stderr and "Select jobs" not in process.stderr


def test_snakemake_can_still_say_all_it_has_to_say(forced):
    process = forced.snakemake("--force", FIGURE, "--verbose")
    assert "Select jobs to execute" in process.stderr


def test_jobs_are_scheduled_only_when_a_job_has_ended(forced):
    """Else Snakemake looks at all waiting jobs every second, again and again."""
    figures = FIGURE, "figures/smoke/energy_vs_fraction.svg"
    process = forced.snakemake("--force", *figures, "--cores", "1", "--verbose")
    assert process.returncode == 0, process.stderr
    assert process.stderr.count("Resources before job selection") == 2


def test_a_failure_is_one_line_with_the_last_words_of_the_job(forced):
    words = "no ink left"
    with edited(forced, SCRIPT, lambda text: f'import sys\nsys.exit("{words}")\n'):
        process = forced.snakemake(FIGURE)
    assert process.returncode == 1
    log = "logs/smoke/plot/energy_vs_width.log"
    lines = process.stderr.splitlines()
    assert f"Drawing energy_vs_width failed: {words} ({log})" in lines
    assert len(lines) - lines.index(f"Drawing energy_vs_width failed: {words} ({log})") <= 6
    assert re.fullmatch(r"0 of 1 job done, 1 failed in \d+ \w+", lines[-1])
