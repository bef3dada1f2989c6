r"""The derivatives of a mathematical program: of an objective together with its constraints, from one trace.

    minimize f(x)   subject to   c(x) in a range,

asks at every point for f, ∇f, c and the Jacobian J of c, which share most of their work: one graph gives the four.
Second derivatives are those of the Lagrangian, σ f + Σ yᵢ cᵢ, taken as one scalar function, so that no Hessian of a
single constraint is ever formed.  Both come dense, or sparse where the structure that is read from the graph has few
entries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from thalweg.calculus.call import Assemble, Variables
from thalweg.calculus.gradient import gradients
from thalweg.calculus.jacobian import dense_hessian, hessian, jacobian_blocks
from thalweg.calculus.sparse import sparse_hessian, sparse_jacobian
from thalweg.calculus.transformed import Transformed, executable
from thalweg.errors import ArgumentError
from thalweg.graph import FLOAT64, Node, as_node, building, input_node
from thalweg.ops.contract import matmul
from thalweg.ops.elementwise import astype
from thalweg.ops.movement import concatenate, reshape
from thalweg.tracing.trace import Traced
from thalweg.transforms.degree import polynomial_degree
from thalweg.transforms.smooth import is_smooth
from thalweg.transforms.squares import squares_in

__all__ = ["Program", "is_too_dense", "sum_of_squares"]


class Program:
    """The first and second derivatives of ``f(x, *args) -> (value, c)``, c a vector (of no rows, perhaps).

    Parameters
    ----------
    f : callable
        The program.
    sparse : bool
        Whether Jacobian and Hessian are `scipy.sparse.csr_array`.

    Attributes
    ----------
    degree : float
        Of the objective as a polynomial, by the last trace; ∞ where it is none, or asked an ``if``.
    smooth : bool
        Whether f and c are known to have no kinks, by the last trace.
    rows : int
        Number of rows of c.
    squares : bool
        Whether the objective is a sum of squares by its ops, and asked no ``if``.

    Examples
    --------
    >>> program = Program(lambda x: (x[0] ** 3 + x[1], x[:1] * x[1:]))
    >>> f, g, c, J = program.values(np.array([1.0, 2.0]))
    >>> float(f), g, c, J, program.degree
    (3.0, array([3., 1.]), array([2.]), array([[2., 1.]]), 3.0)
    >>> program.hessian(np.array([1.0, 2.0]), 1.0, np.array([10.0]))
    array([[ 6., 10.],
           [10.,  0.]])
    """

    def __init__(self, f: Callable[..., Any], sparse: bool = False) -> None:
        self.sparse = sparse
        self.degree = float("inf")
        self.smooth = False
        self.squares = False
        self.rows = 0
        self.values = Transformed(f, 0, self._rule, "minimize")
        self._general = hessian(_lagrangian(f), sparse=sparse)

    def hessian(self, x: Any, factor: float, y: Any, *args: Any) -> Any:
        """Return σ ∇²f + Σ yᵢ ∇²cᵢ at x: from the trace that `values` used last, where it holds."""
        if not args and (entry := self.values.last_used()) is not None:
            made: Any = entry.assemble
            found = made.second(x, factor, y)
            if found is not None:
                return found
        return self._general(x, float(factor), y, *args)

    def _rule(self, traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
        y, c = traced.outputs
        value, (slope,) = gradients(_part(traced, y), variables, "minimize")
        c = c if c.dtype.kind == "f" else astype(c, FLOAT64)
        whole = not traced.guards  # where an `if` was asked, another piece of the function may be anything
        self.degree = polynomial_degree([y], variables.nodes) if whole else float("inf")
        self.smooth = whole and is_smooth([y, c], variables.nodes)
        self.rows = c.size
        self.squares = whole and squares_in(y) is not None
        n = slope.size
        if not c.size:
            nothing = (np.zeros(0), _no_rows(n, self.sparse))
            return [value, slope], _Values(self, traced, variables, lambda values: (*values, *nothing))
        if not self.sparse:
            ((J,),) = jacobian_blocks([c], variables.nodes)
            return [value, slope, c, J], _Values(self, traced, variables, tuple)
        nodes, matrix = sparse_jacobian(_part(traced, c), variables)
        return [value, slope, c, *nodes], _Values(
            self, traced, variables, lambda values: (*values[:3], matrix(values[3:]))
        )


class _Values:
    """What one trace gives: it puts values together, and makes second derivatives when they are first asked for."""

    __slots__ = ("_program", "_put_together", "_second", "_traced", "_variables")

    def __init__(self, program: Program, traced: Traced, variables: Variables, put_together: Assemble) -> None:
        self._program = program
        self._traced = traced
        self._variables = variables
        self._put_together = put_together
        self._second: tuple[Any, Assemble] | None = None

    def __call__(self, values: Sequence[Any]) -> Any:
        return self._put_together(values)

    def second(self, x: Any, factor: float, y: Any) -> Any:
        """The Hessian of the Lagrangian; ``None`` where this trace is not for x."""
        if self._second is None:
            with building():
                self._second = self._made()
        execute, assemble = self._second
        if self._traced.outputs[1].size:
            values = execute(x, np.float64(factor), y)
            return None if values is None else assemble(values)
        values = execute(x)
        if values is None:
            return None
        H = assemble(values)
        return H if factor == 1.0 else factor * H

    def _made(self) -> tuple[Any, Assemble]:
        traced, (value, c) = self._traced, self._traced.outputs
        inputs = list(traced.inputs)
        if c.size:
            factor, y = input_node((), FLOAT64), input_node((c.size,), FLOAT64)
            value = factor * astype(value, FLOAT64) + matmul(y, astype(c, FLOAT64))
            inputs += [factor, y]
        rule = sparse_hessian if self._program.sparse else dense_hessian
        outputs, assemble = rule(_part(traced, value), self._variables)
        return executable(_part(traced, *outputs, inputs=inputs), outputs), assemble


def sum_of_squares(f: Callable[..., Any]) -> Transformed:
    """Return ``x -> (r, J)`` where ``f(x) -> (value, c)`` and the value is ½ ‖r‖² by its ops (`Program.squares`).

    Examples
    --------
    >>> r, J = sum_of_squares(lambda x: (2 * np.sum((x - 1) ** 2), np.zeros(0)))(np.array([1.0, 2.0]))
    >>> r, J
    (array([0., 2.]), array([[2., 0.],
           [0., 2.]]))
    """
    return Transformed(f, 0, _residuals, "least_squares")


def _residuals(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    found = squares_in(traced.outputs[0])
    if found is None:
        raise ArgumentError("The function is no sum of squares here: another branch of it is.")
    parts = [reshape(as_node(math.sqrt(2.0) * w) * r, (r.size,)) for w, r in found]
    r = concatenate(parts, 0) if len(parts) > 1 else parts[0]
    ((J,),) = jacobian_blocks([r], variables.nodes)
    return [r, J], tuple


def _part(traced: Traced, *outputs: Node, inputs: Sequence[Node] | None = None) -> Any:
    """Some outputs of a trace, under the same guards."""
    given = traced.inputs if inputs is None else tuple(inputs)
    return SimpleNamespace(outputs=outputs, guards=traced.guards, inputs=given)


def _no_rows(n: int, sparse: bool) -> Any:
    if not sparse:
        return np.zeros((0, n))
    from scipy.sparse import csr_array

    return csr_array((0, n))


def _lagrangian(f: Callable[..., Any]) -> Callable[..., Any]:
    def lagrangian(x: Any, factor: Any, y: Any, *args: Any) -> Any:
        value, c = f(x, *args)
        return factor * value + y @ c if c.shape[0] else factor * value

    return lagrangian


def is_too_dense(error: ArgumentError) -> bool:
    """Whether a sparse derivative was refused since it is not sparse."""
    return "not sparse" in str(error)
