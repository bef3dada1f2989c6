"""Activations: values against mpmath, no overflow, derivatives against differences."""

import mpmath
import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError
from thalweg.models.network.activations import ACTIVATIONS, activation_of

EXACT = {
    "identity": lambda z: z,
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "tanh": mpmath.tanh,
    "logistic": lambda z: 1 / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "swish": lambda z: z / (1 + mpmath.exp(-z)),
}
POINTS = [-30.0, -3.0, -0.4, 0.0, 0.7, 2.5, 30.0]


def test_every_activation_is_tested():
    assert set(EXACT) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values(name):
    with mpmath.workdps(30):
        exact = [float(EXACT[name](mpmath.mpf(z))) for z in POINTS]
    np.testing.assert_allclose(ACTIVATIONS[name](np.array(POINTS)), exact, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes(name):
    with mpmath.workdps(30):
        exact = [float(mpmath.diff(EXACT[name], mpmath.mpf(z))) for z in POINTS if z]
    z = np.array([z for z in POINTS if z])
    found = tw.grad(lambda z: np.sum(ACTIVATIONS[name](z)))(z)
    np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nothing_overflows_and_float32_stays(name):
    with np.errstate(all="raise", under="ignore"):
        y = ACTIVATIONS[name](np.array([-1e4, 1e4], np.float32))
    assert y.dtype == np.float32
    assert np.isfinite(y).all()


def test_a_name_or_a_function():
    assert activation_of("tanh") is ACTIVATIONS["tanh"]
    assert activation_of(np.sin) is np.sin
    with pytest.raises(ArgumentError, match=r"activation='reul'.*'relu'"):
        activation_of("reul")
