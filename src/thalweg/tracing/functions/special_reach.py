"""Functions of ``scipy.special`` that are no ufuncs, by reach: SciPy's names and meanings."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from thalweg.graph import Node, as_node
from thalweg.ops import elementwise as e
from thalweg.ops import reduce as r
from thalweg.ops.movement import broadcast
from thalweg.ops.softmax import softmax as softmax_of
from thalweg.tracing.context import concrete, mark_place
from thalweg.tracing.functions.elementwise import floating
from thalweg.tracing.functions.registry import normalize_axes
from thalweg.tracing.reach import reaches
from thalweg.tracing.tracer import Tracer, contains_tracer, node_of, nodes_of, unsupported


@reaches("scipy.special", "logsumexp")
def logsumexp(
    original: Any, a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """log Σ b·exp(a), the greatest exponent taken out first."""
    if not (contains_tracer(a) or contains_tracer(b)):
        return original(a, axis, b, keepdims, return_sign)
    if return_sign:
        raise unsupported("scipy.special.logsumexp with return_sign=True")
    mark_place()
    x, *given = nodes_of([a] if b is None else [a, b])
    x = floating(x)
    if b is not None:
        weights = floating(given[0])
        if weights.is_constant:  # what has no weight must not be the greatest
            x = e.where(e.equal(weights, as_node(0, weights.dtype)), as_node(-np.inf, x.dtype), x)
        x = broadcast(x, np.broadcast_shapes(x.shape, weights.shape))
    axes = normalize_axes(axis, x.ndim)
    y = r.logsumexp(x, axes)
    if b is not None:
        top = r.keep(y, x, axes)
        shares = e.exp(e.where(e.equal(x, top), as_node(0.0, x.dtype), x - top))  # equal infinities differ by nothing
        y = y + e.log(r.sum_(weights * shares, axes))
    return Tracer(r.keep(y, x, axes) if keepdims else y)


@reaches("scipy.special", "softmax")
def softmax(original: Any, x: Any, axis: Any = None) -> Any:
    if not contains_tracer(x):
        return original(x, axis)
    mark_place()
    node = floating(node_of(x))
    return Tracer(softmax_of(node, normalize_axes(axis, node.ndim)))


@reaches("scipy.special", "log_softmax")
def log_softmax(original: Any, x: Any, axis: Any = None) -> Any:
    if not contains_tracer(x):
        return original(x, axis)
    mark_place()
    node = floating(node_of(x))
    axes = normalize_axes(axis, node.ndim)
    return Tracer(node - r.keep(r.logsumexp(node, axes), node, axes))


@reaches("scipy.special", "softplus")  # a function of SciPy 1.17
def softplus(original: Any, x: Any, **keywords: Any) -> Any:
    """log(1 + eˣ)."""
    if not contains_tracer(x):
        return original(x, **keywords)
    if keywords:
        raise unsupported(f"scipy.special.softplus with {', '.join(keywords)}=")
    mark_place()
    node = floating(node_of(x))
    return Tracer(e.logaddexp(node, as_node(0.0, node.dtype)))


@reaches("scipy.special", "polygamma")
def polygamma(original: Any, n: Any, x: Any) -> Any:
    """The n-th derivative of the digamma function; n is a whole number."""
    if not (contains_tracer(x) or contains_tracer(n)):
        return original(n, x)
    from thalweg.ops import special

    mark_place()
    return Tracer(special.polygamma(floating(node_of(x)), params=(_whole("polygamma", n),)))


@reaches("scipy.special", "zeta")
def zeta(original: Any, x: Any, q: Any = None, out: Any = None) -> Any:
    """Hurwitz' ζ(x, q), differentiable in q."""
    if not (contains_tracer(x) or contains_tracer(q)):
        return original(x, q, out)
    if out is not None:
        raise unsupported("scipy.special.zeta with out=")
    from thalweg.ops import special

    mark_place()
    return Tracer(special.zeta(*map(floating, nodes_of([x, 1.0 if q is None else q]))))


@reaches("scipy.special", "multigammaln")
def multigammaln(original: Any, a: Any, d: Any) -> Any:
    """log Γ_d(a) = d(d−1)/4 · log π + Σ_j log Γ(a − j/2)."""
    if not (contains_tracer(a) or contains_tracer(d)):
        return original(a, d)
    from thalweg.ops import special

    mark_place()
    d = _whole("multigammaln", d)
    x = floating(node_of(a))
    total: Node = as_node(d * (d - 1) / 4 * math.log(math.pi), x.dtype)
    for j in range(d):
        total = total + special.gammaln(x - j / 2)
    return Tracer(total)


def _whole(name: str, n: Any) -> int:
    """An order that must be one whole number, fixed by a guard if it is traced."""
    value = concrete(n.node) if type(n) is Tracer and n.dtype.kind in "ib" else n
    if (type(n) is Tracer and n.dtype.kind == "f") or np.ndim(value) or value != int(value):
        raise unsupported(f"scipy.special.{name} of an order that is no single whole number")
    return operator.index(int(value))
