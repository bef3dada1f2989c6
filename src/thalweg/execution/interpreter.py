"""The interpreter: a plan made once, then NumPy, SciPy and BLAS.

Planning walks the graph in order and decides for every value where it lives: scalars and small arrays are left to
NumPy, large elementwise results go to buffers that are kept between calls and reused as soon as what they held is no
longer needed. Writing pieces into an array happens in place when nobody else can see it. Guards are checked as soon
as they are known, so a call that took another branch stops early.

A plan may be used by several threads: each call takes its own set of buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.graph import CONSTANT, INPUT, ITEM, Graph, Node, is_several
from thalweg.ops.entry import INTO
from thalweg.ops.gather import SCATTER_ADD, scatter_add_into
from thalweg.ops.movement import (
    ASSEMBLE,
    BROADCAST,
    RESHAPE,
    SLICE,
    TRANSPOSE,
    UPDATE,
    assemble_into,
    is_zero,
    update_into,
)

_VIEWS = (RESHAPE, TRANSPOSE, BROADCAST, SLICE, ITEM)
_IN_PLACE: dict[Any, Callable[..., Any]] = {
    ASSEMBLE: lambda params: lambda out, *parts: assemble_into(out, parts, params[0]),
    UPDATE: lambda params: lambda out, *parts: update_into(out, parts, params[0]),
    SCATTER_ADD: lambda params: lambda out, g, positions: scatter_add_into(out, g, positions, params[0]),
}
_BUFFERED = 2048  # elements from which a buffer is worth its bookkeeping
_KEEP_BYTES = 1 << 28  # a plan that needs more gives its buffers back after each call

_GENERAL, _UNARY, _BINARY, _INTO_1, _INTO_2, _INTO, _GUARD, _FREE = range(8)


class Interpreter:
    """A callable for a graph: arrays in (one an input, in the dtype of the input), a list of arrays out.

    Returns ``None`` when a guard does not hold.
    """

    def __init__(self, graph: Graph, guards: Sequence[tuple[Node, Any]] = ()) -> None:
        self.graph = graph
        self.guards = tuple(guards)
        _Plan(self)

    _code: list[tuple[Any, ...]]
    _start: list[Any]
    _input_slots: list[int]
    _outputs: list[tuple[int, bool]]
    _buffer_specs: list[tuple[Any, Any]]
    _pool: list[list[Any]]
    _keep: bool

    @property
    def buffers(self) -> list[tuple[Any, Any]]:
        """Shape and dtype of the arrays that are reused."""
        return list(self._buffer_specs)

    def __call__(self, *arrays: Any) -> list[Any] | None:
        env = self._start.copy()
        for slot, array in zip(self._input_slots, arrays, strict=True):
            env[slot] = array
        if self._buffer_specs:
            try:
                buffers = self._pool.pop()
            except IndexError:
                buffers = [np.empty(shape, dtype) for shape, dtype in self._buffer_specs]
        else:
            buffers = []
        with np.errstate(all="ignore"):  # NaN and infinity are values; `diagnose` says where they arise
            try:
                if not self._run(env, buffers):
                    return None
            except Exception:
                if not self._refuted(arrays):
                    raise
                return None  # another branch would have been taken: there is nothing to fail there
        if buffers and self._keep:
            self._pool.append(buffers)
        return [np.array(env[slot])[()] if copy else env[slot] for slot, copy in self._outputs]

    def _refuted(self, arrays: Sequence[Any]) -> bool:
        """Whether a guard does not hold, found out for each of them alone: what failed may stand before it."""
        for node, answer in self.guards:
            try:
                (found,) = Interpreter(Graph(self.graph.inputs, [node])).values(*arrays)
            except Exception:  # it rests on what failed
                continue
            if not _holds(found, answer):
                return True
        return False

    def values(self, *arrays: Any) -> list[Any]:
        """The results of a plan that has no guards to fail."""
        found = self(*arrays)
        assert found is not None
        return found

    def _run(self, env: list[Any], buffers: list[Any]) -> bool:
        for kind, f, dst, src, extra in self._code:
            if kind == _BINARY:
                env[dst] = f(env[src[0]], env[src[1]])
            elif kind == _UNARY:
                env[dst] = f(env[src[0]])
            elif kind == _GENERAL:
                env[dst] = f(*[env[i] for i in src])
            elif kind == _INTO_2:
                env[dst] = f(env[src[0]], env[src[1]], out=buffers[extra])
            elif kind == _INTO_1:
                env[dst] = f(env[src[0]], out=buffers[extra])
            elif kind == _INTO:
                env[dst] = f(*[env[i] for i in src], out=buffers[extra])
            elif kind == _FREE:
                for i in src:
                    env[i] = None
            elif not _holds(env[dst], extra):
                return False
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        graph = Graph(self.graph.inputs, (*self.graph.outputs, *(n for n, _ in self.guards)))
        return (_unpickle, (graph, len(self.graph.outputs), [answer for _, answer in self.guards]))


def _unpickle(graph: Graph, count: int, answers: list[Any]) -> Interpreter:
    guards = list(zip(graph.outputs[count:], answers, strict=True))
    return Interpreter(Graph(graph.inputs, graph.outputs[:count]), guards)


def _holds(value: Any, answer: Any) -> bool:
    if np.ndim(answer) == 0:
        return bool(value == answer)
    return np.array_equal(value, answer)


class _Plan:
    """Planning, apart from running: fills the tables of an `Interpreter`."""

    def __init__(self, into: Interpreter) -> None:
        graph, guards = into.graph, into.guards
        answers: dict[Node, list[Any]] = {}
        for node, answer in guards:
            answers.setdefault(node, []).append(answer)
        nodes = Graph(graph.inputs, (*graph.outputs, *answers)).nodes
        slot = {n: i for i, n in enumerate(dict.fromkeys((*graph.inputs, *nodes)))}
        start: list[Any] = [None] * len(slot)
        for n, i in slot.items():
            if n.op is CONSTANT:
                start[i] = n.value
            elif n.op is INPUT and n not in graph.inputs:
                raise ValueError("a graph with free inputs cannot be executed on its own")
        root: dict[Node, Node] = {}
        last: dict[Node, int] = {}
        for n in nodes:
            if n.op is BROADCAST and n.args[0].value is not None:
                start[slot[n]] = np.broadcast_to(n.args[0].value, n.shape)
        steps = [n for n in nodes if start[slot[n]] is None and n.op is not INPUT]
        for position, n in enumerate(steps):
            root[n] = root.get(n.args[0], n.args[0]) if n.op in _VIEWS else n
            for a in n.args:
                last[root.get(a, a)] = position
        for n in graph.outputs:
            last[root.get(n, n)] = len(steps)
        ends: dict[int, list[Node]] = {}
        for n, position in last.items():
            ends.setdefault(position, []).append(n)

        self.specs: list[tuple[Any, Any]] = []
        self.free: dict[Any, list[int]] = {}
        self.buffer_of: dict[Node, int] = {}
        code: list[tuple[Any, ...]] = []
        if answers:  # answers known from the inputs alone
            for n, given in answers.items():
                if n in graph.inputs:
                    code.extend((_GUARD, None, slot[n], (), a) for a in given)
        for position, n in enumerate(steps):
            code.append(self._step(n, slot, root, last, position, len(steps)))
            for answer in answers.get(n, ()):
                code.append((_GUARD, None, slot[n], (), answer))
            drop = []
            for dead in ends.get(position, ()):
                if dead in self.buffer_of:
                    k = self.buffer_of.pop(dead)
                    self.free.setdefault(self.specs[k], []).append(k)
                elif not is_several(dead) and dead.size > 4 * _BUFFERED and dead.op not in (INPUT, CONSTANT):
                    drop.append(slot[dead])
            if drop and position + 1 < len(steps):
                code.append((_FREE, None, 0, tuple(drop), None))
        into._code = code
        into._start = start
        into._input_slots = [slot[n] for n in graph.inputs]
        into._outputs = [(slot[n], n.op in (*_VIEWS, INPUT, CONSTANT)) for n in graph.outputs]
        into._buffer_specs = self.specs
        into._pool = []
        into._keep = sum(int(np.prod(s)) * d.itemsize for s, d in self.specs) <= _KEEP_BYTES

    def _step(
        self, n: Node, slot: dict[Node, int], root: dict[Node, Node], last: dict[Node, int], position: int, end: int
    ) -> tuple[Any, ...]:
        op, src = n.op, tuple(slot[a] for a in n.args)
        dst = slot[n]
        if op in _IN_PLACE:
            base = n.args[0]
            owner = root.get(base, base)
            others = {root.get(a, a) for a in n.args[1:]}
            mine = base is owner and owner in root and last[owner] == position and owner not in others
            if mine:
                if owner in self.buffer_of and last.get(n, end) < end:
                    self.buffer_of[n] = self.buffer_of.pop(owner)
                    return (_GENERAL, _IN_PLACE[op](n.params), dst, src, None)
                if owner not in self.buffer_of:
                    return (_GENERAL, _IN_PLACE[op](n.params), dst, src, None)
            if is_zero(base):
                write = _IN_PLACE[op](n.params)
                shape, dtype = n.shape, n.dtype
                return (_GENERAL, lambda _, *parts: write(np.zeros(shape, dtype), *parts), dst, src, None)
        kernel = op.kernel(n) if op.kernel is not None else _bind(op.evaluate, n.params)
        takes_out = isinstance(kernel, np.ufunc) or INTO.get(op) is kernel
        if takes_out and op.elementwise and n.size >= _BUFFERED and last.get(n, end) < end:
            k = self._choose_buffer(n, root, last, position, in_place=isinstance(kernel, np.ufunc))
            self.buffer_of[n] = k
            kind = {1: _INTO_1, 2: _INTO_2}.get(len(src), _INTO)
            return (kind, kernel, dst, src, k)
        kind = {1: _UNARY, 2: _BINARY}.get(len(src), _GENERAL)
        return (kind, kernel, dst, src, None)

    def _choose_buffer(
        self, n: Node, root: dict[Node, Node], last: dict[Node, int], position: int, in_place: bool
    ) -> int:
        if in_place:
            for a in n.args:  # overwrite an argument that dies here; views of it in other arguments forbid it
                if (
                    a in self.buffer_of
                    and last[a] == position
                    and a.shape == n.shape
                    and a.dtype == n.dtype
                    and all(b is a or root.get(b, b) is not a for b in n.args)
                ):
                    return self.buffer_of.pop(a)
        spec = (n.shape, n.dtype)
        waiting = self.free.get(spec)
        if waiting:
            return waiting.pop()
        self.specs.append(spec)
        return len(self.specs) - 1


def _bind(evaluate: Callable[..., Any], params: tuple[Any, ...]) -> Callable[..., Any]:
    if not params:
        return evaluate
    return lambda *arrays: evaluate(*arrays, *params)
