"""Failures that the user's code catches: ``try: np.linalg.cholesky(A) … except LinAlgError: …``.

Whether a matrix can be factorized depends on the values, and a trace has none until it is executed. So where a ``try``
of the user's code is open, the factorization is done at the point of tracing. If it fails, the user's code sees the
error, and that it failed becomes a guard. If it does not, the trace goes on, and a later call in which it fails is
traced again.
"""

from __future__ import annotations

import sys
import types
from functools import lru_cache
from typing import Any

import numpy as np

from thalweg.graph import Node, reachable
from thalweg.ops.failing import fails
from thalweg.tracing.context import current, is_library, value_of


def watch(nodes: list[Node]) -> None:
    """Raise now what computing ``nodes`` would raise, if the user's code is ready to catch it."""
    if not _ready_to_catch():
        return
    trace = current()
    trace.catching = True
    try:
        for n in nodes:
            value_of(n)
    except np.linalg.LinAlgError:
        trace.guards.setdefault(fails(_first_that_fails(nodes)), np.True_)
        raise


def _first_that_fails(nodes: list[Node]) -> Node:
    for n in reachable(nodes):
        try:
            value_of(n)
        except np.linalg.LinAlgError:
            return n
    raise AssertionError("what failed a moment ago does not fail now")


def _ready_to_catch() -> bool:
    """Whether a ``try`` (or ``with``) block of the user's code is open between here and the start of the trace."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name == "thalweg.tracing.trace":
            return False
        if not is_library(name) and any(a <= frame.f_lasti < b for a, b in _protected(frame.f_code)):
            return True
        frame = frame.f_back
    return False


@lru_cache(maxsize=1024)
def _protected(code: types.CodeType) -> tuple[tuple[int, int], ...]:
    """The stretches of a function's instructions that have an exception handler (CPython's exception table)."""
    numbers: list[int] = []
    value = 0
    for byte in code.co_exceptiontable:
        value = value << 6 | byte & 63
        if not byte & 64:  # the last part of a number
            numbers.append(value)
            value = 0
    return tuple((2 * a, 2 * (a + n)) for a, n in zip(numbers[::4], numbers[1::4], strict=False))
