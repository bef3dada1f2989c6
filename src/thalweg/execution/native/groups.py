"""Which tasks run together over tiles of rows: what keeps intermediate values in the cache, and all cores at work.

Axes that belong together (the observations in a table, the pixels of an image) form a class: elementwise operations
match them, contractions name them, views keep them. Tasks that treat each row of one class for itself, or add over
them, are carried out for a tile of rows after another, all tasks on one tile before the next. Values that only these
tasks see need memory for one tile; sums over rows are collected once a chunk of tiles and added up in the order of the
chunks, so results do not depend on the number of threads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from thalweg.execution.native import scalar
from thalweg.execution.native.accesses import registers, source
from thalweg.execution.native.layout import SCRATCH, Buffer, Place, c_strides
from thalweg.execution.native.rows import Rows
from thalweg.execution.native.schedule import Schedule
from thalweg.execution.native.tasks import Add, Call, Loop, Product, Reduce, Scatter, Store
from thalweg.graph import Node
from thalweg.ops import gather
from thalweg.ops.contract import CONTRACT
from thalweg.ops.movement import BROADCAST, RESHAPE, SLICE, TRANSPOSE, UPDATE

_WORTH = 40_000.0  # ns of work from which tiles, and threads, pay
_CHUNK = 20_000.0  # ns of work in a chunk at least
_CACHE = 512 << 10  # bytes of values that a tile may keep
_CHUNKS = 16  # at most
_FEWEST = 32  # rows that make tiles worth while
_SUMS = 8 << 20  # bytes of sums over rows, all chunks together


@dataclass(eq=False)
class Group:
    """Tasks carried out tile by tile."""

    tasks: list[Any]
    rows: Rows


class Classes:
    """The axes of all nodes, joined where they run over the same rows (union–find)."""

    def __init__(self, nodes: Sequence[Node], loops: Sequence[Loop]) -> None:
        self._parent: dict[Any, Any] = {}
        for n in nodes:
            self._join_node(n)
        for loop in loops:
            nodes_here = [source(s) for s in loop.statements]
            for n in nodes_here[1:]:
                for i in range(len(loop.space)):
                    self.join((nodes_here[0], i), (n, i))

    def find(self, x: Any) -> Any:
        parent = self._parent
        root = x
        while (up := parent.get(root, root)) is not root and up != root:
            root = up
        while x != root:
            parent[x], x = root, parent.get(x, root)
        return root

    def join(self, a: Any, b: Any) -> None:
        a, b = self.find(a), self.find(b)
        if a != b:
            self._parent[a] = b

    def axis(self, n: Node, rows: Any) -> int | None:
        """The one axis of ``n`` in the class ``rows``; −1 if there are several."""
        found = [i for i in range(n.ndim) if n.shape[i] > 1 and self.find((n, i)) == rows]
        return None if not found else found[0] if len(found) == 1 else -1

    def _match(self, a: Node, n: Node, shift: int = 0) -> None:
        """Axes of ``a`` aligned to the right with those of ``n``."""
        lead = n.ndim - a.ndim
        for i in range(a.ndim):
            if a.shape[i] == n.shape[lead + i]:
                self.join((a, i), (n, lead + i))

    def _join_node(self, n: Node) -> None:
        op = n.op
        if op is gather.TAKE:
            x, positions = n.args
            k, p = n.params[0], positions.ndim
            for i in range(positions.ndim):
                self.join((positions, i), (n, k + i))
            for i in range(x.ndim):
                if i != k:
                    self.join((x, i), (n, i if i < k else i + p - 1))
        elif op.elementwise or op is BROADCAST or op is gather.IN_RANGE:
            for a in n.args:
                self._match(a, n)
        elif op is TRANSPOSE:
            for i, k in enumerate(n.params[0]):
                self.join((n.args[0], k), (n, i))
        elif op is SLICE:
            x = n.args[0]
            kept = 0
            for i, entry in enumerate(n.params[0]):
                if isinstance(entry, int):
                    continue
                if entry == (0, x.shape[i], 1):
                    self.join((x, i), (n, kept))
                kept += 1
        elif op is RESHAPE:
            self._reshape(n.args[0], n)
        elif op is CONTRACT:
            la, lb, lo = n.params
            seen: dict[int, Any] = {}
            for node, labels in ((n.args[0], la), (n.args[1], lb), (n, lo)):
                for i, label in enumerate(labels):
                    if label in seen:
                        self.join(seen[label], (node, i))
                    seen[label] = (node, i)
        elif op is UPDATE:
            self._match(n.args[0], n)
            for part, index in zip(n.args[1:], n.params[0], strict=True):
                kept = 0
                for i, entry in enumerate(index):
                    if isinstance(entry, int):
                        continue
                    if entry == (0, n.shape[i], 1):
                        self.join((part, kept), (n, i))
                    kept += 1
        elif op is gather.SCATTER_ADD:
            self._match(n.args[0], n)
        elif op.family == "reduce" and n.args and n.shape == n.args[0].shape:  # a scan
            for a in n.args:
                self._match(a, n)
        elif op.family == "reduce" and n.args:
            axes = n.params[0] if isinstance(n.params[0], tuple) else (n.params[0],)
            kept = 0
            for i in range(n.args[0].ndim):
                if i not in axes:
                    self.join((n.args[0], i), (n, kept))
                    kept += 1

    def _reshape(self, x: Node, n: Node) -> None:
        old = [i for i in range(x.ndim) if x.shape[i] != 1]
        new = [i for i in range(n.ndim) if n.shape[i] != 1]
        while old and new and x.shape[old[0]] == n.shape[new[0]]:
            self.join((x, old.pop(0)), (n, new.pop(0)))
        while old and new and x.shape[old[-1]] == n.shape[new[-1]]:
            self.join((x, old.pop()), (n, new.pop()))


class Grouping:
    """Finds the groups among the tasks of a schedule."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.tasks = schedule.tasks
        self.reads: dict[Any, dict[Buffer, list[tuple[Place, tuple[int, ...] | None]]]] = {}
        self.work = {t: self._work(t) for t in self.tasks}

    def groups(self) -> list[Any]:
        """The tasks in order, those that share tiles put together."""
        if sum(self.work.values()) < _WORTH:
            return self.tasks
        loops = [t for t in self.tasks if isinstance(t, Loop)]
        self.classes = Classes(self.schedule.nodes, loops)
        return self._grouped(self.tasks, 3)

    @cached_property
    def inner(self) -> dict[Any, list[Node]]:
        """What each loop computes in registers; found only where somebody looks closer."""
        return {t: registers(t, self.schedule) if isinstance(t, Loop) else [] for t in self.tasks}

    def _grouped(self, tasks: list[Any], depth: int) -> list[Any]:
        if depth == 0 or sum(self.work[t] for t in tasks) < _WORTH:
            return tasks
        weight: dict[Any, float] = defaultdict(float)
        count: dict[Any, int] = {}
        for t in tasks:
            for rows, n in self._candidates(t).items():
                weight[rows] += self.work[t]
                count[rows] = n
        # long axes first: what has many rows can be cut into tiles that are still long
        best = max(weight, key=lambda r: weight[r] * min(count[r], 4096) ** 0.5, default=None)
        if best is None or weight[best] < _WORTH or count[best] < _FEWEST:
            return tasks
        axis = {t: a for t in tasks if (a := self._row_axis(t, best)) is not None}
        level = self._levels(tasks, axis, best)
        result: list[Any] = []
        for k in range(max(level.values(), default=0) + 1):
            between = [t for t in tasks if level[t] == k and t not in axis]
            result.extend(self._grouped(between, depth - 1))
            inside = [t for t in tasks if level[t] == k and t in axis]
            if inside:
                result.extend(self._group(inside, tasks, axis, best, count[best]))
        return result

    # --- classes and axes -------------------------------------------------------------------------------------------

    def _candidates(self, t: Any) -> dict[Any, int]:
        if isinstance(t, Call):
            return {}
        if isinstance(t, Product):
            pairs = [(n, i) for n in (*t.node.args, t.node) for i in range(n.ndim)]
        else:
            pairs = [(source(t.statements[0]), i) for i in range(len(t.space))]
        return {self.classes.find((n, i)): n.shape[i] for n, i in pairs if n.shape[i] > 1}

    def _row_axis(self, t: Any, rows: Any) -> int | None:
        """The axis of the space of a task (the label of a product) that runs over ``rows``, if it treats rows apart."""
        find = self.classes.find
        if isinstance(t, Call):
            return None
        if isinstance(t, Product):
            la, lb, lo = t.node.params
            labels = {
                label
                for node, ls in ((t.node.args[0], la), (t.node.args[1], lb), (t.node, lo))
                for i, label in enumerate(ls)
                if find((node, i)) == rows
            }
            if len(labels) != 1:
                return None
            (label,) = labels
            if la.count(label) > 1 or lb.count(label) > 1:
                return None
            if label not in lo:  # a sum over rows: every chunk has its own, which must be small beside what it reads
                a, b = t.node.args
                return label if 16 * t.node.size <= a.size + b.size else None
            return label
        if any(isinstance(s, Scatter) for s in t.statements):
            return None
        n = source(t.statements[0])
        found = [i for i in range(len(t.space)) if t.space[i] > 1 and find((n, i)) == rows]
        if len(found) != 1:
            return None
        if any(s.node.op.name == "prod" for s in t.statements if isinstance(s, Reduce)):
            return None
        return found[0]

    # --- what depends on what ---------------------------------------------------------------------------------------

    def accesses(self, t: Any, axis: int | None) -> list[tuple[Place, int | None, bool]]:
        """(place, its axis over the rows, written) of everything that a task touches."""
        places = self.schedule.places
        if isinstance(t, Call):
            return [*((p, None, False) for p in t.operands), *((p, None, True) for p in t.outs)]
        if isinstance(t, Product):
            la, lb, lo = t.node.params
            return [
                (p, ls.index(axis) if axis in ls else None, w)
                for p, ls, w in ((t.a, la, False), (t.b, lb, False), (t.out, lo, True))
            ]
        rank = len(t.space)
        found: list[tuple[Place, int | None, bool]] = []

        def against(place: Place) -> int | None:
            if axis is None:
                return None
            k = axis - (rank - len(place.shape))
            return k if k >= 0 and place.shape[k] == t.space[axis] else None

        inside = set(self.inner[t])
        for n in self.inner[t]:
            if n.op is gather.TAKE:
                x, positions = n.args
                k, p = n.params[0], positions.ndim
                xs, ps = places[x], places.get(positions)
                row = None
                if axis is not None and not k <= axis < k + p:
                    row = axis if axis < k else axis - p + 1
                found.append((xs, row, False))
                if ps is not None:
                    found.append((ps, axis - k if axis is not None and k <= axis < k + p else None, False))
                continue
            found.extend((places[a], against(places[a]), False) for a in n.args if a not in inside and a in places)
        for s in t.statements:
            n = source(s)
            if n not in inside and n in places:
                found.append((places[n], against(places[n]), False))
            if isinstance(s, Store):
                found.append((s.place, axis, True))
                if isinstance(s, Add):
                    found.append((s.place, axis, False))
            elif isinstance(s, Reduce):
                row = None
                if axis is not None and axis not in s.axes:
                    row = axis - sum(1 for a in s.axes if a < axis)
                found.append((s.place, row, True))
            else:
                found.append((s.place, None, True))
                found.append((s.place, None, False))
                found.append((s.positions, None, False))
        return found

    def _aligned(self, place: Place, row: int | None, rows: Any) -> int | None:
        """The axis of the buffer's owner along which ``place`` walks row by row, or ``None``."""
        owner = place.buffer.owner
        if row is None or owner is None:
            return None
        axis = self.classes.axis(owner, rows)
        if axis is None or axis < 0 or owner.shape[axis] != place.shape[row] or owner.size == 0:
            return None
        step = c_strides(owner.shape)[axis]
        span = step * owner.shape[axis]
        if place.strides[row] != step or place.offset % span >= step:
            return None
        if any(abs(s) >= step and s % span for k, s in enumerate(place.strides) if k != row and place.shape[k] > 1):
            return None
        return axis

    def _levels(self, tasks: list[Any], axis: dict[Any, int], rows: Any) -> dict[Any, int]:
        writers: dict[Buffer, list[tuple[Any, bool]]] = defaultdict(list)
        readers: dict[Buffer, list[Any]] = defaultdict(list)
        level: dict[Any, int] = {}
        for t in tasks:
            here = 0
            mine = axis.get(t)
            touched = self.accesses(t, mine)
            for place, row, writes in touched:
                inside = mine is not None and self._aligned(place, row, rows) is not None
                for w, kept in writers[place.buffer]:
                    if w is t:
                        continue
                    if w in axis:
                        here = max(here, level[w] + (0 if inside and kept else 1))
                    else:
                        here = max(here, level[w])
                if writes:  # after those that read what stood there before
                    for r in readers[place.buffer]:
                        if r is not t:
                            here = max(here, level[r] + (0 if r not in axis or inside else 1))
            level[t] = here
            for place, row, writes in touched:
                if writes:
                    writers[place.buffer].append((t, mine is not None and self._aligned(place, row, rows) is not None))
                else:
                    readers[place.buffer].append(t)
        return level

    # --- tiles ------------------------------------------------------------------------------------------------------

    def _group(self, inside: list[Any], tasks: list[Any], axis: dict[Any, int], rows: Any, count: int) -> list[Any]:
        work = sum(self.work[t] for t in inside)
        if work < _WORTH or all(isinstance(t, Product) for t in inside):  # products alone are divided as they are
            return inside
        members = set(inside)
        outside: set[Buffer] = set()
        for t in self.tasks:
            if t not in members:
                outside.update(p.buffer for p, _, _ in self.accesses(t, axis.get(t)))
        for c in self.schedule.checks:
            outside.add(c.place.buffer)
        aligned: dict[Buffer, set[int | None]] = defaultdict(set)
        sums: dict[Buffer, str] = {}
        for t in inside:
            for place, row, writes in self.accesses(t, axis[t]):
                aligned[place.buffer].add(self._aligned(place, row, rows))
                if writes and row is None:
                    sums[place.buffer] = "sum" if isinstance(t, Product) else self._verb(t, place)
        local: dict[Buffer, int] = {}
        for buffer, found in aligned.items():
            if buffer.kind == SCRATCH and buffer not in outside and len(found) == 1 and buffer.owner is not None:
                (k,) = found
                if k is not None:
                    local[buffer] = k
        per_row = sum(b.bytes for b in local) / count
        chunks = int(min(_CHUNKS, count, max(1, work // _CHUNK)))
        total = sum(b.bytes for b in sums)
        if total:
            chunks = max(1, min(chunks, _SUMS // total))
        chunk = -(-count // chunks)
        products = any(isinstance(t, Product) for t in inside)
        if products:
            chunk = min(count, max(chunk, 64))
        tile = chunk
        if per_row:
            tile = max(int(_CACHE // per_row), 64 if products else 16)
            tile = min(chunk, -(-tile // 8) * 8)
        tile = -(-chunk // -(-chunk // tile))
        chunk = -(-chunk // tile) * tile
        if chunk >= count and tile >= count:
            return inside
        return [Group(inside, Rows(count, tile, chunk, {t: axis[t] for t in inside}, local, sums, work))]

    def _verb(self, t: Loop, place: Place) -> str:
        return next(s.node.op.name for s in t.statements if isinstance(s, Reduce) and s.place is place)

    # --- work -------------------------------------------------------------------------------------------------------

    def _work(self, t: Any) -> float:
        """Nanoseconds, roughly, on one core."""
        if isinstance(t, Call) or (isinstance(t, Loop) and t.space == ()):  # not for tiles
            return 0.0
        if isinstance(t, Product):
            la, lb, _ = t.node.params
            size = {label: n for ls, x in ((la, t.node.args[0]), (lb, t.node.args[1])) for label, n in zip(ls, x.shape)}
            flops = 2.0
            for n in size.values():
                flops *= n
            moved = sum(x.size for x in (*t.node.args, t.node))
            return flops / 25.0 + moved * 0.3
        points = 1.0
        for n in t.space:
            points *= n
        cost = sum(scalar.cost(n.op.name) if n.op.elementwise else 4.0 for n in registers(t, self.schedule))
        return points * (0.12 * cost + 0.3 * len(t.statements) + 0.2)
