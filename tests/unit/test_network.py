"""The network: gradients agree with an independent library, weights start as they should."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from plasticity import network
from plasticity.network import (
    ACTIVATIONS,
    LOSSES,
    Network,
    activate,
    hidden_error,
    initial_hidden,
    initial_network,
    initial_out,
    output_error,
    outputs,
    slope,
    with_constant_unit,
)
from plasticity.reference import Reference
from plasticity.rules import Rule
from plasticity.settings import Settings

JAX_ACTIVATION = {
    "leaky_relu": lambda a: jax.nn.leaky_relu(a, 0.1),
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
    "logistic": jax.nn.sigmoid,
}
JAX_LOSS = {
    "mse": lambda y, target: jnp.sum((target - y) ** 2) / 2,
    "cross_entropy": lambda y, target: -jnp.sum(target * jax.nn.log_softmax(y)),
}


def jax_outputs(hidden, out, x, activation):
    return out @ jnp.append(JAX_ACTIVATION[activation](hidden @ x), 1.0)


@pytest.fixture
def random_network():
    """A function that draws a network with weights of size 1, in double precision."""

    def draw(activation: str, width: int = 6, inputs: int = 5) -> Network:
        rng = np.random.default_rng(1)
        return Network(
            rng.normal(size=(width, inputs)), rng.normal(size=(10, width + 1)), activation
        )

    return draw


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_agree_with_automatic_differentiation(random_network, activation, loss):
    net = random_network(activation)
    rng = np.random.default_rng(2)
    with jax.enable_x64(True):
        for label in range(10):
            x, target = rng.normal(size=5), np.eye(10)[label]

            def objective(weights, x=x, target=target):
                return JAX_LOSS[loss](jax_outputs(*weights, x, activation), target)

            expected = jax.grad(objective)((net.hidden, net.out))
            a = net.hidden @ x
            h = with_constant_unit(activate(a, activation))
            error = output_error(net.out @ h, label, loss)
            found = -np.outer(hidden_error(net, a, error), x), -np.outer(error, h)
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_trial_of_backprop_steps_down_the_gradient(small, activation, loss):
    options = {"activation": activation, "loss": loss, "precision": "double"}
    trainer = Reference(
        small, Rule(), Settings(width=6, learning_rate=0.125, initial_sd=0.5, **options), seed=0
    )
    x, label = small.train_inputs[0].astype(float), int(small.train_labels[0])
    before = trainer.network.hidden.copy(), trainer.network.out.copy()
    with jax.enable_x64(True):

        def objective(weights):
            return JAX_LOSS[loss](jax_outputs(*weights, x, activation), np.eye(10)[label])

        gradient = jax.grad(objective)(before)
    assert trainer.trial(x, label)
    after = trainer.network.hidden, trainer.network.out
    for new, old, g in zip(after, before, gradient, strict=True):
        np.testing.assert_allclose(new, old - 0.125 * np.asarray(g), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_outputs_of_many_patterns_are_those_of_each(random_network, activation):
    net = random_network(activation)
    x = np.random.default_rng(3).normal(size=(7, 5))
    with jax.enable_x64(True):
        expected = [jax_outputs(net.hidden, net.out, pattern, activation) for pattern in x]
    np.testing.assert_allclose(outputs(net, x), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("activation", "values", "slopes"),
    [
        ("leaky_relu", [-0.2, 0, 3], [0.1, 0.1, 1]),
        ("relu", [0, 0, 3], [0, 0, 1]),
        ("elu", [np.exp(-2) - 1, 0, 3], [np.exp(-2), 1, 1]),
        ("logistic", [1 / (1 + np.exp(2)), 0.5, 1 / (1 + np.exp(-3))], None),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activation_functions(activation, values, slopes, dtype):
    a = np.array([-2, 0, 3], dtype)
    assert activate(a, activation).dtype == slope(a, activation).dtype == dtype
    np.testing.assert_allclose(activate(a, activation), values, rtol=1e-6)
    if slopes is None:
        slopes = np.array(values) * (1 - np.array(values))
    np.testing.assert_allclose(slope(a, activation), slopes, rtol=1e-6)


def test_cross_entropy_of_large_outputs_stays_finite():
    error = output_error(np.array([1e4, -1e4, *[0.0] * 8]), 1, "cross_entropy")
    np.testing.assert_array_equal(error, [-1, 1, *[0] * 8])


@pytest.mark.parametrize("sd", [0.03, 0.2])
def test_initial_weights_have_mean_zero_and_the_standard_deviation(sd):
    net = initial_network(1000, 0, (sd, sd), "relu", np.float32)
    assert net.hidden.shape == (1000, 785) and net.out.shape == (10, 1001) and net.width == 1000
    for weights in (net.hidden, net.out):
        n = weights.size
        assert weights.mean(dtype=float) == pytest.approx(0, abs=5 * sd / np.sqrt(n))
        assert weights.std(dtype=float) == pytest.approx(sd, rel=5 / np.sqrt(2 * n))
        beyond = (np.abs(weights) > 2 * sd).mean()  # 4.55 % of a Gaussian
        assert beyond == pytest.approx(0.0455, abs=5 * np.sqrt(0.0455 / n))


def test_initial_weights_belong_to_the_seed_and_differ_between_layers():
    one, again, other = (
        initial_network(20, seed, (0.03, 0.03), "relu", np.float32) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.hidden, again.hidden)
    np.testing.assert_array_equal(one.out, again.out)
    assert (one.hidden != other.hidden).all() and (one.out != other.out).all()
    assert (one.hidden.ravel()[:210] != one.out.ravel()).all()


def test_both_precisions_start_from_the_same_weights():
    single, double = (
        initial_network(9, 3, (0.03, 0.03), "relu", d) for d in (np.float32, np.float64)
    )
    assert single.hidden.dtype == single.out.dtype == np.float32
    assert double.hidden.dtype == double.out.dtype == np.float64
    np.testing.assert_array_equal(single.hidden, double.hidden)
    np.testing.assert_array_equal(single.out, double.out)


def test_hidden_units_of_a_smaller_network_are_the_first_of_a_larger_one():
    small, large = (
        initial_network(n, 0, (0.03, 0.03), "relu", np.float32).hidden for n in (30, 100)
    )
    np.testing.assert_array_equal(small, large[:30])


def test_weights_drawn_by_groups_are_those_drawn_at_once(monkeypatch):
    whole = initial_network(10, 0, (0.03, 0.03), "relu", np.float32, inputs=7).hidden
    monkeypatch.setattr(network, "_ROWS", 4)
    groups = list(initial_hidden(10, 0, 0.03, inputs=7))
    assert [units for units, _ in groups] == [slice(0, 4), slice(4, 8), slice(8, 10)]
    np.testing.assert_array_equal(np.concatenate([weights for _, weights in groups]), whole)
    assert initial_out(10, 0, 0.03).dtype == np.float32
