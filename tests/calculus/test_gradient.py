"""grad and value_and_grad: structures, wrt, integers, and what is refused."""

import dataclasses

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError


def test_value_and_gradient():
    f = lambda x: np.sum(np.sin(x) ** 2)
    x = np.arange(3.0)
    np.testing.assert_allclose(tw.grad(f)(x), np.sin(2 * x), rtol=1e-15)
    value, gradient = tw.value_and_grad(f)(x)
    assert value == f(x)
    np.testing.assert_array_equal(gradient, tw.grad(f)(x))


@dataclasses.dataclass
class Layer:
    W: np.ndarray
    b: np.ndarray


def test_the_gradient_has_the_structure_of_the_argument():
    f = lambda p: np.sum(p["layers"][0].W @ p["x"] + p["layers"][0].b) * p["scale"][0]
    p = {"layers": [Layer(np.ones((2, 3)), np.zeros(2))], "x": np.arange(3.0), "scale": (2.0, None)}
    g = tw.grad(f)(p)
    assert isinstance(g["layers"][0], Layer)
    np.testing.assert_array_equal(g["layers"][0].W, 2 * np.tile(np.arange(3.0), (2, 1)))
    np.testing.assert_array_equal(g["x"], [4, 4, 4])
    assert g["scale"] == (6.0, None)


def test_wrt():
    f = lambda a, b, *, c=2.0: a * b**2 * c
    assert tw.grad(f)(3.0, 4.0) == 32
    assert tw.grad(f, wrt=1)(3.0, 4.0) == 48
    assert tw.grad(f, wrt=-1)(3.0, 4.0) == 48
    assert tw.grad(f, wrt="c")(3.0, 4.0, c=1.0) == 48
    assert tw.grad(f, wrt="c")(3.0, 4.0) == 48  # a default is differentiated too
    assert tw.grad(f, wrt=("b", "a"))(3.0, 4.0) == (48, 32)
    assert tw.grad(f, wrt=(0, "c"))(3.0, b=4.0) == (32, 48)


@pytest.mark.parametrize("wrt", [2, "d", (), (0, "a"), 1.5, True])
def test_wrong_wrt(wrt):
    with pytest.raises(ArgumentError, match="wrt"):
        tw.grad(lambda a, b: a * b, wrt=wrt)(1.0, 2.0)


def test_integers_and_booleans_are_real_numbers():
    assert tw.grad(lambda x: x**2)(3) == 6
    np.testing.assert_array_equal(tw.grad(lambda x: np.sum(x**2))(np.array([1, 2])), [2, 4])
    assert tw.grad(lambda x: x * 3)(True) == 3


def test_what_does_not_depend_has_gradient_zero():
    np.testing.assert_array_equal(tw.grad(lambda x: 5.0)(np.ones(2)), [0, 0])
    np.testing.assert_array_equal(tw.grad(lambda x: np.argmax(x))(np.ones(2)), [0, 0])
    np.testing.assert_array_equal(tw.grad(lambda x: x.shape[0])(np.ones(2)), [0, 0])


def test_a_result_of_one_element_is_a_number():
    np.testing.assert_array_equal(tw.grad(lambda x: np.sum(x**2, keepdims=True))(np.ones(2)), [2, 2])


def test_float32_stays():
    x = np.ones(3, dtype=np.float32)
    assert tw.grad(lambda x: np.sum(np.exp(x) * 2))(x).dtype == np.float32


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: x, r"one number.*\(3,\).*tw\.jacobian"),
        (lambda x: (x[0], x[1]), "one number"),
        (lambda x: None, "return"),
    ],
)
def test_more_than_one_number_is_refused(f, words):
    with pytest.raises(ArgumentError, match=words):
        tw.grad(f)(np.ones(3))


def test_what_cannot_be_differentiated_is_refused():
    with pytest.raises(ArgumentError, match="argument 0"):
        tw.grad(lambda s: 1.0)("text")
    with pytest.raises(ArgumentError, match="function"):
        tw.grad(3.0)


def test_kinks_and_removable_points():
    """The traps that the promise names."""
    zero = np.zeros(2)
    np.testing.assert_array_equal(tw.grad(lambda x: np.linalg.norm(x))(zero), [0, 0])
    np.testing.assert_array_equal(tw.grad(lambda x: np.linalg.norm(x) ** 2)(zero), [0, 0])
    np.testing.assert_array_equal(tw.grad(lambda x: x @ x)(zero), [0, 0])
    assert tw.grad(lambda x: np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0.0))(-1.0) == 0
    assert tw.grad(lambda x: np.where(x == 0, 1.0, np.sin(x) / x))(0.0) == 0
    assert tw.grad(lambda x: x**0)(0.0) == 0
    assert tw.grad(lambda x: 0.0**x)(2.0) == 0
    assert tw.grad(abs)(0.0) == 0
    np.testing.assert_array_equal(tw.grad(np.max)(np.ones(4)), np.full(4, 0.25))
    assert tw.grad(lambda x: np.sqrt(x) * 0.0)(0.0) == 0


def test_display():
    def model(x):
        return x**2

    assert repr(tw.grad(model)) == "<thalweg grad(model)>"
