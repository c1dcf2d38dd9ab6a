"""Verdicts on the paper's claims, under every reading that the configuration declares.

Each reading has its own verdict, by one rule: `reproduced` if the whole 95 % interval over seeds
agrees with the expected value (is within its tolerance, or on its right side), `partly` if the
interval crosses a limit, `not reproduced` otherwise. A single network has no interval: it is
`partly` at best. `not tested` means that networks are missing. Nothing is averaged over readings.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from analysis import measures
from analysis.claims import COLUMNS, OURS, Estimate
from analysis.conditions import NotReached, NotTested, noting
from analysis.measures import Tables
from analysis.readings import Expected, Reading, readings
from analysis.tables import together

ONE_NETWORK = "one network, no interval"


def tested(claims: Mapping[str, Mapping[str, Any]], tables: Tables) -> pd.DataFrame:
    """Return the table of verdicts on declared claims, with one row per reading.

    The first row of a claim is the reading nearest to the source's words.
    """
    rows = [
        {"id": name, "claim": claim["sentence"], "source": OURS if one.ours else claim["source"]}
        | _row(one, tables)
        for name, claim in claims.items()
        for one in readings(claim)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(reading: Reading, tables: Tables) -> dict[str, Any]:
    with noting() as networks:
        estimate, found, reason = judged(reading, tables)
    return {
        "reading": reading.name,
        "expected": reading.expected.text,
        **asdict(estimate),
        "verdict": found,
        "quantity": reading.quantity,
        "reason": reason,
        "nearest": reading.nearest,
        "target": reading.expected.value,
        "target_low": reading.expected.low,
        "target_high": reading.expected.high,
        "networks": together(networks),
    }


def judged(reading: Reading, tables: Tables) -> tuple[Estimate, str, str]:
    """Return what a reading measures, its verdict, and the reason if there is no interval."""
    try:
        estimate = getattr(measures, reading.measure)(tables, reading.options)
    except NotTested as reason:
        return Estimate(), "not tested", str(reason)
    except NotReached as reason:
        return Estimate(), "not reproduced", str(reason)
    return estimate, verdict(estimate, reading.expected), "" if estimate.bounded else ONE_NETWORK


def verdict(estimate: Estimate, expected: Expected) -> str:
    """Return the verdict on an estimate; the limits of the expected values agree with it."""
    if not estimate.bounded:
        agrees = expected.low <= estimate.value <= expected.high
        return "partly" if agrees else "not reproduced"
    if expected.low <= estimate.low and estimate.high <= expected.high:
        return "reproduced"
    if estimate.high < expected.low or expected.high < estimate.low:
        return "not reproduced"
    return "partly"
