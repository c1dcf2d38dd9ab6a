"""What is shown of a build while it runs, and of a dry run at its end."""

import io
import logging
import os
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from workflow import watching
from workflow.configuration import Condition, Figure, Plan
from workflow.durations import Durations

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


@pytest.fixture
def stream(monkeypatch):
    """What is shown of a build of two jobs, on a terminal of 60 columns."""
    build = watching.Build(PLAN, durations=Durations({}, {"plot/x": 60.0, "plot/y": 60.0}))
    build.jobs = {1: "plot/x", 2: "plot/y"}
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
    name = watching.BUILD.jobs[number]
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
    assert line(stream).startswith("0 of 2 jobs done | ")
    assert line(stream).endswith(" left | plot/x")
    tell(progress, LogEvent.JOB_FINISHED, job_id=1)
    start(progress, 2)
    assert line(stream).startswith("1 of 2 jobs done | ")
    assert line(stream).endswith(" left | plot/y")


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
    tell(progress, LogEvent.JOB_ERROR, logging.ERROR, jobid=1, log=[str(log)])
    assert (
        f"Drawing plot/x failed: plot: no space left on the device ({log})\n" in stream.getvalue()
    )
    assert line(stream).startswith("0 of 2 jobs done, 1 failed | ")


def test_a_job_that_failed_without_a_word_is_shown(progress, stream, tmp_path):
    start(progress, log=[tmp_path / "none"])
    tell(progress, LogEvent.JOB_ERROR, logging.ERROR, jobid=1, log=[])
    assert f"Drawing plot/x failed: it left no word ({tmp_path / 'none'})\n" in stream.getvalue()


def test_what_a_job_took_is_learned(progress):
    start(progress)
    tell(progress, LogEvent.JOB_FINISHED, job_id=1)
    assert watching.BUILD.durations.ended.keys() == {"plot/x"}
    assert 0 <= watching.BUILD.durations.ended["plot/x"] < 60


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
    handler._draw()
    handler.close()
    lines = stream.getvalue().splitlines()
    assert [text.split(" | ")[0] for text in lines[:1]] == ["0 of 2 jobs done"]
    assert "\033" not in stream.getvalue() and "\r" not in stream.getvalue()


# The table of a dry run

TODO = {
    "train/a": "Incomplete output files: a.csv",
    "train/b": "Updated input files: network.py",
    "train/c": "Updated input files: network.py; Params have changed since last execution: 1",
    "plot/x": "Missing output files: x.svg; Input files updated by another job: a.csv",
    "plot/y": "Input files updated by another job: b.csv, c.csv",
}


def test_the_table_counts_what_is_done_missing_and_stale():
    lines = watching.status(PLAN, TODO, (3000, 4000), 2)
    words = [text.split() for text in lines]
    assert ["data", "sets", "1", "0", "0"] in words
    assert ["conditions", "0", "1", "2"] in words
    assert ["figures", "1", "1", "1"] in words
    assert ["x", "missing", "0", "of", "2"] in words
    assert ["y", "stale", "0", "of", "2"] in words
    assert ["claims", "done"] in words
    assert lines[-1] == "5 jobs to do, in 50 to 67 min on 2 cores"


def test_the_table_says_what_made_results_stale_and_not_what_followed_from_it():
    lines = watching.status(PLAN, TODO, (1, 2), 2)
    assert lines[lines.index(" jobs  stale because of") + 1 : -2] == [
        "    2  Updated input files: network.py",
        "    1  Params have changed since last execution: 1",
    ]


def test_the_table_says_when_all_is_done():
    lines = watching.status(PLAN, {}, (0, 0), 2)
    assert " jobs  stale because of" not in lines
    assert lines[-1].startswith("Nothing to be done")


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 0.2, "1 s"),
        (12, 45, "12 to 45 s"),
        (30, 150, "1 to 2 min"),
        (2900, 3100, "48 to 52 min"),
        (3590, 3610, "60 min"),
        (600, 43200, "1 to 12 h"),
    ],
)
def test_times_are_told_in_words(low, high, words):
    assert watching.span(low, high) == words
