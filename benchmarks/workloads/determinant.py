"""The logarithm of a 5×5 determinant by minors: some three hundred scalar operations, unrolled by recursion."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import autograd_gradient, both_casadi, casadi_call, jax_gradient, torch_gradient
from benchmarks.workload import Workload


def minors(A, rows, columns):
    """The determinant of the rows from ``rows`` on and of these columns, expanded along the first row."""
    if len(columns) == 1:
        return A[rows, columns[0]]
    total = 0.0
    for k, j in enumerate(columns):
        term = A[rows, j] * minors(A, rows + 1, columns[:k] + columns[k + 1 :])
        total = total + term if k % 2 == 0 else total - term
    return total


def f(A):
    return np.log(minors(A, 0, tuple(range(len(A)))))


def jax(A):
    import jax.numpy as jnp

    return jax_gradient(lambda A: jnp.log(minors(A, 0, tuple(range(len(A))))), (A,))


def torch(A):
    return torch_gradient(lambda A: minors(A, 0, tuple(range(len(A)))).log(), (A,))


def autograd(A):
    import autograd.numpy as anp

    return autograd_gradient(lambda A: anp.log(minors(A, 0, tuple(range(len(A))))), (A,))


def casadi(A, compiled=False):
    import casadi as ca

    n = len(A)
    s = ca.SX.sym("A", n, n)
    y = ca.log(minors(s, 0, tuple(range(n))))
    return casadi_call([s], [y, ca.gradient(y, s).T], [A.T], [(), (n, n)], compiled)


def point(n: int) -> tuple[np.ndarray]:
    B = np.random.default_rng(3).normal(size=(n, n))
    return (B @ B.T + n * np.eye(n),)


WORKLOADS = [
    Workload(
        "log-determinant by minors 5×5",
        f,
        lambda: point(5),
        lambda: point(3),
        {"JAX": jax, "PyTorch": torch, **both_casadi(casadi), "autograd": autograd},
    )
]
