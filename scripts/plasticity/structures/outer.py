"""Outer: the change of the first layer is an outer product.

This holds if all inputs of each unmasked hidden unit may change. It also holds for competition per
neuron by |delta_j x_i|: within a unit the ranks are those of |x_i|, so all units change the same
inputs. Let x'_t be x_t with zeros for the inputs that may not change. Then equations (1) and (2) of
`plasticity.engine` become

    a_t = W x_t + sum_{s<t} delta_s (x'_s . x_t),    W += sum_t delta_t x'_t.

The sum over s is split further. Trials run in groups of SUB trials. After each group, one matrix
product adds its part of the sum to the pre-activations of all later trials of the block.

The energy has the same structure. M1 of a trial is sum_j |delta_j| x sum_i |x'_i|, and M0 is the
product of the numbers of nonzero delta_j and nonzero x'_i.
"""

import numpy as np
from scipy.linalg import blas

from plasticity.caching import cache_unit
from plasticity.compilation import compiled
from plasticity.energy import HIDDEN, OUT
from plasticity.structures.base import BLOCK_NUMBERS, FirstLayer, Structure
from plasticity.trial import DIVERGED, PLASTIC, Block, eligible_units, run_trial

SUB = 16  # trials per group: few, so that the sum over earlier trials of the group is short
WIDE = 2_500  # hidden units from which on the weights are larger than a typical cache
LONG_BLOCK = 192  # trials per block in wide networks, where each product reads weights from memory
CACHED_UNITS = 2048  # units whose sums are computed together, within the fastest cache


class Outer(Structure):
    """Trains the first layer if its change is an outer product."""

    def __init__(self, layer: FirstLayer):
        super().__init__(layer)
        if self.active >= WIDE:
            self.block_length = max(1, min(LONG_BLOCK, BLOCK_NUMBERS // self.active))
        self.per_neuron = layer.rule.chooses_synapses
        self.transient = self.transient[: self.plastic]
        self.row_sums = np.zeros(self.plastic)  # sum of |s| of each unit
        self.unit_counts = np.zeros(layer.settings.width, np.int64)
        shape = self.weights.shape if self.per_neuron else (0, 0)
        # Matrix products sum zeros and ones here, which is exact for fewer than 2^24 trials.
        self.synapse_counts = np.zeros(shape, np.float32)

    def run(self, block: Block) -> int:
        """Run the trials of a block; return the number of trials before divergence."""
        x, plastic = block.x, self.plastic
        trials = len(x)
        pre = x @ self.weights[: self.active].T
        block = block._replace(x=self._changing_inputs(x))
        delta: np.ndarray = np.empty((trials, plastic), x.dtype)
        done = 0
        for first in range(0, trials, SUB):
            part = slice(first, min(first + SUB, trials))
            group = Block(*(array[part] for array in block))
            size = part.stop - first
            # x_t . x'_s for s in this group, and t in this group or later.
            gram = x[first:] @ group.x.T
            run = run_group(
                group, pre[part], gram[:size], delta[part], self.unit_counts, self.context
            )
            done += run
            if run < size:
                break
            if plastic == self.active:
                add_product(pre[part.stop :], gram[size:], delta[part])
            else:
                pre[part.stop :, :plastic] += gram[size:] @ delta[part]
        self._change(delta[:done], block.x[:done])
        return done

    def _changing_inputs(self, x: np.ndarray) -> np.ndarray:
        """Return x' (T, inputs): x with zeros for inputs that lose the competition per neuron."""
        if not self.per_neuron:
            return x
        rule = self.layer.rule
        k = rule.number(HIDDEN, x.shape[1])
        values = np.abs(x) if rule.wants_largest else -np.abs(x)
        return np.where(values >= np.partition(values, -k, axis=1)[:, -k, None], x, 0)

    def _change(self, delta: np.ndarray, changing: np.ndarray) -> None:
        """Apply the changes delta (T, P) x changing (T, inputs): equation (2).

        Trials without changes are left out.
        """
        used = delta.any(axis=1)
        some = slice(None) if used.all() else np.flatnonzero(used)
        delta_used, changing_used = delta[some], changing[some]
        add_product(self.weights[: self.plastic], delta_used.T, changing_used)
        if self.per_neuron:
            changed = (delta_used != 0).astype(np.float32)
            inputs = (changing_used != 0).astype(np.float32)
            add_product(self.synapse_counts[: self.plastic], changed.T, inputs)
        if self.layer.settings.caching_threshold is not None:
            cache_block(changing, delta, self.transient, self.row_sums, self.context)

    def counts(self) -> np.ndarray:
        """Return the number of updates of each synapse, (N, inputs)."""
        if self.per_neuron:
            return self.synapse_counts
        return np.broadcast_to(self.unit_counts[:, None], self.weights.shape)


def add_product(c: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Add a @ b to c in place, without a temporary array of the size of c.

    c (m, n) and b (k, n) are in C order, and a (m, k) is in C or Fortran order. BLAS expects
    Fortran order, so it computes the transposed equation c^T += b^T a^T.
    """
    if 0 in (*a.shape, *b.shape):
        return
    gemm = blas.sgemm if c.dtype == np.float32 else blas.dgemm
    ordered = a.flags.c_contiguous
    gemm(1, b.T, a.T if ordered else a, 1, c.T, trans_b=not ordered, overwrite_c=1)


@compiled
def run_group(group, pre, gram, delta, unit_counts, context):
    """Run a group of T trials; return the number of trials before divergence.

    group.x (T, inputs) are the inputs x' that change. `pre` (T, N) are the pre-activations with the
    weights before these trials; the function adds sum_{s<t} gram[t, s] delta[s] in place. `gram`
    (T, T) contains x_t . x'_s. The function fills delta (T, P), with P plastic units.
    """
    trial, out, codes, tally = context.trial, context.output, context.codes, context.tally
    x, labels, offset, units, gain = group.x, group.labels, group.offset, group.units, group.gain
    trials, plastic = delta.shape
    for t in range(trials):
        a = pre[t]
        for first in range(0, plastic, CACHED_UNITS):
            add_changes(
                gram[t], delta[:t, first : first + CACHED_UNITS], a[first : first + CACHED_UNITS]
            )
        state = run_trial(a, labels[t], offset[t], gain[t], trial, out, codes, tally)
        if state == DIVERGED:
            delta[t:] = 0
            return t
        change = delta[t]
        if state != PLASTIC:
            change[:] = 0
        elif plastic > 0:
            eligible_units(t, units, plastic, trial, codes, change)
            total, changed = 0.0, 0
            for j in range(plastic):
                total += abs(change[j])
                changed += change[j] != 0
            for j in range(plastic):
                unit_counts[j] += change[j] != 0
            size, inputs = 0.0, 0
            for value in x[t]:
                size += abs(value)
                inputs += value != 0
            tally.M0[HIDDEN] += changed * inputs
            tally.M1[HIDDEN] += total * size
        tally.maintenance[OUT] += tally.transient[OUT]
    return trials


@compiled
def add_changes(gram, delta, a):
    """Add sum_s gram[s] delta[s, j] to a[j], with four trials at a time to access a less often."""
    trials, units = delta.shape
    whole = trials - trials % 4
    for s in range(0, whole, 4):
        g0, g1, g2, g3 = gram[s], gram[s + 1], gram[s + 2], gram[s + 3]
        d0, d1, d2, d3 = delta[s], delta[s + 1], delta[s + 2], delta[s + 3]
        for j in range(units):
            a[j] += g0 * d0[j] + g1 * d1[j] + g2 * d2[j] + g3 * d3[j]
    for s in range(whole, trials):
        g, d = gram[s], delta[s]
        for j in range(units):
            a[j] += g * d[j]


@compiled
def cache_block(x, delta, transient, row_sums, context):
    """Add the changes of a block, delta (T, P) x (T, inputs), to the transient parts (P, inputs).

    Without decay, caching does not affect learning. So it can be done after the block, unit by
    unit. `row_sums` (P,) are the sums of |s| of the units. A trial that does not change a unit adds
    the unit's last sum to the maintenance energy.
    """
    tally, threshold = context.tally, context.codes.threshold
    for j in range(delta.shape[1]):
        for t in range(delta.shape[0]):
            if delta[t, j] != 0:
                row_sums[j] = cache_unit(x[t], delta[t, j], transient[j], threshold, tally)
            tally.maintenance[HIDDEN] += row_sums[j]
