r"""Schedules: how a learning rate changes from step to step.

    η₀, η₁, η₂, …        a function of the number of the step.

Steps along noisy gradients converge if the rates sum to infinity and their squares do not (Robbins & Monro), as those
of `InverseTime` do; a constant rate reaches a neighbourhood of the minimum, in proportion to it.  In practice a rate
that stays large for long and then falls quickly does best, such as `Cosine`, and one that rises at first spares the
first steps, whose gradients are large (`Warmup`).

References
----------
Robbins & Monro, Ann. Math. Statist. 22 (1951).  Bottou, Curtis & Nocedal, SIAM Review 60 (2018), §4.
Loshchilov & Hutter, *SGDR* (2017), for the cosine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, inf, pi
from typing import Any

from thalweg.errors import ArgumentError

__all__ = ["Constant", "Cosine", "Exponential", "InverseTime", "Schedule", "Steps", "Warmup", "schedule_from"]

#: From the number of a step, 0, 1, 2, …, to its learning rate.
Schedule = Callable[[int], float]


def _positive(name: str, number: float, at_most: float = inf) -> None:
    if not (0 < number < inf and number <= at_most):
        bound = "" if at_most == inf else f" of at most {at_most:g}"
        raise ArgumentError(f"{name} must be a positive number{bound}, not {number!r}.")


@dataclass(frozen=True)
class Constant:
    """η at every step.

    Examples
    --------
    >>> Constant(0.1)(1000)
    0.1
    """

    rate: float

    def __post_init__(self) -> None:
        _positive("rate", self.rate)

    def __call__(self, step: int) -> float:
        """Return the rate."""
        return self.rate


@dataclass(frozen=True)
class InverseTime:
    """η / (1 + decay · k): halved after 1/decay steps, and in the long run like 1/k.

    Examples
    --------
    >>> InverseTime(0.1, decay=0.5)(2)
    0.05
    """

    rate: float
    decay: float = 0.01

    def __post_init__(self) -> None:
        _positive("rate", self.rate)
        _positive("decay", self.decay)

    def __call__(self, step: int) -> float:
        """Return the rate of that step."""
        return self.rate / (1 + self.decay * step)


@dataclass(frozen=True)
class Exponential:
    """η · factorᵏ.  The rates have a finite sum: far from the minimum the run ends on the way.

    Examples
    --------
    >>> Exponential(0.1, factor=0.5)(2)
    0.025
    """

    rate: float
    factor: float = 0.99

    def __post_init__(self) -> None:
        _positive("rate", self.rate)
        _positive("factor", self.factor, 1)

    def __call__(self, step: int) -> float:
        """Return the rate of that step."""
        return self.rate * self.factor**step


@dataclass(frozen=True)
class Steps:
    """η, multiplied by a factor after every so many steps.

    Examples
    --------
    >>> schedule = Steps(1.0, every=10, factor=0.5)
    >>> schedule(9), schedule(10), schedule(25)
    (1.0, 0.5, 0.25)
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _positive("rate", self.rate)
        _positive("every", self.every)
        _positive("factor", self.factor, 1)

    def __call__(self, step: int) -> float:
        """Return the rate of that step."""
        return self.rate * self.factor ** (step // self.every)


@dataclass(frozen=True)
class Cosine:
    """From η down to `final` along half a cosine, over so many steps; then `final`.

    Examples
    --------
    >>> schedule = Cosine(1.0, over=100)
    >>> schedule(0), round(schedule(50), 12), round(schedule(200), 12)
    (1.0, 0.5, 0.0)
    """

    rate: float
    over: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _positive("rate", self.rate)
        _positive("over", self.over)
        if not 0 <= self.final <= self.rate:
            raise ArgumentError(f"final must lie between 0 and rate, not {self.final!r}.")

    def __call__(self, step: int) -> float:
        """Return the rate of that step."""
        part = min(step / self.over, 1.0)
        return self.final + (self.rate - self.final) * 0.5 * (1 + cos(pi * part))


@dataclass(frozen=True)
class Warmup:
    """Up to the first rate of another schedule in equal parts over so many steps, and then that schedule.

    Examples
    --------
    >>> schedule = Warmup(4, then=Constant(0.2))
    >>> [round(schedule(k), 12) for k in range(6)]
    [0.05, 0.1, 0.15, 0.2, 0.2, 0.2]
    """

    over: int
    then: Schedule

    def __post_init__(self) -> None:
        _positive("over", self.over)

    def __call__(self, step: int) -> float:
        """Return the rate of that step."""
        if step < self.over:
            return self.then(0) * (step + 1) / self.over
        return self.then(step - self.over)


def schedule_from(learning_rate: Any = None, schedule: Schedule | None = None, default: float = 0.0) -> Schedule:
    """Return the schedule that a user means by a number, or by a schedule under either name.

    Examples
    --------
    >>> schedule_from(0.5), schedule_from(schedule=Cosine(1.0, 10)), schedule_from(default=0.001)
    (Constant(rate=0.5), Cosine(rate=1.0, over=10, final=0.0), Constant(rate=0.001))
    """
    if learning_rate is not None and schedule is not None:
        raise ArgumentError("Give learning_rate or schedule, not both: a schedule contains its rate.")
    given = schedule if schedule is not None else learning_rate
    if given is None:
        return Constant(default)
    if callable(given):
        first = given(0)
        if not 0 <= first < inf:
            raise ArgumentError(f"The schedule {given!r} gives the learning rate {first!r} to the first step.")
        return given
    try:
        rate = float(given)
    except (TypeError, ValueError):
        raise ArgumentError(f"learning_rate must be a positive number or a schedule, not {given!r}.") from None
    _positive("learning_rate", rate)
    return Constant(rate)
