"""Two loggers for Snakemake that replace its own.

`progress` shows one line while jobs run: how many are done, how long the rest will take, which jobs
run and how far they are. `status` shows a table at the end of a dry run: what is done, missing and
stale. The profiles `default` and `status` register and select them.
"""

import json
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

from provenance import identity, store
from provenance.history import History
from provenance.record import SUFFIX
from workflow.configuration import Plan
from workflow.durations import Durations, Job, size

SECONDS = 1, 30  # between two lines, on a terminal and in a file
FAILED = "RuleException:\nCalledProcessError"  # a failed command; JOB_ERROR follows
TAIL = 500  # bytes of a job's log in which its last line is looked for


@dataclass
class Build:
    """What the Snakefile tells: what can be built, how many jobs may run at once and, before they
    start, which jobs run, by Snakemake's number; and the records of earlier builds, by path."""

    plan: Plan = field(default_factory=Plan)
    cores: int = 1
    jobs: dict[int, Job] = field(default_factory=dict)
    records: dict[str, dict] = field(default_factory=dict)
    durations: Durations = field(default_factory=lambda: Durations({}))

    def job(self, rule: str, wildcards: Mapping[str, str], outputs: Iterable[str]) -> Job | None:
        """Return the job with these outputs; None if it leaves no record, as the rule `all`."""
        record = next((file for file in outputs if file.endswith(SUFFIX)), None)
        if record is None:
            return None
        name = "/".join([rule.partition("_with_")[0], *wildcards.values()])
        condition = self.plan.conditions.get(wildcards.get("condition", ""))
        return Job(name, record, size(condition.costliest) if condition else 1.0)

    def load(self) -> None:
        """Read the records of earlier builds, before the first job replaces its own."""
        self.records = History().records
        self.durations = Durations(self.records)


BUILD = Build()


def tell(plan: Plan, resources: ResourceSettings) -> None:
    """Tell what can be built, and Snakemake's resource settings."""
    BUILD.plan = plan
    BUILD.cores = resources.nodes or resources.cores or 1


def expect(jobs: Iterable) -> None:
    """Tell which of Snakemake's jobs are about to run."""
    BUILD.load()
    known = {job.jobid: BUILD.job(job.rule.name, job.wildcards_dict, job.output) for job in jobs}
    BUILD.jobs = {number: job for number, job in known.items() if job}


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
    """A job that runs: the job, what its rule says it is doing, its logs, and since when (s)."""

    job: Job
    message: str
    logs: list[str]
    since: float


class Progress(_Logger):
    """One line on the progress of the build: updated on a terminal, written at times to a file.

    Errors and warnings appear above it. With a dry run or --verbose, Snakemake's messages appear.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.started: float | None = None
        self.running: dict[int, Running] = {}
        self.ended: set[int] = set()
        self.failed: set[int] = set()
        self.drawn = False
        self.closing = Event()

    def emit(self, record: logging.LogRecord) -> None:
        values = vars(record)
        event = values.get("event")
        if self.common_settings.dryrun or self.common_settings.verbose:
            self.text.handle(record)
        elif event == LogEvent.WORKFLOW_STARTED:
            self.started = time.monotonic()
            Thread(target=self._tick, daemon=True).start()
        elif event == LogEvent.JOB_INFO:
            number, now = values["jobid"], time.monotonic()
            if job := BUILD.jobs.get(number):
                message = values["rule_msg"] or job.name
                self.running[number] = Running(job, message, values["log"], now)
        elif event == LogEvent.JOB_FINISHED:
            if run := self.running.pop(values["job_id"], None):
                self.ended.add(values["job_id"])
                BUILD.durations.end(run.job, time.monotonic() - run.since)
        elif event == LogEvent.JOB_ERROR:
            if run := self.running.pop(values["jobid"], None):
                self.failed.add(values["jobid"])
                why = _last_line(run, time.monotonic()) or "it wrote no message"
                self._show(f"{run.message} failed: {why} ({', '.join(run.logs)})\n")
        elif self._matters(record):
            self._show("")
            self.text.handle(record)
        if self.terminal or (self.running and not self.drawn):
            self._draw()

    def close(self) -> None:
        """Say how the build ended."""
        self.closing.set()
        with self._alone():
            if self.started is not None and BUILD.jobs:
                seconds = time.monotonic() - self.started
                self._show(f"{self._count()} in {span(seconds)}\n")
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
            or (record.levelno >= logging.WARNING and not record.getMessage().startswith(FAILED))
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
        gone = self.running.keys() | self.ended | self.failed
        waiting = [job for number, job in BUILD.jobs.items() if number not in gone]
        running = {run.job: now - run.since for run in self.running.values()}
        left = BUILD.durations.left(waiting, running, BUILD.cores)
        runs = [f"{run.job.name}{_state(run, now)}" for run in self.running.values()]
        line = " | ".join([self._count(), f"about {span(left)} left", *runs])
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            line = line if len(line) <= width else line[: width - 1] + "…"
        self._show(line if self.terminal else f"{line}\n")
        self.drawn = True

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
        self.todo: dict[Job, str] = {}
        self.shown = False

    def emit(self, record: logging.LogRecord) -> None:
        values = vars(record)
        if values.get("event") == LogEvent.JOB_INFO:
            if job := BUILD.job(values["rule_name"], values["wildcards"], values["output"]):
                self.todo[job] = values["reason"]
        elif record.levelno >= logging.WARNING:
            self.text.handle(record)

    def close(self) -> None:
        """Show the table, once, unless the dry run came to nothing."""
        if BUILD.plan.figures and not self.shown:
            BUILD.load()
            left = BUILD.durations.left(self.todo, {}, BUILD.cores)
            todo = {
                job.name: explained(why, BUILD.records.get(job.record, {}).get("recipe", {}))
                for job, why in self.todo.items()
            }
            lines = status(BUILD.plan, todo, left, BUILD.cores, store.size())
            print("\n".join(lines), file=self.stream)
            self.shown = True
        super().close()


def status(
    plan: Plan, todo: Mapping[str, str], left: float, cores: int, stored: tuple[int, int]
) -> list[str]:
    """Return the lines that say what is done, missing and stale.

    `todo` says why a job must run, in Snakemake's words; all others are done. `left` is the time
    (s) that this takes. `stored` is the size of the store of results: entries and bytes.
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
    entries, used = stored
    lines += ["", f"store of results: {_many(entries, 'entry', 'entries')}, {used / 1e6:,.0f} MB"]
    rest = f"{_many(len(todo), 'job')} to do, in about {span(left)} on {_many(cores, 'core')}"
    return [*lines, "", rest if todo else NOTHING_TO_BE_DONE_MSG]


def explained(why: str, recipe: Mapping[str, Mapping[str, str]]) -> str:
    """Return why a job must run, in Snakemake's words, naming what has changed in its step.

    Snakemake names the file of the step's identity; `recipe` is the one in the job's record.
    """

    def changed(file: re.Match) -> str:
        script = f"{identity.SCRIPTS}/{file[1].replace('.', '/')}.py"
        if script not in recipe.get("code", {}):  # the job has another step's identity as an input
            return script
        step = json.loads(Path(file[0]).read_bytes())
        before = {(part, name, value) for part in step for name, value in recipe[part].items()}
        now = {(part, name, value) for part in step for name, value in step[part].items()}
        return ", ".join(sorted({name for _, name, _ in before ^ now})) or script

    return re.sub(rf"{re.escape(str(identity.STEPS))}/([\w.]+)\.json", changed, why)


def span(seconds: float) -> str:
    """Return a time in words."""
    unit, length = next(
        (unit, length)
        for unit, length in (("s", 1), ("min", 60), ("h", 3600))
        if seconds < 100 * length or unit == "h"
    )
    return f"{max(1, round(seconds / length))} {unit}"


def _many(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"


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


def _state(run: Running, now: float) -> str:
    """How far a job is that trains or searches, as its log says."""
    line = _last_line(run, now)
    found = re.search(r"(seed \d+): .*?([\d,]+ trials).*?([\d.]+%)", line) or re.search(
        r"(\d+ of \d+ networks)", line
    )
    return f" ({', '.join(found.groups())})" if found else ""


def _last_line(run: Running, now: float) -> str:
    """The last line of what a job has written into its logs since it began; nothing if there is
    none yet."""
    for name in run.logs:
        try:
            with open(name, "rb") as file:
                if time.time() - os.fstat(file.fileno()).st_mtime > now - run.since + 1:
                    continue  # left by an earlier run
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
                lines = re.split(r"[\r\n]+", file.read().decode(errors="replace").strip())
        except OSError:
            continue
        if lines[-1]:
            return lines[-1]
    return ""
