"""Constraints in every form that people write: read, solved, and given back with multipliers in the same nesting."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint

import thalweg as tw
from thalweg.errors import ArgumentError, FormulaError

START = [3.0, 0.5]


def square(x):
    return x @ x


def solved(subject_to, f=square, x0=START, **options):
    s = tw.minimize(f, x0, subject_to=subject_to, **options)
    assert s.success and s.kind == "strict minimum", s
    return s


# On x + y = s the nearest point to the origin is s/2 (1, 1) with value s²/2: the price of s is s.
NEAREST_TO_A_LINE = {
    "==": (lambda x: x[0] + x[1] == 1, -1.0, 1.0),
    ">=": (lambda x: x[0] + x[1] >= 1, 1.0, 1.0),
    ">": (lambda x: x[0] + x[1] > 1, 1.0, 1.0),
    "<=": (lambda x: x[0] + x[1] <= -1, 1.0, -1.0),
    "constant first": (lambda x: 1 <= x[0] + x[1], 1.0, 1.0),
    "both sides vary": (lambda x: x[0] >= 1 - x[1], 1.0, 1.0),
    "between": (lambda x: tw.between(1, x[0] + x[1], 2), -1.0, 1.0),
    "open below": (lambda x: tw.between(None, x[0] + x[1], -1), 1.0, -1.0),
    "&": (lambda x: (1 <= x[0] + x[1]) & (x[0] + x[1] <= 2), -1.0, 1.0),
    "a plain value": (lambda x: x[0] + x[1] - 1, -1.0, 1.0),
    "text": ("x + y = 1", -1.0, 1.0),
    "a chain as text": ("1 <= x + y <= 2", -1.0, 1.0),
    "a formula": (tw.formula("x + y = 1"), -1.0, 1.0),
    "NonlinearConstraint": (NonlinearConstraint(lambda x: x[0] + x[1], 1, np.inf), -1.0, 1.0),
}


@pytest.mark.parametrize("form", NEAREST_TO_A_LINE)
def test_one_constraint(form):
    subject_to, multiplier, price = NEAREST_TO_A_LINE[form]
    s = solved(
        subject_to, tw.formula("x^2 + y^2") if not callable(subject_to) and isinstance(subject_to, str) else square
    )
    np.testing.assert_allclose(s.flat, np.full(2, np.sign(price) / 2), atol=1e-9)
    assert s.multipliers == pytest.approx(multiplier) and s.shadow_prices == pytest.approx(price)


# The nearest point of x + y = 1, x >= 0.7: (0.7, 0.3), where (1.4, 0.6) = 0.6 (1, 1) + 0.8 (1, 0).
LINE_AND_WALL = {
    "list": (lambda x: [x[0] + x[1] == 1, x[0] >= 0.7], lambda a, b: [a, b]),
    "tuple": (lambda x: (x[0] + x[1] == 1, x[0] >= 0.7), lambda a, b: [a, b]),
    "dict": (lambda x: {"line": x[0] + x[1] == 1, "wall": x[0] >= 0.7}, lambda a, b: {"line": a, "wall": b}),
    "nested": (lambda x: {"u": [x[0] + x[1] == 1], "v": {"w": x[0] >= 0.7}}, lambda a, b: {"u": [a], "v": {"w": b}}),
    "functions": ([lambda x: x[0] + x[1] == 1, lambda x: x[0] >= 0.7], lambda a, b: [a, b]),
    "eq and ineq": ({"eq": lambda x: x[0] + x[1] - 1, "ineq": lambda x: x[0] - 0.7}, lambda a, b: {"eq": a, "ineq": b}),
    "lists in a dict": (
        {"eq": [lambda x: x[0] + x[1] - 1], "ineq": [lambda x: x[0] - 0.7]}, lambda a, b: {"eq": [a], "ineq": [b]},
    ),
    "SciPy's dicts": (
        [
            {"type": "eq", "fun": lambda x: x[0] + x[1] - 1},
            {"type": "ineq", "fun": lambda x, least: x[0] - least, "args": (0.7,)},
        ],
        lambda a, b: [a, b],
    ),
    "mixed": ([lambda x: x[0] + x[1] == 1, {"ineq": lambda x: x[0] - 0.7}], lambda a, b: [a, {"ineq": b}]),
}  # fmt: skip


@pytest.mark.parametrize("form", LINE_AND_WALL)
def test_several_constraints_and_their_nesting(form):
    subject_to, nested = LINE_AND_WALL[form]
    s = solved(subject_to)
    np.testing.assert_allclose(s.x, [0.7, 0.3], atol=1e-9)

    def rounded(value):
        if isinstance(value, dict):
            return {k: rounded(v) for k, v in value.items()}
        return [rounded(v) for v in value] if isinstance(value, list) else round(value, 8)

    assert rounded(s.multipliers) == nested(-0.6, 0.8)
    assert rounded(s.shadow_prices) == nested(0.6, 0.8)


def test_vectors_and_matrices():
    A, b = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([1.0, 0.5])
    for subject_to in (lambda x: A @ x >= b, lambda x: [A @ x >= b], lambda x: np.all(A @ x >= b)):
        s = solved(subject_to)
        np.testing.assert_allclose(s.x, [0.75, 0.25], atol=1e-9)
        np.testing.assert_allclose(np.ravel(s.multipliers), [1.0, 0.5], atol=1e-8)
    s = solved(lambda X: X >= 1, lambda X: np.sum(X * X), np.full((2, 2), 3.0))
    np.testing.assert_allclose(s.multipliers, np.full((2, 2), 2.0))
    s = solved(lambda X: X @ np.ones(2) == np.array([1.0, 2.0]), lambda X: np.sum(X * X), np.ones((2, 2)))
    np.testing.assert_allclose(s.x, [[0.5, 0.5], [1, 1]], atol=1e-9)
    np.testing.assert_allclose(s.multipliers, [-1, -2], atol=1e-8)


@pytest.mark.parametrize("matrix", [np.array, sparse.csr_array, sparse.coo_array, sparse.csc_matrix])
def test_linear_constraints_dense_and_sparse(matrix):
    A = matrix([[1.0, 1.0], [1.0, -1.0]])
    s = solved(LinearConstraint(A, [1, -1], [1, 0.5]))
    np.testing.assert_allclose(s.x, [0.5, 0.5], atol=1e-9)
    np.testing.assert_allclose(s.multipliers, [-1, 0], atol=1e-8)


def test_a_large_sparse_matrix_stays_sparse():
    n = 400
    A = sparse.diags_array([np.ones(n), np.ones(n)], offsets=[0, 1], shape=(n // 2, n)).tocsr()
    s = solved(LinearConstraint(A, 1, np.inf), lambda x: np.sum((x + 1) ** 2), np.zeros(n))
    J = s.built.problem.at(s.flat).J
    assert s.built.problem.sparse and J.nnz == A.nnz
    np.testing.assert_allclose(J.toarray(), A.toarray())
    left = 2 * (s.x + 1) + A.T @ s.y  # stationarity, by hand
    np.testing.assert_allclose(left, 0, atol=1e-7)


def test_bounds_as_a_constraint_and_a_list_of_values():
    s = solved(Bounds([1, -np.inf], [2, -1]))
    np.testing.assert_allclose(s.x, [1, -1])
    np.testing.assert_allclose(s.multipliers, [-2, 2])
    s = solved(NonlinearConstraint(lambda x: [x[0] * x[1], x[0]], [1, -np.inf], [np.inf, 0.8]), x0=[0.5, 2.0])
    np.testing.assert_allclose(s.x, [0.8, 1.25], atol=1e-9)


def test_scipys_objects_with_nested_starts():
    x0 = {"a": 3.0, "w": np.ones(2)}
    for subject_to, x in (
        (LinearConstraint(np.ones((1, 3)), 3, 3), [1, 1, 1]),
        (LinearConstraint(sparse.csr_array([[1.0, 0, 1]]), 3, 3), [1.5, 0, 1.5]),
        (Bounds([1, -1, 2], 5), [1, 0, 2]),
    ):
        s = solved(subject_to, lambda p: p["a"] ** 2 + np.sum(p["w"] ** 2), x0)
        np.testing.assert_allclose(s.flat, x, atol=1e-9)


def test_nested_starts():
    @dataclass
    class Point:
        a: float
        w: np.ndarray

    s = tw.minimize(
        lambda p: p["a"] ** 2 + np.sum(p["w"] ** 2), {"a": 1.0, "w": np.ones(2)},
        subject_to=lambda p: [p["a"] + p["w"][0] == 1, p["w"] >= 0.2],
    )  # fmt: skip
    assert s.x["a"] == pytest.approx(0.5)
    np.testing.assert_allclose(s.x["w"], [0.5, 0.2])
    np.testing.assert_allclose(s.multipliers[1], [0, 0.4], atol=1e-9)
    t = tw.minimize(lambda p: p.a**2 + np.sum(p.w**2), Point(1.0, np.ones(2)), subject_to=lambda p: p.a + p.w[0] == 1)
    assert t.x.a == pytest.approx(0.5) and t.multipliers == pytest.approx(-1)


def test_parameters_go_to_constraints_that_take_them():
    for subject_to in (lambda x, b: x[0] + x[1] >= b, lambda x: x[0] + x[1] >= 3.0, lambda x, *b: x[0] + x[1] >= b[0]):
        s = solved(subject_to, lambda x, b: x @ x, args=(3.0,))
        np.testing.assert_allclose(s.x, [1.5, 1.5], atol=1e-9)
    s = solved(lambda x, b: tw.between(b, x[0] + x[1], 2 * b), lambda x, b: x @ x, args=(3.0,))
    np.testing.assert_allclose(s.multipliers, [3.0, 0.0], atol=1e-8)  # two comparisons, since the sides are parameters
    assert solved(lambda x, b: x[0] + x[1] >= b, lambda x, b: x @ x, args=3.0).value == pytest.approx(4.5)


def test_constraints_that_fix_variables():
    s = solved(lambda x: [x[0] == 2, x[0] + x[1] >= 3])
    np.testing.assert_allclose(s.x, [2, 1], atol=1e-9)
    np.testing.assert_allclose(s.shadow_prices, [2, 2], atol=1e-8)
    s = solved(lambda x: [x[0] <= 2, x[0] >= 2, x[0] + x[1] >= 3])  # ∇f = (4, 2) = 2 (1, 1) + 2 (1, 0)
    np.testing.assert_allclose(s.x, [2, 1], atol=1e-9)
    np.testing.assert_allclose(s.multipliers, [0, 2, 2], atol=1e-8)
    s = solved(lambda x: x[0] >= 2, bounds=[(None, 2), (None, None)])
    assert s.multipliers == pytest.approx(4) and s.x[0] == 2


def test_bounds_cost_no_rows():
    s = solved(lambda x: [x >= 0.1, tw.between(-1, x[0], 2), x[0] * x[1] >= 1])
    assert s.built.problem.m == 1 and s.built.problem.lower.tolist() == [0.1, 0.1]


# --- what is refused, with its line -----------------------------------------------------------------------------------


def branch(x):
    if x[0] > 100:
        return x[0] == 1
    return x[1] == 1


REFUSED = {
    "chain": (lambda x: 1 <= x[0] + x[1] <= 2, r"1 <= x\[0\] \+ x\[1\] <= 2 for its truth[\s\S]*tw.between"),
    "and": (lambda x: x[0] >= 1 and x[1] >= 1, r"x\[0\] >= 1 for its truth[\s\S]*`and`"),
    "or": (lambda x: x[0] >= 1 or x[1] >= 1, "for its truth"),
    "not": (lambda x: not x[0] >= 1, "for its truth"),
    "if": (branch, "np.where"),
    "chain in a list": (lambda x: [0 <= xi <= 1 for xi in x], "for its truth"),
    "!=": (lambda x: x[0] != 1, "not_equal"),
    "NaN": (lambda x: x[0] * x[1] >= np.nan, "is NaN"),
    "NaN bound": (lambda x: x[0] >= np.nan, "is NaN"),
    "beyond infinity": (lambda x: x[0] * x[1] >= np.inf, "nothing is beyond infinity"),
    "equal to infinity": (lambda x: x[0] * x[1] == np.inf, "cannot equal infinity"),
    "empty range": (lambda x: tw.between(2, x[0] * x[1], 1), "lower side is above"),
    "no rows": (lambda x: x[:0] * 2 >= 1, "no rows"),
    "count": (lambda x: (x >= 1).sum(), r"the whole number \(x >= 1\).sum\(\), which has no slope"),
    "count in a list": (lambda x: [x[0] >= 1, np.sum(x >= 1)], r"Return the comparisons themselves"),
    "generator": (lambda x: (xi >= 1 for xi in x), "returned a generator.*make it a list"),
    "set": (lambda x: {x[0] >= 1, x[1] >= 2}, r"in a set.*write a list, \[x\[0\] >= 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused_with_its_line(name):
    subject_to, match = REFUSED[name]
    with pytest.raises(ArgumentError, match=match) as error:
        tw.minimize(square, START, subject_to=subject_to)
    line = (branch if name == "if" else subject_to).__code__.co_firstlineno + (name == "if")
    assert f"test_reading.py:{line}" in str(error.value)


NO_CONSTRAINTS = {
    "count in a dict": ({"eq": lambda x: (x >= 1).sum()}, "which has no slope"),
    "map": (lambda x: map(lambda xi: xi >= 1, x), "returned a map.*make it a list"),
    "None": (lambda x: None, "return missing"),
    "text returned": (lambda x: "x > 1", "must be a comparison"),
    "True": (lambda x: [x[0] >= 1, 3 > 2], "does not depend on the variables: it is True"),
    "False": (lambda x: np.float64(3.0) < 2, "does not depend on the variables: it is False"),
    "constant": (lambda x: [x[0] >= 1, np.ones(2)], "does not depend on the variables"),
    "number": (5, "subject_to must be a function"),
    "empty": ([], "subject_to is empty"),
    "a None inside": ([branch, None], "holds None"),
    "unknown key": ({"equal": branch}, "keys 'eq'.*'ineq'"),
    "unknown type": ({"type": "le", "fun": branch}, "'eq' or 'ineq', not 'le'"),
    "no function": ({"eq": 3}, "A constraint is a function, not 3"),
    "columns": (LinearConstraint(np.ones((1, 3)), 0, 1), r"shape \(1, 3\), but there are 2"),
    "sparse columns": (LinearConstraint(sparse.csr_array(np.ones((1, 3))), 0, 1), r"shape \(1, 3\), but there are 2"),
    "not equal in a text": ("x + y != 1", "not equal"),
}


@pytest.mark.parametrize("name", NO_CONSTRAINTS)
def test_what_is_no_constraint_is_refused(name):
    subject_to, match = NO_CONSTRAINTS[name]
    with pytest.raises(ArgumentError, match=match):
        tw.minimize(tw.formula("x^2 + y^2") if isinstance(subject_to, str) else square, START, subject_to=subject_to)


def test_formulas_point_at_what_they_cannot_read():
    for text, match in (("x + w = 1", "unknown name 'w'"), ("x + = 1", "unexpected '='")):
        with pytest.raises(FormulaError, match=match):
            tw.minimize(tw.formula("x^2 + y^2"), START, subject_to=text)


def test_a_side_at_infinity_says_nothing():
    s = solved(lambda x: [x[0] * x[1] <= np.inf, x[0] + x[1] == 1])
    assert s.multipliers == [0.0, pytest.approx(-1)]
