"""SciPy's options and tolerances, as settings of a run here, and notes on those that have no meaning.

Honoured: ``maxiter``, ``maxfev`` (``maxfun``), ``gtol``, ``disp`` (``verbose``), ``return_all``, ``f_target``.
A run here ends by the residual of the optimality conditions, not by the change of f or x: a program that asks for a
smaller ``ftol`` or ``xtol`` than usual asks for more digits, and gets them by a smaller residual.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Asked", "asked"]

#: The residual at which a run ends, where nothing else is said.
TOLERANCE = 1e-8
#: No smaller one follows from ftol or xtol: double precision would not reach it.
TIGHTEST = 1e-12
#: Methods whose `tol` is the gradient's.
BY_GRADIENT = ("bfgs", "cg", "l-bfgs-b", "tnc", "dogleg", "trust-ncg", "trust-exact", "trust-krylov", "trust-constr")
CHANGES = ("ftol", "xtol", "fatol", "xatol", "tol", "accuracy", "final_tr_radius", "barrier_tol", "xrtol")
HONOURED = ("maxiter", "maxfev", "maxfun", "gtol", "disp", "iprint", "verbose", "return_all", "f_target")


@dataclass(frozen=True)
class Asked:
    """What the options ask for.

    Attributes
    ----------
    tol : float
        The residual at which the run ends.
    iterations, evaluations : int or None
        Limits.
    target : float
        A value at which the run may end.
    display, keep_all : bool
        Whether to print a summary, and to keep all iterates.
    notes : list of str
    """

    tol: float
    iterations: int | None
    evaluations: int | None
    target: float
    display: bool
    keep_all: bool
    notes: list[str]


def asked(options: Mapping[str, Any], method: str, tol: Any) -> Asked:
    """Read options.

    Parameters
    ----------
    options : mapping
        As given to SciPy's function.
    method : str
        SciPy's name, in lower case; '' where none was given.
    tol : float or None
        SciPy's common tolerance.

    Examples
    --------
    >>> wanted = asked({"gtol": 1e-6, "maxiter": 50, "maxls": 9}, "bfgs", None)
    >>> wanted.tol, wanted.iterations, wanted.notes
    (1e-06, 50, ['not needed: maxls'])
    """
    gradient, changes = options.get("gtol"), [options[key] for key in CHANGES if options.get(key) is not None]
    if tol is not None and method in BY_GRADIENT and gradient is None:
        gradient = tol
    elif tol is not None:
        changes.append(tol)
    notes = []
    used = sorted(key for key in options if key in CHANGES)
    if used:
        notes.append(f"the run ended by the optimality conditions, not by {', '.join(used)}")
    idle = [key for key in options if key not in CHANGES + HONOURED]
    if idle:
        notes.append(f"not needed: {', '.join(map(str, idle))}")
    evaluations = options.get("maxfev", options.get("maxfun"))
    target = options.get("f_target", -np.inf)
    return Asked(
        tol=_tolerance(gradient, changes),
        iterations=_limit(options.get("maxiter"), "maxiter"),
        evaluations=_limit(evaluations, "maxfev"),
        target=-np.inf if target is None else float(target),
        display=bool(options.get("disp", False)) or _level(options.get("verbose")) > 0,
        keep_all=bool(options.get("return_all", False)),
        notes=notes,
    )


def _tolerance(gradient: Any, changes: list[Any]) -> float:
    if gradient is not None and float(gradient) >= 0:
        return float(gradient)
    positive = [float(change) for change in changes if np.ndim(change) == 0 and float(change) > 0]
    return max(min([TOLERANCE, *positive]), TIGHTEST)


def _limit(value: Any, name: str) -> int | None:
    if value is None or value == np.inf:
        return None
    if np.ndim(value) != 0 or value != value:
        raise ValueError(f"{name} must be a number, not {value!r}.")
    number = int(value)
    return None if number < 0 else number


def _level(value: Any) -> int:
    return 0 if value is None else int(value)
