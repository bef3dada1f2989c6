"""Gradients: ``grad`` and ``value_and_grad``, by one reverse walk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from thalweg.calculus.call import Assemble, Variables, Wrt
from thalweg.calculus.transformed import Transformed
from thalweg.errors import ArgumentError
from thalweg.graph import Node, as_node, full
from thalweg.ops.elementwise import astype
from thalweg.tracing.trace import Traced
from thalweg.transforms.reverse import pullback


def scalar_output(traced: Traced, name: str) -> Node:
    """The one number that the function returned."""
    if len(traced.outputs) != 1 or traced.outputs[0].size != 1:
        if not traced.outputs:
            got = "nothing: is a `return` missing?"
        else:
            shapes = ", ".join(str(n.shape) for n in traced.outputs)
            got = f"an array of shape {shapes}. Sum it up (np.sum), or use tw.jacobian for all derivatives of a vector"
        raise ArgumentError(f"tw.{name} needs a function that returns one number, this one returned {got}")
    y = traced.outputs[0]
    return y if y.dtype.kind == "f" else astype(y, as_node(0.0).dtype)


def gradients(traced: Traced, variables: Variables, name: str) -> tuple[Node, list[Node]]:
    """The value and the gradient in each variable, as nodes."""
    y = scalar_output(traced, name)
    return y, pullback([y], [full(y.shape, 1.0, y.dtype)], variables.nodes)


def grad(f: Callable[..., Any], wrt: Wrt = 0, *, native: bool | None = None) -> Callable[..., Any]:
    """The gradient of a scalar function, exact to rounding.

    Parameters
    ----------
    f : callable
        A function of arrays (or nested dicts, tuples, lists, dataclasses of arrays) that returns one number, written
        with NumPy.
    wrt : int, str or tuple of these, default 0
        The argument, by position or name, in which to differentiate; a tuple for several.
    native : bool, optional
        Whether hot calls become machine code. By default they do, unless the environment says ``THALWEG_NATIVE=0``.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns the gradient with the structure and shapes of the argument (a tuple of
        them if ``wrt`` is a tuple). Integers are taken as real numbers.

    Raises
    ------
    ArgumentError
        The function does not return one number, or ``wrt`` names no argument.
    UnsupportedError
        The function calls something that cannot be differentiated; the message names the call and the line.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> tw.grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    >>> tw.grad(lambda a, b: a * b, wrt=("a", "b"))(2.0, 3.0)
    (np.float64(3.0), np.float64(2.0))

    References
    ----------
    Griewank & Walther (2008), *Evaluating Derivatives*, §3.2 (reverse mode).
    """

    return Transformed(f, wrt, _gradient, "grad", native)


def _gradient(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    return gradients(traced, variables, "grad")[1], variables.nesting()


def value_and_grad(f: Callable[..., Any], wrt: Wrt = 0, *, native: bool | None = None) -> Callable[..., Any]:
    """The value of a scalar function together with its gradient, in one run.

    Parameters
    ----------
    f, wrt, native
        As for `grad`.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns ``(value, gradient)``.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> value, gradient = tw.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> float(value), gradient
    (5.0, array([2., 4.]))
    """

    return Transformed(f, wrt, value_and_gradient, "value_and_grad", native)


def value_and_gradient(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    """The rule of `value_and_grad`: the value, and after it the gradient in each variable."""
    y, parts = gradients(traced, variables, "value_and_grad")
    if variables.plain and not variables.several:
        return [y, *parts], tuple  # already as it is to be
    nest = variables.nesting()
    return [y, *parts], lambda values: (values[0], nest(values[1:]))
