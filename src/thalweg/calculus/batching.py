"""``batch``: a function of one example becomes a function of many, stacked along an axis. Nothing is run in a loop.

The function is traced at one row and its graph is mapped over all rows. Where Python's ``if`` or ``while`` looked at a
value, the rows for which the answer would be another are set aside; the function is traced again at the first of them,
until every row has been computed by a graph that is right for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.calculus.call import plain_leaves, static_key
from thalweg.calculus.transformed import make_room
from thalweg.errors import ArgumentError
from thalweg.execution.tiers import Executable, checked_native
from thalweg.graph import Graph, Node, canonical, constant, input_node, substitute
from thalweg.ops.elementwise import astype
from thalweg.ops.gather import take
from thalweg.ops.movement import concatenate, move_axis, slice_
from thalweg.tracing import tree
from thalweg.tracing.captured import Captured
from thalweg.tracing.context import running, value_of
from thalweg.tracing.surroundings import Surroundings
from thalweg.tracing.trace import Signature, Traced, input_signature, is_traceable, trace_leaves
from thalweg.tracing.tracer import Tracer, node_of
from thalweg.transforms.batch import batched

if TYPE_CHECKING:
    from thalweg.execution.native.plan import Plan

Axes = int | None | tuple[int | None, ...]

_TRACES_KEPT = 64
_SIZES_KEPT = 4
_FEW = 16  # so few rows of many are computed one by one


def batch(f: Callable[..., Any], in_axes: Axes = 0, *, native: bool | None = None) -> Callable[..., Any]:
    """Map a function over an axis of its array arguments.

    Parameters
    ----------
    f : callable
        A function of one example, written with NumPy. It may contain ``if`` and ``while`` on its values: every row goes
        its own way.
    in_axes : int, None or tuple, default 0
        The axis that counts the examples, for all arguments or one entry a positional argument; ``None`` for arguments
        that all examples share. Within nested arguments it holds for every array. Numbers are shared in any case; with
        a tuple, so are keyword arguments.
    native : bool, optional
        Whether hot calls become machine code. By default they do, unless the environment says ``THALWEG_NATIVE=0``.

    Returns
    -------
    callable
        Takes the stacked arguments; returns the results stacked along a new leading axis.

    Raises
    ------
    ArgumentError
        The arrays do not agree on the number of examples, or there is nothing to map over.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> tw.batch(np.dot)(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [10.0, 10.0]]))
    array([ 3., 70.])
    >>> tw.batch(np.dot, in_axes=(0, None))(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]))
    array([3., 7.])
    >>> tw.batch(tw.grad(lambda x: x**2 if x > 0 else -x))(np.array([-1.0, 2.0]))
    array([-1.,  4.])
    """
    return Batched(f, in_axes, native)


class Batched:
    """A function mapped over rows. Call it with stacked arguments."""

    def __init__(self, f: Callable[..., Any], in_axes: Axes = 0, native: bool | None = None) -> None:
        if not callable(f):
            raise ArgumentError(f"tw.batch takes a function as its first argument, not a {type(f).__name__}")
        for axis in in_axes if isinstance(in_axes, tuple) else (in_axes,):
            if axis is not None and (isinstance(axis, bool) or not isinstance(axis, int)):
                raise ArgumentError(f"in_axes={in_axes!r}: give an axis, None, or a tuple of these")
        self.__wrapped__ = f
        self.__name__ = f"batch({getattr(f, '__name__', type(f).__name__)})"
        self._f = f
        self._in_axes = in_axes
        self._native = checked_native(native)
        self._cache: dict[Any, list[_Entry]] = {}

    def __repr__(self) -> str:
        return f"<thalweg {self.__name__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Batched, (self._f, self._in_axes, self._native)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = _Call(self._f, self._in_axes, args, kwargs)
        if call.rows == 0:
            return _empty(call)
        return _nested(call) if running.traces else self._run(call)

    def plan(self, *args: Any, **kwargs: Any) -> Plan:
        """What runs where in a call with these arguments, if all rows go the way of the first."""
        call = _Call(self._f, self._in_axes, args, kwargs)
        if call.rows == 0:
            raise ArgumentError("tw.batch: there are no examples, so nothing runs. Give arrays with at least one")
        for entry in self._cache.get(call.key(), ()):
            if entry.captured.unchanged() and entry.agreeing(call)[0]:
                return entry.plan(call)[1].plan(self.__name__)
        plain = plain_leaves(call.leaves, call.signatures)
        around = Surroundings(self._f, *plain)
        entry = _Entry(call.trace(0, around), Captured(around, *plain), self._native)
        return entry.plan(call)[1].plan(self.__name__)

    def _run(self, call: _Call) -> Any:
        key = call.key()
        entries = [e for e in self._cache.get(key, ()) if e.captured.unchanged()][:_TRACES_KEPT]
        remaining = np.ones(call.rows, dtype=bool)
        results = _Results(call.rows)
        for entry in entries:
            mine = entry.agreeing(call) & remaining
            if mine.any():
                entry.run(call, mine, results)
                remaining &= ~mine
                if not remaining.any():
                    break
        while remaining.any():
            plain = plain_leaves(call.leaves, call.signatures)
            around = Surroundings(self._f, *plain)
            captured = Captured(around, *plain)
            row = int(np.argmax(remaining))
            entry = _Entry(call.trace(row, around), captured, self._native)
            if entry.traced.catching:  # which rows would fail is not known before each is tried
                mine = np.zeros(call.rows, dtype=bool)
            else:
                if captured.unchanged() and not entry.traced.fleeting:
                    entries = [entry, *entries][:_TRACES_KEPT]
                    make_room(self._cache, key)
                    self._cache[key] = entries
                mine = entry.agreeing(call) & remaining
            mine[row] = True
            entry.run(call, mine, results)
            remaining &= ~mine
        return results.nest()


class _Call:
    """One call: its arguments flattened; which leaves are mapped, which are shared, which are not arrays at all."""

    def __init__(self, f: Callable[..., Any], in_axes: Axes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise ArgumentError(f"in_axes={in_axes!r} has {len(in_axes)} entries, but there are {len(args)} arguments")
        self.f = f
        self.places: list[tuple[int | str, slice, Any]] = []
        self.leaves: list[Any] = []  # mapped ones with their axis in front
        self.mapped: list[bool] = []
        self.positional = len(args)
        first: tuple[int | str, int] | None = None  # an argument, and how many examples it has
        arguments: list[tuple[int | str, Any]] = [*enumerate(args), *sorted(kwargs.items())]
        for place, argument in arguments:
            axis = in_axes if not isinstance(in_axes, tuple) else in_axes[place] if isinstance(place, int) else None
            leaves, structure = tree.flatten(argument)
            start = len(self.leaves)
            for leaf in leaves:
                mapped = axis is not None and (type(leaf) is Tracer or isinstance(leaf, np.ndarray)) and leaf.ndim > 0
                if mapped:
                    assert axis is not None
                    leaf = _in_front(leaf, axis, place)
                    first = first or (place, leaf.shape[0])
                    if leaf.shape[0] != first[1]:
                        raise ArgumentError(
                            f"tw.batch: the arrays do not agree on the number of examples: argument {first[0]!r} has "
                            f"{first[1]}, argument {place!r} has {leaf.shape[0]}. Give in_axes=None for what all share"
                        )
                self.leaves.append(leaf)
                self.mapped.append(mapped)
            self.places.append((place, slice(start, len(self.leaves)), structure))
        if first is None:
            raise ArgumentError("tw.batch: there is no array to map over. Give at least one with an axis of examples")
        self.rows = first[1]
        self.signatures: list[Signature | None] = [
            _row_signature(leaf) if mapped else input_signature(leaf, False) if is_traceable(leaf) else None
            for leaf, mapped in zip(self.leaves, self.mapped, strict=True)
        ]

    def key(self) -> Any:
        static = tuple(
            s if s is not None else static_key(leaf) for s, leaf in zip(self.signatures, self.leaves, strict=True)
        )
        return (static, tuple(self.mapped), tuple((place, structure) for place, _, structure in self.places))

    def put_together(self, leaves: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        values = [(place, tree.unflatten(structure, leaves[where])) for place, where, structure in self.places]
        return tuple(v for _, v in values[: self.positional]), {str(name): v for name, v in values[self.positional :]}

    def trace(self, row: int, around: Surroundings | None = None) -> Traced:
        """The graph of the function at one row."""
        leaves = [
            leaf if not mapped else Tracer(_row(leaf.node, row)) if type(leaf) is Tracer else leaf[row]
            for leaf, mapped in zip(self.leaves, self.mapped, strict=True)
        ]
        return trace_leaves(self.f, leaves, self.signatures, self.put_together, around)

    def arrays(self) -> list[Any]:
        return [
            np.asarray(canonical(np.asarray(leaf)), dtype=s[1])[()]
            for leaf, s in zip(self.leaves, self.signatures, strict=True)
            if s is not None
        ]

    def mapped_inputs(self) -> list[bool]:
        return [m for m, s in zip(self.mapped, self.signatures, strict=True) if s is not None]


def _in_front(leaf: Any, axis: int, place: int | str) -> Any:
    if not -leaf.ndim <= axis < leaf.ndim:
        raise ArgumentError(f"tw.batch: argument {place!r} has the shape {leaf.shape}, which has no axis {axis}")
    axis %= leaf.ndim
    if type(leaf) is Tracer:
        return leaf if axis == 0 else Tracer(move_axis(leaf.node, axis, 0))
    return np.moveaxis(leaf, axis, 0)


def _row_signature(leaf: Any) -> Signature:
    shape, dtype = input_signature(leaf, False)
    return shape[1:], dtype


def _row(x: Node, row: int) -> Node:
    return slice_(x, (row, *((0, n, 1) for n in x.shape[1:])))


class _Entry:
    """A trace at one row, with its graph mapped over batches of the sizes met lately."""

    def __init__(self, traced: Traced, captured: Captured, native: bool | None) -> None:
        self.traced = traced
        self.captured = captured
        self.native = native
        self.single = Executable(Graph(traced.inputs, traced.outputs), (), native)
        self.plans: dict[int, tuple[Executable | None, Executable]] = {}

    def plan(self, call: _Call) -> tuple[Executable | None, Executable]:
        size = call.rows
        found = self.plans.get(size)
        if found is None:
            traced = self.traced
            stacked, inputs = _stacked_inputs(traced, call, size)
            questions = [n for n, _ in traced.guards]
            check = None
            if questions:
                check = Executable(Graph(inputs, batched(questions, stacked, size)), (), self.native)
            found = check, Executable(Graph(inputs, batched(traced.outputs, stacked, size)), (), self.native)
            for oldest in list(self.plans)[: len(self.plans) - _SIZES_KEPT + 1]:
                self.plans.pop(oldest, None)
            self.plans[size] = found
        return found

    def agreeing(self, call: _Call) -> np.ndarray[Any, Any]:
        """The rows for which Python would have gone the way that this trace went."""
        check, _ = self.plan(call)
        if check is None:
            return np.ones(call.rows, dtype=bool)
        values = check.values(*call.arrays())
        return _agreeing(values, [answer for _, answer in self.traced.guards])

    def run(self, call: _Call, mine: np.ndarray[Any, Any], results: _Results) -> None:
        count = int(np.count_nonzero(mine))
        arrays = call.arrays()
        if count <= _FEW < call.rows or self.traced.catching:
            mapped = call.mapped_inputs()
            for row in np.flatnonzero(mine):
                values = self.single.values(*(a[row] if m else a for a, m in zip(arrays, mapped, strict=True)))
                results.write(self.traced, row, values)
            return
        values = self.plan(call)[1].values(*arrays)
        if count == call.rows:
            results.all(self.traced, values)
        else:
            results.write(self.traced, mine, [v[mine] for v in values])


def _stacked_inputs(traced: Traced, call: _Call, size: int) -> tuple[dict[Node, Node], list[Node]]:
    """Inputs of the mapped graph: those with rows are replaced by stacks of them."""
    stacked = {
        x: input_node((size, *x.shape), x.dtype)
        for x, mapped in zip(traced.inputs, call.mapped_inputs(), strict=True)
        if mapped
    }
    return stacked, [stacked.get(x, x) for x in traced.inputs]


def _agreeing(values: Sequence[Any], answers: Sequence[Any]) -> np.ndarray[Any, Any]:
    mine = np.ones(len(values[0]), dtype=bool)
    for value, answer in zip(values, answers, strict=True):
        same = np.equal(value, answer)
        mine &= same.reshape(len(mine), -1).all(axis=1)
    return mine


class _Results:
    """The results of groups of rows, written to their places."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.arrays: list[Any] | None = None
        self.structure: Any = None

    def all(self, traced: Traced, values: Sequence[Any]) -> None:
        self.arrays, self.structure = list(values), traced.out_structure

    def write(self, traced: Traced, rows: Any, values: Sequence[Any]) -> None:
        if self.arrays is None:
            self.structure = traced.out_structure
            self.arrays = [np.empty((self.rows, *y.shape), dtype=y.dtype) for y in traced.outputs]
        _require_one_form(
            self.structure,
            [(a.shape[1:], a.dtype) for a in self.arrays],
            traced.out_structure,
            [(y.shape, y.dtype) for y in traced.outputs],
        )
        for k, (array, value) in enumerate(zip(self.arrays, values, strict=True)):
            if value.dtype != array.dtype:
                self.arrays[k] = array = array.astype(np.result_type(array.dtype, value.dtype))
            array[rows] = value

    def nest(self) -> Any:
        assert self.arrays is not None
        return tree.unflatten(self.structure, self.arrays)


def _require_one_form(structure: Any, first: list[Any], other: Any, second: list[Any]) -> None:
    if other != structure or [shape for shape, _ in first] != [shape for shape, _ in second]:
        shapes = " and ".join(str([shape for shape, _ in form]) for form in (first, second))
        raise ArgumentError(
            f"tw.batch: the function returns results of different form for different rows, shapes {shapes}: "
            "they cannot be stacked"
        )


def _empty(call: _Call) -> Any:
    """No rows: the function is traced at zeros to know the shape of the results."""
    zeros = [
        np.zeros(s[0], s[1]) if mapped and s is not None else leaf
        for leaf, s, mapped in zip(call.leaves, call.signatures, call.mapped, strict=True)
    ]
    traced = trace_leaves(call.f, zeros, call.signatures, call.put_together)
    return tree.unflatten(traced.out_structure, [np.empty((0, *y.shape), dtype=y.dtype) for y in traced.outputs])


def _nested(call: _Call) -> Any:
    """Inside a trace: the mapped graph becomes part of it, and which rows went which way becomes its guards."""
    remaining = np.arange(call.rows)
    groups: list[tuple[Traced, np.ndarray[Any, Any], list[Node]]] = []
    while remaining.size:
        traced = call.trace(int(remaining[0]))
        mine = _nested_agreeing(call, traced, remaining)
        if traced.catching:
            mine[1:] = False
        rows = remaining[mine]
        outputs = _mapped_nodes(call, traced, traced.outputs, rows)
        if groups:
            before = groups[0]
            _require_one_form(
                before[0].out_structure,
                [(y.shape, y.dtype) for y in before[0].outputs],
                traced.out_structure,
                [(y.shape, y.dtype) for y in traced.outputs],
            )
        groups.append((traced, rows, outputs))
        remaining = remaining[~mine]
    structure = groups[0][0].out_structure
    if len(groups) == 1:
        return tree.unflatten(structure, [Tracer(y) for y in groups[0][2]])
    place = constant(np.argsort(np.concatenate([rows for _, rows, _ in groups])))
    joined = []
    for parts in zip(*(outputs for _, _, outputs in groups), strict=True):
        dtype = np.result_type(*(p.dtype for p in parts))
        joined.append(Tracer(take(concatenate([astype(p, dtype) for p in parts], 0), place, 0)))
    return tree.unflatten(structure, joined)


def _nested_agreeing(call: _Call, traced: Traced, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Which of ``rows`` go the way of this trace; for those, that they do becomes a guard of the enclosing trace."""
    if not traced.guards:
        return np.ones(rows.size, dtype=bool)
    asked = _mapped_nodes(call, traced, [n for n, _ in traced.guards], rows)
    values = [value_of(n) for n in asked]
    mine = _agreeing(values, [answer for _, answer in traced.guards])
    mine[0] = True
    enclosing = running.traces[-1]
    for n, value in zip(asked, values, strict=True):
        if not n.is_constant:
            kept = n if mine.all() else take(n, constant(np.flatnonzero(mine)), 0)
            enclosing.guards.setdefault(kept, np.asarray(value)[mine])
    return mine


def _mapped_nodes(call: _Call, traced: Traced, nodes: Sequence[Node], rows: np.ndarray[Any, Any]) -> list[Node]:
    """``nodes`` of a trace at one row, for ``rows``, in the nodes of the enclosing trace."""
    stacked, inputs = _stacked_inputs(traced, call, rows.size)
    mapped = batched(nodes, stacked, rows.size)
    given = [leaf for leaf, s in zip(call.leaves, call.signatures, strict=True) if s is not None]
    replacement: dict[Node, Node] = {}
    for x, leaf, is_mapped in zip(inputs, given, call.mapped_inputs(), strict=True):
        value = node_of(leaf, x.dtype)
        if is_mapped and rows.size != call.rows:
            value = take(value, constant(rows), 0)
        replacement[x] = astype(value, x.dtype)
    return substitute(mapped, replacement)
