r"""One run for ½ ‖r(x)‖², or for a robust loss of r: what `least_squares`, `curve_fit` and `root` have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import Bounds

from thalweg import optimize
from thalweg.errors import ArgumentError
from thalweg.optimize.problem import Matrix, Problem, Vector
from thalweg.optimize.solution import Solution, Status

from .calls import Failed
from .fallback import residual_pieces
from .losses import robust_cost, slopes
from .parts import Part
from .watching import Watch

__all__ = ["Fitted", "Squares", "fitted"]

#: Jacobians by differences are not right to more digits than this.
DIFFERENCED = 1e-7


@dataclass(frozen=True)
class Squares:
    """What is to be fitted.

    Attributes
    ----------
    residuals : callable
        ``x -> vector``.
    jacobian : callable or None
        As the user gave it.
    start, lower, upper : array
    loss : str or callable
        'linear', a robust loss by name, or the user's.
    scale : float
        Of residuals that are no outliers.
    name : str
        Of the user's function.
    """

    residuals: Callable[[Any], Any]
    jacobian: Callable[[Vector], Any] | None
    start: Vector
    lower: Vector
    upper: Vector
    loss: Any = "linear"
    scale: float = 1.0
    name: str = "fun"

    @property
    def plain(self) -> bool:
        """Whether the objective is the sum of squares itself."""
        return isinstance(self.loss, str) and self.loss == "linear"


@dataclass(frozen=True)
class Fitted:
    """A solution, with residuals and Jacobian there."""

    solution: Solution
    r: Vector
    J: Matrix
    notes: list[str]
    calls: int


def fitted(task: Squares, tol: float, watch: Watch, iterations: int | None = None) -> Fitted:
    """Run, traced if that can be; else with the best derivatives there are.

    Examples
    --------
    >>> free = np.full(1, np.inf)
    >>> task = Squares(lambda x: np.stack([x[0] - 1, x[0] - 4]), None, np.zeros(1), -free, free)
    >>> found = fitted(task, 1e-8, Watch(None))
    >>> found.solution.x, found.r, found.J[:, 0]
    (array([2.5]), array([ 1.5, -1.5]), array([1., 1.]))
    """
    settings: dict[str, Any] = {"callback": watch, "max_iterations": iterations}
    bounds = None
    if np.isfinite(task.lower).any() or np.isfinite(task.upper).any():
        bounds = Bounds(task.lower, task.upper)
    try:
        if task.plain:
            solution = _least(task, bounds, tol, watch, iterations)
        else:
            cost = robust_cost(task.residuals, task.loss, task.scale)
            solution = optimize.minimize(cost, task.start, bounds=bounds, tol=tol, **settings)
        part, notes, calls = _part(task), [], 0
    except Failed:
        assert watch.error is not None
        raise watch.error from None
    except ArgumentError:
        raise
    except Exception:  # of whatever kind: fun is called on plain numbers next, and raises it again if it is its own
        watch.again()
        found = residual_pieces(task.residuals, task.jacobian, task.start, task.lower, task.upper, task.name)
        part, notes = found.parts[0], found.notes
        problem = found.problem if task.plain else _robust(task, found.problem)
        tol = max(tol, DIFFERENCED) if found.differenced else tol
        try:
            solution = optimize.minimize(problem, found.start, tol=tol, **settings)
        except Failed:
            assert watch.error is not None
            raise watch.error from None
        calls = part.calls
    if solution.status is Status.INTERRUPTED and not watch.stopped:
        raise KeyboardInterrupt
    x = np.asarray(solution.x, dtype=np.float64)
    return Fitted(solution, part.value(x), part.jacobian(x), notes, max(calls, solution.nfev))


def _least(task: Squares, bounds: Bounds | None, tol: float, watch: Watch, iterations: int | None) -> Solution:
    """Levenberg–Marquardt; where it does not arrive, as in long curved valleys, Newton on the exact Hessian."""
    limit = 100 * (task.start.size + 1) if iterations is None else iterations
    first = optimize.least_squares(
        task.residuals, task.start, bounds=bounds, tol=tol, max_iterations=limit, callback=watch
    )
    if first.success or watch.stopped or first.status is Status.INTERRUPTED or iterations is not None:
        return first
    second = optimize.minimize(
        lambda x: 0.5 * np.sum(task.residuals(x) ** 2), task.start, method="newton", bounds=bounds, tol=tol,
        callback=watch.again(),
    )  # fmt: skip
    return second if second.success or second.value < first.value else first


def _part(task: Squares) -> Part:
    return Part(task.residuals, task.jacobian, None, task.lower, task.upper, task.name)


def _robust(task: Squares, problem: Problem) -> Problem:
    """F from residuals whose Jacobian is given or a difference; curvature by Gauss and Newton."""
    assert problem.residuals is not None
    at, scale, cost = problem.residuals.r_and_jacobian, task.scale, robust_cost(lambda r: r, task.loss, task.scale)

    def first(x: Vector) -> tuple[float, Vector]:
        r, J = at(x)
        return float(cost(r)), J.T @ (slopes(task.loss, r, scale)[0] * r)

    return replace(problem, f_and_gradient=first, f_hessian=None, residuals=None)
