"""taylor: the textbook's exercise, convergence, exactness, lines, several variables."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError

CUBE = [
    (0, "1", False),
    (1, "1 + 3(x-1)", False),
    (2, "1 + 3(x-1) + 3(x-1)²", False),
    (3, "1 + 3(x-1) + 3(x-1)² + (x-1)³", True),
    (4, "1 + 3(x-1) + 3(x-1)² + (x-1)³", True),
]


@pytest.mark.parametrize(("order", "text", "exact"), CUBE)
def test_the_textbook_exercise(order, text, exact):
    """f(x) = x³ about 1: the polynomial is the function itself from order 3 on."""
    T = tw.taylor(lambda x: x**3, 1.0, order)
    assert str(T) == text
    assert T.exact is exact
    assert len(T.coefficients) == order + 1
    sentence = repr(T).splitlines()[1]
    assert sentence.startswith("Exact") if exact else f"order {'(x-1)' if order else 'x-1'}" in sentence


def test_maclaurin_series():
    assert str(tw.taylor(np.sin, 0, 7)) == "x - x³/6 + x⁵/120 - x⁷/5040"
    assert str(tw.taylor(np.exp, 0, 4)) == "1 + x + x²/2 + x³/6 + x⁴/24"
    assert str(tw.taylor(lambda x: 1 / (1 - x), 0, 3)) == "1 + x + x² + x³"
    assert str(tw.taylor(np.tan, 0, 9)) == "x + x³/3 + 2x⁵/15 + 17x⁷/315 + 62x⁹/2835"
    assert str(tw.taylor(lambda x: np.log(1 + x), 0, 4)) == "x - x²/2 + x³/3 - x⁴/4"


def test_coefficients_are_derivatives_over_factorials():
    f = lambda x: np.exp(x) * np.cos(x)
    T = tw.taylor(f, 0.3, 6)
    for n in range(1, 7):
        assert T.coefficients[n] * math.factorial(n) == pytest.approx(tw.derivative(f, n)(0.3), rel=1e-13)


def test_it_converges_inside_the_radius():
    errors = [abs(tw.taylor(np.exp, 0.0, n)(1.0) - np.e) for n in range(1, 18)]
    assert all(a > b for a, b in itertools.pairwise(errors))
    assert errors[-1] < 1e-15
    with mp.workdps(40):
        remainder = mp.e - mp.fsum(1 / mp.factorial(k) for k in range(6))
    assert np.e - tw.taylor(np.exp, 0.0, 5)(1.0) == pytest.approx(float(remainder), rel=1e-12)


@pytest.mark.parametrize(
    ("f", "order", "exact"),
    [
        (lambda x: (x + 1) ** 2 * x / 3 - 2.5, 3, True),
        (lambda x: (x + 1) ** 2 * x / 3 - 2.5, 2, False),
        (lambda x: np.sum(np.array([x, x * x, 1.0]) * 2) - np.prod(np.array([x, x + 1])), 2, True),
        (lambda x: np.array([1.0, 2.0]) @ np.array([x**4, x]), 4, True),
        (lambda x: np.array([1.0, 2.0]) @ np.array([x**4, x]), 3, False),
        (lambda x: np.where(np.array([True, False]), x, x**2).sum(), 2, True),
        (lambda x: 7.0, 0, True),
        (np.sin, 9, False),
        (abs, 1, False),
        (lambda x: x**2 if x > 0 else -x, 3, False),  # a polynomial on each side only
        (lambda x: x**0.5 * x**0.5, 1, False),
        (lambda x: x / x, 3, False),  # not at 0
        (lambda x: 2.0**x, 3, False),
        (lambda x: np.floor(x), 3, False),
        (lambda x: np.maximum(x, 0.0), 3, False),
        (lambda x: np.cumprod(np.array([x, x, x]))[2], 3, True),
    ],
)
def test_exactness_is_proven_or_not_claimed(f, order, exact):
    assert tw.taylor(f, 1.5, order).exact is exact


def test_exactness_of_what_is_computed_from_polynomials():
    T = tw.taylor(lambda x: x**2, 1.0, 2)
    S = tw.taylor(np.sin, 1.0, 2)
    assert (T * T - T).exact and T.derivative().exact and T(T).exact and T.about(0.0).exact
    assert not (T + S).exact and not S.derivative().exact and not (S**2).exact


def test_the_sentence_follows_the_calculus():
    T = tw.taylor(np.sin, 0.0, 5)
    assert T.sentence == "The function near x = 0, up to terms of order x⁶."
    assert T.derivative().sentence == "The function near x = 0, up to terms of order x⁵."
    assert T.integral().error_order == 7
    assert (T + T).sentence == ""
    assert repr(T + T) == str(T + T)


def test_along_a_line():
    f = lambda x: x[0] ** 2 * x[1]
    T = tw.taylor(f, np.array([1.0, 2.0]), 3, direction=np.array([1.0, 1.0]))
    assert str(T) == "2 + 5t + 4t² + t³"
    assert T.exact
    v = {"a": 1.0, "b": np.array([0.0, -1.0])}
    T = tw.taylor(lambda p: np.exp(p["a"]) * np.sum(p["b"]), {"a": 0.0, "b": np.array([1.0, 1.0])}, 4, direction=v)
    np.testing.assert_allclose(T.coefficients, [2, 1, 0, -1 / 6, -1 / 12], atol=1e-15)
    with pytest.raises(ArgumentError, match="alike"):
        tw.taylor(f, np.ones(2), 2, direction=np.ones(3))


def test_it_is_differentiated_in_its_parameters():
    h = 1e-4
    T = lambda a: tw.taylor(lambda x: np.sin(a * x), 0.3, 3)(0.5)
    wanted = (8 * (T(2 + h) - T(2 - h)) - (T(2 + 2 * h) - T(2 - 2 * h))) / (12 * h)
    assert tw.derivative(T)(2.0) == pytest.approx(wanted, rel=1e-9)
    # in the centre: the derivative of the polynomial at a fixed point is its next term
    S = lambda c: tw.taylor(np.sin, c, 3)(0.5)
    assert tw.derivative(S)(0.3) == pytest.approx(np.sin(0.3) * 0.2**3 / 6, rel=1e-12)


@pytest.mark.parametrize("order", [-1, 1.5, True, None])
def test_order_is_a_whole_number(order):
    with pytest.raises(ArgumentError, match="order"):
        tw.taylor(np.sin, 0.0, order)


def test_several_results_are_refused():
    with pytest.raises(ArgumentError, match="Stack them up"):
        tw.taylor(lambda x: (x, x**2), 0.0, 2)
    with pytest.raises(ArgumentError, match="one number"):
        tw.taylor(lambda x: x, np.ones(2), 2)


def test_nothing_is_claimed_at_a_kink():
    assert tw.taylor(abs, 1.0, 2).sentence == "The function near x = 1, up to terms of order (x-1)³."
    at_kink = tw.taylor(abs, 0.0, 3)
    assert at_kink.sentence == "" and at_kink.error_order is None and not at_kink.exact
    assert tw.taylor(lambda x: np.maximum(x[0], x[1]), np.ones(2), 2, direction=np.ones(2)).sentence == ""
    assert tw.taylor(np.sqrt, 4.0, 1).sentence == "The function near x = 4, up to terms of order (x-4)²."
