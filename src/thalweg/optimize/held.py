r"""Each constraint at the solution: how it holds, what holds it there, and what it would give to move it.

A row  lower ≤ c ≤ upper  is *active* where c stands on a side, to the sixth digit; an equality always.  Its multiplier
and its shadow price are those of `relations`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .problem import Vector
from .relations import Relation

if TYPE_CHECKING:
    from .solution import Solution

__all__ = ["Held", "bounds_text", "held", "sentences"]

#: How near to a side a row stands on it, relatively.
NEAR = 1e-6


@dataclass(frozen=True, eq=False)
class Held:
    """A constraint as it was written, at a point.

    Attributes
    ----------
    relation : Relation
        What was written.
    values : array
        Of its rows: left side minus right side, or the middle of a range.
    signed : array
        Multipliers as solvers see them: positive where the upper side holds the row.
    """

    relation: Relation
    values: Vector
    signed: Vector

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which rows stand on a side."""
        relation, values = self.relation, self.values
        return _at(values, relation.lower) | _at(values, relation.upper) | (relation.lower == relation.upper)

    @property
    def violation(self) -> Vector:
        """By how much each row is violated."""
        over = np.maximum(self.relation.lower - self.values, self.values - self.relation.upper)
        return np.asarray(np.maximum(over, 0.0))

    @property
    def multiplier(self) -> Vector:
        """λ of each row, as `Solution.multipliers` has it."""
        return (-self.signed if self.relation.sign == ">=" else self.signed) + 0.0

    @property
    def price(self) -> Vector:
        """The shadow price of each row."""
        return 0.0 - self.signed

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: numbers for a single comparison, nested lists for an array of them."""
        shape = self.relation.shape

        def plain(values: Any) -> Any:
            return np.reshape(values, shape).tolist()

        return {
            "text": self.relation.text,
            "place": self.relation.place,
            "sign": self.relation.sign,
            "active": plain(self.active),
            "violation": plain(self.violation),
            "multiplier": plain(self.multiplier),
            "shadow_price": plain(self.price),
        }


def _at(values: Any, side: Any) -> NDArray[np.bool_]:
    """Whether values stand on a side."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(side) & (np.abs(values - side) <= NEAR * (1 + np.abs(side))))


def held(s: Solution) -> tuple[Held, ...]:
    """Return the constraints of a solution in the order in which they were written."""
    built = s.built
    if built is None or not built.relations.all:
        return ()
    whole = s.flat if built.free is None else np.array(built.fixed)
    if built.free is not None:
        whole[built.free] = s.flat
    found, row = [], 0
    for relation, signed in built.relations.signed(s.y, s.over_all(s.z), *s.sides()):
        if relation.variables is None:
            values = s.c[row : row + relation.size]
            row += relation.size
        else:
            values = whole[relation.variables]
        found.append(Held(relation, values, signed))
    return tuple(found)


def sentences(held: Held, shown: int = 2) -> list[str]:
    """Say what raising a right side does to the optimum, for the rows where it does most.

    Examples
    --------
    >>> line = Relation("x + y == 1", "", "==", (), np.zeros(1), np.zeros(1))
    >>> sentences(Held(line, np.zeros(1), np.array([-1.0])))
    ['raising the right side of x + y == 1 by 1 changes the optimum by about +1']
    """
    price, relation = held.price, held.relation
    largest = float(np.max(np.abs(price), initial=0.0))
    rows = [k for k in np.argsort(-np.abs(price), kind="stable") if abs(price[k]) > NEAR * max(1.0, largest)]
    found = []
    for k in rows[:shown]:
        side = "right side"
        if relation.sign == "between":
            side = "upper side" if held.signed[k] > 0 else "lower side"
        name = relation.row_name(int(k))
        found.append(f"raising the {side} of {name} by 1 changes the optimum by about {price[k]:+.4g}")
    return found


def bounds_text(s: Solution, shown: int = 4) -> str:
    """The active bounds of the argument `bounds`, in words; empty where there are none."""
    built = s.built
    if built is None or built.lower is None or built.upper is None or built.layout is None:
        return ""
    given = np.isfinite(built.lower) | np.isfinite(built.upper)
    if not given.any():
        return ""
    whole, z = s.flat, s.z
    if built.free is not None:
        whole, z = np.array(built.fixed), s.over_all(s.z)
        whole[built.free] = s.flat
    rest = built.relations.left_over(z, *s.sides()) if z.size else np.zeros(whole.size)
    parts = []
    for j in np.flatnonzero(given):
        low, high, name = built.lower[j], built.upper[j], built.layout.names[j]
        if low == high:
            parts.append(f"{name} fixed at {low:.6g}")
        elif _at(whole[j], low):
            parts.append(f"{name} at its lower bound {low:.6g}, multiplier {rest[j] + 0.0:.4g}")
        elif _at(whole[j], high):
            parts.append(f"{name} at its upper bound {high:.6g}, multiplier {rest[j] + 0.0:.4g}")
    more = [f"{len(parts) - shown} more"] if len(parts) > shown else []
    return "; ".join(parts[:shown] + more) or "none is active"
