"""Outer: the first layer's change is an outer product.

It is one if all inputs of a hidden unit may change, whichever units are masked; and in a
competition per neuron by |delta_j x_i|, where the ranks in i are those of |x_i|, so that each unit
changes the same inputs. With x'_t, which is x_t with zeros for inputs that may not change,
equations (1) and (2) of `plasticity.engine` are

    a_t = W x_t + sum_{s<t} delta_s (x'_s . x_t),    W += sum_t delta_t x'_t.

The sum is split once more. Trials run in groups of SUB; after a group, one matrix product adds its
part of the sum to the pre-activations of all later trials of the block.

Energy follows from the same structure: M1 of a trial is sum_j |delta_j| x sum_i |x'_i|, M0 the
product of two counts.
"""

import numpy as np
from scipy.linalg import blas

from plasticity.caching import cache_unit
from plasticity.compilation import compiled
from plasticity.energy import HIDDEN, OUT
from plasticity.rules import number
from plasticity.structures.base import BLOCK_NUMBERS, FirstLayer, Structure
from plasticity.trial import DIVERGED, PLASTIC, Block, eligible_units, run_trial

SUB = 16  # trials of a group: short enough for the sum over earlier trials
WIDE = 2_500  # hidden units whose weights outgrow a usual cache
LONG_BLOCK = 192  # trials of a block in wide networks, where each product must fetch the weights
CACHED_UNITS = 2048  # units whose sums are made together: they stay in the nearest cache


class Outer(Structure):
    """Trains where the change is an outer product."""

    def __init__(self, layer: FirstLayer):
        super().__init__(layer)
        if self.active >= WIDE:
            self.block_length = max(1, min(LONG_BLOCK, BLOCK_NUMBERS // self.active))
        self.per_neuron = layer.rule.chooses_synapses
        self.transient = self.transient[: self.plastic]
        self.row_sums = np.zeros(self.plastic)  # of |s|, by unit
        self.unit_counts = np.zeros(layer.settings.width, np.int64)
        shape = self.weights.shape if self.per_neuron else (0, 0)
        # Sums of 0 and 1 by matrix products: exact below 2^24 trials.
        self.synapse_counts = np.zeros(shape, np.float32)

    def run(self, block: Block) -> int:
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
            # x_t . x'_s for s in this group and t in it or later.
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
        """Return x' (T, inputs): x with zeros where the competition per neuron forbids change."""
        if not self.per_neuron:
            return x
        rule = self.layer.rule
        k = number(rule.fractions[0], x.shape[1])
        values = np.abs(x) if rule.wants_largest else -np.abs(x)
        return np.where(values >= np.partition(values, -k, axis=1)[:, -k, None], x, 0)

    def _change(self, delta: np.ndarray, changing: np.ndarray) -> None:
        """Make the changes delta (T, P) x changing (T, inputs): equation (2) over plastic
        trials."""
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
        if self.per_neuron:
            return self.synapse_counts
        return np.broadcast_to(self.unit_counts[:, None], self.weights.shape)


def add_product(c: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """c += a @ b in place, without a temporary of c's size.

    c (m, n) and b (k, n) are in C order, a (m, k) in C or Fortran order. BLAS expects Fortran
    order, so it gets the transposed equation c' += b' a'.
    """
    if 0 in (*a.shape, *b.shape):
        return
    gemm = blas.sgemm if c.dtype == np.float32 else blas.dgemm
    ordered = a.flags.c_contiguous
    gemm(1, b.T, a.T if ordered else a, 1, c.T, trans_b=not ordered, overwrite_c=1)


@compiled
def run_group(group, pre, gram, delta, unit_counts, context):
    """Run a group of T trials, whose `x` are the changing inputs x'; return how many were run.

    pre (T, N): pre-activations under the weights before these trials, to which sum_s<t gram[t, s]
    delta[s] is added here in place; gram (T, T): x_t . x'_s; delta (T, P) is filled.
    """
    trial, out, codes, tally = context.trial, context.output, context.codes, context.tally
    x, labels, offset, units = group.x, group.labels, group.offset, group.units
    trials, plastic = delta.shape
    for t in range(trials):
        a = pre[t]
        for first in range(0, plastic, CACHED_UNITS):
            add_changes(
                gram[t], delta[:t, first : first + CACHED_UNITS], a[first : first + CACHED_UNITS]
            )
        state = run_trial(a, labels[t], offset[t], trial, out, codes, tally)
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
    """a (j) += sum_s gram[s] delta[s, j], four trials at a time to save loads and stores of a."""
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
    """Add a block's changes delta (T, P) x (T, inputs) to the transient parts (P, inputs).

    Without decay caching does not alter learning, so it can follow after the block, unit by unit.
    row_sums (P,) are the units' sums of |s|: a unit without change pays its last sum again.
    """
    tally, threshold = context.tally, context.codes.threshold
    for j in range(delta.shape[1]):
        for t in range(delta.shape[0]):
            if delta[t, j] != 0:
                row_sums[j] = cache_unit(x[t], delta[t, j], transient[j], threshold, tally)
            tally.maintenance[HIDDEN] += row_sums[j]
