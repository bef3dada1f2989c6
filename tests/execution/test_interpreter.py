"""The interpreter: plans reuse memory without ever showing it, guards stop a call, plans pickle and are shared."""

import pickle
import threading
import tracemalloc

import numpy as np
import pytest

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import FLOAT64, INT64, Graph, as_node, constant, full, input_node, make
from thalweg.ops.elementwise import add, chain_product, cos, exp, multiply, negative, sin, square, where
from thalweg.ops.gather import in_range, scatter_add, take
from thalweg.ops.movement import assemble, broadcast, reshape, slice_, transpose, update
from thalweg.ops.reduce import sum_

N = 5000  # large enough for buffers


def run(inputs, outputs, *arrays):
    return Interpreter(Graph(inputs, outputs))(*arrays)


def reference(outputs, values):
    """Every node by its NumPy meaning, with no plan."""
    from thalweg.graph import CONSTANT, reachable

    values = dict(values)
    for n in reachable(outputs):
        if n.op is CONSTANT:
            values[n] = n.value
        elif n not in values:
            values[n] = n.op.evaluate(*(values[a] for a in n.args), *n.params)
    return [values[n] for n in outputs]


def test_a_plan_reuses_buffers():
    x = input_node((N,), FLOAT64)
    y = x
    for _ in range(20):
        y = sin(y) + cos(y)
    plan = Interpreter(Graph([x], [sum_(y, (0,))]))
    assert 1 <= len(plan._buffer_specs) <= 3
    data = np.linspace(0, 1, N)
    [got] = plan(data)
    expected = data
    for _ in range(20):
        expected = np.sin(expected) + np.cos(expected)
    assert got == pytest.approx(expected.sum(), rel=1e-14)
    np.testing.assert_array_equal(data, np.linspace(0, 1, N))  # the argument is as it was


def test_results_are_never_overwritten_by_later_calls():
    x = input_node((N,), FLOAT64)
    y = exp(sin(x))
    plan = Interpreter(Graph([x], [y, y * 2.0, slice_(y, ((0, 10, 1),)), reshape(y, (2, N // 2)), x]))
    first = plan(np.zeros(N))
    kept = [np.copy(v) for v in first]
    plan(np.ones(N))
    for now, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(now, before)
    for v in first:  # nor do results share memory with one another or with the argument
        v[...] = -1.0
    np.testing.assert_array_equal(plan(np.zeros(N))[0], np.ones(N))


def test_outputs_that_are_inputs_or_constants_are_copies():
    x = input_node((3,), FLOAT64)
    data = np.ones(3)
    a, b = run([x], [x, full((3,), 2.0)], data)
    a[0] = 5.0
    b[0] = 5.0
    np.testing.assert_array_equal(data, 1.0)
    np.testing.assert_array_equal(run([x], [full((3,), 2.0)], data)[0], 2.0)


def test_scalars_come_out_as_scalars():
    x = input_node((), FLOAT64)
    v = input_node((1,), FLOAT64)
    for got in run([x, v], [sin(x), reshape(v, ()), x, sum_(v, (0,)), as_node(2.0)], np.float64(1.0), np.ones(1)):
        assert type(got) is np.float64


def test_writing_in_place_never_shows():
    """Pieces written into an array whose old value is still needed, or that a view shows, go to a copy."""
    x = input_node((N,), FLOAT64)
    y = sin(x)
    part = slice_(y, ((0, 10, 1),))
    changed = update(y, [part * 0.0 + 7.0], [((0, 10, 1),)])
    added = assemble(y, [part], [((5, 15, 1),)])
    scattered = scatter_add(y, part, constant(np.arange(10)), 0)
    turned = transpose(reshape(y, (2, N // 2)), (1, 0))
    outputs = [changed, added, scattered, sum_(y, (0,)), turned, part]
    data = np.linspace(0, 3, N)
    for got, expected in zip(run([x], outputs, data), reference(outputs, {x: data}), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_an_argument_is_never_written_into():
    x = input_node((N,), FLOAT64)
    data = np.ones(N)
    [got] = run([x], [update(x, [as_node(5.0)], [((0, 3, 1),)])], data)
    assert data.sum() == N and got[:3].tolist() == [5.0] * 3
    [got] = run([x], [assemble(x, [full((3,), 5.0)], [((0, 3, 1),)])], data)
    assert data.sum() == N and got[:3].tolist() == [6.0] * 3


def test_filling_row_by_row_is_done_in_place():
    rows = 300

    def f(x):
        out = np.zeros((rows, 300))
        row = x
        for i in range(rows):
            row = np.sin(row)
            out[i] = row
        return np.sum(out * out)

    x = np.linspace(0, 1, 300)
    g = tw.grad(f)
    g(x)
    tracemalloc.start()
    g(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * rows * 300 * 8  # copies would take 300 of them at 300 different times, gradients as many


def test_chain_product_lets_zero_win():
    a, b = input_node((N,), FLOAT64), input_node((N,), FLOAT64)
    av, bv = np.ones(N), np.ones(N)
    av[0], bv[0] = 0.0, np.inf
    av[1], bv[1] = np.nan, 0.0
    av[2], bv[2] = np.nan, 1.0
    for wrap in (lambda y: y, lambda y: y * 2.0):  # as a result, and in a buffer
        [got] = run([a, b], [wrap(chain_product(a, b))], av, bv)
        assert got[0] == 0 and got[1] == 0 and np.isnan(got[2])
        assert np.all(got[3:] == wrap(1.0))
    s, t = input_node((), FLOAT64), input_node((), FLOAT64)
    plan = Interpreter(Graph([s, t], [chain_product(s, t)]))
    assert plan(np.float64(0.0), np.float64(np.inf)) == [0.0]
    assert np.isnan(plan(np.float64(1.0), np.float64(np.nan))[0])


def test_where_in_a_buffer():
    c, x = input_node((N,), np.dtype(bool)), input_node((N,), FLOAT64)
    y = where(c, sin(x), as_node(2.0)) * 3.0
    cv, xv = np.arange(N) % 2 == 0, np.linspace(0, 1, N)
    np.testing.assert_array_equal(run([c, x], [y], cv, xv)[0], np.where(cv, np.sin(xv), 2.0) * 3.0)


def test_guards_stop_a_call():
    x = input_node((3,), FLOAT64)
    question = x > 0
    plan = Interpreter(Graph([x], [sum_(x, (0,))]), [(question, np.array([True, True, False]))])
    assert plan(np.array([1.0, 2.0, -3.0])) == [0.0]
    assert plan(np.array([1.0, 2.0, 3.0])) is None
    scalar = Interpreter(Graph([x], [x]), [(sum_(x, (0,)) > 1.0, np.True_)])
    assert scalar(np.zeros(3)) is None
    on_input = Interpreter(Graph([x], [x]), [(x, np.ones(3))])
    assert on_input(np.zeros(3)) is None
    assert on_input(np.ones(3)) is not None


def test_plans_pickle():
    x = input_node((3,), FLOAT64)
    plan = Interpreter(Graph([x], [exp(sin(x)), full((2,), 1.0)]), [(sum_(x, (0,)) > 0, np.True_)])
    back = pickle.loads(pickle.dumps(plan))
    data = np.array([0.1, 0.2, 0.3])
    for a, b in zip(plan(data), back(data), strict=True):
        np.testing.assert_array_equal(a, b)
    assert back(-data) is None


def test_threads_share_a_plan():
    x = input_node((N,), FLOAT64)
    y = x
    for _ in range(10):
        y = sin(y) * cos(y) + square(x)
    plan = Interpreter(Graph([x], [sum_(y, (0,))]))
    data = [np.full(N, 0.01 * k) for k in range(8)]
    expected = [plan(d)[0] for d in data]
    wrong = []

    def work(k):
        for _ in range(50):
            if plan(data[k])[0] != expected[k]:
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_free_inputs_are_refused():
    x, y = input_node((), FLOAT64), input_node((), FLOAT64)
    with pytest.raises(ValueError, match="free inputs"):
        Interpreter(Graph([x], [x + y]))


def test_nan_and_infinity_are_values_not_warnings(recwarn):
    x = input_node((4,), FLOAT64)
    outputs = [1.0 / x, exp(x), x * 0.0, make(multiply, (x, x))]
    data = np.array([0.0, 1000.0, np.inf, np.nan])
    with np.errstate(all="ignore"):
        expected = [1.0 / data, np.exp(data), data * 0.0, data * data]
    for got, wanted in zip(run([x], outputs, data), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert not recwarn.list


def test_random_graphs_agree_with_their_meaning():
    rng = np.random.default_rng(0)
    unary = [sin, cos, square, negative, exp]
    for trial in range(60):
        inputs = [input_node((40, 60), FLOAT64), input_node((60,), FLOAT64), input_node((40, 1), FLOAT64)]
        nodes = list(inputs)
        for _ in range(25):
            a, b = nodes[rng.integers(len(nodes))], nodes[rng.integers(len(nodes))]
            kind = rng.integers(6)
            if kind == 0:
                n = unary[rng.integers(4)](a)
            elif kind == 1:
                n = add(a, b)
            elif kind == 2:
                n = chain_product(sin(a), cos(b))
            elif kind == 3:
                n = where(a > b, a, b)
            elif kind == 4 and a.shape == (40, 60):
                n = (
                    update(a, [sum_(a, (0,))], [(3, (0, 60, 1))])
                    if trial % 2
                    else transpose(transpose(a, (1, 0)), (1, 0))
                )
            elif a.shape == (40, 60):
                n = assemble(a, [slice_(a, (2, (0, 60, 1)))], [(5, (0, 60, 1))])
            else:
                n = broadcast(a, (40, 60))
            nodes.append(n)
        outputs = [nodes[i] for i in rng.integers(3, len(nodes), 5)]
        arrays = [rng.normal(size=n.shape) * 0.1 for n in inputs]
        plan = Interpreter(Graph(inputs, outputs))
        for _ in range(2):
            expected = reference(outputs, dict(zip(inputs, arrays, strict=True)))
            for got, wanted in zip(plan(*arrays), expected, strict=True):
                np.testing.assert_allclose(got, wanted, rtol=1e-13)


def test_what_fails_on_a_branch_not_taken_does_not_fail():
    """In a rewritten graph the failing op may stand before the guard; yet the guard decides."""
    x, at = input_node((3,), FLOAT64), input_node((2,), INT64)
    taken = take(x, in_range(at, 3, 0), 0)  # made, and so computed, first
    guard = slice_(x, (0,)) > 0.0
    run = Interpreter(Graph([x, at], [taken]), [(guard, np.True_)])
    good, bad, up = np.array([0, 1]), np.array([0, 7]), np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(run(up, good)[0], up[:2])
    assert run(-up, good) is None and run(-up, bad) is None
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        run(up, bad)
    on_what_fails = Interpreter(Graph([x, at], [taken]), [(slice_(taken, (1,)) > 5.0, np.True_)])
    with pytest.raises(IndexError):
        on_what_fails(up, bad)
