"""Who calls: the user's code, the Python code of another package, or compiled code without a frame of its own.

Compiled code (``numpy.random``, SciPy's extension modules) may call ``np.asarray`` and then read the memory of what it
gets without asking what it is; it must be given NumPy's own arrays. It has no Python frame, so the frame found is that
of the Python code which called it. That frame tells: its instruction at work is then a call of some other name.
"""

from __future__ import annotations

import ast
import linecache
import types
from itertools import islice
from typing import Any

_callees: dict[tuple[types.CodeType, int], str | None] = {}


def calls_by_name(frame: types.FrameType, function: Any) -> bool:
    """Whether the call at work in ``frame`` is one of ``function`` by name, rather than of something that calls it."""
    code = frame.f_code
    key = (code, frame.f_lasti)
    if key not in _callees:
        if len(_callees) > 10_000:
            _callees.clear()
        _callees[key] = _callee(*key)
    name = _callees[key]
    if name is not None:
        return name == function.__name__ or _stands_for(frame, name, function)
    if function.__name__ in code.co_names:  # no source to look at: the name is at least mentioned
        return True
    return any(_stands_for(frame, n, function) for n in (*code.co_names, *code.co_varnames, *code.co_freevars))


def _stands_for(frame: types.FrameType, name: str, function: Any) -> bool:
    value = frame.f_locals.get(name, frame.f_globals.get(name))
    return value is function or getattr(value, "__wrapped__", None) is function


def _callee(code: types.CodeType, offset: int) -> str | None:
    """The last name of what is called (``zeros`` in ``np.zeros(3)``); ``""`` for no call, ``None`` without a source."""
    start, end, left, right = next(islice(code.co_positions(), offset // 2, None), (None,) * 4)
    if start is None or end is None or left is None or right is None:
        return None
    lines = [line.encode() for line in linecache.getlines(code.co_filename)[start - 1 : end]]
    if len(lines) != end - start + 1:
        return None
    lines[-1] = lines[-1][:right]
    lines[0] = lines[0][left:]
    try:
        found = ast.parse("(" + b"".join(lines).decode() + ")", mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(found, ast.Call):
        return ""
    called = found.func
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
