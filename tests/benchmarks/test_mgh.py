"""The collection of Moré, Garbow and Hillstrom, checked against the paper and against optimality, without a solver."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.mgh import ALL, EIGHTEEN, UNCONSTRAINED, number
from tests.benchmarks.conditions import central, complex_step
from tests.benchmarks.symbols import symbols

import thalweg as tw

NAMED = {p.name: p for p in ALL}
EVERY = pytest.mark.parametrize("p", ALL, ids=lambda p: p.name)

# The values of the paper other than 0, to the digits it gives, and how many residuals there are.
PUBLISHED = {
    "MGH6": 124.362,
    "MGH8": 8.21487e-3,
    "MGH9": 1.12793e-8,
    "MGH10": 87.9458,
    "MGH15": 3.07505e-4,
    "MGH16": 85822.2,
    "MGH17": 5.46489e-5,
    "MGH19": 4.01377e-2,
    "MGH20-6": 2.28767e-3,
    "MGH20-9": 1.39976e-6,
    "MGH20-12": 4.72238e-10,
    "MGH23-4": 2.24997e-5,
    "MGH23-10": 7.08765e-5,
    "MGH24-4": 9.37629e-6,
    "MGH24-10": 2.93660e-4,
    "MGH32": 10,
    "MGH33": 20 * 19 / (2 * 41),
    "MGH34": (20**2 + 3 * 20 - 6) / (2 * 37),
    "MGH35-8": 3.51687e-3,
}
RESIDUALS = [2, 2, 2, 3, 3, 10, 3, 15, 15, 16, 99, 10, 4, 6, 11, 20, 33, 13, 65, 31, 31, 31]
RESIDUALS += [10, 12, 5, 11, 8, 20, 12, 10, 10, 10, 10, 10, 10, 20, 20, 20, 8, 9]


def derivative(p):
    """Arctan2 and the absolute value are not analytic: two problems need differences."""
    return central if number(p) in (7, 11) else complex_step


def test_the_collection_is_whole():
    assert sorted({number(p) for p in ALL}) == list(range(1, 36))
    assert len(NAMED) == len(ALL)
    assert len(EIGHTEEN) == 18
    assert {number(p) for p in UNCONSTRAINED} == set(EIGHTEEN)
    assert [len(p.residuals(np.array(p.x0))) for p in ALL] == RESIDUALS


@EVERY
def test_the_parts_fit_together(p):
    assert len(p.solution) == p.n
    assert (p.eq, p.ineq, p.lower, p.upper) == (None,) * 4
    assert all(isinstance(t, float) for t in (*p.x0, *p.solution, p.value))
    assert p.source.startswith(f"Moré, Garbow & Hillstrom (1981), problem {number(p)}, ")
    assert all(v > p.value for v in p.others)


@EVERY
def test_the_value_is_the_published_one(p):
    assert p.value == pytest.approx(PUBLISHED.get(p.name, 0), rel=4e-6)


@EVERY
def test_the_value_is_taken_at_the_solution(p):
    rounding = 20 * np.finfo(float).eps * np.sqrt(p.value)  # of residuals r in Σ r², which are ε in size: 2 ε r
    assert float(p.f(np.array(p.solution))) == pytest.approx(p.value, rel=1e-13, abs=1e-20 + rounding)


@EVERY
def test_the_objective_is_the_sum_of_squares(p):
    x = np.array(p.x0)
    assert float(p.f(x)) == pytest.approx(float(np.sum(np.square(p.residuals(x)))), rel=1e-14)


@EVERY
def test_the_solution_is_stationary(p):
    x = np.array(p.solution)
    residuals = np.array(p.residuals(x), dtype=float)
    jacobian = derivative(p)(p.residuals, x)
    size = np.linalg.norm(jacobian, axis=0) * np.linalg.norm(residuals)
    rounding = 1e-12 * np.linalg.norm(jacobian, axis=0)
    assert np.all(np.abs(jacobian.T @ residuals) <= 1e-9 * size + rounding)


@EVERY
def test_derivatives(p):
    x = np.array(p.x0)
    near = 1e-7 if derivative(p) is central else 1e-12
    theirs = derivative(p)(p.residuals, x)
    rows = tw.jacobian(lambda z: np.stack(list(p.residuals(z))))(x)
    np.testing.assert_allclose(rows, theirs, rtol=near, atol=near * np.abs(theirs).max())
    gradient = 2 * theirs.T @ np.array(p.residuals(x), dtype=float)
    np.testing.assert_allclose(tw.grad(p.f)(x), gradient, rtol=near, atol=near * np.abs(gradient).max())


@EVERY
def test_the_functions_take_arrays_of_symbols(p):
    x = np.array(p.x0)
    np.testing.assert_allclose(
        [float(t) for t in p.residuals(symbols(x))], [float(t) for t in p.residuals(x)], rtol=1e-12, atol=1e-12
    )
    assert float(p.f(symbols(x))) == pytest.approx(float(p.f(x)), rel=1e-12)


# The values of the paper at the standard starts that follow from its formulas by hand.
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MGH1", 4.4**2 + 2.2**2),
        ("MGH2", 400.5),
        ("MGH4", (1 - 1e6) ** 2 + (1 - 2e-6) ** 2 + 1),
        ("MGH5", 1.5**2 + 2.25**2 + 2.625**2),
        ("MGH7", 50.0**2),
        ("MGH13", 7.0**2 + 5 + 1 + 10 * 16),
        ("MGH14", 19192.0),
        ("MGH20-6", 29 + 1),
        ("MGH30", (-4 + 2) ** 2 + 8 * (-4 + 3) ** 2 + (-4 + 1) ** 2),  # 3x − 2x² + 1 = −4, and the neighbours
    ],
)
def test_the_value_at_the_start(name, value):
    p = NAMED[name]
    assert float(p.f(np.array(p.x0))) == pytest.approx(value, rel=1e-12)
