"""Energy accounting: the cost of the synaptic changes of a run.

M0 is the number of synaptic updates, and M1 the summed absolute change, over all synapses and
trials (van Rossum and Pache, PLoS Comput Biol 20(10), e1012553, 2024). The minima M0_min and M1_min
depend on the initial and final weights only. Participation measures how evenly the updates are
spread over synapses. With synaptic caching (Li and van Rossum, eLife 9:e50804, 2020) a synapse is
w = l + s: changes enter the transient part s, and consolidating s into l costs energy.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from plasticity.network import Network, initial_hidden, initial_out

HIDDEN, OUT = 0, 1  # layer index of all two-element arrays here

_ROWS = 4096  # rows processed at once if a copy of a whole layer would be too large


def _zeros_int() -> np.ndarray:
    return np.zeros(2, np.int64)


def _zeros_float() -> np.ndarray:
    return np.zeros(2, np.float64)


@dataclass
class Energy:
    """Totals of a run for each layer, as arrays (2,): hidden and output layer.

    M0 is an exact integer. M1 is summed in double precision.
    """

    M0: np.ndarray = field(default_factory=_zeros_int)
    M1: np.ndarray = field(default_factory=_zeros_float)
    M0_consolidation: np.ndarray = field(default_factory=_zeros_int)
    M1_consolidation: np.ndarray = field(default_factory=_zeros_float)
    maintenance: np.ndarray = field(default_factory=_zeros_float)  # sum over t, i of |s_i(t)|

    def add(self, layer: int, change: np.ndarray) -> None:
        """Add the changes of one trial in a layer to M0 and M1."""
        self.M0[layer] += np.count_nonzero(change)
        self.M1[layer] += np.abs(change).sum(dtype=np.float64)

    def consolidate(self, layer: int, transient: np.ndarray) -> None:
        """Add the cost of consolidating these transient parts, of any shape, in a layer."""
        self.M0_consolidation[layer] += np.count_nonzero(transient)
        self.M1_consolidation[layer] += np.abs(transient).sum(dtype=np.float64)


def minima(network: Network, seed: int, sds: tuple[float, float]) -> tuple[int, float]:
    """Return (M0_min, M1_min), the least energies that lead from the initial to the final weights.

    M0_min is the number of synapses that differ from their initial weight, and M1_min is the sum
    of the absolute differences. The initial weights are drawn again from `seed` and the standard
    deviations `sds` of both layers, in groups of units.
    """
    M0, M1 = 0, 0.0
    for weights, start in _end_points(network, seed, sds):
        change = weights - start.astype(weights.dtype)
        M0 += int(np.count_nonzero(change))
        M1 += float(np.abs(change).sum(dtype=np.float64))
    return M0, M1


def _end_points(
    network: Network, seed: int, sds: tuple[float, float]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the (final, initial) weights of all synapses, in groups."""
    for units, start in initial_hidden(network.width, seed, sds[0], network.hidden.shape[1]):
        yield network.hidden[units], start
    yield network.out, initial_out(network.width, seed, sds[1])


def participation(layers: Iterable[np.ndarray]) -> float:
    """Return how evenly the updates are spread over synapses, from 0 to 1.

    This is (sum n)^2 / (n_synapses sum n^2) for the update counts n of all synapses, or NaN without
    updates. It is 1 if all synapses change equally often. Each layer is an array of counts with one
    row per receiving unit, which may be a read-only broadcast view.
    """
    synapses, total, squares = 0, 0.0, 0.0
    for counts in layers:
        synapses += counts.size
        for first in range(0, counts.shape[0], _ROWS):
            rows = counts[first : first + _ROWS].astype(np.float64)
            total += rows.sum()
            squares += (rows * rows).sum()
    return total**2 / (synapses * squares) if squares else float("nan")
