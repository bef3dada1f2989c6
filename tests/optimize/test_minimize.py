"""The front door, end to end: plain functions, any structure, the textbook's exercises."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from thalweg.formula import formula
from thalweg.optimize import between, classify, descend, maximize, minimize, random_start

DATA = Path(__file__).parent / "data"


def valley(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def test_the_textbooks_four_steps():
    theta = random_start(2, seed=3)

    def loss(theta):
        return (theta[0] - 1) ** 2 + 2 * (theta[1] + 3) ** 2

    run = descend(loss, theta, "gradient-descent", learning_rate=0.2)
    expected, slope = theta, np.zeros(2)
    for state in run:
        expected = expected - 0.2 * slope
        np.testing.assert_allclose(state.x, expected, atol=1e-15)
        slope = np.array([2 * (state.x[0] - 1), 4 * (state.x[1] + 3)])
        np.testing.assert_allclose(state.gradient, slope, atol=1e-14)
    s = run.solution()
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(s.x, [1, -3], atol=1e-8)


def test_the_structure_of_the_start_is_the_structure_of_the_answer():
    @dataclass
    class Model:
        slope: float
        offset: float

    x = np.linspace(0, 1, 20)
    y = 3 * x - 2

    s = minimize(lambda m: np.sum((m.slope * x + m.offset - y) ** 2), Model(0.0, 0.0))
    assert isinstance(s.x, Model) and s.x.slope == pytest.approx(3) and s.names == ("slope", "offset")
    s = minimize(lambda p: np.sum((p["a"] * x + p["b"] - y) ** 2), {"a": 0, "b": 0})
    assert s.x == pytest.approx({"a": 3, "b": -2}) and set(s.gradient) == {"a", "b"}
    s = minimize(lambda c: np.sum((c[0] * x + c[1] - y) ** 2), (0, 0))
    np.testing.assert_allclose(s.x, [3, -2])
    s = minimize(lambda t: (t - 4) ** 2, 1)
    assert type(s.x) is float and s.x == 4.0
    s = minimize(lambda A: np.sum((A - np.eye(2)) ** 2), np.zeros((2, 2)))
    np.testing.assert_allclose(s.x, np.eye(2))


def test_a_formula():
    f = formula("100*(y - x^2)^2 + (1 - x)^2")
    s = minimize(f, {"x": -1.2, "y": 1.0})
    assert s.success and s.x == pytest.approx({"x": 1, "y": 1}) and s.names == ("x", "y")
    assert "x                    1\ny                    1" in str(s)


@pytest.mark.parametrize("start", [[1.0, 0.0], [0.0, 0.0]])
def test_saddles_are_left(start):
    s = minimize(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4, start)
    assert s.success and s.kind == "strict minimum" and s.value == pytest.approx(-0.25)


def test_functions_with_branches_and_loops():
    def huber(x):
        total = 0.0
        for i in range(3):
            r = x[i] - i
            total = total + (r**2 if abs(r) < 1 else 2 * abs(r) - 1)
        return total

    s = minimize(huber, [10.0, -10.0, 0.0])
    assert s.success
    np.testing.assert_allclose(s.x, [0, 1, 2], atol=1e-9)


def test_a_nan_is_blamed_on_its_line():
    s = minimize(lambda x: np.sum(np.log(x)) + x @ x, [-1.0, 1.0])
    assert s.status == "not_finite" and "np.log" in s.message and "test_minimize.py" in s.message


def nist(name):
    return np.loadtxt(DATA / f"{name}.csv", delimiter=",", skiprows=1).T


def test_norris_from_the_plain_formula():
    y, x = nist("norris")
    s = minimize(lambda p: np.mean((y - (p["a"] * x + p["b"])) ** 2), {"a": 0, "b": 0})
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose([s.x["a"], s.x["b"]], [1.00211681802045, -0.262323073774029], rtol=1e-11)


@pytest.mark.parametrize("start", [[500, 1e-4], [250, 5e-4]])
def test_misra1a_from_the_plain_formula(start):
    y, x = nist("misra1a")
    s = minimize(lambda b: np.sum((y - b[0] * (1 - np.exp(-b[1] * x))) ** 2), start)
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(s.x, [2.3894212918e02, 5.5015643181e-04], rtol=1e-10)


def test_maximize():
    s = maximize(lambda x: np.exp(-((x[0] - 1) ** 2) - x[1] ** 2), [0.5, 0.5])
    assert s.success and s.kind == "maximum" and s.value == pytest.approx(1)
    np.testing.assert_allclose(s.x, [1, 0], atol=1e-9)


def test_many_variables_with_a_sparse_hessian_go_by_newton():
    s = minimize(lambda x: np.sum((x - 1) ** 2) + np.sum((x - 1) ** 4), np.zeros(400))
    assert s.success and s.method == "newton" and s.kind == "strict minimum" and s.hessian is None
    assert "400 variables" in s.method_reason and "sparse" in s.method_reason and len(s.eigenvalues) >= 2


# f, point, kind
KINDS = [
    (lambda x: x**2, 0.0, "strict minimum"),
    (lambda x: x**4, 0.0, "strict minimum"),
    (lambda x: x**3, 0.0, "saddle"),
    (lambda x: -(x**4), 0.0, "maximum"),
    (lambda x: np.cos(x) - 1 + x**2 / 2, 0.0, "strict minimum"),
    (lambda x: np.sin(x) - x, 0.0, "saddle"),
    (lambda x: np.cos(x), np.pi, "strict minimum"),
    (lambda x: np.cos(x), 0.0, "maximum"),
    (lambda x: np.exp(x), 0.0, "not stationary"),
    (lambda x: x[0] * x[1], [0.0, 0.0], "saddle"),
    (lambda x: np.cosh(x[0]) + np.sin(x[1]) ** 2 + np.cos(x[1]) ** 2, [0.0, 0.7], "degenerate"),
    (lambda x: x[0] ** 3 - 3 * x[0] * x[1] ** 2, [0.0, 0.0], "saddle"),
    (lambda x: (x[0] - x[1]) ** 2, [1.0, 1.0], "minimum"),
    (lambda x: np.cosh(x[1] - x[0] ** 2) - x[0] ** 4 / 5, [0.0, 0.0], "saddle"),
    (lambda x: np.cosh(x[1] - x[0] ** 2) + x[0] ** 4 / 5, [0.0, 0.0], "strict minimum"),
]


@pytest.mark.parametrize(("f", "x", "kind"), KINDS)
def test_classify(f, x, kind):
    c = classify(f, x)
    assert c.kind == kind, c.why


def test_classify_on_constraints():
    c = classify(lambda x: x[0] ** 2 + x[1] ** 2, [0.5, 0.5], subject_to=lambda x: x[0] + x[1] - 1)
    assert c.kind == "strict minimum" and c.multipliers == pytest.approx(-1, rel=1e-15)
    volume = formula("a*b*c")
    surface = formula("2*(a*b + b*c + c*a) - 24")
    c = classify(volume, {"a": 2, "b": 2, "c": 2}, subject_to={"eq": surface})
    assert c.kind == "maximum" and c.multipliers == {"eq": pytest.approx(-0.5)}
    c = classify(lambda x: x @ x, [0.5, 0.5, 0.0], subject_to=[lambda x: x[0] + x[1] - 1, lambda x: x[2]])
    assert c.kind == "strict minimum" and c.multipliers == pytest.approx([-1, 0])


def test_a_cusp_has_a_minimum_without_multipliers():
    # Kuhn and Tucker's own example (1951): no λ balances ∇f at (1, 0), and those met on the way grow without bound
    s = minimize(lambda x: -x[0], [0.0, 0.0], subject_to=lambda x: [x[1] <= (1 - x[0]) ** 3, x[1] >= 0])
    assert np.allclose(s.x, [1, 0], atol=1e-6)
    assert s.kind == "degenerate" and "need not have any" in s.classification.why
    near = minimize(lambda x: -x[0], [0.5, 0.5], subject_to=lambda x: [x[1] <= (1 - x[0]) ** 3, x[1] >= 0])
    assert np.allclose(near.x, [1, 0], atol=2e-6)
    assert near.kind in ("degenerate", "strict minimum")  # which it is, though no multipliers can show it at (1, 0)


def test_a_range_of_x_itself_has_a_text():
    s = minimize(lambda x: x @ x, [0.5, 0.5], subject_to=lambda x: [x[0] + x[1] == 1, between(0, x, 1)])
    assert s.constraints[1].relation.text == "0 <= x <= 1"
