"""L-BFGS over all rows: the same minima as scikit-learn's, in double precision, and the verdict on them."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from thalweg.models.network import NeuralNetworkClassifier, NeuralNetworkRegressor

X, Y = load_iris(return_X_y=True)


def test_without_hidden_layers_it_is_ridge_regression():
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    model = NeuralNetworkRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=5.0, tol=1e-9, max_iter=1000)
    model.fit(X, y)
    ridge = Ridge(alpha=5.0).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0][:, 0], ridge.coef_, atol=1e-7)
    assert model.coefs_[0].dtype == np.float64
    assert model.solution_.kind == "strict minimum"


def test_without_hidden_layers_it_is_logistic_regression():
    model = NeuralNetworkClassifier((), solver="lbfgs", alpha=1.0, tol=1e-7, max_iter=2000, random_state=0).fit(X, Y)
    theirs = LogisticRegression(C=1.0, tol=1e-9, max_iter=5000).fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


def test_scipy_finds_nothing_lower_from_there():
    settings = dict(hidden_layer_sizes=(6,), activation="tanh", solver="lbfgs", alpha=1.0, random_state=1)
    ours = NeuralNetworkClassifier(**settings, max_iter=3000, tol=1e-6).fit(X, Y)
    theirs = MLPClassifier(**settings, max_iter=3000, tol=1e-6, warm_start=True).fit(X, Y)
    theirs.coefs_, theirs.intercepts_ = [W.copy() for W in ours.coefs_], [b.copy() for b in ours.intercepts_]
    theirs.fit(X, Y)
    assert theirs.loss_ == pytest.approx(ours.loss_, abs=1e-7)


def test_the_loss_is_the_objective():
    model = NeuralNetworkClassifier((6,), "tanh", solver="lbfgs", alpha=1.0, max_iter=300, random_state=1).fit(X, Y)
    assert model.loss_curve_[-1] == model.loss_
    assert len(model.loss_curve_) == model.n_iter_
    found = model.objective(model.parameters_, X, np.eye(3)[Y], activation="tanh", alpha=1.0)
    assert model.loss_ == pytest.approx(found, rel=1e-12)


def test_limits_are_told():
    with pytest.warns(ConvergenceWarning, match="3 iterations are over"):
        few = NeuralNetworkClassifier((5,), solver="lbfgs", max_iter=3, random_state=0).fit(X, Y)
    assert few.n_iter_ == 3
    with pytest.warns(ConvergenceWarning, match="max_fun=4"):
        NeuralNetworkClassifier((5,), solver="lbfgs", max_fun=4, random_state=0).fit(X, Y)


def test_twice_the_same():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a, b = (NeuralNetworkClassifier((5,), solver="lbfgs", max_iter=50, random_state=0).fit(X, Y) for _ in range(2))
    assert a.coefs_[0].tobytes() == b.coefs_[0].tobytes()


def test_it_is_not_for_batches():
    assert not hasattr(NeuralNetworkClassifier(solver="lbfgs"), "partial_fit")
    assert hasattr(NeuralNetworkClassifier(), "partial_fit")
