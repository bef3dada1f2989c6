"""Eigenvalues of symmetric matrices and singular values, with their vectors.

A = V Λ Vᵀ, M = Vᵀ dA V:  dλᵢ = Mᵢᵢ, dV = V (F∘M) with Fᵢⱼ = 1/(λⱼ − λᵢ) (Giles 2008, *Collected matrix derivative
results*).
A = U Σ Vᵀ, P = Uᵀ dA V:  dσᵢ = Pᵢᵢ; U and V turn by the skew matrices ½(E∘(P + Pᵀ) ± G∘(P − Pᵀ)), Eᵢⱼ = 1/(σⱼ − σᵢ),
Gᵢⱼ = 1/(σⱼ + σᵢ), and what leaves the span of U (of V) is (I − U Uᵀ) dA V Σ⁻¹ (Townsend 2016, *Differentiating the
singular value decomposition*; with sums and differences of σ in place of squares, which small σ would lose).

Where eigenvalues coincide to rounding, single eigenvectors have no derivative: F is NaN there. It is met only by what
asks for these vectors; a product with an exact zero is zero. So the derivatives of the eigenvalues, and of vectors that
belong to other eigenvalues, stay right, and nothing is silently wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.graph import ITEM, Node, as_node, make, make_tuple
from thalweg.ops.elementwise import chain_product, where
from thalweg.ops.factorizations import columns, rows
from thalweg.ops.matrix import (
    LinAlgError,
    as_floats,
    check_matrix,
    check_square,
    diagonal,
    matrix_op,
    mT,
    product,
    spread,
    symmetric_tangent,
)
from thalweg.ops.movement import broadcast, concatenate
from thalweg.ops.reduce import MAX, keep
from thalweg.ops.solve import Args, Tangents

# --- 1/(wⱼ ± wᵢ) ------------------------------------------------------------------------------------------------------


def _evaluate_reciprocals(w: Any, sign: int) -> Any:
    n = w.shape[-1]
    pairs = w[..., None, :] + sign * w[..., :, None]
    scale = np.max(np.abs(w), axis=-1, keepdims=True, initial=0)[..., None]
    tiny = np.abs(pairs) <= n * np.finfo(w.dtype).eps * scale
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.where(tiny, w.dtype.type(np.nan), 1 / pairs)
    i = np.arange(n)
    y[..., i, i] = 0
    return y


def _jvp_reciprocals(tangents: Tangents, args: Args, f: Node, sign: int) -> Node | None:
    dw = tangents[0]
    if dw is None:
        return None
    right, left = spread(dw, f.shape, True), spread(dw, f.shape, False)
    return -chain_product(right + left if sign > 0 else right - left, f * f)


RECIPROCALS = matrix_op(
    "reciprocals_of_pairs",
    lambda w, sign: ((*w.shape, w.shape[-1]), w.dtype),
    _evaluate_reciprocals,
    jvp=_jvp_reciprocals,
    note="1/(wⱼ ± wᵢ); 0 for i = j, NaN where it would be 1/0 to rounding",
)


def _reciprocals(w: Node, sign: int) -> Node:
    return make(RECIPROCALS, (w,), (sign,))


# --- symmetric eigenvalue problem -------------------------------------------------------------------------------------


def _infer_eigh(a: Node, driver: str, upper: bool) -> Any:
    return (a.shape[:-1], a.dtype), (a.shape, a.dtype)


def _evaluate_eigh(a: Any, driver: str, upper: bool) -> Any:
    if upper:
        a = np.swapaxes(a, -1, -2)
    if driver == "scipy" and a.ndim == 2 and a.size:
        from scipy.linalg import eigh as scipy_eigh

        return scipy_eigh(a, lower=not upper, check_finite=False)
    return tuple(np.linalg.eigh(a, "U" if upper else "L"))


def _jvp_eigh(tangents: Tangents, args: Args, y: Node, *choice: Any) -> tuple[Node | None, Node | None]:
    (da,), (a,) = tangents, args
    if da is None:
        return None, None
    w, v = make(ITEM, (y,), (0,)), make(ITEM, (y,), (1,))
    m = product(mT(v), symmetric_tangent(da, a), v)
    return diagonal(m), product(v, chain_product(m, _reciprocals(w, -1)))


EIGH = matrix_op(
    "eigh",
    _infer_eigh,
    _evaluate_eigh,
    several=True,
    jvp=_jvp_eigh,
    note="reads the lower triangle; eigenvectors of coinciding eigenvalues have the derivative NaN",
)


def eigh(a: Node, driver: str = "numpy", upper: bool = False) -> Args:
    """Eigenvalues in ascending order and orthonormal eigenvectors; only the lower triangle of ``a`` is read.

    ``driver`` says whose choice of the signs of the eigenvectors is followed, ``"numpy"`` or ``"scipy"``; ``upper``,
    that of their routine for the upper triangle of the transpose.
    """
    check_square(a)
    (a,) = as_floats(a)
    return make_tuple(EIGH, (a,), (driver, upper))


def _jvp_eigvalsh(tangents: Tangents, args: Args, w: Node) -> Node | None:
    (da,), (a,) = tangents, args
    if da is None:
        return None
    v = eigh(a)[1]
    return diagonal(product(mT(v), symmetric_tangent(da, a), v))


EIGVALSH = matrix_op(
    "eigvalsh",
    lambda a: (a.shape[:-1], a.dtype),
    np.linalg.eigvalsh,
    jvp=_jvp_eigvalsh,
    note="where eigenvalues coincide, functions symmetric in them have the right first derivative",
)


def eigvalsh(a: Node) -> Node:
    """Eigenvalues in ascending order; only the lower triangle of ``a`` is read."""
    check_square(a)
    (a,) = as_floats(a)
    return make(EIGVALSH, (a,))


# --- singular values --------------------------------------------------------------------------------------------------


def _infer_svd(a: Node, complete: bool, quiet: bool) -> Any:
    *stack, m, n = a.shape
    k = min(m, n)
    left, right = (m, n) if complete else (k, k)
    return ((*stack, m, left), a.dtype), ((*stack, k), a.dtype), ((*stack, right, n), a.dtype)


def _negligible(s: Node, shape: tuple[int, ...]) -> Node:
    """Which singular values are 0 to rounding."""
    axis = (s.ndim - 1,)
    largest = broadcast(keep(make(MAX, (s,), (axis,)), s, axis), s.shape)
    return s <= largest * float(max(shape[-2:]) * np.finfo(s.dtype).eps)


def _change_of_values(p: Node, s: Node, shape: tuple[int, ...]) -> Node:
    return where(_negligible(s, shape), as_node(0.0, s.dtype), diagonal(p))


def _jvp_svd(tangents: Tangents, args: Args, y: Node, complete: bool, quiet: bool) -> tuple[Node | None, ...]:
    (da,), (a,) = tangents, args
    *stack, m, n = a.shape
    k = min(m, n)
    if da is None or k == 0:
        return None, None, None
    u, s, vh = (make(ITEM, (y,), (i,)) for i in range(3))
    u1, v1 = columns(u, 0, k), mT(rows(vh, 0, k))
    p = product(mT(u1), da, v1)
    both = chain_product(p + mT(p), _reciprocals(s, -1))
    skew = chain_product(p - mT(p), _reciprocals(s, +1))
    du, dv = product(u1, 0.5 * (both + skew)), product(v1, 0.5 * (both - skew))
    inverse = where(_negligible(s, a.shape), as_node(np.nan, s.dtype), 1 / s)
    if m > k:
        out = product(da, v1) - product(u1, p)
        du = du + chain_product(out, spread(inverse, out.shape, True))
    if n > k:
        out = product(mT(da), u1) - product(v1, mT(p))
        dv = dv + chain_product(out, spread(inverse, out.shape, True))
    if complete:  # the further vectors stay orthogonal to the first, and turn no more than that needs
        axis = len(stack) + 1
        if m > k:
            du = concatenate([du, -product(u1, mT(du), columns(u, k, m))], axis)
        if n > k:
            dv = concatenate([dv, -product(v1, mT(dv), mT(rows(vh, k, n)))], axis)
    return du, _change_of_values(p, s, a.shape), mT(dv)


def _parts_or_nan(f: Callable[[Any], tuple[Any, ...]], a: Any) -> tuple[Any, ...]:
    """``f`` of the matrices of a stack, and NaN for those of which LAPACK finds no singular values."""
    try:
        return f(a)
    except LinAlgError:
        if a.ndim == 2:
            return tuple([np.full_like(part, np.nan) for part in f(np.zeros_like(a))])
        return tuple([np.stack(parts) for parts in zip(*[_parts_or_nan(f, matrix) for matrix in a])])


def _evaluate_svd(a: Any, complete: bool, quiet: bool) -> Any:
    parts = lambda a: tuple(np.linalg.svd(a, full_matrices=complete))
    return _parts_or_nan(parts, a) if quiet else parts(a)


SVD = matrix_op(
    "svd",
    _infer_svd,
    _evaluate_svd,
    several=True,
    jvp=_jvp_svd,
    note="(U, σ, Vᵀ); vectors of coinciding (or, off the span, zero) singular values have the derivative NaN",
)


def svd(a: Node, complete: bool = False, quiet: bool = False) -> Args:
    """U, σ in descending order and Vᵀ with A = U diag(σ) Vᵀ; ``complete`` makes U and V square.

    ``quiet`` gives NaN for a matrix that has none, since an entry is not finite, instead of an error.
    """
    check_matrix(a)
    (a,) = as_floats(a)
    return make_tuple(SVD, (a,), (complete and a.shape[-2] != a.shape[-1], quiet))


def _jvp_svdvals(tangents: Tangents, args: Args, s: Node, quiet: bool) -> Node | None:
    (da,), (a,) = tangents, args
    if da is None or s.size == 0:
        return None
    u, _, vh = svd(a, quiet=quiet)
    return _change_of_values(product(mT(u), da, mT(vh)), s, a.shape)


def _evaluate_svdvals(a: Any, quiet: bool) -> Any:
    values = lambda a: (np.linalg.svd(a, compute_uv=False),)
    return (_parts_or_nan(values, a) if quiet else values(a))[0]


SVDVALS = matrix_op(
    "svdvals",
    lambda a, quiet: ((*a.shape[:-2], min(a.shape[-2:])), a.dtype),
    _evaluate_svdvals,
    jvp=_jvp_svdvals,
    note="derivative 0 where a singular value is 0, as for |x|; symmetric functions of coinciding ones are right",
)


def svdvals(a: Node, quiet: bool = False) -> Node:
    """Singular values in descending order; ``quiet`` as in `svd`."""
    check_matrix(a)
    (a,) = as_floats(a)
    return make(SVDVALS, (a,), (quiet,))
