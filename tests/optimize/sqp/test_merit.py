"""The merit function's weights and the filter."""

import numpy as np

from thalweg.optimize.sqp.merit import Filter, Merit


def test_weights_are_never_below_the_multipliers_and_forget_slowly():
    merit = Merit(np.array([10.0]))
    for _ in range(100):
        merit = merit.follow(np.array([-1.0]), 0.0, 0.0, np.zeros(1))
        assert merit.weights[0] >= 1.0
    assert merit.weights[0] < 1.01


def test_weights_grow_until_the_step_is_one_of_descent():
    gain, slope, curvature = np.array([0.5, 0.0]), 7.0, 3.0
    weights = Merit(np.zeros(2)).follow(np.zeros(2), slope, curvature, gain).weights
    assert slope - weights @ gain < -0.5 * curvature


def test_weights_stay_where_the_step_descends_already():
    weights = Merit(np.array([1.0])).follow(np.array([1.0]), -5.0, 1.0, np.array([1.0])).weights
    assert weights.tolist() == [1.0]


def test_the_filter_forbids_what_is_worse_in_both():
    seen = Filter(small=1e-6)
    assert seen.accepts(1.0, 0.0, 0.2, 5.0, slope=1.0, size=1.0)
    assert not seen.accepts(0.2, 5.0, 1.0, 0.0, slope=1.0, size=1.0)
    assert seen.accepts(0.2, 5.0, 0.1, 9.0, slope=1.0, size=1.0)
    assert seen.entries == [(1.0, 0.0), (0.2, 5.0)]


def test_near_feasibility_the_value_must_fall():
    seen = Filter(small=1e-2)
    assert not seen.accepts(1e-8, 1.0, 0.0, 1.0, slope=-1.0, size=1.0)
    assert seen.accepts(1e-8, 1.0, 1e-7, 0.5, slope=-1.0, size=1.0)
    assert seen.entries == []  # such a step leaves no entry
