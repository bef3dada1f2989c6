"""A scalar formula with branches and a loop that ends where the numbers say: friction of flow in a pipe.

Below Reynolds number 2300 the friction factor is 64/Re, above it solves Colebrook's equation, by a fixed number of
steps or until it changes no more; the pressure loss follows from it.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.peers import autograd_gradient, both_casadi, casadi_call, jax_gradient, torch_gradient
from benchmarks.workload import Workload


def f(x):
    speed, width, rough = x[0], x[1], x[2]
    reynolds = speed * width / 1e-6
    if reynolds < 2300:
        friction = 64 / reynolds
    else:
        root = 0.02**-0.5
        for _ in range(6):
            root = -2 * np.log10(rough / (3.7 * width) + 2.51 * root / reynolds)
        friction = 1 / root**2
    loss = friction * speed**2 / (2 * width)
    if loss > 100:
        loss = 100 + np.log(loss / 100)
    return loss


def jax(x):
    import jax.numpy as jnp
    from jax import lax

    def rough_pipe(speed, width, rough, reynolds):
        root = 0.02**-0.5
        for _ in range(6):
            root = -2 * jnp.log10(rough / (3.7 * width) + 2.51 * root / reynolds)
        return 1 / root**2

    def f(x):
        speed, width, rough = x[0], x[1], x[2]
        reynolds = speed * width / 1e-6
        friction = lax.cond(reynolds < 2300, lambda *a: 64 / a[3], rough_pipe, speed, width, rough, reynolds)
        loss = friction * speed**2 / (2 * width)
        return jnp.where(loss > 100, 100 + jnp.log(loss / 100), loss)

    return jax_gradient(f, (x,))


def torch(x):
    def f(x):
        speed, width, rough = x[0], x[1], x[2]
        reynolds = speed * width / 1e-6
        if reynolds < 2300:
            friction = 64 / reynolds
        else:
            root = 0.02**-0.5
            for _ in range(6):
                root = -2 * (rough / (3.7 * width) + 2.51 * root / reynolds).log10()
            friction = 1 / root**2
        loss = friction * speed**2 / (2 * width)
        if loss > 100:
            loss = 100 + (loss / 100).log()
        return loss

    return torch_gradient(f, (x,))


def autograd(x):
    import autograd.numpy as anp

    def f(x):
        speed, width, rough = x[0], x[1], x[2]
        reynolds = speed * width / 1e-6
        if reynolds < 2300:
            friction = 64 / reynolds
        else:
            root = 0.02**-0.5
            for _ in range(6):
                root = -2 * anp.log10(rough / (3.7 * width) + 2.51 * root / reynolds)
            friction = 1 / root**2
        loss = friction * speed**2 / (2 * width)
        if loss > 100:
            loss = 100 + anp.log(loss / 100)
        return loss

    return autograd_gradient(f, (x,))


def casadi(x, compiled=False):
    import casadi as ca

    s = ca.SX.sym("x", 3)
    speed, width, rough = s[0], s[1], s[2]
    reynolds = speed * width / 1e-6
    root = 0.02**-0.5
    for _ in range(6):
        root = -2 / math.log(10) * ca.log(rough / (3.7 * width) + 2.51 * root / reynolds)
    friction = ca.if_else(reynolds < 2300, 64 / reynolds, 1 / root**2)
    loss = friction * speed**2 / (2 * width)
    loss = ca.if_else(loss > 100, 100 + ca.log(loss / 100), loss)
    return casadi_call([s], [loss, ca.gradient(loss, s)], [x], [(), (3,)], compiled)


def point() -> tuple[np.ndarray]:
    return (np.array([1.5, 0.05, 2e-4]),)


WORKLOADS = [
    Workload(
        "scalar formula with branches",
        f,
        point,
        point,
        {"JAX": jax, "PyTorch": torch, **both_casadi(casadi), "autograd": autograd},
    )
]
