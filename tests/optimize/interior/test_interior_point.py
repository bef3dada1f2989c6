"""The engine: right answers, fast at the end, honest where there is none; whatever the form of the constraints."""

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from scipy.optimize import linprog

from optimize.interior.samples import hs71, kkt_residual, nonlinear, quadratic, solve, sparse
from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import OutOfTime, Run
from thalweg.optimize.interior import InteriorPoint
from thalweg.optimize.problem import Problem

PUBLISHED = {"HS71": (hs71, [1, 5, 5, 1], 17.0140172891563)}


def convex(rng, n=6, equalities=2, inequalities=5):
    """A convex quadratic program with a feasible point inside."""
    root = rng.standard_normal((n, n))
    A = rng.standard_normal((equalities + inequalities, n))
    inside = rng.uniform(0.2, 0.8, n)
    b = A @ inside
    lower = np.concatenate([b[:equalities], b[equalities:] - rng.uniform(0.01, 1, inequalities)])
    upper = np.concatenate([b[:equalities], np.where(rng.random(inequalities) < 0.5, inf, b[equalities:] + 0.5)])
    return quadratic(root @ root.T, 3 * rng.standard_normal(n), A, lower, upper, np.zeros(n), np.ones(n))


@pytest.mark.parametrize("strategy", ["adaptive", "monotone"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_values(name, strategy):
    make, start, value = PUBLISHED[name]
    problem = make()
    at, stuck, _ = solve(problem, start, engine=InteriorPoint(mu_strategy=strategy))
    assert stuck is None and at.point.value == pytest.approx(value, rel=1e-8)
    assert at.y[0] < 0 < at.z[1:].max() + 1 and at.z[0] < -1  # x₀ at its lower bound, the product at its lower side
    assert kkt_residual(problem, at) < 1e-7


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("form", [lambda problem: problem, sparse], ids=["dense", "sparse"])
def test_random_convex_programs_satisfy_the_optimality_conditions(seed, form):
    problem = form(convex(np.random.default_rng(seed)))
    at, stuck, count = solve(problem, np.zeros(6), tol=1e-10)
    assert stuck is None and count <= 25
    assert kkt_residual(problem, at) < 1e-8


@pytest.mark.parametrize("seed", range(6))
def test_linear_programs_agree_with_highs(seed):
    rng = np.random.default_rng(seed)
    A, x = rng.standard_normal((4, 7)), rng.uniform(0.1, 2, 7)
    g = A.T @ rng.standard_normal(4) + rng.uniform(0, 1, 7)  # a dual feasible point, so that there is a minimum
    exact = linprog(g, A_eq=A, b_eq=A @ x, bounds=(0, None))
    problem = quadratic(np.zeros((7, 7)), g, A, A @ x, A @ x, np.zeros(7), np.full(7, inf))
    at, stuck, _ = solve(problem, np.ones(7))
    assert stuck is None and at.point.value == pytest.approx(exact.fun, rel=1e-7, abs=1e-7)
    np.testing.assert_allclose(-at.y, exact.eqlin.marginals, atol=1e-5)


def test_dense_and_sparse_take_the_same_path():
    dense, _, steps = solve(hs71(), [1, 5, 5, 1])
    other, _, also = solve(sparse(hs71()), [1, 5, 5, 1])
    assert steps == also
    np.testing.assert_allclose(other.point.x, dense.point.x, rtol=1e-8)
    np.testing.assert_allclose(other.y, dense.y, rtol=1e-6)


def test_an_equality_constrained_quadratic_takes_one_step():
    problem = quadratic(np.diag([1.0, 2.0, 3.0]), np.ones(3), [[1, 1, 1]], [1], [1])
    at, _, count = solve(problem, [5.0, -3.0, 2.0])
    y = -(1 + 1 + 1 / 2 + 1 / 3) / (1 + 1 / 2 + 1 / 3)  # from Σ −(1 + y)/Hᵢ = 1
    assert count == 1 and at.y[0] == pytest.approx(y, rel=1e-9)


def test_convergence_is_quadratic_without_bounds():
    """x² + y² + z² on xyz = 1 near (1, 1, 1)."""
    problem = nonlinear(
        3,
        lambda x: (x @ x, 2 * x, 2 * np.eye(3)),
        lambda x: (
            np.array([np.prod(x)]),
            np.array([[x[1] * x[2], x[0] * x[2], x[0] * x[1]]]),
            np.array([[[0, x[2], x[1]], [x[2], 0, x[0]], [x[1], x[0], 0]]]),
        ),
        [1],
        [1],
    )
    run, engine, errors = Run(problem), InteriorPoint(), []
    at = engine.begin(np.array([1.3, 0.9, 1.1]), run)
    while at.residual > 1e-12:
        at = engine.advance(at, run)
        errors.append(np.abs(at.point.x - 1).max())
    errors = [e for e in errors if 1e-14 < e < 0.1]
    assert len(errors) >= 2 and all(b < 5 * a * a for a, b in pairwise(errors))


def test_convergence_is_superlinear_with_bounds():
    run, engine, residuals = Run(hs71()), InteriorPoint(), []
    at = engine.begin(np.array([1.0, 5, 5, 1]), run)
    while at.residual > 1e-10:
        at = engine.advance(at, run)
        residuals.append(at.residual)
    assert residuals[-1] < 0.02 * residuals[-2] and len(residuals) <= 12


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]])
def test_the_order_of_the_variables_does_not_matter(order):
    base = hs71()
    back = np.argsort(order)

    def rows(x):
        c, J = base.constraints.c_and_jacobian(x[back])
        return c, J[:, order], None

    problem = Problem(
        4,
        lambda x: (lambda v, g: (v, g[order]))(*base.f_and_gradient(x[back])),
        lambda x: base.f_hessian(x[back])[np.ix_(order, order)],
        lower=base.lower,
        upper=base.upper,
        constraints=type(base.constraints)(
            base.constraints.lower,
            base.constraints.upper,
            lambda x: rows(x)[:2],
            lambda x, y: base.constraints.hessian(x[back], y)[np.ix_(order, order)],
        ),
    )
    at, _, count = solve(problem, np.array([1.0, 5, 5, 1])[order])
    expected, _, steps = solve(base, [1, 5, 5, 1])
    assert count == steps
    np.testing.assert_allclose(at.point.x[back], expected.point.x, rtol=1e-9)


@pytest.mark.parametrize("factor", [1e-4, 1e6])
def test_the_scale_of_the_objective_does_not_spoil_the_digits(factor):
    base = hs71()
    problem = Problem(
        4,
        lambda x: tuple(factor * part for part in base.f_and_gradient(x)),
        lambda x: factor * base.f_hessian(x),
        lower=base.lower,
        upper=base.upper,
        constraints=base.constraints,
    )
    at, stuck, _ = solve(problem, [1, 5, 5, 1])
    assert stuck is None and at.point.value == pytest.approx(
        17.0140172891563 * factor, rel=2e-6 if factor < 1 else 1e-8
    )


@pytest.mark.parametrize(
    "rows, lower, upper",
    [
        ([[1, 1], [2, 2]], [1, 2], [1, 2]),
        ([[1, 1], [1, 1], [2, 2]], [1, 1, 2], [inf, inf, inf]),
        ([[1, 1], [1, -1], [1, 0]], [1, 0, 0.5], [1, 0, 0.5]),
        ([[1, 1], [3, 1]], [1, -inf], [1, inf]),
        ([[1, 1], [1, 1]], [1, -inf], [inf, 1]),
    ],
    ids=["dependent equalities", "repeated inequalities", "more rows than variables", "a free row", "no inside"],
)
@pytest.mark.parametrize("form", [lambda problem: problem, sparse], ids=["dense", "sparse"])
def test_degenerate_rows_are_survived(rows, lower, upper, form):
    problem = form(quadratic(2 * np.eye(2), np.zeros(2), rows, lower, upper))
    at, stuck, _ = solve(problem, [3.0, 1.0], tol=1e-8)
    assert stuck is None and at.point.value == pytest.approx(0.5, abs=1e-7)
    assert kkt_residual(problem, at) < 1e-7
    assert at.y.size == len(rows) and not at.y[np.isinf(lower) & np.isinf(upper)].any()


@pytest.mark.parametrize(
    "problem",
    [
        quadratic(np.eye(2), np.zeros(2), [[1, 1], [1, 1]], [2, -inf], [inf, 1]),
        quadratic(np.eye(2), np.zeros(2), [[1, 1], [1, 1]], [1, 2], [1, 2]),
        quadratic(np.eye(2), np.zeros(2), [[1, 1]], [3], [3], np.zeros(2), np.ones(2)),
        nonlinear(
            2,
            lambda x: (x.sum(), np.ones(2), np.zeros((2, 2))),
            lambda x: (np.array([x @ x]), 2 * x[None], 2 * np.eye(2)[None]),
            [-inf],
            [-1],
        ),
    ],
    ids=["two half planes", "two lines", "outside the box", "a disk of negative radius"],
)
@pytest.mark.parametrize("form", [lambda problem: problem, sparse], ids=["dense", "sparse"])
def test_contradictions_end_at_a_point_of_least_violation(problem, form):
    problem = form(problem)
    at, stuck, _ = solve(problem, [3.0, 0.5])
    assert stuck is not None and stuck.status == "infeasible"
    over = np.maximum(problem.constraints.lower - at.point.c, at.point.c - problem.constraints.upper)
    assert np.maximum(over, 0).sum() == pytest.approx(1, abs=1e-5)  # the least sum, in all four
    np.testing.assert_array_equal(stuck.at, at.point.x)


@pytest.mark.parametrize(
    "problem, start, ray",
    [
        (quadratic(np.zeros((2, 2)), [-1, 1], x_lower=[0, 0], x_upper=[inf, inf]), [1, 1], [1, 0]),
        (quadratic(np.diag([-2.0, 2.0]), [0, 0]), [1, 1], [1, 0]),
        (quadratic(np.zeros((2, 2)), [-1, -1], [[1, -1]], [0], [0]), [1, 1], [1, 1]),
    ],
    ids=["linear", "concave", "along a row"],
)
def test_an_objective_without_end_ends_with_its_ray(problem, start, ray):
    at, stuck, _ = solve(problem, start)
    assert stuck is not None and stuck.status == "unbounded" and at.point.value < -1e3
    way = stuck.at - start
    np.testing.assert_allclose(way / np.abs(way).max(), ray, atol=1e-6)


def test_a_start_that_is_not_finite_is_said_so():
    problem = Problem(1, lambda x: (float(np.log(x[0])), 1 / x), lambda x: -np.diag(1 / x**2))
    engine, run = InteriorPoint(), Run(problem)
    stuck = engine.advance(engine.begin(np.array([-1.0]), run), run)
    assert isinstance(stuck, Stuck) and stuck.not_finite and stuck.at == [-1.0]


def test_a_function_that_is_not_finite_at_its_bound_is_begun_inside():
    """x − log x on x ≥ 0, begun at 0."""
    problem = Problem(
        1,
        lambda x: (float(x[0] - np.log(x[0])), 1 - 1 / x),
        lambda x: np.diag(1 / x**2),
        lower=np.zeros(1),
        upper=np.full(1, inf),
    )
    at, stuck, _ = solve(problem, [0.0])
    assert stuck is None and at.point.x[0] == pytest.approx(1, rel=1e-8)


def test_steps_into_the_undefined_are_shortened():
    """−√(1 − x²) + x is least at −1/√2; a Newton step from 0.99 leaves the interval."""

    def f(x):
        with np.errstate(all="ignore"):
            root = np.sqrt(1 - x[0] ** 2)
        return float(x[0] - root), np.array([1 + x[0] / root]), np.array([[1 / root**3]])

    at, stuck, _ = solve(nonlinear(1, f), [0.99])
    assert stuck is None and at.point.x[0] == pytest.approx(-(0.5**0.5), rel=1e-8)


def test_a_hessian_that_is_not_finite_is_said_so():
    problem = nonlinear(1, lambda x: (float(x[0] ** 2), 2 * x, np.array([[np.nan]])))
    _, stuck, _ = solve(problem, [1.0])
    assert stuck is not None and stuck.not_finite and "second derivative" in stuck.reason


def test_a_warm_start_needs_fewer_iterations():
    at, _, cold = solve(hs71(), [1, 5, 5, 1])
    engine = InteriorPoint(y=at.y, z=at.z)
    again, stuck, warm = solve(hs71(), at.point.x, engine=engine)
    assert stuck is None and warm <= 3 < cold
    assert again.point.value == pytest.approx(17.0140172891563, rel=1e-8)


def test_the_counterexample_of_waechter_and_biegler():
    """x² − s₁ = 1, x − s₂ = ½ from (−2, 1, 1): without restoration methods end at a point that is nothing."""
    problem = nonlinear(
        3,
        lambda x: (x[0], np.array([1.0, 0, 0]), np.zeros((3, 3))),
        lambda x: (
            np.array([x[0] ** 2 - x[1] - 1, x[0] - x[2] - 0.5]),
            np.array([[2 * x[0], -1, 0], [1, 0, -1.0]]),
            np.array([np.diag([2.0, 0, 0]), np.zeros((3, 3))]),
        ),
        [0, 0],
        [0, 0],
        [-inf, 0, 0],
        [inf, inf, inf],
    )
    at, stuck, _ = solve(problem, [-2.0, 1.0, 1.0])
    assert stuck is None and at.point.x == pytest.approx([1, 0, 0.5], abs=1e-7)


def test_signs_of_multipliers_are_those_of_the_sides():
    problem = quadratic(np.eye(2), [0, 0], [[1, 0], [0, 1]], [1, -inf], [inf, -1])
    at, _, _ = solve(problem, [0.0, 0.0])
    assert at.y[0] == pytest.approx(-1, rel=1e-6) and at.y[1] == pytest.approx(1, rel=1e-6)
    assert at.z.size == 0


def test_a_problem_of_nothing_but_a_function_is_newtons_method():
    def f(x):
        a, b = x
        g = np.array([-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)])
        H = np.array([[1200 * a * a - 400 * b + 2, -400 * a], [-400 * a, 200.0]])
        return 100 * (b - a * a) ** 2 + (1 - a) ** 2, g, H

    at, stuck, count = solve(nonlinear(2, f), [-1.2, 1.0])
    assert stuck is None and count < 40 and at.point.x == pytest.approx([1, 1], abs=1e-8)


def test_the_deadline_is_kept_also_in_restoration():
    problem = quadratic(np.eye(2), np.zeros(2), [[1, 1], [1, 1]], [1, 2], [1, 2])
    run, engine = Run(problem), InteriorPoint()
    at = engine.begin(np.array([3.0, 1.0]), run)
    while at.kind != "restoration":
        at = engine.advance(at, run)
    run.deadline = -inf
    with pytest.raises(OutOfTime):
        engine.advance(at, run)


def test_runs_repeat_themselves():
    first, _, count = solve(hs71(), [1, 5, 5, 1])
    again, _, other = solve(hs71(), [1, 5, 5, 1])
    assert count == other
    np.testing.assert_array_equal(first.point.x, again.point.x)


def test_a_wrong_strategy_is_refused():
    with pytest.raises(ValueError, match="adaptive"):
        InteriorPoint(mu_strategy="fast")


def test_complementarity_as_a_constraint_has_no_inside_and_is_solved_nevertheless():
    """(x − 1)² + (y − 1)² on xy ≤ 0, x, y ≥ 0: no multipliers are bounded near the feasible set."""
    problem = nonlinear(
        2,
        lambda x: (float((x - 1) @ (x - 1)), 2 * (x - 1), 2 * np.eye(2)),
        lambda x: (np.array([x[0] * x[1]]), x[None, ::-1].copy(), np.array([[[0.0, 1], [1, 0]]])),
        [-inf],
        [0],
        [0, 0],
        [inf, inf],
    )
    at, stuck, _ = solve(problem, [0.1, 0.2], tol=1e-8)
    assert stuck is None and at.point.value == pytest.approx(1, abs=1e-7) and at.point.violation < 1e-8
    np.testing.assert_allclose(np.sort(at.point.x), [0, 1], atol=1e-6)
