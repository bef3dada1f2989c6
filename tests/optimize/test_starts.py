"""Runs from many points: deterministic, distinct minima, ranked and classified."""

import numpy as np
import pytest

import thalweg as tw
from optimize.problems import HIMMELBLAU_MINIMA, himmelblau
from thalweg.errors import ArgumentError
from thalweg.optimize.build import build
from thalweg.optimize.starts import checked_starts, starting_points


def tang(x):
    return np.sum(x**4 - 16 * x**2 + 5 * x) / 2


TANG = np.sort(np.roots([4, 0, -32, 5]).real)  # stationary points of one coordinate


def test_all_four_minima_of_himmelblau():
    s = tw.minimize(himmelblau, [0.0, 0.0], bounds=(-6, 6), starts=20)
    assert len(s.minima) == 4 and all(m.kind == "strict minimum" and m.success for m in s.minima)
    found = np.array([m.x for m in s.minima])
    for known in HIMMELBLAU_MINIMA:
        assert np.min(np.max(np.abs(found - known), axis=1)) < 1e-5
    assert [m.value for m in s.minima] == sorted(m.value for m in s.minima)
    assert "20 starts: 4 distinct minima found" in s.notes[-1] and "no proof" in s.notes[-1]


@pytest.mark.parametrize("bounds", [(-5, 5), None])
def test_styblinski_and_tang(bounds):
    s = tw.minimize(tang, np.zeros(3), bounds=bounds, starts=30)
    np.testing.assert_allclose(s.x, np.full(3, TANG[0]), atol=1e-6)
    assert s.value == pytest.approx(3 * tang(TANG[:1]))
    for m in s.minima:  # each a corner of the grid of minima of one coordinate
        assert np.all(np.minimum(np.abs(m.x - TANG[0]), np.abs(m.x - TANG[2])) < 1e-5)


def test_the_same_every_time():
    one, two = (tw.minimize(tang, np.zeros(2), bounds=(-5, 5), starts=8) for _ in range(2))
    assert len(one.minima) == len(two.minima)
    for a, b in zip(one.minima, two.minima):
        np.testing.assert_array_equal(a.x, b.x)


def test_the_highest_maximum():
    s = tw.maximize(lambda x: np.sum(x * np.sin(x)), np.zeros(1), bounds=(0, 19), starts=10)
    assert s.kind == "maximum" and s.x[0] == pytest.approx(14.2074, abs=1e-3)  # tan x = −x near 4.5 π
    assert "maxima" in s.notes[-1] and [m.value for m in s.minima] == sorted((m.value for m in s.minima), reverse=True)


def test_under_constraints():
    s = tw.minimize(lambda x: x[0] * x[1], [1.0, 0.5], subject_to=lambda x: x[0] ** 2 + 4 * x[1] ** 2 == 4, starts=12)
    assert len(s.minima) == 2 and s.value == pytest.approx(-1)
    np.testing.assert_allclose(np.abs(s.x), [np.sqrt(2), np.sqrt(0.5)], atol=1e-6)


def test_nothing_converged():
    s = tw.minimize(lambda x: x[0], [0.0, 0.0], subject_to=lambda x: x @ x <= -1, starts=3)
    assert s.status == "infeasible" and s.minima == ()


def test_one_start_and_functions_by_differences():
    assert tw.minimize(himmelblau, [0.0, 0.0], starts=1).minima == ()
    s = tw.minimize(
        lambda x: float(himmelblau(x)), [0.0, 0.0], bounds=(-6, 6), starts=3, derivatives="finite-difference"
    )
    assert s.success and s.value == pytest.approx(0, abs=1e-8)


def test_a_callback_stops_all_runs():
    s = tw.minimize(himmelblau, [0.0, 0.0], bounds=(-6, 6), starts=5, callback=lambda state: True)
    assert s.status == "interrupted"


@pytest.mark.parametrize(
    ("bounds", "low", "high"),
    [
        (None, [-10, 90], [10, 2090]),
        ((0, None), [0, 0], [20, 2000 * 1.001]),
        ([(None, 1), (0, 2000)], [-19, 0], [1, 2000]),
        ((-3, 2000), [-3, -3], [2000, 2000]),
    ],
)
def test_where_starts_are_drawn(bounds, low, high):
    built = build(lambda x: np.sum(np.sin(x)), [0.0, 100.0], bounds=bounds)
    points = np.array(starting_points(built, 12))
    np.testing.assert_array_equal(points[0], [0, 100])
    assert np.all(points >= np.array(low) - 1000 * (bounds is None) * np.array([0, 1])) and np.all(points <= high)
    assert len(np.unique(points, axis=0)) == 12


@pytest.mark.parametrize("starts", [0, -1, 2.5, True, "3", None])
def test_what_is_no_number_of_runs(starts):
    with pytest.raises(ArgumentError, match="starts must be a number of runs"):
        checked_starts(starts)


@pytest.mark.parametrize("turn", [1.0, -1.0])
@pytest.mark.parametrize("calls", [0, 1, 9])
def test_ctrl_c_among_the_drawn_points_gives_the_best_of_them(turn, calls):
    seen = []

    def f(x):
        if len(seen) == calls and not over:
            over.append(True)
            raise KeyboardInterrupt
        seen.append(float(np.sum((x - 1) ** 2)))
        return turn * seen[-1]

    def grad(x):
        return turn * 2 * (x - 1)

    over = []
    go = tw.minimize if turn > 0 else tw.maximize
    s = go(f, [5.0, 5.0], grad=grad, bounds=(-6, 6), starts=4)
    assert over and s.status == "interrupted" and not s.success and "keyboard" in s.message
    assert s.value == turn * min([*seen[:calls], 32.0])
    np.testing.assert_allclose(turn * np.sum((s.x - 1) ** 2), s.value)


def test_ctrl_c_among_the_drawn_points_under_constraints_stays_at_the_start():
    over = []

    def f(x):
        if len(over) == 3:
            over.append(True)
            raise KeyboardInterrupt
        over.append(False)
        return float(x @ x)

    s = tw.minimize(
        f, [3.0, 4.0], grad=lambda x: 2 * x, starts=4, subject_to=lambda x: x[0] + x[1] == 7
    )  # fmt: skip
    assert True in over and s.status == "interrupted" and s.x.tolist() == [3, 4] and s.value == 25
