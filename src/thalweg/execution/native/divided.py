"""Contractions divided among threads: pieces of one axis, each computed by a call of one function.

How the work is divided does not depend on how many threads there are, so neither do the numbers. An axis of the result
is cut in pieces of one length, the last of which begins earlier where they do not fit (a few elements are computed
twice, alike). Where the result is small and the sum long, the sum is cut, and the partial results are added up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from thalweg.execution.native import blas, runtime
from thalweg.execution.native.axes import Axis
from thalweg.execution.native.counting import Size
from thalweg.execution.native.module import Body, Module
from thalweg.execution.native.products import moved
from thalweg.execution.native.tiles import Tiles
from thalweg.execution.native.tiling import BYTES, STACK_BYTES, Tiling, best_tiling, cost

_WORTH_THREADS = 100_000.0  # estimated cycles of a contraction from which it is divided
_PART = 25_000.0  # of a part, at least
_MOST_PARTS = 64


@dataclass(frozen=True)
class Division:
    """A contraction in parts: ``count`` pieces of one axis, of ``size`` each."""

    axis: Axis
    size: int
    count: int


def divide(axes: Sequence[Axis], tiling: Tiling, kind: str) -> Division | None:
    """The parts of a contraction that is worth it."""
    cycles = cost(tiling, kind)
    if cycles < _WORTH_THREADS or any(isinstance(x.size, str) for x in axes):
        return None
    most = min(_MOST_PARTS, int(cycles / _PART))
    blocks: list[tuple[Axis, int]] = [(x, 1) for x in tiling.outer]
    blocks += [(x, n) for x, n in ((tiling.rows, tiling.high), (tiling.columns, tiling.wide)) if x is not None]
    if tiling.along is not None and tiling.along.kept:
        blocks.append((tiling.along, tiling.lanes * tiling.count))
    best: Division | None = None
    for axis, block in blocks:
        pieces = axis.known() // block
        if pieces < 2:
            continue
        size = -(-pieces // most) * block
        found = Division(axis, size, -(-axis.known() // size))
        if best is None or min(found.count, 8) > min(best.count, 8):
            best = found
    if (best is None or best.count < 4) and kind in ("double", "float"):
        return _divided_sum(axes, most, kind) or best
    return best


def _divided_sum(axes: Sequence[Axis], most: int, kind: str) -> Division | None:
    axis = max((x for x in axes if not x.kept), key=Axis.known, default=None)
    results = math.prod(x.known() for x in axes if x.kept)
    most = min(most, STACK_BYTES // (BYTES[kind] * results))
    if axis is None or most < 2 or axis.known() < 64 * most:
        return None
    size = -(-axis.known() // most)
    return Division(axis, size, -(-axis.known() // size))


def emit(body: Body, kind: str, axes: Sequence[Axis], division: Division, pointers: tuple[str, str, str]) -> None:
    """The parts as calls of a function of their own, handed out among the threads."""
    a, b, o = pointers
    runtime.declare(body.module)
    body.module.declare("@llvm.stacksave.p0", "declare ptr @llvm.stacksave.p0()")
    body.module.declare("@llvm.stackrestore.p0", "declare void @llvm.stackrestore.p0(ptr)")
    stack = body.emit("call ptr @llvm.stacksave.p0()")
    if division.axis.kept:
        _call_parts(body, division, (a, b, o), _part(body.module, kind, axes, division))
    else:  # each part has a result of its own; they are added up afterwards
        kept = [x for x in axes if x.kept]
        results = math.prod(x.known() for x in kept)
        steps, step = {}, 1
        for x in sorted(kept, key=lambda x: abs(x.o)):
            steps[id(x)] = step
            step *= x.known()
        room = body.emit(f"alloca [{division.count * results} x {kind}], align 64")
        own = [replace(x, o=steps[id(x)]) if x.kept else x for x in axes]
        _call_parts(body, division, (a, b, room), _part(body.module, kind, own, division))
        adding = [Axis(x.size, steps[id(x)], 0, x.o, True) for x in kept]
        adding.append(Axis(division.count, results, 0, 0, False))
        one = blas.constant(body.module, kind, "1.0")
        Tiles(body, kind, best_tiling(adding, kind)).emit(room, one, o)
    body.line(f"call void @llvm.stackrestore.p0(ptr {stack})")


def _call_parts(body: Body, division: Division, pointers: tuple[str, str, str], name: str) -> None:
    context = body.emit("alloca [3 x ptr]")
    for i, pointer in enumerate(pointers):
        body.line(f"store ptr {pointer}, ptr {body.emit(f'getelementptr ptr, ptr {context}, i64 {i}')}")
    threads = body.emit("call i64 @thalweg_threads()")
    body.line(f"call void @thalweg_parallel(ptr @{name}, ptr {context}, i64 {division.count}, i64 {threads})")


def _part(module: Module, kind: str, axes: Sequence[Axis], division: Division) -> str:
    """The name of the function that computes part ``%chunk``."""
    body = Body(module)
    a, b, o = (body.emit(f"load ptr, ptr {body.emit(f'getelementptr ptr, ptr %context, i64 {i}')}") for i in range(3))
    axis, size = division.axis, division.size
    module.declare("@llvm.smin.i64", "declare i64 @llvm.smin.i64(i64, i64)")
    start = body.emit(f"mul nsw i64 %chunk, {size}")
    length: Size = size
    if axis.kept:
        start = body.emit(f"call i64 @llvm.smin.i64(i64 {start}, i64 {axis.known() - size})")
        o = moved(body, kind, o, start, axis.o)
    else:
        if axis.known() % size:
            left = body.emit(f"sub i64 {axis.size}, {start}")
            length = body.emit(f"call i64 @llvm.smin.i64(i64 {left}, i64 {size})")
        o = moved(body, kind, o, "%chunk", math.prod(x.known() for x in axes if x.kept))
    a, b = (moved(body, kind, p, start, s) for p, s in ((a, axis.a), (b, axis.b)))
    mine = [replace(x, size=length) if x is axis else x for x in axes]
    Tiles(body, kind, best_tiling(mine, kind)).emit(a, b, o)
    group = module.attributes('nounwind "prefer-vector-width"="512" "no-trapping-math"="true"')
    text = "\n".join(body.lines)
    return module.share("part", "ptr %context, i64 %chunk, i64 %seat", f"{group} {{\nentry:\n{text}\nret void\n}}")
