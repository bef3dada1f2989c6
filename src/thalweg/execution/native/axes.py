"""``Axis``: a contraction as a nest of loops, each with its steps in the two arguments and in the result.

Of Σ a·b only three steps a loop matter: how far it moves in a, in b and in the result. A label that an argument lacks
and an axis along which it is only stretched are the same thing, a step of 0; transposes and slices are other steps.
Loops that run through memory as one are merged, so most contractions become a product of matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thalweg.execution.native.counting import Size

Labels = tuple[int, ...]


@dataclass(frozen=True)
class Operand:
    """An array in memory: the register with its address, and for each axis its step (in elements) and length.

    One axis may have a length that is known only when the code runs: the register (i64) that holds it.
    """

    pointer: str
    strides: tuple[int, ...]
    shape: tuple[Size, ...]


@dataclass(frozen=True)
class Axis:
    """A loop: how often, its steps in a, b and the result; ``kept`` where the result has it (else it sums)."""

    size: Size
    a: int
    b: int
    o: int
    kept: bool

    @property
    def kind(self) -> str:
        """``rows`` are a's alone, ``columns`` b's; ``inner`` is summed in both."""
        if self.kept:
            return ("still", "columns", "rows", "batch")[2 * bool(self.a) + bool(self.b)]
        return "inner" if self.a and self.b else "lonely"

    def known(self) -> int:
        """The length; a usual one where it is not known yet."""
        return self.size if isinstance(self.size, int) else 256


def axes_of(shapes: Sequence[Sequence[Size]], strides: Sequence[Sequence[int]], labels: Sequence[Labels]) -> list[Axis]:
    """The loops of a contraction of (a, b, result); those of one turn are left out, and those that run on merged."""
    sizes: dict[int, Size] = {}
    steps: dict[int, list[int]] = {}  # in a, b and the result
    for which, (shape, stride, names) in enumerate(zip(shapes, strides, labels, strict=True)):
        for label, n, s in zip(names, shape, stride, strict=True):
            if isinstance(n, str) or label not in sizes:
                sizes[label] = n
            steps.setdefault(label, [0, 0, 0])[which] = s
    kept = set(labels[2])
    found = [Axis(n, steps[x][0], steps[x][1], steps[x][2], x in kept) for x, n in sizes.items() if n != 1]
    return _merged(found)


def _merged(axes: list[Axis]) -> list[Axis]:
    axes = list(axes)
    while True:
        pair = next(((p, q) for p in axes for q in axes if p is not q and _runs_on(p, q)), None)
        if pair is None:
            return axes
        p, q = pair
        assert isinstance(p.size, int) and isinstance(q.size, int)
        axes[axes.index(p)] = Axis(p.size * q.size, q.a, q.b, q.o, q.kept)
        axes.remove(q)


def _runs_on(outer: Axis, inner: Axis) -> bool:
    """Whether a turn of ``outer`` goes on where all turns of ``inner`` end."""
    n = inner.size
    if not isinstance(n, int) or not isinstance(outer.size, int) or outer.kept != inner.kept:
        return False
    return outer.a == n * inner.a and outer.b == n * inner.b and outer.o == n * inner.o
