"""Taylor coefficients by recurrences: against mpmath, against algebra, and as graphs that can be taken further."""

import itertools
import math
import warnings

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sp
from hypothesis import given
from hypothesis import strategies as st

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph, Node, constant, full, input_node, zeros_like
from thalweg.transforms.batch import batched
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback
from thalweg.transforms.taylor import line_series, taylor_series


def coefficients(f, x0, order, direction=None):
    """The coefficients of t ↦ f(x0 + t v), one array an order."""
    x0 = np.asarray(x0, dtype=float)[()]
    traced = tw.trace(f, x0)
    (x,) = traced.inputs
    v = full(x.shape, 1.0) if direction is None else constant(np.array(direction, dtype=float))
    (terms,) = line_series(traced.outputs, {x: v}, order)
    y = traced.outputs[0]
    return Interpreter(Graph([x], [zeros_like(y) if c is None else c for c in terms]), traced.guards)(x0)


def exact_series(f, x0, order):
    with mp.workdps(50):
        return np.array([float(mp.re(c)) for c in mp.taylor(f, mp.mpf(x0), order)])


FUNCTIONS = {
    "exp": (np.exp, mp.exp, 0.4),
    "expm1": (np.expm1, mp.expm1, 0.4),
    "exp2": (np.exp2, lambda x: mp.mpf(2) ** x, 0.4),
    "log": (np.log, mp.log, 1.4),
    "log2": (np.log2, lambda x: mp.log(x, 2), 1.4),
    "log10": (np.log10, mp.log10, 1.4),
    "log1p": (np.log1p, mp.log1p, 0.4),
    "sqrt": (np.sqrt, mp.sqrt, 1.3),
    "cbrt": (np.cbrt, mp.cbrt, 1.3),
    "sin": (np.sin, mp.sin, 0.4),
    "cos": (np.cos, mp.cos, 0.4),
    "tan": (np.tan, mp.tan, 0.4),
    "arcsin": (np.arcsin, mp.asin, 0.4),
    "arccos": (np.arccos, mp.acos, 0.4),
    "arctan": (np.arctan, mp.atan, 0.4),
    "sinh": (np.sinh, mp.sinh, 0.4),
    "cosh": (np.cosh, mp.cosh, 0.4),
    "tanh": (np.tanh, mp.tanh, 0.4),
    "arcsinh": (np.arcsinh, mp.asinh, 0.4),
    "arccosh": (np.arccosh, mp.acosh, 1.4),
    "arctanh": (np.arctanh, mp.atanh, 0.4),
    "reciprocal": (np.reciprocal, lambda x: 1 / x, 1.4),
    "sinc": (np.sinc, lambda x: mp.sinc(mp.pi * x), 0.4),
    "erf": (sp.erf, mp.erf, 0.4),
    "erfc": (sp.erfc, mp.erfc, 0.4),
    "expit": (sp.expit, lambda x: 1 / (1 + mp.exp(-x)), 0.4),
    "logit": (sp.logit, lambda x: mp.log(x / (1 - x)), 0.4),
    "gammaln": (sp.gammaln, mp.loggamma, 1.4),
    "gamma": (sp.gamma, mp.gamma, 1.4),
    "digamma": (sp.digamma, mp.digamma, 1.4),
    "ndtr": (sp.ndtr, mp.ncdf, 0.4),
    "log_ndtr": (sp.log_ndtr, lambda x: mp.log(mp.ncdf(x)), 0.4),
    "entr": (sp.entr, lambda x: -x * mp.log(x), 0.4),
    "j0": (sp.j0, lambda x: mp.besselj(0, x), 1.4),
    "j1": (sp.j1, lambda x: mp.besselj(1, x), 1.4),
    "i0": (np.i0, lambda x: mp.besseli(0, x), 1.4),
    "square": (np.square, lambda x: x**2, 0.4),
    "x⁵": (lambda x: x**5, lambda x: x**5, -0.4),
    "x⁻³": (lambda x: x**-3, lambda x: x**-3, -1.4),
    "x^2.5": (lambda x: x**2.5, lambda x: x ** mp.mpf(2.5), 1.4),
    "x^-0.7": (lambda x: x**-0.7, lambda x: x ** mp.mpf(-0.7), 1.4),
    "2^x": (lambda x: 2.0**x, lambda x: mp.mpf(2) ** x, 0.4),
    "x^x": (lambda x: x**x, lambda x: x**x, 1.4),
    "hypot": (lambda x: np.hypot(x, 2.0), lambda x: mp.sqrt(x * x + 4), 0.4),
    "arctan2": (lambda x: np.arctan2(np.sin(x), x - 3), lambda x: mp.atan2(mp.sin(x), x - 3), 0.4),
    "logaddexp": (lambda x: np.logaddexp(x, 1 - x * x), lambda x: mp.log(mp.exp(x) + mp.exp(1 - x * x)), 0.4),
    "quotient": (lambda x: np.cos(x) / np.sin(x), lambda x: mp.cos(x) / mp.sin(x), 1.4),
    "exp(sin)": (lambda x: np.exp(np.sin(x)), lambda x: mp.exp(mp.sin(x)), 0.7),
    "nested": (
        lambda x: np.sqrt(1 + np.tanh(x) ** 2) * np.log(2 + np.cos(x)) / (1 + x * x),
        lambda x: mp.sqrt(1 + mp.tanh(x) ** 2) * mp.log(2 + mp.cos(x)) / (1 + x * x),
        0.3,
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_mpmath_to_order_eight(name):
    f, exact, x0 = FUNCTIONS[name]
    wanted = exact_series(exact, x0, 8)
    np.testing.assert_allclose(coefficients(f, x0, 8), wanted, rtol=1e-12, atol=1e-14 * np.abs(wanted).max())


def test_order_thirty_is_right_and_small():
    f = lambda x: np.exp(np.sin(x))
    wanted = exact_series(lambda x: mp.exp(mp.sin(x)), 0.7, 30)
    np.testing.assert_allclose(coefficients(f, 0.7, 30), wanted, rtol=1e-13, atol=1e-20)
    traced = tw.trace(f, 0.7)
    size = {}
    for order in (15, 30):
        (terms,) = line_series(traced.outputs, {traced.inputs[0]: full((), 1.0)}, order)
        size[order] = len(Graph(traced.inputs, terms))
    assert size[30] < 2000  # three products of 30·31/2 terms
    assert size[30] < 4.5 * size[15]  # quadratic, not exponential


def test_polynomials_end():
    np.testing.assert_array_equal(coefficients(lambda x: x**3, 1.0, 6), [1, 3, 3, 1, 0, 0, 0])
    np.testing.assert_array_equal(coefficients(lambda x: (x - 1) * (x + 2) + 0 * x, 0.0, 3), [-2, 1, 1, 0])
    np.testing.assert_array_equal(coefficients(lambda x: 5.0, 0.0, 2), [5, 0, 0])
    np.testing.assert_array_equal(coefficients(lambda x: x**0, 0.0, 2), [1, 0, 0])


@pytest.mark.parametrize(
    ("f", "x0", "wanted"),
    [
        (lambda x: np.where(x > 0, x**2, -x), 2.0, [4, 4, 1, 0]),
        (lambda x: np.where(x > 0, x**2, -x), -2.0, [2, -1, 0, 0]),
        (lambda x: abs(x) ** 3, -1.0, [1, -3, 3, -1]),
        (np.abs, 0.0, [0, 0, 0, 0]),
        (lambda x: np.maximum(x, 1 - x * x), 2.0, [2, 1, 0, 0]),
        (lambda x: np.minimum(x, 1 - x * x), 2.0, [-3, -4, -1, 0]),
        (lambda x: np.floor(x) * x, 2.5, [5, 2, 0, 0]),
        (lambda x: x % 2 * x, 2.5, [1.25, 3, 1, 0]),
        (lambda x: np.where(x > 1, np.log(x - 1), x * x), 0.5, [0.25, 1, 1, 0]),  # the other branch is NaN
        (lambda x: x**2 if x > 0 else -x, 2.0, [4, 4, 1, 0]),
        (lambda x: np.sign(x) * x, -2.0, [2, -1, 0, 0]),
    ],
)
def test_piecewise(f, x0, wanted):
    np.testing.assert_array_equal(coefficients(f, x0, 3), wanted)


def test_singular_points_give_infinities_not_errors():
    assert coefficients(np.sqrt, 0.0, 2)[1] == np.inf
    np.testing.assert_array_equal(coefficients(lambda x: x**2.5, 0.0, 3), [0, 0, 0, np.inf])
    assert coefficients(lambda x: x * np.sqrt(x), 0.0, 1) == [0, 0]  # as the first derivative has it: 0·∞ = 0
    assert np.isnan(coefficients(np.log, -1.0, 2)[0])


def test_first_and_second_coefficient_are_those_of_forward_mode():
    f = lambda x: np.sum(np.sin(x) * x[::-1]) * np.prod(x) + np.max(x) * np.linalg.norm(x)
    x0, v = np.array([0.3, 1.2, -0.7]), np.array([1.0, -2.0, 0.5])
    c = coefficients(f, x0, 2, v)
    np.testing.assert_allclose(c[1], tw.grad(f)(x0) @ v, rtol=1e-13)
    np.testing.assert_allclose(c[2], v @ tw.hessian(f)(x0) @ v / 2, rtol=1e-12)


A0 = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 1.0]])
A1 = np.array([[0.2, -0.1, 0.4], [-0.1, 0.3, 0.05], [0.4, 0.05, -0.3]])
B = np.array([1.0, 2.0, -1.0])


def series_product(a, b):
    return [sum(a[j] @ b[k - j] for j in range(k + 1)) for k in range(len(a))]


def matrix_series(f, order=4):
    return coefficients(lambda t: f(A0 + t * A1), 0.0, order)


def assert_is_path(product):
    for k, wanted in itertools.zip_longest(range(len(product)), (A0, A1)):
        np.testing.assert_allclose(product[k], np.zeros((3, 3)) if wanted is None else wanted, atol=1e-12)


def test_inverse_and_solve():
    c = matrix_series(np.linalg.inv)
    inverse = np.linalg.inv(A0)
    for k in range(5):
        np.testing.assert_allclose(c[k], np.linalg.matrix_power(-inverse @ A1, k) @ inverse, atol=1e-12)
    x = matrix_series(lambda A: np.linalg.solve(A, B))
    for k in range(5):
        np.testing.assert_allclose(x[k], c[k] @ B, atol=1e-12)


def test_cholesky():
    L = matrix_series(np.linalg.cholesky)
    assert all(np.array_equal(part, np.tril(part)) for part in L)
    assert_is_path(series_product(L, [part.T for part in L]))


def test_eigenvalues_and_vectors():
    def rebuilt(A):
        values, vectors = np.linalg.eigh(A)
        return (vectors * np.exp(values)) @ vectors.T

    c = matrix_series(rebuilt, 3)
    with mp.workdps(40):
        path = lambda t: mp.expm(mp.matrix(A0.tolist()) + t * mp.matrix(A1.tolist()))
        wanted = [[mp.taylor(lambda t: path(t)[i, j], 0, 3) for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(c, np.moveaxis(np.array(wanted, dtype=float), 2, 0), atol=1e-8)


def test_determinant_is_the_characteristic_polynomial():
    c = matrix_series(np.linalg.det)
    t = np.linspace(-1, 1, 4)
    wanted = np.polynomial.polynomial.polyfit(t, [np.linalg.det(A0 + s * A1) for s in t], 3)
    np.testing.assert_allclose(c[:4], wanted, atol=1e-12)
    np.testing.assert_allclose(c[4], 0, atol=1e-12)


def test_array_ops_act_on_each_coefficient():
    def f(t):
        x = np.array([t, t * t, np.sin(t)])
        y = np.zeros(5)
        y[1:4] = x
        y[0] = t**3
        z = np.concatenate([y, x[::-1]])[[0, 3, 7, 3]]
        return np.cumsum(z) @ np.outer(x, x)[:, 0].repeat(2)[:4] + np.prod(x[:2]) + np.cumprod(x)[2]

    def exact(t):
        s = mp.sin(t)
        z = [t**3, s, t, s]
        sums = [sum(z[: i + 1]) for i in range(4)]
        row = [t * t, t * t, t**3, t**3]
        return sum(a * b for a, b in zip(sums, row, strict=True)) + t**3 + t**3 * s

    np.testing.assert_allclose(coefficients(f, 0.6, 6), exact_series(exact, 0.6, 6), rtol=1e-13)


def test_recurrence_with_moving_factors():
    """A running product is a linear recurrence in its own derivative."""
    f = lambda t: np.cumprod(np.array([t, t + 1, np.exp(t), t * t]))
    wanted = [
        exact_series(lambda t: t, 0.6, 4),
        exact_series(lambda t: t * (t + 1), 0.6, 4),
        exact_series(lambda t: t * (t + 1) * mp.exp(t), 0.6, 4),
        exact_series(lambda t: t**3 * (t + 1) * mp.exp(t), 0.6, 4),
    ]
    np.testing.assert_allclose(np.array(coefficients(f, 0.6, 4)).T, wanted, rtol=1e-13, atol=1e-15)


def test_several_variables_against_mixed_partials():
    def f(x):
        return np.exp(x[0] * x[1]) / (1 + x[1] ** 2) + np.sin(x[2]) * x[0] ** 3

    def exact(a, b, c):
        return mp.exp(a * b) / (1 + b**2) + mp.sin(c) * a**3

    x0 = (0.4, -0.3, 0.8)
    traced = tw.trace(f, np.array(x0))
    units = np.eye(3)
    series = {traced.inputs[0]: {tuple(int(e) for e in u): constant(u.copy()) for u in units}}
    (terms,) = taylor_series(traced.outputs, series, 4)
    values = dict(zip(terms, Interpreter(Graph(traced.inputs, list(terms.values())))(np.array(x0)), strict=True))
    with mp.workdps(40):
        for index in itertools.product(range(5), repeat=3):
            if sum(index) <= 4:
                wanted = mp.diff(exact, x0, index) / math.prod(map(math.factorial, index))
                assert values.get(index, 0.0) == pytest.approx(float(wanted), rel=1e-12, abs=1e-12)


def test_a_curved_path():
    """x(t) = 1 + 2t + 3t²: higher terms of the input take part."""
    traced = tw.trace(np.exp, 1.0)
    two, three = (constant(np.array(v)) for v in (2.0, 3.0))
    (terms,) = taylor_series(traced.outputs, {traced.inputs[0]: {(1,): two, (2,): three}}, 5)
    got = Interpreter(Graph(traced.inputs, [terms[k,] for k in range(6)]))(np.float64(1.0))
    np.testing.assert_allclose(got, exact_series(lambda t: mp.exp(1 + 2 * t + 3 * t * t), 0, 5), rtol=1e-14)


def test_coefficients_are_differentiated_and_batched():
    """c₃ of sin at x is −cos(x)/6: its derivative forward and in reverse, and for many x."""
    traced = tw.trace(np.sin, 0.5)
    (x,) = traced.inputs
    (terms,) = line_series(traced.outputs, {x: full((), 1.0)}, 3)
    one = full((), 1.0)
    forward, reverse = pushforward([terms[3]], {x: one})[0], pullback([terms[3]], [one], [x])[0]
    assert Interpreter(Graph([x], [forward, reverse]))(np.float64(0.5)) == pytest.approx([np.sin(0.5) / 6] * 2)
    many = input_node((4,), x.dtype)
    points = np.linspace(0, 1, 4)
    (c,) = Interpreter(Graph([many], batched([terms[3]], {x: many}, 4)))(points)
    np.testing.assert_allclose(c, -np.cos(points) / 6, rtol=1e-14)


def test_dtype_is_kept():
    traced = tw.trace(lambda x: np.exp(x) / (1 + x) + x**3, np.float32(0.5))
    (terms,) = line_series(traced.outputs, {traced.inputs[0]: full((), 1.0, np.dtype(np.float32))}, 3)
    assert {c.dtype for c in terms if isinstance(c, Node)} == {np.dtype(np.float32)}


@given(
    st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=6),
    st.floats(-2, 2, width=32),
)
def test_any_polynomial_is_re_expanded_exactly(ascending, x0):
    """Horner's scheme about another point, by the binomial theorem."""
    f = lambda x: sum(c * x**k for k, c in enumerate(ascending)) + 0 * x
    degree = len(ascending) - 1
    wanted = [
        sum(c * math.comb(n, k) * x0 ** (n - k) for n, c in enumerate(ascending) if n >= k) for k in range(degree + 1)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = coefficients(f, x0, degree + 2)
    np.testing.assert_allclose(got, [*wanted, 0, 0], rtol=1e-10, atol=1e-10)
