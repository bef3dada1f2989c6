r"""Linear regression: maximum likelihood with Gaussian noise, which is least squares.

    minimize over b, β      f(b, β) = Σᵢ wᵢ (yᵢ − b − xᵢβ)² / Σᵢ wᵢ

The data are reduced to a triangle in one pass (`triangle`), from which all else follows: the coefficients (`solve`),
their last digits (`refinement`), constraints (`constrained`), and what may be said of them (`statistics`).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval as Within
from sklearn.utils.validation import _check_sample_weight, validate_data

from thalweg.errors import ArgumentError
from thalweg.execution.native.threads import one_blas_thread
from thalweg.models.trained import Evidence, Trained

from . import constrained as constraints
from .blocks import Array, Rows
from .checks import located
from .inference import HOW, Inference, determined
from .refinement import refined
from .solve import Solved, solved
from .triangle import PART, PLAIN, NotFinite, Triangle, reduced, residual_step

__all__ = ["LinearRegression"]

#: Residuals are computed in twice the precision up to so many numbers (rows × columns × targets).
REFINED = 1 << 18
#: Below this condition number fourteen digits are right without.
WELL = 30.0


class LinearRegression(Inference, RegressorMixin, MultiOutputMixin, Trained, BaseEstimator):
    """Least squares, with standard errors, tests, intervals, constraints, and a verdict.

    Parameters
    ----------
    fit_intercept : bool
        Whether there is a constant term b.
    copy_X : bool
        X is never changed, whatever this says; it is here for users of scikit-learn's class.
    tol : float, optional
        A direction of the columns, scaled to length one, in which they are shorter than `tol` times the longest is
        taken for none.  By default that is what rounding of the data may do, so that ill-conditioned data are fitted
        as far as double precision carries.
    n_jobs : int, optional
        Threads for many rows; None or −1 for all that the process may use.  The result does not depend on it.
    positive : bool
        Keep all coefficients (not the intercept) ≥ 0.
    bounds : (lower, upper) or dict, optional
        Of the coefficients: numbers, arrays of the shape of `coef_`, or None where there is no side; or
        ``{"coef": (lower, upper), "intercept": (lower, upper)}``.
    subject_to : callable or others, optional
        Constraints on the parameters ``{"coef": …, "intercept": …}`` as `thalweg.minimize` takes them:
        ``lambda p: np.sum(p["coef"]) == 1``.

    Attributes
    ----------
    coef_ : array (n_features,) or (n_targets, n_features)
    intercept_ : float or array (n_targets,)
    rank_ : int
        Of the centred X.
    singular_ : array
        Its singular values.
    condition_ : float
        The condition number of its columns, scaled to length one and as far as they are independent.
    dependencies_ : list of str
        Which columns repeat others, ``"x3 = 2*x1 + x2"``; empty with full rank, and where there are not more rows than
        unknowns, so that every column would repeat others.  Of all coefficients that fit as well, `coef_` are then
        those with the least sum of squares.
    parameters_ : dict
        The trained point, ``{"coef": coef, "intercept": b}``, as `objective` takes it; without 'intercept' where none
        is fitted.
    statistics_ : Statistics
        Standard errors, t and p values, R², AIC, … (made when first asked for).
    solution_ : Solution
        The verdict: kind of minimum, certificate; with constraints the multipliers.
    loss_curve_ : list of float
        The objective at the iterates; the minimum alone where it is computed directly.
    n_iter_ : int
        Iterations under constraints; 1 where it is computed directly.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> X = np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 2.0], [2.0, 3.0], [3.0, 5.0]])
    >>> y = np.array([6.1, 7.9, 9.1, 10.9, 16.0])
    >>> model = LinearRegression().fit(X, y)
    >>> model.coef_.round(3), round(float(model.intercept_), 3)
    (array([1.2  , 1.878]), 2.957)
    >>> model.statistics_.standard_error.round(3)
    array([0.106, 0.125, 0.069])
    >>> model.solution_.kind
    'strict minimum'
    >>> shares = LinearRegression(fit_intercept=False, subject_to=lambda p: np.sum(p["coef"]) == 4).fit(X, y)
    >>> float(np.sum(shares.coef_)).__round__(9)
    4.0
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "fit_intercept": ["boolean"],
        "copy_X": ["boolean"],
        "tol": [None, Within(Real, 0, None, closed="left")],
        "n_jobs": [None, Integral],
        "positive": ["boolean"],
        "bounds": "no_validation",
        "subject_to": "no_validation",
    }

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        tol: float | None = None,
        n_jobs: int | None = None,
        positive: bool = False,
        bounds: Any = None,
        subject_to: Any = None,
    ) -> None:
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive
        self.bounds = bounds
        self.subject_to = subject_to

    @staticmethod
    def objective(parameters: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Return the mean of the squared residuals, weighted: what `fit` minimizes, in plain NumPy.

        Parameters
        ----------
        parameters : dict
            ``{"coef": (k,) or (t, k), "intercept": () or (t,)}``; without an intercept it is 0.
        X : array (n, k)
        y : array (n,) or (n, t)
        sample_weight : array (n,), optional
        """
        residuals = y - X @ parameters["coef"].T - parameters.get("intercept", 0.0)
        squares = residuals**2 if residuals.ndim == 1 else np.sum(residuals**2, axis=1)
        if sample_weight is None:
            return np.mean(squares)
        return np.sum(sample_weight * squares) / np.sum(sample_weight)

    # ------------------------------------------------------------------ fitting

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearRegression:
        """Fit the coefficients.

        Parameters
        ----------
        X : array or sparse matrix (n_samples, n_features)
            A sparse one is made dense by blocks of rows.
        y : array (n_samples,) or (n_samples, n_targets)
        sample_weight : array (n_samples,), optional
            Row i has the variance σ²/wᵢ; a row of weight 0 is left out.

        Returns
        -------
        self

        Raises
        ------
        ArgumentError
            A ValueError: a value that is not finite, with its row and column; bounds or constraints that cannot be
            read; all weights zero.
        """
        start = time.perf_counter()
        rows, single = self._rows(X, y, sample_weight)
        eps = float(np.finfo(rows.X.dtype).eps)
        with one_blas_thread() as allowed:
            jobs = 1
            if rows.many and self.n_jobs != 1:
                jobs = allowed() if self.n_jobs in (None, -1) else max(1, min(int(self.n_jobs), allowed()))
            try:
                triangle = reduced(rows, jobs)
            except NotFinite:
                error = ArgumentError("Input X contains NaN or infinity.")
                raise located(error, X, names=getattr(self, "feature_names_in_", None)) from None
            found = solved(triangle, self.tol, eps)
            beta, b, rss = _last_digits(rows, triangle, found, jobs)
            free = np.ones(rows.features, bool)
            spread = _centred_spread(triangle, found.G, self.fit_intercept)
            if self.positive and self.bounds is None and self.subject_to is None:
                beta = constraints.nonnegative(triangle)
                b, rss = self._rest(triangle, beta)
                free = np.all(beta > 0, axis=1)
                spread = constraints.spread_of_free(triangle, np.flatnonzero(free), self.fit_intercept)
        self.rank_, self.singular_, self.condition_ = found.rank, found.singular, found.condition
        self.n_iter_ = 1
        objective = constraints.compressed(triangle, triangle.rss, self.fit_intercept)
        parameters = self._nested(beta, b, single)
        alone = free if self.positive or found.rank == rows.features else determined(found.G)
        if self.bounds is not None or self.subject_to is not None:
            beta, b, rss, spread, alone = self._under_constraints(objective, parameters, triangle, single)
            parameters = self._nested(beta, b, single)
        else:
            method, reason = HOW[triangle.how]
            self._solution = None
            self._evidence = Evidence(
                objective=objective,
                parameters=parameters,
                method="active set of Lawson and Hanson" if self.positive else method,
                reason="coefficients of one sign" if self.positive else reason,
                status="converged",
                message="The minimum was computed directly, to rounding errors.",
                iterations=1,
                values=[float(np.sum(rss) / triangle.W)],
                seconds=time.perf_counter() - start,
                bounds={"coef": (0.0, np.inf)} if self.positive else None,
            )
            self.loss_curve_ = [float(np.sum(rss) / triangle.W)]
        self.parameters_ = parameters
        dtype = rows.X.dtype if rows.X.dtype == np.float32 else np.dtype(float)
        self.coef_ = np.array(parameters["coef"], dtype=dtype)
        self.intercept_ = _intercept(parameters.get("intercept", 0.0), dtype)
        self._fitted = {
            "spread": spread,
            "determined": alone,
            "mean": triangle.mean,
            "weight": triangle.W,
            "rss": rss,
            "tss": triangle.rss + np.sum(triangle.z**2, axis=0),
            "rows": len(rows) if rows.w is None else int(np.count_nonzero(rows.w)),
            "log_weights": 0.0 if rows.w is None else float(np.sum(np.log(rows.w[rows.w > 0]))),
            "how": triangle.how,
            "repeats": triangle.R if found.rank < rows.features and triangle.how != "rows" else None,
            "tol": self.tol,
            "eps": eps,
            "target": getattr(y, "name", None) if isinstance(getattr(y, "name", None), str) else None,
            "constrained": self.positive or self.bounds is not None or self.subject_to is not None,
        }
        return self

    def _rows(self, X: Any, y: Any, sample_weight: Any) -> tuple[Rows, bool]:
        given = X, y
        sparse = False if self.positive else ["csr", "csc", "coo"]
        try:
            X, y = validate_data(
                self, X, y, accept_sparse=sparse, dtype=[np.float64, np.float32], y_numeric=True, multi_output=True,
                ensure_all_finite=False,  # X is looked at when it is read
            )  # fmt: skip
        except ValueError as error:
            raise located(error, *given, names=getattr(self, "feature_names_in_", None)) from None
        w = None
        if sample_weight is not None:
            w = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            if not np.any(w > 0):  # older versions of scikit-learn let them pass
                raise ArgumentError("All sample weights are zero: no row is left to fit.")
        X = X.tocsr() if hasattr(X, "tocsr") else X
        Y = np.asarray(y).reshape(len(y), -1)
        Y = Y if Y.dtype in (np.float64, np.float32) else Y.astype(float)
        return Rows(X, Y, w, bool(self.fit_intercept)), y.ndim == 1

    def _rest(self, triangle: Triangle, beta: Array) -> tuple[Array, Array]:
        """The intercepts that belong to β, and the sums of squares."""
        b = triangle.target_mean - triangle.mean @ beta if self.fit_intercept else np.zeros(beta.shape[1])
        return b, triangle.rss + np.sum((triangle.z - triangle.R @ beta) ** 2, axis=0)

    def _nested(self, beta: Array, b: Array, single: bool) -> dict[str, Any]:
        coef = beta[:, 0].copy() if single else beta.T.copy()
        if not self.fit_intercept:
            return {"coef": coef}
        return {"coef": coef, "intercept": float(b[0]) if single else np.array(b)}

    def _under_constraints(
        self, objective: Callable[[Any], Any], start: dict[str, Any], triangle: Triangle, single: bool
    ) -> tuple[Array, Array, Array, Array, Array]:
        bounds = None
        if self.bounds is not None or self.positive:
            given = self.bounds if self.bounds is not None else (None, None)
            bounds = constraints.bounds_by_name(given, start["coef"], self.fit_intercept)
            if self.positive:
                lower, upper = bounds.get("coef", (np.full(start["coef"].shape, -np.inf), np.inf))
                bounds["coef"] = np.maximum(lower, 0.0), upper
        s = constraints.constrained(objective, start, bounds, self.subject_to, 1e-8 if self.tol is None else self.tol)
        self._evidence, self._solution = None, s
        if not s.success:
            warnings.warn(f"LinearRegression: {s.message}", ConvergenceWarning, stacklevel=4)
        self.n_iter_, self.loss_curve_ = max(s.iterations, 1), [float(v) for v in s.history.value]
        k = triangle.R.shape[1]
        beta = np.asarray(s.x["coef"], float).reshape(-1, k).T
        b = np.atleast_1d(np.asarray(s.x.get("intercept", np.zeros(beta.shape[1])), float))
        rss = triangle.rss + np.sum((triangle.z - triangle.R @ beta) ** 2, axis=0)
        if self.fit_intercept:
            rss = rss + triangle.W * (triangle.target_mean - b - triangle.mean @ beta) ** 2
        spread = constraints.spread_on_tangent(triangle, s, self.fit_intercept) if single else None
        if spread is None:  # no theory of these errors
            return beta, b, rss, np.zeros((k + 1, k + self.fit_intercept)), np.zeros(k, bool)
        moves = np.einsum("ij,ij->i", spread, spread)[1:]
        return beta, b, rss, spread, moves > 0

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.positive
        return tags


def _last_digits(rows: Rows, triangle: Triangle, found: Solved, jobs: int) -> tuple[Array, Array, Array]:
    """β, the intercepts and the sums of squares, after what refinement is worth its time."""
    R, beta, rank = triangle.R, found.beta, found.rank
    t = beta.shape[1]
    b = triangle.target_mean - triangle.mean @ beta if rows.intercept else np.zeros(t)
    rss = triangle.rss + np.sum((triangle.z - R @ beta) ** 2, axis=0)
    if triangle.how == "cholesky":
        if found.condition <= PLAIN and np.all(rss >= PART * np.sum(triangle.z**2, axis=0)):
            return beta, b, rss
        step, offset, rss = residual_step(rows, triangle, beta, jobs)
        beta = beta + step
        return beta, (triangle.target_mean + offset - triangle.mean @ beta if rows.intercept else b), rss
    if triangle.factors is None or rank < R.shape[1] or found.condition < WELL:
        return beta, b, rss
    if len(rows) * rows.unknowns * t > REFINED:
        return beta, b, rss
    Q, whole = triangle.factors
    X = np.asarray(rows.X if isinstance(rows.X, np.ndarray) else rows.X.toarray(), float)
    root = None if rows.w is None else np.sqrt(rows.w)
    start = np.concatenate([(b + rows.shift @ beta)[None], beta]) if rows.intercept else beta
    beta = beta.copy()
    for j in range(t):
        better = refined(X, rows.shift, rows.Y[:, j].astype(float), root, rows.intercept, Q, whole, start[:, j])
        if better is not None:
            beta[:, j], b[j], rss[j] = better
    return beta, b, rss


def _centred_spread(triangle: Triangle, G: Array, intercept: bool) -> Array:
    """S with cov (c, β) = σ² SSᵀ, c being the value at x̄."""
    if not intercept:
        return np.concatenate([np.zeros((1, G.shape[1])), G])
    S = np.zeros((1 + G.shape[0], 1 + G.shape[1]))
    S[0, 0] = 1 / np.sqrt(triangle.W)
    S[1:, 1:] = G
    return S


def _intercept(value: Any, dtype: Any) -> Any:
    value = np.asarray(value, dtype=dtype)
    return value[()] if value.ndim == 0 and value != 0 else (value if value.ndim else float(value))
