"""The basic solutions of a quadratic program, and what refuses them."""

import numpy as np

from thalweg.optimize.sqp.system import System


def loaded(H, A, g, lo, hi):
    A = np.asarray(A, float).reshape(-1, len(g))
    system = System(len(g), A.shape[0])
    system.load(np.asarray(H, float), A, np.asarray(g, float), np.asarray(lo, float), np.asarray(hi, float))
    return system


def test_the_equations_hold():
    rng = np.random.default_rng(0)
    B, A, g = rng.standard_normal((5, 5)), rng.standard_normal((3, 5)), rng.standard_normal(5)
    H = B.T @ B
    lo, hi = -1 - rng.random(8), 1 + rng.random(8)
    system = loaded(H, A, g, lo, hi)
    sides = np.array([1, 0, 0, -1, 0, 1, 0, 0], dtype=np.int8)
    basic = system.solve(sides)
    assert basic.d[0] == hi[0] and basic.d[3] == lo[3]
    np.testing.assert_allclose((A @ basic.d)[0], hi[5])
    np.testing.assert_allclose(g + H @ basic.d + A.T @ basic.y + basic.dual[:5], 0, atol=1e-12)
    assert (basic.y[1:] == 0).all() and (basic.dual[[1, 2, 4]] == 0).all()
    np.testing.assert_allclose(basic.value, [*basic.d, *(A @ basic.d)], atol=1e-12)


def test_known_duals_enter_the_gradient():
    system = loaded(np.eye(2), [[1.0, 1.0]], [0.0, 0.0], [-9] * 3, [9] * 3)
    basic = system.solve(np.zeros(3, dtype=np.int8), known=np.array([0.0, 3.0, 2.0]))
    np.testing.assert_allclose(basic.d, [-2.0, -5.0])


def test_wrong_inertia_dependent_rows_and_flat_directions_have_no_basic_solution():
    nothing = np.zeros(2, dtype=np.int8)
    assert loaded(np.diag([1.0, -1.0]), [], [0, 0], [-9, -9], [9, 9]).solve(nothing) is None
    assert loaded(np.diag([1.0, -1.0]), [], [0, 0], [-9, -9], [9, 9]).solve(nothing, curvature=False) is not None
    assert loaded(np.diag([1.0, 0.0]), [], [0, 0], [-9, -9], [9, 9]).solve(nothing) is None
    rng = np.random.default_rng(1)
    row = rng.standard_normal(3)
    twice = loaded(np.eye(3), [row, row], np.ones(3), [-9] * 3 + [1, 1], [9] * 3 + [1, 1])
    assert twice.solve(np.array([0, 0, 0, 1, 1], dtype=np.int8)) is None
    assert twice.solve(np.array([0, 0, 0, 1, 0], dtype=np.int8)) is not None


def test_curvature_counts_on_the_null_space_only():
    system = loaded(np.diag([1.0, -1.0]), [[0.0, 1.0]], [1.0, 1.0], [-9, -9, 3], [9, 9, 3])
    basic = system.solve(np.array([0, 0, 1], dtype=np.int8))
    np.testing.assert_allclose(basic.d, [-1.0, 3.0])


def test_a_vertex_of_bounds_alone_needs_no_equations():
    system = loaded(-np.eye(2), [], [1.0, -1.0], [-2, -2], [3, 3])
    basic = system.solve(np.array([-1, 1], dtype=np.int8))
    assert basic.d.tolist() == [-2.0, 3.0]
    np.testing.assert_allclose(basic.dual, [-3.0, 4.0])


def test_another_right_side_is_solved_with_the_same_matrix():
    system = loaded(np.diag([2.0, 4.0]), [[1.0, 1.0]], [0.0, 0.0], [-9, -9, 1], [9, 9, 1])
    basic = system.solve(np.array([0, 0, 1], dtype=np.int8))
    change = system.again(basic, np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(change[:2], basic.d)  # one more unit of the row: as much again
