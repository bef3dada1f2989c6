"""SciPy's callbacks, in both of their forms, and the limits that a run has besides that of iterations.

    callback(xk)                     the iterate, a copy
    callback(intermediate_result)    an OptimizeResult with x and fun; by this very name of the parameter
    callback(xk, state)              for trust-constr, where True stops the run

StopIteration stops every method.  The starting point is not shown, as in SciPy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from thalweg.optimize.problem import Vector
from thalweg.optimize.state import State

from .calls import Failed

__all__ = ["PAIRS", "Watch"]

#: How many of the last steps are kept, for an inverse Hessian of low rank.
PAIRS = 10


class Watch:
    """Sees every state of a run.

    Parameters
    ----------
    callback : callable or None
        The user's.
    method : str
        SciPy's name of the method, in lower case.
    evaluations : int or None
        Where to stop.
    target : float
        A value at which to stop, where the constraints hold.
    keep_all : bool
        Whether to keep all iterates.

    Attributes
    ----------
    stopped : str
        'callback', 'returned True', 'evaluations' or 'target'; '' while the run goes on.
    iterates : list of array
    pairs : list of (step, change of gradient)
    """

    def __init__(
        self,
        callback: Callable[..., Any] | None,
        method: str = "",
        evaluations: int | None = None,
        target: float = -np.inf,
        keep_all: bool = False,
    ) -> None:
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable, not {callback!r}.")
        self.callback = callback
        self.form = _form(callback, method)
        self.evaluations = evaluations
        self.target = target
        self.keep_all = keep_all
        self.stopped = ""
        self.iterates: list[Vector] = []
        self.pairs: list[tuple[Vector, Vector]] = []
        self.error: Exception | None = None
        self._last: tuple[Vector, Vector] | None = None

    def again(self) -> Watch:
        """One that has seen nothing, for another run."""
        self.stopped, self.iterates, self.pairs, self._last = "", [], [], None
        return self

    def __call__(self, state: State) -> bool:
        """Look at a state; True stops the run."""
        x = np.array(state.x, dtype=np.float64)
        if self.keep_all:
            self.iterates.append(x)
        gradient = np.asarray(state.gradient, dtype=np.float64)
        if self._last is not None:
            self.pairs = [*self.pairs[1 - PAIRS :], (x - self._last[0], gradient - self._last[1])]
        self._last = (x, gradient)
        if state.iteration > 0 and self.callback is not None:
            try:
                if self._shown(x, state):
                    self.stopped = "returned True"
            except StopIteration:
                self.stopped = "callback"
            except Exception as error:
                self.error = error
                raise Failed from error
        if not self.stopped and self.evaluations is not None and state.evaluations.value >= self.evaluations:
            self.stopped = "evaluations"
        if not self.stopped and state.value <= self.target and state.infeasibility <= 1e-8:
            self.stopped = "target"
        return bool(self.stopped)

    def _shown(self, x: Vector, state: State) -> bool:
        assert self.callback is not None
        if self.form == "x":
            self.callback(x.copy())
            return False
        result = OptimizeResult()
        result.update(x=x.copy(), fun=state.value)
        if self.form == "result":
            self.callback(intermediate_result=result)
            return False
        result.update(
            grad=np.array(state.gradient, dtype=np.float64),
            nit=state.iteration,
            niter=state.iteration,
            nfev=state.evaluations.value,
            njev=state.evaluations.gradient,
            nhev=state.evaluations.hessian,
            optimality=state.residual,
            constr_violation=state.infeasibility,
            execution_time=state.elapsed,
        )
        return bool(self.callback(x.copy(), result))


def _form(callback: Any, method: str) -> str:
    """Which of the forms it is, told as SciPy does: by the name of its only parameter."""
    if callback is None:
        return ""
    try:
        names = set(inspect.signature(callback).parameters)
    except (TypeError, ValueError):
        names = set()
    if names == {"intermediate_result"}:
        return "result"
    return "x and state" if method == "trust-constr" else "x"
