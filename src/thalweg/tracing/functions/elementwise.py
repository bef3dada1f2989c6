"""NumPy's elementwise functions: most ufuncs are ops by themselves; the rest are formulas in them.

Where NumPy fixes positions by values (``nonzero``, ``where`` with a mask alone), the mask is fixed by a guard.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from thalweg.graph import BOOL, FLOAT64, INT64, OPS, Node, as_node, canonical, full, zeros_like
from thalweg.ops import elementwise as e
from thalweg.ops import reduce as r
from thalweg.ops.movement import broadcast
from thalweg.ops.sinc import sinc as sinc_of
from thalweg.tracing.context import concrete
from thalweg.tracing.functions.registry import array_methods, implements, implements_ufunc
from thalweg.tracing.tracer import UFUNCS, Tracer, node_of, nodes_of

for _name, _op in list(OPS.items()):
    if _op.elementwise and isinstance(getattr(np, _name, None), np.ufunc):
        UFUNCS[getattr(np, _name)] = _op
UFUNCS[np.radians], UFUNCS[np.degrees] = e.deg2rad, e.rad2deg


def floating(x: Node) -> Node:
    """``x`` with real entries: integers and booleans become float64."""
    return x if x.dtype.kind == "f" else e.astype(x, FLOAT64)


# --- ufuncs that are formulas -----------------------------------------------------------------------------------------


@implements_ufunc(np.positive, np.conjugate)
def identity(x: Node) -> Node:
    return x


@implements_ufunc(np.fabs)
def fabs(x: Node) -> Node:
    return e.absolute(floating(x))


@implements_ufunc(np.float_power)
def float_power(x: Node, n: Node) -> Node:
    return e.astype(x, FLOAT64) ** e.astype(n, FLOAT64)


@implements_ufunc(np.divmod)
def divide_with_remainder(a: Node, b: Node) -> tuple[Node, Node]:
    return e.floor_divide(a, b), e.remainder(a, b)


@implements_ufunc(np.modf)
def modf(x: Node) -> tuple[Node, Node]:
    x = floating(x)
    zero = e.copysign(as_node(0.0, x.dtype), x)
    return e.where(e.isinf(x), zero, e.fmod(x, as_node(1.0, x.dtype))), e.trunc(x)


@implements_ufunc(np.ldexp)
def ldexp(x: Node, i: Node) -> Node:
    if i.value is not None and i.dtype.kind == "f" and np.all(i.value == np.rint(i.value)):
        i = e.astype(i, INT64)  # a Python int beside a real array was taken for a real number
    return e.ldexp(floating(x), i)


@implements_ufunc(np.frexp)
def frexp(x: Node) -> tuple[Node, Node]:
    x = floating(x)
    exponent = e.exponent(x)
    return e.ldexp(x, -exponent), exponent


# --- choosing ---------------------------------------------------------------------------------------------------------


@implements(np.where)
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    a, b = nodes_of([x, y])
    return e.where(truth(node_of(condition)), a, b)


def truth(x: Node) -> Node:
    """``x`` as booleans: whether it is not 0."""
    return x if x.dtype == BOOL else e.not_equal(x, as_node(0, x.dtype))


@implements(np.nonzero)
def nonzero(a: Any) -> Any:
    return np.nonzero(concrete(truth(node_of(a))))


@implements(np.flatnonzero)
def flatnonzero(a: Any) -> Any:
    return np.flatnonzero(concrete(truth(node_of(a))))


@implements(np.argwhere)
def argwhere(a: Any) -> Any:
    return np.argwhere(concrete(truth(node_of(a))))


@implements(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Node:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    x = node_of(a)
    if low is not None:
        x = e.maximum(*nodes_of([Tracer(x), low]))
    if high is not None:
        x = e.minimum(*nodes_of([Tracer(x), high]))
    return x


# --- rounding, signs, replacing ---------------------------------------------------------------------------------------


@implements(np.round, np.around)
def round(a: Any, decimals: int = 0) -> Node:
    x = node_of(a)
    if x.dtype.kind != "f":
        if decimals >= 0:
            return e.astype(x, FLOAT64) if x.dtype == BOOL else x
        return e.astype(round(e.astype(x, FLOAT64), decimals), x.dtype)
    if decimals == 0:
        return e.rint(x)
    scale = as_node(10.0 ** abs(decimals), x.dtype)
    return e.rint(x * scale) / scale if decimals > 0 else e.rint(x / scale) * scale


@implements(np.fix)
def fix(x: Any) -> Node:
    return e.trunc(node_of(x))


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Node:
    y = source = node_of(x)
    if source.dtype.kind == "f":
        limits = np.finfo(source.dtype)
        positive = source > 0
        for found, value in (
            (e.isnan(source), nan),
            (e.logical_and(e.isinf(source), positive), limits.max if posinf is None else posinf),
            (e.logical_and(e.isinf(source), e.logical_not(positive)), limits.min if neginf is None else neginf),
        ):
            y = e.where(found, e.astype(node_of(value, source.dtype), source.dtype), y)
    if not copy and type(x) is Tracer:
        x.assign(y)
    return y


@implements(np.sinc)
def sinc(x: Any) -> Node:
    return sinc_of(floating(node_of(x)))


@implements(np.i0)
def i0(x: Any) -> Node:
    from thalweg.ops import special

    return special.i0(floating(node_of(x)))


@implements(np.astype)
def astype(
    x: Any, /, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Node:
    node = node_of(x)
    wanted = np.dtype(dtype)
    if not np.can_cast(node.dtype, wanted, casting):  # type: ignore[arg-type]
        raise TypeError(f"Cannot cast array from {node.dtype!r} to {wanted!r} according to the rule {casting!r}")
    return e.astype(node, canonical(np.empty(0, wanted)).dtype)


# --- real numbers as complex ones -------------------------------------------------------------------------------------


@implements(np.real, np.real_if_close)
def real(val: Any, tol: Any = 100) -> Node:
    return node_of(val)


@implements(np.imag)
def imag(val: Any) -> Node:
    return zeros_like(node_of(val))


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Node:
    """0 right of 0, π left of it."""
    x = floating(node_of(z))
    half_turn = as_node(180.0 if deg else math.pi, x.dtype)
    return e.where(e.isnan(x), x, e.where(e.signbit(x), half_turn, as_node(0.0, x.dtype)))


@implements(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    return False


@implements(np.isrealobj)
def isrealobj(x: Any) -> bool:
    return True


@implements(np.iscomplex)
def iscomplex(x: Any) -> Node:
    return full(node_of(x).shape, False, BOOL)


@implements(np.isreal)
def isreal(x: Any) -> Node:
    return full(node_of(x).shape, True, BOOL)


# --- questions --------------------------------------------------------------------------------------------------------


@implements(np.isposinf)
def isposinf(x: Any) -> Node:
    node = floating(node_of(x))
    return e.logical_and(e.isinf(node), node > 0)


@implements(np.isneginf)
def isneginf(x: Any) -> Node:
    node = floating(node_of(x))
    return e.logical_and(e.isinf(node), node < 0)


@implements(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Node:
    x, y = nodes_of([a, b])
    x, y = floating(x), floating(y)
    near = e.absolute(x - y) <= node_of(atol, y.dtype) + node_of(rtol, y.dtype) * e.absolute(y)
    result = e.logical_or(e.logical_and(near, e.isfinite(y)), e.equal(x, y))
    return e.logical_or(result, e.logical_and(e.isnan(x), e.isnan(y))) if equal_nan else result


@implements(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Node:
    return _all(isclose(a, b, rtol, atol, equal_nan))


@implements(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    x, y = node_of(a1), node_of(a2)
    return _equal_everywhere(x, y, equal_nan) if x.shape == y.shape else False


@implements(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> Any:
    x, y = node_of(a1), node_of(a2)
    try:
        shape = np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return False
    return _equal_everywhere(broadcast(x, shape), y, False)


def _equal_everywhere(x: Node, y: Node, equal_nan: bool) -> Node:
    same = e.equal(x, y)
    if equal_nan and x.dtype.kind == "f" and y.dtype.kind == "f":
        same = e.logical_or(same, e.logical_and(e.isnan(x), e.isnan(y)))
    return _all(same)


def _all(x: Node) -> Node:
    return r.ALL(x, params=(tuple(range(x.ndim)),))


# --- methods and Python's own functions -------------------------------------------------------------------------------

array_methods(clip=np.clip, round=np.round, astype=np.astype, nonzero=np.nonzero, conj=np.real, conjugate=np.real)


def _divmod(self: Tracer, other: Any) -> Any:
    return self // other, self % other


def _rdivmod(self: Tracer, other: Any) -> Any:
    return other // self, other % self


def _round_to_whole(name: str) -> Any:
    op = OPS[name]

    def rounded(self: Tracer) -> Tracer:
        return Tracer(op(self.node))

    return rounded


for _method, _meaning in {
    "__divmod__": _divmod,
    "__rdivmod__": _rdivmod,
    "__floor__": _round_to_whole("floor"),
    "__ceil__": _round_to_whole("ceil"),
    "__trunc__": _round_to_whole("trunc"),
}.items():
    setattr(Tracer, _method, _meaning)
