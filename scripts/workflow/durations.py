"""Estimate the durations of jobs from earlier builds, or from other jobs of the same rule."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

WIDTH_POWER = 0.4  # of the training time: wider networks need fewer trials
UNKNOWN = 5.0  # seconds, for a job of size 1 whose rule has never run
INERTIA = 60.0  # seconds of finished jobs at which their speed and the earlier speed count equally


@dataclass(frozen=True)
class Job:
    """A job: its name (`rule/wildcard` or `rule`), the path of its record, and its size."""

    name: str
    record: str
    size: float = 1.0


def size(parameters: Mapping) -> float:
    """Return the duration of training, relative to one network of 100 hidden units.

    It is 1 for a job whose parameters include neither `seed` nor `width`.
    """
    seeds, width = parameters.get("seed"), parameters.get("width")
    networks = len(seeds) if isinstance(seeds, list) else 1
    return networks * (width / 100 if isinstance(width, int) else 1.0) ** WIDTH_POWER


class Durations:
    """Expected durations (s), given the provenance records of earlier builds by path."""

    def __init__(self, records: Mapping[str, Mapping]):
        self.earlier: dict[str, float] = {}
        durations: dict[str, list[float]] = defaultdict(list)  # for size 1, by rule
        for path, record in records.items():
            self.earlier[path] = seconds = record["made"]["seconds"]
            recipe = record["recipe"]
            durations[recipe["rule"]].append(seconds / size(recipe.get("parameters", {})))
        self.typical = {rule: median(seconds) for rule, seconds in durations.items()}
        self.foreseen = self.taken = INERTIA

    def expected(self, job: Job) -> float:
        """Return the duration that earlier builds suggest for a job."""
        rule = job.name.partition("/")[0]
        return self.earlier.get(job.record, self.typical.get(rule, UNKNOWN) * job.size)

    def end(self, job: Job, seconds: float) -> None:
        """Learn the duration of a finished job.

        Speeds differ between builds: the machine or the code may have changed, and results from
        the store take almost no time.
        """
        self.foreseen += self.expected(job)
        self.taken += seconds

    def left(self, waiting: Iterable[Job], running: Mapping[Job, float], cores: int) -> float:
        """Return the seconds until `cores` cores have finished all jobs.

        `running` gives the seconds that each job has been running. A job that takes longer than
        expected is assumed to need another tenth of that time.
        """
        speed = self.taken / self.foreseen
        left = [speed * self.expected(job) for job in waiting]
        left += [max(speed * self.expected(job) - s, s / 10) for job, s in running.items()]
        return max(sum(left) / cores, max(left, default=0.0))
