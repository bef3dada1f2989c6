"""The barrier parameter: quality function, modes, and the monotone rule."""

import numpy as np
import pytest

from thalweg.optimize.interior.barrier import LEAST_MU, SIGMAS, Barrier, longest, quality_sigma


def test_the_quality_function_is_that_of_its_definition():
    rng = np.random.default_rng(0)
    d, v = rng.uniform(0.1, 1, 5), rng.uniform(0.1, 1, 5)
    dd, dv = rng.standard_normal((2, 5)), rng.standard_normal((2, 5))
    average, tau, dual, primal = float(d @ v) / 5, 0.99, 0.3, 0.7

    def q(sigma):
        mu = sigma * average
        step_d, step_v = dd[0] + mu * dd[1], dv[0] + mu * dv[1]
        a = min([1.0] + [-tau * x / s for x, s in zip(d, step_d) if s < 0])
        b = min([1.0] + [-tau * x / s for x, s in zip(v, step_v) if s < 0])
        product = (d + a * step_d) * (v + b * step_v)
        return (1 - b) ** 2 * dual + (1 - a) ** 2 * primal + product @ product / 5

    chosen = quality_sigma(d, v, dd, dv, average, tau, dual, primal)
    assert chosen in SIGMAS and q(chosen) == min(q(sigma) for sigma in SIGMAS)


@pytest.mark.parametrize("relative, expected", [([0.5, 2.0], 1.0), ([-0.5], 1.0), ([-4.0, 1.0], 0.2475)])
def test_the_longest_step(relative, expected):
    assert longest(np.array(relative), 0.99) == pytest.approx(expected)


def test_monotone_mode_waits_until_the_problem_is_solved():
    barrier = Barrier(0.1, adaptive=False)
    assert not barrier.free
    assert not barrier.lower(lambda mu: 2.0) and barrier.mu == 0.1
    assert barrier.lower(lambda mu: 0.3) and barrier.mu == pytest.approx(0.02)  # 0.3 ≤ 10·0.1, but not ≤ 10·0.02


def test_mu_falls_faster_than_linearly_and_has_a_floor():
    barrier = Barrier(1e-4, adaptive=False)
    assert barrier.lower(lambda mu: 0.0, once=True) and barrier.mu == pytest.approx(1e-6)
    barrier.lower(lambda mu: 0.0)
    assert barrier.mu == LEAST_MU and not barrier.lower(lambda mu: 0.0)


def test_free_mode_ends_without_progress_and_comes_back_with_it():
    barrier = Barrier()
    assert all(barrier.observe(residual) for residual in (4.0, 3.0, 2.0, 1.0))
    assert barrier.observe(3.5) and not barrier.observe(9.0)
    barrier.hold(1e9)
    assert not barrier.free and barrier.mu == 1e5
    assert barrier.observe(0.5)
