"""The steps of stochastic gradient descent, against their recursions."""

import numpy as np
import pytest

from thalweg.errors import ArgumentError
from thalweg.optimize.stochastic import SGD

rng = np.random.default_rng(2)
GRADIENTS = rng.standard_normal((30, 4))
RATES = rng.uniform(0.01, 0.2, 30)


def test_plain():
    for g, rate in zip(GRADIENTS, RATES):
        np.testing.assert_array_equal(SGD().step(np.zeros(4), g, rate), -rate * g)


def test_momentum_adds_up_the_past():
    sgd = SGD(momentum=0.8)
    for k, (g, rate) in enumerate(zip(GRADIENTS, RATES)):
        v = sum(0.8 ** (k - j) * GRADIENTS[j] for j in range(k + 1))
        np.testing.assert_allclose(sgd.step(np.zeros(4), g, rate), -rate * v, rtol=1e-12)


def test_nesterovs_form_is_his_method_seen_from_the_point_ahead():
    # Sutskever et al. (2013): v ← μ v − η ∇f(θ + μ v), θ ← θ + v.  Here the run is that of θ + μ v.
    H, rate, mu = np.diag([1.0, 5.0]), 0.1, 0.9
    theta, v = np.array([1.0, -1.0]), np.zeros(2)
    sgd, x = SGD(momentum=mu, nesterov=True), np.array([1.0, -1.0])
    for _ in range(25):
        np.testing.assert_allclose(x, theta + mu * v, rtol=1e-9, atol=1e-12)
        v = mu * v - rate * H @ (theta + mu * v)
        theta = theta + v
        x = x + sgd.step(x, H @ x, rate)


def test_a_reset_forgets():
    sgd = SGD(momentum=0.5)
    first = sgd.step(np.zeros(4), GRADIENTS[0], 0.1)
    sgd.step(np.zeros(4), GRADIENTS[1], 0.1)
    sgd.reset()
    np.testing.assert_array_equal(sgd.step(np.zeros(4), GRADIENTS[0], 0.1), first)


def test_the_gradient_is_not_changed():
    g = np.ones(3)
    sgd = SGD(momentum=0.5)
    for _ in range(3):
        sgd.step(np.zeros(3), g, 0.1)
    np.testing.assert_array_equal(g, 1)


@pytest.mark.parametrize("momentum", [-0.1, 1.0, float("nan")])
def test_momentum_out_of_range(momentum):
    with pytest.raises(ArgumentError):
        SGD(momentum=momentum)
