"""What a run has done, step by step, as arrays.

The numbers of every iteration are kept; the path of x is kept for few variables (`PATH_LIMIT`), for pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .problem import Matrix, Vector

__all__ = ["PATH_LIMIT", "History"]

#: The path of x is kept up to this many variables.
PATH_LIMIT = 20


@dataclass
class History:
    """Iterations of a run as columns.

    Examples
    --------
    >>> history = History()
    >>> history.append(value=4.0, gradient_norm=4.0, step_length=0.0, time=0.0, evaluations=1, x=np.array([2.0]))
    >>> history.append(value=0.0, gradient_norm=0.0, step_length=2.0, time=0.1, evaluations=2, x=np.array([0.0]))
    >>> len(history), history.value, history.x.ravel()
    (2, array([4., 0.]), array([2., 0.]))
    """

    _rows: list[tuple[float, float, float, float, int, float]] = field(default_factory=list, repr=False)
    _path: list[Vector] = field(default_factory=list, repr=False)

    def append(
        self,
        *,
        value: float,
        gradient_norm: float,
        step_length: float,
        time: float,
        evaluations: int,
        x: Vector,
        infeasibility: float = 0.0,
    ) -> None:
        """Add an iteration."""
        self._rows.append((value, gradient_norm, step_length, time, evaluations, infeasibility))
        if x.size <= PATH_LIMIT:
            self._path.append(x.copy())

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def iteration(self) -> np.ndarray:
        """0, 1, 2, …"""
        return np.arange(len(self._rows))

    @property
    def value(self) -> Vector:
        """The function at each iterate."""
        return self._column(0)

    @property
    def gradient_norm(self) -> Vector:
        """‖∇f‖∞ at each iterate; with constraints the residual of the Karush–Kuhn–Tucker conditions."""
        return self._column(1)

    @property
    def step_length(self) -> Vector:
        """‖s‖₂ of the step that led to each iterate; 0 for the first."""
        return self._column(2)

    @property
    def time(self) -> Vector:
        """Seconds since the start."""
        return self._column(3)

    @property
    def evaluations(self) -> np.ndarray:
        """Evaluations of the function so far."""
        return self._column(4).astype(int)

    @property
    def infeasibility(self) -> Vector:
        """By how much the worst constraint is violated at each iterate."""
        return self._column(5)

    @property
    def x(self) -> Matrix | None:
        """The iterates as rows, in the order of the coordinates' names; None beyond `PATH_LIMIT` variables."""
        return np.array(self._path) if self._path else None

    def _column(self, place: int) -> Vector:
        return np.array([row[place] for row in self._rows], dtype=np.float64)
