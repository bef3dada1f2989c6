"""Two methods one after the other: where the first cannot go on, the second begins anew at the start.

Sequential quadratic programming takes the fewest steps on a small problem, and an interior point method survives more:
constraints whose gradients vanish or depend on one another, starts far from anything.  What the first has found stays
among the points that the loop remembers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .composition import NoDirection, Stuck
from .engine import Engine, Iterate, Run
from .problem import Vector

__all__ = ["Relay"]

#: Steps after which the first method is not waited for any longer.
PATIENCE = 100


class Relay:
    """An engine that hands over once.

    Parameters
    ----------
    first, second : callable
        Make the two engines.
    names : pair of str
        What they are called.
    patience : int
        Steps after which the first one is not waited for any longer.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> class Lost:
    ...     def begin(self, x, run): return Iterate(run.evaluate(x), 1.0)
    ...     def advance(self, at, run): return Stuck("it is lost")
    ...     def worth_polishing(self, at, run): return False
    >>> class Found(Lost):
    ...     def advance(self, at, run): return Iterate(run.evaluate(np.zeros(1)), 0.0)
    >>> run = Run(Problem(1, lambda x: (float(x @ x), 2 * x)))
    >>> relay = Relay(Lost, Found, ("lost", "found"))
    >>> at = relay.begin(np.ones(1), run)
    >>> stuck = relay.advance(at, run)
    >>> relay.advance(relay.instead(stuck, run), run).point.x, run.notes
    (array([0.]), ['lost could not go on after 0 steps (it is lost); found began again at the start'])
    """

    def __init__(
        self,
        first: Callable[[], Engine],
        second: Callable[[], Engine],
        names: tuple[str, str],
        patience: int = PATIENCE,
    ) -> None:
        self._make_second = second
        self.engine = first()
        self.names = names
        self.patience = patience
        self.second = False
        self.start: Vector | None = None
        self.steps = 0

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Start at x, with the method that is at work."""
        self.start, self.steps = x, 0
        return self.engine.begin(x, run)

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Take a step; or let the second method begin."""
        if self.second:
            return self.engine.advance(at, run)
        self.steps += 1
        if self.steps > self.patience:
            return self._hand_over(f"no end after {self.patience} steps", run)
        try:
            return self.engine.advance(at, run)
        except (NoDirection, np.linalg.LinAlgError) as error:
            return self._hand_over(str(error), run)

    def instead(self, stuck: Stuck, run: Run) -> Iterate | None:
        """The first iterate of the second method, where the first is stuck at a point that is no answer."""
        return None if self.second else self._hand_over(stuck.reason, run)

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """As the method at work says."""
        return self.engine.worth_polishing(at, run)

    def _hand_over(self, reason: str, run: Run) -> Iterate:
        assert self.start is not None
        self.engine, self.second = self._make_second(), True
        run.notes.append(
            f"{self.names[0]} could not go on after {self.steps - 1} steps ({reason}); {self.names[1]} began again at "
            "the start"
        )
        return self.engine.begin(self.start, run)
