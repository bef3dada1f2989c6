"""Movement: ops that carry elements from place to place. All are linear; each is the transpose of another.

``slice`` reads a basic index and ``assemble`` adds pieces into a base at such indices; ``update`` overwrites. A sum of
many slice cotangents becomes one ``assemble``, so it costs the total number of elements, not the number of slices times
the size of the array. (Integer positions: see `thalweg.ops.gather`.)

A basic index is a tuple with one entry an axis: an ``int``, or ``(start, stop, step)`` with the stop that Python's
``slice`` would take (``None`` for "past the beginning" of a negative step).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.graph import FLOAT64, Node, Op, Shape, as_node, constant, make, shape_error, zeros_like

Index = tuple[Any, ...]

# --- reshape, transpose, broadcast ----------------------------------------------------------------------------------


def _infer_reshape(x: Node, shape: Shape) -> Any:
    size = 1
    for n in shape:
        size *= n
    if size != x.size:
        raise shape_error(f"reshape: {x.size} elements of shape {x.shape} do not fill the shape {shape}")
    return shape, x.dtype


def _simplify_reshape(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
    (x,), (shape,) = args, params
    if x.shape == shape:
        return x
    if x.op is RESHAPE:
        return make(RESHAPE, (x.args[0],), params)
    if x.op is BROADCAST and x.args[0].shape == ():
        return make(BROADCAST, x.args, (shape,)) if shape else x.args[0]
    if x.value is not None and x.shape == () and shape:
        return make(BROADCAST, (x,), (shape,))
    return None


RESHAPE = Op(
    "reshape",
    _infer_reshape,
    lambda x, shape: np.reshape(x, shape),
    family="movement",
    linear=(0,),
    transpose=lambda g, k, args, shape: reshape(g, args[0].shape),
    batch=lambda args, batched, size, shape: reshape(args[0], (size, *shape)),
    simplify=_simplify_reshape,
)


def reshape(x: Node, shape: Shape) -> Node:
    return make(RESHAPE, (x,), (shape,))


def _infer_transpose(x: Node, axes: Shape) -> Any:
    return tuple(x.shape[a] for a in axes), x.dtype


def _simplify_transpose(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
    (x,), (axes,) = args, params
    if axes == tuple(range(len(axes))):
        return x
    if x.op is TRANSPOSE:
        return make(TRANSPOSE, x.args, (tuple(x.params[0][a] for a in axes),))
    return None


def _inverse(axes: Shape) -> Shape:
    inverse = [0] * len(axes)
    for i, a in enumerate(axes):
        inverse[a] = i
    return tuple(inverse)


TRANSPOSE = Op(
    "transpose",
    _infer_transpose,
    lambda x, axes: np.transpose(x, axes),
    family="movement",
    linear=(0,),
    transpose=lambda g, k, args, axes: transpose(g, _inverse(axes)),
    batch=lambda args, batched, size, axes: transpose(args[0], (0, *(a + 1 for a in axes))),
    simplify=_simplify_transpose,
)


def transpose(x: Node, axes: Shape) -> Node:
    return make(TRANSPOSE, (x,), (axes,))


def move_axis(x: Node, source: int, target: int) -> Node:
    axes = [i for i in range(x.ndim) if i != source]
    axes.insert(target, source)
    return transpose(x, tuple(axes))


def _infer_broadcast(x: Node, shape: Shape) -> Any:
    lead = len(shape) - x.ndim
    if lead < 0 or any(n not in (1, m) for n, m in zip(x.shape, shape[lead:], strict=True)):
        raise shape_error(f"broadcast_to: shape {x.shape} does not stretch to {shape}")
    return shape, x.dtype


def _simplify_broadcast(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
    (x,), (shape,) = args, params
    if x.shape == shape:
        return x
    return make(BROADCAST, x.args, params) if x.op is BROADCAST else None


def _batch_broadcast(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, shape: Shape) -> Node:
    x = args[0]
    lined = reshape(x, (size, *(1,) * (len(shape) - x.ndim + 1), *x.shape[1:]))
    return broadcast(lined, (size, *shape))


BROADCAST = Op(
    "broadcast",
    _infer_broadcast,
    lambda x, shape: np.broadcast_to(x, shape),
    family="movement",
    linear=(0,),
    transpose=lambda g, k, args, shape: unbroadcast(g, args[0].shape),
    batch=_batch_broadcast,
    simplify=_simplify_broadcast,
)


def broadcast(x: Node, shape: Shape) -> Node:
    return make(BROADCAST, (x,), (shape,))


def unbroadcast(g: Node, shape: Shape) -> Node:
    """The transpose of stretching ``shape`` to the shape of ``g``: the sum over the stretched axes."""
    from thalweg.ops.reduce import sum_

    if g.shape == shape:
        return g
    lead = g.ndim - len(shape)
    axes = (*range(lead), *(lead + i for i, n in enumerate(shape) if n == 1 and g.shape[lead + i] != 1))
    return reshape(sum_(g, axes), shape)


# --- basic indexing -------------------------------------------------------------------------------------------------


def to_index(index: Index) -> tuple[Any, ...]:
    """The Python index of a stored one."""
    return tuple(i if isinstance(i, int) else slice(*i) for i in index)


def index_shape(shape: Shape, index: Index) -> Shape:
    return tuple(len(range(*slice(*i).indices(n))) for i, n in zip(index, shape, strict=True) if not isinstance(i, int))


def normalize_basic(shape: Shape, index: Sequence[Any]) -> Index:
    """Integers and slices (one an axis) in stored form; integers out of range raise ``IndexError``."""
    out: list[Any] = []
    for axis, (i, n) in enumerate(zip(index, shape, strict=True)):
        if isinstance(i, slice):
            start, stop, step = i.indices(n)
            length = len(range(start, stop, step))
            if length == 0:
                out.append((0, 0, 1))
            else:
                stop = start + length * step
                out.append((start, None if stop < 0 else stop, step))
        else:
            k = int(i)
            if not -n <= k < n:
                raise IndexError(f"index {k} is out of bounds for axis {axis} with size {n}")
            out.append(k % n if n else k)
    return tuple(out)


def _whole(shape: Shape, index: Index) -> bool:
    return all(not isinstance(i, int) and i == (0, n, 1) for i, n in zip(index, shape, strict=True))


def disjoint(a: Index, b: Index) -> bool:
    """Whether two basic indices of one array certainly share no element (cheap tests only)."""
    for i, j in zip(a, b, strict=True):
        one, two = isinstance(i, int), isinstance(j, int)
        if one and two:
            if i != j:
                return True
        elif one or two:
            k, s = (i, j) if one else (j, i)
            if s[1] is not None and k not in range(*s):
                return True
        elif i[2] > 0 and j[2] > 0 and (i[1] <= j[0] or j[1] <= i[0]):
            return True
    return False


def _infer_slice(x: Node, index: Index) -> Any:
    if not index or (len(index) == 1 and isinstance(index[0], int)):
        return (), x.dtype
    return index_shape(x.shape, index), x.dtype


def _before_updates(x: Node, index: Index) -> tuple[Node, Node | None]:
    """What stands at ``index`` if it was written in one piece, else the oldest array that shows the same there.

    The walk back over the writes is cut short where it would be long: any array on the way is a right answer.
    """
    for _ in range(16):
        written = x.params[0] if x.op is UPDATE else ()
        if not 0 < len(written) <= 8:
            break
        for k in range(len(written)):
            if written[k] == index:
                return x, x.args[k + 1]
            if not disjoint(written[k], index):
                return x, None
        x = x.args[0]
    return x, None


def _simplify_slice(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
    (x,), (index,) = args, params
    op = x.op
    if op is UPDATE:
        before, value = _before_updates(x, index)
        if value is not None:
            return value
        return None if before is x else make(SLICE, (before,), params)
    if op is PACK and isinstance(index[0], int):
        return x.args[index[0]]
    if op is BROADCAST and x.args[0].shape == ():
        shape = index_shape(x.shape, index)
        return make(BROADCAST, x.args, (shape,)) if shape else x.args[0]
    if _whole(x.shape, index):
        return x
    return None


def _kernel_slice(node: Node) -> Callable[[Any], Any]:
    index = node.params[0]
    key = index[0] if len(index) == 1 and isinstance(index[0], int) else to_index(index)
    return lambda x: x[key]


SLICE = Op(
    "slice",
    _infer_slice,
    lambda x, index: x[to_index(index)],
    family="movement",
    linear=(0,),
    transpose=lambda g, k, args, index: assemble(zeros_like(args[0]), (g,), (index,)),
    batch=lambda args, batched, size, index: slice_(args[0], ((0, size, 1), *index)),
    simplify=_simplify_slice,
    kernel=_kernel_slice,
)


def slice_(x: Node, index: Index) -> Node:
    """``x[index]`` for a stored basic index (`normalize_basic`)."""
    return make(SLICE, (x,), (index,))


def _infer_assemble(base: Node, *rest: Any) -> Any:
    return base.shape, base.dtype


def writable(x: Any) -> Any:
    """A copy to write into, in C order whatever the strides of ``x``."""
    return np.array(x, order="C")


def _evaluate_assemble(base: Any, *rest: Any) -> Any:
    *parts, indices = rest
    return assemble_into(writable(base), parts, indices)


def assemble_into(out: Any, parts: Sequence[Any], indices: Sequence[Index]) -> Any:
    for part, index in zip(parts, indices, strict=True):
        out[to_index(index)] += part
    return out


def _batch_pieces(op: Op) -> Callable[..., Node]:
    def batch(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, indices: tuple[Index, ...]) -> Node:
        base = args[0] if batched[0] else broadcast(args[0], (size, *args[0].shape))
        parts = [a if b else broadcast(a, (size, *a.shape)) for a, b in zip(args[1:], batched[1:], strict=True)]
        return make(op, (base, *parts), (tuple(((0, size, 1), *i) for i in indices),))

    return batch


def _simplify_assemble(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
    base, *parts = args
    if not parts:
        return base
    if len(parts) == 1 and _whole(base.shape, params[0][0]) and is_zero(base):
        return parts[0]
    return None


def is_zero(x: Node) -> bool:
    while x.op is BROADCAST:
        x = x.args[0]
    return x.value is not None and x.shape == () and x.value == 0


ASSEMBLE = Op(
    "assemble",
    _infer_assemble,
    _evaluate_assemble,
    family="movement",
    linear=(),  # linear in all arguments together: handled as one map
    batch=None,
    simplify=_simplify_assemble,
    note="base plus pieces added at basic indices",
)
ASSEMBLE.batch = _batch_pieces(ASSEMBLE)


def assemble(base: Node, parts: Sequence[Node], indices: Sequence[Index]) -> Node:
    """``base`` with each part added at its index."""
    return make(ASSEMBLE, (base, *parts), (tuple(indices),))


def _transpose_assemble(g: Node, k: int, args: tuple[Node, ...], indices: tuple[Index, ...]) -> Node:
    return g if k == 0 else slice_(g, indices[k - 1])


def _jvp_assemble(
    tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, indices: tuple[Index, ...]
) -> Node | None:
    base = tangents[0] if tangents[0] is not None else zeros_like(y)
    given = [(t, i) for t, i in zip(tangents[1:], indices, strict=True) if t is not None]
    return assemble(base, [t for t, _ in given], [i for _, i in given])


ASSEMBLE.transpose = _transpose_assemble
ASSEMBLE.jvp = _jvp_assemble


def _evaluate_update(base: Any, *rest: Any) -> Any:
    *parts, indices = rest
    return update_into(writable(base), parts, indices)


def update_into(out: Any, parts: Sequence[Any], indices: Sequence[Index]) -> Any:
    for part, index in zip(parts, indices, strict=True):
        out[to_index(index)] = part
    return out


def _simplify_update(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
    base, *parts = args
    if not parts:
        return base
    if len(parts) == 1 and _whole(base.shape, params[0][0]) and parts[0].dtype == base.dtype:
        return broadcast(parts[0], base.shape)
    return None


UPDATE = Op(
    "update",
    _infer_assemble,
    _evaluate_update,
    family="movement",
    linear=(),
    simplify=_simplify_update,
    note="base with pieces written at basic indices that share no element",
)
UPDATE.batch = _batch_pieces(UPDATE)


def update(base: Node, parts: Sequence[Node], indices: Sequence[Index]) -> Node:
    """``base`` with each part written at its index. The indices share no element; parts broadcast to their place."""
    fitted = [
        broadcast(p, shape) if p.shape != (shape := index_shape(base.shape, i)) else p
        for p, i in zip(parts, indices, strict=True)
    ]
    return make(UPDATE, (base, *fitted), (tuple(indices),))


def _transpose_update(g: Node, k: int, args: tuple[Node, ...], indices: tuple[Index, ...]) -> Node:
    if k == 0:
        return update(g, [as_node(0.0, g.dtype)] * len(indices), indices)
    return slice_(g, indices[k - 1])


def _jvp_update(
    tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, indices: tuple[Index, ...]
) -> Node | None:
    base = tangents[0] if tangents[0] is not None else zeros_like(y)
    return update(base, [t if t is not None else as_node(0.0, y.dtype) for t in tangents[1:]], indices)


UPDATE.transpose = _transpose_update
UPDATE.jvp = _jvp_update

# --- joining --------------------------------------------------------------------------------------------------------


def _infer_pack(*scalars: Node) -> Any:
    return (len(scalars),), np.result_type(*{s.dtype for s in scalars}) if scalars else FLOAT64


def _batch_pack(args: tuple[Node, ...], batched: tuple[bool, ...], size: int) -> Node:
    columns = [reshape(a if b else broadcast(a, (size,)), (size, 1)) for a, b in zip(args, batched, strict=True)]
    return concatenate(columns, 1)


def _evaluate_pack(*scalars: Any) -> Any:
    return np.array(scalars, dtype=np.result_type(*{np.asarray(s).dtype for s in scalars}))


PACK: Op = Op(
    "pack",
    _infer_pack,
    _evaluate_pack,
    family="movement",
    linear=(),
    transpose=lambda g, k, args: slice_(g, (k,)),
    jvp=lambda tangents, args, y: PACK(*[as_node(0.0, y.dtype) if t is None else t for t in tangents]),
    batch=_batch_pack,
    kernel=lambda node: lambda *scalars, dtype=node.dtype: np.array(scalars, dtype=dtype),
    note="scalars to a vector",
)


def pack(scalars: Sequence[Node]) -> Node:
    """A vector of scalar nodes."""
    return make(PACK, tuple(scalars)) if scalars else constant(np.zeros(0))


def _infer_concatenate(*args: Any) -> Any:
    *parts, axis = args
    first = parts[0].shape
    for p in parts[1:]:
        if len(p.shape) != len(first) or any(
            i != axis and m != n for i, (m, n) in enumerate(zip(p.shape, first, strict=True))
        ):
            raise shape_error(f"concatenate: the shapes {first} and {p.shape} differ on an axis other than {axis}")
    total = sum(p.shape[axis] for p in parts)
    return (*first[:axis], total, *first[axis + 1 :]), np.result_type(*{p.dtype for p in parts})


def _transpose_concatenate(g: Node, k: int, args: tuple[Node, ...], axis: int) -> Node:
    start = sum(a.shape[axis] for a in args[:k])
    whole = [(0, n, 1) for n in g.shape]
    whole[axis] = (start, start + args[k].shape[axis], 1)
    return slice_(g, tuple(whole))


def _evaluate_concatenate(*args: Any) -> Any:
    *parts, axis = args
    return np.concatenate(parts, axis)


def _jvp_concatenate(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, axis: int) -> Node:
    return concatenate([zeros_like(a) if t is None else t for t, a in zip(tangents, args, strict=True)], axis)


def _batch_concatenate(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, axis: int) -> Node:
    return concatenate(
        [a if b else broadcast(a, (size, *a.shape)) for a, b in zip(args, batched, strict=True)], axis + 1
    )


CONCATENATE = Op(
    "concatenate",
    _infer_concatenate,
    _evaluate_concatenate,
    family="movement",
    linear=(),
    transpose=_transpose_concatenate,
    jvp=_jvp_concatenate,
    batch=_batch_concatenate,
)


def concatenate(parts: Sequence[Node], axis: int) -> Node:
    parts = tuple(parts)
    return parts[0] if len(parts) == 1 else make(CONCATENATE, parts, (axis,))
