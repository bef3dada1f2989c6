"""Triangles, triangular systems and Cholesky's factor in compiled code, with its change; all in place."""

from __future__ import annotations

from typing import Any

from thalweg.execution.native import cholesky_change, tiny
from thalweg.execution.native.counting import Loop
from thalweg.execution.native.linear_algebra import Writer, loaded, op, stored, zero_on_diagonal
from thalweg.execution.native.matrices import Matrix, copy, copy_triangle, load, store


@op("triangle")
def _triangle(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    lower, weight = params
    copy_triangle(w.body, given[0], wanted[0], lower, weight)


@op("cholesky")
def _cholesky(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (a,), (L,) = given, wanted
    if a.rows <= tiny.LARGEST:
        rows, bad = tiny.cholesky(tiny.Numbers(w.body, w.kind), loaded(w, a))
        stored(w, rows, L)
    else:
        copy_triangle(w.body, a, L, True)
        bad = w.routine("potrf", [w.number(L.rows), L.pointer, w.number(L.down)], "U")
    w.fail_if(bad)


@op("cholesky_tangent")
def _cholesky_tangent(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (L, s), (out,) = given, wanted
    rows = Loop(w.body, s.rows, as_written=True)
    columns = Loop(w.body, s.columns, as_written=True)
    i, j = rows.index, columns.index
    both = w.body.emit(f"fadd {w.kind} {load(w.body, s, i, j)}, {load(w.body, s, j, i)}")
    half = w.body.emit(f"fmul {w.kind} {both}, 0.5")
    lower = w.body.emit(f"icmp sle i64 {j}, {i}")
    store(w.body, w.body.emit(f"select i1 {lower}, {w.kind} {half}, {w.kind} 0.0"), out, i, j)
    columns.close()
    rows.close()
    _change(w, L, out, False)


@op("cholesky_cotangent")
def _cholesky_cotangent(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (L, g), (out,) = given, wanted
    copy_triangle(w.body, g, out, True)
    _change(w, L, out, True)
    rows = Loop(w.body, out.rows, as_written=True)
    columns = Loop(w.body, rows.index, as_written=True)
    i, j = rows.index, columns.index
    half = w.body.emit(f"fmul {w.kind} {load(w.body, out, i, j)}, 0.5")
    store(w.body, half, out, i, j)
    store(w.body, half, out, j, i)
    columns.close()
    rows.close()


def _change(w: Writer, L: Matrix, out: Matrix, adjoint: bool) -> None:
    if not L.row_major:
        room = w.room(L.columns, L.rows).T
        copy(w.body, L, room)
        L = room
    name = cholesky_change.function(w.body.module, w.kind, adjoint, out.rows)
    w.body.line(f"call void @{name}(ptr {L.pointer}, i64 {L.down}, ptr {out.pointer}, i64 {out.down}, i64 {out.rows})")


@op("triangular_solve")
def _triangular_solve(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (t, b), (x,), (lower, transposed, unit) = given, wanted, params
    if not unit:
        w.fail_if(zero_on_diagonal(w, t))
    if t.rows <= tiny.LARGEST:
        _substituted(w, t, b, x, lower, transposed, unit)
        return
    copy(w.body, b, x)
    if t.T.row_major and not t.row_major:
        t, lower, transposed = t.T, not lower, not transposed
    elif not t.row_major:
        room = w.room(t.columns, t.rows).T
        copy(w.body, t, room)
        t = room
    w.solve_triangle(t, x, lower, transposed, unit)


def _substituted(w: Writer, t: Matrix, b: Matrix, x: Matrix, lower: bool, transposed: bool, unit: bool) -> None:
    """Tiny systems: one column after the other, written out."""
    n = tiny.Numbers(w.body, w.kind)
    if transposed:
        t, lower = t.T, not lower
    rows = loaded(w, t)
    column = Loop(w.body, b.columns, as_written=True)
    found = [load(w.body, b, i, column.index) for i in range(t.rows)]
    order = range(t.rows) if lower else reversed(range(t.rows))
    for i in order:
        known = range(i) if lower else range(i + 1, t.rows)
        found[i] = n.less(found[i], [rows[i][k] for k in known], [found[k] for k in known])
        if not unit:
            found[i] = n.over(found[i], rows[i][i])
    for i, value in enumerate(found):
        store(w.body, value, x, i, column.index)
    column.close()


@op("pair_weights")
def _pair_weights(w: Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    """½ where an entry and its mirror image are one number, else 1 below the diagonal and 0 above it."""
    (a,), (out,) = given, wanted
    body, kind, n = w.body, w.kind, tiny.Numbers(w.body, w.kind)
    rows = Loop(body, a.rows, [(kind, "0.0")], as_written=True)
    columns = Loop(body, a.rows, [(kind, rows.values[0])], as_written=True)
    x = n.function("fabs", load(body, a, rows.index, columns.index))
    (scale,) = rows.close(columns.close([n.choose(n.compare("ugt", x, columns.values[0]), x, columns.values[0])]))
    eps = 64 * 2.0 ** (-52 if kind == "double" else -23)
    near = n.times(scale, _power_of_two(eps))
    rows = Loop(body, a.rows, as_written=True)
    columns = Loop(body, a.rows, as_written=True)
    i, j = rows.index, columns.index
    x, y = load(body, a, i, j), load(body, a, j, i)
    apart = n.compare("ole", n.function("fabs", n.minus(x, y)), near)
    same = body.emit(f"or i1 {apart}, {n.compare('oeq', x, y)}")
    same = body.emit(f"and i1 {same}, {n.compare('une', x, '0.0')}")
    same = body.emit(f"or i1 {same}, {body.emit(f'icmp eq i64 {i}, {j}')}")
    other = body.emit(f"select i1 {body.emit(f'icmp slt i64 {j}, {i}')}, {kind} 1.0, {kind} 0.0")
    store(body, n.choose(same, "0.5", other), out, i, j)
    columns.close()
    rows.close()


def _power_of_two(value: float) -> str:
    """A power of two as IR writes it."""
    return f"{value:.20e}"
