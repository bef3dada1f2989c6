"""Kinks and jumps: what derivatives do not see is never called a minimum, and smooth points are left alone."""

import numpy as np
import pytest

import thalweg as tw

RIDGES = {
    "x² − |x|": (lambda x: x * x - abs(x), 0.0, -0.25),
    "x⁴ − |x|": (lambda x: x**4 - abs(x), 0.0, -3 * 4 ** (-4 / 3)),
    "a branch": (lambda x: x * x - 2 * x if x > 0 else x * x + 2 * x, 0.0, -1.0),
    "two variables": (lambda x: x @ x - abs(x[0]) + abs(x[1]), np.zeros(2), -0.25),
}


@pytest.mark.parametrize("name", RIDGES)
@pytest.mark.parametrize("method", ["newton", "gradient-descent"])
def test_a_ridge_is_left(name, method):
    f, x0, lowest = RIDGES[name]
    solution = tw.minimize(f, x0, method=method)
    if name == "two variables":  # it comes to another kink, in the second variable
        assert solution.value == pytest.approx(lowest, abs=1e-6) and solution.kind != "strict minimum"
    elif name == "a branch" and not solution.success:
        assert solution.kind != "strict minimum"
    else:
        assert solution.success and solution.value == pytest.approx(lowest, rel=1e-9)


@pytest.mark.parametrize("method", ["newton", "gradient-descent"])
def test_the_least_of_an_absolute_value(method):
    assert tw.minimize(lambda x: abs(x) + x * x, 0.0, method=method).kind == "degenerate"
    run = tw.minimize(lambda x: abs(x), 1.3, method=method)  # the step lengths underflow on the way
    assert abs(run.x) < 1e-100


def test_maximize_leaves_a_valley_with_an_edge():
    solution = tw.maximize(lambda x: abs(x) - x * x, 0.0)
    assert solution.success and solution.value == pytest.approx(0.25) and "up a kink" in solution.notes[0]


def test_classify_says_what_it_sees():
    assert tw.classify(lambda x: -abs(x), 0.0).kind == "degenerate"
    assert "falls in the directions tried" in tw.classify(lambda x: -abs(x), 0.0).why
    assert tw.classify(lambda p: abs(p[0]) - abs(p[1]), [0.0, 0.0]).kind == "saddle"
    assert "jumps" in tw.classify(lambda x: np.floor(x) + x * x, 0.0).why
    assert tw.minimize(lambda x: np.floor(x) + x * x, 1.0).value <= 0.0


@pytest.mark.parametrize(
    "f, x",
    [
        (lambda x: np.cosh(1e6 * x), 0.0),
        (lambda x: np.sqrt(1 + (1e8 * x) ** 2), 0.0),
        (lambda x: x * x + 1e14 * x**4, 0.0),
        (lambda x: 1e12 + x * x, 0.0),
        (lambda x: np.linalg.norm(x) ** 2, np.zeros(3)),
        (lambda x: np.abs(x) ** 2, 0.0),
        (lambda x: np.sum((1e9 * x - 1) ** 2), np.full(40, 1e-9)),
        (lambda x: (x - 1e9) ** 2, 1e9),
    ],
)
def test_smooth_points_are_left_alone(f, x):
    assert tw.classify(f, x).kind == "strict minimum"


@pytest.mark.parametrize("f", [lambda x: 1 / x, lambda x: 1 / (1 + x * x), lambda x: -np.arctan(x)])
@pytest.mark.parametrize("method", ["newton", "gradient-descent"])
def test_what_only_flattens_out_has_no_minimum_there(f, method):
    solution = tw.minimize(f, 1.0, method=method)
    assert solution.kind in ("degenerate", "not stationary")


def test_300_variables_have_all_their_eigenvalues():
    def chain(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    solution = tw.minimize(chain, np.full(300, 0.99))
    assert solution.kind == "strict minimum" and len(solution.eigenvalues) == 300


@pytest.mark.parametrize("method", ["newton", "gradient-descent"])
def test_second_derivatives_that_jump(method):
    f = lambda x: x * x - 2 * x * abs(x) + x**4
    assert tw.classify(f, 0.0).kind != "strict minimum"
    solution = tw.minimize(f, 0.0, method=method)
    assert solution.success and solution.value == pytest.approx(-0.25, rel=1e-9)
    assert tw.classify(lambda x: x * x + 0.5 * x * abs(x), 0.0).kind == "strict minimum"
    assert tw.classify(lambda x: 1e-6 * x * x + x**3, 0.0).kind == "strict minimum"
