"""log Σ exp xᵢ of 10⁵ numbers, with the largest taken out first."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import autograd_gradient, both_torch, casadi_call, jax_gradient, torch_gradient
from benchmarks.workload import Workload


def f(x):
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


def jax(x):
    from jax.nn import logsumexp

    return jax_gradient(logsumexp, (x,))


def torch(x, compiled=False):
    return torch_gradient(lambda x: x.logsumexp(0), (x,), compiled=compiled)


def autograd(x):
    from autograd.scipy.special import logsumexp

    return autograd_gradient(logsumexp, (x,))


def casadi(x):
    import casadi as ca

    s = ca.MX.sym("x", x.size)
    y = ca.logsumexp(s)
    return casadi_call([s], [y, ca.gradient(y, s)], [x], [(), x.shape])


def point(n: int) -> tuple[np.ndarray]:
    return (np.random.default_rng(2).normal(0, 3, n),)


WORKLOADS = [
    Workload(
        "log-sum-exp 10⁵",
        f,
        lambda: point(100_000),
        lambda: point(20),
        {"JAX": jax, **both_torch(torch), "CasADi": casadi, "autograd": autograd},
    )
]
