"""How much did the function fall? Also where differences of values are rounding."""

import numpy as np
import pytest

from thalweg.optimize import Problem
from thalweg.optimize.composition import Proposal, better, decrease, unchanged

LIFTED = Problem(1, lambda x: (1e8 + float(x[0] ** 2), 2 * x))


def proposal(a, b, predicted):
    return Proposal(b.x - a.x, predicted, 1.0, "")


def test_far_from_the_minimum_it_is_the_difference_of_values():
    a, b = LIFTED.at([100.0]), LIFTED.at([0.0])
    assert decrease(a, b, proposal(a, b, 1e4)) == 1e4


def test_near_the_minimum_it_comes_from_the_gradients():
    a, b = LIFTED.at([1e-6]), LIFTED.at([2e-7])
    assert a.value == b.value
    assert decrease(a, b, proposal(a, b, 1e-12)) == pytest.approx(1e-12 - 4e-14, rel=1e-12)
    assert decrease(b, a, proposal(b, a, 1e-12)) < 0


def test_a_rise_that_shows_in_the_values_is_believed():
    a, b = LIFTED.at([1e-6]), LIFTED.at([1.0])
    assert decrease(a, b, proposal(a, b, 1e-12)) == pytest.approx(-1.0, rel=1e-6)


def test_better_breaks_ties_of_rounding_by_the_gradient():
    a, b = LIFTED.at([1e-6]), LIFTED.at([1e-7])
    assert better(b, a) and not better(a, b)
    assert better(LIFTED.at([1.0]), LIFTED.at([2.0]))
    nan = Problem(1, lambda x: (np.nan, x)).at([0.0])
    assert better(a, nan) and not better(nan, a)


def test_unchanged():
    point = LIFTED.at([1.0])
    assert unchanged(point, np.array([1e-17])) and not unchanged(point, np.array([1e-15]))
