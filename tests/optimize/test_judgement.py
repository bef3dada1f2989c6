"""Is it what was looked for? In the terms of the function that the user wrote, whichever way he looks."""

import numpy as np
import pytest

from optimize.problems import quadratic
from thalweg.optimize.certificate import Travel
from thalweg.optimize.engine import Iterate
from thalweg.optimize.judgement import Judge

FORMS = {"minimum": [2.0, 3.0], "maximum": [-2.0, -3.0], "saddle": [2.0, -3.0]}


def judged(form, sense):
    problem = quadratic(np.diag(FORMS[form]))
    turned = problem if sense > 0 else problem.negated()
    at = Iterate(turned.at(np.zeros(2)), 0.0)
    judge = Judge(problem, sense, True)
    return judge, judge.kind_of(at, 1e-8, Travel(np.ones(2)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sense", [1.0, -1.0])
def test_kinds_do_not_depend_on_the_sense(form, sense):
    judge, c = judged(form, sense)
    assert c.kind == ("strict minimum" if form == "minimum" else form)
    right = (form == "minimum") if sense > 0 else (form == "maximum")
    assert judge.is_wrong(c) is not right
    assert (judge.way_out(c) is None) is right
    assert judge.sense == ("minimize" if sense > 0 else "maximize")


def test_the_way_out_in_words():
    down, c = judged("saddle", 1.0)
    assert down.along(down.way_out(c)) == "along negative curvature"
    v = down.way_out(c).direction
    assert abs(v[1]) > 100 * abs(v[0])
    up, c = judged("saddle", -1.0)
    assert up.along(up.way_out(c)) == "along positive curvature"
    v = up.way_out(c).direction
    assert abs(v[0]) > 100 * abs(v[1])


def test_the_point_as_the_user_sees_it():
    problem = quadratic(np.diag([2.0, 3.0]))
    point = problem.negated().at(np.ones(2))
    seen = Judge(problem, -1.0, False).as_user_sees(point)
    there = problem.at(np.ones(2))
    assert seen.value == there.value
    np.testing.assert_array_equal(seen.gradient, there.gradient)


def test_a_point_that_was_not_looked_at():
    judge, _ = judged("minimum", 1.0)
    c = judge.unlooked(judge.problem.at(np.ones(2)), 3.0, "the run ended")
    assert c.kind == "not stationary" and c.gradient_norm == 3.0 and c.why == "the run ended"
