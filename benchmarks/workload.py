"""What is measured: a function in plain NumPy, its arguments from a fixed seed, the same question put to each peer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import thalweg as tw
from thalweg.calculus.transformed import Transformed
from thalweg.tracing import tree

Call = Callable[[], Any]
Build = Callable[..., Call]


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    Attributes
    ----------
    name
        The row's title.
    f
        The function, as a user of NumPy writes it.
    data, small
        Make its arguments, from a fixed seed: at the size measured, and at one for tests.
    ask
        What is asked of the function, by default its value and gradient in the first argument.
    peers
        For each peer, what makes from the arguments a call without arguments that answers the same question.
    rtol
        To which the answers agree, relative to the largest number of each array.
    closes_over
        Whether the arguments after the first are not passed but closed over: ``f(*rest)`` is then the function.
    gradient
        Whether a value and a gradient are asked for, and nothing more.
    """

    name: str
    f: Callable[..., Any]
    data: Callable[[], tuple[Any, ...]]
    small: Callable[[], tuple[Any, ...]]
    peers: Mapping[str, Build]
    ask: Callable[[Callable[..., Any]], Callable[..., Any]] = tw.value_and_grad
    rtol: float = 1e-9
    closes_over: bool = False
    gradient: bool = True

    def bound(self, args: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """The function and its arguments, as they are used."""
        return (self.f(*args[1:]), args[:1]) if self.closes_over else (self.f, args)

    def ours(self, args: tuple[Any, ...]) -> Call:
        """The question put to Thalweg."""
        f, args = self.bound(args)
        asked = self.ask(f)
        return lambda: asked(*args)

    def value(self, args: tuple[Any, ...]) -> Call:
        """The function alone, by Thalweg: traced and executed as a gradient is, in the same tier."""
        f, args = self.bound(args)
        alone = Transformed(f, 0, _value, "value")
        return lambda: alone(*args)

    def plain(self, args: tuple[Any, ...]) -> Call:
        """The function alone, by NumPy."""
        f, args = self.bound(args)
        return lambda: f(*args)


def _value(traced: Any, variables: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    structure = traced.out_structure
    return list(traced.outputs), lambda values: tree.unflatten(structure, values)


def value_and_grad_in(*wrt: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The value and the gradients in several arguments."""
    return lambda f: tw.value_and_grad(f, wrt=wrt)
