"""What an estimator learns: a loss, what it predicts, where it begins, what it keeps to."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from thalweg.errors import ArgumentError

__all__ = ["KINDS", "Recipe"]

KINDS = ("regressor", "classifier", "transformer", "cluster")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, eq=False)
class Recipe:
    """The functions of an estimator, and what can be read from their signatures.

    Attributes
    ----------
    loss : callable
        ``loss(parameters, X, y, **settings)`` or ``loss(parameters, X, **settings)``.
    predict : callable
        ``predict(parameters, X)``.
    inverse : callable or None
        ``inverse(parameters, new_features)`` of a transformer.
    parameters : nested structure of arrays, or callable
        The start, or a function of (X), (X, y) or (X, y, rng) that returns it.
    kind : str
        'regressor', 'classifier', 'transformer' or 'cluster'.
    bounds, subject_to
        As for `minimize`.

    Examples
    --------
    >>> recipe = Recipe(lambda p, X, y, power=2: abs(y - X @ p) ** power, lambda p, X: X @ p, None, None, "regressor")
    >>> recipe.takes_y, recipe.settings
    (True, {'power': 2})
    """

    loss: Callable[..., Any]
    predict: Callable[..., Any]
    inverse: Callable[..., Any] | None
    parameters: Any
    kind: str
    bounds: Any = None
    subject_to: Any = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ArgumentError(f"kind must be one of {', '.join(map(repr, KINDS))}, not {self.kind!r}.")
        for role in ("loss", "predict"):
            if not callable(getattr(self, role)):
                raise ArgumentError(f"{role} must be a function, not {getattr(self, role)!r}.")
        if self.inverse is not None and not callable(self.inverse):
            raise ArgumentError(f"inverse must be a function of (parameters, new features), not {self.inverse!r}.")
        if len(self._positions) < 2:
            raise ArgumentError(f"The loss {self.name} must take (parameters, X, y) or (parameters, X).")
        if self.kind in ("regressor", "classifier") and not self.takes_y:
            raise ArgumentError(f"The loss {self.name} of a {self.kind} must take (parameters, X, y); it takes no y.")
        missing = [p.name for p in self._others if p.default is p.empty]
        if missing:
            raise ArgumentError(f"The setting {missing[0]} of the loss {self.name} needs a default value.")
        if callable(self.parameters) and not 1 <= self.start_arguments <= 3:
            raise ArgumentError("parameters= as a function must take (X), (X, y) or (X, y, rng).")

    @property
    def name(self) -> str:
        """The name of the loss."""
        return str(getattr(self.loss, "__name__", type(self.loss).__name__))

    @cached_property
    def _signature(self) -> list[inspect.Parameter]:
        return list(inspect.signature(self.loss).parameters.values())

    @cached_property
    def _positions(self) -> list[inspect.Parameter]:
        """The parameters, X and, if there is one, y."""
        places = [p for p in self._signature if p.kind in _POSITIONAL]
        third = places[2:3]
        if third and (third[0].default is inspect.Parameter.empty or third[0].name == "y"):
            return places[:3]
        return places[:2]

    @cached_property
    def _others(self) -> list[inspect.Parameter]:
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return [p for p in self._signature if p.kind in kinds and p not in self._positions]

    @property
    def takes_y(self) -> bool:
        """Whether the loss is given y."""
        return len(self._positions) == 3

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of the loss with their defaults: the hyperparameters."""
        return {p.name: p.default for p in self._others}

    @cached_property
    def start_arguments(self) -> int:
        """How many of (X, y, rng) the function of the start takes."""
        places = inspect.signature(self.parameters).parameters.values()
        if any(p.kind is p.VAR_POSITIONAL for p in places):
            return 3
        needed = [p for p in places if p.kind in _POSITIONAL]
        return len(needed)
