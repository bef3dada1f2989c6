"""Sparse Jacobians and Hessians against dense ones, closed forms, and counts of products."""

from dataclasses import dataclass

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
import scipy.special as special
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import thalweg as tw
from thalweg.errors import ArgumentError

RNG = np.random.default_rng(11)
A = RNG.normal(size=(6, 6)) + 4 * np.eye(6)
BAND = np.triu(np.tril(A, 1), -1)
POSITIONS = np.array([3, 0, 0, 5, -1, 2])
FUNCTIONS = {
    "elementwise": lambda x: np.exp(np.sin(x)) / (1 + x**2),
    "chain": lambda x: (x[1:] - x[:-1] ** 2) ** 2,
    "strided": lambda x: x[::2] * x[::-1][::2],
    "stencil": lambda x: (lambda u: u[1:, 1:] * u[:-1, :-1] - np.cos(u[1:, :-1]))(x.reshape(2, 3)),
    "turned": lambda x: (x.reshape(2, 3).T * np.arange(2.0)).ravel()[1:],
    "stretched": lambda x: x[:2, None] * x[None, 2:],
    "stretched from one": lambda x: x[0] * np.arange(4.0) + x[1],
    "stretched from many": lambda x: np.sum(x**2) * np.ones((3, 1)) + x[:2],
    "gather": lambda x: x[POSITIONS] ** 2 * x,
    "gather two": lambda x: x.reshape(3, 2)[[2, 0], [1, 1]] + x.reshape(3, 2)[:, [0]],
    "mask": lambda x: np.where(np.arange(6) % 2 == 0, x**2, np.roll(x, 1) ** 3),
    "where": lambda x: np.where(x > 0, np.sqrt(abs(x)), -x[::-1]),
    "zero factors": lambda x: x * np.array([0.0, 1, 0, 2, 3, 0]) + np.roll(x, 2) * np.array([1.0, 0, 0, 0, 0, 1]),
    "reductions": lambda x: np.array([np.sum(x), np.prod(x[:3]), np.max(x[2:]), np.mean(x), np.std(x), np.ptp(x)]),
    "reductions of an axis": lambda x: np.sum(x.reshape(2, 3) ** 2, 0) * np.max(x.reshape(2, 3), 1)[:, None],
    "logsumexp": lambda x: special.logsumexp(x.reshape(3, 2), axis=1),
    "softmax": lambda x: special.softmax(x.reshape(2, 3), axis=1),
    "scans": lambda x: np.cumsum(x) * np.cumprod(x) + np.maximum.accumulate(x),
    "filling": lambda x: np.concatenate([x[:2] * 2, np.zeros(2), x[::-1]]),
    "stacking": lambda x: np.stack([x[:3], x[3:] ** 2], axis=1),
    "sorting": lambda x: np.sort(x)[::2] + x[np.argsort(x)[:3]],
    "sorting rows": lambda x: np.sort(x.reshape(2, 3), axis=1),
    "median": lambda x: np.median(x.reshape(2, 3), axis=1),
    "matrix": lambda x: A @ x,
    "banded matrix": lambda x: BAND @ np.tanh(x),
    "banded matrix on the right": lambda x: (x.reshape(2, 3) @ BAND[:3, :3]) ** 2,
    "matrix of variables": lambda x: np.diag(x) @ BAND @ np.diag(x),
    "outer": lambda x: np.outer(x, x) @ A + np.einsum("i,ij->j", x, A),
    "stack of products": lambda x: x.reshape(3, 1, 2) @ x.reshape(3, 2, 1),
    "batched einsum": lambda x: np.einsum("bi,bj,ij->b", x.reshape(3, 2), x.reshape(3, 2), A[:2, :2]),
    "convolution": lambda x: np.convolve(x, [1.0, 0.0, -2.0]) + np.convolve(np.ones(3), x),
    "correlation": lambda x: np.correlate(x, x[:2] ** 2, "valid"),
    "solve": lambda x: np.linalg.solve(A, x),
    "solve a stack": lambda x: np.linalg.solve(np.stack([A[:2, :2]] * 3), x.reshape(3, 2, 1)),
    "solve for variables": lambda x: np.linalg.solve(A + np.diag(x), x[:2, None] * np.ones((1, 6)).T[:6] if 0 else x),
    "determinants": lambda x: np.linalg.det(x.reshape(1, 2, 3)[:, :, :2] + np.arange(8.0).reshape(2, 2, 2)),
    "cholesky": lambda x: np.linalg.cholesky(np.outer(x, x) + 8 * np.eye(6)),
    "eigenvalues": lambda x: np.linalg.eigvalsh(np.outer(x, x) + np.diag(x)),
    "norms": lambda x: np.linalg.norm(x.reshape(3, 2), axis=1),
    "loop": lambda x: np.array([x[i] * x[i + 1] - x[i] for i in range(5)]),
    "running sum": lambda x: sum((x[i] ** 2 for i in range(6)), 0.0),
    "constant": lambda x: np.ones(3),
    "partly constant": lambda x: np.array([1.0, x[0], 2.0, x[0] * x[1]]),
    "number": lambda x: x[2] * x[4],
}


def filled_by_steps(x):
    y = np.zeros((3, 6))
    y[0] = x
    for k in range(2):
        y[k + 1, 1:-1] = y[k, 1:-1] + 0.1 * (y[k, 2:] - 2 * y[k, 1:-1] * y[k, :-2])
        y[k + 1, 0] = y[k, 0]
    return y


def overwritten(x):
    y = x * 2
    y[1:4] = x[:3] ** 2
    y[2] += x[5]
    y[::3] *= x[0]
    return y


FUNCTIONS |= {"filled by steps": filled_by_steps, "overwritten": overwritten}
POINTS = [np.array([0.3, -1.2, 0.8, 2.1, -0.4, 1.5]), np.array([1.0, 1.0, -2.0, 0.5, 0.5, 3.0]), RNG.normal(size=6)]


def flat(J, n):
    return np.asarray(J).reshape(-1, n)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian_against_dense(name):
    f = FUNCTIONS[name]
    sparse, dense = tw.jacobian(f, sparse=True), tw.jacobian(f)
    for x in POINTS:
        J = sparse(x)
        assert isinstance(J, sp.csr_array) and J.has_canonical_format
        np.testing.assert_allclose(J.toarray(), flat(dense(x), 6), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_hessian_against_dense(name):
    f = FUNCTIONS[name]
    scalar = lambda x: np.sum(np.sin(f(x)) ** 2)
    for g in (scalar, lambda x: np.sum(f(x))):
        H, dense = tw.hessian(g, sparse=True), tw.hessian(g)
        for x in POINTS:
            np.testing.assert_allclose(H(x).toarray(), dense(x), rtol=1e-8, atol=1e-9)


# --- random programs --------------------------------------------------------------------------------------------------

STEPS = [
    lambda u, k: u * u,
    lambda u, k: np.sin(u) * (1 + k),
    lambda u, k: u[k % u.size :] if u.size - k % u.size else u,
    lambda u, k: u[:: 1 + k % 3],
    lambda u, k: u[::-1] + 0.5 * u,
    lambda u, k: u[(np.arange(1 + k) * 3) % u.size],
    lambda u, k: np.concatenate([u[1:], u[:2] ** 2]),
    lambda u, k: u[1:] * u[:-1] if u.size > 1 else u,
    lambda u, k: np.where(np.arange(u.size) % 2 == k % 2, u, 0.3 * u[::-1] ** 2),
    lambda u, k: np.where(u > 0.1, u**2, np.cos(u)),
    lambda u, k: (RNG_MATRIX[: 1 + k, : u.size] * (RNG_MATRIX[: 1 + k, : u.size] > 0.3)) @ u,
    lambda u, k: np.cumsum(u),
    lambda u, k: np.sum(u[: u.size // 2 * 2].reshape(-1, 2), axis=k % 2) if u.size > 1 else u,
    lambda u, k: (u[: u.size // 2 * 2].reshape(2, -1).T * np.arange(2.0)).ravel() if u.size > 1 else u,
    lambda u, k: np.max(u[: u.size // 2 * 2].reshape(-1, 2), axis=1) if u.size > 1 else u,
    lambda u, k: u / (1 + np.sum(u**2)),
    lambda u, k: np.add.reduceat(u, [0, u.size // 2]) if u.size > 1 else u,
    lambda u, k: np.sort(u),
    lambda u, k: np.linalg.solve(3 * np.eye(u.size) + 0.1 * RNG_MATRIX[: u.size, : u.size], u),
    lambda u, k: np.pad(u, (k % 2, 1), mode="edge"),
    lambda u, k: np.bincount(np.arange(u.size) // 2, u),
]
RNG_MATRIX = np.random.default_rng(5).normal(size=(40, 40))


@st.composite
def programs(draw):
    steps = draw(st.lists(st.tuples(st.sampled_from(range(len(STEPS))), st.integers(0, 5)), min_size=1, max_size=6))

    def f(x):
        u = x
        for which, k in steps:
            v = STEPS[which](u, k)
            u = v if v.size <= 24 else v[:24]
        return u

    n = draw(st.integers(1, 8))
    seed = draw(st.integers(0, 1000))
    return f, np.random.default_rng(seed).normal(size=n)


@settings(max_examples=60, deadline=None)
@given(programs())
def test_random_programs(program):
    f, x = program
    dense = flat(tw.jacobian(f)(x), x.size)
    assume(np.isfinite(dense).all() and np.abs(dense).max(initial=0) < 1e6)
    np.testing.assert_allclose(tw.jacobian(f, sparse=True)(x).toarray(), dense, rtol=1e-9, atol=1e-10)
    g = lambda x: np.sum(f(x) ** 3)
    H = tw.hessian(g)(x)
    assume(np.isfinite(H).all() and np.abs(H).max(initial=0) < 1e6)
    np.testing.assert_allclose(tw.hessian(g, sparse=True)(x).toarray(), H, rtol=1e-8, atol=1e-8)


# --- closed forms, large ----------------------------------------------------------------------------------------------


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_tridiagonal_hessian_of_many_variables():
    n = 100_000
    x = np.random.default_rng(0).normal(size=n)
    H = tw.hessian(rosenbrock, sparse=True)(x)
    main = np.zeros(n)
    main[:-1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    main[1:] += 200
    side = -400 * x[:-1]
    expected = sp.diags_array([side, main, side], offsets=[-1, 0, 1]).tocsr()
    assert H.nnz == 3 * n - 2
    np.testing.assert_allclose(abs(H - expected).max(), 0, atol=1e-9)


def test_laplacian_of_a_large_grid():
    n = 200

    def energy(u):
        u = u.reshape(n, n)
        return 0.5 * (np.sum((u[1:] - u[:-1]) ** 2) + np.sum((u[:, 1:] - u[:, :-1]) ** 2))

    H = tw.hessian(energy, sparse=True)(np.zeros(n * n))
    line = sp.diags_array([[1.0] + [2.0] * (n - 2) + [1.0], [-1.0] * (n - 1), [-1.0] * (n - 1)], offsets=[0, 1, -1])
    expected = sp.kron(line, sp.eye_array(n)) + sp.kron(sp.eye_array(n), line)
    assert abs(H - expected).max() == 0
    assert H.nnz == 5 * n * n - 4 * n


def test_long_loops_over_numbers():
    n = 1000

    def f(x):
        total = 0.0
        for i in range(n - 1):
            total = total + (x[i + 1] - x[i] ** 2) ** 2
        return total

    x = np.linspace(-1, 1, n)
    H = tw.hessian(f, sparse=True)(x)
    vectors = tw.hessian(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2), sparse=True)(x)
    assert H.nnz == 3 * n - 2
    np.testing.assert_allclose(abs(H - vectors).max(), 0, atol=1e-12)
    J = tw.jacobian(f, sparse=True)(x)
    assert J.shape == (1, n)
    np.testing.assert_allclose(J.toarray()[0], tw.grad(f)(x), atol=1e-12)


def test_bundle_adjustment():
    """Residuals of points seen by cameras: each depends on one camera and one point."""
    cameras, points, seen = 5, 40, 150
    camera, point = RNG.integers(cameras, size=seen), RNG.integers(points, size=seen)

    def residuals(v, camera, point):
        c, p = v["cameras"][camera], v["points"][point]
        turned = p + np.cross(c[:, :3], p) + c[:, 3:]
        return turned[:, :2] / turned[:, 2:]

    v = {"cameras": RNG.normal(size=(cameras, 6)) * 0.1, "points": RNG.normal(size=(points, 3)) + [0, 0, 5]}
    J = tw.jacobian(residuals, sparse=True)
    dense = tw.jacobian(residuals)(v, camera, point)
    dense = np.concatenate([flat(dense["cameras"], cameras * 6), flat(dense["points"], points * 3)], 1)
    got = J(v, camera, point)
    assert got.shape == (2 * seen, 6 * cameras + 3 * points)
    np.testing.assert_allclose(got.toarray(), dense, rtol=1e-10, atol=1e-12)
    # x' = (p₀ + c₁p₂ − c₂p₁ + c₃)/depth: of the camera all but ω₂ or ω₁ enter each; no more than nine in a row
    assert np.diff(got.indptr).max() <= 9
    other = np.roll(point, 1)  # other positions: another structure
    dense = tw.jacobian(residuals)(v, camera, other)
    np.testing.assert_allclose(J(v, camera, other).toarray()[:, 30:], flat(dense["points"], points * 3), rtol=1e-10)


# --- structure of results ---------------------------------------------------------------------------------------------


@dataclass
class Pair:
    u: np.ndarray
    v: float


def test_nested_arguments_and_outputs():
    def f(p, scale):
        return {"b": p.u * p.v, "a": (p.u[0] * scale, np.array([[p.v, 1.0]]))}

    p = Pair(np.array([2.0, 3.0]), 5.0)
    J = tw.jacobian(f, sparse=True)(p, 7.0)
    # rows: a[0], a[1][0,0], a[1][0,1], b[0], b[1]; columns: u[0], u[1], v
    np.testing.assert_array_equal(J.toarray(), [[7, 0, 0], [0, 0, 1], [0, 0, 0], [5, 0, 2], [0, 5, 3]])
    J = tw.jacobian(f, wrt=("scale", 0), sparse=True)(p, scale=7.0)
    np.testing.assert_array_equal(J.toarray()[0], [2, 7, 0, 0])
    H = tw.hessian(lambda p: np.sum(p.u**2) * p.v, sparse=True)(p)
    np.testing.assert_array_equal(H.toarray(), [[10, 0, 4], [0, 10, 6], [4, 6, 0]])
    assert H.nnz == 6  # no entry for ∂²/∂u₀∂u₁ and ∂²/∂v²


def test_only_nonlinear_interactions():
    f = lambda x: x[0] * x[1] + x[2] ** 2 + 3 * x[3] + np.exp(x[4]) * x[5]
    H = tw.hessian(f, sparse=True)(np.arange(6.0))
    assert sorted(zip(*H.nonzero(), strict=True)) == [(0, 1), (1, 0), (2, 2), (4, 4), (4, 5), (5, 4)]
    assert H.nnz == 6


def test_numbers():
    J = tw.jacobian(lambda x: x * np.arange(3.0), sparse=True)(2.0)
    assert J.shape == (3, 1)
    np.testing.assert_array_equal(J.toarray(), [[0], [1], [2]])
    J = tw.jacobian(lambda x: x**2, sparse=True)(3.0)
    np.testing.assert_array_equal(J.toarray(), [[6]])
    np.testing.assert_array_equal(tw.hessian(lambda x: x**3, sparse=True)(2.0).toarray(), [[12]])


def test_nothing_to_store():
    x = np.ones(4)
    J = tw.jacobian(lambda x: np.ones((2, 3)), sparse=True)(x)
    assert J.shape == (6, 4) and J.nnz == 0
    J = tw.jacobian(lambda x: np.floor(x), sparse=True)(x)
    assert J.shape == (4, 4) and J.nnz == 0
    J = tw.jacobian(lambda x: x[:0], sparse=True)(x)
    assert J.shape == (0, 4)
    J = tw.jacobian(lambda x: np.zeros(3) + np.sum(x), sparse=True)(np.zeros(0))
    assert J.shape == (3, 0)
    H = tw.hessian(lambda x: np.sum(3 * x) + 1, sparse=True)(x)
    assert H.shape == (4, 4) and H.nnz == 0
    assert tw.hessian(lambda x: 1.0, sparse=True)(x).nnz == 0
    assert tw.hessian(lambda x: np.sum(x**2), sparse=True)(np.zeros(0)).shape == (0, 0)
    J = tw.jacobian(lambda x: {}, sparse=True)(x)
    assert J.shape == (0, 4)


def test_branches():
    def f(x):
        if x[0] > 0:
            return x[1:] * x[:-1]
        return x[::2] ** 2

    J = tw.jacobian(f, sparse=True)
    for x in (np.array([1.0, 2, 3]), np.array([-1.0, 2, 3]), np.array([2.0, 5, 4]), np.array([-2.0, 5, 4])):
        np.testing.assert_array_equal(J(x).toarray(), tw.jacobian(f)(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    x = np.linspace(0, 1, 50, dtype=dtype)
    assert tw.jacobian(lambda x: x[1:] * x[:-1], sparse=True)(x).dtype == dtype
    H = tw.hessian(rosenbrock, sparse=True)(x)
    assert H.dtype == dtype
    np.testing.assert_allclose(H.toarray(), tw.hessian(rosenbrock)(x.astype(np.float64)), rtol=1e-5, atol=2e-3)


def test_integers_are_promoted():
    J = tw.jacobian(lambda x: x**2, sparse=True)(np.arange(3))
    np.testing.assert_array_equal(J.toarray(), np.diag([0.0, 2, 4]))


def test_functions_of_libraries_by_themselves():
    matrix = A[:3, :3]
    for f in (np.sin, np.linalg.det, scipy.linalg.det, scipy.linalg.expm, special.softmax):
        J = tw.jacobian(f, sparse=True)(matrix)
        np.testing.assert_allclose(J.toarray(), flat(tw.jacobian(f)(matrix), 9), rtol=1e-12)


def test_results_are_the_callers_own():
    J = tw.jacobian(lambda x: x[1:] * x[:-1], sparse=True)
    x = np.arange(1.0, 6)
    first = J(x)
    before = first.toarray()
    first.indices[:] = 0
    first.indptr[:] = 0
    first.data[:] = np.nan
    np.testing.assert_array_equal(J(x).toarray(), before)


def test_captured_values_may_change():
    weights = np.array([1.0, 0.0, 2.0])
    J = tw.jacobian(lambda x: weights * x, sparse=True)
    assert J(np.ones(3)).nnz == 2
    weights[1] = 5.0
    np.testing.assert_array_equal(J(np.ones(3)).toarray(), np.diag([1.0, 5, 2]))


def products(f, x, transform):
    """How many products a sparse derivative takes: the greatest count of seeds in its graph."""
    from thalweg.calculus import sparse
    from thalweg.calculus.call import Variables
    from thalweg.tracing import tree

    traced = tw.trace(f, x)
    variables = Variables([traced.inputs[0]], [tree.LEAF], [1], False)
    counts = []
    original = sparse._batch

    def counted(*args):
        counts.append(args[5] - args[4])
        return original(*args)

    sparse._batch = counted
    try:
        {"jacobian": sparse.sparse_jacobian, "hessian": sparse.sparse_hessian}[transform](traced, variables)
    finally:
        sparse._batch = original
    return sum(counts)


@pytest.mark.parametrize(
    ("f", "n", "transform", "count"),
    [
        (lambda x: np.sin(x), 50, "jacobian", 1),
        (lambda x: x[1:] * x[:-1], 50, "jacobian", 2),
        (lambda x: x[2:] * x[:-2] + x[1:-1], 50, "jacobian", 3),
        (lambda x: np.sum(x**2), 50, "jacobian", 1),  # a row: one reverse product
        (lambda x: x[0] * np.arange(50.0) + x[1], 2, "jacobian", 2),
        (lambda x: np.concatenate([x[1:] * x[0], np.sum(x**2)[None]]), 50, "jacobian", 3),  # 2 and a row
        (lambda x: A @ x, 6, "jacobian", 6),
        (rosenbrock, 50, "hessian", 3),
        (lambda x: np.sum(x**4), 50, "hessian", 1),
        (lambda x: np.sum(x[1:] ** 2 * x[0]), 50, "hessian", 2),  # an arrow: a star colouring
        (lambda x: np.sum(x[:-1] ** 2 * x[-1]) + np.sum(x[2:-1] * x[1:-2] ** 2), 80, "hessian", 4),
        (lambda x: np.sum((x[4:] - x[3:-1] * x[2:-2] * x[1:-3] * x[:-4]) ** 2), 60, "hessian", 9),
        (lambda x: np.sum(np.sin(x.reshape(9, 9)[1:] - x.reshape(9, 9)[:-1]))
         + np.sum(np.cos(x.reshape(9, 9)[:, 1:] - x.reshape(9, 9)[:, :-1])), 81, "hessian", 5),
        (lambda x: np.sum(x) ** 2, 12, "hessian", 12),
    ],
)  # fmt: skip
def test_number_of_products(f, n, transform, count):
    assert products(f, np.linspace(0.1, 1, n), transform) == count


def test_few_colors_at_a_time(monkeypatch):
    monkeypatch.setattr("thalweg.calculus.sparse._AT_ONCE", 20)
    x = RNG.normal(size=9)
    for f in (lambda x: np.outer(x, x[::2]), lambda x: A[:3, :3] @ x.reshape(3, 3) ** 2, lambda x: np.sum(x) ** 3):
        np.testing.assert_allclose(tw.jacobian(f, sparse=True)(x).toarray(), flat(tw.jacobian(f)(x), 9), atol=1e-12)
    g = lambda x: np.sum(x) ** 3
    np.testing.assert_allclose(tw.hessian(g, sparse=True)(x).toarray(), tw.hessian(g)(x), atol=1e-10)


# --- errors -----------------------------------------------------------------------------------------------------------


def test_no_further_derivatives_of_a_sparse_matrix():
    J = tw.jacobian(lambda x: x**2, sparse=True)
    with pytest.raises(ArgumentError, match=r"scipy\.sparse array.*cannot be differentiated.*tw\.jvp"):
        tw.jacobian(lambda x: J(x))(np.ones(3))
    H = tw.hessian(lambda x: np.sum(x**3), sparse=True)
    with pytest.raises(ArgumentError, match=r"tw\.hessian\(sparse=True\)"):
        tw.batch(H)(np.ones((2, 3)))


def test_inside_a_function_a_constant_point_is_fine():
    def f(x):
        H = tw.hessian(lambda y: np.sum(y**3), sparse=True)(np.ones(2))
        return np.sum(H.toarray() @ x)

    np.testing.assert_array_equal(tw.grad(f)(np.zeros(2)), [6, 6])


def test_errors():
    with pytest.raises(ArgumentError, match="one number"):
        tw.hessian(lambda x: x, sparse=True)(np.ones(2))
    with pytest.raises(ArgumentError, match="takes a function"):
        tw.jacobian(3.0, sparse=True)
    with pytest.raises(ArgumentError, match="no such argument"):
        tw.jacobian(lambda x: x, wrt="y", sparse=True)(np.ones(2))
    with pytest.raises(ArgumentError, match="the matrix is not sparse"):
        tw.hessian(lambda x: np.sum(x) ** 2, sparse=True)(np.ones(100_000))
