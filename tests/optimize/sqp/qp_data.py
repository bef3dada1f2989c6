"""Random programs and the conditions that decide whether an answer is one, computed here from the data alone."""

from typing import NamedTuple

import numpy as np


class Program(NamedTuple):
    H: np.ndarray
    g: np.ndarray
    A: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    xl: np.ndarray
    xu: np.ndarray

    def value(self, x):
        return 0.5 * x @ self.H @ x + self.g @ x


def kkt_residual(p, x, y, z):
    """Largest of stationarity, violation and |multiplier| times distance to its side, written out one by one."""
    worst = np.abs(p.H @ x + p.g + p.A.T @ y + z).max()
    values = [*x, *(p.A @ x)]
    duals = [*z, *y]
    lower, upper = [*p.xl, *p.lower], [*p.xu, *p.upper]
    for v, u, lo, hi in zip(values, duals, lower, upper, strict=True):
        worst = max(worst, lo - v, v - hi)
        if u > 0:
            worst = max(worst, u * abs(hi - v) if np.isfinite(hi) else u)
        if u < 0:
            worst = max(worst, -u * abs(v - lo) if np.isfinite(lo) else -u)
    return worst


def random_program(seed, rank=None):
    """A feasible program; H is positive semidefinite of the given rank (by default a random one)."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 11)), int(rng.integers(0, 13))
    rank = int(rng.integers(0, n + 1)) if rank is None else min(rank, n)
    B = rng.standard_normal((rank, n))
    A = rng.standard_normal((m, n))
    if m > 3 and rng.random() < 0.3:
        A[1] = A[0]  # a row twice
    x = rng.standard_normal(n)
    c = A @ x
    lower = np.where(rng.random(m) < 0.5, c - rng.random(m), -np.inf)
    upper = np.where(rng.random(m) < 0.5, c + rng.random(m), np.inf)
    equal = rng.random(m) < 0.15
    lower[equal] = upper[equal] = c[equal]
    xl = np.where(rng.random(n) < 0.6, x - rng.random(n), -np.inf)
    xu = np.where(rng.random(n) < 0.6, x + rng.random(n), np.inf)
    return Program(B.T @ B, rng.standard_normal(n), A, lower, upper, xl, xu)
