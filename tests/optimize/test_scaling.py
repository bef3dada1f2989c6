"""Equilibration follows the units of the variables."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from thalweg.optimize.scaling import equilibrate


def random_symmetric(seed, n):
    A = np.random.default_rng(seed).standard_normal((n, n))
    return A + A.T


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_rows_come_near_one_in_any_units(seed, n):
    rng = np.random.default_rng(seed)
    units = 10.0 ** rng.uniform(-8, 8, n)
    H = random_symmetric(seed, n) * np.outer(units, units)
    d = equilibrate(H)
    largest = np.max(np.abs(H) / np.outer(d, d), axis=1)
    assert np.all((largest > 0.8) & (largest < 1.25))


def test_entries_that_are_noise_count_as_zero():
    H = np.diag([4.0, 1e-17])
    assert equilibrate(H)[1] < 1e-8
    np.testing.assert_array_equal(equilibrate(H, np.full((2, 2), 1e-16)), [2.0, 2.0])


def test_a_zero_matrix_gets_unit_scales():
    np.testing.assert_array_equal(equilibrate(np.zeros((3, 3))), np.ones(3))
