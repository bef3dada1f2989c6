"""A loop nest in LLVM IR: one pass over a space of indices with all statements of a `Loop` in its body.

Axes that every access walks without gaps are merged into one, so most nests are one long loop. A value is computed in
the outermost loop that it depends on. A sum along the innermost axes is kept in a register that LLVM may split into
vectors (that is the one place where the order of additions is free); long ones are cut into blocks, and the sums of
blocks are added with compensation (Knuth's two-sum), which is at least as exact as NumPy's pairwise sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.execution.native import scalar
from thalweg.execution.native.accesses import Access, Argument, aligned, registers, source
from thalweg.execution.native.combining import combine, start_of
from thalweg.execution.native.layout import Place
from thalweg.execution.native.module import Body, Module, memory_type, register_type
from thalweg.execution.native.positions import FAIL, checked, index
from thalweg.execution.native.rows import Rows
from thalweg.execution.native.schedule import Schedule
from thalweg.execution.native.tasks import Add, Loop, Reduce, Scatter, Store, known_of, literal_of
from thalweg.graph import INT64, Node
from thalweg.ops import gather

BLOCK = 512  # terms of a sum that are added up plainly, in vectors: 16 to each of 32 partial sums
SHORT_BLOCK = 16  # the same where no vectors are to be expected


class Nest:
    """Writes one `Loop` as a function ``void name(ptr noalias…, ptr %fail)``.

    It takes a pointer to each array's first element, so loops that do the same to other arrays are one function. No two
    of them overlap where one is written: the pieces of an update are apart, and what a loop reads it writes elsewhere.
    Within tiles of ``rows`` it takes ``i64 %lo, i64 %rows`` before ``%fail``: where the tile begins, its length.
    """

    def __init__(self, loop: Loop, schedule: Schedule, module: Module, rows: Rows | None = None) -> None:
        self.loop, self.schedule, self.rows = loop, schedule, rows
        self.row = None if rows is None else rows.axis[loop]
        self.body = Body(module)
        self.nodes = registers(loop, schedule)
        self._inside = set(self.nodes)
        self.accesses: list[Access] = []
        self._loads: dict[Any, Access] = {}
        self._gathered: dict[Node, Access] = {}
        self._targets: dict[int, Access] = {}
        self.space = list(loop.space)
        self._turns = 1  # inner indices that are merged into the axis of the rows
        if rows is not None and self.row is not None:
            self.space[self.row] = rows.tile
        self._over_rows = [
            self.row is not None and self.row in s.axes for s in loop.statements if isinstance(s, Reduce)
        ]
        self._masks = [[a in s.axes for a in range(len(loop.space))] for s in loop.statements if isinstance(s, Reduce)]
        self._collect()
        self._merge()

    @property
    def arguments(self) -> list[Argument]:
        """Where the arrays begin that the function takes, in order."""
        return list(dict.fromkeys((a.buffer, a.offset) for a in self.accesses))

    # --- accesses ---------------------------------------------------------------------------------------------------

    def _access(self, place: Place, dtype: np.dtype[Any], strides: Sequence[int]) -> Access:
        if self.rows is not None:
            place, strides = self.rows.within(place, strides)
        access = Access(place, dtype, strides)
        if self.rows is not None and place.buffer not in self.rows.local:
            assert self.row is not None
            access.advance = strides[self.row]
        self.accesses.append(access)
        return access

    def _load(self, n: Node, strides: Sequence[int] | None = None) -> Access:
        place = self.schedule.places[n]
        strides = aligned(place, self.loop.space) if strides is None else strides
        key = (place.buffer, place.offset, tuple(strides))
        access = self._loads.get(key)
        if access is None:
            access = self._loads[key] = self._access(place, n.dtype, strides)
        return access

    def _collect(self) -> None:
        rank = len(self.loop.space)
        for n in self.nodes:
            if n.op is gather.TAKE:
                x, positions = n.args
                axis = n.params[0]
                after = axis + positions.ndim
                p = self.schedule.places.get(positions)
                if literal_of(positions) is None and p is not None:
                    self._load(positions, [0] * axis + list(p.strides) + [0] * (rank - after))
                xs = self.schedule.places[x]
                strides = [*xs.strides[:axis], *[0] * positions.ndim, *xs.strides[axis + 1 :]]
                access = self._gathered[n] = self._access(xs, n.dtype, strides)
                access.step = xs.strides[axis]
                if self.rows is not None:
                    access.step = self.rows.within(xs, [access.step])[1][0]
                continue
            for a in n.args:
                if a not in self._inside and literal_of(a) is None:
                    self._load(a)
        for k, s in enumerate(self.loop.statements):
            n = source(s)
            if n not in self._inside and literal_of(n) is None:
                self._load(n)
            if isinstance(s, Store):
                self._targets[k] = self._access(s.place, s.place.buffer.dtype, s.place.strides)
            elif isinstance(s, Reduce):
                kept = iter(s.place.strides)
                strides = [0 if a in s.axes else next(kept) for a in range(rank)]
                self._targets[k] = self._access(s.place, s.node.dtype, strides)
            else:
                after = s.axis + len(s.positions.shape)
                out = s.place.strides
                strides = [*out[: s.axis], *[0] * len(s.positions.shape), *out[s.axis + 1 :]]
                self._targets[k] = self._access(s.place, s.place.buffer.dtype, strides)
                along = [0] * s.axis + list(s.positions.strides) + [0] * (rank - after)
                self._loads[id(s)] = self._access(s.positions, INT64, along)

    def _merge(self) -> None:
        """Drops axes of length one and merges neighbours without gaps."""
        keep = [d for d, n in enumerate(self.space) if n != 1 or d == self.row]
        self.space = [self.space[d] for d in keep]
        for access in self.accesses:
            access.strides = [access.strides[d] for d in keep]
        self._masks = [[m[d] for d in keep] for m in self._masks]
        row = None if self.row is None else keep.index(self.row)
        d = len(self.space) - 2
        while d >= 0:
            n = self.space[d + 1]
            if (
                d + 1 != row
                and all(a.strides[d] == a.strides[d + 1] * n for a in self.accesses)
                and all(m[d] == m[d + 1] for m in self._masks)
            ):
                self.space[d : d + 2] = [self.space[d] * n]
                for access in self.accesses:
                    del access.strides[d]
                for m in self._masks:
                    del m[d]
                if d == row:
                    self._turns *= n
                elif row is not None and d < row:
                    row -= 1
            d -= 1
        self._row_loop = row

    def _end(self, d: int) -> str:
        """How far the loop ``d`` runs."""
        if d != self._row_loop:
            return str(self.space[d])
        if self._turns == 1:
            return "%rows"
        self._into(self._entry)
        return self.body.emit(f"mul nsw i64 %rows, {self._turns}")

    # --- writing ----------------------------------------------------------------------------------------------------

    def write(self) -> str:
        """Add the function to the module; its name."""
        b = self.body
        depth = len(self.space)
        self._before: list[list[str]] = [[] for _ in range(depth + 1)]
        self._after: list[list[str]] = [[] for _ in range(depth + 1)]
        self._block_before: list[str] = []
        self._block_after: list[str] = []
        self._entry: list[str] = []
        self._blocks()
        names = {argument: f"%b{k}" for k, argument in enumerate(self.arguments)}
        self._point(names)
        self._values: dict[Any, tuple[str, int]] = {}
        for n in self.nodes:
            self._compute(n)
        reductions = iter(zip(self._masks, self._over_rows, strict=True))
        for k, s in enumerate(self.loop.statements):
            target = self._targets[k]
            if isinstance(s, Store):
                value, _ = self._value(s.node)
                self._into(self._before[depth])
                value = scalar.convert(b, value, s.node.dtype, target.dtype)
                if isinstance(s, Add):
                    old = scalar.load(b, target.dtype, target.pointer)
                    value = combine(b, "sum", target.dtype, old, value, False)
                scalar.store(b, target.dtype, value, target.pointer)
            elif isinstance(s, Reduce):
                self._reduce(s, target, *next(reductions))
            else:
                self._scatter(s, target)
        written = {(t.buffer, t.offset) for t in self._targets.values()}
        parameters = "".join(
            f"ptr noalias{'' if argument in written else ' readonly'} nocapture {name}, "
            for argument, name in names.items()
        )
        if self.rows is not None:
            parameters += "i64 %lo, i64 %rows, "
        b.lines = self._assemble(depth)
        text = "\n".join(b.lines)
        group = b.module.attributes('nounwind "prefer-vector-width"="512" "no-trapping-math"="true"')
        return b.module.share("loop", f"{parameters}ptr noalias {FAIL}", f"{group} {{\nentry:\n{text}\nret void\n}}")

    def _into(self, lines: list[str]) -> None:
        self.body.lines = lines

    def _blocks(self) -> None:
        """Which axis is cut into blocks, and how long they are: so that within one, sums have few enough terms."""
        depth = len(self.space)
        sums = [
            s.node.op.name == "sum" and s.node.dtype.kind == "f" for s in self.loop.statements if isinstance(s, Reduce)
        ]
        longest = max((_inner(m) for m, is_sum in zip(self._masks, sums, strict=True) if is_sum), default=0)
        most = BLOCK if self._in_vectors() else SHORT_BLOCK
        self._blocked = -1  # the axis
        self._block = 0
        terms = 1
        for d in range(depth - 1, depth - 1 - longest, -1):
            if d == depth - 2 and terms > SHORT_BLOCK:  # what vectors leave over in each inner loop is added plainly
                most = max(SHORT_BLOCK, most // 4)
            if terms * self.space[d] > most:
                self._blocked, self._block = d, max(1, most // terms)
                break
            terms *= self.space[d]

    def _in_vectors(self) -> bool:
        """Whether LLVM can be expected to make vectors of the innermost loop."""
        return not any(isinstance(s, Scatter) for s in self.loop.statements) and all(
            scalar.in_vectors(n.op.name, n.dtype) if n.op.elementwise else n.op is gather.TAKE for n in self.nodes
        )

    def _point(self, names: dict[Argument, str]) -> None:
        """The address of each access, stepwise: once a loop that it moves in."""
        b = self.body
        for access in self.accesses:
            kind = memory_type(access.dtype)
            pointer = names[access.buffer, access.offset]
            if access.advance:
                self._into(self._before[0])
                step = b.emit(f"mul nsw i64 %lo, {access.advance}")
                pointer = b.emit(f"getelementptr {kind}, ptr {pointer}, i64 {step}")
            for d, s in enumerate(access.strides):
                if s:
                    self._into(self._before[d + 1])
                    step = f"%i{d}" if s == 1 else b.emit(f"mul nsw i64 %i{d}, {s}")
                    pointer = b.emit(f"getelementptr {kind}, ptr {pointer}, i64 {step}")
            access.pointer = pointer

    def _loaded(self, access: Access) -> tuple[str, int]:
        found = self._values.get(access)
        if found is None:
            depth = access.depth()
            self._into(self._before[depth])
            found = self._values[access] = (scalar.load(self.body, access.dtype, access.pointer), depth)
        return found

    def _value(self, n: Node, strides: Sequence[int] | None = None) -> tuple[str, int]:
        """A value and how many loops deep it is known."""
        found = self._values.get(n)
        if found is not None:
            return found
        constant = literal_of(n)
        if constant is not None:
            return scalar.literal(constant, n.dtype), 0
        place = self.schedule.places[n]
        key = (place.buffer, place.offset, tuple(aligned(place, self.loop.space) if strides is None else strides))
        return self._loaded(self._loads[key])

    def _compute(self, n: Node) -> None:
        b = self.body
        if n.op is gather.TAKE:
            x, positions = n.args
            axis = n.params[0]
            place = self.schedule.places.get(positions)
            strides = None
            if place is not None:
                strides = [0] * axis + list(place.strides) + [0] * (len(self.loop.space) - axis - positions.ndim)
            p, depth = self._value(positions, strides)
            access = self._gathered[n]
            depth = max(depth, access.depth())
            self._into(self._before[depth])
            length = x.shape[axis]
            p = index(b, p, known_of(positions, length), length)
            step = access.step
            moved = p if step == 1 else b.emit(f"mul nsw i64 {p}, {step}")
            pointer = b.emit(f"getelementptr {memory_type(n.dtype)}, ptr {access.pointer}, i64 {moved}")
            self._values[n] = (scalar.load(b, n.dtype, pointer), depth)
            return
        arguments = [self._value(a) for a in n.args]
        depth = max((d for _, d in arguments), default=0)
        self._into(self._before[depth])
        if n.op is gather.IN_RANGE:
            self._values[n] = (checked(b, arguments[0][0], n.params[0]), depth)
            return
        value = scalar.emit(b, n.op.name, n.params, tuple(a.dtype for a in n.args), n.dtype, [v for v, _ in arguments])
        self._values[n] = (value, depth)

    def _scatter(self, s: Scatter, target: Access) -> None:
        b = self.body
        depth = len(self.space)
        p, _ = self._loaded(self._loads[id(s)])
        value, _ = self._value(s.node)
        self._into(self._before[depth])
        step = s.place.strides[s.axis]
        p = index(b, p, s.known, s.place.shape[s.axis])
        moved = p if step == 1 else b.emit(f"mul nsw i64 {p}, {step}")
        pointer = b.emit(f"getelementptr {memory_type(target.dtype)}, ptr {target.pointer}, i64 {moved}")
        old = scalar.load(b, target.dtype, pointer)
        value = scalar.convert(b, value, s.node.dtype, target.dtype)
        add = "fadd" if target.dtype.kind == "f" else "add"
        scalar.store(b, target.dtype, b.emit(f"{add} {register_type(target.dtype)} {old}, {value}"), pointer)

    # --- reductions -------------------------------------------------------------------------------------------------

    def _reduce(self, s: Reduce, target: Access, mask: list[bool], over_rows: bool) -> None:
        b = self.body
        depth = len(self.space)
        name, dtype = s.node.op.name, s.node.dtype
        kind = register_type(dtype)
        value, _ = self._value(s.source)
        inner = _inner(mask)
        partial = over_rows or any(mask[: depth - inner])
        start = scalar.literal(start_of(name, dtype), dtype)
        first = ""  # whether nothing has been added up yet; sums over rows begin with the chunk
        if partial and not over_rows:
            outer = [d for d in range(depth - inner) if mask[d]]
            self._into(self._before[outer[-1] + 1])
            for d in outer:
                begun = b.emit(f"icmp eq i64 %i{d}, 0")
                first = begun if not first else b.emit(f"and i1 {first}, {begun}")

        def before() -> str:
            old = scalar.load(b, target.dtype, target.pointer)
            return b.emit(f"select i1 {first}, {kind} {start}, {kind} {old}") if first else old

        if inner == 0:
            self._into(self._before[depth])
            converted = scalar.convert(b, value, s.source.dtype, dtype)
            if partial:
                converted = combine(b, name, dtype, before(), converted, False)
            scalar.store(b, dtype, converted, target.pointer)
            return
        held = f"%{b.fresh('sum')}"
        self._entry.append(f"{held} = alloca {kind}")
        blocked = name == "sum" and dtype.kind == "f" and 0 <= depth - inner <= self._blocked
        outside = self._before[depth - inner]
        after = self._after[depth - inner]
        self._into(self._before[depth])
        converted = scalar.convert(b, value, s.source.dtype, dtype)
        old = b.emit(f"load {kind}, ptr {held}")
        new = combine(b, name, dtype, old, converted, True)
        b.line(f"store {kind} {new}, ptr {held}")
        if blocked:
            total, error = f"%{b.fresh('total')}", f"%{b.fresh('error')}"
            self._entry.extend((f"{total} = alloca {kind}", f"{error} = alloca {kind}"))
            zero, minus = scalar.literal(dtype.type(0.0), dtype), scalar.literal(dtype.type(-0.0), dtype)
            outside.extend((f"store {kind} {minus}, ptr {total}", f"store {kind} {zero}, ptr {error}"))
            self._block_before.append(f"store {kind} {minus}, ptr {held}")
            self._into(self._block_after)
            self._compensated(kind, held, total, error)
            self._into(after)
            t = b.emit(f"load {kind}, ptr {total}")
            e = b.emit(f"load {kind}, ptr {error}")
            both = b.emit(f"fadd {kind} {t}, {e}")
            odd = b.emit(f"fcmp uno {kind} {e}, {e}")
            none = b.emit(f"fcmp oeq {kind} {e}, {zero}")
            plain = b.emit(f"or i1 {odd}, {none}")
            result = b.emit(f"select i1 {plain}, {kind} {t}, {kind} {both}")
        else:
            outside.append(f"store {kind} {start}, ptr {held}")
            self._into(after)
            result = b.emit(f"load {kind}, ptr {held}")
        if partial:
            result = combine(b, name, dtype, before(), result, False)
        scalar.store(b, dtype, result, target.pointer)

    def _compensated(self, kind: str, held: str, total: str, error: str) -> None:
        """total + error += held, without rounding (Knuth's two-sum)."""
        b = self.body
        x = b.emit(f"load {kind}, ptr {held}")
        t = b.emit(f"load {kind}, ptr {total}")
        e = b.emit(f"load {kind}, ptr {error}")
        new = b.emit(f"fadd {kind} {t}, {x}")
        back = b.emit(f"fsub {kind} {new}, {t}")
        rest = b.emit(f"fsub {kind} {new}, {back}")
        left = b.emit(f"fsub {kind} {t}, {rest}")
        right = b.emit(f"fsub {kind} {x}, {back}")
        lost = b.emit(f"fadd {kind} {left}, {right}")
        b.line(f"store {kind} {new}, ptr {total}")
        b.line(f"store {kind} {b.emit(f'fadd {kind} {e}, {lost}')}, ptr {error}")

    # --- putting the sections together ------------------------------------------------------------------------------

    def _assemble(self, depth: int) -> list[str]:
        ends = [self._end(d) for d in range(depth)]
        allocas = [x for x in self._entry if " = alloca " in x]
        lines = [*allocas, *(x for x in self._entry if " = alloca " not in x), *self._before[0]]
        closing: list[list[str]] = []
        for d in range(depth):
            blocked = d == self._blocked
            end = ends[d]
            first = "0"
            if blocked:
                lines += [
                    f"br label %B{d}p", f"B{d}p:", f"br label %B{d}", f"B{d}:",
                    f"%k{d} = phi i64 [0, %B{d}p], [%kn{d}, %B{d}l]",
                    f"%e{d}a = add i64 %k{d}, {self._block}",
                    f"%e{d}c = icmp ult i64 %e{d}a, {end}",
                    f"%e{d} = select i1 %e{d}c, i64 %e{d}a, i64 {end}",
                    *self._block_before,
                ]  # fmt: skip
                first, limit = f"%k{d}", f"%e{d}"
            else:
                limit = end
            lines += [
                f"br label %L{d}p", f"L{d}p:", f"br label %L{d}", f"L{d}:",
                f"%i{d} = phi i64 [{first}, %L{d}p], [%n{d}, %L{d}l]",
                *self._before[d + 1],
            ]  # fmt: skip
            tail = [
                f"br label %L{d}l", f"L{d}l:",
                f"%n{d} = add nuw nsw i64 %i{d}, 1",
                f"%c{d} = icmp ult i64 %n{d}, {limit}",
                f"br i1 %c{d}, label %L{d}, label %L{d}x", f"L{d}x:",
            ]  # fmt: skip
            if blocked:
                tail += [
                    *self._block_after,
                    f"br label %B{d}l", f"B{d}l:",
                    f"%kn{d} = add nuw nsw i64 %k{d}, {self._block}",
                    f"%kc{d} = icmp ult i64 %kn{d}, {end}",
                    f"br i1 %kc{d}, label %B{d}, label %B{d}x", f"B{d}x:",
                ]  # fmt: skip
            closing.append(tail + self._after[d])
        return lines + [x for tail in reversed(closing) for x in tail] + ([] if depth else self._after[0])


def _inner(mask: Sequence[bool]) -> int:
    """How many of the innermost axes are summed over."""
    count = 0
    while count < len(mask) and mask[len(mask) - 1 - count]:
        count += 1
    return count
