"""slope: increasing, decreasing, flat, and the tangent line."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError


def test_at_a_point():
    s = tw.slope(lambda x: x**2, 1.0)
    assert (s.value, s.slope, s.sign, s.kind) == (1, 2, 1, "increasing")
    assert str(s) == repr(s) == "f increases at x = 1: slope 2; tangent 1 + 2(x-1)"
    assert s.tangent(3.0) == 5
    assert str(tw.slope(lambda x: x**2, -1)) == "f decreases at x = -1: slope -2; tangent 1 - 2(x+1)"
    assert str(tw.slope(lambda x: x**2, 0)) == "f is flat at x = 0: slope 0; tangent 0"


def test_flat_up_to_rounding():
    s = tw.slope(np.sin, np.pi / 2)
    assert s.slope != 0
    assert (s.kind, s.sign) == ("flat", 0)
    assert tw.slope(np.sin, np.pi / 2, tol=0.0).kind == "increasing"


def test_of_derivatives():
    """Where is f′ rising? f = x³ is convex on the right."""
    f = lambda x: x**3
    assert [tw.slope(tw.derivative(f), x).sign for x in (-1.0, 0.0, 1.0)] == [-1, 0, 1]


def test_many_points():
    table = tw.slope(lambda x: x**2 if x > 0 else -x, np.array([-1.0, 0.5, 2.0]))
    assert [s.kind for s in table] == ["decreasing", "increasing", "increasing"]
    assert [s.slope for s in table] == [-1, 1, 4]
    assert str(table) == repr(table)
    assert str(table).splitlines() == [
        "  x  f(x)  f′(x)  f is",
        " -1     1     -1  decreasing",
        "0.5  0.25      1  increasing",
        "  2     4      4  increasing",
    ]
    assert len(tw.slope(np.sin, np.zeros(0))) == 0


def test_where_there_is_none():
    s = tw.slope(np.log, -1.0)
    assert s.kind == "undefined"
    assert "no slope" in str(s)
    vertical = tw.slope(np.cbrt, 0.0)
    assert vertical.kind == "increasing"
    assert "vertical" in str(vertical)


@pytest.mark.parametrize("x", [np.ones(2), 1.0])
def test_wrong_use(x):
    with pytest.raises(ArgumentError, match="one number"):
        tw.slope(lambda x: np.array([x, x]), x)
    with pytest.raises(ArgumentError, match="one number"):
        tw.slope(lambda x: (x, x), x)
