"""What was written: names of rows, and multipliers in the user's signs and nesting."""

import numpy as np
import pytest

from thalweg.optimize.relations import Relation, Relations

INF = np.inf


def relation(sign, size=1, variables=None, low=0.0, high=0.0, shape=None):
    shape = () if shape is None and size == 1 else (size,) if shape is None else shape
    return Relation(f"g{sign}h", "model.py:7", sign, shape, np.full(size, low), np.full(size, high), variables)


def test_names_and_rows():
    three = Relations(
        (relation("=="), relation("<=", 4, shape=(2, 2)), relation(">=", 1, np.array([0])), relation(">="))
    )
    assert list(three.names) == ["g==h", "(g<=h)[0,0]", "(g<=h)[0,1]", "(g<=h)[1,0]", "(g<=h)[1,1]", "g>=h"]
    assert three.of_row(0)[0].sign == "==" and three.of_row(3) == (three.all[1], 2) and three.of_row(5)[0].sign == ">="
    with pytest.raises(IndexError):
        three.of_row(6)
    assert str(three.all[0]) == "g==h (model.py:7)"
    assert str(Relation("", "", "==", (2,), np.zeros(2), np.zeros(2))) == "a constraint of shape (2,)"


def test_signs_of_multipliers_and_prices():
    """a >= b is g = b − a ≤ 0: its λ is the negative of the solver's; the price is always −y."""
    all_signs = Relations(tuple(relation(sign) for sign in ("==", "<=", ">=", "between")), list)
    y = np.array([3.0, 2.0, -5.0, 7.0])
    assert all_signs.multipliers(y, np.zeros(0)) == [3, 2, 5, 7]
    assert all_signs.shadow_prices(y, np.zeros(0)) == [-3, -2, 5, -7]


def test_shapes_and_nesting():
    nested = Relations(
        (relation("<=", 4, shape=(2, 2)), relation("==")), lambda found: {"A": found[0], "b": [found[1]]}
    )
    given = nested.multipliers(np.arange(5.0), np.zeros(0))
    np.testing.assert_array_equal(given["A"], [[0, 1], [2, 3]])
    assert given["b"] == [4.0]


def test_the_multiplier_of_a_bound_goes_to_the_tightest_that_says_it():
    at = np.array([1])
    bounds = Relations(
        (
            relation(">=", variables=at, low=0.0, high=INF),
            relation(">=", variables=at, low=2.0, high=INF),
            relation(">=", variables=at, low=2.0, high=INF),
            relation("<=", variables=at, low=-INF, high=5.0),
        ),
        list,
    )
    lower, upper = np.array([-INF, 2.0]), np.array([INF, 5.0])
    held = np.array([0.0, -3.0])
    assert bounds.multipliers(np.zeros(0), held, lower, upper) == [0, 3, 0, 0]
    assert bounds.shadow_prices(np.zeros(0), held, lower, upper) == [0, 3, 0, 0]
    assert bounds.multipliers(np.zeros(0), np.array([0.0, 4.0]), lower, upper) == [0, 0, 0, 4]
    np.testing.assert_array_equal(bounds.left_over(held, lower, upper), [0, 0])
    np.testing.assert_array_equal(bounds.left_over(np.array([-1.0, 0.0]), lower, upper), [-1, 0])
