"""What a condition asks of a cluster: bounds of its memory and time, from its parameters alone.

Fitted to measurements of the paper's conditions, on one core of an AMD EPYC: none took more than
0.8 of its memory, nor, for the trials that it made, more than 0.8 of its time. A network of a
million hidden units took 4 GB.
"""

import math

from workflow.configuration import Condition, Search

WEIGHTS_MB = 0.006  # of a hidden unit, and of what tests need of it
CHUNKS_MB = 0.1  # of a hidden unit's activities on many patterns at once: fewer in a wide network
WIDE = 10_000
SNAKEMAKE_MB = 300  # of the Snakemake in a job, and of the one that it starts
EPOCH = 60_000  # trials
START = 5.0  # seconds: to import, and to load compiled code
TRIAL = 50e-6  # seconds
UNIT = 0.3e-6  # seconds a trial takes more for each hidden unit
UNIT_ONE_BY_ONE = 4e-6  # the same where each synapse is looked at on each trial
TEST = 0.3e-3  # seconds that a test takes for each hidden unit
TRAINING_SET = 6  # patterns in it, over those in the test set
SAFETY = 2  # for slower processors

# Criteria by which is selected without looking at each synapse.
FAST_CRITERIA = {None, "largest_update", "largest_error", "largest_activity"}
GROUPED_MINUTES = 30


def memory_mb(trained: Condition | Search) -> int:
    """Return a bound of the memory that the job of a condition, or of a search, needs, in MB."""
    width = trained.costliest["width"]
    return SNAKEMAKE_MB + 700 + math.ceil(WEIGHTS_MB * width + CHUNKS_MB * min(width, WIDE))


def minutes(condition: Condition) -> int:
    """Return a bound of the time that a condition's job takes if no network reaches its goal."""
    trials = condition.parameters["max_epochs"] * EPOCH * len(condition.parameters["seed"])
    return math.ceil(SAFETY * seconds(condition, trials) / 60)


def search_minutes(search: Search) -> int:
    """Return a bound of the time that a search takes if no network reaches its goal."""
    trials = search.costliest["max_epochs"] * EPOCH * search.networks
    return math.ceil(SAFETY * seconds(Condition(dict(search.costliest)), trials) / 60)


def seconds(condition: Condition, trials: float) -> float:
    """Return a bound of the seconds that `trials` trials of a condition's networks take."""
    given = condition.costliest
    masked = given.get("eligible") == "random_synapses" and given.get("select") != "all"
    fast = given.get("criterion") in FAST_CRITERIA and "caching_threshold" not in given
    trial = TRIAL + given["width"] * (UNIT if fast and not masked else UNIT_ONE_BY_ONE)
    patterns = 1 + TRAINING_SET * ("curve" in condition.record)
    test = given["width"] * TEST * patterns
    return START + trials * (trial + test / given["test_interval"])


def group(condition: Condition) -> str | None:
    """Return the group of the conditions that share a cluster's jobs, None for a long one."""
    return "conditions" if minutes(condition) <= GROUPED_MINUTES else None
