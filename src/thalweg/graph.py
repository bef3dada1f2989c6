"""The intermediate representation: ``Node``, ``Graph`` and the vocabulary of an ``Op``.

A function is a directed acyclic graph. A *node* applies an *op* to other nodes; it has a static shape and
dtype and never changes. Nodes are *hash-consed*: asking twice for ``sin(x)`` gives the same object, so
common subexpressions vanish by themselves (Ershov 1958; Filliâtre & Conchon 2006, "Type-safe modular
hash-consing"). Constants fold at construction, and each op may add identities that are safe for NaN,
infinities and signed zero.

Everything else in Thalweg is either a rewrite of a graph or a reading of it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import itertools
import linecache
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from thalweg.errors import ShapeError

FLOAT64 = np.dtype(np.float64)
FLOAT32 = np.dtype(np.float32)
INT64 = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)
DTYPES = (FLOAT64, FLOAT32, INT64, BOOL)

Shape = tuple[int, ...]
Rule = Callable[..., Any]


class Op:
    """A primitive: how it shapes, what it computes, how it differentiates and how it maps over an axis.

    Parameters
    ----------
    name : str
        The name that ``print(graph)`` shows.
    infer : callable
        ``infer(*args, *params) -> (shape, dtype)``; raises `ShapeError` where the arguments do not fit. An op with
        several results returns a tuple of such pairs.
    evaluate : callable
        ``evaluate(*arrays, *params)``: the meaning in NumPy.
    partials : tuple, optional
        For elementwise ops, one entry an argument: ``p(*args, y)`` gives ∂y/∂argument as an expression, or ``None``
        where it is zero almost everywhere.
    linear : tuple of int
        The arguments in which the op is linear; ``transpose(g, k, args, *params)`` gives the cotangent of argument k.
    jvp : callable, optional
        ``jvp(tangents, args, y, *params)`` for the ops that are neither: the tangent of y; missing tangents are ``None``.
    batch : callable, optional
        ``batch(args, batched, size, *params)`` maps the op over a leading axis of the arguments that carry one.
    simplify : callable, optional
        ``simplify(args, params)`` may return an equal, simpler node, or ``None``.
    """

    __slots__ = ("batch", "chains", "elementwise", "evaluate", "family", "infer", "jvp", "kernel", "linear", "name",
                 "note", "partials", "simplify", "transpose")  # fmt: skip

    def __init__(
        self,
        name: str,
        infer: Rule,
        evaluate: Rule,
        *,
        family: str,
        partials: tuple[Rule | None, ...] | None = None,
        chains: tuple[Rule | None, ...] | None = None,
        linear: tuple[int, ...] | None = None,
        transpose: Rule | None = None,
        jvp: Rule | None = None,
        batch: Rule | None = None,
        simplify: Rule | None = None,
        kernel: Rule | None = None,
        note: str = "",
    ) -> None:
        self.name = name
        self.infer = infer
        self.evaluate = evaluate
        self.family = family
        self.partials = partials
        self.chains = chains
        self.elementwise = family == "elementwise"
        self.linear = linear
        self.transpose = transpose
        self.jvp = jvp
        self.batch = batch
        self.simplify = simplify
        self.kernel = kernel
        self.note = note
        if name in OPS:
            raise ValueError(f"two ops named {name!r}")
        OPS[name] = self

    def __call__(self, *args: Node, params: tuple[Any, ...] = ()) -> Node:
        return make(self, args, params)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_op_by_name, (self.name,))


class _Table(dict[str, Op]):
    """The ops by name. Families that load late (``LATE``) are loaded when a name is met that no other has."""

    def __missing__(self, name: str) -> Op:
        for module in LATE:
            importlib.import_module(module)
            if name in self:
                return self[name]
        raise KeyError(name)


OPS: dict[str, Op] = _Table()
LATE: list[str] = []


def _op_by_name(name: str) -> Op:
    return OPS[name]


class _Location(threading.local):
    """The line of the user's code that the nodes made now belong to: ``(code, instruction offset)``."""

    where: tuple[Any, int] | None = None


location = _Location()


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
        if self.value is not None:
            return f"<constant {_short(self.value)}>"
        return f"<{self.op.name} {self.dtype.name}{list(self.shape)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a single Node does not pickle; pickle the Graph")


class _Entry(weakref.ref):  # type: ignore[type-arg]
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
    scalar = as_node(value, dtype)
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


# --- graphs ---------------------------------------------------------------------------------------------------------


class Graph:
    """A function in the form of a graph: inputs, outputs and all that lies between.

    ``print(graph)`` shows one line a node, in the order in which they are computed.
    """

    __slots__ = ("__weakref__", "_nodes", "inputs", "outputs")

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self._nodes: tuple[Node, ...] | None = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes that the outputs need, arguments before what uses them (a node is younger than its arguments)."""
        if self._nodes is None:
            self._nodes = reachable(self.outputs)
        return self._nodes

    @property
    def free(self) -> tuple[Node, ...]:
        """Inputs of some enclosing trace that this graph uses without owning them."""
        own = set(self.inputs)
        return tuple(n for n in self.nodes if n.op is INPUT and n not in own)

    def __len__(self) -> int:
        return len(self.nodes)

    def __str__(self) -> str:
        return show(self)

    def __repr__(self) -> str:
        ins = ", ".join(f"{n.dtype.name}{list(n.shape)}" for n in self.inputs)
        outs = ", ".join(f"{n.dtype.name}{list(n.shape)}" for n in self.outputs)
        return f"<Graph ({ins}) → ({outs}), {len(self.nodes)} nodes>"

    def __reduce__(self) -> tuple[Any, ...]:
        index: dict[Node, int] = {}
        rows: list[Any] = []
        for n in dict.fromkeys((*self.inputs, *self.nodes)):
            index[n] = len(rows)
            if n.op is INPUT or n.op is CONSTANT:
                rows.append((n.op.name, (), (n.shape, n.dtype, n.value), source_of(n), False))
            else:
                rows.append((n.op.name, tuple(index[a] for a in n.args), n.params, source_of(n), is_several(n)))
        return (_unpickle, (rows, [index[n] for n in self.inputs], [index[n] for n in self.outputs]))


def _unpickle(rows: list[Any], inputs: list[int], outputs: list[int]) -> Graph:
    nodes: list[Node] = []
    for name, args, params, where, several in rows:
        location.where = where
        if name == "input":
            nodes.append(input_node(params[0], params[1]))
        elif name == "constant":
            nodes.append(constant(np.asarray(params[2])))
        else:
            nodes.append((make_several if several else make)(OPS[name], tuple(nodes[i] for i in args), params))
    location.where = None
    return Graph([nodes[i] for i in inputs], [nodes[i] for i in outputs])


def reachable(outputs: Iterable[Node]) -> tuple[Node, ...]:
    """Every node that ``outputs`` depend on, in an order in which they can be computed."""
    seen: set[Node] = set()
    stack = list(outputs)
    while stack:
        n = stack.pop()
        if n not in seen:
            seen.add(n)
            stack.extend(n.args)
    return tuple(sorted(seen, key=_by_serial))


def _by_serial(node: Node) -> int:
    return node.serial


def dependents(nodes: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The nodes among ``nodes`` (in topological order) that depend on one of ``sources``."""
    found = set(sources)
    for n in nodes:
        if n not in found:
            for a in n.args:
                if a in found:
                    found.add(n)
                    break
    return found


def rebuild(node: Node, args: tuple[Node, ...]) -> Node:
    """``node`` with other arguments."""
    if args == node.args:
        return node
    location.where = node.where
    if is_several(node):
        return make_several(node.op, args, node.params)
    return make(node.op, args, node.params)


def substitute(outputs: Sequence[Node], replacement: dict[Node, Node]) -> list[Node]:
    """``outputs`` with some nodes replaced by others, and all between made anew."""
    new: dict[Node, Node] = dict(replacement)
    before = location.where
    for n in reachable(outputs):
        if n in new:
            continue
        new[n] = rebuild(n, tuple(new[a] for a in n.args)) if n.args else n
    location.where = before
    return [new[n] for n in outputs]


# --- places and printing ----------------------------------------------------------------------------------------------


def source_of(node: Node) -> tuple[str, int] | None:
    """File name and line number of the user's code that made ``node``, if known."""
    return place(node.where)


_OWN_FILES = os.path.dirname(os.path.abspath(__file__)) + os.sep


def place(where: Any) -> tuple[str, int] | None:
    if where is None:
        return None
    if isinstance(where[0], str):
        return where
    code, offset = where
    if code.co_filename.startswith(_OWN_FILES):  # a formula is evaluated by our code: it has no line of the user's
        return None
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= offset < end and number is not None:
            line = number
            break
    return code.co_filename, line


def describe_place(where: Any) -> str:
    """``file.py:7  y = np.sqrt(x - 2)``: where a node comes from, as errors show it."""
    at = place(where)
    if at is None:
        return ""
    text = linecache.getline(*at).strip()
    name = at[0].rsplit("/", 1)[-1].rsplit("\\", 1)[-1]
    return f"{name}:{at[1]}  {text}".rstrip()


def shape_error(message: str) -> ShapeError:
    """A `ShapeError` that ends with the line of the user's code that is at work."""
    at = describe_place(location.where)
    return ShapeError(f"{message}\n  at {at}" if at else message)


def show(graph: Graph) -> str:
    """The graph as text: one line a node."""
    names: dict[Node, str] = {n: f"in{i}" for i, n in enumerate(graph.inputs)}
    lines = ["(" + ", ".join(f"{names[n]}: {_type(n)}" for n in graph.inputs) + ")"]
    count = itertools.count()
    for n in graph.nodes:
        if n in names:
            continue
        if n.value is not None:
            names[n] = _short(n.value)
            continue
        names[n] = name = f"%{next(count)}"
        params = "".join(f"; {p}" for p in n.params)
        call = f"{n.op.name}({', '.join(names[a] for a in n.args)}{params})"
        at = describe_place(n.where)
        lines.append(f"  {name}: {_type(n)} = {call}".ljust(64) + (f"  # {at}" if at else ""))
    lines.append("→ " + ", ".join(names[n] for n in graph.outputs))
    return "\n".join(line.rstrip() for line in lines)


def _type(node: Node) -> str:
    if is_several(node):
        return "tuple"
    return node.dtype.name + (str(list(node.shape)) if node.shape else "")


def _short(value: Any) -> str:
    if np.ndim(value) == 0:
        return f"{value:.6g}" if np.asarray(value).dtype.kind == "f" else str(value)
    if np.size(value) <= 4:
        return np.array2string(np.asarray(value), precision=6, separator=", ").replace("\n", "")
    return f"{np.asarray(value).dtype.name}{list(np.shape(value))}{{…}}"
