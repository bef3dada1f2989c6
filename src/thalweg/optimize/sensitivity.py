r"""How an optimum moves with a parameter: the implicit function theorem on the Karush–Kuhn–Tucker conditions.

At x*(p) with multipliers y, on the rows A that hold the point,

    ∇ₓL(x, y; p) = 0,   c_A(x; p) = side         ⟹      [ ∇²L  Aᵀ ] [dx]      [ ∂p∇ₓL ]
                                                         [  A    0 ] [dy]  = − [ ∂p c_A ] dp ,

variables on active bounds stay there, and the optimal value changes by the partial derivative of L alone (the envelope
theorem): df*/dp = ∂L/∂p.  This holds where the point is a strict minimum, the active gradients are independent and no
active multiplier is zero; else the optimum may have a kink there, and an error says so.

References
----------
Fiacco, *Introduction to Sensitivity and Stability Analysis* (1983), theorem 3.2.2; Nocedal & Wright (2nd ed.), §12.8.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.errors import ArgumentError

from .differentiate import parameter_derivatives
from .problem import Matrix, Vector, did_not_travel

if TYPE_CHECKING:
    from .solution import Solution

__all__ = ["Sensitivity", "sensitivity_of"]

#: A multiplier of an active row below this, relatively, is taken for zero.
WEAK = 1e-7
#: Reciprocal condition below which the linear system counts as singular.
SINGULAR = 1e-13


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Derivatives of an optimum with respect to one parameter p.

    Attributes
    ----------
    x
        dx*/dp: the structure of x, each array with the shape of p appended.
    value : number or array
        df*/dp, in the shape of p.
    multipliers
        dλ*/dp in the structure of the constraints; None without constraints.
    """

    x: Any
    value: Any
    multipliers: Any = None

    def __str__(self) -> str:
        return f"dx*/dp = {self.x}\ndf*/dp = {self.value}"


def sensitivity_of(solution: Solution, parameter: int | str = 0) -> Sensitivity:
    """Return how `solution` depends on one of the arguments that were given as ``args``.

    Parameters
    ----------
    solution : Solution
        Converged, of a problem with ``args``.
    parameter : int or str
        Which of ``args``, by place or by the name that the function gives it.
    """
    built = solution.built
    if built is not None and built.travelled:
        did_not_travel()
    if built is None or built.program is None:
        raise ArgumentError("Sensitivity needs a function that was traced; this solution comes from other derivatives.")
    if not built.args:
        raise ArgumentError(
            "The problem has no parameters. Give them as args: tw.minimize(f, x0, args=(p,)) with f(x, p)."
        )
    if not solution.success:
        raise ArgumentError(f"Sensitivity needs a converged solution; this one ended as {str(solution.status)!r}.")
    place = _place(built.objective, parameter, len(built.args))
    p = np.asarray(built.args[place])
    if p.dtype.kind not in "fiu":
        raise ArgumentError(f"The parameter {parameter!r} must be a number or an array of numbers.")
    x, y, z = solution.flat, solution.y, solution.z
    mixed, moved, slope = parameter_derivatives(built.program, x, y, built.args, place)
    dx, dy, dz = _directions(solution, x, y, z, mixed, moved)
    shape = p.shape
    value = float(slope[0]) if shape == () else slope.reshape(shape)
    return Sensitivity(_structured(built, dx, shape), value, _of_constraints(solution, dy, dz, shape))


def _directions(
    solution: Solution, x: Vector, y: Vector, z: Vector, mixed: Matrix, moved: Matrix
) -> tuple[Any, Any, Any]:
    """dx, dy and dz for every entry of the parameter, from the linear system of the active conditions."""
    problem = solution.built.problem  # type: ignore[union-attr]
    n, m, k = x.size, y.size, mixed.shape[1]
    held = np.abs(z) > 0
    _refuse_weak_bounds(problem, x, z)
    rows = np.zeros(m, bool)
    constraints = problem.constraints
    if constraints is not None:
        rows = constraints.equality | (np.abs(y) > 0)
        c, _ = constraints.c_and_jacobian(x)
        near = np.minimum(np.abs(c - constraints.lower), np.abs(c - constraints.upper)) <= WEAK * (1 + np.abs(c))
        weak = near & ~constraints.equality & (np.abs(y) <= WEAK * (1 + np.max(np.abs(y), initial=0.0)))
        if weak.any():
            name = constraints.names[int(np.argmax(weak))] if constraints.names else f"row {int(np.argmax(weak))}"
            raise ArgumentError(
                f"The constraint {name} is active with multiplier zero: the optimum has a kink here, and its "
                "derivative depends on the side."
            )
    free = np.flatnonzero(~held)
    active = np.flatnonzero(rows)
    H = problem.lagrangian_hessian(x, y)
    J = constraints.c_and_jacobian(x)[1] if constraints is not None else np.zeros((0, n))
    right = -np.concatenate([mixed[free], moved[active]])
    solved = _solved(H, J, active, free, right, bool(problem.sparse))
    dx, dy = np.zeros((n, k)), np.zeros((m, k))
    dx[free], dy[active] = solved[: free.size], solved[free.size :]
    dz = np.where(held[:, None], -(H @ dx + J.T @ dy + mixed), 0.0)
    return dx, dy, dz


def _refuse_weak_bounds(problem: Any, x: Vector, z: Vector) -> None:
    """An error where a variable stands on a bound that does not hold it."""
    if problem.lower is None or problem.upper is None:
        return
    with np.errstate(invalid="ignore"):
        near = np.minimum(x - problem.lower, problem.upper - x) <= WEAK * (1 + np.abs(x))
    weak = near & (np.abs(z) <= WEAK * (1 + np.max(np.abs(z), initial=0.0)))
    if weak.any():
        name = problem.names[int(np.argmax(weak))] if problem.names else f"x[{int(np.argmax(weak))}]"
        raise ArgumentError(
            f"The variable {name} is on a bound with multiplier zero: the optimum has a kink here, and its derivative "
            "depends on the side."
        )


def _solved(H: Any, J: Any, active: Any, free: Any, right: Matrix, sparse: bool) -> Matrix:
    message = (
        "The optimum does not depend smoothly on the parameter: the system of its conditions is singular (the minimum "
        "is flat, or constraints are dependent)."
    )
    if sparse:
        from scipy.sparse import block_array, csr_array
        from scipy.sparse.linalg import splu

        A = csr_array(J)[active][:, free] if active.size else None
        K = H[free][:, free] if A is None else block_array([[H[free][:, free], A.T], [A, None]])
        try:
            return np.asarray(splu(K.tocsc()).solve(right))
        except RuntimeError:
            raise ArgumentError(message) from None
    A = J[np.ix_(active, free)]
    zero = np.zeros((active.size, active.size))
    K = np.block([[H[np.ix_(free, free)], A.T], [A, zero]])
    scale = np.sqrt(np.maximum(np.max(np.abs(K), axis=1, initial=0.0), np.finfo(float).tiny))
    if K.size and 1 / np.linalg.cond(K / np.outer(scale, scale)) < SINGULAR:
        raise ArgumentError(message)
    return np.linalg.solve(K, right)


def _place(objective: Callable[..., Any] | None, parameter: int | str, count: int) -> int:
    if isinstance(parameter, str):
        names = [p.name for p in inspect.signature(objective).parameters.values()][1:] if objective is not None else []
        if parameter not in names[:count]:
            raise ArgumentError(f"There is no parameter {parameter!r}; there are {', '.join(names[:count])}.")
        return names.index(parameter)
    if not 0 <= parameter < count:
        raise ArgumentError(f"args has {count} entries, counted from 0, so there is no number {parameter}.")
    return int(parameter)


def _structured(built: Any, dx: Matrix, shape: tuple[int, ...]) -> Any:
    """dx with the structure of x, each leaf of the shape leaf.shape + p.shape."""
    from thalweg.tracing import tree

    columns = [built.layout.unravel(built.spread(column)) for column in dx.T]
    leaves, structure = tree.flatten(columns[0])
    stacked = [np.stack([np.asarray(tree.flatten(c)[0][i]) for c in columns], axis=-1) for i in range(len(leaves))]
    shaped = [a.reshape(a.shape[:-1] + shape) for a in stacked]
    return tree.unflatten(structure, [float(a) if a.shape == () else a for a in shaped])


def _of_constraints(solution: Solution, dy: Matrix, dz: Matrix, shape: tuple[int, ...]) -> Any:
    built = solution.built
    if built is None or not built.relations.all:
        return None
    columns = [_turned(solution, built, *column) for column in zip(dy.T, dz.T, strict=True)]
    if shape == ():
        return columns[0]
    from thalweg.tracing import tree

    leaves, structure = tree.flatten(columns[0])
    stacked = [np.stack([np.asarray(tree.flatten(c)[0][i]) for c in columns], axis=-1) for i in range(len(leaves))]
    return tree.unflatten(structure, [a.reshape(a.shape[:-1] + shape) for a in stacked])


def _turned(solution: Solution, built: Any, dy: Vector, dz: Vector) -> Any:
    """Changes of signed multipliers as those of the constraints: each goes where its multiplier went."""
    held = built.relations.signed(solution.y, solution.over_all(solution.z), *solution.sides())
    whole, row, changes = built.spread(dz), 0, []
    for relation, signed in held:
        if relation.variables is None:
            change = dy[row : row + relation.size]
            row += relation.size
        else:
            change = np.where(signed != 0, whole[relation.variables], 0.0)
        change = (-change if relation.sign == ">=" else change) + 0.0
        changes.append(float(change[0]) if relation.shape == () else change.reshape(relation.shape))
    return built.relations.nest(changes)
