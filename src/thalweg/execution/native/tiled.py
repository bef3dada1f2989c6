"""A `Group` in LLVM IR: a function that does one chunk of tiles, and the lines that run it on all cores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from thalweg.execution.native import runtime, scalar
from thalweg.execution.native.accesses import Argument
from thalweg.execution.native.combining import start_of
from thalweg.execution.native.groups import Group
from thalweg.execution.native.layout import Buffer
from thalweg.execution.native.module import Body, Module, memory_type, register_type
from thalweg.execution.native.tasks import Product

_ALIGN = 64
_THREADS_FROM = 120_000.0  # ns of work from which it pays to wake a thread

Part = tuple[str, list[Argument], bool]
"""A task written as a function: its name, what it takes, and whether its result is added to what is there."""


class Tiled:
    """Writes a group. ``parts`` are its tasks as functions; ``room`` is the count of threads there may be."""

    def __init__(self, group: Group, parts: list[Part], module: Module, name: str, room: int) -> None:
        self.group, self.rows, self.parts = group, group.rows, parts
        self.module, self.name = module, name
        self.locals: dict[Buffer, int] = {}
        offset = 0
        for buffer in self.rows.local:
            self.locals[buffer] = offset
            offset += _rounded(self.rows.local_bytes(buffer))
        self.adding: dict[Buffer, int] = {}  # products over rows: a place for that of one tile
        for _, arguments, adds in parts:
            out = arguments[-1][0]
            if adds and out not in self.adding:
                self.adding[out] = offset
                offset += _rounded(out.bytes)
        self.local_bytes = offset
        self.threads = min(room, self.rows.chunks) if self.rows.work >= _THREADS_FROM else 1
        self.buffers = list(dict.fromkeys(x for _, taken, _ in parts for x, _ in taken if x not in self.rows.local))
        self.sums: dict[Buffer, int] = {}
        at = 0
        for buffer in self.rows.sums:
            self.sums[buffer] = at
            at += _rounded(buffer.bytes) * self.rows.chunks
        self.sums_bytes = at

    @property
    def scratch_bytes(self) -> int:
        """What the group needs besides its buffers: sums of all chunks, and local memory of all threads."""
        return self.sums_bytes + self.local_bytes * self.threads

    @property
    def products(self) -> bool:
        return any(isinstance(t, Product) for t in self.group.tasks)

    # --- one chunk --------------------------------------------------------------------------------------------------

    def write(self) -> None:
        b = Body(self.module)
        rows = self.rows
        pointer: dict[Buffer, str] = {}
        for k, buffer in enumerate(self.buffers):
            slot = b.emit(f"getelementptr ptr, ptr %context, i64 {k}")
            pointer[buffer] = b.emit(f"load ptr, ptr {slot}")
        base_slot = b.emit(f"getelementptr ptr, ptr %context, i64 {len(self.buffers)}")
        base = b.emit(f"load ptr, ptr {base_slot}")
        fail_slot = b.emit(f"getelementptr ptr, ptr %context, i64 {len(self.buffers) + 1}")
        shared_fail = b.emit(f"load ptr, ptr {fail_slot}")
        seat = b.emit(f"mul i64 %seat, {self.local_bytes}")
        mine = b.emit(f"add i64 {seat}, {self.sums_bytes}")
        local = b.emit(f"getelementptr i8, ptr {base}, i64 {mine}")
        for buffer, offset in self.locals.items():
            pointer[buffer] = b.emit(f"getelementptr i8, ptr {local}, i64 {offset}")
        fail = b.emit("alloca i32")
        b.line(f"store i32 0, ptr {fail}")
        for buffer, verb in rows.sums.items():
            step = b.emit(f"mul i64 %chunk, {_rounded(buffer.bytes)}")
            at = b.emit(f"add i64 {step}, {self.sums[buffer]}")
            pointer[buffer] = b.emit(f"getelementptr i8, ptr {base}, i64 {at}")
            self._fill(b, pointer[buffer], buffer, verb)
        start = b.emit(f"mul i64 %chunk, {rows.chunk}")
        end = b.emit(f"add i64 {start}, {rows.chunk}")
        stop = _least(b, end, str(rows.count))
        with_tiles = rows.chunk > rows.tile
        if with_tiles:
            for text in ("br label %before", "before:", "br label %tile", "tile:"):
                b.line(text)
            b.line(f"%lo = phi i64 [{start}, %before], [%next, %again]")
        else:
            b.line(f"%lo = add i64 {start}, 0")
        left = b.emit(f"sub i64 {stop}, %lo")
        count = _least(b, left, str(rows.tile))
        for name, arguments, adds in self.parts:
            given = dict(pointer)
            out = arguments[-1][0]
            if adds:
                given[out] = b.emit(f"getelementptr i8, ptr {local}, i64 {self.adding[out]}")
            listed = ""
            for x, first in arguments:
                at = given[x]
                if first:
                    at = b.emit(f"getelementptr i8, ptr {at}, i64 {first * x.dtype.itemsize}")
                listed += f"ptr {at}, "
            b.line(f"call void @{name}({listed}i64 %lo, i64 {count}, ptr {fail})")
            if adds:
                self._add(b, pointer[out], given[out], out)
        if with_tiles:
            for text in (
                "br label %again", "again:", f"%next = add i64 %lo, {rows.tile}",
                f"%more = icmp slt i64 %next, {stop}", "br i1 %more, label %tile, label %over", "over:",
            ):  # fmt: skip
                b.line(text)
        failed = b.emit(f"load i32, ptr {fail}")
        b.emit(f"atomicrmw or ptr {shared_fail}, i32 {failed} monotonic")
        text = "\n".join(b.lines)
        # not inlined where there is one thread: then LLVM might add up in another order
        group = self.module.attributes('nounwind noinline "prefer-vector-width"="512"')
        self.module.define(
            f"define internal void @{self.name}(ptr %context, i64 %chunk, i64 %seat) {group} {{\nentry:\n{text}\n"
            "ret void\n}"
        )

    def _each(self, b: Body, size: int, do: Callable[[str], None]) -> None:
        """A loop over the elements of a buffer."""
        label = b.fresh("each")
        for text in (
            f"br label %{label}p", f"{label}p:", f"br label %{label}", f"{label}:",
            f"%{label}i = phi i64 [0, %{label}p], [%{label}n, %{label}]",
        ):  # fmt: skip
            b.line(text)
        do(f"%{label}i")
        for text in (
            f"%{label}n = add nuw nsw i64 %{label}i, 1", f"%{label}c = icmp ult i64 %{label}n, {size}",
            f"br i1 %{label}c, label %{label}, label %{label}x", f"{label}x:",
        ):  # fmt: skip
            b.line(text)

    def _fill(self, b: Body, pointer: str, buffer: Buffer, verb: str) -> None:
        start = scalar.literal(start_of(verb, buffer.dtype), buffer.dtype)

        def put(i: str) -> None:
            at = b.emit(f"getelementptr {memory_type(buffer.dtype)}, ptr {pointer}, i64 {i}")
            scalar.store(b, buffer.dtype, start, at)

        self._each(b, buffer.size, put)

    def _add(self, b: Body, into: str, given: str, buffer: Buffer) -> None:
        kind = memory_type(buffer.dtype)

        def add(i: str) -> None:
            at = b.emit(f"getelementptr {kind}, ptr {into}, i64 {i}")
            source = b.emit(f"getelementptr {kind}, ptr {given}, i64 {i}")
            x, y = (scalar.load(b, buffer.dtype, p) for p in (at, source))
            verb = "fadd" if buffer.dtype.kind == "f" else "add"
            scalar.store(b, buffer.dtype, b.emit(f"{verb} {register_type(buffer.dtype)} {x}, {y}"), at)

        self._each(b, buffer.size, add)

    # --- all chunks -------------------------------------------------------------------------------------------------

    def run(self, b: Body, pointers: dict[Buffer, str], scratch: str, combine: Callable[..., str]) -> None:
        """Lines of the program that do the group, and put the sums of its chunks together."""
        context = b.emit(f"alloca [{len(self.buffers) + 2} x ptr]")
        for k, value in enumerate([*(pointers[x] for x in self.buffers), scratch, "%fail"]):
            slot = b.emit(f"getelementptr ptr, ptr {context}, i64 {k}")
            b.line(f"store ptr {value}, ptr {slot}")
        chunks = self.rows.chunks
        if self.threads > 1:
            runtime.declare(self.module)
            allowed = b.emit("call i64 @thalweg_threads()")
            threads = _least(b, allowed, str(self.threads))
            if self.products:
                b.line("call void @thalweg_blas_enter()")
            b.line(f"call void @thalweg_parallel(ptr @{self.name}, ptr {context}, i64 {chunks}, i64 {threads})")
            if self.products:
                b.line("call void @thalweg_blas_leave()")
        else:
            self._each(b, chunks, lambda i: b.line(f"call void @{self.name}(ptr {context}, i64 {i}, i64 0)"))
        for buffer, verb in self.rows.sums.items():
            base = b.emit(f"getelementptr i8, ptr {scratch}, i64 {self.sums[buffer]}")
            self._together(b, base, pointers[buffer], buffer, verb, combine)

    def _together(self, b: Body, base: str, out: str, buffer: Buffer, verb: str, combine: Callable[..., str]) -> None:
        """out[i] = the values of all chunks, in their order."""
        kind = memory_type(buffer.dtype)
        apart = _rounded(buffer.bytes)

        def put(i: str) -> None:
            value = ""
            at = b.emit(f"getelementptr {kind}, ptr {base}, i64 {i}")
            for chunk in range(self.rows.chunks):
                there = b.emit(f"getelementptr i8, ptr {at}, i64 {chunk * apart}")
                x = scalar.load(b, buffer.dtype, there)
                value = x if not value else combine(b, verb, buffer.dtype, value, x, False)
            to = b.emit(f"getelementptr {kind}, ptr {out}, i64 {i}")
            scalar.store(b, buffer.dtype, value, to)

        self._each(b, buffer.size, put)


def _least(b: Body, x: str, y: str) -> str:
    less = b.emit(f"icmp slt i64 {x}, {y}")
    return b.emit(f"select i1 {less}, i64 {x}, i64 {y}")


def _rounded(size: Any) -> int:
    return -(-int(size) // _ALIGN) * _ALIGN
