"""The promise at kinks and removable points: the traps that turn gradients of right functions into NaN or nonsense."""

import mpmath
import numpy as np
import pytest
from scipy import special

import thalweg as tw


def norm(x):
    return np.sqrt(np.sum(x**2))


def slopes(f, x):
    """First and second derivative, the first in both modes."""
    g, j, h = tw.grad(f)(x), tw.jacobian(f)(x), tw.hessian(f)(x)
    np.testing.assert_array_equal(g, j)
    return g, h


# --- norms at 0 -------------------------------------------------------------------------------------------------------

ZERO = np.zeros(3)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: norm(x) ** 2,
        lambda x: norm(x) * norm(x),
        lambda x: np.square(np.sqrt(x @ x)),
        lambda x: np.sum(np.abs(x) ** 2),
        lambda x: np.sum(np.abs(x) * np.abs(x)),
        lambda x: np.sum(x**2),
    ],
)
def test_the_squared_norm_is_smooth_at_0(f):
    g, h = slopes(f, ZERO)
    np.testing.assert_array_equal(g, ZERO)
    np.testing.assert_array_equal(h, 2 * np.eye(3))


@pytest.mark.parametrize("f", [norm, lambda x: np.hypot(x[0], x[1]), lambda x: np.hypot(np.hypot(x[0], x[1]), x[2])])
def test_the_norm_at_0_has_the_derivative_0(f):
    np.testing.assert_array_equal(tw.grad(f)(ZERO), ZERO)
    np.testing.assert_array_equal(tw.jacobian(f)(ZERO), ZERO)
    x = np.array([3.0, 4.0, 0.0])
    np.testing.assert_allclose(tw.grad(f)(x), [0.6, 0.8, 0.0], rtol=1e-15)


def test_a_root_that_may_be_negative_is_not_simplified_away():
    g = tw.grad(lambda x: np.sqrt(x) ** 2)
    assert np.isnan(g(-1.0)) and g(4.0) == 1.0
    assert np.isnan(tw.value_and_grad(lambda x: np.sqrt(x) ** 2)(-1.0)[0])


# --- branches that guard ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, at, derivatives",
    [
        (lambda x: np.where(x == 0, 1.0, np.sin(x) / x), 0.0, (0.0, 0.0)),
        (lambda x: np.where(x > 0, np.log(x), 0.0), 0.0, (0.0, 0.0)),
        (lambda x: np.where(x > 0, np.log(x), 0.0), -2.0, (0.0, 0.0)),
        (lambda x: np.where(x > 0, np.log(x), 0.0), 2.0, (0.5, -0.25)),
        (lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0, (0.0, 0.0)),
        (lambda x: np.where(x > 0, np.sqrt(x), x), -1.0, (1.0, 0.0)),
        (lambda x: np.where(x < 1, x**2, np.exp(x * 1e6)), 0.5, (1.0, 2.0)),
        (lambda x: np.where(x > 0, 1 / x, x**3), -2.0, (12.0, -12.0)),
    ],
)
def test_the_branch_not_taken_does_no_harm(f, at, derivatives):
    for x in (at, np.array([at, at])):
        total = lambda z: np.sum(f(z))
        g, h = slopes(total, x)
        np.testing.assert_array_equal(g, np.full(np.shape(x), derivatives[0]))
        np.testing.assert_array_equal(np.diagonal(h) if np.ndim(x) else h, np.full(np.shape(x), derivatives[1]))


# --- powers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "n, x, first, second",
    [
        (0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0), (0.0, -2.0, 0.0, 0.0), (1, 0.0, 1.0, 0.0), (1.0, -2.0, 1.0, 0.0),
        (2, 0.0, 0.0, 2.0), (2.0, -3.0, -6.0, 2.0), (3, 0.0, 0.0, 0.0), (3, -2.0, 12.0, -12.0), (4, -2.0, -32.0, 48.0),
        (5, 0.0, 0.0, 0.0), (5, -1.0, 5.0, -20.0), (-1, -2.0, -0.25, -0.25), (-2, -2.0, 0.25, 0.375),
        (1.5, 0.0, 0.0, np.inf), (0.5, 0.0, np.inf, -np.inf),
    ],
)  # fmt: skip
def test_powers(n, x, first, second):
    """As a number (where whole powers become products), as an array, and as a traced exponent."""
    several = np.array([x, x])
    for exponent, at in ((n, x), (n, several), (np.array([n, n], dtype=float), several)):
        g, h = slopes(lambda z: np.sum(z**exponent), at)
        np.testing.assert_allclose(g, np.full(np.shape(at), first), rtol=1e-15)
        np.testing.assert_allclose(np.diagonal(h) if np.ndim(at) else h, np.full(np.shape(at), second), rtol=1e-15)
    np.testing.assert_allclose(tw.grad(lambda z, m: z**m)(x, float(n)), first, rtol=1e-15)


@pytest.mark.parametrize("n", [0.0, 2.0, 0.5])
def test_0_to_a_power_does_not_depend_on_the_power(n):
    assert tw.grad(lambda m: 0.0**m)(n) == 0.0
    assert tw.grad(lambda m, x: x**m)(n, 0.0) == 0.0
    assert tw.hessian(lambda m, x: x**m)(n, 0.0) == 0.0


def test_a_negative_base_has_no_derivative_in_the_exponent():
    assert np.isnan(tw.grad(lambda m: (-2.0) ** m)(2.0))
    assert tw.grad(lambda x, m: x**m)(-2.0, 2.0) == -4.0


# --- ties and corners -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inf", [1.0, np.inf, -np.inf])
@pytest.mark.parametrize("pick", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_ties_are_split_evenly(pick, inf):
    a, b = tw.grad(lambda a, b: pick(a, b), wrt=(0, 1))(inf, inf)
    assert (a, b) == (0.5, 0.5)
    g = tw.grad(lambda x: np.sum(pick(x, np.full(3000, inf))))(np.full(3000, inf))
    np.testing.assert_array_equal(g, np.full(3000, 0.5))


@pytest.mark.parametrize("f, choice", [(np.max, [0.0, 0.5, 0.5]), (np.min, [1.0, 0.0, 0.0])])
def test_ties_of_a_reduction_are_split_evenly(f, choice):
    np.testing.assert_array_equal(tw.grad(lambda x: f(x))(np.array([1.0, 2.0, 2.0])), choice)


def test_a_nan_is_not_lost_in_a_maximum():
    g = tw.grad(lambda x: np.maximum(x, 1.0))
    assert np.isnan(g(np.nan))
    assert np.isnan(tw.grad(lambda x: np.maximum(x, np.nan))(1.0))
    assert tw.grad(lambda x: np.fmax(x, np.nan))(1.0) == 1.0


@pytest.mark.parametrize(
    "f, at, expected",
    [
        (np.abs, 0.0, 0.0), (np.abs, -0.0, 0.0), (np.fabs, 0.0, 0.0), (np.sign, 0.0, 0.0), (np.floor, 2.0, 0.0),
        (lambda x: np.heaviside(x, 0.5), 0.0, 0.0), (lambda x: np.copysign(x, -1.0), 0.0, 0.0),
        (lambda x: np.clip(x, 0.0, 1.0), 0.0, 0.5), (lambda x: np.clip(x, 0.0, 1.0), 0.5, 1.0),
        (lambda x: np.clip(x, 0.0, 1.0), 2.0, 0.0), (lambda x: np.round(x, 1), 0.25, 0.0),
        (lambda x: x % 2.0, 4.0, 1.0), (lambda x: x // 2.0, 4.0, 0.0), (np.cbrt, 0.0, np.inf), (np.sqrt, 0.0, np.inf),
        (np.log, 0.0, np.inf), (np.arcsin, 1.0, np.inf), (np.arccosh, 1.0, np.inf),
        (lambda x: np.nan_to_num(x), np.nan, 0.0), (lambda x: np.nan_to_num(x), 2.0, 1.0),
    ],
)  # fmt: skip
def test_conventions(f, at, expected):
    assert tw.grad(lambda x: f(x))(at) == expected
    assert tw.jacobian(lambda x: f(x))(at) == expected
    np.testing.assert_array_equal(tw.grad(lambda x: np.sum(f(x)))(np.full(3, at)), np.full(3, expected))


# --- zeros that meet infinities ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, first",
    [
        (lambda x: x * np.sqrt(x), 0.0),
        (lambda x: np.sqrt(x) * 0.0, 0.0),
        (lambda x: np.sqrt(x**2) ** 3, 0.0),
        (lambda x: x**2 * np.cbrt(x), 0.0),
        (lambda x: np.sqrt(x**4), 0.0),
        (lambda x: special.xlogy(x**2, x**2), 0.0),
        (lambda x: special.xlogy(x, x), -np.inf),
        (lambda x: special.xlogy(0.0, x), 0.0),
        (lambda x: special.xlog1py(x, x), 0.0),
    ],
)
def test_products_with_an_exact_zero(f, first):
    assert f(0.0) == 0.0
    assert tw.grad(f)(0.0) == first
    assert tw.jacobian(f)(0.0) == first


def test_x_log_x_near_0():
    x = 1e-12
    np.testing.assert_allclose(tw.grad(lambda x: special.xlogy(x, x))(x), np.log(x) + 1, rtol=1e-15)
    np.testing.assert_allclose(tw.hessian(lambda x: special.xlogy(x, x))(x), 1 / x, rtol=1e-14)


# --- infinities and undefined points ----------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [np.logaddexp, np.logaddexp2])
@pytest.mark.parametrize(
    "a, b, expected",
    [
        (-np.inf, -np.inf, (0.5, 0.5)), (np.inf, np.inf, (0.5, 0.5)), (-np.inf, 3.0, (0.0, 1.0)),
        (3.0, -np.inf, (1.0, 0.0)), (np.inf, 3.0, (1.0, 0.0)), (1e5, -1e5, (1.0, 0.0)), (2.0, 2.0, (0.5, 0.5)),
    ],
)  # fmt: skip
def test_logaddexp(f, a, b, expected):
    assert tw.grad(lambda a, b: f(a, b), wrt=(0, 1))(a, b) == expected


def test_second_derivatives_of_logaddexp_at_a_tie():
    h = tw.hessian(lambda x: np.logaddexp(x[0], x[1]))(np.array([1.0, 1.0]))
    np.testing.assert_allclose(h, [[0.25, -0.25], [-0.25, 0.25]], rtol=1e-15)


def test_arctan2_at_the_origin_has_no_derivative_and_says_so():
    f = lambda x: np.arctan2(x[1], x[0])
    assert np.isnan(tw.grad(f)(np.zeros(2))).all()
    guarded = lambda x: np.where(norm(x) > 0, f(x), 0.0)
    np.testing.assert_array_equal(tw.grad(guarded)(np.zeros(2)), np.zeros(2))
    np.testing.assert_allclose(tw.grad(f)(np.array([-1.0, 0.0])), [0.0, -1.0])


@pytest.mark.parametrize("f", [np.log, np.sqrt, np.log1p, np.arccosh, np.arcsin, np.arctanh, lambda x: x**0.5])
def test_outside_the_domain_the_derivative_is_nan(f):
    for x in (-2.0, np.nan):
        g, h = slopes(lambda z: f(z), x)
        assert np.isnan(g) and np.isnan(h)


# --- where digits are lost --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [0.0, 1e-12, 1e-5, -1e-5, 1e-3])
def test_sinc_near_0(x):
    """Series of sin(πx)/(πx): −π²/3 x + π⁴/30 x³ and so on."""
    derivative = tw.grad(lambda x: np.sinc(x))
    second = tw.grad(derivative)
    third = tw.grad(second)
    a, b, c, d = np.pi**2 / 3, np.pi**4 / 30, np.pi**6 / 840, np.pi**8 / 45360
    np.testing.assert_allclose(derivative(x), -a * x + b * x**3 - c * x**5, rtol=1e-14)
    np.testing.assert_allclose(second(x), -a + 3 * b * x**2 - 5 * c * x**4, rtol=1e-14)
    np.testing.assert_allclose(third(x), 6 * b * x - 20 * c * x**3 + 42 * d * x**5, rtol=1e-14)
    assert tw.jacobian(lambda x: np.sinc(x))(x) == derivative(x)


@pytest.mark.parametrize(
    "f, x, true",
    [
        (np.tanh, 18.0, lambda x: mpmath.sech(x) ** 2),
        (np.tanh, -30.0, lambda x: mpmath.sech(x) ** 2),
        (special.expit, 36.0, lambda x: mpmath.exp(-x) / (1 + mpmath.exp(-x)) ** 2),
        (special.expit, -500.0, lambda x: mpmath.exp(x) / (1 + mpmath.exp(x)) ** 2),
        (np.expm1, -30.0, mpmath.exp),
        (np.expm1, 1e-12, mpmath.exp),
        (np.log1p, -1 + 1e-9, lambda x: 1 / (1 + x)),
        (special.log_ndtr, -50.0, lambda x: mpmath.npdf(x) / mpmath.ncdf(x)),
        (np.arctanh, 1 - 1e-10, lambda x: 1 / (1 - x * x)),
        (special.logit, 1 - 1e-10, lambda x: 1 / (x * (1 - x))),
    ],
)
def test_tails(f, x, true):
    with mpmath.workdps(60):
        exact = float(true(mpmath.mpf(x)))
    np.testing.assert_allclose(tw.grad(lambda z: f(z))(x), exact, rtol=1e-13)
    np.testing.assert_allclose(tw.grad(lambda z: np.sum(f(z)))(np.full(3000, x)), np.full(3000, exact), rtol=1e-13)
