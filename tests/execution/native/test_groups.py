"""Tiles and threads: results do not depend on their count, calls may come from several at once, nothing leaks."""

import gc
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

import thalweg as tw
from execution.native.random_graphs import linked, tiles_forced
from thalweg.execution.interpreter import Interpreter
from thalweg.execution.native import program, threads
from thalweg.execution.tiers import Executable
from thalweg.graph import FLOAT64, Graph, constant, input_node
from thalweg.ops import elementwise as e
from thalweg.ops import reduce
from thalweg.ops.contract import matmul

ROOT = Path(tw.__file__).parent.parent


def loss(w, x, y):
    """Products, a chain and sums over many rows: everything that is done in tiles."""
    h = np.tanh(x @ w[:40].reshape(8, 5))
    z = np.sum(h * w[40:45], 1) - y
    top = np.max(h, 1, keepdims=True)
    return np.sum(np.log1p(z * z)) + np.sum(np.log(np.sum(np.exp(h - top), 1)))


def task():
    rng = np.random.default_rng(1)
    return rng.normal(size=45), rng.normal(size=(20_000, 8)), rng.normal(size=20_000)


def bits():
    """The value and the gradient of `loss`, to the last bit; called in other processes, too."""
    w, x, y = task()
    t = tw.trace(tw.value_and_grad(loss), w, x, y)
    run = linked(program.build(Graph(t.inputs, t.outputs), t.guards), 3)
    results = {b"".join(np.asarray(v).tobytes() for v in run(w, x, y)).hex() for _ in range(5)}
    assert len(results) == 1  # the same from run to run
    return results.pop()


def test_results_do_not_depend_on_the_count_of_threads():
    code = "import sys; sys.path[:0] = sys.argv[1:]; from execution.native.test_groups import bits; print(bits())"
    found = set()
    for count in ("1", "2", "3"):
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), count)
        done = subprocess.run(
            [sys.executable, "-c", code, str(ROOT), str(Path(__file__).parents[2])],
            capture_output=True, text=True, timeout=120,
            env={**os.environ, **limits, "THALWEG_NUM_THREADS": count, "THALWEG_CACHE_DIR": ""},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found.add(done.stdout.strip())
    assert len(found) == 1


def test_large_work_is_done_in_tiles_by_threads(monkeypatch):
    monkeypatch.setattr(threads, "limit", lambda: 2)
    t = tw.trace(tw.value_and_grad(loss), *task())
    graph = Graph(t.inputs, t.outputs)
    built = program.build(graph, t.guards)
    assert "@thalweg_parallel" in built.ir
    sizes = sum(n.size * 8 for n in graph.nodes if n.args)
    assert built.scratch_bytes < sizes / 4
    for found, wanted in zip(linked(built, 1)(*task()), Interpreter(graph)(*task()), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


def test_small_work_is_not():
    t = tw.trace(tw.value_and_grad(loss), *(a[:45] for a in task()))
    assert "@thalweg_parallel" not in program.build(Graph(t.inputs, t.outputs), t.guards).ir


def test_empty_arrays_among_large_ones():
    """An array without elements has no rows, whatever its shape says."""
    x, empty, nothing = (input_node(shape, FLOAT64) for shape in ((40, 3), (40, 0), (0, 3)))
    y = e.tanh(x * 2)
    of_nothing = matmul(empty, nothing)
    graph = Graph([x, empty, nothing], [reduce.sum_(y * y, (0,)), y + of_nothing, of_nothing])
    given = np.linspace(-1, 1, 120).reshape(40, 3), np.empty((40, 0)), np.empty((0, 3))
    with tiles_forced():
        run = linked(program.build(graph))
    for found, wanted in zip(run(*given), Interpreter(graph)(*given), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_several_threads_call_one_program():
    """Scratch memory, threads of the pool and objects of Python are not mixed up between calls."""
    with tiles_forced():
        x = input_node((50, 7), FLOAT64)
        y = e.tanh(matmul(x, constant(np.random.default_rng(2).normal(size=(7, 7)))) + 1)
        graph = Graph([x], [reduce.sum_(y * y, (0,)), y, reduce.sum_(e.exp(y), (0, 1))])
        run = linked(program.build(graph), 1)
    rng = np.random.default_rng(3)
    given = [rng.normal(size=(50, 7)) for _ in range(6)]
    wanted = [Interpreter(graph)(a) for a in given]
    alone = [run(a) for a in given]
    wrong = []

    def work(k):
        for i in range(300):
            j = (k + i) % len(given)
            found = run(given[j])
            if not all(np.array_equal(f, s) for f, s in zip(found, alone[j], strict=True)):
                wrong.append((k, i))

    together(work, 6)
    assert not wrong
    for found, right in zip(alone, wanted, strict=True):
        for f, w in zip(found, right, strict=True):
            np.testing.assert_allclose(f, w, rtol=1e-13)


def together(work, count):
    started = [threading.Thread(target=work, args=(k,)) for k in range(count)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def test_an_executable_in_several_threads_while_it_is_compiled():
    x = input_node((200,), FLOAT64)
    run = Executable(Graph([x], [reduce.sum_(e.sin(x) * x, (0,)), e.exp(x)]))
    given = [np.linspace(0, k, 200) for k in range(1, 5)]
    wanted = [Interpreter(run.graph)(a) for a in given]
    wrong = []

    def work(k):
        for i in range(200):
            if k == 0 and i == 50:
                run.compile_now()
            found = run(given[(k + i) % 4])
            if not all(np.allclose(f, w, rtol=1e-12) for f, w in zip(found, wanted[(k + i) % 4], strict=True)):
                wrong.append((k, i))

    together(work, 4)
    assert not wrong and run.native


def test_compilations_and_calls_leave_nothing_behind():
    x = input_node((30,), FLOAT64)

    def one(k):
        run = linked(program.build(Graph([x], [reduce.sum_(e.sin(x * float(k)) + x, (0,)), x * float(k)])))
        for _ in range(50):
            run(np.ones(30))

    def most():
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    for k in range(40):
        one(k)
    before = most()
    for k in range(40, 190):
        one(k)
    assert most() - before < 150 * 20_000  # bytes; code alone takes 8 kB a program
