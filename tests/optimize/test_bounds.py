"""Bounds in the forms that people give them."""

import numpy as np
import pytest
from scipy.optimize import Bounds

from thalweg.errors import ArgumentError
from thalweg.optimize.bounds import read_bounds
from thalweg.optimize.structure import structure_of

INF = np.inf
VECTOR = [1.0, 2.0, 3.0]
FORMS = {
    "none": (None, VECTOR, [-INF] * 3, [INF] * 3),
    "one pair": ((0, None), VECTOR, [0] * 3, [INF] * 3),
    "a pair of infinities": ((-INF, 4), VECTOR, [-INF] * 3, [4] * 3),
    "a pair a variable": ([(0, 1), (None, 5), (2, None)], VECTOR, [0, -INF, 2], [1, 5, INF]),
    "None for a variable": ([(0, 1), None, (2, 3)], VECTOR, [0, -INF, 2], [1, INF, 3]),
    "two arrays": ((np.zeros(3), np.ones(3)), VECTOR, [0] * 3, [1] * 3),
    "two lists": (([0, 1, 2], [3, 4, 5]), VECTOR, [0, 1, 2], [3, 4, 5]),
    "an array and nothing": ((np.arange(3.0), None), VECTOR, [0, 1, 2], [INF] * 3),
    "an array of pairs": (np.array([[0, 1], [2, 3], [4, 5]]), VECTOR, [0, 2, 4], [1, 3, 5]),
    "SciPy's": (Bounds([0, -INF, 1], 9), VECTOR, [0, -INF, 1], [9] * 3),
    "a tuple of two lists of two": (([0, 0], [1, 4]), [1.0, 2.0], [0, 0], [1, 4]),
    "a tuple of two arrays of two": ((np.array([0, 0]), np.array([1, 4])), [1.0, 2.0], [0, 0], [1, 4]),
    "sides with None": (([0, None], [None, 4]), [1.0, 2.0], [0, -INF], [INF, 4]),
    "two lists of one": (([0], [5]), 1.0, [0], [5]),
    "a list of two lists is SciPy's pairs": ([[0, 1], [2, 3]], [1.0, 2.0], [0, 2], [1, 3]),
    "a list of two tuples is SciPy's pairs": ([(0, 1), (2, 3)], [1.0, 2.0], [0, 2], [1, 3]),
    "a tuple of two tuples is SciPy's pairs": (((0, 1), (2, 3)), [1.0, 2.0], [0, 2], [1, 3]),
    "a number": ((0, 5), 1.0, [0], [5]),
    "a number in pairs": ([(0, 5)], 1.0, [0], [5]),
    "names": ({"b": (0, 1)}, {"a": 1.0, "b": 2.0}, [-INF, 0], [INF, 1]),
    "a named array": ({"w": (0, np.array([1, 2]))}, {"a": 1.0, "w": np.zeros(2)}, [-INF, 0, 0], [INF, 1, 2]),
    "one entry": ({"w[1]": (0, None)}, {"a": 1.0, "w": np.zeros(2)}, [-INF, -INF, 0], [INF] * 3),
    "nothing for a name": ({"a": None}, {"a": 1.0, "b": 2.0}, [-INF] * 2, [INF] * 2),
    "structures": (({"a": 0.0, "w": np.ones(2)}, None), {"a": 1.0, "w": np.zeros(2)}, [0, 1, 1], [INF] * 3),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form):
    bounds, x0, low, high = FORMS[form]
    lower, upper = read_bounds(bounds, structure_of(x0), x0)
    np.testing.assert_array_equal(lower, low)
    np.testing.assert_array_equal(upper, high)


WRONG = {
    "swapped": ((2, 1), r"2 <= x\[0\] <= 1. Are they swapped"),
    "swapped one": ([(0, 1), (3, 2), (0, 1)], r"3 <= x\[1\] <= 2"),
    "NaN": ([(0, 1), (np.nan, 2), (0, 1)], r"x\[1\] is NaN"),
    "no number": ((INF, INF), "leave no number"),
    "too few pairs": ([(0, 1)] * 2 + [(0, 1)] * 2, "4 pairs of bounds, but 3 variables"),
    "no pair": ([(0, 1), 3, (0, 1)], "variable 1 must be a pair"),
    "texts": ([("a", 1), (0, 1), (0, 1)], "two numbers"),
    "a number": (5, "must be pairs"),
    "unknown name": ({"y": (0, 1)}, r"no variable of that name; there are x\[0\], x\[1\], x\[2\]"),
    "a triple for a name": ({"x[0]": (0, 1, 2)}, "must be a pair"),
    "a long side": ((np.zeros(4), np.ones(4)), "4 numbers, but there are 3"),
    "a side of texts": ({"x[0]": ("a", 1)}, "must be a number"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name):
    bounds, match = WRONG[name]
    with pytest.raises(ArgumentError, match=match):
        read_bounds(bounds, structure_of(VECTOR), VECTOR)
