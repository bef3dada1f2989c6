"""Linear systems: A X = B by LU, triangular systems, and inverses.

If A X = B, then dX = A⁻¹(dB − dA X), and d(A⁻¹) = −A⁻¹ dA A⁻¹. A single matrix is factored once: all that is asked of
it, in the value and in every derivative, takes the same LU factors as further arguments (hash-consing makes them one
node). Stacks of (small) matrices have no factors; NumPy's own loops are faster there than reusing would be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.graph import INT64, Node, Op, make, make_tuple, shape_error
from thalweg.ops.matrix import (
    LinAlgError,
    as_floats,
    check_matrix,
    check_square,
    common_stack,
    each,
    lapack,
    matrix_op,
    mT,
    product,
    triangle,
)
from thalweg.ops.movement import broadcast, move_axis, reshape

Tangents = Sequence[Node | None]
Args = tuple[Node, ...]

# --- LU factors: shared, without a derivative of their own ------------------------------------------------------------


def _evaluate_lu(a: Any) -> Any:
    if a.ndim > 2:
        pairs = [_evaluate_lu(a[i]) for i in np.ndindex(a.shape[:-2])]
        lu = np.array([f for f, _ in pairs], a.dtype).reshape(a.shape)
        return lu, np.array([p for _, p in pairs], np.int64).reshape(a.shape[:-1])
    if a.size == 0:
        return a, np.zeros(0, np.int64)
    lu, pivots, _ = lapack("getrf", a.dtype)(a)
    return lu, pivots.astype(np.int64)


LU = matrix_op(
    "lu_factor",
    lambda a: ((a.shape, a.dtype), (a.shape[:-1], INT64)),
    _evaluate_lu,
    several=True,
    note="shared by solve, inv, det and slogdet, whose derivatives are taken in the matrix itself",
)


def factors(a: Node) -> Args:
    """The LU factors and pivots of a single matrix; nothing for a stack."""
    return make_tuple(LU, (a,)) if a.ndim == 2 else ()


def refuse_singular(lu: Any) -> None:
    if not lu.diagonal().all():
        raise LinAlgError("Singular matrix")


# --- A X = B ----------------------------------------------------------------------------------------------------------


def _infer_solve(a: Node, b: Node, *rest: Any) -> Any:
    if a.shape[:-1] != b.shape[:-1]:
        raise shape_error(f"solve: a matrix of shape {a.shape} and a right side of shape {b.shape} do not fit together")
    return b.shape, b.dtype


def _evaluate_solve(a: Any, b: Any, *rest: Any) -> Any:
    *factor, transposed = rest
    if b.size == 0:
        return np.zeros(b.shape, b.dtype)
    if factor:
        lu, pivots = factor
        refuse_singular(lu)
        return lapack("getrs", b.dtype)(lu, pivots, b, trans=transposed)[0]
    return np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)


def _jvp_solve(tangents: Tangents, args: Args, x: Node, transposed: bool) -> Node | None:
    da, right = tangents[:2]
    if da is not None:
        change = product(mT(da) if transposed else da, x)
        right = -change if right is None else right - change
    return None if right is None else make(SOLVE, (args[0], right, *args[2:]), (transposed,))


def _batch_solve(args: Args, batched: tuple[bool, ...], size: int, transposed: bool) -> Node:
    a, b, *factor = args
    if batched[0]:
        return make(SOLVE, (a, b if batched[1] else broadcast(b, (size, *b.shape))), (transposed,))
    return many_right_sides(b, lambda columns: make(SOLVE, (a, columns, *factor), (transposed,)))


def many_right_sides(b: Node, solve_columns: Callable[[Node], Node]) -> Node:
    """Right sides stacked along a leading axis, for one and the same matrix: more columns."""
    size, *stack, n, k = b.shape
    columns = solve_columns(reshape(move_axis(b, 0, b.ndim - 2), (*stack, n, size * k)))
    return move_axis(reshape(columns, (*stack, n, size, k)), b.ndim - 2, 0)


SOLVE: Op = matrix_op(
    "solve",
    _infer_solve,
    _evaluate_solve,
    linear=(1,),
    transpose=lambda g, k, args, transposed: make(SOLVE, (args[0], g, *args[2:]), (not transposed,)),
    jvp=_jvp_solve,
    batch=_batch_solve,
    note="A X = B by LU; one factorization serves the value and all derivatives",
)


def solve(a: Node, b: Node, transposed: bool = False) -> Node:
    """X with A X = B (or Aᵀ X = B) for matrices B; stacks broadcast."""
    check_square(a)
    check_matrix(b)
    a, b = as_floats(a, b)
    return _with_stacks(a, b, lambda a, b: make(SOLVE, (a, b, *factors(a)), (transposed,)))


def _with_stacks(a: Node, b: Node, build: Callable[[Node, Node], Node]) -> Node:
    if a.ndim == 2 and b.ndim > 2:
        lead = b.shape[:-2]
        flat = reshape(b, (int(np.prod(lead)), *b.shape[-2:]))
        return reshape(many_right_sides(flat, lambda columns: build(a, columns)), b.shape)
    return build(*(common_stack((a, b)) if a.shape[:-2] != b.shape[:-2] else (a, b)))


# --- triangular systems -----------------------------------------------------------------------------------------------


def _solve_one_triangular(a: Any, b: Any, lower: bool, transposed: bool, unit: bool) -> Any:
    if a.flags.c_contiguous:  # LAPACK reads by columns, and sees the transpose
        a, lower, transposed = a.T, not lower, not transposed
    x, info = lapack("trtrs", b.dtype)(a, b, lower=lower, trans=transposed, unitdiag=unit)
    if info > 0:
        raise LinAlgError(f"Singular matrix: the triangular matrix has a zero in row {info - 1} of its diagonal")
    return x


def _evaluate_triangular(a: Any, b: Any, lower: bool, transposed: bool, unit: bool) -> Any:
    if b.size == 0:
        return np.zeros(b.shape, b.dtype)
    if a.ndim == 2:
        return _solve_one_triangular(a, b, lower, transposed, unit)
    return each(lambda a, b: _solve_one_triangular(a, b, lower, transposed, unit), b.shape, b.dtype, a, b)


def _jvp_triangular(tangents: Tangents, args: Args, x: Node, lower: bool, transposed: bool, unit: bool) -> Node | None:
    da, right = tangents
    if da is not None:
        da = triangle(da, lower, 0.0 if unit else 1.0)
        change = product(mT(da) if transposed else da, x)
        right = -change if right is None else right - change
    return None if right is None else make(TRIANGULAR_SOLVE, (args[0], right), (lower, transposed, unit))


def _batch_triangular(
    args: Args, batched: tuple[bool, ...], size: int, lower: bool, transposed: bool, unit: bool
) -> Node:
    a, b = args
    params = (lower, transposed, unit)
    if batched[0]:
        return make(TRIANGULAR_SOLVE, (a, b if batched[1] else broadcast(b, (size, *b.shape))), params)
    return many_right_sides(b, lambda columns: make(TRIANGULAR_SOLVE, (a, columns), params))


TRIANGULAR_SOLVE: Op = matrix_op(
    "triangular_solve",
    _infer_solve,
    _evaluate_triangular,
    linear=(1,),
    transpose=lambda g, k, args, lower, transposed, unit: make(
        TRIANGULAR_SOLVE, (args[0], g), (lower, not transposed, unit)
    ),
    jvp=_jvp_triangular,
    batch=_batch_triangular,
    note="reads one triangle of the matrix; the derivative in the other is 0",
)


def triangular_solve(a: Node, b: Node, lower: bool = True, transposed: bool = False, unit: bool = False) -> Node:
    """X with T X = B (or Tᵀ X = B), where T is the lower or upper triangle of ``a``; stacks broadcast."""
    check_square(a)
    check_matrix(b)
    a, b = as_floats(a, b)
    return _with_stacks(a, b, lambda a, b: make(TRIANGULAR_SOLVE, (a, b), (lower, transposed, unit)))


# --- inverses ---------------------------------------------------------------------------------------------------------


def _evaluate_inv(a: Any, *rest: Any) -> Any:
    *factor, quiet = rest
    if a.size == 0:
        return a
    if quiet:
        return _nan_where_singular(a)
    if not factor:
        return np.linalg.inv(a)
    return inverse_by_factors(*factor)


def inverse_by_factors(lu: Any, pivots: Any) -> Any:
    refuse_singular(lu)
    return lapack("getri", lu.dtype)(lu, pivots, lwork=64 * len(lu))[0]


def _nan_where_singular(a: Any) -> Any:
    try:
        return np.linalg.inv(a)
    except LinAlgError:
        if a.ndim == 2:
            return np.full_like(a, np.nan)
        return each(_nan_where_singular, a.shape, a.dtype, a)


def _jvp_inv(tangents: Tangents, args: Args, x: Node, quiet: bool) -> Node | None:
    da = tangents[0]
    return None if da is None else -product(x, da, x)


INV = matrix_op(
    "inv",
    lambda a, *rest: (a.shape, a.dtype),
    _evaluate_inv,
    jvp=_jvp_inv,
    stacked=1,
)


def inv(a: Node, quiet: bool = False) -> Node:
    """The inverse of each matrix; ``quiet`` gives NaN for a singular one instead of an error."""
    check_square(a)
    (a,) = as_floats(a)
    return make(INV, (a, *factors(a)), (quiet,))
