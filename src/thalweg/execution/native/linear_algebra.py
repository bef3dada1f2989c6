"""What the writers of linear algebra's ops share: scratch, the status, calls of LAPACK; and the table of writers by op.

Matrices are row-major. The lower triangle of one is the upper triangle of its transpose to Fortran.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from thalweg.execution.native import blas, tiny
from thalweg.execution.native.counting import Loop
from thalweg.execution.native.matrices import Matrix, fortran, load, store
from thalweg.execution.native.module import Body
from thalweg.execution.native.tiling import BYTES

Scratch = Callable[[int], str]


@dataclass
class Writer:
    """What the writers of single ops share."""

    body: Body
    kind: str
    scratch: Scratch
    status: str  # where the status lies

    def room(self, rows: int, columns: int) -> Matrix:
        return fortran(self.kind, self.scratch(max(1, rows * columns) * BYTES[self.kind]), rows, columns)

    def fail_if(self, condition: str) -> None:
        now = self.body.emit(f"load i32, ptr {self.status}")
        then = self.body.emit(f"select i1 {condition}, i32 1, i32 {now}")
        self.body.line(f"store i32 {then}, ptr {self.status}")

    def routine(self, name: str, arguments: list[str], letters: str = "") -> str:
        """Call a LAPACK routine, whose last argument says how it went: whether that number is not 0, an ``i1``."""
        info = self.scratch(8)
        self.body.line(f"store i64 0, ptr {info}")
        flags = [blas.letter(self.body.module, x) for x in letters]
        blas.call(self.body, blas.prefix(self.kind) + name, [*flags, *arguments, info], len(letters))
        width = blas.integer()
        return self.body.emit(f"icmp ne {width} {self.body.emit(f'load {width}, ptr {info}')}, 0")

    def number(self, value: int) -> str:
        return blas.number(self.body, value)

    def solve_triangle(self, t: Matrix, x: Matrix, lower: bool, transposed: bool, unit: bool) -> None:
        """X ← T⁻¹ X (or T⁻ᵀ X), both row-major: to Fortran it is Xᵀ ← Xᵀ T⁻ᵀ."""
        triangle = "U" if lower else "L"
        places = [t.pointer, self.number(t.down), x.pointer]
        if x.columns == 1:
            kinds, name, sizes = f"{triangle}{'TN'[transposed]}{'NU'[unit]}", "trsv", [self.number(x.rows)]
        else:
            kinds, name = f"R{triangle}{'NT'[transposed]}{'NU'[unit]}", "trsm"
            sizes = [self.number(x.columns), self.number(x.rows), blas.scalar(self.body, self.kind, 1.0)]
        flags = [blas.letter(self.body.module, c) for c in kinds]
        places.append(self.number(x.down))
        blas.call(self.body, blas.prefix(self.kind) + name, [*flags, *sizes, *places], len(kinds))


Emit = Callable[[Writer, list[Matrix], list[Matrix], tuple[Any, ...]], None]
OPS: dict[str, Emit] = {}


def op(name: str) -> Callable[[Emit], Emit]:
    def enter(f: Emit) -> Emit:
        OPS[name] = f
        return f

    return enter


def zero_on_diagonal(w: Writer, t: Matrix) -> str:
    """Whether an element of the diagonal is exactly 0."""
    loop = Loop(w.body, t.rows, [("i1", "false")], as_written=True)
    one = w.body.emit(f"fcmp oeq {t.kind} {load(w.body, t, loop.index, loop.index)}, 0.0")
    return loop.close([w.body.emit(f"or i1 {loop.values[0]}, {one}")])[0]


def loaded(w: Writer, a: Matrix) -> tiny.Rows:
    return [[load(w.body, a, i, j) for j in range(a.columns)] for i in range(a.rows)]


def stored(w: Writer, rows: tiny.Rows, x: Matrix) -> None:
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            store(w.body, value, x, i, j)
