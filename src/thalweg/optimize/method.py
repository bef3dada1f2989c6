"""An entry of the table of methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .engine import Engine

__all__ = ["Method"]


@dataclass(frozen=True)
class Method:
    """An entry of the table: what it is, what it can take, and how to make its engine.

    Attributes
    ----------
    name, summary : str
        As `method=` and as one line of help.
    make : callable
        ``(problem, **options) -> Engine``.
    max_iterations : int
        The default limit.
    options : tuple of str
        Names of the options that it takes.
    bounds, constraints : bool
        Whether it can keep bounds, and constraints.
    residuals, batches : bool
        Whether it needs a sum of squares, or mini-batches.
    second_order : bool
        Whether it uses second derivatives, so that looking at them at the end costs little beside.
    """

    name: str
    summary: str
    make: Callable[..., Engine]
    max_iterations: int
    options: tuple[str, ...] = ()
    bounds: bool = False
    constraints: bool = False
    residuals: bool = False
    batches: bool = False
    second_order: bool = False
