"""`thalweg.scipy.minimize` against SciPy's documented examples, and against what is known of the problems."""

import warnings

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint, OptimizeResult, rosen, rosen_der, rosen_hess

from checks import needs
from thalweg.errors import ArgumentError
from thalweg.scipy import minimize
from thalweg.scipy.names import NAMES

METHODS = [name.title for name in NAMES.values()]
START = [1.3, 0.7, 0.8, 1.9, 1.2]


def saddle(x):
    return x[0] ** 2 - x[1] ** 2 + x[1] ** 4


@pytest.mark.parametrize("method", [None, *METHODS])
def test_rosenbrock_by_every_name(method):
    result = minimize(rosen, START, method=method)
    assert isinstance(result, OptimizeResult) and result.success and result.kind == "strict minimum"
    assert result.x.dtype == np.float64 and result.x.shape == (5,)
    assert_allclose(result.x, np.ones(5), atol=1e-8)
    assert result.status == (1 if method == "trust-constr" else 0)


@pytest.mark.parametrize("method", [None, *METHODS])
def test_no_method_ends_on_the_saddle(method):
    """From (1, 0) SciPy's methods go straight to (0, 0), and call it a success."""
    result = minimize(saddle, [1.0, 0.0], method=method)
    assert result.success and result.kind == "strict minimum"
    assert_allclose(result.fun, -0.25, atol=1e-12)
    assert_allclose(np.abs(result.x), [0.0, np.sqrt(0.5)], atol=1e-6)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "SLSQP"])
def test_scipy_does_end_on_the_saddle(method):
    """The comparison that makes the test above one."""
    theirs = scipy.optimize.minimize(
        saddle, [1.0, 0.0], method=method, jac=lambda x: [2 * x[0], 4 * x[1] ** 3 - 2 * x[1]]
    )
    assert theirs.success and abs(theirs.fun) < 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_fields_are_those_of_scipy(method):
    second = method in ("Newton-CG", "dogleg", "trust-ncg", "trust-exact", "trust-krylov")
    gradient = None if method in ("Nelder-Mead", "Powell", "COBYLA", "COBYQA") else rosen_der
    theirs = scipy.optimize.minimize(
        rosen, [1.2, 1.1], method=method, jac=gradient, hess=rosen_hess if second else None
    )
    result = minimize(rosen, [1.2, 1.1], method=method)
    missing = set(theirs) - set(result) - {"final_simplex", "direc", "constr_penalty"}
    assert missing == set()
    for key in set(theirs) & set(result):
        assert np.shape(theirs[key]) == np.shape(result[key]), key


# ---------------------------------------------------------------- SciPy's documentation


def objective(x):
    return (x[0] - 1) ** 2 + (x[1] - 2.5) ** 2


CONSTRAINTS = (
    {"type": "ineq", "fun": lambda x: x[0] - 2 * x[1] + 2},
    {"type": "ineq", "fun": lambda x: -x[0] - 2 * x[1] + 6},
    {"type": "ineq", "fun": lambda x: -x[0] + 2 * x[1] + 2},
)


@pytest.mark.parametrize("method", [None, "SLSQP", "COBYLA", "COBYQA", "trust-constr"])
def test_the_example_of_minimize(method):
    result = minimize(objective, (2, 0), method=method, bounds=((0, None), (0, None)), constraints=CONSTRAINTS)
    assert result.success
    assert_allclose(result.x, [1.4, 1.7], atol=1e-8)
    assert_allclose(result.multipliers, [0.8, 0, 0], atol=1e-7)
    tightened = ({"type": "ineq", "fun": lambda x: x[0] - 2 * x[1] + 2 - 1e-2}, *CONSTRAINTS[1:])
    second = minimize(objective, (2, 0), method=method, bounds=((0, None), (0, None)), constraints=tightened)
    assert_allclose(second.fun - result.fun, 0.00802, atol=1e-8)  # as SciPy's page shows


def test_the_tutorial_of_unconstrained_methods():
    def rosen_with_args(x, a, b):
        return sum(a * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0) + b

    result = minimize(rosen_with_args, START, method="nelder-mead", args=(0.5, 1.0), options={"xatol": 1e-8})
    assert_allclose(result.x, np.ones(5), atol=1e-7)
    assert_allclose(result.fun, 1.0)
    hessian_product = minimize(
        rosen, START, method="Newton-CG", jac=rosen_der, hessp=lambda x, p: rosen_hess(x) @ p, options={"xtol": 1e-8}
    )
    assert_allclose(hessian_product.x, np.ones(5), atol=1e-8)


def test_a_gradient_that_comes_with_the_value():
    def pair(x):
        return rosen(x), rosen_der(x)

    assert_allclose(minimize(pair, START, jac=True, method="BFGS").x, np.ones(5), atol=1e-8)


@pytest.mark.parametrize("how", ["2-point", "3-point", "cs", None, False, rosen_der])
def test_every_jac_gives_exact_derivatives(how):
    result = minimize(rosen, START, method="BFGS", jac=how)
    assert_allclose(result.x, np.ones(5), atol=1e-8)
    assert "cannot be differentiated" not in result.message


# the minimum of Rosenbrock's function on 2x + y = 1: a zero of 200 (1 − 2x − x²) (−2 − 2x) − 2 (1 − x), a cubic
FIRST = next(t.real for t in np.roots([400, 1200, 402, -402]) if 0 < t.real < 1)
ON_THE_LINE = [FIRST, 1 - 2 * FIRST]


def test_the_tutorial_of_trust_constr():
    bounds = Bounds([0, -0.5], [1.0, 2.0])
    linear = LinearConstraint([[1, 2], [2, 1]], [-np.inf, 1], [1, 1])

    def cons_f(x):
        return [x[0] ** 2 + x[1], x[0] ** 2 - x[1]]

    nonlinear = NonlinearConstraint(
        cons_f, -np.inf, 1, jac=lambda x: [[2 * x[0], 1], [2 * x[0], -1]], hess=scipy.optimize.BFGS()
    )
    result = minimize(
        rosen,
        np.array([0.5, 0]),
        method="trust-constr",
        jac="2-point",
        hess=scipy.optimize.SR1(),
        constraints=[linear, nonlinear],
        options={"verbose": 0},
        bounds=bounds,
    )
    assert result.success and result.status == 1
    assert_allclose(result.x, [0.41494531, 0.17010937], atol=3e-6)  # printed on SciPy's page
    assert_allclose(result.x, ON_THE_LINE, atol=1e-9)
    assert_allclose(result.lagrangian_grad, 0, atol=1e-7)
    assert [v.size for v in result.v] == [2, 2, 2] and result.constr_violation < 1e-8


@needs(scipy, "1.16.0", "multipliers from SLSQP")
def test_the_tutorial_of_slsqp():
    ineq = {
        "type": "ineq",
        "fun": lambda x: np.array([1 - x[0] - 2 * x[1], 1 - x[0] ** 2 - x[1], 1 - x[0] ** 2 + x[1]]),
        "jac": lambda x: np.array([[-1.0, -2.0], [-2 * x[0], -1.0], [-2 * x[0], 1.0]]),
    }
    eq = {
        "type": "eq",
        "fun": lambda x: np.array([2 * x[0] + x[1] - 1]),
        "jac": lambda x: np.array([2.0, 1.0]),
    }
    result = minimize(
        rosen,
        np.array([0.5, 0]),
        method="SLSQP",
        jac=rosen_der,
        constraints=[eq, ineq],
        options={"ftol": 1e-9, "disp": False},
        bounds=Bounds([0, -0.5], [1.0, 2.0]),
    )
    assert_allclose(result.x, ON_THE_LINE, atol=1e-9)
    assert_allclose(result.fun, 0.342717574857755, rtol=1e-9)
    theirs = scipy.optimize.minimize(
        rosen, [0.5, 0], method="SLSQP", jac=rosen_der, constraints=[eq, ineq], options={"ftol": 1e-14}
    )
    assert_allclose(result.multipliers, theirs.multipliers, atol=1e-5)


def test_rosenbrock_on_a_disk():
    disk = NonlinearConstraint(lambda x: x[0] ** 2 + x[1] ** 2, -np.inf, 1.0)
    result = minimize(rosen, [0.0, 0.0], method="trust-constr", constraints=disk)
    assert_allclose(result.x, [0.7864151541684, 0.6176983125247], atol=1e-8)  # a published optimum
    assert result.v[0][0] > 0


def weighed(x):
    return x[0] ** 2 + 2 * x[1] ** 2


@pytest.mark.filterwarnings("ignore:Equality and inequality", "ignore:delta_grad")
@pytest.mark.parametrize(
    "method", [pytest.param("SLSQP", marks=needs(scipy, "1.16.0", "multipliers from SLSQP")), "trust-constr"]
)
@pytest.mark.parametrize(
    "constraints",
    [
        [{"type": "eq", "fun": lambda x: x[0] + x[1] - 1}],
        LinearConstraint([[1, 1], [1, 0]], [1, 0.7], [1, 9]),
        [LinearConstraint([1, 1], 1, 1), NonlinearConstraint(lambda x: x[0] * x[1], -1, 0.15)],
        [{"type": "ineq", "fun": lambda x, c: x[0] - c, "args": (2.0,)}, {"type": "eq", "fun": lambda x: x[1] - 3}],
    ],
)
def test_multipliers_have_scipys_signs_and_order(method, constraints):
    theirs = scipy.optimize.minimize(
        weighed, [3.0, 0.5], method=method, constraints=constraints, options={"maxiter": 3000}
    )
    result = minimize(weighed, [3.0, 0.5], method=method, constraints=constraints)
    assert_allclose(result.x, theirs.x, atol=2e-3)
    if method == "SLSQP":
        assert_allclose(result.multipliers, theirs.multipliers, atol=1e-5)
    else:
        for mine, other in zip(result.v, theirs.v, strict=True):
            assert_allclose(mine, other, atol=6e-3)


def test_a_start_from_which_slsqp_ends_at_its_first_step():
    """SciPy 1.17 returns (−1, 2) with success here, where f is 9; the minimum on the line is 2/3."""
    line = {"type": "eq", "fun": lambda x: x[0] + x[1] - 1}
    result = minimize(weighed, [3.0, 0.0], method="SLSQP", constraints=line)
    assert_allclose(result.x, [2 / 3, 1 / 3], atol=1e-10)
    assert_allclose(result.multipliers, [4 / 3], atol=1e-8)


# ---------------------------------------------------------------- arguments


def test_x_is_a_vector_of_floats_also_from_a_number():
    seen = []

    def fun(x, a):
        seen.append((x.shape, x.dtype))
        return (x[0] - a) ** 2

    result = minimize(fun, 3, args=2)
    assert_allclose(result.x, [2.0])
    assert result.x.shape == (1,) and set(seen) == {((1,), np.dtype(float))}


@pytest.mark.parametrize("returned", [lambda x: x[0] ** 2, lambda x: x**2, lambda x: [x[0] ** 2], lambda x: (x @ x,)])
def test_what_an_objective_may_return(returned):
    assert_allclose(minimize(returned, 3.0).x, [0.0], atol=1e-8)


def test_a_function_that_writes_to_its_argument():
    def fun(x):
        x[0] -= 1
        return x @ x

    result = minimize(fun, [3.0, 4.0])
    assert_allclose(result.x, [1.0, 0.0], atol=1e-8)


@pytest.mark.parametrize(
    "bounds", [[(0, 0.5), (None, None)], Bounds([0, -np.inf], [0.5, np.inf]), ((0, 0.5), (None, 3))]
)
@pytest.mark.parametrize("method", [None, "L-BFGS-B", "TNC", "BFGS", "Nelder-Mead", "Powell"])
def test_bounds_are_kept_by_every_method(bounds, method):
    result = minimize(rosen, [2.0, 2.0], method=method, bounds=bounds)
    assert_allclose(result.x, [0.5, 0.25], atol=1e-7)
    assert result.success


def test_constraints_are_kept_where_scipy_drops_them():
    """SciPy warns that BFGS cannot handle constraints, and returns the free minimum."""
    result = minimize(lambda x: x @ x, [3.0, 1.0], method="BFGS", constraints={"type": "eq", "fun": lambda x: x[0] - 1})
    assert_allclose(result.x, [1.0, 0.0], atol=1e-8)
    assert "'BFGS' cannot keep the constraints" in result.message


def test_fixed_variables():
    result = minimize(rosen, [1.0, 2.0], bounds=[(3, 3), (None, None)])
    assert_allclose(result.x, [3.0, 9.0])
    assert np.isnan(result.jac[0]) and abs(result.jac[1]) < 1e-8
    nothing = minimize(rosen, [1.0, 2.0], bounds=[(3, 3), (2, 2)])
    assert nothing.success and nothing.fun == rosen([3, 2]) and nothing.nfev == 1
    broken = minimize(
        rosen, [1.0, 2.0], bounds=[(3, 3), (2, 2)], constraints={"type": "ineq", "fun": lambda x: 1 - x[0]}
    )
    assert not broken.success and "Maximum violation: 2" in broken.message


def test_constraints_that_contradict_one_another():
    constraints = [{"type": "ineq", "fun": lambda x: x[0] - 3}, {"type": "ineq", "fun": lambda x: 1 - x[0]}]
    result = minimize(lambda x: x @ x, [0.0, 0.0], method="SLSQP", constraints=constraints)
    assert not result.success and result.status == 4
    assert "Infeasible" in result.message


@pytest.mark.parametrize(
    "error, words",
    [
        (ValueError, {"x0": [[1.0, 2.0]]}),
        (ValueError, {"x0": [1.0, 2.0], "bounds": [(0, 1)] * 3}),
        (ValueError, {"x0": [1.0, 2.0], "bounds": [(1, 0), (0, 1)]}),
        (ValueError, {"x0": [1.0, 2.0], "method": "nonsense"}),
        (ValueError, {"x0": ["a"]}),
        (ValueError, {"x0": []}),
        (TypeError, {"x0": [1.0, 2.0], "bounds": 3}),
        (ValueError, {"x0": [1.0, 2.0], "constraints": [{"type": "lt", "fun": rosen}]}),
        (KeyError, {"x0": [1.0, 2.0], "constraints": [{"fun": rosen}]}),
        (ValueError, {"x0": [1.0, 2.0], "constraints": [{"type": "eq"}]}),
        (TypeError, {"x0": [1.0, 2.0], "constraints": [3]}),
    ],
)
def test_errors_are_scipys(error, words):
    for module in (scipy.optimize.minimize, minimize):
        with pytest.raises(error):
            module(rosen, **words)


def test_objectives_that_are_none():
    with pytest.raises(ValueError):
        minimize(lambda x: x, [1.0, 2.0])
    with pytest.raises(ValueError):
        minimize(lambda x: None, [1.0, 2.0])
    with pytest.raises(TypeError):
        minimize(3, [1.0, 2.0])
    assert issubclass(ArgumentError, ValueError)


def test_an_error_of_the_users_goes_on_its_way():
    def fun(x):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        minimize(fun, [1.0, 2.0])


def test_a_start_that_is_no_number():
    result = minimize(rosen, [np.nan, 2.0], method="BFGS")
    assert not result.success and result.status == 3 and "NaN" in result.message


# ---------------------------------------------------------------- options and methods


def test_limits():
    result = minimize(rosen, START, method="SLSQP", options={"maxiter": 2})
    assert (result.status, result.success, result.nit) == (9, False, 2) and "maxiter" in result.message
    result = minimize(rosen, START, method="Nelder-Mead", options={"maxfev": 4})
    assert (result.status, result.success) == (1, False) and result.nfev <= 6
    result = minimize(rosen, START, method="COBYLA", options={"f_target": 1.0})
    assert result.success and rosen(result.x) == result.fun <= 1.0


def test_gtol_is_honoured_and_the_rest_noted():
    loose = minimize(rosen, START, method="BFGS", options={"gtol": 1e-2})
    tight = minimize(rosen, START, method="BFGS", options={"gtol": 1e-10, "c1": 1e-3})
    assert 1e-10 < np.max(np.abs(loose.jac)) <= 1e-2 and np.max(np.abs(tight.jac)) <= 1e-10
    assert "not needed: c1" in tight.message
    assert "not by ftol" in minimize(rosen, START, method="SLSQP", options={"ftol": 1e-9}).message
    with pytest.warns(scipy.optimize.OptimizeWarning, match="Unknown solver options: foo"):
        minimize(rosen, START, options={"foo": 1})


def test_display_and_iterates(capsys):
    result = minimize(rosen, START, method="BFGS", options={"disp": True, "return_all": True})
    text = capsys.readouterr().out
    assert "Current function value: 0.000000" in text and f"Iterations: {result.nit}" in text
    assert len(result.allvecs) == result.nit + 1
    assert_allclose(result.allvecs[0], START)
    assert_allclose(result.allvecs[-1], result.x)
    with pytest.warns(RuntimeWarning, match="Maximum number of iterations"):
        minimize(rosen, START, method="BFGS", options={"disp": True, "maxiter": 1})
    assert "Iterations: 1" in capsys.readouterr().out


def test_thalwegs_own_names_are_taken():
    result = minimize(rosen, START, method="gradient-descent", options={"maxiter": 3})
    assert result.nit == 3 and result.solution.method == "gradient-descent"


def test_a_method_of_the_users_own_gets_an_exact_gradient():
    seen = {}

    def custmin(fun, x0, args=(), jac=None, stepsize=0.1, **options):
        seen.update(options, jac=jac)
        x = np.asarray(x0)
        for _ in range(200):
            x = x - stepsize * jac(x, *args)
        return OptimizeResult(x=x, fun=fun(x, *args), success=True)

    result = minimize(
        lambda x, a: (x - a) @ (x - a), [3.0, 4.0], args=(2.0,), method=custmin, options={"stepsize": 0.3}
    )
    assert_allclose(result.x, [2.0, 2.0])
    assert_allclose(seen["jac"](np.array([3.0, 4.0])), [2.0, 4.0])
    assert {"hess", "hessp", "bounds", "constraints", "callback"} <= set(seen)


def test_hess_inv_is_the_inverse_of_the_hessian():
    dense = minimize(rosen, [1.2, 1.1], method="BFGS")
    operator = minimize(rosen, [1.2, 1.1], method="L-BFGS-B")
    exact = np.linalg.inv(rosen_hess(np.ones(2)))
    assert_allclose(dense.hess_inv, exact, rtol=1e-6)
    assert isinstance(operator.hess_inv, scipy.optimize.LbfgsInvHessProduct)
    assert_allclose(operator.hess_inv.todense(), exact, rtol=1e-6)
    assert_allclose(operator.hess_inv @ np.array([1.0, 2.0]), exact @ [1.0, 2.0], rtol=1e-6)


def test_many_variables():
    result = minimize(rosen, np.full(500, 1.3), method="L-BFGS-B")
    assert result.success and result.hess_inv.shape == (500, 500)
    assert_allclose(result.x, np.ones(500), atol=1e-6)


def test_a_sparse_linear_constraint_stays_sparse():
    from scipy.sparse import diags_array

    n = 400
    A = diags_array([np.ones(n), np.ones(n - 1)], offsets=[0, 1], shape=(n, n)).tocsr()[:-1]
    result = minimize(lambda x: np.sum((x - 1) ** 2), np.zeros(n), constraints=LinearConstraint(A, 0, 1))
    assert result.success and result.solution.built.problem.sparse
    assert np.max(A @ result.x) <= 1 + 1e-8
    # convex, so that stationarity with multipliers of the right sign proves the optimum
    v = -2 * (result.x - 1)
    y, *_ = np.linalg.lstsq(A.T.toarray(), v, rcond=None)
    assert_allclose(A.T @ y, v, atol=1e-6)
    assert np.all(y[A @ result.x > 1 - 1e-6] > -1e-6) and np.all(y[A @ result.x < 1e-6] < 1e-6)


def test_nothing_is_warned_of_in_a_plain_call():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        minimize(rosen, START, method="trust-ncg", jac=rosen_der, hess=rosen_hess)
        minimize(rosen, START, method="Nelder-Mead", jac=rosen_der)
