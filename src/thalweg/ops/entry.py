"""How an elementwise op enters the table: its shape and dtype by NumPy's rules, its meaning, its batching rule.

Most ops are one ufunc. For these the interpreter calls the ufunc itself, with a buffer to write into. An op whose
meaning is a function of ours takes ``out=`` likewise; ``INTO`` lists those, so that they find a buffer too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from thalweg.graph import BOOL, FLOAT64, INT64, OPS, Node, Op, Shape, describe_place, location, make, shape_error

Partial = Callable[..., Any] | None

INTO: dict[Op, Callable[..., Any]] = {}
"""op → ``f(*arrays, out)`` for the ops that are no ufunc and can write into a buffer."""


def broadcast_shape(name: str, *shapes: Shape) -> Shape:
    """NumPy's broadcasting; a misfit names the op and the user's line."""
    first = shapes[0]
    for s in shapes[1:]:
        if s != first:
            break
    else:
        return first
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " and ".join(map(str, shapes))
        raise shape_error(f"{name}: the shapes {listed} do not fit together") from None


def _own_dtype(ufunc: np.ufunc, dtypes: tuple[np.dtype[Any], ...]) -> np.dtype[Any]:
    """The dtype of the result as the ufunc has it."""
    return ufunc.resolve_dtypes((*dtypes, *(None,) * ufunc.nout))[-1]


@cache
def _result_dtype(ufunc: np.ufunc, dtypes: tuple[np.dtype[Any], ...]) -> np.dtype[Any]:
    dtype = _own_dtype(ufunc, dtypes)
    if dtype.kind == "f" and (dtype.itemsize < 4 or all(d == BOOL for d in dtypes)):
        return FLOAT64  # of booleans, NumPy in float16, SciPy in what its table has first: docs/decisions/0001
    if dtype.kind in "iu":
        return INT64
    return dtype


def infer_like(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    """Shape and dtype of an elementwise op, the dtype as the ufunc's."""
    if ufunc.nin == 1:

        def infer_one(x: Node, *params: Any) -> tuple[Shape, np.dtype[Any]]:
            return x.shape, _dtype_of(name, ufunc, (x,))

        return infer_one

    known = _of_floats(ufunc)

    def infer(*args: Node) -> tuple[Shape, np.dtype[Any]]:
        shape = broadcast_shape(name, *[a.shape for a in args])
        if known is None:
            return shape, _dtype_of(name, ufunc, args)
        for a in args:
            if a.dtype is not FLOAT64:
                return shape, _dtype_of(name, ufunc, args)
        return shape, known

    return infer


def _dtype_of(name: str, ufunc: np.ufunc, args: tuple[Node, ...]) -> np.dtype[Any]:
    try:
        return _result_dtype(ufunc, tuple([a.dtype for a in args]))
    except TypeError:
        given = " and ".join(a.dtype.name for a in args)
        at = describe_place(location.where)
        raise TypeError(f"{name} is not defined for {given}: use astype" + (f"\n  at {at}" if at else "")) from None


def _of_floats(ufunc: np.ufunc) -> np.dtype[Any] | None:
    """The dtype of the result for float64 arguments: the common case, looked up once."""
    try:
        return _result_dtype(ufunc, (FLOAT64,) * ufunc.nin)
    except TypeError:  # an op of integers
        return None


@cache
def _bool_as(ufunc: np.ufunc, dtypes: tuple[np.dtype[Any], ...], is_meaning: bool) -> np.dtype[Any] | None:
    """What booleans among arguments of these types are converted to first; ``None`` if the meaning does it right.

    The ufunc does if its result has the type that the op has: else it computes in fewer bytes than we do.
    """
    if BOOL not in dtypes:
        return None
    dtype = _result_dtype(ufunc, dtypes)
    return None if dtype == BOOL or (is_meaning and dtype == _own_dtype(ufunc, dtypes)) else dtype


def _widened(meaning: Callable[..., Any], wide: np.dtype[Any]) -> Callable[..., Any]:
    def evaluate(*arrays: Any) -> Any:
        return meaning(*(a.astype(wide) if a.dtype == BOOL else a for a in map(np.asarray, arrays)))

    return evaluate


def batch_elementwise(op: Op) -> Callable[..., Node]:
    """Arguments that carry the mapped axis are given the rank at which broadcasting lines it up."""

    def batch(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, *params: Any) -> Node:
        from thalweg.ops.movement import reshape

        rank = max(a.ndim - b for a, b in zip(args, batched, strict=True))
        lined = [
            reshape(a, (size, *(1,) * (rank - a.ndim + 1), *a.shape[1:])) if b and a.ndim - 1 < rank else a
            for a, b in zip(args, batched, strict=True)
        ]
        return make(op, tuple(lined), params)

    return batch


def has_nan(x: Any) -> bool:
    """Whether a NaN is among the elements: one pass, by whatever is fastest (BLAS for small arrays, in one thread)."""
    s = np.vdot(x, x) if np.size(x) < 8192 else np.minimum.reduce(x, axis=None)
    return bool(s != s)


def _seed(x: Node) -> Node:
    """The scalar constant that ``x`` repeats, or ``x``."""
    source = x.args[0] if x.op.name == "broadcast" else x
    return source if source.value is not None and source.shape == () else x


def without_stretching(name: str, simplify: Callable[..., Any] | None) -> Callable[..., Any]:
    """An argument that was stretched to the shape which another argument has anyway need not be stretched."""

    def with_stretching_removed(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
        for a in args:
            if a.op.name == "broadcast":
                found = unstretched(args, params)
                if found is not None:
                    return found
                break
        return simplify(args, params) if simplify is not None else None

    def unstretched(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
        if len(args) == 1:
            return make(OPS["broadcast"], (make(OPS[name], args[0].args, params),), args[0].params)
        if all(a.value is not None or a.op.name == "broadcast" for a in args):  # constants spread over a shape
            seeds = [_seed(a) for a in args]
            if any(a is not b for a, b in zip(args, seeds, strict=True)):
                shape = broadcast_shape(name, *[a.shape for a in args])
                return make(OPS["broadcast"], (make(OPS[name], tuple(seeds), params),), (shape,))
        for k, a in enumerate(args):
            if a.op.name == "broadcast" and any(
                b.shape == a.shape for i, b in enumerate(args) if i != k and b is not a
            ):
                return make(OPS[name], (*args[:k], a.args[0], *args[k + 1 :]), params)
        return None

    return with_stretching_removed


def elementwise(
    name: str,
    meaning: Callable[..., Any],
    *partials: Partial,
    chains: tuple[Partial, ...] | None = None,
    note: str = "",
    scalar: Callable[..., Any] | None = None,
    simplify: Callable[..., Any] | None = None,
    like: np.ufunc | None = None,
) -> Op:
    """Enter an op in the table.

    ``meaning`` is a ufunc, or a function ``f(*arrays, out=None)`` that has the dtypes of the ufunc ``like``; ``scalar``
    is a faster way to compute it on NumPy's float scalars. For the other arguments see `thalweg.graph.Op`.
    """
    ufunc = meaning if isinstance(meaning, np.ufunc) else like
    assert ufunc is not None, "a meaning that is no ufunc needs like="
    is_meaning = meaning is ufunc

    def evaluate(*arrays: Any) -> Any:
        wide = _bool_as(ufunc, tuple([np.asarray(a).dtype for a in arrays]), is_meaning)
        return (meaning if wide is None else _widened(meaning, wide))(*arrays)

    def kernel(node: Node) -> Callable[..., Any]:
        wide = _bool_as(ufunc, tuple([a.dtype for a in node.args]), is_meaning)
        if wide is not None:
            return _widened(meaning, wide)
        if meaning is not ufunc and any(a.dtype.kind != "f" for a in node.args):
            return lambda *arrays: np.asarray(meaning(*arrays), node.dtype)[()]
        if scalar is not None and all(a.shape == () for a in node.args) and all(a.dtype.kind == "f" for a in node.args):
            return scalar
        return meaning

    op = Op(
        name,
        infer_like(name, ufunc),
        evaluate,
        family="elementwise",
        partials=partials or None,
        chains=chains,
        simplify=without_stretching(name, simplify),
        kernel=kernel,
        note=note,
    )
    op.batch = batch_elementwise(op)
    if meaning is not ufunc:
        INTO[op] = meaning
    return op
