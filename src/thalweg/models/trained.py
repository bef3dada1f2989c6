"""What every trained model can say of its point: is it a minimum or a saddle, and which numbers show it.

The verdict needs derivatives of the objective over all rows, which the classical algorithms do without.  So it is
made when it is first asked for, and `fit` costs what the algorithm costs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from thalweg.optimize.found import solution_at
from thalweg.optimize.solution import Solution

__all__ = ["Evidence", "Trained"]


@dataclass(eq=False)
class Evidence:
    """How a point was found, and the function whose minimum it is to be.

    Attributes
    ----------
    objective : callable
        The objective as a function of the parameters alone: data, weights and settings are bound.
    parameters : nested structure of arrays
        The point.
    method, reason : str
        The algorithm, and why it was taken.
    status, message : str or None
        How its run ended, as in `Solution`; None leaves it to the gradient.
    iterations : int
    seconds : float
    values : sequence of float
        The objective at the iterates.
    bounds, subject_to
        As for `minimize`.
    tol : float
        To how many digits the point is stationary.
    """

    objective: Callable[[Any], Any]
    parameters: Any
    method: str
    reason: str = ""
    status: str | None = None
    message: str | None = None
    iterations: int = 0
    seconds: float = 0.0
    values: Sequence[float] = ()
    bounds: Any = None
    subject_to: Any = None
    tol: float = 1e-8
    time_limit: float | None = field(default=None)

    def judged(self) -> Solution:
        """Return the solution, with the verdict."""
        return solution_at(
            self.objective,
            self.parameters,
            method=self.method,
            reason=self.reason,
            status=self.status,
            message=self.message,
            iterations=self.iterations,
            seconds=self.seconds,
            values=self.values,
            bounds=self.bounds,
            subject_to=self.subject_to,
            tol=self.tol,
            time_limit=self.time_limit,
        )


class Trained:
    """A base of models: `fit` leaves `_evidence` (or a finished `_solution`), and `solution_` is made from it.

    The training data are referred to until the verdict is made, never copied; they are not pickled.
    """

    _evidence: Evidence | None = None
    _solution: Solution | None = None

    @property
    def solution_(self) -> Solution:
        """The trained point as a `Solution`: its kind, the certificate, how the run ended."""
        if self._solution is None:
            if self._evidence is None:
                raise AttributeError(
                    f"This {type(self).__name__} has no solution_: it is not fitted, or was saved before solution_ was "
                    "first looked at (the training data are not saved with a model)."
                )
            self._solution = self._evidence.judged()
            self._evidence = None
        return self._solution

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model into a file of numbers and texts, without code; `thalweg.models.load` reads it.

        The training data are not in it; `solution_` is, if it was looked at before.  An existing file is replaced when
        the new one is complete.

        Raises
        ------
        ArgumentError
            Where the model is not fitted, or one of its parameters is a function, which such a file cannot hold.
        OSError
            Where the file cannot be written; what was there is untouched.
        """
        from .persistence import save

        save(self, path)

    def __getstate__(self) -> dict[str, Any]:
        parent: Any = super()
        state = dict(parent.__getstate__())
        state.pop("_evidence", None)
        return state
