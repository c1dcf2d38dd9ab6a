"""Compare the processor time of a study with the time of its unavoidable matrix products.

Unavoidable are, for the parameters and the trials of each trained network:

- a product of a pattern with the hidden units' weights, forward, on each trial, and another one for
  the update where the update is a matrix product (as in speed.py);
- a forward product for each pattern that a test cannot do without: all test patterns where the goal
  is reached or a learning curve is recorded, else as many as there must be errors to fail;
- one for each training pattern where its accuracy is measured.

Only the units that may change count for a subnet. The efficiency is the time that these products
take at the rate of a large `sgemm`, measured here, over the processor time in the records. A rate
that was measured on another machine than the study, or on a busy one, says little.

    python benchmarks/efficiency.py results/paper
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from plasticity.data import INPUTS, TEST_IMAGES, TRAINING_IMAGES  # isort: skip  # before NumPy

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from timing import sgemm_rate

from plasticity.settings import Settings

ROUNDS = 5


def operations(asked: dict, networks: pd.DataFrame) -> float:
    """Floating-point operations of the unavoidable products of a condition's networks.

    `asked` has their parameters, and `curve` and `train_accuracy` where these were recorded;
    `networks` has a row for each.
    """
    dense = asked["select"] == "all" and asked["eligible"] in ("all", "subnet")
    passes = networks["trials"] * (2 if dense else 1)
    tests = np.ceil(networks["trials"] / asked["test_interval"])
    fails = TEST_IMAGES - int(np.ceil(asked["goal"] * TEST_IMAGES - 1e-9)) + 1
    whole = tests if "curve" in asked else asked["consecutive_tests"] * networks["reached"]
    tested = whole * TEST_IMAGES + (tests - whole) * fails
    if asked.get("train_accuracy") is True:
        tested += (tests if "curve" in asked else 1) * TRAINING_IMAGES
    return float(2 * INPUTS * asked.get("plastic_units", asked["width"]) * (passes + tested).sum())


def study(folder: Path) -> pd.DataFrame:
    """Return a row for each condition with a record in `folder`/runs: rule, operations, seconds.

    Raises FileNotFoundError when there are none.
    """
    rows = []
    for path in sorted((folder / "runs").glob("*.record.json")):
        record = json.loads(path.read_text())
        networks = pd.read_csv(path.with_name(path.name.replace(".record.json", ".csv")))
        first = networks.iloc[0].dropna().to_dict()
        asked = {"test_interval": Settings.test_interval} | first | record["recipe"]["parameters"]
        rows.append((first["rule"], operations(asked, networks), record["made"]["seconds"]))
    if not rows:
        raise FileNotFoundError(f"{folder}: no records of trained networks in its folder runs")
    return pd.DataFrame(rows, columns=["rule", "operations", "seconds"])


def report(rows: pd.DataFrame, rate: float) -> Iterable[str]:
    """Yield a line for each rule and one for the study; `rate` in operations a second."""
    rules = rows.groupby("rule")[["operations", "seconds"]].sum()
    rules.loc["all"] = rules.sum()
    for rule, (needed, seconds) in rules.sort_values("seconds").iterrows():
        limit = needed / rate
        yield f"{rule}: {limit:.0f} s of products in {seconds:.0f} s, {limit / seconds:.1%}"


def main() -> None:
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
