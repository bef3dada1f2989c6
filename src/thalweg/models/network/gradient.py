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
from typing import Any

import numpy as np

from thalweg.calculus.gradient import value_and_gradient
from thalweg.calculus.transformed import Transformed
from thalweg.execution import price
from thalweg.execution.native.threads import one_blas_thread
from thalweg.execution.tiers import native_enabled
from thalweg.tracing import tree

__all__ = ["Counted", "Gradient"]


class Gradient:
    """A function's value and gradient with respect to its first argument, in both ways of computing them.

    Kept from one training to the next, it need not be traced again.

    Parameters
    ----------
    loss : callable
        ``loss(parameters, *batch)``, plain NumPy.
    """

    def __init__(self, loss: Callable[..., Any]) -> None:
        self.interpreted = Transformed(loss, 0, value_and_gradient, "value_and_grad", False)
        self.native = Transformed(loss, 0, value_and_gradient, "value_and_grad")


class Counted:
    """The calls of one training.

    Parameters
    ----------
    gradient : Gradient
    structure : PyTreeSpec
        How the parameters nest.

    Examples
    --------
    >>> import numpy as np
    >>> counted = Counted(Gradient(lambda w, X: np.sum((X @ w) ** 2)), tree.LEAF)
    >>> counted([np.ones(2)], (np.eye(2),))
    [np.float64(2.0), array([2., 2.])]
    >>> counted.calls
    {2: 1}
    """

    def __init__(self, gradient: Gradient, structure: Any) -> None:
        self.gradient, self.structure = gradient, structure
        self.calls: dict[int, int] = {}
        self._ways: dict[int, _Way] = {}

    def __call__(self, leaves: list[Any], batch: tuple[Any, ...]) -> Any:
        """Return the value, and the gradient in each array of the parameters."""
        rows = batch[0].shape[0]
        called = self.calls.get(rows, 0)
        self.calls[rows] = called + 1
        way = self._ways.get(rows)
        if way is None or not way.entry.unchanged():
            way = self._ways[rows] = _Way(self.gradient, self._arguments(leaves, batch))
        if not way.native:
            if called < way.limit or not native_enabled():
                with one_blas_thread():
                    return self._run(way, self.gradient.interpreted, leaves, batch)
            way.compile(self.gradient, self._arguments(leaves, batch))
        return self._run(way, self.gradient.native, leaves, batch)

    def _run(self, way: _Way, function: Transformed, leaves: list[Any], batch: tuple[Any, ...]) -> Any:
        if not way.fleeting:
            given = leaves + [a for a in batch if type(a) is np.ndarray] if way.flat else None
            given = leaves + tree.flatten(batch)[0] if given is None else given
            values = way.entry.values(given)
            if values is not None:
                return values
        value, slopes = function(*self._arguments(leaves, batch))  # a guard does not hold: another trace
        return [value, *tree.flatten(slopes)[0]]

    def _arguments(self, leaves: list[Any], batch: tuple[Any, ...]) -> tuple[Any, ...]:
        return (tree.unflatten(self.structure, leaves), *batch)


class _Way:
    """How batches of one size are computed: by which trace, and from which call on by machine code."""

    def __init__(self, gradient: Gradient, arguments: tuple[Any, ...]) -> None:
        self.entry = gradient.interpreted.entry(*arguments)
        self.fleeting = gradient.interpreted.entry(*arguments) is not self.entry  # it is traced anew at each call
        self.flat = all(a is None or type(a) is np.ndarray for a in arguments[1:])
        self.limit = price.calls_that_pay(self.entry.execute.graph)
        self.native = False

    def compile(self, gradient: Gradient, arguments: tuple[Any, ...]) -> None:
        self.entry = gradient.native.entry(*arguments)
        self.entry.execute.compile_now()
        self.native = True
