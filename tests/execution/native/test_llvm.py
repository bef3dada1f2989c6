"""IR text → object code → machine code: results, faults, symbols, vector functions, memory."""

import ctypes
import gc
import math
import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

import thalweg
from thalweg.execution.native import llvm

LEVELS = (0, 1, 2, 3)


def function(code, symbol, result, *arguments):
    call = ctypes.CFUNCTYPE(result, *arguments)(code.address(symbol))
    call.code = code
    return call


def compiled(text, symbol, result, *arguments, level=0):
    return function(llvm.load(llvm.compile_ir(text, level)), symbol, result, *arguments)


SQUARE_PLUS = """
define double @f(double %x, double %y) {
  %s = fmul double %x, %x
  %z = fadd double %s, %y
  ret double %z
}
"""


@pytest.mark.parametrize("level", LEVELS)
def test_code_computes_what_its_text_says(level):
    f = compiled(SQUARE_PLUS, "f", ctypes.c_double, ctypes.c_double, ctypes.c_double, level=level)
    assert f(3.0, 0.5) == 9.5


@pytest.mark.parametrize("level", LEVELS)
def test_products_and_sums_are_rounded_one_by_one(level):
    """x·x + y would be −ε² with one rounding (a fused multiply-add), and is 0 with two."""
    f = compiled(SQUARE_PLUS, "f", ctypes.c_double, ctypes.c_double, ctypes.c_double, level=level)
    x = 1 + 2.0**-30
    assert f(x, -(x * x)) == 0.0


def test_functions_of_the_mathematical_library_are_found():
    text = """
    declare double @exp(double)
    declare double @atan2(double, double)
    define double @f(double %x) {
      %e = call double @exp(double %x)
      %a = call double @atan2(double %e, double %x)
      ret double %a
    }"""
    f = compiled(text, "f", ctypes.c_double, ctypes.c_double)
    assert f(0.3) == pytest.approx(math.atan2(math.exp(0.3), 0.3), rel=1e-15)


# --- faults ---


def test_text_that_is_no_ir_is_refused_with_its_line():
    with pytest.raises(llvm.CompilationError, match=r":3:.*error: value doesn't match(.|\n)*ret i64 %wrong"):
        llvm.compile_ir("define i32 @f(i64 %wrong) {\nentry:\n  ret i64 %wrong\n}", 0)


def test_a_module_that_breaks_a_rule_is_refused():
    text = "define i32 @f() {\n  br label %x\nx:\n  %a = add i32 %b, 2\n  %b = add i32 1, 1\n  ret i32 %a\n}"
    with pytest.raises(llvm.CompilationError, match="does not dominate"):
        llvm.compile_ir(text, 0)


def test_code_that_needs_a_missing_function_is_refused():
    object_code = llvm.compile_ir("declare void @nowhere()\ndefine void @f() {\ncall void @nowhere()\nret void\n}", 0)
    assert llvm.missing(object_code) == ["nowhere"]
    with pytest.raises(llvm.LinkError, match="nowhere"):
        llvm.load(object_code)


@pytest.mark.parametrize("nonsense", [b"", b"\x7fELF", b"thalweg object"])
def test_what_is_no_object_code_is_refused(nonsense):
    with pytest.raises(llvm.LinkError, match="not object code"):
        llvm.load(nonsense)


def test_a_symbol_that_is_not_defined():
    with pytest.raises(llvm.LinkError, match="'g'"):
        llvm.load(llvm.compile_ir("define void @f() { ret void }", 0)).address("g")


# --- symbols ---


def test_external_functions_and_data_anywhere_in_memory():
    """Code, stack, heap and libraries lie terabytes apart; each is named by a symbol and reached."""
    doubled = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda x: 2 * x)
    numbers = np.array([1.0, 2.5])
    llvm.add_symbol("test_doubled", ctypes.cast(doubled, ctypes.c_void_p).value)
    llvm.add_symbol("test_numbers", numbers.ctypes.data)
    assert llvm.resolves("test_doubled")
    text = """
    declare double @test_doubled(double)
    @test_numbers = external global [2 x double]
    define double @f() {
      %p = getelementptr [2 x double], ptr @test_numbers, i64 0, i64 1
      %x = load double, ptr %p
      %y = call double @test_doubled(double %x)
      store double 7.0, ptr %p
      ret double %y
    }"""
    for level in LEVELS:
        numbers[1] = 2.5
        assert compiled(text, "f", ctypes.c_double, level=level)() == 5.0
        assert numbers[1] == 7.0


def test_symbols_near_the_two_ends_of_the_address_space():
    """Data below 4 GiB and far above it, whatever lies between: no relocation is cut off."""
    low, high = (1 << 16) + 8, (1 << 46) + 16
    llvm.add_symbol("test_low", low)
    llvm.add_symbol("test_high", high)
    text = """
    @test_low = external global i8
    @test_high = external global i8
    define i64 @f() { ret i64 ptrtoint (ptr @test_low to i64) }
    define i64 @g() { ret i64 ptrtoint (ptr @test_high to i64) }"""
    for level in LEVELS:
        code = llvm.load(llvm.compile_ir(text, level))
        assert function(code, "f", ctypes.c_int64)() == low
        assert function(code, "g", ctypes.c_int64)() == high


def test_a_symbol_may_be_given_another_address():
    """What is loaded keeps the address of its time."""
    text = "@test_moving = external global i8\ndefine i64 @f() { ret i64 ptrtoint (ptr @test_moving to i64) }"
    object_code = llvm.compile_ir(text, 0)
    found = []
    for address in (64, 128):
        llvm.add_symbol("test_moving", address)
        found.append(function(llvm.load(object_code), "f", ctypes.c_int64))
    assert [f() for f in found] == [64, 128]


# --- vector functions ---

LOOP = """
declare double @exp(double)
declare <4 x double> @test_exp4(<4 x double>)
@llvm.compiler.used = appending global [1 x ptr] [ptr @test_exp4], section "llvm.metadata"
define void @loop(ptr noalias %x, ptr noalias %y, i64 %n) #1 {
entry:
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %j, %next ]
  %p = getelementptr double, ptr %x, i64 %i
  %v = load double, ptr %p
  %w = call double @exp(double %v) #0
  %q = getelementptr double, ptr %y, i64 %i
  store double %w, ptr %q
  %j = add nuw nsw i64 %i, 1
  %more = icmp slt i64 %j, %n
  br i1 %more, label %next, label %done
done:
  ret void
}
attributes #0 = { nounwind willreturn memory(none) "vector-function-abi-variant"="_ZGV_LLVM_N4v_exp(test_exp4)" }
attributes #1 = { nounwind }
"""
FOUR = """
define <4 x double> @four(<4 x double> %x) {
  %y = fadd <4 x double> %x, <double 1.0, double 1.0, double 1.0, double 1.0>
  ret <4 x double> %y
}
"""


def test_a_loop_of_scalar_calls_becomes_a_loop_of_vector_calls():
    """The vector function adds 1 instead, so that the result shows which elements went through it."""
    four = llvm.load(llvm.compile_ir(FOUR, 0))
    llvm.add_symbol("test_exp4", four.address("four"))
    x = np.linspace(-1, 1, 11)
    for level, vectors in ((0, 0), (2, 8), (3, 8)):
        y = np.zeros(11)
        loop = compiled(LOOP, "loop", None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, level=level)
        loop(x.ctypes.data, y.ctypes.data, 11)
        np.testing.assert_allclose(y[:vectors], x[:vectors] + 1, rtol=1e-15)
        np.testing.assert_allclose(y[vectors:], np.exp(x[vectors:]), rtol=1e-15)


# --- as part of a process ---


def test_what_identifies_a_cpu_is_the_same_in_another_process():
    assert re.search(r"llvmlite-\d", llvm.cpu())
    assert fresh("from thalweg.execution.native import llvm; print(llvm.cpu())").stdout.strip() == llvm.cpu()


def test_threads_compile_and_run_at_once():
    failures = []

    def work(k):
        try:
            for i in range(6):
                text = f"define i64 @f{k}() {{ ret i64 {100 * k + i} }}"
                assert compiled(text, f"f{k}", ctypes.c_int64, level=i % 4)() == 100 * k + i
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


def test_code_may_be_dropped_in_any_order_and_in_cycles():
    for i in range(30):
        code = llvm.load(llvm.compile_ir(f"define i64 @f() {{ ret i64 {i} }}", 0))
        cycle = [code]
        cycle.append(cycle)
        del code, cycle
    gc.collect()


LEAKING = """
import resource, sys
from thalweg.execution.native import llvm

body = "\\n".join(f"%t{i} = fadd double %t{i - 1}, %x" for i in range(1, 25000))
body = f"%t0 = fmul double %x, %x\\n{body}\\nret double %t24999"
large = llvm.compile_ir(f"define double @f(double %x) {{\\n{body}\\n}}", 0)
assert len(large) > 100_000

def peak_after(count):
    for _ in range(count):
        llvm.load(large).address("f")
        llvm.compile_ir("define double @f(double %x) { %y = fadd double %x, %x ret double %y }", 3)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

before = peak_after(20)
print(peak_after(150) - before)
"""


def test_memory_is_given_back():
    """Each round loads 100 kB of code; the pass managers of a compilation take 30 kB. All 150: 20 MB."""
    assert int(fresh(LEAKING).stdout) < 2 << 20


# --- where LLVM cannot start ---


def fresh(program, **environment):
    """``program`` in a new process."""
    source = os.path.dirname(os.path.dirname(thalweg.__file__))
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": source, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


BROKEN = """
import sys, warnings
sys.modules["llvmlite"] = None  # as if it were not installed
from thalweg.execution.native import llvm
print(llvm.available(), llvm.available())
"""


def test_one_warning_says_why_there_is_no_native_code():
    done = fresh(BROKEN)
    assert done.stdout.split() == ["False", "False"]
    assert done.stderr.count("NativeCodeWarning") == 1
    assert "llvmlite" in done.stderr and "THALWEG_NATIVE=0" in done.stderr


def test_no_warning_where_native_code_is_not_wanted():
    done = fresh(BROKEN, THALWEG_NATIVE="0")
    assert (done.stdout.split(), done.stderr) == (["False", "False"], "")


def test_importing_thalweg_does_not_load_llvm():
    done = fresh("import sys, thalweg; print([m for m in sys.modules if 'llvmlite' in m or 'execution.native' in m])")
    assert done.stdout.strip() == "[]"
