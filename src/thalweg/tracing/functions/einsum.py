"""``numpy.einsum``: read the subscripts, then contract two operands at a time along NumPy's own path.

A label that stands twice in one operand is its diagonal. An axis of length one stretches, as in broadcasting. ``...``
stands for axes that take part by broadcasting; they get labels of their own, counted from the right.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import Node, shape_error
from thalweg.ops.contract import Labels, contract, contract_one
from thalweg.ops.movement import move_axis, normalize_basic, reshape, slice_
from thalweg.tracing.functions.registry import implements
from thalweg.tracing.tracer import nodes_of

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_Term = list[Any]  # labels (str or int) and Ellipsis


@implements(np.einsum)
def einsum(*operands: Any, optimize: Any = False) -> Node:
    terms, given, values = _read(operands)
    nodes = nodes_of(values)
    if not nodes:
        raise ValueError("must provide at least an operand")
    if len(terms) != len(nodes):
        raise ValueError("number of einsum subscripts must be equal to the number of operands")
    labels, out = _numbered(terms, given, nodes)
    return _contracted(nodes, labels, out, optimize)


def _read(operands: tuple[Any, ...]) -> tuple[list[_Term], _Term | None, list[Any]]:
    """The terms, the output (``None`` if implicit) and the operands, from either way of calling."""
    if isinstance(operands[0], str):
        text, *values = operands
        text = text.replace(" ", "")
        left, arrow, right = text.partition("->")
        return [_parse(t) for t in left.split(",")], _parse(right) if arrow else None, values
    pairs = list(operands)
    given = list(pairs.pop()) if len(pairs) % 2 else None
    return [list(t) for t in pairs[1::2]], given, pairs[::2]


def _parse(text: str) -> _Term:
    out: _Term = []
    i = 0
    while i < len(text):
        if text.startswith("...", i):
            out.append(Ellipsis)
            i += 3
        elif text[i] in _LETTERS:
            out.append(text[i])
            i += 1
        else:
            raise ValueError(
                f"invalid subscript {text[i]!r} in einstein sum subscripts string, subscripts must be letters"
            )
    return out


def _numbered(terms: list[_Term], given: _Term | None, nodes: list[Node]) -> tuple[list[Labels], Labels]:
    """Labels as integers; those of ``...`` are negative, −1 for the last axis."""
    number: dict[Any, int] = {}
    labels = []
    widest = 0
    for term, x in zip(terms, nodes, strict=True):
        free = x.ndim - (len(term) - term.count(Ellipsis))
        if term.count(Ellipsis) > 1 or free < 0 or (free > 0 and Ellipsis not in term):
            raise shape_error(f"einsum: {len(term)} subscripts for an operand of shape {x.shape}")
        widest = max(widest, free)
        row: list[int] = []
        for t in term:
            row.extend(range(-free, 0) if t is Ellipsis else (number.setdefault(t, len(number)),))
        labels.append(tuple(row))
    if given is None:
        everything = [t for term in terms for t in term if t is not Ellipsis]
        once = sorted(t for t in number if everything.count(t) == 1)
        return labels, (*range(-widest, 0), *(number[t] for t in once))
    out: list[int] = []
    for t in given:
        if t is not Ellipsis and t not in number:
            raise ValueError(
                f"einstein sum subscripts string included output subscript {t!r} which never appeared in an input"
            )
        out.extend(range(-widest, 0) if t is Ellipsis else (number[t],))
    if len(set(out)) != len(out):
        raise ValueError("einstein sum subscripts string includes an output subscript multiple times")
    if widest and Ellipsis not in given:
        raise ValueError("output has fewer axes than the ellipsis of the operands: add '...' to the output")
    return labels, tuple(out)


def _contracted(nodes: list[Node], labels: list[Labels], out: Labels, optimize: Any) -> Node:
    sizes: dict[int, int] = {}
    nodes, labels = list(nodes), list(labels)
    for k, (x, lx) in enumerate(zip(nodes, labels, strict=True)):
        nodes[k], labels[k] = _diagonal(x, lx)
        for label, n in zip(labels[k], nodes[k].shape, strict=True):
            known = sizes.get(label, 1)
            if n != known and 1 not in (n, known):
                raise shape_error(f"einsum: one subscript stands for axes of length {known} and {n}")
            sizes[label] = n if known == 1 else known
    for k, (x, lx) in enumerate(zip(nodes, labels, strict=True)):
        kept = [i for i, label in enumerate(lx) if x.shape[i] == sizes[label]]
        nodes[k] = reshape(x, tuple(x.shape[i] for i in kept))
        labels[k] = tuple(lx[i] for i in kept)
    for pair in _path(nodes, labels, out, optimize):
        taken = [(nodes[i], labels[i]) for i in pair]
        for i in sorted(pair, reverse=True):
            del nodes[i], labels[i]
        x, lx = taken[0]
        for count, (y, ly) in enumerate(taken[1:], 2):
            still = {
                *out,
                *(label for row in labels for label in row),
                *(label for _, row in taken[count:] for label in row),
            }
            lo = tuple(label for label in dict.fromkeys((*lx, *ly)) if label in still)
            if not nodes and count == len(taken):
                lo = out
            x, lx = contract(x, y, lx, ly, lo), lo
        nodes.append(x)
        labels.append(lx)
    return contract_one(nodes[0], labels[0], out)


def _diagonal(x: Node, lx: Labels) -> tuple[Node, Labels]:
    """Labels that stand twice: of a square matrix laid flat, every (n+1)-th element."""
    for label in lx:
        places = [i for i, other in enumerate(lx) if other == label]
        if len(places) == 1:
            continue
        i, j = places[:2]
        n, m = x.shape[i], x.shape[j]
        if n != m:
            raise shape_error(f"einsum: a subscript stands twice in an operand, for axes of length {n} and {m}")
        y = move_axis(move_axis(x, i, 0), j, 1)
        rest = y.shape[2:]
        flat = reshape(y, (n * n, *rest))
        y = slice_(flat, normalize_basic(flat.shape, [slice(None, None, n + 1), *[slice(None)] * len(rest)]))
        return _diagonal(y, (label, *(other for k, other in enumerate(lx) if k not in (i, j))))
    return x, lx


def _path(nodes: list[Node], labels: list[Labels], out: Labels, optimize: Any) -> list[tuple[int, ...]]:
    """Which operands to contract with one another, in order; positions as `numpy.einsum_path` counts them."""
    if len(nodes) == 1:
        return []
    if isinstance(optimize, list | tuple) and optimize and optimize[0] == "einsum_path":
        return [tuple(step) for step in optimize[1:]]
    if len(nodes) == 2:
        return [(0, 1)]
    shapes = [np.broadcast_to(0.0, x.shape) for x in nodes]
    number: dict[int, int] = {}
    rows = [[number.setdefault(label, len(number)) for label in lx] for lx in labels]
    interleaved = [part for pair in zip(shapes, rows, strict=True) for part in pair]
    last = [number[label] for label in out]
    kind = optimize if isinstance(optimize, str | tuple) else "greedy"
    return [tuple(step) for step in np.einsum_path(*interleaved, last, optimize=kind)[0][1:]]
