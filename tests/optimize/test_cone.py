"""The least curvature on a cone, against a fine grid of its directions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from thalweg.optimize.cone import least_on_cone


@given(st.integers(0, 100_000), st.integers(0, 3))
def test_against_a_grid_in_the_plane(seed, k):
    rng = np.random.default_rng(seed)
    H = rng.standard_normal((2, 2))
    H = H + H.T
    B = rng.standard_normal((k, 2))
    angles = np.linspace(0, 2 * np.pi, 20001)
    P = np.stack([np.cos(angles), np.sin(angles)])
    inside = np.all(B @ P <= 0, axis=0)
    least = least_on_cone(H, B)
    assert least.exact
    if inside.any():
        grid = float(np.min(np.einsum("ij,ik,kj->j", P, H, P)[inside]))
        assert least.value <= grid + 1e-12 and abs(least.value - grid) < 1e-2
        assert np.all(B @ least.direction <= 1e-9)
        assert abs(least.direction @ H @ least.direction - least.value) < 1e-12


def test_the_horn_matrix_is_copositive_and_not_more():
    """Positive on the quadrant of five dimensions although it is no sum of a positive one and one without negatives."""
    horn = np.array(
        [[1, -1, 1, 1, -1], [-1, 1, -1, 1, 1], [1, -1, 1, -1, 1], [1, 1, -1, 1, -1], [-1, 1, 1, -1, 1]], float
    )
    assert np.min(np.linalg.eigvalsh(horn)) < -1
    assert abs(least_on_cone(horn, -np.eye(5)).value) < 1e-12
    worse = horn - 0.01 * np.eye(5)
    least = least_on_cone(worse, -np.eye(5))
    assert abs(least.value + 0.01) < 1e-12 and np.all(least.direction >= -1e-9) and not least.both


def test_a_cone_that_is_nothing_and_too_many_rows():
    nothing = np.array([[1.0], [-1.0]])
    assert least_on_cone(-np.eye(1), nothing).value == np.inf
    assert not least_on_cone(np.eye(12), -np.eye(12)).exact
