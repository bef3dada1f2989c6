"""Functions on the inner points of a square grid, with given values around them."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.families.family import Array


def side(n: int) -> int:
    """The side of the square that has about n inner points."""
    return round(float(np.sqrt(n)))


def points(m: int, half: float) -> tuple[Array, Array, float]:
    """Coordinates of all (m + 2)² points of the square |x|, |y| ≤ half, and their distance."""
    line = np.linspace(-half, half, m + 2)
    x, y = np.meshgrid(line, line, indexing="ij")
    return x, y, 2 * half / (m + 1)


def edge_of(values: Array) -> Array:
    """The values on the edge, and 0 inside."""
    edge = values.copy()
    edge[1:-1, 1:-1] = 0
    return edge


def whole(inner: Any, edge: Array) -> Any:
    """The values at all points, from those inside as a vector."""
    m = len(edge) - 2
    return np.pad(inner.reshape(m, m), 1) + edge


def whole_in_casadi(ca: Any, inner: Any, edge: Array) -> Any:
    """The same for a column of symbols. CasADi reads columns first, so rows and columns change places."""
    m = len(edge) - 2
    rows = [ca.DM(edge[:, :1]).T, None, ca.DM(edge[:, -1:]).T]
    rows[1] = ca.horzcat(ca.DM(edge[:1, 1:-1]).T, ca.reshape(inner, m, m), ca.DM(edge[-1:, 1:-1]).T)
    return ca.vertcat(*rows)
