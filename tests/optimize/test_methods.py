"""The table of methods, and how auto chooses."""

import inspect

import numpy as np
import pytest

from optimize.problems import quadratic
from thalweg.errors import ArgumentError
from thalweg.optimize import METHODS, Problem, minimize
from thalweg.optimize.methods import ARGUMENTS, NEWTON_LIMIT, choose

BARE = Problem(2, lambda x: (x @ x, 2 * x))


def test_auto_takes_newton_for_few_variables_with_a_hessian():
    chosen = choose("auto", quadratic(np.eye(2)))
    assert chosen.method.name == "newton" and "2 variables" in chosen.reason
    assert "1 variable," in choose("auto", quadratic(np.eye(1))).reason


def test_auto_does_without_second_derivatives_where_there_are_none_and_says_why():
    assert choose("auto", BARE).method.name == "bfgs" and "no Hessian" in choose("auto", BARE).reason
    many = quadratic(np.eye(NEWTON_LIMIT + 1))
    assert (
        choose("auto", many).method.name == "l-bfgs" and f"{NEWTON_LIMIT + 1} variables" in choose("auto", many).reason
    )
    rate = choose("auto", quadratic(np.eye(2)), {"learning_rate": 0.1})
    assert rate.method.name == "gradient-descent" and "learning rate" in rate.reason


def test_the_reason_is_in_the_solution():
    assert "cheap" in minimize(quadratic(np.eye(2)), [1.0, 1.0]).method_reason
    assert minimize(quadratic(np.eye(2)), [1.0, 1.0], method="newton").method_reason == "as asked"


@pytest.mark.parametrize("name", ["Gradient Descent", "gradient_descent", " gradient-descent"])
def test_names_are_read_kindly(name):
    assert choose(name, BARE).method.name == "gradient-descent"


def test_an_unknown_method_is_answered_with_the_table():
    with pytest.raises(ArgumentError) as caught:
        choose("gradient-decent", BARE)
    text = str(caught.value)
    assert "Perhaps you meant 'gradient-descent'" in text
    for method in METHODS.values():
        assert f"{method.name}" in text and method.summary in text
    with pytest.raises(ArgumentError) as caught:
        choose("zzz", BARE)
    assert "Perhaps" not in str(caught.value)


def test_a_learning_rate_for_newton_is_refused():
    with pytest.raises(ArgumentError, match="has no learning rate"):
        choose("newton", quadratic(np.eye(2)), {"learning_rate": 0.1})


def test_parts_are_new_for_every_run():
    a, b = choose("newton", quadratic(np.eye(2))), choose("newton", quadratic(np.eye(2)))
    assert a.engine is not b.engine


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("mehtod", "method"),
        ("max_iteration", "max_iterations"),
        ("bound", "bounds"),
        ("constraints", "subject_to"),
        ("maxiter", "max_iterations"),
        ("jac", "grad"),
    ],
)
def test_a_misspelt_argument_is_told(wrong, right):
    with pytest.raises(ArgumentError, match=f"Perhaps you meant '{right}'"):
        minimize(lambda x: x @ x, [1.0], **{wrong: 1})


def test_arguments_are_those_of_minimize():
    named = [p.name for p in inspect.signature(minimize).parameters.values() if p.kind is p.KEYWORD_ONLY]
    assert sorted(named) == sorted(ARGUMENTS)
