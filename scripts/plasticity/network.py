"""The network: 784 pixels and a bias as inputs, N hidden units, and 10 linear outputs.

The weights are two arrays. Row j of `hidden` (N, 785) contains the synapses onto hidden unit j. Row
o of `out` (10, N + 1) contains the synapses onto output unit o; the last column belongs to the
constant unit, which provides the bias. The network learns by back-propagation. An error is minus
the derivative of the loss, so learning *adds* learning rate x error x input to a synapse.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from plasticity.streams import stream

INPUTS = 785  # 28 x 28 pixels and the bias input
CLASSES = 10
ACTIVATIONS = ("leaky_relu", "relu", "elu", "logistic")
LOSSES = ("mse", "cross_entropy")
LEAK = 0.1  # slope of the leaky rectifier below zero

_ROWS = 4096  # hidden units whose weights are drawn at once, to limit the use of memory


@dataclass
class Network:
    """Weights of both layers and the hidden units' activation function."""

    hidden: np.ndarray  # (N, inputs)
    out: np.ndarray  # (10, N + 1)
    activation: str

    @property
    def width(self) -> int:
        """Number of hidden units N."""
        return self.hidden.shape[0]


def initial_hidden(
    width: int, seed: int, sd: float, inputs: int = INPUTS
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the initial hidden weights in groups, as (slice of units, float32 (units, inputs)).

    Groups save memory: a network of 10^6 units can be compared with its initial weights without a
    second copy. The weights are always drawn in single precision, so that runs in single and double
    precision start from the same numbers.
    """
    rng = stream(seed, "hidden weights")
    for first in range(0, width, _ROWS):
        units = slice(first, min(first + _ROWS, width))
        draw = rng.standard_normal((units.stop - first, inputs), dtype=np.float32)
        yield units, draw * np.float32(sd)


def initial_out(width: int, seed: int, sd: float) -> np.ndarray:
    """Return the initial output weights, float32 (10, N + 1)."""
    draw = stream(seed, "output weights").standard_normal((CLASSES, width + 1), dtype=np.float32)
    return draw * np.float32(sd)


def initial_network(
    width: int,
    seed: int,
    sds: tuple[float, float],
    activation: str,
    dtype: type,
    inputs: int = INPUTS,
) -> Network:
    """Return a network with Gaussian weights of mean 0.

    `sds` are the standard deviations of the hidden and the output weights, and `dtype` is the type
    of both.
    """
    hidden: np.ndarray = np.empty((width, inputs), dtype)
    for units, weights in initial_hidden(width, seed, sds[0], inputs):
        hidden[units] = weights
    return Network(hidden, initial_out(width, seed, sds[1]).astype(dtype), activation)


def activate(a: np.ndarray, activation: str) -> np.ndarray:
    """Return the hidden activities f(a) for pre-activations `a` of any shape, as a new array."""
    if activation == "leaky_relu":
        leaked = a.dtype.type(LEAK) * a
        return np.maximum(a, leaked, out=leaked)  # in place: new memory costs more than this step
    if activation == "relu":
        return np.maximum(a, 0)
    if activation == "elu":
        return np.where(a > 0, a, np.expm1(np.minimum(a, 0)))
    return 1 / (1 + np.exp(-a))  # logistic


def slope(a: np.ndarray, activation: str) -> np.ndarray:
    """Return the derivative f'(a) of the activation function for `a` of any shape."""
    if activation == "leaky_relu":
        return np.where(a > 0, a.dtype.type(1), a.dtype.type(LEAK))
    if activation == "relu":
        return (a > 0).astype(a.dtype)
    if activation == "elu":
        return np.exp(np.minimum(a, 0))
    h = activate(a, activation)
    return h * (1 - h)


def with_constant_unit(h: np.ndarray) -> np.ndarray:
    """Append the constant unit to hidden activities: (..., N) -> (..., N + 1)."""
    return np.concatenate([h, np.ones((*h.shape[:-1], 1), h.dtype)], axis=-1)


def outputs(network: Network, inputs: np.ndarray) -> np.ndarray:
    """Return the output activities (patterns, 10) for inputs (patterns, 785)."""
    h = activate(inputs @ network.hidden.T, network.activation)
    return h @ network.out[:, :-1].T + network.out[:, -1]


def output_error(y: np.ndarray, label: int, loss: str) -> np.ndarray:
    """Return minus the derivative of the loss with respect to the outputs y (10,), shape (10,).

    The loss `mse` is 1/2 |target - y|^2 with a one-hot target; `cross_entropy` is the cross-entropy
    of the softmax of y.
    """
    if loss == "cross_entropy":
        p = np.exp(y - y.max())
        y = p / p.sum()
    error = -y
    error[label] += 1
    return error


def hidden_error(network: Network, a: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return the back-propagated errors (N,) of hidden units with pre-activations a (N,).

    `error` (10,) is the error of the outputs.
    """
    return (error @ network.out[:, :-1]) * slope(a, network.activation)
