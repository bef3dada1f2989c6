"""The trust-region subproblem: a global minimum on the ball, also in the hard case."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalweg.optimize.subproblem import minimize_in_ball


def model(lam, gamma, z):
    return gamma @ z + 0.5 * (lam * z) @ z


def brute_force(lam, gamma, radius):
    """The least value on a fine polar grid of the disc."""
    angle = np.linspace(0, 2 * np.pi, 4001)
    r = radius * np.linspace(0, 1, 201)[:, None]
    u, v = r * np.cos(angle), r * np.sin(angle)
    return np.min(gamma[0] * u + gamma[1] * v + 0.5 * (lam[0] * u * u + lam[1] * v * v))


CASES = {
    "convex, inside": ([1.0, 2.0], [0.1, 0.1], 1.0, "Newton"),
    "convex, boundary": ([1.0, 2.0], [5.0, 1.0], 1.0, "trust region"),
    "indefinite": ([-1.0, 2.0], [0.5, 1.0], 1.0, "trust region"),
    "indefinite, tiny part along the lowest": ([-1.0, 2.0], [1e-14, 1.0], 1.0, "trust region"),
    "hard case": ([-1.0, 2.0], [0.0, 1.0], 1.0, "negative curvature"),
    "hard case, not so hard": ([-1.0, 2.0], [0.0, 9.0], 1.0, "trust region"),
    "saddle": ([-1.0, 2.0], [0.0, 0.0], 0.3, "negative curvature"),
    "maximum": ([-1.0, -1.0], [0.0, 0.0], 0.3, "negative curvature"),
    "linear": ([0.0, 0.0], [1.0, 1.0], 2.0, "trust region"),
    "flat valley": ([0.0, 2.0], [0.0, 1.0], 2.0, "Newton"),
    "sloping valley": ([0.0, 2.0], [1e-3, 1.0], 2.0, "trust region"),
}


@pytest.mark.parametrize("name", CASES)
def test_against_brute_force(name):
    lam, gamma, radius, kind = CASES[name]
    lam, gamma = np.array(lam), np.array(gamma)
    best = minimize_in_ball(lam, gamma, radius)
    assert best.kind == kind
    assert np.linalg.norm(best.z) <= radius * (1 + 1e-12)
    assert best.decrease == pytest.approx(-model(lam, gamma, best.z), rel=1e-12)
    assert -best.decrease <= brute_force(lam, gamma, radius) + 1e-12
    assert -best.decrease == pytest.approx(brute_force(lam, gamma, radius), rel=1e-3)


@given(st.integers(0, 100_000), st.integers(1, 8), st.floats(-6, 6))
def test_the_conditions_of_more_and_sorensen(seed, n, log_radius):
    rng = np.random.default_rng(seed)
    lam = np.sort(rng.standard_normal(n) * 10.0 ** rng.uniform(-3, 3))
    gamma = rng.standard_normal(n) * 10.0 ** rng.uniform(-6, 3, n)
    radius = 10.0**log_radius
    best = minimize_in_ball(lam, gamma, radius)
    scale = np.max(np.abs(gamma))
    noise = 1e-15 * np.max(np.abs(lam)) * np.linalg.norm(best.z)
    assert best.sigma >= -1e-12 * np.max(np.abs(lam))
    assert lam[0] + best.sigma >= -1e-12 * np.max(np.abs(lam))
    np.testing.assert_allclose((lam + best.sigma) * best.z, -gamma, atol=1e-9 * scale + noise)
    length = np.linalg.norm(best.z)
    assert length <= radius * (1 + 1e-9)
    if best.sigma > 1e-9 * np.max(np.abs(lam)):
        assert length == pytest.approx(radius, rel=1e-9)


def test_noise_in_a_zero_eigenvalue_does_not_send_the_step_away():
    best = minimize_in_ball(np.array([-1e-17, 1.0]), np.array([1e-17, 1.0]), 10.0)
    np.testing.assert_array_equal(best.z, [0.0, -1.0])


def test_an_infinite_radius_gives_newtons_step():
    np.testing.assert_allclose(minimize_in_ball(np.array([2.0, 4.0]), np.array([2.0, 2.0]), np.inf).z, [-1, -0.5])
