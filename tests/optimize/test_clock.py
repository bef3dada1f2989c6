"""Deadlines inside long computations."""

from time import perf_counter

import pytest

from thalweg.optimize.clock import OutOfTime, check, until


def test_deadlines_nest_and_end():
    check()
    with until(perf_counter() + 100):
        check()
        with until(perf_counter() - 1), pytest.raises(OutOfTime):
            check()
        check()
    check()


def test_an_error_takes_the_deadline_away():
    with pytest.raises(ValueError, match="broken"), until(perf_counter() - 1):
        raise ValueError("broken")
    check()
