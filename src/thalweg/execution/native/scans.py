"""Scans in compiled code: running sums, products and extrema, linear recurrences; and where an extremum stands.

Along the last axis a scan carries its value in a register. Along another it goes row by row, each row from the one
before, so that the loop over a row becomes vectors and memory is read in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.execution.native import scalar
from thalweg.execution.native.axes import Operand
from thalweg.execution.native.combining import combine
from thalweg.execution.native.counting import Loop, Size
from thalweg.execution.native.module import Body, memory_type, register_type
from thalweg.graph import BOOL, INT64, Node
from thalweg.ops import reduce

_VERBS = {reduce.CUMSUM: "sum", reduce.CUMPROD: "prod", reduce.CUMMAX: "max", reduce.CUMMIN: "min"}
_PLACES = (reduce.ARGMAX, reduce.ARGMIN)
SCANS = (*_VERBS, reduce.RECURRENCE, *_PLACES)

_NARROW = 4  # rows of up to so many elements are scanned one element after the other


def supports(node: Node) -> bool:
    """Whether `emit` can compute ``node``."""
    if node.op not in SCANS or node.args[0].size == 0:
        return False
    return node.args[0].dtype != BOOL or node.op not in (reduce.CUMMAX, reduce.CUMMIN)


def emit(body: Body, node: Node, operands: Sequence[Operand], outs: Sequence[Operand], scratch: Any) -> str | None:
    """Write the lines that compute ``node`` from ``operands`` (in any strides); the status is 0."""
    scan = _Scan(body, node, operands, outs[0])
    if node.op in _PLACES:
        scan.places()
    elif scan.inner > _NARROW:
        scan.rows()
    else:
        scan.elements()
    return "0"


class _Scan:
    def __init__(self, body: Body, node: Node, operands: Sequence[Operand], out: Operand) -> None:
        self.body, self.node, self.operands, self.out = body, node, operands, out
        self.axis: int = node.params[0]
        self.shape = node.args[0].shape
        self.length = self.shape[self.axis]
        self.inner = int(np.prod(self.shape[self.axis + 1 :]))

    def step(self, last: str, index: Sequence[Size]) -> str:
        """The next value of the scan, from the last one."""
        b, node = self.body, self.node
        x = self.value(len(self.operands) - 1, index)
        if node.op is not reduce.RECURRENCE:
            return combine(b, _VERBS[node.op], node.dtype, last, x, False)
        kind = register_type(node.dtype)
        multiply, add = ("fmul", "fadd") if node.dtype.kind == "f" else ("mul", "add")
        product = b.emit(f"{multiply} {kind} {self.value(0, index)}, {last}")
        return b.emit(f"{add} {kind} {product}, {x}")

    def rows(self) -> None:
        first = len(self.operands) - 1
        with_outer = self._nested(self.shape[: self.axis])

        def write(before: Sequence[Size], i: Size, value: Callable[[Sequence[Size]], str]) -> None:
            with_inner = self._nested(self.shape[self.axis + 1 :])
            with_inner(lambda after: self.put([*before, i, *after], value([*before, i, *after])))

        def along(before: list[Size]) -> None:
            write(before, 0, lambda index: self.value(first, index))
            if self.length == 1:
                return
            loop = Loop(self.body, self.length, start=1)
            previous = self.body.emit(f"sub nsw i64 {loop.index}, 1")

            def from_last(index: Sequence[Size]) -> str:
                place = [*index[: self.axis], previous, *index[self.axis + 1 :]]
                return self.step(
                    scalar.load(self.body, self.node.dtype, self.address(self.out, place, self.node.dtype)), index
                )

            write(before, loop.index, from_last)
            loop.close()

        with_outer(along)

    def elements(self) -> None:
        first, kind = len(self.operands) - 1, register_type(self.node.dtype)

        def along(others: list[Size]) -> None:
            before, after = others[: self.axis], others[self.axis :]
            start = self.value(first, [*before, 0, *after])
            self.put([*before, 0, *after], start)
            if self.length == 1:
                return
            loop = Loop(self.body, self.length, [(kind, start)], start=1)
            index = [*before, loop.index, *after]
            new = self.step(loop.values[0], index)
            self.put(index, new)
            loop.close([new])

        self._nested((*self.shape[: self.axis], *self.shape[self.axis + 1 :]))(along)

    def places(self) -> None:
        """The first of the greatest (or least); NaN counts as both."""
        b = self.body
        dtype = self.node.args[0].dtype
        wide = INT64 if dtype == BOOL else dtype
        kind = register_type(wide)
        compare = {"f": "fcmp ogt", "i": "icmp sgt"}[wide.kind]
        if self.node.op is reduce.ARGMIN:
            compare = compare.replace("gt", "lt")

        def along(others: list[Size]) -> None:
            before, after = others[: self.axis], others[self.axis :]
            best, at = self.value(0, [*before, 0, *after], wide), "0"
            if self.length > 1:
                loop = Loop(b, self.length, [(kind, best), ("i64", at)], start=1)
                held, where = loop.values
                x = self.value(0, [*before, loop.index, *after], wide)
                better = b.emit(f"{compare} {kind} {x}, {held}")
                if wide.kind == "f":
                    fault = b.emit(f"fcmp uno {kind} {x}, {x}")
                    sound = b.emit(f"fcmp ord {kind} {held}, {held}")
                    better = b.emit(f"or i1 {better}, {b.emit(f'and i1 {fault}, {sound}')}")
                best = b.emit(f"select i1 {better}, {kind} {x}, {kind} {held}")
                at = b.emit(f"select i1 {better}, i64 {loop.index}, i64 {where}")
                best, at = loop.close([best, at])
            self.put([*before, *after], at)

        self._nested((*self.shape[: self.axis], *self.shape[self.axis + 1 :]))(along)

    # --- elements ---------------------------------------------------------------------------------------------------

    def _nested(self, shape: Sequence[int]) -> Callable[[Callable[[list[Size]], None]], None]:
        """Calls what it is given within loops over ``shape``, with their indices."""

        def run(inside: Callable[[list[Size]], None]) -> None:
            loops = [Loop(self.body, n) for n in shape]
            inside([loop.index for loop in loops])
            for loop in reversed(loops):
                loop.close()

        return run

    def address(self, x: Operand, index: Sequence[Size], dtype: np.dtype[Any]) -> str:
        b, pointer = self.body, x.pointer
        for i, s in zip(index, x.strides, strict=True):
            if s and i != 0:
                step = i if s == 1 else b.emit(f"mul nsw i64 {i}, {s}")
                pointer = b.emit(f"getelementptr {memory_type(dtype)}, ptr {pointer}, i64 {step}")
        return pointer

    def value(self, k: int, index: Sequence[Size], wanted: np.dtype[Any] | None = None) -> str:
        dtype = self.node.args[k].dtype
        found = scalar.load(self.body, dtype, self.address(self.operands[k], index, dtype))
        return scalar.convert(self.body, found, dtype, self.node.dtype if wanted is None else wanted)

    def put(self, index: Sequence[Size], value: str) -> None:
        scalar.store(self.body, self.node.dtype, value, self.address(self.out, index, self.node.dtype))
