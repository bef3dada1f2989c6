"""`scipy.optimize.least_squares` with an exact Jacobian, and for robust losses with the exact Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import Bounds

from thalweg.optimize.problem import Vector
from thalweg.optimize.solution import Status
from thalweg.optimize.state import State

from .calls import named, vector_function
from .losses import LOSSES, triggs
from .result import Result
from .squares import Fitted, Squares, fitted
from .watching import Watch

__all__ = ["least_squares", "pair_of_bounds"]

EPS = float(np.finfo(float).eps)
MESSAGES = {
    -2: "Stopped because `callback` function raised `StopIteration` or returned `True`",
    0: "The maximum number of function evaluations is exceeded.",
    1: "`gtol` termination condition is satisfied.",
    3: "`xtol` termination condition is satisfied.",
}


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Any = "2-point",
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    ftol: float | None = 1e-8,
    xtol: float | None = 1e-8,
    gtol: float | None = 1e-8,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: float = 1.0,
    diff_step: Any = None,
    tr_solver: str | None = None,
    tr_options: dict[str, Any] | None = None,
    jac_sparsity: Any = None,
    max_nfev: int | None = None,
    verbose: int = 0,
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
    callback: Callable[..., Any] | None = None,
    workers: Any = None,
) -> Any:
    """Solve a nonlinear least-squares problem with bounds, as `scipy.optimize.least_squares`.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args, **kwargs) -> residuals``.
    x0 : array (n,)
        The starting point.
    jac : callable or str
        Not needed: the Jacobian is exact.  Used where fun cannot be traced.
    bounds : pair of arrays or `scipy.optimize.Bounds`
    method : {'trf', 'dogbox', 'lm'}
        Levenberg–Marquardt runs for each of them.
    gtol : float
        The gradient at which the run ends.
    ftol, xtol, x_scale, diff_step, tr_solver, tr_options, jac_sparsity, workers
        Accepted, and not needed.
    loss : str or callable
        'linear', 'soft_l1', 'huber', 'cauchy', 'arctan', or ``loss(z)`` with ρ, ρ′ and ρ″ as rows.
    f_scale : float
        Scale of residuals that are no outliers.
    max_nfev : int, optional
        Limit of evaluations.
    verbose : {0, 1, 2}
    args, kwargs
        For fun and jac.
    callback : callable, optional
        ``callback(x)`` or ``callback(intermediate_result)``; True or StopIteration stops.

    Returns
    -------
    OptimizeResult
        With SciPy's fields, and besides `kind`, `certificate` and `solution`.

    Raises
    ------
    ValueError
        As SciPy.

    Examples
    --------
    >>> result = least_squares(lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]), [2, 2])
    >>> result.x, result.kind
    (array([1., 1.]), 'strict minimum')
    """
    _check(method, jac, tr_solver, loss, verbose, max_nfev, (ftol, xtol, gtol))
    if np.iscomplexobj(x0):
        raise ValueError("`x0` must be real.")
    start = np.atleast_1d(x0).astype(np.float64)
    if start.ndim > 1:
        raise ValueError("`x0` must have at most 1 dimension.")
    lower, upper = pair_of_bounds(bounds, start.size)
    if lower.shape != start.shape or upper.shape != start.shape:
        raise ValueError("Inconsistent shapes between bounds and `x0`.")
    if np.any(lower >= upper):
        raise ValueError("Each lower bound must be strictly less than each upper bound.")
    if np.any(start < lower) or np.any(start > upper):
        raise ValueError("Initial guess is outside of provided bounds")
    if method == "lm" and (np.isfinite(lower).any() or np.isfinite(upper).any()):
        raise ValueError("Method 'lm' doesn't support bounds.")
    words = dict(kwargs or {})
    args = args if isinstance(args, tuple) else (args,)
    raw = np.asarray(fun(start.copy(), *args, **words))
    if raw.ndim > 1:
        raise ValueError(f"`fun` must return at most 1-d array_like. f0.shape: {raw.shape}")
    r0 = np.atleast_1d(raw).astype(np.float64)
    if not np.all(np.isfinite(r0)):
        raise ValueError("Residuals are not finite in the initial point.")
    if method == "lm" and r0.size < start.size:
        raise ValueError("Method 'lm' doesn't work when the number of residuals is less than the number of variables.")
    if callable(loss) and np.shape(loss((r0 / f_scale) ** 2)) != (3, r0.size):
        raise ValueError("The return value of `loss` callable has wrong shape.")
    given = (lambda x: jac(x.copy(), *args, **words)) if callable(jac) else None
    residuals = vector_function(fun, args, words)
    task = Squares(residuals, given, start, lower, upper, loss, float(f_scale), named(fun, "the function"))
    watch = _Watch(callback, residuals, max_nfev)
    found = fitted(task, 1e-8 if gtol is None else float(gtol), watch)
    idle = {"x_scale": x_scale, "diff_step": diff_step, "tr_solver": tr_solver, "tr_options": tr_options}
    idle |= {"jac_sparsity": jac_sparsity, "workers": workers}
    notes = [f"not needed: {', '.join(k for k, v in idle.items() if v is not None)}"]
    result = _composed(task, found, watch, notes if any(v is not None for v in idle.values()) else [])
    if verbose >= 1:
        print(result.message)
        print(
            f"Function evaluations {result.nfev}, final cost {result.cost:.4e}, "
            f"first-order optimality {result.optimality:.2e}."
        )
    return result


class _Watch(Watch):
    """A callback here gets the residuals too, and may stop the run by returning True."""

    def __init__(self, callback: Any, residuals: Callable[[Vector], Vector], limit: int | None) -> None:
        super().__init__(callback, "", limit)
        self.residuals = residuals

    def _shown(self, x: Vector, state: State) -> bool:
        assert self.callback is not None
        if self.form == "x":
            return self.callback(x.copy()) is True
        result = Result(x=x.copy(), fun=self.residuals(x), cost=state.value, nit=state.iteration)
        result["nfev"] = state.evaluations.value
        return self.callback(intermediate_result=result) is True


def pair_of_bounds(bounds: Any, n: int) -> tuple[Vector, Vector]:
    """Bounds as `least_squares` takes them: two sides, each a number or n numbers."""
    if isinstance(bounds, Bounds):
        sides = bounds.lb, bounds.ub
    elif len(bounds) == 2:
        sides = bounds[0], bounds[1]
    else:
        raise ValueError("`bounds` must contain 2 elements.")
    low, high = (np.asarray(side, dtype=np.float64) for side in sides)
    return (np.resize(low, n) if low.size == 1 else low), (np.resize(high, n) if high.size == 1 else high)


def _check(
    method: Any, jac: Any, tr_solver: Any, loss: Any, verbose: Any, max_nfev: Any, tolerances: tuple[Any, ...]
) -> None:
    """Refuse what SciPy refuses, in its words."""
    if method not in ("trf", "dogbox", "lm"):
        raise ValueError("`method` must be 'trf', 'dogbox' or 'lm'.")
    if not callable(jac) and jac not in ("2-point", "3-point", "cs"):
        raise ValueError("`jac` must be '2-point', '3-point', 'cs' or callable.")
    if tr_solver not in (None, "exact", "lsmr"):
        raise ValueError("`tr_solver` must be None, 'exact' or 'lsmr'.")
    if not callable(loss) and loss not in LOSSES:
        raise ValueError(f"`loss` must be one of {LOSSES.keys()} or a callable.")
    if method == "lm" and (callable(loss) or loss != "linear"):
        raise ValueError("method='lm' supports only 'linear' loss function.")
    if verbose not in (0, 1, 2):
        raise ValueError("`verbose` must be in [0, 1, 2].")
    if max_nfev is not None and max_nfev <= 0:
        raise ValueError("`max_nfev` must be None or positive integer.")
    small = [tol is None or tol < EPS for tol in tolerances]
    if method == "lm" and any(small):
        raise ValueError(f"All tolerances must be higher than machine epsilon ({EPS:.2e}) for method 'lm'.")
    if all(small):
        raise ValueError(f"At least one of the tolerances must be higher than machine epsilon ({EPS:.2e}).")


def _composed(task: Squares, found: Fitted, watch: Watch, notes: list[str]) -> Any:
    solution, x = found.solution, np.array(found.solution.x, dtype=np.float64)
    status = _status(solution, watch)
    J = found.J if task.plain else triggs(task.loss, found.r, found.J, task.scale)
    notes = [*notes, *found.notes]
    result = Result(
        x=x,
        cost=np.float64(solution.value),
        fun=found.r,
        jac=J,
        grad=np.asarray(solution.gradient, dtype=np.float64),
        optimality=float(solution.certificate.stationarity),
        active_mask=np.where(x <= task.lower, -1, np.where(x >= task.upper, 1, 0)),
        nfev=found.calls,
        njev=solution.njev,
        status=status,
        success=status > 0,
    )
    words = [MESSAGES[status], *([] if watch.stopped else [solution.message])]
    result["message"] = " ".join([*words, *([f"Notes: {'; '.join(notes)}."] if notes else [])])
    result["kind"] = solution.kind
    result["certificate"] = solution.certificate
    return result.attach(solution)


def _status(solution: Any, watch: Watch) -> int:
    """SciPy's number.  Where no step lowers the cost any more, its condition on x is met; the message says more."""
    if watch.stopped in ("callback", "returned True"):
        return -2
    if solution.success:
        return 1
    if solution.status is Status.STALLED and solution.kind == "not stationary":
        return 3
    return 0
