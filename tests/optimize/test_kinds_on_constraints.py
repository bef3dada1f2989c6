"""What a point is on equalities, inequalities and bounds: textbook cases, in any order and units of the variables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thalweg as tw
from optimize.polynomial_constraints import constrained
from thalweg.optimize.composition import Taken
from thalweg.optimize.constrained import classify_on
from thalweg.optimize.engine import Run
from thalweg.optimize.escape import escape
from thalweg.optimize.problem import Constraints, Problem

R = np.sqrt(2)


def disc(x):
    return 2 - x[0] ** 2 - x[1] ** 2


def plus(x):
    return x[0] + x[1]


def nowhere_near(x):
    return 10 + x[0] + 3 * x[1]


DIAMOND = [lambda x: 1 - x[0] - x[1], lambda x: 1 - x[0] + x[1], lambda x: 1 + x[0] - x[1], lambda x: 1 + x[0] + x[1]]

# f, point, constraints, kind, and where known (y, z)
TABLE = {
    "Nocedal & Wright, example 12.1": (plus, [-1, -1], {"eq": [disc]}, "strict minimum", ([-0.5], [0, 0])),
    "its other point": (plus, [1, 1], {"eq": [disc]}, "maximum", ([0.5], [0, 0])),
    "Nocedal & Wright, example 12.2": (plus, [-1, -1], {"ineq": [disc]}, "strict minimum", ([-0.5], [0, 0])),
    "the highest point of the disc": (plus, [1, 1], {"ineq": [disc]}, "maximum", ([0.5], [0, 0])),
    "Nocedal & Wright, example 12.3": (
        plus,
        [-R, 0],
        {"ineq": [disc, lambda x: x[1]]},
        "strict minimum",
        ([-1 / (2 * R), -1], [0, 0]),
    ),
    "the right corner of the half disc": (
        plus,
        [R, 0],
        {"ineq": [disc, lambda x: x[1]]},
        "saddle",
        ([1 / (2 * R), -1], [0, 0]),
    ),
    "the middle of its base": (plus, [0, 0], {"ineq": [disc, lambda x: x[1]]}, "not stationary", None),
    "Nocedal & Wright, example 12.6": (
        lambda x: (x[0] - 1.5) ** 2 + (x[1] - 0.125) ** 4,
        [1, 0],
        {"ineq": DIAMOND},
        "strict minimum",
        ([-0.5 - 0.125**3 * 2, -0.5 + 0.125**3 * 2, 0, 0], [0, 0]),
    ),
    "Nocedal & Wright, example 12.10": (
        lambda x: -0.1 * (x[0] - 4) ** 2 + x[1] ** 2,
        [1, 0],
        {"ineq": [lambda x: x[0] ** 2 + x[1] ** 2 - 1]},
        "strict minimum",
        ([-0.3], [0, 0]),
    ),
    "Luenberger, xy + yz + zx on a plane": (
        lambda x: x[0] * x[1] + x[1] * x[2] + x[0] * x[2],
        [1, 1, 1],
        {"eq": [lambda x: sum(x[1:], x[0]) - 3]},
        "maximum",
        ([-2], [0, 0, 0]),
    ),
    "Hock & Schittkowski 21": (
        lambda x: 0.01 * x[0] ** 2 + x[1] ** 2 - 100,
        [2, 0],
        {"ineq": [lambda x: 10 * x[0] - x[1] - 10], "lower": [2, -50], "upper": [50, 50]},
        "strict minimum",
        ([0], [-0.04, 0]),
    ),
    "Hock & Schittkowski 35": (
        lambda x: (
            9
            - 8 * x[0]
            - 6 * x[1]
            - 4 * x[2]
            + 2 * x[0] ** 2
            + 2 * x[1] ** 2
            + x[2] ** 2
            + 2 * x[0] * x[1]
            + 2 * x[0] * x[2]
        ),
        [4 / 3, 7 / 9, 4 / 9],
        {"ineq": [lambda x: 3 - x[0] - x[1] - 2 * x[2]], "lower": [0, 0, 0]},
        "strict minimum",
        ([-2 / 9], [0, 0, 0]),
    ),
    "Hock & Schittkowski 28": (
        lambda x: (x[0] + x[1]) ** 2 + (x[1] + x[2]) ** 2,
        [0.5, -0.5, 0.5],
        {"eq": [lambda x: x[0] + 2 * x[1] + 3 * x[2] - 1]},
        "strict minimum",
        ([0], [0, 0, 0]),
    ),
    "a saddle that SLSQP returns": (
        lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4,
        [0, 0, 0],
        {"eq": [lambda x: x[2] - x[0]]},
        "saddle",
        None,
    ),
    "xy on a line": (lambda x: x[0] * x[1], [0, 0], {"eq": [plus]}, "maximum", None),
    "a vertex": (lambda x: -x[0] - x[1], [1, 1], {"upper": [1, 1]}, "strict minimum", ([], [1, 1])),
    "the vertex across": (lambda x: -x[0] - x[1], [0, 0], {"lower": [0, 0]}, "maximum", ([], [1, 1])),
    "a vertex between": (lambda x: x[0] - x[1], [0, 0], {"lower": [0, 0]}, "saddle", ([], [-1, 1])),
    "a bound that pulls the wrong way": (lambda x: x[0] ** 2, [1], {"upper": [1]}, "maximum", ([], [-2])),
    "the same beside a valley": (
        lambda x: x[0] ** 2 + x[1] ** 2,
        [1, 0],
        {"upper": [1, 9]},
        "saddle",
        ([], [-2, 0]),
    ),
    "a strong bound on a ridge": (lambda x: x[0] - x[1] ** 2, [0, 0], {"lower": [0, -5]}, "saddle", ([], [-1, 0])),
    "a ridge that a constraint bends up": (
        lambda x: x[0] - x[1] ** 2,
        [0, 0],
        {"ineq": [lambda x: x[0] - 2 * x[1] ** 2]},
        "strict minimum",
        ([-1], [0, 0]),
    ),
    # active with multiplier zero
    "a bowl on an edge": (lambda x: x[0] ** 2 + x[1] ** 2, [0, 0], {"lower": [0, -9]}, "strict minimum", ([], [0, 0])),
    "positive in the quadrant only": (
        lambda x: 3 * x[0] * x[1] + x[0] ** 2 + x[1] ** 2,
        [0, 0],
        {"lower": [0, 0]},
        "strict minimum",
        ([], [0, 0]),
    ),
    "negative inside the quadrant": (
        lambda x: -3 * x[0] * x[1] + x[0] ** 2 + x[1] ** 2,
        [0, 0],
        {"lower": [0, 0]},
        "saddle",
        ([], [0, 0]),
    ),
    "xy in the quadrant": (lambda x: x[0] * x[1], [0, 0], {"lower": [0, 0]}, "minimum", ([], [0, 0])),
    "a hill at an edge": (lambda x: -(x[0] ** 2), [0], {"lower": [0]}, "maximum", ([], [0])),
    "half a cubic": (lambda x: x[0] ** 3, [0], {"lower": [0]}, "strict minimum", ([], [0])),
    "the other half": (lambda x: x[0] ** 3, [0], {"upper": [0]}, "maximum", ([], [0])),
    # dependent gradients
    "a constraint twice": (
        lambda x: x[0] ** 2 + x[1] ** 2,
        [0.5, 0.5],
        {"ineq": [lambda x: plus(x) - 1, lambda x: 2 * plus(x) - 2]},
        "strict minimum",
        None,
    ),
    "an equality as two inequalities": (
        lambda x: x[0] ** 2 + x[1] ** 2,
        [0.5, 0.5],
        {"ineq": [lambda x: plus(x) - 1, lambda x: 1 - plus(x)]},
        "strict minimum",
        None,
    ),
    "three lines through a point": (
        lambda x: x[1],
        [0, 0],
        {"ineq": [lambda x: x[1] - x[0], plus, lambda x: x[1]]},
        "strict minimum",
        None,
    ),
    "definite for some multipliers only": (
        lambda x: x[1] - 0.5 * x[0] ** 2,
        [0, 0],
        {"ineq": [lambda x: x[1] - x[0] ** 2, lambda x: x[1] + x[0] ** 2]},
        "strict minimum",
        None,
    ),
    "definite for none": (
        lambda x: x[1] - 2 * x[0] ** 2,
        [0, 0],
        {"ineq": [lambda x: x[1] - x[0] ** 2, lambda x: x[1] + x[0] ** 2]},
        "saddle",
        None,
    ),
    "no multipliers at all": (lambda x: x[0], [0], {"ineq": [lambda x: -(x[0] ** 2)]}, "degenerate", None),
    "alone, where two circles touch": (
        lambda x: x[1],
        [0, 0],
        {"ineq": [lambda x: 1 - (x[0] - 1) ** 2 - x[1] ** 2, lambda x: 1 - (x[0] + 1) ** 2 - x[1] ** 2]},
        "degenerate",
        None,
    ),
    # curvature zero
    "an edge of a linear program": (
        lambda x: -x[0] - x[1],
        [0.25, 0.75],
        {"ineq": [lambda x: 1 - plus(x)], "lower": [0, 0]},
        "minimum",
        ([-1], [0, 0]),
    ),
    "the end of that edge": (
        lambda x: -x[0] - x[1],
        [0, 1],
        {"ineq": [lambda x: 1 - plus(x)], "lower": [0, 0]},
        "minimum",
        ([-1], [0, 0]),
    ),
    "a constant on a line": (plus, [0.5, 0.5], {"eq": [lambda x: plus(x) - 1]}, "minimum", None),
    "a quartic on a line": (
        lambda x: (x[0] - x[1]) ** 4,
        [0.5, 0.5],
        {"eq": [lambda x: plus(x) - 1]},
        "strict minimum",
        None,
    ),
    "a cubic on a line": (lambda x: (x[0] - x[1]) ** 3, [0.5, 0.5], {"eq": [lambda x: plus(x) - 1]}, "saddle", None),
    "a quartic on a parabola": (
        lambda x: x[1] + x[0] ** 2 + x[0] ** 4,
        [0, 0],
        {"eq": [lambda x: x[1] + x[0] ** 2]},
        "strict minimum",
        None,
    ),
    "a cubic on a parabola": (
        lambda x: x[1] + x[0] ** 2 + x[0] ** 3,
        [0, 0],
        {"eq": [lambda x: x[1] + x[0] ** 2]},
        "saddle",
        None,
    ),
    "minus a quartic on a parabola": (
        lambda x: x[1] + x[0] ** 2 - x[0] ** 4,
        [0, 0],
        {"eq": [lambda x: x[1] + x[0] ** 2]},
        "maximum",
        None,
    ),
    "a valley on a parabola whose floor falls": (
        lambda x: x[1] + x[0] ** 2 + (x[2] - x[0] ** 2) ** 2 - x[0] ** 4 / 2,
        [0, 0, 0],
        {"eq": [lambda x: x[1] + x[0] ** 2]},
        "saddle",
        None,
    ),
    "a circle of equals": (lambda x: x[0] ** 2 + x[1] ** 2, [1, 1], {"eq": [disc]}, "degenerate", ([1], [0, 0])),
    "beside the constraint": (plus, [-1, -1.1], {"eq": [disc]}, "not stationary", None),
    "beyond a bound": (lambda x: x[0] ** 2, [-1], {"lower": [0]}, "not stationary", None),
}


def problem_of(name):
    f, x, held, kind, multipliers = TABLE[name]
    return constrained(f, len(x), **held), np.array(x, float), kind, multipliers


@pytest.mark.parametrize("name", TABLE)
def test_table(name):
    problem, x, kind, multipliers = problem_of(name)
    c = classify_on(problem.at(x))
    assert c.kind == kind, c.why
    assert len(c.why) > 20
    if multipliers is not None:
        np.testing.assert_allclose(c.y, multipliers[0], atol=1e-12)
        np.testing.assert_allclose(c.z, multipliers[1], atol=1e-12)
    if c.y is not None and c.kind not in ("not stationary", "degenerate"):
        point = problem.at(x)
        residual = point.gradient + point.J.T @ c.y + c.z
        np.testing.assert_allclose(residual, 0, atol=1e-12)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("units", [1.0, 1e-4, 1e5])
def test_order_and_units_of_variables_do_not_matter(name, units):
    f, x, held, kind, _ = TABLE[name]
    if kind == "not stationary":
        units = 1.0  # there the tolerance is that of x near 1
    n = len(x)
    order = np.arange(n)[::-1]
    u = np.array([units ** (1 if i % 2 else -0.5) for i in range(n)])

    def inner(y):
        return [y[int(np.flatnonzero(order == i)[0])] * u[i] for i in range(n)]

    changed = {
        key: [lambda y, g=g: g(inner(y)) for g in value] if key in ("eq", "ineq") else (np.array(value) / u)[order]
        for key, value in held.items()
    }
    at = (np.array(x, float) / u)[order]
    c = classify_on(constrained(lambda y: f(inner(y)), n, **changed).at(at))
    assert c.kind == kind, c.why


@pytest.mark.parametrize("name", TABLE)
def test_order_and_units_of_constraints_and_of_f_do_not_matter(name):
    f, x, held, kind, _ = TABLE[name]
    for factor in (1e-3, 1e4):
        changed = dict(held)
        for key in ("eq", "ineq"):
            rows = [lambda y, g=g, k=k: factor ** (1 - k) * g(y) for k, g in enumerate(held.get(key, []))]
            changed[key] = [*([nowhere_near] if key == "ineq" and len(x) > 1 else []), *rows[::-1]]
        if kind == "not stationary":
            changed = held
        c = classify_on(constrained(lambda y: 3 * f(y), len(x), **changed).at(np.array(x, float)))
        assert c.kind == kind, c.why


SADDLES = [name for name, row in TABLE.items() if row[3] == "saddle"]


@pytest.mark.parametrize("name", [*SADDLES, "the highest point of the disc", "xy on a line", "the vertex across"])
def test_there_is_a_feasible_way_down(name):
    problem, x, _, _ = problem_of(name)
    point = problem.at(x)
    c = classify_on(point)
    assert c.falling is not None
    taken = escape(point, c.falling, problem.at)
    assert isinstance(taken, Taken)
    assert taken.point.value < point.value - 1e-9
    assert taken.point.violation <= 1e-9


@pytest.mark.parametrize("name", SADDLES)
def test_there_is_a_feasible_way_up(name):
    problem, x, _, _ = problem_of(name)
    c = classify_on(problem.at(x))
    assert c.rising is not None
    up = problem.negated()
    taken = escape(up.at(x), c.rising, up.at)
    assert isinstance(taken, Taken) and taken.point.value < up.at(x).value


def test_the_certificate_of_a_vertex_with_a_superfluous_constraint():
    problem, x, _, _ = problem_of("three lines through a point")
    c = classify_on(problem.at(x)).certificate
    assert (c.constraint_rank, c.number_active, c.licq, c.mfcq) == (2, 3, False, True)
    assert c.multiplier_signs == 0 and c.strict_complementarity > 0.1
    problem, x, _, _ = problem_of("an equality as two inequalities")
    c = classify_on(problem.at(x)).certificate
    assert (c.constraint_rank, c.number_active, c.licq, c.mfcq) == (1, 2, False, False)


def test_strict_complementarity_and_wrong_signs():
    problem, x, _, _ = problem_of("a bowl on an edge")
    assert classify_on(problem.at(x)).certificate.strict_complementarity == 0
    problem, x, _, _ = problem_of("Nocedal & Wright, example 12.2")
    assert classify_on(problem.at(x)).certificate.strict_complementarity == pytest.approx(1)
    problem, x, _, _ = problem_of("the right corner of the half disc")
    assert classify_on(problem.at(x)).certificate.multiplier_signs == pytest.approx(1 / (2 * R))
    problem, x, _, _ = problem_of("Nocedal & Wright, example 12.1")
    assert classify_on(problem.at(x)).certificate.strict_complementarity is None


def test_expected_error_is_that_of_newtons_step_on_the_constraints():
    problem, _, _, _ = problem_of("Nocedal & Wright, example 12.1")
    angle = np.pi / 4 + 1e-7
    c = classify_on(problem.at(-R * np.array([np.cos(angle), np.sin(angle)])))
    assert c.kind == "strict minimum"
    assert c.certificate.expected_error == pytest.approx(1e-7, rel=1e-3)
    np.testing.assert_allclose(c.eigenvalues, [1.0], rtol=1e-6)


def test_a_point_as_an_interior_method_leaves_it():
    """Near a bound that is active with multiplier zero both the distance and the multiplier are √μ."""
    problem = constrained(lambda x: 1 + x[0] ** 2 / 2 + (x[1] - 1) ** 2, 2, lower=[0, 0])
    c = classify_on(problem.at([3e-5, 1.0]), np.zeros(0), np.array([-3e-5, 0.0]))
    assert c.kind == "strict minimum"
    assert c.certificate.strict_complementarity == 0


def test_multipliers_that_a_method_found_decide_where_there_is_a_choice():
    problem, x, _, _ = problem_of("a constraint twice")
    c = classify_on(problem.at(x), np.array([-0.6, -0.2]), np.zeros(2))
    np.testing.assert_allclose(c.y, [-0.6, -0.2])
    wrong = classify_on(problem.at(x), np.array([1.0, -1.0]), np.zeros(2))
    assert np.all(wrong.y <= 0) and wrong.y @ [1, 2] == pytest.approx(-1)


def test_the_sense_names_what_is_alone_or_among_equals():
    problem = constrained(plus, 2, eq=[lambda x: x[0], lambda x: x[1]])
    assert classify_on(problem.at([0.0, 0.0])).kind == "strict minimum"
    assert classify_on(problem.at([0.0, 0.0]), sense="maximize").kind == "maximum"
    flat, x, _, _ = problem_of("a constant on a line")
    assert classify_on(flat.at(x), sense="maximize").kind == "maximum"


def test_out_of_time_is_said():
    problem, x, _, _ = problem_of("a quartic on a line")
    c = classify_on(problem.at(x), check=Run(problem, deadline=0.0).check)
    assert c.kind == "degenerate" and "time" in c.why


def test_a_convex_problem_has_minima_only():
    bent = {"ineq": [lambda x: x[1] - x[0] ** 4 - x[2] ** 4]}
    problem = constrained(lambda x: x[1], 3, **bent)
    assert classify_on(problem.at(np.zeros(3))).kind == "degenerate"
    convex = constrained(lambda x: x[1], 3, **bent, convex=True)
    assert classify_on(convex.at(np.zeros(3))).kind == "minimum"


@given(st.integers(0, 100_000), st.integers(2, 6))
def test_quadratic_programs_with_known_answers(seed, n):
    """f, its multipliers and the curvature on the active face are chosen; the rest of H is anything."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, n))
    A = rng.standard_normal((k, n))
    right = bool(rng.integers(2))
    definite = bool(rng.integers(2))
    sizes = 10 ** rng.uniform(-1, 1, n - k)
    if not definite:
        sizes[0] = -sizes[0]
    Z = np.linalg.svd(A)[2][k:].T
    E = rng.standard_normal((n, n))
    H = Z @ np.diag(sizes) @ Z.T + A.T @ E[:k] + E[:k].T @ A
    H = 0.5 * (H + H.T)
    mu = 10 ** rng.uniform(-1, 1, k)
    if not right:
        mu[0] = -mu[0]
    x = rng.standard_normal(n)
    units, order = 10.0 ** rng.uniform(-3, 3, n), rng.permutation(n)
    g = -A.T @ mu - H @ x  # so that ∇f = H x + g = −Aᵀμ
    H, A, g, x = (
        (H * np.outer(units, units))[np.ix_(order, order)],
        (A * units)[:, order],
        (g * units)[order],
        (x / units)[order],
    )
    A *= 10 ** rng.uniform(-2, 2, (k, 1))
    rows = Constraints(np.full(k, -np.inf), A @ x, lambda v: (A @ v, A), lambda v, y: np.zeros((n, n)))
    problem = Problem(n, lambda v: (0.5 * v @ H @ v + g @ v, H @ v + g), lambda v: H, constraints=rows)
    c = classify_on(problem.at(x))
    wrong = k == 1 and not right
    if wrong:
        expected = "maximum" if np.all(sizes < 0) else "saddle"
    else:
        expected = "strict minimum" if right and definite else "saddle"
    assert c.kind == expected, c.why
    assert c.certificate.constraint_rank == k and c.certificate.licq


@pytest.mark.parametrize("off", [1e-12, 1e-10, 1e-9, -1e-8, 1e-7])
@pytest.mark.parametrize("rows", [{"eq": [disc]}, {"ineq": [disc]}, {"eq": [disc, lambda x: 3 * disc(x)]}])
def test_a_variable_that_is_almost_zero_has_no_units_of_its_own(rows, off):
    # The lowest point of x on the disc is (-√2, 0): λ = 1 / (2√2), to all digits that `off` leaves.
    problem = constrained(lambda x: x[0], 2, **rows)
    found = classify_on(problem.at(np.array([-R, off])))
    assert found.kind == "strict minimum"
    assert found.certificate.stationarity <= 2 * abs(off) + 1e-15
    weights = np.array([1.0, 3.0])[: found.y.size]
    assert abs(weights @ found.y + 1 / (2 * R)) <= 1e-12


def test_linear_constraints_that_say_the_same_excuse_no_gradient():
    # Abadie's qualification holds for linear constraints: without multipliers there is no minimum, dependent or not.
    twice = [lambda x: x[0] + x[1] == 1, lambda x: 2 * x[0] + 2 * x[1] == 2]
    for x, kind in ([2.0, -1.0], "not stationary"), ([0.5, 0.5], "strict minimum"):
        assert tw.classify(lambda x: x @ x, x, lambda x: [c(x) for c in twice]).kind == kind


def test_a_convex_program_with_a_row_twice_is_solved_before_it_is_called_so():
    H, q = np.diag([1.0, 2.0, 3.0]), np.array([2.0, -1.0, 0.5])
    row = np.array([1.0, 1.0, -1.0])
    for method in ("interior-point", "sqp", "augmented-lagrangian", "auto"):
        s = tw.minimize(
            lambda x: 0.5 * x @ H @ x + q @ x, np.zeros(3), method=method, bounds=([-0.5] * 3, [1.0] * 3),
            subject_to=lambda x: [row @ x == 0.4, 3 * (row @ x) == 1.2],
        )  # fmt: skip
        assert s.success and s.kind == "strict minimum" and s.certificate.stationarity <= 1e-6
