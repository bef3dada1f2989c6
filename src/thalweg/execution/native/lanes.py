"""``Lanes``: vectors in the text of a function, with masks for those that are not full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thalweg.execution.native.counting import Size
from thalweg.execution.native.module import Body
from thalweg.execution.native.tiling import BYTES

Offset = int | str


@dataclass
class Lanes:
    """Instructions on vectors of so many lanes of a type in memory; one lane makes scalars."""

    body: Body
    kind: str
    lanes: int

    @property
    def vector(self) -> str:
        return self.kind if self.lanes == 1 else f"<{self.lanes} x {self.kind}>"

    @property
    def zero(self) -> str:
        return "zeroinitializer" if self.lanes > 1 else ("0.0" if self.kind in ("double", "float") else "0")

    def at(self, pointer: str, offset: Offset) -> str:
        if offset == 0:
            return pointer
        return self.body.emit(f"getelementptr {self.kind}, ptr {pointer}, i64 {offset}")

    def times(self, index: Offset, stride: int) -> Offset:
        if isinstance(index, int):
            return index * stride
        if stride in (0, 1):
            return index if stride else 0
        return self.body.emit(f"mul nsw i64 {index}, {stride}")

    def _intrinsic(self, name: str, result: str, kinds: str) -> str:
        self.body.module.declare(f"@{name}", f"declare {result} @{name}({kinds})")
        return f"{result} @{name}"

    def _suffix(self) -> str:
        letter = {"double": "f64", "float": "f32", "i64": "i64", "i8": "i8"}[self.kind]
        return letter if self.lanes == 1 else f"v{self.lanes}{letter}"

    def multiply_add(self, x: str, y: str, z: str) -> str:
        v, emit = self.vector, self.body.emit
        if self.kind in ("double", "float"):
            call = self._intrinsic(f"llvm.fmuladd.{self._suffix()}", v, f"{v}, {v}, {v}")
            return emit(f"call {call}({v} {x}, {v} {y}, {v} {z})")
        if self.kind == "i8":  # booleans: "some product is true"
            return emit(f"or {v} {z}, {emit(f'and {v} {x}, {y}')}")
        return emit(f"add {v} {z}, {emit(f'mul {v} {x}, {y}')}")

    def add(self, x: str, y: str) -> str:
        word = {"double": "fadd", "float": "fadd", "i64": "add", "i8": "or"}[self.kind]
        return self.body.emit(f"{word} {self.vector} {x}, {y}")

    def mask(self, left: Size) -> str:
        """The lanes below ``left`` (all of them where that is as many)."""
        n = self.lanes
        if isinstance(left, int):
            return "<" + ", ".join(f"i1 {'true' if i < left else 'false'}" for i in range(n)) + ">"
        lane = "<" + ", ".join(f"i64 {i}" for i in range(n)) + ">"
        return self.body.emit(f"icmp slt <{n} x i64> {lane}, {self._spread(left, 'i64')}")

    def _spread(self, x: str, kind: str) -> str:
        n, emit = self.lanes, self.body.emit
        if n == 1:
            return x
        first = emit(f"insertelement <{n} x {kind}> poison, {kind} {x}, i32 0")
        return emit(f"shufflevector <{n} x {kind}> {first}, <{n} x {kind}> poison, <{n} x i32> zeroinitializer")

    def _places(self, pointer: str, stride: int) -> str:
        n = self.lanes
        steps = "<" + ", ".join(f"i64 {i * stride}" for i in range(n)) + ">"
        return self.body.emit(f"getelementptr {self.kind}, ptr {pointer}, <{n} x i64> {steps}")

    def load(self, pointer: str, stride: int, mask: str, summed: bool) -> str:
        """The elements from ``pointer`` on, ``stride`` apart, in the lanes of a vector; zeros outside the mask.

        One element spread over all lanes is masked only if the lanes are ``summed``: elsewhere they are not stored.
        """
        n, v, emit, size = self.lanes, self.vector, self.body.emit, BYTES[self.kind]
        if n == 1 or stride == 0:
            x = self._spread(emit(f"load {self.kind}, ptr {pointer}, align {size}"), self.kind)
            if mask and summed:  # 0·∞ is no zero to be added
                return emit(f"select <{n} x i1> {mask}, {v} {x}, {v} zeroinitializer")
            return x
        if stride == 1 and not mask:
            return emit(f"load {v}, ptr {pointer}, align {size}")
        bits = f"<{n} x i1>"
        if stride == 1:
            call = self._intrinsic(f"llvm.masked.load.{self._suffix()}.p0", v, f"ptr, i32, {bits}, {v}")
            return emit(f"call {call}(ptr {pointer}, i32 {size}, {bits} {mask}, {v} zeroinitializer)")
        call = self._intrinsic(f"llvm.masked.gather.{self._suffix()}.v{n}p0", v, f"<{n} x ptr>, i32, {bits}, {v}")
        places = self._places(pointer, stride)
        mask = mask or self.mask(n)
        return emit(f"call {call}(<{n} x ptr> {places}, i32 {size}, {bits} {mask}, {v} zeroinitializer)")

    def store(self, value: str, pointer: str, stride: int, mask: str) -> None:
        n, v, line, size = self.lanes, self.vector, self.body.line, BYTES[self.kind]
        if n == 1 or (stride == 1 and not mask):
            line(f"store {v} {value}, ptr {pointer}, align {size}")
            return
        bits = f"<{n} x i1>"
        if stride == 1:
            call = self._intrinsic(f"llvm.masked.store.{self._suffix()}.p0", "void", f"{v}, ptr, i32, {bits}")
            line(f"call {call}({v} {value}, ptr {pointer}, i32 {size}, {bits} {mask})")
            return
        call = self._intrinsic(f"llvm.masked.scatter.{self._suffix()}.v{n}p0", "void", f"{v}, <{n} x ptr>, i32, {bits}")
        places = self._places(pointer, stride)
        line(f"call {call}({v} {value}, <{n} x ptr> {places}, i32 {size}, {bits} {mask or self.mask(n)})")

    def transposed_sum(self, vectors: Sequence[str]) -> str:
        """The totals of as many vectors as there are lanes, in the lanes of one: add pairs, then pairs of pairs."""
        n, block, left = self.lanes, 1, list(vectors)
        lanes = range(2 * n)
        while len(left) > 1:
            if block == 1:  # x₀ y₀ x₂ y₂ … and x₁ y₁ x₃ y₃ …: cheap, since it stays within small parts of a register
                even = [i - i % 2 + (n if i % 2 else 0) for i in range(n)]
                odd = [i + 1 for i in even]
            else:
                even = [i for i in lanes if i // block % 2 == 0]
                odd = [i for i in lanes if i // block % 2 == 1]
            left = [
                self.add(self._shuffled(x, y, even), self._shuffled(x, y, odd))
                for x, y in zip(left[::2], left[1::2], strict=True)
            ]
            block = 2
        return left[0]

    def _shuffled(self, x: str, y: str, lanes: Sequence[int]) -> str:
        v = self.vector
        picked = ", ".join(f"i32 {i}" for i in lanes)
        return self.body.emit(f"shufflevector {v} {x}, {v} {y}, <{len(lanes)} x i32> <{picked}>")

    def lanes_added(self, x: str) -> str:
        word = {"double": "fadd", "float": "fadd", "i64": "add", "i8": "or"}[self.kind]
        v = self.vector
        if word == "fadd":
            call = self._intrinsic(f"llvm.vector.reduce.fadd.{self._suffix()}", self.kind, f"{self.kind}, {v}")
            return self.body.emit(f"call reassoc {call}({self.kind} -0.0, {v} {x})")
        call = self._intrinsic(f"llvm.vector.reduce.{word}.{self._suffix()}", self.kind, v)
        return self.body.emit(f"call {call}({v} {x})")
