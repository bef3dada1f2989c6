"""Contraction: one op, Einstein's summation of one or two arguments, carried out by BLAS.

A contraction is linear in each argument, and each transpose is again a contraction. Every axis has a label (an int); a
label stands at most once in an argument. ``contract(a, b; la, lb, lo)`` sums over the labels that the output lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from thalweg.graph import BOOL, INT64, OPS, Node, Op, Shape, make, shape_error
from thalweg.ops.elementwise import astype
from thalweg.ops.movement import BROADCAST, TRANSPOSE, broadcast, reshape, transpose
from thalweg.ops.reduce import SUM_OF, sum_

Labels = tuple[int, ...]


def _infer(a: Node, b: Node, la: Labels, lb: Labels, lo: Labels) -> Any:
    sizes = dict(zip(la, a.shape, strict=True))
    for label, n in zip(lb, b.shape, strict=True):
        if sizes.setdefault(label, n) != n:
            raise shape_error(
                f"a product of arrays of shapes {a.shape} and {b.shape}: {sizes[label]} and {n} do not fit together"
            )
    return tuple(sizes[label] for label in lo), np.result_type(a.dtype, b.dtype)


Kernel = Callable[[Any, Any], Any]


@lru_cache(maxsize=4096)
def _plan(la: Labels, lb: Labels, lo: Labels, sa: Shape, sb: Shape) -> Kernel:
    """How NumPy computes the contraction: one BLAS call where there is one, on views wherever strides allow.

    Labels fall into four groups: *batch* (in all three), *inner* (in both arguments, summed), *rows* (of a alone) and
    *columns* (of b alone). A transposed matrix is a view with swapped strides, which BLAS takes as a flag.
    """
    if la == lb and not lo and len(la) == 1:
        return np.dot
    if len(la) == 2 and len(lb) == 1 and la[1:] == lb and lo == la[:1]:
        return np.dot
    if len(la) == 2 and len(lb) == 2 and la[1] == lb[0] and lo == (la[0], lb[1]):
        return np.dot
    in_a, in_b, in_o = set(la), set(lb), set(lo)
    lonely_a = tuple(i for i, x in enumerate(la) if x not in in_b and x not in in_o)
    lonely_b = tuple(i for i, x in enumerate(lb) if x not in in_a and x not in in_o)
    if lonely_a or lonely_b:
        if 0 in [*(sa[i] for i in lonely_a), *(sb[i] for i in lonely_b)]:  # nothing to add: 0, whatever the other is
            sizes = dict(zip((*la, *lb), (*sa, *sb), strict=True))
            shape = tuple(sizes[x] for x in lo)
            return lambda a, b: np.zeros(shape, np.result_type(a, b))
        rest = _plan(_without(la, lonely_a), _without(lb, lonely_b), lo, _without(sa, lonely_a), _without(sb, lonely_b))
        return lambda a, b: rest(
            np.add.reduce(a, axis=lonely_a) if lonely_a else a, np.add.reduce(b, axis=lonely_b) if lonely_b else b
        )
    inner_from = la if _size(sa) >= _size(sb) else lb  # the larger argument keeps its order, so that it is not copied
    inner = [x for x in inner_from if x in in_a and x in in_b and x not in in_o]
    if not inner:
        return _outer(la, lb, lo)
    batch = [x for x in lo if x in in_a and x in in_b]
    rows = [x for x in la if x not in in_b]
    columns = [x for x in lb if x not in in_a]
    if not rows and not columns:
        return _inner(la, lb, batch, inner)
    first = next(x for x in lo if x not in batch)
    if first in columns:  # (AB)ᵀ = BᵀAᵀ: the result comes out in the order that is wanted
        flipped = _matrices(lb, la, lo, batch, columns, inner, rows)
        return lambda a, b: flipped(b, a)
    return _matrices(la, lb, lo, batch, rows, inner, columns)


def _matrices(
    la: Labels, lb: Labels, lo: Labels, batch: list[int], rows: list[int], inner: list[int], columns: list[int]
) -> Kernel:
    """(batch, rows, inner) times (batch, inner, columns)."""
    order_a = [la.index(x) for x in (*batch, *rows, *inner)]
    order_b = [lb.index(x) for x in (*batch, *inner, *columns)]
    found = [*batch, *rows, *columns]
    order_o = [found.index(x) for x in lo]
    nb, nr, ni = len(batch), len(rows), len(inner)
    turn_a, turn_b, turn_o = (o != list(range(len(o))) for o in (order_a, order_b, order_o))
    if not nb and nr <= 1 and ni == 1 and len(columns) <= 1:  # matrix times matrix or vector, no axes to merge

        def one(a: Any, b: Any) -> Any:
            return np.dot(a.transpose(order_a) if turn_a else a, b.transpose(order_b) if turn_b else b)

        return one

    def run(a: Any, b: Any) -> Any:
        a = a.transpose(order_a) if turn_a else a
        b = b.transpose(order_b) if turn_b else b
        sa, sb = a.shape, b.shape
        m, k, n = _size(sa[nb : nb + nr]), _size(sa[nb + nr :]), _size(sb[nb + ni :])
        y = np.matmul(a.reshape((*sa[:nb], m, k)), b.reshape((*sb[:nb], k, n)))
        y = y.reshape((*sa[: nb + nr], *sb[nb + ni :]))
        return y.transpose(order_o) if turn_o else y

    return run


def _inner(la: Labels, lb: Labels, batch: list[int], inner: list[int]) -> Kernel:
    """One sum of products for each place of the batch."""
    order_a = [la.index(x) for x in (*batch, *inner)]
    order_b = [lb.index(x) for x in (*batch, *inner)]
    if not batch:
        turn_a, turn_b = (o != list(range(len(o))) for o in (order_a, order_b))

        def whole(a: Any, b: Any) -> Any:
            a = a.transpose(order_a) if turn_a else a
            b = b.transpose(order_b) if turn_b else b
            return np.dot(a.reshape(-1), b.reshape(-1))

        return whole
    if la == lb and len(inner) == 1 and la == (*batch, *inner):
        return lambda a, b: np.vecdot(a, b)
    at = (*batch, *inner)
    la, lb = (tuple(at.index(x) for x in labels) for labels in (la, lb))
    lo = tuple(range(len(batch)))
    return lambda a, b: np.einsum(a, la, b, lb, lo)


def _outer(la: Labels, lb: Labels, lo: Labels) -> Kernel:
    """Nothing is summed: a product with broadcasting."""
    order_a = [la.index(x) for x in lo if x in la]
    order_b = [lb.index(x) for x in lo if x in lb]
    free_a = tuple(slice(None) if x in la else None for x in lo)
    free_b = tuple(slice(None) if x in lb else None for x in lo)
    return lambda a, b: np.multiply(a.transpose(order_a)[free_a], b.transpose(order_b)[free_b])


def _without(values: tuple[int, ...], places: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(x for i, x in enumerate(values) if i not in places)


def _size(shape: Shape) -> int:
    size = 1
    for n in shape:
        size *= n
    return size


def _evaluate(a: Any, b: Any, la: Labels, lb: Labels, lo: Labels) -> Any:
    a, b = np.asarray(a), np.asarray(b)
    return _plan(la, lb, lo, a.shape, b.shape)(a, b)


def _kernel(node: Node) -> Kernel:
    a, b = node.args
    return _plan(*node.params, a.shape, b.shape)


# --- identities -----------------------------------------------------------------------------------------------------


def _simplify(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
    a, b = args
    la, lb, lo = params
    if a.op is TRANSPOSE:
        return contract(a.args[0], b, _untransposed(la, a.params[0]), lb, lo)
    if b.op is TRANSPOSE:
        return contract(a, b.args[0], la, _untransposed(lb, b.params[0]), lo)
    if not la:
        return _scaled(a, b, lb, lo)
    if not lb:
        return _scaled(b, a, la, lo)
    if set(la) == set(lb) == set(lo):
        return make(OPS["multiply"], (contract_one(a, la, lo), contract_one(b, lb, lo)))
    if a.op is BROADCAST:
        return _unstretched(a, b, la, lb, lo)
    if b.op is BROADCAST:
        return _unstretched(b, a, lb, la, lo)
    return None


def _untransposed(labels: Labels, axes: Labels) -> Labels:
    out = [0] * len(labels)
    for label, axis in zip(labels, axes, strict=True):
        out[axis] = label
    return tuple(out)


def _scaled(scalar: Node, x: Node, lx: Labels, lo: Labels) -> Node:
    return make(OPS["multiply"], (scalar, contract_one(x, lx, lo)))


def _unstretched(a: Node, b: Node, la: Labels, lb: Labels, lo: Labels) -> Node | None:
    """Along an axis to which ``a`` was only stretched nothing is multiplied: it is summed or repeated instead."""
    x = a.args[0]
    lead = a.ndim - x.ndim
    stretched = [i for i, n in enumerate(a.shape) if (i < lead or x.shape[i - lead] != n)]
    if not stretched or 0 in a.shape:
        return None
    kept = [i for i in range(a.ndim) if i not in stretched]
    core = reshape(x, tuple(a.shape[i] for i in kept))
    alone = {la[i]: a.shape[i] for i in stretched if la[i] not in lb}
    y = contract(core, b, tuple(la[i] for i in kept), lb, tuple(label for label in lo if label not in alone))
    times = _size(tuple(n for label, n in alone.items() if label not in lo))
    if times != 1:
        y = y * float(times) if y.dtype.kind == "f" else y * times
    if any(label in lo for label in alone):
        sizes = iter(y.shape)
        shape = tuple(1 if label in alone else next(sizes) for label in lo)
        sizes = iter(y.shape)
        y = broadcast(reshape(y, shape), tuple(alone[label] if label in alone else next(sizes) for label in lo))
    return y


def _sum_of(y: Node, axes: Labels) -> Node | None:
    """Σ AB = (Σ A)(Σ B), where this costs no more than adding up the product would."""
    a, b = y.args
    la, lb, lo = y.params
    dropped = {lo[i] for i in axes}
    rest = tuple(label for label in lo if label not in dropped)
    if any(label in la and label in lb for label in dropped) or a.size + b.size > y.size:
        return None
    return contract(a, b, la, lb, rest)


def summed_first(a: Node, b: Node, la: Labels, lb: Labels, lo: Labels) -> Node | None:
    """The contraction with the axes that one argument has alone summed before the product; ``None`` without such."""
    alone_a, alone_b = (
        tuple(k for k, x in enumerate(mine) if x not in other and x not in lo) for mine, other in ((la, lb), (lb, la))
    )
    if not (alone_a or alone_b) or 0 in a.shape or 0 in b.shape or BOOL in (a.dtype, b.dtype):
        return None
    la, lb = (tuple(x for k, x in enumerate(ls) if k not in axes) for ls, axes in ((la, alone_a), (lb, alone_b)))
    a, b = (sum_(x, axes) if axes else x for x, axes in ((a, alone_a), (b, alone_b)))
    return make(CONTRACT, (a, b), (la, lb, lo))


# --- rules ----------------------------------------------------------------------------------------------------------


def _transpose(g: Node, k: int, args: tuple[Node, ...], la: Labels, lb: Labels, lo: Labels) -> Node:
    x, lx, other, lother = (args[0], la, args[1], lb) if k == 0 else (args[1], lb, args[0], la)
    known = set(lo) | set(lother)
    reached = tuple(label for label in lx if label in known)
    y = contract(g, other, lo, lother, reached) if k == 0 else contract(other, g, lother, lo, reached)
    if reached != lx:  # summed-out labels of x alone: the same cotangent all along them
        y = broadcast(
            reshape(y, tuple(n if label in known else 1 for label, n in zip(lx, x.shape, strict=True))), x.shape
        )
    return y


def _batch(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, la: Labels, lb: Labels, lo: Labels) -> Node:
    new = max((*la, *lb, *lo), default=-1) + 1
    la = (new, *la) if batched[0] else la
    lb = (new, *lb) if batched[1] else lb
    return contract(args[0], args[1], la, lb, (new, *lo))


CONTRACT = Op(
    "contract",
    _infer,
    _evaluate,
    family="contract",
    linear=(0, 1),
    transpose=_transpose,
    batch=_batch,
    kernel=_kernel,
    simplify=_simplify,
    note="Einstein summation of two arguments",
)
SUM_OF[CONTRACT] = _sum_of


def contract(a: Node, b: Node, la: Labels, lb: Labels, lo: Labels) -> Node:
    """Sum over all labels that ``lo`` lacks of ``a[la] * b[lb]``."""
    dtype = np.result_type(a.dtype, b.dtype)
    if dtype == BOOL:  # "some product is true", as NumPy has it
        return astype(contract(astype(a, INT64), b, la, lb, lo), BOOL)
    a, b = astype(a, dtype), astype(b, dtype)
    rename: dict[int, int] = {}
    la, lb, lo = (tuple(rename.setdefault(x, len(rename)) for x in labels) for labels in (la, lb, lo))
    return make(CONTRACT, (a, b), (la, lb, lo))


def contract_one(x: Node, lx: Labels, lo: Labels) -> Node:
    """Sum over the labels that ``lo`` lacks, and order the rest as ``lo`` says."""
    axes = tuple(i for i, label in enumerate(lx) if label not in lo)
    rest = [label for label in lx if label in lo]
    y = astype(sum_(x, axes), x.dtype) if axes else x
    return transpose(y, tuple(rest.index(label) for label in lo))


def matmul(a: Node, b: Node) -> Node:
    """``numpy.matmul`` with its rules for vectors and stacks."""
    if a.ndim == 0 or b.ndim == 0:
        raise shape_error("matmul: a scalar is not a matrix; use `*`")
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    n = len(lead)
    row, inner, column = n, n + 1, n + 2
    la = (row, inner)[-min(a.ndim, 2) :]
    lb = (inner, column)[: min(b.ndim, 2)]
    a2, stack_a = _stack(a, lead)
    b2, stack_b = _stack(b, lead)
    lo = (*range(n), *((row,) if a.ndim > 1 else ()), *((column,) if b.ndim > 1 else ()))
    return contract(a2, b2, (*stack_a, *la), (*stack_b, *lb), lo)


def _stack(x: Node, lead: Shape) -> tuple[Node, Labels]:
    """The stacking axes of a matrix argument: those of length one that only stretch are dropped."""
    if x.ndim <= 2:
        return x, ()
    own = x.shape[:-2]
    offset = len(lead) - len(own)
    kept = [i for i, n in enumerate(own) if n == lead[offset + i]]
    return reshape(x, (*[own[i] for i in kept], *x.shape[-2:])), tuple(offset + i for i in kept)
