"""``Node``: one value of a graph; and how nodes are made: found, simplified, folded, or new.

Nodes are *hash-consed*: asking twice for ``sin(x)`` gives the same object, so common subexpressions vanish by
themselves (Ershov 1958; Filliâtre & Conchon 2006, "Type-safe modular hash-consing"). The table holds nodes weakly.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from thalweg.graph.op import BOOL, DTYPES, FLOAT32, FLOAT64, INT64, OPS, Op, Shape
from thalweg.graph.places import location


class Node:
    """One value of a graph; immutable, unique for its op, arguments and parameters."""

    __slots__ = ("__weakref__", "args", "dtype", "op", "params", "serial", "shape", "value", "where")

    op: Op
    args: tuple[Node, ...]
    params: tuple[Any, ...]
    shape: Shape
    dtype: np.dtype[Any]
    value: Any
    where: tuple[Any, int] | None
    serial: int

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def is_constant(self) -> bool:
        return self.value is not None

    # Arithmetic on nodes writes derivative rules as formulas; `ops.elementwise` supplies the ops by name.
    def __add__(self, other: Any) -> Node:
        return make(OPS["add"], (self, as_node(other, self.dtype)))

    def __radd__(self, other: Any) -> Node:
        return make(OPS["add"], (as_node(other, self.dtype), self))

    def __sub__(self, other: Any) -> Node:
        return make(OPS["subtract"], (self, as_node(other, self.dtype)))

    def __rsub__(self, other: Any) -> Node:
        return make(OPS["subtract"], (as_node(other, self.dtype), self))

    def __mul__(self, other: Any) -> Node:
        return make(OPS["multiply"], (self, as_node(other, self.dtype)))

    def __rmul__(self, other: Any) -> Node:
        return make(OPS["multiply"], (as_node(other, self.dtype), self))

    def __truediv__(self, other: Any) -> Node:
        return make(OPS["divide"], (self, as_node(other, self.dtype)))

    def __rtruediv__(self, other: Any) -> Node:
        return make(OPS["divide"], (as_node(other, self.dtype), self))

    def __pow__(self, other: Any) -> Node:
        return make(OPS["power"], (self, as_node(other, self.dtype)))

    def __rpow__(self, other: Any) -> Node:
        return make(OPS["power"], (as_node(other, self.dtype), self))

    def __neg__(self) -> Node:
        return make(OPS["negative"], (self,))

    def __gt__(self, other: Any) -> Node:
        return make(OPS["greater"], (self, as_node(other, self.dtype)))

    def __ge__(self, other: Any) -> Node:
        return make(OPS["greater_equal"], (self, as_node(other, self.dtype)))

    def __lt__(self, other: Any) -> Node:
        return make(OPS["less"], (self, as_node(other, self.dtype)))

    def __le__(self, other: Any) -> Node:
        return make(OPS["less_equal"], (self, as_node(other, self.dtype)))

    def __repr__(self) -> str:
        from thalweg.graph.display import short

        if self.value is not None:
            return f"<constant {short(self.value)}>"
        return f"<{self.op.name} {self.dtype.name}{list(self.shape)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a single Node does not pickle; pickle the Graph")


class _Entry(weakref.ref):
    __slots__ = ("key",)
    key: Any


_table: dict[Any, _Entry] = {}
_serial = itertools.count()
_new = Node.__new__


def _forget(entry: _Entry, table: dict[Any, _Entry] = _table) -> None:
    if table.get(entry.key) is entry:
        del table[entry.key]


def make(op: Op, args: tuple[Node, ...], params: tuple[Any, ...] = ()) -> Node:
    """The node ``op(*args, *params)``: found, simplified, folded to a constant, or new."""
    key = (op, args, params)
    entry = _table.get(key)
    if entry is not None:
        node = entry()
        if node is not None:
            return node
    if op.simplify is not None:
        simpler = op.simplify(args, params)
        if simpler is not None:
            return simpler
    shape, dtype = op.infer(*args, *params)
    for a in args:
        if a.value is None:
            break
    else:
        if args and not (op.name == "broadcast"):
            return _fold(op, args, params, dtype)
    node = _new(Node)
    node.op = op
    node.args = args
    node.params = params
    node.shape = shape
    node.dtype = dtype
    node.value = None
    node.where = location.where
    node.serial = next(_serial)
    _intern(key, node)
    return node


def make_several(op: Op, args: tuple[Node, ...], params: tuple[Any, ...] = ()) -> Node:
    """The node of an op with several results; its ``shape`` and ``dtype`` are tuples of those of the results."""
    results = op.infer(*args, *params)
    key = (op, args, params)
    entry = _table.get(key)
    node = entry() if entry is not None else None
    if node is None:
        node = _new(Node)
        node.op, node.args, node.params = op, args, params
        node.shape, node.dtype = tuple(s for s, _ in results), tuple(d for _, d in results)  # type: ignore[assignment]
        node.value = None
        node.where = location.where
        node.serial = next(_serial)
        _intern(key, node)
    return node


def make_tuple(op: Op, args: tuple[Node, ...], params: tuple[Any, ...] = ()) -> tuple[Node, ...]:
    """The results of an op with several: an ``item`` node for each (eigenvalues and eigenvectors, say)."""
    if args and all(a.value is not None for a in args):
        return tuple(map(constant, map(np.asarray, op.evaluate(*(a.value for a in args), *params))))
    node = make_several(op, args, params)
    return tuple(make(ITEM, (node,), (i,)) for i in range(len(node.shape)))


def is_several(node: Node) -> bool:
    """Whether ``node`` stands for several results, to be read through ``item``."""
    return isinstance(node.dtype, tuple)


def _intern(key: Any, node: Node) -> None:
    entry = _Entry(node, _forget)
    entry.key = key
    _table[key] = entry


def _fold(op: Op, args: tuple[Node, ...], params: tuple[Any, ...], dtype: np.dtype[Any]) -> Node:
    with np.errstate(all="ignore"):
        value = op.evaluate(*(a.value for a in args), *params)
    return constant(np.asarray(value, dtype=dtype))


def _no_rule(*_: Any) -> Any:
    raise RuntimeError("inputs and constants have no rule")


INPUT = Op("input", _no_rule, _no_rule, family="leaf")
CONSTANT = Op("constant", _no_rule, _no_rule, family="leaf")
ITEM = Op("item", lambda t, i: (t.shape[i], t.dtype[i]), lambda t, i: t[i], family="leaf")


def input_node(shape: Shape, dtype: np.dtype[Any]) -> Node:
    """A new input: never equal to another."""
    return _leaf(INPUT, shape, dtype, None)


def _leaf(op: Op, shape: Shape, dtype: np.dtype[Any], value: Any) -> Node:
    node = _new(Node)
    node.op = op
    node.args = ()
    node.params = ()
    node.shape = shape
    node.dtype = dtype
    node.value = value
    node.where = location.where
    node.serial = next(_serial)
    return node


_SMALL = 32  # constants up to this size are hash-consed by their bytes


def constant(value: np.ndarray[Any, Any]) -> Node:
    """A constant node that owns ``value``; small equal constants are one node."""
    if value.size <= _SMALL:
        key = (value.dtype.char, value.shape, value.tobytes())
        entry = _table.get(key)
        if entry is not None:
            node = entry()
            if node is not None:
                return node
        value = value[()] if value.shape == () else value
        node = _leaf(CONSTANT, np.shape(value), value.dtype, value)
        _intern(key, node)
        return node
    return _leaf(CONSTANT, value.shape, value.dtype, value)


_scalars: dict[Any, Node] = {}


def as_node(value: Any, like: np.dtype[Any] = FLOAT64) -> Node:
    """``value`` as a node; Python numbers take the dtype of their partner, as in NumPy (NEP 50)."""
    if isinstance(value, Node):
        return value
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        key = (kind, value, like.char, 1 if value else str(value))  # str: 0.0 and -0.0 are equal keys, not equal values
        node = _scalars.get(key)
        if node is None:
            if kind is bool:
                dtype = BOOL
            elif kind is int and like != BOOL:
                dtype = like
            elif kind is int:
                dtype = INT64
            else:
                dtype = like if like.kind == "f" else FLOAT64
            node = constant(dtype.type(value))
            if len(_scalars) < 4096:
                _scalars[key] = node
        return node
    return constant(canonical(np.asarray(value)))


def canonical(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """``array`` in one of the four dtypes of a graph; complex and objects are refused."""
    if array.dtype in DTYPES and array.dtype.isnative:
        return array
    kind = array.dtype.kind
    if kind == "f":
        return array.astype(FLOAT32 if array.dtype.itemsize < 4 else FLOAT64)
    if kind in "iu":
        return array.astype(INT64)
    if kind == "c":
        raise TypeError("complex numbers are not supported: split the value into its real and imaginary part")
    raise TypeError(f"an array of dtype {array.dtype} cannot enter a differentiated function: give numbers or booleans")


def full(shape: Shape, value: float, dtype: np.dtype[Any] = FLOAT64) -> Node:
    """A constant scalar spread over ``shape`` without the memory of an array."""
    scalar = as_node(bool(value) if dtype == BOOL else value, dtype)
    return make(OPS["broadcast"], (scalar,), (shape,)) if shape else scalar


def zeros_like(node: Node) -> Node:
    return full(node.shape, 0.0 if node.dtype.kind == "f" else 0, node.dtype)


_builders = 0
_builders_lock = threading.Lock()
_collecting = True


@contextlib.contextmanager
def building() -> Iterator[None]:
    """Python's cycle collector rests while a graph is built.

    Nodes form no cycles, but the collector looks at each of them again and again: half the time of a long trace.
    """
    global _builders, _collecting
    with _builders_lock:
        if _builders == 0:
            _collecting = gc.isenabled()
            gc.disable()
        _builders += 1
    try:
        yield
    finally:
        with _builders_lock:
            _builders -= 1
            if _builders == 0 and _collecting:
                gc.enable()
