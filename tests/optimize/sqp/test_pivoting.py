"""Guessing sides in blocks."""

import numpy as np

from optimize.sqp.qp_data import kkt_residual, random_program
from thalweg.optimize.sqp.pivoting import block_pivots
from thalweg.optimize.sqp.system import System


def test_where_it_ends_the_program_is_solved():
    ended = 0
    for seed in range(60):
        p = random_program(seed, rank=20)
        n, m = p.g.size, p.A.shape[0]
        system = System(n, m)
        lo, hi = np.concatenate([p.xl, p.lower]), np.concatenate([p.xu, p.upper])
        system.load(p.H, p.A, p.g, lo, hi)
        found = block_pivots(system, (lo == hi).astype(np.int8))
        if found is not None:
            ended += 1
            basic, sides = found
            assert kkt_residual(p, basic.d, basic.y, basic.dual[:n]) < 1e-8, seed
            assert (basic.dual[sides == 0] == 0).all()
    assert ended > 20


def test_many_sides_change_at_once():
    n = 12
    system = System(n, 0)
    g = np.linspace(-5, 5, n)
    system.load(np.eye(n), np.zeros((0, n)), g, -np.ones(n), np.ones(n))
    basic, sides = block_pivots(system, np.zeros(n, dtype=np.int8))
    np.testing.assert_array_equal(basic.d, np.clip(-g, -1, 1))
    assert (sides == np.where(g < -1, 1, np.where(g > 1, -1, 0))).all()


def test_a_program_without_minimum_is_given_back():
    system = System(1, 0)
    system.load(-np.eye(1), np.zeros((0, 1)), np.ones(1), -np.full(1, np.inf), np.full(1, np.inf))
    assert block_pivots(system, np.zeros(1, dtype=np.int8)) is None
