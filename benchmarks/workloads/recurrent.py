"""The loss of an LSTM that predicts the next character, as ADBench has it: 2 layers of 14 units, 100 characters."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers import autograd_gradient, jax_gradient, torch_gradient
from benchmarks.workload import Workload, value_and_grad_in


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer(weights, bias, hidden, cell, x):
    b = len(hidden)
    gates = np.concatenate([x, hidden, x, hidden]) * weights + bias
    forget, take, give = sigmoid(gates[:b]), sigmoid(gates[b : 2 * b]), sigmoid(gates[2 * b : 3 * b])
    cell = cell * forget + take * np.tanh(gates[3 * b :])
    return give * np.tanh(cell), cell


def f(main, extra, state, sequence):
    """``main`` has a row of weights and one of biases for each layer, ``state`` one of outputs and one of cells."""
    layers = len(main) // 2
    hidden = [state[2 * i] for i in range(layers)]
    cells = [state[2 * i + 1] for i in range(layers)]
    total = 0.0
    for t in range(len(sequence) - 1):
        x = sequence[t] * extra[0]
        for i in range(layers):
            hidden[i], cells[i] = layer(main[2 * i], main[2 * i + 1], hidden[i], cells[i], x)
            x = hidden[i]
        predicted = x * extra[1] + extra[2]
        predicted = predicted - np.log(np.sum(np.exp(predicted)) + 2)
        total = total + sequence[t + 1] @ predicted
    return -total / ((len(sequence) - 1) * sequence.shape[1])


def jax(*args):
    """Over the sequence by ``lax.scan``, as the documentation advises for loops."""
    import jax
    import jax.numpy as jnp

    def f(main, extra, state, sequence):
        def step(carry: Any, pair: Any) -> Any:
            x, y = pair[0] * extra[0], pair[1]
            hidden, cells = list(carry[0]), list(carry[1])
            for i in range(len(main) // 2):
                b = len(x)
                gates = jnp.concatenate([x, hidden[i], x, hidden[i]]) * main[2 * i] + main[2 * i + 1]
                forget, take, give = jnp.split(jax.nn.sigmoid(gates[: 3 * b]), 3)
                cells[i] = cells[i] * forget + take * jnp.tanh(gates[3 * b :])
                x = hidden[i] = give * jnp.tanh(cells[i])
            predicted = x * extra[1] + extra[2]
            return (hidden, cells), y @ (predicted - jnp.log(jnp.sum(jnp.exp(predicted)) + 2))

        start = (list(state[::2]), list(state[1::2]))
        _, terms = jax.lax.scan(step, start, (sequence[:-1], sequence[1:]))
        return -jnp.sum(terms) / ((len(sequence) - 1) * sequence.shape[1])

    return jax_gradient(f, args, (0, 1))


def torch(*args):
    import torch

    def f(main, extra, state, sequence):
        layers, b = len(main) // 2, sequence.shape[1]
        hidden, cells = list(state[::2]), list(state[1::2])
        total = torch.zeros((), dtype=main.dtype)
        for t in range(len(sequence) - 1):
            x = sequence[t] * extra[0]
            for i in range(layers):
                gates = torch.cat([x, hidden[i], x, hidden[i]]) * main[2 * i] + main[2 * i + 1]
                forget, take, give = gates[: 3 * b].sigmoid().chunk(3)
                cells[i] = cells[i] * forget + take * gates[3 * b :].tanh()
                x = hidden[i] = give * cells[i].tanh()
            predicted = x * extra[1] + extra[2]
            total = total + sequence[t + 1] @ (predicted - (predicted.exp().sum() + 2).log())
        return -total / ((len(sequence) - 1) * b)

    return torch_gradient(f, args, (0, 1))


def autograd(*args):
    import autograd.numpy as anp

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + anp.exp(-x))

    def f(main, extra, state, sequence):
        layers, b = len(main) // 2, sequence.shape[1]
        hidden, cells = list(state[::2]), list(state[1::2])
        total = 0.0
        for t in range(len(sequence) - 1):
            x = sequence[t] * extra[0]
            for i in range(layers):
                gates = anp.concatenate([x, hidden[i], x, hidden[i]]) * main[2 * i] + main[2 * i + 1]
                open_ = sigmoid(gates[: 3 * b])
                cells[i] = cells[i] * open_[:b] + open_[b : 2 * b] * anp.tanh(gates[3 * b :])
                x = hidden[i] = open_[2 * b :] * anp.tanh(cells[i])
            predicted = x * extra[1] + extra[2]
            total = total + anp.dot(sequence[t + 1], predicted - anp.log(anp.sum(anp.exp(predicted)) + 2))
        return -total / ((len(sequence) - 1) * b)

    return autograd_gradient(f, args, (0, 1))


def casadi(main, extra, state, sequence):
    """A step as scalars, accumulated over the sequence by ``mapaccum``."""
    import casadi as ca

    from benchmarks.peers import casadi_call

    (rows, width), b = main.shape, sequence.shape[1]
    W, E = ca.SX.sym("W", width, rows), ca.SX.sym("E", b, 3)
    S, x0, y = ca.SX.sym("S", b, rows), ca.SX.sym("x", b), ca.SX.sym("y", b)
    total = ca.SX.sym("total")
    x, after = x0 * E[:, 0], []
    for i in range(rows // 2):
        h, c = S[:, 2 * i], S[:, 2 * i + 1]
        gates = ca.vertcat(x, h, x, h) * W[:, 2 * i] + W[:, 2 * i + 1]
        gate = 1 / (1 + ca.exp(-gates[: 3 * b]))
        c = c * gate[:b] + gate[b : 2 * b] * ca.tanh(gates[3 * b :])
        x = gate[2 * b :] * ca.tanh(c)
        after += [x, c]
    predicted = x * E[:, 1] + E[:, 2]
    term = ca.dot(y, predicted - ca.log(ca.sum1(ca.exp(predicted)) + 2))
    carry = ca.vertcat(ca.vec(S), total)
    step = ca.Function("step", [carry, ca.vertcat(x0, y), ca.vec(W), ca.vec(E)], [ca.vertcat(*after, total + term)])
    n = len(sequence) - 1
    w, e, s, xs = (
        ca.MX.sym("w", width, rows),
        ca.MX.sym("e", b, 3),
        ca.MX.sym("s", b, rows),
        ca.MX.sym("xs", b, n + 1),
    )
    loop = step.mapaccum(n)
    states = loop(
        ca.vertcat(ca.vec(s), 0),
        ca.vertcat(xs[:, :-1], xs[:, 1:]),
        ca.repmat(ca.vec(w), 1, n),
        ca.repmat(ca.vec(e), 1, n),
    )
    loss = -states[-1, -1] / (n * b)
    return casadi_call(
        [w, e, s, xs],
        [loss, ca.gradient(loss, w), ca.gradient(loss, e)],
        [main, extra, state, sequence],
        [(), main.shape, extra.shape],
    )


def data(layers: int, b: int, length: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(8)
    sequence = (rng.uniform(size=(length, b)) < 0.3).astype(float)
    return (
        rng.normal(size=(2 * layers, 4 * b)),
        rng.normal(size=(3, b)),
        rng.normal(size=(2 * layers, b)),
        sequence,
    )


WORKLOADS = [
    Workload(
        "LSTM loss, 2 layers, 100 steps",
        f,
        lambda: data(2, 14, 101),
        lambda: data(2, 3, 4),
        {"JAX": jax, "PyTorch": torch, "CasADi": casadi, "autograd": autograd},
        ask=value_and_grad_in(0, 1),
    )
]
