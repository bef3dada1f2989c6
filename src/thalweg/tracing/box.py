"""A mutable box around an immutable node: views and assignment as in NumPy.

Assigning into an array puts another node into its box. Two things make that cheap and right:

- *pending writes*. Elements (``out[i] = t``) and rows (``out[i, :] = t``) written one by one are kept in a dict and
  brought into the node together, by one op, when the array is next read as a whole. So a loop that fills n places costs
  n, and a recurrence (``out[i] = f(out[i - 1])``) reads back the very node that it wrote.
- *views*. ``row = y[1]``, ``y.T`` and ``y.reshape(2, 3)`` know the box that they show. Writing through a view writes
  into that box; every write raises the version of the storage, and a view whose version is old reads again. Basic
  indices of basic indices are composed, so ``y[i][j] = t`` is ``y[i, j] = t``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Self

from thalweg.graph import Node, Shape, full, location
from thalweg.ops.movement import Index, broadcast, index_shape, normalize_basic, pack, reshape, slice_, update
from thalweg.tracing import indexing, places
from thalweg.tracing.context import mark_place

_FEW = 256  # elements that are gathered one by one rather than by bringing all pending writes into the node


class _Rows:
    """Pending writes that differ only in the integers of their index; so no two of them share an element."""

    __slots__ = ("form", "parts")

    def __init__(self, form: Index) -> None:
        self.form = form
        self.parts: dict[Index, Node] = {}


class View:
    """How a box shows part of another: ``forward`` reads it, ``backward`` writes a change into the whole."""

    __slots__ = ("backward", "flat", "forward", "index", "seen", "storage", "strides", "whole")

    def __init__(
        self,
        whole: Box,
        index: Index | None,
        forward: Callable[[Node], Node] | None = None,
        backward: Callable[[Node, Node], Node] | None = None,
        strides: Shape | None = None,
        flat: bool = False,
    ) -> None:
        self.whole = whole
        self.storage: Box = whole._origin.storage if whole._origin is not None else whole
        self.seen = self.storage._version
        self.index = index  # of a basic index
        self.forward = forward
        self.backward = backward
        self.strides = strides
        self.flat = flat  # the elements of the whole in the same order, in another shape


class Box:
    """Holds a node; knows what was written and not yet brought in, and what it is a view of."""

    __slots__ = ("__weakref__", "_node", "_origin", "_pending", "_version")

    _node: Node  # out of date in a view, and while writes are pending; its shape and dtype are right always
    _pending: dict[int, Node] | _Rows | None
    _origin: View | None
    _version: int

    def __init__(self, node: Node) -> None:
        self._node = node
        self._pending = None
        self._origin = None
        self._version = 0

    @property
    def node(self) -> Node:
        """The node now in the box."""
        if self._pending is not None:
            self._bring_in()
        elif self._origin is not None:
            origin = self._origin
            if origin.seen != origin.storage._version:
                if origin.index is not None:
                    self._node = origin.whole._read(origin.index)
                else:
                    assert origin.forward is not None
                    self._node = origin.forward(origin.whole.node)
                origin.seen = origin.storage._version
        return self._node

    @property
    def layout(self) -> Shape:
        """The strides that the array would have in NumPy, counted in elements: they decide what can be a view."""
        origin = self._origin
        if origin is None:
            return places.c_strides(self._node.shape)
        if origin.index is not None:
            return tuple(
                s * i[2] for s, i in zip(origin.whole.layout, origin.index, strict=True) if not isinstance(i, int)
            )
        return origin.strides if origin.strides is not None else places.c_strides(self._node.shape)

    def seen_through(
        self,
        forward: Callable[[Node], Node],
        backward: Callable[[Node, Node], Node],
        strides: Shape | None = None,
        flat: bool = False,
    ) -> Self:
        """A box that shows this one through ``forward``; ``backward(whole, part)`` is the whole with a new part."""
        mark_place()
        child = type(self)(forward(self.node))
        child._origin = View(self, None, forward, backward, strides, flat)
        return child

    # --- reading ----------------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        frame = sys._getframe(1)
        location.where = (frame.f_code, frame.f_lasti)
        node = self._node
        if type(key) is int and len(node.shape) == 1:
            n = node.shape[0]
            i = key + n if key < 0 else key
            if not 0 <= i < n:
                raise IndexError(f"index {key} is out of bounds for axis 0 with size {n}")
            return self._scalar((i,), i)
        mark_place()
        key = indexing.plain(key)
        if not indexing.is_basic(key):
            return type(self)(indexing.get(self.node, key))
        entries = indexing.expand(key, node.ndim)
        index = normalize_basic(node.shape, [k for k in entries if k is not None])
        if all(type(k) is int for k in index):
            if Ellipsis not in key and None not in entries:
                return self._scalar(index, places.flat_position(node.shape, index))
        child = self._view_at(index)
        if None in entries:
            sizes, strides = iter(child.shape), iter(child.layout)
            target = tuple(1 if k is None else next(sizes) for k in entries if type(k) is not int)
            spread = tuple(0 if k is None else next(strides) for k in entries if type(k) is not int)
            child = child.seen_through(lambda x: reshape(x, target), lambda x, y: reshape(y, x.shape), spread)
        return child

    @property
    def shape(self) -> Shape:
        return self._node.shape

    def _scalar(self, index: Index, position: int) -> Any:
        """One element. An element that is a plain number is given as such: NumPy's scalars cannot be written into."""
        pending = self._pending
        if pending is None:
            if self._origin is None:
                node = slice_(self._node, index)
            else:
                node = self._read(index)
        elif type(pending) is dict:
            found = pending.get(position)
            node = slice_(self._node, index) if found is None else found
        else:
            node = self._read(index)
        return type(self)(node) if node.value is None else node.value

    def _view_at(self, index: Index) -> Self:
        origin = self._origin
        if origin is not None and origin.index is not None:
            index = places.compose(origin.index, index)
            whole = origin.whole
        else:
            whole = self
        child = type(self)(whole._read(index))
        child._origin = View(whole, index)
        return child

    def _read(self, index: Index) -> Node:
        """What stands at a basic index; pending writes are brought in only if they have to be."""
        pending = self._pending
        origin = self._origin
        if pending is None:
            if origin is None:
                return slice_(self._node, index)
            if origin.index is not None:
                return origin.whole._read(places.compose(origin.index, index))
            if origin.flat and all(type(i) is int for i in index) and type(origin.whole._pending) is dict:
                found = origin.whole._pending.get(places.flat_position(self._node.shape, index))
                if found is not None:
                    return found
            return slice_(self.node, index)
        if type(pending) is dict:
            positions = places.flat_positions(self._node.shape, index, _FEW)
            if positions is not None:
                cells = [pending.get(p) for p in positions]
                written = [c for c in cells if c is not None]
                if not written:
                    return slice_(self._node, index)
                if len(written) == len(cells):
                    shape = index_shape(self._node.shape, index)
                    return reshape(pack(written), shape) if shape else written[0]
        else:
            assert isinstance(pending, _Rows)
            place = places.row_of(pending.form, index, self._node.shape)
            if place is not None:
                row, rest = place
                part = pending.parts.get(row)
                if part is None:
                    return slice_(self._node, index)
                return part if rest is None else slice_(part, rest)
        self._bring_in()
        return slice_(self._node, index)

    def _bring_in(self) -> None:
        """Bring the pending writes into the node."""
        pending, self._pending = self._pending, None
        assert pending is not None
        base = self._node
        if type(pending) is dict:
            if len(pending) == base.size:
                self._node = reshape(pack([pending[i] for i in range(base.size)]), base.shape)
                return
            positions = sorted(pending)
            indices = [places.unflatten(p, base.shape) for p in positions]
            self._node = update(base, [pending[p] for p in positions], indices)
            return
        assert isinstance(pending, _Rows)
        if places.covers(pending.form, base.shape, len(pending.parts)):
            base = full(base.shape, 0, base.dtype)  # nothing is left of what was there
        self._node = update(base, list(pending.parts.values()), list(pending.parts))

    # --- writing ----------------------------------------------------------------------------------------------------

    def assign(self, node: Node) -> None:
        """Change the whole contents: views of this array, and the array that this is a view of, change with it."""
        origin = self._origin
        if origin is None:
            self._version += 1
            self._pending = None
            self._node = node
        elif origin.index is not None:
            origin.whole.write(origin.index, node)
        else:
            assert origin.backward is not None
            origin.whole.assign(origin.backward(origin.whole.node, node))

    def write(self, index: Index, value: Node) -> None:
        """Write at a basic index a value that fits there."""
        origin = self._origin
        if origin is not None:
            if origin.index is not None:
                origin.whole.write(places.compose(origin.index, index), value)
            elif origin.flat and origin.whole._origin is None and all(type(i) is int for i in index):
                position = places.flat_position(self._node.shape, index)
                origin.whole.write(places.unflatten(position, origin.whole._node.shape), value)
            else:
                self.assign(update(self.node, [value], [index]))
            return
        self._version += 1
        integers = sum(type(i) is int for i in index)
        if integers == len(index) and integers:
            self._write_cell(index, value)
        elif integers:
            self._write_row(index, value)
        else:
            self._pending_in()
            if value is not slice_(self._node, index):
                self._node = update(self._node, [value], [index])

    def _write_cell(self, index: Index, value: Node) -> None:
        if type(self._pending) is _Rows and self._write_within_row(index, value):
            return
        if type(self._pending) is not dict:
            self._pending_in()
            self._pending = {}
        assert type(self._pending) is dict
        self._pending[places.flat_position(self._node.shape, index)] = value

    def _write_row(self, index: Index, value: Node) -> None:
        shape = index_shape(self._node.shape, index)
        value = broadcast(value, shape) if value.shape != shape else value
        form = tuple(None if type(i) is int else i for i in index)
        pending = self._pending
        if type(pending) is not _Rows or pending.form != form:
            if type(pending) is _Rows and self._write_within_row(index, value):
                return
            self._pending_in()
            pending = self._pending = _Rows(form)
        pending.parts[index] = value

    def _write_within_row(self, index: Index, value: Node) -> bool:
        assert type(self._pending) is _Rows
        place = places.row_of(self._pending.form, index, self._node.shape)
        if place is None or place[1] is None:
            return False
        row, rest = place
        assert rest is not None
        part = self._pending.parts.get(row)
        self._pending.parts[row] = update(slice_(self._node, row) if part is None else part, [value], [rest])
        return True

    def _pending_in(self) -> None:
        if self._pending is not None:
            self._bring_in()
