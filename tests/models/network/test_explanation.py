"""Backpropagation as it is shown, against the library's own gradient of the objective."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

import thalweg as tw
from thalweg.errors import ArgumentError
from thalweg.models.network import NeuralNetworkClassifier, NeuralNetworkRegressor
from thalweg.models.network.activations import ACTIVATIONS

X, Y = load_iris(return_X_y=True)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_is_the_gradient(activation):
    model = NeuralNetworkClassifier((7, 5), activation, max_iter=3, random_state=0, tol=np.inf).fit(X, Y)
    shown = model.explain_backpropagation(X, Y)
    parameters = [tuple(p.astype(float) for p in layer) for layer in model.parameters_]
    value, slopes = tw.value_and_grad(model.objective)(parameters, X, np.eye(3)[Y], activation=activation, alpha=0)
    assert shown.loss == pytest.approx(value)
    for found, expected in zip(shown.gradients, slopes):
        for a, b in zip(found, expected):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14)


def test_the_rules_that_it_names_hold():
    model = NeuralNetworkRegressor("huber", (4,), "tanh", max_iter=3, random_state=0, tol=np.inf).fit(X, Y)
    shown = model.explain_backpropagation(X, Y)
    W = model.parameters_[1][0].astype(float)
    np.testing.assert_allclose(shown.deltas[0], (shown.deltas[1] @ W.T) * (1 - np.tanh(shown.sums[0]) ** 2))
    np.testing.assert_allclose(shown.gradients[0][0], X.T @ shown.deltas[0])
    np.testing.assert_allclose(shown.gradients[0][1], shown.deltas[0].sum(axis=0))


def test_with_batch_normalization_the_moments_are_those_of_the_training():
    model = NeuralNetworkClassifier((6,), "tanh", batch_normalization=True, max_iter=3, random_state=0, tol=np.inf)
    model.fit(X, Y)
    shown = model.explain_backpropagation(X, Y)
    centre, variance = model.moments_[0]

    def loss(parameters):
        (W, b, γ, β), (V, c) = parameters
        z = (X @ W + b - centre) / np.sqrt(variance + 1e-5) * γ + β
        z = np.tanh(z) @ V + c
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(150), Y])

    slopes = tw.grad(loss)([tuple(p.astype(float) for p in layer) for layer in model.parameters_])
    for found, expected in zip(shown.gradients, slopes):
        for a, b in zip(found, expected):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14)
    assert "∂L/∂γ¹" in str(shown)


def test_what_is_printed():
    model = NeuralNetworkClassifier((7,), max_iter=3, random_state=0, tol=np.inf).fit(X, Y)
    text = str(model.explain_backpropagation(X, Y))
    assert "z¹ (150×7) = a⁰ (150×4) · W¹ (4×7) + b¹" in text
    assert "δ¹ (150×7) = (δ² W²ᵀ) ⊙ relu′(z¹)" in text
    assert "∂L/∂W² (7×3) = a¹ᵀ δ²" in text


def test_a_function_of_ones_own_has_no_layers():
    model = NeuralNetworkRegressor(architecture=lambda p, X: X @ p, parameters=np.zeros((4, 1)), max_iter=2, tol=np.inf)
    with pytest.raises(ArgumentError, match="no layers to show"):
        model.fit(X, Y).explain_backpropagation(X, Y)
