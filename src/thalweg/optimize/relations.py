r"""What the user wrote as constraints, and how multipliers go back into that shape.

A *relation* is one thing that was written: ``x[0] + x[1] == 1``, ``A @ x <= b`` (a relation of many rows),
``between(lo, g(x), hi)``.  Its rows are rows of c(x), or bounds of single variables where that is all they say.

Solvers use one signed multiplier a row, ∇f + Jᵀy + z = 0, with f as the user wrote it.  The user reads

    L(x, λ) = f(x) + Σ λᵢ gᵢ(x),       a == b:  g = a − b,      a <= b:  g = a − b,      a >= b:  g = b − a,

so that λ ≥ 0 for inequalities at a minimum (and ≤ 0 at a maximum of f).  For a range lo ≤ g ≤ hi the multiplier is that
of g: positive where the upper side holds it, negative where the lower one does.

The *shadow price* of a row is the change of the optimal value when the right side, as written, rises by one: with the
other conventions it would depend on the solver, the side and the sense; this does not.  It is −y.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §12.8 (sensitivity); Luenberger & Ye (4th ed.), §11.7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .problem import Vector

__all__ = ["Nesting", "Relation", "Relations"]


@dataclass(frozen=True, eq=False)
class Relation:
    """One constraint as it was written.

    Attributes
    ----------
    text : str
        As in the user's code: ``x[0] + x[1] == 1``; empty where it cannot be told.
    place : str
        ``model.py:7``; empty where there is none.
    sign : str
        ``==``, ``<=``, ``>=`` or ``between``.
    shape : tuple of int
        Of the comparison.
    lower, upper : array
        Sides of each row, of which the rows of c are the left side minus the right one (for ``between``: the middle).
    variables : array of int or None
        The variable that each row is, where the relation is nothing but bounds; then there are no rows in c.
    degree : float
        1 where it is known to be affine, 2 quadratic …, ∞ where nothing is known.
    """

    text: str
    place: str
    sign: str
    shape: tuple[int, ...]
    lower: Vector
    upper: Vector
    variables: Any = None
    degree: float = float("inf")

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.lower.size)

    def __str__(self) -> str:
        where = f" ({self.place})" if self.place else ""
        return (self.text or f"a constraint of shape {self.shape}") + where

    def row_name(self, k: int) -> str:
        """A name for one row: the text, with an index where there are several."""
        text = self.text or "constraint"
        if self.shape == ():
            return text
        index = ",".join(str(int(i)) for i in np.unravel_index(k, self.shape))
        return f"({text})[{index}]"


@dataclass(frozen=True, eq=False)
class Nesting:
    """From one value a relation to the structure that the relations came in.

    Attributes
    ----------
    places : int, list or dict
        The number of a relation, or lists and dicts of them.

    Examples
    --------
    >>> Nesting({"eq": 0, "ineq": [1, 2]})([7.0, 8.0, 9.0])
    {'eq': 7.0, 'ineq': [8.0, 9.0]}
    """

    places: Any

    def __call__(self, values: list[Any]) -> Any:
        return _nested(self.places, values)


@dataclass(frozen=True, eq=False)
class Relations:
    """All that was written, in order, and the nesting it came in.

    Attributes
    ----------
    all : sequence of Relation
    nest : callable
        From one value a relation to the structure in which `subject_to` returned them.
    """

    all: Sequence[Relation] = ()
    nest: Callable[[list[Any]], Any] = tuple

    @property
    def names(self) -> Sequence[str]:
        """A name for each row of c, made when it is asked for."""
        return _RowNames(self)

    def of_row(self, row: int) -> tuple[Relation, int]:
        """The relation that a row of c belongs to, and its place there."""
        for relation in self.all:
            if relation.variables is None:
                if row < relation.size:
                    return relation, row
                row -= relation.size
        raise IndexError(row)

    def multipliers(self, y: Vector, z: Vector, lower: Vector | None = None, upper: Vector | None = None) -> Any:
        """λ in the structure and shapes of the constraints.

        Parameters
        ----------
        y, z : array
            Signed multipliers of the rows and of the bounds.
        lower, upper : array, optional
            The bounds that held; where several relations bound one variable, its multiplier goes to the first of the
            tightest.
        """
        signed = self._signed(y, z, lower, upper)
        turned = [(-s if relation.sign == ">=" else s) + 0.0 for relation, s in zip(self.all, signed)]
        return self.nest([_shaped(v, r.shape) for v, r in zip(turned, self.all)])

    def shadow_prices(self, y: Vector, z: Vector, lower: Vector | None = None, upper: Vector | None = None) -> Any:
        """Change of the optimal value as the right side of each constraint rises by one, in the same structure."""
        signed = self._signed(y, z, lower, upper)
        return self.nest([_shaped(0.0 - s, r.shape) for s, r in zip(signed, self.all)])

    def signed(
        self, y: Vector, z: Vector, lower: Vector | None = None, upper: Vector | None = None
    ) -> list[tuple[Relation, Vector]]:
        """Each relation with the signed multipliers of its rows, as solvers see them."""
        return list(zip(self.all, self._signed(y, z, lower, upper)))

    def left_over(self, z: Vector, lower: Vector | None, upper: Vector | None) -> Vector:
        """The part of the bounds' multipliers that no relation takes: it belongs to the argument ``bounds``."""
        rest = z.copy()
        for relation, s in self.signed(np.zeros(sum(r.size for r in self.all)), z, lower, upper):
            if relation.variables is not None:
                np.subtract.at(rest, relation.variables, s)
        return rest

    def _signed(self, y: Vector, z: Vector, lower: Vector | None, upper: Vector | None) -> list[Vector]:
        found, row = [], 0
        rest = z.copy()
        for relation in self.all:
            if relation.variables is None:
                found.append(np.asarray(y[row : row + relation.size], dtype=np.float64))
                row += relation.size
                continue
            at = relation.variables
            s = np.zeros(relation.size)
            if rest.size and lower is not None and upper is not None:
                holds = ((rest[at] < 0) & (relation.lower == lower[at])) | (
                    (rest[at] > 0) & (relation.upper == upper[at])
                )
                _, first = np.unique(at, return_index=True)
                once = np.isin(np.arange(relation.size), first) & holds
                s[once] = rest[at[once]]
                rest[at[once]] = 0.0
            found.append(s)
        return found


class _RowNames(Sequence[str]):
    """Names of the rows of c: there may be a hundred thousand, of which none is ever read."""

    def __init__(self, relations: Relations) -> None:
        self._relations = relations
        self._length = sum(r.size for r in relations.all if r.variables is None)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return tuple(self[k] for k in range(*row.indices(self._length)))
        if not -self._length <= row < self._length:
            raise IndexError(row)
        relation, k = self._relations.of_row(int(row) % self._length)
        return relation.row_name(k)


def _nested(places: Any, values: list[Any]) -> Any:
    if isinstance(places, dict):
        return {key: _nested(item, values) for key, item in places.items()}
    if isinstance(places, list):
        return [_nested(item, values) for item in places]
    return values[places]


def _shaped(values: Vector, shape: tuple[int, ...]) -> Any:
    return float(values[0]) if shape == () else values.reshape(shape)
