"""What the loop lends to a method: evaluations that are counted, remembered and out of time."""

from time import perf_counter

import numpy as np
import pytest

from thalweg.optimize.engine import Iterate, OutOfTime, Run
from thalweg.optimize.problem import Problem


def bowl():
    return Problem(2, lambda x: (float(x @ x), 2 * x))


def test_a_point_is_evaluated_once():
    seen = []
    problem = bowl()
    run = Run(problem, evaluated=seen.append)
    x = np.array([1.0, 2.0])
    one = run.evaluate(x)
    assert run.evaluate(one.x) is one and len(seen) == 1 and problem.count.value == 1
    other = run.evaluate(one.x.copy())
    assert other is not one and len(seen) == 2 and other.value == 5
    run.known(one)
    assert run.evaluate(one.x) is one


def test_out_of_time():
    run = Run(bowl())
    run.check()
    assert run.remaining == np.inf
    run.deadline = perf_counter() - 1
    assert run.remaining < 0
    with pytest.raises(OutOfTime):
        run.check()
    with pytest.raises(OutOfTime):
        run.evaluate(np.zeros(2))


def test_an_iterate_without_multipliers():
    it = Iterate(bowl().at(np.zeros(2)), 0.0)
    assert it.y.size == it.z.size == 0 and it.step is None and it.kind == it.message == ""
