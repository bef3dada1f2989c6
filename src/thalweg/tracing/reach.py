"""Reach: the calls that NumPy's protocols cannot see.

``np.zeros(n)`` that is filled later, ``np.array([t1, t2])``, ``math.exp(t)`` and SciPy functions that are no ufuncs
never ask their arguments. While a trace runs, names in a small table are answered by ours in the thread of the trace
and by the originals everywhere else; when no trace runs anywhere, the modules are as they were.

Names that the user bound earlier (``from math import exp``) are reached as well: in the globals and closures of the
traced function and of the functions that it can call (`thalweg.tracing.surroundings`).
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from thalweg.tracing.context import running
from thalweg.tracing.surroundings import Surroundings, global_names

Answer = Callable[..., Any]

REACH: dict[tuple[str, str], Answer] = {}
"""(module, name) → our answer; called with the original function first, then the arguments."""

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NUMPY = os.path.dirname(np.__file__)
_INSIDE = (
    *(os.path.join(_HERE, room) for room in ("graph", "ops", "tracing", "transforms", "execution", "calculus")),
    *(os.path.join(_NUMPY, room) for room in ("lib", "_core", "linalg")),
)
"""Who means NumPy's own functions, also while a trace runs: the rooms that build graphs, and the inside of NumPy."""

_lock = threading.Lock()
_stand_ins: dict[Any, Any] = {}  # original → what stands in for it while a trace runs
_patches: dict[tuple[int, Any], _Patch] = {}


def reaches(module: str, *names: str) -> Callable[[Answer], Answer]:
    """Enter a function in the table: ``answer(original, *args, **kwargs)``."""

    def enter(answer: Answer) -> Answer:
        for name in names:
            REACH[module, name] = answer
        return answer

    return enter


class _Patch:
    """One name that is answered by a stand-in, and how many traces need it so."""

    __slots__ = ("count", "original", "read", "write")

    def __init__(self, original: Any, write: Callable[[Any], None], read: Callable[[], Any]) -> None:
        self.original = original
        self.write = write
        self.read = read
        self.count = 0


@contextlib.contextmanager
def reach(f: Any) -> Iterator[Any]:
    """While the block runs, calls in this thread of what is in the table are answered by it.

    Gives what to call for ``f``: itself, or our answer if it stands in the table (``tw.grad(scipy.linalg.det)``).
    """
    with _lock:
        keys = _patch_modules()
        _patch_bound_names(f, keys)
    try:
        yield functools.partial(_stand_ins[f].answer, f) if _is_known(f) else f
    finally:
        with _lock:
            for key in keys:
                patch = _patches[key]
                patch.count -= 1
                if patch.count == 0:
                    del _patches[key]
                    if patch.read() is _stand_ins[patch.original]:  # not if the user's code bound the name anew
                        patch.write(patch.original)


def _stand_in(original: Any, answer: Answer) -> Answer:
    known = _stand_ins.get(original)
    if known is None and not callable(original):
        known = _stand_ins[original] = _Subscripted(original, answer)
    if known is None:

        def call(*args: Any, **kwargs: Any) -> Any:
            if not running.traces or sys._getframe(1).f_code.co_filename.startswith(_INSIDE):
                return original(*args, **kwargs)
            return answer(original, *args, **kwargs)

        call.answer = answer  # type: ignore[attr-defined]
        call.__name__ = getattr(original, "__name__", "call")
        call.__wrapped__ = original  # type: ignore[attr-defined]
        known = _stand_ins[original] = call
    return known


class _Subscripted:
    """Stands in for an object that is used as ``np.c_[…]``."""

    def __init__(self, original: Any, answer: Answer) -> None:
        self.__wrapped__ = original
        self._answer = answer

    def __getitem__(self, key: Any) -> Any:
        if not running.traces or sys._getframe(1).f_code.co_filename.startswith(_INSIDE):
            return self.__wrapped__[key]
        return self._answer(self.__wrapped__, key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)


def _patch_modules() -> list[tuple[int, Any]]:
    keys: list[tuple[int, Any]] = []
    for (module_name, name), answer in REACH.items():
        module = sys.modules.get(module_name)
        if module is not None:
            namespace = module.__dict__
            _patch(keys, namespace, name, namespace.get(name), answer)
    return keys


def _patch(
    keys: list[tuple[int, Any]], namespace: dict[str, Any], name: str, found: Any, answer: Answer | None
) -> None:
    key = (id(namespace), name)
    patch = _patches.get(key)
    if patch is None:
        if found is None:
            return
        stand_in = _stand_in(found, answer) if answer is not None else _stand_ins[found]

        def write(value: Any) -> None:
            namespace[name] = value

        patch = _patches[key] = _Patch(found, write, lambda: namespace.get(name))
        write(stand_in)
    patch.count += 1
    keys.append(key)


def _patch_bound_names(f: Any, keys: list[tuple[int, Any]]) -> None:
    around = Surroundings(f)
    for code in around.functions:
        namespace = code.__globals__
        for name in global_names(code.__code__):
            key = (id(namespace), name)
            if key in _patches:
                if key not in keys:
                    _patches[key].count += 1
                    keys.append(key)
            elif _is_known(value := namespace.get(name)):
                _patch(keys, namespace, name, value, None)
    for cell, content in around.cells:
        if _is_known(content) and (id(cell), None) not in keys:
            _patch_cell(keys, cell, content)


def _is_known(value: Any) -> bool:
    try:
        return value in _stand_ins
    except TypeError:  # not hashable
        return False


def _patch_cell(keys: list[tuple[int, Any]], cell: Any, value: Any) -> None:
    key = (id(cell), None)
    patch = _patches.get(key)
    if patch is None:

        def write(content: Any) -> None:
            cell.cell_contents = content

        patch = _patches[key] = _Patch(value, write, lambda: cell.cell_contents)
        write(_stand_ins[value])
    patch.count += 1
    keys.append(key)
