"""Long straight-line code cut into pieces.

LLVM's time grows faster than the length of a function (its register allocator and its vectorizer look at the whole of
it), so scalars that would make one long function are computed in several, one after the other. What one piece computes
and another needs lies in memory between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from thalweg.graph import Node

PIECE = 250  # operations in one function

_FIRST = 2  # phases of a level: before are copies (0), and loops and products (1)


def cut(
    nodes: Iterable[Node], level: Mapping[Node, int], stored: set[Node], is_map: Callable[[Node], bool]
) -> dict[Node, int]:
    """The piece (a phase of its level) in which each scalar of a long level is computed.

    Values that another piece of the level needs are added to ``stored``.
    """
    levels: dict[int, list[Node]] = {}
    for n in nodes:
        if n.shape == () and n in level and is_map(n):
            levels.setdefault(level[n], []).append(n)
    piece: dict[Node, int] = {}
    for scalars in levels.values():
        if len(scalars) <= PIECE:
            continue
        size = -(-len(scalars) // -(-len(scalars) // PIECE))
        for k, n in enumerate(scalars):
            mine = piece[n] = _FIRST + k // size
            for a in n.args:
                if piece.get(a, mine) != mine and level[a] == level[n]:
                    stored.add(a)
    return piece
