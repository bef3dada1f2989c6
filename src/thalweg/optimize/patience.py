r"""How much time there is for looking closer, and what would take longer.

A verdict that needs higher derivatives may cost far more than the run that led to the point: Taylor coefficients of
order k take about k² / 2 times the work of the function, and are made anew for every direction.  So what one costs is
estimated from the first, of low order, and none is begun that would not be there in time.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TypeAlias

from .engine import OutOfTime
from .problem import Vector

__all__ = ["Check", "in_time", "time_left"]

#: Called now and then; raises `OutOfTime` when there is no time left.
Check: TypeAlias = Callable[[], None]

#: Seconds that one step may take where it is not known how many are left.
SHORT = 0.5

Line: TypeAlias = Callable[[Vector, Vector, int], Vector]


def time_left(check: Check | None) -> float:
    """Return the seconds that are left; `check` may be the method of a `Run`, which knows.

    Examples
    --------
    >>> time_left(None)
    inf
    """
    if check is None:
        return float("inf")
    try:
        check()
    except OutOfTime:
        return 0.0
    return float(getattr(getattr(check, "__self__", None), "remaining", SHORT))


def in_time(line: Line, check: Check | None) -> Line:
    """Return Taylor coefficients along lines that raise `OutOfTime` rather than to begin what will be late."""
    if check is None:
        return line
    unit = 0.0

    def timed(x: Vector, v: Vector, order: int) -> Vector:
        nonlocal unit
        if time_left(check) <= unit * order:
            raise OutOfTime
        began = perf_counter()
        found = line(x, v, order)
        unit = max(unit, 2 * (perf_counter() - began) / order)
        return found

    return timed
