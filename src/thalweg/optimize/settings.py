"""How a run is to go: what `minimize`, `maximize` and `descend` take besides the problem, checked once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from thalweg.errors import ArgumentError

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """Options of the loop, the same for every method.

    Attributes
    ----------
    sense : str
        'minimize' or 'maximize'.
    tol : float
        The residual at which a run has converged.
    max_iterations : int or None
        None for the default of the method.
    time_limit : float or None
        Seconds.
    callback : callable or None
        Gets every `State`; may stop the run.
    progress : bool, callable or None
        Whether (or to whom) the run shows how it gets on.
    escape_saddles : bool
        Whether stationary points of the wrong kind are left.
    """

    sense: str = "minimize"
    tol: float = 1e-8
    max_iterations: int | None = None
    time_limit: float | None = None
    callback: Callable[[Any], object] | None = None
    progress: Any = None
    escape_saddles: bool = True

    def __post_init__(self) -> None:
        if self.sense not in ("minimize", "maximize"):
            raise ArgumentError(f"sense must be 'minimize' or 'maximize', not {self.sense!r}.")
        if not (_is_number(self.tol) and self.tol >= 0):
            raise ArgumentError(f"tol must be zero or positive, not {self.tol!r}.")
        if self.max_iterations is not None and not _is_count(self.max_iterations):
            raise ArgumentError(
                f"max_iterations must be a whole number, zero or positive, not {self.max_iterations!r}."
            )
        if self.time_limit is not None and not (_is_number(self.time_limit) and self.time_limit > 0):
            raise ArgumentError(f"time_limit must be a positive number of seconds, not {self.time_limit!r}.")
        if self.callback is not None and not callable(self.callback):
            raise ArgumentError(f"callback must be a function of the state, not {self.callback!r}.")

    @property
    def orientation(self) -> float:
        """1 to minimize, −1 to maximize."""
        return 1.0 if self.sense == "minimize" else -1.0


def _is_count(value: Any) -> bool:
    return _is_number(value) and float(value) >= 0 and float(value) == float(value) // 1


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
