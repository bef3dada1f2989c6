"""Bundle adjustment as ADBench has it: the sparse Jacobian of the errors of reprojection, 50 cameras, 1000 points.

A camera has 11 numbers: rotation (an axis times an angle), centre, focal length, principal point and two radial
distortions; a point has 3, an observation a weight w. The errors are w (projection − feature), and 1 − w². Each row
of the Jacobian has 15 nonzeros or 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

import thalweg as tw
from benchmarks.peers import casadi_call, jax_call
from benchmarks.workload import Call, Workload


def f(cameras_seen, points_seen, features, cameras, points):
    """The errors, as a function of all parameters in one vector."""

    def residuals(theta):
        cams = theta[: 11 * cameras].reshape(cameras, 11)[cameras_seen]
        X = theta[11 * cameras : 11 * cameras + 3 * points].reshape(points, 3)[points_seen]
        w = theta[11 * cameras + 3 * points :]
        axis = cams[:, :3]
        square = np.sum(axis**2, axis=1, keepdims=True)
        angle = np.sqrt(square)
        axis = axis / angle
        X = X - cams[:, 3:6]
        along = np.sum(axis * X, axis=1, keepdims=True) * (1 - np.cos(angle))
        X = X * np.cos(angle) + np.cross(axis, X) * np.sin(angle) + axis * along
        flat = X[:, :2] / X[:, 2:]
        radius = np.sum(flat**2, axis=1, keepdims=True)
        flat = flat * (1 + cams[:, 9:10] * radius + cams[:, 10:11] * radius**2)
        errors = w[:, np.newaxis] * (flat * cams[:, 6:7] + cams[:, 7:9] - features)
        return np.concatenate([errors.ravel(), 1 - w**2])

    return residuals


class Pattern:
    """Where the numbers of a peer's blocks (a 2 × 15 block an observation) stand in the Jacobian; made once."""

    def __init__(self, cameras_seen: Any, points_seen: Any, cameras: int, points: int) -> None:
        p = len(cameras_seen)
        self.cameras_seen, self.points_seen, self.cameras, self.points, self.count = (
            cameras_seen,
            points_seen,
            cameras,
            points,
            p,
        )
        weight = 11 * cameras + 3 * points + np.arange(p)
        columns = np.column_stack(
            [
                11 * cameras_seen[:, None] + np.arange(11),
                11 * cameras + 3 * points_seen[:, None] + np.arange(3),
                weight,
            ]
        )
        self.indices = np.concatenate([np.repeat(columns, 2, axis=0).ravel(), weight]).astype(np.int32)
        self.indptr = np.concatenate([15 * np.arange(2 * p + 1), 30 * p + 1 + np.arange(p)]).astype(np.int32)
        self.shape = (3 * p, 11 * cameras + 3 * points + p)

    def split(self, theta: Any) -> tuple[Any, Any, Any]:
        a, b = 11 * self.cameras, 11 * self.cameras + 3 * self.points
        return theta[:a].reshape(-1, 11)[self.cameras_seen], theta[a:b].reshape(-1, 3)[self.points_seen], theta[b:]

    def matrix(self, blocks: Any, weights: Any) -> Any:
        values = np.concatenate([np.asarray(blocks).ravel(), -2 * weights])
        return scipy.sparse.csr_array((values, self.indices, self.indptr), shape=self.shape)


def one(np: Any, P: Any, feature: Any, cross: Any) -> Any:
    """The two errors of one observation, from its 15 numbers."""
    axis = P[:3]
    angle = np.sqrt(axis @ axis)
    axis = axis / angle
    X = P[11:14] - P[3:6]
    X = X * np.cos(angle) + cross(axis, X) * np.sin(angle) + axis * ((axis @ X) * (1 - np.cos(angle)))
    flat = X[:2] / X[2]
    radius = flat @ flat
    flat = flat * (1 + P[9] * radius + P[10] * radius**2)
    return P[14] * (flat * P[6] + P[7:9] - feature)


def jax(theta, cameras_seen, points_seen, features, cameras, points):
    import jax
    import jax.numpy as jnp

    pattern = Pattern(cameras_seen, points_seen, cameras, points)
    block = jax.vmap(jax.jacfwd(lambda P, feature: one(jnp, P, feature, jnp.cross)))

    def blocks(theta, features):
        cams, X, w = pattern.split(theta)
        return block(jnp.concatenate([cams, X, w[:, None]], axis=1), features)

    call = jax_call(blocks, (theta, features))
    weights = theta[-len(features) :]
    return lambda: pattern.matrix(call(), weights)


def torch(theta, cameras_seen, points_seen, features, cameras, points):
    import torch

    pattern = Pattern(cameras_seen, points_seen, cameras, points)
    cross = torch.linalg.cross
    block = torch.func.vmap(torch.func.jacrev(lambda P, feature: one(torch, P, feature, cross)))
    given, seen = torch.from_numpy(theta), torch.from_numpy(features)
    weights = theta[-len(features) :]

    def call() -> Any:
        cams, X, w = pattern.split(given)
        return pattern.matrix(block(torch.cat([cams, X, w[:, None]], 1), seen).numpy(), weights)

    return call


def autograd(theta, cameras_seen, points_seen, features, cameras, points) -> Call:
    """Every observation has its own 15 numbers, so a gradient of a sum over observations is a row of all blocks."""
    import autograd.numpy as anp
    from autograd import elementwise_grad

    pattern = Pattern(cameras_seen, points_seen, cameras, points)

    def error(P: Any, side: int) -> Any:
        axis = P[:, :3]
        angle = anp.sqrt(anp.sum(axis**2, axis=1, keepdims=True))
        axis = axis / angle
        X = P[:, 11:14] - P[:, 3:6]
        along = anp.sum(axis * X, axis=1, keepdims=True) * (1 - anp.cos(angle))
        X = X * anp.cos(angle) + anp.cross(axis, X) * anp.sin(angle) + axis * along
        flat = X[:, :2] / X[:, 2:]
        radius = anp.sum(flat**2, axis=1, keepdims=True)
        flat = flat * (1 + P[:, 9:10] * radius + P[:, 10:11] * radius**2)
        return (P[:, 14:] * (flat * P[:, 6:7] + P[:, 7:9] - features))[:, side]

    row = elementwise_grad(error)
    weights = theta[-len(features) :]

    def call() -> Any:
        cams, X, w = pattern.split(theta)
        P = np.concatenate([cams, X, w[:, None]], axis=1)
        return pattern.matrix(np.stack([row(P, 0), row(P, 1)], axis=1), weights)

    return call


def casadi(theta, cameras_seen, points_seen, features, cameras, points):
    """The block of one observation as scalars, mapped over the observations."""
    import casadi as ca

    pattern = Pattern(cameras_seen, points_seen, cameras, points)
    p = len(features)
    P, feature = ca.SX.sym("P", 15), ca.SX.sym("x", 2)
    axis = P[:3]
    angle = ca.sqrt(ca.sumsqr(axis))
    axis = axis / angle
    X = P[11:14] - P[3:6]
    X = X * ca.cos(angle) + ca.cross(axis, X) * ca.sin(angle) + axis * (ca.dot(axis, X) * (1 - ca.cos(angle)))
    flat = X[:2] / X[2]
    radius = ca.sumsqr(flat)
    flat = flat * (1 + P[9] * radius + P[10] * radius**2)
    error = P[14] * (flat * P[6] + P[7:9] - feature)
    block = ca.Function("block", [P, feature], [ca.densify(ca.jacobian(error, P)).T]).map(p)
    all_P, all_features = ca.MX.sym("P", 15, p), ca.MX.sym("x", 2, p)
    cams, X, w = pattern.split(theta)
    call = casadi_call(
        [all_P, all_features],
        [block(all_P, all_features)],
        [np.concatenate([cams, X, w[:, None]], axis=1), features],
        [(p, 2, 15)],
    )
    given = call.places[0]  # type: ignore[attr-defined]

    def assembled() -> Any:
        cams, X, w = pattern.split(theta)
        np.concatenate([cams, X, w[:, None]], axis=1, out=given)
        return pattern.matrix(call()[0], w)

    return assembled


def data(cameras: int, points: int, observations: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(7)
    cams = np.zeros((cameras, 11))
    cams[:, :3] = rng.normal(0, 0.3, (cameras, 3))
    cams[:, 3:6] = rng.normal(0, 0.3, (cameras, 3))
    cams[:, 6] = rng.uniform(0.8, 1.2, cameras)
    cams[:, 7:9] = rng.normal(0, 0.1, (cameras, 2))
    cams[:, 9:] = rng.normal(0, 0.05, (cameras, 2))
    X = rng.normal(size=(points, 3)) + [0, 0, 8]
    theta = np.concatenate([cams.ravel(), X.ravel(), rng.uniform(0.8, 1.2, observations)])
    seen = rng.choice(cameras * points, observations, replace=False)
    return theta, seen % cameras, seen // cameras, rng.normal(0, 0.3, (observations, 2)), cameras, points


WORKLOADS = [
    Workload(
        "bundle adjustment, sparse Jacobian",
        f,
        lambda: data(50, 1000, 5000),
        lambda: data(2, 3, 5),
        {"JAX": jax, "PyTorch": torch, "CasADi": casadi, "autograd": autograd},
        ask=lambda f: tw.jacobian(f, sparse=True),
        closes_over=True,
        gradient=False,
    )
]
