r"""Value and gradient of a loss over batches, with the same bits whenever a training is repeated.

A function of this library is interpreted at first and becomes machine code when the *time* that was spent has reached
the price (`thalweg.execution.tiers`), and machine code may round the last bit otherwise.  A training repeats its
rounding errors a thousand times over; so here the same rule counts *calls* instead: the first

    N = price to compile / cost of an interpreted call,

both told from the graph alone, are interpreted, with BLAS held to one thread, and all others are machine code.  So the
k-th step of a training is computed in one way, whatever the clock says, however many threads there are, and whether it
was interrupted before.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, prod, sqrt
from typing import Any

from thalweg.calculus.gradient import value_and_grad
from thalweg.execution import price
from thalweg.execution.native.threads import one_blas_thread
from thalweg.execution.tiers import native_enabled
from thalweg.graph import Graph
from thalweg.ops.contract import CONTRACT

__all__ = ["Counted", "Gradient"]

_CALL = 1.5e-6  # seconds of an interpreted step beyond what `price` counts at least
_FLOP = 2e-11


class Gradient:
    """A function's value and gradient with respect to its first argument, in both ways of computing them.

    Kept from one training to the next, it need not be traced again.

    Parameters
    ----------
    loss : callable
        ``loss(parameters, *batch)``, plain NumPy.
    """

    def __init__(self, loss: Callable[..., Any]) -> None:
        self.interpreted = value_and_grad(loss, native=False)
        self.native = value_and_grad(loss)

    def count(self, *arguments: Any) -> int:
        """How many calls with such arguments are interpreted."""
        graph = self.interpreted.executable(*arguments).graph
        return ceil(price.told_seconds(graph) / _seconds(graph))


class Counted:
    """The calls of one training.

    Parameters
    ----------
    gradient : Gradient
    calls : dict, optional
        Of an earlier part of the training: calls by number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> counted = Counted(Gradient(lambda w, X: np.sum((X @ w) ** 2)))
    >>> counted(np.ones(2), np.eye(2))
    (2.0, array([2., 2.]))
    >>> counted.calls
    {2: 1}
    """

    def __init__(self, gradient: Gradient, calls: dict[int, int] | None = None) -> None:
        self.gradient = gradient
        self.calls = dict(calls or {})
        self._limits: dict[int, int] = {}
        self._compiled: set[int] = set()

    def __call__(self, parameters: Any, *batch: Any) -> tuple[Any, Any]:
        """Return value and gradient."""
        rows = batch[0].shape[0]
        called = self.calls.get(rows, 0)
        self.calls[rows] = called + 1
        if rows not in self._compiled:
            if called < self._limit(rows, (parameters, *batch)) or not native_enabled():
                with one_blas_thread():
                    return self.gradient.interpreted(parameters, *batch)
            self.gradient.native.executable(parameters, *batch).compile_now()
            self._compiled.add(rows)
        return self.gradient.native(parameters, *batch)

    def _limit(self, rows: int, arguments: tuple[Any, ...]) -> int:
        found = self._limits.get(rows)
        if found is None:
            found = self._limits[rows] = self.gradient.count(*arguments)
        return found


def _seconds(graph: Graph) -> float:
    """What an interpreted call costs, told from the graph."""
    flop = steps = 0.0
    for n in graph.nodes:
        steps += bool(n.args)
        if n.op is CONTRACT:
            sizes = [prod(m.shape) for m in (*n.args, n)]
            flop += 2 * sqrt(prod(sizes))  # (m, k) times (k, n): mk · kn · mn is the square of mkn
    return price.interpreting_seconds(graph) + steps * _CALL + flop * _FLOP
