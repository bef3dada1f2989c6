"""Shifts: how they grow and what is remembered."""

from thalweg.optimize.interior.inertia import FIRST, MOST, Inertia


def test_shifts_grow_quickly_until_one_is_known():
    inertia = Inertia()
    assert inertia.first() == FIRST and inertia.larger(FIRST) == 100 * FIRST
    inertia.succeeded(9.0)
    assert inertia.first() == 3.0 and inertia.larger(3.0) == 24.0


def test_none_at_all_is_not_remembered():
    inertia = Inertia(last=9.0)
    inertia.succeeded(0.0)
    assert inertia.last == 9.0


def test_there_is_an_end():
    inertia, shift, count = Inertia(), FIRST, 0
    while shift < float("inf"):
        assert shift <= MOST
        shift, count = inertia.larger(shift), count + 1
    assert count < 30
