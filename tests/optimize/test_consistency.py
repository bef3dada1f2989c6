"""Every method on every standard problem; and the certified answers of NIST."""

from pathlib import Path

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import HIMMELBLAU_MINIMA, STANDARD, himmelblau, standard
from thalweg.optimize import METHODS, Problem, minimize

DATA = Path(__file__).parent / "data"


SLOW = ("gradient-descent", "momentum", "nesterov")
WINDING = ("rosenbrock", "rosenbrock-10", "powell-singular", "wood")
ALL = [
    (name, method)
    for name in STANDARD
    for method, entry in METHODS.items()
    if not (entry.residuals or entry.batches) and (name != "rosenbrock-10" or method in ("newton", "gradient-descent"))
]


@pytest.mark.parametrize(("name", "method"), ALL)
def test_all_methods_agree(name, method):
    problem, start, value = standard(name)
    if method in SLOW and name in WINDING:
        s = minimize(problem, start, method=method, max_iterations=60)
        assert s.status == "iteration_limit"
        assert min(s.history.value) < 0.3 * s.history.value[0]
        return
    s = minimize(problem, start, method=method, tol=1e-6)
    assert s.success, s
    # where the Hessian is singular, a gradient of 1e-6 leaves 1e-8 in the value
    flat = name == "powell-singular" and method != "newton"
    assert s.value == pytest.approx(value, abs=1e-7 if flat else 1e-10)
    assert s.kind in ("strict minimum", "degenerate")


@pytest.mark.parametrize("name", STANDARD)
def test_newton_reaches_the_last_digits(name):
    problem, start, value = standard(name)
    s = minimize(problem, start, method="newton")
    assert s.success and s.gradient_norm <= 1e-8 and s.iterations < 100
    assert s.value == pytest.approx(value, abs=1e-11)


def test_the_four_minima_of_himmelblau():
    problem = polynomial_problem(himmelblau, 2)
    for minimum in HIMMELBLAU_MINIMA:
        s = minimize(problem, minimum + 0.1)
        assert s.kind == "strict minimum"
        np.testing.assert_allclose(s.x, minimum, atol=1e-5)


def nist(name):
    return np.loadtxt(DATA / f"{name}.csv", delimiter=",", skiprows=1).T


def test_norris_line_to_the_certified_digits():
    y, x = nist("norris")
    N = len(x)

    def f_and_gradient(p):
        r = y - (p[0] * x + p[1])
        return float(r @ r) / N, np.array([-2 * r @ x, -2 * r.sum()]) / N

    H = 2 / N * np.array([[x @ x, x.sum()], [x.sum(), N]])
    s = minimize(Problem(2, f_and_gradient, lambda p: H), [0.0, 0.0])
    assert s.success and s.kind == "strict minimum" and s.iterations <= 3
    np.testing.assert_allclose(s.x, [1.00211681802045, -0.262323073774029], rtol=1e-11)
    assert s.value * N == pytest.approx(26.6173985294224, rel=1e-12)


@pytest.mark.parametrize("start", [[500.0, 1e-4], [250.0, 5e-4]])
def test_misra1a_to_the_certified_digits(start):
    y, x = nist("misra1a")

    def f_and_gradient(b):
        e = np.exp(-b[1] * x)
        r = y - b[0] * (1 - e)
        return float(r @ r), np.array([-2 * r @ (1 - e), -2 * b[0] * r @ (x * e)])

    def hessian(b):
        e = np.exp(-b[1] * x)
        r = y - b[0] * (1 - e)
        J = np.stack([1 - e, b[0] * x * e])
        mixed = -2 * r @ (x * e)
        return 2 * J @ J.T + np.array([[0, mixed], [mixed, 2 * b[0] * r @ (x * x * e)]])

    s = minimize(Problem(2, f_and_gradient, hessian), start)
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(s.x, [2.3894212918e02, 5.5015643181e-04], rtol=1e-10)
    assert s.value == pytest.approx(1.2455138894e-01, rel=1e-9)
