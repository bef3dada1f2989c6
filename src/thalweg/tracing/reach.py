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
_answers: dict[str, dict[str, Answer]] = {}  # the table, module by module
_modules: dict[str, _Module] = {}
_bound: dict[tuple[int, Any], _Bound] = {}


def reaches(module: str, *names: str) -> Callable[[Answer], Answer]:
    """Enter a function in the table: ``answer(original, *args, **kwargs)``."""

    def enter(answer: Answer) -> Answer:
        for name in names:
            REACH[module, name] = answer
            _answers.setdefault(module, {})[name] = answer
        return answer

    return enter


class _Module:
    """The names of one module that stand in the table: answered by stand-ins, all together, while any trace runs."""

    __slots__ = ("answers", "count", "namespace", "originals", "stand_ins")

    def __init__(self, namespace: dict[str, Any], answers: dict[str, Answer]) -> None:
        self.namespace = namespace
        self.answers = answers
        self.originals: dict[str, Any] = {}
        self.stand_ins: dict[str, Any] = {}
        self.count = 0

    def enter(self) -> None:
        self.count += 1
        if self.count > 1:
            return
        found_at, originals = self.namespace.get, self.originals
        for name, answer in self.answers.items():
            found = found_at(name)
            if found is not originals.get(name):  # the first time, or somebody bound the name anew since
                originals[name] = found
                if found is None:
                    del self.stand_ins[name]
                else:
                    self.stand_ins[name] = _stand_in(found, answer)
        self.namespace.update(self.stand_ins)

    def leave(self) -> None:
        self.count -= 1
        if self.count:
            return
        namespace, originals = self.namespace, self.originals
        for name, stand_in in self.stand_ins.items():
            if namespace.get(name) is stand_in:  # not if it was bound anew
                namespace[name] = originals[name]


class _Bound:
    """A name or a cell of the user's that holds a function of the table, and how many traces need its stand-in."""

    __slots__ = ("count", "original", "read", "write")

    def __init__(self, original: Any, write: Callable[[Any], None], read: Callable[[], Any]) -> None:
        self.original = original
        self.write = write
        self.read = read
        self.count = 0


@contextlib.contextmanager
def reach(f: Any, around: Surroundings | None = None) -> Iterator[Any]:
    """While the block runs, calls in this thread of what is in the table are answered by it.

    Gives what to call for ``f``: itself, or our answer if it stands in the table (``tw.grad(scipy.linalg.det)``).
    """
    around = around or Surroundings(f)
    with _lock:
        modules = _enter_modules()
        keys = _enter_bound_names(around)
    try:
        yield answered(f)
    finally:
        with _lock:
            for module in modules:
                module.leave()
            for key in keys:
                bound = _bound[key]
                bound.count -= 1
                if bound.count == 0:
                    del _bound[key]
                    if bound.read() is _stand_ins[bound.original]:  # not if the user's code bound the name anew
                        bound.write(bound.original)


def answered(f: Any) -> Any:
    """What to call for ``f`` while a trace runs: our answer if it stands in the table, else itself."""
    return functools.partial(_stand_ins[f].answer, f) if _is_known(f) else f


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


def _enter_modules() -> list[_Module]:
    entered = []
    for name, answers in _answers.items():
        module = sys.modules.get(name)
        if module is None:
            continue
        known = _modules.get(name)
        if known is None or known.namespace is not module.__dict__:
            known = _modules[name] = _Module(module.__dict__, answers)
        known.enter()
        entered.append(known)
    return entered


def _enter_bound_names(around: Surroundings) -> set[tuple[int, Any]]:
    keys: set[tuple[int, Any]] = set()
    for function in around.functions:
        namespace = function.__globals__
        for name in global_names(function.__code__):
            key: tuple[int, Any] = (id(namespace), name)
            if key not in keys and (key in _bound or _is_known(namespace.get(name))):
                _enter_bound(key, _name_in(namespace, name))
                keys.add(key)
    for cell, _ in around.cells:
        key = (id(cell), None)
        if key not in keys and (key in _bound or _is_known(_content(cell))):
            _enter_bound(key, _cell(cell))
            keys.add(key)
    return keys


def _enter_bound(key: tuple[int, Any], place: tuple[Callable[[Any], None], Callable[[], Any]]) -> None:
    bound = _bound.get(key)
    if bound is None:
        write, read = place
        original = read()
        bound = _bound[key] = _Bound(original, write, read)
        write(_stand_ins[original])
    bound.count += 1


def _name_in(namespace: dict[str, Any], name: str) -> tuple[Callable[[Any], None], Callable[[], Any]]:
    def write(value: Any) -> None:
        namespace[name] = value

    return write, lambda: namespace.get(name)


def _cell(cell: Any) -> tuple[Callable[[Any], None], Callable[[], Any]]:
    def write(value: Any) -> None:
        cell.cell_contents = value

    return write, lambda: _content(cell)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None


def _is_known(value: Any) -> bool:
    try:
        return value in _stand_ins
    except TypeError:  # not hashable
        return False
