r"""SciPy's constraints, in all their forms, as rows lower ≤ g(x) ≤ upper.

    {"type": "eq", "fun": g, "args": …}      g(x) = 0
    {"type": "ineq", "fun": h, "args": …}    h(x) ≥ 0
    LinearConstraint(A, lb, ub)              lb ≤ A x ≤ ub
    NonlinearConstraint(fun, lb, ub, …)      lb ≤ fun(x) ≤ ub

SciPy reports multipliers in two ways, and programs read both.  With SLSQP ``multipliers`` belong to L = f − Σ λᵢ cᵢ
over its own rows, first all equalities c = 0, then all inequalities c ≥ 0, in which a range is two rows.  With
trust-constr ``v`` holds a vector a constraint, and belongs to L = f + Σ vᵢ gᵢ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.optimize.problem import Vector
from thalweg.optimize.written import Plain, Ranged
from thalweg.tracing.tracer import Tracer

from .calls import as_tuple, named, vector_function

__all__ = ["Condition", "conditions_from", "slsqp_multipliers", "split"]


@dataclass(frozen=True, eq=False)
class Condition:
    """One constraint.

    Attributes
    ----------
    g : callable
        ``x -> vector``.
    lower, upper : number or array
        Its sides.
    kind : str
        'eq', 'ineq' or 'range'.
    name : str
        For messages.
    jacobian, hessian : callable or None
        As the user gave them: ``x -> (m, n)`` and ``(x, v) -> Σ vᵢ ∇²gᵢ``.
    """

    g: Callable[[Any], Any]
    lower: Any
    upper: Any
    kind: str
    name: str
    jacobian: Callable[[Any], Any] | None = None
    hessian: Callable[[Any, Any], Any] | None = None

    def sides(self, m: int) -> tuple[Vector, Vector]:
        """Both sides as vectors of m rows."""
        low, high = (np.broadcast_to(np.asarray(s, dtype=np.float64).ravel(), (m,)) for s in (self.lower, self.upper))
        return low, high

    def comparison(self, x: Any) -> Any:
        """The constraint at a traced x, for `thalweg.optimize`."""
        value = self.g(x)
        if type(value) is not Tracer or value.node.is_constant:
            value = value + 0.0 * x[0]  # a row that does not depend on x is a row all the same
        if self.kind == "range":
            return Ranged(value, self.lower, self.upper, f"{self.name}(x)")
        value = np.reshape(value, ()) if value.size == 1 else value
        return Plain(value, self.kind, f"{self.name}(x) {'==' if self.kind == 'eq' else '>='} 0")


def conditions_from(constraints: Any, n: int) -> tuple[list[Condition], list[str]]:
    """Return the constraints, and notes on what of them has no meaning here.

    Raises
    ------
    TypeError, KeyError, ValueError
        As SciPy does, where a constraint is no dict and no constraint object, or misses a part.

    Examples
    --------
    >>> (line,), notes = conditions_from({"type": "eq", "fun": lambda x: x[0] - 1}, 2)
    >>> line.g(np.array([3.0, 0.0])), line.kind, notes
    (array([2.]), 'eq', [])
    """
    if constraints is None:
        return [], []
    if isinstance(constraints, Mapping) or _class(constraints) in ("LinearConstraint", "NonlinearConstraint"):
        constraints = [constraints]
    found, notes = [], []
    for k, item in enumerate(constraints):
        kind = _class(item)
        if kind not in ("LinearConstraint", "NonlinearConstraint"):
            found.append(_from_dict(k, item))
            continue
        if np.any(np.asarray(getattr(item, "keep_feasible", False))):
            notes.append("keep_feasible was not enforced on the way; the solution satisfies the constraints")
        low, high = (np.asarray(side, dtype=np.float64) for side in (item.lb, item.ub))
        if np.all((low == -np.inf) & (high == np.inf)):
            notes.append("a constraint without any side was left out")
        elif kind == "LinearConstraint":
            found.append(_linear(item, low, high, n))
        else:
            jac, hess = (d if callable(d) else None for d in (item.jac, item.hess))
            found.append(Condition(vector_function(item.fun), low, high, "range", named(item.fun, "fun"), jac, hess))
    return found, list(dict.fromkeys(notes))


def _class(item: Any) -> str:
    return type(item).__name__


def _from_dict(k: int, item: Any) -> Condition:
    if not isinstance(item, Mapping):
        raise TypeError("Constraints must be defined using a dictionary.")
    if "type" not in item:
        raise KeyError(f"Constraint {k} has no type defined.")
    if not isinstance(item["type"], str):
        raise TypeError("Constraint's type must be a string.")
    kind = item["type"].lower()
    if kind not in ("eq", "ineq"):
        raise ValueError(f"Unknown constraint type '{item['type']}'.")
    if "fun" not in item:
        raise ValueError(f"Constraint {k} has no function defined.")
    args, jac = as_tuple(item.get("args", ())), item.get("jac")
    given = (lambda x: jac(x, *args)) if callable(jac) else None
    name = named(item["fun"], f"constraint {k}")
    return Condition(vector_function(item["fun"], args), 0.0, 0.0 if kind == "eq" else np.inf, kind, name, given)


def _linear(item: Any, low: Vector, high: Vector, n: int) -> Condition:
    A = item.A
    if A.shape[1] != n:
        raise ValueError(f"A constraint's matrix has {A.shape[1]} columns, but there are {n} variables.")
    return Condition(_product(A), low, high, "range", "A @ x", lambda x: A, lambda x, v: np.zeros((n, n)))


def _product(A: Any) -> Callable[[Any], Any]:
    """x ↦ A x; a sparse matrix by the entries of its rows, so that it is seen to be sparse."""
    if not hasattr(A, "tocsr"):
        return lambda x: A @ x
    rows = A.tocsr()
    lengths = np.diff(rows.indptr)
    most = int(lengths.max(initial=0))
    if rows.shape[0] * most > 10 * rows.nnz + 1000:  # a few long rows: nothing is gained
        full = rows.toarray()
        return lambda x: full @ x
    values, places = np.zeros((rows.shape[0], most)), np.zeros((rows.shape[0], most), dtype=np.int64)
    filled = np.arange(most) < lengths[:, None]
    values[filled], places[filled] = rows.data, rows.indices
    return lambda x: np.sum(values * x[places], axis=1)


def split(values: Vector, sizes: Sequence[int]) -> list[Vector]:
    """A vector over all rows as one a constraint."""
    return np.split(values, np.cumsum(sizes)[:-1]) if sizes else []


def slsqp_multipliers(conditions: Sequence[Condition], signed: Sequence[Vector]) -> Vector:
    """Return the multipliers in the order and with the signs of SciPy's SLSQP.

    Parameters
    ----------
    conditions : sequence of Condition
    signed : sequence of array
        For each its multipliers in L = f + Σ vᵢ gᵢ.

    Examples
    --------
    >>> (line, side), _ = conditions_from([{"type": "ineq", "fun": abs}, {"type": "eq", "fun": abs}], 1)
    >>> slsqp_multipliers([line, side], [np.array([-2.0]), np.array([3.0])])
    array([-3.,  2.])
    """
    equal: list[Vector] = []
    first: list[Vector] = []
    second: list[Vector] = []  # SciPy puts the inequalities of a constraint that has both at the end
    for condition, v in zip(conditions, signed):
        low, high = condition.sides(v.size)
        same = low == high
        if same.any():
            equal.append(-v[same])
        below, above = (low != -np.inf) & ~same, (high != np.inf) & ~same
        if (below | above).any():
            rows = np.concatenate([np.maximum(-v[below], 0.0), np.maximum(v[above], 0.0)])
            (second if same.any() else first).append(rows)
    return np.concatenate([np.zeros(0), *equal, *first, *second]) + 0.0
