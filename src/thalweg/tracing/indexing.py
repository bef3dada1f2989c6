"""Indexing of every kind, turned into the few ops that read and write places.

A basic index (integers, slices, ``...``, ``None``) is one ``slice`` and perhaps a reshape. Integer arrays become one
``take`` along the joined axes, with positions that are constants or traced. A boolean mask is turned into positions; a
mask that itself depends on the variables is first fixed by a guard. Writing with arrays is a ``take`` from the old
values followed by the new ones, with positions that say for each place which of them stands there last; a single value
is written by a ``where``.

Reference: "Indexing on ndarrays" in NumPy's manual; the rules of combined indices are those of "Advanced indexing".
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from thalweg.graph import Node, Shape, constant, location, shape_error
from thalweg.ops.elementwise import equal, where
from thalweg.ops.gather import in_range, take, writers
from thalweg.ops.movement import broadcast, concatenate, normalize_basic, reshape, slice_, transpose
from thalweg.tracing.context import concrete, lift
from thalweg.tracing.places import flat_position

Key = tuple[Any, ...]
_WRONG_TYPE = "arrays used as indices must be of integer (or boolean) type"


# --- keys -----------------------------------------------------------------------------------------------------------


def plain(key: Any) -> Key:
    """``key`` with tracers replaced by nodes, sequences by arrays; masks under trace are fixed by a guard."""
    if type(key) is tuple:
        return tuple(_plain_entry(k) for k in key)
    return (_plain_entry(key),)


def _plain_entry(entry: Any) -> Any:
    if entry is None or entry is Ellipsis or type(entry) is int:
        return entry
    if isinstance(entry, slice):
        return slice(*(None if e is None else operator.index(e) for e in (entry.start, entry.stop, entry.step)))
    node = getattr(entry, "node", None)
    if isinstance(node, Node):
        return _plain_node(node)
    if isinstance(entry, list | tuple):
        if _holds_node(entry):
            from thalweg.tracing.tracer import stack_sequence

            return _plain_node(stack_sequence(entry))
        array = np.asarray(entry)
        return array.astype(np.int64) if array.size == 0 else _plain_array(array)
    if isinstance(entry, np.ndarray | np.generic | bool):
        return _plain_array(np.asarray(entry))
    try:
        return operator.index(entry)
    except TypeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are "
            "valid indices"
        ) from None


def _holds_node(entry: Any) -> bool:
    return any(_holds_node(e) if isinstance(e, list | tuple) else hasattr(e, "node") for e in entry)


def _plain_array(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.kind == "b":
        return array
    if array.dtype.kind not in "iu":
        raise IndexError(_WRONG_TYPE)
    return array.astype(np.int64, copy=False) if array.ndim else int(array)


def _plain_node(node: Node) -> Any:
    if node.dtype.kind == "b":
        return np.asarray(concrete(node))
    if node.dtype.kind != "i":
        raise IndexError(_WRONG_TYPE)
    return node if node.value is None else _plain_array(np.asarray(node.value))


def is_basic(key: Key) -> bool:
    """Whether a plain key holds no array: NumPy gives a view for it."""
    return all(k is None or k is Ellipsis or type(k) is int or isinstance(k, slice) for k in key)


def cell(shape: Shape, key: Any) -> int | None:
    """The flat position of one element, if ``key`` is one plain integer an axis."""
    if type(key) is int:
        if len(shape) != 1:
            return None
        n = shape[0]
        if not -n <= key < n:
            raise IndexError(f"index {key} is out of bounds for axis 0 with size {n}")
        return key + n if key < 0 else key
    if type(key) is not tuple:
        key = (key,)
    if len(key) != len(shape) or not all(type(k) is int or isinstance(k, np.integer) for k in key):
        return None
    return flat_position(shape, normalize_basic(shape, key))


def _uses(k: Any) -> int:
    """How many axes an entry takes up."""
    if k is None or k is Ellipsis:
        return 0
    return k.ndim if isinstance(k, np.ndarray) and k.dtype.kind == "b" else 1


def expand(key: Key, ndim: int) -> list[Any]:
    """``key`` with the ellipsis written out and full slices for the axes it does not mention."""
    used = sum(map(_uses, key))
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


# --- reading --------------------------------------------------------------------------------------------------------


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
    entries, added = _without_masks(expand(key, x.ndim), x.shape)
    # first the slices, with the axes of the arrays left whole
    whole = [k if isinstance(k, slice) else slice(None) for k, new in zip(entries, added, strict=True) if not new]
    x = slice_(x, normalize_basic(x.shape, whole))
    if any(added):
        sizes = iter(x.shape)
        x = reshape(x, tuple(1 if new else next(sizes) for new in added))
    axes = [i for i, k in enumerate(entries) if not isinstance(k, slice)]
    first, last = axes[0], axes[-1]
    index = _joined_positions([(entries[a], x.shape[a], a) for a in axes])
    if len(axes) == 1:
        return take(x, index, first)
    rest = [i for i in range(x.ndim) if i not in axes]
    start = first if last - first + 1 == len(axes) else 0  # separated by slices: the joined axes come first
    x = transpose(x, tuple([*rest[:start], *axes, *rest[start:]]))
    joined = int(np.prod([x.shape[start + i] for i in range(len(axes))], dtype=np.int64))
    return take(reshape(x, (*x.shape[:start], joined, *x.shape[start + len(axes) :])), index, start)


def _without_masks(entries: list[Any], shape: Shape) -> tuple[list[Any], list[bool]]:
    """Masks written as positions, one array an axis; and which entries stand for a new axis of length one."""
    out: list[Any] = []
    added: list[bool] = []
    axis = 0
    for k in entries:
        if k is None:
            out.append(slice(None))
            added.append(True)
        elif isinstance(k, np.ndarray) and k.dtype.kind == "b":
            for i, n in enumerate(k.shape):
                if n != shape[axis + i]:
                    raise IndexError(
                        f"boolean index did not match indexed array along axis {axis + i}; size of axis is "
                        f"{shape[axis + i]} but size of corresponding boolean axis is {n}"
                    )
            if k.ndim == 0:  # True keeps, False drops: an index on a new axis
                out.append(np.zeros(int(k), dtype=np.int64))
                added.append(True)
            else:
                out.extend(k.nonzero())
                added.extend([False] * k.ndim)
            axis += k.ndim
        else:
            out.append(k)
            added.append(False)
            axis += 1
    return out, added


def _joined_positions(indices: list[tuple[Any, int, int]]) -> Node:
    """One position for several axes taken together (the last axis runs fastest); out of range is NumPy's error."""
    flat: Node | None = None
    for k, n, axis in indices:
        node = k if isinstance(k, Node) else constant(np.asarray(k, dtype=np.int64))
        part = in_range(node, n, axis)
        if flat is not None:
            try:
                np.broadcast_shapes(flat.shape, part.shape)
            except ValueError:
                shapes = " ".join(str(np.shape(i) if not isinstance(i, Node) else i.shape) for i, _, _ in indices)
                raise IndexError(
                    f"shape mismatch: indexing arrays could not be broadcast together with shapes {shapes}"
                ) from None
        flat = part if flat is None else flat * n + part
    assert flat is not None
    return flat


# --- writing --------------------------------------------------------------------------------------------------------


def fit(value: Node, shape: Shape) -> Node:
    """``value`` in the shape of the place where it is written, by NumPy's rules of assignment."""
    if value.shape == shape:
        return value
    given = value.shape
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = reshape(value, value.shape[1:])
    try:
        fits = np.broadcast_shapes(value.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise shape_error(f"could not broadcast input array from shape {given} into shape {shape}")
    return broadcast(value, shape)


def basic_place(shape: Shape, key: Key) -> tuple[Any, Shape]:
    """The stored index of a basic key, and the shape of the place with the axes that ``None`` adds."""
    entries = expand(key, len(shape))
    index = normalize_basic(shape, [k for k in entries if k is not None])
    sizes = iter(range(n)[slice(*i)] for n, i in zip(shape, index, strict=True) if not isinstance(i, int))
    return index, tuple(1 if k is None else len(next(sizes)) for k in entries if not isinstance(k, int))


def put(x: Node, key: Key, value: Node) -> Node:
    """``x`` with ``value`` written at a plain key that holds an array."""
    positions = flat_places(x, key)
    value = fit(value, positions.shape)
    n = x.size
    if value.size == 0:
        return x
    if positions.value is None and positions.shape == ():
        here = equal(constant(np.arange(n, dtype=np.int64).reshape(x.shape)), positions)
        return where(here, value, x)
    seed = value
    while seed.op.name == "broadcast":
        seed = seed.args[0]
    if positions.value is not None and seed.shape == ():
        mask = np.zeros(n, dtype=np.bool_)
        mask[positions.value] = True
        return where(lift(mask.reshape(x.shape)), seed, x)
    both = concatenate([reshape(x, (n,)), reshape(value, (value.size,))], 0)
    return reshape(take(both, writers(reshape(positions, (positions.size,)), n), 0), x.shape)


def put_where(x: Node, mask: Node, value: Node) -> Node:
    """``x`` with one value written wherever ``mask`` is true: nothing is asked of the mask, so no guard."""
    if mask.shape != x.shape[: mask.ndim] or mask.ndim == 0:
        return put(x, (np.asarray(concrete(mask)),), value)
    mask = reshape(mask, (*mask.shape, *(1,) * (x.ndim - mask.ndim)))
    return broadcast(where(mask, value, x), x.shape)


def flat_places(x: Node, key: Key) -> Node:
    """The flat positions at a plain key, in the shape that ``x[key]`` has."""
    before = location.where
    positions = get(constant(np.arange(x.size, dtype=np.int64).reshape(x.shape)), key)
    location.where = before
    return positions


def rounds(positions: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Which entries of a flat list of positions to treat first, second, …, so that no round names a place twice."""
    order = np.argsort(positions, kind="stable")
    ordered = positions[order]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if positions.size else np.zeros(0, np.bool_)
    start = np.maximum.accumulate(np.where(first, np.arange(positions.size), 0))
    turn = np.empty(positions.size, np.int64)
    turn[order] = np.arange(positions.size) - start
    return [np.flatnonzero(turn == k) for k in range(int(turn.max(initial=-1)) + 1)]
