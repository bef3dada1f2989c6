"""SciPy's names of methods: which of ours each stands for, which options it takes, which numbers it ends with.

A name is a wish.  It is granted where the method exists here and can keep the bounds and constraints of the problem;
otherwise "auto" chooses, and the message says so.  Methods without derivatives (Nelder–Mead, Powell, COBYLA, COBYQA)
have no counterpart: derivatives are there, exact and free, and "auto" makes use of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.optimize import OptimizeWarning

from thalweg.optimize.methods import METHODS
from thalweg.optimize.solution import Status

__all__ = ["NAMES", "Name", "lookup", "ours", "warn_of_unknown"]

_DIFFERENCES = "eps finite_diff_rel_step workers"


@dataclass(frozen=True)
class Name:
    """A method of SciPy's.

    Attributes
    ----------
    title : str
        As SciPy writes it.
    wishes : tuple of str
        Our methods of the same kind, the best first.
    options : str
        The options that it takes.
    fields : str
        What its result has besides the fields that all have.
    codes : dict
        Its number for each `Status`; that of success first.
    """

    title: str
    wishes: tuple[str, ...]
    options: str
    fields: str
    codes: Mapping[Status, int]


def _codes(success: int, limit: int, stalled: int, not_finite: int, infeasible: int | None = None) -> dict[Status, int]:
    return {
        Status.CONVERGED: success,
        Status.ITERATION_LIMIT: limit,
        Status.TIME_LIMIT: limit,
        Status.STALLED: stalled,
        Status.UNBOUNDED: stalled,
        Status.NOT_FINITE: not_finite,
        Status.INFEASIBLE: stalled if infeasible is None else infeasible,
        Status.INTERRUPTED: 99,
    }


_TRUST = "initial_trust_radius max_trust_radius eta gtol maxiter disp return_all inexact workers subproblem_maxiter"

NAMES = {
    name.title.lower(): name
    for name in (
        Name(
            "Nelder-Mead",
            (),
            "maxiter maxfev disp return_all initial_simplex xatol fatol adaptive",
            "final_simplex",
            _codes(0, 2, 2, 3),
        ),
        Name("Powell", (), "xtol ftol maxiter maxfev disp direc return_all", "direc", _codes(0, 2, 2, 3)),
        Name(
            "CG",
            ("conjugate-gradients",),
            f"gtol norm maxiter disp return_all c1 c2 {_DIFFERENCES}",
            "jac njev",
            _codes(0, 1, 2, 3),
        ),
        Name(
            "BFGS",
            ("bfgs", "l-bfgs-b"),
            f"gtol norm maxiter disp return_all xrtol c1 c2 hess_inv0 {_DIFFERENCES}",
            "jac hess_inv njev",
            _codes(0, 1, 2, 3),
        ),
        Name(
            "Newton-CG",
            ("newton-cg", "newton"),
            f"xtol maxiter disp return_all c1 c2 {_DIFFERENCES}",
            "jac njev nhev",
            _codes(0, 1, 2, 3),
        ),
        Name(
            "L-BFGS-B",
            ("l-bfgs", "l-bfgs-b"),
            f"disp maxcor ftol gtol maxfun maxiter iprint maxls {_DIFFERENCES}",
            "jac njev hess_inv",
            _codes(0, 1, 2, 2),
        ),
        Name(
            "TNC",
            ("newton-cg", "projected-newton"),
            "scale offset mesg_num maxCGit eta stepmx accuracy minfev ftol xtol gtol rescale disp maxfun maxiter "
            + _DIFFERENCES,
            "jac",
            _codes(0, 3, 4, 4, -1),
        ),
        Name("COBYLA", (), "rhobeg tol maxiter disp catol f_target", "maxcv", _codes(0, 3, 7, -1, 7)),
        Name(
            "COBYQA",
            (),
            "disp maxfev maxiter f_target feasibility_tol initial_tr_radius final_tr_radius scale",
            "maxcv",
            _codes(0, 6, -2, -2, -1),
        ),
        Name(
            "SLSQP", ("sqp",), f"maxiter ftol iprint disp {_DIFFERENCES}", "jac njev multipliers", _codes(0, 9, 8, 8, 4)
        ),
        Name(
            "trust-constr",
            ("interior-point",),
            "xtol gtol barrier_tol sparse_jacobian maxiter verbose initial_constr_penalty initial_tr_radius disp "
            "workers initial_barrier_parameter initial_barrier_tolerance factorization_method finite_diff_rel_step",
            "trust-constr",
            _codes(1, 0, 2, 2, 4),
        ),
        Name("dogleg", ("newton",), _TRUST, "jac hess njev nhev", _codes(0, 1, 2, 3)),
        Name("trust-ncg", ("newton-cg", "newton"), _TRUST, "jac hess njev nhev", _codes(0, 1, 2, 3)),
        Name("trust-exact", ("newton",), _TRUST, "jac hess njev nhev", _codes(0, 1, 2, 3)),
        Name("trust-krylov", ("newton-cg", "newton"), _TRUST, "jac hess njev nhev", _codes(0, 1, 2, 3)),
    )
}


def lookup(method: str) -> tuple[Name, bool]:
    """Return SciPy's method of that name and True, or, for one of ours, the method whose results it shares and False.

    Examples
    --------
    >>> lookup("l-bfgs-b")[0].title, lookup("newton")[0].title
    ('L-BFGS-B', 'trust-exact')
    """
    key = method.lower()
    if key in NAMES:
        return NAMES[key], True
    if key in METHODS or key == "auto":
        return NAMES["trust-exact"], False
    raise ValueError(f"Unknown solver {method}")


def ours(name: Name | None, bounds: bool, constraints: bool) -> tuple[str, str]:
    """Return our method for one of SciPy's, and a sentence on it; for None "auto" without a word.

    Examples
    --------
    >>> ours(NAMES["trust-exact"], False, False)
    ('newton', "method 'trust-exact' ran as Thalweg's 'newton'")
    """
    if name is None:
        return "auto", ""
    for wish in name.wishes:
        method = METHODS.get(wish)
        if method is not None and (method.bounds or not bounds) and (method.constraints or not constraints):
            return wish, f"method {name.title!r} ran as Thalweg's {wish!r}"
    why = "needs no derivatives, and these are exact" if not name.wishes else "has no counterpart here"
    if any(wish in METHODS for wish in name.wishes):
        why = "cannot keep the constraints" if constraints else "cannot keep the bounds"
    return "auto", f"method {name.title!r} {why}; Thalweg chose another"


def warn_of_unknown(name: Name, options: Mapping[str, object], stacklevel: int) -> None:
    """Warn of options that the method has never had, as SciPy does."""
    unknown = [key for key in options if key not in name.options.split()]
    if unknown:
        text = f"Unknown solver options: {', '.join(map(str, unknown))}"
        warnings.warn(text, OptimizeWarning, stacklevel=stacklevel + 1)
