"""The workloads, a file a family."""

from __future__ import annotations

from benchmarks.workload import Workload
from benchmarks.workloads import (
    branches,
    bundle,
    determinant,
    kmeans,
    logsumexp,
    mixture,
    perceptron,
    recurrent,
    regression,
    rosenbrock,
    runge_kutta,
)

ALL: list[Workload] = [
    *rosenbrock.GRADIENTS,
    *branches.WORKLOADS,
    *rosenbrock.HESSIANS,
    *logsumexp.WORKLOADS,
    *determinant.WORKLOADS,
    *regression.WORKLOADS,
    *mixture.WORKLOADS,
    *kmeans.WORKLOADS,
    *bundle.WORKLOADS,
    *recurrent.WORKLOADS,
    *perceptron.WORKLOADS,
    *runge_kutta.WORKLOADS,
]
