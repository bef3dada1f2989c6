"""Displays are fixed, character by character, by the files in golden/. To renew: THALWEG_RENEW_GOLDEN=1 pytest …"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import mountain_pass, quadratic, rosenbrock
from thalweg.optimize import classify, maximize, minimize
from thalweg.optimize.constrained import Equalities, classify_on
from thalweg.optimize.display import _listing, number, plain

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
