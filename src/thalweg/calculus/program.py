r"""The derivatives of a mathematical program: of an objective together with its constraints, from one trace.

    minimize f(x)   subject to   c(x) in a range,

asks at every point for f, ∇f, c and the Jacobian J of c, which share most of their work: one graph gives the four.
Second derivatives are those of the Lagrangian, σ f + Σ yᵢ cᵢ, taken as one scalar function, so that no Hessian of a
single constraint is ever formed.  Both come dense, or sparse where the structure that is read from the graph has few
entries.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from thalweg.calculus.call import Assemble, Variables, first
from thalweg.calculus.gradient import gradients
from thalweg.calculus.jacobian import dense_hessian, hessian, jacobian_blocks
from thalweg.calculus.sparse import (
    Moved,
    WithKnownPositions,
    moved_gradient,
    moved_outputs,
    read_hessian,
    read_jacobian,
)
from thalweg.calculus.transformed import Transformed, executable
from thalweg.errors import ArgumentError
from thalweg.graph import FLOAT64, Node, as_node, building, constant, input_node
from thalweg.ops.contract import matmul
from thalweg.ops.elementwise import astype
from thalweg.ops.movement import concatenate, reshape
from thalweg.tracing.trace import Traced
from thalweg.transforms.degree import polynomial_degree
from thalweg.transforms.smooth import is_smooth
from thalweg.transforms.squares import squares_in

__all__ = ["Program", "sum_of_squares"]


class Program:
    """The first and second derivatives of ``f(x, *args) -> (value, c)``, c a vector (of no rows, perhaps).

    Parameters
    ----------
    f : callable
        The program.
    most : float
        Jacobian and Hessian are `scipy.sparse.csr_array` if at most this share of their entries can be nonzero; 0 for
        never, 1 for always.

    Attributes
    ----------
    sparse : bool or None
        Whether they are; None until it is asked for (`is_sparse`): by the first rows, or the first Hessian.
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

    def __init__(self, f: Callable[..., Any], most: float = 0.0) -> None:
        self.most = most
        self.sparse = None if 0 < most < 1 else most > 0
        self.degree = float("inf")
        self.smooth = False
        self.squares = False
        self.rows = 0
        self.values = Transformed(f, 0, self._rule, "minimize")
        self._f = f
        self._curved: bool | None = None  # whether the Hessian is sparse
        self._general: Callable[..., Any] | None = None
        self._last: _Values | None = None  # what the last trace gives

    def is_sparse(self, x: Any, *args: Any) -> bool:
        """Return whether Jacobian and Hessian are sparse matrices: by what is seen at x, once and for all."""
        if self.sparse is None and args:  # they may hold positions
            rule = functools.partial(_sparsity, most=self.most)
            self._curved = bool(Transformed(WithKnownPositions(_summed(self._f)), 0, rule, "hessian")(x, *args))
        if self.sparse is None and self._curved is not False:
            self.values(x, *args)  # rows answer, if there are any
        if self.sparse is None:
            if self._curved is None:
                assert self._last is not None
                with building():
                    self._curved = self._last.moved.is_sparse(self.most)
            self.sparse = self._curved
        return self.sparse

    def hessian(self, x: Any, factor: float, y: Any, *args: Any) -> Any:
        """Return σ ∇²f + Σ yᵢ ∇²cᵢ at x: from the trace that `values` used last, where it holds."""
        if not args and (entry := self.values.last_used()) is not None:
            made: Any = entry.assemble
            found = made.second(x, factor, y)
            if found is not None:
                return found
        if self._general is None:
            self._general = hessian(_lagrangian(self._f), sparse=self.is_sparse(x, *args))
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
        self._last = _Values(self, traced, variables)
        if not c.size:
            nothing = (np.zeros(0), np.zeros((0, slope.size)))
            self._last.put_together = lambda values: (*values, *nothing)
            return [value, slope], self._last
        rows = moved_outputs(_part(traced, c), variables) if self.most > 0 and self.sparse is not False else None
        if self.sparse is None:
            assert rows is not None
            self.sparse = rows.is_sparse(self.most) and (self._curved or self._last.moved.is_sparse(self.most))
        if rows is None or not self.sparse:
            ((J,),) = jacobian_blocks([c], variables.nodes)
            return [value, slope, c, J], self._last
        nodes, matrix = read_jacobian(rows)
        self._last.put_together = lambda values: (*values[:3], matrix(values[3:]))
        return [value, slope, c, *nodes], self._last


class _Values:
    """What one trace gives: it puts values together, and makes second derivatives when they are first asked for."""

    def __init__(self, program: Program, traced: Traced, variables: Variables) -> None:
        self.put_together: Assemble = tuple
        self._program = program
        self._traced = traced
        self._variables = variables
        self._second: tuple[Any, Assemble] | None = None

    def __call__(self, values: Sequence[Any]) -> Any:
        return self.put_together(values)

    @cached_property
    def lagrangian(self) -> tuple[Any, list[Node]]:
        """The Lagrangian as a trace, and its inputs."""
        traced, (value, c) = self._traced, self._traced.outputs
        inputs = list(traced.inputs)
        if c.size:
            factor, y = input_node((), FLOAT64), input_node((c.size,), FLOAT64)
            value = factor * astype(value, FLOAT64) + matmul(y, astype(c, FLOAT64))
            inputs += [factor, y]
        return _part(traced, value), inputs

    @cached_property
    def moved(self) -> Moved:
        """How its gradient moves."""
        return moved_gradient(self.lagrangian[0], self._variables)

    def second(self, x: Any, factor: float, y: Any) -> Any:
        """The Hessian of the Lagrangian; ``None`` where this trace is not for x."""
        if self._second is None:
            self._program.is_sparse(x)
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
        value, inputs = self.lagrangian
        if self._program.sparse:
            outputs, assemble = read_hessian(self.moved)
        else:
            outputs, assemble = dense_hessian(value, self._variables)
        self.__dict__.pop("moved", None)
        return executable(_part(self._traced, *outputs, inputs=inputs), outputs), assemble


def _sparsity(traced: Traced, variables: Variables, most: float) -> tuple[list[Node], Assemble]:
    """Whether the Hessian is sparse, as a constant."""
    return [constant(np.asarray(moved_gradient(traced, variables).is_sparse(most)))], first


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


def _lagrangian(f: Callable[..., Any]) -> Callable[..., Any]:
    def lagrangian(x: Any, factor: Any, y: Any, *args: Any) -> Any:
        value, c = f(x, *args)
        return factor * value + y @ c if c.shape[0] else factor * value

    return lagrangian


def _summed(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function with the structure of the Lagrangian, whatever the number of rows."""

    def everything(x: Any, *args: Any) -> Any:
        value, c = f(x, *args)
        return value + np.sum(c)

    return everything
