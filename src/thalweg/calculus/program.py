r"""The derivatives of a mathematical program: of an objective together with its constraints, each in one run.

    minimize f(x)   subject to   c(x) in a range,

asks at every point for f, ∇f, c and the Jacobian J of c, which share most of their work; `program_values` gives the
four from one graph.  Second derivatives are those of the Lagrangian, σ f + Σ yᵢ cᵢ, taken as one scalar function
(`program_hessian`), so that no Hessian of a single constraint is ever formed.  Both come dense, or sparse where the
structure that is read from the graph has few entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from thalweg.calculus.call import Assemble, Variables
from thalweg.calculus.gradient import gradients
from thalweg.calculus.jacobian import hessian, jacobian_blocks
from thalweg.calculus.sparse import sparse_jacobian
from thalweg.calculus.transformed import Transformed
from thalweg.errors import ArgumentError
from thalweg.graph import FLOAT64, Node
from thalweg.ops.elementwise import astype
from thalweg.tracing.trace import Traced
from thalweg.transforms.degree import polynomial_degree

__all__ = ["Facts", "program_hessian", "program_values"]


@dataclass
class Facts:
    """What the last trace has shown.

    Attributes
    ----------
    degree : float
        Of the objective as a polynomial; ∞ where it is none.
    rows : int
        Number of rows of c.
    sparse : bool
        Whether the Jacobian comes as a `scipy.sparse.csr_array`.
    """

    degree: float = float("inf")
    rows: int = 0
    sparse: bool = False


def program_values(f: Callable[..., Any], facts: Facts, sparse: bool = False) -> Transformed:
    """Return ``(x, *args) -> (f, ∇f, c, J)`` for ``f(x, *args) -> (value, c)``, c a vector (of no rows, perhaps).

    Examples
    --------
    >>> import numpy as np
    >>> facts = Facts()
    >>> values = program_values(lambda x: (x @ x, x[:1] + x[1:]), facts)
    >>> f, g, c, J = values(np.array([1.0, 2.0]))
    >>> float(f), g, c, J, facts.degree
    (5.0, array([2., 4.]), array([3.]), array([[1., 1.]]), 2.0)
    """

    def rule(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
        y, c = traced.outputs
        objective: Any = SimpleNamespace(outputs=(y,), guards=traced.guards)
        value, (slope,) = gradients(objective, variables, "minimize")
        c = c if c.dtype.kind == "f" else astype(c, FLOAT64)
        facts.degree = polynomial_degree([y], variables.nodes)
        facts.rows = c.size
        facts.sparse = sparse
        if not sparse:
            ((J,),) = jacobian_blocks([c], variables.nodes)
            return [value, slope, c, J], tuple
        rows: Any = SimpleNamespace(outputs=(c,), guards=traced.guards)
        nodes, matrix = sparse_jacobian(rows, variables)

        def assemble(values: Sequence[Any]) -> Any:
            return (*values[:3], matrix(values[3:]))

        return [value, slope, c, *nodes], assemble

    return Transformed(f, 0, rule, "minimize")


def program_hessian(f: Callable[..., Any], sparse: bool = False) -> Callable[..., Any]:
    """Return ``(x, σ, y, *args) -> σ ∇²f + Σ yᵢ ∇²cᵢ`` for ``f(x, *args) -> (value, c)``.

    Examples
    --------
    >>> import numpy as np
    >>> H = program_hessian(lambda x: (x[0] ** 3, x[:1] * x[1:]))
    >>> H(np.array([1.0, 2.0]), 1.0, np.array([10.0]))
    array([[ 6., 10.],
           [10.,  0.]])
    """

    def lagrangian(x: Any, factor: Any, y: Any, *args: Any) -> Any:
        value, c = f(x, *args)
        return factor * value + y @ c if c.shape[0] else factor * value

    return hessian(lagrangian, sparse=sparse)


def is_too_dense(error: ArgumentError) -> bool:
    """Whether a sparse derivative was refused since it is not sparse."""
    return "not sparse" in str(error)
