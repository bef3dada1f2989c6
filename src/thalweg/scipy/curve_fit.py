r"""`scipy.optimize.curve_fit` with exact derivatives of the model.

The parameters minimize ½ ‖W (f(x, p) − y)‖², where W is 1/σ for standard deviations and L⁻¹ for a covariance L Lᵀ.
Their covariance is (JᵀJ)⁻¹, times s² = ‖W r‖² / (m − n) unless σ is absolute.  J is exact here, so that standard errors
have as many digits as the parameters.

References
----------
Bates & Watts, *Nonlinear Regression Analysis* (1988), §2.1; NIST Statistical Reference Datasets, nonlinear regression.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
from scipy.optimize import OptimizeWarning

from thalweg.optimize.problem import Matrix, Vector

from .calls import flat
from .least_squares import least_squares, pair_of_bounds

__all__ = ["curve_fit"]

#: Keywords of `scipy.optimize.leastsq`, which SciPy passes on for method 'lm'.
LEASTSQ = ("ftol", "xtol", "gtol", "maxfev", "epsfcn", "factor", "diag", "col_deriv")

#: The gradient at which a fit ends, where none is asked for: with an exact Jacobian all digits are to be had.
GRADIENT = 1e-14


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = (-np.inf, np.inf),
    method: str | None = None,
    jac: Any = None,
    *,
    full_output: bool = False,
    nan_policy: str | None = None,
    **kwargs: Any,
) -> Any:
    """Fit a function f(x, *parameters) to data, as `scipy.optimize.curve_fit`.

    Parameters
    ----------
    f : callable
        The model, ``f(x, p1, p2, …)``.
    xdata : array, (m,) or (k, m), or any object
        Handed to f.
    ydata : array (m,)
    p0 : array, optional
        The first guess; all ones by default, or within the bounds.
    sigma : number, array (m,) or (m, m), optional
        Standard deviations of the data, or their covariance.
    absolute_sigma : bool
        Whether sigma is meant in the units of the data, or up to a factor.
    check_finite : bool, optional
        Whether to refuse data that are not finite.
    bounds : pair of arrays or `scipy.optimize.Bounds`
    method : {'lm', 'trf', 'dogbox'}, optional
    jac : callable or str, optional
        Not needed: the Jacobian is exact.  Used where f cannot be traced.
    full_output : bool
        Whether to return ``infodict, mesg, ier`` too.
    nan_policy : {None, 'raise', 'omit'}
    **kwargs
        For `leastsq` or `least_squares`, such as ``loss``.

    Returns
    -------
    popt : array (n,)
        The parameters.
    pcov : array (n, n)
        Their covariance.
    infodict, mesg, ier
        Where `full_output` is true.

    Raises
    ------
    ValueError, TypeError
        As SciPy, for data and options that do not fit together.
    RuntimeError
        Where no minimum was found.

    Examples
    --------
    >>> t = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    >>> y = np.array([2.05, 1.18, 0.77, 0.44, 0.28])
    >>> popt, pcov = curve_fit(lambda t, a, k: a * np.exp(-k * t), t, y)
    >>> popt.round(4), np.sqrt(np.diag(pcov)).round(4)
    (array([2.0352, 0.5074]), array([0.0322, 0.0157]))
    """
    if p0 is None:
        n = _parameters(f)
    else:
        p0 = np.atleast_1d(p0).astype(np.float64)
        n = p0.size
    lower, upper = pair_of_bounds(bounds, n)
    start = _within(lower, upper) if p0 is None else p0
    bounded = bool(np.any((lower > -np.inf) | (upper < np.inf)))
    method = ("trf" if bounded else "lm") if method is None else method
    if method == "lm" and bounded:
        raise ValueError("Method 'lm' only works for unconstrained problems. Use 'trf' or 'dogbox' instead.")
    if "args" in kwargs:
        raise ValueError("'args' is not a supported keyword argument.")
    x, y, sigma = _data(xdata, ydata, sigma, check_finite, nan_policy)
    weight = _weight(sigma, y.size)
    if method == "lm" and y.size != 1 and n > y.size:
        raise TypeError(f"The number of func parameters={n} must not exceed the number of data points={y.size}")

    def residuals(p: Any) -> Any:
        return weight(flat(f(x, *p)) - y)

    residuals.__name__ = str(getattr(f, "__name__", "f"))
    given = (lambda p: weight(np.asarray(jac(x, *p), dtype=np.float64))) if callable(jac) else "2-point"
    result = least_squares(residuals, start, given, (lower, upper), method, **_keywords(kwargs, method))
    if not result.success:
        raise RuntimeError("Optimal parameters not found: " + result.message)
    pcov = _covariance(result.jac, method)
    known = pcov is not None and not np.isnan(pcov).any()
    if known and not absolute_sigma:
        known = result.fun.size > n
        if known:
            pcov = pcov * (2 * result.cost / (result.fun.size - n))
    if not known:
        pcov = np.full((n, n), np.inf)
        warnings.warn("Covariance of the parameters could not be estimated", OptimizeWarning, stacklevel=2)
    if not full_output:
        return result.x, pcov
    information: dict[str, Any] = {"nfev": result.nfev, "fvec": result.fun}
    if method == "lm":
        q, r, order = scipy.linalg.qr(result.jac, mode="economic", pivoting=True)
        fjac = np.zeros(result.jac.shape[::-1])  # R by columns, as MINPACK stores it
        fjac[:, : r.shape[0]] = r.T
        information |= {"fjac": fjac, "ipvt": order, "qtf": q.T @ result.fun}
    return result.x, pcov, information, result.message, result.status


def _parameters(f: Callable[..., Any]) -> int:
    """How many parameters a model has after its first argument, as its signature says."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    count = sum(parameter.kind in kinds for parameter in inspect.signature(f).parameters.values())
    if count < 2:
        raise ValueError("Unable to determine number of fit parameters.")
    return count - 1


def _within(lower: Vector, upper: Vector) -> Vector:
    """A first guess within bounds: the middle, or one off the only side, or 1."""
    below, above = np.isfinite(lower), np.isfinite(upper)
    guess = np.ones(lower.size)
    both = below & above
    guess[both] = 0.5 * (lower[both] + upper[both])
    guess[below & ~above] = lower[below & ~above] + 1
    guess[~below & above] = upper[~below & above] - 1
    return guess


def _data(
    xdata: Any, ydata: Any, sigma: Any, check_finite: bool | None, nan_policy: str | None
) -> tuple[Any, Vector, Any]:
    """The data as arrays of floats, without what is to be left out."""
    check = nan_policy is None if check_finite is None else check_finite
    convert = np.asarray_chkfinite if check else np.asarray
    y = convert(ydata, float)
    x = convert(xdata, float) if isinstance(xdata, (list, tuple, np.ndarray)) else xdata
    if y.size == 0:
        raise ValueError("`ydata` must not be empty!")
    if check or nan_policy is None:
        return x, y, sigma
    if nan_policy == "propagate":
        raise ValueError("`nan_policy='propagate'` is not supported by this function.")
    if nan_policy not in ("raise", "omit"):
        raise ValueError("nan_policy must be one of {None, 'raise', 'omit'}")
    missing = np.isnan(x)
    missing = missing.any(axis=tuple(range(missing.ndim - 1))) | np.isnan(y)
    if not missing.any():
        return x, y, sigma
    if nan_policy == "raise":
        raise ValueError("The input contains nan values")
    if sigma is not None:
        sigma = np.asarray(sigma)
        if sigma.ndim == 1:
            sigma = sigma[~missing]
        elif sigma.ndim == 2:
            sigma = sigma[np.ix_(~missing, ~missing)]
    return x[..., ~missing], y[~missing], sigma


def _weight(sigma: Any, m: int) -> Callable[[Any], Any]:
    """r ↦ W r, for residuals and for Jacobians."""
    if sigma is None:
        return lambda r: r
    sigma = np.asarray(sigma, dtype=np.float64)
    if sigma.size == 1 or sigma.shape == (m,):
        factor = 1.0 / sigma
        return lambda r: factor * r if r.ndim == 1 or factor.ndim == 0 else factor[:, None] * r
    if sigma.shape != (m, m):
        raise ValueError("`sigma` has incorrect shape.")
    try:
        lower = scipy.linalg.cholesky(sigma, lower=True)
    except scipy.linalg.LinAlgError as error:
        raise ValueError("`sigma` must be positive definite.") from error
    inverse = scipy.linalg.solve_triangular(lower, np.eye(m), lower=True)
    return lambda r: inverse @ r


def _keywords(kwargs: dict[str, Any], method: str) -> dict[str, Any]:
    """Keywords for `least_squares`, from those of `leastsq` too."""
    words = dict(kwargs)
    if method == "lm":
        unknown = set(words) - set(LEASTSQ)
        if unknown:
            raise TypeError(f"leastsq() got an unexpected keyword argument {sorted(unknown)[0]!r}")
        words = {key: value for key, value in words.items() if key in ("ftol", "xtol", "gtol", "maxfev")}
        if not words.get("gtol"):
            words.pop("gtol", None)
    if words.get("loss", "linear") == "linear":
        words.setdefault("gtol", GRADIENT)
    if "max_nfev" not in words:
        words["max_nfev"] = words.pop("maxfev", None)
    if method == "lm" and words["max_nfev"] == 0:
        words["max_nfev"] = None
    return words


def _covariance(J: Matrix, method: str) -> Matrix | None:
    """(JᵀJ)⁻¹ by singular values; None for 'lm' where there is none, the pseudo-inverse otherwise, as in SciPy."""
    _, s, VT = np.linalg.svd(J, full_matrices=False)
    nonzero = s > np.finfo(float).eps * max(J.shape) * s[0]
    if method == "lm" and (not nonzero.all() or J.shape[0] < J.shape[1]):
        return None
    V = VT[nonzero].T / s[nonzero]
    return np.asarray(V @ V.T)
