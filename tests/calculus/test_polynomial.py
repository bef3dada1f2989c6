"""Polynomial: values, algebra, calculus, and how it is written."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thalweg as tw
from thalweg.errors import ArgumentError

NUMBERS = st.floats(-10, 10, width=32)
ASCENDING = st.lists(NUMBERS, min_size=1, max_size=6)

p = tw.Polynomial([1, 3, 3, 1], 1.0)
q = tw.Polynomial([2.0, -1.0], 1.0)


def test_values():
    x = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(p(x), x**3, atol=1e-14)
    assert p(2) == 8
    assert p(np.ones((2, 3))).shape == (2, 3)
    assert tw.Polynomial([5.0])(np.zeros(4)).shape == (4,)
    assert tw.Polynomial([])(3.0) == 0


def test_degree():
    assert p.degree == 3
    assert tw.Polynomial([1, 2, 0, 0]).degree == 1
    assert tw.Polynomial([0.0, 0.0]).degree == 0
    np.testing.assert_array_equal(tw.Polynomial([1, 2, 0, 0]).coefficients, [1, 2, 0, 0])


@given(ASCENDING, ASCENDING, NUMBERS, NUMBERS)
def test_algebra_is_that_of_the_values(a, b, center, x):
    f, g = tw.Polynomial(a, center), tw.Polynomial(b, center)
    scale = max(1.0, max(map(abs, a)) * max(map(abs, b)) * 36 * max(1.0, abs(x - center)) ** 12)
    close = lambda value: pytest.approx(value, abs=1e-13 * scale, rel=1e-12)
    assert (f + g)(x) == close(f(x) + g(x))
    assert (f - g)(x) == close(f(x) - g(x))
    assert (f * g)(x) == close(f(x) * g(x))
    assert (2 * f - 3)(x) == close(2 * f(x) - 3)
    assert (3 - f / 4)(x) == close(3 - f(x) / 4)
    assert (-f)(x) == -f(x)
    assert (f**2)(x) == close(f(x) ** 2)


@given(ASCENDING, NUMBERS, NUMBERS)
def test_calculus(a, center, x):
    f = tw.Polynomial(a, center)
    wanted = np.polynomial.Polynomial(a)
    h = x - center
    size = sum(abs(c) * max(1.0, abs(h)) ** k for k, c in enumerate(a))
    assert f.derivative()(x) == pytest.approx(wanted.deriv()(h), rel=1e-10, abs=1e-11 * size)
    assert f.integral()(x) == pytest.approx(wanted.integ()(h), rel=1e-10, abs=1e-10 * size)
    assert f.derivative(2) == f.derivative().derivative()
    assert f.integral()(center) == 0
    np.testing.assert_allclose(f.integral(2).derivative(2).coefficients, f.coefficients, rtol=1e-14)


def test_composition_and_moving():
    x = np.linspace(-1, 2, 5)
    np.testing.assert_allclose(p(q)(x), p(q(x)), rtol=1e-13)
    assert p(q).center == q.center
    np.testing.assert_allclose(p.about(-2.0)(x), x**3, atol=1e-13)
    assert p.about(0.0) == tw.Polynomial([0, 0, 0, 1])


def test_powers():
    assert p**0 == 1
    assert p**1 == p
    np.testing.assert_allclose((p**3).coefficients, (p * p * p).coefficients)
    with pytest.raises(ArgumentError, match="negative power"):
        p**-1
    with pytest.raises(TypeError):
        p**0.5


def test_equality():
    assert p == tw.Polynomial([1, 3, 3, 1, 0], 1.0)
    assert p != q
    assert p != tw.Polynomial([1, 3, 3, 1], 2.0)
    assert tw.Polynomial([2.0], 5.0) == 2
    assert p != "p"
    assert +p is p


def test_different_centres_are_refused_with_the_way_out():
    with pytest.raises(ArgumentError, match=r"p\.about\(center\)"):
        p + tw.Polynomial([1.0], 0.0)
    assert p + tw.Polynomial([0.0, 1.0], 0.0).about(1.0) == tw.Polynomial([2, 4, 3, 1], 1.0)


def test_what_is_no_operand():
    for bad in (lambda: p + "1", lambda: p * None, lambda: p / p, lambda: "1" - p):
        with pytest.raises(TypeError):
            bad()


def test_arrays_as_coefficients():
    curve = tw.taylor(lambda t: np.array([np.cos(t), np.sin(t)]), 0.0, 8)
    t = np.linspace(-0.3, 0.3, 4)
    np.testing.assert_allclose(curve(t), np.stack([np.cos(t), np.sin(t)], -1), atol=1e-10)
    assert curve(0.1).shape == (2,)
    assert curve.coefficients.shape == (9, 2)
    np.testing.assert_allclose(curve.derivative()(0.2), [-np.sin(0.2), np.cos(0.2)], atol=1e-8)
    assert str(curve).splitlines()[1] == "[1]: x - x³/6 + x⁵/120 - x⁷/5040"


WRITTEN = [
    ([1, 3, 3, 1], 1.0, "1 + 3(x-1) + 3(x-1)² + (x-1)³"),
    ([0, 1, 0, -1 / 6, 0, 1 / 120], 0.0, "x - x³/6 + x⁵/120"),
    ([0, 0], 0.0, "0"),
    ([-1, -1, -2.5], -2.0, "-1 - (x+2) - 5(x+2)²/2"),
    ([0.36, 0, 1e-7], 0.0, "0.36 + 1e-07·x²"),
    ([np.pi, np.e], 0.5, "3.14159 + 2.71828(x-0.5)"),
    ([np.nan, np.inf], 0.0, "nan + inf·x"),
    ([0] * 9 + [62 / 2835, 0, 1.0], 0.0, "62x⁹/2835 + x¹¹"),
    ([1 / 3, 2 / 3], 0.25, "1/3 + 2(x-0.25)/3"),
    ([1e9, 123456.789], 0.0, "1e+09 + 123457x"),
]


@pytest.mark.parametrize(("coefficients", "center", "text"), WRITTEN)
def test_text(coefficients, center, text):
    assert str(tw.Polynomial(coefficients, center)) == text


def test_fractions_are_only_shown_where_they_are_right():
    assert str(tw.Polynomial([0.333333])) == "0.333333"
    assert str(tw.Polynomial([1 / 3 + 1e-9])) == "0.333333"
    assert str(tw.Polynomial([1 / 3 * (1 + 1e-15)])) == "1/3"


def test_latex():
    assert p._repr_latex_() == r"$1 + 3\left(x-1\right) + 3\left(x-1\right)^{2} + \left(x-1\right)^{3}$"
    assert tw.Polynomial([0, 1, 0, -1 / 6])._repr_latex_() == r"$x - \frac{1}{6}x^{3}$"
    assert tw.Polynomial([1e-9, np.inf])._repr_latex_() == r"$1 \cdot 10^{-9} + \infty \, x$"
    assert tw.Polynomial([0.0])._repr_latex_() == "$0$"


def test_variable_name():
    assert str(tw.Polynomial([1, 2], 1.0, variable="t")) == "1 + 2(t-1)"


def test_under_trace():
    """Coefficients, centre and argument may be values that are being differentiated."""
    slope = tw.derivative(lambda x: p(x))(3.0)
    assert slope == pytest.approx(27)
    moved = tw.derivative(lambda a: tw.Polynomial([a, a * a, 1.0], a)(2.0))(0.5)
    assert moved == pytest.approx(1 + 2 * 0.5 * 1.5 - 0.5**2 - 2 * 1.5)
    assert tw.derivative(lambda a: (a * p - a)(2.0))(1.0) == pytest.approx(7)
    seen = []
    tw.derivative(lambda a: (seen.append(str(tw.Polynomial([a, 1.0]))), a)[1])(1.0)
    assert seen == ["<polynomial of degree 1 under trace>"]


@pytest.mark.parametrize("n", [-1, 1.5, True])
def test_how_many_times_is_a_whole_number(n):
    with pytest.raises(ArgumentError, match="whole number"):
        p.derivative(n)
    with pytest.raises(ArgumentError, match="whole number"):
        p.integral(n)
    assert p.derivative(0) == p
    assert p.derivative(7) == 0


def test_numpy_agrees_on_random_polynomials():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=5), rng.normal(size=3)
    np.testing.assert_allclose(
        (tw.Polynomial(a) * tw.Polynomial(b)).coefficients, np.polynomial.polynomial.polymul(a, b), rtol=1e-13
    )
    assert math.isclose(tw.Polynomial(a)(0.7), np.polynomial.polynomial.polyval(0.7, a), rel_tol=1e-13)
