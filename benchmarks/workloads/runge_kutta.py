"""How a solution of an ordinary differential equation depends on its parameters and its start.

Predators and prey (Lotka–Volterra), 200 steps of the classical Runge–Kutta method, the sum of squares against a
recorded run; the gradient in four rates and two starting values, through the solver.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers import autograd_gradient, casadi_call, jax_gradient, torch_gradient
from benchmarks.workload import Workload

STEP = 0.05


def slope(y, rates):
    a, b, c, d = rates
    return np.array([a * y[0] - b * y[0] * y[1], c * y[0] * y[1] - d * y[1]])


def f(theta, recorded):
    rates, y = theta[:4], theta[4:]
    run = np.zeros(recorded.shape)
    for i in range(len(recorded)):
        k1 = slope(y, rates)
        k2 = slope(y + STEP / 2 * k1, rates)
        k3 = slope(y + STEP / 2 * k2, rates)
        k4 = slope(y + STEP * k3, rates)
        y = y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        run[i] = y
    return np.sum((run - recorded) ** 2)


def jax(*args):
    import jax
    import jax.numpy as jnp

    def f(theta, recorded):
        a, b, c, d = theta[:4]

        def slope(y: Any) -> Any:
            return jnp.array([a * y[0] - b * y[0] * y[1], c * y[0] * y[1] - d * y[1]])

        def step(y: Any, _: Any) -> Any:
            k1 = slope(y)
            k2 = slope(y + STEP / 2 * k1)
            k3 = slope(y + STEP / 2 * k2)
            k4 = slope(y + STEP * k3)
            y = y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            return y, y

        _, run = jax.lax.scan(step, theta[4:], length=len(recorded))
        return jnp.sum((run - recorded) ** 2)

    return jax_gradient(f, args)


def torch(*args):
    import torch

    def f(theta, recorded):
        a, b, c, d = theta[:4]

        def slope(y: Any) -> Any:
            return torch.stack([a * y[0] - b * y[0] * y[1], c * y[0] * y[1] - d * y[1]])

        y, run = theta[4:], []
        for _ in range(len(recorded)):
            k1 = slope(y)
            k2 = slope(y + STEP / 2 * k1)
            k3 = slope(y + STEP / 2 * k2)
            k4 = slope(y + STEP * k3)
            y = y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            run.append(y)
        return ((torch.stack(run) - recorded) ** 2).sum()

    return torch_gradient(f, args)


def autograd(*args):
    import autograd.numpy as anp

    def f(theta, recorded):
        a, b, c, d = theta[0], theta[1], theta[2], theta[3]

        def slope(y: Any) -> Any:
            return anp.array([a * y[0] - b * y[0] * y[1], c * y[0] * y[1] - d * y[1]])

        y, run = theta[4:], []
        for _ in range(len(recorded)):
            k1 = slope(y)
            k2 = slope(y + STEP / 2 * k1)
            k3 = slope(y + STEP / 2 * k2)
            k4 = slope(y + STEP * k3)
            y = y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            run.append(y)
        return anp.sum((anp.array(run) - recorded) ** 2)

    return autograd_gradient(f, args)


def casadi(theta, recorded):
    import casadi as ca

    p, data = ca.SX.sym("p", 6), ca.SX.sym("data", 2, len(recorded))
    a, b, c, d = (p[i] for i in range(4))

    def slope(y: Any) -> Any:
        return ca.vertcat(a * y[0] - b * y[0] * y[1], c * y[0] * y[1] - d * y[1])

    y, loss = p[4:], 0
    for i in range(len(recorded)):
        k1 = slope(y)
        k2 = slope(y + STEP / 2 * k1)
        k3 = slope(y + STEP / 2 * k2)
        k4 = slope(y + STEP * k3)
        y = y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        loss = loss + ca.sumsqr(y - data[:, i])
    return casadi_call([p, data], [loss, ca.gradient(loss, p)], [theta, recorded], [(), (6,)])


def data(steps: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(10)
    return np.array([1.1, 0.4, 0.1, 0.4, 10.0, 5.0]), rng.uniform(1, 10, (steps, 2))


WORKLOADS = [
    Workload(
        "Runge–Kutta sensitivity, 200 steps",
        f,
        lambda: data(200),
        lambda: data(5),
        {"JAX": jax, "PyTorch": torch, "CasADi": casadi, "autograd": autograd},
        rtol=1e-8,
    )
]
