"""derivative: R → R, curves, arrays of points, all orders."""

import math

import mpmath as mp
import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError, TraceError


def kinked(x):
    return x**2 if x > 0 else -x


def test_first_derivatives():
    assert tw.derivative(np.sin)(0.3) == pytest.approx(np.cos(0.3), rel=1e-15)
    assert tw.derivative(lambda x: x**3)(2) == 12  # an integer is a real number
    assert tw.derivative(lambda x: 5.0)(2.0) == 0


def test_textbook_chain_rule():
    """h = f(g(x)) with f = x² + 3x + 1, g = exp: h′ = (2eˣ + 3) eˣ."""
    f, g = lambda x: x**2 + 3 * x + 1, np.exp
    x = np.linspace(-1, 2, 7)
    h = tw.derivative(lambda x: f(g(x)))(x)
    np.testing.assert_allclose(h, (2 * np.exp(x) + 3) * np.exp(x), rtol=1e-14)
    np.testing.assert_allclose(h, tw.derivative(f)(g(x)) * tw.derivative(g)(x), rtol=1e-14)


@pytest.mark.parametrize("order", [1, 2, 3, 5, 10, 25])
def test_high_orders(order):
    f = lambda x: np.exp(np.sin(x)) / (1 + x * x)
    with mp.workdps(60):
        wanted = float(mp.diff(lambda x: mp.exp(mp.sin(x)) / (1 + x * x), mp.mpf(0.4), order))
    assert tw.derivative(f, order)(0.4) == pytest.approx(wanted, rel=1e-11)


def test_orders_agree_with_nesting():
    f = lambda x: np.tanh(x) * np.log(x) ** 2
    nested = f
    for order in (1, 2, 3, 4):
        nested = tw.derivative(nested)
        assert tw.derivative(f, order)(1.7) == pytest.approx(nested(1.7), rel=1e-12)
    assert tw.derivative(tw.derivative(f, 2), 2)(1.7) == pytest.approx(tw.derivative(f, 4)(1.7), rel=1e-12)


def test_orders_beyond_the_factorials_of_floats():
    assert tw.derivative(np.exp, 100)(0.0) == pytest.approx(1.0, rel=1e-12)


def test_each_element_goes_its_own_way():
    np.testing.assert_array_equal(tw.derivative(kinked)(np.linspace(-1, 1, 5)), [-1, -1, -1, 1, 2])
    np.testing.assert_array_equal(tw.derivative(kinked, 2)(np.array([[1.0, -1.0], [-2.0, 3.0]])), [[2, 0], [0, 2]])


def test_both_sides_in_any_order_of_calls():
    d = tw.derivative(kinked)
    assert [d(x) for x in (1.0, -1.0, 2.0, -2.0, 1.0)] == [2, -1, 4, -1, 2]


def test_curves_keep_their_shape():
    circle = lambda t: np.array([np.cos(t), np.sin(t)])
    np.testing.assert_allclose(tw.derivative(circle)(0.0), [0, 1], atol=1e-16)
    t = np.linspace(0, 1, 6).reshape(2, 3)
    d = tw.derivative(circle, 2)(t)
    assert d.shape == (2, 3, 2)
    np.testing.assert_allclose(d, -np.stack([np.cos(t), np.sin(t)], -1), rtol=1e-14)
    nested = tw.derivative(lambda t: {"x": t**2, "y": (np.sin(t), t)})(3.0)
    assert nested["x"] == 6
    assert nested["y"][1] == 1


def test_lists_integers_and_empty_arrays():
    np.testing.assert_array_equal(tw.derivative(lambda x: x**2)([1, 2, 3]), [2, 4, 6])
    np.testing.assert_array_equal(tw.derivative(lambda x: x**2)(np.arange(3)), [0, 2, 4])
    assert tw.derivative(lambda x: x**2)(np.zeros((0, 2))).shape == (0, 2)


def test_float32_stays():
    assert tw.derivative(lambda x: x**2)(np.linspace(0, 1, 3, dtype=np.float32)).dtype == np.float32


def test_further_arguments_are_shared():
    f = lambda x, a, b=1.0: np.sum(a) * x**2 + b * x
    np.testing.assert_array_equal(tw.derivative(f)(np.array([1.0, 2.0]), np.array([1.0, 2.0])), [7, 13])
    np.testing.assert_array_equal(tw.derivative(f)(np.array([1.0, 2.0]), 3.0, b=2.0), [8, 14])
    assert tw.derivative(f)(1.0, np.array([1.0, 2.0]), b=5.0) == 11


def test_inside_other_derivatives():
    f = lambda x: x**4
    assert tw.grad(lambda x: tw.derivative(f, 2)(x) * x)(2.0) == pytest.approx(12 * 3 * 4)
    np.testing.assert_allclose(
        tw.grad(lambda x: np.sum(tw.derivative(kinked)(x) ** 2))(np.array([1.0, -1.0, 3.0])), [8, 0, 24]
    )


@pytest.mark.parametrize("f", [lambda x: x @ x, lambda x: x[0] * x[1], lambda x: np.linalg.norm(x, axis=0)])
def test_functions_of_vectors_are_sent_to_grad(f):
    with pytest.raises(ArgumentError, match=r"tw\.grad"):
        tw.derivative(f)(np.ones(2))


def test_nested_arguments_are_sent_to_grad():
    with pytest.raises(ArgumentError, match=r"tw\.grad"):
        tw.derivative(lambda p: p["a"] * p["b"])({"a": 1.0, "b": 2.0})


def test_errors_of_the_function_keep_their_kind():
    with pytest.raises(TraceError, match="float"):
        tw.derivative(lambda x: math.floor(float(x)))(np.ones(3))


@pytest.mark.parametrize("order", [0, -1, 1.5, True, "2"])
def test_order_is_a_whole_number(order):
    with pytest.raises(ArgumentError, match="order"):
        tw.derivative(np.sin, order)
