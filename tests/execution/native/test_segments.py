"""Graphs with ops that native code lacks: native segments and NumPy by turns give what the interpreter gives."""

import ctypes
import pickle

import numpy as np
import pytest

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.execution.native import llvm, program
from thalweg.execution.native.segments import Segmented, joined
from thalweg.graph import FLOAT64, Graph, input_node, make
from thalweg.ops import elementwise as e
from thalweg.ops import gather, movement, reduce

rng = np.random.default_rng(3)
A = rng.normal(size=(40, 6))


def linked(built):
    return program.link(built, llvm.load(llvm.compile_ir(built.ir, min(built.level, 1))))


def argsort(x):
    return make(gather.ARGSORT, (x,), (x.ndim - 1,))


def sorted_(x):
    return gather.take_along(x, argsort(x), x.ndim - 1)


def middle(w):
    return np.sum(np.tanh(A @ w)) + np.prod(np.sort(np.sin(w))[:2]) + np.sum(np.sort(w * w)[1:] ** 2)


def spectrum(w):
    return np.sum(np.exp(np.linalg.eigvalsh((A.T * w) @ A))[:3]) * np.sum(np.tanh(w))


def singular(w):
    return np.sum(np.linalg.svd(np.reshape(w, (10, 4)), compute_uv=False) ** 3) * np.sum(np.tanh(w))


def twice_sorted(w):
    return np.sum(np.sort(np.cos(3 * np.sort(w)) * w) * np.arange(len(w)))


@pytest.mark.parametrize(("f", "n"), [(middle, 6), (spectrum, 40), (singular, 40), (twice_sorted, 30)])
def test_functions_and_gradients(f, n):
    x = rng.normal(size=n) / 5
    traced = tw.trace(tw.value_and_grad(f), x)
    graph = Graph(traced.inputs, traced.outputs)
    built = program.build(graph)
    assert isinstance(built, Segmented)
    run = linked(built)
    for given in (x, rng.normal(size=n) / 5):
        for found, wanted in zip(run(given), Interpreter(graph)(given), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


def test_stages_not_ops_make_segments():
    x = input_node((200,), FLOAT64)
    sums = [reduce.sum_(sorted_(e.sin(x * float(k))) * x, (0,)) for k in range(1, 9)]
    y = sum(sums[1:], sums[0])
    built = program.build(Graph([x], [y, sorted_(x * y)]))
    assert [s.graph is None for s in built.steps] == [True, False, True, False, True]
    given = rng.normal(size=200)
    for found, wanted in zip(linked(built)(given), Interpreter(Graph([x], [y, sorted_(x * y)]))(given), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_results_that_are_arguments_constants_views_and_foreign():
    x, y = input_node((4, 30), FLOAT64), input_node((), FLOAT64)
    z = e.exp(x) * y
    order = argsort(z)
    outputs = [x, movement.transpose(x, (1, 0)), y, movement.as_node(2.5), order, movement.transpose(order, (1, 0)),
               z, movement.slice_(z, (1, (0, 30, 7))), sorted_(z), reduce.sum_(z, (0,))]  # fmt: skip
    graph = Graph([x, y], outputs)
    given = rng.normal(size=(4, 30)), np.float64(-0.5)
    built = program.build(graph)
    assert isinstance(built, Segmented)
    results = linked(built)(*given)
    for found, wanted in zip(results, Interpreter(graph)(*given), strict=True):
        assert np.shape(found) == np.shape(wanted) and np.asarray(found).dtype == np.asarray(wanted).dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert not np.shares_memory(results[0], given[0]), "what is returned may be changed"


def test_guards_of_every_kind_of_segment():
    x = input_node((50,), FLOAT64)
    z = sorted_(e.sin(x) + x)
    first = argsort(z * z)
    guards = [
        (movement.slice_(x, (0,)) > 0, True),
        (reduce.sum_(e.sin(x) + x, (0,)) > -1e3, True),
        (movement.slice_(first, (0,)), np.int64(0)),
        (reduce.sum_(z * z, (0,)) < 1e3, True),
    ]
    graph = Graph([x], [reduce.sum_(e.exp(z), (0,))])
    run, interpreter = linked(program.build(graph, guards)), Interpreter(graph, guards)
    good = np.linspace(0.1, 2, 50)
    cases = [good, -good, np.r_[0.1, -good], np.r_[1.0, good + 30], np.r_[0.1, -good[1:], 0.0]]
    answers = []
    for given in (c[:50] for c in cases):
        found, wanted = run(given), interpreter(given)
        answers.append(found is None)
        assert (found is None) == (wanted is None)
        if wanted is not None:
            np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
    assert True in answers and False in answers


def test_what_does_not_fit_is_left_to_others():
    x = input_node((50,), FLOAT64)
    run = linked(program.build(Graph([x], [e.sin(sorted_(e.sin(x) * x))])))
    given = rng.normal(size=100)
    assert run(given[:50]) is not NotImplemented
    for wrong in (given, given[:50].astype(np.float32), list(given[:50])):
        assert run(wrong) is NotImplemented
    assert run() is NotImplemented
    strided = run(given[::2])
    assert strided is NotImplemented or np.array_equal(strided[0], run(given[::2].copy())[0])


def test_a_position_out_of_range_in_a_segment():
    x, i = input_node((50,), FLOAT64), input_node((3,), np.dtype(np.int64))
    y = gather.take(sorted_(e.sin(x)), gather.in_range(i, 50, 0), 0)
    graph = Graph([x, i], [y * y])
    run = linked(program.build(graph))
    given = rng.normal(size=50)
    np.testing.assert_allclose(run(given, np.array([0, -1, 7]))[0], Interpreter(graph)(given, np.array([0, -1, 7]))[0])
    assert run(given, np.array([0, 50, 7])) is NotImplemented


def test_a_failing_factorization_raises():
    f = tw.grad(lambda a: np.sum(np.sort(np.linalg.cholesky(a + a.T))), native=True)
    traced = tw.trace(tw.value_and_grad(lambda a: np.sum(np.sort(np.linalg.cholesky(a + a.T)) ** 2)), np.eye(30))
    run = linked(program.build(Graph(traced.inputs, traced.outputs)))
    assert np.shape(run(np.eye(30))[1]) == (30, 30)
    try:
        assert run(-np.eye(30)) is NotImplemented
    except np.linalg.LinAlgError:
        pass
    with pytest.raises(np.linalg.LinAlgError):
        f(-np.eye(30))


def test_almost_nothing_native_is_not_worth_it():
    x = input_node((50,), FLOAT64)
    assert program.build(Graph([x], [argsort(x)])) is None
    assert program.build(Graph([x], [argsort(e.sin(x))])) is None


def test_pickles():
    x = input_node((50,), FLOAT64)
    built = program.build(Graph([x], [e.sin(sorted_(e.sin(x) * x))]))
    code = llvm.compile_ir(built.ir, 0)
    copy = pickle.loads(pickle.dumps(built))
    given = rng.normal(size=50)
    found = [program.link(p, llvm.load(code))(given)[0] for p in (built, copy)]
    np.testing.assert_array_equal(*found)


def test_in_tiers(monkeypatch):
    monkeypatch.setenv("THALWEG_NATIVE", "always")
    f = tw.value_and_grad(middle)
    x = rng.normal(size=6)
    once, again = f(x), f(x)
    monkeypatch.setenv("THALWEG_NATIVE", "0")
    wanted = tw.value_and_grad(middle)(x)
    for found in (once, again):
        np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
        np.testing.assert_allclose(found[1], wanted[1], rtol=1e-12)


def test_modules_are_joined():
    text = (
        "declare double @sin(double) #0\n@c0 = constant double {0}\n"
        "define double @f() #1 {{\n%x = load double, ptr @c0\n"
        "%y = call double @sin(double %x) #0\nret double %y\n}}\n"
        "attributes #0 = {{ nounwind }}\nattributes #1 = {{ {1} }}\n"
    )
    texts = [text.format("1.0", "noinline"), text.format("2.0", "nounwind")]
    code = llvm.load(llvm.compile_ir(joined(texts), 1))
    for k, x in enumerate((1.0, 2.0)):
        found = ctypes.CFUNCTYPE(ctypes.c_double)(code.address(f"f.{k}"))()
        np.testing.assert_allclose(found, np.sin(x), rtol=1e-15)
