"""Functions that cannot be traced: derivatives from the user, or by differences."""

import numpy as np
import pytest
from scipy.optimize import Bounds, NonlinearConstraint

import thalweg as tw
from thalweg.errors import ArgumentError
from thalweg.optimize.given import differences

NOWHERE = np.full(2, np.inf)


def opaque(x):
    """Rosenbrock's valley through Python's floats, which no trace can follow."""
    a, b = float(x[0]), float(x[1])
    return 100 * (b - a * a) ** 2 + (1 - a) ** 2


def slope(x):
    return np.array([-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)])


def curvature(x):
    return np.array([[1200 * x[0] ** 2 - 400 * x[1] + 2, -400 * x[0]], [-400 * x[0], 200.0]])


WAYS = {
    "grad": {"grad": slope},
    "grad and hess": {"grad": slope, "hess": curvature},
    "differences": {"derivatives": "finite-difference"},
    "hess and differences": {"hess": curvature, "derivatives": "finite-difference"},
}


def test_nothing_is_approximated_unasked():
    with pytest.raises(tw.errors.ThalwegError):
        tw.minimize(opaque, [-1.2, 1.0])


@pytest.mark.parametrize("way", WAYS)
def test_without_constraints(way):
    s = tw.minimize(opaque, [-1.2, 1.0], **WAYS[way])
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(s.x, [1, 1], atol=1e-5)


def test_value_and_gradient_in_one():
    s = tw.minimize(lambda x: (opaque(x), slope(x)), [-1.2, 1.0], grad=True)
    np.testing.assert_allclose(s.x, [1, 1], atol=1e-6)
    with pytest.raises(ArgumentError, match=r"\(value, gradient\)"):
        tw.minimize(opaque, [-1.2, 1.0], grad=True)


CONSTRAINED = {
    "traced": lambda x: x[0] ** 2 + x[1] ** 2 <= 1,
    "dict": {"ineq": lambda x: 1 - float(x[0]) ** 2 - float(x[1]) ** 2},
    "SciPy's dict": {"type": "ineq", "fun": lambda x, r: r - float(x[0]) ** 2 - float(x[1]) ** 2, "args": (1.0,)},
    "SciPy's object": NonlinearConstraint(lambda x: [float(x[0]) ** 2 + float(x[1]) ** 2], -np.inf, 1),
}


@pytest.mark.parametrize("way", ["grad", "grad and hess", "differences"])
@pytest.mark.parametrize("form", CONSTRAINED)
def test_constraints_traced_or_differenced(way, form):
    if way != "differences" and form != "traced":
        with pytest.raises(tw.errors.ThalwegError):
            tw.minimize(opaque, [0.5, 0.0], subject_to=CONSTRAINED[form], **WAYS[way])
        return
    s = tw.minimize(opaque, [0.5, 0.0], subject_to=CONSTRAINED[form], **WAYS[way])
    assert s.success
    np.testing.assert_allclose(s.x, [0.7864151, 0.6176983], atol=1e-5)  # the known minimum in the unit disc
    assert abs(np.ravel([*s.multipliers.values()] if isinstance(s.multipliers, dict) else s.multipliers)[0]) == (
        pytest.approx(0.121497, abs=1e-4)
    )


@pytest.mark.parametrize("way", WAYS)
def test_bounds_are_never_crossed(way):
    seen = []

    def f(x):
        seen.append(np.array(x))
        return opaque(x)

    s = tw.minimize(f, [-1.2, 1.0], bounds=[(-1.5, 0.5), (0, None)], **WAYS[way])
    assert s.success
    np.testing.assert_allclose(s.x, [0.5, 0.25], atol=1e-6)
    assert np.max(np.array(seen)[:, 0]) <= 0.5 and np.min(np.array(seen)[:, 1]) >= 0


def test_parameters_reach_constraints():
    for subject_to in (lambda x, r: x @ x <= r, {"ineq": lambda x, r: r - float(x[0]) ** 2 - float(x[1]) ** 2}):
        s = tw.minimize(
            lambda x, r: opaque(x), [0.5, 0.0], args=(1.0,), subject_to=subject_to, derivatives="finite-difference"
        )
        np.testing.assert_allclose(s.x, [0.7864151, 0.6176983], atol=1e-5)


def test_traced_constraints_of_many_variables():
    n = 150
    s = tw.minimize(
        lambda x: float(x @ x), np.ones(n), grad=lambda x: 2 * x, hess=lambda x: 2 * np.eye(n),
        subject_to=lambda x: x[1:] - x[:-1] >= 0.01,
    )  # fmt: skip
    assert s.success
    np.testing.assert_allclose(np.diff(s.x), 0.01, atol=1e-8)
    assert np.mean(s.x) == pytest.approx(0, abs=1e-8)


def test_least_squares():
    t = np.arange(5.0)
    y = 2 * 0.5**t

    def residuals(p):
        return [float(p[0]) * float(p[1]) ** float(k) - v for k, v in zip(t, y)]

    def jacobian(p):
        return np.stack([p[1] ** t, p[0] * t * p[1] ** (t - 1)], axis=1)

    for options in ({"jac": jacobian}, {"derivatives": "finite-difference"}, {"jac": True}):
        f = (lambda p: (residuals(p), jacobian(p))) if options.get("jac") is True else residuals
        s = tw.least_squares(f, [1.0, 0.8], **options)
        assert s.success
        np.testing.assert_allclose(s.x, [2, 0.5], atol=1e-6)


def test_differences_within_bounds():
    def f(x):
        return np.array([np.sqrt(x[0]) * x[1], np.exp(x[1])])

    for x, low, high in (([2.0, 1.0], -NOWHERE, NOWHERE), ([1.0, 0.0], np.array([1.0, 0.0]), np.array([1.5, 2.0]))):
        x = np.array(x)
        exact = [[x[1] / (2 * np.sqrt(x[0])), np.sqrt(x[0])], [0, np.exp(x[1])]]
        np.testing.assert_allclose(differences(f, x, low, high), exact, atol=1e-7)
    seen = []
    differences(lambda v: seen.append(v) or v, np.array([1.0, 5.0]), np.array([1.0, 0.0]), np.array([2.0, 5.0]))
    assert np.min(np.array(seen), axis=0)[0] >= 1 and np.max(np.array(seen), axis=0)[1] <= 5


WRONG = [
    ({"hess": curvature}, "needs grad="),
    ({"grad": "no"}, "grad must be a function"),
    ({"grad": slope, "hess": 3}, "hess must be a function"),
    ({"derivatives": "fd"}, "'exact' or 'finite-difference', not 'fd'"),
    ({"grad": lambda x: np.zeros(3)}, "gradient has 3 entries, but there are 2 variables"),
    ({"grad": slope, "bounds": [(1, 1), (0, 2)]}, "fixed only where the function is traced"),
    ({"grad": slope, "subject_to": lambda x: [x[0] <= 1, x[0] >= 1]}, "fixed only where the function is traced"),
    ({"derivatives": "finite-difference", "subject_to": lambda x: float(x[0]) >= 1}, "Comparisons cannot be read"),
]


@pytest.mark.parametrize(("options", "match"), WRONG)
def test_wrong_use(options, match):
    with pytest.raises(ArgumentError, match=match):
        tw.minimize(opaque, [0.5, 0.5], **options)


def test_values_that_are_no_number():
    with pytest.raises(ArgumentError, match=r"one number, but it returned shape \(2,\)"):
        tw.minimize(lambda x: np.asarray(x) * 2, [1.0, 2.0], derivatives="finite-difference")


def test_scipys_bounds():
    s = tw.minimize(opaque, [0.0, 0.0], grad=slope, bounds=Bounds([-1, -1], [0.5, 1]))
    np.testing.assert_allclose(s.x, [0.5, 0.25], atol=1e-6)
