"""The steps of a program, read from the tasks that are written for it; or of a graph that NumPy carries out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from thalweg.execution.native import program, scans
from thalweg.execution.native.accesses import registers, source
from thalweg.execution.native.contraction import plan_contraction
from thalweg.execution.native.groups import Group
from thalweg.execution.native.layout import CONSTANT as CONSTANT_BUFFER
from thalweg.execution.native.layout import OUTPUT, SCRATCH, VIEWS, Place
from thalweg.execution.native.plan import Line, Step
from thalweg.execution.native.plan_text import counted
from thalweg.execution.native.program import Writer, product_operands
from thalweg.execution.native.rows import Rows
from thalweg.execution.native.schedule import Schedule
from thalweg.execution.native.segments import Segmented
from thalweg.execution.native.tasks import Call, Loop, Product, Reduce, Scatter, literal_of
from thalweg.execution.native.tiled import Tiled
from thalweg.graph import CONSTANT, INPUT, ITEM, Graph, Node, is_several, source_of

_NAMED = 5  # operations of a step that are called by name


class Reading:
    """The steps of all segments of a program, and what they need."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.arrays = self.scratch_bytes = self.in_tiles = self.tile_bytes = 0
        self.threads = 1

    def program(self, writer: Writer, scratch_bytes: int, results: Collection[int] | None = None) -> None:
        """A segment; of what it hands on, ``results`` are results of the whole."""
        self.results = range(len(writer.schedule.outputs)) if results is None else results
        for task, written in zip(writer.tasks, writer.written, strict=True):
            if isinstance(task, Group):
                self.steps.append(self._tiles(task, written, writer))  # type: ignore[arg-type]
            else:
                self.steps.append(self._step(task, None, writer))
        used = [b for b in writer.schedule.buffers if b.kind == SCRATCH and b.size and b.last >= 0]
        self.arrays += len(used)
        self.scratch_bytes = max(self.scratch_bytes, scratch_bytes)

    def is_result(self, place: Place) -> bool:
        return place.buffer.kind == OUTPUT and place.buffer.index in self.results

    def _tiles(self, group: Group, written: Tiled, writer: Writer) -> Step:
        rows = group.rows
        steps = [self._step(t, rows, writer) for t in group.tasks]
        self.in_tiles += len(rows.local)
        self.tile_bytes = max(self.tile_bytes, written.local_bytes)
        self.threads = max(self.threads, written.threads)
        what = f"{rows.count} rows"
        if rows.chunks > 1:
            what += f" in {rows.chunks} parts of {rows.chunk}, on {counted(written.threads, 'thread')}"
        if rows.tile < rows.chunk:
            what += f", {rows.tile} at a time"
        return Step("tiles", what, sum(s.flop for s in steps), sum(s.bytes for s in steps), (), tuple(steps))

    def _step(self, task: Any, rows: Rows | None, writer: Writer) -> Step:
        if isinstance(task, Product):
            return self._product(task, rows, writer)
        if isinstance(task, Call):
            return self._call(task, writer)
        return self._loop(task, rows, writer)

    def _loop(self, task: Loop, rows: Rows | None, writer: Writer) -> Step:
        nodes = registers(task, writer.schedule)
        points = math.prod(task.space)
        flop = points * len([n for n in nodes if n.op.elementwise])
        ends: list[str] = []
        stored = results = 0
        for s in task.statements:
            if isinstance(s, Reduce):
                flop += points
                ends.append(f"{_word(s.node)} over {_axes(s.axes, len(task.space))}")
            elif isinstance(s, Scatter):
                flop += points
                ends.append("added at positions")
            elif self.is_result(s.place):
                results += 1
            else:
                stored += 1
        if stored:
            ends.append(counted(stored, "array" if task.space else "number"))
        if results:
            ends.append("the result" if results == 1 else f"{results} results")
        does = _named(nodes)
        if not nodes:
            fills = all(literal_of(source(s)) is not None for s in task.statements)
            does = "fill" if fills else "" if any(isinstance(s, Reduce | Scatter) for s in task.statements) else "copy"
        what = " → ".join(x for x in (does, ", ".join(dict.fromkeys(ends))) if x)
        lines = _lines([*nodes, *(s.node for s in task.statements)])
        if task.space == ():
            return Step("numbers", what, flop, _bytes(task, rows, writer, points), lines)
        space = list(task.space)
        if rows is not None:
            space[rows.axis[task]] = rows.tile
        return Step("loop", f"over {_shape(space)}: {what}", flop, _bytes(task, rows, writer, points), lines)

    def _product(self, task: Product, rows: Rows | None, writer: Writer) -> Step:
        la, lb, lo = task.node.params
        (a, sa), (b, sb), (o, so) = product_operands(task, rows)
        how = plan_contraction(task.node.dtype, sa, a.strides, la, sb, b.strides, lb, so, o.strides, lo)
        size: dict[int, int] = {}
        for labels, x in ((la, task.node.args[0]), (lb, task.node.args[1])):
            size.update(zip(labels, x.shape, strict=True))
        flop = 2 * math.prod(size.values())
        moved = _bytes(task, rows, writer, None)
        if rows is not None:
            size[rows.axis[task]] = rows.tile

        def together(labels: Iterable[int]) -> int:
            return math.prod(size[x] for x in labels)

        left, right, out = set(la), set(lb), set(lo)
        m, n = together((left - right) & out), together((right - left) & out)
        k, batch = together((left | right) - out), together(left & right & out)
        what = f"{m} × {k} by {k} × {n}"
        if batch > 1:
            what += f", {batch} times"
        if rows is None and how.parts > 1:
            what += f", in {how.parts} parts on all threads"
        if self.is_result(task.out):
            what += " → the result"
        kind = {"gemm": "BLAS gemm", "gemv": "BLAS gemv", "dot": "BLAS dot"}.get(how.kind.removeprefix("batched "))
        return Step(kind or "product", what, flop, moved, _lines([task.node]))

    def _call(self, task: Call, writer: Writer) -> Step:
        node = task.node
        kind = "scan" if node.op in scans.SCANS else "linalg"
        size = max(a.size for a in node.args)
        order = node.args[0].shape[-1] if kind == "linalg" and node.args[0].ndim > 1 else 1
        what = f"{node.op.name} of {_shape(node.args[0].shape)}"
        return Step(kind, what, size * order, _bytes(task, None, writer, None), _lines([node]))


def read(graph: Graph, guards: Sequence[tuple[Node, Any]]) -> Reading | None:

    writers: dict[int, tuple[Writer, int]] = {}  # by the program that each has written

    def write(inputs: Sequence[Node], outputs: Sequence[Node], asked: Sequence[tuple[Node, Any]]) -> program.Program:
        writer = program.Writer(Schedule(inputs, outputs, asked))
        written = writer.program()
        writers[id(written)] = writer, written.scratch_bytes
        kept.append(written)
        return written

    kept: list[Any] = []  # so that no two have the same id
    built = program.build(graph, guards, write)
    if built is None:
        return None
    reading = Reading()
    if not isinstance(built, Segmented):
        reading.program(*writers[id(built)])
        return reading
    for step in built.steps:
        if step.program is not None:
            results = [k for k, number in enumerate(step.writes) if number in built.results]
            reading.program(*writers[id(step.program)], results)
        else:
            assert step.graph is not None
            reading.steps.extend(calls(step.graph.nodes))
    return reading


def _bytes(task: Any, rows: Rows | None, writer: Writer, points: int | None) -> int:
    """Of memory that a task touches; a loop over ``points`` touches no more elements of an array than that."""
    axis = None if rows is None else rows.axis[task]
    touched: dict[Any, int] = {}
    for place, _, writes in writer.grouping.accesses(task, axis):
        if rows is not None and place.buffer in rows.local:
            continue
        if place.buffer.kind == CONSTANT_BUFFER and place.buffer.size == 1:  # stands in the code
            continue
        size = math.prod(n for n, s in zip(place.shape, place.strides, strict=True) if s)
        if points is not None:
            size = min(size, points)
        touched[place.buffer, place.offset, place.strides, place.shape, writes] = size * place.buffer.dtype.itemsize
    return sum(touched.values())


def calls(nodes: Iterable[Node]) -> list[Step]:
    """One step a call of NumPy or SciPy; views cost nothing and are left out."""
    steps = []
    for n in nodes:
        if not n.args or n.op in VIEWS or n.op is ITEM:
            continue
        of = n if n.op.elementwise or is_several(n.args[0]) else n.args[0]
        size = 1 if is_several(of) else of.size
        if n.op.name == "contract":
            sizes = dict(zip((*n.params[0], *n.params[1]), (*n.args[0].shape, *n.args[1].shape), strict=True))
            flop = 2 * math.prod(sizes.values())
        elif n.op.family == "linalg" and of.ndim > 1:
            flop = size * of.shape[-1]
        else:
            flop = size
        moved = sum(_node_bytes(a) for a in (*n.args, n))
        shape = "" if is_several(of) else f" of {_shape(of.shape)}"
        steps.append(Step("NumPy", _word(n) + shape, flop, moved, _lines([n])))
    return steps


def _node_bytes(n: Node) -> int:
    if is_several(n):
        shapes: Any = zip(n.shape, n.dtype, strict=True)  # type: ignore[call-overload]
        return sum(math.prod(shape) * dtype.itemsize for shape, dtype in shapes)
    return n.size * n.dtype.itemsize


# --- words ------------------------------------------------------------------------------------------------------------

# Ops of derivatives, by the operation that they are.
_WORDS = {
    "chain_product": "multiply", "log_slope": "divide", "one_minus_square": "1 − square", "cast": "convert",
    "take": "take at positions", "in_range": "check positions", "scatter_add": "add at positions",
    "contract": "matrix product", "update": "write pieces", "assemble": "add pieces", "share": "share of a tie",
}  # fmt: skip


def _word(n: Node) -> str:
    return _WORDS.get(n.op.name, n.op.name)


def _named(nodes: Sequence[Node]) -> str:
    counts = Counter(_word(n) for n in nodes)
    names = [name if k == 1 else f"{k} {name}" for name, k in list(counts.items())[:_NAMED]]
    left = len(nodes) - sum(list(counts.values())[:_NAMED])
    return ", ".join(names) + (f" and {left} more" if left else "")


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "a number"


def _axes(axes: Sequence[int], rank: int) -> str:
    if len(axes) == rank:
        return "all"
    return ("axis " if len(axes) == 1 else "axes ") + ", ".join(map(str, axes))


def types(nodes: Sequence[Node]) -> str:
    return ", ".join(n.dtype.name + (str(list(n.shape)).replace(" ", "") if n.shape else "") for n in nodes)


def _lines(nodes: Iterable[Node]) -> tuple[Line, ...]:
    made = {id(n.where): n for n in nodes if n.op is not INPUT and n.op is not CONSTANT}  # few places, many nodes
    return tuple(sorted({x for n in made.values() if (x := source_of(n)) is not None}))
