"""From a plain function and a starting point of any structure to a problem with exact derivatives."""

import importlib
import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.sparse import issparse

from thalweg.calculus import sparse
from thalweg.errors import ArgumentError
from thalweg.formula import formula
from thalweg.optimize import Problem, least_squares, minimize
from thalweg.optimize.build import problem_from
from thalweg.optimize.descend import descend, descent
from thalweg.optimize.equalities import equalities_from


@dataclass
class Line:
    slope: float
    offsets: np.ndarray


def valley(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


STRUCTURES = {
    "number": (lambda x: x**3, 2.0),
    "list": (valley, [-1.2, 1.0]),
    "array": (valley, np.array([-1.2, 1.0])),
    "integers": (valley, [3, 2]),
    "matrix": (lambda A: np.sum(A @ A.T), np.arange(4.0).reshape(2, 2)),
    "dict": (lambda p: p["a"] ** 2 * p["b"], {"b": 3.0, "a": 2.0}),
    "dict of arrays": (lambda p: np.sum(p["w"] ** 2) * p["b"], {"w": np.ones((2, 2)), "b": 2}),
    "tuple": (lambda p: np.sum(p[0]) * p[1], (np.ones(2), 3.0)),
    "dataclass": (lambda p: np.sum((p.slope + p.offsets) ** 2), Line(1.0, np.arange(2.0))),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_derivatives_on_the_flat_vector(name):
    f, x0 = STRUCTURES[name]
    problem, start = problem_from(f, x0)
    point = problem.at(start)
    assert point.value == pytest.approx(float(f(problem.unravel(start))))
    assert len(problem.names) == problem.n == start.size
    h = 1e-5
    for i, e in enumerate(np.eye(problem.n)):
        ahead, behind = problem.at(start + h * e), problem.at(start - h * e)
        assert (ahead.value - behind.value) / (2 * h) == pytest.approx(point.gradient[i], rel=1e-6, abs=1e-6)
        np.testing.assert_allclose((ahead.gradient - behind.gradient) / (2 * h), point.hessian[i], rtol=1e-6, atol=1e-6)


def test_taylor_coefficients_along_a_line():
    problem, start = problem_from(valley, [1.0, 1.0])
    c = problem.line(start, np.array([1.0, 0.0]), 6)
    np.testing.assert_allclose(c, [0, 0, 401, 400, 100, 0, 0], atol=1e-12)


def test_hessian_products_for_many_variables():
    problem, start = problem_from(lambda x: np.sum(x**4), np.ones(300))
    v = np.arange(300.0)
    np.testing.assert_allclose(problem.hessian_product(start, v), 12 * v)
    assert problem.count.hessian == 0


def test_formulas_take_their_variables_by_name_or_in_order():
    f = formula("100*(y - x^2)^2 + (1 - x)^2")
    for x0 in ({"x": -1.2, "y": 1.0}, [-1.2, 1.0], np.array([-1.2, 1.0])):
        problem, start = problem_from(f, x0)
        assert problem.names == ("x", "y") and problem.at(start).value == pytest.approx(24.2)
    problem, start = problem_from(formula("x^2"), 3.0)
    assert problem.at(start).gradient == pytest.approx([6.0])


def test_a_value_of_one_entry_is_a_number():
    problem, start = problem_from(lambda x: x[:1] * 2, [1.0, 2.0])
    assert problem.at(start).value == 2.0


@pytest.mark.parametrize(
    ("f", "match"),
    [
        (lambda x: x**2, r"array of shape \(2,\).*np.sum"),
        (lambda x: [x[0], x[1]], r"array of shape \(2,\)"),
        (lambda x: None, "return missing"),
    ],
)
def test_what_is_no_number_is_refused_with_advice(f, match):
    with pytest.raises(ArgumentError, match=match):
        problem_from(f, [1.0, 2.0])


def test_wrong_use():
    with pytest.raises(ArgumentError, match="must be a function"):
        problem_from("x^2", 1.0)
    with pytest.raises(ArgumentError, match="x0 is missing"):
        problem_from(valley, None)
    with pytest.raises(ArgumentError, match="2 variables"):
        problem_from(Problem(2, lambda x: (0.0, x)), [1.0, 2.0, 3.0])


def test_the_explanation_of_a_nan_names_the_line():
    problem, _ = problem_from(lambda x: np.sqrt(x - 2), 1.0)
    assert "np.sqrt" in problem.explain(np.array([1.0]))


def test_equalities_keep_the_shape_of_the_users_constraints():
    x0 = {"x": 0.5, "y": 0.5}
    at = np.array([0.5, 0.5])
    scalar = equalities_from(lambda p: p["x"] + p["y"] - 1, x0)
    g, J = scalar.g_and_jacobian(at)
    np.testing.assert_array_equal(g, [0.0])
    np.testing.assert_array_equal(J, [[1.0, 1.0]])
    assert scalar.unravel(np.array([-1.0])) == -1.0
    vector = equalities_from(lambda p: np.array([p["x"] * p["y"], p["x"]]), x0)
    np.testing.assert_allclose(vector.g_and_jacobian(at)[1], [[0.5, 0.5], [1, 0]])
    np.testing.assert_allclose(vector.g_hessian(at, np.array([3.0, 5.0])), [[0, 3], [3, 0]])
    assert vector.unravel(np.arange(2.0)).shape == (2,)
    listed = equalities_from([lambda p: p["x"], lambda p: np.ones(2) * p["y"]], x0)
    one, two = listed.unravel(np.arange(3.0))
    assert one == 0.0 and list(two) == [1.0, 2.0]
    named = equalities_from({"eq": lambda p: p["x"]}, x0)
    assert named.unravel(np.array([4.0])) == {"eq": 4.0}
    returned = equalities_from(lambda p: [p["x"], 2 * p["y"]], x0)
    np.testing.assert_array_equal(returned.g_and_jacobian(at)[1], [[1, 0], [0, 2]])


def test_equalities_that_are_none():
    with pytest.raises(ArgumentError, match="ineq"):
        equalities_from({"ineq": valley}, [0.0, 0.0])
    with pytest.raises(ArgumentError, match="subject_to must be a function"):
        equalities_from("x + y = 1", [0.0, 0.0])
    with pytest.raises(ArgumentError, match="subject_to must be a function"):
        equalities_from([], [0.0, 0.0])


def test_one_piece_of_a_function_says_nothing_of_the_others():
    def pieces(x):
        if x[0] > 0:
            return (x[0] - 1) ** 2 + x[1] ** 2
        return (x[0] + 1) ** 2 - 5 + x[1] ** 2

    for constraints in ({}, {"subject_to": lambda x: x[0] + x[1] <= 5}, {"bounds": (-4, 4)}):
        solution = minimize(pieces, [3.0, 2.0], **constraints)
        np.testing.assert_allclose(solution.x, [1.0, 0.0], atol=1e-9)
        assert solution.kind == "strict minimum"
        assert "global" not in solution.message and "convex" not in solution.method_reason  # the lowest value is -5
        assert "squares" not in solution.method_reason


def test_squares_in_one_piece_only():
    def pieces(x):
        if x[0] > 2:
            return (x[0] - 1) ** 2 + (x[0] * x[1] - 1) ** 2
        return -np.exp(-(x[0] ** 2)) + x[1] ** 2

    solution = minimize(pieces, [3.0, 3.0])
    np.testing.assert_allclose(solution.x, [0.0, 0.0], atol=1e-8)
    assert solution.success


def test_what_the_graph_of_residuals_shows_of_kinks():
    t = np.linspace(0, 1, 5)
    smooth = descent(lambda p: p[0] * np.exp(-p[1] * t) - 1, [1.0, 1.0], "auto", residuals=True)
    assert smooth.problem.smooth is True
    assert descent(lambda p: np.abs(p[0] * t - p[1]), [1.0, 2.0], "auto", residuals=True).problem.smooth is None
    asked = descent(lambda p: p[0] * t - 1 if p[0] > 0 else p[0] * t, [1.0], "auto", residuals=True)
    assert asked.problem.smooth is None


def network(hidden=20, rows=60):
    """A dense loss of a little more than 200 variables: a network on random data."""
    random = np.random.default_rng(0)
    X, wanted = random.standard_normal((rows, 10)), random.integers(0, 2, rows)

    def loss(p):
        z = np.tanh(X @ p["inner"] + p["b"]) @ p["outer"]
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(rows), wanted])

    start = {"inner": 0.3 * random.standard_normal((10, hidden)), "b": np.zeros(hidden)}
    return loss, start | {"outer": 0.3 * random.standard_normal((hidden, 2))}


FIRST = ("l-bfgs", "bfgs", "adam", "sgd", "gradient-descent", "momentum", "nesterov", "conjugate-gradients")


@pytest.mark.parametrize("method", FIRST)
def test_methods_of_first_order_build_nothing_of_second_order(monkeypatch, method):
    made = []
    for name in ("moved_gradient", "dense_hessian", "moved_outputs"):
        monkeypatch.setattr(f"thalweg.calculus.program.{name}", lambda *a: made.append(a))
    states = descend(*network(), method, max_iterations=3)
    assert [next(states).iteration for _ in range(3)] == [0, 1, 2]
    assert made == []


def test_auto_on_a_dense_loss_follows_no_structure_to_its_end(monkeypatch):
    followed = []
    real = sparse.structure
    monkeypatch.setattr(sparse, "structure", lambda *a: (followed.append(a), real(*a))[1])
    run = descent(*network(), "auto")
    assert not run.problem.sparse and "sparse" not in run.chosen.reason and followed == []
    chain = descent(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2), np.zeros(300), "auto")
    assert chain.problem.sparse and "sparse" in chain.chosen.reason and len(followed) == 1


def test_a_chain_is_sparse_with_constraints_and_with_bounds_alone():
    def chain(x):
        return np.sum((x[1:] - x[:-1] ** 2) ** 2)

    rows = descent(chain, np.zeros(300), "auto", subject_to=lambda x: x[:3] + x[1:4] == 1)
    assert rows.problem.sparse is True and rows.problem.at(rows.start).J.nnz == 6
    for held in ({"subject_to": lambda x: x >= 0.5}, {"bounds": (0.5, None)}):
        run = descent(chain, np.ones(300), "l-bfgs-b", **held)
        assert run.problem.sparse.known is None
        assert run.problem.sparse and run.problem.hessian(run.start).nnz == 898
    held = descent(lambda x: np.sum(np.exp(x)) ** 2, np.ones(300), "auto", subject_to=lambda x: x >= 0.5)
    assert not held.problem.sparse
    assert held.problem.f_hessian_product is not None and held.chosen.method.name == "projected-newton"
    dense = descent(lambda x: np.sum(x) ** 2, np.ones(300), "auto", subject_to=lambda x: x[:3] + x[1:4] == 1)
    assert dense.problem.sparse is False


def test_the_jacobian_of_many_residuals_is_made_for_who_asks_and_sparse_where_it_can_be(monkeypatch):
    def chain(x):
        return np.concatenate([x[1:] - x[:-1] ** 2, 0.1 * (x - 1)])

    s = least_squares(chain, np.full(300, 0.8))
    assert s.method == "levenberg-marquardt" and s.success
    np.testing.assert_allclose(s.x, 1.0, atol=1e-6)
    _, J = s.built.problem.residuals.r_and_jacobian(s.flat)
    assert issparse(J) and J.nnz == 2 * 299 + 300
    dense = descent(lambda x: np.tanh(x * np.sum(x)), np.full(300, 0.1), "auto", residuals=True)
    assert isinstance(dense.problem.residuals.r_and_jacobian(dense.start)[1], np.ndarray)
    made = []
    for name in ("moved_outputs", "jacobian_blocks", "moved_gradient", "dense_hessian"):
        monkeypatch.setattr(f"thalweg.calculus.program.{name}", lambda *a: made.append(a))
    states = descend(chain, np.zeros(300), "l-bfgs", residuals=True, max_iterations=3)
    assert [next(states).iteration for _ in range(3)] == [0, 1, 2] and made == []


def test_so_many_dense_residuals_are_left_to_products(monkeypatch):
    monkeypatch.setattr("thalweg.optimize.methods.SMALL", 250)
    run = descent(lambda x: np.tanh(x * np.sum(x)), np.full(300, 0.1), "auto", residuals=True)
    assert run.chosen.method.name == "newton"


@pytest.mark.parametrize("method", ["auto", "l-bfgs", "newton-cg"])
def test_the_time_limit_is_seen_between_products(monkeypatch, method):
    """A clock that goes on by a hundredth of a second at each look."""
    ticks = itertools.count()
    for module in ("clock", "engine", "descend"):
        of = importlib.import_module(f"thalweg.optimize.{module}")
        monkeypatch.setattr(of, "perf_counter", lambda: 0.01 * next(ticks))
    s = minimize(*network(rows=200), method=method, tol=1e-14, time_limit=2.0)
    assert s.status == "time_limit" and np.isfinite(s.value)
    assert next(ticks) < 400
