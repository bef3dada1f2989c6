"""Contractions as loops of our own: the result in tiles that stay in registers, vectors along one axis.

For products that are small, or long and thin, this is faster than a call of BLAS. One axis lies along the lanes of the
vectors. If the result has it (columns of a row-major matrix product), an element of the other argument is spread over
all lanes; if it is summed (the product of two rows), each place of the result has a vector of partial sums, whose lanes
are added up at the end. Two more axes are cut in blocks, so that what is loaded is used several times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from thalweg.execution.native.axes import Axis
from thalweg.execution.native.counting import Loop, Size
from thalweg.execution.native.lanes import Lanes, Offset
from thalweg.execution.native.module import Body
from thalweg.execution.native.tiling import BYTES, Tiling


@dataclass
class _Pointers:
    """Where a, b and the result are, in registers."""

    a: str
    b: str
    o: str


@dataclass
class Tiles:
    """Writes the loops of one tiling."""

    body: Body
    kind: str
    tiling: Tiling
    panel: int = field(default=0, init=False)  # elements from one panel of a packed argument to the next
    lanes: Lanes = field(init=False)

    def __post_init__(self) -> None:
        self.lanes = Lanes(self.body, self.kind, self.tiling.lanes)

    def _moved(self, p: _Pointers, axis: Axis, index: Offset) -> _Pointers:
        return _Pointers(
            *(self.lanes.at(q, self.lanes.times(index, s)) for q, s in ((p.a, axis.a), (p.b, axis.b), (p.o, axis.o)))
        )

    def _loop(self, stop: Size, carried: Sequence[tuple[str, str]] = (), start: Size = 0, step: int = 1) -> Loop:
        return Loop(self.body, stop, carried, start, step, as_written=True)

    # --- loops --------------------------------------------------------------------------------------------------------

    def emit(self, a: str, b: str, o: str) -> None:
        """The whole contraction, of the arrays that start at these addresses."""
        t = self.tiling
        if not t.packed:
            self._outer(_Pointers(a, b, o), t.outer)
            return
        moves = [x for x in t.outer if getattr(x, t.packed)]
        rest = tuple(x for x in t.outer if not getattr(x, t.packed))
        self.body.module.declare("@llvm.stacksave.p0", "declare ptr @llvm.stacksave.p0()")
        self.body.module.declare("@llvm.stackrestore.p0", "declare void @llvm.stackrestore.p0(ptr)")
        stack = self.body.emit("call ptr @llvm.stacksave.p0()")
        assert t.along is not None and isinstance(t.along.size, int)
        depth = _product(x.size for x in t.inner)
        wide = t.lanes * t.count
        self.panel = depth * wide
        panels = -(-t.along.size // wide)
        room = self.body.emit(f"alloca [{panels * self.panel} x {self.kind}], align 64")
        p = _Pointers(a, b, o)
        loops = []
        for axis in moves:
            loops.append(self._loop(axis.size))
            p = self._moved(p, axis, loops[-1].index)
        self._pack(p, room)
        p = _Pointers(room, p.b, p.o) if t.packed == "a" else _Pointers(p.a, room, p.o)
        self.tiling = _with_packed(t)
        self._outer(p, rest)
        for loop in reversed(loops):
            loop.close()
        self.body.line(f"call void @llvm.stackrestore.p0(ptr {stack})")

    def _pack(self, p: _Pointers, room: str) -> None:
        """Copy the argument to panels of a few vectors' width, the last one filled up with zeros."""
        t = self.tiling
        assert t.along is not None and isinstance(t.along.size, int)
        wide, n = t.lanes * t.count, t.along.size
        source = p.a if t.packed == "a" else p.b
        if n % wide:
            last = self.lanes.at(room, (n // wide) * self.panel)
            self.body.module.declare("@llvm.memset.p0.i64", "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
            size = self.panel * BYTES[self.kind]
            self.body.line(f"call void @llvm.memset.p0.i64(ptr align 64 {last}, i8 0, i64 {size}, i1 false)")
        steps = _inner_steps(t)
        for start, turns, width in ((0, n // wide, wide), (n // wide * wide, 1 if n % wide else 0, n % wide)):
            if not turns:
                continue
            panel = self._loop(turns)
            from_ = self.lanes.at(source, self.lanes.times(panel.index, wide * getattr(t.along, t.packed)))
            from_ = self.lanes.at(from_, start * getattr(t.along, t.packed))
            to = self.lanes.at(
                self.lanes.at(room, start // wide * self.panel), self.lanes.times(panel.index, self.panel)
            )
            loops = [panel]
            order = [(axis.size, getattr(axis, t.packed), step) for axis, step in zip(t.inner, steps, strict=True)]
            order.append((width, getattr(t.along, t.packed), 1))
            for turns_here, step, new in sorted(order, key=lambda x: -abs(x[1])):
                loops.append(self._loop(turns_here))
                from_ = self.lanes.at(from_, self.lanes.times(loops[-1].index, step))
                to = self.lanes.at(to, self.lanes.times(loops[-1].index, new))
            value = self.body.emit(f"load {self.kind}, ptr {from_}")
            self.body.line(f"store {self.kind} {value}, ptr {to}")
            for loop in reversed(loops):
                loop.close()

    def _outer(self, p: _Pointers, axes: Sequence[Axis]) -> None:
        if axes:
            loop = self._loop(axes[0].size)
            self._outer(self._moved(p, axes[0], loop.index), axes[1:])
            loop.close()
            return
        t = self.tiling
        self._cut(
            p,
            t.rows,
            t.high,
            lambda p, high: self._cut(p, t.columns, t.wide, lambda p, wide: self._along(p, high, wide)),
        )

    def _cut(self, p: _Pointers, axis: Axis | None, block: int, inside: Callable[[_Pointers, int], None]) -> None:
        """``inside`` for each block of an axis, and for what is left over."""
        if axis is None:
            inside(p, 1)
        elif isinstance(axis.size, str):
            whole: Size = 0
            if block > 1:
                whole = self.body.emit(f"sub i64 {axis.size}, {self.body.emit(f'urem i64 {axis.size}, {block}')}")
                loop = self._loop(whole, step=block)
                inside(self._moved(p, axis, loop.index), block)
                loop.close()
            loop = self._loop(axis.size, start=whole)
            inside(self._moved(p, axis, loop.index), 1)
            loop.close()
        else:
            turns = -(-axis.size // block)
            if turns == 1:
                inside(p, block)
                return
            loop = self._loop(axis.size, step=block)
            start = loop.index
            if axis.size % block:  # the last block begins earlier: some of it is computed twice, by the same code
                last = axis.size - block
                self.body.module.declare("@llvm.smin.i64", "declare i64 @llvm.smin.i64(i64, i64)")
                start = self.body.emit(f"call i64 @llvm.smin.i64(i64 {start}, i64 {last})")
            inside(self._moved(p, axis, start), block)
            loop.close()

    def _along(self, p: _Pointers, high: int, wide: int) -> None:
        t = self.tiling
        v = t.along
        if v is None or not v.kept:
            self._tile(p, high, wide, 1, "")
            return
        step = t.lanes * t.count
        if isinstance(v.size, str):
            loop = self._loop(v.size, step=t.lanes)
            left = self.body.emit(f"sub i64 {v.size}, {loop.index}")
            self._tile(self._moved(p, v, loop.index), high, wide, 1, self.lanes.mask(left) if t.lanes > 1 else "")
            loop.close()
            return
        turns, rest = divmod(v.size, step)
        if turns == 1:
            self._tile(p, high, wide, t.count, "")
        elif turns:
            loop = self._loop(turns)
            self._tile(self._panel(p, v, loop.index, step), high, wide, t.count, "")
            loop.close()
        if rest:
            partial = rest % t.lanes
            self._tile(
                self._panel(p, v, turns, step),
                high,
                wide,
                -(-rest // t.lanes),
                self.lanes.mask(partial) if partial else "",
            )

    def _panel(self, p: _Pointers, v: Axis, index: Offset, step: int) -> _Pointers:
        moved = [
            self.lanes.at(q, self.lanes.times(index, self.panel if name == self.tiling.packed else step * s))
            for name, q, s in (("a", p.a, v.a), ("b", p.b, v.b), ("o", p.o, v.o))
        ]
        return _Pointers(*moved)

    # --- one tile -----------------------------------------------------------------------------------------------------

    def _tile(self, p: _Pointers, high: int, wide: int, count: int, mask: str) -> None:
        """A block of the result: sums in registers over all inner loops, then stored."""
        t = self.tiling
        places = [(i, j, k) for i in range(high) for j in range(wide) for k in range(count)]
        inner = list(t.inner)
        lanes_summed = t.along is not None and not t.along.kept
        sums = [self.lanes.zero] * len(places)
        loops: list[Loop] = []
        q = p
        for axis in inner[: len(inner) if lanes_summed else -1]:
            loops.append(self._loop(axis.size, [(self.lanes.vector, s) for s in sums]))
            sums = loops[-1].values
            q = self._moved(q, axis, loops[-1].index)
        if lanes_summed:
            assert t.along is not None
            sums = self._summed(q, t.along, t.lanes, places, sums, mask)
        elif inner:
            sums = self._summed(q, inner[-1], 1, places, sums, mask)
        else:
            sums = self._turn(q, places, sums, mask)
        for loop in reversed(loops):
            sums = loop.close(sums)
        if lanes_summed:
            self._store_totals(p.o, places, sums)
            return
        for place, total in zip(places, sums, strict=True):
            to = self.lanes.at(p.o, self._offset(place, "o"))
            self.lanes.store(total, to, t.along.o if t.along else 0, mask if place[2] == count - 1 else "")

    def _store_totals(self, to: str, places: list[tuple[int, int, int]], sums: list[str]) -> None:
        """Add up the lanes of each vector of sums, as many vectors at a time as there are lanes, and store."""
        n, size = self.tiling.lanes, BYTES[self.kind]
        offsets = [self._offset(place, "o") for place in places]
        while sums:
            if n > 1 and len(sums) >= n:
                totals = self.lanes.transposed_sum(sums[:n])
                if all(offsets[i] == offsets[0] + i for i in range(n)):
                    self.lanes.store(totals, self.lanes.at(to, offsets[0]), 1, "")
                else:
                    for i in range(n):
                        x = self.body.emit(f"extractelement {self.lanes.vector} {totals}, i32 {i}")
                        self.body.line(f"store {self.kind} {x}, ptr {self.lanes.at(to, offsets[i])}, align {size}")
                sums, offsets = sums[n:], offsets[n:]
            else:
                x = self.lanes.lanes_added(sums[0]) if n > 1 else sums[0]
                self.body.line(f"store {self.kind} {x}, ptr {self.lanes.at(to, offsets[0])}, align {size}")
                sums, offsets = sums[1:], offsets[1:]

    def _offset(self, place: tuple[int, int, int], name: str) -> int:
        t = self.tiling
        (i, j, k), (rows, columns, along) = place, (t.rows, t.columns, t.along)
        offset = k * t.lanes * getattr(along, name) if along is not None else 0
        offset += i * getattr(rows, name) if rows is not None else 0
        return offset + (j * getattr(columns, name) if columns is not None else 0)

    def _summed(
        self, p: _Pointers, axis: Axis, step: int, places: list[tuple[int, int, int]], sums: list[str], mask: str
    ) -> list[str]:
        """The innermost loop of the sum; several sets of sums where one would wait for each other's additions."""
        at_once = max(1, 8 // len(places)) if self.kind in ("double", "float") else 1
        tail: Size
        if isinstance(axis.size, int):
            turns = axis.size // step
            at_once = min(at_once, turns) or 1
            turns = turns // at_once
            whole: Size = turns * at_once * step
            tail = axis.size - turns * at_once * step
        else:
            turns = 2
            chunk = at_once * step
            whole = self.body.emit(f"sub i64 {axis.size}, {self.body.emit(f'urem i64 {axis.size}, {chunk}')}")
            tail = axis.size
        if turns:
            sets = [sums, *([self.lanes.zero] * len(places) for _ in range(at_once - 1))]
            if turns == 1:
                sets = [self._turn(self._moved(p, axis, i * step), places, s, mask) for i, s in enumerate(sets)]
            else:
                carried = [(self.lanes.vector, s) for each in sets for s in each]
                loop = self._loop(whole, carried, step=at_once * step)
                n = len(places)
                new: list[str] = []
                for i in range(at_once):
                    q = self._moved(self._moved(p, axis, loop.index), axis, i * step)
                    new += self._turn(q, places, loop.values[i * n : i * n + n], mask)
                flat = loop.close(new)
                sets = [flat[i * n : i * n + n] for i in range(at_once)]
            while len(sets) > 1:
                half = len(sets) // 2
                paired = [
                    [self.lanes.add(x, y) for x, y in zip(sets[i], sets[-1 - i], strict=True)] for i in range(half)
                ]
                sets = paired + sets[half : len(sets) - half]
            sums = sets[0]
        if isinstance(tail, str):
            loop = self._loop(tail, [(self.lanes.vector, s) for s in sums], start=whole, step=step)
            left = self.lanes.mask(self.body.emit(f"sub i64 {tail}, {loop.index}")) if step > 1 else mask
            return loop.close(self._turn(self._moved(p, axis, loop.index), places, loop.values, left))
        assert isinstance(whole, int)
        for start in range(whole, whole + tail, step):
            left = self.lanes.mask(whole + tail - start) if start + step > whole + tail else mask
            sums = self._turn(self._moved(p, axis, start), places, sums, left)
        return sums

    def _turn(self, p: _Pointers, places: list[tuple[int, int, int]], sums: Sequence[str], mask: str) -> list[str]:
        """One product for each place, added to its sum; what several places share is loaded once."""
        t = self.tiling
        last = max(k for _, _, k in places)
        loaded: dict[tuple[str, int, str], str] = {}

        summed = t.along is not None and not t.along.kept

        def element(name: str, place: tuple[int, int, int]) -> str:
            offset = self._offset(place, name)
            stride = getattr(t.along, name) if t.along is not None else 0
            masked = mask if place[2] == last and not (t.packed == name) else ""
            if (name, offset, masked) not in loaded:
                pointer = self.lanes.at(p.a if name == "a" else p.b, offset)
                loaded[name, offset, masked] = self.lanes.load(pointer, stride, masked, summed)
            return loaded[name, offset, masked]

        return [
            self.lanes.multiply_add(element("a", place), element("b", place), s)
            for place, s in zip(places, sums, strict=True)
        ]


def _product(sizes: object) -> int:
    total = 1
    for n in sizes:  # type: ignore[attr-defined]
        assert isinstance(n, int)
        total *= n
    return total


def _inner_steps(t: Tiling) -> list[int]:
    """The steps of the inner loops in a packed argument."""
    steps: list[int] = []
    step = t.lanes * t.count
    for axis in reversed(t.inner):
        steps.insert(0, step)
        assert isinstance(axis.size, int)
        step *= axis.size
    return steps


def _with_packed(t: Tiling) -> Tiling:
    """The same loops with the steps of the packed copy; it does not move along the outer ones."""
    steps = _inner_steps(t)
    assert t.along is not None
    if t.packed == "a":
        inner = tuple(replace(x, a=s) for x, s in zip(t.inner, steps, strict=True))
        return replace(t, along=replace(t.along, a=1), inner=inner)
    inner = tuple(replace(x, b=s) for x, s in zip(t.inner, steps, strict=True))
    return replace(t, along=replace(t.along, b=1), inner=inner)
