"""Nested parameters as views of one vector."""

import numpy as np
import pytest

from thalweg.errors import ArgumentError
from thalweg.models.network.flat import Flat

NESTED = {"a": (np.arange(6.0).reshape(2, 3), np.array([10.0])), "b": [np.float64(20.0), np.full((1, 1, 2), 30.0)]}


def test_weights_come_first_and_views_share_memory():
    flat = Flat(NESTED, np.float32)
    assert flat.weights == 8
    assert sorted(flat.vector[:8]) == [0, 1, 2, 3, 4, 5, 30, 30]
    assert sorted(flat.vector[8:]) == [10, 20]
    flat.vector += 1
    np.testing.assert_array_equal(flat.nested["a"][0], NESTED["a"][0] + 1)
    assert flat.nested["b"][0].shape == ()
    assert NESTED["a"][0][0, 0] == 0  # the user's arrays are theirs


def test_there_and_back():
    flat = Flat(NESTED, np.float64)
    other = np.zeros_like(flat.vector)
    flat.fill(other, flat.leaves)
    np.testing.assert_array_equal(other, flat.vector)
    np.testing.assert_array_equal(flat.view(other)["b"][1], NESTED["b"][1])


def test_what_is_no_number():
    with pytest.raises(ArgumentError, match="complex128"):
        Flat([np.ones(2, complex)], np.float64)
