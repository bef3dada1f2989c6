"""What a fitted regression says: predictions with intervals, standard errors, a summary, which rows pull at it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from thalweg.errors import ArgumentError

from .blocks import Array
from .checks import located
from .solve import dependencies, told
from .statistics import Statistics, quantile, statistics
from .summary import Summary, summary

__all__ = ["Inference", "Intervals", "determined"]

#: How the triangle was made, and why so.
HOW = {
    "householder": ("Householder QR", "few rows: all at once"),
    "cholesky": ("Cholesky, refined", "many rows, well conditioned"),
    "blocks": ("blocked Householder QR", "many rows, ill conditioned"),
    "rows": ("singular values", "not more rows than unknowns"),
}


class Intervals(NamedTuple):
    """Predictions with their intervals: `mean`, `lower`, `upper`, each shaped like the prediction."""

    mean: Array
    lower: Array
    upper: Array


class Inference:
    """The methods of a fitted `LinearRegression` that need its statistics."""

    fit_intercept: bool
    coef_: Array
    intercept_: Any
    parameters_: dict[str, Any]
    rank_: int
    condition_: float
    n_features_in_: int
    _fitted: dict[str, Any]

    def _names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{j}" for j in range(self.n_features_in_)] if names is None else [str(n) for n in names]

    def predict(self, X: Any, interval: str | None = None, level: float = 0.95) -> Any:
        """Return the predictions xβ + b, with intervals if asked for.

        Parameters
        ----------
        X : array or sparse matrix (n, n_features)
        interval : {'confidence', 'prediction'}, optional
            Of the mean of y at x, or of a further y observed there (with weight 1).
        level : float
            The probability with which an interval covers it.

        Returns
        -------
        array (n,) or (n, n_targets), or `Intervals`
            ``mean, lower, upper`` where an interval is asked for.  The bounds are NaN where the data do not determine
            the prediction: in a direction in which the training columns did not vary.

        Raises
        ------
        ArgumentError
            For another `interval` or `level`.
        """
        X = self._seen(X)
        mean = X @ self.coef_.T + self.intercept_
        if interval is None:
            return mean
        if interval not in ("confidence", "prediction"):
            raise ArgumentError(f"interval is 'confidence' or 'prediction', or None; it is {interval!r}.")
        s = self.statistics_
        variance = self._distances(X)
        if interval == "prediction":
            variance = variance + 1.0
        half = quantile(level, s.df_residual) * np.multiply.outer(np.sqrt(variance), s.sigma)
        return Intervals(mean, mean - half, mean + half)

    def _seen(self, X: Any) -> Any:
        check_is_fitted(self)
        try:
            return validate_data(
                self, X, accept_sparse=["csr", "csc", "coo"], dtype=[np.float64, np.float32], reset=False
            )
        except ValueError as error:
            raise located(error, X, names=getattr(self, "feature_names_in_", None)) from None

    def _distances(self, X: Any) -> Array:
        """The variance of the mean at each x, over σ²; NaN where it is not determined."""
        spread, mean = self._fitted["spread"], self._fitted["mean"]
        found = np.empty(X.shape[0])
        basis = None
        if self.rank_ < self.n_features_in_ and not self._fitted["constrained"]:
            basis = _basis(spread[1:])
        step = max(1, (1 << 18) // max(1, spread.size // max(1, len(spread)) + len(spread)))
        for k in range(0, X.shape[0], step):
            block = X[k : k + step]
            block = np.asarray(block if isinstance(block, np.ndarray) else block.toarray(), float) - mean
            D = block @ spread[1:] + spread[0] * bool(self.fit_intercept)
            found[k : k + step] = np.einsum("ij,ij->i", D, D)
            if basis is not None:
                off = block - (block @ basis) @ basis.T
                outside = np.linalg.norm(off, axis=1) > 1e-7 * (np.linalg.norm(block, axis=1) + np.linalg.norm(mean))
                found[k : k + step][outside] = np.nan
        return found

    # ------------------------------------------------------------------ what may be said of it

    @property
    def dependencies_(self) -> list[str]:
        """Which columns repeat others, in the names of the features."""
        check_is_fitted(self)
        f = self._fitted
        if f["repeats"] is None:
            return []
        found = dependencies(f["repeats"], f["weight"], f["mean"], f["tol"], f["eps"], bool(self.fit_intercept))
        return [told(d, self._names()) for d in found]

    @property
    def statistics_(self) -> Statistics:
        """Standard errors, t and p values, intervals of the coefficients, R², log-likelihood, AIC, BIC, F."""
        check_is_fitted(self)
        f = self._fitted
        spread, one = f["spread"], int(self.fit_intercept)
        beta = np.atleast_2d(np.asarray(self.parameters_["coef"], float))
        estimate, determined, names = beta, f["determined"], tuple(self._names())
        if one:
            b = np.atleast_1d(np.asarray(self.parameters_["intercept"], float))
            estimate = np.concatenate([b[:, None], beta], axis=1)
            spread = np.concatenate([spread[:1] - f["mean"] @ spread[1:], spread[1:]])
            apart = bool(np.any(spread[0])) and (f["constrained"] or _lies_in(f["spread"][1:], f["mean"]))
            determined = np.concatenate([[apart], determined])
            names = ("intercept", *names)
        else:
            spread = spread[1:]
        return statistics(
            names=names,
            estimate=estimate,
            spread=spread,
            determined=determined,
            rss=f["rss"],
            tss=f["tss"],
            n=f["rows"],
            intercept=bool(one),
            log_weights=f["log_weights"],
            single=self.coef_.ndim == 1,
        )

    def summary(self, level: float = 0.95) -> Summary:
        """Return the table of the fit, which prints itself, also as HTML in a notebook.

        Parameters
        ----------
        level : float
            Of the confidence intervals.
        """
        how = HOW[self._fitted["how"]][0] if hasattr(self, "_fitted") else ""
        s = self.statistics_
        target = self._fitted["target"]
        repeats = self.dependencies_
        if not repeats and self.rank_ < self.n_features_in_:
            repeats = [f"{self.n_features_in_} columns have rank {self.rank_}"]
        return summary(s, level, how, target, self.condition_, repeats, self._fitted["constrained"])

    def leverage(self, X: Any, sample_weight: Any = None) -> Array:
        """Return how much each row pulls the line to itself: hᵢ = wᵢ (1, xᵢ) C (1, xᵢ)ᵀ, which sum to the rank.

        Parameters
        ----------
        X : array (n, n_features)
            The training data.
        sample_weight : array (n,), optional
            The weights of the fit.
        """
        X = self._seen(X)
        h = self._distances(X)
        return h if sample_weight is None else h * _check_sample_weight(sample_weight, X, dtype=np.float64)

    def cooks_distance(self, X: Any, y: Any, sample_weight: Any = None) -> Array:
        """Return Cook's distance of each row: how far all predictions move when it is left out.

            Dᵢ = wᵢ eᵢ² hᵢ / (q σ̂² (1 − hᵢ)²)

        Parameters
        ----------
        X, y : arrays
            The training data.
        sample_weight : array (n,), optional
            The weights of the fit.

        Returns
        -------
        array (n,) or (n, n_targets)
        """
        h = self.leverage(X, sample_weight)
        e = np.asarray(y, float) - self.predict(X)
        if e.ndim == 2:
            h = h[:, None]
        w = 1.0 if sample_weight is None else np.asarray(sample_weight, float).reshape(h.shape)
        s = self.statistics_
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(w * e**2 * h / ((s.n - s.df_residual) * np.square(s.sigma) * (1 - h) ** 2))


def _basis(G: Array) -> Array:
    """An orthonormal basis of what the columns of G span, which are independent or zero."""
    return np.asarray(np.linalg.qr(G[:, G.any(axis=0)])[0])


def determined(G: Array) -> Array:
    """Which coefficients the data determine alone: those whose axis lies in the span of the rows."""
    Q = _basis(G)
    return np.asarray(np.einsum("ij,ij->i", Q, Q) > 1 - 1e-8)


def _lies_in(G: Array, x: Array) -> bool:
    """Whether x is in the span of the columns of G."""
    Q = _basis(G)
    return bool(np.linalg.norm(x - Q @ (Q.T @ x)) <= 1e-8 * np.linalg.norm(x))
