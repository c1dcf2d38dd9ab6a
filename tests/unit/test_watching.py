"""What is shown of a build while it runs, and of a dry run at its end."""

import gzip
import io
import json
import logging
import os
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from provenance import identity
from provenance.record import PARTS
from workflow import watching
from workflow.configuration import Condition, Figure, Plan
from workflow.durations import INERTIA, UNKNOWN, Durations, Job

PLAN = Plan(
    conditions={name: Condition({"dataset": "mnist"}) for name in ("a", "b", "c")},
    experiments={"x": ["a", "b"], "y": ["b", "c"]},
    figures={
        "x": Figure("x.py", "x", ["energy"]),
        "y": Figure("y.py", "y", ["energy"]),
        "claims": Figure("claims.py", "claims", ["claims"]),
    },
)
SETTINGS = SimpleNamespace(
    **dict.fromkeys(["dryrun", "verbose", "stdout", "debug_dag", "printshellcmds"], False),
    **{"quiet": [], "nocolor": True, "show_failed_logs": True},
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def record(rule, seconds):
    """A provenance record, as far as it is read here."""
    empty = {part: kind() for part, kind in PARTS.items()}
    recipe = {"rule": rule, "parameters": {}}
    return empty | {"recipe": recipe, "outputs": {"x": ""}, "made": {"seconds": seconds}}


@pytest.fixture
def stream(monkeypatch):
    """What is shown of a build of two jobs, on a terminal of 60 columns."""
    build = watching.Build(PLAN, durations=Durations({}))
    build.jobs = {1: Job("plot/x", "x.record.json"), 2: Job("plot/y", "y.record.json", 2.0)}
    monkeypatch.setattr(watching, "BUILD", build)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    return Terminal()


def logger(stream):
    """The logger, writing to a stream."""
    with patch("sys.stderr", stream):
        return watching.Progress(SETTINGS, None)


def tell(handler, event=None, level=logging.INFO, message=None, **values):
    record = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    record.__dict__.update({"event": event} | values)
    handler.handle(record)


def start(handler, number=1, log=()):
    name = watching.BUILD.jobs[number].name
    job = {"jobid": number, "rule_msg": f"Drawing {name}", "log": [*map(str, log)]}
    tell(handler, LogEvent.JOB_INFO, **job)


@pytest.fixture
def progress(stream):
    handler = logger(stream)
    tell(handler, LogEvent.WORKFLOW_STARTED)
    yield handler
    handler.close()


def line(stream):
    """The line that the terminal shows now."""
    return stream.getvalue().split("\n")[-1].split("\r\033[K")[-1]


def test_the_line_says_what_is_done_what_is_left_and_what_runs(progress, stream):
    start(progress)
    assert line(stream) == "0 of 2 jobs done | about 15 s left | plot/x"
    tell(progress, LogEvent.JOB_FINISHED, job_id=1)
    start(progress, 2)
    assert line(stream).startswith("1 of 2 jobs done | about 9 s left | plot/y")


def test_the_line_says_how_far_training_is(progress, stream, tmp_path):
    (tmp_path / "log").write_text(
        "a, width 9, seed 0: goal reached after 9 trials, test accuracy 95.2%, M0 1e+08\n"
        "a, width 9, seed 1: 5 trials, 9.1% of the last ones correct, M0 3e+07\n"
    )
    start(progress, log=[tmp_path / "log"])
    progress.terminal = False
    progress._draw()
    assert stream.getvalue().endswith("| plot/x (seed 1, 5 trials, 9.1%)\n")


def test_the_line_says_how_far_a_search_is(progress, stream, tmp_path):
    log = tmp_path / "job.log"
    start(progress, log=[log])
    log.write_text("search mine: 12 of 280 networks, least M0 1.06e+07, 5.0 min left\n")
    progress.terminal = False
    progress._draw()
    assert stream.getvalue().endswith("| plot/x (12 of 280 networks)\n")


def test_what_an_earlier_run_has_logged_is_not_shown(progress, stream, tmp_path):
    log = tmp_path / "log"
    log.write_text("a, width 9, seed 1: 5 trials, 9.1% of the last ones correct, M0 3e+07\n")
    os.utime(log, (0, 0))
    start(progress, log=[log])
    assert line(stream).endswith("| plot/x")


def test_the_line_is_never_longer_than_the_terminal_is_wide(progress, stream, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    start(progress)
    start(progress, 2)
    assert len(line(stream)) <= 39 and line(stream).endswith("…")


def test_only_warnings_and_errors_are_shown_beside_the_line(progress, stream):
    tell(progress, message="Select jobs to execute...")
    tell(progress, LogEvent.PROGRESS, done=1, total=2)
    tell(progress, level=logging.WARNING, message="the disk is nearly full")
    shown = stream.getvalue()
    assert "Select jobs" not in shown and "steps" not in shown
    assert "\r\033[Kthe disk is nearly full\n" in shown


def test_a_failure_is_one_line_with_the_last_words_of_the_job(progress, stream, tmp_path):
    log = tmp_path / "log"
    log.write_text("all went well\rat first\nplot: no space left on the device\n")
    start(progress, log=[log])
    command = "RuleException:\nCalledProcessError in file Snakefile, line 1:\nCommand 'plot'"
    tell(progress, LogEvent.ERROR, logging.ERROR, command)
    tell(progress, LogEvent.JOB_ERROR, logging.ERROR, jobid=1, log=[str(log)])
    assert "RuleException" not in stream.getvalue()
    assert (
        f"Drawing plot/x failed: plot: no space left on the device ({log})\n" in stream.getvalue()
    )
    assert line(stream).startswith("0 of 2 jobs done, 1 failed | ")


def test_a_job_that_failed_without_a_message_is_shown(progress, stream, tmp_path):
    start(progress, log=[tmp_path / "none"])
    tell(progress, LogEvent.JOB_ERROR, logging.ERROR, jobid=1, log=[])
    assert (
        f"Drawing plot/x failed: it wrote no message ({tmp_path / 'none'})\n" in stream.getvalue()
    )


def test_what_a_job_took_is_learned(progress):
    start(progress)
    tell(progress, LogEvent.JOB_FINISHED, job_id=1)
    durations = watching.BUILD.durations
    assert durations.taken - INERTIA < durations.foreseen - INERTIA == UNKNOWN


def test_the_end_is_told(progress, stream):
    start(progress)
    tell(progress, LogEvent.JOB_FINISHED, job_id=1)
    progress.close()
    progress.close()
    assert line(stream) == ""
    assert stream.getvalue().split("\r\033[K")[-1].startswith("1 of 2 jobs done in ")
    assert stream.getvalue().count(" jobs done in ") == 1


def test_outside_of_a_build_all_messages_are_shown(stream):
    handler = logger(stream)
    tell(handler, message="Unlocking working directory.")
    handler.close()
    assert stream.getvalue() == "\r\033[KUnlocking working directory.\n"


def test_a_file_gets_no_control_characters(stream, monkeypatch):
    monkeypatch.setattr(stream, "isatty", lambda: False)
    handler = logger(stream)
    tell(handler, LogEvent.WORKFLOW_STARTED)
    start(handler)
    tell(handler, LogEvent.JOB_FINISHED, job_id=1)
    handler.close()
    first, last = stream.getvalue().splitlines()  # the next one would come after half a minute
    assert first == "0 of 2 jobs done | about 15 s left | plot/x"
    assert last.startswith("1 of 2 jobs done in ")
    assert "\033" not in stream.getvalue() and "\r" not in stream.getvalue()


# What Snakemake's jobs are called


def test_jobs_are_called_by_their_rule_and_wildcard():
    plan = Plan(conditions={"a": Condition({"width": 3200, "seed": [0, 1]})})
    build = watching.Build(plan)
    files = ["results/a.csv", "results/a.record.json"]
    job = build.job("train_with_curve", {"condition": "a"}, files)
    assert job == Job("train/a", "results/a.record.json", 2 * 32**0.4)
    assert build.job("claims", {}, ["c.record.json"]) == Job("claims", "c.record.json")
    assert build.job("all", {}, []) is None


def test_durations_come_from_the_records_of_the_tree_and_of_the_published_bundle(
    tmp_path, monkeypatch
):
    made = [record("train", seconds) for seconds in (7.0, 70.0, 700.0)]
    bundle = {
        "results/paper/runs/a.record.json": made[0],
        "results/paper/runs/b.record.json": made[1],
    }
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/records.json.gz").write_bytes(gzip.compress(json.dumps(bundle).encode()))
    monkeypatch.chdir(tmp_path)
    build = watching.Build(PLAN)
    build.load()
    jobs = {name: Job(f"train/{name}", f"results/paper/runs/{name}.record.json") for name in "abc"}
    assert build.durations.left(jobs.values(), {}, 1) == 7 + 70 + (7 + 70) / 2
    (tmp_path / "results/paper/runs").mkdir(parents=True)
    (tmp_path / "results/paper/runs/a.record.json").write_text(json.dumps(made[2]))
    build.load()
    assert build.durations.left([jobs["a"]], {}, 1) == 700


# The table of a dry run

TODO = {
    "train/a": "Incomplete output files: a.csv",
    "train/b": "Updated input files: network.py",
    "train/c": "Updated input files: network.py; Params have changed since last execution: 1",
    "plot/x": "Missing output files: x.svg; Input files updated by another job: a.csv",
    "plot/y": "Input files updated by another job: b.csv, c.csv",
}


def test_the_table_counts_what_is_done_missing_and_stale():
    lines = watching.status(PLAN, TODO, 3600, 2, (812, 45_600_000))
    words = [text.split() for text in lines]
    assert ["data", "sets", "1", "0", "0"] in words
    assert ["conditions", "0", "1", "2"] in words
    assert ["figures", "1", "1", "1"] in words
    assert ["x", "missing", "0", "of", "2"] in words
    assert ["y", "stale", "0", "of", "2"] in words
    assert ["claims", "done"] in words
    assert lines[-3:] == [
        "store of results: 812 entries, 46 MB",
        "",
        "5 jobs to do, in about 60 min on 2 cores",
    ]


def test_the_table_says_what_made_results_stale_and_not_what_followed_from_it():
    lines = watching.status(PLAN, TODO, 1, 2, (1, 0))
    assert lines[lines.index(" jobs  stale because of") + 1 : -4] == [
        "    2  Updated input files: network.py",
        "    1  Params have changed since last execution: 1",
    ]


def test_a_reason_names_what_has_changed_in_a_step_in_place_of_its_identity(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = {"scripts/train.py": "1", "scripts/plasticity/network.py": "2"}
    now = {"code": code, "packages": {"numpy": "2.4"}, "arithmetic": {"numba": "haswell"}}
    path = tmp_path / identity.STEPS / "train.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(now))
    before = now | {
        "code": code | {"scripts/plasticity/network.py": "0", "scripts/gone.py": "3"},
        "packages": {"numpy": "2.3"},
    }
    why = (
        f"Updated input files: {identity.STEPS}/train.json, a.csv, {identity.STEPS}/figures.x.json"
    )
    assert watching.explained(why, before) == (
        "Updated input files: numpy, scripts/gone.py, scripts/plasticity/network.py, a.csv,"
        " scripts/figures/x.py"
    )


def test_the_table_says_when_all_is_done():
    lines = watching.status(PLAN, {}, 0, 2, (0, 0))
    assert " jobs  stale because of" not in lines
    assert lines[-1].startswith("Nothing to be done")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 s"),
        (45, "45 s"),
        (150, "2 min"),
        (3000, "50 min"),
        (3590, "60 min"),
        (43200, "12 h"),
    ],
)
def test_times_are_told_in_words(seconds, words):
    assert watching.span(seconds) == words
