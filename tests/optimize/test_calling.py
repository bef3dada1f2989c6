"""Calls that do not fit the user's function say so; errors from inside it stay as they are."""

import functools
import operator

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError, TraceError
from thalweg.optimize.calling import call

TWO = r"two\(x, y\) cannot be called with 1 argument: missing .*'y'.*one vector.*x\[0\]\*\*2 \+ x\[1\]\*\*2.*args="


def two(x, y):
    return x**2 + y**2


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"subject_to": lambda x: x[0] >= 1},
        {"grad": lambda x: 2 * x},
        {"derivatives": "finite-difference"},
    ],
)
def test_a_function_of_several_arguments(options):
    with pytest.raises(ArgumentError, match=TWO):
        tw.minimize(two, [0.0, 0.0], **options)


def test_residuals_constraints_and_too_many_arguments():
    with pytest.raises(ArgumentError, match=TWO):
        tw.least_squares(two, [0.0, 0.0])
    with pytest.raises(ArgumentError, match=TWO):
        tw.minimize(lambda x: x @ x, [0.0, 0.0], subject_to=two)
    with pytest.raises(ArgumentError, match="cannot be called with 2 arguments: too many positional"):
        tw.minimize(lambda x: x @ x, [0.0, 0.0], args=(3.0,))


def test_with_args_it_is_called():
    assert tw.minimize(lambda x, y: (x[0] - y) ** 2, [0.0], args=(3.0,)).x == pytest.approx([3.0])


def test_errors_from_inside_stay_as_they_are():
    def wrong(x):
        return two(x[0])

    with pytest.raises(TypeError, match=r"^two\(\) missing 1 required positional argument: 'y'$"):
        tw.minimize(wrong, [0.0, 0.0])

    @functools.wraps(two)
    def told_otherwise(x):
        raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        call(told_otherwise, np.zeros(2))
    with pytest.raises(TypeError) as error:
        tw.minimize(lambda x: x[0] + "a", [0.0])
    assert not isinstance(error.value, ArgumentError) and "cannot be called" not in str(error.value)


def test_what_has_no_signature():
    with pytest.raises(TypeError) as error:
        call(functools.partial(operator.itemgetter(0)), 3.0)
    assert not isinstance(error.value, (ArgumentError, TraceError))
