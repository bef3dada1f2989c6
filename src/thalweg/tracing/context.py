"""What is known while a trace runs: the values at the point of tracing, and the questions asked of them.

Tracing runs at a given point, so that a traced value can be asked for its truth (``if x[0] > 0``). The answer is worked
out only when asked for, by evaluating the part of the graph that it needs; the question becomes a *guard*, an extra
output with the answer it had. A later call whose guards answer otherwise is traced again.
"""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any

import numpy as np

from thalweg.errors import TraceError
from thalweg.graph import CONSTANT, INPUT, Node, canonical, constant, describe_place, location


class Trace:
    """One run of the user's function on traced arguments."""

    __slots__ = ("catching", "constants", "fleeting", "guards", "package", "values")

    def __init__(self, f: Any = None) -> None:
        while isinstance(f, functools.partial):
            f = f.func
        self.package = (getattr(f, "__module__", None) or "").partition(".")[0]  # where the user's code is
        self.values: dict[Node, Any] = {}  # of inputs: arrays, or nodes of an enclosing trace; of others: as worked out
        self.guards: dict[Node, Any] = {}
        self.constants: dict[int, tuple[Any, Node]] = {}
        self.catching = False  # a factorization stands inside a `try` of the user's code
        self.fleeting = False  # the function asked for something that is new each time: the clock, a fresh random seed


class _Running(threading.local):
    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.moment: object | None = None  # while it stays the same, no code of the user's has run in this thread


running = _Running()


def current() -> Trace:
    """The innermost trace of this thread."""
    if not running.traces:
        raise TraceError(
            "a traced value was used after the function that was being differentiated had ended: "
            "return it from the function instead of storing it elsewhere"
        )
    return running.traces[-1]


def value_of(node: Node) -> Any:
    """The value of ``node`` at the point of tracing."""
    if node.value is not None:
        return node.value
    known = current().values
    stack = [node]
    with np.errstate(all="ignore"):
        while stack:
            n = stack[-1]
            if n in known and not isinstance(known[n], Node):
                stack.pop()
                continue
            if n.op is CONSTANT:
                known[n] = n.value
            elif n.op is INPUT:
                known[n] = _input_value(n)
            else:
                missing = [a for a in n.args if a not in known or isinstance(known[a], Node)]
                if missing:
                    stack.extend(missing)
                    continue
                known[n] = n.op.evaluate(*(known[a] for a in n.args), *n.params)
            stack.pop()
    return known[node]


def _input_value(node: Node) -> Any:
    for trace in reversed(running.traces):
        found = trace.values.get(node)
        if isinstance(found, Node):
            return value_of(found)
        if found is not None:
            return found
    raise TraceError("a traced value was used outside the function that it belongs to: return it instead of storing it")


def concrete(node: Node) -> Any:
    """The value of ``node`` now, remembered as a guard: other calls must find the same value or be traced again."""
    if node.value is not None:
        return node.value
    value = value_of(node)
    current().guards.setdefault(node, value)
    return value


def lift(value: Any) -> Node:
    """A plain array as a constant node. The array is copied, since the user's code may change it later."""
    if means_otherwise(value):
        raise trace_error(refusal(value))
    array = np.asarray(value)
    if array.size <= 32:
        return constant(np.array(canonical(array)))
    memo = running.traces[-1].constants if running.traces else {}
    known = memo.get(id(value))
    if known is not None and known[0] is value and _same(known[1].value, array):
        return known[1]
    kept = canonical(array)
    if not isinstance(value, np.memmap):
        kept = np.array(kept, order="K") if kept is array or kept.base is not None else kept
    node = constant(kept)
    memo[id(value)] = (value, node)
    return node


def means_otherwise(value: Any) -> bool:
    """Whether this is a matrix or a masked array (asked without importing ``numpy.ma``)."""
    kind = type(value)
    return (
        kind is not np.ndarray
        and issubclass(kind, np.ndarray)
        and (issubclass(kind, np.matrix) or hasattr(kind, "mask"))
    )


def refusal(value: Any) -> str:
    """Why an array whose operators mean something else cannot take part: as a plain one it would answer wrongly."""
    if issubclass(value if isinstance(value, type) else type(value), np.matrix):
        return "a np.matrix cannot be differentiated, since its * is a matrix product: give np.asarray(m) and write @"
    return (
        "a masked array cannot be differentiated, since its mask would be lost: "
        "give the values that are to count (a.compressed()), or np.where with the mask"
    )


def _same(a: Any, b: Any) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


# --- the user's line ---

_LIBRARY = ("thalweg.", "numpy.", "scipy.")


def is_library(name: str) -> bool:
    """Whether a module belongs to NumPy, SciPy or Thalweg, rather than to the user."""
    return name.startswith(_LIBRARY) or name in ("thalweg", "numpy", "scipy")


def mark_place(depth: int = 1) -> None:
    """Let the nodes made from now on belong to the line of the user's code that is at work."""
    frame: Any = sys._getframe(depth + 1)
    while frame is not None and is_library(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    location.where = None if frame is None else (frame.f_code, frame.f_lasti)


def here() -> str:
    """The user's line at work, for messages."""
    mark_place(1)
    return describe_place(location.where)


def trace_error(message: str, kind: type[TraceError] = TraceError) -> TraceError:
    """An error that ends with the user's line."""
    at = here()
    return kind(f"{message}\n  at {at}" if at else message)
