"""From a graph to a list of tasks: which values are stored, and which loops compute them together.

A value is *stored* if something must find it in memory (a matrix product, a result, a loop over another shape), and
otherwise lives in a register of the loop that uses it. Every task has a *level*: one more than the tasks whose stored
results it reads. Elementwise values and reductions of one shape on one level become one loop, so a chain of them is
one pass over memory. Between levels a cheap value is computed again rather than stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.execution.native import pieces, scalar
from thalweg.execution.native.layout import (
    CONSTANT,
    INPUT,
    OUTPUT,
    SCRATCH,
    VIEWS,
    Buffer,
    Place,
    at_index,
    seen_through,
    whole,
)
from thalweg.execution.native.tasks import (
    REDUCTIONS,
    Add,
    Call,
    Check,
    Loop,
    Product,
    Reduce,
    Scatter,
    Store,
    Unsupported,
    is_map,
    known_of,
    literal_of,
    supports,
)
from thalweg.graph import CONSTANT as CONSTANT_OP
from thalweg.graph import INPUT as INPUT_OP
from thalweg.graph import ITEM, Node, Shape, is_several, reachable
from thalweg.ops import gather
from thalweg.ops.contract import CONTRACT
from thalweg.ops.movement import ASSEMBLE, UPDATE, disjoint

_COMPARED = 400  # pieces up to which it is looked which of them overlap
_CHEAP = 8.0  # what may be computed twice rather than stored, in units of one addition


class Schedule:
    """The tasks of a graph in order, and the buffers they use.

    Parameters
    ----------
    inputs, outputs : sequence of Node
        As of a graph in canonical form (`thalweg.execution.native.canonical`).
    guards : sequence of (Node, answer)
        Scalars that must have a given value.
    """

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node], guards: Sequence[tuple[Node, Any]]) -> None:
        self.inputs, self.outputs, self.guards = tuple(inputs), tuple(outputs), tuple(guards)
        self.buffers: list[Buffer] = []
        self.places: dict[Node, Place] = {}
        self.level: dict[Node, int] = {}
        self._filled: dict[Node, bool] = {}
        self.nodes = reachable((*outputs, *(n for n, _ in guards)))
        self._loops: dict[tuple[int, int, Shape], Loop] = {}
        self.products: list[Product] = []
        self.calls: list[Call] = []
        self.checks: list[Check] = []
        self.copies: dict[Node, Place] = {}
        self._copying: list[Loop] = []
        self._shared: dict[Any, Buffer] = {}
        for k, n in enumerate(self.inputs):
            self._own(n, Buffer(INPUT, k, n.size, n.dtype))
        for n in self.nodes:
            if not supports(n):
                raise Unsupported(n)
        self.maps = {n for n in self.nodes if is_map(n)}
        self._users: dict[Node, list[Node]] = defaultdict(list)
        for n in self.nodes:
            for a in n.args:
                self._users[a].append(n)
        self._set_levels()
        self._sink()
        self._choose_stored()
        self._piece = pieces.cut(self.nodes, self.level, self.stored, self.maps)
        self.scalars = sum(n.shape == () for n in self.nodes)
        self._place()
        self._emit_results()

    @property
    def tasks(self) -> list[Any]:
        """All tasks, each after those whose results it reads."""
        loops = [t for t in self._loops.values() if t.statements and 0 not in t.space]
        return sorted([*self._copying, *loops, *self.products, *self.calls], key=lambda t: (t.level, t.phase))

    # --- levels -----------------------------------------------------------------------------------------------------

    def ready(self, n: Node) -> int:
        """The first level that can read ``n`` from memory."""
        while n.op in VIEWS or n.op is ITEM:
            n = n.args[0]
        return 0 if n.op is INPUT_OP or n.op is CONSTANT_OP else self.level[n] + 1

    def _joins(self, a: Node, space: Shape) -> bool:
        """Whether ``a`` can be had from a register of a loop over ``space``."""
        return a.shape == space and a in self.maps

    def _in_loop(self, a: Node, space: Shape) -> int:
        return self.level[a] if self._joins(a, space) else self.ready(a)

    def _read(self, n: Node) -> list[Node]:
        """The arguments of a map that must lie in memory."""
        return [n.args[0], n.args[1]] if n.op is gather.TAKE else []

    def _set_levels(self) -> None:
        level = self.level
        for n in self.nodes:
            op = n.op
            if op is INPUT_OP or op is CONSTANT_OP or op in VIEWS or op is ITEM:
                continue
            if op is gather.TAKE:
                level[n] = max(self.ready(a) for a in n.args)
            elif n in self.maps:
                level[n] = max([self._in_loop(a, n.shape) for a in n.args], default=0)
            elif op.name in REDUCTIONS:
                level[n] = self._in_loop(n.args[0], n.args[0].shape)
            elif op is CONTRACT:
                level[n] = max(self.ready(a) for a in n.args)
            elif op is ASSEMBLE:
                level[n] = max(self._add_levels(n))
            elif op is UPDATE:
                level[n] = max(self._base_level(n), *(self._in_loop(p, p.shape) for p in n.args[1:]))
            elif op is not gather.SCATTER_ADD:
                level[n] = max(self.ready(a) for a in n.args)
            else:
                _, g, positions = n.args
                level[n] = max(self._base_level(n) + 1, self._in_loop(g, g.shape), self.ready(positions))

    def _add_levels(self, n: Node) -> list[int]:
        """For each part of a sum of pieces, the level on which it is added: later than parts that it overlaps."""
        indices = n.params[0]
        levels: list[int] = []
        base = self._base_level(n)
        latest = -1
        for k, (part, index) in enumerate(zip(n.args[1:], indices, strict=True)):
            at = max(base, self._in_loop(part, part.shape))
            if k > _COMPARED:
                at = max(at, latest + 1)
            else:
                for before, other in zip(levels, indices, strict=False):
                    if before >= at and not disjoint(index, other):
                        at = before + 1
            levels.append(at)
            latest = max(latest, at)
        return levels

    def _base_level(self, n: Node) -> int:
        return 0 if literal_of(n.args[0]) is not None else self.ready(n.args[0])

    def _sink(self) -> None:
        """Values used on later levels only are computed there, if that leaves no more to be stored."""
        level, users = self.level, self._users
        kept = set(self.outputs) | {g for g, _ in self.guards}
        for n in reversed(self.nodes):
            if n not in self.maps or n in kept or not users[n]:
                continue
            if not all(self._same_loop(n, u) for u in users[n]):
                continue
            later = min(level[u] for u in users[n])
            if later <= level[n]:
                continue
            stuck = sum(
                1
                for a in dict.fromkeys(n.args)
                if self._joins(a, n.shape) and any(level.get(u, -1) < later for u in users[a] if u is not n)
            )
            if stuck <= 1:
                level[n] = later

    def _same_loop(self, n: Node, user: Node) -> bool:
        """Whether ``user`` takes ``n`` from a register when both are on one level."""
        if user.op is gather.TAKE:
            return False
        if user in self.maps:
            return user.shape == n.shape
        if user.op.name in REDUCTIONS:
            return True
        if user.op is ASSEMBLE:  # its levels stand on those of its parts
            return False
        if user.op is UPDATE:
            return n is not user.args[0]
        return user.op is gather.SCATTER_ADD and n is user.args[1] and n is not user.args[2] and n is not user.args[0]

    # --- what is stored ---------------------------------------------------------------------------------------------

    def _choose_stored(self) -> None:
        level = self.level
        must: set[Node] = set()
        crossing: dict[Node, int] = {}

        def use(a: Node, at: int, space: Shape | None) -> None:
            if space is not None and self._joins(a, space):
                crossing[a] = max(crossing.get(a, -1), at)
                return
            while a.op in VIEWS:
                a = a.args[0]
            must.add(a)

        for n in self.nodes:
            op = n.op
            if op in VIEWS or op is ITEM or not n.args:
                continue
            if op is gather.TAKE:
                for a in n.args:
                    use(a, level[n], None)
            elif n in self.maps:
                for a in n.args:
                    use(a, level[n], n.shape)
            elif op.name in REDUCTIONS:
                use(n.args[0], level[n], n.args[0].shape)
            elif op is ASSEMBLE:
                use(n.args[0], level[n], None)
                for p, at in zip(n.args[1:], self._add_levels(n), strict=True):
                    use(p, at, p.shape)
            elif op is UPDATE:
                if not self._covered(n):
                    use(n.args[0], level[n], None)
                for p in n.args[1:]:
                    use(p, self._part_level(n, p), p.shape)
            elif op is gather.SCATTER_ADD:
                use(n.args[0], level[n], None)
                use(n.args[1], level[n], n.args[1].shape)
                use(n.args[2], level[n], None)
            else:
                for a in n.args:
                    use(a, level[n], None)
        for n in (*self.outputs, *(g for g, _ in self.guards)):
            use(n, 0, None)
        again: dict[Node, float] = {}
        stored: set[Node] = set()
        for n in self.nodes:
            if n not in self.maps:
                continue
            cost = scalar.cost(n.op.name) if n.op.elementwise else 4.0
            cost += sum(again.get(a, 0.0) for a in n.args if self._joins(a, n.shape))
            if n in must or (crossing.get(n, -1) > level[n] and cost > _CHEAP):
                stored.add(n)
                again[n] = 0.0
            else:
                again[n] = cost
        self.stored = stored

    def _covered(self, n: Node) -> bool:
        """Whether the parts of an update fill all of it."""
        found = self._filled.get(n)
        if found is None:  # asked for each part
            found = self._filled[n] = sum(p.size for p in n.args[1:]) >= n.size
        return found

    def _part_level(self, n: Node, part: Node) -> int:
        start = 0 if self._covered(n) else self._base_level(n)
        return max(start, self._in_loop(part, part.shape))

    def _part_loop(self, n: Node, part: Node) -> tuple[int, Shape, int]:
        """Level, space and phase of the loop that writes a part of an update."""
        level = self._part_level(n, part)
        return level, part.shape, self._piece.get(part, 1) if self.level.get(part) == level else 1

    # --- where it is stored -----------------------------------------------------------------------------------------

    def _own(self, n: Node, buffer: Buffer) -> Place:
        buffer.owner = n
        self.buffers.append(buffer)
        place = self.places[n] = whole(buffer, n.shape)
        return place

    def _scratch(self, n: Node) -> Place:
        """A place of its own for ``n``; numbers computed in one piece share a buffer."""
        if n.shape == () and n in self.maps:
            piece = self._piece.get(n)
            key = (n.dtype, None if piece is None else (self.level[n], piece))
            shared = self._shared.get(key)
            if shared is None:
                shared = self._shared[key] = Buffer(SCRATCH, len(self.buffers), 0, n.dtype, first=-1, last=1 << 60)
                self.buffers.append(shared)
            place = self.places[n] = Place(shared, shared.size, (), ())
            shared.size += 1
            return place
        return self._own(n, Buffer(SCRATCH, len(self.buffers), n.size, n.dtype))

    def loop(self, level: int, space: Shape, phase: int = 1) -> Loop:
        key = (level, phase, space)
        found = self._loops.get(key)
        if found is None:
            found = self._loops[key] = Loop(level, space, phase=phase)
        return found

    def _place(self) -> None:
        result: dict[Node, int] = {}
        for k, n in enumerate(self.outputs):
            if n.op not in VIEWS and n.op is not INPUT_OP and n.op is not CONSTANT_OP:
                result.setdefault(n, k)
        for n in self.nodes:
            op = n.op
            if op is INPUT_OP:
                if n not in self.places:
                    raise Unsupported(n)
            elif op is CONSTANT_OP:
                self._own(n, Buffer(CONSTANT, len(self.buffers), n.size, n.dtype, np.ascontiguousarray(n.value)))
            elif op in VIEWS:
                self._view(n)
            elif n in self.maps:
                if n in self.stored:
                    phase = self._piece.get(n, 1)
                    self.loop(self.level[n], n.shape, phase).statements.append(Store(n, self._target(n, result)))
            elif op.name in REDUCTIONS:
                axes = n.params[0] if isinstance(n.params[0], tuple) else (n.params[0],)
                x = n.args[0]
                phase = self._piece.get(x, 1) if self.level.get(x) == self.level[n] else 1
                self.loop(self.level[n], x.shape, phase).statements.append(Reduce(n, self._target(n, result), axes))
            elif op is CONTRACT:
                a, b = (self._placed(x) for x in n.args)
                self.products.append(Product(self.level[n], n, a, b, self._target(n, result)))
            elif op is ASSEMBLE:
                self._assemble(n, result)
            elif op is UPDATE:
                self._update(n, result)
            elif op is gather.SCATTER_ADD:
                self._scatter(n, result)
            elif op is not ITEM:
                self._call(n, result)

    def _call(self, n: Node, result: dict[Node, int]) -> None:
        operands = [self._placed(a) for a in n.args]
        if is_several(n):
            items = {u.params[0]: u for u in self._users[n]}
            outs = []
            for k, (shape, dtype) in enumerate(zip(n.shape, n.dtype, strict=True)):  # type: ignore[call-overload]
                if k in items:
                    outs.append(self._target(items[k], result))
                else:  # nobody asks for it
                    buffer = Buffer(SCRATCH, len(self.buffers), int(np.prod(shape)), dtype)
                    self.buffers.append(buffer)
                    outs.append(whole(buffer, shape))
        else:
            outs = [self._target(n, result)]
        self.calls.append(Call(self.level[n], n, operands, outs))

    def _target(self, n: Node, result: dict[Node, int]) -> Place:
        if n in result:
            return self._own(n, Buffer(OUTPUT, result[n], n.size, n.dtype))
        return self._scratch(n)

    def _placed(self, n: Node) -> Place:
        """The place of a node that lies in memory."""
        return self.places[n]

    def _view(self, n: Node) -> None:
        source = self.places.get(n.args[0])
        if source is None:  # a view of something that is only ever used in registers: nobody asks for it
            return
        place = seen_through(source, n)
        if place is None:
            place = seen_through(self._copied(n.args[0]), n)
            assert place is not None
        self.places[n] = place

    def _copied(self, n: Node) -> Place:
        """A copy of a view in C order."""
        place = self.copies.get(n)
        if place is None:
            buffer = Buffer(SCRATCH, len(self.buffers), n.size, n.dtype, owner=n)
            self.buffers.append(buffer)
            place = self.copies[n] = whole(buffer, n.shape)
            self._copying.append(Loop(self.ready(n), n.shape, [Store(n, place)], phase=-1))
        return place

    def _start(self, n: Node, base: Node, result: dict[Node, int], level: int) -> Place:
        """A place for ``n`` that holds ``base``: its own memory where nobody else reads it later, else a copy."""
        mine = self.places.get(base)
        if (
            mine is not None
            and mine.buffer.kind == SCRATCH
            and base.shape != ()
            and self._users[base] == [n]
            and base.op not in VIEWS
            and n not in result
        ):
            self.places[n] = mine
            return mine
        place = self._target(n, result)
        self.loop(level, n.shape, phase=0).statements.append(Store(base, place))
        return place

    def _update(self, n: Node, result: dict[Node, int]) -> None:
        base, *parts = n.args
        place = self._target(n, result) if self._covered(n) else self._start(n, base, result, self._base_level(n))
        for part, index in zip(parts, n.params[0], strict=True):
            target = at_index(place, index, part.shape)
            self.loop(*self._part_loop(n, part)).statements.append(Store(part, target))

    def _assemble(self, n: Node, result: dict[Node, int]) -> None:
        base, *parts = n.args
        place = self._start(n, base, result, self._base_level(n))
        for part, index, level in zip(parts, n.params[0], self._add_levels(n), strict=True):
            phase = self._piece.get(part, 1) if self.level.get(part) == level else 1
            self.loop(level, part.shape, phase).statements.append(Add(part, at_index(place, index, part.shape)))

    def _scatter(self, n: Node, result: dict[Node, int]) -> None:
        base, g, positions = n.args
        place = self._start(n, base, result, self._base_level(n))
        phase = self._piece.get(g, 1) if self.level.get(g) == self.level[n] else 1
        self.loop(self.level[n], g.shape, phase).statements.append(
            Scatter(g, place, self._placed(positions), n.params[0], known_of(positions, n.shape[n.params[0]]))
        )

    def _emit_results(self) -> None:
        for k, n in enumerate(self.outputs):
            place = self.places[n]
            if place.buffer.kind == OUTPUT and place.buffer.index == k:
                continue
            buffer = Buffer(OUTPUT, k, n.size, n.dtype, owner=n)
            self.buffers.append(buffer)
            self.loop(self.ready(n), n.shape).statements.append(Store(n, whole(buffer, n.shape)))
        for number, (n, answer) in enumerate(self.guards):
            self.checks.append(Check(self.ready(n), self.places[n], answer, number + 1))
