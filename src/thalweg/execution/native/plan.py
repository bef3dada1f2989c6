"""What runs where: the steps of a program, read from what was written for it.

The program is written as it would be compiled (LLVM is not asked), and its tasks are described one by one: loops,
products, tiles, and what is left to NumPy between segments of machine code. A graph that stays interpreted is described
by its calls of NumPy.

*Flop* counts every operation on one number, an ``exp`` as well as an addition, and a product's term as two. *Bytes*
counts each element of memory that a step reads or writes once: what lies within a tile stays in the cache and is left
out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from thalweg.execution.interpreter import Interpreter
from thalweg.execution.native.layout import OUTPUT, SCRATCH, VIEWS
from thalweg.graph import CONSTANT, INPUT, ITEM, Graph, Node, Shape, is_several, source_of

if TYPE_CHECKING:
    from thalweg.execution.native.groups import Group
    from thalweg.execution.native.program import Writer
    from thalweg.execution.native.rows import Rows
    from thalweg.execution.native.schedule import Call, Loop, Product
    from thalweg.execution.native.tiled import Tiled
    from thalweg.execution.tiers import Executable

_NAMED = 5  # operations of a step that are called by name

Line = tuple[str, int]


@dataclass(frozen=True)
class Step:
    """One thing that is done, or several on the same tiles.

    Attributes
    ----------
    kind : str
        "loop" (over arrays), "numbers" (straight-line code), "BLAS gemm", "BLAS gemv", "BLAS dot", "product" (a
        contraction by loops of our own), "scan", "linalg", "tiles" (the ``steps`` on a tile of rows after another), or
        "NumPy".
    what : str
        In words.
    flop, bytes : int
        Operations on numbers; bytes read from and written to memory.
    lines : tuple of (file, line)
        The user's code that it comes from.
    steps : tuple of Step
        What is done in each tile.
    """

    kind: str
    what: str
    flop: int
    bytes: int
    lines: tuple[Line, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What runs where in one call; ``print`` shows it.

    Attributes
    ----------
    name, signature : str
        The function, and the types of its arguments and results.
    tier : str
        "native", "interpreted", or what stands between: "counting", "on trial", "on disk".
    why : str
        The tier in a sentence.
    native : bool
        Whether the steps are those of machine code.
    steps : tuple of Step
        In order.
    conditions : int
        Answers that Python's ``if`` got when the function was traced. They are asked for at each call; where one is
        another, the function is traced again.
    arrays, scratch_bytes : int
        Arrays that are neither arguments nor results, and the memory for them and for what the steps need besides.
    in_tiles, tile_bytes : int
        Arrays of which only one tile exists at a time, and the memory for these, a thread.
    threads : int
        The most that work at once.
    """

    name: str
    signature: str
    tier: str
    why: str
    native: bool
    steps: tuple[Step, ...]
    conditions: int = 0
    arrays: int = 0
    scratch_bytes: int = 0
    in_tiles: int = 0
    tile_bytes: int = 0
    threads: int = 1

    @cached_property
    def flop(self) -> int:
        """Operations on numbers in one call."""
        return sum(s.flop for s in self.steps)

    @cached_property
    def bytes(self) -> int:
        """Bytes that one call reads from and writes to memory."""
        return sum(s.bytes for s in self.steps)

    def __str__(self) -> str:
        from thalweg.execution.native.plan_text import text

        return text(self)

    def __repr__(self) -> str:
        return f"<Plan of {self.name}: {self.tier}, {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


def plan(executable: Executable, name: str = "") -> Plan:
    """What runs where when ``executable`` is called."""
    graph, guards = executable.graph, executable.guards
    tier, why = _tier(executable)
    signature = f"{_types(graph.inputs)} → {_types(graph.outputs)}"
    reading = None
    if tier != "interpreted":
        reading = _reading(graph, guards)
        if reading is None:
            tier, why = "interpreted", "most of it is calls of NumPy and SciPy, which machine code would not speed up"
    if reading is None:
        return _interpreted(Plan(name, signature, tier, why, False, (), len(guards)), graph, guards)
    return Plan(
        name, signature, tier, why, True, tuple(reading.steps), len(guards), reading.arrays, reading.scratch_bytes,
        reading.in_tiles, reading.tile_bytes, reading.threads,
    )  # fmt: skip


# --- the tier ---------------------------------------------------------------------------------------------------------

_REASONS = {
    "compiled": "machine code, compiled in this process",
    "from disk": "machine code that an earlier process has left on disk",
    "slower": "interpreted: machine code was tried and was slower",
    "none": "interpreted: no machine code could be made for it",
    "off": "interpreted: machine code is switched off, by native=False or THALWEG_NATIVE=0",
}


def _tier(executable: Executable) -> tuple[str, str]:
    from thalweg.execution.native import llvm
    from thalweg.execution.native.plan_text import seconds

    if executable.settled is not None:
        tier = "native" if executable.native else "interpreted"
        if executable.reason == "none" and not llvm.available():
            return tier, _NO_LLVM
        return tier, _REASONS[executable.reason]
    if not executable.allowed:
        return "interpreted", _REASONS["off"]
    price = executable.estimate  # before LLVM is started by looking for it
    if not llvm.available():
        return "interpreted", _NO_LLVM
    if executable.on_trial:
        return "on trial", "machine code, on trial: it is kept when a call is no slower than an interpreted one"
    if not executable.spent and _on_disk(executable):
        return "on disk", "machine code from the first call, which an earlier process has left on disk"
    return "counting", (
        f"interpreted for now: it is compiled when that has taken {seconds(price)}, the estimated time to compile it "
        f"({seconds(executable.spent)} so far)"
    )


_NO_LLVM = "interpreted: LLVM cannot start on this machine, see the warning"


def _on_disk(executable: Executable) -> bool:
    from thalweg.execution.native import kept
    from thalweg.execution.native.key import graph_key

    if not kept.exists():
        return False
    key = graph_key(executable.graph, executable.guards)
    return key is not None and kept.fetch(*key) is not None


# --- a program --------------------------------------------------------------------------------------------------------


class _Reading:
    """The steps of all segments of a program, and what they need."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.arrays = self.scratch_bytes = self.in_tiles = self.tile_bytes = 0
        self.threads = 1

    def program(self, writer: Writer, scratch_bytes: int) -> None:
        from thalweg.execution.native.groups import Group

        for task, written in zip(writer.tasks, writer.written, strict=True):
            if isinstance(task, Group):
                self.steps.append(self._tiles(task, written, writer))  # type: ignore[arg-type]
            else:
                self.steps.append(_step(task, None, writer))
        used = [b for b in writer.schedule.buffers if b.kind == SCRATCH and b.size and b.last >= 0]
        self.arrays += len(used)
        self.scratch_bytes = max(self.scratch_bytes, scratch_bytes)

    def _tiles(self, group: Group, written: Tiled, writer: Writer) -> Step:
        rows = group.rows
        steps = [_step(t, rows, writer) for t in group.tasks]
        self.in_tiles += len(rows.local)
        self.tile_bytes = max(self.tile_bytes, written.local_bytes)
        self.threads = max(self.threads, written.threads)
        what = f"of {rows.tile} of {rows.count} rows at a time"
        if rows.chunks > 1:
            what += f", in {rows.chunks} chunks, on {counted(written.threads, 'thread')}"
        return Step("tiles", what, sum(s.flop for s in steps), sum(s.bytes for s in steps), (), tuple(steps))


def _reading(graph: Graph, guards: Sequence[tuple[Node, Any]]) -> _Reading | None:
    from thalweg.execution.native import program
    from thalweg.execution.native.schedule import Schedule
    from thalweg.execution.native.segments import Segmented

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
    reading = _Reading()
    for step in built.steps if isinstance(built, Segmented) else [None]:
        if step is None or step.program is not None:
            reading.program(*writers[id(built if step is None else step.program)])
        else:
            assert step.graph is not None
            reading.steps.extend(_calls(step.graph.nodes))
    return reading


def _step(task: Any, rows: Rows | None, writer: Writer) -> Step:
    from thalweg.execution.native.schedule import Call, Product

    if isinstance(task, Product):
        return _product(task, rows, writer)
    if isinstance(task, Call):
        return _call(task, writer)
    return _loop(task, rows, writer)


def _loop(task: Loop, rows: Rows | None, writer: Writer) -> Step:
    from thalweg.execution.native.loops import registers, source
    from thalweg.execution.native.schedule import Reduce, Scatter, literal_of

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
        elif s.place.buffer.kind == OUTPUT:
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
    return Step("loop", f"over {_shape(task.space)}: {what}", flop, _bytes(task, rows, writer, points), lines)


def _product(task: Product, rows: Rows | None, writer: Writer) -> Step:
    from thalweg.execution.native.contraction import plan_contraction
    from thalweg.execution.native.program import product_operands

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
    if task.out.buffer.kind == OUTPUT:
        what += " → the result"
    kind = {"gemm": "BLAS gemm", "gemv": "BLAS gemv", "dot": "BLAS dot"}.get(how.kind.removeprefix("batched "))
    return Step(kind or "product", what, flop, moved, _lines([task.node]))


def _call(task: Call, writer: Writer) -> Step:
    from thalweg.execution.native import scans

    node = task.node
    kind = "scan" if node.op in scans.SCANS else "linalg"
    size = max(a.size for a in node.args)
    order = node.args[0].shape[-1] if kind == "linalg" and node.args[0].ndim > 1 else 1
    what = f"{node.op.name} of {_shape(node.args[0].shape)}"
    return Step(kind, what, size * order, _bytes(task, None, writer, None), _lines([node]))


def _bytes(task: Any, rows: Rows | None, writer: Writer, points: int | None) -> int:
    """Of memory that a task touches; a loop over ``points`` touches no more elements of an array than that."""
    axis = None if rows is None else rows.axis[task]
    touched: dict[Any, int] = {}
    for place, _, writes in writer.grouping.accesses(task, axis):
        if rows is not None and place.buffer in rows.local:
            continue
        size = math.prod(n for n, s in zip(place.shape, place.strides, strict=True) if s)
        if points is not None:
            size = min(size, points)
        touched[place.buffer, place.offset, place.strides, place.shape, writes] = size * place.buffer.dtype.itemsize
    return sum(touched.values())


# --- interpreted ------------------------------------------------------------------------------------------------------


def _interpreted(empty: Plan, graph: Graph, guards: Sequence[tuple[Node, Any]]) -> Plan:
    from dataclasses import replace

    buffers = Interpreter(graph, guards).buffers
    nodes = Graph(graph.inputs, (*graph.outputs, *(n for n, _ in guards))).nodes
    return replace(
        empty,
        steps=tuple(_calls(nodes)),
        arrays=len(buffers),
        scratch_bytes=sum(math.prod(shape) * dtype.itemsize for shape, dtype in buffers),
    )


def _calls(nodes: Iterable[Node]) -> list[Step]:
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


def _shape(shape: Shape) -> str:
    return " × ".join(map(str, shape)) or "a number"


def _axes(axes: Sequence[int], rank: int) -> str:
    if len(axes) == rank:
        return "all"
    return ("axis " if len(axes) == 1 else "axes ") + ", ".join(map(str, axes))


def counted(k: int, noun: str) -> str:
    return f"{k} {noun}" if k == 1 else f"{k} {noun}s"


def _types(nodes: Sequence[Node]) -> str:
    return ", ".join(n.dtype.name + (str(list(n.shape)).replace(" ", "") if n.shape else "") for n in nodes)


def _lines(nodes: Iterable[Node]) -> tuple[Line, ...]:
    found = {source_of(n) for n in nodes if n.op is not INPUT and n.op is not CONSTANT}
    return tuple(sorted(x for x in found if x is not None))
