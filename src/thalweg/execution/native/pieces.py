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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from thalweg.graph import Node, Shape

PIECE = 250  # operations in one straight-line function
_LOOP = 400  # operations in the body of a loop that need no cut
_SHORTEST, _LONGEST = 40, 250  # operations in a piece of such a body; of straight-line code, so many times as many
_STRAIGHT = 2
_EVERY = 8  # one of so many kinds of places is a good one to cut

_FIRST = 2  # phases of a level: before are copies (0), and loops and products (1)


def cut(nodes: Iterable[Node], level: Mapping[Node, int], stored: set[Node], maps: set[Node]) -> dict[Node, int]:
    """The piece (a phase of its level) in which each value of a long level is computed.

    Values that another piece of the level needs are added to ``stored``.
    """
    together: dict[tuple[int, Shape], list[Node]] = {}
    for n in nodes:
        if n in maps:
            together.setdefault((level[n], n.shape), []).append(n)
    piece: dict[Node, int] = {}
    for (_, shape), values in together.items():
        if len(values) <= (_LOOP if shape else PIECE):
            continue
        for k, part in enumerate(_by_content(values, 1 if shape else _STRAIGHT)):
            for n in part:
                mine = piece[n] = _FIRST + k
                for a in n.args:
                    if a.shape == shape and piece.get(a, mine) != mine and level[a] == level[n]:
                        stored.add(a)
    return piece


def _by_content(values: Sequence[Node], times: int) -> Iterator[Sequence[Node]]:
    start = 0
    good: dict[Any, bool] = {}
    for k, n in enumerate(values):
        length = k + 1 - start
        if length < times * _SHORTEST:
            continue
        around = (n.op, *[a.op for a in n.args])
        found = good.get(around)
        if found is None:
            found = good[around] = zlib.crc32(" ".join(op.name for op in around).encode()) % _EVERY == 0
        if found or length >= times * _LONGEST:
            yield values[start : k + 1]
            start = k + 1
    if start < len(values):
        yield values[start:]
