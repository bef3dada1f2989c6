"""The numbers behind a verdict."""

import json

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from thalweg.optimize import classify
from thalweg.optimize.certificate import Certificate, Travel


def test_expected_error_and_decrease_are_those_of_the_newton_step():
    problem = polynomial_problem(lambda x: 3 * (x[0] - 1) ** 2 + (x[1] - 2) ** 2, 2)
    c = classify(problem, [1 + 1e-8, 2 - 3e-8]).certificate
    assert c.expected_error == pytest.approx(3e-8, rel=1e-6)
    assert c.expected_decrease == pytest.approx(3e-16 + 9e-16, rel=1e-6)
    np.testing.assert_allclose(c.eigenvalues, [2, 6])
    assert c.condition == pytest.approx(1.0) and c.feasibility == 0 and c.constraint_rank is None


def test_to_dict_is_plain():
    content = Certificate(1e-9, eigenvalues=np.array([1.0, 2.0])).to_dict()
    assert json.loads(json.dumps(content, allow_nan=True))["eigenvalues"] == [1.0, 2.0]


def test_far_needs_a_long_step_and_a_real_decrease():
    travel = Travel(np.array([1.0, 100.0]), drop=10.0)
    assert travel.still_far(0.0, np.array([0.1, 0.0]), 1.0)
    assert not travel.still_far(0.0, np.array([0.1, 0.0]), 1e-9)
    assert not travel.still_far(0.0, np.array([1e-4, 1e-2]), 1.0)
    assert travel.still_far(0.0, np.array([0.0, 1.0]), 1.0)
