"""The time limit, where it is asked for: in long computations of which an engine does not see the parts.

A gradient by differences, or a Hessian by differences of gradients, is many calls of the user's function.  The loop
sets a deadline around its turns, and these computations ask for it between the calls.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

__all__ = ["OutOfTime", "check", "until"]

_deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))


class OutOfTime(Exception):
    """The time limit passed; raised by `Run.evaluate`, `Run.check` and `check`, caught by the loop."""


@contextmanager
def until(deadline: float) -> Generator[None]:
    """Let `check` raise `OutOfTime` within this block once `perf_counter` has passed the deadline.

    Examples
    --------
    >>> check()
    >>> try:
    ...     with until(perf_counter() - 1.0):
    ...         check()
    ... except OutOfTime:
    ...     print("out of time")
    out of time
    """
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def check() -> None:
    """Raise `OutOfTime` once the deadline has passed."""
    if perf_counter() > _deadline.get():
        raise OutOfTime
