"""Creation of arrays inside a traced function, by reach: they may be filled with traced values later.

``out = np.zeros(n)`` in the user's code gives an array under trace, so that ``out[i] = t`` works. Code of other
packages that the function calls (``scipy.interpolate.CubicSpline(xs, ys)`` on plain data) must go on to get plain
arrays: who asks is told from the module of the caller. Library code gets an array under trace only where it is itself
at work on traced values, which its local variables show.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.graph import DTYPES, FLOAT64, Node, as_node, constant, full
from thalweg.ops.elementwise import astype, ceil
from thalweg.ops.movement import broadcast, reshape
from thalweg.tracing.callers import calls_by_name
from thalweg.tracing.context import concrete, is_library, lift, running
from thalweg.tracing.functions.joining import graph_dtype
from thalweg.tracing.functions.movement import moveaxis, ordered
from thalweg.tracing.functions.registry import implements
from thalweg.tracing.reach import reaches
from thalweg.tracing.tracer import Tracer, as_array, contains_tracer, known, node_of, stack_sequence, unsupported

_LARGE = 4096  # elements from which one repeated value is kept as a value and a shape

# --- who asks -------------------------------------------------------------------------------------------------------

_installed: dict[str, bool] = {}  # module → whether it lies among the installed packages


def _caller() -> Any:
    frame: Any = sys._getframe(1)
    while frame.f_globals.get("__name__", "") in ("thalweg.tracing.reach", __name__):
        frame = frame.f_back
    return frame


def creates(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Reach functions of NumPy that make arrays; compiled code that calls them gets NumPy's own (`callers`)."""

    def enter(answer: Callable[..., Any]) -> Callable[..., Any]:
        def for_python(original: Any, *args: Any, **kwargs: Any) -> Any:
            if not calls_by_name(_caller(), original):
                return original(*args, **kwargs)
            return answer(original, *args, **kwargs)

        reaches("numpy", *names)(for_python)
        return answer

    return enter


def by_user() -> bool:
    """Whether the call at work comes from the user's code, or from library code that is at work on traced values."""
    frame = _caller()
    name = frame.f_globals.get("__name__", "")
    if name.startswith(("numpy", "thalweg")) and is_library(name):
        return False
    found = _installed.get(name)
    if found is None:
        path = frame.f_code.co_filename.replace("\\", "/")
        found = _installed[name] = is_library(name) or "/site-packages/" in path or "/dist-packages/" in path
    if not found or name.partition(".")[0] in {t.package for t in running.traces}:
        return True
    return any(type(v) is Tracer and known(v.node) is None for v in frame.f_locals.values())


def fillable(array: Any) -> Any:
    """A new array as one that can be filled with traced values."""
    if type(array) is not np.ndarray or array.dtype not in DTYPES or not array.dtype.isnative:
        return array
    return Tracer(constant(array))


def repeated(shape: tuple[int, ...], value: Any, dtype: np.dtype[Any]) -> Tracer:
    """An array of one value: small ones as they are, large ones as a value and a shape."""
    if int(np.prod(shape, dtype=np.int64)) <= _LARGE:
        return Tracer(constant(np.full(shape, value, dtype)))
    return Tracer(full(shape, value, dtype))


# --- by shape -------------------------------------------------------------------------------------------------------


@creates("zeros", "ones", "empty")
def of_one_value(original: Any, *args: Any, **kwargs: Any) -> Any:
    array = original(*args, **kwargs)
    if array.dtype not in DTYPES or type(array) is not np.ndarray or not by_user():
        return array
    return repeated(array.shape, _value_of(original.__name__, array.dtype), array.dtype)


def _value_of(name: str, dtype: np.dtype[Any]) -> Any:
    if name.startswith("ones"):
        return dtype.type(1)
    if name.startswith("empty") and dtype.kind == "f":
        return dtype.type(np.nan)  # what was never written is seen
    return dtype.type(0)


@creates("full")
def full_(original: Any, shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if contains_tracer(fill_value):
        place = original(shape, 0)
        value = node_of(fill_value)
        return Tracer(broadcast(value if dtype is None else astype(value, graph_dtype(dtype)), place.shape))
    array = original(shape, fill_value, dtype, **kwargs)
    return fillable(array) if by_user() else array


@creates("zeros_like", "ones_like", "empty_like")
def like_one_value(original: Any, *args: Any, **kwargs: Any) -> Any:
    array = original(*args, **kwargs)
    if type(array) is not np.ndarray or array.dtype not in DTYPES or not by_user():
        return array
    return repeated(array.shape, _value_of(original.__name__, array.dtype), array.dtype)


@creates("full_like")
def full_like_reached(original: Any, a: Any, fill_value: Any, *args: Any, **kwargs: Any) -> Any:
    if contains_tracer(fill_value) and not contains_tracer(a):
        a = Tracer(lift(a))
    array = original(a, fill_value, *args, **kwargs)
    return fillable(array) if by_user() else array


@creates("eye", "identity", "linspace", "logspace", "geomspace", "copy", "tri", "indices")
def plain(original: Any, *args: Any, **kwargs: Any) -> Any:
    array = original(*args, **kwargs)
    return fillable(array) if type(array) is np.ndarray and by_user() else array


@creates("arange")
def arange(original: Any, *args: Any, **kwargs: Any) -> Any:
    if any(type(a) is Tracer and known(a.node) is None and a.dtype.kind == "f" for a in (*args, *kwargs.values())):
        return _traced_arange(*args, **kwargs)
    args = tuple(a.item() if type(a) is Tracer and not a.shape and known(a.node) is not None else a for a in args)
    return plain(original, *args, **kwargs)


def _traced_arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Tracer:
    """The number of elements is fixed by a guard; the elements move with the ends."""
    if stop is None:
        start, stop = 0.0, start
    first, last, by = (astype(node_of(v), FLOAT64) for v in (start, stop, step))
    count = max(int(concrete(ceil((last - first) / by))), 0)
    return Tracer(first + constant(np.arange(count, dtype=np.float64)) * by)


def _like(prototype: Any, dtype: Any, shape: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    x = node_of(prototype)
    if shape is None:
        target = x.shape
    else:
        target = tuple(int(n) for n in shape) if np.iterable(shape) else (int(shape),)
    return target, x.dtype if dtype is None else graph_dtype(dtype)


@implements(np.zeros_like)
def zeros_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Tracer:
    target, kind = _like(a, dtype, shape)
    return repeated(target, 0, kind)


@implements(np.ones_like)
def ones_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Tracer:
    target, kind = _like(a, dtype, shape)
    return repeated(target, 1, kind)


@implements(np.empty_like)
def empty_like(prototype: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Tracer:
    target, kind = _like(prototype, dtype, shape)
    return repeated(target, _value_of("empty", kind), kind)


@implements(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Node:
    target, kind = _like(a, dtype, shape)
    value = node_of(fill_value, kind)
    if dtype is None and kind.kind != "f" and value.dtype.kind == "f" and known(value) is None:
        return Tracer(full(target, 0, kind))._in_own_dtype(value)  # refuses, and says what to do
    return broadcast(astype(value, kind), target)


# --- from values ----------------------------------------------------------------------------------------------------


@creates("array")
def array(
    original: Any, object: Any, dtype: Any = None, *, copy: Any = True, order: Any = "K", ndmin: int = 0, **kwargs: Any
) -> Any:
    object = as_array(object)
    if not contains_tracer(object):
        made = original(object, dtype, copy=copy, order=order, ndmin=ndmin, **kwargs)
        return fillable(made) if made is not object and not _shares(made, object) and by_user() else made
    if type(object) is Tracer:
        value = known(object.node) if not by_user() else None
        if value is not None:
            return original(value, dtype, copy=True, order=order, ndmin=ndmin, **kwargs)
    if dtype is not None and np.dtype(dtype).kind not in "fiub":
        raise unsupported(f"np.array with dtype={np.dtype(dtype).name}")
    x = object if type(object) is Tracer else Tracer(stack_sequence(object))
    if dtype is not None and graph_dtype(dtype) != x.dtype:
        x = Tracer(astype(x.node, graph_dtype(dtype)))
    elif copy is True and x is object:
        x = Tracer(x.node)
    return x if x.ndim >= ndmin else x.reshaped((*(1,) * (ndmin - x.ndim), *x.shape))


def _shares(made: Any, source: Any) -> bool:
    """Whether an array that NumPy gave shows memory that existed before."""
    return isinstance(source, np.ndarray) and np.may_share_memory(made, source)


@creates("asarray", "asanyarray", "asarray_chkfinite")
def asarray(original: Any, a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, **kwargs: Any) -> Any:
    a = as_array(a)
    if not contains_tracer(a):
        extra = {} if copy is None else {"copy": copy}
        made = original(a, dtype, order, **extra, **kwargs)
        fresh = made is not a and isinstance(a, list | tuple | int | float)
        return fillable(made) if fresh and by_user() else made
    if type(a) is Tracer and not by_user():
        value = known(a.node)
        if value is not None:
            return original(np.array(value), dtype, order, **kwargs)
    return array(original, a, dtype, copy=bool(copy))


@creates("ascontiguousarray", "asfortranarray", "require")
def in_memory_order(original: Any, a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    if not contains_tracer(a):
        return original(a, dtype, *args, **kwargs)
    x = asarray(original, a, dtype)
    if not isinstance(x, Tracer):
        return original(x, dtype, *args, **kwargs)
    if original.__name__ == "ascontiguousarray" and x.ndim == 0:
        return x.reshaped((1,))
    order = "F" if original.__name__ == "asfortranarray" else "C"
    as_it_is = x is a and ordered(x, order).layout == x.layout and (x._origin is None or order == "F")
    return x if as_it_is or original.__name__ == "require" else Tracer(x.node)


@creates("fromiter")
def fromiter(original: Any, iter: Any, dtype: Any = float, count: int = -1, **kwargs: Any) -> Any:
    values = list(iter) if count < 0 else [v for v, _ in zip(iter, range(count), strict=False)]
    if contains_tracer(values):
        return array(original, values, dtype)
    made = original(values, dtype, count, **kwargs)
    return fillable(made) if by_user() else made


@implements(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Node:
    return node_of(a)


# --- dtypes ---------------------------------------------------------------------------------------------------------


def _dtypes(values: Any) -> list[Any]:
    return [v.dtype if type(v) is Tracer else v for v in values]


@implements(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    return np.result_type(*_dtypes(arrays_and_dtypes))


@implements(np.can_cast)
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    source, target = _dtypes([from_, to])
    return bool(np.can_cast(source, target, casting))


@implements(np.common_type)
def common_type(*arrays: Any) -> type[Any]:
    return np.common_type(*(np.empty(0, a.dtype) if type(a) is Tracer else a for a in arrays))


# --- ranges between traced ends -------------------------------------------------------------------------------------


@implements(np.linspace)
def linspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    from thalweg.ops.movement import concatenate, move_axis

    n = int(num)
    if n < 0:
        raise ValueError(f"Number of samples, {n}, must be non-negative.")
    a, b = (astype(v, FLOAT64) if v.dtype.kind != "f" else v for v in (node_of(start), node_of(stop)))
    shape = np.broadcast_shapes(a.shape, b.shape)
    pieces = n - 1 if endpoint else n
    step = (b - a) / pieces if pieces > 0 else full(shape, np.nan)
    k = constant(np.arange(max(n - 1, 0) if endpoint else n, dtype=np.float64).reshape((-1, *(1,) * len(shape))))
    y = k * step + a if pieces > 0 else broadcast(a, (0, *shape))
    if endpoint and n > 0:  # the last one is the end itself, without rounding
        end = b if n > 1 else a
        y = concatenate([broadcast(y, (n - 1, *shape)), reshape(broadcast(end, shape), (1, *shape))], 0)
    y = broadcast(y, (n, *shape))
    if axis:
        y = move_axis(y, 0, axis % (len(shape) + 1))
    if dtype is not None:
        y = astype(y, graph_dtype(dtype))
    return (y, step) if retstep else y


@implements(np.logspace)
def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Node:
    b = node_of(base)
    if b.ndim:
        raise unsupported("np.logspace with an array as its base")
    y = astype(b, FLOAT64) ** linspace(start, stop, num, endpoint, axis=axis)
    return y if dtype is None else astype(y, graph_dtype(dtype))


@implements(np.geomspace)
def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Node:
    from thalweg.ops.elementwise import log10, sign

    a, b = (astype(node_of(v), FLOAT64) for v in (start, stop))
    turn = sign(a)
    y = Tracer(as_node(10.0) ** linspace(log10(turn * a), log10(turn * b), num, endpoint) * turn)
    n = y.shape[0]
    if n > 0:
        y[0] = Tracer(a)
    if n > 1 and endpoint:
        y[-1] = Tracer(b)
    out = moveaxis(y, 0, axis) if axis else y
    return out.node if dtype is None else astype(out.node, graph_dtype(dtype))
