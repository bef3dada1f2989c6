"""`thalweg.scipy.minimize_scalar` on SciPy's documented examples."""

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

from thalweg.scipy import minimize_scalar


def f(x):
    return (x - 2) * x * (x + 2) ** 2


EXACT = (1 + np.sqrt(17)) / 4


@pytest.mark.parametrize("words", [{}, {"bracket": (0, 1)}, {"bracket": (0, 1, 3), "method": "golden"}, {"tol": 1e-3}])
def test_all_digits_of_the_documented_minimum(words):
    result = minimize_scalar(f, **words)
    theirs = scipy.optimize.minimize_scalar(f, **words)
    assert_allclose(result.x, EXACT, rtol=1e-15)
    assert abs(theirs.x - EXACT) > 1e-10  # half of the digits
    assert result.kind == "strict minimum" and result.success
    assert set(theirs) <= set(result) and type(result.x) is type(theirs.x)


def test_the_documented_bounds():
    result = minimize_scalar(f, bounds=(-3, -1), method="bounded")
    assert_allclose(result.x, -2.0, atol=1e-14)
    assert_allclose(result.fun, 0.0, atol=1e-14)


def test_a_minimum_at_a_bound_is_met():
    result = minimize_scalar(f, bounds=(2, 5))
    assert result.x == 2.0 and result.fun == 0.0


def test_arguments():
    assert_allclose(minimize_scalar(lambda x, a, b: (x - a) ** 2 + b, args=(3.0, 1.0)).x, 3.0)


def test_the_valley_that_scipy_finds_is_kept():
    def waves(x):
        return np.sin(5 * x) + 0.1 * x

    for bounds in ((0, 2), (3, 6), (-4, 4)):
        theirs = scipy.optimize.minimize_scalar(waves, bounds=bounds)
        assert_allclose(minimize_scalar(waves, bounds=bounds).x, theirs.x, atol=1e-4)


def test_a_kink():
    result = minimize_scalar(lambda x: abs(x - 0.3), bracket=(-3, 1))
    assert_allclose(result.x, 0.3, atol=1e-7)
    assert result.success


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_function_without_minimum():
    for module in (scipy.optimize.minimize_scalar, minimize_scalar):
        with pytest.raises(RuntimeError, match="No valid bracket"):
            module(lambda x: x, bracket=(0, 1))
    flat = minimize_scalar(lambda x: np.exp(-(x**2)), bracket=(1.0, 2.0))  # falls for ever, to a value of zero
    assert flat.success == scipy.optimize.minimize_scalar(lambda x: np.exp(-(x**2)), bracket=(1.0, 2.0)).success


def test_a_method_of_the_users_own():
    def method(fun, args, **words):
        return scipy.optimize.OptimizeResult(x=1.0, fun=fun(1.0, *args), success=True)

    assert minimize_scalar(f, method=method).x == 1.0


def test_errors_are_scipys():
    for module in (scipy.optimize.minimize_scalar, minimize_scalar):
        with pytest.raises(ValueError):
            module(f, method="nonsense")
        with pytest.raises(ValueError):
            module(f, method="bounded")
        with pytest.raises(ValueError):
            module(f, bounds=(0, 1), method="brent")
