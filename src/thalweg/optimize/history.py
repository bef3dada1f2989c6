"""What a run has done, step by step, as arrays.

The numbers of every iteration are kept; the path of x is kept for few variables (`PATH_LIMIT`), for pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thalweg.errors import MissingPackageError

from .problem import Matrix, Vector

__all__ = ["COLUMNS", "PATH_LIMIT", "History"]

#: The numbers of an iterate, by the names of the columns.
COLUMNS = ("iteration", "value", "gradient_norm", "infeasibility", "step_length", "evaluations", "time")

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

    def to_dataframe(self, names: Sequence[str] = ()) -> Any:
        """Return the columns as a `pandas.DataFrame`, one row an iterate, with the coordinates of x where kept.

        Parameters
        ----------
        names : sequence of str, optional
            Names of the coordinates, as `Solution.names` has them; ``x[0]``, ``x[1]``, … without.

        Raises
        ------
        MissingPackageError
            Where pandas is not installed; the columns are attributes of this object too.
        """
        try:
            import pandas
        except ImportError:
            raise MissingPackageError(
                "history.to_dataframe() needs pandas: `pip install thalweg[pandas]`. Without it, history.value, "
                "history.gradient_norm and the other columns are arrays."
            ) from None
        columns = {name: getattr(self, name) for name in COLUMNS}
        path = self.x
        if path is not None:
            known = list(names) or [f"x[{i}]" for i in range(path.shape[1])]
            columns |= {str(name): path[:, i] for i, name in enumerate(known)}
        return pandas.DataFrame(columns).set_index("iteration")

    def __getstate__(self) -> dict[str, Any]:
        return {"rows": np.array(self._rows, dtype=np.float64), "path": self.x}

    def __setstate__(self, content: dict[str, Any]) -> None:
        self._rows = [(v, g, s, t, int(e), i) for v, g, s, t, e, i in content["rows"].tolist()]
        self._path = [] if content["path"] is None else list(content["path"])

    def _column(self, place: int) -> Vector:
        return np.array([row[place] for row in self._rows], dtype=np.float64)
