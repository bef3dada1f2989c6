"""Networks for numbers: scikit-learn's checks and its networks, every loss."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import HuberRegressor, LinearRegression, PoissonRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import check_estimator

from thalweg.errors import ArgumentError
from thalweg.models.network import NeuralNetworkRegressor

X, Y = load_diabetes(return_X_y=True)
X = scale(X)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_pass():
    ours = check_estimator(NeuralNetworkRegressor(max_iter=100), on_skip=None, on_fail=None)
    theirs = check_estimator(MLPRegressor(max_iter=100), on_skip=None, on_fail=None)
    passed = {r["check_name"] for r in ours if r["status"] == "passed"}
    assert {r["check_name"] for r in theirs if r["status"] == "passed"} <= passed
    assert not [r for r in ours if r["status"] not in ("passed", "skipped")]


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_same_random_state_trains_scikit_learns_network(loss):
    y = Y / 100
    settings = dict(
        loss=loss, hidden_layer_sizes=(7, 5), activation="tanh", solver="sgd", batch_size=64, max_iter=8,
        learning_rate_init=0.01, random_state=4,
    )  # fmt: skip
    ours = NeuralNetworkRegressor(dtype="float64", **settings).fit(X, y)
    theirs = MLPRegressor(**settings).fit(X, y)
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-11)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-10)
    assert ours.out_activation_ == theirs.out_activation_


def test_several_outputs_have_scikit_learns_gradient():
    y = np.c_[Y, Y**0.5] / 100
    settings = dict(hidden_layer_sizes=(7,), solver="sgd", max_iter=5, random_state=4)
    ours = NeuralNetworkRegressor(dtype="float64", **settings).fit(X, y)
    theirs = MLPRegressor(**settings).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    np.testing.assert_allclose(ours.loss_, 2 * theirs.loss_, rtol=0.01)  # the sum over outputs, not their mean


def linear(loss, y, **settings):
    model = NeuralNetworkRegressor(
        loss, hidden_layer_sizes=(), solver="lbfgs", alpha=0, tol=1e-7, max_iter=5000, random_state=0, **settings
    )
    return model.fit(X, y)


def test_squares_are_least_squares():
    y = scale(Y)
    np.testing.assert_allclose(
        linear("squared_error", y).predict(X), LinearRegression().fit(X, y).predict(X), atol=1e-4
    )


def test_poissons_loss_is_poissons_regression():
    y = np.round(Y / 20)
    theirs = PoissonRegressor(alpha=0, tol=1e-10, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(linear("poisson", y).predict(X), theirs.predict(X), rtol=1e-4)


def test_hubers_loss_is_hubers_at_the_same_scale():
    y = scale(Y)
    theirs = HuberRegressor(epsilon=1.35, alpha=0, tol=1e-9, max_iter=5000).fit(X, y)
    ours = linear("huber", y, delta=1.35 * theirs.scale_)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, atol=2e-3)


def test_absolute_values_find_the_median():
    y = np.r_[np.zeros(60), np.full(40, 100.0)]
    model = NeuralNetworkRegressor("absolute_error", (), solver="adam", learning_rate="cosine", learning_rate_init=0.1,
                                   max_iter=300, random_state=0, tol=0.0, n_iter_no_change=np.inf)  # fmt: skip
    assert abs(model.fit(np.zeros((100, 1)), y).predict([[0.0]])[0]) < 0.2


def test_a_loss_of_ones_own():
    def quantile(y, prediction):
        return np.maximum(0.9 * (y - prediction), -0.1 * (y - prediction))

    model = NeuralNetworkRegressor(
        quantile, (), learning_rate="cosine", learning_rate_init=0.5, max_iter=400, random_state=0, tol=0.0,
        n_iter_no_change=np.inf,
    )  # fmt: skip
    y = scale(Y)
    below = np.mean(y <= model.fit(X, y).predict(X))
    assert 0.86 < below < 0.94


def test_counts_are_not_negative():
    with pytest.raises(ArgumentError, match="row 3 of y is negative"):
        NeuralNetworkRegressor("poisson").fit(X[:5], [1, 2, 3, -1, 0])


def test_the_objective_takes_targets_of_one_axis():
    layers = [(np.ones((10, 1)), np.zeros(1))]
    one = NeuralNetworkRegressor.objective(layers, X, Y, loss="huber", delta=2.0)
    assert one == NeuralNetworkRegressor.objective(layers, X, Y[:, None], loss="huber", delta=2.0)


def test_another_number_of_outputs_later():
    model = NeuralNetworkRegressor(max_iter=2, warm_start=True).fit(X, Y)
    with pytest.raises(ArgumentError, match="2 outputs, and the network was trained for 1"):
        model.fit(X, np.c_[Y, Y])
