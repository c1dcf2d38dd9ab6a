"""Processor time of a call, and the rate of a large matrix product for comparison."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

SGEMM_SIZE = 2048


def timed(function: Callable, *arguments, **options) -> tuple[float, Any]:
    """Call a function; return the processor time in seconds and the result."""
    start = time.process_time()
    result = function(*arguments, **options)
    return time.process_time() - start, result


@cache
def _matrices() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.random((SGEMM_SIZE, SGEMM_SIZE), dtype=np.float32) for _ in range(3)]


def sgemm_rate() -> float:
    """Measure the floating-point operations per second of a large product in single precision."""
    return 2 * SGEMM_SIZE**3 / timed(np.matmul, *_matrices())[0]
