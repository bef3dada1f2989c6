"""What the loop yields at each iteration: where it is and what it just did.

A state can be saved to a file while its run stands on it, in the callback or inside the loop, and given as `x0` to go
on exactly there (`resume`)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from thalweg.errors import ArgumentError

from .problem import Evaluations

if TYPE_CHECKING:
    from .descend import Descent
    from .saved import Packed

__all__ = ["State"]


@dataclass(frozen=True, eq=False)
class State:
    """One iteration of a run.

    Attributes
    ----------
    iteration : int
        0 at the start.
    x, value, gradient
        The iterate, the function and its gradient there; `x` and `gradient` in the user's structure.
    gradient_norm : float
        ‖∇f‖∞.
    residual : float
        How far the point is from being stationary: ‖∇f‖∞, or with constraints the largest residual of the
        Karush–Kuhn–Tucker conditions.
    infeasibility : float
        By how much the worst constraint is violated.
    step
        The step that led here, in the user's structure; None at the start.
    step_length : float
        Its Euclidean length.
    size : float
        What the step rule chose: the learning rate, or the length in the units of the trust region.
    direction : str
        'steepest descent', 'Newton', 'trust region', 'negative curvature'; '' at the start.
    evaluations : Evaluations
        How often function, gradient and Hessian were evaluated so far.
    elapsed : float
        Seconds since the start.
    message : str
        What happened, where it deserves a sentence: 'left a saddle point …'.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from thalweg.optimize import descend, minimize
    >>> def valley(x):
    ...     return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    >>> file = os.path.join(tempfile.mkdtemp(), "half-way.npz")
    >>> for state in descend(valley, [-1.2, 1.0]):
    ...     if state.iteration == 10:
    ...         state.save(file)
    ...         break
    >>> solution = minimize(valley, State.load(file))
    >>> solution.iterations == minimize(valley, [-1.2, 1.0]).iterations
    True
    """

    iteration: int
    x: Any
    value: float
    gradient: Any
    gradient_norm: float
    step: Any
    step_length: float
    size: float
    direction: str
    evaluations: Evaluations
    elapsed: float
    message: str = ""
    residual: float = float("nan")
    infeasibility: float = 0.0
    _run: Descent | None = field(default=None, repr=False)
    _memory: Packed | None = field(default=None, repr=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state, with all that its run remembers, to a file from which the run can go on.

        Parameters
        ----------
        path
            By custom ``….npz``.  An old file there is replaced once the new one is complete.

        Raises
        ------
        ArgumentError
            Where the run has gone on from this state, or x is of a type that no file holds (such as a dataclass).
        OSError
            Where the file cannot be written; an old one is untouched then.
        """
        from .saved import Packed, pack, write

        shown = {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith("_")}
        memory, state = self.memory(), pack(shown)
        shift = len(state.arrays)
        write(path, Packed({"state": state.tree, "memory": memory.tree, "after": shift}, state.arrays + memory.arrays))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> State:
        """Read a state that `save` wrote; give it as `x0` to `minimize`, `maximize` or `descend` to go on.

        Raises
        ------
        ArgumentError
            Where the file is no saved state, is damaged, or comes from a later version.
        """
        from .saved import Packed, read, unpack

        packed = read(path)
        try:
            shift = packed.tree["after"]
            shown = unpack(Packed(packed.tree["state"], packed.arrays[:shift]))
            return cls(**shown, _memory=Packed(packed.tree["memory"], packed.arrays[shift:]))
        except (KeyError, TypeError, IndexError, AttributeError, ArgumentError) as error:
            raise ArgumentError(f"{os.fspath(path)} cannot be read as a saved state ({error}).") from None

    def memory(self) -> Packed:
        """What the run remembers at this state."""
        if self._memory is not None:
            return self._memory
        if self._run is None:
            raise ArgumentError("This state has no run to go on with; give its x as x0.")
        from .resume import taken

        return taken(self._run, self)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_run"}

    def __setstate__(self, content: dict[str, Any]) -> None:
        self.__dict__.update({"_run": None, **content})

    def __str__(self) -> str:
        line = f"{self.iteration:6d}  value {self.value:<14.8g} gradient {self.gradient_norm:<10.3g}"
        line += f" step {self.step_length:<10.3g} {self.direction}"
        return line.rstrip() + (f"  ({self.message})" if self.message else "")
