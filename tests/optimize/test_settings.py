"""Options of the loop are checked once."""

import pytest

from thalweg.errors import ArgumentError
from thalweg.optimize.settings import Settings


def test_what_is_right():
    assert Settings().orientation == 1 and Settings(sense="maximize").orientation == -1
    for options in ({"tol": 0}, {"max_iterations": 0}, {"max_iterations": 5.0}, {"time_limit": 1e-9}):
        Settings(**options)
    Settings(callback=print)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"sense": "up"}, "'minimize' or 'maximize', not 'up'"),
        ({"tol": -1e-9}, "tol must be zero or positive"),
        ({"tol": float("nan")}, "tol"),
        ({"tol": None}, "tol"),
        ({"tol": "1e-3"}, "tol must be zero or positive, not '1e-3'"),
        ({"max_iterations": -1}, "max_iterations must be a whole number"),
        ({"max_iterations": 2.5}, "max_iterations must be a whole number"),
        ({"max_iterations": float("nan")}, "max_iterations"),
        ({"max_iterations": float("inf")}, "max_iterations"),
        ({"time_limit": 0}, "time_limit must be a positive"),
        ({"time_limit": float("nan")}, "time_limit"),
        ({"callback": 3}, "callback must be a function"),
    ],
)
def test_what_is_wrong(options, match):
    with pytest.raises(ArgumentError, match=match):
        Settings(**options)
