"""Standard errors, tests, intervals and influence, against their definitions, SciPy's distributions, and NIST."""

import numpy as np
import pytest
import scipy.stats
from sklearn.datasets import load_diabetes

from models.linear import nist
from thalweg.errors import ArgumentError
from thalweg.models.linear import Intervals, LinearRegression


def data(weighted):
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:120, :5] * 20, y[:120]
    return X, y, (np.random.default_rng(0).uniform(0.2, 3, 120) if weighted else None)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_definitions(weighted, intercept):
    X, y, w = data(weighted)
    w_ = np.ones(len(y)) if w is None else w
    s = LinearRegression(fit_intercept=intercept).fit(X, y, w).statistics_
    A = np.column_stack([np.ones(len(y)), X]) if intercept else X
    C = np.linalg.inv(A.T @ (A * w_[:, None]))
    θ = C @ (A.T @ (w_ * y))
    e = y - A @ θ
    n, q = A.shape
    rss = np.sum(w_ * e**2)
    mean = np.average(y, weights=w) if intercept else 0.0
    tss = np.sum(w_ * (y - mean) ** 2)
    σ = np.sqrt(rss / (n - q))
    np.testing.assert_allclose(s.estimate, θ, rtol=1e-10)
    np.testing.assert_allclose(s.covariance, σ**2 * C, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(s.standard_error, σ * np.sqrt(np.diag(C)), rtol=1e-10)
    t = θ / (σ * np.sqrt(np.diag(C)))
    np.testing.assert_allclose(s.t, t, rtol=1e-9)
    np.testing.assert_allclose(s.p, 2 * scipy.stats.t.sf(abs(t), n - q), rtol=1e-8)
    half = scipy.stats.t.ppf(0.95, n - q) * s.standard_error
    np.testing.assert_allclose(s.interval(0.9), np.column_stack([θ - half, θ + half]), rtol=1e-9)
    assert s.sigma == pytest.approx(σ) and s.rss == pytest.approx(rss) and s.tss == pytest.approx(tss)
    assert (s.n, s.df_model, s.df_residual) == (n, 5, n - q)
    assert s.r2 == pytest.approx(1 - rss / tss)
    assert s.adjusted_r2 == pytest.approx(1 - rss / (n - q) / (tss / (n - intercept)))
    likelihood = np.sum(scipy.stats.norm.logpdf(e, scale=np.sqrt(rss / n / w_)))
    assert s.log_likelihood == pytest.approx(likelihood, rel=1e-12)
    assert s.aic == pytest.approx(2 * q - 2 * likelihood) and s.bic == pytest.approx(q * np.log(n) - 2 * likelihood)
    f = (tss - rss) / 5 / σ**2
    assert s.f == pytest.approx(f) and s.f_p == pytest.approx(scipy.stats.f.sf(f, 5, n - q), rel=1e-8)
    assert s.names == (("intercept",) if intercept else ()) + tuple(f"x{j}" for j in range(5))


def test_norris_and_longley():
    longley = nist.ALL[0]
    s = LinearRegression().fit(*longley.arrays()).statistics_
    assert nist.digits(s.f, 330.285339234588) > 12
    assert nist.digits(s.rss, 836424.055505915) > 13


def test_targets_are_those_alone():
    X, y, w = data(True)
    Y = np.column_stack([y, y**2])
    both = LinearRegression().fit(X, Y, w)
    s = both.statistics_
    interval = both.predict(X, interval="prediction")
    for j in range(2):
        m = LinearRegression().fit(X, Y[:, j], w)
        one = m.statistics_
        for name in ("estimate", "standard_error", "t", "p", "covariance", "sigma", "r2", "aic", "f", "f_p"):
            np.testing.assert_allclose(getattr(s, name)[j], getattr(one, name), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(interval.upper[:, j], m.predict(X, interval="prediction").upper, rtol=1e-9)
        np.testing.assert_allclose(both.cooks_distance(X, Y, w)[:, j], m.cooks_distance(X, Y[:, j], w), rtol=1e-7)
    assert s.interval().shape == (2, 6, 2)
    assert str(both.summary()).count("Linear regression of") == 2


@pytest.mark.parametrize("intercept", [True, False])
def test_intervals_of_predictions(intercept):
    X, y, _ = data(False)
    m = LinearRegression(fit_intercept=intercept).fit(X, y)
    new = X[:7] + 0.3
    A, a = (np.column_stack([np.ones(len(x)), x]) if intercept else x for x in (X, new))
    h = np.einsum("ij,jk,ik->i", a, np.linalg.inv(A.T @ A), a)
    σ = np.sqrt(np.sum((y - m.predict(X)) ** 2) / (len(y) - A.shape[1]))
    for interval, extra in (("confidence", 0.0), ("prediction", 1.0)):
        found = m.predict(new, interval=interval, level=0.8)
        half = scipy.stats.t.ppf(0.9, len(y) - A.shape[1]) * σ * np.sqrt(h + extra)
        assert isinstance(found, Intervals)
        np.testing.assert_allclose(found.mean, m.predict(new))
        np.testing.assert_allclose(found.upper - found.mean, half, rtol=1e-9)
        np.testing.assert_allclose(found.mean - found.lower, half, rtol=1e-9)


def test_intervals_cover_as_they_say():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(12, 2))
    inside = 0
    for _ in range(400):
        y = X @ [1.0, -2.0] + 3 + rng.normal(size=12)
        low, high = LinearRegression().fit(X, y).predict([[0.5, 0.5]], "confidence", 0.9)[1:]
        inside += low[0] <= 2.5 <= high[0]
    assert abs(inside / 400 - 0.9) < 4 * np.sqrt(0.9 * 0.1 / 400)


def test_an_interval_that_there_is_not():
    m = LinearRegression().fit(*data(False)[:2])
    with pytest.raises(ArgumentError, match="'confidence' or 'prediction'"):
        m.predict(np.zeros((1, 5)), interval="credible")
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        m.predict(np.zeros((1, 5)), interval="confidence", level=95)


@pytest.mark.parametrize("weighted", [False, True])
def test_influence_is_that_of_leaving_out(weighted):
    X, y, w = data(weighted)
    m = LinearRegression().fit(X, y, w)
    h, D = m.leverage(X, w), m.cooks_distance(X, y, w)
    assert h.sum() == pytest.approx(6)
    s = m.statistics_
    w_ = np.ones(len(y)) if w is None else w
    for i in (0, 17, 119):
        rest = np.arange(len(y)) != i
        without = LinearRegression().fit(X[rest], y[rest], None if w is None else w[rest])
        moved = np.sum(w_ * (m.predict(X) - without.predict(X)) ** 2) / (6 * s.sigma**2)
        assert D[i] == pytest.approx(moved, rel=1e-8)


def test_no_degrees_of_freedom():
    m = LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
    s = m.statistics_
    assert s.df_residual == 0 and np.isnan(s.sigma) and np.all(np.isnan(s.p)) and s.r2 == 1
    assert np.all(np.isnan(m.predict([[2.0]], "confidence").lower)) and m.predict([[2.0]]) == pytest.approx(5)
    assert "cannot be estimated" in str(m.summary()) and "nan" not in str(m.summary())


SUMMARY = """\
                            Linear regression of y
==============================================================================
Observations                       16    R²                           0.995479
Df model, residual               6, 9    Adjusted R²                  0.992465
Residual std error            304.854    F statistic       330.285 (p 5.0e-10)
Condition number                  111    Log-likelihood               -109.617
Method                 Householder QR    AIC, BIC             233.235, 238.643
------------------------------------------------------------------------------
"""


def test_the_summary_says_what_is_certified():
    longley = nist.ALL[0]
    X, y = longley.arrays()
    m = LinearRegression().fit(X, y)
    text = str(m.summary())
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line[:1] in "ix"}
    assert rows["x5"][:2] == ["1829.15", "455.478"] and rows["intercept"][:2] == ["-3.48226e+06", "890420"]
    assert text.splitlines()[0].strip() == "Linear regression of y" and "[0.025" in text
    for certified in ("0.995479", "304.854", "330.285"):
        assert certified in text
    assert all(len(line) <= 78 for line in text.splitlines())
    html = m.summary(level=0.99)._repr_html_()
    assert html.count("<table>") == 2 and "0.995479" in html and "[0.005" in html
    assert text.startswith(SUMMARY), text


def test_weights_and_constraints_meet():
    """A coefficient that is held at 0 is a column left out: intercept, errors, criteria."""
    X, y, w = data(True)
    held = LinearRegression(bounds={"coef": (np.r_[-np.inf, 0, -np.inf, -np.inf, -np.inf],
                                             np.r_[np.inf, 0, np.inf, np.inf, np.inf])}).fit(X, y, w)  # fmt: skip
    without = LinearRegression().fit(np.delete(X, 1, axis=1), y, w)
    a, b = held.statistics_, without.statistics_
    keep = [0, 1, 3, 4, 5]
    np.testing.assert_allclose(a.estimate[keep], b.estimate, rtol=1e-7)
    np.testing.assert_allclose(a.standard_error[keep], b.standard_error, rtol=1e-7)
    assert np.isnan(a.standard_error[2]) and a.aic == pytest.approx(b.aic) and a.df_model == b.df_model
    np.testing.assert_allclose(held.predict(X[:3], "prediction").upper,
                               without.predict(np.delete(X[:3], 1, axis=1), "prediction").upper, rtol=1e-7)  # fmt: skip
