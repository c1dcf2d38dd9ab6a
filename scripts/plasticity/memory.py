"""Learners with a memory: updates accumulate for some trials before synapses are written.

The paper's networks learn on-line: a synapse is written on each trial on which it changes, and M0
counts these updates. A learner that remembers its updates for K trials writes each synapse at most
once in K trials. It pays M0 for what is written, not for the memory. The rule's gate and selection
decide on each trial as before. There are two kinds of memory:

- `Remembering`: the memory takes part in the outputs, like the transient parts of synaptic caching
  (Li and van Rossum, eLife 9:e50804, 2020), but it is written every K trials instead of at a
  threshold. The network learns as on-line, up to rounding: its blocks of trials are shorter, so it
  may stop some tests earlier or later than in train.py.
- `Batch`: the memory does not take part in the outputs. These are the batches of machine learning:
  the weights are constant for K trials, and then change by the sum of the updates. The learning
  rates are not tuned again, so long batches diverge.
"""

import numpy as np

from plasticity.data import Dataset
from plasticity.energy import HIDDEN, OUT
from plasticity.engine import Engine
from plasticity.network import activate, hidden_error, output_error, with_constant_unit
from plasticity.reference import Reference, gate_open
from plasticity.rules import Rule
from plasticity.settings import Settings

CHUNK = 10  # trials between two looks at the update counts; a memory is a multiple of it
MEMORIES = (10, 30, 100, 300, 1000, 3000, 10_000)  # trials
TOGETHER = 100  # trials that `Batch` computes at once, at most
PRODUCTS = 1 << 22  # products that it compares at once, to save computer memory


class Remembering(Engine):
    """The engine, which also counts what learners with the memories `MEMORIES` would write.

    `writes` (len(MEMORIES),) are their M0 so far. A synapse that changes several times while the
    memory lasts is written once.
    """

    def __init__(self, data: Dataset, rule: Rule, settings: Settings, seed: int):
        super().__init__(data, rule, settings, seed)
        self.writes = np.zeros(len(MEMORIES), np.int64)
        self._seen = [counts.copy() for counts in self.counts()]
        self._remembered = [
            [np.zeros(counts.shape, bool) for counts in self._seen] for _ in MEMORIES
        ]

    def run(self, patterns: np.ndarray) -> int:
        """Train on these patterns as the engine does, at most CHUNK trials at a time."""
        done = 0
        while done < len(patterns):
            part = patterns[done : done + CHUNK - self.trials % CHUNK]
            run = super().run(part)
            self._count()
            done += run
            if run < len(part):
                break
        return done

    def _count(self) -> None:
        """Count the synapses that have changed for the first time since their last writing."""
        changed = []
        for seen, counts in zip(self._seen, self.counts(), strict=True):
            changed.append(counts != seen)
            seen[:] = counts
        for i, memory in enumerate(MEMORIES):
            for now, before in zip(changed, self._remembered[i], strict=True):
                self.writes[i] += np.count_nonzero(now & ~before)
                before |= now
                if self.trials % memory == 0:
                    before[:] = False


def learns_in_batches(rule: Rule, settings: Settings) -> bool:
    """Return whether `Batch` can train networks under this rule.

    All synapses change, or compete per layer by the size of their updates. The gate is free.
    """
    competes = (rule.select, rule.criterion) == ("per_layer", "largest_update")
    plain = rule.eligible == "all" and settings.caching_threshold is None
    return plain and (rule.select == "all" or competes)


class Batch(Reference):
    """Trainer of a network whose weights change every `memory` trials by the sum of the updates.

    `energy.M0` counts the synapses that change at these times. See `learns_in_batches` for the
    rules that are possible.
    """

    def __init__(self, data: Dataset, rule: Rule, settings: Settings, seed: int, memory: int):
        super().__init__(data, rule, settings, seed)
        self.memory = memory
        k = rule.number(HIDDEN, self.network.hidden.size) if rule.select != "all" else 1
        self.together = max(1, min(TOGETHER, int(PRODUCTS / (k * np.log(k + np.e)))))
        self.sums = [np.zeros_like(w) for w in (self.network.hidden, self.network.out)]

    def run(self, patterns: np.ndarray) -> int:
        """Train on these patterns; return the number of trials that were run before divergence."""
        done = 0
        while done < len(patterns):
            most = min(self.together, self.memory - self.trials % self.memory)
            chunk = patterns[done : done + most]
            if not self._accumulate(chunk):
                break
            done += len(chunk)
            self.trials += len(chunk)
            if self.trials % self.memory == 0:
                self.change(self.sums)
                for total in self.sums:
                    total[:] = 0
        return done

    def _accumulate(self, patterns: np.ndarray) -> bool:
        """Add the updates of trials with constant weights to the sums.

        Returns False, and adds nothing, if an output is not finite.
        """
        network = self.network
        x = self.data.train_inputs[patterns].astype(self.dtype)
        labels = self.data.train_labels[patterns].astype(int)
        a = x @ network.hidden.T
        h = with_constant_unit(activate(a, network.activation))
        y = h @ network.out.T
        if not np.isfinite(y).all():
            return False
        self.correct_trials += int((np.argmax(y, axis=1) == labels).sum())
        learned = [gate_open(self.rule, *trial) for trial in zip(y, labels, strict=True)]
        self.updated_trials += sum(learned)
        if any(learned):
            x, a, h, y, labels = (values[learned] for values in (x, a, h, y, labels))
            loss = self.settings.loss
            error = np.stack([output_error(*trial, loss) for trial in zip(y, labels, strict=True)])
            errors = hidden_error(network, a, error), error
            for layer, inputs in ((HIDDEN, x), (OUT, h)):
                rate = self.dtype(self.rates[layer])
                if self.settings.rate_unit == "squared_activity":
                    rate = rate / np.einsum("ti,ti->t", inputs, inputs)[:, None]
                self._add(layer, rate * errors[layer], inputs)
        return True

    def _add(self, layer: int, delta: np.ndarray, inputs: np.ndarray) -> None:
        """Add the winning updates of T trials to the sums of a layer.

        `delta` (T, units) and `inputs` (T, inputs) are the factors of the updates.
        """
        if self.rule.select == "all":
            self.sums[layer] += delta.T @ inputs
            return
        k = self.rule.number(layer, self.sums[layer].size)
        trial, unit, i = largest_products(delta, inputs, k)
        np.add.at(self.sums[layer], (unit, i), delta[trial, unit] * inputs[trial, i])


def largest_products(
    a: np.ndarray, b: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the indices (row, i, j) of the k largest |a_i b_j| in each row of a and b.

    `a` (T, m) and `b` (T, n) are the factors of T tables of m x n products. Let i and j be ranks,
    counted from 1 for the largest |a| and |b|. The product of ranks i and j is at most as large as
    those of all i x j pairs of ranks up to i and j, so it can only be one of the k largest if
    i j <= k. Only these are compared: about k ln k instead of m n. Equal products are all returned
    if they are compared.
    """
    by_a, by_b = (np.argsort(-np.abs(values), axis=1, kind="stable") for values in (a, b))
    length = np.minimum(k // np.arange(1, min(a.shape[1], k) + 1), b.shape[1])
    i = np.repeat(np.arange(len(length)), length)
    j = np.concatenate([np.arange(n) for n in length])
    sizes = (np.abs(np.take_along_axis(*pair, axis=1)) for pair in ((a, by_a), (b, by_b)))
    largest_a, largest_b = sizes
    products = largest_a[:, i] * largest_b[:, j]
    least = np.partition(products, -k, axis=1)[:, -k]
    row, pair = np.nonzero(products >= least[:, None])
    return row, by_a[row, i[pair]], by_b[row, j[pair]]
