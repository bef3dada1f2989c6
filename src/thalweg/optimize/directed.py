r"""The engine of methods without constraints: a direction draws a path, a step rule walks it.

    xₖ₊₁ = xₖ + s(size),       s the path that the direction draws at xₖ,  the size chosen by the rule,

and the residual is ‖∇f‖∞.  Second-order methods go on below the tolerance while digits come cheaply: near a minimum a
Newton step doubles their number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .composition import Direction, NoDirection, Path, StepRule, Stuck, Taken
from .engine import Iterate, Run
from .problem import Point, Vector
from .trust_region import WHOLE

__all__ = ["Directed"]


@dataclass(eq=False)
class Directed:
    """Direction × step rule.

    Parameters
    ----------
    direction, rule : callable
        Make a direction and a step rule; called again for every new beginning.
    second_order : bool
        Whether the direction is Newton's, so that polishing pays.

    Examples
    --------
    >>> from thalweg.optimize.gradient_descent import steepest_descent
    >>> from thalweg.optimize.fixed_rate import FixedRate
    >>> from thalweg.optimize.problem import Problem
    >>> run = Run(Problem(1, lambda x: (float(x @ x), 2 * x)))
    >>> engine = Directed(lambda: steepest_descent, lambda: FixedRate(0.25))
    >>> engine.advance(engine.begin(np.array([8.0]), run), run).point.x
    array([4.])
    """

    direction: Callable[[], Direction]
    rule: Callable[[], StepRule]
    second_order: bool = False
    _direction: Direction | None = None
    _rule: StepRule | None = None
    _previous: float = np.inf
    _in_vain: int = 0
    _cached_path: tuple[Point, Path] | None = field(default=None, repr=False)

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Start at x, remembering nothing."""
        self._direction, self._rule = self.direction(), self.rule()
        self._previous, self._in_vain, self._cached_path = np.inf, 0, None
        point = run.evaluate(x)
        return Iterate(point, point.gradient_norm)

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Draw the path and walk it."""
        assert self._rule is not None
        taken = self._rule(at.point, self.path(at.point), run.evaluate)
        if isinstance(taken, Stuck) and self._forgotten():
            taken = self._rule(at.point, self.path(at.point), run.evaluate)
        if isinstance(taken, Stuck):
            return taken
        return iterate_of(taken)

    def _forgotten(self) -> bool:
        """Whether the direction had memories that may have led astray, and has dropped them (`Remembering`)."""
        forget = getattr(self._direction, "forget", None)
        if forget is None or not forget():
            return False
        self._cached_path = None
        return True

    def path(self, point: Point) -> Path:
        """The path at a point, drawn once."""
        assert self._direction is not None
        if self._cached_path is None or self._cached_path[0] is not point:
            self._cached_path = (point, self._direction(point))
        return self._cached_path[1]

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """Whether another Newton step may gain digits: until the third that does not divide the gradient by ten."""
        if not self.second_order or at.residual == 0:
            return False
        try:
            path = self.path(at.point)
        except NoDirection:
            return False
        ahead = path(path.natural * (1 + 1e-8))
        if ahead.kind not in WHOLE:
            return False
        gained = at.residual <= 0.1 * self._previous
        self._previous = at.residual
        if gained:
            return True
        self._in_vain += 1
        return self._in_vain <= 2 and ahead.size > 1e-9 * path.measure(at.point.x)


def iterate_of(taken: Taken) -> Iterate:
    """An accepted step as an iterate."""
    point = taken.point
    return Iterate(
        point,
        point.gradient_norm,
        step=taken.step,
        size=taken.size,
        kind=taken.kind,
        message=taken.message,
    )
