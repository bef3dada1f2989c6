"""Products of derivatives with vectors: a Jacobian or Hessian is applied without being formed.

- ``jvp``: J·v, how the value moves when x moves along v; one forward walk.
- ``vjp``: wᵀ·J, how a weighting of the value depends on x; one reverse walk.
- ``hvp``: H·v = d/dt ∇f(x + t v), forward over reverse (Pearlmutter 1994, "Fast exact multiplication by the Hessian").
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.calculus.call import Assemble, Variables, Wrt, as_returned
from thalweg.calculus.gradient import gradients
from thalweg.calculus.transformed import Transformed
from thalweg.errors import ArgumentError
from thalweg.graph import FLOAT64, Node, zeros_like
from thalweg.ops.contract import contract
from thalweg.ops.elementwise import astype, sqrt
from thalweg.ops.movement import reshape
from thalweg.tracing import tree
from thalweg.tracing.reach import answered
from thalweg.tracing.trace import Traced
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback

_KEPT = 32  # functions whose traces are remembered by the names that take f and x in one call


def jvp(f: Callable[..., Any], x: Any, v: Any) -> tuple[Any, Any]:
    """The value of a function and its derivative along a direction: f(x) and J(x)·v.

    Parameters
    ----------
    f : callable
        A function of one argument, written with NumPy.
    x : number, array, or nested dict, tuple, list or dataclass of them
        The point.
    v
        The direction, of the structure and shapes of ``x``.

    Returns
    -------
    value, tangent
        Both with the structure of the result of ``f``.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> value, tangent = tw.jvp(lambda x: x[0] * x, np.array([2.0, 3.0]), np.array([1.0, 0.0]))
    >>> value, tangent
    (array([4., 6.]), array([4., 3.]))
    """
    return remembered(_jvp, f)(x, v)


def vjp(f: Callable[..., Any], x: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The value of a function, and the function w ↦ wᵀ·J(x) that pulls weights of the value back to the argument.

    Parameters
    ----------
    f : callable
        A function of one argument, written with NumPy.
    x : number, array, or nested dict, tuple, list or dataclass of them
        The point.

    Returns
    -------
    value
        f(x).
    pull : callable
        ``pull(w)``, for w with the structure and shapes of the value, has the structure and shapes of ``x``.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> value, pull = tw.vjp(lambda x: x[0] * x, np.array([2.0, 3.0]))
    >>> pull(np.array([0.0, 1.0]))
    array([3., 2.])
    """
    pull = remembered(_vjp, f)
    return remembered(_value, f)(x), lambda w: pull(x, w)


def hvp(f: Callable[..., Any], wrt: Wrt = 0, *, native: bool | None = None) -> Callable[..., Any]:
    """The product of the Hessian of a scalar function with a vector, without forming the Hessian.

    Parameters
    ----------
    f, wrt, native
        As for `thalweg.grad`.

    Returns
    -------
    callable
        Takes the arguments of ``f`` and after them, as the last positional argument, the vector v (a tuple of them if
        ``wrt`` is a tuple); returns H·v with the structure of v. It costs a small multiple of f, however large x is.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> tw.hvp(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([4., 2.])
    """

    return along(f, wrt, _hessian_product, "hvp", native)


def _hessian_product(traced: Traced, variables: Variables, direction: list[Node]) -> tuple[list[Node], Assemble]:
    _, slopes = gradients(traced, variables, "hvp")
    return _moved(slopes, variables.nodes, direction), variables.nesting()


def directional_derivative(
    f: Callable[..., Any], normalize: bool = False, *, native: bool | None = None
) -> Callable[..., Any]:
    """The derivative of a function in a direction: D_v f(x) = d/dt f(x + t v) at t = 0, which is ∇f(x)·v.

    Parameters
    ----------
    f : callable
        A function of one argument, written with NumPy; it may return an array.
    normalize : bool, default False
        Whether to divide by the length of v, so that the result is the slope per unit of length. As it stands the
        derivative is linear in v.
    native
        As for `thalweg.grad`.

    Returns
    -------
    callable
        ``(x, v)`` to the derivative at x along v.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> D = tw.directional_derivative(lambda x: x[0] ** 2 + x[1])
    >>> float(D(np.array([1.0, 0.0]), np.array([3.0, 4.0])))
    10.0
    >>> D = tw.directional_derivative(lambda x: x[0] ** 2 + x[1], normalize=True)
    >>> float(D(np.array([1.0, 0.0]), np.array([3.0, 4.0])))
    2.0
    """

    rule = functools.partial(_directional_derivative, normalize=normalize)
    return along(f, 0, rule, "directional_derivative", native)


# --- rules


def _directional_derivative(
    traced: Traced, variables: Variables, direction: list[Node], normalize: bool
) -> tuple[list[Node], Assemble]:
    moved = _moved(traced.outputs, variables.nodes, direction)
    if normalize:
        length = _length(direction)
        moved = [t / length for t in moved]
    return moved, as_returned(traced)


def _moved(outputs: Sequence[Node], x: Sequence[Node], v: Sequence[Node]) -> list[Node]:
    outputs = [y if y.dtype.kind == "f" else astype(y, FLOAT64) for y in outputs]
    moved = pushforward(outputs, dict(zip(x, v, strict=True)))
    return [zeros_like(y) if t is None else t for y, t in zip(outputs, moved, strict=True)]


def _length(direction: list[Node]) -> Node:
    total: Node | None = None
    for v in direction:
        flat = reshape(v, (v.size,))
        part = contract(flat, flat, (0,), (0,), ())
        total = part if total is None else total + part
    assert total is not None
    return sqrt(total)


def _jvp(f: Callable[..., Any]) -> Callable[..., Any]:
    def rule(traced: Traced, variables: Variables, direction: list[Node]) -> tuple[list[Node], Assemble]:
        structure, count = traced.out_structure, len(traced.outputs)

        def assemble(values: Sequence[Any]) -> Any:
            return tree.unflatten(structure, values[:count]), tree.unflatten(structure, values[count:])

        outputs = [*traced.outputs, *_moved(traced.outputs, variables.nodes, direction)]
        return outputs, tuple if structure is tree.LEAF else assemble

    return along(f, 0, rule, "jvp")


def _vjp(f: Callable[..., Any]) -> Callable[..., Any]:
    """(x, w) to wᵀ·J(x)."""

    def rule(traced: Traced, variables: Variables) -> tuple[list[Node], Any]:
        count = variables.counts[0]
        x, w = variables.nodes[:count], variables.nodes[count:]
        shapes = [y.shape for y in traced.outputs]
        if variables.structures[1] != traced.out_structure or [n.shape for n in w] != shapes:
            raise ArgumentError(
                f"tw.vjp: the weights have the shapes {[n.shape for n in w]}, the value of the function has {shapes}. "
                "They must be alike"
            )
        outputs = [y if y.dtype.kind == "f" else astype(y, FLOAT64) for y in traced.outputs]
        structure = variables.structures[0]
        return pullback(outputs, [astype(g, y.dtype) for g, y in zip(w, outputs, strict=True)], x), (
            lambda values: tree.unflatten(structure, values)
        )

    return Transformed(_WithoutLast(f), (0, 1), rule, "vjp")


def _value(f: Callable[..., Any]) -> Callable[..., Any]:
    def rule(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
        return list(traced.outputs), as_returned(traced)

    return Transformed(f, 0, rule, "vjp")


# --- a direction as the last argument


class _WithoutLast:
    """``f`` called with a further positional argument that it does not see."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.__wrapped__ = f
        self.__name__ = getattr(f, "__name__", type(f).__name__)
        self.__module__ = getattr(f, "__module__", "")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return answered(self.__wrapped__)(*args[:-1], **kwargs)


DirectedRule = Callable[[Traced, Variables, list[Node]], tuple[list[Node], Assemble]]


def along(
    f: Callable[..., Any], wrt: Wrt, directed: DirectedRule, name: str, native: bool | None = None
) -> Callable[..., Any]:
    """A transform of ``f`` that takes a direction as its last positional argument."""
    if not callable(f):
        raise ArgumentError(f"tw.{name} takes a function as its first argument, not a {type(f).__name__}")
    chosen: tuple[int | str, ...] = wrt if isinstance(wrt, tuple) else (wrt,)
    rule = functools.partial(_along, several=isinstance(wrt, tuple), directed=directed, name=name)
    return Transformed(_WithoutLast(f), (*chosen, -1), rule, name, native)


def _along(
    traced: Traced, variables: Variables, several: bool, directed: DirectedRule, name: str
) -> tuple[list[Node], Assemble]:
    """A rule with a direction as an ordinary one: the last of the variables is the direction."""
    *structures, given = variables.structures
    counts = variables.counts[:-1]
    split = sum(counts)
    x, v = variables.nodes[:split], variables.nodes[split:]
    wanted = Variables(x, structures, counts, several)
    expected = tree.flatten(wanted.nest([np.zeros(n.shape) for n in x]))[1]
    if given != expected or [n.shape for n in x] != [n.shape for n in v]:
        raise ArgumentError(
            f"tw.{name}: the direction has the shapes {[n.shape for n in v]}, the point has "
            f"{[n.shape for n in x]}. They must be alike; the direction is the last argument"
        )
    return directed(traced, wanted, [astype(d, n.dtype) for n, d in zip(x, v, strict=True)])


@functools.lru_cache(maxsize=_KEPT)
def _make(make: Callable[..., Any], f: Callable[..., Any], *more: Any) -> Callable[..., Any]:
    return make(f, *more)


def remembered(make: Callable[..., Any], f: Callable[..., Any], *more: Any) -> Callable[..., Any]:
    """``make(f, *more)``, the same object for the same function, so that its traces are kept between calls."""
    try:
        hash(f)
    except TypeError:
        return make(f, *more)
    return _make(make, f, *more)
