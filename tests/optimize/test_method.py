"""Every entry of the table keeps its word: it takes the options that it names, and keeps what it says it can keep."""

import inspect

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError
from thalweg.optimize import METHODS

KEEPING = [name for name, m in METHODS.items() if m.constraints]
BOUNDED = [name for name, m in METHODS.items() if m.bounds and not m.residuals]


@pytest.mark.parametrize("name", METHODS)
def test_an_entry(name):
    method = METHODS[name]
    assert method.name == name and method.max_iterations > 0
    assert method.summary and not method.summary.endswith(".") and "\n" not in method.summary
    assert not (method.constraints and not method.bounds)  # what keeps constraints keeps bounds
    taken = inspect.signature(method.make).parameters.values()
    open_ended = any(p.kind is p.VAR_KEYWORD for p in taken)
    assert open_ended or {p.name for p in taken} >= set(method.options)


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_are_kept(name):
    seen = []

    def callback(state):
        seen.append(np.array(state.x))

    s = tw.minimize(
        lambda x: (x[0] - 3) ** 2 + (x[1] + 1) ** 4, [0.5, 2.0], bounds=(0, 1), method=name, callback=callback
    )
    assert s.success
    np.testing.assert_allclose(s.x, [1, 0], atol=1e-6)
    assert np.min(seen) >= -1e-8 and np.max(seen) <= 2 + 1e-8 and np.max(np.array(seen)[1:]) <= 1 + 1e-8


@pytest.mark.parametrize("name", KEEPING)
def test_constraints_are_kept(name):
    s = tw.minimize(
        lambda x: -x[0] * x[1], [0.5, 0.5], subject_to=lambda x: [x[0] + 2 * x[1] <= 2, x >= 0], method=name
    )
    assert s.success and s.multipliers[0] == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_allclose(s.x, [1, 0.5], atol=1e-6)


@pytest.mark.parametrize("name", [n for n in METHODS if n not in KEEPING])
def test_what_cannot_keep_constraints_says_so(name):
    with pytest.raises(ArgumentError, match="cannot keep constraints"):
        tw.minimize(lambda x: x @ x, [0.5, 0.5], subject_to=lambda x: x[0] * x[1] == 2, method=name)


def test_what_needs_a_sum_of_squares_says_so():
    for name in [n for n, m in METHODS.items() if m.residuals]:
        with pytest.raises(ArgumentError, match=r"tw.least_squares\(residuals, x0\)"):
            tw.minimize(lambda x: np.cos(x[0]) + x[1] * x[0], [0.5, 0.5], method=name)
