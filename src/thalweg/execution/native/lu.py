"""LU in compiled code, and what is made of it: systems, inverses, determinants.

Which rows are exchanged depends on which are the rows, so LAPACK gets a turned copy of a row-major matrix. A system
with factors that are known is solved in place: to Fortran the row-major L is an upper triangle, and U a lower one.
"""

from __future__ import annotations

from typing import Any

from thalweg.execution.native import blas, tiny
from thalweg.execution.native.counting import Loop
from thalweg.execution.native.linear_algebra import Writer, loaded, op, stored, zero_on_diagonal
from thalweg.execution.native.matrices import Matrix, at, copy, load, store, zero
from thalweg.execution.native.tiling import BYTES


@op("lu_factor")
def _lu_factor(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (a,), (lu, pivots) = given, wanted
    if a.rows <= tiny.LARGEST:
        found = tiny.lu(tiny.Numbers(w.body, w.kind), loaded(w, a))
        stored(w, found.rows, lu)
        for i, pivot in enumerate(found.pivots):
            store(w.body, pivot, pivots, 0, i)
        return
    room, places = _factored(w, a)
    copy(w.body, room, lu)
    loop = Loop(w.body, a.rows, as_written=True)
    store(w.body, _pivot(w, places, loop.index), pivots, 0, loop.index)
    loop.close()


def _factored(w: Writer, a: Matrix) -> tuple[Matrix, str]:
    """The LU factors in Fortran's order, and where its pivots are."""
    room = w.room(a.rows, a.rows)
    places = w.scratch(8 * a.rows)
    copy(w.body, a, room)
    n = w.number(a.rows)
    w.routine("getrf", [n, n, room.pointer, n, places])
    return room, places


def _pivot(w: Writer, places: str, i: str) -> str:
    """A pivot of LAPACK's, counted from 0."""
    width = blas.integer()
    x = w.body.emit(f"load {width}, ptr {w.body.emit(f'getelementptr {width}, ptr {places}, i64 {i}')}")
    if width == "i32":
        x = w.body.emit(f"sext i32 {x} to i64")
    return w.body.emit(f"sub i64 {x}, 1")


def _exchange_rows(w: Writer, x: Matrix, pivots: Matrix, backwards: bool) -> None:
    """Rows of x and those that the pivots name, exchanged in turn."""
    body = w.body
    loop = Loop(body, x.rows, as_written=True)
    i = body.emit(f"sub i64 {x.rows - 1}, {loop.index}") if backwards else loop.index
    other = load(body, pivots, 0, i)
    columns = Loop(body, x.columns, as_written=True)
    here, there = at(body, x, i, columns.index), at(body, x, other, columns.index)
    p, q = body.emit(f"load {x.kind}, ptr {here}"), body.emit(f"load {x.kind}, ptr {there}")
    body.line(f"store {x.kind} {q}, ptr {here}")
    body.line(f"store {x.kind} {p}, ptr {there}")
    columns.close()
    loop.close()


@op("solve")
def _solve(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (a, b, *factor), (x,), (transposed,) = given, wanted, params
    if a.rows <= tiny.LARGEST:
        found = tiny.lu(tiny.Numbers(w.body, w.kind), loaded(w, a))
        w.fail_if(found.singular())
        column = Loop(w.body, b.columns, as_written=True)
        values = found.solved([load(w.body, b, i, column.index) for i in range(a.rows)], transposed)
        for i, value in enumerate(values):
            store(w.body, value, x, i, column.index)
        column.close()
        return
    if factor:
        lu, pivots = factor
        w.fail_if(zero_on_diagonal(w, lu))
        copy(w.body, b, x)
        if not lu.row_major:
            room = w.room(lu.columns, lu.rows).T
            copy(w.body, lu, room)
            lu = room
        if not transposed:
            _exchange_rows(w, x, pivots, False)
        for lower in (False, True) if transposed else (True, False):
            w.solve_triangle(lu, x, lower, transposed, lower)
        if transposed:
            _exchange_rows(w, x, pivots, True)
        return
    room, places = _factored(w, a.T if transposed else a)
    w.fail_if(zero_on_diagonal(w, room))
    right = w.room(b.rows, b.columns)
    copy(w.body, b, right)
    n = w.number(a.rows)
    w.routine("getrs", [n, w.number(b.columns), room.pointer, n, places, right.pointer, n], "N")
    copy(w.body, right, x)


@op("inv")
def _inv(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (a, *factor), (x,), (quiet,) = given, wanted, params
    n = a.rows
    if n <= tiny.LARGEST:
        numbers = tiny.Numbers(w.body, w.kind)
        found = tiny.lu(numbers, loaded(w, a))
        singular = found.singular()
        columns = [found.solved(["1.0" if i == j else zero(w.kind) for i in range(n)]) for j in range(n)]
        rows = [[columns[j][i] for j in range(n)] for i in range(n)]
        if quiet:
            nan = "0x7FF8000000000000"
            rows = [[numbers.choose(singular, nan, value) for value in row] for row in rows]
        stored(w, rows, x)
    else:
        if factor:
            room, places = w.room(n, n), w.scratch(8 * n)
            copy(w.body, factor[0], room)
            _fortran_pivots(w, factor[1], places)
        else:
            room, places = _factored(w, a)
        singular = zero_on_diagonal(w, room)
        work = w.scratch(64 * n * BYTES[w.kind])
        size = w.number(n)
        w.routine("getri", [size, room.pointer, size, places, work, w.number(64 * n)])
        copy(w.body, room, x)
        if quiet:
            _nan_if(w, singular, x)
    if not quiet:
        w.fail_if(singular)


def _fortran_pivots(w: Writer, pivots: Matrix, places: str) -> None:
    width = blas.integer()
    loop = Loop(w.body, pivots.columns, as_written=True)
    value = w.body.emit(f"add i64 {load(w.body, pivots, 0, loop.index)}, 1")
    if width == "i32":
        value = w.body.emit(f"trunc i64 {value} to i32")
    w.body.line(f"store {width} {value}, ptr {w.body.emit(f'getelementptr {width}, ptr {places}, i64 {loop.index}')}")
    loop.close()


def _nan_if(w: Writer, condition: str, x: Matrix) -> None:
    rows = Loop(w.body, x.rows, as_written=True)
    columns = Loop(w.body, x.columns, as_written=True)
    value = load(w.body, x, rows.index, columns.index)
    nan = w.body.emit(f"select i1 {condition}, {x.kind} 0x7FF8000000000000, {x.kind} {value}")
    store(w.body, nan, x, rows.index, columns.index)
    columns.close()
    rows.close()


@op("det")
def _det(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    diagonal, sign = _diagonal(w, given)
    n = tiny.Numbers(w.body, w.kind)
    loop = Loop(w.body, given[0].rows, [(w.kind, sign)], as_written=True)
    (value,) = loop.close([n.times(loop.values[0], load(w.body, diagonal, loop.index, loop.index))])
    store(w.body, value, wanted[0], 0, 0)


@op("slogdet")
def _slogdet(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    diagonal, sign = _diagonal(w, given)
    n = tiny.Numbers(w.body, w.kind)
    loop = Loop(w.body, given[0].rows, [(w.kind, sign), (w.kind, "0.0")], as_written=True)
    d = load(w.body, diagonal, loop.index, loop.index)
    one = n.choose(n.compare("olt", d, "0.0"), "-1.0", "1.0")
    one = n.choose(n.compare("oeq", d, "0.0"), "0.0", one)
    one = n.choose(n.compare("uno", d, d), d, one)
    total = n.binary("fadd", loop.values[1], n.function("log", n.function("fabs", d)))
    sign, total = loop.close([n.times(loop.values[0], one), total])
    store(w.body, sign, wanted[0], 0, 0)
    store(w.body, total, wanted[1], 0, 0)


def _diagonal(w: Writer, given: list[Matrix]) -> tuple[Matrix, str]:
    """A matrix with the diagonal of U, and the sign of the exchange of rows."""
    a, *factor = given
    body = w.body
    if factor:
        lu, pivots = factor
        loop = Loop(body, a.rows, [(w.kind, "1.0")], as_written=True)
        other = load(body, pivots, 0, loop.index)
    elif a.rows <= tiny.LARGEST:
        found = tiny.lu(tiny.Numbers(body, w.kind), loaded(w, a))
        lu = w.room(a.rows, a.rows)
        stored(w, found.rows, lu)
        return lu, found.sign()
    else:
        lu, places = _factored(w, a)
        loop = Loop(body, a.rows, [(w.kind, "1.0")], as_written=True)
        other = _pivot(w, places, loop.index)
    moved = body.emit(f"icmp ne i64 {other}, {loop.index}")
    negative = body.emit(f"fneg {w.kind} {loop.values[0]}")
    sign = body.emit(f"select i1 {moved}, {w.kind} {negative}, {w.kind} {loop.values[0]}")
    return lu, loop.close([sign])[0]
