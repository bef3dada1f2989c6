"""The key of a graph: equal for equal structure, however it came about; different for whatever changes the code."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import thalweg
from thalweg.execution.native import key as key_module
from thalweg.execution.native import threads
from thalweg.execution.native.key import graph_key
from thalweg.graph import BOOL, FLOAT32, FLOAT64, INT64, OPS, Graph, constant, input_node, make

LARGE = np.linspace(0, 1, 100)


def key_of(build, *specs, guards=lambda *inputs: []):
    inputs = [input_node(shape, dtype) for shape, dtype in specs or [((3,), FLOAT64)]]
    return graph_key(Graph(inputs, build(*inputs)), guards(*inputs))[0]


def test_equal_structure_equal_key_whatever_came_before():
    def build(x, y):
        return [x * y + 2.0, make(OPS["sin"], (x,)) * LARGE_NODE]

    LARGE_NODE = constant(LARGE.copy())
    specs = ((100,), FLOAT64), ((), FLOAT64)
    first = key_of(build, *specs)
    kept = [input_node((100,), FLOAT64) * 2.0]  # nodes and constants that live on, in another order
    LARGE_NODE = constant(LARGE.copy())
    assert key_of(lambda x, y: build(x, y), *specs) == first
    assert key_of(lambda x, y: [make(OPS["sin"], (x,)) * LARGE_NODE, x * y + 2.0][::-1], *specs) == first
    assert len(first) == 32
    del kept


DIFFERENT = {
    "base": lambda x: [x * x + 2.0],
    "another op": lambda x: [x * x - 2.0],
    "another argument": lambda x: [x * 2.0 + x],
    "another number": lambda x: [x * x + 2.0000000000000004],
    "two outputs": lambda x: [x * x + 2.0, x],
    "two outputs in another order": lambda x: [x, x * x + 2.0],
    "an output twice": lambda x: [x * x + 2.0, x * x + 2.0],
    "zero": lambda x: [x * x * 0.0],
    "minus zero": lambda x: [x * x * -0.0],
    "parameters": lambda x: [make(OPS["reshape"], (x * x,), ((3, 1),))],
    "other parameters": lambda x: [make(OPS["reshape"], (x * x,), ((1, 3),))],
    "a large constant": lambda x: [constant(LARGE), x],
    "another large constant": lambda x: [constant(np.where(LARGE == 1, 2, LARGE)), x],
    "its shape": lambda x: [constant(LARGE.reshape(10, 10)), x],
    "its dtype": lambda x: [constant(LARGE.view(np.int64)), x],
}


def test_an_argument_that_is_not_used_counts():
    specs = [(((5,), FLOAT64), spec) for spec in (((3,), FLOAT64), ((4,), FLOAT64), ((3,), INT64))]
    assert len({key_of(lambda x, y: [x * x], *given) for given in specs}) == 3


def test_whatever_changes_the_code_changes_the_key():
    found = {name: key_of(build) for name, build in DIFFERENT.items()}
    shapes = [((3,), FLOAT64), ((3,), FLOAT32), ((3,), INT64), ((4,), FLOAT64), ((1, 3), FLOAT64), ((), FLOAT64)]
    for spec in shapes[1:]:
        found[str(spec)] = key_of(lambda x: [x], spec)
    found["unused"] = key_of(lambda x, y: [x], *shapes[:2])
    found["the other unused"] = key_of(lambda x, y: [y], *shapes[:2])
    for answer in (True, False, np.array(True), np.array([True, True, False]), 3, 3.0):
        found[f"guard {answer!r}"] = key_of(
            lambda x: [x * x + 2.0], guards=lambda x: [(make(OPS["greater"], (x, constant(np.ones(3)))), answer)]
        )
    del found["guard array(True)"]  # the same as True
    assert len(set(found.values())) == len(found)


def test_of_equal_arguments_the_order_counts():
    specs = ((), FLOAT64), ((), FLOAT64)
    assert key_of(lambda x, y: [x - y], *specs) != key_of(lambda x, y: [y - x], *specs)
    assert key_of(lambda x, y: [x - y], *specs) == key_of(lambda x, y: [x - y], *specs)


def test_what_has_no_lasting_name_has_no_key():
    x, y = input_node((3,), FLOAT64), input_node((3,), FLOAT64)
    assert graph_key(Graph([x], [x * y])) is None

    class Thing:
        pass

    assert graph_key(Graph([x], [make(OPS["reshape"], (x * y,), ((3, 1),))])) is None
    node = make(OPS["reshape"], (x * 2.0,), ((1, 3),))
    node.params = (Thing(),)
    assert graph_key(Graph([x], [node])) is None


def test_constants_come_with_their_names():
    x, value = input_node((100,), FLOAT64), LARGE.copy()
    _, constants = graph_key(Graph([x], [x * constant(value)]))
    assert [v is value for v in constants.values()] == [True]
    _, again = graph_key(Graph([x], [x * x * constant(value.copy())]))
    assert list(again) == list(constants)


def test_booleans_and_arrays_in_other_orders():
    mask = np.arange(100).reshape(10, 10) % 3 == 0
    for value in (mask, mask.T, mask[::-1], LARGE.reshape(10, 10).T, LARGE[::2]):
        spec = (value.shape, BOOL if value.dtype == bool else FLOAT64)
        assert key_of(lambda x: [constant(value), x], spec) == key_of(
            lambda x: [constant(np.ascontiguousarray(value)), x], spec
        )


@pytest.mark.parametrize("what", ["threads", "sources", "BLAS"])
def test_the_environment_counts(monkeypatch, what):
    before = key_of(lambda x: [x * x])
    if what == "threads":
        monkeypatch.setattr(threads, "limit", lambda: 77)
    elif what == "BLAS":
        monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    else:
        monkeypatch.setattr(key_module, "_sources", lambda: "of another version")
        key_module._fixed.cache_clear()
    assert key_of(lambda x: [x * x]) != before
    monkeypatch.undo()
    key_module._fixed.cache_clear()
    assert key_of(lambda x: [x * x]) == before


KEY = """
import numpy as np
import thalweg as tw
from thalweg.execution.native.key import graph_key
from thalweg.graph import Graph
before = {before}

def f(x):
    y = np.sin(x[0]) * x
    if y.sum() > 0:
        y = y * np.linspace(0, 1, 50)
    return (y ** 3).sum() + 2.0 * x[1]

traced = tw.trace(tw.grad(f), np.linspace(0.1, 1, 50))
print(graph_key(Graph(traced.inputs, traced.outputs), traced.guards)[0].hex())
"""


def test_another_process_finds_the_same_key():
    """Also where other functions have been traced before, and strings hash otherwise."""
    source = str(Path(thalweg.__file__).parent.parent)

    def process(before, seed):
        environment = {**os.environ, "PYTHONPATH": source, "PYTHONHASHSEED": seed}
        program = KEY.format(before=before)
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    before = "tw.grad(lambda x: (2.0 * x ** 3 - np.cos(x)).sum()), tw.trace(lambda x: 2.0 + x, np.ones(50))"
    assert process("None", "1") == process(before, "2")
