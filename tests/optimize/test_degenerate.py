"""Where the Hessian is singular: higher derivatives decide, or nothing does."""

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from thalweg.optimize import Problem, classify, minimize
from thalweg.optimize.degenerate import Way

# f, point, kind
TABLE = {
    "x^4": (lambda x: x[0] ** 4, [0.0], "strict minimum"),
    "x^3": (lambda x: x[0] ** 3, [0.0], "saddle"),
    "-x^4": (lambda x: -(x[0] ** 4), [0.0], "maximum"),
    "x^5": (lambda x: x[0] ** 5, [0.0], "saddle"),
    "x^6": (lambda x: x[0] ** 6, [0.0], "strict minimum"),
    "x^3 + x^4, the first decides": (lambda x: 1e-3 * x[0] ** 3 + x[0] ** 4, [0.0], "saddle"),
    "(x - 1)^4": (lambda x: (x[0] - 1) ** 4, [1.0], "strict minimum"),
    "x^3 seen from beside": (lambda x: x[0] ** 3, [1e-6], "saddle"),
    "x^4 seen from beside": (lambda x: 1 + x[0] ** 4, [1e-4], "strict minimum"),
    "constant": (lambda x: 5 + 0 * x[0], [0.0], "degenerate"),
    "monkey saddle": (lambda x: x[0] ** 3 - 3 * x[0] * x[1] ** 2, [0.0, 0.0], "saddle"),
    "xyz": (lambda x: x[0] * x[1] * x[2], [0.0, 0.0, 0.0], "saddle"),
    "flat valley": (lambda x: (x[0] - x[1]) ** 2, [3.0, 3.0], "minimum"),
    "flat ridge": (lambda x: -((x[0] - x[1]) ** 2), [3.0, 3.0], "maximum"),
    "bent flat valley": (lambda x: (x[0] * x[1] - 1) ** 2, [2.0, 0.5], "degenerate"),
    "y^2 + x^4": (lambda x: x[1] ** 2 + x[0] ** 4, [0.0, 0.0], "strict minimum"),
    "y^2 - x^4": (lambda x: x[1] ** 2 - x[0] ** 4, [0.0, 0.0], "saddle"),
    "x^4 - y^2": (lambda x: x[0] ** 4 - x[1] ** 2, [0.0, 0.0], "saddle"),
    "-y^2 - x^4": (lambda x: -(x[1] ** 2) - x[0] ** 4, [0.0, 0.0], "maximum"),
    "y^2 + x^3": (lambda x: x[1] ** 2 + x[0] ** 3, [0.0, 0.0], "saddle"),
    "y^2 + x^6": (lambda x: x[1] ** 2 + x[0] ** 6, [0.0, 0.0], "degenerate"),
    "Peano": (lambda x: (x[1] - x[0] ** 2) * (x[1] - 3 * x[0] ** 2), [0.0, 0.0], "saddle"),
    "-Peano": (lambda x: -(x[1] - x[0] ** 2) * (x[1] - 3 * x[0] ** 2), [0.0, 0.0], "saddle"),
    "bent valley, rising floor": (lambda x: (x[1] - x[0] ** 2) ** 2 + x[0] ** 4, [0.0, 0.0], "strict minimum"),
    "bent ridge, falling crest": (lambda x: -((x[1] - x[0] ** 2) ** 2) - x[0] ** 4, [0.0, 0.0], "maximum"),
    "bent valley, falling floor": (lambda x: (x[1] - x[0] ** 2) ** 2 - x[0] ** 4 / 2, [0.0, 0.0], "saddle"),
    "bent valley, flat floor": (lambda x: (x[1] - x[0] ** 2) ** 2, [0.0, 0.0], "degenerate"),
    "x^4 + y^4": (lambda x: x[0] ** 4 + x[1] ** 4, [0.0, 0.0], "strict minimum"),
    "x^4 + y^4 - 3x^2y^2": (lambda x: x[0] ** 4 + x[1] ** 4 - 3 * x[0] ** 2 * x[1] ** 2, [0.0, 0.0], "saddle"),
    "-x^4 - xy^3 - y^4": (lambda x: -(x[0] ** 4) - x[0] * x[1] ** 3 - x[1] ** 4, [0.0, 0.0], "maximum"),
    "x^2 y^2": (lambda x: x[0] ** 2 * x[1] ** 2, [0.0, 0.0], "degenerate"),
    "z^2 + x^4 + y^4": (lambda x: x[2] ** 2 + x[0] ** 4 + x[1] ** 4, [0.0, 0.0, 0.0], "strict minimum"),
    "(z - xy)^2 + x^4 + y^4 - x^2y^2": (
        lambda x: (x[2] - x[0] * x[1]) ** 2 + x[0] ** 4 + x[1] ** 4 - x[0] ** 2 * x[1] ** 2,
        [0.0, 0.0, 0.0],
        "strict minimum",
    ),
    "(z - xy)^2 - x^2y^2 + (x^4 + y^4) / 4": (
        lambda x: (x[2] - x[0] * x[1]) ** 2 - x[0] ** 2 * x[1] ** 2 + (x[0] ** 4 + x[1] ** 4) / 4,
        [0.0, 0.0, 0.0],
        "saddle",
    ),
    "x^4 - y^4": (lambda x: x[0] ** 4 - x[1] ** 4, [0.0, 0.0], "saddle"),
    "slope too small for the tolerance": (lambda x: 1e-9 * x[0], [0.0], "not stationary"),
    "the same beside a bowl": (lambda x: x[0] ** 2 + 1e-9 * x[1], [0.0, 0.0], "not stationary"),
}


@pytest.mark.parametrize("name", TABLE)
def test_table(name):
    f, x, kind = TABLE[name]
    c = classify(polynomial_problem(f, len(x)), x)
    assert c.kind == kind, c.why
    assert len(c.why) > 20


@pytest.mark.parametrize("name", [name for name, (_, x, _) in TABLE.items() if len(x) == 2])
def test_the_verdict_does_not_depend_on_order_rotation_or_units(name):
    f, x, kind = TABLE[name]
    swapped = polynomial_problem(lambda y: f([y[1], y[0]]), 2)
    assert classify(swapped, x[::-1]).kind == kind
    c, s = np.cos(0.3), np.sin(0.3)
    turned = polynomial_problem(lambda y: f([c * y[0] - s * y[1], s * y[0] + c * y[1]]), 2)
    assert classify(turned, [c * x[0] + s * x[1], -s * x[0] + c * x[1]]).kind == kind
    a, b = 64.0, 0.125
    stretched = polynomial_problem(lambda y: f([a * y[0], b * y[1]]), 2)
    assert classify(stretched, [x[0] / a, x[1] / b]).kind == kind


@pytest.mark.parametrize("name", [name for name, (_, _, kind) in TABLE.items() if kind == "saddle"])
def test_ways_out_of_a_saddle_lead_down_and_up(name):
    f, x, _ = TABLE[name]
    c = classify(polynomial_problem(f, len(x)), x)
    t = 1e-4
    falls = [f(list(np.array(x) + c.falling.step(t)))] if c.falling else []
    rises = [f(list(np.array(x) + c.rising.step(t)))] if c.rising else []
    assert falls and rises
    assert falls[0] < f(x) < rises[0]


def test_without_taylor_coefficients_nothing_is_decided():
    problem = Problem(1, lambda x: (float(x[0] ** 4), 4 * x**3), lambda x: np.diag(12 * x**2))
    c = classify(problem, [0.0])
    assert c.kind == "degenerate" and "not available" in c.why


def test_a_way_may_bend():
    way = Way(np.array([1.0, 0.0]), -1.0, 4, np.array([0.0, 2.0]))
    np.testing.assert_array_equal(way.step(3.0), [3.0, 18.0])
    assert way.two_sided and not Way(np.ones(1), -1.0, 3).two_sided


def test_what_rounding_leaves_of_terms_that_cancel_is_no_saddle():
    """Softmax does not change where all its arguments rise alike: f is flat along that line, to rounding."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(150, 4)), np.eye(3)[rng.integers(3, size=150)]

    def f(p):
        V, W, b = p[:12].reshape(4, 3), p[12:21].reshape(3, 3), p[21:]
        z = np.tanh(X @ V) @ W + b
        penalty = 3e-3 * (np.sum(V**2) + np.sum(W**2))
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(y * z, axis=1)) + penalty

    for seed in range(12):
        s = minimize(f, np.random.default_rng(seed).normal(size=24), method="l-bfgs", tol=1e-8, escape_saddles=False)
        assert s.kind in ("minimum", "degenerate"), s


def test_a_direction_that_is_known_no_better_than_the_point_makes_no_saddle():
    """What one bias of a linear autoencoder adds the other may take away: f is flat along a line in exact numbers."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4)) @ np.diag([3.0, 1.0, 0.5, 0.2]) + np.array([5.0, 3.0, 4.0, 1.0])

    def f(p):
        W, b, V, c = p[:4], p[4], p[5:9], p[9:]
        again = (X @ W + b)[:, None] * V + c
        return 0.5 * np.mean(np.sum((again - X) ** 2, axis=1)) + 2e-3 * (np.sum(W**2) + np.sum(V**2))

    for seed in range(6):
        x0 = 0.5 * np.random.default_rng(seed).normal(size=13)
        s = minimize(f, x0, method="l-bfgs", tol=1e-8, escape_saddles=False, max_iterations=3000)
        assert s.kind in ("minimum", "degenerate"), s
