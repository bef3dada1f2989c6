"""The answer as data: SciPy's names, statuses, plain values."""

import json

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import rosenbrock
from thalweg.optimize import Status, minimize

KEYS = (
    "sense x value kind why status success message gradient gradient_norm multipliers shadow_prices bound_multipliers "
    "infeasibility constraints ray eigenvalues certificate method method_reason iterations evaluations time notes "
    "minima"
).split()


@pytest.fixture(scope="module")
def solution():
    return minimize(polynomial_problem(rosenbrock, 2), [-1.2, 1.0])


def test_scipys_names(solution):
    s = solution
    assert (s.fun, s.nit, s.nfev, s.njev, s.nhev) == (
        s.value,
        s.iterations,
        s.evaluations.value,
        s.evaluations.gradient,
        s.evaluations.hessian,
    )
    assert s.success is True and s.jac is s.gradient and s.hess is s.hessian
    np.testing.assert_allclose(s.hess, [[802, -400], [-400, 200]])


def test_only_converged_is_a_success(solution):
    from dataclasses import replace

    for status in Status:
        assert replace(solution, status=status).success is (status is Status.CONVERGED)


def test_every_status_has_a_sentence():
    for status in Status:
        assert status.sentence.endswith(".") and status == status.value and str(status) == status.value
        assert Status(status.value) is status


def test_to_dict_is_stable_and_plain(solution):
    content = solution.to_dict()
    assert list(content) == KEYS
    assert json.loads(json.dumps(content)) == content
    assert content["x"] == [1.0, 1.0] and content["status"] == "converged" and type(content["status"]) is str
    assert set(content["evaluations"]) == {"value", "gradient", "hessian"}


def test_to_dict_with_constraints():
    import thalweg as tw

    f = tw.formula("x^2 + y^2")
    s = tw.minimize(f, {"x": 3.0, "y": 1.0}, subject_to=["x + y = 1", "x <= 0.3"], bounds={"y": (0, 9)})
    content = s.to_dict()
    assert list(content) == KEYS
    assert content["multipliers"] == pytest.approx([-1.4, 0.8]) and content["infeasibility"] < 1e-9
    assert content["shadow_prices"] == pytest.approx([1.4, -0.8])
    assert content["bound_multipliers"] == pytest.approx({"x": 0, "y": 0}, abs=1e-9)
    first, second = content["constraints"]
    assert (first["text"], first["sign"], first["active"]) == ("x + y = 1", "==", True)
    assert (second["text"], second["sign"], second["active"]) == ("x <= 0.3", "<=", True)
    assert second["multiplier"] == pytest.approx(0.8) and second["shadow_price"] == pytest.approx(-0.8)
    json.dumps(content)


def test_to_dict_keeps_the_users_structure(solution):
    from dataclasses import replace

    content = replace(solution, x={"a": 1.0, "w": np.array([[1.0]])}, gradient=(np.float64(1), [2.0])).to_dict()
    assert content["x"] == {"a": 1.0, "w": [[1.0]]} and content["gradient"] == [1.0, [2.0]]
