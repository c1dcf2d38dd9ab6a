"""How long jobs will take: as long as in an earlier build, or like others of their rule."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

WIDTH_POWER = 0.4  # of the time that a network takes: wider ones need fewer trials
UNKNOWN = 5.0  # seconds for a job of size 1 whose rule has never run
INERTIA = 60.0  # seconds of finished jobs at which their speed and the earlier one count equally


@dataclass(frozen=True)
class Job:
    """A job: its name, `rule/wildcard` or `rule`, the path of its record, and its size."""

    name: str
    record: str
    size: float = 1.0


def size(parameters: Mapping) -> float:
    """Return how long training takes, relative to one network of 100 hidden units.

    It is 1 for a job whose parameters include neither `seed` nor `width`.
    """
    seeds, width = parameters.get("seed"), parameters.get("width")
    networks = len(seeds) if isinstance(seeds, list) else 1
    return networks * (width / 100 if isinstance(width, int) else 1.0) ** WIDTH_POWER


class Durations:
    """Expected durations (s), given the provenance records of earlier builds by path."""

    def __init__(self, records: Mapping[str, Mapping]):
        timed = {path: record for path, record in records.items() if "seconds" in record["made"]}
        self.earlier: dict[str, float] = {p: r["made"]["seconds"] for p, r in timed.items()}
        units: dict[str, list[float]] = defaultdict(list)
        for path, record in timed.items():
            recipe = record["recipe"]
            units[recipe["rule"]].append(self.earlier[path] / size(recipe.get("parameters", {})))
        self.units = {rule: median(seconds) for rule, seconds in units.items()}
        self.foreseen = self.taken = INERTIA

    def expected(self, job: Job) -> float:
        """Return how long a job would have taken in the earlier builds."""
        rule = job.name.partition("/")[0]
        return self.earlier.get(job.record, self.units.get(rule, UNKNOWN) * job.size)

    def end(self, job: Job, seconds: float) -> None:
        """Learn that a job of this build took so long: the machine or the code may be another,
        and what the store of results has takes next to no time."""
        self.foreseen += self.expected(job)
        self.taken += seconds

    def left(self, waiting: Iterable[Job], running: Mapping[Job, float], cores: int) -> float:
        """Return in how many seconds `cores` cores will have done all jobs.

        `running` says for how long (s) each job has been running. One that has taken longer than
        expected will need another tenth of that.
        """
        speed = self.taken / self.foreseen
        left = [speed * self.expected(job) for job in waiting]
        left += [max(speed * self.expected(job) - s, s / 10) for job, s in running.items()]
        return max(sum(left) / cores, max(left, default=0.0))
