"""``derivative``: of a function of one real variable, to any order.

First derivatives are a forward walk; the n-th is n! times the n-th Taylor coefficient, which costs O(n²), where nesting
first derivatives would cost O(2ⁿ). An array of points is mapped over, element by element.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.calculus.batching import Batched
from thalweg.calculus.call import Assemble, Variables, as_returned
from thalweg.calculus.transformed import Transformed
from thalweg.errors import ArgumentError, TraceError
from thalweg.graph import FLOAT64, Node, full, zeros_like
from thalweg.ops.elementwise import astype
from thalweg.tracing import tree
from thalweg.tracing.trace import Traced
from thalweg.tracing.tracer import Tracer
from thalweg.transforms.forward import pushforward
from thalweg.transforms.taylor import line_series


def derivative(f: Callable[..., Any], order: int = 1, *, native: bool | None = None) -> Callable[..., Any]:
    """The derivative of a function of one real variable.

    Parameters
    ----------
    f : callable
        A function of a number, written with NumPy; further arguments are passed on. It may return an array (a curve).
    order : int, default 1
        How many times to differentiate.
    native : bool, optional
        Whether hot calls become machine code. By default they do, unless the environment says ``THALWEG_NATIVE=0``.

    Returns
    -------
    callable
        Takes the arguments of ``f`` and returns the derivative in the first, in the shape of the value of ``f``. If the
        first argument is an array, the derivative is taken at each of its elements: every element goes its own way
        through ``if`` and ``while``.

    Raises
    ------
    ArgumentError
        The function is one of a vector: `thalweg.grad` and `thalweg.jacobian` are for these.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> f = lambda x: x**3
    >>> float(tw.derivative(f)(2.0)), float(tw.derivative(f, order=2)(2.0))
    (12.0, 12.0)
    >>> tw.derivative(f)(np.array([0.0, 1.0, 2.0]))
    array([ 0.,  3., 12.])

    References
    ----------
    Griewank & Walther (2008), *Evaluating Derivatives*, ch. 13.
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise ArgumentError(f"order={order!r}: give a whole number from 1 on")
    return Derivative(f, order, native)


class Derivative(Transformed):
    """The derivative of a function of one variable. Call it like the function."""

    def __init__(self, f: Callable[..., Any], order: int, native: bool | None = None) -> None:
        super().__init__(f, 0, functools.partial(_rule, order=order), "derivative", native)
        self._order = order
        self._mapped: dict[int, Batched] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Derivative, (self._f, self._order, self._native)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and type(args[0]) is not float:
            x = args[0]
            if isinstance(x, list | tuple):
                x = np.asarray(x)
                args = (x, *args[1:])
            if isinstance(x, np.ndarray | Tracer) and x.ndim > 0:
                return self._at_each(x, args[1:], kwargs)
        return super().__call__(*args, **kwargs)

    def _at_each(self, x: Any, others: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        mapped = self._mapped.get(len(others))
        if mapped is None:
            at_one = super().__call__
            mapped = self._mapped[len(others)] = Batched(
                _AtOne(self, at_one), (0, *(None,) * len(others)), self._native
            )
        flat = x.reshape(-1)
        try:
            values = mapped(flat if flat.dtype.kind == "f" else flat.astype(np.float64), *others, **kwargs)
        except (TraceError, ArgumentError):
            raise
        except (ValueError, TypeError, IndexError) as error:
            raise ArgumentError(
                "tw.derivative differentiates a function of one number, at each element of an array. This function "
                "does not take a single number. For a function of a vector use tw.grad (one value) or tw.jacobian "
                f"(several values).\n  It failed with: {error}"
            ) from error
        leaves, structure = tree.flatten(values)
        return tree.unflatten(structure, [y.reshape((*x.shape, *y.shape[1:])) for y in leaves])


class _AtOne:
    """The derivative at a single number, as the function that is mapped."""

    def __init__(self, whole: Derivative, at_one: Callable[..., Any]) -> None:
        self.__wrapped__ = whole.__wrapped__
        self.__name__ = whole.__name__
        self._at_one = at_one

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._at_one(*args, **kwargs)


def _rule(traced: Traced, variables: Variables, order: int) -> tuple[list[Node], Assemble]:
    if len(variables.nodes) != 1 or variables.nodes[0].shape != ():
        raise ArgumentError(
            "tw.derivative is for functions of one number. For a function of a vector or of a nested argument use "
            "tw.grad (one value) or tw.jacobian (several values)"
        )
    (x,) = variables.nodes
    return nth_derivatives(traced.outputs, x, order), as_returned(traced)


def nth_derivatives(outputs: Sequence[Node], x: Node, order: int) -> list[Node]:
    """dⁿy/dxⁿ for each output y, in the scalar x."""
    outputs = [y if y.dtype.kind == "f" else astype(y, FLOAT64) for y in outputs]
    one = full((), 1.0, x.dtype)
    if order == 1:
        moved = pushforward(outputs, {x: one})
    else:
        factor = float(math.factorial(order)) if order <= 170 else math.inf
        coefficients = [terms[order] for terms in line_series(outputs, {x: one}, order)]
        moved = [None if c is None else c * factor for c in coefficients]
    return [zeros_like(y) if t is None else t for y, t in zip(outputs, moved, strict=True)]
