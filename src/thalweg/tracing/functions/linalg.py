"""``numpy.linalg``: systems, factorizations, eigenvalues and what is made of them.

Norms stand in ``norm``, products in ``contract``. Results come as the named tuples that NumPy gives.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.linalg import _linalg as numpy_linalg

from thalweg.errors import UnsupportedError
from thalweg.graph import Node, as_node, constant
from thalweg.ops import linalg as la
from thalweg.ops.elementwise import absolute, isnan, logical_and, logical_not, where
from thalweg.ops.factorizations import columns, rows
from thalweg.ops.matrix import as_floats, check_matrix, check_square, diagonal, linalg_error, product
from thalweg.ops.movement import broadcast, reshape, slice_, transpose
from thalweg.ops.reduce import ANY, MAX, keep, sum_
from thalweg.tracing.context import concrete, trace_error
from thalweg.tracing.functions.norm import norm
from thalweg.tracing.functions.registry import implements
from thalweg.tracing.tracer import node_of

EighResult: Any = numpy_linalg.EighResult
QRResult: Any = numpy_linalg.QRResult
SlogdetResult: Any = numpy_linalg.SlogdetResult
SVDResult: Any = numpy_linalg.SVDResult

# --- systems and inverses ---------------------------------------------------------------------------------------------


def with_columns(b: Node, solve_matrix: Callable[[Node], Node]) -> Node:
    """A right side that is one vector is a matrix of one column; NumPy takes only 1-d arrays for vectors."""
    if b.ndim != 1:
        return solve_matrix(b)
    x = solve_matrix(reshape(b, (*b.shape, 1)))
    return reshape(x, x.shape[:-1])


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Node:
    matrix = node_of(a)
    return with_columns(node_of(b), lambda b: la.solve(matrix, b))


@implements(np.linalg.inv)
def inv(a: Any) -> Node:
    return la.inv(node_of(a))


def eps(x: Node) -> float:
    return float(np.finfo(x.dtype).eps)


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Node:
    (x,) = as_floats(node_of(a))
    check_matrix(x)
    if rcond is None:
        rcond = 1e-15 if rtol is None else rtol
    elif rtol is not None:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    return la.pinv(la.mirror(x) if hermitian else x, float(rcond))


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Node, Node, Node, Node]:
    matrix, right = as_floats(node_of(a), node_of(b))
    if matrix.ndim != 2 or right.ndim not in (1, 2):
        raise linalg_error("lstsq takes a 2-dimensional matrix and a right side of one or two dimensions")
    m, n = matrix.shape
    if right.shape[0] != m:
        raise linalg_error(f"Incompatible dimensions: {m} equations, but a right side of length {right.shape[0]}")
    cutoff = eps(matrix) * max(m, n) if rcond is None else float(rcond)
    wide = reshape(right, (m, 1)) if right.ndim == 1 else right
    x, rank = la.lstsq(matrix, wide, cutoff)
    residuals = constant(np.zeros(0, matrix.dtype))
    if m > n and int(concrete(rank)) == n:
        missed = wide - product(matrix, x)
        residuals = sum_(missed * missed, (0,))
    return reshape(x, (n,)) if right.ndim == 1 else x, residuals, rank, la.svdvals(matrix)


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Node:
    x, right = node_of(a), node_of(b)
    if axes is not None:
        order = list(range(x.ndim))
        for k in axes:
            order.remove(k)
            order.append(k)
        x = transpose(x, tuple(order))
    shape = x.shape[right.ndim :]
    n = int(np.prod(shape))
    if x.size != n * n:
        raise linalg_error(
            "tensorsolve: prod(a.shape[b.ndim:]) must equal prod(a.shape[:b.ndim]), "
            f"not so for the shapes {x.shape} and {right.shape}"
        )
    solution = la.solve(reshape(x, (n, n)), reshape(right, (n, 1)))
    return reshape(solution, shape)


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Node:
    x = node_of(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    left, right = x.shape[:ind], x.shape[ind:]
    return reshape(la.inv(reshape(x, (int(np.prod(left)), int(np.prod(right))))), (*right, *left))


# --- determinants and powers ------------------------------------------------------------------------------------------


@implements(np.linalg.det)
def det(a: Any) -> Node:
    return la.det(node_of(a))


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    return SlogdetResult(*la.slogdet(node_of(a)))


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Node:
    x = node_of(a)
    check_square(x)
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError("exponent must be an integer") from None
    if n == 0:
        return broadcast(constant(np.eye(x.shape[-1], dtype=x.dtype)), x.shape)
    if n < 0:
        x, n = la.inv(x), -n
    result: Node | None = None
    while n:
        if n & 1:
            result = x if result is None else product(result, x)
        n >>= 1
        if n:
            x = product(x, x)
    assert result is not None
    return result


# --- factorizations ---------------------------------------------------------------------------------------------------


@implements(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Node:
    x = node_of(a)
    check_square(x)
    return la.mT(la.cholesky(la.mT(x))) if upper else la.cholesky(x)


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    x = node_of(a)
    if mode == "raw":
        raise trace_error(
            "np.linalg.qr(mode='raw') gives LAPACK's reflectors, which cannot be differentiated.\n"
            "  Use mode='reduced' or 'complete'.",
            UnsupportedError,
        )
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    q, r = la.qr(x, mode == "complete")
    return r if mode == "r" else QRResult(q, r)


def _triangle_read(a: Any, uplo: str) -> Node:
    x = node_of(a)
    check_square(x)
    if uplo.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return x if uplo.upper() == "L" else la.mT(x)


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    return EighResult(*la.eigh(_triangle_read(a, UPLO), upper=UPLO.upper() == "U"))


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Node:
    return la.eigvalsh(_triangle_read(a, UPLO))


@implements(np.linalg.eig, np.linalg.eigvals)
def refusal(a: Any) -> Node:
    raise trace_error(
        "np.linalg.eig and eigvals may have complex results, which cannot be differentiated here.\n"
        "  For a symmetric matrix use np.linalg.eigh or eigvalsh; for singular values np.linalg.svd.",
        UnsupportedError,
    )


@implements(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    x = node_of(a)
    check_matrix(x)
    if hermitian:
        check_square(x)
        x = la.mirror(x)
    return SVDResult(*la.svd(x, bool(full_matrices))) if compute_uv else la.svdvals(x)


@implements(np.linalg.svdvals)
def svdvals(x: Any, /) -> Node:
    return la.svdvals(node_of(x))


# --- numbers that sum up a matrix -------------------------------------------------------------------------------------


@cache
def _nan_has_a_condition() -> bool:
    """Whether the NumPy that is installed has a condition number, ∞ or NaN, where singular values do not exist.

    It has from a release of the series 2.5 on. Before, such a matrix, or inverse of a singular one, was an error.
    """
    try:
        np.linalg.cond(np.full((2, 2), np.nan))
    except np.linalg.LinAlgError:
        return False
    return True


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Node:
    (a,) = as_floats(node_of(x))
    check_matrix(a)
    if 0 in a.shape[-2:]:
        raise linalg_error("cond is not defined on empty arrays")
    if p is None or p in (2, -2):
        s = la.svdvals(a, _nan_has_a_condition())
        whole = tuple((0, n, 1) for n in s.shape[:-1])
        first, last = slice_(s, (*whole, 0)), slice_(s, (*whole, s.shape[-1] - 1))
        r = last / first if p == -2 else first / last
    else:
        check_square(a)
        pair = a, la.inv(a, quiet=True)
        if p == "nuc":
            r, s = (sum_(la.svdvals(x, _nan_has_a_condition()), (x.ndim - 2,)) for x in pair)
        else:
            r, s = (norm(x, p, (-2, -1)) for x in pair)
        r = r * s
    whole_nan = ANY(isnan(a), params=((a.ndim - 2, a.ndim - 1),))
    return where(logical_and(isnan(r), logical_not(whole_nan)), as_node(np.inf, r.dtype), r)


@implements(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Node:
    (a,) = as_floats(node_of(A))
    if tol is not None and rtol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    if a.ndim < 2:
        nonzero = ANY(logical_not(absolute(a) <= 0), params=(tuple(range(a.ndim)),))
        return sum_(reshape(nonzero, (1,)), (0,))
    s = absolute(la.eigvalsh(a)) if hermitian else la.svdvals(a)
    axis = (s.ndim - 1,)
    if s.shape[-1] == 0:
        return sum_(s > 0, axis)
    if tol is None:
        limit = node_of(max(a.shape[-2:]) * eps(a) if rtol is None else rtol, s.dtype)
        threshold = keep(MAX(s, params=(axis,)), s, axis) * reshape(limit, (*limit.shape, 1))
    else:
        limit = node_of(tol, s.dtype)
        threshold = reshape(limit, (*limit.shape, 1))
    return sum_(s > threshold, axis)


# --- parts ------------------------------------------------------------------------------------------------------------


@implements(np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Node:
    a = node_of(x)
    if a.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {a.ndim}")
    return la.mT(a)


@implements(np.linalg.diagonal)
def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Node:
    a = node_of(x)
    check_matrix(a)
    m, n = a.shape[-2:]
    if offset >= 0:
        return diagonal(columns(a, min(offset, n), n))
    return diagonal(rows(a, min(-offset, m), m))


@implements(np.linalg.trace)
def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Node:
    d = linalg_diagonal(x, offset=offset)
    if dtype is not None:
        from thalweg.ops.elementwise import astype

        d = astype(d, np.dtype(dtype))
    return sum_(d, (d.ndim - 1,))
