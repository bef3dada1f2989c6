"""Matrices in memory, for code that factors them: copies with or without a turn, and loops over stacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from thalweg.execution.native.axes import Operand
from thalweg.execution.native.counting import Loop, Size
from thalweg.execution.native.module import Body

_STRIP = 16  # columns turned at once: so many lines of a cache are filled side by side


@dataclass(frozen=True)
class Matrix:
    """``rows`` × ``columns`` elements of a type, ``down`` and ``across`` apart."""

    kind: str
    pointer: str
    rows: int
    columns: int
    down: int
    across: int

    @property
    def T(self) -> Matrix:
        return replace(self, rows=self.columns, columns=self.rows, down=self.across, across=self.down)

    @property
    def row_major(self) -> bool:
        """Whether BLAS takes it as the transpose of a Fortran matrix, with rows ``down`` apart."""
        return self.across == 1 and self.down >= self.columns


def offset(body: Body, index: Size, step: int) -> Size:
    if isinstance(index, int):
        return index * step
    return index if step == 1 else body.emit(f"mul nsw i64 {index}, {step}")


def at(body: Body, x: Matrix, i: Size, j: Size) -> str:
    """The address of an element."""
    pointer = x.pointer
    for index, step in ((i, x.down), (j, x.across)):
        if index != 0 and step != 0:
            pointer = body.emit(f"getelementptr {x.kind}, ptr {pointer}, i64 {offset(body, index, step)}")
    return pointer


def load(body: Body, x: Matrix, i: Size, j: Size) -> str:
    return body.emit(f"load {x.kind}, ptr {at(body, x, i, j)}")


def store(body: Body, value: str, x: Matrix, i: Size, j: Size) -> None:
    body.line(f"store {x.kind} {value}, ptr {at(body, x, i, j)}")


def fortran(kind: str, pointer: str, rows: int, columns: int) -> Matrix:
    """A matrix in Fortran's order."""
    return Matrix(kind, pointer, rows, columns, 1, rows)


def stacked(x: Operand, kind: str, index: Sequence[str], body: Body, vector: bool = False) -> Matrix:
    """The matrix (or, as one row, the vector) at ``index`` in a stack."""
    pointer = x.pointer
    for i, step in zip(index, x.strides, strict=False):
        pointer = body.emit(f"getelementptr {kind}, ptr {pointer}, i64 {offset(body, i, step)}")
    shape, strides = x.shape[len(index) :], x.strides[len(index) :]
    sizes = [n for n in shape if isinstance(n, int)]
    if len(sizes) == 0:
        return Matrix(kind, pointer, 1, 1, 0, 0)
    if vector:
        return Matrix(kind, pointer, 1, sizes[0], 0, strides[0])
    return Matrix(kind, pointer, sizes[0], sizes[1], strides[0], strides[1])


def copy(body: Body, source: Matrix, target: Matrix) -> None:
    """``target[...] = source``, in strips where one of the two lies the other way round."""
    if source.rows == 0 or source.columns == 0:
        return
    if abs(target.across) > abs(target.down):  # the inner loop goes along the target
        source, target = source.T, target.T
    if abs(source.across) <= abs(source.down) or source.rows <= _STRIP:
        _copy_block(body, source, target, 0, source.rows)
        return
    strips = Loop(body, source.rows, step=_STRIP, as_written=True)  # rows of the source lie side by side in memory
    end = body.emit(f"add nsw i64 {strips.index}, {_STRIP}")
    body.module.declare("@llvm.smin.i64", "declare i64 @llvm.smin.i64(i64, i64)")
    end = body.emit(f"call i64 @llvm.smin.i64(i64 {end}, i64 {source.rows})")
    columns = Loop(body, source.columns, as_written=True)
    rows = Loop(body, end, start=strips.index, as_written=True)
    store(body, load(body, source, rows.index, columns.index), target, rows.index, columns.index)
    for loop in (rows, columns, strips):
        loop.close()


def _copy_block(body: Body, source: Matrix, target: Matrix, start: int, stop: int) -> None:
    rows = Loop(body, stop, start=start, as_written=True)
    columns = Loop(body, source.columns, as_written=True)
    store(body, load(body, source, rows.index, columns.index), target, rows.index, columns.index)
    columns.close()
    rows.close()


def copy_triangle(body: Body, source: Matrix, target: Matrix, lower: bool, weight: float = 1.0) -> None:
    """One triangle of ``source``, its diagonal times ``weight``; zeros elsewhere."""
    if source.rows == 0 or source.columns == 0:
        return
    kind, n = source.kind, source.columns
    body.module.declare("@llvm.smin.i64", "declare i64 @llvm.smin.i64(i64, i64)")
    rows = Loop(body, source.rows, as_written=True)
    i = rows.index
    middle = i if source.rows <= n else body.emit(f"call i64 @llvm.smin.i64(i64 {i}, i64 {n})")
    after = body.emit(f"add i64 {i}, 1")
    for start, stop, filled in ((0, middle, lower), (after, n, not lower)):
        columns = Loop(body, stop, start=start, as_written=True)
        value = load(body, source, i, columns.index) if filled else zero(kind)
        store(body, value, target, i, columns.index)
        columns.close()
    end = after if source.rows <= n else body.emit(f"call i64 @llvm.smin.i64(i64 {after}, i64 {n})")
    diagonal = Loop(body, end, start=i, as_written=True)  # one turn, or none below a matrix that is higher than wide
    x = load(body, source, i, i)
    store(body, x if weight == 1 else body.emit(f"fmul {kind} {x}, {weight}"), target, i, i)
    diagonal.close()
    rows.close()


def zero(kind: str) -> str:
    return "0.0" if kind in ("double", "float") else "0"
