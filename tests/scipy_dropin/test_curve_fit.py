"""`thalweg.scipy.curve_fit` on NIST's certified regressions and on SciPy's documented examples."""

from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose
from scipy.optimize import OptimizeWarning

from optimize.nist import DATA, MODELS
from thalweg.scipy import curve_fit

ERRORS = {
    line.split(",")[0]: np.array(line.split(",")[1:], dtype=float)
    for line in (Path(__file__).parent / "nist_standard_deviations.csv").read_text().splitlines()[1:]
}


def nist(name):
    text = (DATA / f"{name}.csv").read_text().splitlines()
    numbers = {line[2:].split(":")[0]: line.split(":")[1].split() for line in text[1:5]}
    table = np.array([line.split(",") for line in text[6:]], dtype=float).T
    y, x = table[0], table[1] if len(table) == 2 else table[1:]
    starts = [np.array(numbers[f"start {k}"], dtype=float) for k in (1, 2)]
    return x, np.log(y) if name == "nelson" else y, starts, np.array(numbers["certified"], dtype=float)


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", sorted(ERRORS))
def test_certified_parameters_and_standard_errors(name, start):
    """From both of NIST's starts, the hard one included: nine digits of the parameters and of their errors."""
    x, y, starts, certified = nist(name)
    popt, pcov = curve_fit(lambda x, *b: MODELS[name](b, x), x, y, p0=starts[start])
    assert_allclose(popt, certified, rtol=1e-9)
    assert_allclose(np.sqrt(np.diag(pcov)), ERRORS[name], rtol=2e-9)


def func(x, a, b, c):
    return a * np.exp(-b * x) + c


def noisy():
    x = np.linspace(0, 4, 50)
    return x, func(x, 2.5, 1.3, 0.5) + 0.2 * np.random.default_rng(3).normal(size=x.size)


COVARIANCE = np.diag(np.linspace(0.1, 0.3, 50) ** 2) + 0.001


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"bounds": (0, [3.0, 1.0, 0.5])},
        {"bounds": scipy.optimize.Bounds([0, 0, 0], [3.0, np.inf, 0.6])},
        {"sigma": np.linspace(0.1, 0.3, 50)},
        {"sigma": np.linspace(0.1, 0.3, 50), "absolute_sigma": True},
        {"sigma": 0.1, "absolute_sigma": True},
        {"sigma": COVARIANCE},
        {"sigma": COVARIANCE, "absolute_sigma": True, "method": "trf"},
        {"method": "dogbox", "p0": (2, 1, 1)},
        {"method": "trf", "loss": "soft_l1", "f_scale": 0.2},
        {"jac": lambda x, a, b, c: np.stack([np.exp(-b * x), -a * x * np.exp(-b * x), np.ones_like(x)], axis=1)},
    ],
    ids=lambda words: "-".join(words) or "plain",
)
def test_as_scipy_to_the_digits_that_it_has(words):
    x, y = noisy()
    popt, pcov = curve_fit(func, x, y, **words)
    theirs, covariance = scipy.optimize.curve_fit(func, x, y, **words)
    assert_allclose(popt, theirs, rtol=3e-5)
    assert_allclose(pcov, covariance, rtol=3e-3, atol=1e-6 * np.max(covariance))


def test_a_linear_fit_has_the_errors_of_the_textbook():
    rng = np.random.default_rng(1)
    x = np.linspace(0, 10, 20)
    y = 3 + 2 * x + rng.normal(size=20)
    (slope, level), pcov = curve_fit(lambda x, a, b: a * x + b, x, y)
    A = np.stack([x, np.ones(20)], axis=1)
    solution, (rest,), *_ = np.linalg.lstsq(A, y, rcond=None)
    assert_allclose([slope, level], solution, rtol=1e-12)
    assert_allclose(pcov, np.linalg.inv(A.T @ A) * rest / 18, rtol=1e-10)


def test_full_output():
    x, y = noisy()
    popt, _, info, message, ier = curve_fit(func, x, y, full_output=True)
    theirs = scipy.optimize.curve_fit(func, x, y, full_output=True)[2]
    assert set(theirs) == set(info) and ier in (1, 2, 3, 4) and isinstance(message, str)
    assert {key: np.shape(theirs[key]) for key in theirs} == {key: np.shape(info[key]) for key in info}
    assert_allclose(info["fvec"], func(x, *popt) - y)
    J = np.stack([np.exp(-popt[1] * x), -popt[0] * x * np.exp(-popt[1] * x), np.ones_like(x)], axis=1)
    R = np.triu(info["fjac"].T[:3])
    assert_allclose(R.T @ R, (J.T @ J)[np.ix_(info["ipvt"], info["ipvt"])], rtol=1e-9)


def test_redundant_parameters():
    x, y = noisy()

    def redundant(x, a, b, c, d):
        return a * d * np.exp(-b * x) + c

    with pytest.warns(OptimizeWarning, match="Covariance"):
        popt, pcov = curve_fit(redundant, x, y)
    assert np.all(np.isinf(pcov))
    assert_allclose(popt[0] * popt[3], curve_fit(func, x, y)[0][0], rtol=1e-7)
    assert np.all(np.isfinite(curve_fit(redundant, x, y, method="trf")[1]))


def test_as_many_points_as_parameters():
    with pytest.warns(OptimizeWarning):
        popt, pcov = curve_fit(lambda x, a, b: a * x + b, [0.0, 1.0], [1.0, 3.0])
    assert_allclose(popt, [2, 1])
    assert np.all(np.isinf(pcov))


def test_data_of_any_kind():
    popt, _ = curve_fit(lambda d, a: a * d["t"], {"t": np.arange(4.0)}, 2 * np.arange(4.0))
    assert_allclose(popt, [2.0])
    x = np.stack([np.arange(5.0), np.arange(5.0) ** 2])
    popt, _ = curve_fit(lambda x, a, b: a * x[0] + b * x[1], x, 2 * x[0] - 3 * x[1])
    assert_allclose(popt, [2.0, -3.0])


def test_missing_values():
    x = np.array([0.0, 1.0, np.nan, 3.0, 4.0, 5.0])
    y = np.array([1.0, 3.0, 5.0, 7.0, np.nan, 11.0])

    def line(x, a, b):
        return a * x + b

    popt, _ = curve_fit(line, x, y, nan_policy="omit", sigma=np.arange(1.0, 7.0))
    assert_allclose(popt, [2.0, 1.0])
    for words in ({}, {"nan_policy": "raise"}, {"nan_policy": "propagate"}, {"nan_policy": "nonsense"}):
        for module in (scipy.optimize.curve_fit, curve_fit):
            with pytest.raises(ValueError):
                module(line, x, y, **words)


@pytest.mark.parametrize(
    "error, words",
    [
        (ValueError, {"method": "lm", "bounds": (0, 1)}),
        (ValueError, {"sigma": np.ones(3)}),
        (ValueError, {"sigma": -np.eye(50)}),
        (ValueError, {"args": (1,)}),
        (ValueError, {"method": "nonsense"}),
        (TypeError, {"nonsense": 1}),
        (TypeError, {"method": "trf", "nonsense": 1}),
    ],
)
def test_errors_are_scipys(error, words):
    x, y = noisy()
    for module in (scipy.optimize.curve_fit, curve_fit):
        with pytest.raises(error):
            module(func, x, y, **words)


def test_shapes_that_do_not_fit():
    for module in (scipy.optimize.curve_fit, curve_fit):
        with pytest.raises(TypeError):
            module(func, [0.0, 1.0], [1.0, 2.0])  # three parameters, two points
        with pytest.raises(ValueError):
            module(func, [], [])
        with pytest.raises(ValueError):
            module(lambda x: x, [0.0, 1.0], [1.0, 2.0])
        with pytest.raises(RuntimeError):
            module(func, *noisy(), maxfev=2)
