r"""Looking for several minima: runs from many points, which is a search, not a proof.

The starts are quasi-random: Sobol's points in the box of the bounds, the same at every call.  A variable without bounds
is drawn around its starting value, within ±10 max(1, |x₀|) (or from its one bound).  Many more points are drawn than
runs are made; all are evaluated in one batch, and the runs begin at x₀ itself and then at the lowest points that are
not close to one another, so that a run is not spent where another will go.  Two minima are the same where x and value
agree to the accuracy that their certificates claim.

What comes out is the best *found*.  Nothing here proves that there is no better one.

References
----------
Sobol, USSR Comput. Math. Math. Phys. 7 (1967); Rinnooy Kan & Timmer, *Stochastic global optimization methods*, Math.
Programming 39 (1987), for choosing starts by their values and distances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .built import Built
from .problem import Matrix, Problem, Vector
from .solution import Solution, Status

__all__ = ["best_of", "checked_starts", "starting_points"]

#: Points drawn for every run.
DRAWN = 16
#: How far from its starting value a variable without bounds is drawn, relatively.
REACH = 10.0
#: Seconds for the first run, where the time was up before it.
SHORTEST = 1e-3
#: Points evaluated in one batch.
AT_ONCE = 1024


def checked_starts(starts: Any) -> int:
    """Return the number of runs, or an error for what is none."""
    if isinstance(starts, bool) or not isinstance(starts, (int, np.integer)) or starts < 1:
        raise ArgumentError(f"starts must be a number of runs, 1 or more, not {starts!r}.")
    return int(starts)


def starting_points(built: Built, count: int, orientation: float = 1.0, deadline: float = float("inf")) -> list[Vector]:
    """Return `count` starting points, the given one first.

    After the deadline no more points are evaluated, and those that were not count as the worst.  Where Ctrl-C comes
    meanwhile, the `KeyboardInterrupt` carries the best point so far as its attribute ``best``, or None.

    Examples
    --------
    >>> problem = Problem(1, lambda x: (float(np.cos(x[0])), -np.sin(x)), lower=np.zeros(1), upper=np.full(1, 6.0))
    >>> [float(x[0].round(2)) for x in starting_points(Built(problem, np.array([1.0])), 3)]
    [1.0, 3.19, 2.62]
    """
    problem, start = built.problem, built.start
    if count == 1:
        return [start]
    points, values = np.empty((0, problem.n)), np.zeros(0)
    try:
        points = _drawn(problem, start, DRAWN * count)
        values = np.full(len(points), np.inf)
        _evaluate(problem, points, orientation, deadline, values)
    except KeyboardInterrupt as stop:
        some = np.isfinite(values).any()
        stop.best = points[np.argmin(values)] if some else None  # type: ignore[attr-defined]
        raise
    order = np.argsort(values, kind="stable")
    low, high = _box(problem, start)
    width = np.where(high > low, high - low, 1.0)
    apart = 0.5 * count ** (-1 / problem.n) / 2
    chosen = np.empty((count, problem.n))
    chosen[0], taken = start, 1
    for distance in (apart, apart / 4, 0.0):
        for i in order:
            if taken == count:
                return list(chosen)
            if np.abs((chosen[:taken] - points[i]) / width).max(axis=1).min() > distance:
                chosen[taken], taken = points[i], taken + 1
    return list(chosen[:taken])


def best_of(
    run: Callable[[Vector, float | None], Solution],
    points: Sequence[Vector],
    time_limit: float | None,
    began: float | None = None,
) -> Solution:
    """Run from every point and return the best solution, with all distinct ones in its `minima`.

    Parameters
    ----------
    run : callable
        ``(start, seconds left or None) -> Solution``.
    points : sequence of array
        Where to begin.
    time_limit : float or None
        Seconds for all runs together.
    began : float, optional
        The `perf_counter` time from which they count; now, where it is not given.
    """
    began = perf_counter() if began is None else began
    found: list[Solution] = []
    failed: list[Solution] = []
    done = 0
    for x in points:
        left = None if time_limit is None else time_limit - (perf_counter() - began)
        if left is not None and left <= 0:
            if found or failed:
                break
            left = SHORTEST
        solution = run(x, left)
        done += 1
        if solution.success:
            if not any(_same(solution, other) for other in found):
                found.append(solution)
        else:
            failed.append(solution)
        if solution.status is Status.INTERRUPTED:
            break
    turn = 1.0 if (found or failed)[0].sense == "minimize" else -1.0
    found.sort(key=lambda s: turn * s.value)
    if not found:
        failed.sort(key=lambda s: _shortfall(s, turn))
        return replace(failed[0], time=perf_counter() - began)
    best = found[0]
    what = "minimum" if turn > 0 else "maximum"
    plural = {"minimum": "minima", "maximum": "maxima"}[what]
    distinct = f"{len(found)} distinct {what if len(found) == 1 else plural}"
    note = (
        f"{done} of {len(points)} starts: {distinct} found, {len(failed)} runs did not converge. "
        "This is the best found, which is no proof that there is none better."
    )
    return replace(best, minima=tuple(found), notes=(*best.notes, note), time=perf_counter() - began)


def _shortfall(s: Solution, turn: float) -> tuple[bool, float, float]:
    """What is compared of runs that failed: first the violation of constraints, as far as it counts, then the value."""
    if not np.isfinite(s.value):
        return True, 0.0, 0.0
    violation = s.infeasibility
    return False, violation if violation > 1e-6 else 0.0, turn * s.value


def _same(a: Solution, b: Solution) -> bool:
    scale = np.maximum(1.0, np.maximum(np.abs(a.flat), np.abs(b.flat)))
    error = 1e-5 + np.nan_to_num(a.certificate.expected_error) + np.nan_to_num(b.certificate.expected_error)
    close = bool(np.all(np.abs(a.flat - b.flat) <= np.minimum(error, 1e-2) * scale))
    return close and abs(a.value - b.value) <= 1e-6 * max(1.0, abs(a.value), abs(b.value))


def _box(problem: Problem, start: Vector) -> tuple[Vector, Vector]:
    """Where starts are drawn."""
    nothing = np.full(problem.n, np.inf)
    lower = -nothing if problem.lower is None else problem.lower
    upper = nothing if problem.upper is None else problem.upper
    reach = REACH * np.maximum(1.0, np.abs(start))
    low = np.where(np.isfinite(lower), lower, np.where(np.isfinite(upper), upper - 2 * reach, start - reach))
    high = np.where(np.isfinite(upper), upper, np.where(np.isfinite(lower), lower + 2 * reach, start + reach))
    return low, high


def _drawn(problem: Problem, start: Vector, count: int) -> Matrix:
    from scipy.stats.qmc import Sobol  # 0.3 s to import, and rarely needed

    low, high = _box(problem, start)
    if problem.n > Sobol.MAXDIM:
        unit = np.random.default_rng(0).random((count, problem.n))
    else:
        unit = Sobol(problem.n, scramble=False).random_base2(int(np.ceil(np.log2(count + 1))))[1 : count + 1]
    return low + unit * (high - low)


def _evaluate(problem: Problem, points: Matrix, orientation: float, deadline: float, values: Vector) -> None:
    """Write the function at all points into `values`, infinite where it is not finite; in batches where it can be."""
    at_once = 1 if problem.values is None else AT_ONCE
    for k in range(0, len(points), at_once):
        if perf_counter() > deadline:
            break
        part = points[k : k + at_once]
        with np.errstate(all="ignore"):
            found = orientation * (problem.at(part[0]).value if problem.values is None else problem.values(part))
        values[k : k + at_once] = np.where(np.isfinite(found), found, np.inf)
