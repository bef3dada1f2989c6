"""Bounds of the variables in the forms that people give them, as two vectors.

- one pair ``(lower, upper)`` for all variables; ``None`` or ±inf where there is no side;
- a pair a variable, ``[(0, 1), (None, 5)]``, as SciPy has it;
- two arrays (or nested structures as x0) ``(lower, upper)``; also a tuple of two lists with a number for each variable,
  ``([0, 0], [1, 4])``, as SciPy's ``least_squares`` and ``curve_fit`` have it;
- a dict from names to pairs, ``{"a": (0, None)}``, for a starting point that is a dict, or a formula's variables;
- SciPy's ``Bounds``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .problem import Vector
from .structure import Structure, structure_of

__all__ = ["read_bounds"]


def read_bounds(bounds: Any, layout: Structure, x0: Any) -> tuple[Vector, Vector]:
    """Return lower and upper bounds of the flat vector, ±∞ where there is none.

    Examples
    --------
    >>> layout = structure_of([1.0, 2.0])
    >>> read_bounds([(0, None), (None, 5)], layout, [1.0, 2.0])
    (array([ 0., -inf]), array([inf,  5.]))
    >>> read_bounds((0, None), layout, [1.0, 2.0])
    (array([0., 0.]), array([inf, inf]))
    >>> read_bounds(([0, 0], [1, None]), layout, [1.0, 2.0])
    (array([0., 0.]), array([ 1., inf]))
    """
    n = layout.start.size
    if bounds is None:
        return np.full(n, -np.inf), np.full(n, np.inf)
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        lower, upper = _side(bounds.lb, n, -np.inf), _side(bounds.ub, n, np.inf)
    elif isinstance(bounds, Mapping):
        lower, upper = _named(bounds, layout, x0)
    elif _is_pair(bounds) and (n == 1 or not all(_is_pair(item) for item in bounds)):
        if n == 1 and _is_pair(bounds[0]):
            bounds = bounds[0]
        lower, upper = _sides(bounds[0], layout, -np.inf), _sides(bounds[1], layout, np.inf)
    elif _is_sides(bounds, n):
        lower, upper = _sides(bounds[0], layout, -np.inf), _sides(bounds[1], layout, np.inf)
    else:
        lower, upper = _pairs(bounds, n)
    return _checked(lower, upper, layout.names)


def _checked(lower: Vector, upper: Vector, names: Sequence[str]) -> tuple[Vector, Vector]:
    if np.isnan(lower).any() or np.isnan(upper).any():
        raise ArgumentError(f"A bound of {names[int(np.argmax(np.isnan(lower) | np.isnan(upper)))]} is NaN.")
    empty = (lower > upper) | (lower == np.inf) | (upper == -np.inf)
    if empty.any():
        j = int(np.argmax(empty))
        raise ArgumentError(
            f"The bounds of {names[j]} leave no number: {lower[j]:g} <= {names[j]} <= {upper[j]:g}. Are they swapped?"
        )
    return lower, upper


def _is_pair(item: Any) -> bool:
    """Whether it is a pair of two numbers or None."""
    if not isinstance(item, (tuple, list, np.ndarray)) or len(item) != 2:
        return False
    return all(side is None or np.ndim(side) == 0 for side in item)


def _is_sides(bounds: Any, n: int) -> bool:
    """Whether it is two arrays or structures, or a tuple of two lists of n numbers; other twos of two are pairs."""
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        return False
    if isinstance(bounds, tuple) and all(isinstance(side, list) and len(side) == n for side in bounds):
        return True
    for side in bounds:
        if isinstance(side, Mapping) or (isinstance(side, np.ndarray) and side.ndim > 0):
            return True
        if isinstance(side, (list, tuple)) and len(side) > 2:
            return True
    return False


def _sides(side: Any, layout: Structure, nothing: float) -> Vector:
    n = layout.start.size
    if side is None or (np.ndim(side) == 0 and not isinstance(side, Mapping)):
        return _side(nothing if side is None else side, n, nothing)
    if isinstance(side, (list, tuple)) and any(item is None for item in side):
        side = [nothing if item is None else item for item in side]
    flat = side if isinstance(side, np.ndarray) else structure_of(side).start
    if np.size(flat) != n:
        raise ArgumentError(f"A side of the bounds has {np.size(flat)} numbers, but there are {n} variables.")
    return _side(np.ravel(flat), n, nothing)


def _side(side: Any, n: int, nothing: float) -> Vector:
    try:
        array = np.asarray(nothing if side is None else side, dtype=np.float64)
        return np.broadcast_to(array.ravel() if array.ndim else array, (n,)).copy()
    except (TypeError, ValueError):
        raise ArgumentError(f"A side of the bounds must be a number or {n} numbers, not {side!r}.") from None


def _pairs(bounds: Any, n: int) -> tuple[Vector, Vector]:
    try:
        pairs = list(bounds)
    except TypeError:
        raise ArgumentError(f"bounds must be pairs (lower, upper), not {bounds!r}.") from None
    if len(pairs) != n:
        raise ArgumentError(f"There are {len(pairs)} pairs of bounds, but {n} variable{'s' * (n != 1)}.")
    lower, upper = np.empty(n), np.empty(n)
    for j, pair in enumerate(pairs):
        lower[j], upper[j] = _pair(pair, f"variable {j}")
    return lower, upper


def _pair(pair: Any, name: str) -> tuple[float, float]:
    if pair is None:
        return -np.inf, np.inf
    if not _is_pair(pair):
        raise ArgumentError(f"The bounds of {name} must be a pair (lower, upper), not {pair!r}.")
    low, high = pair
    try:
        return (-np.inf if low is None else float(low)), (np.inf if high is None else float(high))
    except (TypeError, ValueError):
        raise ArgumentError(f"The bounds of {name} must be two numbers, not {pair!r}.") from None


def _named(bounds: Mapping[Any, Any], layout: Structure, x0: Any) -> tuple[Vector, Vector]:
    """Pairs by the name of a coordinate, or of a whole array in a dict."""
    n = layout.start.size
    lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
    for name, pair in bounds.items():
        places = [j for j, known in enumerate(layout.names) if known == name or _within(known, str(name))]
        if not places:
            raise ArgumentError(
                f"There are bounds for {name!r}, but no variable of that name; there are {_few(layout.names)}."
            )
        if pair is None:
            continue
        if not isinstance(pair, (tuple, list, np.ndarray)) or len(pair) != 2:
            raise ArgumentError(f"The bounds of {name} must be a pair (lower, upper), not {pair!r}.")
        lower[places], upper[places] = _side(pair[0], len(places), -np.inf), _side(pair[1], len(places), np.inf)
    return lower, upper


def _within(known: str, name: str) -> bool:
    return known.startswith((name + "[", name + "."))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
