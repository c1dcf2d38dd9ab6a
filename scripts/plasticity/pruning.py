"""How few changes suffice: upper bounds of the least M0, by iterated pruning.

The least M0 of a network is the least number of synapses whose change, written once, leads from its
initial weights to the goal. Finding it is hard. Two upper bounds are found here:

- `largest_changes` only writes the largest changes of a network that has learned.
- `pruned` searches offline, without the rule of the network. In each round, the synapses that may
  change are trained with batches; then those with the smallest changes return to their initial
  weights for good. Pruning by size and training again in turn: Han et al., NeurIPS 28, 2015; here,
  a pruned synapse keeps its initial weight instead of 0. The gradient is followed by Adam (Kingma
  and Ba, ICLR 2015). M0 counts neither the search nor its memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from plasticity.data import Dataset
from plasticity.network import (
    Network,
    activate,
    hidden_error,
    initial_network,
    output_error,
    outputs,
    with_constant_unit,
)
from plasticity.settings import Settings
from plasticity.streams import stream
from plasticity.testing import share_correct
from plasticity.training import at_least

KEEP = 0.8  # of the synapses, in each round
BATCH = 50  # patterns
RATE = 0.002  # of Adam, at the start of a round; it decreases linearly to a tenth
DECAY, DECAY_OF_SQUARES, EPSILON = 0.9, 0.999, 1e-8  # of Adam, as in its paper
ROUNDS_BELOW = 2  # the goal, in a row, after which the search ends
FIRST_ROUNDS = 8  # after which it ends without a success


@dataclass(frozen=True)
class Bound:
    """A network of which few synapses have changed, and how many (M0)."""

    M0: int
    network: Network
    accuracy: float  # on the patterns that decide


def initial_of(data: Dataset, settings: Settings, seed: int) -> Network:
    """Return a network before it learns."""
    inputs = data.train_inputs.shape[1]
    sds, activation = settings.initial_sds(inputs), settings.activation
    return initial_network(settings.width, seed, sds, activation, settings.dtype, inputs)


def changed(initial: Network, changes: list[np.ndarray]) -> Network:
    """Return the network with these changes (N, inputs) and (10, N + 1) of its initial weights."""
    return Network(initial.hidden + changes[0], initial.out + changes[1], initial.activation)


def count(changes: list[np.ndarray]) -> int:
    """Return the number of synapses that change in all layers."""
    return sum(int(np.count_nonzero(change)) for change in changes)


def accuracy(network: Network, data: Dataset) -> float:
    """Return the share of test patterns that a network classifies correctly."""
    return share_correct(lambda x: outputs(network, x), data.test_inputs, data.test_labels)


def largest(changes: list[np.ndarray], k: int) -> list[np.ndarray]:
    """Return the masks of the k largest changes in all layers; ties are kept, zeros are not."""
    sizes = [np.abs(change) for change in changes]
    least = np.sort(np.concatenate([size.ravel() for size in sizes]))[-k]
    return [(size >= least) & (size > 0) for size in sizes]


def largest_changes(data: Dataset, settings: Settings, seed: int, trained: Network) -> Bound:
    """Return the network `trained` with only so many of its largest changes as reach the goal.

    The number is found by bisection, between none and all changes. As accuracy is not monotonic in
    it, a smaller number may suffice, too. If not even all changes do, these are returned.
    """
    initial = initial_of(data, settings, seed)
    changes = [trained.hidden - initial.hidden, trained.out - initial.out]

    def written(k: int) -> Bound:
        masks = largest(changes, k)
        kept = [np.where(mask, change, 0) for mask, change in zip(masks, changes, strict=True)]
        network = changed(initial, kept)
        return Bound(count(kept), network, accuracy(network, data))

    few, enough = 0, count(changes)
    best = written(enough)
    while at_least(best.accuracy, settings.goal) and enough - few > 1:
        middle = (few + enough) // 2
        tried = written(middle)
        if at_least(tried.accuracy, settings.goal):
            best, enough = tried, middle
        else:
            few = middle
    return best


def pruned(data: Dataset, settings: Settings, seed: int, epochs: float = 1) -> Bound:
    """Return the sparsest change of an initial network that reaches the goal.

    `epochs` is the length of the training in each round. If no round reaches the goal, the last one
    is returned.
    """
    best, below = None, 0
    for bound in rounds(data, settings, seed, epochs):
        if at_least(bound.accuracy, settings.goal):
            best, below = bound, 0
        else:
            below += 1
        if below == (ROUNDS_BELOW if best else FIRST_ROUNDS):
            break
    return best or bound


def rounds(data: Dataset, settings: Settings, seed: int, epochs: float) -> Iterator[Bound]:
    """Yield the network after each round of training, before synapses are pruned."""
    initial = initial_of(data, settings, seed)
    weights = (initial.hidden, initial.out)
    changes = [np.zeros_like(weight) for weight in weights]
    moments = [[np.zeros_like(weight) for weight in weights] for _ in range(2)]
    masks = [np.ones(weight.shape, bool) for weight in weights]
    order = stream(seed, "pattern order")
    steps = max(1, round(epochs * len(data.train_labels) / BATCH))
    step = 0
    while True:
        for progress in np.linspace(0, 1, steps):
            step += 1
            patterns = order.integers(0, len(data.train_labels), BATCH)
            gradients = descent(changed(initial, changes), data, patterns, settings.loss)
            rate = RATE * (1 - 0.9 * progress)
            for layer, gradient in enumerate(gradients):
                update = adam(moments[0][layer], moments[1][layer], gradient, step)
                changes[layer] += np.where(masks[layer], settings.dtype(rate) * update, 0)
        network = changed(initial, changes)
        M0 = count(changes)
        yield Bound(M0, network, accuracy(network, data))
        if (kept := int(KEEP * M0)) == 0:
            return
        masks = largest(changes, kept)
        for mask, change in zip(masks, changes, strict=True):
            change *= mask


def descent(network: Network, data: Dataset, patterns: np.ndarray, loss: str) -> list[np.ndarray]:
    """Return minus the mean gradients of the loss of these patterns, (N, inputs), (10, N + 1)."""
    x, labels = data.train_inputs[patterns], data.train_labels[patterns]
    a = x @ network.hidden.T
    h = with_constant_unit(activate(a, network.activation))
    y = h @ network.out.T
    error = np.stack([output_error(*trial, loss) for trial in zip(y, labels, strict=True)])
    return [hidden_error(network, a, error).T @ x / len(x), error.T @ h / len(x)]


def adam(mean: np.ndarray, square: np.ndarray, gradient: np.ndarray, step: int) -> np.ndarray:
    """Return the update of Adam; the moving averages of the gradient change in place."""
    mean += (1 - DECAY) * (gradient - mean)
    square += (1 - DECAY_OF_SQUARES) * (gradient**2 - square)
    unbiased, size = mean / (1 - DECAY**step), square / (1 - DECAY_OF_SQUARES**step)
    return unbiased / (np.sqrt(size) + EPSILON)
