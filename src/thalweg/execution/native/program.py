"""From a graph to a program: LLVM IR for the whole of it, and the Python callable of its machine code."""

from __future__ import annotations

import bisect
import ctypes
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.execution.native import calls, entry, scalar, segments, threads
from thalweg.execution.native.accesses import Argument
from thalweg.execution.native.canonical import canonical
from thalweg.execution.native.combining import combine
from thalweg.execution.native.contraction import Operand, emit_contraction
from thalweg.execution.native.groups import Group, Grouping
from thalweg.execution.native.layout import CONSTANT, INPUT, SCRATCH, Buffer, Place
from thalweg.execution.native.loops import Nest
from thalweg.execution.native.module import Body, Module, memory_type
from thalweg.execution.native.rows import Rows
from thalweg.execution.native.schedule import Schedule
from thalweg.execution.native.segments import Segmented
from thalweg.execution.native.straight import Straight, level_of
from thalweg.execution.native.tasks import Call, Check, Product, Unsupported
from thalweg.execution.native.tiled import Tiled
from thalweg.graph import Graph, Node, building

_IN_TEXT = 4096  # bytes up to which a constant is written into the code
_ALIGN = 64
_CALLS = 48  # steps from which they are not optimised together


@dataclass
class Program:
    """The IR of a graph, and what is needed to run its machine code."""

    ir: str
    level: int
    inputs: list[Any]
    outputs: list[Any]
    constants: list[Any]
    scratch_bytes: int


def build(
    graph: Graph, guards: Sequence[tuple[Node, Any]] = (), write: segments.Write | None = None
) -> Program | Segmented | None:
    """The program of ``graph``, in segments where it has ops that native code lacks; ``None`` where that does not pay.

    ``write(inputs, outputs, guards)`` may look on while the program of a segment is written.
    """
    write = write or _written
    with building():
        outputs, asked = canonical(graph.outputs, guards)
        try:
            return write(graph.inputs, outputs, asked)
        except Unsupported:
            return segments.build(graph.inputs, outputs, asked, write)


def _written(inputs: Sequence[Node], outputs: Sequence[Node], guards: Sequence[tuple[Node, Any]]) -> Program:
    return Writer(Schedule(inputs, outputs, guards)).program()


class Writer:
    """Writes the program of a schedule.

    Attributes
    ----------
    grouping : Grouping
        What the tasks touch.
    tasks : list
        Tasks and groups of them, in order.
    written : list
        What each of ``tasks`` has become.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.module = Module()
        self.body = Body(self.module)
        self.grouping = Grouping(schedule)
        self.tasks = self.grouping.groups()
        self.written: list[Tiled | tuple[str, list[Argument]]] = []
        self.constants: list[Any] = []
        self._addresses: dict[Argument, str] = {}

    def program(self) -> Program:
        b, schedule = self.body, self.schedule
        written = self.written = [
            self._group(k, t) if isinstance(t, Group) else self._task(t) for k, t in enumerate(self.tasks)
        ]
        scratch = self._allocate([w.buffers if isinstance(w, Tiled) else [x for x, _ in w[1]] for w in written])
        apart = -(-scratch // _ALIGN) * _ALIGN  # what groups need besides; they run one after the other
        besides = max((w.scratch_bytes for w in written if isinstance(w, Tiled)), default=0)
        if besides:
            scratch = apart + besides
        b.line("%fail = alloca i32")
        b.line("store i32 0, ptr %fail")
        self.pointers: dict[Buffer, str] = {}
        for buffer in schedule.buffers:
            self.pointers[buffer] = self._pointer(buffer)
        checks = sorted(schedule.checks, key=lambda c: c.level)
        waiting = self._least_levels()
        for done, level in zip(written, waiting, strict=True):
            while checks and checks[0].level <= level:
                self._check(checks.pop(0))
            if isinstance(done, Tiled):
                done.run(b, self.pointers, b.emit(f"getelementptr i8, ptr %scratch, i64 {apart}"), combine)
                continue
            name, arguments = done
            listed = "".join(f"ptr {self._address(x)}, " for x in arguments)
            b.line(f"call void @{name}({listed}ptr %fail)")
        for check in checks:
            self._check(check)
        failed = b.emit("load i32, ptr %fail")
        good = b.emit(f"icmp eq i32 {failed}, 0")
        code = b.emit(f"select i1 {good}, i32 0, i32 {entry.REFUSED}")
        many = len(written) > _CALLS  # LLVM has nothing to find in a long row of calls, but looks for it
        group = self.module.attributes("nounwind optnone noinline" if many else "nounwind")
        text = "\n".join(b.lines)
        self.module.define(
            f"define internal i32 @program(ptr %inputs, ptr %outputs, ptr %scratch) {group} {{\n"
            f"entry:\n{text}\nret i32 {code}\n}}"
        )
        inputs = [(n.shape, n.dtype) for n in schedule.inputs]
        outputs = [(n.shape, n.dtype) for n in schedule.outputs]
        if self.constants:
            self.module.declare("constants", f"@constants = global [{len(self.constants)} x ptr] zeroinitializer")
        size = sum(n.size for n in schedule.inputs) + sum(n.size for n in schedule.outputs) + scratch
        entry.emit_entry(self.module, inputs, outputs, scratch, release_gil=size > 20_000)
        level = level_of(self.tasks, schedule, self.module)
        return Program(self.module.text(), level, inputs, outputs, self.constants, scratch)

    # --- tasks ------------------------------------------------------------------------------------------------------

    def _least_levels(self) -> list[int]:
        """For each step, the lowest level among it and those after: all below is done."""
        levels: list[int] = []
        least = 1 << 60
        for task in reversed(self.tasks):
            least = min(least, *(t.level for t in (task.tasks if isinstance(task, Group) else (task,))))
            levels.append(least)
        return levels[::-1]

    def _group(self, k: int, group: Group) -> Tiled:
        parts = []
        for task in group.tasks:
            name, arguments = self._task(task, group.rows)
            adds = isinstance(task, Product) and task.out.buffer in group.rows.sums
            parts.append((name, arguments, adds))
        tiled = Tiled(group, parts, self.module, f"group{k}", threads.limit())
        tiled.write()
        return tiled

    def _task(self, task: Any, rows: Rows | None = None) -> tuple[str, list[Argument]]:
        if isinstance(task, Product):
            return self._product(task, rows)
        if isinstance(task, Call):
            name = f"call{task.level}_{self.schedule.calls.index(task)}"
            return name, [(x, 0) for x in calls.write(task, self.schedule, self.module, name)]
        if task.space == () and rows is None:
            straight = Straight(task, self.schedule, self.module)
            return straight.write(), straight.arguments
        nest = Nest(task, self.schedule, self.module, rows)
        return nest.write(), nest.arguments

    def _product(self, task: Product, rows: Rows | None) -> tuple[str, list[Argument]]:
        body = Body(self.module)
        given = product_operands(task, rows)
        arguments = list(dict.fromkeys((p.buffer, p.offset) for p, _ in given))
        names = {x: f"%b{k}" for k, x in enumerate(arguments)}
        kind = memory_type(task.node.dtype)
        labels = task.node.params

        def operand(place: Place, shape: tuple[int | str, ...]) -> Operand:
            pointer = names[place.buffer, place.offset]
            if rows is not None and "%rows" in shape and place.buffer not in rows.local:
                step = body.emit(f"mul nsw i64 %lo, {place.strides[shape.index('%rows')]}")
                pointer = body.emit(f"getelementptr {kind}, ptr {pointer}, i64 {step}")
            return Operand(pointer, place.strides, shape)

        a, b, out = (operand(place, shape) for place, shape in given)
        done = emit_contraction(
            body, task.node.dtype, a, labels[0], b, labels[1], out, labels[2], threaded=rows is None
        )
        if not done:
            raise Unsupported(task.node)
        listed = "".join(f"ptr noalias nocapture {v}, " for v in names.values())
        if rows is not None:
            listed += "i64 %lo, i64 %rows, "
        text = "\n".join(body.lines)
        group = self.module.attributes('nounwind "prefer-vector-width"="512" "no-trapping-math"="true"')
        name = self.module.share("product", f"{listed}ptr noalias %fail", f"{group} {{\nentry:\n{text}\nret void\n}}")
        return name, arguments

    def _address(self, argument: Argument) -> str:
        """The address at which an array begins."""
        buffer, offset = argument
        if not offset:
            return self.pointers[buffer]
        found = self._addresses.get(argument)
        if found is None:
            step = offset * buffer.dtype.itemsize
            found = self._addresses[argument] = self.body.emit(
                f"getelementptr i8, ptr {self.pointers[buffer]}, i64 {step}"
            )
        return found

    def _check(self, check: Check) -> None:
        b = self.body
        place = check.place
        dtype = place.buffer.dtype
        pointer = self.pointers[place.buffer]
        if place.offset:
            pointer = b.emit(f"getelementptr {memory_type(dtype)}, ptr {pointer}, i64 {place.offset}")
        value = scalar.load(b, dtype, pointer)
        answer = scalar.literal(np.asarray(check.answer).astype(dtype)[()], dtype)
        if dtype.kind == "f":
            same = b.emit(f"fcmp oeq {memory_type(dtype)} {value}, {answer}")
        else:
            same = b.emit(f"icmp eq {'i1' if dtype.kind == 'b' else 'i64'} {value}, {answer}")
        good, bad = b.fresh("go"), b.fresh("stop")
        b.line(f"br i1 {same}, label %{good}, label %{bad}")
        b.label(bad)
        b.line(f"ret i32 {check.number}")
        b.label(good)

    # --- memory -----------------------------------------------------------------------------------------------------

    def _pointer(self, buffer: Buffer) -> str:
        b = self.body
        if buffer.kind == SCRATCH:
            return b.emit(f"getelementptr i8, ptr %scratch, i64 {buffer.offset}")
        if buffer.kind == CONSTANT:
            return self._constant(buffer)
        table = "%inputs" if buffer.kind == INPUT else "%outputs"
        slot = b.emit(f"getelementptr ptr, ptr {table}, i64 {buffer.index}")
        return b.emit(f"load ptr, ptr {slot}")

    def _constant(self, buffer: Buffer) -> str:
        value = np.asarray(buffer.value)
        if value.nbytes <= _IN_TEXT:
            name = f"@c{buffer.index}"
            octets = "".join(f"\\{x:02X}" for x in value.tobytes())
            self.module.declare(
                name, f'{name} = internal unnamed_addr constant [{value.nbytes} x i8] c"{octets}", align {_ALIGN}'
            )
            return name
        self.constants.append(value)
        slot = self.body.emit(f"getelementptr ptr, ptr @constants, i64 {len(self.constants) - 1}")
        return self.body.emit(f"load ptr, ptr {slot}")

    def _allocate(self, used: list[list[Buffer]]) -> int:
        """Gives every scratch buffer an offset; memory that is no longer in use is taken again, if it fits well."""
        for position, buffers in enumerate(used):
            for buffer in buffers:
                buffer.first = min(buffer.first, position)
                buffer.last = max(buffer.last, position)
        for check in self.schedule.checks:
            check.place.buffer.last = 1 << 60
        begins: dict[int, list[Buffer]] = {}
        for buffer in self.schedule.buffers:
            if buffer.kind == SCRATCH and buffer.size and buffer.last >= 0:
                begins.setdefault(buffer.first, []).append(buffer)
        ends: list[tuple[int, int, int, int]] = []  # last use, a number to tell them apart, bytes, offset
        free: list[tuple[int, int]] = []  # bytes and offset, in order
        total = 0
        for position in sorted(begins):
            while ends and ends[0][0] < position:
                _, _, size, offset = heapq.heappop(ends)
                bisect.insort(free, (size, offset))
            for buffer in sorted(begins[position], key=lambda x: -x.bytes):
                size = -(-buffer.bytes // _ALIGN) * _ALIGN
                k = bisect.bisect_left(free, (size, 0))
                if k < len(free) and free[k][0] <= 2 * size:
                    size, buffer.offset = free.pop(k)
                else:
                    buffer.offset = total
                    total += size
                heapq.heappush(ends, (buffer.last, buffer.offset, size, buffer.offset))
        return total


def product_operands(task: Product, rows: Rows | None) -> list[tuple[Place, tuple[int | str, ...]]]:
    """The two arguments and the result of a product, with their shapes: within tiles, as they are in one tile."""
    found = []
    for place, labels in zip((task.a, task.b, task.out), task.node.params, strict=True):
        shape: list[int | str] = list(place.shape)
        if rows is not None:
            place = rows.within(place, place.strides)[0]
            if rows.axis[task] in labels:
                shape[labels.index(rows.axis[task])] = "%rows"
        found.append((place, tuple(shape)))
    return found


def link(program: Program | Segmented, code: Any) -> Callable[..., Any]:
    """The Python callable of the machine code of ``program``: arrays in, a tuple of arrays out."""
    if isinstance(program, Segmented):
        return segments.link(program, code, link)
    if program.constants:
        table = (ctypes.c_void_p * len(program.constants)).from_address(code.address("constants"))
        for k, value in enumerate(program.constants):
            table[k] = value.ctypes.data
        code.constants = program.constants  # they must live as long as the code
    return entry.callable(code)


__all__ = ["Program", "build", "link"]
