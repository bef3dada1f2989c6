"""`thalweg.scipy.root_scalar`: SciPy's, with exact derivatives."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from thalweg.scipy import root_scalar


@pytest.mark.parametrize("words", [{}, {"method": "newton"}, {"method": "halley"}, {"method": "secant", "x1": 0.5}])
def test_from_a_guess(words):
    result = root_scalar(lambda x: x**3 - 1, x0=0.2, **words)
    assert result.converged
    assert_allclose(result.root, 1.0, rtol=1e-12)


def test_in_a_bracket():
    assert_allclose(root_scalar(lambda x: x**3 - 1, bracket=[0, 3], method="brentq").root, 1.0)
    assert_allclose(root_scalar(lambda x: x**3 - 1, bracket=[0, 3]).root, 1.0)


def test_arguments_and_given_derivatives():
    result = root_scalar(lambda x, a: x**2 - a, args=(2.0,), x0=1.0)
    assert_allclose(result.root, np.sqrt(2), rtol=1e-15)
    given = root_scalar(lambda x: (x**3 - 1, 3 * x**2), x0=0.2, fprime=True, method="newton")
    assert_allclose(given.root, 1.0)


def test_a_function_that_cannot_be_traced():
    assert_allclose(root_scalar(lambda x: float(x) ** 3 - 1, x0=0.7).root, 1.0, rtol=1e-10)


def test_errors_are_scipys():
    with pytest.raises(ValueError):
        root_scalar(lambda x: x)
    with pytest.raises(ValueError):
        root_scalar(lambda x: float(x), x0=1.0, method="halley")
