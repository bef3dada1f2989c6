"""Sparsity: which element of the result can depend on which element of the argument, read from the graph.

The derivative along a direction v (`thalweg.transforms.forward`) is a graph that is *linear* in v. Hence only linear
ops ever act on what depends on v, whatever the function is made of, and each of them merely carries, adds up or spreads
its elements: a rule (`thalweg.transforms.reading`) says which elements of its argument an element of the result reads.
Following the rules from v to the result gives the structure of the Jacobian; for the gradient in place of the function,
that of the Hessian: a term that is linear in a variable has lost it there, so the interactions found are the nonlinear
ones (those of Walther 2008, "Computing sparse Hessians with automatic differentiation", without a second kind of rule).

The structure holds for all values that the traced graph holds for: it may be larger than the set of nonzeros at one
point, never smaller. Zeros that stand in constants are used (a banded matrix given as an array), and positions that
only the values decide (a sort) count as everything in reach.

Whether it is worth while to look is seen from a few columns (`share`): the same walk from these alone, which costs
about as much for a dense matrix as a few products with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.graph import Node, is_several, reachable
from thalweg.ops import elementwise as e
from thalweg.transforms.pattern import Pattern, TooDense, at_most, identity, matrix_from, union, written
from thalweg.transforms.reading import RULES, Array, Found, Given, Walk, everything

_PRODUCTS = {e.multiply, e.chain_product}


#: Columns from which the share of entries is estimated.
SAMPLE = 8
#: Entries of a pattern of so few columns; if one has more, the matrix of all columns is not sparse in any case.
_SAMPLED = 1 << 25


def share(moved: Sequence[Node | None], sizes: Sequence[int], directions: Sequence[Node]) -> float:
    """The share of entries of the map that can be nonzero, seen from a few columns; 1 where these have very many.

    Parameters
    ----------
    moved, sizes, directions
        As for `structure`.
    """
    width = sum(d.size for d in directions)
    places = width * np.arange(SAMPLE) // SAMPLE if width > SAMPLE else np.arange(width)
    if width > SAMPLE:  # one in each part, nowhere in step with what repeats
        places += np.random.default_rng(0).integers(0, np.diff(np.append(places, width)))
    try:
        with at_most(_SAMPLED):
            found = structure(moved, sizes, directions, places)
    except TooDense:
        return 1.0
    return found.nnz / max(sum(sizes) * places.size, 1)


def structure(
    moved: Sequence[Node | None], sizes: Sequence[int], directions: Sequence[Node], only: Array | None = None
) -> Any:
    """Where the linear map from ``directions`` to ``moved`` can be nonzero.

    Parameters
    ----------
    moved : sequence of Node or None
        Graphs that are linear in the directions (`thalweg.transforms.forward.pushforward`); ``None`` is zero.
    sizes : sequence of int
        The number of elements of each.
    directions : sequence of Node
        The inputs, side by side the columns.
    only : array of int, optional
        The columns that are followed; the others come out empty.

    Returns
    -------
    scipy.sparse.csr_array of bool
        One row an element of ``moved``, all laid out one after the other; sorted columns.
    """
    walk = Walk(sum(d.size for d in directions), only)
    found: dict[Node, Found] = {}
    start = 0
    followed = None if only is None else np.bincount(only, minlength=walk.width) > 0
    for d in directions:
        keep = None if followed is None else followed[start : start + d.size]
        if d.size and (keep is None or keep.any()):
            own = identity(d.shape, start, walk.width)
            found[d] = own.masked(keep.reshape(d.shape)) if keep is not None and isinstance(own, Pattern) else own
        start += d.size
    wanted = [y for y in moved if y is not None]
    order = reachable(wanted)
    uses: Counter[Node] = Counter(a for n in order for a in n.args)
    uses.update(wanted)
    for n in order:
        if n not in found and n.args:
            pattern = _follow(walk, n, [found.get(a) for a in n.args])
            if pattern is not None:
                found[n] = pattern
        for a in n.args:
            uses[a] -= 1
            if not uses[a]:
                found.pop(a, None)
    return _stacked([None if y is None else found.get(y) for y in moved], sizes, walk.width)


def _stacked(patterns: Sequence[Found | None], sizes: Sequence[int], width: int) -> Any:
    """The patterns of all results, one under the other."""
    from scipy.sparse import csr_array, vstack

    blocks = []
    for p, size in zip(patterns, sizes, strict=True):
        if p is None:
            blocks.append(csr_array((size, width), dtype=bool))
        elif isinstance(p, Pattern):
            blocks.append(p.matrix)
        else:
            columns = written(p)
            blocks.append(matrix_from(np.zeros(columns.size, np.int32), columns, 1, width))
    if not blocks:
        return csr_array((0, width), dtype=bool)
    whole = blocks[0] if len(blocks) == 1 else csr_array(vstack(blocks, format="csr"))
    whole.sort_indices()
    return whole


def _follow(walk: Walk, n: Node, given: Given) -> Found | None:
    """The pattern of ``n``, from those of its arguments; ``None`` if it depends on no direction."""
    if all(p is None for p in given) or (not is_several(n) and n.size == 0):
        return None
    if n.op.elementwise:
        found = _elementwise(walk, n, given)
    else:
        rule = RULES.get(n.op)
        found = everything(walk, n, given) if rule is None else rule(walk, n, given)
    if isinstance(found, Pattern) and n.shape == ():
        found = found.moved(lambda a: a.reshape(()), ())
    return None if isinstance(found, frozenset) and not found else found


def _elementwise(walk: Walk, n: Node, given: Given) -> Found | None:
    """What one of the arguments depends on; nothing through a factor that is known to be 0, or a branch not taken."""
    parts: list[Found] = []
    for k, p in enumerate(given):
        if p is None:
            continue
        keep: Array | None = None
        if n.op in _PRODUCTS:
            keep = walk.known.nonzero(n.args[1 - k])
        elif n.op is e.where and n.args[0].value is not None:
            keep = np.asarray(n.args[0].value) == (k == 1)
        if keep is not None and not keep.all():
            if not keep.any():
                continue
            array = walk.stretched(p, n.shape)
            assert isinstance(array, Pattern)
            p = array.masked(keep)
        parts.append(p)
    return union(parts, n.shape, walk.width) if parts else None
