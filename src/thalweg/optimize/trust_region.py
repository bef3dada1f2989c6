r"""The trust region: a radius that grows while the model predicts well and shrinks when it does not.

After each trial step the decrease of the function is compared with what the model promised,

    ρ = (f(x) − f(x + s)) / (m(0) − m(s)):

    ρ < ¼          the model was poor:   Δ ← ¼ ‖s‖
    ρ > ¾, ‖s‖ = Δ  it was good:          Δ ← 3 Δ
    ρ > 10⁻⁴       the step is taken, otherwise it is tried again with the smaller radius.

Close to a minimum ρ is rounding divided by rounding.  There `composition.decrease` measures by gradients, and a short
step is taken only if it makes the gradient smaller, so that the last digits of x are found too.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), algorithm 4.1.
Conn, Gould & Toint, *Trust-Region Methods* (2000), §6.1 and §17.4.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .composition import DROWNED, Path, Stuck, Taken, decrease, unchanged
from .problem import Point, Vector

__all__ = ["TrustRegion"]

#: Relative length of a Newton step below which a gradient that does not shrink is rounding.
SHORT = 1e-6
#: Kinds of steps that reach the minimum of their model.
WHOLE = ("Newton", "Gauss–Newton")


@dataclass
class TrustRegion:
    """Keep steps within a radius where the model has proved right.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.optimize.newton import newton
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(1, lambda x: (float(x @ x), 2 * x), lambda x: 2 * np.eye(1))
    >>> here = bowl.at([1.0])
    >>> TrustRegion()(here, newton(here), bowl.at).point.x
    array([0.])
    """

    radius: float | None = None
    last_step: Vector | None = None
    last_size: float = 1.0
    max_trials: int = 100

    def __call__(self, point: Point, path: Path, evaluate: Callable[[Vector], Point]) -> Taken | Stuck:
        """Return the first step whose decrease agrees with the model."""
        radius = self._radius(path)
        met_not_finite = None
        for _ in range(self.max_trials):
            proposal = path(radius)
            s = proposal.step
            if unchanged(point, s) or not proposal.predicted > 0:
                break
            trial = evaluate(point.x + s)
            if trial.value == -np.inf:
                return Taken(trial, s, proposal.size, proposal.kind)
            if not trial.finite:
                met_not_finite = trial.x
                radius = 0.25 * proposal.size
                continue
            ratio = decrease(point, trial, proposal) / proposal.predicted
            drowned = proposal.kind in WHOLE and proposal.predicted <= DROWNED * abs(point.value)
            short = path.measure(s) <= SHORT * path.measure(point.x)
            if drowned and short and path.steepness(trial.gradient) >= path.steepness(point.gradient):
                return Stuck("Newton's step no longer makes the gradient smaller in double precision")
            if ratio < 0.25:
                radius = 0.25 * proposal.size
            elif ratio > 0.75 and proposal.size > 0.99 * radius:
                radius = 3.0 * radius
            if ratio > 1e-4:
                self.radius, self.last_step, self.last_size = radius, s, proposal.size
                return Taken(trial, s, proposal.size, proposal.kind)
        if met_not_finite is not None:
            return Stuck("no step, however short, stays where the function is finite", True, at=met_not_finite)
        return Stuck("no step within the trust region lowers the value in double precision")

    def _radius(self, path: Path) -> float:
        """The radius in the units of this path, which may differ from those of the last one."""
        if self.radius is None or self.last_step is None or self.last_size == 0:  # 0: a length that underflowed
            return path.natural
        change = path.measure(self.last_step) / self.last_size
        return self.radius * change if np.isfinite(change) and change > 0 else path.natural
