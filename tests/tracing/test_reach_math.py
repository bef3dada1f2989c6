"""Python's ``math`` on traced numbers: every function of the module, by its module's name and bound by itself."""

import math
from math import exp, log

import numpy as np
import pytest

import thalweg as tw
from thalweg.tracing.reach import REACH

# functions of one real number, at a point where all are smooth
REAL = {
    **dict.fromkeys("acos asin atan atanh erf erfc".split(), 0.4),
    **dict.fromkeys(
        (
            "acosh asinh cbrt ceil cos cosh degrees exp exp2 expm1 fabs floor gamma lgamma log log10 log1p log2 "
            "radians sin sinh sqrt tan tanh trunc"
        ).split(),
        1.7,
    ),
}
# other functions: arguments of which the first is differentiated
SEVERAL = {
    "atan2": (1.7, -0.5), "copysign": (1.7, -2.0), "fmod": (7.3, 2.0), "hypot": (1.7, 2.0, -3.0), "pow": (1.7, 2.5),
    "remainder": (7.3, 2.0), "ldexp": (1.7, 3), "log": (1.7, 3.0), "fma": (1.7, 2.0, 3.0),
}  # fmt: skip
QUESTIONS = {"isfinite": (1.7,), "isinf": (1.7,), "isnan": (1.7,), "isclose": (1.7, 1.7 + 1e-10)}
APART = {"modf", "frexp", "fsum", "prod", "dist", "sumprod"}  # below
OF_INTEGERS = {"comb", "factorial", "gcd", "isqrt", "lcm", "perm"}  # a real number has no such value
NEXT = {"nextafter", "ulp"}  # about machine numbers, not real ones


def numeric(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)


def test_the_whole_module_is_answered():
    functions = {n for n, f in vars(math).items() if callable(f) and not n.startswith("_")}
    answered = {n for module, n in REACH if module == "math"}
    known = {*REAL, *SEVERAL, *QUESTIONS, *APART}
    assert functions - known <= {*OF_INTEGERS, *NEXT}
    assert functions & known <= answered


@pytest.mark.parametrize("name", [n for n in REAL if hasattr(math, n)])
def test_functions_of_one_number(name):
    x, f = REAL[name], lambda x: getattr(math, name)(x)
    value, slope = tw.value_and_grad(f)(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-14)
    np.testing.assert_allclose(slope, numeric(f, x), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", [n for n in SEVERAL if hasattr(math, n)])
def test_functions_of_several_numbers(name):
    point, f = SEVERAL[name], getattr(math, name)
    for k in range(len(point)):
        if isinstance(point[k], float):
            moved = lambda x: getattr(math, name)(*point[:k], x, *point[k + 1 :])
            value, slope = tw.value_and_grad(moved)(point[k])
            np.testing.assert_allclose(value, f(*point), rtol=1e-14)
            np.testing.assert_allclose(slope, numeric(moved, point[k]), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions(name):
    f = lambda x: x**2 if getattr(math, name)(x, *QUESTIONS[name][1:]) else -x
    for x in (QUESTIONS[name][0], 3.0):
        yes = getattr(math, name)(x, *QUESTIONS[name][1:])
        np.testing.assert_allclose(tw.grad(f)(x), 2 * x if yes else -1.0)
    if name == "isclose":
        assert tw.grad(lambda x: x if math.isclose(x, 2.0, abs_tol=0.5) else -x)(1.7) == 1.0
        assert tw.grad(lambda x: x if math.isclose(x, math.inf) else -x)(1.7) == -1.0


def test_sums_products_and_distances():
    x = np.array([1.0, -2.0, 3.0])
    rows = {
        "fsum": (lambda x: math.fsum(x), np.ones(3)),
        "fsum of a generator": (lambda x: math.fsum(t * t for t in x), 2 * x),
        "prod": (lambda x: math.prod(x), [-6.0, 3.0, -2.0]),
        "prod from a start": (lambda x: math.prod(x, start=2), [-12.0, 6.0, -4.0]),
        "prod from a traced start": (lambda x: math.prod([2.0, 3.0], start=x[0]), [6.0, 0.0, 0.0]),
        "hypot": (lambda x: math.hypot(*x), x / np.linalg.norm(x)),
        "hypot of one": (lambda x: math.hypot(x[1]), [0.0, -1.0, 0.0]),
        "dist": (lambda x: math.dist(x, [1.0, 0.0, 0.0]), np.array([0, -2, 3]) / np.sqrt(13)),
        "dist of lists": (lambda x: math.dist([x[0], x[1]], [4.0, 2.0]), [-0.6, -0.8, 0.0]),
        "modf": (lambda x: math.modf(x[0] * 1.25)[0] * 4, [5.0, 0.0, 0.0]),
        "frexp": (lambda x: math.frexp(x[2])[0], [0.0, 0.0, 0.25]),
    }
    if hasattr(math, "sumprod"):
        rows["sumprod"] = (lambda x: math.sumprod(x, [1.0, 2.0, 3.0]), [1.0, 2.0, 3.0])
    for name, (f, expected) in rows.items():
        value, g = tw.value_and_grad(f)(x)
        np.testing.assert_allclose(value, f(x), rtol=1e-15, err_msg=name)
        np.testing.assert_allclose(g, expected, rtol=1e-15, err_msg=name)
    with pytest.raises(ValueError, match="same number of dimensions"):
        tw.grad(lambda x: math.dist(x, [1.0]))(x)


def test_hypot_at_0_and_of_repeated_numbers():
    np.testing.assert_array_equal(tw.grad(lambda x: math.hypot(x[0], x[1], x[2]))(np.zeros(3)), np.zeros(3))
    np.testing.assert_allclose(tw.grad(lambda x: math.hypot(x, x, x))(2.0), np.sqrt(3))


def test_names_bound_by_the_user():
    assert tw.grad(lambda x: exp(2 * x) + log(x))(1.0) == pytest.approx(2 * np.exp(2.0) + 1)
    assert exp(1.0) == math.e and exp.__module__ == "math"


def test_plain_numbers_and_errors_are_those_of_math():
    def f(x):
        assert math.floor(2.5) == 2 and type(math.floor(2.5)) is int
        assert math.log(8, 2) == 3.0 and math.fsum([0.1] * 10) == 1.0 and math.prod([2, 3]) == 6
        assert math.isclose(1.0, 1.0 + 1e-12) and math.hypot(3, 4) == 5.0 and math.dist([0, 0], [3, 4]) == 5.0
        assert math.remainder(7, 2) == -1.0
        with pytest.raises(ValueError):
            math.sqrt(-1.0)
        return x * math.pi

    assert tw.grad(f)(1.0) == math.pi


def test_arrays_of_one_element_are_numbers_and_others_are_refused():
    np.testing.assert_array_equal(tw.grad(lambda x: math.exp(x))(np.zeros((1, 1))), [[1.0]])
    with pytest.raises(TypeError, match="length-1"):
        tw.grad(lambda x: math.exp(x))(np.zeros(2))


def test_floor_is_a_value():
    assert tw.grad(lambda x: math.floor(x) * x + math.ceil(x) * x + math.trunc(x) * x)(2.5) == 7.0
