"""Reach: the calls that NumPy's protocols cannot see.

``np.zeros(n)`` that is filled later, ``np.array([t1, t2])``, ``math.exp(t)`` and SciPy functions that are no ufuncs
never ask their arguments. While a trace runs, names in a small table are answered by ours in the thread of the trace
and by the originals everywhere else; when no trace runs anywhere, the modules are as they were.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from thalweg.tracing.context import running

REACH: dict[tuple[str, str], Callable[..., Any]] = {}
"""(module, name) → our answer; called with the original function first, then the arguments."""

_lock = threading.Lock()
_depth = 0
_restore: list[tuple[Any, str, Any]] = []


def reaches(module: str, *names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function in the table: ``answer(original, *args, **kwargs)``."""

    def enter(answer: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            REACH[module, name] = answer
        return answer

    return enter


@contextlib.contextmanager
def reach(f: Any) -> Iterator[None]:
    """While the block runs, calls in this thread of what is in the table are answered by it."""
    global _depth
    with _lock:
        if _depth == 0:
            _install()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _uninstall()


def _install() -> None:
    import sys

    for (module_name, name), answer in REACH.items():
        module = sys.modules.get(module_name)
        if module is None:
            continue
        original = getattr(module, name)
        _restore.append((module, name, original))
        setattr(module, name, _in_this_trace(original, answer))


def _uninstall() -> None:
    while _restore:
        module, name, original = _restore.pop()
        setattr(module, name, original)


def _in_this_trace(original: Callable[..., Any], answer: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if not running.traces:
            return original(*args, **kwargs)
        return answer(original, *args, **kwargs)

    return call
