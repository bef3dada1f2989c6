"""From the end of a run to a solution in the user's terms."""

import numpy as np
import pytest

import thalweg as tw


def test_everything_is_of_the_function_as_written():
    def f(x):
        return 5 - (x[0] - 1) ** 2 - 2 * (x[1] + 1) ** 2

    s = tw.maximize(f, [0.3, 0.3], subject_to=lambda x: x[0] + x[1] <= -1)
    np.testing.assert_allclose(s.x, [1 / 3, -4 / 3], atol=1e-9)  # −2(x − 1) = −4(y + 1) on x + y = −1
    assert s.value == pytest.approx(f(s.x)) and s.sense == "maximize" and s.kind == "maximum"
    np.testing.assert_allclose(s.gradient, tw.grad(f)(s.x))
    np.testing.assert_allclose(s.gradient + s.y * np.ones(2), 0, atol=1e-9)
    assert s.multipliers == pytest.approx(-4 / 3) and s.shadow_prices == pytest.approx(4 / 3)
    np.testing.assert_allclose(s.history.value[-1], s.value)
    assert s.c == pytest.approx([0], abs=1e-9) and s.infeasibility == pytest.approx(0, abs=1e-9)


def test_the_hessian_is_that_of_f():
    s = tw.maximize(lambda x: -np.sum(np.array([1.0, 2.0]) * x**2), [1.0, 1.0])
    np.testing.assert_allclose(s.hessian, np.diag([-2.0, -4.0]))
    np.testing.assert_allclose(sorted(s.eigenvalues), [-4, -2])


def test_structures_with_fixed_parts():
    s = tw.minimize(
        lambda p: (p["a"] - 1) ** 2 + np.sum((p["w"] - 2) ** 2), {"a": 0.0, "w": np.zeros(2)},
        bounds={"w[1]": (5, 5)},
    )  # fmt: skip
    assert s.x["a"] == pytest.approx(1) and s.x["w"].tolist() == pytest.approx([2, 5])
    assert s.names == ("a", "w[0]") and s.flat.size == 2 and np.isnan(s.gradient["w"][1])
    assert s.value == pytest.approx(9)
    assert s.bound_multipliers["w"][1] == pytest.approx(-6)  # f rises by 6 with the value it is fixed at


def test_counts_and_times():
    s = tw.minimize(lambda x: (x[0] - 3) ** 4 + x[1] ** 2, [0.0, 1.0], subject_to=lambda x: x[0] * x[1] >= -1)
    assert s.evaluations.value >= s.iterations >= 1 and s.time > 0
    assert len(s.history) == s.iterations + 1 and s.method_reason.startswith("chosen for 2 variables")


def test_the_hessian_of_f_is_there_with_constraints_and_bounds():
    def f(x):
        return x[0] ** 2 * x[1] + 3 * x[1] ** 2

    for turn, go in ((1, tw.minimize), (-1, tw.maximize)):
        s = go(lambda x: turn * f(x), [1.0, 2.0], subject_to=lambda x: [x[0] ** 2 + x[1] == 3, x[0] >= 1])
        a, b = s.x
        assert s.success
        np.testing.assert_allclose(s.hessian, turn * np.array([[2 * b, 2 * a], [2 * a, 6]]), rtol=1e-12)
    s = tw.minimize(f, [2.0, 2.0], bounds=(1, 5))
    assert s.x.tolist() == [1, 1] and s.hess.tolist() == [[2, 2], [2, 6]]
    large = tw.minimize(lambda x: np.sum((x - 1) ** 2), np.zeros(201), bounds=(0, 0.5))
    assert large.success and large.hessian is None
