"""Constraints and bounds as they are typed."""

from math import inf

import numpy as np
import pytest

from thalweg.cli.constraints import Bound, as_bound, as_bounds, guessed, read_comparisons, sides
from thalweg.errors import ArgumentError, FormulaError
from thalweg.formula import formula


@pytest.mark.parametrize(
    "text, bound",
    [
        ("x >= 0", Bound("x", "x", 0.0, inf)),
        ("0 <= x", Bound("x", "x", 0.0, inf)),
        ("x < 5", Bound("x", "x", -inf, 5.0)),
        ("5 >= x >= -1", Bound("x", "x", -1.0, 5.0)),
        ("0 <= x <= 2*pi", Bound("x", "x", 0.0, 2 * np.pi)),
        ("x = 3", Bound("x", "x", 3.0, 3.0)),
        ("-1 < w[0] < 1", Bound("w", "w[0]", -1.0, 1.0)),
        ("A[1, 2] <= 4", Bound("A", "A[1,2]", -inf, 4.0)),
        ("x <= inf", Bound("x", "x", -inf, inf)),
    ],
)
def test_bounds(text, bound):
    assert as_bound(formula(text)) == bound


@pytest.mark.parametrize("text", ["x <= y", "x^2 <= 4", "2*x <= 4", "1 <= 2", "0 <= 1 <= x", "w[0:2] <= 1", "-x <= 1"])
def test_what_is_more_than_a_bound(text):
    assert as_bound(formula(text)) is None
    with pytest.raises(ArgumentError, match="does not bound one unknown by numbers"):
        as_bounds([formula(text)], "--bounds")


def test_comparisons_are_separated_by_commas_outside_of_brackets():
    found = read_comparisons(["x >= 0, max(x, y) <= 2", "[x, y] >= [0, 1]"], "--subject-to")
    assert [read.text for read in found] == ["x >= 0", "max(x, y) <= 2", "[x, y] >= [0, 1]"]
    with pytest.raises(ArgumentError, match="is no comparison"):
        read_comparisons(["x"], "--subject-to")
    with pytest.raises(ArgumentError, match="bounds nothing"):
        read_comparisons(["x != 1"], "--subject-to")
    with pytest.raises(FormulaError, match=r"column 5"):
        read_comparisons(["x = )"], "--subject-to")


def test_sides_of_all_bounds_together():
    bounds = as_bounds([formula(text) for text in ("x >= 0", "x <= 5", "x <= 3", "y = 1", "w[1] <= 2")], "--bounds")
    assert sides(bounds) == {"x": (0.0, 3.0), "y": (1.0, 1.0), "w[1]": (-inf, 2.0)}


def test_guesses_are_inside_the_bounds_and_where_the_formula_has_a_value():
    bounds = as_bounds([formula(text) for text in ("0 <= a <= 10", "b >= -7", "c <= 0.5")], "--bounds")
    point = guessed(["a", "b", "c", "d"], bounds, {"e": 9.0}, lambda point: 1.0)
    assert point == {"e": 9.0, "a": 5.0, "b": 0.0, "c": -0.5, "d": 0.0}
    with np.errstate(all="ignore"):
        assert guessed(["x"], [], {}, lambda point: np.log(point["x"]))["x"] == 1.0
        assert guessed(["x"], [], {}, lambda point: np.log(-point["x"]))["x"] == -1.0
        assert guessed(["x"], [], {}, lambda point: np.nan)["x"] == 0.0
