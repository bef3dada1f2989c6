"""The front door: `minimize`, `maximize` and `classify`, for functions as people write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .build import build, problem_from
from .classify import TOLERANCE, Classification
from .constrained import classify_on
from .descend import Descent, descent
from .equalities import equalities_from
from .problem import Problem, Vector
from .solution import Solution
from .starts import best_of, checked_starts, starting_points
from .state import State

__all__ = ["classify", "least_squares", "maximize", "minimize"]


def minimize(
    f: Callable[..., Any] | Problem,
    x0: Any,
    *,
    subject_to: Any = None,
    bounds: Any = None,
    args: tuple[Any, ...] = (),
    grad: Callable[..., Any] | bool | None = None,
    hess: Callable[..., Any] | None = None,
    derivatives: str = "exact",
    method: str = "auto",
    tol: float = 1e-8,
    max_iterations: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[State], object] | None = None,
    progress: bool | Callable[[State], object] | None = None,
    escape_saddles: bool = True,
    starts: int = 1,
    batches: Any = None,
    **options: Any,
) -> Solution:
    """Find a minimum of a smooth function, free or under constraints, and say what kind of point it is.

    Parameters
    ----------
    f : callable
        A scalar function written with plain NumPy, or a formula.  No derivatives are needed.
    x0 : number, array, or nested dict, tuple, list or dataclass of them
        The starting point; `f` is called with this structure.  A list of numbers is a vector.  To start at random, see
        `random_start`.  A `State`, at hand or from a file (`State.load`): the run goes on where it was.
    subject_to : callable, text, dict, SciPy constraint, or a list of these, optional
        A function of x that returns comparisons, as they are read: ``lambda x: [x[0] + x[1] == 1, x >= 0]``; for a
        range `between`.  Also ``"x + y = 1"`` where f is a formula, ``{"eq": g, "ineq": h}`` for g(x) = 0 and
        h(x) ≥ 0, SciPy's constraint objects and dicts, and a function g alone, read as g(x) = 0.
    bounds : pairs, optional
        ``(lower, upper)`` for all variables, a pair a variable, two arrays (or a tuple of two lists),
        ``{name: (lower, upper)}`` or SciPy's ``Bounds``; None or ±inf where there is no side.  Equal sides fix a
        variable.
    args : tuple
        Further arguments: ``f(x, *args)``, and for constraints that take as many.  `Solution.sensitivity` says how
        the optimum depends on them.
    grad, hess : callable, optional
        Derivatives of a function that cannot be traced: ``grad(x, *args)`` with the structure of x (or True where f
        returns ``(value, gradient)``), and ``hess(x, *args)`` of shape (n, n).  Not needed otherwise.
    derivatives : {'exact', 'finite-difference'}
        'finite-difference' approximates what is not given, for functions that cannot be traced: slower, and right to
        about ten digits instead of all.
    method : str
        'auto' picks by the structure of the problem and says why; ``thalweg minimize --method help`` lists the others.
    tol : float
        Stop when no component of the gradient is larger (with constraints: no residual of the optimality conditions),
        at a point of the right kind.  Newton's method goes on to the rounding floor while that gains digits.
    max_iterations : int, optional
        The default depends on the method.
    time_limit : float, optional
        Seconds, from the call on; with `starts` for all runs together.
    callback : callable, optional
        Called with each `State`; returning True or raising StopIteration stops the run.
    progress : bool or callable, optional
        True shows a line on the terminal once the run takes longer than a second; a callable gets each `State`.
    escape_saddles : bool
        Leave stationary points that are no minimum, along a direction in which the function falls.
    starts : int
        Run from so many points, x0 and quasi-random ones within the bounds, and return the best minimum found, with all
        distinct ones in `Solution.minima`.  Best found, not proven.
    batches : Batches or iterable, optional
        Data in mini-batches, for 'sgd', 'adam' and 'adamw': f is called as ``f(x, *batch)`` and is the mean over the
        rows of a batch.  The run ends after ``epochs=`` passes; after 100 where neither these nor `max_iterations` nor
        `time_limit` are given.
    **options
        Options of the method, such as ``learning_rate``: the fixed η of gradient descent.

    Returns
    -------
    Solution
        With `x`, `value`, `kind`, `status`, `multipliers`, `certificate`, `history`; print it for a table.

    Raises
    ------
    ArgumentError
        Where `f` is no scalar function, `x0` no real numbers, the constraints cannot be read, or an option makes no
        sense.  An error that `f` itself raises goes on its way, with the best point so far as its attribute
        `best_so_far`.

    Examples
    --------
    >>> import numpy as np
    >>> solution = minimize(lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, [-1.2, 1.0])
    >>> solution.x, solution.kind, solution.success
    (array([1., 1.]), 'strict minimum', True)

    Constraints are written as they are read; λ is that of L(x, λ) = f(x) + Σ λᵢ gᵢ(x):

    >>> solution = minimize(lambda x: x @ x, [0.0, 0.0], subject_to=lambda x: x[0] + x[1] == 1)
    >>> solution.x, round(solution.multipliers, 9), solution.kind
    (array([0.5, 0.5]), -1.0, 'strict minimum')

    A saddle point is no answer, even where the gradient is exactly zero:

    >>> solution = minimize(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4, [0.0, 0.0])
    >>> solution.kind, round(solution.value, 12)
    ('strict minimum', -0.25)
    """
    return solve(
        f,
        x0,
        method,
        starts,
        subject_to=subject_to,
        bounds=bounds,
        args=args,
        grad=grad,
        hess=hess,
        derivatives=derivatives,
        batches=batches,
        tol=tol,
        max_iterations=max_iterations,
        time_limit=time_limit,
        callback=callback,
        progress=progress,
        escape_saddles=escape_saddles,
        **options,
    )


def maximize(
    f: Callable[..., Any] | Problem, x0: Any, *, method: str = "auto", starts: int = 1, **options: Any
) -> Solution:
    """Find a maximum of a smooth function; as `minimize`, and everything reported is of `f` itself.

    Parameters
    ----------
    f, x0, method, starts
        As for `minimize`.
    **options
        All other arguments of `minimize`.

    Examples
    --------
    >>> solution = maximize(lambda x: 3 - (x - 2) ** 2, 0.0)
    >>> solution.x, solution.value, solution.kind
    (2.0, 3.0, 'maximum')

    The box of largest volume with surface 6 is the cube:

    >>> import numpy as np
    >>> box = maximize(lambda s: np.prod(s), [1.0, 2.0, 3.0], bounds=(0, None),
    ...                subject_to=lambda s: 2 * (s[0] * s[1] + s[1] * s[2] + s[2] * s[0]) == 6)
    >>> box.x, round(box.shadow_prices, 9)
    (array([1., 1., 1.]), 0.25)
    """
    return solve(f, x0, method, starts, sense="maximize", **options)


def least_squares(
    residuals: Callable[..., Any],
    x0: Any,
    *,
    subject_to: Any = None,
    bounds: Any = None,
    args: tuple[Any, ...] = (),
    jac: Callable[..., Any] | bool | None = None,
    derivatives: str = "exact",
    method: str = "auto",
    tol: float = 1e-8,
    max_iterations: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[State], object] | None = None,
    progress: bool | Callable[[State], object] | None = None,
    escape_saddles: bool = True,
    starts: int = 1,
    **options: Any,
) -> Solution:
    """Find a minimum of ½ ‖r(x)‖², half the sum of the squares of residuals.

    Parameters
    ----------
    residuals : callable
        ``r(x, *args)``: an array of any shape, or a list or nested structure of numbers and arrays.
    x0 : number, array, or nested structure
        The starting point.
    jac : callable or True, optional
        The Jacobian, (k, n), of a function that cannot be traced; True where it returns ``(r, J)``.
    subject_to, bounds, args, derivatives, method, tol, max_iterations, time_limit
        As for `minimize`.
    callback, progress, escape_saddles, starts
        As for `minimize`.

    Returns
    -------
    Solution
        Its `value` is ½ ‖r‖², as SciPy's ``cost``.

    Examples
    --------
    >>> import numpy as np
    >>> t, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([2.0, 1.0, 0.5, 0.25])
    >>> fit = least_squares(lambda p: p["a"] * np.exp(-p["k"] * t) - y, {"a": 1.0, "k": 1.0})
    >>> round(fit.x["a"], 6), round(fit.x["k"], 6), fit.kind
    (2.0, 0.693147, 'strict minimum')
    """
    return solve(
        residuals,
        x0,
        method,
        starts,
        residuals=True,
        subject_to=subject_to,
        bounds=bounds,
        args=args,
        grad=jac,
        derivatives=derivatives,
        tol=tol,
        max_iterations=max_iterations,
        time_limit=time_limit,
        callback=callback,
        progress=progress,
        escape_saddles=escape_saddles,
        **options,
    )


def solve(f: Callable[..., Any] | Problem, x0: Any, method: str, starts: int, **options: Any) -> Solution:
    """Run once, or from several points."""
    if checked_starts(starts) == 1:
        return descent(f, x0, method, **options).run()
    began = perf_counter()
    first = descent(f, x0, method, **options)
    limit = first.settings.time_limit
    deadline = float("inf") if limit is None else began + 0.5 * limit
    try:
        points = starting_points(first.built, starts, first.sign, deadline)
    except KeyboardInterrupt as stop:
        return _cut(first, method, getattr(stop, "best", None))

    def run(start: Vector, left: float | None) -> Solution:
        settings = replace(first.settings, time_limit=left)
        return Descent(replace(first.built, start=start), method, settings, first.chosen.options).run()

    return best_of(run, points, limit, began)


def _cut(first: Descent, method: str, best: Vector | None) -> Solution:
    """The better of the start and the best point that was drawn, where Ctrl-C came before the first run."""
    at_start = first.interrupted()
    if best is None or first.problem.m:  # a drawn point is within the bounds, but no rows were looked at
        return at_start
    there = Descent(replace(first.built, start=best), method, first.settings, first.chosen.options).interrupted()
    return there if first.sign * there.value < first.sign * at_start.value else at_start


def classify(
    f: Callable[..., Any] | Problem, x: Any, subject_to: Any = None, *, bounds: Any = None, tol: float = TOLERANCE
) -> Classification:
    """Say what kind of point `x` is: strict minimum, minimum, maximum, saddle, degenerate or not stationary.

    Parameters
    ----------
    f : callable
        A scalar function written with plain NumPy, or a formula.
    x : number, array, or nested structure of them
        The point.
    subject_to, bounds : optional
        As for `minimize`.  The multipliers λ are those of L(x, λ) = f(x) + Σ λᵢ gᵢ(x), in the structure of the
        constraints.
    tol : float
        To how many digits, relatively, x is known: the gradient counts as zero if such a change of x explains it.

    Examples
    --------
    >>> classify(lambda x: x**4, 0.0).kind
    'strict minimum'
    >>> classify(lambda x: x[0] ** 2 - x[1] ** 2, [0.0, 0.0]).kind
    'saddle'
    >>> c = classify(lambda x: x[0] ** 2 + x[1] ** 2, [0.5, 0.5], subject_to=lambda x: x[0] + x[1] == 1)
    >>> c.kind, c.multipliers
    ('strict minimum', -1.0)
    """
    if subject_to is None and bounds is None:
        problem, at = problem_from(f, x)
        return classify_on(problem.at(at), tol=tol)
    if isinstance(f, Problem) and bounds is None:
        return classify_on(f.at(x), equalities_from(subject_to, x), tol=tol)
    built = build(f, x, subject_to=subject_to, bounds=bounds)
    if built.layout is not None and built.free is not None:
        held = np.setdiff1d(np.arange(built.fixed.size), built.free)
        off = np.abs(built.layout.start - built.fixed)[held] > tol * np.maximum(1.0, np.abs(built.fixed[held]))
        if off.any():
            j = int(held[np.argmax(off)])
            raise ArgumentError(
                f"The point is not within the bounds: {built.layout.names[j]} is {built.fixed[j]:g} there."
            )
    found = classify_on(built.problem.at(built.start), tol=tol)
    if found.y is None or found.z is None or not built.relations.all:
        return replace(found, multipliers=None)
    lower, upper = built.problem.lower, built.problem.upper
    if lower is not None and upper is not None:
        lower, upper = built.spread(lower, -np.inf), built.spread(upper, np.inf)
    multipliers = built.relations.multipliers(found.y, built.spread(found.z), lower, upper)
    return replace(found, multipliers=multipliers)
