"""Reductions and scans: sum, product, extrema, running sums and linear recurrences along axes.

Axes are stored as sorted non-negative tuples; ``keepdims`` is a reshape. ``recurrence`` is the linear scan
s_i = a_i s_{i−1} + b_i: the derivative of a running product is one (exact where factors are zero), and so is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.graph import BOOL, FLOAT64, INT64, Node, Op, Shape, as_node, constant, full, make, shape_error
from thalweg.ops.elementwise import astype, equal, where
from thalweg.ops.gather import take_along
from thalweg.ops.movement import BROADCAST, RESHAPE, TRANSPOSE, broadcast, normalize_basic, reshape, slice_

Axes = tuple[int, ...]


def _reduced(x: Node, axes: Axes) -> Shape:
    return tuple(n for i, n in enumerate(x.shape) if i not in axes) if axes else x.shape


def _kept(x: Node, axes: Axes) -> Shape:
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape))


def keep(y: Node, x: Node, axes: Axes) -> Node:
    """The result of reducing ``x`` over ``axes`` with the reduced axes kept at length one."""
    return reshape(y, _kept(x, axes))


def against(y: Node, x: Node, axes: Axes) -> Node:
    """The result of reducing ``x`` in a shape that broadcasts against it: a number stays a number."""
    return y if y.shape == () else keep(y, x, axes)


def _shifted(axes: Axes) -> Axes:
    return tuple(a + 1 for a in axes)


def _batch(op: Op) -> Any:
    return lambda args, batched, size, axes: make(op, args, (_shifted(axes),))


def _batch_along(op: Op) -> Any:
    return lambda args, batched, size, axis: make(op, args, (axis + 1,))


# --- sum ------------------------------------------------------------------------------------------------------------


def _infer_sum(x: Node, axes: Axes) -> Any:
    return _reduced(x, axes), INT64 if x.dtype == BOOL else x.dtype


SUM_OF: dict[Op, Callable[[Node, Axes], Node | None]] = {}
"""Where the sum of an op's result can be had for less than adding it up: ``rule(result, axes)``, or ``None``."""


def _simplify_sum(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
    (x,), (axes,) = args, params
    if x.dtype.kind != "f":
        return None
    if not axes:
        return x
    if len(axes) == x.ndim and x.op in (RESHAPE, TRANSPOSE):  # a sum of all does not ask for the order
        return sum_(x.args[0], all_axes(x.args[0]))
    rule = SUM_OF.get(x.op)
    return rule(x, axes) if rule is not None else None


def _sum_of_broadcast(x: Node, axes: Axes) -> Node | None:
    """Equal terms are not added but counted."""
    source = x.args[0]
    lead = x.ndim - source.ndim
    count = 1
    for a in axes:
        if a < lead or source.shape[a - lead] != x.shape[a]:
            count *= x.shape[a]
    if count == 0:
        return None
    y = sum_(source, tuple(a - lead for a in axes if a >= lead))  # a stretched axis has length one in the source
    return broadcast(y if count == 1 else y * float(count), _reduced(x, axes))


SUM_OF[BROADCAST] = _sum_of_broadcast


def _evaluate_sum(x: Any, axes: Axes) -> Any:
    if x.dtype == BOOL and len(axes) == x.ndim:
        return np.int64(np.count_nonzero(x))
    return np.add.reduce(x, axis=axes)


SUM = Op(
    "sum",
    _infer_sum,
    _evaluate_sum,
    family="reduce",
    linear=(0,),
    transpose=lambda g, k, args, axes: broadcast(against(g, args[0], axes), args[0].shape),
    simplify=_simplify_sum,
)
SUM.batch = _batch(SUM)


def sum_(x: Node, axes: Axes) -> Node:
    return make(SUM, (x,), (tuple(axes),))


def all_axes(x: Node) -> Axes:
    return tuple(range(x.ndim))


# --- extrema --------------------------------------------------------------------------------------------------------


def _infer_extremum(x: Node, axes: Axes) -> Any:
    if any(x.shape[a] == 0 for a in axes):
        raise shape_error(
            "max or min of an empty array: there is no element to choose; give `initial=` or test the size"
        )
    return _reduced(x, axes), x.dtype


def _jvp_extremum(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, axes: Axes) -> Node | None:
    (t,), (x,) = tangents, args
    if t is None:
        return None
    chosen = equal(x, against(y, x, axes))
    return sum_(where(chosen, t, as_node(0.0, t.dtype)), axes) / astype(sum_(chosen, axes), t.dtype)


MAX = Op("max", _infer_extremum, lambda x, axes: np.maximum.reduce(x, axis=axes), family="reduce", jvp=_jvp_extremum,
         note="a tie is split evenly")  # fmt: skip
MAX.batch = _batch(MAX)
MIN = Op("min", _infer_extremum, lambda x, axes: np.minimum.reduce(x, axis=axes), family="reduce", jvp=_jvp_extremum,
         note="a tie is split evenly")  # fmt: skip
MIN.batch = _batch(MIN)


def _infer_argextremum(x: Node, axis: int) -> Any:
    if x.shape[axis] == 0:
        raise shape_error("argmax or argmin of an empty array")
    return _reduced(x, (axis,)), INT64


ARGMAX = Op("argmax", _infer_argextremum, lambda x, axis: np.argmax(x, axis=axis), family="reduce",
            note="a position: no derivative")  # fmt: skip
ARGMAX.batch = _batch_along(ARGMAX)
ARGMIN = Op("argmin", _infer_argextremum, lambda x, axis: np.argmin(x, axis=axis), family="reduce",
            note="a position: no derivative")  # fmt: skip
ARGMIN.batch = _batch_along(ARGMIN)

# --- logic ----------------------------------------------------------------------------------------------------------

_infer_logic = lambda x, axes: (_reduced(x, axes), BOOL)

ANY = Op("any", _infer_logic, lambda x, axes: np.logical_or.reduce(x, axis=axes), family="reduce", note="no derivative")
ANY.batch = _batch(ANY)
ALL = Op(
    "all", _infer_logic, lambda x, axes: np.logical_and.reduce(x, axis=axes), family="reduce", note="no derivative"
)
ALL.batch = _batch(ALL)

# --- log of a sum of exponentials -----------------------------------------------------------------------------------


def _infer_logsumexp(x: Node, axes: Axes) -> Any:
    return _reduced(x, axes), x.dtype if x.dtype.kind == "f" else FLOAT64


def _evaluate_logsumexp(x: Any, axes: Axes) -> Any:
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    if _short_rows(x, axes):
        return _evaluate_logsumexp(np.ascontiguousarray(x.T), (0,))
    top = np.maximum.reduce(x, axis=axes, keepdims=True, initial=-np.inf)
    shift = top if np.isfinite(top).all() else np.where(np.isfinite(top), top, x.dtype.type(0))
    total = np.add.reduce(np.exp(x - shift), axis=axes)
    return np.log(total) + shift.reshape(np.shape(total))


def _short_rows(x: Any, axes: Axes) -> bool:
    """Whether rows are so short that NumPy is several times faster along the columns of the transpose."""
    return x.ndim == 2 and axes == (1,) and 0 < x.shape[1] <= 32 < x.shape[0]


def _jvp_logsumexp(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, axes: Axes) -> Node | None:
    (t,), (x,) = tangents, args
    return None if t is None else sum_(t * make(WEIGHTS, (x,), (axes,)), axes)


def _evaluate_weights(x: Any, axes: Axes) -> Any:
    if _short_rows(x, axes):
        return np.ascontiguousarray(_evaluate_weights(np.ascontiguousarray(x.T), (0,)).T)
    top = np.maximum.reduce(x, axis=axes, keepdims=True, initial=-np.inf)
    if np.isfinite(top).all():
        e = np.exp(x - top)
    else:
        e = np.where(np.isinf(top), x == top, np.exp(x - np.where(np.isinf(top), 0, top))).astype(x.dtype, copy=False)
    return e / np.add.reduce(e, axis=axes, keepdims=True)


def _jvp_weights(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, axes: Axes) -> Node | None:
    (t,) = tangents
    return None if t is None else y * (t - against(sum_(y * t, axes), y, axes))


WEIGHTS = Op("logsumexp_weights", lambda x, axes: (x.shape, x.dtype), _evaluate_weights, family="reduce",
             jvp=_jvp_weights, note="softmax; equal parts for all that are infinite with the greatest")  # fmt: skip
WEIGHTS.batch = _batch(WEIGHTS)
LOGSUMEXP = Op("logsumexp", _infer_logsumexp, _evaluate_logsumexp, family="reduce", jvp=_jvp_logsumexp,
               note="at −∞ or ∞, equal parts for all terms that are so")  # fmt: skip
LOGSUMEXP.batch = _batch(LOGSUMEXP)


def logsumexp(x: Node, axes: Axes) -> Node:
    """log Σ exp(x) over ``axes``, without overflow; −∞ for a sum of nothing."""
    return make(LOGSUMEXP, (x,), (tuple(axes),))


# --- scans along one axis -------------------------------------------------------------------------------------------


def _infer_scan(x: Node, axis: int) -> Any:
    return x.shape, INT64 if x.dtype == BOOL else x.dtype


def flip(x: Node, axis: int) -> Node:
    index: list[Any] = [slice(None)] * x.ndim
    index[axis] = slice(None, None, -1)
    return slice_(x, normalize_basic(x.shape, index))


CUMSUM = Op(
    "cumsum",
    _infer_scan,
    lambda x, axis: np.cumsum(x, axis=axis),
    family="reduce",
    linear=(0,),
    transpose=lambda g, k, args, axis: flip(cumsum(flip(g, axis), axis), axis),
)
CUMSUM.batch = _batch_along(CUMSUM)


def cumsum(x: Node, axis: int) -> Node:
    return CUMSUM(x, params=(axis,))


def shift(x: Node, axis: int, first: float) -> Node:
    """``x`` moved one place along ``axis``, with ``first`` in the free place."""
    from thalweg.ops.movement import concatenate

    n = x.shape[axis]
    if n == 0:
        return x
    head = list(x.shape)
    head[axis] = 1
    index: list[Any] = [slice(None)] * x.ndim
    index[axis] = slice(0, n - 1)
    return concatenate([full(tuple(head), first, x.dtype), slice_(x, normalize_basic(x.shape, index))], axis)


_NARROW = 16  # up to this many columns are cheaper one after the other than row by row
_SHORT = 64  # up to this length, in Python


def _evaluate_recurrence(a: Any, b: Any, axis: int) -> Any:
    dtype = np.result_type(a, b)
    a, out = np.moveaxis(np.asarray(a), axis, 0), np.array(np.moveaxis(b, axis, 0), dtype, order="C")
    n = out.shape[0]
    if n and 0 < out.size // n <= _NARROW:
        factors, flat = a.reshape(n, -1), out.reshape(n, -1)
        along = _recur if n <= _SHORT else _solve_bidiagonal
        for column in range(flat.shape[1]):
            flat[:, column] = along(factors[:, column], flat[:, column])
    else:
        for i in range(1, n):
            out[i] += a[i] * out[i - 1]
    return np.moveaxis(out, 0, axis)


def _recur(a: Any, b: Any) -> list[float]:
    a, b = a.tolist(), b.tolist()
    s = b[0]
    out = [s]
    for i in range(1, len(b)):
        s = a[i] * s + b[i]
        out.append(s)
    return out


def _solve_bidiagonal(a: Any, b: Any) -> Any:
    """The recurrence is a system with ones on the diagonal and −a below it: forward substitution, by BLAS."""
    from scipy.linalg import blas

    band = np.empty((2, len(b)), b.dtype, order="F")
    band[0] = 1
    np.negative(a[1:], band[1, :-1])
    band[1, -1] = 0
    solve = blas.stbsv if b.dtype == np.float32 else blas.dtbsv
    return solve(1, band, b, lower=1, diag=1)


def _infer_recurrence(a: Node, b: Node, axis: int) -> Any:
    return b.shape, np.result_type(a.dtype, b.dtype)


def recurrence(a: Node, b: Node, axis: int) -> Node:
    """s_0 = b_0, s_i = a_i s_{i−1} + b_i along ``axis``; ``a`` and ``b`` have one shape (a_0 is not used)."""
    return make(RECURRENCE, (a, b), (axis,))


def _transpose_recurrence(g: Node, k: int, args: tuple[Node, ...], axis: int) -> Node:
    """In b: the same recurrence run backwards, r_i = g_i + a_{i+1} r_{i+1}."""
    a = shift(flip(args[0], axis), axis, 0.0)
    return flip(recurrence(a, flip(g, axis), axis), axis)


def _jvp_recurrence(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, axis: int) -> Node | None:
    ta, tb = tangents
    source = tb
    if ta is not None:
        change = ta * shift(y, axis, 0.0)
        source = change if tb is None else change + tb
    return None if source is None else recurrence(args[0], source, axis)


def _batch_recurrence(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, axis: int) -> Node:
    a, b = (x if is_batched else broadcast(x, (size, *x.shape)) for x, is_batched in zip(args, batched, strict=True))
    return recurrence(a, b, axis + 1)


RECURRENCE = Op("recurrence", _infer_recurrence, _evaluate_recurrence, family="reduce", linear=(1,),
                transpose=_transpose_recurrence, jvp=_jvp_recurrence, batch=_batch_recurrence,
                note="s_i = a_i s_{i−1} + b_i")  # fmt: skip


def _jvp_cumprod(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, axis: int) -> Node | None:
    (t,), (x,) = tangents, args
    return None if t is None else recurrence(x, t * shift(y, axis, 1.0), axis)


CUMPROD = Op("cumprod", _infer_scan, lambda x, axis: np.cumprod(x, axis=axis), family="reduce", jvp=_jvp_cumprod,
             note="exact where factors are 0")  # fmt: skip
CUMPROD.batch = _batch_along(CUMPROD)


def cumprod(x: Node, axis: int) -> Node:
    return CUMPROD(x, params=(axis,))


def prod_along(x: Node, axis: int) -> Node:
    """The product along one axis: the last of the running products."""
    n = x.shape[axis]
    if n == 0:
        return full(_reduced(x, (axis,)), 1.0, x.dtype)
    return make(PROD, (x,), (axis,))


def _infer_prod(x: Node, axis: int) -> Any:
    return _reduced(x, (axis,)), INT64 if x.dtype == BOOL else x.dtype


def _jvp_prod(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, axis: int) -> Node | None:
    """Each factor times the product of all others, from running products of both sides: exact at zeros."""
    (t,), (x,) = tangents, args
    if t is None:
        return None
    before = shift(cumprod(x, axis), axis, 1.0)
    after = flip(shift(cumprod(flip(x, axis), axis), axis, 1.0), axis)
    return sum_(t * before * after, (axis,))


PROD = Op("prod", _infer_prod, lambda x, axis: np.multiply.reduce(x, axis=axis), family="reduce", jvp=_jvp_prod,
          note="exact where factors are 0")  # fmt: skip
PROD.batch = _batch_along(PROD)


def _jvp_cumextremum(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, axis: int) -> Node | None:
    """The tangent of the element that holds the record; of equal ones, the first."""
    (t,), (x,) = tangents, args
    if t is None:
        return None
    n = x.shape[axis]
    index = np.arange(n, dtype=np.int64).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    new = astype(x > shift(y, axis, -np.inf), INT64) if y.op is CUMMAX else astype(x < shift(y, axis, np.inf), INT64)
    holder = CUMMAX(broadcast(constant(index), x.shape) * new, params=(axis,))
    return take_along(t, holder, axis)


_infer_records = lambda x, axis: (x.shape, x.dtype)
CUMMAX = Op("cummax", _infer_records, lambda x, axis: np.maximum.accumulate(x, axis=axis), family="reduce",
            jvp=_jvp_cumextremum, note="at a tie, the first holds the record")  # fmt: skip
CUMMAX.batch = _batch_along(CUMMAX)
CUMMIN = Op("cummin", _infer_records, lambda x, axis: np.minimum.accumulate(x, axis=axis), family="reduce",
            jvp=_jvp_cumextremum, note="at a tie, the first holds the record")  # fmt: skip
CUMMIN.batch = _batch_along(CUMMIN)
