"""LinearRegression against scikit-learn, statsmodels' formulas worked out by hand, and NIST."""

import pickle
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import threadpoolctl
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression as Theirs
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import thalweg as tw
from models.linear import nist
from thalweg.errors import ArgumentError
from thalweg.models.linear import LinearRegression, inference
from thalweg.models.linear import triangle as triangles

RNG = np.random.default_rng(3)


def made(n=200, k=4, t=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, k)) * np.logspace(-2, 2, k) + np.arange(k) * 10
    return X, rng.normal(size=(n,) if t is None else (n, t)) + (X @ rng.normal(size=(k,) if t is None else (k, t)))


@parametrize_with_checks([LinearRegression(), LinearRegression(positive=True), LinearRegression(fit_intercept=False)])
def test_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


# --- the coefficients


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("targets", [None, 1, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", ["C", "F", "csr", "csc", "float32"])
@pytest.mark.parametrize("n", [200, 30000])
def test_coefficients_are_those_of_scikit_learn(n, form, weighted, targets, intercept):
    X, y = made(n, 4, targets)
    w = np.random.default_rng(1).integers(0, 4, n).astype(float) if weighted else None
    given = {"C": X, "F": np.asfortranarray(X), "csr": scipy.sparse.csr_array(X), "csc": scipy.sparse.csc_array(X),
             "float32": X.astype(np.float32)}[form]  # fmt: skip
    X = X.astype(np.float32).astype(float) if form == "float32" else X
    ours, theirs = LinearRegression(fit_intercept=intercept).fit(given, y, w), Theirs(fit_intercept=intercept, tol=0)
    theirs.fit(X, y, w)
    rtol = 1e-5 if form == "float32" else 1e-9
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=rtol)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=rtol)
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_) and ours.coef_.shape == theirs.coef_.shape
    assert ours.coef_.dtype == (np.float32 if form == "float32" else float)
    assert ours.rank_ == theirs.rank_ if hasattr(theirs, "rank_") and not intercept else ours.rank_ == 4
    np.testing.assert_allclose(ours.predict(given), theirs.predict(X), rtol=max(rtol, 1e-9), atol=1e-4)
    expected = LinearRegression.objective(ours.parameters_, X, y, w)
    assert ours.loss_curve_ == pytest.approx([expected], rel=1e-10)
    value = ours.solution_.value
    assert value == pytest.approx(expected, rel=1e-10)
    assert ours.solution_.kind == "strict minimum" and ours.solution_.status == "converged"


@pytest.mark.parametrize("kappa, how", [(1.5, "cholesky"), (100, "cholesky"), (1e6, "blocks"), (1e11, "blocks")])
@pytest.mark.parametrize("noise", [0.0, 1e-6, 1.0])
def test_many_rows_have_the_digits_of_a_householder_factorization(kappa, how, noise):
    """The error in units of what the condition allows is no larger than that of QR of all rows."""
    rng = np.random.default_rng(2)
    n, k = 20000, 5
    U = np.linalg.qr(rng.normal(size=(n, k)))[0]
    V = np.linalg.qr(rng.normal(size=(k, k)))[0]
    X = U * np.geomspace(1, 1 / kappa, k) @ V
    truth = np.arange(1.0, k + 1)
    e = rng.normal(size=n)
    e -= U @ (U.T @ e)
    y = X @ truth + noise * e
    m = LinearRegression(fit_intercept=False).fit(X, y)
    assert m._fitted["how"] == how
    Q, R = np.linalg.qr(X)
    reference = np.linalg.solve(R, Q.T @ y)
    exact = [float(v) for v in solved_exactly(X, y)]
    error, allowed = np.linalg.norm(m.coef_ - exact), np.linalg.norm(reference - exact)
    assert error <= 8 * allowed + 1e-14 * np.linalg.norm(exact)


def solved_exactly(X, y):
    """Normal equations in the exact products, solved in rational numbers."""
    import mpmath

    with mpmath.workdps(60):
        A = mpmath.matrix(X.shape[1], X.shape[1])
        columns = [[mpmath.mpf(v) for v in X[:, j]] for j in range(X.shape[1])]
        ys = [mpmath.mpf(v) for v in y]
        b = mpmath.matrix([mpmath.fdot(c, ys) for c in columns])
        for i, c in enumerate(columns):
            for j, d in enumerate(columns):
                A[i, j] = mpmath.fdot(c, d)
        return list(mpmath.lu_solve(A, b))


def test_the_result_does_not_depend_on_threads():
    X, y = made(60000, 6)
    found = set()
    for jobs in (None, 1, 2, 5):
        for limit in (1, 2):
            with threadpoolctl.threadpool_limits(limit):
                m = LinearRegression(n_jobs=jobs).fit(X, y)
                found.add((m.coef_.tobytes(), m.singular_.tobytes(), m._fitted["rss"].tobytes()))
                blas = [i["num_threads"] for i in threadpoolctl.threadpool_info() if i["user_api"] == "blas"]
                assert set(blas) <= {limit}  # given back
    assert len(found) == 1


def test_the_data_are_not_changed():
    X, y = made(30000, 3)
    w = np.ones(30000)
    before = X.copy(), y.copy()
    LinearRegression(copy_X=False).fit(X, y, w)
    assert np.array_equal(X, before[0]) and np.array_equal(y, before[1]) and np.all(w == 1)


@pytest.mark.parametrize("offset", [1e6, 1e9])
def test_columns_far_from_zero_lose_nothing(offset):
    """Years, timestamps: the slope has the digits that the data have."""
    rng = np.random.default_rng(0)
    for n in (50, 30000):
        x = rng.integers(0, 1000, n).astype(float)
        y = 3.0 * x + rng.integers(-5, 6, n)
        near, far = (LinearRegression().fit(x[:, None] + c, y) for c in (0.0, offset))
        np.testing.assert_allclose(far.coef_, near.coef_, rtol=1e-13)


def test_extreme_units():
    X, y = made(300, 3)
    reference = LinearRegression().fit(X, y).coef_
    for size in (1e-150, 1e150):
        scaled = LinearRegression().fit(X * size, y)
        np.testing.assert_allclose(scaled.coef_ * size, reference, rtol=1e-10)
        assert scaled.rank_ == 3
    X, y = made(30000, 3)  # squares overflow
    np.testing.assert_allclose(
        LinearRegression().fit(X * 1e160, y).coef_ * 1e160, LinearRegression().fit(X, y).coef_, rtol=1e-9
    )


# --- NIST


@pytest.mark.parametrize("reference", nist.ALL, ids=lambda r: r.name)
def test_the_written_data_have_the_certified_solution(reference):
    found = nist.exact([list(row) for row in reference.X], list(reference.y))
    assert min(nist.digits(float(a), b) for a, b in zip(found, reference.coefficients)) > 14


#: Digits that agree with the certified values: coefficients, their errors, σ̂, R².
REACHED = {
    "Longley": (14.5, 13, 14, 14),
    "Filip": (7.5, 7, 7, 9),
    "Wampler1": (14.5, 15, 15, 15),
    "Wampler2": (13, 15, 15, 15),
    "Wampler3": (14.5, 12, 13, 14),
    "Wampler4": (14.5, 12, 13, 14),
    "Wampler5": (14.5, 12, 13, 12),
}


@pytest.mark.parametrize("reference", nist.ALL, ids=lambda r: r.name)
def test_certified_digits(reference):
    X, y = reference.arrays()
    m = LinearRegression().fit(X, y)
    s = m.statistics_
    assert m.rank_ == X.shape[1] and m.dependencies_ == [] and m.solution_.kind in ("strict minimum", "minimum")
    coefficients, errors, sigma, r2 = REACHED[reference.name]
    assert min(nist.digits(a, b) for a, b in zip(s.estimate, reference.coefficients)) > coefficients
    if reference.sigma:
        assert min(nist.digits(a, b) for a, b in zip(s.standard_error, reference.errors)) > errors
        assert nist.digits(s.sigma, reference.sigma) > sigma
    else:
        assert s.sigma < 1e-9 and np.all(s.standard_error < 1e-8)
    assert nist.digits(s.r2, reference.r2) >= r2
    # What separates us from the certified values is the rounding of x¹⁰ (Filip) and of y (Wampler2): for the numbers as
    # they are in memory all digits are right, which a factorization by LAPACK does not reach.
    given = nist.exact([[Fraction(v) for v in row] for row in X.tolist()], [Fraction(v) for v in y.tolist()])
    exact = [float(v) for v in given]
    A = np.c_[np.ones(len(y)), X]
    Q, R = np.linalg.qr(A)
    lapack = np.linalg.solve(R, Q.T @ y)
    ours = min(nist.digits(a, b) for a, b in zip(s.estimate, exact))
    assert ours > 14.5 and ours > min(nist.digits(a, b) for a, b in zip(lapack, exact))


def test_weights_are_refined_too():
    reference = nist.ALL[-1]
    X, y = reference.arrays()
    w = np.arange(21.0) % 4
    rows = np.repeat(np.arange(21), w.astype(int))
    exact = nist.exact([list(reference.X[i]) for i in rows], [reference.y[i] for i in rows])
    s = LinearRegression().fit(X, y, w).statistics_
    assert min(nist.digits(a, float(b)) for a, b in zip(s.estimate, exact)) > 11


# --- columns that repeat


def test_the_shortest_solution_and_what_repeats():
    X, y = made(100, 3)
    W = np.column_stack([X, 2 * X[:, 0] + X[:, 1] - 4, np.full(100, 7.0), X[:, 2]])
    m = LinearRegression().fit(W, y)
    theirs = Theirs(tol=1e-10).fit(W, y)
    assert m.rank_ == 3
    np.testing.assert_allclose(m.coef_, theirs.coef_, rtol=1e-7, atol=1e-12)
    assert m.dependencies_ == ["x3 = 2*x0 + x1 - 4", "x4 = 7, a constant", "x5 = x2"]
    assert m.solution_.kind == "minimum" and m.solution_.status == "converged"
    frame = pd.DataFrame(W[:, :4], columns=["rooms", "age", "tax", "mix"])
    named = LinearRegression().fit(frame, y)
    assert named.dependencies_ == ["mix = 2*rooms + age - 4"]
    text = str(named.summary())
    assert "mix = 2*rooms + age - 4" in text and "warning" not in text.lower()
    assert np.isnan(named.statistics_.standard_error).tolist() == [True, True, True, False, True]
    kept = LinearRegression().fit(W[:, :3], y)
    np.testing.assert_allclose(named.predict(frame), kept.predict(W[:, :3]), rtol=1e-10)
    np.testing.assert_allclose(named.statistics_.sigma, kept.statistics_.sigma, rtol=1e-10)
    # On the training rows the intervals are those of the fit without the column; off their span there are none.
    for a, b in zip(named.predict(frame, "confidence"), kept.predict(W[:, :3], "confidence")):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    off = frame.iloc[:2].copy()
    off["mix"] += 1
    assert np.all(np.isnan(named.predict(off, "confidence").lower))


def test_many_rows_that_repeat():
    X, y = made(30000, 3)
    m = LinearRegression().fit(np.column_stack([X, X[:, 0] - X[:, 1]]), y)
    assert m.dependencies_ == ["x3 = x0 - x1"] and m.rank_ == 3 and m._fitted["how"] == "blocks"
    np.testing.assert_allclose(
        m.coef_, Theirs(tol=1e-10).fit(np.column_stack([X, X[:, 0] - X[:, 1]]), y).coef_, rtol=1e-6
    )


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(5, 12), (6, 5), (5, 5), (1, 3), (2, 1)])
def test_fewer_rows_than_unknowns(shape, intercept):
    X, y = made(*shape, t=2)
    m, theirs = (
        LinearRegression(fit_intercept=intercept).fit(X, y),
        Theirs(fit_intercept=intercept, tol=1e-13).fit(X, y),
    )
    np.testing.assert_allclose(m.coef_, theirs.coef_, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(m.predict(X), theirs.predict(X), atol=1e-8)
    assert "cannot be estimated" in str(m.summary()) or m.statistics_.df_residual > 0


def test_a_constant_target_and_no_variation():
    m = LinearRegression().fit(np.full((5, 2), 3.0), np.array([1.0, 2, 3, 4, 5]))
    assert m.rank_ == 0 and m.intercept_ == 3.0 and not m.coef_.any()
    assert m.dependencies_ == ["x0 = 3, a constant", "x1 = 3, a constant"]
    assert np.isfinite(m.statistics_.sigma) and str(m.summary())


# --- constraints


def test_nonnegative_as_scikit_learn():
    X, y = made(400, 6, 2)
    for intercept in (True, False):
        m, theirs = (C(positive=True, fit_intercept=intercept).fit(X, y) for C in (LinearRegression, Theirs))
        np.testing.assert_allclose(m.coef_, theirs.coef_, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(m.intercept_, theirs.intercept_, rtol=1e-8)
    one = LinearRegression(positive=True).fit(X, y[:, 0])
    held = one.coef_ == 0
    assert held.any() and one.solution_.kind == "strict minimum"
    assert np.all(one.solution_.bound_multipliers["coef"][held] <= 0)
    assert np.all(np.isnan(one.statistics_.standard_error[1:][held]))
    free = LinearRegression().fit(X[:, ~held], y[:, 0])  # the errors are those of the fit of the others
    np.testing.assert_allclose(one.statistics_.covariance[1:, 1:][np.ix_(~held, ~held)] / one.statistics_.sigma**2,
                               free.statistics_.covariance[1:, 1:] / free.statistics_.sigma**2, rtol=1e-8)  # fmt: skip


def test_bounds_and_constraints():
    X, y = made(500, 3, seed=5)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    free = LinearRegression().fit(X, y)
    m = LinearRegression(bounds=(None, -0.3)).fit(X, y)
    again = LinearRegression(bounds={"coef": (-np.inf, np.full(3, -0.3))}).fit(X, y)
    np.testing.assert_allclose(m.coef_, again.coef_)
    assert np.all(m.coef_ <= -0.3) and np.any(free.coef_ > -0.3) and m.solution_.kind == "strict minimum"
    held = LinearRegression(bounds={"intercept": (2.0, 2.0)}).fit(X, y)
    assert held.intercept_ == 2.0
    np.testing.assert_allclose(held.coef_, Theirs(fit_intercept=False).fit(X, y - 2).coef_, rtol=1e-8)
    sums = LinearRegression(subject_to=lambda p: np.sum(p["coef"]) == 1).fit(X, y)
    assert np.sum(sums.coef_) == pytest.approx(1, abs=1e-12)
    # by elimination: β₂ = 1 − β₀ − β₁
    reduced = LinearRegression().fit(X[:, :2] - X[:, 2:], y - X[:, 2])
    np.testing.assert_allclose(sums.coef_[:2], reduced.coef_, rtol=1e-8)
    ours, theirs = sums.statistics_, reduced.statistics_
    np.testing.assert_allclose(ours.standard_error[:3], theirs.standard_error, rtol=1e-7)
    assert ours.df_residual == theirs.df_residual and sums.solution_.multipliers != 0
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, rel=1e-10)
    assert "active constraints" in str(sums.summary())
    two = LinearRegression(subject_to=lambda p: p["coef"][0] == p["coef"][1]).fit(X, np.column_stack([y, -y]))
    np.testing.assert_allclose(two.coef_[0], two.coef_[1], atol=1e-9)


def test_constraints_that_contradict_one_another():
    X, y = made(20, 3)
    with pytest.warns(ConvergenceWarning, match="LinearRegression"):
        m = LinearRegression(subject_to=lambda p: [np.sum(p["coef"]) >= 1, np.sum(p["coef"]) <= 0]).fit(X, y)
    with pytest.raises(ArgumentError, match="No point satisfies"):
        LinearRegression(subject_to=lambda p: [p["coef"][0] >= 1, p["coef"][0] <= 0]).fit(X, y)
    assert m.solution_.status == "infeasible" and np.all(np.isfinite(m.coef_))
    assert np.all(np.isnan(m.statistics_.standard_error)) and str(m.summary())


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"slope": (0, 1)}, "'coef' and 'intercept'"),
        ((0, 1, 2), "pair"),
        ((np.zeros(2), None), r"shape \(2,\)"),
    ],
)
def test_bounds_that_cannot_be_read(bounds, words):
    X, y = made(20, 3)
    with pytest.raises(ArgumentError, match=words):
        LinearRegression(bounds=bounds).fit(X, y)


# --- the objective


def test_the_objective_is_minimized_by_descent_too():
    """The chapter's f(a, b) = 1/N Σ (y − (a x + b))², by gradient descent."""
    data = load_iris().data
    x, y = data[:, 2:3], data[:, 3]
    m = LinearRegression().fit(x, y)
    start = {"coef": np.zeros(1), "intercept": 0.0}
    s = tw.minimize(LinearRegression.objective, start, args=(x, y), method="gradient-descent", tol=1e-9)
    np.testing.assert_allclose(s.x["coef"], m.coef_, rtol=1e-6)
    assert s.x["intercept"] == pytest.approx(m.intercept_, rel=1e-6)
    assert s.value == pytest.approx(m.solution_.value, rel=1e-12) and len(s.history) > 10


def test_weights_of_the_objective():
    X, y = made(30, 2, 2)
    w = np.arange(30) % 3
    p = {"coef": np.ones((2, 2)), "intercept": np.array([1.0, 2.0])}
    rows = np.repeat(np.arange(30), w)
    assert LinearRegression.objective(p, X, y, w) == pytest.approx(LinearRegression.objective(p, X[rows], y[rows]))


# --- frames, pipelines, files


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_and_pipelines(frame):
    data = load_diabetes(as_frame=True)
    X = frame({name: data.data[name].to_numpy() for name in data.data})
    y = data.target
    m = LinearRegression().fit(X, y)
    assert list(m.feature_names_in_) == list(data.data) and m.statistics_.names[1:] == tuple(data.data)
    assert "Linear regression of target" in str(m.summary()) and "bmi" in m.summary()._repr_html_()
    search = GridSearchCV(make_pipeline(StandardScaler(), LinearRegression()),
                          {"linearregression__positive": [False, True]}).fit(X, y)  # fmt: skip
    assert search.best_score_ > 0.4
    again = pickle.loads(pickle.dumps(m))
    np.testing.assert_array_equal(again.predict(X), m.predict(X))
    assert str(again.summary()) == str(m.summary())
    assert clone(m).get_params() == m.get_params()


def test_what_is_not_finite_has_a_place():
    for n in (50, 30000):
        X, y = made(n, 3)
        frame = pd.DataFrame(X, columns=["a", "b", "c"])
        frame.iloc[17, 1] = np.nan
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ArgumentError, match="X contains NaN: row 17, column 'b'"):
                LinearRegression().fit(frame, y)
            X[n - 1, 2] = np.inf
            with pytest.raises(ArgumentError, match=f"X contains infinity: row {n - 1}, column 2"):
                LinearRegression().fit(X, y)
            S = scipy.sparse.csr_array(X)
            with pytest.raises(ArgumentError, match=f"X contains infinity: row {n - 1}, column 2"):
                LinearRegression().fit(S, y)
            X[n - 1, 2], y[3] = 0, np.nan
            with pytest.raises(ArgumentError, match="y contains NaN: row 3"):
                LinearRegression().fit(X, y)
    fitted = LinearRegression().fit(np.eye(4), np.arange(4))
    with pytest.raises(ArgumentError, match="row 1, column 3"):
        fitted.predict([[0, 0, 0, 0], [0, 0, 0, np.nan]])


def test_no_row_has_weight():
    with pytest.raises(ValueError, match="zero"):
        LinearRegression().fit(np.eye(3), np.arange(3), np.zeros(3))


def test_polynomials_in_a_pipeline():
    reference = next(r for r in nist.ALL if r.name == "Wampler1")
    X, y = reference.arrays()
    m = make_pipeline(PolynomialFeatures(5, include_bias=False), LinearRegression()).fit(X[:, :1], y)
    np.testing.assert_allclose(m[-1].coef_, 1.0, rtol=1e-14)


def test_memory_of_many_rows_is_that_of_a_few_blocks():
    import tracemalloc

    X, y = made(200000, 10)
    tracemalloc.start()
    LinearRegression().fit(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20 < X.nbytes


def test_names_of_methods_are_told():
    assert set(inference.HOW) == {"householder", "cholesky", "blocks", "rows"}
    assert triangles.PLAIN**2 < 20
