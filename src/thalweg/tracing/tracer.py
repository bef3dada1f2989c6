"""``Tracer``: stands for an array while the user's function runs, and writes down what is done to it.

It answers NumPy's protocols (``__array_ufunc__``, ``__array_function__``), Python's operators, indexing and the methods
of arrays. A tracer is a mutable box around an immutable node: assigning into it puts another node in the box, and
views (``row = y[1]``) are kept in step, so that filling arrays works as in NumPy.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from thalweg.errors import TraceError, UnsupportedError
from thalweg.graph import INT64, OPS, Node, as_node, location, make
from thalweg.ops.movement import pack, reshape, slice_, transpose, update
from thalweg.tracing import indexing
from thalweg.tracing.context import concrete, lift, mark_place, trace_error, value_of

UFUNCS: dict[Any, Callable[..., Any]] = {}
UFUNC_METHODS: dict[tuple[str, str], Callable[..., Any]] = {}
FUNCTIONS: dict[Any, Callable[..., Any]] = {}


class Tracer:
    """An array of the user's function under trace. Not made by users."""

    __slots__ = ("__weakref__", "_cells", "_node", "_origin", "_views")
    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]  # compared element by element, as arrays are

    def __init__(self, node: Node) -> None:
        self._node = node
        self._cells: dict[int, Node] | None = None
        self._views: list[Any] | None = None
        self._origin: tuple[Tracer, Callable[[Node], Node], Callable[[Node, Node], Node]] | None = None

    @property
    def node(self) -> Node:
        """The node now in the box."""
        if self._cells is not None:
            self._flush()
        return self._node

    # --- shape and dtype ---------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self._node.shape

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
    def T(self) -> Tracer:
        axes = tuple(reversed(range(self.ndim)))
        return self.view(lambda x: transpose(x, axes), lambda _, y: transpose(y, axes))

    @property
    def mT(self) -> Tracer:
        axes = (*range(self.ndim - 2), self.ndim - 1, self.ndim - 2)
        return self.view(lambda x: transpose(x, axes), lambda _, y: transpose(y, axes))

    @property
    def real(self) -> Tracer:
        return self

    @property
    def imag(self) -> Tracer:
        return Tracer(as_node(0.0)) if self.ndim == 0 else Tracer(lift(np.zeros(self.shape)))

    @property
    def flat(self) -> Iterator[Tracer]:
        return iter(self.reshape(-1))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tracer]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        mark_place()
        return (self[i] for i in range(self.shape[0]))

    # --- views and assignment ----------------------------------------------------------------------------------------

    def view(self, forward: Callable[[Node], Node], backward: Callable[[Node, Node], Node]) -> Tracer:
        """A tracer that shows part of this one: ``forward`` reads it, ``backward`` writes a change into the whole."""
        mark_place()
        child = Tracer(forward(self.node))
        if child._node.shape:
            child._origin = (self, forward, backward)
            if self._views is None:
                self._views = []
            elif len(self._views) > 32 and not len(self._views) & (len(self._views) - 1):
                self._views = [v for v in self._views if v() is not None]
            self._views.append(weakref.ref(child))
        return child

    def put(self, node: Node) -> None:
        """Change the contents: views of this array and the array that this is a view of change with it."""
        self._cells = None
        if self._origin is not None:
            whole, _, backward = self._origin
            whole.put(backward(whole.node, node))
            return
        self._node = node
        self._refresh_views()

    def _refresh_views(self) -> None:
        if self._views is None:
            return
        for ref in self._views:
            child = ref()
            if child is not None and child._origin is not None:
                child._node = child._origin[1](self._node)
                child._cells = None
                child._refresh_views()

    def _flush(self) -> None:
        """Bring the elements written one by one (`__setitem__` with integers) into the node."""
        cells, self._cells = self._cells, None
        assert cells is not None
        base = self._node
        if len(cells) == base.size:
            self._node = reshape(pack([cells[i] for i in range(base.size)]), base.shape)
        else:
            positions = sorted(cells)
            if base.ndim > 1:
                places = [tuple(int(i) for i in np.unravel_index(p, base.shape)) for p in positions]
            else:
                places = [(p,) for p in positions]
            self._node = update(base, [cells[p] for p in positions], places)

    def __getitem__(self, key: Any) -> Tracer:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        node = self._node
        if type(key) is int and len(node.shape) == 1:
            n = node.shape[0]
            i = key + n if key < 0 else key
            if not 0 <= i < n:
                raise IndexError(f"index {key} is out of bounds for axis 0 with size {n}")
            if self._cells is not None:
                cell = self._cells.get(i)
                if cell is not None:
                    return Tracer(cell)
            return Tracer(slice_(node, (i,)))
        if self._cells is not None and type(key) is tuple:
            position = indexing.cell(node.shape, key)
            if position is not None:
                cell = self._cells.get(position)
                return Tracer(cell if cell is not None else indexing.get(node, key))
        mark_place()
        key = indexing.plain(key)
        if indexing.is_basic(key):
            return self.view(lambda x: indexing.get(x, key), lambda x, y: indexing.put(x, key, y))
        return Tracer(indexing.get(self.node, key))

    def __setitem__(self, key: Any, value: Any) -> None:
        mark_place()
        node = self._node
        v = node_of(value, node.dtype)
        if v.dtype != node.dtype:
            v = OPS["cast"](v, params=(node.dtype,))
        if v.shape == () and self._views is None and self._origin is None:
            position = indexing.cell(node.shape, key)
            if position is not None:
                if self._cells is None:
                    self._cells = {}
                self._cells[position] = v
                return
        self.put(indexing.put(self.node, indexing.plain(key), v))

    # --- a plain number is wanted ------------------------------------------------------------------------------------

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
        if self.dtype.kind in "ib" or self.node.is_constant:
            mark_place()
            return int(concrete(self.node))
        raise self._plain_number("int(t)", "np.floor(t), np.trunc(t) or np.round(t), which stay differentiable values")

    def __float__(self) -> float:
        if self.node.is_constant:
            return float(self.node.value)
        raise self._plain_number("float(t)", "the value itself: it behaves as a NumPy float")

    def __complex__(self) -> complex:
        raise self._plain_number("complex(t)", "real and imaginary part as two arrays")

    def __round__(self, digits: int | None = None) -> Tracer:
        return call(np.round, self, digits or 0)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        node = self.node
        if node.is_constant:
            return np.array(node.value, dtype=dtype)
        raise self._plain_number(
            "a plain array",
            "a NumPy function that can be traced; to fill an array, create it inside the function "
            "(out = np.zeros(n); out[i] = t), and make an array from parts with np.array([...]) or np.stack",
        )

    def __str__(self) -> str:
        if self.node.is_constant:
            return str(self.node.value)
        raise self._plain_number("a string", "print(repr(t)) to look at a value while it is traced")

    def __format__(self, spec: str) -> str:
        if self.node.is_constant and not self.shape:
            return format(self.node.value, spec)
        raise self._plain_number("a formatted string", "print(repr(t)) to look at a value while it is traced")

    def __repr__(self) -> str:
        try:
            now = np.array2string(np.asarray(value_of(self.node)), precision=6, threshold=8, separator=", ")
        except TraceError:
            now = "ended"
        return f"<traced {self.dtype.name}{list(self.shape)}: {now}>"

    def _plain_number(self, wanted: str, instead: str) -> TraceError:
        return trace_error(
            f"{wanted} was asked of a value that is being differentiated: this would cut the derivative.\n  Write {instead}."
        )

    def item(self, *position: Any) -> Tracer:
        return self.reshape(-1)[position[0]] if len(position) == 1 else self[position] if position else self.reshape(())

    def tolist(self) -> Any:
        return [t.tolist() for t in self] if self.ndim > 1 else list(self) if self.ndim else self

    def copy(self, order: str = "C") -> Tracer:
        return Tracer(self.node)

    def __copy__(self) -> Tracer:
        return Tracer(self.node)

    def __deepcopy__(self, memo: Any) -> Tracer:
        return Tracer(self.node)

    def fill(self, value: Any) -> None:
        self[...] = value

    def reshape(self, *shape: Any, order: str = "C", copy: Any = None) -> Tracer:
        wanted = shape[0] if len(shape) == 1 and not isinstance(shape[0], int | np.integer) else shape
        if order == "C" and self._origin is None:
            target = indexing.target_shape(self.shape, wanted)
            return self.view(lambda x: reshape(x, target), lambda x, y: reshape(y, x.shape))
        return call(np.reshape, self, wanted, order=order)

    # --- NumPy's protocols ---------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        mark_place()
        if not kwargs and method == "__call__":
            handler = UFUNCS.get(ufunc)
            if handler is not None:
                if len(inputs) == 1:
                    return wrap(handler(inputs[0].node))
                return wrap(handler(*nodes_of(inputs)))
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

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        handler = FUNCTIONS.get(func)
        if handler is None:
            raise unsupported(f"{_name(func)}")
        mark_place()
        return call_handler(handler, func, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if hasattr(np.ndarray, name):
            raise unsupported(f"the array method .{name}")
        raise AttributeError(f"an array has no attribute {name!r}")


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
    return result if out is None else into(result, (out,))


def call(func: Any, *args: Any, **kwargs: Any) -> Any:
    """A NumPy function on tracers, by our table."""
    mark_place()
    return call_handler(FUNCTIONS[func], func, args, kwargs)


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


_PLAIN = (float, int, bool)


def node_of(value: Any, like: np.dtype[Any] | None = None) -> Node:
    """The node of a tracer, number, array or (nested) sequence of these."""
    if type(value) is Tracer:
        return value.node
    if isinstance(value, Node):
        return value
    if type(value) in _PLAIN:
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
        return lift(np.asarray(value))
    raise trace_error(f"a value of type {type(value).__name__} cannot take part in a differentiated computation")


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


# --- operators ------------------------------------------------------------------------------------------------------------


def _operand(value: Any, like: np.dtype[Any]) -> Node | None:
    kind = type(value)
    if kind is Tracer:
        return value.node
    if kind in _PLAIN:
        return as_node(value, like)
    if isinstance(value, np.ndarray | np.generic):
        return lift(value)
    if isinstance(value, list | tuple):
        return stack_sequence(value)
    return None


def _install_binary(symbol: str, name: str, build: Callable[[Node, Node], Node] | None = None) -> None:
    op = OPS.get(name)
    if build is None:
        assert op is not None
        the_op = op
        build = lambda a, b: make(the_op, (a, b))  # noqa: E731

    def left(self: Tracer, other: Any) -> Any:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        a = self.node
        b = _operand(other, a.dtype)
        return NotImplemented if b is None else Tracer(build(a, b))

    def right(self: Tracer, other: Any) -> Any:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        a = self.node
        b = _operand(other, a.dtype)
        return NotImplemented if b is None else Tracer(build(b, a))

    def in_place(self: Tracer, other: Any) -> Any:
        result = left(self, other)
        if result is NotImplemented or not self.shape:
            return result
        mark_place()
        value = result.node
        if value.dtype != self.dtype:
            if value.dtype.kind == "f" and self.dtype.kind != "f":
                raise TypeError(
                    f"cannot write a {value.dtype.name} result into an array of dtype {self.dtype.name}: create it with dtype=float"
                )
            value = OPS["cast"](value, params=(self.dtype,))
        if value.shape != self.shape:
            raise ValueError(
                f"an in-place operation on an array of shape {self.shape} would need the shape {value.shape}"
            )
        self.put(value)
        return self

    setattr(Tracer, f"__{symbol}__", left)
    setattr(Tracer, f"__r{symbol}__", right)
    setattr(Tracer, f"__i{symbol}__", in_place)


def _install_comparison(symbol: str, name: str) -> None:
    op = OPS[name]

    def compare(self: Tracer, other: Any) -> Any:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        a = self.node
        b = _operand(other, a.dtype)
        return NotImplemented if b is None else Tracer(make(op, (a, b)))

    setattr(Tracer, f"__{symbol}__", compare)


def _install_unary(symbol: str, build: Callable[[Node], Node]) -> None:
    def apply(self: Tracer) -> Tracer:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        return Tracer(build(self.node))

    setattr(Tracer, f"__{symbol}__", apply)


def _install_operators() -> None:
    from thalweg.ops.contract import matmul
    from thalweg.ops.elementwise import absolute, logical_and, logical_not, logical_or, logical_xor, negative

    for symbol, name in (
        ("add", "add"), ("sub", "subtract"), ("mul", "multiply"), ("truediv", "divide"), ("pow", "power"),
        ("floordiv", "floor_divide"), ("mod", "remainder"),
    ):  # fmt: skip
        _install_binary(symbol, name)
    _install_binary("matmul", "", matmul)
    for symbol, name in (
        ("lt", "less"), ("le", "less_equal"), ("gt", "greater"), ("ge", "greater_equal"), ("eq", "equal"),
        ("ne", "not_equal"),
    ):  # fmt: skip
        _install_comparison(symbol, name)
    _install_binary("and", "", logical_and)
    _install_binary("or", "", logical_or)
    _install_binary("xor", "", logical_xor)
    _install_unary("neg", negative)
    _install_unary("pos", lambda x: x)
    _install_unary("abs", absolute)
    _install_unary("invert", logical_not)


_install_operators()
