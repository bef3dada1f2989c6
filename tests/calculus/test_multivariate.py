"""Taylor polynomials in several variables."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError

X0 = np.array([0.4, -0.3, 0.8])


def f(x):
    return np.exp(x[0] * x[1]) / (1 + x[1] ** 2) + np.sin(x[2]) * x[0] ** 3


@pytest.mark.parametrize("order", range(6))
def test_the_error_shrinks_with_the_order(order):
    T = tw.taylor(f, X0, order)
    v = np.array([1.0, -0.5, 0.7])
    errors = [abs(T(X0 + h * v) - f(X0 + h * v)) for h in (0.02, 0.01)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order + 1, abs=0.4)


def test_parts_are_value_gradient_and_hessian():
    T = tw.taylor(f, X0, 2)
    assert T.value == pytest.approx(f(X0))
    np.testing.assert_allclose(T.gradient, tw.grad(f)(X0), rtol=1e-14)
    np.testing.assert_allclose(T.hessian, tw.hessian(f)(X0), rtol=1e-14)
    assert tw.taylor(f, X0, 1).hessian is None
    assert tw.taylor(f, X0, 0).gradient is None


def test_third_order_terms_are_third_derivatives():
    T = tw.taylor(f, X0, 3)
    third = tw.jacobian(tw.hessian(f))(X0)
    c = T.coefficients
    assert c[1, 1, 0] == pytest.approx(T.hessian[0, 1])
    assert c[0, 2, 0] == pytest.approx(T.hessian[1, 1] / 2)
    assert c[3, 0, 0] == pytest.approx(third[0, 0, 0] / 6)
    assert c[2, 1, 0] == pytest.approx(third[0, 0, 1] / 2)
    assert c[2, 0, 1] == pytest.approx(third[0, 0, 2] / 2)


def test_written():
    g = lambda x: x[0] ** 2 * x[1]
    T = tw.taylor(g, np.array([1.0, 2.0]), 3)
    assert str(T) == "2 + 4(x₁-1) + (x₂-2) + 2(x₁-1)² + 2(x₁-1)(x₂-2) + (x₁-1)²(x₂-2)"
    assert repr(T).endswith("Exact: the function is this polynomial.")
    assert "order 3" in tw.taylor(g, np.array([1.0, 2.0]), 2).sentence
    assert str(tw.taylor(lambda p: p["a"] * p["b"][1], {"a": 0.0, "b": np.zeros(2)}, 2)) == "ab[1]"
    assert str(tw.taylor(lambda X: X[0, 1] ** 2, np.zeros((2, 2)), 2)) == "x[0, 1]²"
    big = tw.taylor(lambda x: np.sum(x**2), np.ones(50), 2)
    assert str(big) == "50 + ∇f·h + ½ hᵀH h, h = x - x₀ in 50 variables, |∇f| = 14.1421"


def test_exact_polynomials_are_the_function_everywhere():
    g = lambda x: (x[0] - 2 * x[1]) ** 3 + x[0] * x[1]
    T = tw.taylor(g, np.array([1.0, -2.0]), 3)
    assert T.exact and T.degree == 3
    far = np.array([7.0, 3.0])
    assert T(far) == pytest.approx(g(far), rel=1e-13)
    assert not tw.taylor(g, np.array([1.0, -2.0]), 2).exact


def test_structures():
    g = lambda p: np.sum(p["W"] @ p["x"]) ** 2
    p = {"W": np.arange(4.0).reshape(2, 2), "x": np.array([1.0, -1.0])}
    T = tw.taylor(g, p, 4)
    q = {"W": p["W"] + 0.5, "x": p["x"] * 2}
    assert T.exact
    assert T(q) == pytest.approx(g(q), rel=1e-12)
    with pytest.raises(ArgumentError, match="structure"):
        T({"W": p["W"]})
    X = tw.taylor(lambda X: np.sum(X**2), np.ones((2, 2)), 2)
    assert X(np.zeros((2, 2))) == 0
    assert X(np.zeros(4)) == 0


def test_algebra():
    a = tw.taylor(lambda x: x[0] + x[1] ** 2, np.array([1.0, 2.0]), 2)
    b = tw.taylor(lambda x: x[0] * x[1], np.array([1.0, 2.0]), 2)
    x = np.array([0.3, -0.7])
    for combined, wanted in (
        (a + b, a(x) + b(x)),
        (a - b, a(x) - b(x)),
        (a * b, a(x) * b(x)),
        (2 - a * 3, 2 - 3 * a(x)),
        (a**3, a(x) ** 3),
        (-a, -a(x)),
    ):
        assert combined(x) == pytest.approx(wanted, rel=1e-13)
        assert combined.exact
    assert a + b == b + a
    assert a != b
    assert a != 1
    with pytest.raises(ArgumentError, match="different points"):
        a + tw.taylor(lambda x: x[0], np.zeros(2), 1)
    with pytest.raises(ArgumentError, match="whole number"):
        a**-1
    for bad in (lambda: a + "b", lambda: a * None, lambda: a - [1]):
        with pytest.raises(TypeError):
            bad()


def test_many_variables_to_second_order():
    n = 300
    x = np.linspace(0, 1, n)
    T = tw.taylor(lambda x: np.sum(np.cos(x)) ** 2, x, 2)
    h = 1e-3 * np.sin(np.arange(n))
    assert T(x + h) == pytest.approx(np.sum(np.cos(x + h)) ** 2, rel=1e-8)


def test_too_many_terms_are_refused_with_the_way_out():
    with pytest.raises(ArgumentError, match="direction=v"):
        tw.taylor(lambda x: np.sum(x**4), np.ones(100), 4)


def test_under_trace():
    g = lambda x: tw.taylor(f, x, 3)(np.ones(3)) + tw.taylor(f, X0, 2)(x)
    h = 1e-4
    for i in range(3):
        e = np.eye(3)[i] * h
        wanted = (8 * (g(X0 + e) - g(X0 - e)) - (g(X0 + 2 * e) - g(X0 - 2 * e))) / (12 * h)
        assert tw.grad(g)(X0)[i] == pytest.approx(wanted, rel=1e-8)
