"""What stood in the user's source where a node was made."""

import numpy as np

import thalweg as tw
from thalweg.optimize.source import at_line, place_text, source_text
from thalweg.tracing.tracer import node_of


def comparisons(subject_to):
    found = []

    def f(x):
        found.extend(node_of(c) for c in subject_to(x))
        return x @ x

    tw.grad(f)(np.array([1.0, 2.0]))
    return found


def test_text_and_place_of_a_comparison():
    def several(x):
        return [
            x[0] + x[1] <= 1,
            np.sin(x[0])
            >= x[1],
        ]  # fmt: skip

    one, two = comparisons(several)
    assert source_text(one) == "x[0] + x[1] <= 1" and source_text(two) == "np.sin(x[0]) >= x[1]"
    first = several.__code__.co_firstlineno
    assert place_text(one) == f"test_source.py:{first + 2}" and place_text(two).startswith("test_source.py:")


def test_what_has_no_source():
    made = eval(compile("lambda x: [x[0] <= 1]", "<somewhere>", "eval"))
    (node,) = comparisons(made)
    assert source_text(node) == ""
    assert at_line("") == "" and at_line("model.py:7") == "\n  at model.py:7"
