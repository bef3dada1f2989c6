"""``Tracer``: stands for an array while the user's function runs, and writes down what is done to it.

It answers NumPy's protocols (``__array_ufunc__``, ``__array_function__``), Python's operators, indexing and the methods
of arrays. It is a mutable box around an immutable node (`thalweg.tracing.box`): filling arrays works as in NumPy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from thalweg.errors import TraceError, UnsupportedError
from thalweg.graph import DTYPES, INPUT, INT64, OPS, Node, as_node, location
from thalweg.ops.movement import index_shape, pack, reshape, transpose
from thalweg.tracing import failures, indexing, places
from thalweg.tracing.box import Box
from thalweg.tracing.context import concrete, lift, mark_place, refusal, trace_error, value_of

UFUNCS: dict[Any, Callable[..., Any]] = {}
UFUNC_METHODS: dict[tuple[str, str], Callable[..., Any]] = {}
FUNCTIONS: dict[Any, Callable[..., Any]] = {}


type_ = type  # also the name of an argument of `Tracer.view`


class Tracer(Box):
    """An array of the user's function under trace. Not made by users."""

    __slots__ = ()
    __array_priority__ = 1000.0
    __pandas_priority__ = 10_000  # above a DataFrame: pandas leaves column * x to the operators here
    __hash__ = None  # type: ignore[assignment]  # compared element by element, as arrays are

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """What ``isinstance`` is told: the type that the user's code would meet without a trace."""
        return np.ndarray if self._node.shape else self._node.dtype.type

    # --- shape and dtype --------------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        return len(self._node.shape)

    @property
    def size(self) -> int:
        return self._node.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._node.dtype

    @property
    def itemsize(self) -> int:
        return self._node.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        return tuple(s * self.itemsize for s in self.layout)

    def transposed(self, axes: tuple[int, ...]) -> Tracer:
        """The view with its axes in another order."""
        back = tuple(sorted(range(len(axes)), key=axes.__getitem__))
        layout = self.layout
        return self.seen_through(
            lambda x: transpose(x, axes), lambda _, y: transpose(y, back), tuple(layout[a] for a in axes)
        )

    @property
    def T(self) -> Tracer:
        return self.transposed(tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Tracer:
        if self.ndim < 2:
            raise ValueError("matrix transpose with ndim < 2 is undefined")
        return self.transposed((*range(self.ndim - 2), self.ndim - 1, self.ndim - 2))

    @property
    def real(self) -> Tracer:
        return self

    @property
    def imag(self) -> Tracer:
        return Tracer(as_node(0.0)) if self.ndim == 0 else Tracer(lift(np.zeros(self.shape)))

    @property
    def flat(self) -> Tracer:
        """All elements in C order, to be read and written one by one."""
        return self.seen_through(lambda x: reshape(x, (x.size,)), lambda x, y: reshape(y, x.shape), flat=True)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[...] = np.resize(value, self.size) if not contains_tracer(value) else value

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return self._elements()

    def _elements(self) -> Iterator[Any]:
        rest = tuple((0, n, 1) for n in self.shape[1:])
        for i in range(self.shape[0]):
            mark_place()
            yield self._view_at((i, *rest)) if rest else self._scalar((i,), i)

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    # --- assignment -------------------------------------------------------------------------------------------------

    def __setitem__(self, key: Any, value: Any) -> None:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        node = self._node
        v = node_of(value, node.dtype)
        if v.dtype is not node.dtype and v.dtype != node.dtype:
            v = self._in_own_dtype(v)
        position = indexing.cell(node.shape, key)
        if position is not None and v.shape == ():
            if self._origin is None and type(self._pending) is dict:
                self._version += 1
                self._pending[position] = v
            else:
                self.write(places.unflatten(position, node.shape), v)
            return
        mark_place()
        is_mask = type(key) is Tracer and key.dtype.kind == "b"
        if is_mask and v.ndim <= self.ndim - key.ndim and not key.node.is_constant:
            self.assign(indexing.put_where(self.node, key.node, v))
            return
        key = indexing.plain(key)
        if indexing.is_basic(key):
            index, shape = indexing.basic_place(node.shape, key)
            self.write(index, reshape(indexing.fit(v, shape), index_shape(node.shape, index)))
        else:
            self.assign(indexing.put(self.node, key, v))

    def _in_own_dtype(self, v: Node) -> Node:
        """A value that is to be written here, in the dtype of this array."""
        if v.dtype.kind == "f" and self.dtype.kind in "ib" and known(v) is None:
            raise trace_error(
                f"a real value that is being differentiated was written into an array of dtype {self.dtype.name}: "
                "this would cut off its fraction and its derivative.\n  Create the array with dtype=float."
            )
        return OPS["cast"](v, params=(self.dtype,))

    # --- a plain number is wanted -----------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
            )
        mark_place()
        return bool(concrete(self.node))

    def __index__(self) -> int:
        if self.dtype != INT64 or self.shape != ():
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        mark_place()
        return int(concrete(self.node))

    def __int__(self) -> int:
        if self.dtype.kind in "ib" and self.size == 1:
            mark_place()
            return int(concrete(self.node).item())
        value = known(self.node)
        if value is not None:
            return int(value)
        raise self._plain_number("int(t)", "np.floor(t), np.trunc(t) or np.round(t), which stay differentiable values")

    def __float__(self) -> float:
        value = known(self.node)
        if value is not None:
            return float(value)
        raise self._plain_number("float(t)", "the value itself: it behaves as a NumPy float")

    def __complex__(self) -> complex:
        raise self._plain_number("complex(t)", "real and imaginary part as two arrays")

    def __round__(self, digits: int | None = None) -> Tracer:
        return call(np.round, self, digits or 0)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        value = known(self.node)
        if value is not None:
            return np.array(value, dtype=dtype)
        of_objects = dtype is not None and np.dtype(dtype).kind == "O"
        if self.dtype.kind in "ib" and not of_objects:  # positions, masks, counts: no derivative to cut, a guard does
            mark_place()
            return np.array(concrete(self.node), dtype=dtype)
        if of_objects:
            raise self._plain_number(
                "an array of objects (np.vectorize, np.frompyfunc)",
                "the function with NumPy operations, or np.array([f(t) for t in x])",
            )
        raise self._plain_number(
            "a plain array",
            "a NumPy function that can be traced; to fill an array, create it inside the function "
            "(out = np.zeros(n); out[i] = t), and make an array from parts with np.array([...]) or np.stack",
        )

    def __str__(self) -> str:
        value = known(self.node)
        if value is not None:
            return str(value)
        raise self._plain_number("a string", "print(repr(t)) to look at a value while it is traced")

    def __format__(self, spec: str) -> str:
        value = known(self.node)
        if value is not None:
            return format(value, spec)
        raise self._plain_number("a formatted string", "print(repr(t)) to look at a value while it is traced")

    def __repr__(self) -> str:
        try:
            now = np.array2string(np.asarray(value_of(self.node)), precision=6, threshold=8, separator=", ")
        except TraceError:
            now = "ended"
        return f"<traced {self.dtype.name}{list(self.shape)}: {now}>"

    def _plain_number(self, wanted: str, instead: str) -> TraceError:
        return trace_error(
            f"{wanted} was asked of a value that is being differentiated: this would cut the derivative.\n"
            f"  Write {instead}."
        )

    def item(self, *position: Any) -> Any:
        if not position and self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        if len(position) == 1 and isinstance(position[0], tuple):
            position = position[0]
        if len(position) <= 1:
            one = self.flat[position[0] if position else 0]
        else:
            one = self[position]
        return one if type(one) is Tracer else one.item()

    def tolist(self) -> Any:
        value = known(self.node)
        if value is not None:
            return np.asarray(value).tolist()
        return [t.tolist() for t in self] if self.ndim > 1 else list(self) if self.ndim else self

    def copy(self, order: str = "C") -> Tracer:
        return Tracer(self.node)

    def __copy__(self) -> Tracer:
        return Tracer(self.node)

    def __deepcopy__(self, memo: Any) -> Tracer:
        return Tracer(self.node)

    def view(self, dtype: Any = None, type: Any = None) -> Tracer:
        """The same array once more; to read its bytes as another type is not a differentiable thing to do."""
        for kind in (dtype, type):
            if isinstance(kind, type_) and issubclass(kind, np.matrix | np.ma.MaskedArray):
                raise trace_error(refusal(kind))
        if dtype not in (None, np.ndarray) and np.dtype(dtype) != self.dtype:
            raise unsupported(f"the array method .view to {np.dtype(dtype).name}")
        return self.seen_through(lambda x: x, lambda _, y: y, self.layout)

    def fill(self, value: Any) -> None:
        self[...] = value

    def reshape(self, *shape: Any, order: str = "C", copy: Any = None) -> Tracer:
        wanted = shape[0] if len(shape) == 1 else shape
        return call(np.reshape, self, wanted, order=order, **({} if copy is None else {"copy": copy}))

    def reshaped(self, target: tuple[int, ...]) -> Tracer:
        """The same elements in C order in another shape: a view where NumPy gives one, else a copy."""
        layout = places.reshaped_layout(self.shape, self.layout, target)
        if layout is None:
            return Tracer(reshape(self.node, target))
        return self.seen_through(
            lambda x: reshape(x, target), lambda x, y: reshape(y, x.shape), layout, flat=self._origin is None
        )

    # --- NumPy's protocols ------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        mark_place()
        if not kwargs and method == "__call__":
            handler = UFUNCS.get(ufunc)
            if handler is not None:
                if len(inputs) == 1:
                    return wrap(handler(inputs[0].node))
                return wrap(handler(*nodes_of(inputs)))
        try:
            return _ufunc(ufunc, method, inputs, dict(kwargs))
        except UnsupportedError:
            plain, all_known = known_arguments((inputs, kwargs))
            if not all_known:
                raise
            return from_plain(getattr(ufunc, method)(*plain[0], **plain[1]))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        mark_place()
        handler = FUNCTIONS.get(func)
        try:
            if handler is None:
                raise unsupported(f"{_name(func)}")
            return call_handler(handler, func, args, kwargs)
        except UnsupportedError:
            plain, all_known = known_arguments((args, kwargs))
            if not all_known:
                raise
            return from_plain(func(*plain[0], **plain[1]))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if hasattr(np.ndarray, name):
            value = known(self.node)
            if value is not None:
                return getattr(np.asarray(value), name)
            raise unsupported(f"the array method .{name}")
        raise AttributeError(f"an array has no attribute {name!r}")


def _ufunc(ufunc: np.ufunc, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
    out = kwargs.pop("out", None)
    if method == "__call__":
        handler = UFUNCS.get(ufunc) or _special(ufunc)
        if handler is None:
            raise unsupported(f"np.{ufunc.__name__}")
        where = kwargs.pop("where", True)
        dtype = kwargs.pop("dtype", None)
        kwargs.pop("casting", None), kwargs.pop("order", None), kwargs.pop("subok", None)
        if kwargs:
            raise unsupported(f"np.{ufunc.__name__} with {', '.join(kwargs)}=")
        result = wrap(handler(*nodes_of(inputs)))
        if dtype is not None:
            result = call(np.astype, result, dtype)
        if where is not True:
            given = out[0] if out is not None else None
            if given is None:
                raise unsupported(f"np.{ufunc.__name__} with where= but without out=")
            result = call(np.where, where, result, given)
    else:
        special = UFUNC_METHODS.get((ufunc.__name__, method)) or UFUNC_METHODS.get(("*", method))
        if special is None:
            raise unsupported(f"np.{ufunc.__name__}.{method}")
        result = wrap(special(ufunc, *inputs, **kwargs))
    return result if out is None else into(result, out)


def known(node: Node) -> Any:
    """The value of a node that depends on no input, or ``None``."""
    if node.value is not None:
        return node.value
    seen = {node}
    stack = [node]
    while stack:
        n = stack.pop()
        if n.op is INPUT:
            return None
        for a in n.args:
            if a not in seen:
                seen.add(a)
                stack.append(a)
    return value_of(node)


def known_arguments(value: Any) -> tuple[Any, bool]:
    """Arguments with plain arrays in place of tracers that depend on no input, and whether all tracers were such."""
    if isinstance(value, Tracer):
        array = known(value.node)
        return (value, False) if array is None else (np.array(array), True)
    if type(value) in (tuple, list):
        parts = [known_arguments(v) for v in value]
        return type(value)(p for p, _ in parts), all(ok for _, ok in parts)
    if type(value) is dict:
        found = {k: known_arguments(v) for k, v in value.items()}
        return {k: p for k, (p, _) in found.items()}, all(ok for _, ok in found.values())
    return value, True


def from_plain(result: Any) -> Any:
    """A new array of NumPy's as one that may be filled with traced values later."""
    if type(result) is np.ndarray and result.dtype in DTYPES:
        return Tracer(lift(result))
    return result


def _name(func: Any) -> str:
    module = getattr(func, "__module__", "") or ""
    return f"{module.replace('numpy', 'np', 1)}.{func.__name__}" if module else func.__name__


def unsupported(call: str) -> UnsupportedError:
    """The error for what cannot be traced: the call, the line, and what to do."""
    return trace_error(  # type: ignore[return-value]
        f"{call} cannot be differentiated by Thalweg.\n  Write it with functions from the table in docs/ops.md, "
        "or compute it before the function if it does not depend on the variables.",
        UnsupportedError,
    )


def _special(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """Ufuncs of ``scipy.special``: their table is loaded when the first one is met."""
    import thalweg.tracing.functions.special  # noqa: F401

    return UFUNCS.get(ufunc)


def call_handler(handler: Callable[..., Any], func: Any, args: Any, kwargs: Any) -> Any:
    out = kwargs.pop("out", None) if "out" in kwargs else None
    try:
        result = wrap(handler(*args, **kwargs))
    except TypeError as error:
        if "unexpected keyword argument" in str(error) and handler.__name__ in str(error):
            keyword = str(error).rsplit("'", 2)[-2]
            raise unsupported(f"{_name(func)} with {keyword}=") from None
        raise
    if (getattr(func, "__module__", None) or "").startswith(_CAN_FAIL):
        failures.watch([t.node for t in (result if isinstance(result, tuple) else (result,)) if type(t) is Tracer])
    return result if out is None else into(result, (out,))


_CAN_FAIL = ("numpy.linalg", "scipy.linalg")  # modules whose functions raise LinAlgError, depending on values


def call(func: Any, *args: Any, **kwargs: Any) -> Any:
    """A NumPy function on tracers, by our table."""
    mark_place()
    handler = FUNCTIONS.get(func) or FUNCTIONS[func.__wrapped__]  # while a trace runs, reach may stand in for it
    return call_handler(handler, func, args, kwargs)


def into(result: Any, out: Any) -> Any:
    """``out=``: the result written into an array that is under trace."""
    results = result if isinstance(result, tuple) else (result,)
    for r, o in zip(results, out, strict=True):
        if o is None:
            continue
        if not isinstance(o, Tracer):
            raise trace_error(
                "out= is a plain array, made outside the function that is being differentiated.\n"
                "  Create it inside the function (np.empty(...)), or leave out= away."
            )
        o[...] = r
    return out[0] if len(out) == 1 else out


def wrap(result: Any) -> Any:
    """Nodes in a result become tracers."""
    if isinstance(result, Node):
        return Tracer(result)
    if isinstance(result, tuple):
        if hasattr(result, "_fields"):
            return type(result)(*map(wrap, result))
        return tuple(map(wrap, result))
    if isinstance(result, list):
        return list(map(wrap, result))
    return result


PLAIN = (float, int, bool)


def node_of(value: Any, like: np.dtype[Any] | None = None) -> Node:
    """The node of a tracer, number, array or (nested) sequence of these."""
    if type(value) is Tracer:
        return value.node
    if isinstance(value, Node):
        return value
    if type(value) in PLAIN:
        return (
            as_node(value, like)
            if like is not None
            else as_node(value, INT64 if type(value) is int else as_node(0.0).dtype)
        )
    if isinstance(value, np.ndarray | np.generic):
        return lift(value)
    if isinstance(value, list | tuple):
        return stack_sequence(value)
    if hasattr(value, "__array__"):
        return node_of(as_array(value))
    raise trace_error(f"a value of type {type(value).__name__} cannot take part in a differentiated computation")


def as_array(value: Any) -> Any:
    """The array, plain or traced, that an object which is not an array itself gives for itself (``__array__``).

    It is asked for here, since NumPy's compiled code refuses what is not a plain array.
    """
    if isinstance(value, np.ndarray | np.generic | Tracer) or not hasattr(type(value), "__array__"):
        return value
    return value.__array__()


def stack_sequence(values: Any) -> Node:
    """A (nested) sequence of numbers, arrays and tracers as one array, as ``np.array`` makes it."""
    if not contains_tracer(values):
        return lift(np.asarray(values))
    from thalweg.graph import shape_error
    from thalweg.ops.elementwise import astype
    from thalweg.ops.movement import concatenate

    parts = [node_of(v) for v in values]
    shapes = {p.shape for p in parts}
    if len(shapes) > 1:
        raise shape_error(f"np.array: parts of different shapes {sorted(shapes)} do not make an array")
    dtype = np.result_type(*{p.dtype for p in parts})
    parts = [astype(p, dtype) for p in parts]
    if parts[0].shape == ():
        return pack(parts)
    return concatenate([reshape(p, (1, *p.shape)) for p in parts], 0)


def contains_tracer(value: Any) -> bool:
    if type(value) is Tracer:
        return True
    if type(value) in (list, tuple):
        return any(contains_tracer(v) for v in value)
    return False


def nodes_of(values: Any) -> list[Node]:
    """Nodes of the arguments of an elementwise call; plain Python numbers take the dtype of their partners."""
    like = None
    for v in values:
        if type(v) is Tracer:
            d = v._node.dtype
            like = d if like is None else np.result_type(like, d)
        elif isinstance(v, np.ndarray | np.generic):
            d = v.dtype
            like = d if like is None else np.result_type(like, d)
    return [node_of(v, like) for v in values]
