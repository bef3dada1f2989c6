"""Contraction: one op, Einstein's summation of one or two arguments, carried out by BLAS.

A contraction is linear in each argument, and each transpose is again a contraction. Every axis has a label (an int); a
label stands at most once in an argument. ``contract(a, b; la, lb, lo)`` sums over the labels that the output lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from thalweg.graph import Node, Op, Shape, make, shape_error
from thalweg.ops.elementwise import astype
from thalweg.ops.movement import broadcast, reshape, transpose
from thalweg.ops.reduce import sum_

Labels = tuple[int, ...]


def _infer(a: Node, b: Node, la: Labels, lb: Labels, lo: Labels) -> Any:
    sizes = dict(zip(la, a.shape, strict=True))
    for label, n in zip(lb, b.shape, strict=True):
        if sizes.setdefault(label, n) != n:
            raise shape_error(
                f"a product of arrays of shapes {a.shape} and {b.shape}: {sizes[label]} and {n} do not fit together"
            )
    return tuple(sizes[label] for label in lo), np.result_type(a.dtype, b.dtype)


@lru_cache(maxsize=4096)
def _plan(la: Labels, lb: Labels, lo: Labels) -> Callable[[Any, Any], Any]:
    """How to compute the contraction with one ``matmul``: (batch, m, k) @ (batch, k, n)."""
    if la == lb and not lo and len(la) == 1:
        return np.dot
    if len(la) == 2 and len(lb) == 1 and la[1:] == lb and lo == la[:1]:
        return np.dot
    if len(la) == 2 and len(lb) == 2 and la[1] == lb[0] and lo == (la[0], lb[1]):
        return np.dot
    in_b, in_o, in_a = set(lb), set(lo), set(la)
    batch = [x for x in lo if x in in_a and x in in_b]
    inner = [x for x in la if x in in_b and x not in in_o]
    rows = [x for x in lo if x in in_a and x not in in_b]
    columns = [x for x in lo if x in in_b and x not in in_a]
    lonely_a = tuple(i for i, x in enumerate(la) if x not in in_b and x not in in_o)
    lonely_b = tuple(i for i, x in enumerate(lb) if x not in in_a and x not in in_o)
    ra = [x for x in la if x in in_b or x in in_o]
    rb = [x for x in lb if x in in_a or x in in_o]
    order_a = [ra.index(x) for x in (*batch, *rows, *inner)]
    order_b = [rb.index(x) for x in (*batch, *inner, *columns)]
    found = [*batch, *rows, *columns]
    order_o = [found.index(x) for x in lo]
    nb, nr, ni, nc = len(batch), len(rows), len(inner), len(columns)

    def run(a: Any, b: Any) -> Any:
        if lonely_a:
            a = a.sum(axis=lonely_a)
        if lonely_b:
            b = b.sum(axis=lonely_b)
        if not ni and not nr and not nc:
            return np.multiply(a.transpose(order_a), b.transpose(order_b)).transpose(order_o)
        a, b = a.transpose(order_a), b.transpose(order_b)
        sa, sb = a.shape, b.shape
        m, k, n = _size(sa[nb : nb + nr]), _size(sa[nb + nr :]), _size(sb[nb + ni :])
        y = np.matmul(a.reshape((*sa[:nb], m, k)), b.reshape((*sb[:nb], k, n)))
        return y.reshape((*sa[: nb + nr], *sb[nb + ni :])).transpose(order_o)

    return run


def _size(shape: Shape) -> int:
    size = 1
    for n in shape:
        size *= n
    return size


def _evaluate(a: Any, b: Any, la: Labels, lb: Labels, lo: Labels) -> Any:
    return _plan(la, lb, lo)(np.asarray(a), np.asarray(b))


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
    kernel=lambda node: _plan(*node.params),
    note="Einstein summation of two arguments",
)


def contract(a: Node, b: Node, la: Labels, lb: Labels, lo: Labels) -> Node:
    """Sum over all labels that ``lo`` lacks of ``a[la] * b[lb]``."""
    dtype = np.result_type(a.dtype, b.dtype)
    a, b = astype(a, dtype), astype(b, dtype)
    rename: dict[int, int] = {}
    la, lb, lo = (tuple(rename.setdefault(x, len(rename)) for x in labels) for labels in (la, lb, lo))
    return make(CONTRACT, (a, b), (la, lb, lo))


def contract_one(x: Node, lx: Labels, lo: Labels) -> Node:
    """Sum over the labels that ``lo`` lacks, and order the rest as ``lo`` says."""
    axes = tuple(i for i, label in enumerate(lx) if label not in lo)
    rest = [label for label in lx if label in lo]
    y = sum_(x, axes) if axes else x
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
