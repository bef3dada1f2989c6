"""Reductions, scans and statistics of NumPy under trace: NumPy's own values, and their derivatives."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes

import thalweg as tw
from checks import derivatives, needs, same
from thalweg.errors import TraceError, UnsupportedError

random = np.random.default_rng(0)
X = random.normal(size=(3, 4, 5))
WITH_NAN = X.copy()
WITH_NAN[0, 1, 2], WITH_NAN[2, 3, 4], WITH_NAN[1, :, 1] = np.nan, np.inf, np.nan
ARRAYS = {
    "float64": X,
    "float32": X.astype(np.float32),
    "integers": np.round(3 * X).astype(np.int64),
    "booleans": X > 0,
    "NaN and inf": WITH_NAN,
    "all NaN": np.full((3, 4, 5), np.nan),
    "no rows": np.zeros((0, 3)),
    "no columns": np.zeros((3, 0)),
    "a number": np.float64(2.5),
}
AXES = [None, 0, -1, 1, (0, 1), (2, 0), (-1,), (), 7, (0, 0)]

REDUCTIONS = [
    np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.amax, np.amin, np.ptp, np.median, np.average, np.any,
    np.all, np.count_nonzero, np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin,
    np.nanmedian,
]  # fmt: skip
POSITIONS = [np.argmax, np.argmin, np.nanargmax, np.nanargmin]
SCANS = [np.cumsum, np.cumprod, np.nancumsum, np.nancumprod]


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("f", REDUCTIONS, ids=lambda f: f.__name__)
def test_reductions_equal_numpys(f, array):
    for axis in AXES:
        if np.size(array) == 0 and (f is np.average or axis == ()):
            continue  # NumPy itself fails on some of these
        same(lambda a: f(a, axis=axis), array)
        same(lambda a: f(a, axis=axis, keepdims=True), array)


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("f", [*POSITIONS, *SCANS], ids=lambda f: f.__name__)
def test_positions_and_scans_equal_numpys(f, array):
    for axis in (None, 0, -1, 1, 7):
        same(lambda a: f(a, axis=axis), array)
        if f in POSITIONS:
            same(lambda a: f(a, axis=axis, keepdims=True), array)


@pytest.mark.parametrize("f", [np.sum, np.prod, np.mean, np.var, np.std, np.nansum, np.cumsum, np.cumprod])
def test_the_dtype_of_a_reduction_may_be_given(f):
    for array in (X, ARRAYS["float32"], ARRAYS["integers"]):
        same(lambda a: f(a, axis=1, dtype=np.float32), array)
        same(lambda a: f(a, axis=1, dtype=float), array)


@pytest.mark.parametrize(
    "f", [np.sum, np.prod, np.any, np.all, np.mean, np.var, np.std, np.nansum, np.nanprod, np.nanmean, np.nanvar]
)
def test_places_may_be_left_out(f):
    mask = X > -0.5
    same(lambda a: f(a, axis=1, where=mask), X)
    same(lambda a: f(a, where=mask[0]), X)
    same(lambda a: f(a, axis=1, where=X > 9), X)


@pytest.mark.parametrize("f", [np.sum, np.prod, np.max, np.min, np.nansum, np.nanmax])
def test_a_reduction_may_start_from_a_value(f):
    same(lambda a: f(a, axis=1, initial=0.5), X)
    same(lambda a: f(a, axis=0, initial=0.5), ARRAYS["no rows"])
    same(lambda a: f(a, axis=0, initial=0.5, keepdims=True), ARRAYS["no rows"])
    same(lambda a: f(a, axis=(0, 2), initial=0.5, where=X > 0), X)


def test_max_of_chosen_places_needs_a_start():
    same(lambda a: np.max(a, where=X > 0), X)


@pytest.mark.parametrize(
    "name", ["sum", "prod", "mean", "var", "std", "max", "min", "any", "all", "argmax", "argmin", "cumsum", "cumprod"]
)
def test_array_methods(name):
    same(lambda a: getattr(a, name)(), X)
    same(lambda a: getattr(a, name)(-1), X)
    same(lambda a: getattr(a, name)(axis=0), X)


@given(st.data(), array_shapes(min_dims=1, max_dims=4, max_side=4))
@settings(max_examples=40)
def test_reductions_over_any_axes(data, shape):
    x = np.random.default_rng(1).normal(size=shape)
    axes = data.draw(st.lists(st.integers(-len(shape), len(shape) - 1), unique_by=lambda a: a % len(shape)).map(tuple))
    f = data.draw(st.sampled_from([np.sum, np.prod, np.mean, np.var, np.max, np.median]))
    keepdims = data.draw(st.booleans())
    same(lambda a: f(a, axis=axes, keepdims=keepdims), x)
    if f is not np.median:
        derivatives(lambda a: f(a, axis=axes, keepdims=keepdims), x, second=False)


# --- derivatives ----------------------------------------------------------------------------------------------------

SMALL = random.normal(size=(3, 4))
DIFFERENTIABLE = {
    "sum": lambda x: np.sum(x, axis=0) ** 2,
    "prod": lambda x: np.prod(x, axis=1),
    "prod of all": lambda x: np.prod(x),
    "mean": lambda x: np.mean(x, axis=1) ** 2,
    "mean where": lambda x: np.mean(x, axis=1, where=SMALL > -0.9) ** 2,
    "var": lambda x: np.var(x, axis=0),
    "var ddof": lambda x: np.var(x, ddof=1),
    "var correction": lambda x: np.var(x, axis=1, correction=1),
    "var with mean": lambda x: np.var(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)),
    "std": lambda x: np.std(x, axis=1),
    "max": lambda x: np.max(x, axis=1) ** 2,
    "min of several axes": lambda x: np.min(x, axis=(0, 1)) ** 3,
    "max with a start": lambda x: np.max(x, axis=0, initial=0.3) ** 2,
    "ptp": lambda x: np.ptp(x, axis=0) ** 2,
    "median of an even number": lambda x: np.median(x, axis=1) ** 2,
    "median of an odd number": lambda x: np.median(x, axis=0) ** 2,
    "median of all": lambda x: np.median(x) ** 3,
    "quantiles": lambda x: np.quantile(x, [0.1, 0.35, 1.0], axis=1) ** 2,
    "percentile": lambda x: np.percentile(x, 40, axis=(0, 1)) ** 2,
    "average": lambda x: np.average(x, axis=1, weights=[1.0, 2.0, 3.0, 4.0]) ** 2,
    "average in the weights": lambda x: np.average(SMALL + 1.0, axis=1, weights=np.exp(x)),
    "cumsum": lambda x: np.cumsum(x, axis=1) ** 2,
    "cumsum of all": lambda x: np.cumsum(x) ** 2,
    "cumprod": lambda x: np.cumprod(x, axis=1),
    "cumulative_sum": lambda x: np.cumulative_sum(x, axis=0, include_initial=True) ** 2,
    "cumulative_prod": lambda x: np.cumulative_prod(x, axis=0, include_initial=True),
    "maximum.accumulate": lambda x: np.maximum.accumulate(x, axis=1) ** 2,
    "minimum.accumulate": lambda x: np.minimum.accumulate(x, axis=0) ** 2,
    "trapezoid": lambda x: np.trapezoid(x, axis=0, dx=0.5) ** 2,
    "trapezoid in x": lambda x: np.trapezoid(SMALL, x, axis=1) ** 2,
    "logaddexp.reduce": lambda x: np.logaddexp.reduce(x, axis=1),
    "logaddexp.accumulate": lambda x: np.logaddexp.accumulate(x, axis=1),
    "hypot.reduce": lambda x: np.hypot.reduce(x, axis=1),
    "subtract.reduce": lambda x: np.subtract.reduce(x, axis=0) ** 2,
    "multiply.outer": lambda x: np.multiply.outer(x[0], x[1]),
    "arctan2.outer": lambda x: np.arctan2.outer(x[0], x[1]),
    "add.reduceat": lambda x: np.add.reduceat(x, [0, 2, 1], axis=1) ** 2,
    "cov": lambda x: np.cov(x),
    "cov of columns": lambda x: np.cov(x, rowvar=False, bias=True),
    "corrcoef": lambda x: np.corrcoef(x),
    "nansum": lambda x: np.nansum(x, axis=1) ** 2,
    "nanvar": lambda x: np.nanvar(x, axis=1),
    "nanmax": lambda x: np.nanmax(x, axis=1) ** 2,
    "nanmedian": lambda x: np.nanmedian(x, axis=1) ** 2,
    "bincount": lambda x: np.bincount([0, 2, 1, 2], x[0]) ** 2,
}  # fmt: skip


@pytest.mark.parametrize("f", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_derivatives(f):
    derivatives(f, SMALL)


@pytest.mark.parametrize("f", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_gradients_in_single_precision_stay_there(f):
    g = tw.grad(lambda x: np.sum(f(x)))
    single = g(SMALL.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, g(SMALL), rtol=2e-4, atol=2e-5)


def test_maxima_split_ties_evenly_in_every_derivative():
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_array_equal(tw.grad(lambda v: np.sum(np.max(v, axis=1)))(x), [[0, 0.5, 0.5], [1 / 3] * 3])
    np.testing.assert_array_equal(tw.grad(lambda v: np.min(v))(np.array([1.0, 1.0, 2.0])), [0.5, 0.5, 0.0])
    hessian = tw.hessian(lambda v: np.max(v) ** 2)(np.array([3.0, 3.0, 1.0]))
    np.testing.assert_array_equal(hessian, [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 0]])
    np.testing.assert_array_equal(tw.grad(np.ptp)(np.array([1.0, 1.0, 4.0])), [-0.5, -0.5, 1.0])


def test_products_are_exact_where_factors_are_zero():
    one, two = np.array([2.0, 0.0, 3.0, 5.0]), np.array([2.0, 0.0, 0.0, 5.0])
    np.testing.assert_array_equal(tw.grad(np.prod)(one), [0, 30, 0, 0])
    np.testing.assert_array_equal(tw.grad(np.prod)(two), [0, 0, 0, 0])
    wanted = np.zeros((4, 4))
    wanted[0, 1] = wanted[1, 0] = 15
    wanted[1, 2] = wanted[2, 1] = 10
    wanted[1, 3] = wanted[3, 1] = 6
    np.testing.assert_array_equal(tw.hessian(np.prod)(one), wanted)
    wanted = np.zeros((4, 4))
    wanted[1, 2] = wanted[2, 1] = 10
    np.testing.assert_array_equal(tw.hessian(np.prod)(two), wanted)
    for x in (one, two):
        derivatives(lambda v: np.cumprod(v), x)
        derivatives(lambda v: np.prod(v), x)


def test_the_spread_of_equal_numbers_has_derivative_zero():
    x = np.full(4, 2.0)
    np.testing.assert_array_equal(tw.grad(np.std)(x), np.zeros(4))
    np.testing.assert_array_equal(tw.grad(np.var)(x), np.zeros(4))
    np.testing.assert_allclose(tw.hessian(np.var)(x), (np.eye(4) - 1 / 4) / 2, atol=1e-15)


def test_logaddexp_of_infinities():
    inf = np.inf
    for row in ([0.0, -inf, 1.0], [-inf, -inf], [inf, 1.0, -inf], [1e4, 1e4], [np.nan, 0.0]):
        same(lambda a: np.logaddexp.reduce(a), np.array(row))
    same(lambda a: np.logaddexp.reduce(a), np.zeros(0))
    same(lambda a: np.logaddexp.reduce(a, axis=1, initial=0.5, where=X[0] > 0), X[0])
    total = lambda v: np.logaddexp.reduce(v)
    np.testing.assert_allclose(tw.grad(total)(np.array([0.0, -inf, 0.0])), [0.5, 0.0, 0.5], rtol=1e-15)
    np.testing.assert_array_equal(tw.grad(total)(np.array([-inf, -inf])), [0.5, 0.5])
    np.testing.assert_allclose(tw.grad(total)(np.array([1e4, 1e4])), [0.5, 0.5], rtol=1e-15)


def test_nan_is_left_out_of_derivatives_too():
    x = np.array([1.0, np.nan, 3.0])
    np.testing.assert_array_equal(tw.grad(np.nansum)(x), [1, 0, 1])
    np.testing.assert_array_equal(tw.grad(np.nanmean)(x), [0.5, 0, 0.5])
    np.testing.assert_array_equal(tw.grad(np.nanmax)(x), [0, 0, 1])
    np.testing.assert_array_equal(tw.grad(np.nanprod)(x), [3, 0, 1])


def test_the_first_of_equal_records_holds_it():
    got = tw.jacobian(lambda v: np.maximum.accumulate(v))(np.array([1.0, 3.0, 3.0, 2.0, 4.0]))
    np.testing.assert_array_equal(np.argmax(got, axis=1), [0, 1, 1, 1, 4])
    np.testing.assert_array_equal(got.sum(axis=1), np.ones(5))


# --- quantiles, averages, covariances -------------------------------------------------------------------------------

METHODS = ["linear", "lower", "higher", "midpoint", "nearest", "hazen", "weibull", "median_unbiased", "normal_unbiased",
           "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf"]  # fmt: skip


@needs(np, "2.4.1", "the type of a quantile and its value beside infinities changed up to there")
@pytest.mark.parametrize("method", METHODS)
def test_quantiles_by_every_method(method):
    some_nan = X.copy()
    some_nan[0, 1, 2] = np.nan
    for array in (X, ARRAYS["float32"], ARRAYS["integers"], some_nan):
        for axis in (None, 0, (0, -1)):
            for q in (0.3, [0.1, 0.5, 1.0], 0, 1, [[0.2, 0.3], [0.4, 0.9]]):
                same(lambda a: np.quantile(a, q, axis=axis, method=method), array)
    same(lambda a: np.percentile(a, [10, 50], axis=1, keepdims=True, method=method), X)


@needs(np, "2.4.1", "quantiles beside infinities were NaN")
def test_quantiles_at_infinity_and_out_of_range():
    for q in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0):
        same(lambda a: np.quantile(a, q), np.array([np.inf, np.inf, 1.0, -np.inf, 2.0]))
    same(lambda a: np.quantile(a, 2.0), X)
    with pytest.raises(TraceError, match="plain number"):
        tw.grad(lambda q: np.quantile(X, q))(0.5)


def test_averages():
    same(lambda a: np.average(a, weights=np.arange(60.0).reshape(X.shape)), X)
    same(lambda a: np.average(a, axis=1, weights=np.arange(4.0), returned=True), X)
    same(lambda a: np.average(a, axis=(2, 0), weights=np.arange(15.0).reshape(5, 3), returned=True, keepdims=True), X)
    same(lambda a: np.average(a, axis=1, returned=True), X)
    same(lambda a: np.average(a, axis=1, weights=[1, 2, 3, 4]), X)
    for weights in ([0.0] * 4, [1.0] * 3):
        same(lambda a: np.average(a, axis=1, weights=weights), X)
    same(lambda a: np.average(a, weights=[1.0] * 4), X)


@pytest.mark.parametrize("options", [{}, {"rowvar": False}, {"bias": True}, {"ddof": 0}, {"ddof": 9}], ids=str)
def test_covariances(options):
    same(lambda a: np.cov(a, **options), X[0])
    same(lambda a: np.cov(a, **options), X[0].astype(np.float32))
    same(lambda a: np.cov(a, **options), X[0, 0])
    same(lambda a, b: np.cov(a, b, **options), X[0], X[1])
    same(lambda a, b: np.cov(a, b, **options), X[0, 0], X[1, 0])
    if options in ({}, {"rowvar": False}):
        same(lambda a: np.corrcoef(a, **options), X[0])
        same(lambda a, b: np.corrcoef(a, b, **options), X[0, 0], X[0, 1])
    same(lambda a: np.cov(a), X)


def test_bincount_adds_weights_up():
    w = np.arange(4.0)
    same(lambda v: np.bincount([0, 3, 1, 3], v), w)
    same(lambda v: np.bincount([0, 3, 1, 3], weights=v, minlength=7), w.astype(np.float32))
    same(lambda v: np.bincount([0, -3, 1, 3], v), w)
    same(lambda v: np.bincount([0, 3, 1], v), w)


def test_trapezoid():
    same(lambda y: np.trapezoid(y), X)
    same(lambda y: np.trapezoid(y, dx=0.1, axis=1), X)
    same(lambda y, x: np.trapezoid(y, x, axis=1), X, np.arange(4.0) ** 2)
    same(lambda y, x: np.trapezoid(y, x, axis=1), X, X**2)
    same(lambda y, x: np.trapezoid(y, x, axis=1), X, np.arange(3.0))
    same(lambda y: np.trapezoid(y), np.arange(4))


@pytest.mark.parametrize("f", [np.cumulative_sum, np.cumulative_prod])
def test_cumulative_functions(f):
    same(lambda a: f(a, axis=1), X)
    same(lambda a: f(a, axis=-1, include_initial=True), X)
    same(lambda a: f(a, include_initial=True, dtype=np.float32), X[0, 0])
    same(lambda a: f(a), X)


# --- methods of ufuncs ----------------------------------------------------------------------------------------------

UFUNCS = [np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or, np.logaddexp, np.subtract,
          np.divide,          np.hypot, np.fmax, np.fmin]  # fmt: skip


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_methods_of_ufuncs(ufunc):
    same(lambda a: ufunc.reduce(a), X)
    for axis in (0, -1, None, (0, 1)):
        same(lambda a, axis=axis: ufunc.reduce(a, axis=axis, keepdims=True), X)
    same(lambda a, b: ufunc.outer(a, b), X[0], X[1, 1])
    if ufunc not in (np.logical_and, np.logical_or):
        same(lambda a: ufunc.accumulate(a, axis=1), X)
        same(lambda a: ufunc.reduceat(a, [0, 2, 1, 3], axis=1), X)
    same(lambda a: ufunc.reduce(a), np.zeros((0, 2)))


def test_adding_in_place_counts_every_mention():
    def filled(v):
        y = np.zeros((4, 5))
        np.add.at(y, ([0, 1, 0], [1, 1, 1]), v)
        np.subtract.at(y, (slice(1, 3), [0, 0]), v[0])
        np.add.at(y, 3, v[1])
        return y

    same(filled, np.arange(1.0, 4.0))
    derivatives(lambda v: filled(v) ** 2, np.arange(1.0, 4.0))
    with pytest.raises(TraceError, match="plain array"):
        tw.grad(lambda v, y=np.zeros(3): np.add.at(y, [0], v))(np.ones(1))


def test_adding_in_place_through_a_view_and_by_a_mask():
    def filled(v):
        y = np.zeros((2, 3))
        row = y[1]
        np.add.at(row, [0, 0, 2], v)
        np.add.at(y, np.array([[True, False, False], [False, True, False]]), v[0])
        return y

    same(filled, np.arange(1.0, 4.0))
    derivatives(lambda v: filled(v) ** 2, np.arange(1.0, 4.0))


def test_traced_positions_are_taken_for_granted_by_a_guard():
    f = tw.grad(lambda x: 2 * np.bincount(np.argsort(x), x)[0] + x[np.nanargmax(x)])
    for row, wanted in (([1.0, 2.0], [2, 1]), ([3.0, 2.0], [1, 2]), ([1.0, 2.0], [2, 1])):
        np.testing.assert_array_equal(f(np.array(row)), wanted)


def test_out_receives_the_result():
    def f(x):
        out = np.zeros(3)
        np.sum(x, axis=1, out=out)
        return out

    same(f, SMALL)
    derivatives(lambda x: f(x) ** 2, SMALL)
    with pytest.raises(TraceError, match="by keyword"):
        tw.trace(lambda x: np.sum(x, 1, None, np.zeros(3)), SMALL)


def test_wrong_use_raises_what_numpy_raises():
    same(lambda a: np.var(a, ddof=1, correction=1), X)
    same(lambda a: np.cov(a, ddof=0.5), X[0])
    same(lambda a: np.add.reduceat(a, [0, 9]), X)
    same(lambda a: np.hypot.accumulate(a), np.zeros((0, 2)))
    same(lambda a: np.bincount(a.astype(int)), np.arange(3.0))
    same(lambda a: np.bincount(a, a), np.arange(3.0))
    with pytest.raises(UnsupportedError, match="outer"):
        tw.trace(lambda a: np.nextafter.outer(a, a), np.ones(2))
    with pytest.raises(TypeError, match="make it of floats"):
        tw.trace(lambda a: np.add.at(np.zeros(3, dtype=int), [0], a), 1.5)


def test_histogram_is_refused_by_name():
    with pytest.raises(UnsupportedError, match=r"np.*histogram"):
        tw.grad(lambda x: np.histogram(x)[0].sum())(SMALL)


# --- Python's own ---------------------------------------------------------------------------------------------------


def test_builtin_functions_work_by_iteration_and_comparison():
    x = np.array([3.0, 1.0, 2.0])
    for f in (lambda v: sum(v), lambda v: max(v), lambda v: min(v[0], v[2]), lambda v: sorted(v)[1] ** 2 + v[0]):
        same(f, x)
    f = tw.grad(lambda v: max(v) ** 2 + sorted(v)[1] * sum(v))
    for row in (x, x[::-1].copy(), np.array([1.0, 3.0, 2.0])):
        top, middle = np.max(row), np.median(row)
        wanted = 2 * top * (row == top) + middle + np.sum(row) * (row == middle)
        np.testing.assert_allclose(f(row), wanted, rtol=1e-15)


def test_lists_of_traced_numbers():
    x = np.array([3.0, 1.0, 2.0])
    for f in (
        lambda v: np.sum([v[0] ** 2, v[1], 1.0]),
        lambda v: np.sum(a=[v[0], v[1]]),
        lambda v: np.max((v[0], v[1])),
        lambda v: np.mean([[v[0], 1.0], [v[1], v[2]]], axis=0),
        lambda v: np.sort([v[0], v[1]])[0],
        lambda v: np.dot([v[0], 1.0], [v[1], 2.0]),
        lambda v: np.dot(np.eye(2), [v[0], v[1]]),
        lambda v: np.eye(3).dot(v),
        lambda v: np.einsum("i,i", [v[0], v[1]], [1.0, 2.0]),
        lambda v: np.cross([v[0], v[1], 0.0], [1.0, 2.0, v[2]]),
        lambda v: np.linalg.norm([v[0] - v[1], v[2]]),
    ):
        same(f, x)
        derivatives(lambda v: f(v) ** 2, x)
    same(lambda v: v[0] if np.any([v[0] > 0, v[1] > 9]) else v[1], x)
