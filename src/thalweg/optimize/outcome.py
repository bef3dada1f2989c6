"""From the end of a run to the `Solution`: everything turned back into the user's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .classify import Classification
from .ending import Ending
from .engine import Iterate
from .sizes import DENSE_LIMIT
from .solution import Solution

if TYPE_CHECKING:
    from .descend import Descent

__all__ = ["solution_of"]


def solution_of(run: Descent, at: Iterate, c: Classification, end: Ending) -> Solution:
    """Return the solution of a run that ends at an iterate."""
    point, problem, built = at.point, run.problem, run.built
    seen = run.judge.as_user_sees(point)
    evaluations = problem.count.snapshot()  # of the run; the Hessian for the reader is none of its work
    dense = problem.n <= DENSE_LIMIT and not problem.sparse
    exact = problem.f_hessian is not None and end.classification is not None and problem.constrained and point.finite
    known = dense and (exact or "hessian" in seen.__dict__)
    y, z = c.y, c.z
    if y is None or z is None:
        y = run.sign * at.y if at.y.size == problem.m else np.zeros(problem.m)
        z = run.sign * at.z if at.z.size == problem.n else np.zeros(problem.n)
    return Solution(
        x=problem.unravel(point.x),
        value=seen.value,
        status=end.status,
        message=end.message,
        gradient=_whole_gradient(run, seen.gradient),
        classification=c,
        method=run.chosen.method.name,
        method_reason=run.chosen.reason,
        iterations=run.iterations,
        evaluations=evaluations,
        time=run.elapsed,
        history=run.record.history,
        names=tuple(problem.names),
        flat=point.x,
        hessian=seen.hessian if known else None,
        sense=run.settings.sense,
        notes=tuple(run.notes),
        y=y,
        z=z,
        built=built,
        ray=end.ray,
        c=point.c,
    )


def _whole_gradient(run: Descent, gradient: Any) -> Any:
    """∇f in the structure of x; over fixed variables it is not known, and NaN."""
    built = run.built
    if built.layout is None or built.free is None:
        return run.problem.unravel(gradient)
    return built.layout.unravel(built.spread(gradient, np.nan))
