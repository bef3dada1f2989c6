"""``docs/ops.md``, made from the tables themselves: ``python -m thalweg.tracing.table > docs/ops.md``."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special

import thalweg.tracing.functions.special  # noqa: F401  (loads late by itself)
from thalweg.graph import OPS
from thalweg.tracing.reach import REACH
from thalweg.tracing.tracer import FUNCTIONS, UFUNC_METHODS, UFUNCS, Tracer

_INTRODUCTION = """\
# What can be differentiated

All of the following work in a function that is written with plain `numpy`, `scipy` and `math`, in forward and reverse
mode and to any order, with NumPy's broadcasting, `axis`, `keepdims`, negative axes and empty arrays. Whatever is not
listed raises an `UnsupportedError` that names the call and the line, unless it is applied to values that do not depend
on the variables: then NumPy itself answers.

This page is made from the tables of the library by `python -m thalweg.tracing.table`.
"""

_KINKS = """\
Where a function has a corner, a jump or a pole, the library keeps to these conventions. In the chain rule an exact zero
wins: 0·∞ = 0, so the branch that `where` did not take and a factor that is exactly 0 do no harm. Outside its domain a
function is NaN, and so are its derivatives. (√s)² and |x|² are simplified to s ≥ 0 and x², so that ‖x‖² has the Hessian
2I at 0 as the square of a norm too.
"""

# ops that go by another name in NumPy
_PUBLIC_NAMES = {
    "cast": "astype", "cummax": "maximum.accumulate", "cummin": "minimum.accumulate", "exponent": "frexp",
    "triangular_solve": "solve_triangular",
}  # fmt: skip


def markdown() -> str:
    """The page."""
    sections = {
        "NumPy: elementwise functions": _names_of(np, "np", UFUNCS),
        "NumPy: methods of these functions": _ufunc_methods(),
        "NumPy: other functions": _names_of(np, "np", FUNCTIONS, _reached("numpy")),
        "NumPy: linear algebra": _names_of(np.linalg, "np.linalg", FUNCTIONS, _reached("numpy.linalg")),
        "Arrays: methods and attributes": _array_methods(),
        "`scipy.special`": _names_of(scipy.special, "special", UFUNCS, _reached("scipy.special")),
        "`scipy.linalg`": [f"linalg.{n}" for n in _reached("scipy.linalg")],
        "Python's `math`": [f"math.{n}" for n in _reached("math")],
    }
    supported = {name.split(".")[-1] for names in sections.values() for name in names}
    parts = [_INTRODUCTION]
    for title, names in sections.items():
        parts += [f"## {title}\n", _listed(names)]
    rows = ["| function | derivative |", "|---|---|", *_conventions(supported)]
    return "\n".join([*parts, "## Conventions at kinks\n", _KINKS, "\n".join(rows), ""])


def _listed(names: Iterable[str]) -> str:
    text = ", ".join(f"`{n}`" for n in names)
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _names_of(module: Any, prefix: str, table: Any, reached: Iterable[str] = ()) -> list[str]:
    """The public names of a module that are in a table, or answered by reach."""
    found = set(reached)
    for name in dir(module):
        value = getattr(module, name)
        if not name.startswith("_") and callable(value) and _is_key(value, table) and not _refuses(table[value]):
            found.add(name)
    return [f"{prefix}.{name}" for name in sorted(found, key=str.lower)]


def _is_key(value: Any, table: Any) -> bool:
    try:
        return value in table
    except TypeError:  # not hashable
        return False


def _reached(module: str) -> list[str]:
    return sorted(name for (where, name), answer in REACH.items() if where == module and not _refuses(answer))


def _refuses(answer: Callable[..., Any]) -> bool:
    """Whether all that the answer does is to say what to write instead."""
    cells = getattr(answer, "__closure__", None) or ()
    names = [getattr(f, "__name__", "") for f in (answer, *(cell.cell_contents for cell in cells))]
    return "refusal" in names


def _ufunc_methods() -> list[str]:
    named = sorted(f"np.{name}.{method}" for name, method in UFUNC_METHODS if name != "*")
    return named + [f"….{method}" for name, method in sorted(UFUNC_METHODS) if name == "*"]


def _array_methods() -> list[str]:
    public = set(dir(np.ndarray)) & set(dir(Tracer)) - {"view"}  # a view in another sense
    return sorted(f".{n}" for n in public if not n.startswith("_"))


def _conventions(supported: set[str]) -> Iterator[str]:
    """One row a convention, from the notes of the ops that have a name in public."""
    by_note: dict[str, list[str]] = {}
    for op in OPS.values():
        name = _PUBLIC_NAMES.get(op.name, op.name)
        if op.note and op.family not in ("movement", "contract") and name.split(".")[0] in supported:
            by_note.setdefault(op.note, []).append(f"`{name}`")
    for names, note in sorted((sorted(names), note) for note, names in by_note.items()):
        yield f"| {', '.join(names)} | {note.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    print(markdown(), end="")
