"""Constraints and bounds as they are typed: `x + y = 1`, `0 <= x <= 5`. They are read as formulas, never executed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.cli.arguments import Value, split_at_commas
from thalweg.errors import ArgumentError
from thalweg.formula import Formula, formula

SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
#: Where unknowns without bounds are tried, until the formula has a value.
TRIED = (0.0, 1.0, 0.5, -1.0, 2.0)


@dataclass(frozen=True)
class Bound:
    """Sides of one unknown, or of one entry of it: `x`, `w[0]`."""

    unknown: str
    entry: str
    lower: float = -math.inf
    upper: float = math.inf


def read_comparisons(texts: Sequence[str], option: str) -> list[Formula]:
    """The comparisons of all texts; commas outside of brackets separate them, and the option may be repeated."""
    found = []
    for text in texts:
        for item in _items(text, option):
            read = formula(item.strip())
            if not read.is_comparison:
                raise ArgumentError(
                    f'{option}: {read.text} is no comparison; write it with =, <= or >=, as in "x + y = 1"'
                )
            if "!=" in read.relations:
                raise ArgumentError(f"{option}: {read.text} says 'not equal', which bounds nothing")
            found.append(read)
    return found


def _items(text: str, option: str) -> list[str]:
    try:
        return split_at_commas(text, option)
    except ArgumentError:  # a bracket too many or too few: the formula's own error shows where
        formula(text.strip())
        raise


def as_bound(read: Formula) -> Bound | None:
    """The bound that a comparison is, or None where it is more: two unknowns, or a formula of one."""
    parts, signs = read.parts, read.relations
    places = [k for k, part in enumerate(parts) if part.program and any(s.op == "variable" for s in part.program)]
    if len(places) != 1:
        return None
    (place,) = places
    name = _unknown(parts[place])
    if name is None:
        return None
    lower, upper = -math.inf, math.inf
    for k, part in enumerate(parts):
        if k == place:
            continue
        if abs(k - place) > 1:
            return None  # 0 <= 1 <= x
        sign = signs[k] if k < place else SWAPPED[signs[place]]  # number sign x
        number = float(part(**dict.fromkeys(part.variables, 0.0)))
        if sign in ("<", "<=", "="):
            lower = max(lower, number)
        if sign in (">", ">=", "="):
            upper = min(upper, number)
    return Bound(name[0], name[1], lower, upper)


def _unknown(part: Formula) -> tuple[str, str] | None:
    """`x` → (x, x) and `w[0]` → (w, w[0]); None for anything more."""
    first, *rest = part.program
    if first.op != "variable":
        return None
    if not rest:
        return first.value, first.value
    if len(rest) == 1 and rest[0].op == "entry" and all(isinstance(k, int) and k >= 0 for k in rest[0].value):
        return first.value, f"{first.value}[{','.join(map(str, rest[0].value))}]"
    return None


def as_bounds(comparisons: Sequence[Formula], option: str) -> list[Bound]:
    """The bounds that comparisons are, all of them."""
    found = []
    for read in comparisons:
        bound = as_bound(read)
        if bound is None:
            raise ArgumentError(
                f'{option}: {read.text} does not bound one unknown by numbers, as "0 <= x <= 5" does; use --subject-to'
            )
        found.append(bound)
    return found


def sides(bounds: Sequence[Bound]) -> dict[str, tuple[float, float]]:
    """Lower and upper side of each name, of all bounds together, as `bounds=` takes them."""
    found: dict[str, tuple[float, float]] = {}
    for bound in bounds:
        low, high = found.get(bound.entry, (-math.inf, math.inf))
        found[bound.entry] = max(low, bound.lower), min(high, bound.upper)
    return found


def guessed(
    names: Sequence[str], bounds: Sequence[Bound], given: Mapping[str, Value], value: Callable[[dict[str, Value]], Any]
) -> dict[str, Value]:
    """A number for each name to start from: inside its bounds, and where the formula has a value if that is found."""
    known = sides(bounds)

    def at(free: float) -> dict[str, Value]:
        return {**given, **{name: _inside(*known.get(name, (-math.inf, math.inf)), free) for name in names}}

    for free in TRIED:
        point = at(free)
        if np.isfinite(value(point)).all():
            return point
    return at(TRIED[0])


def _inside(lower: float, upper: float, free: float) -> float:
    if math.isfinite(lower) and math.isfinite(upper):
        return 0.5 * (lower + upper)
    if math.isfinite(lower):
        return lower + max(1.0, abs(lower))
    if math.isfinite(upper):
        return upper - max(1.0, abs(upper))
    return free
