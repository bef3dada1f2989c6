"""A state prints as one line."""

from optimize.polynomials import polynomial_problem
from optimize.problems import mountain_pass
from thalweg.optimize import descend


def test_a_line_for_each_iteration():
    lines = [str(state) for state in descend(polynomial_problem(mountain_pass, 2), [0.0, 0.0])]
    assert lines[0] == "     0  value 0              gradient 0          step 0"
    assert "negative curvature" in lines[1] and lines[1].endswith("(left a saddle along negative curvature)")
    assert all("\n" not in line for line in lines)
