"""The network as a function: against scikit-learn's forward pass, and batch normalization against its definition."""

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from thalweg.errors import ArgumentError
from thalweg.models.network.activations import ACTIVATIONS
from thalweg.models.network.layers import SMALL, forward, mean_loss, penalty, start, statistics

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "logistic"])
def test_forward_is_that_of_scikit_learn(activation):
    theirs = MLPRegressor("squared_error", (5, 4), activation, max_iter=2, random_state=0)
    theirs.fit(X, RNG.normal(size=(40, 2)))
    ours = forward(list(zip(theirs.coefs_, theirs.intercepts_)), X, ACTIVATIONS[activation])
    np.testing.assert_allclose(ours, theirs.predict(X), rtol=1e-12)


def test_batch_normalization_standardizes_the_sums():
    W, b, out = RNG.normal(size=(3, 4)), RNG.normal(size=4), (np.eye(4), np.zeros(4))
    γ, β = RNG.normal(size=4), RNG.normal(size=4)
    found = forward([(W, b, γ, β), out], X, np.tanh)
    z = X @ W + b
    scaled = StandardScaler().fit_transform(z) * np.sqrt(z.var(axis=0) / (z.var(axis=0) + SMALL))
    np.testing.assert_allclose(found, np.tanh(scaled * γ + β), atol=1e-12)


def test_the_moments_of_all_rows_give_what_the_batch_gave():
    layers = start([3, 4, 5, 2], np.random.RandomState(0), float, normalized=True)
    moments = statistics(layers, X, np.tanh)
    found = forward(layers, X[:1], np.tanh, moments=moments)
    np.testing.assert_allclose(found, forward(layers, X, np.tanh)[:1], rtol=1e-12)
    assert [m[0].shape for m in moments] == [(4,), (5,)]


def test_masks_multiply_hidden_outputs():
    layers = [(np.eye(3), np.zeros(3)), (np.eye(3), np.zeros(3))]
    masks = [np.tile([0.0, 2.0, 1.0], (40, 1))]
    np.testing.assert_array_equal(forward(layers, X, np.sin, masks), np.sin(X) * [0, 2, 1])


def test_weights_of_rows_count_as_repetitions():
    z, y = RNG.normal(size=(4, 2)), RNG.normal(size=(4, 2))
    squares = lambda z, y: np.sum((z - y) ** 2, axis=1)
    times = [3, 1, 0, 2]
    repeated = mean_loss(np.repeat(z, times, axis=0), np.repeat(y, times, axis=0), None, squares)
    assert mean_loss(z, y, np.array(times, float), squares) == pytest.approx(repeated)


def test_the_penalty_is_on_weights_alone():
    assert penalty([(np.full((2, 2), 3.0), np.full(2, 100.0))]) == 0.5 * 4 * 9


def test_the_start_is_that_of_scikit_learn():
    for activation in ("relu", "logistic"):
        theirs = MLPRegressor(
            "squared_error", (5, 4), activation, solver="sgd", learning_rate_init=1e-300, max_iter=1, random_state=7
        )
        theirs.fit(X, X[:, 0])
        ours = start([3, 5, 4, 1], np.random.RandomState(7), float, activation=activation)
        for (W, b), coef, intercept in zip(ours, theirs.coefs_, theirs.intercepts_):
            np.testing.assert_array_equal(W, coef)
            np.testing.assert_array_equal(b, intercept)


@pytest.mark.parametrize(("initialization", "variance"), [("glorot", 2 / 700), ("he", 2 / 300)])
def test_starts_have_the_variance_of_their_papers(initialization, variance):
    (layer,) = start([300, 400], np.random.RandomState(0), np.float32, initialization=initialization)
    assert np.var(layer[0]) == pytest.approx(variance, rel=0.02)
    assert layer[0].dtype == np.float32
    assert not layer[1].any()


def test_an_unknown_start():
    with pytest.raises(ArgumentError, match="initialization='xavier'"):
        start([1, 1], np.random.RandomState(0), float, initialization="xavier")
