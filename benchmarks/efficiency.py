"""Compare the processor time of a study with the time of its unavoidable matrix products.

For the parameters and trials of each trained network, these products are unavoidable:

- a forward product of a pattern with the hidden units' weights on each trial, and another product
  for the update if the update is a matrix product (as in speed.py);
- a forward product for each pattern that a test needs: all test patterns if the goal is reached or
  a learning curve is recorded, otherwise as many patterns as there must be errors to fail;
- a forward product for each training pattern if the accuracy on the training set is measured.

For a subnet, only the units that may change are counted. The efficiency is the time that these
products take at the rate of a large `sgemm`, measured here, over the processor time in the records.
It is only meaningful if the rate is measured on the machine of the study, while it is idle.

    python benchmarks/efficiency.py results/paper
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from plasticity.data import INPUTS, TEST_IMAGES, TRAINING_IMAGES  # isort: skip  # before NumPy

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from timing import sgemm_rate

from plasticity.settings import Settings

ROUNDS = 5


def operations(parameters: dict, networks: pd.DataFrame) -> float:
    """Return the floating-point operations of the unavoidable products of a condition.

    `parameters` has the parameters of its networks, and `curve` and `train_accuracy` if these were
    recorded. `networks` has a row for each network.
    """
    dense = parameters["select"] == "all" and parameters["eligible"] in ("all", "subnet")
    passes = networks["trials"] * (2 if dense else 1)
    tests = np.ceil(networks["trials"] / parameters["test_interval"])
    fails = TEST_IMAGES - int(np.ceil(parameters["goal"] * TEST_IMAGES - 1e-9)) + 1
    whole = (
        tests if "curve" in parameters else parameters["consecutive_tests"] * networks["reached"]
    )
    tested = whole * TEST_IMAGES + (tests - whole) * fails
    if parameters.get("train_accuracy") is True:
        tested += (tests if "curve" in parameters else 1) * TRAINING_IMAGES
    units = parameters.get("plastic_units", parameters["width"])
    return float(2 * INPUTS * units * (passes + tested).sum())


def study(folder: Path) -> pd.DataFrame:
    """Return the rule, operations and seconds of each condition with a record in `folder`/runs.

    Raises FileNotFoundError if there are none.
    """
    rows = []
    for path in sorted((folder / "runs").glob("*.record.json")):
        record = json.loads(path.read_text())
        networks = pd.read_csv(path.with_name(path.name.replace(".record.json", ".csv")))
        first = networks.iloc[0].dropna().to_dict()
        parameters = {"test_interval": Settings.test_interval} | first
        parameters |= record["recipe"]["parameters"]
        needed = operations(parameters, networks)
        rows.append((first["rule"], needed, record["made"]["seconds"]))
    if not rows:
        raise FileNotFoundError(f"{folder}: no records of trained networks in its folder runs")
    return pd.DataFrame(rows, columns=["rule", "operations", "seconds"])


def report(rows: pd.DataFrame, rate: float) -> Iterable[str]:
    """Yield a line of text for each rule and one for the study.

    `rows` is the table that `study` returns; `rate` is in operations per second.
    """
    rules = rows.groupby("rule")[["operations", "seconds"]].sum()
    rules.loc["all"] = rules.sum()
    for rule, (needed, seconds) in rules.sort_values("seconds").iterrows():
        limit = needed / rate
        yield f"{rule}: {limit:.0f} s of products in {seconds:.0f} s, {limit / seconds:.1%}"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="results of a study, such as results/paper")
    try:
        rows = study(parser.parse_args().folder)
    except FileNotFoundError as error:
        sys.exit(f"efficiency: {error}")
    with threadpool_limits(1):
        rate = float(np.median([sgemm_rate() for _ in range(ROUNDS)]))
    print(f"sgemm: {rate / 1e9:.0f} Gflop/s")
    print(*report(rows, rate), sep="\n")


if __name__ == "__main__":
    main()
