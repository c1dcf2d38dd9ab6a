"""Energy accounting: what the synaptic changes of a run cost.

M0 is the number of synaptic updates and M1 the summed absolute change, over all synapses and trials
(van Rossum and Pache 2024); their minima M0_min and M1_min follow from the end points alone.
Participation says how evenly the updates are spread. Synaptic caching (Li and van Rossum 2020)
keeps changes in a transient part s of each synapse, w = l + s, and pays for consolidating it into
l.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from plasticity.network import Network, initial_hidden, initial_out

HIDDEN, OUT = 0, 1  # layer index of all two-element arrays here

_ROWS = 4096  # rows handled at once where a copy of a whole layer would be too large


def _zeros_int() -> np.ndarray:
    return np.zeros(2, np.int64)


def _zeros_float() -> np.ndarray:
    return np.zeros(2, np.float64)


@dataclass
class Energy:
    """Running totals of a run, by layer (hidden, out); M0 is exact, M1 is summed in double
    precision."""

    M0: np.ndarray = field(default_factory=_zeros_int)
    M1: np.ndarray = field(default_factory=_zeros_float)
    M0_consolidation: np.ndarray = field(default_factory=_zeros_int)
    M1_consolidation: np.ndarray = field(default_factory=_zeros_float)
    maintenance: np.ndarray = field(default_factory=_zeros_float)  # sum over t, i of |s_i(t)|

    def add(self, layer: int, change: np.ndarray) -> None:
        """Account for the changes that one trial made in a layer."""
        self.M0[layer] += np.count_nonzero(change)
        self.M1[layer] += np.abs(change).sum(dtype=np.float64)

    def consolidate(self, layer: int, transient: np.ndarray) -> None:
        """Account for moving these transient parts into the persistent ones."""
        self.M0_consolidation[layer] += np.count_nonzero(transient)
        self.M1_consolidation[layer] += np.abs(transient).sum(dtype=np.float64)


def minima(network: Network, seed: int, sd: float) -> tuple[int, float]:
    """(M0_min, M1_min): synapses that differ from their initial weight, and the sum of
    |difference|.

    The initial weights are drawn again, by groups of units, from the seed and standard deviation.
    """
    M0, M1 = 0, 0.0
    for weights, start in _end_points(network, seed, sd):
        change = weights - start.astype(weights.dtype)
        M0 += int(np.count_nonzero(change))
        M1 += float(np.abs(change).sum(dtype=np.float64))
    return M0, M1


def _end_points(network: Network, seed: int, sd: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (final, initial) weights of groups of synapses that make up the whole network."""
    for units, start in initial_hidden(network.width, seed, sd, network.hidden.shape[1]):
        yield network.hidden[units], start
    yield network.out, initial_out(network.width, seed, sd)


def participation(layers: Iterable[np.ndarray]) -> float:
    """(sum n)^2 / (n_synapses sum n^2) for the update counts n of all synapses; nan without
    updates.

    Each layer is an array of counts, one row a receiving unit; read-only broadcast views will do.
    """
    synapses, total, squares = 0, 0.0, 0.0
    for counts in layers:
        synapses += counts.size
        for first in range(0, counts.shape[0], _ROWS):
            rows = counts[first : first + _ROWS].astype(np.float64)
            total += rows.sum()
            squares += (rows * rows).sum()
    return total**2 / (synapses * squares) if squares else float("nan")
