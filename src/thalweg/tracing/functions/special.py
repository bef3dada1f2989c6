"""Ufuncs of ``scipy.special``: most are ops by themselves. Loaded when the first of them is met."""

from __future__ import annotations

import numpy as np
from scipy import special

from thalweg.graph import OPS, Node, as_node
from thalweg.ops import elementwise as e
from thalweg.ops import special as s
from thalweg.tracing.functions.elementwise import floating
from thalweg.tracing.functions.registry import implements_ufunc
from thalweg.tracing.tracer import UFUNCS

for _name, _op in list(OPS.items()):
    if _op.elementwise and isinstance(getattr(special, _name, None), np.ufunc):
        UFUNCS[getattr(special, _name)] = _op
UFUNCS[special.jn], UFUNCS[special.yn], UFUNCS[special.kn] = s.jv, s.yv, s.kv


@implements_ufunc(special.psi)
def digamma(x: Node) -> Node:
    return s.digamma(floating(x))


@implements_ufunc(special.expit)
def expit(x: Node) -> Node:
    return e.logistic(floating(x))


@implements_ufunc(special.exprel)
def exprel(x: Node) -> Node:
    return s.exprel(floating(x), params=(0,))


@implements_ufunc(special.boxcox)
def boxcox(x: Node, power: Node) -> Node:
    """(xᵖ − 1)/p, and log x for p = 0."""
    logarithm = e.log(floating(x))
    return logarithm * s.exprel(floating(power) * logarithm, params=(0,))


@implements_ufunc(special.boxcox1p)
def boxcox1p(x: Node, power: Node) -> Node:
    logarithm = e.log1p(floating(x))
    return logarithm * s.exprel(floating(power) * logarithm, params=(0,))


@implements_ufunc(special.huber)
def huber(delta: Node, r: Node) -> Node:
    """r²/2 up to |r| = δ, a straight line from there; ∞ for δ < 0."""
    delta, r = floating(delta), floating(r)
    size = e.absolute(r)
    loss = e.where(size <= delta, 0.5 * (r * r), delta * (size - 0.5 * delta))
    return e.where(delta < 0, as_node(np.inf, loss.dtype), loss)


@implements_ufunc(special.pseudo_huber)
def pseudo_huber(delta: Node, r: Node) -> Node:
    """δ² (√(1 + (r/δ)²) − 1); 0 for δ = 0, ∞ for δ < 0."""
    delta, r = floating(delta), floating(r)
    none = e.equal(delta, as_node(0.0, delta.dtype))
    steep = e.where(none, as_node(1.0, delta.dtype), delta)
    loss = steep * steep * e.expm1(0.5 * e.log1p(e.square(r / steep)))
    loss = e.where(none, as_node(0.0, loss.dtype), loss)
    return e.where(delta < 0, as_node(np.inf, loss.dtype), loss)
