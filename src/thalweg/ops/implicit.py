r"""A function that is known by what it solves: w(p) with F(w, p) = 0.

The values come from a solver that is handed over; the derivative from the equation alone,

    ∂F/∂w · dw + ∂F/∂p · dp = 0,

so it is exact however the solver came there, and costs one linear system.  The rule is written in nodes at w(p) itself,
so it can be differentiated again.

References
----------
Griewank & Walther, *Evaluating Derivatives* (2nd ed.), §15.1; Krantz & Parks, *The Implicit Function Theorem* (2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from thalweg.graph import FLOAT64, Node, Op, Shape, constant, make
from thalweg.ops.gather import take
from thalweg.ops.movement import concatenate, reshape

__all__ = ["IMPLICIT", "Implicit"]


class Implicit(Protocol):
    """What the op asks of the function it stands for."""

    size: int

    def solve(self, *parameters: Any) -> Any:
        """w(p), a float64 vector of `size` numbers."""

    def tangent(self, w: Node, parameters: Sequence[Node], tangents: Sequence[Node | None]) -> Node:
        """dw = −(∂F/∂w)⁻¹ ∂F/∂p dp, in nodes that are linear in the tangents."""


def _infer(*args: Any) -> tuple[Shape, np.dtype[Any]]:
    return (args[-1].size,), FLOAT64


def _evaluate(*args: Any) -> Any:
    *parameters, function = args
    return np.asarray(function.solve(*parameters), dtype=np.float64)


def _jvp(tangents: Sequence[Node | None], args: Sequence[Node], w: Node, function: Implicit) -> Node:
    return function.tangent(w, args, tangents)


def _batch(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, function: Implicit) -> Node:
    """A stack of parameters is solved for one after another."""
    each = []
    for i in range(size):
        own = [_row(a, i) if b else a for a, b in zip(args, batched, strict=True)]
        each.append(reshape(make(IMPLICIT, tuple(own), (function,)), (1, function.size)))
    return concatenate(each, 0)


def _row(x: Node, i: int) -> Node:
    return reshape(take(x, constant(np.array([i])), 0), x.shape[1:])


IMPLICIT = Op("implicit", _infer, _evaluate, family="implicit", jvp=_jvp, batch=_batch,
              note="differentiated through the equation that it solves")  # fmt: skip
