"""The answer as data: SciPy's names, statuses, plain values."""

import copy
import json
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import rosenbrock
from thalweg.errors import ArgumentError
from thalweg.optimize import Status, maximize, minimize

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


@dataclass
class Weights:
    a: float
    w: np.ndarray


def _on_weights(p):
    return (p.a - 1) ** 2 + np.sum((p.w - 2) ** 2) + p.a * p.w[0]


def _travellers():
    """Solutions of every shape, of functions that cannot be pickled."""
    yield "number", minimize(lambda x: (x - 2) ** 2, 0.0)
    yield "free", minimize(lambda x: np.sum((x - 2) ** 2), [1.0])
    yield "dict", minimize(lambda p: (p["a"] - 1) ** 2 + np.sum(p["w"] ** 2), {"a": 0.0, "w": np.ones((2, 1))})
    yield "dataclass", minimize(_on_weights, Weights(0.0, np.zeros(2)), bounds={"w[1]": (5, 5)})
    yield "list", minimize(lambda x: x[0] @ x[0] + np.sum((x[1] - 1) ** 2), [np.ones(2), np.ones((1, 1))])
    written = {"eq": lambda x: x[0] + x[1] - 1, "ineq": lambda x: x}
    yield "constraints", minimize(lambda x: x @ x - x[0], [0.3, 0.0, 0.1], subject_to=written, bounds=(-1, 0.5))
    yield "rows", maximize(lambda x: -x @ x, np.ones(3), subject_to=lambda x: [x[:2] >= 1, np.sum(x) == 4, x[0] <= 1.5])
    yield (
        "fixed",
        minimize(lambda x: x @ x + x[0] * x[2], np.ones(3), subject_to=lambda x: [x[2] == 2, x[0] + x[1] >= 1]),
    )
    plain = {"ineq": lambda x: x[0] - 1}
    yield "differences", minimize(lambda x: x @ x, [3.0, 1.0], derivatives="finite-difference", subject_to=plain)
    yield "starts", minimize(lambda x: (x[0] ** 2 - 1) ** 2 + x[1] ** 2, [0.5, 0.0], bounds=(-2, 2), starts=4)
    yield "problem", minimize(polynomial_problem(rosenbrock, 2), [-1.2, 1.0])


@pytest.mark.parametrize("how", ["pickle", "copy", "deepcopy"])
def test_solutions_travel(how):
    go = {"pickle": lambda s: pickle.loads(pickle.dumps(s)), "copy": copy.copy, "deepcopy": copy.deepcopy}[how]
    for name, s in _travellers():
        there = go(s)
        assert str(there) == str(s) and there._repr_html_() == s._repr_html_(), name
        assert json.dumps(there.to_dict(), default=vars) == json.dumps(s.to_dict(), default=vars), name
        assert repr(there.multipliers) == repr(s.multipliers), name
        assert repr(there.shadow_prices) == repr(s.shadow_prices), name
        assert repr(there.bound_multipliers) == repr(s.bound_multipliers), name
        assert type(there.x) is type(s.x) and there.infeasibility == s.infeasibility, name
        np.testing.assert_array_equal(there.history.value, s.history.value)
        assert str(pickle.loads(pickle.dumps(there))) == str(s), name


def test_what_needs_the_functions_says_that_they_did_not_travel(tmp_path):
    s = minimize(lambda x, p: (x[0] - p) ** 2 + x[1] ** 2, [0.0, 0.0], args=(2.0,), subject_to=lambda x: x[0] <= 1)
    assert copy.deepcopy(s).sensitivity("p").value == pytest.approx(2) == copy.copy(s).sensitivity("p").value
    there = pickle.loads(pickle.dumps(s))
    with pytest.raises(ArgumentError, match="did not travel"):
        there.sensitivity("p")
    with pytest.raises(ArgumentError, match="did not travel"):
        there.plot(tmp_path / "map.png")
    with pytest.raises(ArgumentError, match="did not travel"):
        there.built.problem.at(there.flat)
    line = minimize(lambda x: (x[0] - 2) ** 4, [0.0])
    pickle.loads(pickle.dumps(line)).plot(tmp_path / "run.png")
    assert (tmp_path / "run.png").stat().st_size > 1000


def test_solutions_come_back_from_another_process():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        s = pool.submit(minimize, rosenbrock, [-1.2, 1.0], bounds=(-2, 0.5)).result()
    np.testing.assert_allclose(s.x, [0.5, 0.25], atol=1e-8)
    assert s.bound_multipliers[0] == pytest.approx(1)  # 2(1 − x) at x = 0.5
