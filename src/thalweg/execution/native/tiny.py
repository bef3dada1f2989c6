"""Factorizations of 1×1 to 3×3 matrices, written out: no loops, no calls.

Elimination chooses pivots as LAPACK does, by selects in place of jumps, so a stack of such matrices is straight-line
code. Each number is a register; matrices are lists of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from thalweg.execution.native.matrices import zero
from thalweg.execution.native.module import Body

LARGEST = 3
Rows = list[list[str]]


@dataclass
class Numbers:
    """Arithmetic on registers of one floating type."""

    body: Body
    kind: str

    def binary(self, word: str, x: str, y: str) -> str:
        return self.body.emit(f"{word} {self.kind} {x}, {y}")

    def minus(self, x: str, y: str) -> str:
        return self.binary("fsub", x, y)

    def times(self, x: str, y: str) -> str:
        return self.binary("fmul", x, y)

    def over(self, x: str, y: str) -> str:
        return self.binary("fdiv", x, y)

    def dot(self, xs: list[str], ys: list[str]) -> str:
        total = ""
        suffix = "f64" if self.kind == "double" else "f32"
        name = f"@llvm.fmuladd.{suffix}"
        self.body.module.declare(name, f"declare {self.kind} {name}({self.kind}, {self.kind}, {self.kind})")
        for x, y in zip(xs, ys, strict=True):
            if total:
                total = self.body.emit(
                    f"call {self.kind} {name}({self.kind} {x}, {self.kind} {y}, {self.kind} {total})"
                )
            else:
                total = self.times(x, y)
        return total

    def less(self, z: str, xs: list[str], ys: list[str]) -> str:
        """z − Σ x y"""
        return self.minus(z, self.dot(xs, ys)) if xs else z

    def function(self, name: str, x: str) -> str:
        symbol = f"@llvm.{name}.{'f64' if self.kind == 'double' else 'f32'}"
        self.body.module.declare(symbol, f"declare {self.kind} {symbol}({self.kind})")
        return self.body.emit(f"call {self.kind} {symbol}({self.kind} {x})")

    def choose(self, yes: str, x: str, y: str) -> str:
        return self.body.emit(f"select i1 {yes}, {self.kind} {x}, {self.kind} {y}")

    def compare(self, word: str, x: str, y: str) -> str:
        return self.body.emit(f"fcmp {word} {self.kind} {x}, {y}")

    def either(self, conditions: list[str]) -> str:
        found = conditions[0]
        for c in conditions[1:]:
            found = self.body.emit(f"or i1 {found}, {c}")
        return found


def cholesky(n: Numbers, a: Rows) -> tuple[Rows, str]:
    """L, and whether the matrix is not positive definite."""
    size = len(a)
    L: Rows = [[zero(n.kind)] * size for _ in a]
    bad = []
    for j in range(size):
        d = n.less(a[j][j], L[j][:j], L[j][:j])
        bad.append(n.compare("ole", d, zero(n.kind)))  # NaN is no failure, as in NumPy
        L[j][j] = n.function("sqrt", d)
        for i in range(j + 1, size):
            L[i][j] = n.over(n.less(a[i][j], L[i][:j], L[j][:j]), L[j][j])
    return L, n.either(bad)


@dataclass
class LU:
    """P A = L U in one matrix: ``swaps`` are (j, i, whether rows j and i were exchanged) in order."""

    n: Numbers
    rows: Rows
    swaps: list[tuple[int, int, str]] = field(default_factory=list)
    pivots: list[str] = field(default_factory=list)

    def singular(self) -> str:
        return self.n.either([self.n.compare("oeq", row[i], zero(self.n.kind)) for i, row in enumerate(self.rows)])

    def exchanged(self, b: list[str], backwards: bool = False) -> list[str]:
        b = list(b)
        for j, i, yes in reversed(self.swaps) if backwards else self.swaps:
            b[i], b[j] = self.n.choose(yes, b[j], b[i]), self.n.choose(yes, b[i], b[j])
        return b

    def solved(self, b: list[str], transposed: bool = False) -> list[str]:
        """x with A x = b, or Aᵀ x = b."""
        n, a, size = self.n, self.rows, len(b)
        x = list(b) if transposed else self.exchanged(b)
        if transposed:
            for i in range(size):
                x[i] = n.over(n.less(x[i], [a[k][i] for k in range(i)], x[:i]), a[i][i])
            for i in reversed(range(size)):
                x[i] = n.less(x[i], [a[k][i] for k in range(i + 1, size)], x[i + 1 :])
            return self.exchanged(x, backwards=True)
        for i in range(size):
            x[i] = n.less(x[i], a[i][:i], x[:i])
        for i in reversed(range(size)):
            x[i] = n.over(n.less(x[i], a[i][i + 1 :], x[i + 1 :]), a[i][i])
        return x

    def sign(self) -> str:
        """Of the exchange of rows."""
        n, sign = self.n, "1.0"
        for _, _, yes in self.swaps:
            sign = n.choose(yes, n.body.emit(f"fneg {n.kind} {sign}"), sign)
        return sign


def lu(n: Numbers, a: Rows) -> LU:
    """Elimination by columns, the largest element below as pivot."""
    size = len(a)
    a = [list(row) for row in a]
    found = LU(n, a)
    for j in range(size):
        for i in range(1, size):  # what the columns before make of this one
            upto = min(i, j)
            a[i][j] = n.less(a[i][j], a[i][:upto], [a[k][j] for k in range(upto)])
        best, row = n.function("fabs", a[j][j]), str(j)
        exchanges = []
        for i in range(j + 1, size):
            other = n.function("fabs", a[i][j])
            yes = n.compare("ogt", other, best)
            best = n.choose(yes, other, best)
            row = n.body.emit(f"select i1 {yes}, i64 {i}, i64 {row}")
            exchanges.append(i)
        found.pivots.append(row)
        for i in exchanges:
            yes = n.body.emit(f"icmp eq i64 {row}, {i}")
            found.swaps.append((j, i, yes))
            a[j], a[i] = (
                [n.choose(yes, y, x) for x, y in zip(a[j], a[i], strict=True)],
                [n.choose(yes, x, y) for x, y in zip(a[j], a[i], strict=True)],
            )
        if j + 1 < size:  # a column without a pivot stays as it is: all zeros
            none = n.compare("oeq", a[j][j], zero(n.kind))
            inverse = n.over("1.0", n.choose(none, "1.0", a[j][j]))
            for i in range(j + 1, size):
                a[i][j] = n.times(a[i][j], inverse)
    return found
