"""Newton between bounds: published problems, the obstacle problem, order of convergence, and SciPy beside it."""

import numpy as np
import pytest
from benchmarks.hs import ALL
from scipy.optimize import least_squares, minimize

import thalweg as tw
from optimize.bounded import minimum, obstacle
from optimize.nist import least_squares_problem, regression
from thalweg.optimize import Problem
from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import OutOfTime, Run
from thalweg.optimize.projected_newton import ProjectedNewton

INF = np.inf
BOUNDS_ONLY = {p.name: p for p in ALL if p.eq is None and p.ineq is None and p.lower is not None}


def problem_of(p):
    n = len(p.x0)
    first, second = tw.value_and_grad(p.f), tw.hessian(p.f)

    def f_and_gradient(x):
        assert np.all(x >= lower) and np.all(x <= upper)  # never outside
        value, gradient = first(x)
        return float(value), gradient

    lower, upper = sides(p)
    return Problem(n, f_and_gradient, second, lower=lower, upper=upper)


def sides(p):
    n = len(p.x0)
    lower = np.full(n, -INF) if p.lower is None else np.array(p.lower, dtype=float)
    return lower, np.full(n, INF) if p.upper is None else np.array(p.upper, dtype=float)


def kkt(point, z):
    """Stationarity, complementarity and signs, from their definitions."""
    p = point.problem
    below, above = point.x - p.lower, p.upper - point.x
    signs = np.where(z < 0, np.abs(z) * np.minimum(below, 1e9), np.where(z > 0, z * np.minimum(above, 1e9), 0.0))
    return max(np.max(np.abs(point.gradient + z)), np.max(np.abs(signs)))


@pytest.mark.parametrize("name", sorted(BOUNDS_ONLY))
def test_hock_schittkowski_with_bounds_only(name):
    p = BOUNDS_ONLY[name]
    end = minimum(ProjectedNewton(), problem_of(p), p.x0)[-1]
    known = [p.value, 4.941229318] if name == "HS2" else [p.value]  # from the given start HS2 has a local minimum
    assert end.residual <= 1e-8 and kkt(end.point, end.z) <= 1e-7
    assert min(abs(end.point.value - v) / max(1, abs(v)) for v in known) <= 1e-8


def test_it_takes_fewer_evaluations_than_l_bfgs_b():
    ours, theirs = [], []
    for p in BOUNDS_ONLY.values():
        if p.name == "HS25":  # SciPy stops at the start
            continue
        problem = problem_of(p)
        minimum(ProjectedNewton(), problem, p.x0)
        ours.append(problem.count.value)
        other = problem_of(p)
        result = minimize(
            lambda x: other.f_and_gradient(np.clip(x, other.lower, other.upper)),
            p.x0,
            jac=True,
            bounds=list(zip(*sides(p))),
            method="L-BFGS-B",
            options={"ftol": 0, "gtol": 1e-8},
        )
        theirs.append(result.nfev)
    assert np.mean(np.log(ours)) < np.mean(np.log(theirs))


@pytest.mark.parametrize("seed", range(6))
def test_random_nonconvex_problems_against_l_bfgs_b(seed):
    """f is a tilted, coupled double well; both start at the same point, and ours is as low or is a minimum as well."""
    rng = np.random.default_rng(seed)
    n = 12
    A = rng.standard_normal((n, n)) / n
    A = A + A.T
    b = rng.standard_normal(n)

    def f_and_gradient(x):
        return float(np.sum(x**4 / 4 - x**2 / 2) + 0.5 * x @ A @ x + b @ x), x**3 - x + A @ x + b

    lower, upper = np.full(n, -0.9), rng.uniform(0.2, 1.5, n)
    problem = Problem(n, f_and_gradient, lambda x: np.diag(3 * x * x - 1) + A, lower=lower, upper=upper)
    x0 = rng.uniform(lower, upper)
    end = minimum(ProjectedNewton(), problem, x0)[-1]
    assert end.residual <= 1e-8 and kkt(end.point, end.z) <= 1e-7
    theirs = minimize(f_and_gradient, end.point.x, jac=True, bounds=list(zip(lower, upper)), method="L-BFGS-B")
    assert theirs.fun >= end.point.value - 1e-9


def test_bounds_are_found_and_then_convergence_is_quadratic():
    n = 30
    rng = np.random.default_rng(3)
    c = rng.standard_normal(n)

    T = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)

    def f_and_gradient(x):
        return float(np.sum(np.cosh(x - c)) + 0.5 * x @ T @ x), np.sinh(x - c) + T @ x

    def hessian(x):
        return np.diag(np.cosh(x - c)) + T

    problem = Problem(n, f_and_gradient, hessian, lower=np.full(n, -0.3), upper=np.full(n, 0.4))
    its = minimum(ProjectedNewton(), problem, np.full(n, 0.05), tol=1e-14)
    end = its[-1]
    held = end.z != 0
    assert 5 < held.sum() < 25
    assert np.all(np.isin(end.point.x[held], [-0.3, 0.4]))
    error = np.array([np.max(np.abs(i.point.x - end.point.x)) for i in its[:-1]])
    error = error[error > 1e-15]
    assert error[-1] < 10 * error[-2] ** 2 and len(its) < 10


@pytest.mark.parametrize("form", ["dense", "sparse", "products"])
def test_the_obstacle_problem_in_each_form(form):
    its = minimum(ProjectedNewton(), obstacle(20, form), np.zeros(400))
    end = its[-1]
    assert end.residual <= 1e-8 and end.point.value == pytest.approx(5.32070536339, rel=1e-10)
    assert np.all(end.z <= 0) and np.sum(end.z < -1e-6) == 20


@pytest.mark.parametrize("form", ["sparse", "products"])
def test_the_number_of_steps_does_not_grow_with_the_grid(form):
    steps = [len(minimum(ProjectedNewton(), obstacle(N, form), np.zeros(N * N))) - 1 for N in (10, 30, 90)]
    assert max(steps) <= 8


def test_a_start_outside_is_brought_inside():
    bowl = Problem(
        2, lambda x: (0.5 * float(x @ x), x), lambda x: np.eye(2), lower=np.full(2, 1.0), upper=np.full(2, 2.0)
    )
    engine = ProjectedNewton()
    at = engine.begin(np.array([-50.0, 50.0]), Run(bowl))
    np.testing.assert_array_equal(at.point.x, [1, 2])
    assert bowl.count.value == 1


def test_without_bounds_it_is_newtons_method():
    A = np.diag([1.0, 10.0, 100.0])
    problem = Problem(3, lambda x: (0.5 * float(x @ A @ x), A @ x), lambda x: A)
    its = minimum(ProjectedNewton(), problem, np.ones(3))
    assert len(its) == 2 and np.all(its[-1].z == 0)


@pytest.mark.parametrize("units", [1.0, 2.0**20])
def test_the_units_of_the_variables_do_not_matter(units):
    p = BOUNDS_ONLY["HS38"]
    plain = problem_of(p)
    u = np.array([units, 1.0, 1 / units, 4.0])
    other = Problem(
        4,
        lambda x: (plain.f_and_gradient(x * u)[0], plain.f_and_gradient(x * u)[1] * u),
        lambda x: plain.f_hessian(x * u) * np.outer(u, u),
        lower=plain.lower / u,
        upper=plain.upper / u,
    )
    a = minimum(ProjectedNewton(), plain, p.x0, tol=0.0, most=20)
    b = minimum(ProjectedNewton(), other, np.array(p.x0) / u, tol=0.0, most=20)
    np.testing.assert_allclose([i.point.x * u for i in b[:15]], [i.point.x for i in a[:15]], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name, start", [("misra1a", 1), ("chwirut2", 1), ("danwood", 0), ("mgh09", 1)])
def test_levenberg_marquardt_between_bounds_against_trf(name, start):
    """The certified value of the first parameter is out of bounds."""
    found = regression(name)
    n = found.certified.size
    lower, upper = np.full(n, -INF), np.full(n, INF)
    if found.starts[start][0] > found.certified[0]:
        lower[0] = 0.5 * (found.starts[start][0] + found.certified[0])
    else:
        upper[0] = 0.5 * (found.starts[start][0] + found.certified[0])
    problem = Problem(
        n,
        found.problem.f_and_gradient,
        found.problem.f_hessian,
        lower=lower,
        upper=upper,
        residuals=found.problem.residuals,
    )
    end = minimum(ProjectedNewton(squares=True), problem, found.starts[start], tol=1e-10)[-1]
    r = found.problem.residuals.r_and_jacobian
    trf = least_squares(
        lambda b: r(b)[0],
        found.starts[start],
        jac=lambda b: r(b)[1],
        bounds=(lower, upper),
        x_scale="jac",
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
        max_nfev=5000,
    )
    assert end.point.value <= trf.cost * (1 + 1e-9)
    assert end.point.x[0] in (lower[0], upper[0]) or abs(end.point.value / trf.cost - 1) > 1e-9


def test_bounded_least_squares_to_zero_residual():
    problem = least_squares_problem(
        lambda x: np.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]]), 2, np.array([-2.0, -2.0]), np.array([0.8, 2.0])
    )
    end = minimum(ProjectedNewton(squares=True), problem, [-1.2, 1.0], tol=1e-12)[-1]
    np.testing.assert_allclose(end.point.x, [0.8, 0.64], rtol=1e-10)
    assert end.z[0] == pytest.approx(0.2) and end.z[1] == 0


def test_all_variables_held():
    corner = Problem(2, lambda x: (float(x.sum()), np.ones(2)), lambda x: np.zeros((2, 2)), lower=np.zeros(2))
    its = minimum(ProjectedNewton(), corner, [3.0, 4.0])
    np.testing.assert_array_equal(its[-1].point.x, [0, 0])
    np.testing.assert_array_equal(its[-1].z, [-1, -1])
    engine, run = ProjectedNewton(), Run(corner)
    stuck = engine.advance(engine.begin(np.zeros(2), run), run)
    assert isinstance(stuck, Stuck) and "held" in stuck.reason


def test_values_that_are_not_finite():
    def logs(x):
        with np.errstate(all="ignore"):
            return float(x[0] - np.log(x[0])), 1 - 1 / x

    problem = Problem(1, logs, lambda x: np.diag(1 / x**2), lower=np.array([-5.0]))
    end = minimum(ProjectedNewton(), problem, [1.99])[-1]
    np.testing.assert_allclose(end.point.x, [1.0])
    broken = Problem(1, lambda x: (0.5 * float(x @ x), x), lambda x: np.array([[np.nan]]), lower=np.array([-5.0]))
    engine, run = ProjectedNewton(), Run(broken)
    stuck = engine.advance(engine.begin(np.ones(1), run), run)
    assert isinstance(stuck, Stuck) and stuck.not_finite and "Hessian" in stuck.reason


def test_the_time_limit_is_seen_within_a_step():
    run = Run(obstacle(20, "products"))
    engine = ProjectedNewton()
    at = engine.begin(np.zeros(400), run)
    run.deadline = -INF
    with pytest.raises(OutOfTime):
        engine.advance(at, run)


def test_polishing_ends():
    p = BOUNDS_ONLY["HS5"]
    engine, run = ProjectedNewton(), Run(problem_of(p))
    at, steps = engine.begin(np.array(p.x0), run), 0
    while at.residual > 1e-3 or engine.worth_polishing(at, run):
        at = engine.advance(at, run)
        steps += 1
    assert steps < 12 and at.residual < 1e-12
