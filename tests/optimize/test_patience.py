"""What would take too long is not begun, and the verdict says so."""

from time import perf_counter, sleep

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from thalweg.optimize.classify import classify_point
from thalweg.optimize.engine import OutOfTime, Run
from thalweg.optimize.patience import SHORT, in_time, time_left


def test_time_left():
    problem = polynomial_problem(lambda x: x[0] ** 4, 1)
    assert time_left(None) == np.inf
    assert time_left(Run(problem).check) == np.inf
    assert time_left(Run(problem, deadline=0.0).check) == 0
    assert 5 < time_left(Run(problem, deadline=perf_counter() + 10).check) <= 10
    assert time_left(lambda: None) == SHORT


def test_slow_lines_are_not_begun():
    calls = []

    def line(x, v, order):
        calls.append(order)
        sleep(0.02)
        return np.zeros(order + 1)

    run = Run(polynomial_problem(lambda x: x[0] ** 4, 1), deadline=perf_counter() + 0.2)
    timed = in_time(line, run.check)
    timed(np.zeros(1), np.ones(1), 1)
    with pytest.raises(OutOfTime):
        timed(np.zeros(1), np.ones(1), 8)
    assert calls == [1]
    assert in_time(line, None) is line


def test_the_verdict_is_degenerate_when_time_is_up():
    problem = polynomial_problem(lambda x: x[0] ** 4, 1)
    late = classify_point(problem.at([0.0]), check=Run(problem, deadline=0.0).check)
    assert late.kind == "degenerate" and "no time" in late.why
    assert classify_point(problem.at([0.0]), check=Run(problem).check).kind == "strict minimum"
