"""``trace``: the graph of a function, to be looked at: printed, or asked for its plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from thalweg.calculus.transformed import executable
from thalweg.errors import ArgumentError
from thalweg.tracing import tree
from thalweg.tracing.trace import Traced, input_signature, is_traceable, trace_leaves

if TYPE_CHECKING:
    from thalweg.execution.native.plan import Plan


class TracedFunction(Traced):
    """The graph of a function at an example of its arguments."""

    __slots__ = ("name",)

    def __init__(self, traced: Traced, name: str) -> None:
        super(Traced, self).__init__(traced.inputs, traced.outputs)
        self.guards = traced.guards
        self.out_structure = traced.out_structure
        self.fleeting = traced.fleeting
        self.catching = traced.catching
        self.name = name

    def plan(self) -> Plan:
        """What runs where when this graph is executed: machine code or NumPy, which loops and products, which memory.

        For a derivative, ask the derivative: ``tw.grad(f).plan(x)``.

        Returns
        -------
        Plan
            ``print`` shows it; ``steps``, ``flop``, ``bytes`` and ``scratch_bytes`` are there for programs.

        Examples
        --------
        >>> import numpy as np, thalweg as tw
        >>> plan = tw.trace(lambda x: np.sum(np.sin(x) ** 2), np.zeros(1000)).plan()
        >>> plan.flop  # a sine, a square and an addition for each element
        3000
        """
        return executable(self, self.outputs).plan(self.name)


def trace(f: Callable[..., Any], *example: Any, **keywords: Any) -> TracedFunction:
    """The graph of ``f`` at an example of its arguments.

    Parameters
    ----------
    f : callable
        A function written with NumPy.
    *example, **keywords
        Arguments that say shapes and dtypes, and at which Python's ``if`` and ``while`` are decided. Arrays, floats
        and nested containers of these are traced; integers, strings and other objects are passed as they are.

    Returns
    -------
    TracedFunction
        A graph; ``print`` shows one line a node, with the line of the source that made it, and ``print(graph.plan())``
        what runs where.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> graph = tw.trace(lambda x: np.sum(np.sin(x) ** 2), np.zeros(3))
    >>> len(graph)
    4
    """
    if not callable(f):
        raise ArgumentError(f"tw.trace takes a function as its first argument, not a {type(f).__name__}")
    leaves, structure = tree.flatten((example, keywords))
    signatures = [input_signature(x, False) if is_traceable(x) else None for x in leaves]
    traced = trace_leaves(f, leaves, signatures, lambda passed: tree.unflatten(structure, passed))
    return TracedFunction(traced, getattr(f, "__name__", type(f).__name__))
