"""A starting point of any shape, laid out flat and back."""

from dataclasses import dataclass

import numpy as np
import pytest

from thalweg.errors import ArgumentError
from thalweg.optimize import random_start
from thalweg.optimize.structure import structure_of


@dataclass
class Layer:
    weights: np.ndarray
    bias: float


CASES = {
    "number": (2, ["x"]),
    "numpy number": (np.float32(2), ["x"]),
    "list": ([1, 2.5], ["x[0]", "x[1]"]),
    "tuple of numbers": ((1, 2), ["x[0]", "x[1]"]),
    "nested list": ([[1, 2], [3, 4]], ["x[0,0]", "x[0,1]", "x[1,0]", "x[1,1]"]),
    "integers": (np.arange(2), ["x[0]", "x[1]"]),
    "matrix": (np.ones((1, 2)), ["x[0,0]", "x[0,1]"]),
    "dict": ({"b": 1, "a": 2}, ["a", "b"]),
    "dict of arrays": ({"w": np.ones(2), "b": 0.5}, ["b", "w[0]", "w[1]"]),
    "nested": ({"layer": {"w": np.ones(1)}, "z": 1.0}, ["layer.w[0]", "z"]),
    "tuple of arrays": ((np.ones(2), 3.0), ["x[0][0]", "x[0][1]", "x[1]"]),
    "dataclass": (Layer(np.ones(2), 1.0), ["weights[0]", "weights[1]", "bias"]),
}


@pytest.mark.parametrize("name", CASES)
def test_names_and_round_trip(name):
    x0, names = CASES[name]
    layout = structure_of(x0)
    assert list(layout.names) == names
    assert layout.start.dtype == np.float64
    v = np.arange(1.0, 1 + len(names))
    again = structure_of(layout.unravel(v))
    np.testing.assert_array_equal(again.start, v)
    assert again.names == layout.names


def test_a_list_of_numbers_becomes_an_array_and_a_list_of_arrays_stays_a_list():
    assert isinstance(structure_of([1, 2]).unravel(np.zeros(2)), np.ndarray)
    parts = structure_of([np.zeros(2), np.zeros(2)]).unravel(np.arange(4.0))
    assert isinstance(parts, list)
    np.testing.assert_array_equal(parts[1], [2, 3])


@pytest.mark.parametrize("x0", [None, [], {}, np.zeros((0, 3)), "1, 2", 1 + 2j, np.array(["a"]), {"a": "b"}])
def test_what_holds_no_real_numbers_is_refused_with_a_sentence(x0):
    with pytest.raises(ArgumentError, match="x0"):
        structure_of(x0)


def test_random_start_is_reproducible_and_shaped():
    np.testing.assert_array_equal(random_start(3, seed=5), random_start(3, seed=5))
    assert random_start((2, 3)).shape == (2, 3)
    assert not np.array_equal(random_start(3, seed=5), random_start(3, seed=6))
    drawn = random_start({"w": np.zeros((2, 2)), "b": 0.0}, scale=1e-3)
    assert drawn["w"].shape == (2, 2) and isinstance(drawn["b"], float) and abs(drawn["b"]) < 0.1

    def formula(x, y):
        return x + y

    formula.variables = ("x", "y")
    assert set(random_start(formula)) == {"x", "y"}
