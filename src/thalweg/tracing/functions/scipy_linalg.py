"""``scipy.linalg``, by reach: triangular and Cholesky solves, factorizations, the matrix exponential.

Options that only say how SciPy uses memory (``overwrite_a``, ``check_finite``) are taken and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.errors import UnsupportedError
from thalweg.graph import Node, constant, full
from thalweg.ops import linalg as la
from thalweg.ops.elementwise import where
from thalweg.ops.factorizations import columns
from thalweg.ops.gather import take
from thalweg.ops.least_squares import count_kept, dropped, truncated_inverse
from thalweg.ops.matrix import as_floats, check_matrix, check_square
from thalweg.ops.movement import assemble, reshape
from thalweg.tracing.context import mark_place, trace_error
from thalweg.tracing.functions import linalg
from thalweg.tracing.functions.linalg import eps, with_columns
from thalweg.tracing.functions.norm import norm as numpy_norm
from thalweg.tracing.reach import reaches
from thalweg.tracing.tracer import call_handler, contains_tracer, from_plain, known_arguments, node_of


def answers(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a handler for ``scipy.linalg.<name>``; without traced arguments, SciPy's own answers."""

    def enter(handler: Callable[..., Any]) -> Callable[..., Any]:
        @reaches("scipy.linalg", name)
        def answer(original: Any, *args: Any, **kwargs: Any) -> Any:
            if not contains_tracer([*args, *kwargs.values()]):
                return original(*args, **kwargs)
            mark_place()
            try:
                return call_handler(handler, original, args, kwargs)
            except UnsupportedError:
                plain, all_known = known_arguments((args, kwargs))
                if not all_known:
                    raise
                return from_plain(original(*plain[0], **plain[1]))  # of arrays made inside, but not of the variables

        return handler

    return enter


# --- systems ----------------------------------------------------------------------------------------------------------

_TRANSPOSED = {0: False, 1: True, 2: True, "N": False, "T": True, "C": True}


@answers("solve_triangular")
def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, overwrite_b: bool = False,
    check_finite: bool = True,
) -> Node:  # fmt: skip
    matrix = node_of(a)
    if trans not in _TRANSPOSED:
        raise ValueError("trans must be 0, 1, 2, 'N', 'T' or 'C'")
    return with_columns(
        node_of(b), lambda b: la.triangular_solve(matrix, b, bool(lower), _TRANSPOSED[trans], bool(unit_diagonal))
    )


@answers("solve")
def solve(
    a: Any, b: Any, lower: bool = False, overwrite_a: bool = False, overwrite_b: bool = False,
    check_finite: bool = True, assume_a: Any = None, transposed: bool = False,
) -> Node:  # fmt: skip
    matrix = node_of(a)
    check_square(matrix)
    right = node_of(b)
    if assume_a in ("pos", "positive definite"):
        factor = la.cholesky(matrix if lower else la.mT(matrix))
        return with_columns(right, lambda b: _by_cholesky(factor, b))
    if assume_a in ("upper triangular", "lower triangular"):
        return with_columns(
            right, lambda b: la.triangular_solve(matrix, b, assume_a == "lower triangular", bool(transposed))
        )
    if assume_a in ("sym", "symmetric", "her", "hermitian"):
        matrix = la.mirror(matrix, bool(lower))
    return with_columns(right, lambda b: la.solve(matrix, b, bool(transposed)))


def _by_cholesky(factor: Node, b: Node) -> Node:
    return la.triangular_solve(factor, la.triangular_solve(factor, b), transposed=True)


@answers("cholesky")
def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Node:
    x = node_of(a)
    check_square(x)
    return la.cholesky(x) if lower else la.mT(la.cholesky(la.mT(x)))


@answers("cho_factor")
def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Node, bool]:
    return cholesky(a, lower), bool(lower)


@answers("cho_solve")
def cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Node:
    c, lower = c_and_lower
    factor = node_of(c) if lower else la.mT(node_of(c))
    return with_columns(node_of(b), lambda b: _by_cholesky(factor, b))


@answers("inv")
def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Node:
    return la.inv(node_of(a))


@answers("det")
def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Node:
    return la.det(node_of(a))


@answers("lstsq")
def lstsq(
    a: Any, b: Any, cond: Any = None, overwrite_a: bool = False, overwrite_b: bool = False, check_finite: bool = True,
    lapack_driver: Any = None,
) -> tuple[Node, Node, Node, Node]:  # fmt: skip
    matrix, right = as_floats(node_of(a), node_of(b))
    x, residuals, rank, s = linalg.lstsq(matrix, right, eps(matrix) if cond is None else cond)
    if right.ndim == 1 and residuals.size == 1:  # SciPy gives a number where NumPy gives an array of one
        residuals = reshape(residuals, ())
    return x, residuals, rank, s


@answers("pinv")
def pinv(a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False, check_finite: bool = True) -> Any:
    (x,) = as_floats(node_of(a))
    check_matrix(x)
    s = la.svdvals(x)
    if atol:
        small = s <= float(atol) + (0.0 if rtol is None else float(rtol)) * numpy_norm(s, np.inf)
        inverse = truncated_inverse(x, small)
    else:
        cutoff = max(x.shape) * eps(x) if rtol is None else float(rtol)
        small, inverse = dropped(s, cutoff), la.pinv(x, cutoff)
    return (inverse, count_kept(small)) if return_rank else inverse


@answers("pinvh")
def pinvh(
    a: Any, atol: Any = None, rtol: Any = None, lower: bool = True, return_rank: bool = False, check_finite: bool = True
) -> Any:
    x = node_of(a)
    check_square(x)
    return pinv(la.mirror(x, bool(lower)), atol=atol, rtol=rtol, return_rank=return_rank)


# --- factorizations ---------------------------------------------------------------------------------------------------


@answers("qr")
def qr(
    a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    if pivoting or mode == "raw":
        raise trace_error(
            "scipy.linalg.qr with pivoting=True or mode='raw' cannot be differentiated.\n"
            "  Use mode='economic', 'full' or 'r' without pivoting.",
            UnsupportedError,
        )
    if mode not in ("full", "r", "economic"):
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    q, r = la.qr(node_of(a), mode != "economic")
    return (r,) if mode == "r" else (q, r)


@answers("eigh")
def eigh(
    a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, overwrite_a: bool = False,
    overwrite_b: bool = False, type: int = 1, check_finite: bool = True, subset_by_index: Any = None,
    subset_by_value: Any = None, driver: Any = None,
) -> Any:  # fmt: skip
    if subset_by_value is not None or type != 1:
        raise trace_error(
            "scipy.linalg.eigh with subset_by_value= or type= other than 1 cannot be differentiated.\n"
            "  Use subset_by_index=, or choose among all eigenvalues afterwards.",
            UnsupportedError,
        )
    x = node_of(a)
    check_square(x)
    factor = None
    if b is not None:  # A v = λ B v with B = L Lᵀ is the problem of L⁻¹ A L⁻ᵀ
        x, metric = as_floats(la.mirror(x, bool(lower)), node_of(b))
        check_square(metric)
        factor = la.cholesky(metric if lower else la.mT(metric))
        x = la.triangular_solve(factor, la.mT(la.triangular_solve(factor, x)))
        lower = True
    elif not lower:
        x = la.mT(x)
    first, last = (0, x.shape[-1] - 1) if subset_by_index is None else subset_by_index
    if not 0 <= first <= last < max(x.shape[-1], 1) and x.size:
        raise ValueError(f"Requested eigenvalue indices are not valid. Valid range is [0, {x.shape[-1] - 1}]")
    if eigvals_only:
        return columns(la.eigvalsh(x), first, last + 1)
    w, v = la.eigh(x, "scipy", upper=not lower)
    if factor is not None:
        v = la.triangular_solve(factor, v, transposed=True)
    return columns(w, first, last + 1), columns(v, first, last + 1)


@answers("eigvalsh")
def eigvalsh(
    a: Any, b: Any = None, *, lower: bool = True, overwrite_a: bool = False, overwrite_b: bool = False, type: int = 1,
    check_finite: bool = True, subset_by_index: Any = None, subset_by_value: Any = None, driver: Any = None,
) -> Any:  # fmt: skip
    return eigh(a, b, lower=lower, eigvals_only=True, type=type, subset_by_index=subset_by_index,
                subset_by_value=subset_by_value)  # fmt: skip


@answers("svd")
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, overwrite_a: bool = False, check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:  # fmt: skip
    x = node_of(a)
    return la.svd(x, bool(full_matrices)) if compute_uv else la.svdvals(x)


@answers("svdvals")
def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Node:
    return la.svdvals(node_of(a))


# --- functions of matrices, and matrices made of parts ----------------------------------------------------------------


@answers("expm")
def expm(A: Any) -> Node:
    return la.expm(node_of(A))


@answers("norm")
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Node:
    return numpy_norm(a, ord, axis, keepdims)


@answers("block_diag")
def block_diag(*arrs: Any) -> Node:
    blocks = [node_of(a) for a in arrs]
    blocks = [reshape(b, (1,) * (2 - b.ndim) + b.shape) for b in blocks]
    if any(b.ndim > 2 for b in blocks):
        raise ValueError("arguments in the following positions have dimension greater than 2")
    dtype = np.result_type(*(b.dtype for b in blocks))
    index, row, column = [], 0, 0
    for b in blocks:
        m, n = b.shape
        index.append(((row, row + m, 1) if m else (0, 0, 1), (column, column + n, 1) if n else (0, 0, 1)))
        row, column = row + m, column + n
    return assemble(full((row, column), 0.0, dtype), blocks, index)


@answers("toeplitz")
def toeplitz(c: Any, r: Any = None) -> Node:
    first = node_of(c)
    first = reshape(first, (first.size,))
    top = first if r is None else node_of(r)
    top = reshape(top, (top.size,))
    m, n = first.size, top.size
    i, j = np.arange(m, dtype=np.int64)[:, None], np.arange(n, dtype=np.int64)
    if m == 0 or n == 0:
        return constant(np.zeros((m, n), np.result_type(first.dtype, top.dtype)))
    below = take(first, constant(np.maximum(i - j, 0)), 0)
    above = take(top, constant(np.maximum(j - i, 0)), 0)
    return where(constant(i >= j), below, above)


# --- what cannot be traced --------------------------------------------------------------------------------------------


def _refuse(name: str, instead: str) -> None:
    @answers(name)
    def refusal(*args: Any, **kwargs: Any) -> Any:
        raise trace_error(f"scipy.linalg.{name} cannot be differentiated by Thalweg.\n  {instead}", UnsupportedError)


for _names, _instead in {
    "lu_factor lu_solve lu ldl solve_banded solveh_banded solve_toeplitz solve_circulant": (
        "Use scipy.linalg.solve or np.linalg.solve: one factorization serves all solves with a matrix, and derivatives."
    ),
    "sqrtm logm funm signm fractional_matrix_power cosm sinm tanm coshm sinhm tanhm": (
        "For a symmetric matrix apply it to the eigenvalues: w, v = np.linalg.eigh(a); (v * np.sqrt(w)) @ v.T."
    ),
    "eig eigvals schur hessenberg polar null_space orth subspace_angles": (
        "Use np.linalg.eigh for symmetric matrices, np.linalg.svd or np.linalg.qr for others."
    ),
}.items():
    for _name in _names.split():
        _refuse(_name, _instead)
