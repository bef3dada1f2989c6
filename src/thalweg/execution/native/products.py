"""Contractions as calls of BLAS: a matrix product, a product with a vector, a scalar product, within loops.

Operands are read where they lie. BLAS takes a matrix whose rows or whose columns are contiguous, with a flag for which;
what is row-major here is column-major and transposed to Fortran.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from thalweg.execution.native import blas
from thalweg.execution.native.axes import Axis
from thalweg.execution.native.counting import Loop, Size
from thalweg.execution.native.module import Body
from thalweg.execution.native.tiling import BYTES, vector_registers


@dataclass(frozen=True)
class Call:
    """A call of BLAS over a row axis, a column axis and an inner axis, within loops over the rest."""

    name: str
    m: Axis | None
    n: Axis | None
    k: Axis
    outer: tuple[Axis, ...]


def calls(axes: Sequence[Axis]) -> Iterator[Call]:
    """The ways to cover three, two or one of the axes with one call; the loops round it must not sum."""
    summed = [x for x in axes if not x.kept]
    if len(summed) != 1 or summed[0].kind != "inner":
        return
    (k,) = summed
    rows: list[Axis | None] = [None, *(x for x in axes if x.kind == "rows")]
    columns: list[Axis | None] = [None, *(x for x in axes if x.kind == "columns")]
    for m in rows:
        for n in columns:
            outer = tuple(x for x in axes if x is not k and x is not m and x is not n)
            if m is not None and n is not None:
                if (
                    _matrix(m.a, m.size, k.a, k.size)
                    and _matrix(n.b, n.size, k.b, k.size)
                    and _matrix(m.o, m.size, n.o, n.size)
                ):
                    yield Call("gemm", m, n, k, outer)
            elif m is not None:
                if _matrix(m.a, m.size, k.a, k.size):
                    yield Call("gemv", m, None, k, outer)
            elif n is not None:
                if _matrix(n.b, n.size, k.b, k.size):
                    yield Call("gemv", None, n, k, outer)
            else:
                yield Call("dot", None, None, k, outer)


def _matrix(rows: int, m: Size, columns: int, n: Size) -> bool:
    """Whether BLAS takes a matrix with these steps from row to row and from column to column."""
    return _lies(columns, n, rows) or _lies(rows, m, columns)


def _lies(step: int, size: Size, distance: int) -> bool:
    """Lines of contiguous elements, ``distance`` apart; a length known at run time only cannot be a line's."""
    return step == 1 and isinstance(size, int) and distance >= size


def best_call(axes: Sequence[Axis]) -> Call | None:
    return max(calls(axes), key=lambda c: flops([x for x in (c.m, c.n, c.k) if x is not None]), default=None)


def flops(axes: Sequence[Axis]) -> int:
    total = 2
    for x in axes:
        total *= x.known()
    return total


def call_cost(call: Call, kind: str) -> float:
    """Estimated cycles of the calls, on one core."""
    sizes = [x.known() for x in (call.m, call.n, call.k) if x is not None]
    turns = flops(call.outer) // 2
    operations = 2.0 * math.prod(sizes)
    lanes = vector_registers()[0] // BYTES[kind]
    if call.name != "gemm":  # one load for each multiplication
        return turns * (300 + operations / lanes)
    most = 4 * lanes * (0.5 if blas.narrow(vector_registers()[0]) else 0.9)
    return turns * (500 + operations / (most * math.prod(n / (n + 8) for n in sizes)))


def emit_call(body: Body, kind: str, call: Call, a: str, b: str, o: str) -> None:
    loops = []
    for axis in call.outer:
        loops.append(Loop(body, axis.size))
        a, b, o = (moved(body, kind, p, loops[-1].index, s) for p, s in ((a, axis.a), (b, axis.b), (o, axis.o)))
    stack = ""
    if any(isinstance(x.size, str) for x in (call.m, call.n, call.k) if x is not None):
        body.module.declare("@llvm.stacksave.p0", "declare ptr @llvm.stacksave.p0()")
        body.module.declare("@llvm.stackrestore.p0", "declare void @llvm.stackrestore.p0(ptr)")
        stack = body.emit("call ptr @llvm.stacksave.p0()")
    if call.m is not None and call.n is not None:
        _emit_gemm(body, kind, call.m, call.n, call.k, a, b, o)
    elif call.m is not None:
        _emit_gemv(body, kind, call.m, "a", call.k, a, b, o)
    elif call.n is not None:
        _emit_gemv(body, kind, call.n, "b", call.k, b, a, o)
    else:
        k = call.k
        x, y = (_lowest(body, kind, p, k.size, s) for p, s in ((a, k.a), (b, k.b)))
        total = blas.dot(body, kind, k.size, (x, k.a), (y, k.b))
        body.line(f"store {kind} {total}, ptr {o}")
    if stack:
        body.line(f"call void @llvm.stackrestore.p0(ptr {stack})")
    for loop in reversed(loops):
        loop.close()


def moved(body: Body, kind: str, pointer: str, index: str, step: int) -> str:
    if step == 0:
        return pointer
    return body.emit(f"getelementptr {kind}, ptr {pointer}, i64 {body.emit(f'mul nsw i64 {index}, {step}')}")


def _lowest(body: Body, kind: str, pointer: str, n: Size, step: int) -> str:
    """The lowest address of a vector, by which BLAS knows it; a negative step leads down to it."""
    if step > 0:
        return pointer
    if isinstance(n, int):
        return body.emit(f"getelementptr {kind}, ptr {pointer}, i64 {(n - 1) * step}")
    return moved(body, kind, pointer, body.emit(f"sub i64 {n}, 1"), step)


def _emit_gemm(body: Body, kind: str, m: Axis, n: Axis, k: Axis, a: str, b: str, o: str) -> None:
    """Row-major results are transposed ones to Fortran: Cᵀ = Bᵀ Aᵀ."""
    if not _lies(m.o, m.size, n.o):  # rows of the result are contiguous
        m, n = (replace(x, a=x.b, b=x.a) for x in (n, m))
        k = replace(k, a=k.b, b=k.a)
        a, b = b, a
    a_flag = not _lies(m.a, m.size, k.a)
    b_flag = not _lies(k.b, k.size, n.b)
    a_ld, b_ld = m.a if a_flag else k.a, k.b if b_flag else n.b
    assert isinstance(k.size, int)
    blas.gemm(body, kind, (a_flag, b_flag), (m.size, n.size, k.size), (a, a_ld), (b, b_ld), (o, n.o))


def _emit_gemv(body: Body, kind: str, m: Axis, name: str, k: Axis, a: str, x: str, y: str) -> None:
    """y[m] = Σₖ a[m, k] x[k], where ``name`` says whose strides are a's."""
    rows, columns = getattr(m, name), getattr(k, name)
    incx = k.b if name == "a" else k.a
    x, y = _lowest(body, kind, x, k.size, incx), _lowest(body, kind, y, m.size, m.o)
    if _lies(rows, m.size, columns):  # contiguous columns: as Fortran has it
        blas.gemv(body, kind, False, (m.size, k.size), (a, columns), (x, incx), (y, m.o))
    else:
        blas.gemv(body, kind, True, (k.size, m.size), (a, rows), (x, incx), (y, m.o))
