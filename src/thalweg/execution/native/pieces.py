"""Long code cut into pieces.

LLVM's time grows faster than the length of a function (its register allocator and its vectorizer look at the whole of
it), so values that would make one long function are computed in several, one after the other. What one piece computes
and another needs lies in memory between them.

Loops are cut where the operations nearby say so, not by counting alone (as files are cut into chunks by their contents:
Muthitacharoen, Chen & Mazières 2001, "A low-bandwidth network file system"). The steps of an unrolled loop are then cut
in the same places, and equal pieces become one function.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from thalweg.graph import Node, Shape

PIECE = 250  # operations in one straight-line function
_LOOP = 400  # operations in the body of a loop that need no cut
_SHORTEST, _LONGEST = 40, 250  # operations in a piece of such a body
_EVERY = 16  # one of so many places is a good one to cut

_FIRST = 2  # phases of a level: before are copies (0), and loops and products (1)


def cut(
    nodes: Iterable[Node], level: Mapping[Node, int], stored: set[Node], is_map: Callable[[Node], bool]
) -> dict[Node, int]:
    """The piece (a phase of its level) in which each value of a long level is computed.

    Values that another piece of the level needs are added to ``stored``.
    """
    together: dict[tuple[int, Shape], list[Node]] = {}
    for n in nodes:
        if n in level and is_map(n):
            together.setdefault((level[n], n.shape), []).append(n)
    piece: dict[Node, int] = {}
    for (_, shape), values in together.items():
        if len(values) <= (_LOOP if shape else PIECE):
            continue
        for k, part in enumerate(_by_content(values)):
            for n in part:
                mine = piece[n] = _FIRST + k
                for a in n.args:
                    if a.shape == shape and piece.get(a, mine) != mine and level[a] == level[n]:
                        stored.add(a)
    return piece


def _by_content(values: Sequence[Node]) -> Iterator[Sequence[Node]]:
    start = 0
    for k, n in enumerate(values):
        length = k + 1 - start
        if length >= _LONGEST or (length >= _SHORTEST and _is_good(n)):
            yield values[start : k + 1]
            start = k + 1
    if start < len(values):
        yield values[start:]


def _is_good(n: Node) -> bool:
    """Whether to cut behind ``n``: a matter of the operations around it."""
    names = [n.op.name, *(name for a in n.args for name in (a.op.name, *(b.op.name for b in a.args)))]
    return zlib.crc32(" ".join(names).encode()) % _EVERY == 0
