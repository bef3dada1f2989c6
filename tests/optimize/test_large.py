"""Large sparse problems: the verdict by factorization is that by eigenvalues."""

import numpy as np
import pytest
from scipy.sparse import csr_array, diags_array, random_array

from thalweg.optimize.active import active_at
from thalweg.optimize.certificate import Travel
from thalweg.optimize.classify import classify_point
from thalweg.optimize.composition import Taken
from thalweg.optimize.constrained import classify_on
from thalweg.optimize.engine import Run
from thalweg.optimize.escape import escape
from thalweg.optimize.large import densified, look
from thalweg.optimize.problem import Constraints, Problem
from thalweg.optimize.signature import Signature, sparse_scales


def program(H, g, A, sides, lower=None, upper=None, **extra):
    """½ xᵀHx + gᵀx on sides[0] ≤ A x ≤ sides[1], all sparse."""
    n = H.shape[0]
    H, A = csr_array(H), csr_array(A)
    rows = Constraints(*sides, lambda x: (A @ x, A), lambda x, y: csr_array((n, n))) if A.shape[0] else None
    return Problem(
        n,
        lambda x: (float(0.5 * x @ (H @ x) + g @ x), H @ x + g),
        lambda x: H,
        constraints=rows,
        lower=lower,
        upper=upper,
        sparse=True,
        **extra,
    )


def stationary(seed, n=40, k=8, bounds=5, lowest=0.5, wrong=False):
    """A program that is stationary at x with chosen multipliers, and what is known about it."""
    rng = np.random.default_rng(seed)
    A = random_array((k, n), density=0.2, rng=rng).toarray() + np.eye(k, n)
    A = rng.choice([-1, 1], A.shape) * A
    x = rng.standard_normal(n)
    B = random_array((n, n), density=0.05, rng=rng).toarray()
    H = B @ B.T + np.diag(rng.uniform(1, 2, n))
    fixed = rng.choice(n, bounds, replace=False)
    E = np.vstack([A, np.eye(n)[fixed]])
    Z = np.linalg.svd(E)[2][len(E) :].T
    v = Z[:, 0]
    H += (lowest - v @ H @ v) * np.outer(v, v) if lowest < 0 else 0
    y, z = rng.uniform(0.5, 2, k), np.zeros(n)
    z[fixed] = -rng.uniform(0.5, 2, bounds)
    if wrong:
        y[0] = -y[0]
    lower = np.full(n, -np.inf)
    lower[fixed] = x[fixed]
    g = -H @ x - A.T @ y - z
    sides = np.full(k, -np.inf), A @ x
    return program(H, g, A, sides, lower, np.full(n, np.inf)), x, y, z


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("lowest", "wrong", "kind"), [(0.5, False, "strict minimum"), (-1, False, "saddle"), (0.5, True, "saddle")]
)
def test_the_verdict_is_that_of_full_matrices(seed, lowest, wrong, kind):
    problem, x, y, z = stationary(seed, lowest=lowest, wrong=wrong)
    point = problem.at(x)
    full = classify_on(point)  # so small a problem is filled
    assert full.kind == kind, full.why
    for hint in ((None, None), (y, z)):
        found = look(point, *hint, 1e-6, Travel(np.abs(x)), "minimize", None)
        assert found.verdict.kind == kind, found.verdict.why
        np.testing.assert_allclose(found.y, y, atol=1e-8)
        np.testing.assert_allclose(found.z, z, atol=1e-8)
        c = found.certificate
        assert (c.constraint_rank, c.number_active) == (13, 13)
        assert c.stationarity < 1e-8 and c.expected_error < 1e-8
        if kind == "strict minimum":
            assert c.eigenvalues[0] == pytest.approx(full.eigenvalues[0], rel=0.3)
            assert c.eigenvalues[-1] == pytest.approx(full.eigenvalues[-1], rel=0.3)
    if kind == "saddle":
        taken = escape(point, found.verdict.falling, problem.at)
        assert isinstance(taken, Taken) and taken.point.value < point.value and taken.point.violation < 1e-9


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("shift", "kind"), [(0.0, "strict minimum"), (-1.0, "saddle"), (-9.0, "maximum")])
def test_a_chain_of_thousands(order, shift, kind):
    n = 3000
    H = diags_array([-np.ones(n - 1), np.full(n, 2.5 + shift), -np.ones(n - 1)], offsets=[-1, 0, 1])
    units = 10.0 ** np.linspace(-3, 3, n)[::order]
    U = diags_array(units)
    problem = program(U @ H @ U, np.zeros(n), np.zeros((0, n)), None)
    assert classify_point(problem.at(np.zeros(n))).kind == kind
    A = csr_array((units, (np.zeros(n, int), np.arange(n))), shape=(1, n))
    on = program(U @ H @ U, np.zeros(n), A, (np.zeros(1), np.zeros(1)))
    c = classify_on(on.at(np.zeros(n)))
    assert c.kind == kind, c.why
    assert c.certificate.constraint_rank == 1 and c.certificate.licq


def test_the_eigenvalues_of_the_discrete_laplacian():
    n = 2000
    H = diags_array([-np.ones(n - 1), np.full(n, 2.0), -np.ones(n - 1)], offsets=[-1, 0, 1])
    c = classify_point(program(H, np.zeros(n), np.zeros((0, n)), None).at(np.zeros(n)))
    assert c.kind == "strict minimum"
    assert c.eigenvalues[0] == pytest.approx(2 - 2 * np.cos(np.pi / (n + 1)), rel=1e-3)
    assert c.eigenvalues[-1] == pytest.approx(4, rel=0.02)


def test_singular_is_said_and_convex_is_enough():
    n = 1000
    H = diags_array(np.r_[0.0, np.ones(n - 1)])
    plain = program(H, np.zeros(n), np.zeros((0, n)), None)
    assert classify_point(plain.at(np.zeros(n))).kind == "degenerate"
    lower, upper = np.full(n, -1.0), np.ones(n)
    assert (
        classify_on(program(H, np.zeros(n), np.zeros((0, n)), None, lower, upper).at(np.zeros(n))).kind == "degenerate"
    )
    convex = program(H, np.zeros(n), np.zeros((0, n)), None, lower, upper, convex=True)
    assert classify_on(convex.at(np.zeros(n))).kind == "minimum"


def test_bounds_with_multiplier_zero():
    n = 1000
    d = np.ones(n)
    d[0] = -1
    lower = np.zeros(n)
    held = program(diags_array(d), np.r_[1.0, np.zeros(n - 1)], np.zeros((0, n)), None, lower, np.full(n, np.inf))
    c = classify_on(held.at(np.zeros(n)))
    assert c.kind == "strict minimum" and c.certificate.strict_complementarity == 0
    np.testing.assert_array_equal(c.z, np.r_[-1.0, np.zeros(n - 1)])


def test_not_stationary_and_out_of_time():
    n = 1000
    problem = program(diags_array(np.ones(n)), np.zeros(n), np.ones((1, n)), (np.ones(1), np.ones(1)))
    assert classify_on(problem.at(np.full(n, 1 / n))).kind == "strict minimum"
    assert "not on the constraints" in classify_on(problem.at(np.zeros(n))).why
    tilted = np.zeros(n)
    tilted[0] = 1
    assert classify_on(problem.at(tilted)).kind == "not stationary"
    late = classify_on(problem.at(np.full(n, 1 / n)), check=Run(problem, deadline=0.0).check)
    assert late.kind == "degenerate" and "time" in late.why


def test_dependent_rows_are_counted():
    n = 1000
    row = np.ones((1, n))
    problem = program(
        diags_array(np.ones(n)), np.zeros(n), np.vstack([row, 2 * row, np.eye(1, n)]), (np.zeros(3), np.zeros(3))
    )
    c = classify_on(problem.at(np.zeros(n)))
    assert c.kind == "strict minimum", c.why
    assert (c.certificate.constraint_rank, c.certificate.number_active) == (2, 3)


def test_signatures_count_negative_eigenvalues_on_the_tangent_space():
    rng = np.random.default_rng(3)
    for _ in range(20):
        n, m = 12, int(rng.integers(0, 6))
        W = rng.standard_normal((n, n))
        W = W + W.T
        A = rng.standard_normal((m, n))
        Z = np.linalg.svd(A)[2][m:].T if m else np.eye(n)
        expected = int(np.sum(np.linalg.eigvalsh(Z.T @ W @ Z) < 0))
        s = Signature(csr_array(W), csr_array(A))
        assert s.negative(0.0) == expected
        u, w = s.solve(np.ones(n), np.ones(m))
        np.testing.assert_allclose(W @ u + A.T @ w, 1, atol=1e-9)
        np.testing.assert_allclose(A @ u, 1, atol=1e-9)


def test_scales_follow_the_units():
    W = np.array([[2.0, 1.0], [1.0, 3.0]])
    units = np.array([1e4, 1e-3])
    d = sparse_scales(csr_array(W), csr_array((0, 2)))[0]
    changed = sparse_scales(csr_array(W * np.outer(units, units)), csr_array((0, 2)))[0]
    np.testing.assert_allclose(changed, d * units, rtol=0.2)


def test_densified_is_the_same_point():
    problem, x, _, _ = stationary(0)
    there = densified(problem.at(x))
    np.testing.assert_array_equal(there.J, problem.at(x).J.toarray())
    np.testing.assert_array_equal(there.problem.lagrangian_hessian(x, np.zeros(8)), problem.hessian(x).toarray())
    assert active_at(there, 1e-6).size == 13
