"""The nearest centre of every row, as machine code for any number of rows, features and centres.

A row's squared distances to the centres are ‖x‖² + (‖c‖² − 2 c·x), rows and centres taken from the mean of the data
first, so that little cancels. Rows are taken in panels (`panel`), and the least and the second least distance of each
stay in registers: the matrix of distances exists nowhere.

*Bounds* (Hamerly 2010, "Making k-means even faster"; Elkan 2003 for the third). Each row keeps u ≥ the distance to its
own centre and l ≤ the distance to any other one. When centres have moved by δ, u grows by δ of its own centre, and l
shrinks by the greatest δ of the others; while u ≤ l, or u ≤ half the distance of its centre to the next one, nothing
about this row can have changed and it is not looked at. Else u is first made exact, and only where that does not help
are all distances computed. Bounds are rounded outwards, so labels are those of exact assignment.

What a chunk of rows computes depends on the chunk alone, so threads change nothing.
"""

from __future__ import annotations

import functools

from thalweg.execution.native.counting import Loop
from thalweg.execution.native.module import Body, Module
from thalweg.execution.native.tiling import BYTES

from .panel import AT_ONCE, CHUNK, Panels, whole

__all__ = ["FIELDS", "NUMBERS", "kernel_ir"]

# What `problem` points to.
FIELDS = (
    "X", "rows", "features", "groups",  # groups of AT_ONCE centres
    "packed", "norms",  # −2c as [group][feature][centre], and ‖c‖²
    "mean", "centers",  # centers: from the mean, [centre][feature]
    "labels", "upper", "lower",  # int32; bounds, after a pass those of the rows that were looked at are exact
    "shift", "others", "half",  # by centre: its δ; the greatest δ of the others; half the distance to the next centre
    "slack",  # one number: what rounding may add to a squared distance
    "bounded",  # 0: all rows are looked at; 1: those whose bounds fail
    "seen",  # int64 [chunk][2]: rows whose bounds failed, rows whose distances were computed
    "scratch", "scratch_bytes",  # by seat: a list of rows (int64), then a panel
)  # fmt: skip
NUMBERS = ("rows", "features", "groups", "bounded", "scratch_bytes")


@functools.cache
def kernel_ir(kind: str) -> str:
    """The module for arrays of ``double`` or ``float``."""
    module = Module()
    body = Body(module)
    _Nearest(body, kind, FIELDS, NUMBERS).chunk()
    return whole(module, body)


class _Nearest(Panels):
    """Writes the function of one chunk."""

    def chunk(self) -> None:
        """Make the list of rows to be looked at, and look at them."""
        b, field = self.b, self.field
        self.slack = b.emit(f"load {self.kind}, ptr {field['slack']}")
        self.list = self.scratch()
        self.panel = self.at(self.list, str(CHUNK), "i64")
        first = b.emit(f"mul i64 %number, {CHUNK}")
        last = self.least(b.emit(f"add i64 {first}, {CHUNK}"), field["rows"])
        everything, bounded, compute = (b.fresh(name) for name in ("everything", "bounded", "compute"))
        all_of_them = b.emit(f"icmp eq i64 {field['bounded']}, 0")
        b.line(f"br i1 {all_of_them}, label %{everything}, label %{bounded}")

        b.label(everything)
        loop = Loop(b, last, start=first)
        self.store(loop.index, self.list, b.emit(f"sub i64 {loop.index}, {first}"), "i64")
        loop.close()
        all_rows = b.emit(f"sub i64 {last}, {first}")
        everything = self.jump(compute)

        b.label(bounded)
        failed = self._moved(first, last)
        left = self._tightened(failed)
        bounded = self.jump(compute)

        b.label(compute)
        looked_at = b.emit(f"phi i64 [{all_rows}, %{everything}], [{failed}, %{bounded}]")
        count = b.emit(f"phi i64 [{all_rows}, %{everything}], [{left}, %{bounded}]")
        pair = b.emit("mul i64 %number, 2")
        self.store(looked_at, field["seen"], pair, "i64")
        self.store(count, field["seen"], b.emit(f"add i64 {pair}, 1"), "i64")
        panels = Loop(b, count, step=self.lanes)
        self._look(panels.index, count)
        panels.close()

    def _moved(self, first: str, last: str) -> str:
        """Carry the bounds along with the centres, and list the rows for which they fail; returns how many."""
        b, kind, field = self.b, self.kind, self.field
        epsilon = 2.0**-52 if kind == "double" else 2.0**-23
        loop = Loop(b, last, [("i64", "0")], start=first)
        i, (count,) = loop.index, loop.values
        label = self._label(i)
        u = b.emit(f"fadd {kind} {self.load(field['upper'], i)}, {self.load(field['shift'], label)}")
        u = b.emit(f"fmul {kind} {u}, {1.0 + 2 * epsilon!r}")
        low = b.emit(f"fsub {kind} {self.load(field['lower'], i)}, {self.load(field['others'], label)}")
        low = b.emit(f"fmul {kind} {low}, {1.0 - 2 * epsilon!r}")
        self.store(u, field["upper"], i)
        self.store(low, field["lower"], i)
        (more,) = loop.close([self._listed(i, count, u, low, label)])
        return more

    def _label(self, i: str) -> str:
        return self.b.emit(f"sext i32 {self.load(self.field['labels'], i, 'i32')} to i64")

    def _listed(self, i: str, count: str, u: str, low: str, label: str) -> str:
        """Put a row on the list if its bounds fail; returns the length of the list."""
        bound = self.call("maxnum", low, self.load(self.field["half"], label))
        fails = self.b.emit(f"fcmp ugt {self.kind} {u}, {bound}")
        self.store(i, self.list, count, "i64")
        return self.b.emit(f"add i64 {count}, {self.b.emit(f'zext i1 {fails} to i64')}")

    def _tightened(self, failed: str) -> str:
        """Make u exact for the rows on the list, and keep those for which bounds still fail; returns how many."""
        b, vector, kind, d = self.b, self.vector, self.kind, self.field["features"]
        rows = Loop(b, failed, [("i64", "0")])
        i = self.load(self.list, rows.index, "i64")
        label = self._label(i)
        arrays = self.row(i), self.field["mean"], self.at(self.field["centers"], b.emit(f"mul i64 {label}, {d}"))
        full = b.emit(f"and i64 {d}, {-self.lanes}")
        sums = Loop(b, full, [(vector, "zeroinitializer")], step=self.lanes)
        x, mean, c = (
            b.emit(f"load {vector}, ptr {self.at(array, sums.index)}, align {BYTES[kind]}") for array in arrays
        )
        difference = b.emit(f"fsub {vector} {b.emit(f'fsub {vector} {x}, {mean}')}, {c}")
        (total,) = sums.close([self.call("fmuladd", difference, difference, sums.values[0], vector=True)])
        rest = Loop(b, d, [(kind, self.added(total))], start=full)
        x, mean, c = (self.load(array, rest.index) for array in arrays)
        difference = b.emit(f"fsub {kind} {b.emit(f'fsub {kind} {x}, {mean}')}, {c}")
        (squared,) = rest.close([self.call("fmuladd", difference, difference, rest.values[0])])
        u = self.call("sqrt", b.emit(f"fadd {kind} {squared}, {self.slack}"))
        self.store(u, self.field["upper"], i)
        (left,) = rows.close([self._listed(i, rows.values[0], u, self.load(self.field["lower"], i), label)])
        return left

    def _look(self, first: str, count: str) -> None:
        """The two nearest centres of as many rows of the list as there are lanes; the last row fills the last panel."""
        b, vector, field = self.b, self.vector, self.field
        last = b.emit(f"sub i64 {count}, 1")
        places = [self.least(b.emit(f"add i64 {first}, {lane}"), last) for lane in range(self.lanes)]
        rows = [self.load(self.list, place, "i64") for place in places]
        norm = self.gather([self.row(i) for i in rows], self.panel)

        infinite = self.spread("0x7FF0000000000000")
        groups = Loop(
            b,
            field["groups"],
            [(vector, infinite), (vector, infinite), (self.positions, "zeroinitializer")],
            as_written=True,
        )
        best, second, label = groups.values
        position = b.emit(f"mul i64 {groups.index}, {AT_ONCE}")
        for q, sums in enumerate(self.products(position, self.panel)):
            number = b.emit(f"add i64 {position}, {q}")
            if self.integer == "i32":
                number = b.emit(f"trunc i64 {number} to i32")
            here = self.spread(number, self.positions, self.integer)
            nearest = f"<{self.lanes} x i1> {b.emit(f'fcmp olt {vector} {sums}, {best}')}"
            nearer = f"<{self.lanes} x i1> {b.emit(f'fcmp olt {vector} {sums}, {second}')}"
            other = b.emit(f"select {nearer}, {vector} {sums}, {vector} {second}")
            second = b.emit(f"select {nearest}, {vector} {best}, {vector} {other}")
            label = b.emit(f"select {nearest}, {self.positions} {here}, {self.positions} {label}")
            best = b.emit(f"select {nearest}, {vector} {sums}, {vector} {best}")
        best, second, label = groups.close([best, second, label])

        slack = self.spread(self.slack)
        squares = (
            b.emit(f"fadd {vector} {b.emit(f'fadd {vector} {best}, {norm}')}, {slack}"),
            b.emit(f"fsub {vector} {b.emit(f'fadd {vector} {second}, {norm}')}, {slack}"),
        )
        for square, name in zip(squares, ("upper", "lower"), strict=True):
            bound = self.call("sqrt", self.call("maxnum", square, "zeroinitializer", vector=True), vector=True)
            for lane, i in enumerate(rows):
                self.store(b.emit(f"extractelement {vector} {bound}, i64 {lane}"), field[name], i)
        for lane, i in enumerate(rows):
            number = b.emit(f"extractelement {self.positions} {label}, i64 {lane}")
            if self.integer == "i64":
                number = b.emit(f"trunc i64 {number} to i32")
            self.store(number, field["labels"], i, "i32")
