"""Smooth functions are known from their ops; whatever may have a kink or a jump is not."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.optimize.build import build
from thalweg.transforms.smooth import is_smooth

SMOOTH = {
    "a polynomial": lambda x: x[0] ** 3 - 2 * x[0] * x[1] + 1,
    "a quotient": lambda x: np.exp(-(x[0] ** 2)) / (1 + x[1] ** 2),
    "sums and products of arrays": lambda x: np.sum(np.outer(x, x) @ x) + np.prod(x),
    "filled arrays": lambda x: np.array([x[1], np.log(x[0]), 0.0]) @ np.ones(3),
    "a kink of what is constant": lambda x: np.abs(-3.0) * x[0],
    "a choice that does not depend on x": lambda x: np.sum(np.where(np.array([True, False]), x, 2 * x)),
    "negative powers": lambda x: x[0] ** -2,
    "hyperbolic": lambda x: np.tanh(x[0]) + np.arctan(x[1]),
}
NOT = {
    "abs": lambda x: np.abs(x[0]),
    "max": lambda x: np.max(x),
    "maximum": lambda x: np.maximum(x[0], 0),
    "floor": lambda x: np.floor(x[0]) * x[1],
    "a root": lambda x: np.sqrt(x[0] ** 2),
    "a norm": lambda x: np.linalg.norm(x),
    "a power that is not whole": lambda x: x[0] ** 1.5,
    "a power that varies": lambda x: x[0] ** x[1],
    "a choice": lambda x: np.where(x[0] > 1, x[0], x[1]),
    "an order": lambda x: np.sort(x)[0],
}


@pytest.mark.parametrize("name", [*SMOOTH, *NOT])
def test_table(name):
    graph = tw.trace((SMOOTH | NOT)[name], np.array([1.5, 0.5]))
    assert is_smooth(graph.outputs, graph.inputs) == (name in SMOOTH)


def test_a_problem_knows_and_kinks_are_still_found():
    def known(f, rows=lambda x: [x[0] + x[1] <= 9]):
        return build(f, np.ones(2), subject_to=rows).problem.smooth

    assert known(SMOOTH["a quotient"])
    assert known(SMOOTH["a quotient"], lambda x: [np.abs(x[0]) <= 9]) is None
    assert known(NOT["abs"]) is None
    assert known(lambda x: x[0] if x[0] > 0 else -x[0]) is None
    assert tw.minimize(lambda x: x @ x - abs(x[0]), np.zeros(2)).value == pytest.approx(-0.25)
