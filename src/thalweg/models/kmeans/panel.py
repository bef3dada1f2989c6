"""Rows in the lanes of vectors, and their products with four centres at a time: the core of the compiled loops, in IR.

A *panel* is a few rows, each in a lane: element j of the panel holds feature j of all of them, less the mean.  It is
multiplied with ``AT_ONCE`` centres, whose features are packed so that they lie one after the other; the sums
‖c‖² − 2 c·x stay in registers.  Centres that fill the last group have ‖c‖² = ∞.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from thalweg.execution.native import runtime, tiling
from thalweg.execution.native.counting import Loop
from thalweg.execution.native.module import Body, Module

__all__ = ["AT_ONCE", "CHUNK", "Panels", "lanes", "whole"]

CHUNK = 2048  # rows that one thread works through at a time; a list of them stays in the first cache
AT_ONCE = 4  # centres


def lanes(kind: str) -> int:
    """Rows of a panel: two vectors of this CPU."""
    return 2 * tiling.vector_registers()[0] // tiling.BYTES[kind]


def whole(module: Module, chunk: Body) -> str:
    """The text of a module with ``void run(ptr problem, i64 chunks)``, which does all chunks on all threads."""
    runtime.declare(module)
    group = module.attributes('nounwind "prefer-vector-width"="512" "no-trapping-math"="true"')
    lines = "\n".join(chunk.lines)
    module.define(f"define void @chunk(ptr %problem, i64 %number, i64 %seat) {group} {{\n{lines}\nret void\n}}")
    module.define(
        "define void @run(ptr %problem, i64 %chunks) {\n%threads = call i64 @thalweg_threads()\n"
        "call void @thalweg_parallel(ptr @chunk, ptr %problem, i64 %chunks, i64 %threads)\nret void\n}"
    )
    return module.text()


class Panels:
    """Writes functions that work on panels of rows.

    Parameters
    ----------
    body : Body
        Of the function, whose first argument is ``ptr %problem``.
    kind : str
        ``double`` or ``float``.
    fields : sequence of str
        What the problem holds, each 8 bytes: addresses of arrays, and integers.  Among them are ``X``, ``features``,
        ``mean``, ``groups``, ``packed``, ``norms``, ``scratch`` and ``scratch_bytes``.
    numbers : collection of str
        Those that are integers.
    """

    def __init__(self, body: Body, kind: str, fields: Sequence[str], numbers: Collection[str]) -> None:
        self.b, self.kind = body, kind
        self.lanes = lanes(kind)
        self.integer = "i64" if kind == "double" else "i32"
        self.vector, self.positions = f"<{self.lanes} x {kind}>", f"<{self.lanes} x {self.integer}>"
        self.suffix = f"v{self.lanes}f{64 if kind == 'double' else 32}"
        for name in ("sqrt", "maxnum", "minnum", "fmuladd"):
            arguments = {"sqrt": 1, "fmuladd": 3}.get(name, 2)
            for of, suffix in ((self.vector, self.suffix), (kind, "f64" if kind == "double" else "f32")):
                body.module.declare(
                    f"llvm.{name}.{suffix}", f"declare {of} @llvm.{name}.{suffix}({', '.join([of] * arguments)})"
                )

        self.field = {}
        for number, name in enumerate(fields):
            at = body.emit(f"getelementptr i64, ptr %problem, i64 {number}")
            self.field[name] = body.emit(f"load {'i64' if name in numbers else 'ptr'}, ptr {at}")

    # --- small words ---

    def at(self, array: str, index: str, kind: str | None = None) -> str:
        return self.b.emit(f"getelementptr {kind or self.kind}, ptr {array}, i64 {index}")

    def load(self, array: str, index: str, kind: str | None = None) -> str:
        return self.b.emit(f"load {kind or self.kind}, ptr {self.at(array, index, kind)}")

    def store(self, value: str, array: str, index: str, kind: str | None = None) -> None:
        at = self.at(array, index, kind)
        self.b.line(f"store {kind or self.kind} {value}, ptr {at}")

    def call(self, name: str, *values: str, vector: bool = False) -> str:
        of, suffix = (self.vector, self.suffix) if vector else (self.kind, "f64" if self.kind == "double" else "f32")
        return self.b.emit(f"call {of} @llvm.{name}.{suffix}({', '.join(f'{of} {v}' for v in values)})")

    def spread(self, value: str, vector: str | None = None, kind: str | None = None) -> str:
        vector, kind = vector or self.vector, kind or self.kind
        one = self.b.emit(f"insertelement {vector} poison, {kind} {value}, i64 0")
        return self.b.emit(f"shufflevector {vector} {one}, {vector} poison, <{self.lanes} x i32> zeroinitializer")

    def mark(self) -> str:
        """A label here, so that a phi can name the block."""
        name = self.b.fresh("here")
        self.b.line(f"br label %{name}")
        self.b.label(name)
        return name

    def jump(self, label: str) -> str:
        """Go to a label; returns the name of the block that ends here."""
        name = self.mark()
        self.b.line(f"br label %{label}")
        return name

    def added(self, vector: str) -> str:
        """The sum of the lanes."""
        name = f"llvm.vector.reduce.fadd.{self.suffix}"
        self.b.module.declare(name, f"declare {self.kind} @{name}({self.kind}, {self.vector})")
        return self.b.emit(f"call reassoc {self.kind} @{name}({self.kind} 0.0, {self.vector} {vector})")

    def least(self, a: str, c: str) -> str:
        less = self.b.emit(f"icmp slt i64 {a}, {c}")
        return self.b.emit(f"select i1 {less}, i64 {a}, i64 {c}")

    def row(self, i: str) -> str:
        """Where row i begins."""
        return self.at(self.field["X"], self.b.emit(f"mul i64 {i}, {self.field['features']}"))

    def scratch(self) -> str:
        """The memory of this thread."""
        offset = self.b.emit(f"mul i64 %seat, {self.field['scratch_bytes']}")
        return self.at(self.field["scratch"], offset, "i8")

    # --- a panel ---

    def gather(self, rows: Sequence[str], panel: str) -> str:
        """Lay rows, given by where they begin, into the panel; returns their squared norms."""
        b, vector = self.b, self.vector
        columns = Loop(b, self.field["features"], [(vector, "zeroinitializer")], as_written=True)
        j = columns.index
        gathered = "poison"
        for lane, row in enumerate(rows):
            gathered = b.emit(f"insertelement {vector} {gathered}, {self.kind} {self.load(row, j)}, i64 {lane}")
        centred = b.emit(f"fsub {vector} {gathered}, {self.spread(self.load(self.field['mean'], j))}")
        self.store(centred, panel, j, vector)
        (norms,) = columns.close([self.call("fmuladd", centred, centred, columns.values[0], vector=True)])
        return norms

    def products(self, position: str, panel: str) -> list[str]:
        """‖c‖² − 2 c·x for the centres from ``position`` on, a vector each."""
        b, d = self.b, self.field["features"]
        start = [
            self.spread(self.load(self.field["norms"], b.emit(f"add i64 {position}, {q}"))) for q in range(AT_ONCE)
        ]
        packed = self.at(self.field["packed"], b.emit(f"mul i64 {position}, {d}"))
        loop = Loop(b, d, [(self.vector, s) for s in start], as_written=True)
        at = b.emit(f"mul i64 {loop.index}, {AT_ONCE}")
        row = self.load(panel, loop.index, self.vector)
        sums = []
        for q in range(AT_ONCE):
            c = self.spread(self.load(packed, b.emit(f"add i64 {at}, {q}")))
            sums.append(self.call("fmuladd", row, c, loop.values[q], vector=True))
        return loop.close(sums)
