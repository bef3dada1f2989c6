"""Linear least squares, 4096 × 16, and logistic regression, 10⁵ × 50."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import autograd_gradient, both_torch, casadi_call, jax_gradient, torch_gradient
from benchmarks.workload import Workload


def least_squares(w, X, y):
    r = X @ w - y
    return 0.5 * r @ r


def logistic(w, X, y):
    """The mean of log(1 + e^(−y Xw)), the labels y being ±1, and a small penalty."""
    return np.mean(np.logaddexp(0, -y * (X @ w))) + 0.5e-4 * w @ w


def jax_least_squares(*args):
    return jax_gradient(least_squares, args)  # written alike in JAX


def jax_logistic(*args):
    import jax.numpy as jnp

    return jax_gradient(lambda w, X, y: jnp.mean(jnp.logaddexp(0, -y * (X @ w))) + 0.5e-4 * w @ w, args)


def torch_least_squares(*args, compiled=False):
    return torch_gradient(least_squares, args, compiled=compiled)  # written alike in PyTorch


def torch_logistic(*args, compiled=False):
    import torch

    def f(w, X, y):
        return torch.nn.functional.softplus(-y * (X @ w)).mean() + 0.5e-4 * w @ w

    return torch_gradient(f, args, compiled=compiled)


def autograd_least_squares(*args):
    import autograd.numpy as anp

    def f(w, X, y):
        r = anp.dot(X, w) - y
        return 0.5 * anp.dot(r, r)

    return autograd_gradient(f, args)


def autograd_logistic(*args):
    import autograd.numpy as anp

    def f(w, X, y):
        return anp.mean(anp.logaddexp(0, -y * anp.dot(X, w))) + 0.5e-4 * anp.dot(w, w)

    return autograd_gradient(f, args)


def casadi_least_squares(w, X, y):
    import casadi as ca

    v, A, b = ca.MX.sym("w", w.size), ca.MX.sym("X", *X.shape), ca.MX.sym("y", y.size)
    loss = 0.5 * ca.sumsqr(A @ v - b)
    return casadi_call([v, A, b], [loss, ca.gradient(loss, v)], [w, X.T, y], [(), w.shape])


def casadi_logistic(w, X, y):
    import casadi as ca

    v, A, b = ca.MX.sym("w", w.size), ca.MX.sym("X", *X.shape), ca.MX.sym("y", y.size)
    z = -b * (A @ v)
    loss = ca.sum1(ca.fmax(z, 0) + ca.log1p(ca.exp(-ca.fabs(z)))) / y.size + 0.5e-4 * ca.sumsqr(v)
    return casadi_call([v, A, b], [loss, ca.gradient(loss, v)], [w, X.T, y], [(), w.shape])


def table(n: int, d: int, signs: bool) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(n, d))
    y = X @ rng.normal(size=d) + 0.1 * rng.normal(size=n)
    return rng.normal(size=d), X, np.sign(y) if signs else y


WORKLOADS = [
    Workload(
        "linear least squares 4096×16",
        least_squares,
        lambda: table(4096, 16, False),
        lambda: table(12, 3, False),
        {
            "JAX": jax_least_squares,
            **both_torch(torch_least_squares),
            "CasADi": casadi_least_squares,
            "autograd": autograd_least_squares,
        },
    ),
    Workload(
        "logistic regression 10⁵×50",
        logistic,
        lambda: table(100_000, 50, True),
        lambda: table(12, 3, True),
        {
            "JAX": jax_logistic,
            **both_torch(torch_logistic),
            "CasADi": casadi_logistic,
            "autograd": autograd_logistic,
        },
    ),
]
