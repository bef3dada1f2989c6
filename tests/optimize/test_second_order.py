"""The rows of second-order methods, through the loop."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import thalweg as tw
from optimize.bounded import minimum, obstacle, ravine
from optimize.nist import regression
from thalweg.errors import ArgumentError
from thalweg.optimize import METHODS, Problem, State, descend, minimize
from thalweg.optimize.second_order import SECOND_ORDER


def valley(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_every_row_is_in_the_table():
    assert {row.name for row in SECOND_ORDER} <= set(METHODS)


@pytest.mark.parametrize("method", ["newton", "newton-cg", "projected-newton", "l-bfgs-b"])
def test_a_valley_from_a_plain_function(method):
    s = minimize(valley, [-1.2, 1.0, -1.2, 1.0], method=method)
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(s.x, 1, atol=1e-7)


@pytest.mark.parametrize("method", ["newton", "projected-newton", "l-bfgs-b"])
def test_between_bounds_from_a_plain_function(method):
    s = tw.minimize(lambda x: (x[0] - 2) ** 2 + (x[1] + 1) ** 2, [0.5, 0.5], bounds=[(0, 1), (0, 1)], method=method)
    assert s.success
    np.testing.assert_array_equal(s.x, [1, 0])


@pytest.mark.parametrize("form", ["sparse", "products"])
def test_newton_takes_the_form_of_the_problem(form):
    problem, start = ravine(600, form)
    its = minimum(METHODS["newton"].make(problem), problem, start)
    np.testing.assert_allclose(its[-1].point.x, 1, atol=1e-8)
    assert len(its) < 60 and (problem.count.hessian > 0) == (form == "sparse")


def test_newton_between_bounds_in_sparse_form():
    ends = [
        minimum(METHODS["newton"].make(problem), problem, np.zeros(900))[-1].point.value
        for problem in (obstacle(30), obstacle(30, "products"))
    ]
    assert ends[0] == pytest.approx(ends[1], rel=1e-10)


@pytest.mark.parametrize("method", ["gauss-newton", "levenberg-marquardt"])
@pytest.mark.parametrize("name", ["misra1a", "chwirut2", "danwood", "kirby2"])
def test_regressions(name, method):
    found = regression(name)
    s = minimize(found.problem, found.starts[1], method=method)
    assert s.success
    np.testing.assert_allclose(s.x, found.certified, rtol=2e-9)


@pytest.mark.parametrize("method", ["gauss-newton", "levenberg-marquardt"])
def test_a_method_for_sums_of_squares_needs_one(method):
    bowl = Problem(1, lambda x: (float(x @ x), 2 * x), lambda x: 2 * np.eye(1))
    with pytest.raises(ArgumentError, match=r"sums? of squares"):
        minimize(bowl, [1.0], method=method)


@pytest.mark.parametrize("method", ["projected-newton", "l-bfgs-b"])
def test_a_saved_run_goes_on_bit_for_bit(method, tmp_path):
    file = tmp_path / "state.npz"

    def problem():
        return obstacle(12, "dense" if method == "projected-newton" else "products")

    whole = minimize(problem(), np.zeros(144), method=method, tol=1e-12)
    for state in descend(problem(), np.zeros(144), method, tol=1e-12):
        if state.iteration == min(15, whole.iterations - 1):
            state.save(file)
            break
    again = minimize(problem(), State.load(file), method=method, tol=1e-12)
    np.testing.assert_array_equal(again.x, whole.x)
    assert again.iterations == whole.iterations


def test_sparse_least_squares():
    """Rows of a chain of valleys, with the sparse Jacobian given by hand."""
    from thalweg.optimize.problem import Residuals

    n = 300

    def r_and_jacobian(x):
        r = np.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])
        i = np.arange(n - 1)
        rows = np.concatenate([i, i, i + n - 1])
        data = np.concatenate([-20 * x[:-1], np.full(n - 1, 10.0), np.full(n - 1, -1.0)])
        return r, csr_array((data, (rows, np.concatenate([i, i + 1, i]))), shape=(2 * n - 2, n))

    def f_and_gradient(x):
        r, J = r_and_jacobian(x)
        return 0.5 * float(r @ r), J.T @ r

    problem = Problem(n, f_and_gradient, residuals=Residuals(r_and_jacobian), sparse=True)
    s = minimize(problem, np.full(n, 0.5), method="levenberg-marquardt")
    np.testing.assert_allclose(s.x, 1, atol=1e-6)
