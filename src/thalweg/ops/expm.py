"""The matrix exponential, and its derivatives as exponentials of block matrices.

exp([[A, E], [0, A]]) has the derivative of exp at A in the direction E as its upper right block (Najfeld & Havel 1995,
*Derivatives of the matrix exponential and their computation*). That derivative, ``expm_change``, is linear in E, its
adjoint is the one at Aᵀ, and its own derivative is the same op on block matrices: so there are all orders.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import Node, Op, full, make
from thalweg.ops.factorizations import columns, rows
from thalweg.ops.matrix import as_floats, check_square, matrix_op, mT
from thalweg.ops.movement import concatenate
from thalweg.ops.solve import Args, Tangents

_LARGE = 32  # from this order on, the recurrence of Al-Mohy & Higham (2009) is cheaper than the block matrix


def _evaluate_expm(a: Any) -> Any:
    from scipy.linalg import expm as scipy_expm

    return scipy_expm(a) if a.size else a


def _jvp_expm(tangents: Tangents, args: Args, y: Node) -> Node | None:
    da = tangents[0]
    return None if da is None else make(EXPM_CHANGE, (args[0], da))


EXPM = matrix_op("expm", lambda a: (a.shape, a.dtype), _evaluate_expm, jvp=_jvp_expm, note="derivatives of all orders")


def expm(a: Node) -> Node:
    """The exponential of each matrix."""
    check_square(a)
    (a,) = as_floats(a)
    return make(EXPM, (a,))


def _evaluate_change(a: Any, e: Any) -> Any:
    if not a.size:
        return e
    if a.ndim == 2 and len(a) >= _LARGE and np.isfinite(a).all() and np.isfinite(e).all():
        from scipy.linalg import expm_frechet

        return np.asarray(expm_frechet(a, e, compute_expm=False, check_finite=False), e.dtype)
    # Scaling and squaring goes by the norm of the whole: a large direction would cost accuracy, a small one costs none.
    size = np.max(np.abs(e), axis=(-2, -1), keepdims=True)
    size = np.where((size > 0) & np.isfinite(size), size, size.dtype.type(1))
    n = a.shape[-1]
    block = np.zeros((*a.shape[:-2], 2 * n, 2 * n), e.dtype)
    block[..., :n, :n] = block[..., n:, n:] = a
    block[..., :n, n:] = e / size
    return _evaluate_expm(block)[..., :n, n:] * size


def _block(corner: Node, upper: Node | None) -> Node:
    """[[corner, upper], [0, corner]]"""
    zero = full(corner.shape, 0.0, corner.dtype)
    axis = corner.ndim - 2
    top = concatenate([corner, zero if upper is None else upper], axis + 1)
    return concatenate([top, concatenate([zero, corner], axis + 1)], axis)


def _jvp_change(tangents: Tangents, args: Args, y: Node) -> Node | None:
    (da, de), (a, e) = tangents, args
    moved = None if de is None else make(EXPM_CHANGE, (a, de))
    if da is None:
        return moved
    n = a.shape[-1]
    whole = make(EXPM_CHANGE, (_block(a, e), _block(da, None)))
    change = columns(rows(whole, 0, n), n, 2 * n)
    return change if moved is None else change + moved


EXPM_CHANGE: Op = matrix_op("expm_change", lambda a, e: (e.shape, e.dtype), _evaluate_change, linear=(1,),
                        transpose=lambda g, k, args: make(EXPM_CHANGE, (mT(args[0]), g)), jvp=_jvp_change,
                        note="the derivative of expm at A in the direction E")  # fmt: skip
