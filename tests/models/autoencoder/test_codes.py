"""Encoder, decoder and the loss of an autoencoder, against their definitions."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.models.autoencoder.codes import (
    decode,
    divergence,
    encode,
    parameters_to_begin_with,
    reconstruction_loss,
)
from thalweg.models.network.losses import LOSSES

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5))
SETTINGS = {"activation": np.tanh, "rows": LOSSES["squared_error"], "variational": False, "beta": 1.0}


def parameters(tied=False, wide=1):
    return parameters_to_begin_with(
        [5, 4, 2 * wide], [2, 4, 5], X.mean(axis=0), np.random.RandomState(1), float,
        activation="tanh", initialization="auto", tied=tied,
    )  # fmt: skip


def test_there_and_back_layer_by_layer():
    p = parameters()
    (A, a), (B, b) = p["encoder"]
    (C, c), (D, d) = p["decoder"]
    codes = np.tanh(X @ A + a) @ B + b
    np.testing.assert_allclose(encode(p, X, np.tanh), codes)
    np.testing.assert_allclose(decode(p, codes, np.tanh), np.tanh(codes @ C + c) @ D + d)


@pytest.mark.parametrize("wide", [1, 2])
def test_tied_weights_are_the_encoders_transposed(wide):
    p = parameters(tied=True, wide=wide)
    (A, _), (B, _) = p["encoder"]
    (c,), (d,) = p["decoder"]
    codes = RNG.normal(size=(3, 2))
    np.testing.assert_allclose(decode(p, codes, np.tanh), np.tanh(codes @ B[:, :2].T + c) @ A.T + d)


def test_the_last_bias_begins_in_the_middle():
    np.testing.assert_array_equal(parameters()["decoder"][-1][1], X.mean(axis=0))


def test_noise_is_added_to_what_is_encoded_and_not_to_what_is_to_come_out():
    p, noise = parameters(), RNG.normal(size=X.shape)
    again = decode(p, encode(p, X + noise, np.tanh), np.tanh)
    expected = 0.5 * np.mean(np.sum((again - X) ** 2, axis=1))
    assert reconstruction_loss(p, X, None, noise, None, **SETTINGS) == pytest.approx(expected)


def test_weights_count_as_repetitions():
    times = np.r_[2, 0, 3, np.ones(9, int)]
    p = parameters()
    one = reconstruction_loss(p, X, times.astype(float), None, None, **SETTINGS)
    other = reconstruction_loss(p, np.repeat(X, times, axis=0), None, None, None, **SETTINGS)
    assert one == pytest.approx(other)


def test_the_divergence_is_the_integral():
    mean, log_variance = np.array([[0.7, -1.0]]), np.array([[0.3, -0.5]])
    z = np.linspace(-12, 12, 200_001)
    total = 0.0
    for m, v in zip(mean[0], np.exp(log_variance[0])):
        log_q = -0.5 * ((z - m) ** 2 / v + np.log(2 * np.pi * v))
        log_p = -0.5 * (z**2 + np.log(2 * np.pi))
        total += np.trapezoid(np.exp(log_q) * (log_q - log_p), z)
    assert divergence(mean, log_variance)[0] == pytest.approx(total, rel=1e-9)


def test_the_variational_loss():
    p, draws = parameters(wide=2), RNG.normal(size=(12, 2))
    codes = encode(p, X, np.tanh)
    mean, log_variance = codes[:, :2], codes[:, 2:]
    again = decode(p, mean + np.exp(log_variance / 2) * draws, np.tanh)
    expected = np.mean(0.5 * np.sum((again - X) ** 2, axis=1) + 3.0 * divergence(mean, log_variance))
    settings = SETTINGS | {"variational": True, "beta": 3.0}
    assert reconstruction_loss(p, X, None, None, draws, **settings) == pytest.approx(expected)
    plain = reconstruction_loss(p, X, None, None, None, **settings | {"beta": 0.0})
    again = decode(p, mean, np.tanh)
    assert plain == pytest.approx(0.5 * np.mean(np.sum((again - X) ** 2, axis=1)))


@pytest.mark.parametrize("tied", [False, True])
def test_its_gradient(tied):
    p, draws = parameters(tied=tied, wide=2), RNG.normal(size=(12, 2))
    settings = SETTINGS | {"variational": True}
    f = lambda p: reconstruction_loss(p, X, None, None, draws, **settings)
    slope = tw.grad(f)(p)["encoder"][0][0]
    h = 1e-6
    for i, j in ((0, 0), (3, 2)):
        up, down = parameters(tied=tied, wide=2), parameters(tied=tied, wide=2)
        up["encoder"][0][0][i, j] += h
        down["encoder"][0][0][i, j] -= h
        assert slope[i, j] == pytest.approx((f(up) - f(down)) / (2 * h), rel=1e-6, abs=1e-9)
