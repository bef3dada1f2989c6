"""Linear algebra where formulas divide by zero: singular determinants, coinciding eigenvalues, ranks that are not full,
triangles left empty; and the matrix exponential for directions of any size."""

from itertools import permutations

import numpy as np
import pytest
import scipy.linalg

from ops.matrices import STEP, general, gradient, hessian, positive, run, symmetric, total
from thalweg.graph import constant, input_node
from thalweg.ops import linalg as la
from thalweg.ops.elementwise import log
from thalweg.ops.factorizations import columns
from thalweg.ops.matrix import diagonal, product
from thalweg.transforms.forward import pushforward


def determinant_by_permutations(a):
    """Leibniz' formula: a polynomial, so its derivatives are known to rounding from exact differences."""
    n = len(a)
    total = 0.0
    for p in permutations(range(n)):
        sign = np.linalg.det(np.eye(n)[list(p)])
        total += sign * np.prod([a[i, p[i]] for i in range(n)])
    return total


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("rank_lost", [0, 1, 2])
def test_determinant_of_singular_matrices(n, rank_lost):
    rng = np.random.default_rng(n + 10 * rank_lost)
    u, _, v = np.linalg.svd(rng.normal(size=(n, n)))
    a = u[:, : n - rank_lost] @ (np.arange(1, n - rank_lost + 1)[:, None] * v[: n - rank_lost])
    f = determinant_by_permutations
    units = [e.reshape(n, n) for e in np.eye(n * n)]
    # det is linear in each entry: differences with step 1 are exact
    expected = np.array([(f(a + e) - f(a - e)) / 2 for e in units])
    np.testing.assert_allclose(gradient(la.det, a).ravel(), expected, atol=1e-12)
    second = [
        [(f(a + d + e) - f(a + d - e) - f(a - d + e) + f(a - d - e)) / 4 if d is not e else 0.0 for e in units]
        for d in units
    ]
    np.testing.assert_allclose(hessian(la.det, a), second, atol=1e-11)


def test_cofactors_near_singularity_keep_their_digits():
    """The same gradient on both sides of the switch from the inverse to singular values."""
    rng = np.random.default_rng(3)
    u, _, v = np.linalg.svd(rng.normal(size=(5, 5)))
    for smallest in (1e-3, 1e-5, 1e-7, 1e-9, 1e-12, 0.0):
        s = np.array([3.0, 2.0, 1.0, 0.5, smallest])
        sign = np.linalg.det(u) * np.linalg.det(v)
        cofactors = sign * (u * np.array([np.prod(np.delete(s, i)) for i in range(5)])) @ v
        np.testing.assert_allclose(gradient(la.det, (u * s) @ v), cofactors, atol=1e-9)
    assert np.isnan(gradient(la.det, np.full((4, 4), np.nan))).all()
    nan = np.full((4, 4), np.nan)
    assert np.isnan(hessian(la.det, nan)).all()


def test_third_derivative_of_a_larger_determinant():
    rng = np.random.default_rng(4)
    a, d = general(rng, 4, 4) / 3, rng.normal(size=(4, 4))
    x, t = input_node(a.shape, a.dtype), input_node(a.shape, a.dtype)
    y = la.det(x)
    for _ in range(3):
        (y,) = pushforward([y], {x: t})
    coefficients = np.polynomial.Polynomial.fit(
        np.arange(-2, 3), [determinant_by_permutations(a + k * d) for k in range(-2, 3)], 4
    ).convert()
    assert run([y], [x, t], [a, d])[0] == pytest.approx(6 * coefficients.coef[3], rel=1e-9)


def test_symmetric_functions_of_repeated_eigenvalues():
    """Σ log λ and Σ λ² at a multiple of I, and at a matrix with one pair that coincides to rounding."""
    rng = np.random.default_rng(5)
    q, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    for a in (2 * np.eye(4), (q * np.array([1.0, 3.0, 3.0, 5.0])) @ q.T):
        a = (a + a.T) / 2
        log_sum = lambda x: total(log(la.eigvalsh(x)))
        square_sum = lambda x: total(la.eigvalsh(x) * la.eigvalsh(x))
        g = gradient(log_sum, a)
        np.testing.assert_allclose(g + g.T, 2 * np.linalg.inv(a), atol=1e-12)
        g = gradient(square_sum, a)
        np.testing.assert_allclose(g + g.T, 4 * a, atol=1e-12)


def first_projector(a):
    """v vᵀ for the lowest eigenvalue: whatever the others do, it has a derivative."""
    v = la.eigh(a)[1]
    column = columns(v, 0, 1)
    return total(column * column * column_weights(a.shape[-1]))


def column_weights(n):
    return constant(np.arange(1.0, n + 1)[:, None])


def test_an_eigenvector_beside_coinciding_eigenvalues():
    a = np.diag([1.0, 2.0, 2.0, 3.0])
    g = gradient(first_projector, a)
    assert np.isfinite(g).all()
    rng = np.random.default_rng(6)
    d = symmetric(rng.normal(size=(4, 4)))

    def f(a):
        v = np.linalg.eigh(a)[1][:, 0]
        return np.sum(v * v * np.arange(1, 5))

    expected = (f(a + STEP * d) - f(a - STEP * d)) / (2 * STEP)
    assert np.sum(g * d) == pytest.approx(expected, abs=1e-8)


def test_vectors_of_coinciding_eigenvalues_have_no_derivative():
    """Vᵀ depends on the direction from which the point is reached: NaN, never a number that looks right."""
    g = gradient(lambda x: total(la.eigh(x)[1] * column_weights(2)), np.eye(2))
    assert np.isnan(g).any()


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 5)])
def test_singular_values_that_are_zero_or_repeated(shape):
    """The nuclear norm: U Vᵀ over the positive singular values, the subgradient of least norm."""
    rng = np.random.default_rng(7)
    m, n = shape
    u, _ = np.linalg.qr(rng.normal(size=(m, 3)))
    v, _ = np.linalg.qr(rng.normal(size=(n, 3)))
    for s in ([2.0, 2.0, 2.0], [3.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]):
        s = np.array(s)
        g = gradient(lambda x: total(la.svdvals(x)), (u * s) @ v.T)
        np.testing.assert_allclose(g, (u * (s > 0)) @ v.T, atol=1e-12)
        g = gradient(lambda x: total(la.svd(x)[1]), (u * s) @ v.T)
        np.testing.assert_allclose(g, (u * (s > 0)) @ v.T, atol=1e-12)


def test_a_leading_singular_vector_of_a_matrix_of_lower_rank():
    rng = np.random.default_rng(8)
    a = rng.normal(size=(5, 2)) @ rng.normal(size=(2, 4))
    f = lambda u: np.sum(u[:, :1] ** 2 * np.arange(1, 6)[:, None])
    leading = lambda x: columns(la.svd(x)[0], 0, 1)
    g = gradient(lambda x: total(leading(x) * leading(x) * column_weights(5)), a)
    d = rng.normal(size=(5, 4))
    expected = (f(np.linalg.svd(a + STEP * d)[0]) - f(np.linalg.svd(a - STEP * d)[0])) / (2 * STEP)
    assert np.sum(g * d) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("shape", [(5, 2), (2, 5), (2, 6, 3)])
def test_the_span_of_the_further_singular_vectors(shape):
    """What they span is a function of the matrix, even if they themselves are LAPACK's choice."""
    rng = np.random.default_rng(9)
    a, d = general(rng, *shape), rng.normal(size=shape)
    weights = rng.normal(size=(*shape[:-2], 6, 6))
    k = min(shape[-2:])

    def f(a):
        u, _, vh = np.linalg.svd(a)
        u, v = u[..., :, k:], np.swapaxes(vh, -1, -2)[..., :, k:]
        u, v = u @ np.swapaxes(u, -1, -2), v @ np.swapaxes(v, -1, -2)
        m, n = a.shape[-2:]
        return np.sum(u * weights[..., :m, :m]) + np.sum(v * weights[..., :n, :n])

    def build(x):
        m, n = shape[-2:]
        u, _, vh = la.svd(x, True)
        u, v = columns(u, k, m), columns(la.mT(vh), k, n)
        parts = [(w, size) for w, size in ((u, m), (v, n)) if w.shape[-1]]
        terms = [
            total(product(w, la.mT(w)) * constant(np.ascontiguousarray(weights[..., :size, :size])))
            for w, size in parts
        ]
        return terms[0]

    g = gradient(build, a)
    assert np.sum(g * d) == pytest.approx((f(a + STEP * d) - f(a - STEP * d)) / (2 * STEP), abs=1e-7)


@pytest.mark.parametrize("a", [np.array([[4.0, 0, 0], [1, 5, 0], [2, -1, 6]]), np.diag([4.0, 5, 6])])
def test_a_matrix_given_by_its_lower_triangle(a):
    """NumPy reads that triangle alone, so the derivative in the other is 0; also where the lower one is 0 now."""
    weights = np.random.default_rng(10).normal(size=(3, 3))
    for build, f in (
        (lambda x: total(la.cholesky(x) * constant(weights)), lambda a: np.sum(np.linalg.cholesky(a) * weights)),
        (lambda x: total(la.eigvalsh(x) * constant(weights[0])), lambda a: np.sum(np.linalg.eigvalsh(a) * weights[0])),
    ):
        g = gradient(build, a)
        for i, j in np.ndindex(3, 3):
            e = np.zeros((3, 3))
            e[i, j] = STEP
            assert g[i, j] == pytest.approx((f(a + e) - f(a - e)) / (2 * STEP), abs=1e-8)


def test_the_gradient_at_a_symmetric_matrix_is_symmetric():
    a = positive(np.random.default_rng(11), 4, 4)
    for build in (
        lambda x: total(log(diagonal(la.cholesky(x)))),
        lambda x: total(log(la.eigvalsh(x))) * 0.5,
    ):
        np.testing.assert_allclose(gradient(build, a), 0.5 * np.linalg.inv(a), atol=1e-12)


def test_expm_against_integral_and_large_directions():
    """L(A, E) = ∫₀¹ exp(sA) E exp((1−s)A) ds by Gauss–Legendre, small and large (the two algorithms), any size of E."""
    rng = np.random.default_rng(12)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    for n, scale in [(3, 1.0), (3, 1e6), (40, 1.0), (40, 1e-6)]:
        a, e = rng.normal(size=(n, n)) / np.sqrt(n), scale * rng.normal(size=(n, n))
        x, t = input_node(a.shape, a.dtype), input_node(a.shape, a.dtype)
        got = run(pushforward([la.expm(x)], {x: t}), [x, t], [a, e])[0]
        expected = sum(
            w / 2 * scipy.linalg.expm((s + 1) / 2 * a) @ e @ scipy.linalg.expm((1 - s) / 2 * a)
            for s, w in zip(nodes, weights)
        )
        np.testing.assert_allclose(got / scale, expected / scale, atol=1e-12 * n)
    nan = np.full((40, 40), np.nan)
    x, t = input_node(nan.shape, nan.dtype), input_node(nan.shape, nan.dtype)
    assert np.isnan(run(pushforward([la.expm(x)], {x: t}), [x, t], [nan, np.eye(40)])[0]).all()


def test_expm_to_fourth_order():
    """d⁴/dt⁴ exp(A + tI) = exp(A), through four nested derivatives."""
    a = np.random.default_rng(13).normal(size=(2, 2))
    x, t = input_node((2, 2), a.dtype), input_node((2, 2), a.dtype)
    y = la.expm(x)
    for _ in range(4):
        (y,) = pushforward([y], {x: t})
    np.testing.assert_allclose(run([y], [x, t], [a, np.eye(2)])[0], scipy.linalg.expm(a), rtol=1e-11)
