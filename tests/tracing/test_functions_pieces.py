"""Functions in pieces, polynomials and phases: values as NumPy's, derivatives by central differences."""

import numpy as np
import pytest

import thalweg as tw

X = np.array([0.3, -0.7, 1.2, 2.5])


def central(f, x, h=1e-6):
    g = np.zeros(x.size)
    for i in range(x.size):
        d = np.zeros(x.size)
        d[i] = h
        g[i] = (f(x + d) - f(x - d)) / (2 * h)
    return g


CASES = {
    "select": lambda x: np.select([x < 0, x > 1], [x**2, np.sin(x)], default=x**3),
    "select, no default": lambda x: np.select([x < 0, x > 1], [x**2, np.sin(x)]),
    "select, broadcast": lambda x: np.select([x[:, None] > x, x > 1], [x, x[:, None] ** 2], 2),
    "select, overlapping": lambda x: np.select([x > 0, x > 1], [x**2, x**3]),
    "piecewise": lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda t: -(t**3), lambda t: np.sqrt(t)]),
    "piecewise, otherwise": lambda x: np.piecewise(x, [x < 0], [2.0, lambda t: np.log(t)]),
    "piecewise, one condition": lambda x: np.piecewise(x, x > 1, [lambda t, a: a * t**2, 0.0], 3.0),
    "piecewise, matrix": lambda x: np.piecewise(x.reshape(2, 2), [x.reshape(2, 2) > 1], [lambda t: t**2, -1]),
    "piecewise, number": lambda x: np.piecewise(x[0], [x[0] > 0, x[0] <= 0], [lambda t: t**2, -1.0]),
    "polyval": lambda x: np.polyval([1, 2, 3], x),
    "polyval in coefficients": lambda x: np.polyval(x, np.array([[1.0, 2.0], [3.0, -1.0]])),
    "polyval in both": lambda x: np.polyval(x, x[0]),
    "poly1d": lambda x: np.poly1d([1.0, 2.0, 3.0])(x),
    "poly": lambda x: np.poly(x),
    "polyfit": lambda x: np.polyfit(np.arange(4.0), x, 2),
    "polyfit in x": lambda x: np.polyfit(x, np.arange(4.0), 1, w=[1.0, 2.0, 3.0, 1.0]),
    "unwrap": lambda x: np.unwrap(x * 7),
    "unwrap, period": lambda x: np.unwrap(np.outer(x, x), axis=0, period=1.5, discont=1.0),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives(name):
    f = CASES[name]
    weights = np.cos(np.arange(np.size(f(X)))).reshape(np.shape(f(X)))
    value, slope = tw.value_and_grad(lambda x: np.sum(weights * f(x) ** 2))(X)
    assert value == pytest.approx(np.sum(weights * f(X) ** 2), rel=1e-12)
    expected = central(lambda x: np.sum(weights * f(x) ** 2), X)
    np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-6)
    traced = tw.trace(f, X).outputs[0]
    assert (traced.shape, traced.dtype) == (np.shape(f(X)), np.asarray(f(X)).dtype)


def test_single_precision_stays():
    x = X.astype(np.float32)
    for f in (CASES["select"], CASES["piecewise"], CASES["unwrap"]):
        assert tw.trace(f, x).outputs[0].dtype == f(x).dtype == np.float32


def test_choices_not_taken_are_not_asked():
    g = tw.grad(lambda x: np.sum(np.select([x > 0], [np.sqrt(x)], x**2)))
    np.testing.assert_allclose(g(np.array([4.0, -3.0, 0.0])), [0.25, -6.0, 0.0])
    h = tw.grad(lambda x: np.sum(np.piecewise(x, [x > 0], [np.log, lambda t: t**2])))
    for x in ([4.0, -3.0], [-3.0, 4.0], [1.0, 2.0], [-1.0, -2.0]):
        x = np.array(x)
        np.testing.assert_allclose(h(x), np.where(x > 0, 1 / x, 2 * x))


def test_a_jump_of_exactly_half_a_period():
    x = np.array([0.0, 0.5, 0.0])
    f = lambda x: np.unwrap(x, period=1.0)
    np.testing.assert_array_equal(tw.jvp(f, x, np.ones(3))[0], f(x))
    np.testing.assert_array_equal(tw.jacobian(f)(x), np.eye(3))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: np.select([x > 0], [x, x]),
        lambda x: np.select([], []),
        lambda x: np.select([x], [x]),
        lambda x: np.piecewise(x, [x > 0], [1, 2, 3]),
        lambda x: np.polyfit(x, x[:2], 1),
        lambda x: np.poly(np.ones((2, 3)) * x[0]),
    ],
)
def test_wrong_use_raises_numpys_error(wrong):
    with pytest.raises(Exception) as plain:
        wrong(X)
    with pytest.raises(plain.type):
        tw.trace(wrong, X)
