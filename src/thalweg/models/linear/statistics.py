r"""What the theory of Gaussian noise says of a fitted line: errors, tests, intervals, criteria.

With yᵢ = b + xᵢβ + εᵢ, εᵢ ~ N(0, σ²/wᵢ), independent, the least-squares estimates are those of maximum likelihood, and

    σ̂² = RSS / (n − q),      cov θ̂ = σ² C,      (θ̂ⱼ − θⱼ) / (σ̂ √Cⱼⱼ)  ~  t(n − q),
    log L = −n/2 (log 2π + log(RSS/n) + 1) + ½ Σ log wᵢ,
    AIC = 2q − 2 log L,      BIC = q log n − 2 log L,

n being the rows of positive weight and q the number of coefficients that the data determine.  In the criteria σ is not
counted, which is the convention of statsmodels; R counts it.

References
----------
G. A. F. Seber and A. J. Lee, *Linear Regression Analysis*, 2nd ed., chapters 3–5.  R. D. Cook, *Detection of
influential observation in linear regression*, Technometrics 19 (1977).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

__all__ = ["Statistics", "quantile"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Statistics:
    """What a fit says of its coefficients, the intercept first if there is one.

    Arrays have a row a target where y had columns, as `coef_` has; otherwise none.

    Attributes
    ----------
    names : tuple of str
        ``("intercept", "x0", …)``, or the names of the features.
    estimate, standard_error, t, p : array (q,) or (targets, q)
        NaN where there are no degrees of freedom, or where an error has no meaning: for a coefficient that the data do
        not determine alone, and for one that a bound holds.
    covariance : array (q, q) or (targets, q, q)
        Of the estimates.
    sigma : number or array
        The standard deviation σ̂ of the noise (of a row of weight 1).
    n, df_model, df_residual : int
        Rows of positive weight, coefficients besides the intercept, n less all coefficients.
    rss, tss : number or array
        Σ w (y − ŷ)² and Σ w (y − ȳ)²; the latter without −ȳ where there is no intercept.
    r2, adjusted_r2, log_likelihood, aic, bic, f, f_p : number or array
        f tests that all coefficients but the intercept are zero; f_p is its p value.
    """

    names: tuple[str, ...]
    estimate: Array
    standard_error: Array
    t: Array
    p: Array
    covariance: Array
    sigma: Any
    n: int
    df_model: int
    df_residual: int
    rss: Any
    tss: Any
    r2: Any
    adjusted_r2: Any
    log_likelihood: Any
    aic: Any
    bic: Any
    f: Any
    f_p: Any

    def interval(self, level: float = 0.95) -> Array:
        """Confidence intervals of the coefficients: lower and upper bounds along the last axis."""
        half = quantile(level, self.df_residual) * self.standard_error
        return np.stack([self.estimate - half, self.estimate + half], axis=-1)


def quantile(level: float, df: int) -> float:
    """The t that |T| stays below with probability `level`."""
    from scipy.special import stdtrit

    if not 0 < level < 1:
        raise ArgumentError(f"level must lie between 0 and 1, such as 0.95; it is {level!r}.")
    return float(stdtrit(df, 0.5 + level / 2)) if df > 0 else np.nan


def statistics(
    *,
    names: tuple[str, ...],
    estimate: Array,
    spread: Array,
    determined: Array,
    rss: Array,
    tss: Array,
    n: int,
    intercept: bool,
    log_weights: float,
    single: bool,
) -> Statistics:
    """Return the statistics of all targets.

    Parameters
    ----------
    estimate : array (t, p)
    spread : array (p, q)
        C = spread · spreadᵀ.
    determined : array (p,) of bool
        Which coefficients the data determine alone.
    """
    from scipy.special import fdtrc, stdtr

    q = spread.shape[1]
    df, df_model = n - q, q - int(intercept)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = rss / df if df > 0 else np.full_like(rss, np.nan)
        C = spread @ spread.T
        error = np.sqrt(variance[:, None] * np.diagonal(C))
        error[:, ~determined] = np.nan
        t = estimate / error
        p = 2 * stdtr(df, -np.abs(t)) if df > 0 else np.full_like(t, np.nan)
        r2 = np.where(tss > 0, 1 - rss / np.where(tss > 0, tss, 1.0), np.where(rss > 0, 0.0, 1.0))
        adjusted = 1 - (1 - r2) * (n - int(intercept)) / df if df > 0 else np.full_like(r2, np.nan)
        likelihood = -n / 2 * (np.log(2 * np.pi) + np.log(rss / n) + 1) + log_weights / 2
        f = (tss - rss) / df_model / variance if df_model > 0 else np.full_like(rss, np.nan)
        f_p = fdtrc(df_model, df, f) if df_model > 0 and df > 0 else np.full_like(rss, np.nan)

    def given(value: Array) -> Any:
        return (float(value[0]) if value.ndim == 1 else value[0]) if single else value

    return Statistics(
        names=names,
        estimate=given(estimate),
        standard_error=given(error),
        t=given(t),
        p=given(p),
        covariance=given(variance[:, None, None] * C),
        sigma=given(np.sqrt(variance)),
        n=n,
        df_model=df_model,
        df_residual=df,
        rss=given(rss),
        tss=given(tss),
        r2=given(r2),
        adjusted_r2=given(adjusted),
        log_likelihood=given(likelihood),
        aic=given(2 * q - 2 * likelihood),
        bic=given(q * np.log(n) - 2 * likelihood),
        f=given(f),
        f_p=given(f_p),
    )
