"""``Tiling``: how the loops of a contraction are cut for the registers of this CPU, and the choice among the ways.

The ways differ in the axis that lies along the lanes of the vectors. Each has an estimated cost in cycles, two vector
instructions a cycle; what was measured on one CPU set the rest (gathered loads, adding up lanes, caches).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from thalweg.execution.native import llvm
from thalweg.execution.native.axes import Axis

BYTES = {"double": 8, "float": 4, "i64": 8, "i8": 1}
STACK_BYTES = 1 << 16  # of a packed argument: a thread may have a small stack


@functools.cache
def vector_registers() -> tuple[int, int]:
    """Bytes of a vector register of this CPU, and how many it has."""
    features = llvm.cpu()
    if "+avx512f" in features:
        return 64, 32
    if "+avx," in features or "+avx2" in features:
        return 32, 16
    return 16, 32 if "aarch64" in features or "arm64" in features else 16


@dataclass(frozen=True)
class Tiling:
    """How the loops are carried out.

    Attributes
    ----------
    lanes : int
        Of a vector; 1 for scalars.
    along : Axis or None
        The axis in the lanes; ``count`` vectors of it are worked on at once, if it is kept.
    rows, columns : Axis or None
        The axes cut in blocks of ``high`` and ``wide``.
    outer, inner : tuple of Axis
        Plain loops: of the result, round the tiles, and of the sum, within them.
    packed : "a", "b" or ""
        The argument that is first copied, so that its vectors are contiguous.
    """

    lanes: int
    along: Axis | None
    count: int
    rows: Axis | None
    high: int
    columns: Axis | None
    wide: int
    outer: tuple[Axis, ...]
    inner: tuple[Axis, ...]
    packed: str = ""


def _lanes(axis: Axis, kind: str) -> int:
    most = vector_registers()[0] // BYTES[kind]
    lanes = 1
    while lanes < most and lanes < axis.known():
        lanes *= 2
    return lanes


def tilings(axes: Sequence[Axis], kind: str) -> Iterator[Tiling]:
    """All tilings worth comparing: one for each axis that can lie in the lanes, and one without lanes."""
    for axis in axes:
        if axis.known() == 1:
            continue
        strange = [name for name in ("a", "b") if getattr(axis, name) not in (0, 1)]
        if axis.kept:
            if axis.o != 1:
                continue
            plain = _tiling(axes, axis, kind, "")
            if len(strange) < 2:
                yield plain
            moving = [name for name in ("a", "b") if getattr(axis, name)]
            for name in moving:
                if (not strange or strange == [name]) and _can_pack(plain, name, kind):
                    yield replace(plain, packed=name)
        elif not strange and (axis.a or axis.b):
            yield _tiling(axes, axis, kind, "")
    yield _tiling(axes, None, kind, "")


def _can_pack(t: Tiling, name: str, kind: str) -> bool:
    sizes = [x.size for x in (*t.inner, t.along) if x is not None]
    reused = any(not getattr(x, name) and x.known() >= 4 for x in (*t.outer, t.rows, t.columns) if x is not None)
    still = all(not getattr(x, name) for x in (t.rows, t.columns) if x is not None)
    if not reused or not still or not all(isinstance(n, int) for n in sizes):
        return False
    assert t.along is not None
    wide = t.lanes * t.count
    room = -(-t.along.known() // wide) * wide * math.prod(x.known() for x in t.inner) * BYTES[kind]
    return room <= STACK_BYTES


def _tiling(axes: Sequence[Axis], along: Axis | None, kind: str, packed: str) -> Tiling:
    rest = [x for x in axes if x.kept and x is not along]
    inner = [x for x in axes if not x.kept and x is not along]
    inner.sort(key=lambda x: -(abs(x.a) + abs(x.b)))
    lanes = 1 if along is None else _lanes(along, kind)
    registers = vector_registers()[1]
    sums = 24 if registers == 32 else 12
    rows: Axis | None = None
    columns: Axis | None = None
    count = high = wide = 1
    if along is not None and along.kept:
        most = -(-along.known() // lanes) if isinstance(along.size, int) else 1
        moving = "a" if along.a else "b"
        sharing = [x for x in rest if not getattr(x, moving)] or rest
        rows = max(sharing, key=Axis.known, default=None)
        at_most = (4 if registers == 32 else 3) if rows is not None and rows.known() > 1 else 8
        count = -(-most // -(-most // at_most))
        high = _block(rows, min(sums // count, 12))
    else:
        rows = max((x for x in rest if x.kind == "rows"), key=Axis.known, default=None)
        columns = max((x for x in rest if x.kind == "columns"), key=Axis.known, default=None)
        if rows is None and columns is None:
            rows = max(rest, key=Axis.known, default=None)
        both = rows is not None and columns is not None
        if both:
            high, wide = (_block(x, 4 if registers == 32 else 3) for x in (rows, columns))
        else:  # as many sums as lanes can be added up together
            high, wide = (1 if x is None else min(max(lanes, 4), x.known()) for x in (rows, columns))
    outer = tuple(sorted((x for x in rest if x not in (rows, columns)), key=lambda x: -abs(x.o)))
    return Tiling(lanes, along, count, rows, high, columns, wide, outer, tuple(inner), packed)


def _block(axis: Axis | None, most: int) -> int:
    """How much of an axis is worked on at once: such that nothing is left over, if that is not much less."""
    if axis is None:
        return 1
    if not isinstance(axis.size, int) or axis.size <= most:
        return min(most, axis.known())
    n = axis.size
    return min(range(most, most // 2, -1), key=lambda i: -(-n // i) * i)


def cost(t: Tiling, kind: str) -> float:
    """Estimated cycles."""
    block = [(t.rows, t.high), (t.columns, t.wide), (t.along if t.along and t.along.kept else None, t.count)]
    turns = 1.0
    for y in (*t.inner, *t.outer):
        turns *= y.known()
    if t.along is not None and not t.along.kept:
        turns *= -(-t.along.known() // t.lanes)
    tiles = 1.0
    for y in t.outer:
        tiles *= y.known()
    for (x, n), lanes in zip(block, (1, 1, t.lanes), strict=True):
        if x is not None:
            turns *= -(-x.known() // (n * lanes))
            tiles *= -(-x.known() // (n * lanes))
    places = t.high * t.wide * t.count
    loads = 0.0
    for name in ("a", "b"):
        many = 1
        for x, n in block:
            many *= n if x is not None and getattr(x, name) else 1
        stride = getattr(t.along, name) if t.along is not None and t.packed != name else 0
        loads += many * (1 if stride in (0, 1) else 4.0 * t.lanes)
    cycles = turns * max(places / 2, loads / 2, 1) + tiles * (places + 4)
    if t.along is not None and not t.along.kept:
        cycles += tiles * places * 0.5
    if t.along is not None and t.along.kept and t.rows is not None and not t.packed:
        cycles *= _out_of_cache(t, kind)
    if t.packed:
        size = float(t.along.known()) if t.along is not None else 1.0
        for y in t.inner:
            size *= y.known()
        for y in t.outer:
            size *= y.known() if getattr(y, t.packed) else 1
        cycles += 1.5 * size + 50
    return cycles


def _out_of_cache(t: Tiling, kind: str) -> float:
    """By how much reading the argument along the lanes from farther than a core's own cache slows the loops down."""
    assert t.along is not None
    size = float(t.along.known() * BYTES[kind])
    for x in t.inner:
        size *= x.known()
    near, far = 1 << 18, 1 << 23
    return 1 + 0.05 * max(0.0, math.log2(size / near)) + max(0.0, size / far - 1)


def best_tiling(axes: Sequence[Axis], kind: str) -> Tiling:
    return min(tilings(axes, kind), key=lambda t: cost(t, kind))
