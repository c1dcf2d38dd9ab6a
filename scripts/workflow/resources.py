"""Bound the memory and time of a condition's job from its parameters, for a cluster.

The bounds are fitted to measurements of the paper's conditions on one core of an AMD EPYC. No
condition took more than 0.8 of its memory, or more than 0.8 of the time for its trials. A network
of a million hidden units took 4 GB.
"""

import math

from workflow.configuration import Condition, Search

WEIGHTS_MB = 0.006  # for each hidden unit, tests included
CHUNKS_MB = 0.1  # for each hidden unit's activities on many patterns; fewer in a wide network
WIDE = 10_000
SNAKEMAKE_MB = 300  # of the Snakemake in a job, and of the one that it starts
EPOCH = 60_000  # trials
START = 5.0  # seconds, for imports and for loading compiled code
TRIAL = 50e-6  # seconds
UNIT = 0.3e-6  # additional seconds of a trial for each hidden unit
UNIT_ONE_BY_ONE = 4e-6  # the same if every synapse is examined in each trial
TEST = 0.3e-3  # seconds of a test for each hidden unit
TRAINING_SET = 6  # its size, divided by the size of the test set
SAFETY = 2  # for slower processors
EXAMINED = 10  # trainings that an examination takes, at most
EXAMINED_MB = 0.05  # for each hidden unit, besides

# Criteria for a selection that does not examine every synapse.
FAST_CRITERIA = {None, "largest_update", "largest_error", "largest_activity"}
GROUPED_MINUTES = 30


def memory_mb(trained: Condition | Search) -> int:
    """Return a bound of the memory of the job of a condition or search, in MB."""
    width = trained.costliest["width"]
    return SNAKEMAKE_MB + 700 + math.ceil(WEIGHTS_MB * width + CHUNKS_MB * min(width, WIDE))


def examination_mb(examined: Condition) -> int:
    """Return a bound of the memory of the job of an examination, in MB."""
    return memory_mb(examined) + math.ceil(EXAMINED_MB * examined.costliest["width"])


def examination_minutes(examined: Condition) -> int:
    """Return a bound of the time of an examination's job."""
    return EXAMINED * minutes(examined)


def minutes(condition: Condition) -> int:
    """Return a bound of the time of a condition's job if no network reaches its goal."""
    trials = condition.parameters["max_epochs"] * EPOCH * len(condition.parameters["seed"])
    return math.ceil(SAFETY * seconds(condition, trials) / 60)


def search_minutes(search: Search) -> int:
    """Return a bound of the time of a search if no network reaches its goal."""
    trials = search.costliest["max_epochs"] * EPOCH * search.networks
    return math.ceil(SAFETY * seconds(Condition(dict(search.costliest)), trials) / 60)


def seconds(condition: Condition, trials: float) -> float:
    """Return a bound of the seconds for `trials` trials of a condition's networks."""
    given = condition.costliest
    masked = given.get("eligible") == "random_synapses" and given.get("select") != "all"
    fast = given.get("criterion") in FAST_CRITERIA and "caching_threshold" not in given
    trial = TRIAL + given["width"] * (UNIT if fast and not masked else UNIT_ONE_BY_ONE)
    patterns = 1 + TRAINING_SET * ("curve" in condition.record)
    test = given["width"] * TEST * patterns
    return START + trials * (trial + test / given["test_interval"])


def group(condition: Condition) -> str | None:
    """Return the group of conditions that share a cluster's jobs; None for a long condition."""
    return "conditions" if minutes(condition) <= GROUPED_MINUTES else None
