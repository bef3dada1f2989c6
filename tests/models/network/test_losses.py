"""Losses: against scikit-learn's metrics and SciPy's functions."""

import numpy as np
import pytest
from scipy.special import expit, softmax
from scipy.special import huber as scipy_huber
from sklearn.metrics import log_loss, mean_absolute_error, mean_poisson_deviance, mean_squared_error

from thalweg.errors import ArgumentError
from thalweg.models.network.losses import LINKS, LOSSES, rows_of

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(30, 3))
Y = RNG.normal(size=(30, 3))
COUNTS = RNG.poisson(2.0, size=(30, 3)).astype(float)
CLASSES = RNG.integers(3, size=30)


def test_squares():
    assert np.mean(LOSSES["squared_error"](Z, Y)) == pytest.approx(1.5 * mean_squared_error(Y, Z))


def test_distances():
    assert np.mean(LOSSES["absolute_error"](Z, Y)) == pytest.approx(3 * mean_absolute_error(Y, Z))


@pytest.mark.parametrize("delta", [0.3, 1.0])
def test_huber(delta):
    np.testing.assert_allclose(rows_of("huber", delta)(Z, Y), scipy_huber(delta, Z - Y).sum(axis=1))


def test_poisson_is_half_the_deviance():
    found = np.mean(LOSSES["poisson"](Z, COUNTS))
    assert found == pytest.approx(3 * mean_poisson_deviance(COUNTS.ravel(), np.exp(Z).ravel()) / 2)


def test_cross_entropy():
    found = np.mean(LOSSES["cross_entropy"](Z, np.eye(3)[CLASSES]))
    assert found == pytest.approx(log_loss(CLASSES, softmax(Z, axis=1)))


def test_binary():
    y = (Y > 0).astype(float)
    found = np.mean(LOSSES["binary"](Z, y))
    assert found == pytest.approx(sum(log_loss(y[:, k], expit(Z[:, k])) for k in range(3)))


@pytest.mark.parametrize("name", ["cross_entropy", "binary"])
def test_a_sure_and_wrong_network_has_a_large_loss_and_no_infinite_one(name):
    y = np.array([[1.0, 0.0]])
    assert LOSSES[name](np.array([[-800.0, 800.0]]), y)[0] == pytest.approx(1600.0)


def test_links():
    np.testing.assert_allclose(LINKS["softmax"](Z), softmax(Z, axis=1))
    np.testing.assert_allclose(LINKS["logistic"](Z), expit(Z))
    np.testing.assert_allclose(LINKS["exp"](Z), np.exp(Z))
    assert LINKS["identity"](Z) is Z


def test_a_loss_of_ones_own_may_be_a_number_a_row_or_an_output():
    a = rows_of(lambda y, z: (z - y) ** 4)(Z, Y)
    b = rows_of(lambda y, z: np.sum((z - y) ** 4, axis=1))(Z, Y)
    np.testing.assert_array_equal(a, b)
    with pytest.raises(ArgumentError, match=r"30 rows and 3 outputs came out in the shape \(\).*\(30,\)"):
        rows_of(lambda y, z: np.sum((z - y) ** 4))(Z, Y)


def test_what_is_no_loss():
    with pytest.raises(ArgumentError, match=r"loss='squares': give one of 'squared_error'"):
        rows_of("squares")
