"""How optima move: multipliers, shadow prices and sensitivities against differences of optimal values."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError

H = 1e-5


def objective(x, p):
    return (x[0] - p) ** 2 + (x[1] - 2 * p) ** 4 + x[0] * x[1] + 0.5 * x[2] ** 2


def shifted(r):
    """Constraints of every sign with right sides r: an equality, both inequalities, a range, bounds."""
    return lambda x, p: [
        x[0] + x[1] == r[0],
        x[0] * x[1] <= r[1],
        x[2] ** 2 >= r[2],
        x[0] >= r[3],
        x[2] <= r[4],
    ]


ACTIVE = {
    "equality": [3.0, 50.0, 0.1, -9.0, 9.0],
    "lower": [3.0, 50.0, 1.0, -9.0, 9.0],
    "bound": [3.0, 50.0, 1.0, 2.0, 9.0],
    "upper": [3.0, 0.5, 1.0, -9.0, 9.0],
}


def optimum(r, p, sense):
    sign = 1.0 if sense == "minimize" else -1.0
    solve = tw.minimize if sense == "minimize" else tw.maximize
    return solve(lambda x, p: sign * objective(x, p), [1.0, 2.0, 1.5], args=(p,), subject_to=shifted(r))


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
@pytest.mark.parametrize("case", ACTIVE)
def test_shadow_prices_are_slopes_of_the_optimal_value(case, sense):
    r = np.array(ACTIVE[case])
    s = optimum(r, 1.2, sense)
    assert s.success
    slopes = [
        (optimum(r + H * e, 1.2, sense).value - optimum(r - H * e, 1.2, sense).value) / (2 * H) for e in np.eye(5)
    ]
    np.testing.assert_allclose(s.shadow_prices, slopes, atol=2e-6)
    signs = np.array([-1, -1, 1, 1, -1])  # λ = −price for == and <=, price for >=
    np.testing.assert_allclose(s.multipliers, signs * slopes, atol=2e-6)
    inequalities = np.array(s.multipliers[1:]) * (1 if sense == "minimize" else -1)
    assert np.all(inequalities >= -1e-9)


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
@pytest.mark.parametrize("case", ACTIVE)
def test_sensitivity_of_everything(case, sense):
    r = np.array(ACTIVE[case])
    s = optimum(r, 1.2, sense)
    d = s.sensitivity("p")
    ahead, behind = optimum(r, 1.2 + H, sense), optimum(r, 1.2 - H, sense)
    np.testing.assert_allclose(d.x, (ahead.x - behind.x) / (2 * H), atol=2e-5)
    assert d.value == pytest.approx((ahead.value - behind.value) / (2 * H), abs=2e-5)
    slopes = (np.array(ahead.multipliers) - np.array(behind.multipliers)) / (2 * H)
    np.testing.assert_allclose(d.multipliers, slopes, atol=2e-4)


def test_prices_of_the_argument_bounds():
    def value(low, high):
        return tw.minimize(
            lambda x: (x[0] + 1) ** 2 + (x[1] - 3) ** 2 + x[0] * x[1],
            [0.5, 0.5],
            bounds=(np.array(low), np.array(high)),
        )

    s = value([0.0, 0.0], [1.0, 2.0])
    lower = (value([H, 0.0], [1.0, 2.0]).value - value([-H, 0.0], [1.0, 2.0]).value) / (2 * H)
    upper = (value([0.0, 0.0], [1.0, 2.0 + H]).value - value([0.0, 0.0], [1.0, 2.0 - H]).value) / (2 * H)
    np.testing.assert_allclose(s.bound_multipliers, [-lower, -upper], atol=1e-6)


def test_the_price_of_a_fixed_variable():
    def value(a):
        return tw.minimize(
            lambda x: (x[0] + 1) ** 2 + (x[1] - x[0]) ** 4 + x[1], [0.0, 0.5], bounds=[(a, a), (None, None)]
        )

    slope = (value(2 + H).value - value(2 - H).value) / (2 * H)
    s = value(2.0)
    np.testing.assert_allclose(s.bound_multipliers, [-slope, 0], atol=1e-5)


def test_ranges_and_vectors_of_parameters():
    def at(p):
        return tw.minimize(
            lambda x, p: np.sum((x - p) ** 2) + x[0] ** 4, np.zeros(2), args=(p,),
            subject_to=lambda x, p: tw.between(p[0], x[0] + 2 * x[1], 2 * p[0]),
        )  # fmt: skip

    p = np.array([0.4, 1.0])
    d = at(p).sensitivity()
    slopes = np.stack([(at(p + H * e).x - at(p - H * e).x) / (2 * H) for e in np.eye(2)], axis=1)
    np.testing.assert_allclose(d.x, slopes, atol=1e-5)
    np.testing.assert_allclose(
        d.value, [(at(p + H * e).value - at(p - H * e).value) / (2 * H) for e in np.eye(2)], atol=1e-5
    )


def test_it_keeps_the_structure_of_x():
    s = tw.minimize(
        lambda x, p: (x["a"] - p) ** 2 + np.sum((x["w"] - 2 * p) ** 2), {"a": 0.0, "w": np.zeros(2)}, args=(1.0,)
    )
    d = s.sensitivity(0)
    assert d.x["a"] == pytest.approx(1) and d.x["w"].tolist() == pytest.approx([2, 2]) and d.multipliers is None
    assert "df*/dp" in str(d)


REFUSED = {
    "no parameters": (lambda: tw.minimize(lambda x: x @ x, [1.0]), 0, "no parameters"),
    "unknown name": (lambda: tw.minimize(lambda x, p: p * x @ x, [1.0], args=(1.0,)), "q", "there are p"),
    "unknown place": (lambda: tw.minimize(lambda x, p: p * x @ x, [1.0], args=(1.0,)), 3, "no number 3"),
    "not converged": (lambda: tw.minimize(lambda x, p: p * x[0], [1.0], args=(1.0,)), 0, "'unbounded'"),
    "weak row": (
        lambda: tw.minimize(lambda x, p: (x[0] - p) ** 2, [0.5], args=(1.0,), subject_to=lambda x: x[0] ** 2 <= 1), 0,
        "multiplier zero",
    ),
    "weak bound": (lambda: tw.minimize(lambda x, p: (x[0] - p) ** 2, [0.0], args=(1.0,), bounds=(None, 1)), 0, "kink"),
    "flat": (lambda: tw.minimize(lambda x, p: (x[0] + x[1] - p) ** 2, [0.0, 0.0], args=(1.0,)), 0, "singular"),
    "a text": (lambda: tw.minimize(lambda x, p: x @ x, [1.0], args=("a",)), 0, "must be a number"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_where_there_is_no_derivative(name):
    make, parameter, match = REFUSED[name]
    with pytest.raises(ArgumentError, match=match):
        make().sensitivity(parameter)


def test_a_sparse_problem():
    n = 150

    def at(p):
        return tw.minimize(
            lambda x, p: np.sum((x - p) ** 2) + np.sum(x[1:] * x[:-1]) / 4, np.zeros(n), args=(p,),
            subject_to=lambda x: x[::2] + x[1::2] <= 1.0,
        )  # fmt: skip

    s = at(0.7)
    d = s.sensitivity()
    assert s.built.problem.sparse
    np.testing.assert_allclose(d.x, (at(0.7 + H).x - at(0.7 - H).x) / (2 * H), atol=1e-5)
