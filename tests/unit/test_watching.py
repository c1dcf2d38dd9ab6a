"""The progress line of a build, and the table at the end of a dry run."""

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
    """Return a provenance record."""
    texts = dict.fromkeys(("start", "end", "host", "cpu", "platform", "python"), "")
    made = texts | {"seconds": seconds, "from_store": False, "command": ["x"], "sources": {}}
    made |= {"commit": None, "dirty": None}
    recipe = {"rule": rule, "parameters": {}, "data": {}}
    parts = {"recipe": recipe, "outputs": {"x": ""}, "inputs": {}, "records": {}, "made": made}
    return parts | {"id": "", "seal": ""}


@pytest.fixture
def stream(monkeypatch):
    """Return a terminal of 60 columns, for a build of two jobs."""
    build = watching.Build(PLAN, durations=Durations({}))
    build.jobs = {1: Job("plot/x", "x.record.json"), 2: Job("plot/y", "y.record.json", 2.0)}
    monkeypatch.setattr(watching, "BUILD", build)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    return Terminal()


def logger(stream):
    """Return the logger, which writes to a stream."""
    with patch("sys.stderr", stream):
        return watching.Progress(SETTINGS, None)


def emit(handler, event=None, level=logging.INFO, message=None, **values):
    entry = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    vars(entry).update({"event": event} | values)
    handler.handle(entry)


def start(handler, number=1, log=()):
    name = watching.BUILD.jobs[number].name
    job = {"jobid": number, "rule_msg": f"Drawing {name}", "log": [*map(str, log)]}
    emit(handler, LogEvent.JOB_INFO, **job)


@pytest.fixture
def progress(stream):
    handler = logger(stream)
    emit(handler, LogEvent.WORKFLOW_STARTED)
    yield handler
    handler.close()


def line(stream):
    """Return the line that the terminal shows now."""
    return stream.getvalue().split("\n")[-1].split("\r\033[K")[-1]


def test_the_line_shows_finished_jobs_time_left_and_running_jobs(progress, stream):
    start(progress)
    assert line(stream) == "0 of 2 jobs done | about 15 s left | plot/x"
    emit(progress, LogEvent.JOB_FINISHED, job_id=1)
    start(progress, 2)
    assert line(stream).startswith("1 of 2 jobs done | about 9 s left | plot/y")


def test_the_line_shows_the_progress_of_training(progress, stream, tmp_path):
    (tmp_path / "log").write_text(
        "a, width 9, seed 0: goal reached after 9 trials, test accuracy 95.2%, M0 1e+08\n"
        "a, width 9, seed 1: 5 trials, 9.1% of the last ones correct, M0 3e+07\n"
    )
    start(progress, log=[tmp_path / "log"])
    progress.terminal = False
    progress._draw()
    assert stream.getvalue().endswith("| plot/x (seed 1, 5 trials, 9.1%)\n")


def test_the_line_shows_the_progress_of_a_search(progress, stream, tmp_path):
    log = tmp_path / "job.log"
    start(progress, log=[log])
    log.write_text("search mine: 12 of 280 networks, least M0 1.06e+07, 5.0 min left\n")
    progress.terminal = False
    progress._draw()
    assert stream.getvalue().endswith("| plot/x (12 of 280 networks)\n")


def test_the_log_of_an_earlier_run_is_not_shown(progress, stream, tmp_path):
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


def test_only_warnings_and_errors_are_shown_above_the_line(progress, stream):
    emit(progress, message="Select jobs to execute...")
    emit(progress, LogEvent.PROGRESS, done=1, total=2)
    emit(progress, level=logging.WARNING, message="the disk is nearly full")
    shown = stream.getvalue()
    assert "Select jobs" not in shown and "steps" not in shown
    assert "\r\033[Kthe disk is nearly full\n" in shown


def test_a_failure_is_one_line_with_the_last_line_of_the_log(progress, stream, tmp_path):
    log = tmp_path / "log"
    log.write_text("all went well\rat first\nplot: no space left on the device\n")
    start(progress, log=[log])
    command = "RuleException:\nCalledProcessError in file Snakefile, line 1:\nCommand 'plot'"
    emit(progress, LogEvent.ERROR, logging.ERROR, command)
    emit(progress, LogEvent.JOB_ERROR, logging.ERROR, jobid=1, log=[str(log)])
    assert "RuleException" not in stream.getvalue()
    assert (
        f"Drawing plot/x failed: plot: no space left on the device ({log})\n" in stream.getvalue()
    )
    assert line(stream).startswith("0 of 2 jobs done, 1 failed | ")


def test_a_job_that_failed_without_a_message_is_shown(progress, stream, tmp_path):
    start(progress, log=[tmp_path / "none"])
    emit(progress, LogEvent.JOB_ERROR, logging.ERROR, jobid=1, log=[])
    assert f"Drawing plot/x failed: no message ({tmp_path / 'none'})\n" in stream.getvalue()


SBATCH = """SLURM sbatch failed. The error message was 'sbatch: error: invalid partition
sbatch: error: Batch job submission failed'.
    sbatch call:
        sbatch --parsable
For further error details see the cluster/cloud log"""


def test_the_reason_of_a_cluster_is_shown_if_a_job_left_no_message(progress, stream, tmp_path):
    start(progress, log=[tmp_path / "none"])
    emit(progress, LogEvent.JOB_ERROR, logging.ERROR, jobid=1, log=[], rule_msg=SBATCH)
    assert (
        "Drawing plot/x failed: SLURM sbatch failed. The error message was 'sbatch: error: invalid"
        f" partition sbatch: error: Batch job submission failed'. ({tmp_path / 'none'})\n"
    ) in stream.getvalue()


def test_the_reason_for_the_failure_of_a_group_is_that_of_its_jobs(monkeypatch):
    monkeypatch.setattr(watching.GroupJob, "log_error", None)
    monkeypatch.setattr(watching.GroupJob, "rule", None, raising=False)
    watching.register()
    told = []
    job = SimpleNamespace(rule="train", log_error=lambda msg, **more: told.append((msg, more)))
    group = SimpleNamespace(jobs=[job, job])
    watching.GroupJob.log_error(group, msg="refused", aux_logs=[])
    assert told == [("refused", {"aux_logs": []})] * 2
    assert watching.GroupJob.rule.fget(group) == "train"


def test_the_duration_of_a_job_is_learned(progress):
    start(progress)
    emit(progress, LogEvent.JOB_FINISHED, job_id=1)
    durations = watching.BUILD.durations
    assert durations.taken - INERTIA < durations.foreseen - INERTIA == UNKNOWN


def test_the_end_is_reported(progress, stream):
    start(progress)
    emit(progress, LogEvent.JOB_FINISHED, job_id=1)
    progress.close()
    progress.close()
    assert line(stream) == ""
    assert stream.getvalue().split("\r\033[K")[-1].startswith("1 of 2 jobs done in ")
    assert stream.getvalue().count(" jobs done in ") == 1


def test_outside_of_a_build_all_messages_are_shown(stream):
    handler = logger(stream)
    emit(handler, message="Unlocking working directory.")
    handler.close()
    assert stream.getvalue() == "\r\033[KUnlocking working directory.\n"


def test_a_file_gets_no_control_characters(stream, monkeypatch):
    monkeypatch.setattr(stream, "isatty", lambda: False)
    handler = logger(stream)
    emit(handler, LogEvent.WORKFLOW_STARTED)
    start(handler)
    emit(handler, LogEvent.JOB_FINISHED, job_id=1)
    handler.close()
    first, last = stream.getvalue().splitlines()  # the next one would come after half a minute
    assert first == "0 of 2 jobs done | about 15 s left | plot/x"
    assert last.startswith("1 of 2 jobs done in ")
    assert "\033" not in stream.getvalue() and "\r" not in stream.getvalue()


# Names of jobs


def test_jobs_are_named_by_their_rule_and_wildcard():
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
    records = [record("train", seconds) for seconds in (7.0, 70.0, 700.0)]
    bundle = {
        "results/paper/runs/a.record.json": records[0],
        "results/paper/runs/b.record.json": records[1],
    }
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/records.json.gz").write_bytes(gzip.compress(json.dumps(bundle).encode()))
    monkeypatch.chdir(tmp_path)
    build = watching.Build(PLAN)
    build.load()
    jobs = {name: Job(f"train/{name}", f"results/paper/runs/{name}.record.json") for name in "abc"}
    assert build.durations.left(jobs.values(), {}, 1) == 7 + 70 + (7 + 70) / 2
    (tmp_path / "results/paper/runs").mkdir(parents=True)
    (tmp_path / "results/paper/runs/a.record.json").write_text(json.dumps(records[2]))
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


def test_the_table_shows_reasons_but_not_their_consequences():
    lines = watching.status(PLAN, TODO, 1, 2, (1, 0))
    assert lines[lines.index(" jobs  stale because of") + 1 : -4] == [
        "    2  Updated input files: network.py",
        "    1  Params have changed since last execution: 1",
    ]


def test_a_reason_names_the_changed_parts_of_a_step(tmp_path, monkeypatch):
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


def test_the_table_shows_that_everything_is_done():
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
def test_times_are_shown_in_words(seconds, words):
    assert watching.span(seconds) == words


@pytest.fixture
def dry_run(stream, monkeypatch, tmp_path):
    """Return the logger of a dry run that shows the table, and its stream."""
    monkeypatch.chdir(tmp_path)
    with patch("sys.stderr", stream):
        return watching.Status(SETTINGS, None), stream


@pytest.mark.parametrize(
    "end",
    [
        {"event": LogEvent.RUN_INFO, "stats": {}},
        {"message": watching.NOTHING_TO_BE_DONE_MSG},
    ],
)
def test_the_table_is_shown_once_all_is_known(dry_run, end):
    handler, stream = dry_run
    emit(handler, **end)
    handler.close()
    handler.close()
    assert stream.getvalue().count("Nothing to be done") == 1


@pytest.mark.parametrize("before", [[], [{"event": LogEvent.RUN_INFO, "stats": {}}]])
def test_a_dry_run_that_failed_shows_its_error_and_no_table(dry_run, before):
    handler, stream = dry_run
    for values in before:
        emit(handler, **values)
    emit(handler, LogEvent.ERROR, logging.ERROR, "MissingInputException in rule plot")
    handler.close()
    assert stream.getvalue() == "MissingInputException in rule plot\n"
