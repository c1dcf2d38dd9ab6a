"""Provide two loggers for Snakemake that replace its own.

`progress` shows one line while jobs run: the number of finished jobs, the time left, the running
jobs and their progress. `status` shows a table at the end of a dry run: what is done, missing and
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
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import ModuleType

from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.jobs import GroupJob
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
FAILED = "RuleException:\nCalledProcessError"  # start of the message on a failed command
# Snakemake's reasons for a job that are not shown.
CONSEQUENCES = ("Missing", "Incomplete", "Input files updated by another job")
TAIL = 500  # bytes at the end of a job's log that are searched for its last line


@dataclass
class Build:
    """The build as the Snakefile describes it, and the records of earlier builds."""

    plan: Plan = field(default_factory=Plan)
    cores: int = 1  # number of jobs that may run at once
    jobs: dict[int, Job] = field(default_factory=dict)  # jobs to run, by Snakemake's job id
    records: dict[str, dict] = field(default_factory=dict)  # by path
    durations: Durations = field(default_factory=lambda: Durations({}))

    def job(self, rule: str, wildcards: Mapping[str, str], outputs: Iterable[str]) -> Job | None:
        """Return the job with these outputs; None if it writes no record, like the rule `all`."""
        record = next((file for file in outputs if file.endswith(SUFFIX)), None)
        if record is None:
            return None
        name = "/".join([rule.partition("_with_")[0], *wildcards.values()])
        condition = self.plan.conditions.get(wildcards.get("condition", ""))
        return Job(name, record, size(condition.costliest) if condition else 1.0)

    def load(self) -> None:
        """Read the records of earlier builds, before the first job overwrites its record."""
        self.records = History().records
        self.durations = Durations(self.records)


BUILD = Build()


def tell(plan: Plan, resources: ResourceSettings) -> None:
    """Set the plan, and the number of jobs that may run at once."""
    BUILD.plan = plan
    BUILD.cores = resources.nodes or resources.cores or 1


def expect(jobs: Iterable) -> None:
    """Set the Snakemake jobs that are about to run."""
    BUILD.load()
    known = {job.jobid: BUILD.job(job.rule.name, job.wildcards_dict, job.output) for job in jobs}
    BUILD.jobs = {number: job for number, job in known.items() if job}


def register() -> None:
    """Register the loggers `progress` and `status` for Snakemake's option --logger.

    If a group fails, the failure of each of its jobs is logged, because Snakemake would drop the
    reason. A group gets a rule: the Slurm plugin names it if a submission fails, and would
    otherwise wait forever.
    """

    def log_error(group: GroupJob, msg: str | None = None, **details: object) -> None:
        for job in group.jobs:
            job.log_error(msg, **details)

    GroupJob.log_error = log_error
    GroupJob.rule = property(lambda group: min(job.rule for job in group.jobs))
    for name, handler in {"progress": Progress, "status": Status}.items():
        plugin = ModuleType(logger_plugin_module_prefix + name)
        vars(plugin)["LogHandler"] = handler
        LoggerPluginRegistry().register_plugin(plugin.__name__, plugin)


class _Logger(LogHandlerBase):
    """A logger that can also show messages like Snakemake does."""

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
    """A running job."""

    job: Job
    message: str  # of its rule
    logs: list[str]
    start: float  # seconds, by time.monotonic


class Progress(_Logger):
    """Shows the progress of the build in one line, which is updated on a terminal.

    Errors and warnings appear above it. A dry run and --verbose show Snakemake's messages.
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

    def emit(self, entry: logging.LogRecord) -> None:
        """Handle a log entry: show it, or update the line."""
        values = vars(entry)
        event = values.get("event")
        if self.common_settings.dryrun or self.common_settings.verbose:
            self.text.handle(entry)
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
                BUILD.durations.end(run.job, time.monotonic() - run.start)
        elif event == LogEvent.JOB_ERROR:
            if run := self.running.pop(values["jobid"], None):
                self.failed.add(values["jobid"])
                why = _last_line(run, time.monotonic()) or _reason(values) or "no message"
                self._show(f"{run.message} failed: {why} ({', '.join(run.logs)})\n")
        elif self._is_shown(entry):
            self._show("")
            self.text.handle(entry)
        if self.terminal or (self.running and not self.drawn):
            self._draw()

    def close(self) -> None:
        """Show the result of the build."""
        self.closing.set()
        with self._locked():
            if self.started is not None and BUILD.jobs:
                seconds = time.monotonic() - self.started
                self._show(f"{self._count()} in {span(seconds)}\n")
                self.started = None
        super().close()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Prevent other threads from writing."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _is_shown(self, entry: logging.LogRecord) -> bool:
        """Return whether a log entry is shown: while jobs run, Snakemake logs a lot."""
        return (
            self.started is None
            or (entry.levelno >= logging.WARNING and not entry.getMessage().startswith(FAILED))
            or getattr(entry, "event", None) == LogEvent.SHELLCMD
            or entry.msg == NOTHING_TO_BE_DONE_MSG
        )

    def _tick(self) -> None:
        while not self.closing.wait(SECONDS[0 if self.terminal else 1]):
            with self._locked():
                self._draw()

    def _draw(self) -> None:
        if self.started is None or not BUILD.jobs or self.closing.is_set():
            return
        now = time.monotonic()
        begun = self.running.keys() | self.ended | self.failed
        waiting = [job for number, job in BUILD.jobs.items() if number not in begun]
        running = {run.job: now - run.start for run in self.running.values()}
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
        """Replace the line by a text."""
        self.stream.write(f"\r\033[K{text}" if self.terminal else text)
        self.stream.flush()


class Status(_Logger):
    """Shows a table at the end of a dry run: what it would do."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.todo: dict[Job, str] = {}
        self.complete = False  # whether all that is to be done is known
        self.shown = False

    def emit(self, entry: logging.LogRecord) -> None:
        """Note a job that would run; show warnings and errors."""
        values = vars(entry)
        if values.get("event") == LogEvent.JOB_INFO:
            if job := BUILD.job(values["rule_name"], values["wildcards"], values["output"]):
                self.todo[job] = values["reason"]
        elif values.get("event") == LogEvent.RUN_INFO or entry.msg == NOTHING_TO_BE_DONE_MSG:
            self.complete = True
        elif entry.levelno >= logging.WARNING:
            self.complete &= entry.levelno < logging.ERROR
            self.text.handle(entry)

    def close(self) -> None:
        """Show the table once, unless the dry run failed."""
        if self.complete and not self.shown:
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
    """Return the lines of the table: what is done, missing and stale.

    `todo` gives Snakemake's reason for each job that must run; all others are done. `left` is the
    time (s) that they take. `stored` is the size of the store of results: entries and bytes.
    """
    kinds: dict[str, tuple[str, Collection[str]]] = {
        "data sets": ("prepare", plan.datasets),
        "searches": ("search", plan.searches),
        "conditions": ("train", plan.conditions),
        "examinations": ("examine", plan.examined),
        "figures": ("plot", plan.figures),
    }
    lines = [f"{'':24}{'done':>9}{'missing':>9}{'stale':>9}"]
    for kind, (rule, names) in kinds.items():
        if names:
            n = Counter(_state_of(f"{rule}/{name}", todo) for name in names)
            lines.append(f"{kind:24}{n['done']:9}{n['missing']:9}{n['stale']:9}")
    lines += ["", f"{'figure':24}{'':>9} conditions trained"]
    for figure, given in plan.figures.items():
        conditions = plan.experiments.get(given.experiment, [])
        trained = sum(f"train/{condition}" not in todo for condition in conditions)
        done = f" {trained} of {len(conditions)}" if conditions else ""
        lines.append(f"{figure:24}{_state_of(f'plot/{figure}', todo):>9}{done}".rstrip())
    reasons = Counter(
        reason
        for why in todo.values()
        for reason in why.split("; ")
        if not reason.startswith(CONSEQUENCES)
    )
    lines += ["", " jobs  stale because of"] if reasons else []
    lines += [f"{count:5}  {reason}" for reason, count in reasons.most_common()]
    entries, used = stored
    lines += ["", f"store of results: {_many(entries, 'entry', 'entries')}, {used / 1e6:,.0f} MB"]
    rest = f"{_many(len(todo), 'job')} to do, in about {span(left)} on {_many(cores, 'core')}"
    return [*lines, "", rest if todo else NOTHING_TO_BE_DONE_MSG]


def explained(why: str, recipe: Mapping[str, Mapping[str, str]]) -> str:
    """Return Snakemake's reason for a job, with the changed parts of its step in words.

    Snakemake names only the file of the step's identity. `recipe` is that of the job's record.
    """

    def changed(file: re.Match) -> str:
        script = f"{identity.SCRIPTS}/{file[1].replace('.', '/')}.py"
        if script not in recipe.get("code", {}):  # the identity of another step is an input, too
            return script
        step = json.loads(Path(file[0]).read_bytes())
        before = {(part, name, value) for part in step for name, value in recipe[part].items()}
        now = {(part, name, value) for part in step for name, value in step[part].items()}
        return ", ".join(sorted({name for _, name, _ in before ^ now})) or script

    return re.sub(rf"{re.escape(str(identity.STEPS))}/([\w.]+)\.json", changed, why)


def span(seconds: float) -> str:
    """Return a time in words."""
    unit, length = ("s", 1) if seconds < 100 else ("min", 60) if seconds < 6000 else ("h", 3600)
    return f"{max(1, round(seconds / length))} {unit}"


def _many(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"


def _state_of(name: str, todo: Mapping[str, str]) -> str:
    if name not in todo:
        return "done"
    return "missing" if re.match("Missing|Incomplete", todo[name]) else "stale"


def _state(run: Running, now: float) -> str:
    """Return the progress of a job that trains or searches, as its log reports it."""
    line = _last_line(run, now)
    match = re.search(r"(seed \d+): .*?([\d,]+ trials).*?([\d.]+%)", line) or re.search(
        r"(\d+ of \d+ networks)", line
    )
    return f" ({', '.join(match.groups())})" if match else ""


def _reason(error: Mapping) -> str:
    """Return why a cluster failed to run a job, from Snakemake's log entry on the error."""
    return " ".join((error.get("rule_msg") or "").partition("sbatch call:")[0].split())


def _last_line(run: Running, now: float) -> str:
    """Return the last line that a job has written to its logs, or "" if there is none yet."""
    for name in run.logs:
        with suppress(OSError), open(name, "rb") as file:
            if time.time() - os.fstat(file.fileno()).st_mtime <= now - run.start + 1:  # not earlier
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
                lines = re.split(r"[\r\n]+", file.read().decode(errors="replace").strip())
                if lines[-1]:
                    return lines[-1]
    return ""
