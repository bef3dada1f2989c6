"""How near the mixture (64, 50, 1000) comes to what BLAS reaches on one large matrix product, in the same minutes."""

from __future__ import annotations

import numpy as np

from benchmarks.row import Effort
from benchmarks.timing import medians, warmed
from benchmarks.workloads import mixture

SIDE = 2048
NAME = "Gaussian mixture 64, 50, 1000"


def blas_share(effort: Effort) -> dict[str, float]:
    """GFlop/s of both. Of the mixture count three contractions: forward, and its derivative in either factor."""
    (workload,) = (w for w in mixture.WORKLOADS if w.name == NAME)
    args = workload.data()
    k, d = args[1].shape
    n = len(args[3])
    ours = workload.ours(args)
    warmed(ours, effort.warm, 20 * effort.warm)
    A, B = np.random.default_rng(0).normal(size=(2, SIDE, SIDE))
    C = np.empty((SIDE, SIDE))
    seconds = medians({"dgemm": lambda: np.matmul(A, B, out=C), "ours": ours}, effort.rounds, effort.budget)
    return {"dgemm": 2e-9 * SIDE**3 / seconds["dgemm"], "mixture": 3 * 2e-9 * n * k * d * d / seconds["ours"]}
