"""What a plan tells, against what is counted by hand, against the program that is compiled, and in every tier."""

import re

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError, NativeCodeWarning
from thalweg.execution.native import llvm, plan_text, program
from thalweg.execution.native.plan import Plan, Step
from thalweg.execution.tiers import Executable

FILE = "test_plan.py"


@pytest.fixture(autouse=True)
def free_to_compile(monkeypatch):
    monkeypatch.delenv("THALWEG_NATIVE", raising=False)


def steps(plan):
    """All steps, also those within tiles, but not the tiles themselves."""
    for s in plan.steps:
        yield from s.steps or (s,)


def executable(f, *args):
    """What stands behind the plan of a transformed function."""
    (traces,) = f._cache.values()
    return traces.entries[0].execute


def squares(x):
    return np.sum(np.sin(x) ** 2)


def mixture(means, x):
    d = np.sum((x[:, None] - means) ** 2, axis=2)
    return np.sum(np.log(np.sum(np.exp(-d), axis=1)))


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def spectrum(a):
    w, v = np.linalg.eigh(a @ a.T)
    return np.sum(np.log(w + 1)) + np.sum(np.tanh(v))


def pendulum(p):
    y = np.array([1.0, 0.0])
    for _ in range(1500):
        y = y + 0.01 * np.array([y[1], -p[0] * np.sin(y[0]) - p[1] * y[1]])
    return y @ y


CASES = {
    "squares": (squares, (np.linspace(0, 1, 1000),)),
    "one number": (lambda x: np.exp(x) * x, (1.0,)),
    "mixture": (mixture, (np.zeros((5, 3)), np.ones((20_000, 3)))),
    "rosenbrock": (rosenbrock, (np.zeros(10),)),
    "long rosenbrock": (rosenbrock, (np.zeros(300_000),)),
    "spectrum": (spectrum, (np.diag(np.arange(1.0, 21)),)),
    "pendulum": (pendulum, (np.ones(2),)),
    "running": (lambda x: np.sum(np.cumsum(x) ** 2), (np.ones(500),)),
    "positions": (lambda x: np.sum(x[np.array([3, 3, 1])] ** 2), (np.ones(50),)),
    "constant": (lambda x: 3.0, (np.ones(3),)),
}


# --- what is counted


def test_a_loop_counts_its_operations_and_its_bytes():
    plan = tw.trace(squares, np.zeros(1000)).plan()
    (step,) = plan.steps
    assert (step.kind, plan.flop) == ("loop", 3000)  # a sine, a square and an addition for each
    assert plan.bytes == 8 * 1000 + 8  # x is read, one number written
    assert plan.arrays == plan.scratch_bytes == plan.conditions == 0
    assert step.what == "over 1000: sin, square → sum over all"


def test_the_gradient_is_one_pass():
    plan = tw.grad(squares).plan(np.zeros(1000))
    (step,) = plan.steps
    assert step.kind == "loop" and plan.bytes == 16_000


def test_numbers_are_straight_line_code():
    (step,) = tw.trace(lambda x: np.exp(x) * x + 2.0, 1.5).plan().steps
    assert (step.kind, step.flop, step.bytes) == ("numbers", 3, 16)


def test_float32_moves_half():
    x = np.zeros(1000, np.float32)
    assert tw.grad(squares).plan(x).bytes == 8_000


@pytest.mark.parametrize("m, k, n", [(7, 5, 3), (600, 500, 400)])
def test_a_product_counts_two_a_term(m, k, n):
    plan = tw.trace(lambda a, b: a @ b, np.zeros((m, k)), np.zeros((k, n))).plan()
    (step,) = steps(plan)
    assert step.flop == 2 * m * k * n
    assert step.what.startswith(f"{m} × {k} by {k} × {n}") or plan.steps[0].kind == "tiles"


def test_a_product_is_told_as_it_is_written():
    """BLAS is named where the text of the program calls it, and nowhere else."""
    for size in (4, 1000):
        f = tw.trace(lambda a, b: a @ b, np.zeros((size, size)), np.zeros((size, size)))
        written = program.build(f)
        assert ("gemm" in written.ir) == any("gemm" in s.kind for s in steps(f.plan()))


def test_a_stack_of_products():
    (step,) = tw.trace(lambda a, b: a @ b, np.zeros((6, 3, 4)), np.zeros((6, 4, 2))).plan().steps
    assert step.flop == 2 * 6 * 3 * 4 * 2 and step.what == "3 × 4 by 4 × 2, 6 times → the result"


def test_gathered_elements_are_counted_not_the_whole():
    plan = tw.trace(lambda x: np.sum(x[np.array([3, 3, 1])]), np.zeros(100_000)).plan()
    assert plan.bytes < 200


@pytest.mark.parametrize("name", CASES)
def test_memory_is_that_of_the_program(name):
    f, args = CASES[name]
    g = tw.value_and_grad(f)
    plan = g.plan(*args)
    found = executable(g)
    built = program.build(found.graph, found.guards)
    if isinstance(built, program.Program):
        assert plan.scratch_bytes == built.scratch_bytes
    assert plan.native and plan.steps


def test_tiles_say_what_never_exists_as_a_whole():
    x = np.ones((100_000, 16))
    plan = tw.value_and_grad(mixture).plan(np.zeros((10, 16)), x)
    (tiles,) = [s for s in plan.steps if s.kind == "tiles"]
    assert re.match(r"100000 rows in \d+ parts of \d+, on \d+ threads?", tiles.what)
    assert plan.in_tiles > 0 and plan.arrays == 0
    assert plan.scratch_bytes < 8 * 100_000 * 10  # the distances alone
    assert plan.bytes < 3 * x.nbytes
    assert tiles.flop == sum(s.flop for s in tiles.steps)


def test_lines_are_those_of_the_user():
    first = mixture.__code__.co_firstlineno
    plan = tw.value_and_grad(mixture).plan(np.zeros((5, 3)), np.ones((20_000, 3)))
    lines = {line for s in steps(plan) for line in s.lines}
    assert {n for file, n in lines if file.endswith(FILE)} == {first + 1, first + 2}
    assert f"{FILE}:" in str(plan)


def test_numpy_between_segments_is_named():
    plan = tw.grad(spectrum).plan(np.diag(np.arange(1.0, 21)))
    kinds = [s.kind for s in plan.steps]
    assert "loop" in kinds and kinds.count("NumPy") >= 1
    assert any(s.what.startswith("eigh of 20 × 20") for s in plan.steps if s.kind == "NumPy")
    assert sum("the result" in s.what for s in plan.steps) == 1


def test_conditions_are_counted():
    def f(x):
        return np.sum(x) if x[0] > 0 else x @ x

    g = tw.grad(f)
    assert g.plan(np.ones(3)).conditions == 1
    assert "1 condition" in str(g.plan(np.ones(3)))
    # the other way is another trace, and the first is found again
    assert g.plan(-np.ones(3)).steps != g.plan(np.ones(3)).steps


# --- where it is asked


def test_nothing_is_computed_and_the_trace_is_kept():
    f = tw.grad(lambda x: np.sum(x**2))
    f.plan(np.ones(3))
    first = executable(f)
    f.plan(np.zeros(3))
    assert executable(f) is first and first.spent == 0.0
    np.testing.assert_array_equal(f(np.ones(3)), [2.0, 2, 2])
    assert executable(f) is first and first.spent > 0.0


def test_nested_arguments_keywords_and_other_transforms():
    def loss(p, scale=1.0):
        return scale * np.sum((p["w"] * 2 + p["b"]) ** 2)

    p = {"w": np.ones(3), "b": 1.0}
    assert tw.value_and_grad(loss).plan(p, scale=2.0).signature.startswith("float64, float64[3], float64 →")
    for f in (tw.hessian(rosenbrock), tw.hessian(rosenbrock, sparse=True), tw.jacobian(np.sin), tw.batch(squares)):
        shape = (4, 30) if f.__name__.startswith("batch") else (30,)
        assert f.plan(np.ones(shape)).steps
    assert tw.hvp(rosenbrock).plan(np.ones(30), np.ones(30)).name == "hvp(rosenbrock)"


def test_batches():
    f = tw.batch(lambda x: np.sum(x) if x[0] > 0 else np.exp(x[0]) * x[1])
    x = np.array([[1.0, 2.0], [-1.0, 2.0]])
    before = f.plan(x)
    f(x)
    assert f.plan(x).steps == before.steps != f.plan(-x).steps
    with pytest.raises(ArgumentError, match="no examples"):
        f.plan(np.zeros((0, 2)))


def test_a_trace_of_no_function():
    with pytest.raises(ArgumentError, match="function"):
        tw.trace(3.0, np.zeros(2))


# --- tiers


def test_before_the_first_call_and_after_some(monkeypatch):
    f = tw.grad(squares)
    x = np.zeros(10)
    plan = f.plan(x)
    assert plan.tier == "counting" and "(0 s so far)" in plan.why and "as machine code:" in str(plan)
    f(x)
    spent = executable(f).spent
    assert spent > 0 and f.plan(x).why.endswith(f"({plan_text.seconds(spent)} so far)")
    assert plan_text.seconds(executable(f).estimate) in f.plan(x).why
    executable(f)._new = lambda *arrays: None
    assert f.plan(x).tier == "on trial"


def test_machine_code_and_where_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_CACHE_DIR", str(tmp_path / "codes"))
    f = tw.trace(squares, np.zeros(10))
    first = Executable(f)
    assert first.compile_now() and (first.plan().tier, first.reason) == ("native", "compiled")
    second = Executable(f)
    assert second.plan().tier == "on disk"
    for _ in range(3000):  # looked for on disk after some milliseconds of calls
        second(np.zeros(10))
    assert (second.plan().tier, second.reason) == ("native", "from disk")
    assert "earlier process" in str(second.plan())
    assert Executable(tw.trace(squares, np.zeros(11))).plan().tier == "counting"


def test_switched_off(monkeypatch):
    plan = tw.grad(squares, native=False).plan(np.zeros(10))
    assert (plan.tier, plan.native) == ("interpreted", False) and "switched off" in plan.why
    assert {s.kind for s in plan.steps} == {"NumPy"}
    monkeypatch.setenv("THALWEG_NATIVE", "0")
    f = tw.grad(squares)
    before = f.plan(np.zeros(10))
    f(np.zeros(10))
    assert before.why == f.plan(np.zeros(10)).why == plan.why


def test_interpreted_steps_count_the_same_operations():
    x = (np.zeros((40, 30)), np.zeros((30, 20)))
    f = tw.trace(lambda a, b: np.sum(np.exp(a @ b)), *x)
    (product, exp, total) = Executable(f, native=False).plan().steps
    assert product.flop == 2 * 40 * 30 * 20 and exp.flop == total.flop == 800
    assert product.bytes == 8 * (1200 + 600 + 800)
    assert product.lines[0][0].endswith(FILE)


def test_without_llvm(monkeypatch):
    monkeypatch.setattr(llvm, "_started", lambda: OSError("no LLVM here"))
    monkeypatch.setattr(llvm, "_warned", False)
    with pytest.warns(NativeCodeWarning, match="no LLVM here"):
        plan = tw.grad(squares).plan(np.zeros(10))
    assert plan.tier == "interpreted" and "LLVM cannot start" in plan.why and plan.steps
    f = Executable(tw.trace(squares, np.zeros(10)))
    f._settle(None, "none")
    assert "LLVM cannot start" in f.plan().why


@pytest.mark.parametrize("reason, words", [("slower", "was slower"), ("none", "no machine code could be made")])
def test_given_up(reason, words):
    f = Executable(tw.trace(squares, np.zeros(10)))
    f._settle(None, reason)
    plan = f.plan()
    assert words in plan.why and not plan.native


def test_where_machine_code_does_not_pay():
    plan = tw.trace(lambda a: np.linalg.eigh(a)[0], np.eye(5)).plan()
    assert plan.tier == "interpreted" and "calls of NumPy" in plan.why
    assert [s.what for s in plan.steps] == ["eigh of 5 × 5"] or any("eig" in s.what for s in plan.steps)


# --- the text


@pytest.mark.parametrize("native", [None, False])
@pytest.mark.parametrize("name", CASES)
def test_it_fits_a_hundred_columns(name, native):
    f, args = CASES[name]
    plan = tw.value_and_grad(f, native=native).plan(*args)
    lines = str(plan).splitlines()
    assert max(map(len, lines)) <= 100 and not any(line != line.rstrip() for line in lines)
    assert len(lines) < 150
    assert plan.name in lines[0] and f"in all   {plan_text.quantity(plan.flop)}flop" in str(plan)


SHOWN = """\
grad(f): float64[1000,50] → float64[1000,50]
machine code, compiled in this process

step                                                               flop     moved  line
  1  loop        over 3: exp → 1 array                               3       48 B  model.py:7-8
  2  BLAS gemm   1000 × 50 by 50 × 1000; 2 such steps             200 M  16.8 MiB  model.py:9
  4  tiles       1000 rows, 100 at a time                        2.50 G  2.00 GiB
     · loop      over 100 × 50: multiply, multiply, multiply,    2.50 G  2.00 GiB
                 multiply, multiply, multiply, multiply,
                 multiply, add → the result

in all   2.70 Gflop, 2.02 GiB read and written
memory   121 KiB beside arguments and results: 3 arrays, and 1 a tile at a time (39.1 KiB a thread)
asks     2 conditions of Python's `if` at each call"""


def test_the_whole_text():
    plan = Plan(
        "grad(f)",
        "float64[1000,50] → float64[1000,50]",
        "native",
        "machine code, compiled in this process",
        True,
        (
            Step("loop", "over 3: exp → 1 array", 3, 48, (("/home/me/model.py", 7), ("/home/me/model.py", 8))),
            *[Step("BLAS gemm", "1000 × 50 by 50 × 1000", 100_000_000, 8_800_000, (("/home/me/model.py", 9),))] * 2,
            Step(
                "tiles", "1000 rows, 100 at a time", 2_500_000_000, 2**31, (),
                (Step("loop", "over 100 × 50: " + "multiply, " * 8 + "add → the result", 2_500_000_000, 2**31, ()),),
            ),
        ),
        conditions=2, arrays=3, scratch_bytes=123_456, in_tiles=1, tile_bytes=40_000, threads=2,
    )  # fmt: skip
    assert str(plan) == SHOWN
    assert repr(plan) == "<Plan of grad(f): native, 4 steps>"


def test_html_is_escaped():
    plan = tw.grad(lambda x: np.sum(np.exp(x))).plan(np.zeros(3))
    assert plan._repr_html_().startswith("<pre>grad(&lt;lambda&gt;)")


def test_many_steps_are_cut_short():
    many = tuple(Step("loop", f"over {k}: exp", k, k) for k in range(2000))
    shown = str(Plan("f", "", "native", "", True, many))
    assert "… and 1940 rows more; `steps` has all" in shown and len(shown.splitlines()) < 75


@pytest.mark.parametrize(
    "count, text",
    [(0, "0 "), (999, "999 "), (1000, "1.00 k"), (999_499, "999 k"), (999_500, "1.00 M"), (12_345_678, "12.3 M"),
     (2e9, "2.00 G"), (5e14, "500 T")],
)  # fmt: skip
def test_quantities(count, text):
    assert plan_text.quantity(count) == text


@pytest.mark.parametrize(
    "count, text", [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (3 << 20, "3.00 MiB"), (5 << 40, "5120 GiB")]
)
def test_bytes(count, text):
    assert plan_text.memory(count) == text


@pytest.mark.parametrize(
    "duration, text",
    [(0.0, "0 s"), (2e-8, "0.02 µs"), (3.21e-6, "3.2 µs"), (4.56e-3, "4.6 ms"), (0.1234, "123 ms"), (2.0, "2 s"),
     (250.0, "250 s")],
)  # fmt: skip
def test_seconds(duration, text):
    assert plan_text.seconds(duration) == text


def test_places():
    assert plan_text.places([("/a/b.py", 3), ("/a/b.py", 4), ("/a/b.py", 9)]) == "b.py:3-4,9"
    assert plan_text.places([("formula: x^2", 1)]) == "formula"
    assert plan_text.places([]) == ""
    assert plan_text.places([("/a/a_rather_long_name.py", 3)]) == "a_rather_long_na…"
    assert plan_text.places([(r"C:\me\m.py", 3), ("/x/n.py", 5)]) == "m.py:3, n.py:5"
