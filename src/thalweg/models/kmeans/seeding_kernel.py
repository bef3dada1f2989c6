"""How much each of a few candidates would lower the objective, as machine code: the work of k-means++.

A pass computes, for each candidate c, Σ w min(D², ‖x − c‖²) over the rows of a chunk, where D is the distance to the
nearest centre so far.  A pass that accepts brings D² up to date with the first candidate.
"""

from __future__ import annotations

import functools

from thalweg.execution.native.counting import Loop
from thalweg.execution.native.module import Body, Module

from .panel import AT_ONCE, CHUNK, Panels, whole

__all__ = ["FIELDS", "NUMBERS", "seeding_ir"]

FIELDS = (
    "X", "rows", "features", "groups", "packed", "norms", "mean",  # as in `kernel`, with candidates for centres
    "weights", "closest",  # w and D² by row
    "accept",  # 1: D² is brought up to date
    "potentials",  # [chunk][candidate]
    "scratch", "scratch_bytes",  # by seat: a panel
)  # fmt: skip
NUMBERS = ("rows", "features", "groups", "accept", "scratch_bytes")


@functools.cache
def seeding_ir(kind: str) -> str:
    """The module for arrays of ``double`` or ``float``."""
    module = Module()
    body = Body(module)
    _Seeding(body, kind, FIELDS, NUMBERS).chunk()
    return whole(module, body)


class _Seeding(Panels):
    """Writes the function of one chunk."""

    def chunk(self) -> None:
        """Add up the potentials of all candidates."""
        b, field = self.b, self.field
        self.panel = self.scratch()
        first = b.emit(f"mul i64 %number, {CHUNK}")
        last = self.least(b.emit(f"add i64 {first}, {CHUNK}"), field["rows"])
        candidates = b.emit(f"mul i64 {field['groups']}, {AT_ONCE}")
        potentials = self.at(field["potentials"], b.emit(f"mul i64 %number, {candidates}"))
        loop = Loop(b, candidates)
        self.store("0.0", potentials, loop.index)
        loop.close()
        panels = Loop(b, last, start=first, step=self.lanes)
        self._look(panels.index, last, potentials)
        panels.close()

    def _look(self, first: str, last: str, potentials: str) -> None:
        """One panel; lanes beyond the last row repeat it, with weight 0."""
        b, vector, kind, field = self.b, self.vector, self.kind, self.field
        end = b.emit(f"sub i64 {last}, 1")
        places = [b.emit(f"add i64 {first}, {lane}") for lane in range(self.lanes)]
        rows = [self.least(place, end) for place in places]
        norm = self.gather([self.row(i) for i in rows], self.panel)
        weights = closest = "poison"
        for lane, (place, i) in enumerate(zip(places, rows, strict=True)):
            inside = b.emit(f"icmp slt i64 {place}, {last}")
            weight = b.emit(f"select i1 {inside}, {kind} {self.load(field['weights'], i)}, {kind} 0.0")
            weights = b.emit(f"insertelement {vector} {weights}, {kind} {weight}, i64 {lane}")
            closest = b.emit(f"insertelement {vector} {closest}, {kind} {self.load(field['closest'], i)}, i64 {lane}")
        groups = Loop(b, field["groups"], as_written=True)
        position = b.emit(f"mul i64 {groups.index}, {AT_ONCE}")
        for q, sums in enumerate(self.products(position, self.panel)):
            squares = self.call("maxnum", b.emit(f"fadd {vector} {sums}, {norm}"), "zeroinitializer", vector=True)
            nearer = self.call("minnum", squares, closest, vector=True)
            if q == 0:
                self._accept(nearer, rows)
            number = b.emit(f"add i64 {position}, {q}")
            total = self.added(b.emit(f"fmul {vector} {nearer}, {weights}"))
            self.store(b.emit(f"fadd {kind} {self.load(potentials, number)}, {total}"), potentials, number)
        groups.close()

    def _accept(self, nearer: str, rows: list[str]) -> None:
        b = self.b
        accept, go_on = b.fresh("accept"), b.fresh("on")
        wanted = b.emit(f"icmp ne i64 {self.field['accept']}, 0")
        b.line(f"br i1 {wanted}, label %{accept}, label %{go_on}")
        b.label(accept)
        for lane, i in enumerate(rows):
            self.store(b.emit(f"extractelement {self.vector} {nearer}, i64 {lane}"), self.field["closest"], i)
        b.line(f"br label %{go_on}")
        b.label(go_on)
