"""Displays are fixed, character by character, by the files in golden/. To renew: THALWEG_RENEW_GOLDEN=1 pytest …"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import mountain_pass, quadratic, rosenbrock
from thalweg import formula
from thalweg.optimize import Status, classify, maximize, minimize
from thalweg.optimize.certificate import Certificate
from thalweg.optimize.constrained import Equalities, classify_on
from thalweg.optimize.display import _listing, number, plain
from thalweg.optimize.problem import Evaluations

GOLDEN = Path(__file__).parent / "golden"
VALLEY = polynomial_problem(rosenbrock, 2)
LINE = Equalities(lambda x: (np.array([x.sum() - 1]), np.ones((1, 2))), lambda x, m: np.zeros((2, 2)))

CASES = {
    "minimum": lambda: minimize(replace(VALLEY, names=("x", "y")), [-1.2, 1.0]),
    "pass": lambda: minimize(polynomial_problem(mountain_pass, 2), [0.0, 0.0]),
    "limit": lambda: minimize(VALLEY, [-1.2, 1.0], method="gradient-descent", max_iterations=1),
    "diverged": lambda: minimize(quadratic([[2.0]]), [1.0], learning_rate=2.0),
    "hill": lambda: maximize(quadratic([[-2.0]], [1.0]), [0.0]),
    "many": lambda: minimize(quadratic(np.diag(np.arange(1.0, 31)), np.arange(1.0, 31)), np.zeros(30)),
    "degenerate": lambda: minimize(polynomial_problem(lambda x: (x[0] * x[1] - 1) ** 2, 2), [2.0, 0.5]),
    "saddle": lambda: classify(quadratic(np.diag([1.0, -1.0])), [0.0, 0.0]),
    "on-a-line": lambda: classify_on(quadratic(2 * np.eye(2)).at([0.5, 0.5]), LINE),
}


def constrained(f, x0, **problem):
    """A solution with numbers that do not depend on how it was found."""
    s = minimize(formula(f), x0, **problem)
    c = replace(
        s.classification,
        kind="strict minimum",
        why="its Lagrangian curves upwards on the tangent space (lowest eigenvalue: 2)",
        certificate=Certificate(
            2e-16, 1e-17, eigenvalues=np.array([2.0]), expected_error=1e-16, constraint_rank=1, number_active=1
        ),
    )
    return replace(
        s,
        classification=c,
        message="Converged: the gradient of the Lagrangian is 2e-16.",
        iterations=4,
        evaluations=Evaluations(5, 5, 5),
        method="interior-point",
        method_reason="chosen for constraints",
        flat=np.round(s.flat, 8),
        value=round(s.value, 8),
        y=np.round(s.y, 7),
        z=np.round(s.z, 7),
        notes=(),
    )


CASES |= {
    "line": lambda: constrained("x^2 + y^2", {"x": 3.0, "y": 1.0}, subject_to="x + y = 1"),
    "many-constraints": lambda: constrained(
        "x^2 + y^2 + z^2 + w",
        {"x": 3.0, "y": 1.0, "z": 0.0, "w": 0.0},
        subject_to=["x + y = 1", "-1 <= x <= 0.3", "x - y >= -5", "[x, y, 2*z] >= [-4, 0.1, 3]"],
        bounds={"w": (2, None), "z": (None, 2.5)},
    ),
    "fixed": lambda: constrained(
        "x^2 + (y - 1)^2 + z^2", {"x": 3.0, "y": 1.0, "z": 2.0}, subject_to="x >= 1", bounds={"z": (4, 4)}
    ),
    "infeasible": lambda: replace(
        constrained("x^2 + y^2", {"x": 2.0, "y": 0.5}, subject_to=["x + y = 1"]),
        status=Status.INFEASIBLE,
        message="Infeasible: the constraints cannot be met: their violation is least here.",
        flat=np.array([2.0, 0.5]),
        c=np.array([1.5]),
    ),
}


def made(name):
    result = CASES[name]()
    return replace(result, time=0.0123) if hasattr(result, "time") else result


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["txt", "html"])
def test_golden(name, kind):
    result = made(name)
    text = (str(result) if kind == "txt" else result._repr_html_()) + "\n"
    file = GOLDEN / f"{name}.{kind}"
    if os.environ.get("THALWEG_RENEW_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_lines_fit_a_terminal(name):
    assert max(map(len, str(made(name)).splitlines())) <= 79


def test_html_is_escaped():
    s = replace(made("minimum"), names=("<x>", "y&z"))
    assert "&lt;x&gt;" in s._repr_html_() and "y&amp;z" in s._repr_html_()


def test_numbers():
    assert [number(v) for v in (1.0, -0.0, 1e-20, np.nan, 123456789.123)] == ["1", "0", "1e-20", "nan", "123456789.1"]


def test_listing_of_structures():
    @dataclass
    class P:
        a: float

    assert _listing({"a": 1.0, "w": np.arange(10.0)}) == "a = 1, w = [0, 1, 2, 3, 4, 5, 6, 7, … 2 more]"
    assert _listing([1.0, P(2.0)]) == "[1, a = 2]"
    assert plain([P(np.float64(2.0)), "text", None]) == [{"a": 2.0}, "text", None]


def test_seconds():
    assert "2.5 s" in str(replace(made("minimum"), time=2.5))


def test_other_minima_are_listed():
    s = made("minimum")
    other = replace(s, value=3.0, flat=s.flat + 1, x=s.flat + 1)
    text = str(replace(s, minima=(s, other)))
    assert "also found" in text and "strict minimum, value 3 at [2, 2]" in text
    assert text.count("also found") == 1
    assert "… " in str(replace(s, minima=(s, *[replace(other, value=float(k)) for k in range(2, 9)])))


def test_many_constraints_are_counted():
    s = minimize(formula("x^2"), {"x": 3.0}, subject_to=[f"x >= -{k}" for k in range(1, 13)])
    assert "4 more constraints" in str(s) and str(s).count("not active") == 8


def test_what_a_certificate_warns_of():
    s = made("line")

    def row(**numbers):
        certificate = replace(s.certificate, **numbers)
        text = str(replace(s, classification=replace(s.classification, certificate=certificate)))
        return " ".join(text.split())

    assert "signs right, 1 active," in row()
    assert "2 active of which 1 independent" in row(number_active=2)
    assert "wrong by 0.5" in row(multiplier_signs=0.5)
    assert "not strictly" in row(strict_complementarity=0.0) and "not strictly" not in row(strict_complementarity=0.5)
    assert "multipliers unbounded" in row(mfcq=False)
