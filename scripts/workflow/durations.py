"""How long jobs will take, learned from those that were timed: a range, as wide as it must be.

The logarithm of a job's duration is taken to be a sum of what its parameters contribute and of
noise with a heavy tail (Student's t). The contributions start from broad guesses and are learned by
Bayesian linear regression from the benchmark files of earlier builds and from the jobs that have
ended in this one. A job that was timed in an earlier build is expected to take as long again, apart
from a factor that all jobs of this build share: the code or the machine may have changed.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from pathlib import Path

import numpy as np
from scipy.special import stdtr, stdtrit

from workflow.configuration import Condition, Search

# What is guessed before anything is timed: the time (s) for a network of 100 hidden units, and for
# any other job; the power of the width.
NETWORK, OTHER, POWER = 3.0, 5.0, 0.4
# How wrong this may be, as s.d. of the logarithm: the guess for all jobs of a rule, the power, what
# the value of a parameter changes, and what another build changes.
RULE_SD, POWER_SD, VALUE_SD, BUILD_SD = 1.0, 0.2, 0.5, 0.5
# The noise: its scale for a job that was never timed and for one that was, degrees of freedom.
NOISE, NOISE_AGAIN, FREEDOM = 0.5, 0.3, 8
# S.d. of the logarithm of a factor that all jobs to come share: what else the machine does varies.
DRIFT = 0.2

SAMPLES = 400
QUANTILES = 0.1, 0.9
SHORTEST = 0.1  # s; what takes less is taken to take this long


@dataclass
class Durations:
    """What is known of the durations of jobs, by name: rule/wildcard, or rule.

    `conditions` are those that the rule train can train, `searches` those of the rule
    search; `earlier` are durations (s) in builds before this one, `ended` those in this one.
    """

    conditions: Mapping[str, Condition]
    earlier: Mapping[str, float]
    ended: dict[str, float] = field(default_factory=dict)
    searches: Mapping[str, Search] = field(default_factory=dict)

    def left(
        self, waiting: Iterable[str], running: Mapping[str, float], cores: int
    ) -> tuple[float, float]:
        """Return the range of the time (s) in which `cores` will probably have done all jobs.

        `running` says for how long (s) each job has been running. The true time is expected to lie
        below the range once in ten times, and above it as often.
        """
        elapsed = dict.fromkeys(waiting, 0.0) | dict(running)
        if not elapsed:
            return 0.0, 0.0
        rng = np.random.default_rng(0)  # the same answer to the same question
        mean, noise = self._logarithms(list(elapsed), rng)
        seconds = np.array(list(elapsed.values()))
        # A running job takes longer than it has taken already.
        with np.errstate(divide="ignore"):
            passed = stdtr(FREEDOM, (np.log(seconds) - mean) / noise)
        quantile = passed + (1 - passed) * rng.random(mean.shape)
        total = np.exp(mean + noise * stdtrit(FREEDOM, np.minimum(quantile, 1 - 1e-9)))
        left = np.maximum(total - seconds, 0)
        together = np.maximum(left.sum(axis=1) / cores, left.max(axis=1))
        low, high = np.quantile(together, QUANTILES)
        return float(low), float(high)

    def _logarithms(
        self, names: Sequence[str], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return samples (SAMPLES, jobs) of what the logarithms are expected to be, and the noise's
        scale (jobs,)."""
        timed = [*((name, False) for name in self.earlier), *((name, True) for name in self.ended)]
        durations = [*self.earlier.values(), *self.ended.values()]
        learned = [self._expected(name, now) for name, now in timed]
        asked = [self._expected(name, True) for name in names]
        keys = sorted({key for job in learned + asked for key in job.unknown})
        scale = np.array([job.noise for job in learned])
        x = _matrix(learned, keys) / scale[:, None]
        y = (np.log(np.maximum(durations, SHORTEST)) - [job.guess for job in learned]) / scale
        precision = x.T @ x + np.diag([_sd(key) ** -2 for key in keys])
        root = np.linalg.cholesky(precision)
        deviates = rng.standard_normal((len(keys), SAMPLES))
        unknown = np.linalg.solve(precision, x.T @ y) + np.linalg.solve(root.T, deviates).T
        drift = DRIFT * rng.standard_normal((SAMPLES, 1))
        guess = np.array([job.guess for job in asked])
        noise = np.array([job.noise for job in asked])
        return guess + drift + unknown @ _matrix(asked, keys).T, noise

    def _expected(self, name: str, now: bool) -> "_Expected":
        """What is expected of a job in this build (`now`) or in an earlier one."""
        build = {"build": 1.0} if now else {}
        if now and name in self.earlier:
            return _Expected(log(max(self.earlier[name], SHORTEST)), NOISE_AGAIN, build)
        rule, _, wildcard = name.partition("/")
        unknown = {f"rule {rule}": 1.0} | build
        if rule == "search" and wildcard in self.searches:
            return _Expected(log(NETWORK * self.searches[wildcard].networks), NOISE, unknown)
        if rule != "train" or wildcard not in self.conditions:
            return _Expected(log(OTHER), NOISE, unknown)
        parameters = self.conditions[wildcard].costliest
        size = log(parameters["width"] / 100)
        unknown |= {
            f"{key}={value}": 1.0 for key, value in parameters.items() if isinstance(value, str)
        }
        unknown |= {key: 1.0 for key in parameters if key.startswith("caching")}
        guess = log(NETWORK * len(parameters["seed"])) + POWER * size
        return _Expected(guess, NOISE, unknown | {"power": size})


@dataclass
class _Expected:
    """The logarithm of a duration: a guess, the noise's scale, and multiples of unknowns to add."""

    guess: float
    noise: float
    unknown: dict[str, float]


def _sd(key: str) -> float:
    """The s.d. of an unknown before anything is timed; its mean is 0."""
    kind = key.partition(" ")[0]
    return {"rule": RULE_SD, "power": POWER_SD, "build": BUILD_SD}.get(kind, VALUE_SD)


def _matrix(jobs: Sequence[_Expected], keys: Sequence[str]) -> np.ndarray:
    """The multiples of each unknown (jobs, keys)."""
    rows = [[job.unknown.get(key, 0.0) for key in keys] for job in jobs]
    return np.array(rows).reshape(len(jobs), len(keys))


def timed(folder: Path) -> dict[str, float]:
    """Return the durations (s) in all of Snakemake's benchmark files in `folder`, by job."""
    durations = {}
    for path in folder.rglob("*.tsv"):
        with path.open() as file:
            for row in csv.DictReader(file, delimiter="\t"):
                durations[str(path.relative_to(folder).with_suffix(""))] = float(row["s"])
    return durations
