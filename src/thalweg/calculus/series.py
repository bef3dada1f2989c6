r"""``taylor``: the Taylor polynomial of a function about a point,

    T(x) = Σ f⁽ᵏ⁾(x₀)/k! (x − x₀)ᵏ   and   T(x) = Σ ∂^α f(x₀)/α! (x − x₀)^α   in several variables,

from recurrences between power series (`thalweg.transforms.taylor`); to second order in many variables from gradient and
Hessian. That the polynomial is the function itself is read from the graph: see `thalweg.transforms.degree`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.calculus.call import Variables
from thalweg.calculus.diagnose import KINKS, diagnose
from thalweg.calculus.gradient import gradients, scalar_output
from thalweg.calculus.jacobian import columns
from thalweg.calculus.multivariate import MultivariatePolynomial
from thalweg.calculus.polynomial import Polynomial
from thalweg.calculus.products import along, remembered
from thalweg.calculus.transformed import Transformed
from thalweg.errors import ArgumentError
from thalweg.graph import FLOAT64, Node, constant, full, zeros_like
from thalweg.ops.elementwise import astype
from thalweg.ops.movement import concatenate, reshape
from thalweg.tracing import tree
from thalweg.tracing.context import running
from thalweg.tracing.trace import Traced
from thalweg.tracing.tracer import Tracer
from thalweg.transforms.degree import polynomial_degree
from thalweg.transforms.taylor import line_series, taylor_series

_TERMS = 100_000  # of a polynomial in several variables beyond second order


def taylor(f: Callable[..., Any], x0: Any, order: int, *, direction: Any = None) -> Polynomial | MultivariatePolynomial:
    """The Taylor polynomial of a function about a point.

    Parameters
    ----------
    f : callable
        A function of one argument, written with NumPy. Of a number, it may return an array (a curve); of an array or
        nested argument, it returns one number.
    x0 : number, array, or nested dict, tuple, list or dataclass of them
        The point about which to expand.
    order : int
        The highest power. All orders are exact to rounding; the cost grows with the square of the order.
    direction : optional
        A direction v of the structure of ``x0``: then the polynomial is that of the line t ↦ f(x0 + t v) about t = 0.

    Returns
    -------
    Polynomial or MultivariatePolynomial
        It can be called, printed, added, multiplied and differentiated; ``exact`` says whether it is proven to be the
        function itself.

    Raises
    ------
    ArgumentError
        The order is no whole number, or a function of several variables does not return one number.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> tw.taylor(lambda x: x**3, 1.0, 3)
    1 + 3(x-1) + 3(x-1)² + (x-1)³
    Exact: the function is this polynomial.
    >>> tw.taylor(np.sin, 0.0, 5)
    x - x³/6 + x⁵/120
    The function near x = 0, up to terms of order x⁶.
    >>> print(tw.taylor(lambda x: np.exp(x[0]) * x[1], np.array([0.0, 1.0]), 2))
    1 + x₁ + (x₂-1) + x₁²/2 + x₁(x₂-1)

    References
    ----------
    Griewank & Walther (2008), *Evaluating Derivatives*, ch. 13.
    """
    if isinstance(order, bool) or not isinstance(order, int | np.integer) or order < 0:
        raise ArgumentError(f"order={order!r}: give a whole number from 0 on")
    order = int(order)
    if direction is not None:
        coefficients, exact, kinky = remembered(_line, f, order)(x0, direction)
        error_order = None if kinky and _has_kink(f, x0) else order + 1
        return Polynomial(coefficients, 0.0, variable="t", exact=exact, error_order=error_order)
    structure = tree.flatten(x0)[1]
    if structure is tree.LEAF and (x0.ndim if isinstance(x0, Tracer) else np.ndim(x0)) == 0:
        coefficients, exact, kinky = remembered(_curve, f, order)(x0)
        center = x0 if isinstance(x0, Tracer) else float(x0)
        error_order = None if kinky and _has_kink(f, x0) else order + 1
        return Polynomial(coefficients, center, exact=exact, error_order=error_order)
    value, gradient, hessian, higher, exact = remembered(_surface, f, order)(x0)
    return MultivariatePolynomial(x0, value, gradient, hessian, higher, order=order, exact=exact)


def _has_kink(f: Callable[..., Any], x0: Any) -> bool:
    """Whether a kink is at ``x0`` itself: then the terms left out are not small of the next order."""
    return bool(running.traces) or bool(diagnose(f, x0).kinks)


# --- rules


def _exact(traced: Traced, variables: Variables, order: int) -> bool:
    """Whether the function is proven to be a polynomial of at most this degree; where it asked ``if``, it is not."""
    return not traced.guards and polynomial_degree(traced.outputs, variables.nodes) <= order


def _along_line(traced: Traced, variables: Variables, direction: list[Node], order: int) -> tuple[list[Node], Any]:
    if len(traced.outputs) != 1:
        raise ArgumentError(
            f"tw.taylor needs a function that returns one number or array, this one returned {len(traced.outputs)}. "
            "Stack them up (np.stack)"
        )
    (y,) = traced.outputs
    y = y if y.dtype.kind == "f" else astype(y, FLOAT64)
    terms = line_series([y], dict(zip(variables.nodes, direction, strict=True)), order)[0]
    exact = _exact(traced, variables, order)
    kinky = any(n.op.name in KINKS for n in traced.nodes)
    return [zeros_like(y) if c is None else c for c in terms], lambda values: (values, exact, kinky)


def _line(f: Callable[..., Any], order: int) -> Callable[..., Any]:
    return along(f, 0, functools.partial(_along_line, order=order), "taylor")


def _curve(f: Callable[..., Any], order: int) -> Callable[..., Any]:
    def rule(traced: Traced, variables: Variables) -> tuple[list[Node], Any]:
        (x,) = variables.nodes
        return _along_line(traced, variables, [full((), 1.0, x.dtype)], order)

    return Transformed(f, 0, rule, "taylor")


def _surface(f: Callable[..., Any], order: int) -> Callable[..., Any]:
    return Transformed(f, 0, functools.partial(_surface_rule, order=order), "taylor")


def _surface_rule(traced: Traced, variables: Variables, order: int) -> tuple[list[Node], Any]:
    """Value, gradient, Hessian and the terms of higher degree, in the flattened variables."""
    y = reshape(scalar_output(traced, "taylor"), ())
    inputs = variables.nodes
    n = sum(x.size for x in inputs)
    outputs = [y]
    if order >= 1:
        slopes = gradients(traced, variables, "taylor")[1]
        outputs.append(concatenate([reshape(g, (g.size,)) for g in slopes], 0))
    if order >= 2:
        blocks = [columns(slopes, x) for x in inputs]  # blocks[j][i] = ∂gᵢ/∂xⱼ
        by_row = [
            concatenate([reshape(blocks[j][i], (g.size, x.size)) for j, x in enumerate(inputs)], 1)
            for i, g in enumerate(slopes)
        ]
        outputs.append(concatenate(by_row, 0))
    indices: list[tuple[int, ...]] = []
    if order >= 3:
        terms = _terms(y, inputs, n, order)
        indices = list(terms)
        outputs.extend(terms.values())
    exact = _exact(traced, variables, order)

    def assemble(values: list[Any]) -> Any:
        padded = [*values[: min(order, 2) + 1], None, None][:3]
        return (*padded, dict(zip(indices, values[3:], strict=True)) if order >= 3 else {}, exact)

    return outputs, assemble


def _terms(y: Node, inputs: list[Node], n: int, order: int) -> dict[tuple[int, ...], Node]:
    """The coefficients of degree three and more."""
    if math.comb(n + order, order) > _TERMS:
        raise ArgumentError(
            f"tw.taylor: a polynomial of order {order} in {n} variables has {math.comb(n + order, order):,} terms. "
            "Take order 2, or the expansion along a line: tw.taylor(f, x0, order, direction=v)"
        )
    series: dict[Node, dict[tuple[int, ...], Node]] = {}
    start = 0
    for x in inputs:
        units = np.eye(x.size, dtype=x.dtype)
        series[x] = {
            tuple(int(i == start + j) for i in range(n)): constant(units[j].reshape(x.shape).copy())
            for j in range(x.size)
        }
        start += x.size
    return {index: c for index, c in taylor_series([y], series, order)[0].items() if sum(index) >= 3}


def first_order(f: Callable[..., Any]) -> Callable[..., Any]:
    """x ↦ (f(x), f′(x)) for a function of one number."""

    def rule(traced: Traced, variables: Variables) -> tuple[list[Node], Any]:
        if len(variables.nodes) != 1 or variables.nodes[0].shape != ():
            raise ArgumentError("tw.slope is for functions of one number; see tw.grad and tw.jacobian")
        return _along_line(traced, variables, [full((), 1.0, variables.nodes[0].dtype)], 1)[0], tuple

    return Transformed(f, 0, rule, "slope")
