"""The tier switch: counted, compiled, tried, kept or given up. Times are those of a clock that the tests turn."""

import os
import pickle
import subprocess
import sys
import threading
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

import thalweg
from thalweg.errors import NativeCodeWarning
from thalweg.execution import price, tiers
from thalweg.execution.interpreter import Interpreter
from thalweg.execution.native import cache, compilation, llvm
from thalweg.execution.tiers import Executable
from thalweg.graph import FLOAT64, OPS, Graph, constant, input_node

X = np.array([0.5, 2.0, 3.0])


def square_graph(shape=(3,)):
    x = input_node(shape, FLOAT64)
    return Graph([x], [x * x + 1.0])


class Clock:
    """Seconds that pass only when something is run."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Program:
    def __init__(self, ir, level, size):
        self.ir = ir
        self.level = level
        self.size = size


class Compiler:
    """A compiler whose code is Python's: it counts what is asked of it and lets the clock run."""

    def __init__(self, clock):
        self.clock = clock
        self.built = self.linked = self.calls = 0
        self.seconds = 1.0  # to compile
        self.speed = 0.001  # a call
        self.able = True
        self.error = None

    def build(self, graph, guards):
        self.built += 1
        self.clock.now += self.seconds
        if self.error is not None:
            raise self.error
        return Program("define void @f() { ret void }", 0, len(graph.nodes)) if self.able else None

    def link(self, program, code):
        self.linked += 1
        assert code.address("f")
        assert program.size > 0

        def entry(*arrays):
            self.calls += 1
            self.clock.now += self.speed
            if not all(type(a) is np.ndarray and a.dtype == FLOAT64 and a.flags.c_contiguous for a in arrays):
                return NotImplemented
            if arrays[0].size and arrays[0].flat[0] < 0:
                return None  # a guard
            return tuple([a * a + 1.0 for a in arrays])

        return entry


class Slow(Interpreter):
    """An interpreter that takes a hundredth of a second by the clock of the test."""

    clock: Clock
    speed = 0.01
    calls = 0

    def __call__(self, *arrays):
        Slow.calls += 1
        Slow.clock.now += Slow.speed
        return super().__call__(*arrays)


@pytest.fixture
def compiler(monkeypatch):
    clock = Clock()
    fake = Compiler(clock)
    monkeypatch.setattr(tiers, "perf_counter", clock)
    monkeypatch.setattr(compilation, "perf_counter", clock)
    monkeypatch.setattr(compilation, "compiler", lambda: fake)
    monkeypatch.setattr(tiers, "Interpreter", Slow)
    monkeypatch.setattr(Slow, "clock", clock, raising=False)
    monkeypatch.setattr(Slow, "speed", 0.01)
    monkeypatch.setattr(Slow, "calls", 0)
    monkeypatch.setattr(price, "compile_seconds", lambda graph: 1.0)
    monkeypatch.delenv("THALWEG_NATIVE", raising=False)
    return fake


def check(values):
    np.testing.assert_array_equal(values[0], X * X + 1)


# --- the switch ---


def test_it_is_compiled_when_interpreting_has_cost_as_much_as_compiling_will(compiler):
    run = Executable(square_graph())
    calls = 0
    while compiler.built == 0:
        assert run.spent < 1.0
        assert not run.native
        check(run(X))
        calls += 1
    assert 100 <= calls <= 103  # a hundredth of a second each; a few are not timed
    assert run.spent == pytest.approx(1.0, abs=0.02)
    check(run(X))  # on trial: faster
    assert run.native
    interpreted = Slow.calls
    for _ in range(5):
        check(run(X))
    assert (Slow.calls, compiler.built, compiler.linked) == (interpreted, 1, 1)
    check(run.settled(X))
    check(run.entry(X))


def test_short_calls_are_timed_seldom_but_counted_in_full(compiler, monkeypatch):
    monkeypatch.setattr(Slow, "speed", 1e-4)
    run = Executable(square_graph())
    while compiler.built == 0:
        check(run(X))
    assert 0.98e4 <= Slow.calls <= 1.02e4


def test_code_that_is_slower_is_given_up(compiler):
    compiler.speed = 0.02
    run = Executable(square_graph())
    while compiler.built == 0:
        check(run(X))
    for _ in range(19):
        check(run(X))
        assert run.settled is None
    check(run(X))
    assert (run.native, run.entry) == (False, None)
    calls = compiler.calls
    for _ in range(5):
        check(run(X))
    assert (compiler.calls, compiler.built) == (calls, 1)


def test_code_that_is_hardly_slower_stays(compiler):
    compiler.speed = 0.0105
    run = Executable(square_graph())
    for _ in range(140):
        check(run(X))
    assert run.native


def test_a_price_that_has_risen_is_waited_for(compiler, monkeypatch):
    run = Executable(square_graph())
    for _ in range(50):
        check(run(X))
    monkeypatch.setattr(price, "compile_seconds", lambda graph: 2.0)
    for _ in range(100):
        check(run(X))
    assert compiler.built == 0
    for _ in range(60):
        check(run(X))
    assert run.native


def test_what_cannot_be_native_stays_interpreted(compiler):
    compiler.able = False
    run = Executable(square_graph())
    for _ in range(300):
        check(run(X))
    assert (run.native, compiler.built, Slow.calls) == (False, 1, 300)
    assert run.compile_now() is False


def test_a_fault_of_the_compiler_is_told_once_and_interpreted(compiler):
    compiler.error = llvm.CompilationError("line 3: nonsense")
    run = Executable(square_graph())
    with pytest.warns(NativeCodeWarning, match="line 3: nonsense") as found:
        for _ in range(300):
            check(run(X))
    assert len(found) == 1
    assert (run.native, compiler.built) == (False, 1)


def test_compile_now(compiler):
    run = Executable(square_graph())
    assert run.compile_now() is True
    check(run(X))
    assert (Slow.calls, compiler.calls, run.spent) == (0, 1, 0.0)
    assert run.compile_now() is True
    assert compiler.built == 1


def test_compile_now_raises_a_fault(compiler):
    compiler.error = llvm.CompilationError("line 3: nonsense")
    run = Executable(square_graph())
    with pytest.raises(llvm.CompilationError, match="nonsense"):
        run.compile_now()
    check(run(X))


def test_compile_now_in_the_middle_of_counting_and_of_a_trial(compiler):
    counting, trying = Executable(square_graph()), Executable(square_graph())
    check(counting(X))
    assert counting.compile_now()
    compiler.speed = 0.02
    while compiler.built < 2:
        check(trying(X))
    check(trying(X))
    assert not trying.native
    assert trying.compile_now()
    assert compiler.built == 2
    check(trying(X))


def test_always(compiler, monkeypatch):
    monkeypatch.setenv("THALWEG_NATIVE", "always")
    run = Executable(square_graph())
    check(run(X))
    assert run.native
    assert Slow.calls == 0


# --- the results ---


def test_arguments_are_brought_into_form(compiler):
    run = Executable(square_graph())
    run.compile_now()
    for x in (X.astype(np.float32), np.repeat(X, 2)[::2], X.astype(">f8"), np.array([1, 2, 3])):
        np.testing.assert_array_equal(run(x)[0], x.astype(float) ** 2 + 1)
    scalar = Executable(square_graph(()))
    scalar.compile_now()
    assert scalar(np.float64(3.0))[0] == 10.0
    assert scalar.values(3.0)[0] == 10.0


def test_a_guard_answers_none_in_both_tiers(compiler):
    x = input_node((3,), FLOAT64)
    question = OPS["greater"](x, constant(np.zeros(3)))
    graph, guards = Graph([x], [x * x + 1.0]), [(question, np.array([True, True, True]))]
    run = Executable(graph, guards)
    assert run(-X) is None
    check(run(X))
    while compiler.built == 0:
        check(run(X))
    for _ in range(30):
        assert run(-X) is None  # tells nothing of the speed
    assert run.settled is None
    check(run(X))
    assert run.native
    assert run(-X) is None
    check(run(X))


def test_free_inputs_are_refused():
    x, y = input_node((), FLOAT64), input_node((), FLOAT64)
    with pytest.raises(ValueError, match="free inputs"):
        Executable(Graph([x], [x + y]))(1.0)


# --- switched off, or impossible ---


@pytest.mark.parametrize("argument, variable", [(False, None), (None, "0"), (True, "0"), (False, "always")])
def test_switched_off(compiler, monkeypatch, argument, variable):
    if variable is not None:
        monkeypatch.setenv("THALWEG_NATIVE", variable)
    assert tiers.native_enabled(argument) is False
    run = Executable(square_graph(), native=argument)
    for _ in range(300):
        check(run(X))
    assert run.compile_now() is False
    assert (compiler.built, Slow.calls) == (0, 300)


@pytest.mark.parametrize("argument, variable", [(None, None), (True, None), (None, ""), (None, "1")])
def test_switched_on(monkeypatch, argument, variable):
    monkeypatch.delenv("THALWEG_NATIVE", raising=False)
    if variable is not None:
        monkeypatch.setenv("THALWEG_NATIVE", variable)
    assert tiers.native_enabled(argument) is True


def test_without_llvm_one_warning_and_the_interpreter(compiler, monkeypatch):
    monkeypatch.setattr(llvm, "_started", lambda: OSError("libllvmlite.so: no such file"))
    monkeypatch.setattr(llvm, "_warned", False)
    several = [Executable(square_graph()) for _ in range(3)]
    with pytest.warns(NativeCodeWarning, match=r"libllvmlite\.so: no such file") as found:
        for run in several:
            for _ in range(150):
                check(run(X))
            assert not run.native
    assert len(found) == 1
    assert compiler.built == 0


# --- threads ---


def test_one_thread_compiles_and_the_others_go_on(compiler, monkeypatch):
    """The compiler waits for other threads to have called: it would wait for ever if they had to wait for it."""
    run = Executable(square_graph())
    while run.spent < 0.97:
        check(run(X))
    inside, called = threading.Event(), threading.Event()
    build = compiler.build

    def waiting(graph, guards):
        inside.set()
        assert called.wait(20)
        return build(graph, guards)

    monkeypatch.setattr(compiler, "build", waiting)

    def until_native():
        while not run.native:
            check(run(X))

    first = threading.Thread(target=until_native)
    first.start()
    assert inside.wait(20)
    for _ in range(50):
        check(run(X))
    assert not run.native
    called.set()
    first.join(20)
    assert run.native
    assert compiler.built == 1


def test_many_threads_during_the_switch(compiler):
    wrong = []
    several = [Executable(square_graph((n,))) for n in range(1, 6)]

    def work():
        for _ in range(120):
            for n, run in enumerate(several, 1):
                x = np.full(n, 2.0)
                found = run(x)
                if not np.array_equal(found[0], np.full(n, 5.0)):
                    wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []
    assert all(run.native for run in several)
    assert compiler.built == 5


# --- pickling ---


def test_pickled_by_graph_in_every_tier(compiler):
    for settle in (False, True):
        for native in (None, False):
            run = Executable(square_graph(), native=native)
            check(run(X))
            if settle:
                run.compile_now()
            again = pickle.loads(pickle.dumps(run))
            assert not again.native
            check(again(X))
            assert again.compile_now() is (native is None)


def test_pickles_keep_guards(compiler):
    x = input_node((), FLOAT64)
    run = Executable(Graph([x], [x * x + 1.0]), [(OPS["greater"](x, constant(np.float64(0.0))), True)])
    again = pickle.loads(pickle.dumps(run))
    assert again(2.0)[0] == 5.0
    assert again(-2.0) is None


# --- on disk ---


@pytest.fixture
def disk(monkeypatch, tmp_path):
    monkeypatch.setenv("THALWEG_CACHE_DIR", str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_code_is_kept_once_it_has_shown_to_be_faster(compiler, disk):
    run = Executable(square_graph())
    while compiler.built == 0:
        check(run(X))
    assert cache.info().entries == 0
    check(run(X))
    assert cache.info().entries == 1
    later = Executable(square_graph())
    check(later(X))
    assert later.native
    assert compiler.built == 1


def test_code_that_is_given_up_is_not_kept(compiler, disk):
    compiler.speed = 0.02
    run = Executable(square_graph())
    for _ in range(150):
        check(run(X))
    assert compiler.built == 1
    assert cache.info().entries == 0


def test_a_damaged_entry_is_compiled_again(compiler, disk):
    Executable(square_graph()).compile_now()
    (entry,) = disk.iterdir()
    content = entry.read_bytes()
    for damaged in (content[:-10], content[:200] + b"\0" * (len(content) - 200), b""):
        entry.write_bytes(damaged)
        run = Executable(square_graph())
        check(run(X))
        assert not run.native
        assert run.compile_now()
        assert entry.read_bytes() == content
    assert compiler.built == 4


@pytest.mark.parametrize("what", ["another CPU", "another Thalweg", "a missing function"])
def test_code_of_another_machine_is_compiled_again(compiler, disk, monkeypatch, what):
    Executable(square_graph()).compile_now()
    if what == "another CPU":
        monkeypatch.setattr(llvm, "cpu", lambda: "of tomorrow")
    elif what == "another Thalweg":
        monkeypatch.setattr(sys.modules[__name__], "Program", None)  # what was pickled cannot be read
    else:
        monkeypatch.setattr(llvm, "resolves", lambda name: False)
        monkeypatch.setattr(llvm, "missing", lambda object_code: ["absent"])
        monkeypatch.setattr(llvm, "load", refuse)
    run = Executable(square_graph())
    check(run(X))
    assert not run.native


def refuse(object_code):
    raise llvm.LinkError("this process has no function absent")


def test_switched_off_the_disk_is_left_alone(compiler, disk):
    Executable(square_graph()).compile_now()
    run = Executable(square_graph(), native=False)
    check(run(X))
    assert not run.native


def test_a_key_that_takes_long_waits_until_it_pays(compiler, disk, monkeypatch):
    Executable(square_graph()).compile_now()
    monkeypatch.setattr(compilation, "key_seconds", lambda graph: 0.3)
    run = Executable(square_graph())
    while not run.native:
        assert run.spent < 0.35
        check(run(X))
    assert run.spent >= 0.3
    assert compiler.built == 1


def test_the_arrays_of_a_graph_are_not_written(compiler, disk, monkeypatch):
    """They are part of the key; another process takes them from its own graph."""
    data = np.random.default_rng(0).normal(size=100_000)

    def graph():
        x = input_node(data.shape, FLOAT64)
        return Graph([x], [x * constant(data.copy())])

    def build(graph, guards):
        program = Program("define void @f() { ret void }", 0, 1)
        program.constants = [n.value for n in graph.nodes if n.value is not None]
        return program

    def link(program, code):
        return lambda x: (x * program.constants[0],)

    monkeypatch.setattr(compiler, "build", build)
    monkeypatch.setattr(compiler, "link", link)
    Executable(graph()).compile_now()
    assert cache.info().bytes < 20_000
    run = Executable(graph())
    np.testing.assert_array_equal(run(np.full(data.shape, 2.0))[0], 2 * data)
    assert run.native


# --- the real compiler ---

HOT = """
import sys, warnings
warnings.simplefilter("error")
import numpy as np
import thalweg as tw
from thalweg.execution.tiers import Executable
from thalweg.graph import Graph

def rosenbrock(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(299))

x = np.linspace(0.2, 1.1, 300)
traced = tw.trace(tw.grad(rosenbrock), x)
run = Executable(Graph(traced.inputs, traced.outputs))
found = run(x)[0]
first = run.native
assert "llvmlite" not in sys.modules or first
if not first:
    run.compile_now()
again = run(x)[0]
expected = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
expected = np.append(expected, 0) + np.append(0, 200 * (x[1:] - x[:-1] ** 2))
for values in (found, again):
    np.testing.assert_allclose(values, expected, rtol=1e-13)
print(first, run.native)
"""


def test_a_quick_call_does_not_start_llvm_to_look_on_disk(tmp_path):
    code = HOT.replace("range(299)", "range(5)").replace("1.1, 300", "1.1, 6").replace("if not first:", "if 0:")
    code = code.replace(
        "again = run(x)[0]", "again = [run(x)[0] for _ in range(1000)][-1]\nassert 'llvmlite' in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(thalweg.__file__).parent.parent)}
    environment |= {"THALWEG_CACHE_DIR": str(tmp_path / "kept")}
    environment.pop("THALWEG_NATIVE", None)
    kept = code.replace("if 0:", "if 1:")
    for program, expected in ((kept, ["False", "True"]), (code, ["False", "True"])):
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.stderr == ""
        assert done.stdout.split() == expected


def test_the_second_process_is_native_from_the_first_call(tmp_path):
    source = str(Path(thalweg.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": source, "THALWEG_CACHE_DIR": str(tmp_path / "kept")}
    environment.pop("THALWEG_NATIVE", None)

    def process(**changes):
        done = subprocess.run(
            [sys.executable, "-c", HOT], env={**environment, **changes}, capture_output=True, text=True, timeout=60
        )
        assert done.stderr == ""
        return done.stdout.split()

    assert process() == ["False", "True"]
    assert process() == ["True", "True"]
    assert process(THALWEG_NATIVE="0") == ["False", "False"]
    assert process(THALWEG_CACHE_DIR="/dev/null/nowhere") == ["False", "True"]


def test_native_and_interpreted_agree_on_every_output():
    x, y = input_node((4, 3), FLOAT64), input_node((), FLOAT64)
    graph = Graph([x, y], [x * y, OPS["exp"](x) - y, y * y, x])
    a, b = np.linspace(-2, 2, 12).reshape(4, 3), np.float64(0.7)
    run = Executable(graph)
    expected = Interpreter(graph).values(a, b)
    with warnings.catch_warnings():
        warnings.simplefilter("error", NativeCodeWarning)
        assert run.compile_now()
    for arguments in ((a, b), (np.asfortranarray(a), 0.7), (a[::-1][::-1], np.array(0.7))):
        found = run(*arguments)
        for u, v in zip(found, expected, strict=True):
            assert (np.shape(u), np.asarray(u).dtype) == (np.shape(v), np.asarray(v).dtype)
            np.testing.assert_allclose(u, v, rtol=1e-15)
    np.testing.assert_array_equal(run(np.ones((4, 3)), 1.0)[0], 1.0)
    assert not np.shares_memory(run(a, b)[3], a)


def test_the_module_of_a_compiler_has_the_two_functions():
    found = compilation.compiler()
    assert isinstance(found, types.ModuleType)
    assert callable(found.build) and callable(found.link)


def test_what_costs_more_to_interpret_once_than_to_compile_is_compiled_first(monkeypatch):
    x = input_node((50,), FLOAT64)
    graph = Graph([x], [x * 2.0 + 1.0])
    monkeypatch.setattr(tiers.price, "interpreting_seconds", lambda graph: 1e9)
    execute = Executable(graph)
    np.testing.assert_array_equal(execute.values(np.ones(50))[0], np.full(50, 3.0))
    assert execute.native
    assert execute.spent == 0.0


def test_reproducible_chooses_before_the_first_call_by_sizes_alone(compiler):
    small, large = square_graph(), square_graph((200_000,))
    with tiers.reproducible(5):
        few = Executable(small)
        few(X)
    with tiers.reproducible(10_000):
        many = Executable(large)
        many(np.ones(200_000))
    for _ in range(1000):
        few(X)
        many(np.ones(200_000))
    assert (few.native, few.reason, few.spent) == (False, "few calls", 0.0)
    assert (many.native, many.reason, many.spent) == (True, "compiled", 0.0)


def test_reproducible_does_not_depend_on_what_was_learned_or_kept(compiler, monkeypatch, disk):
    graph = square_graph((100,))

    def reason(calls):
        with tiers.reproducible(calls):
            run = Executable(graph)
            run(np.ones(100))
        return run.native

    before = [reason(10**k) for k in range(9)]
    monkeypatch.setitem(price._factors, False, 100.0)
    assert [reason(10**k) for k in range(9)] == before
    assert before == sorted(before) and set(before) == {False, True}


def test_outside_of_reproducible_nothing_has_changed(compiler):
    with tiers.reproducible(1):
        pass
    run = Executable(square_graph())
    run(X)
    assert run.settled is None
