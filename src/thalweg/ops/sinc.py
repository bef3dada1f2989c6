"""``sinc(x) = sin(πx)/(πx)`` and its derivatives of every order, exact to rounding at 0 and near it.

With z = πx and f₀(z) = sin z / z, the n-th derivative fₙ obeys z·fₙ + n·fₙ₋₁ = sin(z + nπ/2). Run upwards this is
stable for |z| > n. Nearer to 0 the power series is summed: fₙ(z) = Σ (−1)ᵏ z²ᵏ⁻ⁿ / ((2k+1)·(2k−n)!) over 2k ≥ n.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from thalweg.graph import Node, Op, make
from thalweg.ops.chain import chain_product
from thalweg.ops.entry import batch_elementwise, infer_like


def _series(z: Any, n: int) -> Any:
    first = (n + 1) // 2
    total = np.zeros_like(z)
    for k in reversed(range(first, first + 14 + 2 * n)):
        total += (-1.0) ** k / (2 * k + 1) / math.factorial(2 * k - n) * z ** (2 * k - n)
    return total


def _recurrence(z: Any, n: int) -> Any:
    waves = np.sin(z), np.cos(z)
    f = waves[0] / z
    for m in range(1, n + 1):
        f = ((-1.0) ** (m // 2) * waves[m % 2] - m * f) / z
    return f


def _sinc(x: Any, n: int) -> Any:
    dtype = d if (d := np.result_type(x)).kind == "f" else np.dtype(np.float64)
    if n == 0:
        return np.sinc(np.asarray(x, dtype))[()]
    z = np.pi * np.asarray(x, dtype=np.float64)
    near = np.abs(z) < n + 1
    y = np.where(near, _series(np.where(near, z, 0.0), n), _recurrence(np.where(near, 1.0, z), n))
    return (np.pi**n * y).astype(dtype)[()]


SINC: Op = Op(
    "sinc",
    infer_like("sinc", np.sin),
    _sinc,
    family="elementwise",
    chains=(lambda t, x, y: chain_product(t, make(SINC, (x,), (y.params[0] + 1,))),),
    note="smooth: at 0 all derivatives are right",
)
SINC.batch = batch_elementwise(SINC)


def sinc(x: Node) -> Node:
    """``numpy.sinc``."""
    return make(SINC, (x,), (0,))
