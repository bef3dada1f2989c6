"""Callbacks in SciPy's forms, and the ways in which they end a run."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import OptimizeResult, rosen

from thalweg.scipy import least_squares, minimize

START = [1.3, 0.7]


def test_the_iterates_are_copies_and_the_start_is_not_among_them():
    seen = []

    def callback(xk):
        seen.append(xk)
        xk[:] = 99.0  # a copy, so that this does no harm

    result = minimize(rosen, START, method="BFGS", callback=callback)
    assert result.success and len(seen) == result.nit
    assert all(x.shape == (2,) and x.dtype == float for x in seen)


def test_intermediate_results_by_the_name_of_the_parameter():
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result)

    result = minimize(rosen, START, method="SLSQP", callback=callback)
    assert all(isinstance(item, OptimizeResult) for item in seen) and len(seen) == result.nit
    for item in seen:
        assert_allclose(item.fun, rosen(item.x))


def test_a_method_of_a_list_as_callback():
    seen = []
    minimize(rosen, START, callback=seen.append)
    assert_allclose(seen[-1], [1, 1], atol=1e-8)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "SLSQP", "Nelder-Mead", "trust-exact"])
def test_stop_iteration(method):
    calls = []

    def callback(xk):
        calls.append(xk)
        if len(calls) == 2:
            raise StopIteration

    result = minimize(rosen, START, method=method, callback=callback)
    assert (result.status, result.success, result.nit) == (99, False, 2)
    assert result.message.startswith("`callback` raised `StopIteration`.")


def test_true_stops_trust_constr_alone():
    result = minimize(rosen, START, method="trust-constr", callback=lambda xk, state: state.nit == 2)
    assert (result.status, result.success, result.nit) == (3, False, 2)
    assert minimize(rosen, START, method="BFGS", callback=lambda xk: True).success


def test_the_state_of_trust_constr():
    states = []

    def callback(xk, state):
        states.append((xk, state))
        return False

    minimize(
        rosen, START, method="trust-constr", callback=callback, constraints={"type": "ineq", "fun": lambda x: 1 - x @ x}
    )
    x, state = states[-1]
    assert_allclose(state.x, x)
    assert state.constr_violation < 1e-8 and state.optimality < 1e-6
    assert {"grad", "nfev", "njev", "nhev", "niter", "execution_time"} <= set(state)


def test_an_error_in_the_callback_is_raised_once_and_as_it_is():
    calls = []

    def callback(xk):
        calls.append(xk)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        minimize(rosen, START, callback=callback)
    with pytest.raises(ZeroDivisionError, match="mine"):
        least_squares(lambda x: [x[0] ** 2 - 3, x[1]], START, callback=callback)
    assert len(calls) == 2


def test_ctrl_c_ends_the_program_as_it_does_with_scipy():
    def callback(xk):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimize(rosen, START, callback=callback)
    with pytest.raises(KeyboardInterrupt):
        least_squares(lambda x: [x[0] ** 2 - 3, x[1]], START, callback=callback)


def test_no_callable():
    with pytest.raises(TypeError):
        minimize(rosen, START, callback=3)


def test_least_squares():
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result)
        return len(seen) == 2

    def fun(x):
        return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])

    result = least_squares(fun, [-1.2, 1.0], callback=callback)
    assert (result.status, result.success, len(seen)) == (-2, False, 2)
    assert_allclose(seen[0].fun, fun(seen[0].x))
    assert_allclose(seen[0].cost, 0.5 * np.sum(seen[0].fun ** 2))
