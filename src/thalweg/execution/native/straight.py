"""Straight-line code in LLVM IR: the scalars of a `Loop` over no axes, one instruction after the other.

What `loops.Nest` does for loops, in the simplest case, without looking for what is the same on many turns: graphs of
10⁵ scalars are written in a few microseconds each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.execution.native import scalar
from thalweg.execution.native.layout import Buffer, Place
from thalweg.execution.native.module import Body, Module, memory_type, register_type
from thalweg.execution.native.positions import FAIL, checked, index
from thalweg.execution.native.schedule import Schedule
from thalweg.execution.native.tasks import Add, Loop, Reduce, Store, known_of, literal_of
from thalweg.graph import CONSTANT, Node
from thalweg.ops import gather


class Straight:
    """Writes one `Loop` over no axes as a function ``void name(ptr noalias…, ptr %fail)``."""

    def __init__(self, loop: Loop, schedule: Schedule, module: Module) -> None:
        self.loop, self.schedule = loop, schedule
        self.body = Body(module)
        self._names: dict[Buffer, tuple[str, int]] = {}
        self._values: dict[Node, str] = {}
        self._read: dict[tuple[Buffer, int], str] = {}
        self._own = {s.node for s in loop.statements if isinstance(s, Store) and schedule.places.get(s.node) is s.place}
        self.nodes = self._registers()

    @property
    def arguments(self) -> list[tuple[Buffer, int]]:
        """What the function takes: of each buffer the first element that it touches."""
        return [(buffer, first) for buffer, (_, first) in self._names.items()]

    def _registers(self) -> list[Node]:
        """The scalars to be computed, in order."""
        stored, own, maps = self.schedule.stored, self._own, self.schedule.maps
        found: set[Node] = set()
        stack = [s.source if isinstance(s, Reduce) else s.node for s in self.loop.statements]
        while stack:
            n = stack.pop()
            if n.shape or n in found or (n in stored and n not in own) or n not in maps:
                continue
            found.add(n)
            if n.op is not gather.TAKE:
                stack += n.args
            else:
                stack.append(n.args[1])
        return sorted(found, key=lambda n: n.serial)

    # --- writing ----------------------------------------------------------------------------------------------------

    def write(self) -> str:
        """Add the function to the module; its name."""
        b, values = self.body, self._values
        value, emit = self._value, scalar.emit
        for n in self.nodes:
            op = n.op
            args = n.args
            if op.elementwise:
                dtypes = tuple([a.dtype for a in args])
                values[n] = emit(
                    b, op.name, n.params, dtypes, n.dtype, [values.get(a) or value(a) for a in args], False
                )
            elif op is gather.TAKE:
                values[n] = self._taken(n)
            else:
                values[n] = checked(b, value(args[0]), n.params[0])
        written = []
        for s in self.loop.statements:
            source = s.source if isinstance(s, Reduce) else s.node
            register, place = value(source), s.place
            dtype = s.node.dtype if isinstance(s, Reduce) else place.buffer.dtype
            offset = place.offset
            if not isinstance(s, Store | Reduce):
                self._add(register, s)
                continue
            register = scalar.convert(b, register, source.dtype, dtype)
            if isinstance(s, Add):
                old = scalar.load(b, dtype, self._address(place.buffer, offset))
                register = b.emit(f"{'fadd' if dtype.kind == 'f' else 'add'} {register_type(dtype)} {old}, {register}")
            written.append((register, dtype, place, offset))
        for register, dtype, place, offset in written:
            scalar.store(b, dtype, register, self._address(place.buffer, offset))
        targets = {s.place.buffer for s in self.loop.statements}
        parameters = "".join(
            f"ptr noalias{'' if x in targets else ' readonly'} nocapture {name}, "
            for x, (name, _) in self._names.items()
        )
        text = "\n".join(b.lines)
        if len(self.nodes) <= LONG:
            group = b.module.attributes(ATTRIBUTES)
        else:
            group = b.module.attributes_later("long")
        return b.module.share(
            "straight", f"{parameters}ptr noalias {FAIL}", f"{group} {{\nentry:\n{text}\nret void\n}}"
        )

    def _address(self, buffer: Buffer, offset: int) -> str:
        name, first = self._names.get(buffer, ("", 0))
        if not name:
            name, first = self._names[buffer] = f"%b{len(self._names)}", offset
        if offset == first:
            return name
        return self.body.emit(f"getelementptr {memory_type(buffer.dtype)}, ptr {name}, i64 {offset - first}")

    def _value(self, n: Node) -> str:
        found = self._values.get(n)
        if found is not None:
            return found
        if n.op is CONSTANT and n.shape == ():
            found = scalar.literal(n.value, n.dtype)
        else:
            fixed = literal_of(n)
            found = scalar.literal(fixed, n.dtype) if fixed is not None else self._loaded(self.schedule.places[n])
        self._values[n] = found
        return found

    def _loaded(self, place: Place) -> str:
        key = (place.buffer, place.offset)
        found = self._read.get(key)
        if found is None:
            dtype = place.buffer.dtype
            found = self._read[key] = scalar.load(self.body, dtype, self._address(*key))
        return found

    def _taken(self, n: Node) -> str:
        x, positions = n.args
        place = self.schedule.places[x]
        p = index(self.body, self._value(positions), known_of(positions, x.shape[0]), x.shape[0])
        return scalar.load(self.body, n.dtype, self._element(place, p))

    def _element(self, place: Place, p: str) -> str:
        b = self.body
        (step,) = place.strides
        moved = p if step == 1 else b.emit(f"mul nsw i64 {p}, {step}")
        start = self._address(place.buffer, place.offset)
        return b.emit(f"getelementptr {memory_type(place.buffer.dtype)}, ptr {start}, i64 {moved}")

    def _add(self, register: str, s: Any) -> None:
        """One element of a scatter."""
        b = self.body
        p = index(b, self._loaded(s.positions), s.known, s.place.shape[s.axis])
        dtype: np.dtype[Any] = s.place.buffer.dtype
        pointer = self._element(s.place, p)
        old = scalar.load(b, dtype, pointer)
        register = scalar.convert(b, register, s.node.dtype, dtype)
        add = "fadd" if dtype.kind == "f" else "add"
        scalar.store(b, dtype, b.emit(f"{add} {register_type(dtype)} {old}, {register}"), pointer)


# `noimplicitfloat` keeps LLVM from looking for vectors in scalars, which takes most of its time and gains nothing here
ATTRIBUTES = 'nounwind noimplicitfloat "no-trapping-math"="true"'
LONG = 100  # operations from which a function is not copied into its caller

_OPTIMISED = 15_000  # lines of scalar code up to which LLVM is given time
_IN_LOOPS = 40_000  # the same for loops


def level_of(tasks: Sequence[Any], schedule: Schedule, module: Module) -> int:
    """How much LLVM shall do for a program, which is also noted in the attributes of its long functions.

    Scalar code gains nothing from the costly levels: level 1 makes it as fast as level 3, and level 0 (a fifth of the
    time of level 1) half as slow again. Loops need vectors, and so level 3. What counts is the code that is written:
    the steps of an unrolled loop share theirs.
    """
    scalars = module.lines_of("straight")
    module.later["long"] = f"{'optnone ' if scalars > _OPTIMISED else ''}noinline {ATTRIBUTES}"
    if all(isinstance(t, Loop) and t.space == () for t in tasks):
        return 1 if scalars <= _OPTIMISED else 0
    return 3 if module.lines_of("loop") <= _IN_LOOPS else 1
