"""Points written in a shell: `x=-1.2,y=1`, `w=[1, 2, 3]`, `t=pi/2` → named numbers and arrays.

A value is a number, a constant formula, or a (nested) list of these in square brackets. Formulas are read by
the grammar of `thalweg.formula`, so nothing that is typed here is ever executed as code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from unicodedata import normalize

import numpy as np

from thalweg.errors import ArgumentError, FormulaError

Value = float | np.ndarray

MAX_DEPTH = 32


def read_point(texts: Sequence[str], option: str) -> dict[str, Value]:
    """All of `texts` (the option may be repeated) as one point. `option` is named in errors."""
    point: dict[str, Value] = {}
    for text in texts:
        for item in split_at_commas(text, option):
            name, equals, value = (part.strip() for part in normalize("NFKC", item).partition("="))
            if not (equals and name and value):
                raise ArgumentError(f"{option}: {item.strip()!r} is not of the form name=value, as in {option} x=1,y=2")
            if "[" in name:
                vector = name.split("[")[0]
                raise ArgumentError(f"{option}: give all of {vector} at once, as in {option} {vector}=[1,2,3]")
            if name in point:
                raise ArgumentError(f"{option}: {name} is given twice")
            point[name] = read_value(value, name, option)
    return point


def read_value(text: str, name: str, option: str) -> Value:
    if not text.startswith("["):
        return read_number(text, name, option)
    if not text.endswith("]"):
        raise ArgumentError(f"{option}: the list {name}={text} needs a closing bracket ]")
    items = [read_value(item.strip(), name, option) for item in split_at_commas(text[1:-1], option)]
    if not items:
        raise ArgumentError(f"{option}: {name}=[] is empty; give at least one number")
    if len({np.shape(item) for item in items}) > 1:
        raise ArgumentError(f"{option}: the rows of {name}={text} differ in length")
    return np.array(items, dtype=float)


def read_number(text: str, name: str, option: str) -> float:
    try:
        number = constant(text)
    except (ValueError, FormulaError):
        raise ArgumentError(f"{option}: {name}={text} is not a number") from None
    if not math.isfinite(number):
        raise ArgumentError(f"{option}: {name}={text} is not finite")
    return number


def constant(text: str) -> float:
    """A number, or a formula without variables such as `pi/2` and `-sqrt(2)`."""
    try:
        return float(text)
    except ValueError:
        from thalweg.formula import formula

        value = formula(text, variables=())()
        if np.ndim(value):
            raise ValueError(text) from None
        return float(value)


def split_at_commas(text: str, option: str) -> list[str]:
    """Split at the commas that stand in no bracket. A text of blanks gives no items."""
    items, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "[(") - (letter in "])")
        if depth > MAX_DEPTH:
            raise ArgumentError(f"{option}: brackets are nested more than {MAX_DEPTH} deep")
        if depth < 0:
            raise ArgumentError(f"{option}: {text!r} has a closing bracket {letter} that was never opened")
        if letter == "," and depth == 0:
            items.append(text[start:place])
            start = place + 1
    if depth:
        raise ArgumentError(f"{option}: {text!r} has a bracket that is never closed")
    last = text[start:]
    return [*items, last] if items or last.strip() else []


def write_point(point: dict[str, Value]) -> str:
    """The inverse of `read_point`, to full precision: what `--quiet` prints can be given to `--start`."""
    return ",".join(f"{name}={write_value(value)}" for name, value in point.items())


def write_value(value: Value) -> str:
    if np.ndim(value) == 0:
        return repr(float(value))
    return "[" + ",".join(write_value(item) for item in np.asarray(value)) + "]"
