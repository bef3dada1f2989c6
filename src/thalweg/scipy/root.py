r"""`scipy.optimize.root` and `fsolve` with an exact Jacobian.

F(x) = 0 is solved as the least-squares problem ½ ‖F‖², by Levenberg–Marquardt, and the root polished by Newton steps
F′(x) s = −F, which double the digits until rounding stops them.  A minimum of ‖F‖ that is no root is no success.

SciPy's methods for large systems (Krylov, Broyden, Anderson …) keep no Jacobian; they are SciPy's own here.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), chapter 11; Dennis & Schnabel (1983), §6.5.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize

from thalweg.optimize.problem import Matrix, Vector

from .calls import as_tuple, named, vector_function
from .options import asked
from .parts import Part
from .result import Result
from .squares import Squares, fitted
from .watching import Watch

__all__ = ["fsolve", "root"]

EPS = float(np.finfo(float).eps)
#: Methods that solve with the Jacobian, and their options.
DENSE = {
    "hybr": ("col_deriv", "xtol", "maxfev", "band", "eps", "factor", "diag"),
    "lm": ("col_deriv", "xtol", "ftol", "gtol", "maxiter", "eps", "factor", "diag"),
}
LARGE = (
    "broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing", "krylov", "df-sane",
)  # fmt: skip


def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """Find a root of a vector function, as `scipy.optimize.root`.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> vector``, of as many elements as x.
    x0 : array (n,)
        The first guess.
    args : tuple
        Further arguments.
    method : str
        'hybr' and 'lm' are solved here; SciPy's methods for large systems are SciPy's.
    jac : callable or bool, optional
        Not needed: the Jacobian is exact.  Used where fun cannot be traced.
    tol : float, optional
        Relative error of x.
    callback : callable, optional
        For SciPy's methods for large systems.
    options : dict, optional

    Returns
    -------
    OptimizeResult
        With SciPy's fields.

    Raises
    ------
    ValueError, TypeError
        As SciPy.

    Examples
    --------
    >>> result = root(lambda x: [x[0] + 0.5 * (x[0] - x[1]) ** 3 - 1, 0.5 * (x[1] - x[0]) ** 3 + x[1]], [0, 0])
    >>> result.x, result.success
    (array([0.8411639, 0.1588361]), True)
    """
    key = str(method).lower()
    if key in LARGE:
        theirs: Any = scipy.optimize.root
        words = {} if jac is None else {"jac": jac}
        return theirs(fun, x0, args=args, method=method, tol=tol, callback=callback, options=options, **words)
    if key not in DENSE:
        raise ValueError(f"Unknown solver {method}")
    if callback is not None:
        warnings.warn(f"Method {method} does not accept callback.", RuntimeWarning, stacklevel=2)
    return _solved(fun, x0, as_tuple(args), key, jac, tol, dict(options or {}), stacklevel=3)


def fsolve(
    func: Callable[..., Any],
    x0: Any,
    args: Any = (),
    fprime: Callable[..., Any] | None = None,
    full_output: bool | int = 0,
    col_deriv: bool | int = 0,
    xtol: float = 1.49012e-8,
    maxfev: int = 0,
    band: Any = None,
    epsfcn: float | None = None,
    factor: float = 100,
    diag: Any = None,
) -> Any:
    """Find a root of a vector function, as `scipy.optimize.fsolve`.

    Parameters
    ----------
    func, x0, args
        As for `root`.
    fprime : callable, optional
        Not needed: the Jacobian is exact.  Used where func cannot be traced.
    full_output : bool
        Whether to return ``infodict, ier, mesg`` too.
    col_deriv, xtol, maxfev, band, epsfcn, factor, diag
        As for SciPy; all but ``col_deriv``, ``xtol`` and ``maxfev`` are not needed.

    Returns
    -------
    x : array
        The root.
    infodict, ier, mesg
        Where `full_output` is true.

    Examples
    --------
    >>> fsolve(lambda x: [x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5], [1, 1]).round(8)
    array([6.50409711, 0.90841421])
    """
    options = {"col_deriv": col_deriv, "xtol": xtol, "maxfev": maxfev}
    result = _solved(func, x0, as_tuple(args), "hybr", fprime, None, options, stacklevel=3)
    if full_output:
        information = {key: result[key] for key in ("nfev", "njev", "fjac", "r", "qtf") if key in result}
        return result.x, information | {"fvec": result.fun}, result.status, result.message
    if not result.success:
        warnings.warn(result.message, RuntimeWarning, stacklevel=2)
    return result.x


def _solved(
    fun: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...],
    method: str,
    jac: Any,
    tol: float | None,
    options: dict[str, Any],
    stacklevel: int,
) -> Any:
    start = np.asarray(x0, dtype=np.float64).flatten()
    pair = not callable(jac) and bool(jac)
    name = named(fun, "func")
    unknown = [option for option in options if option not in DENSE[method]]
    if unknown:
        text = f"Unknown solver options: {', '.join(unknown)}"
        warnings.warn(text, scipy.optimize.OptimizeWarning, stacklevel=stacklevel)
    shown = vector_function(lambda x: fun(x, *args)[0] if pair else fun(x, *args))
    first = shown(start)
    if method == "hybr" and first.size != start.size:
        raise TypeError(
            f"fsolve: there is a mismatch between the input and output shape of the 'func' argument {name!r}."
            f"Shape should be {start.shape} but it is {first.shape}."
        )
    if method == "lm" and first.size < start.size:
        raise TypeError(f"Improper input: func input vector length N={start.size} must not exceed func output vector "
                        f"length M={first.size}")  # fmt: skip
    wanted = asked({key: v for key, v in options.items() if key in ("xtol", "maxfev", "maxiter") and v}, method, tol)
    given = _given(fun, args, jac, pair, bool(options.get("col_deriv")))
    nowhere = np.full(start.size, np.inf)
    watch = Watch(None, "", wanted.evaluations or wanted.iterations)
    if not np.all(np.isfinite(first)):
        return _composed(method, start, first, np.full((first.size, start.size), np.nan), 1, 0, "not finite", [])
    found = fitted(Squares(shown, given, start, -nowhere, nowhere, name=name), wanted.tol**2, watch)
    x, F, J, steps = _polished(
        Part(shown, given, None, -nowhere, nowhere, name), np.array(found.solution.x), found.r, found.J
    )
    size = np.abs(J) @ np.maximum(np.abs(x), 1.0)
    root = bool(np.all(np.abs(F) <= max(wanted.tol, 1e-10) * np.maximum(size, EPS) + 1e-14))
    state = "root" if root or (method == "lm" and found.solution.success) else watch.stopped or "no root"
    result = _composed(method, x, F, J, found.calls + steps + 1, found.solution.njev + steps, state, found.notes)
    result["kind"] = found.solution.kind
    return result.attach(found.solution)


def _given(
    fun: Callable[..., Any], args: tuple[Any, ...], jac: Any, pair: bool, by_columns: bool
) -> Callable[[Vector], Any] | None:
    if not (pair or callable(jac)):
        return None

    def given(x: Vector) -> Any:
        J = np.asarray(fun(x.copy(), *args)[1] if pair else jac(x.copy(), *args), dtype=np.float64)
        return J.T if by_columns else J

    return given


def _polished(part: Part, x: Vector, F: Vector, J: Matrix) -> tuple[Vector, Vector, Matrix, int]:
    """Newton steps while they make F smaller."""
    for steps in range(10):
        norm = float(np.max(np.abs(F), initial=0.0))
        if norm == 0 or F.size != x.size or not np.isfinite(J).all():
            return x, F, J, steps
        step, *_ = np.linalg.lstsq(J, -F, rcond=None)
        tried = part.value(x + step)
        if not np.max(np.abs(tried)) < norm:
            return x, F, J, steps
        x, F, J = x + step, tried, part.jacobian(x + step)
    return x, F, J, 10


def _composed(
    method: str, x: Vector, F: Vector, J: Matrix, calls: int, jacobians: int, state: str, notes: list[str]
) -> Any:
    """SciPy's result: for 'hybr' with the QR factors of the Jacobian, for 'lm' with pivots and the covariance."""
    stopped = state == "evaluations"
    if method == "hybr":
        status = 1 if state == "root" else 2 if stopped else 4
        message = {
            1: "The solution converged.",
            2: "The number of calls to function has reached maxfev.",
            4: f"The iteration is not making good progress: |F| is {np.max(np.abs(F), initial=0.0):.3g} where its norm "
            "has a minimum. Try another start.",
        }[status]
    else:
        status = 2 if state == "root" else 5
        message = (
            "The relative error between two consecutive iterates is at most the tolerance asked for."
            if status == 2
            else "Number of calls to function has reached maxfev, or no minimum was found."
        )
    if notes:
        message += f" Notes: {'; '.join(notes)}."
    result = Result(x=x, success=state == "root", status=status, method=method, fun=F, nfev=calls, njev=jacobians)
    result["message"] = message
    if not np.isfinite(J).all():
        return result
    if method == "hybr":
        q, r = scipy.linalg.qr(J)
        result.update(fjac=q.T, r=r[np.triu_indices(x.size)], qtf=q.T @ F)
        return result
    q, r, order = scipy.linalg.qr(J, mode="economic", pivoting=True)
    fjac = np.zeros(J.shape[::-1])
    fjac[:, : r.shape[0]] = r.T
    result.update(fjac=fjac, ipvt=order, qtf=q.T @ F, cov_x=_inverse(J))
    return result


def _inverse(J: Matrix) -> Matrix | None:
    """(JᵀJ)⁻¹, or None."""
    _, s, VT = np.linalg.svd(J, full_matrices=False)
    if s.size < J.shape[1] or s[-1] <= EPS * max(J.shape) * s[0]:
        return None
    V = VT.T / s
    return np.asarray(V @ V.T)
