"""What the tests share: a small data set that can be learned, and the real one."""

import os

import plasticity  # isort: skip  # noqa: F401  # before NumPy: see there

# Where Slurm is installed and does not run, its commands look for their configuration for a minute,
# and Snakemake, which asks them as it starts, waits. An empty one they refuse at once.
os.environ.setdefault("SLURM_CONF", os.devnull)

# Tiny matrices are no faster with more threads. Set before NumPy loads; subprocesses inherit it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from plasticity import data
from plasticity.data import Dataset
from workflow import datasets

# The same examples on every run; `pytest --hypothesis-profile explore` looks at many new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile("repeatable")


# Tests of the pipeline that do without the smoke build.
APART = ("bad_input", "beyond", "committed", "faults", "own_experiment", "provenance", "same_bytes")


class BuiltOnce(LoadScopeScheduling):
    """Gives one process all tests of the pipeline that share what is built once."""

    def _split_scope(self, nodeid: str) -> str:
        if not nodeid.startswith("tests/pipeline/"):
            return nodeid
        return "apart" if nodeid.removeprefix("tests/pipeline/test_").startswith(APART) else "built"


def pytest_xdist_make_scheduler(config, log):
    """How `pytest -n` hands out tests."""
    return BuiltOnce(config, log)


def synthetic(training: int = 300, test: int = 100, inputs: int = 23) -> Dataset:
    """Noisy prototypes of ten classes: few patterns, few inputs, the last the bias, none zero."""
    rng = np.random.default_rng(0)
    prototypes = 0.3 * rng.normal(size=(10, inputs))
    labels = rng.integers(0, 10, training + test).astype(np.uint8)
    x = prototypes[labels] + 0.3 * rng.normal(size=(training + test, inputs))
    x[:, -1] = 1
    x = x.astype(np.float32)
    train, test = slice(None, training), slice(training, None)
    order = data.order_by_size(x[train])
    return Dataset("synthetic", x[train], labels[train], x[test], labels[test], order)


@pytest.fixture(scope="session")
def small() -> Dataset:
    """300 training and 100 test patterns with 22 inputs and a bias input."""
    return synthetic()


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    """The real MNIST, fetched and prepared if that is not done yet."""
    return data.load("mnist", datasets.ensure("mnist"))
