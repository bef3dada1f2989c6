"""`thalweg.scipy.root` and `fsolve` on SciPy's documented examples."""

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

from thalweg.scipy import fsolve, root


def fun(x):
    return [x[0] + 0.5 * (x[0] - x[1]) ** 3 - 1.0, 0.5 * (x[1] - x[0]) ** 3 + x[1]]


def jac(x):
    return np.array(
        [
            [1 + 1.5 * (x[0] - x[1]) ** 2, -1.5 * (x[0] - x[1]) ** 2],
            [-1.5 * (x[1] - x[0]) ** 2, 1 + 1.5 * (x[1] - x[0]) ** 2],
        ]
    )


@pytest.mark.parametrize("method", ["hybr", "lm"])
@pytest.mark.parametrize("given", [None, jac])
def test_the_documented_system(method, given):
    result = root(fun, [0, 0], jac=given, method=method)
    theirs = scipy.optimize.root(fun, [0, 0], jac=jac, method=method)
    assert_allclose(result.x, [0.8411639, 0.1588361], atol=1e-7)
    assert np.max(np.abs(fun(result.x))) < 1e-15 and result.success and result.status == theirs.status
    assert set(theirs) <= set(result)
    for key in ("fjac", "r", "ipvt", "qtf", "cov_x"):
        assert (key in result) == (key in theirs)
        assert key not in result or np.shape(result[key]) == np.shape(theirs[key])


def test_factors_of_the_jacobian():
    result = root(fun, [0, 0])
    R = np.zeros((2, 2))
    R[np.triu_indices(2)] = result.r
    assert_allclose(result.fjac.T @ R, jac(result.x), atol=1e-12)
    assert_allclose(root(fun, [0, 0], method="lm").cov_x, np.linalg.inv(jac(result.x).T @ jac(result.x)), rtol=1e-9)


def test_value_and_jacobian_together():
    result = root(lambda x: (np.asarray([x[0] + np.cos(x[0])]), np.asarray([[1 - np.sin(x[0])]])), 0.3, jac=True)
    assert_allclose(result.x, [-0.7390851332151607], rtol=1e-14)
    assert_allclose(root(lambda x, a: x + a * np.cos(x), 0.3, args=2.0).x, [-1.0298665293222588], rtol=1e-14)


def test_the_documented_fsolve():
    def func(x):
        return [x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5]

    x, info, ier, message = fsolve(func, [1, 1], full_output=True)
    assert_allclose(x, [6.50409711, 0.90841421], atol=1e-8)
    assert ier == 1 and message == "The solution converged."
    assert {"nfev", "fjac", "r", "qtf", "fvec"} <= set(info)
    assert np.max(np.abs(info["fvec"])) < 1e-13
    assert fsolve(lambda x: x**3 - 8, 3).shape == (1,)


def test_no_root_is_no_success():
    result = root(lambda x: x**2 + 1, [1.0])
    assert not result.success and result.status in (2, 3, 4, 5) and "Try another start" in result.message
    with pytest.warns(RuntimeWarning):
        fsolve(lambda x: x**2 + 1, [1.0])


def test_a_double_root():
    assert_allclose(root(lambda x: x**2, [1.0]).x, [0.0], atol=1e-6)


def test_a_larger_system():
    n = 40
    t = np.arange(1, n + 1) / (n + 1)

    def discrete(x):  # Moré, Garbow and Hillstrom's problem 28: a boundary value problem
        left, right = np.concatenate([np.zeros(1), x[:-1]]), np.concatenate([x[1:], np.zeros(1)])
        return 2 * x - left - right + (x + t + 1) ** 3 / (2 * (n + 1) ** 2)

    result = root(discrete, t * (t - 1))
    assert result.success
    assert_allclose(discrete(result.x), 0, atol=1e-14)


@pytest.mark.parametrize("method", ["krylov", "broyden1", "df-sane"])
def test_methods_for_large_systems_are_scipys(method):
    result = root(lambda x: np.cos(x) - x, np.full((2, 3), 0.5), method=method)
    assert result.x.shape == (2, 3)
    assert_allclose(result.x, 0.7390851332151607, atol=1e-4)


def test_errors_and_warnings():
    with pytest.raises(ValueError, match="Unknown solver"):
        root(fun, [0, 0], method="nonsense")
    for module in (scipy.optimize, pytest.importorskip("thalweg.scipy")):
        with pytest.raises(TypeError):
            module.root(lambda x: x[:1], [1.0, 2.0])
        with pytest.raises(TypeError):
            module.root(lambda x: x[:1], [1.0, 2.0], method="lm")
        with pytest.warns(RuntimeWarning):
            module.root(fun, [0, 0], callback=print)
    with pytest.warns(scipy.optimize.OptimizeWarning):
        root(fun, [0, 0], options={"nonsense": 1})
    limited = root(lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0]], [-1.2, 1.0], options={"maxfev": 1})
    assert limited.status in (1, 2)
