"""The augmented Lagrangian method: hard cases, and problems without a factorization."""

import numpy as np
import pytest
import scipy.sparse as sp

from optimize.hard_problems import INFEASIBLE, SOLVABLE, UNBOUNDED, Case, run
from thalweg.optimize.augmented import AugmentedLagrangian
from thalweg.optimize.build import build
from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import Run
from thalweg.optimize.problem import Constraints, Problem
from thalweg.optimize.saved import pack, restored


@pytest.mark.parametrize("name", SOLVABLE)
def test_hard_cases_are_solved(name):
    case = SOLVABLE[name]
    at, _, _ = run(AugmentedLagrangian, case, tol=1e-7)
    assert at.residual <= 1e-7
    assert at.point.value == pytest.approx(case.value, abs=1e-5)
    assert at.point.violation <= 1e-7


@pytest.mark.parametrize("name", INFEASIBLE)
def test_contradictions_end_as_infeasible_at_least_violation(name):
    at, stuck, _ = run(AugmentedLagrangian, INFEASIBLE[name])
    assert stuck is not None and stuck.status == "infeasible"
    least = {"two values": np.sqrt(0.5), "line off the box": 2.0, "negative square": 1.0}[name]
    assert np.linalg.norm(at.point.c) == pytest.approx(least, abs=1e-5)


@pytest.mark.parametrize("name", UNBOUNDED)
def test_a_value_that_falls_for_ever_ends_as_unbounded(name):
    _, stuck, _ = run(AugmentedLagrangian, UNBOUNDED[name])
    assert stuck is not None and stuck.status == "unbounded"


def test_the_multipliers_have_the_signs_of_the_sides():
    case = Case(
        lambda x: (x[0] - 3) ** 2 + (x[1] + 3) ** 2 + (x[2] - 1) ** 2,
        (0.5, 0.5, 0.5),
        np.nan,
        lambda x: [x[0] + x[2] <= 1.5, x[1] >= -1],
        (np.array([-np.inf, -np.inf, 0.0]), np.array([np.inf, np.inf, 0.25])),
    )
    at, _, _ = run(AugmentedLagrangian, case)
    # ∇f = (−3, 4, −2) at (1.5, −1, 0): the row's upper side takes 3, and the lower bounds −4 and 2 − 3.
    np.testing.assert_allclose(at.point.x, [1.5, -1.0, 0.0], atol=1e-7)
    np.testing.assert_allclose(at.y, [3.0], atol=1e-6)
    np.testing.assert_allclose(at.z, [0.0, -4.0, -1.0], atol=1e-6)


def chain(links):
    """A chain of equal links between (0, 0) and (1, 0), of total length 2: its potential energy, by sparse matrices."""
    N = links - 1
    L, n = 2.0 / links, 2 * N

    def f(v):
        g = np.zeros(n)
        g[N:] = 1.0 / N
        return float(v[N:].sum() / N), g

    i = np.arange(links)
    rows = np.concatenate([i[1:], i[:-1], i[1:], i[:-1]])
    columns = np.concatenate([i[1:] - 1, i[:-1], N + i[1:] - 1, N + i[:-1]])

    def c(v):
        dx, dy = np.diff([0, *v[:N], 1]), np.diff([0, *v[N:], 0])
        entries = np.concatenate([-2 * dx[1:], 2 * dx[:-1], -2 * dy[1:], 2 * dy[:-1]]) / L
        J = sp.csr_array((entries, (rows, columns)), shape=(links, n))
        return (dx * dx + dy * dy) / L - L, J

    def curvature(v, y):
        T = sp.diags([2 * (y[:-1] + y[1:]) / L, -2 * y[1:-1] / L, -2 * y[1:-1] / L], [0, 1, -1])
        return sp.csr_array(sp.block_diag([T, T]))

    zero = sp.csr_array((n, n))
    t = np.linspace(0, 1, links + 1)[1:-1]
    rows_of = Constraints(np.zeros(links), np.zeros(links), c, curvature)
    return Problem(n, f, lambda v: zero, constraints=rows_of, sparse=True), np.concatenate(
        [t, -0.7 * np.sin(np.pi * t)]
    )


def test_a_hanging_chain_is_a_catenary():
    problem, start = chain(40)
    loop, engine = Run(problem), AugmentedLagrangian(problem)
    at = engine.begin(start, loop)
    for _ in range(400):
        if at.residual <= 1e-6:
            break
        at = engine.advance(at, loop)
        assert not isinstance(at, Stuck)
    assert at.residual <= 1e-6
    # The catenary of length 2 over a span of 1: sinh(q)/q = 2; its lowest point hangs (cosh(q) − 1)/(2q) deep.
    from scipy.optimize import brentq

    q = brentq(lambda q: np.sinh(q) / q - 2, 0.1, 5)
    assert at.point.x[39:].min() == pytest.approx(-(np.cosh(q) - 1) / (2 * q), abs=5e-3)


def test_an_obstacle_problem_keeps_its_bounds_and_uses_no_factorization():
    k = 40
    T = sp.diags([np.full(k, 2.0), np.full(k - 1, -1.0), np.full(k - 1, -1.0)], [0, 1, -1])
    A = sp.csr_array(sp.kron(T, sp.identity(k)) + sp.kron(sp.identity(k), T))
    t = np.linspace(0, 1, k + 2)[1:-1]
    lower = (np.maximum(0, np.outer(np.sin(9 * t), np.sin(9 * t))) ** 3).ravel()
    b = np.full(k * k, (t[1] - t[0]) ** 2)
    problem = Problem(
        k * k, lambda x: (float(0.5 * x @ (A @ x) - b @ x), A @ x - b), lambda x: A, lower=lower, sparse=True
    )
    loop, engine = Run(problem), AugmentedLagrangian(problem)
    at = engine.begin(np.ones(k * k), loop)
    for _ in range(100):
        if at.residual <= 1e-8:
            break
        at = engine.advance(at, loop)
    x, g = at.point.x, at.point.gradient
    assert (x >= lower).all()
    assert (g >= -1e-8).all()  # a membrane is pushed up by the obstacle only
    assert np.abs(g * (x - lower)).max() <= 1e-8
    assert problem.count.value < 40


def test_a_stationary_start_of_the_violation_is_left_by_starting_again():
    """The rows have no slope where the first penalty lets the objective pull x to."""
    case = Case(
        lambda x: 100 * (x[0] ** 2 + x[1] ** 2), (2.0, 1.0), 200.0, {"ineq": lambda x: [x[0] ** 2 * x[1] ** 2 - 1]}
    )
    at, stuck, _ = run(AugmentedLagrangian, case, tol=1e-7)
    assert stuck is None and at.point.value == pytest.approx(200.0, abs=1e-3)


def test_bad_starts_and_caches():
    problem = Problem(1, lambda x: (np.nan, np.array([np.nan])), lambda x: np.eye(1))
    loop, engine = Run(problem), AugmentedLagrangian(problem)
    stuck = engine.advance(engine.begin(np.array([1.0]), loop), loop)
    assert isinstance(stuck, Stuck) and stuck.not_finite
    problem, start = chain(10)
    ends = []
    for forget in (False, True):
        loop, engine = Run(problem), AugmentedLagrangian(problem)
        at = engine.begin(start, loop)
        for _ in range(20):
            if forget:
                engine._cached = None
            at = engine.advance(at, loop)
        ends.append(at.point.x)
    np.testing.assert_array_equal(*ends)
    assert engine.worth_polishing(at, loop) is False


def test_what_it_remembers_can_be_saved_and_resumed():
    case = SOLVABLE["Hock and Schittkowski 71"]
    problem = build(case.f, np.array(case.x0), subject_to=case.subject_to, bounds=case.bounds).problem
    loop, engine = Run(problem), AugmentedLagrangian(problem)
    at = engine.begin(np.array(case.x0), loop)
    for _ in range(2):
        at = engine.advance(at, loop)
    kept = pack({"engine": engine, "at": at})
    again = restored(kept, problem, {"engine": AugmentedLagrangian(problem)})
    np.testing.assert_array_equal(again["engine"].advance(again["at"], loop).point.x, engine.advance(at, loop).point.x)
