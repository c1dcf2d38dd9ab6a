"""Watching a build: two loggers of Snakemake's, instead of the one that it comes with.

`progress` shows one line while jobs run: how many are done, how long the rest will probably take,
what runs and how far it is. `status` shows a table at the end of a dry run: what is done, missing
and stale. The profiles default and status make Snakemake know and choose them.
"""

import logging
import os
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import ModuleType

from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake.settings.types import ResourceSettings
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent, logger_plugin_module_prefix
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from workflow.configuration import Plan
from workflow.durations import Durations, timed

SECONDS = 1, 30  # between two lines, on a terminal and in a file
ESTIMATE_SECONDS = 10  # between two estimates of the time left
TAIL = 500  # bytes of a job's log in which its last line is looked for


@dataclass
class Build:
    """What the Snakefile tells: what can be built, the folder of benchmark files, how many jobs may
    run at once, and, when they are about to, their names (see durations.py) by Snakemake's number.
    """

    plan: Plan = field(default_factory=Plan)
    benchmarks: Path = Path()
    cores: int = 1
    jobs: dict[int, str] = field(default_factory=dict)
    durations: Durations = field(default_factory=lambda: Durations({}, {}))

    def name(self, benchmark: str) -> str:
        """The name of the job that has this benchmark file."""
        return str(Path(benchmark).relative_to(self.benchmarks).with_suffix(""))

    def load(self) -> None:
        """Read how long jobs took so far: before the first of them writes its file anew."""
        known = timed(self.benchmarks)
        self.durations = Durations(self.plan.conditions, known, searches=self.plan.searches)


BUILD = Build()


def tell(plan: Plan, benchmarks: str, resources: ResourceSettings) -> None:
    """Tell what can be built, the folder of benchmark files, and Snakemake's resource settings."""
    BUILD.plan, BUILD.benchmarks = plan, Path(benchmarks)
    BUILD.cores = resources.nodes or resources.cores or 1


def expect(jobs: Iterable) -> None:
    """Tell which of Snakemake's jobs are about to run."""
    BUILD.load()
    BUILD.jobs = {job.jobid: BUILD.name(job.benchmark) for job in jobs if job.benchmark}


def register() -> None:
    """Make Snakemake's --logger know `progress` and `status`."""
    for name, handler in {"progress": Progress, "status": Status}.items():
        plugin = ModuleType(logger_plugin_module_prefix + name)
        vars(plugin)["LogHandler"] = handler
        LoggerPluginRegistry().register_plugin(plugin.__name__, plugin)


class _Logger(LogHandlerBase):
    """A logger that can also show messages the way Snakemake does."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        settings = self.common_settings
        self.stream = sys.stdout if settings.stdout else sys.stderr
        self.text = ColorizingTextHandler(
            settings.nocolor,
            self.stream,
            DefaultFormatter(settings.quiet, settings.show_failed_logs),
            DefaultFilter(
                settings.quiet,
                settings.debug_dag,
                settings.verbose,
                settings.dryrun,
                settings.printshellcmds,
            ),
        )


@dataclass
class Running:
    """A job that runs: its name, what its rule says it is doing, its logs, and since when (s)."""

    name: str
    message: str
    logs: list[str]
    since: float


class Progress(_Logger):
    """One line on how the build gets on, renewed on a terminal, now and then a line in a file.

    Errors and warnings are shown above it. A dry run and --verbose are left to Snakemake.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.started: float | None = None
        self.running: dict[int, Running] = {}
        self.ended: set[int] = set()
        self.failed: set[int] = set()
        self.left: tuple[float, float] = (0, 0)
        self.estimated = 0.0
        self.closing = Event()

    def emit(self, record: logging.LogRecord) -> None:
        told = vars(record)
        event = told.get("event")
        if self.common_settings.dryrun or self.common_settings.verbose:
            self.text.handle(record)
        elif event == LogEvent.WORKFLOW_STARTED:
            self.started = time.monotonic()
            Thread(target=self._tick, daemon=True).start()
        elif event == LogEvent.JOB_INFO:
            number, now = told["jobid"], time.monotonic()
            if name := BUILD.jobs.get(number):
                self.running[number] = Running(name, told["rule_msg"] or name, told["log"], now)
        elif event == LogEvent.JOB_FINISHED:
            if job := self.running.pop(told["job_id"], None):
                self.ended.add(told["job_id"])
                BUILD.durations.ended[job.name] = time.monotonic() - job.since
        elif event == LogEvent.JOB_ERROR:
            if job := self.running.pop(told["jobid"], None):
                self.failed.add(told["jobid"])
                why = _last_line(job, time.monotonic()) or "it left no word"
                self._show(f"{job.message} failed: {why} ({', '.join(job.logs)})\n")
        elif self._matters(record):
            self._show("")
            self.text.handle(record)
        if self.terminal:
            self._draw()

    def close(self) -> None:
        """Say how the build ended."""
        self.closing.set()
        with self._alone():
            if self.started is not None and BUILD.jobs:
                seconds = time.monotonic() - self.started
                self._show(f"{self._count()} in {span(seconds, seconds)}\n")
                self.started = None
        super().close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other threads from writing meanwhile."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _matters(self, record: logging.LogRecord) -> bool:
        """Whether a message should be seen: while jobs run, Snakemake talks a lot."""
        return (
            self.started is None
            or record.levelno >= logging.WARNING
            or getattr(record, "event", None) == LogEvent.SHELLCMD
            or record.msg == NOTHING_TO_BE_DONE_MSG
        )

    def _tick(self) -> None:
        while not self.closing.wait(SECONDS[0 if self.terminal else 1]):
            with self._alone():
                self._draw()

    def _draw(self) -> None:
        if self.started is None or not BUILD.jobs or self.closing.is_set():
            return
        now = time.monotonic()
        if now > self.estimated + ESTIMATE_SECONDS:
            self.left, self.estimated = self._estimate(now), now
        running = [f"{job.name}{_state(job, now)}" for job in self.running.values()]
        line = " | ".join([self._count(), f"{span(*self.left)} left", *running])
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            line = line if len(line) <= width else line[: width - 1] + "…"
        self._show(line if self.terminal else f"{line}\n")

    def _estimate(self, now: float) -> tuple[float, float]:
        gone = self.running.keys() | self.ended | self.failed
        waiting = [name for number, name in BUILD.jobs.items() if number not in gone]
        running = {job.name: now - job.since for job in self.running.values()}
        return BUILD.durations.left(waiting, running, BUILD.cores)

    def _count(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"{len(self.ended)} of {_many(len(BUILD.jobs), 'job')} done{failed}"

    def _show(self, text: str) -> None:
        """Write in place of the line."""
        self.stream.write(f"\r\033[K{text}" if self.terminal else text)
        self.stream.flush()


class Status(_Logger):
    """What a dry run would do, as a table at its end."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.todo: dict[str, str] = {}
        self.shown = False

    def emit(self, record: logging.LogRecord) -> None:
        told = vars(record)
        if told.get("event") == LogEvent.JOB_INFO:
            if told["benchmark"]:
                self.todo[BUILD.name(told["benchmark"])] = told["reason"]
        elif record.levelno >= logging.WARNING:
            self.text.handle(record)

    def close(self) -> None:
        """Show the table, once, unless the dry run came to nothing."""
        if BUILD.plan.figures and not self.shown:
            BUILD.load()
            left = BUILD.durations.left(self.todo, {}, BUILD.cores)
            print("\n".join(status(BUILD.plan, self.todo, left, BUILD.cores)), file=self.stream)
            self.shown = True
        super().close()


def status(plan: Plan, todo: Mapping[str, str], left: tuple[float, float], cores: int) -> list[str]:
    """Return the lines that say what is done, missing and stale.

    `todo` says why a job must run, in Snakemake's words; all others are done. `left` is the range
    of the time (s) that this takes.
    """
    kinds = {
        "data sets": [f"prepare/{dataset}" for dataset in plan.datasets],
        "searches": [f"search/{search}" for search in plan.searches],
        "conditions": [f"train/{condition}" for condition in plan.conditions],
        "figures": [f"plot/{figure}" for figure in plan.figures],
    }
    kinds = {kind: names for kind, names in kinds.items() if names}
    lines = [f"{'':24}{'done':>9}{'missing':>9}{'stale':>9}"]
    for kind, names in kinds.items():
        lines.append(f"{kind:24}" + "".join(f"{n:9}" for n in _tally(names, todo).values()))
    lines += ["", f"{'figure':24}{'':>9} conditions trained"]
    for figure, given in plan.figures.items():
        runs = [f"train/{condition}" for condition in plan.experiments.get(given.experiment, [])]
        done = f" {_tally(runs, todo)['done']} of {len(runs)}" if runs else ""
        lines.append(f"{figure:24}{_state_of(f'plot/{figure}', todo):>9}{done}".rstrip())
    reasons = Counter(reason for why in todo.values() for reason in _causes(why))
    lines += ["", " jobs  stale because of"] if reasons else []
    lines += [f"{count:5}  {reason}" for reason, count in reasons.most_common()]
    rest = f"{_many(len(todo), 'job')} to do, in {span(*left)} on {_many(cores, 'core')}"
    return [*lines, "", rest if todo else NOTHING_TO_BE_DONE_MSG]


def span(low: float, high: float) -> str:
    """Return a range of times (s) in words."""
    unit, length = next(
        (unit, length)
        for unit, length in (("s", 1), ("min", 60), ("h", 3600))
        if high < 100 * length or unit == "h"
    )
    low, high = (max(1, round(seconds / length)) for seconds in (low, high))
    return f"{high} {unit}" if low == high else f"{low} to {high} {unit}"


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _state_of(name: str, todo: Mapping[str, str]) -> str:
    if name not in todo:
        return "done"
    return "missing" if re.match("Missing|Incomplete", todo[name]) else "stale"


def _tally(names: Iterable[str], todo: Mapping[str, str]) -> dict[str, int]:
    """Count the jobs that are done, missing and stale."""
    states = Counter(_state_of(name, todo) for name in names)
    return {state: states[state] for state in ("done", "missing", "stale")}


def _causes(why: str) -> list[str]:
    """Those of a job's reasons that are not the consequence of another job's."""
    consequences = ("Missing", "Incomplete", "Input files updated by another job")
    return [reason for reason in why.split("; ") if not reason.startswith(consequences)]


def _state(job: Running, now: float) -> str:
    """How far a job is that trains or searches, as its log says."""
    line = _last_line(job, now)
    found = re.search(r"(seed \d+): .*?([\d,]+ trials).*?([\d.]+%)", line) or re.search(
        r"(\d+ of \d+ networks)", line
    )
    return f" ({', '.join(found.groups())})" if found else ""


def _last_line(job: Running, now: float) -> str:
    """The last line of what a job has written into its logs since it began; nothing if there is
    none yet."""
    for name in job.logs:
        try:
            with open(name, "rb") as file:
                if time.time() - os.fstat(file.fileno()).st_mtime > now - job.since + 1:
                    continue  # left by an earlier run
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
                lines = re.split(r"[\r\n]+", file.read().decode(errors="replace").strip())
        except OSError:
            continue
        if lines[-1]:
            return lines[-1]
    return ""
