"""Rosenbrock's valley, Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²: gradients from 2 to 10⁶ variables, Hessians, a sparse one."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

import thalweg as tw
from benchmarks.peers import (
    autograd_gradient,
    both_casadi,
    both_torch,
    casadi_call,
    jax_call,
    jax_gradient,
    torch_gradient,
)
from benchmarks.workload import Workload


def f(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def point(n: int) -> tuple[np.ndarray]:
    return (np.random.default_rng(1).uniform(-1.5, 1.5, n),)


def jax_f(x):
    import jax.numpy as jnp

    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def torch_f(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def autograd_f(x):
    import autograd.numpy as anp

    return anp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def casadi_f(x):
    import casadi as ca

    return ca.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def casadi_variables(n: int) -> Any:
    import casadi as ca

    return ca.SX.sym("x", n) if n <= 1000 else ca.MX.sym("x", n)  # scalars unrolled, or whole vectors


def jax_value_and_grad(x):
    return jax_gradient(jax_f, (x,))


def torch_value_and_grad(x, compiled=False):
    return torch_gradient(torch_f, (x,), compiled=compiled)


def autograd_value_and_grad(x):
    return autograd_gradient(autograd_f, (x,))


def casadi_value_and_grad(x, compiled=False):
    import casadi as ca

    s = casadi_variables(x.size)
    y = casadi_f(s)
    return casadi_call([s], [y, ca.densify(ca.gradient(y, s))], [x], [(), x.shape], compiled)


def jax_hessian(x):
    import jax

    return jax_call(jax.hessian(jax_f), (x,))


def torch_hessian(x, compiled=False):
    import torch

    g = torch.func.hessian(torch_f)
    if compiled:
        g = torch.compile(g, dynamic=False)
    t = torch.from_numpy(x)
    return lambda: g(t)


def autograd_hessian(x):
    import autograd

    g = autograd.hessian(autograd_f)
    return lambda: g(x)


def casadi_hessian(x, compiled=False):
    import casadi as ca

    s = casadi_variables(x.size)
    H, _ = ca.hessian(casadi_f(s), s)
    return casadi_call([s], [ca.densify(H)], [x], [(x.size, x.size)], compiled)


def jax_sparse_hessian(x):
    """Three products with the sums of every third unit vector, as a user writes them by hand who knows the band."""
    import jax
    import jax.numpy as jnp

    n = x.size
    colour = np.arange(n) % 3
    seeds = (colour == np.arange(3)[:, None]).astype(float)
    rows = np.repeat(np.arange(n), 3)[1:-1]
    columns = (np.arange(n)[:, None] + [-1, 0, 1]).ravel()[1:-1]
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows))))

    def values(x, seeds, pick, rows):
        products = jax.vmap(lambda v: jax.jvp(jax.grad(jax_f), (x,), (v,))[1])(seeds)
        return products[pick, rows]

    call = jax_call(values, (x, seeds, jnp.asarray(colour[columns]), jnp.asarray(rows)))
    return lambda: scipy.sparse.csr_array((np.asarray(call()), columns, indptr), shape=(n, n))


def casadi_sparse_hessian(x):
    import casadi as ca

    s = ca.SX.sym("x", x.size)
    H, _ = ca.hessian(casadi_f(s), s)
    n, pattern = x.size, H.sparsity()
    indices, indptr = np.array(pattern.row()), np.array(pattern.colind())
    call = casadi_call([s], [H], [x], [(pattern.nnz(),)])
    return lambda: scipy.sparse.csc_array((call()[0].copy(), indices, indptr), shape=(n, n))


GRADIENTS = [
    Workload(
        f"Rosenbrock n={title}",
        f,
        lambda n=n: point(n),
        lambda n=n: point(min(n, 10)),
        {
            "JAX": jax_value_and_grad,
            **both_torch(torch_value_and_grad),
            **(both_casadi(casadi_value_and_grad) if n <= 10 else {"CasADi": casadi_value_and_grad}),
            "autograd": autograd_value_and_grad,
        },
    )
    for n, title in ((2, "2"), (10, "10"), (1000, "1000"), (1_000_000, "10⁶"))
]

HESSIANS = [
    *(
        Workload(
            f"Hessian of Rosenbrock n={n}",
            f,
            lambda n=n: point(n),
            lambda: point(5),
            {
                "JAX": jax_hessian,
                **both_torch(torch_hessian),
                **both_casadi(casadi_hessian),
                "autograd": autograd_hessian,
            },
            ask=tw.hessian,
            gradient=False,
        )
        for n in (10, 100)
    ),
    Workload(
        "sparse Hessian of Rosenbrock n=10⁵",
        f,
        lambda: point(100_000),
        lambda: point(9),
        {"JAX": jax_sparse_hessian, "CasADi": casadi_sparse_hessian},
        ask=lambda f: tw.hessian(f, sparse=True),
        gradient=False,
    ),
]
