"""Places: which line of the user's code a node, and so an error, belongs to."""

from __future__ import annotations

import os
import threading
from typing import Any

from thalweg.errors import ShapeError


class _Location(threading.local):
    """The line of the user's code that the nodes made now belong to: ``(code, instruction offset)``."""

    where: tuple[Any, int] | None = None


location = _Location()


_OWN_FILES = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def place(where: Any) -> tuple[str, int] | None:
    if where is None:
        return None
    if isinstance(where[0], str):
        return where
    code, offset = where
    if code.co_filename.startswith(_OWN_FILES):
        return None
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= offset < end and number is not None:
            line = number
            break
    return code.co_filename, line


def describe_place(where: Any) -> str:
    """``file.py:7  y = np.sqrt(x - 2)``: where a node comes from, as errors show it."""
    at = place(where)
    if at is None:
        return ""
    if at[0].startswith("formula: "):
        return at[0]
    import linecache

    text = linecache.getline(*at).strip()
    name = at[0].rsplit("/", 1)[-1].rsplit("\\", 1)[-1]
    return f"{name}:{at[1]}  {text}".rstrip()


def shape_error(message: str) -> ShapeError:
    """A `ShapeError` that ends with the line of the user's code that is at work."""
    at = describe_place(location.where)
    return ShapeError(f"{message}\n  at {at}" if at else message)
