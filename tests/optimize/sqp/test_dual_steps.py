"""The dual method with bounded duals: it is the program with an ℓ₁ penalty, and always ends."""

import numpy as np
import pytest
from scipy.optimize import minimize

from optimize.sqp.qp_data import kkt_residual, random_program
from thalweg.optimize.sqp.dual_steps import dual_steps
from thalweg.optimize.sqp.system import System


def system_of(p):
    system = System(p.g.size, p.A.shape[0])
    system.load(p.H, p.A, p.g, np.concatenate([p.xl, p.lower]), np.concatenate([p.xu, p.upper]))
    return system


def test_without_caps_it_solves_strictly_convex_programs_from_any_guess():
    rng = np.random.default_rng(0)
    for seed in range(80):
        p = random_program(seed, rank=20)
        n, m = p.g.size, p.A.shape[0]
        guess = rng.integers(-1, 2, n + m).astype(np.int8)
        guess[np.where(guess > 0, np.concatenate([p.xu, p.upper]), np.concatenate([p.xl, p.lower])) == np.inf] = 0
        guess[np.where(guess < 0, np.concatenate([p.xl, p.lower]), 0.0) == -np.inf] = 0
        found = dual_steps(system_of(p), guess, np.full(n + m, np.inf))
        assert found.status == "optimal", seed
        assert kkt_residual(p, found.basic.d, found.basic.y, found.basic.dual[:n]) < 1e-8, seed


def penalized(p, cap, x):
    over = np.maximum(np.maximum(p.lower - p.A @ x, p.A @ x - p.upper), 0.0)
    return p.value(x) + cap * over.sum()


def test_caps_make_it_the_program_with_an_l1_penalty():
    gave_way = 0
    for seed in range(60):
        p = random_program(seed, rank=20)
        rng = np.random.default_rng(1000 + seed)
        m = p.A.shape[0]
        p = p._replace(  # contradict the rows
            lower=p.lower + 2 * rng.random(m), upper=p.upper + 2 * rng.random(m)
        )
        equal = p.lower > p.upper
        p.upper[equal] = p.lower[equal]
        cap = 0.7
        caps = np.concatenate([np.full(p.g.size, np.inf), np.full(m, cap)])
        found = dual_steps(system_of(p), np.zeros(caps.size, dtype=np.int8), caps)
        assert found.status == "optimal", seed
        assert (np.abs(found.basic.y) <= cap + 1e-9).all()
        gave_way += bool(found.given.any())
        x = found.basic.d
        ours = penalized(p, cap, x)
        for _ in range(60):  # convex: nothing near is lower
            near = np.clip(x + 10.0 ** rng.uniform(-6, 0) * rng.standard_normal(x.size), p.xl, p.xu)
            assert penalized(p, cap, near) >= ours - 1e-9 * (1 + abs(ours)), seed
    assert gave_way > 10


def test_the_penalty_agrees_with_a_program_in_more_variables():
    """Minimize ½‖x‖² + 3 (s + t), x₀ + x₁ ≥ 4 − s, x₀ + x₁ ≤ 1 + t, s, t ≥ 0, by SLSQP."""
    peer = minimize(
        lambda v: 0.5 * v[:2] @ v[:2] + 3 * v[2] + 3 * v[3],
        np.zeros(4),
        bounds=[(None, None)] * 2 + [(0, None)] * 2,
        constraints=[
            {"type": "ineq", "fun": lambda v: v[0] + v[1] - 4 + v[2]},
            {"type": "ineq", "fun": lambda v: 1 + v[3] - v[0] - v[1]},
        ],
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    system = System(2, 2)
    inf = np.inf
    system.load(np.eye(2), np.ones((2, 2)), np.zeros(2), np.array([-inf, -inf, 4, -inf]), np.array([inf, inf, inf, 1]))
    found = dual_steps(system, np.zeros(4, dtype=np.int8), np.array([inf, inf, 3, 3]))
    np.testing.assert_allclose(found.basic.d, peer.x[:2], atol=1e-6)


def test_contradictory_rows_without_caps_are_infeasible_and_redundant_ones_are_not():
    inf = np.inf
    system = System(1, 2)
    system.load(np.eye(1), np.ones((2, 1)), np.zeros(1), np.array([-inf, 1.0, 2.0]), np.array([inf, 1.0, 2.0]))
    assert dual_steps(system, np.zeros(3, dtype=np.int8), np.full(3, inf)).status == "infeasible"
    system.load(np.eye(1), np.ones((2, 1)), np.zeros(1), np.array([-inf, 1.0, 1.0]), np.array([inf, 1.0, 1.0]))
    found = dual_steps(system, np.zeros(3, dtype=np.int8), np.full(3, inf))
    assert found.status == "optimal" and found.basic.d[0] == pytest.approx(1.0)


def test_an_indefinite_model_is_given_back():
    system = System(1, 0)
    system.load(-np.eye(1), np.zeros((0, 1)), np.ones(1), -np.ones(1), np.ones(1))
    assert dual_steps(system, np.zeros(1, dtype=np.int8), np.full(1, np.inf)) is None
