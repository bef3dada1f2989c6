"""Linear algebra in compiled code: factorizations and systems as LAPACK has them, for stacks of matrices.

Matrices here are row-major. The lower triangle of one is the upper triangle of its transpose to Fortran, so Cholesky
and triangular systems work in place; LU, whose pivots depend on which are the rows, works on a turned copy. Matrices up
to 3×3 are written out (`tiny`). A matrix that is singular, or not positive definite, is told by a status.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from thalweg.execution.native import blas, cholesky_change, tiny
from thalweg.execution.native.axes import Operand
from thalweg.execution.native.counting import Loop
from thalweg.execution.native.matrices import (
    Matrix,
    at,
    copy,
    copy_triangle,
    fortran,
    load,
    stacked,
    store,
    zero,
)
from thalweg.execution.native.module import IN_MEMORY, Body
from thalweg.execution.native.tiling import BYTES
from thalweg.graph import Node

Scratch = Callable[[int], str]


@dataclass
class _Writer:
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
        """Call a LAPACK routine, whose last argument says how it went; that number, as an ``i1``: other than 0."""
        info = self.scratch(8)
        self.body.line(f"store i64 0, ptr {info}")
        flags = [blas.letter(self.body.module, x) for x in letters]
        blas.call(self.body, blas.prefix(self.kind) + name, [*flags, *arguments, info], len(letters))
        return self.body.emit(f"icmp ne i32 {self.body.emit(f'load i32, ptr {info}')}, 0")

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


Emit = Callable[[_Writer, list[Matrix], list[Matrix], tuple[Any, ...]], None]
_OPS: dict[str, Emit] = {}


def _op(name: str) -> Callable[[Emit], Emit]:
    def enter(f: Emit) -> Emit:
        _OPS[name] = f
        return f

    return enter


def supports(node: Node) -> bool:
    """Whether `emit` has a way to compute a node from its arguments."""
    if node.op.name not in _OPS:
        return False
    dtype = node.args[0].dtype
    return dtype.char in "df" or (node.op.name == "triangle" and node.params[1] == 1)


def emit(body: Body, node: Node, operands: Sequence[Operand], outs: Sequence[Operand], scratch: Scratch) -> str | None:
    """Write the lines that compute an op of linear algebra into ``outs``, which are row-major.

    Parameters
    ----------
    operands, outs : sequence of Operand
        The arguments of ``node``, in any strides, and its results (one, or all of an op with several), C-contiguous and
        apart from the arguments.
    scratch : callable
        Gives the register with the address of so many bytes that are this op's alone (64-byte aligned).

    Returns
    -------
    str or None
        A status of type i32, other than 0 where NumPy raises ``LinAlgError`` (the results are then undefined);
        ``None``, with nothing written, for an op that is not handled.
    """
    if not supports(node) or any(isinstance(n, str) for x in (*operands, *outs) for n in x.shape):
        return None
    if all(0 in x.shape for x in outs):
        return "0"
    if any(0 in x.shape for x in operands):
        return None
    kind = IN_MEMORY[node.args[0].dtype.char]
    status = scratch(8)
    body.line(f"store i32 0, ptr {status}")
    stack = node.args[0].shape[:-2]
    loops = [Loop(body, n, as_written=True) for n in stack]
    index = [x.index for x in loops]
    kinds = [IN_MEMORY[a.dtype.char] for a in node.args]
    given = [stacked(x, kinds[k], index, body, vector=len(x.shape) == len(stack) + 1) for k, x in enumerate(operands)]
    wanted = [
        stacked(x, _result_kind(node, k, kind), index, body, vector=len(x.shape) == len(stack) + 1)
        for k, x in enumerate(outs)
    ]
    _OPS[node.op.name](_Writer(body, kind, scratch, status), given, wanted, node.params)
    for loop in reversed(loops):
        loop.close()
    return body.emit(f"load i32, ptr {status}")


def _result_kind(node: Node, k: int, kind: str) -> str:
    return "i64" if node.op.name == "lu_factor" and k == 1 else kind


# --- triangles --------------------------------------------------------------------------------------------------------


@_op("triangle")
def _triangle(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    lower, weight = params
    copy_triangle(w.body, given[0], wanted[0], lower, weight)


@_op("cholesky")
def _cholesky(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (a,), (L,) = given, wanted
    if a.rows <= tiny.LARGEST:
        rows, bad = tiny.cholesky(tiny.Numbers(w.body, w.kind), _loaded(w, a))
        _stored(w, rows, L)
    else:
        copy_triangle(w.body, a, L, True)
        bad = w.routine("potrf", [w.number(L.rows), L.pointer, w.number(L.down)], "U")
    w.fail_if(bad)


@_op("cholesky_tangent")
def _cholesky_tangent(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
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


@_op("cholesky_cotangent")
def _cholesky_cotangent(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
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


def _change(w: _Writer, L: Matrix, out: Matrix, adjoint: bool) -> None:
    if not L.row_major:
        room = w.room(L.columns, L.rows).T
        copy(w.body, L, room)
        L = room
    name = cholesky_change.function(w.body.module, w.kind, adjoint, out.rows)
    w.body.line(f"call void @{name}(ptr {L.pointer}, i64 {L.down}, ptr {out.pointer}, i64 {out.down}, i64 {out.rows})")


@_op("triangular_solve")
def _triangular_solve(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (t, b), (x,), (lower, transposed, unit) = given, wanted, params
    if not unit:
        w.fail_if(_zero_on_diagonal(w, t))
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


def _substituted(w: _Writer, t: Matrix, b: Matrix, x: Matrix, lower: bool, transposed: bool, unit: bool) -> None:
    """Tiny systems: one column after the other, written out."""
    n = tiny.Numbers(w.body, w.kind)
    if transposed:
        t, lower = t.T, not lower
    rows = _loaded(w, t)
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


def _zero_on_diagonal(w: _Writer, t: Matrix) -> str:
    """Whether an element of the diagonal is exactly 0."""
    loop = Loop(w.body, t.rows, [("i1", "false")], as_written=True)
    one = w.body.emit(f"fcmp oeq {t.kind} {load(w.body, t, loop.index, loop.index)}, 0.0")
    return loop.close([w.body.emit(f"or i1 {loop.values[0]}, {one}")])[0]


@_op("pair_weights")
def _pair_weights(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
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


# --- LU ---------------------------------------------------------------------------------------------------------------


@_op("lu_factor")
def _lu_factor(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (a,), (lu, pivots) = given, wanted
    if a.rows <= tiny.LARGEST:
        found = tiny.lu(tiny.Numbers(w.body, w.kind), _loaded(w, a))
        _stored(w, found.rows, lu)
        for i, pivot in enumerate(found.pivots):
            store(w.body, pivot, pivots, 0, i)
        return
    room, places = _factored(w, a)
    copy(w.body, room, lu)
    loop = Loop(w.body, a.rows, as_written=True)
    store(w.body, _pivot(w, places, loop.index), pivots, 0, loop.index)
    loop.close()


def _factored(w: _Writer, a: Matrix) -> tuple[Matrix, str]:
    """The LU factors in Fortran's order, and where its pivots are."""
    room = w.room(a.rows, a.rows)
    places = w.scratch(8 * a.rows)
    copy(w.body, a, room)
    n = w.number(a.rows)
    w.routine("getrf", [n, n, room.pointer, n, places])
    return room, places


def _pivot(w: _Writer, places: str, i: str) -> str:
    """A pivot of LAPACK's, counted from 0."""
    width = blas.integer()
    x = w.body.emit(f"load {width}, ptr {w.body.emit(f'getelementptr {width}, ptr {places}, i64 {i}')}")
    if width == "i32":
        x = w.body.emit(f"sext i32 {x} to i64")
    return w.body.emit(f"sub i64 {x}, 1")


def _exchange_rows(w: _Writer, x: Matrix, pivots: Matrix, backwards: bool) -> None:
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


@_op("solve")
def _solve(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (a, b, *factor), (x,), (transposed,) = given, wanted, params
    if a.rows <= tiny.LARGEST:
        found = tiny.lu(tiny.Numbers(w.body, w.kind), _loaded(w, a))
        w.fail_if(found.singular())
        column = Loop(w.body, b.columns, as_written=True)
        values = found.solved([load(w.body, b, i, column.index) for i in range(a.rows)], transposed)
        for i, value in enumerate(values):
            store(w.body, value, x, i, column.index)
        column.close()
        return
    if factor:
        lu, pivots = factor
        w.fail_if(_zero_on_diagonal(w, lu))
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
    w.fail_if(_zero_on_diagonal(w, room))
    right = w.room(b.rows, b.columns)
    copy(w.body, b, right)
    n = w.number(a.rows)
    w.routine("getrs", [n, w.number(b.columns), room.pointer, n, places, right.pointer, n], "N")
    copy(w.body, right, x)


@_op("inv")
def _inv(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    (a, *factor), (x,), (quiet,) = given, wanted, params
    n = a.rows
    if n <= tiny.LARGEST:
        numbers = tiny.Numbers(w.body, w.kind)
        found = tiny.lu(numbers, _loaded(w, a))
        singular = found.singular()
        columns = [found.solved(["1.0" if i == j else zero(w.kind) for i in range(n)]) for j in range(n)]
        rows = [[columns[j][i] for j in range(n)] for i in range(n)]
        if quiet:
            nan = "0x7FF8000000000000"
            rows = [[numbers.choose(singular, nan, value) for value in row] for row in rows]
        _stored(w, rows, x)
    else:
        if factor:
            room, places = w.room(n, n), w.scratch(8 * n)
            copy(w.body, factor[0], room)
            _fortran_pivots(w, factor[1], places)
        else:
            room, places = _factored(w, a)
        singular = _zero_on_diagonal(w, room)
        work = w.scratch(64 * n * BYTES[w.kind])
        size = w.number(n)
        w.routine("getri", [size, room.pointer, size, places, work, w.number(64 * n)])
        copy(w.body, room, x)
        if quiet:
            _nan_if(w, singular, x)
    if not quiet:
        w.fail_if(singular)


def _fortran_pivots(w: _Writer, pivots: Matrix, places: str) -> None:
    width = blas.integer()
    loop = Loop(w.body, pivots.columns, as_written=True)
    value = w.body.emit(f"add i64 {load(w.body, pivots, 0, loop.index)}, 1")
    if width == "i32":
        value = w.body.emit(f"trunc i64 {value} to i32")
    w.body.line(f"store {width} {value}, ptr {w.body.emit(f'getelementptr {width}, ptr {places}, i64 {loop.index}')}")
    loop.close()


def _nan_if(w: _Writer, condition: str, x: Matrix) -> None:
    rows = Loop(w.body, x.rows, as_written=True)
    columns = Loop(w.body, x.columns, as_written=True)
    value = load(w.body, x, rows.index, columns.index)
    nan = w.body.emit(f"select i1 {condition}, {x.kind} 0x7FF8000000000000, {x.kind} {value}")
    store(w.body, nan, x, rows.index, columns.index)
    columns.close()
    rows.close()


@_op("det")
def _det(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
    diagonal, sign = _diagonal(w, given)
    n = tiny.Numbers(w.body, w.kind)
    loop = Loop(w.body, given[0].rows, [(w.kind, sign)], as_written=True)
    (value,) = loop.close([n.times(loop.values[0], load(w.body, diagonal, loop.index, loop.index))])
    store(w.body, value, wanted[0], 0, 0)


@_op("slogdet")
def _slogdet(w: _Writer, given: list[Matrix], wanted: list[Matrix], params: tuple[Any, ...]) -> None:
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


def _diagonal(w: _Writer, given: list[Matrix]) -> tuple[Matrix, str]:
    """A matrix with the diagonal of U, and the sign of the exchange of rows."""
    a, *factor = given
    body = w.body
    if factor:
        lu, pivots = factor
        loop = Loop(body, a.rows, [(w.kind, "1.0")], as_written=True)
        other = load(body, pivots, 0, loop.index)
    elif a.rows <= tiny.LARGEST:
        found = tiny.lu(tiny.Numbers(body, w.kind), _loaded(w, a))
        lu = w.room(a.rows, a.rows)
        _stored(w, found.rows, lu)
        return lu, found.sign()
    else:
        lu, places = _factored(w, a)
        loop = Loop(body, a.rows, [(w.kind, "1.0")], as_written=True)
        other = _pivot(w, places, loop.index)
    moved = body.emit(f"icmp ne i64 {other}, {loop.index}")
    negative = body.emit(f"fneg {w.kind} {loop.values[0]}")
    sign = body.emit(f"select i1 {moved}, {w.kind} {negative}, {w.kind} {loop.values[0]}")
    return lu, loop.close([sign])[0]


# --- tiny matrices ----------------------------------------------------------------------------------------------------


def _loaded(w: _Writer, a: Matrix) -> tiny.Rows:
    return [[load(w.body, a, i, j) for j in range(a.columns)] for i in range(a.rows)]


def _stored(w: _Writer, rows: tiny.Rows, x: Matrix) -> None:
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            store(w.body, value, x, i, j)
