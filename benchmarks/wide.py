"""Train a very wide network by backprop for some trials and print time and memory, as JSON.

    python benchmarks/wide.py --width 1000000 --trials 500 --learning-rate 1e-5

Keys: width, trials (before divergence, if any), correct (of these), setup_s (drawing the weights),
training_s, rest_s (testing some patterns and accounting for the energy), peak_gb (memory of the
whole process, in 10^9 bytes).
"""

import argparse
import json
import resource
import sys
import time

from plasticity import data  # isort: skip  # before NumPy: see there

import numpy as np
from threadpoolctl import threadpool_limits

from plasticity.energy import minima, participation
from plasticity.engine import Engine
from plasticity.rules import Rule
from plasticity.settings import Settings
from plasticity.testing import CHUNK
from workflow import datasets

SEED = 0


def peak_memory() -> float:
    """Return the largest resident memory of this process so far, in 10^9 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9


def train_wide(dataset: data.Dataset, width: int, trials: int, learning_rate: float) -> dict:
    """Do the same as a run, but with few test patterns.

    Returns the values that are listed in the docstring of the module, by key.
    """
    settings = Settings(width, learning_rate=learning_rate)
    times = [time.process_time()]
    trainer = Engine(dataset, Rule(), settings, SEED)
    times.append(time.process_time())
    completed = trainer.run(np.arange(trials))
    times.append(time.process_time())
    trainer.test_outputs(np.arange(CHUNK))
    trainer.finish()
    minima(trainer.network, SEED, settings.initial_sd)
    participation(trainer.counts())
    times.append(time.process_time())
    seconds = dict(zip(("setup_s", "training_s", "rest_s"), np.diff(times).tolist(), strict=True))
    done = {"width": width, "trials": completed, "correct": trainer.correct_trials}
    return done | seconds | {"peak_gb": peak_memory()}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--width", type=int, default=1_000_000, help="number of hidden units")
    parser.add_argument("--trials", type=int, default=500, help="patterns to learn from")
    parser.add_argument("--learning-rate", type=float, default=1e-5, help="per trial")
    arguments = parser.parse_args()
    dataset = data.load("mnist", datasets.ensure("mnist"))
    with threadpool_limits(1):
        done = train_wide(dataset, **vars(arguments))
    print(json.dumps(done))


if __name__ == "__main__":
    main()
