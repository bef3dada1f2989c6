"""Minima as functions of parameters: their derivatives against closed forms and differences."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError

H = 1e-5
P = np.array([0.2, 0.3])
curved = tw.argmin(
    lambda x, p: np.sum((x - p) ** 2) + x[0] ** 4 * p[1], np.zeros(2), subject_to=lambda x: x[0] + x[1] >= 1
)


def differences(f, p):
    return np.stack([(np.asarray(f(p + H * e)) - np.asarray(f(p - H * e))) / (2 * H) for e in np.eye(p.size)], axis=-1)


def test_first_and_second_derivatives():
    np.testing.assert_allclose(tw.jacobian(curved)(P), differences(curved, P), atol=1e-8)

    def loss(p):
        return np.sum(curved(p) ** 3)

    np.testing.assert_allclose(tw.grad(loss)(P), differences(loss, P), atol=1e-8)
    np.testing.assert_allclose(tw.hessian(loss)(P), differences(tw.grad(loss), P), atol=1e-7)


def test_a_closed_form():
    """argmin (x − p)² + x⁴ solves 2(x − p) + 4x³ = 0: x' = 1/(1 + 6x²), x'' = −12 x x'/(1 + 6x²)²."""
    root = tw.argmin(lambda x, p: (x - p) ** 2 + x**4, 0.0)
    x = float(root(1.0))
    assert x + 2 * x**3 == pytest.approx(1)
    slope = 1 / (1 + 6 * x * x)
    assert tw.derivative(root)(1.0) == pytest.approx(slope)
    assert tw.derivative(tw.derivative(root))(1.0) == pytest.approx(-12 * x * slope / (1 + 6 * x * x) ** 2)


CASES = {
    "parameter in a constraint": (
        lambda x, p: x @ x, {"subject_to": lambda x, p: x[0] + x[1] == p}, 3.0, [1.5, 1.5], [0.5, 0.5],
    ),
    "parameter in a bound": (lambda x, p: x @ x, {"subject_to": lambda x, p: x[0] >= p}, 3.0, [3, 0], [1, 0]),
    "bounds, one holds": (
        lambda x, p: np.sum((x - np.array([0.5, 2.0]) * p) ** 2),
        {"bounds": (0, 1)}, 1.0, [0.5, 1], [0.5, 0],
    ),
    "a fixed variable": (
        lambda x, p: np.sum((x - p) ** 2), {"bounds": [(2, 2), (None, None)]}, 3.0, [2, 3], [0, 1],
    ),
    "an inactive constraint": (
        lambda x, p: np.sum((x - p) ** 2), {"subject_to": lambda x: x @ x <= 100}, 3.0, [3, 3], [1, 1],
    ),
    "a range": (
        lambda x, p: x @ x, {"subject_to": lambda x, p: tw.between(p, x[0] + x[1], 9)}, 3.0, [1.5, 1.5], [0.5, 0.5],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_where_parameters_may_stand(name):
    f, options, p, x, slope = CASES[name]
    at = tw.argmin(f, np.array([0.3, 0.4]), **options)
    np.testing.assert_allclose(at(p), x, atol=1e-7)
    np.testing.assert_allclose(tw.jacobian(at)(p), slope, atol=1e-7)


def test_structures_several_parameters_and_batches():
    nested = tw.argmin(lambda x, p: (x["a"] - p) ** 2 + (x["b"] - x["a"]) ** 2, {"a": 0.0, "b": 0.0})
    assert tw.grad(lambda p: nested(p)["b"] ** 2)(3.0) == pytest.approx(6)
    weighted = tw.argmin(lambda x, a, b: a * (x - b) ** 2 + x**2, 0.0)  # x = ab/(1 + a)
    assert tw.grad(weighted, (0, 1))(1.0, 2.0) == pytest.approx((0.5, 0.5))
    many = tw.batch(curved)(np.stack([P, P + 0.1]))
    np.testing.assert_allclose(many, np.stack([curved(P), curved(P + 0.1)]), atol=1e-9)


def test_the_whole_solution():
    s = curved.solution(P)
    assert s.success and s.multipliers > 0
    np.testing.assert_array_equal(s.x, curved(P))


def test_wrong_use():
    with pytest.raises(ArgumentError, match="leave out args"):
        tw.argmin(lambda x, p: x, 0.0, args=(1.0,))
    with pytest.raises(ArgumentError, match="at least one"):
        curved()
    with pytest.raises(ArgumentError, match=r"did not converge.*unbounded"):
        tw.argmin(lambda x, p: x * p, 0.0)(3.0)
    with pytest.raises(ArgumentError, match=r"np\.where"):
        tw.grad(tw.argmin(lambda x, p: (x - p) ** 2 if p > 0 else (x + p) ** 2, 0.0))(3.0)
