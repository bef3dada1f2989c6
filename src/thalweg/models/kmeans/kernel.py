"""The nearest centre of every row, as machine code for any number of rows, features and centres.

A row's squared distances to the centres are ‖x‖² + (‖c‖² − 2 c·x), rows and centres taken from the mean of the data
first, so that little cancels. A *panel* of rows lies in the lanes of vectors; four centres at a time are multiplied with
it, and the least and the second least of what comes out stay in registers: the matrix of distances exists nowhere.

*Bounds* (Hamerly 2010, "Making k-means even faster"; Elkan 2003 for the third). Each row keeps u ≥ the distance to its
own centre and l ≤ the distance to any other one. When centres have moved by δ, u grows by δ of its own centre, and l
shrinks by the greatest δ of the others; while u ≤ l, or u ≤ half the distance of its centre to the next one, nothing
about this row can have changed and it is not looked at. Else u is first made exact, and only where that does not help
are all distances computed. Bounds are rounded outwards, so labels are those of exact assignment.

``void run(ptr problem, i64 chunks)`` works through chunks of rows on all threads; `Problem` names the fields. What a
chunk computes depends on the chunk alone.
"""

from __future__ import annotations

import functools

from thalweg.execution.native import runtime, tiling
from thalweg.execution.native.counting import Loop
from thalweg.execution.native.module import Body, Module

__all__ = ["AT_ONCE", "CHUNK", "FIELDS", "kernel_ir", "lanes"]

CHUNK = 2048  # rows; the list of those to be looked at stays in the first cache
AT_ONCE = 4  # centres

# What `problem` points to, each 8 bytes: addresses of arrays, and integers.
FIELDS = (
    "X", "rows", "features", "groups",  # groups of AT_ONCE centres
    "packed", "norms",  # −2c as [group][feature][centre], and ‖c‖² (+∞ for the centres that fill the last group)
    "mean", "centers",  # centers: from the mean, [centre][feature]
    "labels", "upper", "lower",  # int32; bounds, after a pass those of the rows that were looked at are exact
    "shift", "others", "half",  # by centre: its δ; the greatest δ of the others; half the distance to the next centre
    "slack",  # one number: what rounding may add to a squared distance
    "mode",  # 0: all rows; 1: those whose bounds fail; 2: likewise, u made exact first
    "seen",  # int64 [chunk][2]: rows whose bounds failed, rows whose distances were computed
    "scratch", "scratch_bytes",  # by seat: a list of rows (int64), then a panel
)  # fmt: skip


def lanes(kind: str) -> int:
    """Rows of a panel: two vectors of this CPU."""
    return 2 * tiling.vector_registers()[0] // tiling.BYTES[kind]


@functools.cache
def kernel_ir(kind: str) -> str:
    """The module for arrays of ``double`` or ``float``."""
    module = Module()
    runtime.declare(module)
    b = Body(module)
    _Writer(b, kind).chunk()
    group = module.attributes('nounwind "prefer-vector-width"="512" "no-trapping-math"="true"')
    module.define(f"define void @chunk(ptr %problem, i64 %number, i64 %seat) {group} {{\n" + "\n".join(b.lines) + "\n}")
    module.define(
        "define void @run(ptr %problem, i64 %chunks) {\n%threads = call i64 @thalweg_threads()\n"
        "call void @thalweg_parallel(ptr @chunk, ptr %problem, i64 %chunks, i64 %threads)\nret void\n}"
    )
    return module.text()


class _Writer:
    """Writes the function of one chunk."""

    def __init__(self, body: Body, kind: str) -> None:
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

    # --- small words ---

    def field(self, name: str, kind: str = "ptr") -> str:
        at = self.b.emit(f"getelementptr i64, ptr %problem, i64 {FIELDS.index(name)}")
        return self.b.emit(f"load {kind}, ptr {at}")

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
        return self.b.emit(
            f"shufflevector {vector} {one}, {vector} poison, <{self.lanes} x i32> zeroinitializer"
        )

    # --- the chunk ---

    def chunk(self) -> None:
        b = self.b
        for name in FIELDS:
            kind = "i64" if name in ("rows", "features", "groups", "mode", "scratch_bytes") else "ptr"
            setattr(self, name, self.field(name, kind))
        self.slack_value = b.emit(f"load {self.kind}, ptr {self.slack}")
        offset = b.emit(f"mul i64 %seat, {self.scratch_bytes}")
        self.list = self.at(self.scratch, offset, "i8")
        self.panel_at = self.at(self.list, str(CHUNK), "i64")
        first = b.emit(f"mul i64 %number, {CHUNK}")
        beyond = b.emit(f"add i64 {first}, {CHUNK}")
        last = self._least(beyond, self.rows)
        for label in ("everything", "bounded", "exact", "bounds_only", "compute"):
            setattr(self, label, b.fresh(label))
        all_rows = b.emit(f"icmp eq i64 {self.mode}, 0")
        b.line(f"br i1 {all_rows}, label %{self.everything}, label %{self.bounded}")

        b.label(self.everything)
        loop = Loop(b, last, start=first)
        self.store(loop.index, self.list, b.emit(f"sub i64 {loop.index}, {first}"), "i64")
        loop.close()
        whole = b.emit(f"sub i64 {last}, {first}")
        whole_from = self._jump(self.compute)

        b.label(self.bounded)
        failed = self._moved(first, last)
        tighten = b.emit(f"icmp eq i64 {self.mode}, 2")
        bounded_from = self._mark()
        b.line(f"br i1 {tighten}, label %{self.exact}, label %{self.compute}")

        b.label(self.exact)
        left = self._tightened(failed)
        exact_from = self._jump(self.compute)

        b.label(self.compute)
        count = b.emit(f"phi i64 [{whole}, %{whole_from}], [{failed}, %{bounded_from}], [{left}, %{exact_from}]")
        looked = b.emit(f"phi i64 [{whole}, %{whole_from}], [{failed}, %{bounded_from}], [{failed}, %{exact_from}]")
        pair = b.emit("mul i64 %number, 2")
        self.store(looked, self.seen, pair, "i64")
        self.store(count, self.seen, b.emit(f"add i64 {pair}, 1"), "i64")
        panels = Loop(b, count, step=self.lanes)
        self._panel(panels.index, count)
        panels.close()
        b.line("ret void")

    def _mark(self) -> str:
        """A label here, so that a phi can name the block."""
        name = self.b.fresh("here")
        self.b.line(f"br label %{name}")
        self.b.label(name)
        return name

    def _jump(self, label: str) -> str:
        name = self._mark()
        self.b.line(f"br label %{label}")
        return name

    def _least(self, a: str, c: str) -> str:
        less = self.b.emit(f"icmp slt i64 {a}, {c}")
        return self.b.emit(f"select i1 {less}, i64 {a}, i64 {c}")

    def _epsilon(self, times: int) -> tuple[str, str]:
        """1 ± times · ε as constants (written as doubles, exact in either kind)."""
        epsilon = 2.0**-52 if self.kind == "double" else 2.0**-23
        return repr(1.0 + times * epsilon), repr(1.0 - times * epsilon)

    def _moved(self, first: str, last: str) -> str:
        """Carry the bounds along with the centres, and list the rows for which they fail; returns how many."""
        b = self.b
        up, down = self._epsilon(2)
        loop = Loop(b, last, [("i64", "0")], start=first)
        i, (count,) = loop.index, loop.values
        label = self._label(i)
        u = b.emit(f"fadd {self.kind} {self.load(self.upper, i)}, {self.load(self.shift, label)}")
        u = b.emit(f"fmul {self.kind} {u}, {up}")
        low = b.emit(f"fsub {self.kind} {self.load(self.lower, i)}, {self.load(self.others, label)}")
        low = b.emit(f"fmul {self.kind} {low}, {down}")
        self.store(u, self.upper, i)
        self.store(low, self.lower, i)
        (more,) = loop.close([self._listed(i, count, u, low, label)])
        return more

    def _label(self, i: str) -> str:
        return self.b.emit(f"sext i32 {self.load(self.labels, i, 'i32')} to i64")

    def _listed(self, i: str, count: str, u: str, low: str, label: str) -> str:
        """Put a row on the list if its bounds fail; returns the length of the list."""
        bound = self.call("maxnum", low, self.load(self.half, label))
        fails = self.b.emit(f"fcmp ugt {self.kind} {u}, {bound}")
        self.store(i, self.list, count, "i64")
        return self.b.emit(f"add i64 {count}, {self.b.emit(f'zext i1 {fails} to i64')}")

    def _tightened(self, failed: str) -> str:
        """Make u exact for the rows on the list, and keep those for which bounds still fail."""
        b, vector = self.b, self.vector
        whole = b.emit(f"and i64 {self.features}, {-self.lanes}")
        rows = Loop(b, failed, [("i64", "0")])
        i = self.load(self.list, rows.index, "i64")
        label = self._label(i)
        x = self.at(self.X, b.emit(f"mul i64 {i}, {self.features}"))
        c = self.at(self.centers, b.emit(f"mul i64 {label}, {self.features}"))
        sums = Loop(b, whole, [(vector, "zeroinitializer")], step=self.lanes)
        ends = []
        for array in (x, self.mean, c):
            at = self.at(array, sums.index)
            ends.append(b.emit(f"load {vector}, ptr {at}, align {4 if self.kind == 'float' else 8}"))
        difference = b.emit(f"fsub {vector} {b.emit(f'fsub {vector} {ends[0]}, {ends[1]}')}, {ends[2]}")
        (total,) = sums.close([self.call("fmuladd", difference, difference, sums.values[0], vector=True)])
        name = f"llvm.vector.reduce.fadd.{self.suffix}"
        b.module.declare(name, f"declare {self.kind} @{name}({self.kind}, {vector})")
        start = b.emit(f"call reassoc {self.kind} @{name}({self.kind} 0.0, {vector} {total})")
        rest = Loop(b, self.features, [(self.kind, start)], start=whole)
        difference = b.emit(f"fsub {self.kind} {self.load(x, rest.index)}, {self.load(self.mean, rest.index)}")
        difference = b.emit(f"fsub {self.kind} {difference}, {self.load(c, rest.index)}")
        (squared,) = rest.close([self.call("fmuladd", difference, difference, rest.values[0])])
        u = self.call("sqrt", b.emit(f"fadd {self.kind} {squared}, {self.slack_value}"))
        self.store(u, self.upper, i)
        (left,) = rows.close([self._listed(i, rows.values[0], u, self.load(self.lower, i), label)])
        return left

    def _panel(self, first: str, count: str) -> None:
        """Distances of `lanes` rows of the list, from ``first`` on; the last panel repeats the last row."""
        b, vector, kind = self.b, self.vector, self.kind
        last = b.emit(f"sub i64 {count}, 1")
        rows, x = [], []
        for r in range(self.lanes):
            place = b.emit(f"add i64 {first}, {r}")
            rows.append(self.load(self.list, self._least(place, last), "i64"))
            x.append(self.at(self.X, b.emit(f"mul i64 {rows[-1]}, {self.features}")))

        columns = Loop(b, self.features, [(vector, "zeroinitializer")], as_written=True)
        j = columns.index
        gathered = "poison"
        for r in range(self.lanes):
            gathered = b.emit(f"insertelement {vector} {gathered}, {kind} {self.load(x[r], j)}, i64 {r}")
        centred = b.emit(f"fsub {vector} {gathered}, {self.spread(self.load(self.mean, j))}")
        self.store(centred, self.panel_at, j, vector)
        (norm,) = columns.close([self.call("fmuladd", centred, centred, columns.values[0], vector=True)])

        infinite = self.spread("0x7FF0000000000000")
        groups = Loop(
            b, self.groups, [(vector, infinite), (vector, infinite), (self.positions, "zeroinitializer")], as_written=True
        )
        best, second, label = groups.values
        position = b.emit(f"mul i64 {groups.index}, {AT_ONCE}")
        start = [self.spread(self.load(self.norms, b.emit(f"add i64 {position}, {q}"))) for q in range(AT_ONCE)]
        packed = self.at(self.packed, b.emit(f"mul i64 {position}, {self.features}"))
        products = Loop(b, self.features, [(vector, s) for s in start], as_written=True)
        at = b.emit(f"mul i64 {products.index}, {AT_ONCE}")
        row = self.load(self.panel_at, products.index, vector)
        sums = []
        for q in range(AT_ONCE):
            c = self.spread(self.load(packed, b.emit(f"add i64 {at}, {q}")))
            sums.append(self.call("fmuladd", row, c, products.values[q], vector=True))
        sums = products.close(sums)
        for q in range(AT_ONCE):
            number = b.emit(f"add i64 {position}, {q}")
            if self.integer == "i32":
                number = b.emit(f"trunc i64 {number} to i32")
            here = self.spread(number, self.positions, self.integer)
            less = b.emit(f"fcmp olt {vector} {sums[q]}, {best}")
            mask = f"<{self.lanes} x i1> {less}"
            nearer = b.emit(f"fcmp olt {vector} {sums[q]}, {second}")
            other = b.emit(f"select <{self.lanes} x i1> {nearer}, {vector} {sums[q]}, {vector} {second}")
            second = b.emit(f"select {mask}, {vector} {best}, {vector} {other}")
            label = b.emit(f"select {mask}, {self.positions} {here}, {self.positions} {label}")
            best = b.emit(f"select {mask}, {vector} {sums[q]}, {vector} {best}")
        best, second, label = groups.close([best, second, label])
        slack = self.spread(self.slack_value)
        upper = b.emit(f"fadd {vector} {b.emit(f'fadd {vector} {best}, {norm}')}, {slack}")
        lower = b.emit(f"fsub {vector} {b.emit(f'fadd {vector} {second}, {norm}')}, {slack}")
        upper, lower = (
            self.call("sqrt", self.call("maxnum", v, "zeroinitializer", vector=True), vector=True)
            for v in (upper, lower)
        )
        for r in range(self.lanes):
            for value, of, array in ((upper, vector, self.upper), (lower, vector, self.lower)):
                self.store(b.emit(f"extractelement {of} {value}, i64 {r}"), array, rows[r])
            number = b.emit(f"extractelement {self.positions} {label}, i64 {r}")
            if self.integer == "i64":
                number = b.emit(f"trunc i64 {number} to i32")
            self.store(number, self.labels, rows[r], "i32")
