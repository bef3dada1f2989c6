"""Columns and tables of pandas as data: either order of the operands, by the operators and by pandas' own methods."""

import numpy as np
import pandas as pd
import pytest

import thalweg as tw
from checks import older

TABLE = pd.DataFrame({"x": [0.5, 1.0, 2.0], "y": [1.0, 3.0, 4.0]})
x, y = TABLE["x"], TABLE["y"]
u, v = x.to_numpy(), y.to_numpy()
A = TABLE.to_numpy()

SAME = {
    "number * column": (lambda p: ((p[0] * x + p[1] - y) ** 2).sum(), lambda p: ((p[0] * u + p[1] - v) ** 2).sum()),
    "column * number": (lambda p: ((x * p[0] + p[1] - y) ** 2).sum(), lambda p: ((u * p[0] + p[1] - v) ** 2).sum()),
    "column first": (lambda p: ((y - x * p[0] - p[1]) ** 2).mean(), lambda p: ((v - u * p[0] - p[1]) ** 2).mean()),
    "divided": (lambda p: np.sum(((x - p[0]) / p[1]) ** 2), lambda p: np.sum(((u - p[0]) / p[1]) ** 2)),
    "power": (lambda p: np.sum(x ** p[0] * p[1]), lambda p: np.sum(u ** p[0] * p[1])),
    "ufunc": (lambda p: np.sum(np.exp(-x * p[0]) * p[1]), lambda p: np.sum(np.exp(-u * p[0]) * p[1])),
    "compared": (
        lambda p: np.sum(np.where(x < p[0], x * p[1], p[1] ** 2)),
        lambda p: np.sum(np.where(u < p[0], u * p[1], p[1] ** 2)),
    ),
    "method": (lambda p: np.sum(x.mul(p[0]) * p[1]), lambda p: np.sum(u * p[0] * p[1])),
    "table * number": (lambda p: np.sum((TABLE * p[0] - p[1]) ** 2), lambda p: np.sum((A * p[0] - p[1]) ** 2)),
    "table * vector": (lambda p: np.sum((TABLE * p - 1) ** 2), lambda p: np.sum((A * p - 1) ** 2)),
    "table @ vector": (lambda p: np.sum((TABLE @ p - y) ** 2), lambda p: np.sum((A @ p - v) ** 2)),
}


@pytest.mark.parametrize("name", SAME)
def test_a_column_is_an_array(name):
    if name in ("table * number", "table * vector") and older(pd, "3.0.0"):
        pytest.skip("needs pandas 3: np.sum of a table gave the sums of its columns")
    f, plain = SAME[name]
    at = np.array([1.25, 0.75])
    assert f(at) == pytest.approx(plain(at), rel=1e-14)
    np.testing.assert_allclose(tw.grad(f)(at), tw.grad(plain)(at), rtol=1e-14)


def test_a_line_is_fitted_to_columns():
    slope, offset = np.polyfit(u, v, 1)
    solution = tw.minimize(lambda p: ((y - x * p["slope"] - p["offset"]) ** 2).mean(), {"slope": 0.0, "offset": 0.0})
    assert solution.x == pytest.approx({"slope": slope, "offset": offset}, abs=1e-12)
