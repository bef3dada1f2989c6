"""The likelihood of a Gaussian mixture as ADBench has it: weights α, means μ and inverse-covariance factors Q.

    log L = −½ n d log 2π + Σᵢ log Σₖ exp(αₖ + Σ qₖ − ½‖Qₖ(xᵢ − μₖ)‖²) − n log Σₖ exp αₖ + log W(Q)

Each Q is lower triangular, exp q on its diagonal and l below; ``icf`` holds q and then l column by column. W is
Wishart's prior with γ = 1, m = 0. The gradient is taken in α, μ and icf (Šrajer, Kukelova & Fitzgibbon 2018, "A
benchmark of selected algorithmic differentiation tools on some problems in computer vision and machine learning").
"""

from __future__ import annotations

import functools

import numpy as np
from scipy.special import gammaln, logsumexp

from benchmarks.peers import autograd_gradient, both_torch, casadi_call, jax_gradient, torch_gradient
from benchmarks.workload import Workload, value_and_grad_in


def f(alphas, means, icf, x):
    n, d = x.shape
    k = len(alphas)
    Q = np.zeros((k, d, d))
    columns, rows = np.triu_indices(d, 1)
    Q[:, rows, columns] = icf[:, d:]
    Q[:, np.arange(d), np.arange(d)] = np.exp(icf[:, :d])
    centred = x - means[:, np.newaxis]
    y = centred @ Q.transpose(0, 2, 1)  # k × n × d
    sum_q = np.sum(icf[:, :d], axis=1)
    inner = (alphas + sum_q)[:, np.newaxis] - 0.5 * np.sum(y**2, axis=2)
    likelihood = np.sum(logsumexp(inner, axis=0)) - n * logsumexp(alphas)
    prior = 0.5 * (np.sum(np.exp(2 * icf[:, :d])) + np.sum(icf[:, d:] ** 2))
    return likelihood + prior + constant(n, d, k)


@functools.cache
def constant(n: int, d: int, k: int) -> float:
    """What does not depend on the parameters."""
    degrees = d + 1
    log_gamma = 0.25 * d * (d - 1) * np.log(np.pi) + sum(gammaln(0.5 * (degrees + 1 - j)) for j in range(1, d + 1))
    return float(-0.5 * n * d * np.log(2 * np.pi) - k * (-0.5 * degrees * d * np.log(2) - log_gamma))


def jax(*args):
    import jax.numpy as jnp
    from jax.nn import logsumexp

    def f(alphas, means, icf, x):
        n, d = x.shape
        k = len(alphas)
        columns, rows = np.triu_indices(d, 1)
        Q = jnp.zeros((k, d, d)).at[:, rows, columns].set(icf[:, d:])
        Q = Q.at[:, np.arange(d), np.arange(d)].set(jnp.exp(icf[:, :d]))
        y = (x - means[:, None]) @ Q.transpose(0, 2, 1)
        inner = (alphas + jnp.sum(icf[:, :d], axis=1))[:, None] - 0.5 * jnp.sum(y**2, axis=2)
        likelihood = jnp.sum(logsumexp(inner, axis=0)) - n * logsumexp(alphas)
        prior = 0.5 * (jnp.sum(jnp.exp(2 * icf[:, :d])) + jnp.sum(icf[:, d:] ** 2))
        return likelihood + prior + constant(n, d, k)

    return jax_gradient(f, args, (0, 1, 2))


def torch(*args, compiled=False):
    import torch

    n, d = args[3].shape
    k = len(args[0])
    added = constant(n, d, k)
    columns, rows = (torch.from_numpy(i) for i in np.triu_indices(d, 1))
    diagonal = torch.arange(d)

    def f(alphas, means, icf, x):
        Q = torch.zeros((k, d, d), dtype=icf.dtype)
        Q[:, rows, columns] = icf[:, d:]
        Q[:, diagonal, diagonal] = icf[:, :d].exp()
        y = (x - means[:, None]) @ Q.transpose(1, 2)
        inner = (alphas + icf[:, :d].sum(1))[:, None] - 0.5 * (y**2).sum(2)
        likelihood = inner.logsumexp(0).sum() - n * alphas.logsumexp(0)
        prior = 0.5 * ((2 * icf[:, :d]).exp().sum() + (icf[:, d:] ** 2).sum())
        return likelihood + prior + added

    return torch_gradient(f, args, (0, 1, 2), compiled=compiled)


def autograd(*args):
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    n, d = args[3].shape
    k = len(args[0])
    places = np.zeros((d, d), int)  # where each entry of Q stands in [0, exp q, l]: autograd cannot fill arrays
    columns, rows = np.triu_indices(d, 1)
    places[rows, columns] = 1 + d + np.arange(len(rows))
    places[np.arange(d), np.arange(d)] = 1 + np.arange(d)

    def f(alphas, means, icf, x):
        parts = anp.concatenate([np.zeros((k, 1)), anp.exp(icf[:, :d]), icf[:, d:]], axis=1)
        Q = parts[:, places.T]
        y = anp.matmul(x - means[:, None], Q)
        inner = (alphas + anp.sum(icf[:, :d], axis=1))[:, None] - 0.5 * anp.sum(y**2, axis=2)
        likelihood = anp.sum(logsumexp(inner, axis=0)) - n * logsumexp(alphas)
        prior = 0.5 * (anp.sum(anp.exp(2 * icf[:, :d])) + anp.sum(icf[:, d:] ** 2))
        return likelihood + prior + constant(n, d, k)

    return autograd_gradient(f, args, (0, 1, 2))


def casadi(alphas, means, icf, x):
    """One matrix product a component, on whole matrices."""
    import casadi as ca

    n, d = x.shape
    k = len(alphas)
    a, M, C, X = ca.MX.sym("a", k), ca.MX.sym("M", d, k), ca.MX.sym("C", icf.shape[1], k), ca.MX.sym("X", d, n)
    lower = ca.Sparsity.lower(d)
    order = np.zeros((d, d), int)
    columns, rows = np.triu_indices(d, 1)
    order[rows, columns] = d + np.arange(len(rows))
    order[np.arange(d), np.arange(d)] = np.arange(d)
    picks = [int(order[i, j]) for j in range(d) for i in range(j, d)]  # the nonzeros, column by column
    terms = []
    for j in range(k):
        parts = ca.vertcat(ca.exp(C[:d, j]), C[d:, j])
        Q = ca.MX(lower, parts[picks])
        Y = Q @ (X - ca.repmat(M[:, j], 1, n))
        terms.append(a[j] + ca.sum1(C[:d, j]) - 0.5 * ca.sum1(Y**2))
    inner = ca.vertcat(*terms)
    top = terms[0]
    for t in terms[1:]:
        top = ca.fmax(top, t)
    sums = top + ca.log(ca.sum1(ca.exp(inner - ca.repmat(top, k, 1))))
    prior = 0.5 * (ca.sum1(ca.sum2(ca.exp(2 * C[:d, :]))) + ca.sum1(ca.sum2(C[d:, :] ** 2)))
    y = ca.sum2(sums) - n * ca.logsumexp(a) + prior + constant(n, d, k)
    slopes = [ca.gradient(y, v) for v in (a, M, C)]
    return casadi_call([a, M, C, X], [y, *slopes], [alphas, means, icf, x], [(), (k,), means.shape, icf.shape])


def data(d: int, k: int, n: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(5)
    return (
        rng.normal(size=k),
        rng.uniform(size=(k, d)),
        rng.normal(0, 0.3, size=(k, d * (d + 1) // 2)),
        rng.normal(size=(n, d)),
    )


WORKLOADS = [
    Workload(
        f"Gaussian mixture {d}, {k}, {title}",
        f,
        lambda d=d, k=k, n=n: data(d, k, n),
        lambda: data(3, 2, 7),
        {"JAX": jax, **both_torch(torch), **({"CasADi": casadi} if n <= 1000 else {}), "autograd": autograd},
        ask=value_and_grad_in(0, 1, 2),
        rtol=1e-8,
    )
    for d, k, n, title in ((2, 5, 1000, 1000), (10, 25, 1000, 1000), (64, 50, 1000, 1000), (16, 10, 100_000, "10⁵"))
]
