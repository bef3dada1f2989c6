"""The change of a Cholesky factor and its adjoint, in place: functions of a module, by halves down to small blocks.

The same algorithms as in `ops.cholesky_change`, on the lower triangle of one row-major matrix. A block of few rows goes
through the factorization element by element. Forwards, with S the change of A:

    dL[j, j] = (S[j, j] − 2 Σ dL[j, k] L[j, k]) / 2 L[j, j]
    dL[i, j] = (S[i, j] − Σ (dL[i, k] L[j, k] + L[i, k] dL[j, k]) − L[i, j] dL[j, j]) / L[j, j]   for i > j, k < j

and backwards through each of these in turn (Murray 2016, *Differentiation of the Cholesky decomposition*).
"""

from __future__ import annotations

from collections.abc import Callable

from thalweg.execution.native import blas
from thalweg.execution.native.counting import Loop, Size
from thalweg.execution.native.module import Body, Module

_SMALL = 32  # rows of a block that is not divided


class _Function:
    """The text of ``void name(ptr L, i64 ldl, ptr w, i64 ldw, i64 n)``."""

    def __init__(self, module: Module, kind: str, name: str) -> None:
        self.body, self.kind, self.name = Body(module), kind, name

    def at(self, name: str, i: Size, j: Size) -> str:
        """The address of L[i, j] or w[i, j]."""
        step = "%ldl" if name == "%L" else "%ldw"
        row = self.body.emit(f"mul nsw i64 {i}, {step}")
        place = self.body.emit(f"add nsw i64 {row}, {j}")
        return self.body.emit(f"getelementptr {self.kind}, ptr {name}, i64 {place}")

    def load(self, name: str, i: Size, j: Size) -> str:
        return self.body.emit(f"load {self.kind}, ptr {self.at(name, i, j)}")

    def store(self, value: str, i: Size, j: Size) -> None:
        self.body.line(f"store {self.kind} {value}, ptr {self.at('%w', i, j)}")

    def op(self, word: str, x: str, y: str) -> str:
        """An operation; sums may be taken in any order."""
        return self.body.emit(f"{word} reassoc contract {self.kind} {x}, {y}")

    def routine(self, name: str, letters: str, arguments: list[str]) -> None:
        flags = [blas.letter(self.body.module, x) for x in letters]
        blas.call(self.body, blas.prefix(self.kind) + name, [*flags, *arguments], len(letters))

    def define(self, small: Callable[[_Function], None], halves: Callable[..., None] | None) -> None:
        """``small`` for up to so many rows; else ``halves``, given both lengths and the addresses of the blocks."""
        body = self.body
        if halves is not None:
            few = body.emit(f"icmp sle i64 %n, {_SMALL}")
            body.line(f"br i1 {few}, label %small, label %large")
            body.label("large")
            h = body.emit("lshr i64 %n, 1")
            m = body.emit(f"sub i64 %n, {h}")
            halves(self, h, m, [self.at("%L", h, 0), self.at("%L", h, h), self.at("%w", h, 0), self.at("%w", h, h)])
            body.line("ret void")
            body.label("small")
        small(self)
        body.line("ret void")
        group = body.module.attributes('noinline nounwind "prefer-vector-width"="512" "no-trapping-math"="true"')
        text = "\n".join(body.lines)
        body.module.define(
            f"define internal void @{self.name}(ptr noalias %L, i64 %ldl, ptr noalias %w, i64 %ldw, i64 %n) "
            f"{group} {{\nentry:\n{text}\n}}"
        )

    def again(self, L: str, w: str, n: str) -> None:
        self.body.line(f"call void @{self.name}(ptr {L}, i64 %ldl, ptr {w}, i64 %ldw, i64 {n})")


def function(module: Module, kind: str, adjoint: bool, rows: int) -> str:
    """The name of a function that turns the lower triangle of w, the change of A (cotangent of L), into that of L (A).

    ``void f(ptr L, i64 ldl, ptr w, i64 ldw, i64 n)``, both row-major, rows ``ld`` apart. Forwards w has zeros above its
    diagonal; the adjoint's result counts each pair of entries of A once, below the diagonal.
    """
    divided = rows > _SMALL
    name = f"cholesky_{'cotangent' if adjoint else 'tangent'}_{blas.prefix(kind)}{'' if divided else '_small'}"
    if not module.declared(f"defined {name}"):
        module.declare(f"defined {name}", "")
        _Function(module, kind, name).define(
            _cotangent_small if adjoint else _tangent_small,
            (_cotangent_halves if adjoint else _tangent_halves) if divided else None,
        )
    return name


# --- forwards ---------------------------------------------------------------------------------------------------------


def _tangent_small(f: _Function) -> None:
    body = f.body
    rows = Loop(body, "%n", as_written=True)
    i = rows.index
    below = body.emit(f"add i64 {i}, 1")
    columns = Loop(body, below, as_written=True)
    j = columns.index
    terms = Loop(body, j, [(f.kind, "0.0")])
    k = terms.index
    one = f.op("fmul", f.load("%w", i, k), f.load("%L", j, k))
    two = f.op("fmul", f.load("%L", i, k), f.load("%w", j, k))
    (total,) = terms.close([f.op("fadd", terms.values[0], f.op("fadd", one, two))])
    left = f.op("fsub", f.load("%w", i, j), total)
    d = f.load("%L", j, j)
    on = body.emit(f"icmp eq i64 {i}, {j}")
    off = f.op("fsub", left, f.op("fmul", f.load("%L", i, j), f.load("%w", j, j)))
    half = f.op("fmul", left, "0.5")
    f.store(f.op("fdiv", body.emit(f"select i1 {on}, {f.kind} {half}, {f.kind} {off}"), d), i, j)
    columns.close()
    rows.close()


def _tangent_halves(f: _Function, h: str, m: str, blocks: list[str]) -> None:
    b, c, wb, wc = blocks
    one, less = (blas.scalar(f.body, f.kind, x) for x in (1.0, -1.0))
    n_h, n_m, ldl, ldw = (blas.number(f.body, x) for x in (h, m, "%ldl", "%ldw"))
    f.again("%L", "%w", h)
    blas.gemm(f.body, f.kind, (True, False), (h, m, h), ("%w", "%ldw"), (b, "%ldl"), (wb, "%ldw"), -1.0, True)
    f.routine("trsm", "LUTN", [n_h, n_m, one, "%L", ldl, wb, ldw])
    f.routine("syr2k", "UT", [n_m, n_h, less, wb, ldw, b, ldl, one, wc, ldw])
    f.again(c, wc, m)


# --- backwards --------------------------------------------------------------------------------------------------------


def _cotangent_small(f: _Function) -> None:
    body = f.body
    turns = Loop(body, "%n", as_written=True)
    last = body.emit("sub i64 %n, 1")
    j = body.emit(f"sub i64 {last}, {turns.index}")
    below = body.emit(f"add i64 {j}, 1")
    inverse = f.op("fdiv", "1.0", f.load("%L", j, j))
    column = Loop(body, "%n", [(f.kind, "0.0")], start=below, as_written=True)
    i = column.index
    g = f.load("%w", i, j)
    f.store(f.op("fmul", g, inverse), i, j)
    (total,) = column.close([f.op("fadd", column.values[0], f.op("fmul", g, f.load("%L", i, j)))])
    d = f.op("fmul", f.op("fsub", f.load("%w", j, j), f.op("fmul", total, inverse)), inverse)
    f.store(d, j, j)
    rows = Loop(body, "%n", start=j, as_written=True)  # what row j takes from those below, and gives to them
    i = rows.index
    g = f.load("%w", i, j)
    left = Loop(body, j)
    k = left.index
    f.store(f.op("fsub", f.load("%w", j, k), f.op("fmul", g, f.load("%L", i, k))), j, k)
    left.close()
    lower = body.emit(f"icmp sgt i64 {i}, {j}")
    give, done = body.fresh("give"), body.fresh("given")
    body.line(f"br i1 {lower}, label %{give}, label %{done}")
    body.label(give)
    left = Loop(body, j)
    k = left.index
    f.store(f.op("fsub", f.load("%w", i, k), f.op("fmul", g, f.load("%L", j, k))), i, k)
    left.close()
    body.line(f"br label %{done}")
    body.label(done)
    rows.close()
    f.store(f.op("fmul", d, "0.5"), j, j)
    turns.close()


def _cotangent_halves(f: _Function, h: str, m: str, blocks: list[str]) -> None:
    body = f.body
    b, c, wb, wc = blocks
    one, less = (blas.scalar(body, f.kind, x) for x in (1.0, -1.0))
    n_h, n_m, ldl, ldw = (blas.number(body, x) for x in (h, m, "%ldl", "%ldw"))
    f.again(c, wc, m)
    f.routine("symm", "RU", [n_h, n_m, less, wc, ldw, b, ldl, one, wb, ldw])  # C₂₂ + C₂₂ᵀ has the diagonal twice
    rows = Loop(body, "%n", start=h, as_written=True)
    d = f.load("%w", rows.index, rows.index)
    columns = Loop(body, h, as_written=True)
    taken = f.op("fmul", d, f.load("%L", rows.index, columns.index))
    f.store(f.op("fsub", f.load("%w", rows.index, columns.index), taken), rows.index, columns.index)
    columns.close()
    rows.close()
    f.routine("trsm", "LUNN", [n_h, n_m, one, "%L", ldl, wb, ldw])
    blas.gemm(body, f.kind, (False, True), (h, h, m), (b, "%ldl"), (wb, "%ldw"), ("%w", "%ldw"), -1.0, True)
    f.again("%L", "%w", h)
