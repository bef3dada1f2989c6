"""The objective of k-means, Σᵢ minₖ ‖xᵢ − cₖ‖², with its gradient and the diagonal of its Hessian in the centres.

The Hessian is diagonal, so its product with a vector of ones is that diagonal: what one step of Newton's method for
clustering needs (Schenck, Rønning, Henriksen & Oancea 2022, "AD for an array language with nested parallelism").
"""

from __future__ import annotations

from typing import Any

import numpy as np

import thalweg as tw
from benchmarks.peers import casadi_call, jax_call, tensors
from benchmarks.workload import Call, Workload


def f(x):
    """The objective, as a function of the centres."""

    def objective(centres):
        squares = np.sum(x**2, axis=1)[:, np.newaxis] - 2 * x @ centres.T + np.sum(centres**2, axis=1)
        return np.sum(np.min(squares, axis=1))

    return objective


def value_gradient_diagonal(f: Any) -> Any:
    """All three in one walk: the derivative of value and gradient along a vector of ones."""
    gradient = tw.value_and_grad(f)

    def asked(centres):
        (value, slope), (_, diagonal) = tw.jvp(gradient, centres, np.ones_like(centres))
        return value, slope, diagonal

    return asked


def jax(centres, x):
    import jax
    import jax.numpy as jnp

    def f(c, x):
        squares = jnp.sum(x**2, axis=1)[:, None] - 2 * x @ c.T + jnp.sum(c**2, axis=1)
        return jnp.sum(jnp.min(squares, axis=1))

    def asked(c, x):
        ones = jnp.ones_like(c)
        (value, slope), (_, diagonal) = jax.jvp(lambda c: jax.value_and_grad(f)(c, x), (c,), (ones,))
        return value, slope, diagonal

    return jax_call(asked, (centres, x))


def torch(centres, x):
    import torch

    c, x = tensors((centres, x))
    c.requires_grad_()

    def call() -> Any:
        squares = (x**2).sum(1)[:, None] - 2 * x @ c.T + (c**2).sum(1)
        y = squares.amin(1).sum()
        (slope,) = torch.autograd.grad(y, c, create_graph=True)
        (diagonal,) = torch.autograd.grad(slope.sum(), c)
        return y.detach(), slope.detach(), diagonal

    return call


def autograd(centres, x) -> Call:
    import autograd.numpy as anp
    from autograd import grad, value_and_grad

    def f(c):
        squares = anp.sum(x**2, axis=1)[:, None] - 2 * anp.dot(x, c.T) + anp.sum(c**2, axis=1)
        return anp.sum(anp.min(squares, axis=1))

    first = value_and_grad(f)
    second = grad(lambda c: anp.sum(grad(f)(c)))
    return lambda: (*first(centres), second(centres))


def casadi(centres, x):
    import casadi as ca

    (k, d), n = centres.shape, len(x)
    C, X = ca.MX.sym("C", d, k), ca.MX.sym("X", d, n)
    inner = C.T @ X
    squares = ca.repmat(ca.sum1(X**2), k, 1) - 2 * inner + ca.repmat(ca.sum1(C**2).T, 1, n)
    least = squares[0, :]
    for j in range(1, k):
        least = ca.fmin(least, squares[j, :])
    y = ca.sum2(least)
    slope = ca.gradient(y, C)
    diagonal = ca.jtimes(slope, C, ca.DM.ones(d, k))
    return casadi_call([C, X], [y, slope, diagonal], [centres, x], [(), (k, d), (k, d)])


def data(k: int, n: int, d: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(n, d)) + 3 * rng.normal(size=(k, d))[rng.integers(k, size=n)]
    return x[rng.choice(n, k, replace=False)] + 0.1, x


WORKLOADS = [
    Workload(
        f"k-means, gradient and Hessian {k}, 10⁴, {d}",
        f,
        lambda k=k, n=n, d=d: data(k, n, d),
        lambda: data(3, 20, 2),
        {"JAX": jax, "PyTorch": torch, "CasADi": casadi, "autograd": autograd},
        ask=value_gradient_diagonal,
        closes_over=True,
        gradient=False,
    )
    for k, n, d in ((10, 10_000, 16), (100, 10_000, 64))
]
