"""A network 784-256-10, ReLU and cross-entropy, a batch of 128, float32: loss and gradient in nested parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers import jax_gradient
from benchmarks.workload import Workload


def f(parameters, x, labels):
    h = np.maximum(x @ parameters["W1"] + parameters["b1"], 0)
    z = h @ parameters["W2"] + parameters["b2"]
    z = z - np.max(z, axis=1, keepdims=True)
    log_p = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.mean(log_p[np.arange(len(labels)), labels])


def jax(*args):
    import jax
    import jax.numpy as jnp

    def f(parameters, x, labels):
        h = jax.nn.relu(x @ parameters["W1"] + parameters["b1"])
        log_p = jax.nn.log_softmax(h @ parameters["W2"] + parameters["b2"])
        return -jnp.mean(jnp.take_along_axis(log_p, labels[:, None], axis=1))

    return jax_gradient(f, args)


def torch(parameters, x, labels, compiled=False):
    import torch
    from torch.nn import functional as F

    p = {name: torch.from_numpy(a).requires_grad_() for name, a in parameters.items()}
    names, leaves = list(p), list(p.values())
    x, labels = torch.from_numpy(x), torch.from_numpy(labels)

    def loss(p: Any, x: Any, labels: Any) -> Any:
        h = (x @ p["W1"] + p["b1"]).relu()
        return F.cross_entropy(h @ p["W2"] + p["b2"], labels)

    if compiled:
        loss = torch.compile(loss, dynamic=False)

    def call() -> Any:
        y = loss(p, x, labels)
        return y.detach(), dict(zip(names, torch.autograd.grad(y, leaves), strict=True))

    return call


def torch_compiled(*args):
    return torch(*args, compiled=True)


def autograd(parameters, x, labels):
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.special import logsumexp

    def f(parameters):
        h = anp.maximum(anp.dot(x, parameters["W1"]) + parameters["b1"], 0)
        z = anp.dot(h, parameters["W2"]) + parameters["b2"]
        log_p = z - logsumexp(z, axis=1, keepdims=True)
        return -anp.mean(log_p[np.arange(len(labels)), labels])

    g = value_and_grad(f)
    return lambda: g(parameters)


def data(sizes: tuple[int, int, int], batch: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(9)
    a, b, c = sizes
    parameters = {
        "W1": rng.normal(0, a**-0.5, (a, b)),
        "b1": rng.normal(0, 0.1, b),
        "W2": rng.normal(0, b**-0.5, (b, c)),
        "b2": rng.normal(0, 0.1, c),
    }
    parameters = {name: p.astype(np.float32) for name, p in parameters.items()}
    return parameters, rng.normal(size=(batch, a)).astype(np.float32), rng.integers(c, size=batch)


WORKLOADS = [
    Workload(
        "MLP 784-256-10, batch 128, float32",
        f,
        lambda: data((784, 256, 10), 128),
        lambda: data((5, 4, 3), 6),
        {"JAX": jax, "PyTorch": torch, "torch.compile": torch_compiled, "autograd": autograd},
        rtol=2e-4,
    )
]
