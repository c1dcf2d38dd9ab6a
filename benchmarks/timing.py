"""Processor time of a call, and the rate of a large matrix product to compare it with."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

SGEMM_SIZE = 2048


def timed(function: Callable, *arguments, **options) -> tuple[float, Any]:
    """Seconds of the processor that a call takes, and what it returns."""
    start = time.process_time()
    result = function(*arguments, **options)
    return time.process_time() - start, result


@cache
def _matrices() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.random((SGEMM_SIZE, SGEMM_SIZE), dtype=np.float32) for _ in range(3)]


def sgemm_rate() -> float:
    """Floating-point operations a second, now, of a large matrix product in single precision."""
    return 2 * SGEMM_SIZE**3 / timed(np.matmul, *_matrices())[0]
