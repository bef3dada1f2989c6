"""Indexing of every kind, turned into the four ops that read and write places.

A basic index (integers, slices, ``...``, ``None``) is one ``slice`` and perhaps a reshape. Integer arrays become one
``take`` along the joined axes, with positions that are constants or traced. A boolean mask is turned into positions; a
mask that itself depends on the variables is first fixed by a guard. Writing with arrays is a ``take`` from the old
values followed by the new ones, with positions that say for each place which of them stands there last.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from thalweg.graph import Node, constant, shape_error
from thalweg.ops.elementwise import where
from thalweg.ops.movement import (
    broadcast,
    concatenate,
    index_shape,
    normalize_basic,
    reshape,
    slice_,
    take,
    transpose,
    update,
    where_negative,
)
from thalweg.tracing.context import concrete, lift

Key = tuple[Any, ...]


def plain(key: Any) -> Any:
    """``key`` with tracers replaced by nodes, sequences by arrays; masks under trace are fixed by a guard."""
    if type(key) is tuple:
        return tuple(_plain_entry(k) for k in key)
    return (_plain_entry(key),)


def _plain_entry(entry: Any) -> Any:
    if isinstance(entry, slice):
        return slice(*(None if e is None else operator.index(e) for e in (entry.start, entry.stop, entry.step)))
    if entry is None or entry is Ellipsis or type(entry) is int or isinstance(entry, np.ndarray):
        return entry
    node = getattr(entry, "node", None)
    if isinstance(node, Node):
        if node.dtype.kind == "b" or node.is_constant:
            return np.asarray(concrete(node)) if node.shape or node.dtype.kind == "b" else int(node.value)
        if node.dtype.kind != "i":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        return node
    if isinstance(entry, np.integer):
        return int(entry)
    if isinstance(entry, list | tuple):
        if any(hasattr(e, "node") for e in entry):
            from thalweg.tracing.tracer import stack_sequence

            return _plain_entry_node(stack_sequence(entry))
        array = np.asarray(entry)
        return array.astype(np.int64) if array.size == 0 else array
    if isinstance(entry, bool | np.bool_):
        return np.asarray(entry)
    try:
        return operator.index(entry)
    except TypeError:
        array = np.asarray(entry)
        if array.dtype.kind in "ib":
            return array
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are valid indices"
        ) from None


def _plain_entry_node(node: Node) -> Any:
    return np.asarray(node.value) if node.is_constant else node


def is_basic(key: Key) -> bool:
    return all(k is None or k is Ellipsis or type(k) is int or isinstance(k, slice) for k in key)


def cell(shape: tuple[int, ...], key: Any) -> int | None:
    """The flat position of one element, if ``key`` is one plain integer an axis."""
    if type(key) is int:
        key = (key,)
    if type(key) is not tuple or len(key) != len(shape):
        return None
    position = 0
    for k, n in zip(key, shape, strict=True):
        if type(k) is not int:
            if not isinstance(k, np.integer):
                return None
            k = int(k)
        if not -n <= k < n:
            raise IndexError(f"index {k} is out of bounds for an axis with size {n}")
        position = position * n + (k + n if k < 0 else k)
    return position


def expand(key: Key, ndim: int) -> list[Any]:
    """``key`` with the ellipsis written out and full slices for the axes it does not mention."""
    used = sum(
        k.ndim if isinstance(k, np.ndarray) and k.dtype.kind == "b" else 1
        for k in key
        if k is not None and k is not Ellipsis
    )
    if used > ndim:
        raise IndexError(f"too many indices for array: array is {ndim}-dimensional, but {used} were indexed")
    if sum(k is Ellipsis for k in key) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    fill = [slice(None)] * (ndim - used)
    out: list[Any] = []
    seen = False
    for k in key:
        if k is Ellipsis:
            out.extend(fill)
            seen = True
        else:
            out.append(k)
    return out if seen else out + fill


def get(x: Node, key: Key) -> Node:
    """``x[key]`` for a plain key."""
    if not is_basic(key):
        return _get_advanced(x, key)
    entries = expand(key, x.ndim)
    y = slice_(x, normalize_basic(x.shape, [k for k in entries if k is not None]))
    if any(k is None for k in entries):
        sizes = iter(y.shape)
        y = reshape(y, tuple(1 if k is None else next(sizes) for k in entries if not isinstance(k, int)))
    return y


def _get_advanced(x: Node, key: Key) -> Node:
    entries = expand(_masks_to_positions(key), x.ndim)
    # first the slices, with the axes of the arrays left whole
    whole = [slice(None) if not isinstance(k, slice) else k for k in entries if k is not None]
    x = slice_(x, normalize_basic(x.shape, whole))
    if any(k is None for k in entries):
        sizes = iter(x.shape)
        x = reshape(x, tuple(1 if k is None else next(sizes) for k in entries))
        entries = [slice(None) if k is None else k for k in entries]
    axes = [i for i, k in enumerate(entries) if not isinstance(k, slice)]
    first, last = axes[0], axes[-1]
    adjacent = last - first + 1 == len(axes)
    index = _joined_positions([(entries[a], x.shape[a], a) for a in axes])
    if len(axes) > 1:
        rest = [i for i in range(x.ndim) if i not in axes]
        start = first if adjacent else 0
        order = [*rest[:start], *axes, *rest[start:]]
        x = transpose(x, tuple(order))
        joined = int(np.prod([x.shape[start + i] for i in range(len(axes))], dtype=np.int64))
        x = reshape(x, (*x.shape[:start], joined, *x.shape[start + len(axes) :]))
        return take(x, index, start)
    return take(x, index, first)


def _masks_to_positions(key: Key) -> Key:
    out: list[Any] = []
    for k in key:
        if isinstance(k, np.ndarray) and k.dtype.kind == "b":
            out.extend(k.nonzero() if k.ndim else ([None] if k else [np.zeros(0, np.int64)]))
        else:
            out.append(k)
    return tuple(out)


def _joined_positions(indices: list[tuple[Any, int, int]]) -> Node:
    """One position for several axes taken together (the last axis runs fastest)."""
    flat: Node | None = None
    if all(not isinstance(k, Node) for k, _, _ in indices):
        total: Any = 0
        for k, n, axis in indices:
            array = np.asarray(k)
            if array.size and (array.min() < -n or array.max() >= n):
                bad = int(array.min()) if array.min() < -n else int(array.max())
                raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {n}")
            total = total * n + np.where(array < 0, array + n, array)
        return constant(np.asarray(total, dtype=np.int64))
    for k, n, _ in indices:
        part = where_negative(k if isinstance(k, Node) else constant(np.asarray(k, dtype=np.int64)), n)
        flat = part if flat is None else flat * n + part
    assert flat is not None
    return flat


def put(x: Node, key: Key, value: Node) -> Node:
    """``x`` with ``value`` written at a plain key."""
    if is_basic(key):
        entries = [k for k in expand(key, x.ndim) if k is not None]
        index = normalize_basic(x.shape, entries)
        return update(x, [_fit(value, index_shape(x.shape, index))], [index])
    if len(key) == 1 and isinstance(key[0], np.ndarray) and key[0].dtype.kind == "b" and value.shape == ():
        mask = key[0]
        if mask.shape == x.shape[: mask.ndim]:
            mask = mask.reshape((*mask.shape, *(1,) * (x.ndim - mask.ndim)))
            return broadcast(where(lift(mask), value, x), x.shape)
    fixed = tuple(np.asarray(concrete(k)) if isinstance(k, Node) else k for k in key)
    positions = np.arange(x.size, dtype=np.int64).reshape(x.shape)[fixed]
    value = _fit(value, positions.shape)
    source = np.arange(x.size, dtype=np.int64)
    source[positions.ravel()] = x.size + np.arange(positions.size)
    both = concatenate([reshape(x, (x.size,)), reshape(value, (value.size,))], 0)
    return reshape(take(both, constant(source), 0), x.shape)


def _fit(value: Node, shape: tuple[int, ...]) -> Node:
    """``value`` in the shape of the place where it is written, by NumPy's rules of assignment."""
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = reshape(value, value.shape[1:])
    try:
        fits = np.broadcast_shapes(value.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise shape_error(f"could not write an array of shape {value.shape} into a place of shape {shape}")
    return broadcast(value, shape)


def target_shape(shape: tuple[int, ...], wanted: Any) -> tuple[int, ...]:
    """A requested shape with its ``-1`` worked out."""
    if isinstance(wanted, int | np.integer):
        wanted = (wanted,)
    target = [operator.index(n) for n in wanted]
    size = int(np.prod(shape, dtype=np.int64))
    if target.count(-1) > 1:
        raise ValueError("can only specify one unknown dimension")
    if -1 in target:
        known = int(np.prod([n for n in target if n != -1], dtype=np.int64))
        if known == 0 or size % known:
            raise shape_error(f"cannot reshape array of size {size} into shape {tuple(target)}")
        target[target.index(-1)] = size // known
    return tuple(target)
