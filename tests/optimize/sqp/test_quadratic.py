"""Quadratic programs against their optimality conditions and against HiGHS and SLSQP."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from optimize.sqp.qp_data import Program, kkt_residual, random_program
from thalweg.errors import ArgumentError
from thalweg.optimize.sqp import solve_qp


def solved(p, **options):
    return solve_qp(p.H, p.g, p.A, p.lower, p.upper, p.xl, p.xu, **options)


@pytest.mark.parametrize("block", range(10))
def test_random_convex_programs_satisfy_the_kkt_conditions(block):
    statuses = set()
    for seed in range(40 * block, 40 * block + 40):
        p = random_program(seed)
        s = solved(p)
        statuses.add(s.status)
        if s.status == "unbounded":  # a ray: no curvature, downhill, away from every side
            along = np.concatenate([s.ray, p.A @ s.ray])
            assert np.abs(p.H @ s.ray).max() < 1e-6 and p.g @ s.ray < 0
            assert not ((along > 1e-6) & np.isfinite(np.concatenate([p.xu, p.upper]))).any()
            assert not ((along < -1e-6) & np.isfinite(np.concatenate([p.xl, p.lower]))).any()
        else:
            assert s.status == "optimal", seed
            assert kkt_residual(p, s.x, s.y, s.z) < 1e-7, seed
            assert s.value == pytest.approx(p.value(s.x), abs=1e-12)
    assert "optimal" in statuses


def test_values_agree_with_slsqp_on_strictly_convex_programs():
    for seed in range(25):
        p = random_program(seed, rank=20)
        s = solved(p)
        rows = [(row, lo, hi) for row, lo, hi in zip(p.A, p.lower, p.upper, strict=True)]
        constraints = []
        for row, lo, hi in rows:
            if lo == hi:
                constraints.append({"type": "eq", "fun": lambda x, r=row, b=lo: r @ x - b})
                continue
            if np.isfinite(lo):
                constraints.append({"type": "ineq", "fun": lambda x, r=row, b=lo: r @ x - b})
            if np.isfinite(hi):
                constraints.append({"type": "ineq", "fun": lambda x, r=row, b=hi: b - r @ x})
        peer = minimize(
            p.value,
            s.x + 0.01,
            jac=lambda x, p=p: p.H @ x + p.g,
            bounds=list(zip(p.xl, p.xu, strict=True)),
            constraints=constraints,
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        if peer.success:
            assert s.value <= peer.fun + 1e-7 * (1 + abs(peer.fun)), seed


def test_linear_programs_agree_with_highs():
    seen = set()
    for seed in range(150):
        rng = np.random.default_rng(seed)
        n, m = int(rng.integers(1, 8)), int(rng.integers(1, 10))
        A, g, b = (np.round(rng.standard_normal(shape), 1) for shape in ((m, n), (n,), (m,)))
        low, high = (-5.0 if seed % 2 else 0.0), (5.0 if seed % 3 else np.inf)
        s = solve_qp(np.zeros((n, n)), g, A, None, b, np.full(n, low), np.full(n, high))
        peer = linprog(g, A_ub=A, b_ub=b, bounds=[(low, high)] * n, method="highs")
        assert s.status == {0: "optimal", 2: "infeasible", 3: "unbounded"}[peer.status], seed
        seen.add(s.status)
        if peer.status == 0:
            assert s.value == pytest.approx(peer.fun, rel=1e-8, abs=1e-8)
    assert seen == {"optimal", "infeasible", "unbounded"}


def test_nonconvex_programs_end_at_a_local_minimum_and_not_at_a_saddle():
    for seed in range(120):
        rng = np.random.default_rng(seed)
        n, m = int(rng.integers(1, 8)), int(rng.integers(0, 6))
        H = rng.standard_normal((n, n))
        A, x = rng.standard_normal((m, n)), rng.standard_normal(n)
        g = rng.standard_normal(n) * (seed % 3 > 0)  # every third without a linear part: the start may be stationary
        p = Program(H + H.T, g, A, A @ x - rng.random(m), A @ x + rng.random(m), x - rng.random(n), x + rng.random(n))
        s = solved(p)
        assert s.status == "optimal"
        assert kkt_residual(p, s.x, s.y, s.z) < 1e-8, seed
        for _ in range(50):
            near = np.clip(s.x + 1e-3 * rng.standard_normal(n), p.xl, p.xu)
            if (p.A @ near <= p.upper).all() and (p.A @ near >= p.lower).all():
                assert p.value(near) >= s.value - 1e-9, seed


def test_a_saddle_at_the_start_is_left():
    s = solve_qp(np.diag([2.0, -2.0]), np.zeros(2), xl=[-1.0, -1.0], xu=[1.0, 1.0])
    assert s.status == "optimal" and s.value == -1.0
    assert abs(s.x[1]) == 1.0 and s.x[0] == 0.0


def test_a_nonconvex_program_without_sides_is_unbounded_along_a_ray():
    s = solve_qp(np.diag([2.0, -2.0]), np.zeros(2))
    assert s.status == "unbounded"
    assert s.ray @ np.diag([2.0, -2.0]) @ s.ray < 0


def test_a_right_guess_needs_no_convex_program():
    for seed in (3, 8, 21, 34):
        p = random_program(seed, rank=20)
        first = solved(p)
        again = solved(p, sides=first.sides)
        assert again.iterations == 0
        np.testing.assert_allclose(again.x, first.x, atol=1e-9)


def test_ranges_are_held_at_either_side():
    for target, x in ((-5.0, -1.0), (5.0, 2.0), (0.5, 0.5)):
        s = solve_qp(np.eye(1), [-target], A=[[1.0]], lower=[-1.0], upper=[2.0])
        assert s.x[0] == x
        assert s.y[0] == pytest.approx(target - x, abs=1e-12)


def test_redundant_rows_share_their_multiplier_and_contradictory_ones_are_infeasible():
    s = solve_qp(np.eye(2), np.zeros(2), A=np.ones((3, 2)), lower=[2.0] * 3, upper=[2.0] * 3)
    assert s.status == "optimal"
    np.testing.assert_allclose(s.x, [1.0, 1.0])
    assert s.y.sum() == pytest.approx(-1.0)
    assert solve_qp(np.eye(1), [0.0], A=[[1.0], [1.0]], lower=[1.0, 2.0], upper=[1.0, 2.0]).status == "infeasible"
    assert solve_qp(np.eye(1), [0.0], A=[[1.0]], lower=[2.0], xu=[1.0]).status == "infeasible"
    assert solve_qp(np.eye(1), [0.0], xl=[2.0], xu=[1.0]).status == "infeasible"


def test_the_answer_does_not_depend_on_the_order_of_the_variables():
    for seed in (0, 5, 9):
        p = random_program(seed, rank=20)
        order = np.random.default_rng(1).permutation(p.g.size)
        q = Program(p.H[np.ix_(order, order)], p.g[order], p.A[:, order], p.lower, p.upper, p.xl[order], p.xu[order])
        np.testing.assert_allclose(solved(q).x, solved(p).x[order], atol=1e-9)


def test_bad_data_is_refused():
    with pytest.raises(ArgumentError, match="shapes"):
        solve_qp(np.eye(2), [1.0])
    with pytest.raises(ArgumentError, match="lower"):
        solve_qp(np.eye(1), [1.0], A=[[1.0]], lower=[0.0, 1.0])
    with pytest.raises(ArgumentError, match="finite"):
        solve_qp(np.eye(1), [np.nan])


def test_the_time_can_run_out():
    class Late(Exception):
        pass

    def check():
        raise Late

    with pytest.raises(Late):
        solve_qp(np.zeros((2, 2)), [-1.0, -2.0], A=[[1.0, 1.0]], upper=[4.0], xl=[0.0, 0.0], check=check)
