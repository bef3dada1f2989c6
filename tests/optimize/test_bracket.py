"""The interval of a line search always holds a minimum, and always shrinks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalweg.optimize.bracket import Bracket, Trial, cubic_minimum


def trial(f, df, t):
    return Trial(t, float(f(t)), float(df(t)), None)


@given(st.floats(-3, 3), st.floats(0.1, 5), st.floats(-2, 2), st.floats(0.5, 3))
def test_the_minimum_of_a_cubic_is_found_from_either_end(a, c, d, h):
    # p' = 3 c (t − a)(t − b), b < a: the minimum is at a
    b = a - 1.5

    def df(t):
        return 3 * c * (t - a) * (t - b)

    def f(t):
        return c * (t**3 - 1.5 * (a + b) * t * t + 3 * a * b * t) + d

    p, q = trial(f, df, a - 0.7), trial(f, df, a + h)
    assert cubic_minimum(p, q) == pytest.approx(a, abs=1e-7)
    assert cubic_minimum(q, p) == pytest.approx(a, abs=1e-7)


def test_a_cubic_without_a_minimum_says_so():
    def f(t):
        return Trial(t, -(t**3) - t, -3 * t * t - 1, None)

    assert np.isnan(cubic_minimum(f(0.0), f(1.0)))
    assert np.isnan(cubic_minimum(Trial(0.0, 1.0, 0.0, None), Trial(1.0, 1.0, 0.0, None)))
    assert np.isnan(cubic_minimum(Trial(0.0, 1.0, -1.0, None), Trial(1.0, 1e308 * 10, 1.0, None)))


FUNCTIONS = {
    "parabola": (lambda t: (t - 2) ** 2, lambda t: 2 * (t - 2)),
    "far away": (lambda t: (t - 3e4) ** 2, lambda t: 2 * (t - 3e4)),
    "close by": (lambda t: (t - 1e-9) ** 2, lambda t: 2 * (t - 1e-9)),
    "steep wall": (lambda t: np.exp(50 * t) - 60 * t, lambda t: 50 * np.exp(50 * t) - 60),
    "quartic": (lambda t: (t - 1) ** 4, lambda t: 4 * (t - 1) ** 3),
    "kink": (lambda t: abs(t - 1) - 0.3 * t, lambda t: (1.0 if t >= 1 else -1.0) - 0.3),
    "many valleys": (
        lambda t: np.sin(9 * t) - 2 * t + t * t,
        lambda t: 9 * np.cos(9 * t) - 2 + 2 * t - 11.0 * (t == 0),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("first", [1e-3, 1.0, 40.0])
def test_the_interval_shrinks_onto_a_local_minimum(name, first):
    f, df = FUNCTIONS[name]
    bracket, t = Bracket(trial(f, df, 0.0), 1e-4, 0.0), first
    with np.errstate(over="ignore"):
        for _ in range(400):
            if np.isfinite(f(t)):
                bracket.add(trial(f, df, t))
            else:
                bracket.block(t)
            t = bracket.next()
            if not bracket.a.t < t < bracket.upper:
                break
            a, b = bracket.a, bracket.b
            assert a.slope < 0 and bracket.fell_enough(a)
            assert b is None or b.slope >= 0 or b.value > a.value or not bracket.fell_enough(b)
    a, b = bracket.a.t, bracket.upper
    assert b - a <= 1e-6 * max(b, 1e-9)
    assert min(f(a), f(b)) <= min(f(0.98 * a), f(1.02 * b)) + 1e-12


def test_without_an_upper_end_strides_grow_but_not_without_bound():
    bracket, sizes = Bracket(Trial(0.0, 0.0, -1.0, None), 1e-4, 0.0, stretch=4.0), [1.0]
    for _ in range(4):
        t = sizes[-1]
        bracket.add(Trial(t, -t, -1.0, None))
        sizes.append(bracket.next())
    strides = np.diff([0.0, *sizes])
    np.testing.assert_allclose(strides[1:] / strides[:-1], 4.0)


@settings(max_examples=50)
@given(st.floats(1e-8, 1e8))
def test_trials_stay_in_front_of_a_wall(edge):
    bracket, t = Bracket(Trial(0.0, 0.0, -1.0, None), 1e-4, 0.0), 1.0
    for _ in range(60):
        if t < edge:
            bracket.add(Trial(t, -t, -1.0, None))
        else:
            bracket.block(t)
        t = bracket.next()
    assert bracket.a.t < edge and bracket.a.t == pytest.approx(edge, rel=1e-3)


def test_where_values_are_rounding_slopes_decide():
    bracket = Bracket(Trial(0.0, 1e8, -2e-7, None), 1e-4, noise=1e-3)
    bracket.add(Trial(1.0, 1e8 + 1e-8, 6e-7, None))
    assert bracket.next() == pytest.approx(0.25)
    flat, steep = Trial(0.3, 1e8 + 1e-8, 1e-8, None), Trial(0.4, 1e8, 1e-7, None)
    assert bracket.better(flat, steep) and not bracket.better(steep, flat)
