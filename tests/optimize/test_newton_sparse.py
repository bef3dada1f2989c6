"""Newton's path by sparse factorizations."""

import numpy as np
import pytest
from scipy.sparse import csr_array, diags_array, eye_array

from optimize.bounded import laplacian, ravine
from optimize.moresorensen import best_value, violation
from thalweg.optimize import Problem
from thalweg.optimize.composition import NoDirection, Taken
from thalweg.optimize.newton_sparse import NewtonSparse, SparsePath, sparse_path, sparse_scales
from thalweg.optimize.trust_region import TrustRegion


def model(seed, shift):
    rng = np.random.default_rng(seed)
    H = csr_array(laplacian(10) + diags_array(rng.uniform(-2, 2, 100)) - shift * eye_array(100))
    return H, rng.standard_normal(100), 10.0 ** rng.uniform(-0.3, 0.3, 100)


@pytest.mark.parametrize("shift", [-3.0, 0.5, 2.0, 9.0])
@pytest.mark.parametrize("radius", [0.01, 1.0, 30.0])
def test_the_conditions_of_more_and_sorensen_up_to_the_length(radius, shift):
    """The step is the exact solution for its own length, which is that of the ball to a tenth."""
    for seed in range(5):
        H, g, d = model(seed, shift)
        proposal = SparsePath(H, g, d)(radius)
        length = np.linalg.norm(d * proposal.step)
        assert length <= 1.1 * radius * (1 + 1e-12)
        if proposal.kind != "negative curvature":
            assert violation(H.toarray(), g, d, proposal.step, length) <= 1e-7
        assert proposal.kind == "Newton" or length >= 0.9 * radius * (1 - 1e-12)
        value = g @ proposal.step + 0.5 * proposal.step @ (H @ proposal.step)
        assert proposal.predicted == pytest.approx(-value, rel=1e-8)
        assert value <= 0.75 * best_value(H.toarray(), g, d, radius)


def test_the_hard_case():
    """The gradient has no part along the lowest eigenvector."""
    A = laplacian(9).toarray() - 3.0 * np.eye(81)
    Q = np.linalg.eigh(A)[1]
    g = Q[:, 20:] @ np.full(61, 0.01)
    proposal = SparsePath(csr_array(A), g, np.ones(81))(5.0)
    assert proposal.kind == "negative curvature"
    assert np.linalg.norm(proposal.step) == pytest.approx(5.0)
    assert -proposal.predicted <= 0.95 * best_value(A, g, np.ones(81), 5.0)


def test_a_saddle_with_no_gradient_at_all():
    H = csr_array(diags_array(np.concatenate([[-1.0], np.ones(99)])))
    proposal = SparsePath(H, np.zeros(100), np.ones(100))(2.0)
    assert abs(proposal.step[0]) == pytest.approx(2.0) and proposal.predicted == pytest.approx(2.0)


def test_a_shorter_radius_gives_a_shorter_step_of_the_same_path():
    H, g, d = model(3, 2.0)
    path = SparsePath(H, g, d)
    fell = [path(radius).predicted for radius in (10.0, 2.0, 0.4, 0.08)]
    again = [SparsePath(H, g, d)(radius).predicted for radius in (10.0, 2.0, 0.4, 0.08)]
    assert np.all(np.diff(fell) < 0)
    np.testing.assert_allclose(fell, again, rtol=0.3)


def test_a_small_model_goes_the_dense_way():
    path = sparse_path(csr_array(np.diag([2.0, 4.0])), np.ones(2), np.ones(2))
    np.testing.assert_allclose(path(np.inf).step, [-0.5, -0.25])
    assert type(path).__name__ == "DensePath"


@pytest.mark.parametrize("seed", range(3))
def test_scales_follow_the_units(seed):
    rng = np.random.default_rng(seed)
    H, _, _ = model(seed, 1.0)
    u = 2.0 ** rng.integers(-20, 20, 100)
    other = csr_array(diags_array(u) @ H @ diags_array(u))
    np.testing.assert_allclose(sparse_scales(other), sparse_scales(H) * u)
    d = sparse_scales(H)
    rows = np.max(np.abs(H.toarray()) / np.outer(d, d), axis=1)
    np.testing.assert_allclose(rows, 1, atol=0.35)


def test_an_empty_row_has_the_smallest_scale():
    np.testing.assert_allclose(sparse_scales(csr_array(np.diag([4.0, 0.0, 16.0]))), [2, 2, 4])


def test_a_hessian_that_is_not_finite():
    problem = Problem(2, lambda x: (x @ x, 2 * x), lambda x: csr_array(np.diag([1.0, np.nan])), sparse=True)
    with pytest.raises(NoDirection, match="not finite"):
        NewtonSparse()(problem.at(np.ones(2)))


def test_a_long_ravine_converges_quadratically():
    """Two thousand coupled variables; the minimum is at ones."""
    problem, start = ravine(2000)
    rule, direction, point, error = TrustRegion(), NewtonSparse(), problem.at(start), []
    while point.gradient_norm > 1e-10:
        taken = rule(point, direction(point), problem.at)
        assert isinstance(taken, Taken)
        point = taken.point
        error.append(np.max(np.abs(point.x - 1)))
    tail = [e for e in error if 1e-13 < e < 0.1]
    order = np.log(tail[-1] / tail[-2]) / np.log(tail[-2] / tail[-3]) if len(tail) > 2 else np.inf
    assert order > 1.7 and error[-1] < 1e-9 and len(error) < 60


def test_beyond_ten_thousand_variables_the_dogleg_stays_on_the_boundary_and_promises_what_it_keeps():
    n = 10_001
    H = csr_array(diags_array([np.full(n - 1, -1.0), np.linspace(2.1, 9.0, n), np.full(n - 1, -1.0)],
                              offsets=(-1, 0, 1)))  # fmt: skip
    g = np.cos(np.arange(n))
    path = SparsePath(H, g, np.ones(n))
    assert path.newton is not None
    last = 0.0
    for size in (0.01, 0.3, 0.7, 0.85):
        step = path(size * path.newton.size)
        s = step.step
        assert np.linalg.norm(s) == pytest.approx(size * path.newton.size)
        assert step.predicted == pytest.approx(-(g @ s + 0.5 * s @ (H @ s)))
        cauchy = min((g @ g) / (g @ (H @ g)), size * path.newton.size / np.linalg.norm(g))
        assert step.predicted >= cauchy * (g @ g) - 0.5 * cauchy**2 * (g @ (H @ g)) - 1e-9
        assert step.predicted > last
        last = step.predicted
    assert path(2 * path.newton.size).kind == "Newton"
