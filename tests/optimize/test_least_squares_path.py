"""The path of Levenberg and Marquardt."""

import numpy as np
import pytest
from scipy.optimize import brentq

from thalweg.optimize.composition import NoDirection
from thalweg.optimize.least_squares_path import LeastSquaresPath, column_scales


def model(seed, k, n, rank=None):
    rng = np.random.default_rng(seed)
    J = rng.standard_normal((k, n))
    if rank is not None:
        J = rng.standard_normal((k, rank)) @ rng.standard_normal((rank, n))
    return rng.standard_normal(k), J, 10.0 ** rng.uniform(-1, 1, n)


def damped(r, J, d, mu):
    """The step for μ as a least-squares problem of its own: min ‖r + Js‖² + μ‖Ds‖²."""
    A = np.concatenate([J, np.sqrt(mu) * np.diag(d)])
    return np.linalg.lstsq(A, -np.concatenate([r, np.zeros(d.size)]), rcond=None)[0]


@pytest.mark.parametrize("k, n", [(8, 3), (3, 3), (2, 5), (40, 1)])
@pytest.mark.parametrize("radius", [1e-3, 0.1])
def test_the_damped_step_of_that_length(k, n, radius):
    for seed in range(5):
        r, J, d = model(seed, k, n)
        radius = min(radius, 0.5 * np.linalg.norm(d * damped(r, J, d, 0.0)))
        proposal = LeastSquaresPath(r, J, d)(radius)
        mu = np.exp(brentq(lambda t: np.log(np.linalg.norm(d * damped(r, J, d, np.exp(t))) / radius), -40, 30))
        np.testing.assert_allclose(proposal.step, damped(r, J, d, mu), rtol=1e-4, atol=1e-9)
        assert np.linalg.norm(d * proposal.step) == pytest.approx(radius, rel=2e-6)
        fell = 0.5 * r @ r - 0.5 * np.sum((r + J @ proposal.step) ** 2)
        assert proposal.predicted == pytest.approx(fell, rel=1e-9)


def test_without_a_radius_it_is_the_least_squares_solution():
    r, J, d = model(1, 9, 4)
    proposal = LeastSquaresPath(r, J, d)(np.inf)
    np.testing.assert_allclose(proposal.step, np.linalg.lstsq(J, -r, rcond=None)[0])
    assert proposal.kind == "Gauss–Newton"


@pytest.mark.parametrize("k, n, rank", [(9, 4, 2), (3, 6, None), (6, 6, 1)])
def test_of_many_solutions_the_shortest(k, n, rank):
    r, J, d = model(2, k, n, rank)
    shortest = np.linalg.lstsq(J / d, -r, rcond=1e-12)[0] / d
    np.testing.assert_allclose(LeastSquaresPath(r, J, d)(np.inf).step, shortest, rtol=1e-8, atol=1e-10)


def test_the_condition_is_not_squared():
    """One column is the sum of the others but for 10⁻⁹: the Gram matrix is singular in double precision."""
    rng = np.random.default_rng(3)
    J = rng.standard_normal((20, 3))
    J[:, 2] = J[:, 0] + J[:, 1] + 1e-9 * J[:, 2]
    x = np.array([1.0, 2.0, 3.0])
    step = LeastSquaresPath(-J @ x, J, column_scales(J))(np.inf).step
    np.testing.assert_allclose(step, x, rtol=1e-5)
    assert np.linalg.matrix_rank(J.T @ J) == 2


def test_large_and_small_residuals():
    for size in (1e-150, 1e120):
        path = LeastSquaresPath(np.array([size, 2 * size]), np.array([[1.0], [1.0]]), np.ones(1))
        assert path(np.inf).step[0] == pytest.approx(-1.5 * size)
        assert abs(path(0.1 * size).step[0]) == pytest.approx(0.1 * size)


def test_column_lengths_do_not_overflow():
    np.testing.assert_allclose(column_scales(np.array([[3e200, 0.0], [4e200, 0.0]])), [5e200, 0])


def test_a_zero_jacobian_has_no_step():
    path = LeastSquaresPath(np.ones(2), np.zeros((2, 2)), np.ones(2))
    assert path(1.0).predicted == 0 and path.natural > 0


def test_a_jacobian_that_is_not_finite():
    with pytest.raises(NoDirection, match="not finite"):
        LeastSquaresPath(np.ones(2), np.full((2, 2), np.nan), np.ones(2))
