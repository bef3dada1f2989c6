"""Both ways into a compiled program, the direct one and the one through ctypes, by small programs written in IR."""

import gc
import itertools
import pickle
import sys
import threading
import time
import tracemalloc
import weakref

import numpy as np
import pytest

from thalweg.execution.native import entry, llvm, objects, signature
from thalweg.execution.native.module import Module

F64, F32, I64, BOOL = (np.dtype(t) for t in (np.float64, np.float32, np.int64, np.bool_))
DTYPES = (F64, F32, I64, BOOL)


def compiled(program, inputs, outputs, scratch=0, release_gil=False, failures=()):
    module = Module()
    module.define(program)
    entry.emit_entry(module, inputs, outputs, scratch, release_gil, failures)
    return llvm.load(llvm.compile_ir(module.text(), 0))


@pytest.fixture(params=["direct", "fallback"])
def way(request):
    if request.param == "direct":
        assert objects.supported()  # on the machines where these tests run
        return entry.callable
    return entry.fallback


def copies(specs):
    """A program that copies every input to the output of the same place."""
    lines = ["declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
             "define internal i32 @program(ptr %inputs, ptr %outputs, ptr %scratch) {"]  # fmt: skip
    for k, (shape, dtype) in enumerate(specs):
        lines += [
            f"%from{k} = getelementptr ptr, ptr %inputs, i64 {k}",
            f"%to{k} = getelementptr ptr, ptr %outputs, i64 {k}",
            f"%source{k} = load ptr, ptr %from{k}",
            f"%target{k} = load ptr, ptr %to{k}",
            f"call void @llvm.memcpy.p0.p0.i64(ptr %target{k}, ptr %source{k}, "
            f"i64 {dtype.itemsize * int(np.prod(shape, dtype=int))}, i1 false)",
        ]
    return "\n".join([*lines, "ret i32 0", "}"])


def copier(way, *specs, **options):
    return way(compiled(copies(specs), specs, specs, **options))


def answers(code):
    return f"define internal i32 @program(ptr %inputs, ptr %outputs, ptr %scratch) {{\nret i32 {code}\n}}"


def some(shape, dtype):
    n = int(np.prod(shape, dtype=int))
    return np.resize(np.array([1, -2.5, 0, 3e5, -0.0, 7, 1e-9]), n).astype(dtype).reshape(shape)


# ------------------------------------------------------------------------------------------------------ results


@pytest.mark.parametrize("release_gil", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 1), (0,), (2, 0, 3), (2, 3, 1, 2, 2)], ids=str)
def test_arrays_go_in_and_come_out(way, shape, dtype, release_gil):
    x = some(shape, dtype)
    (y,) = copier(way, (shape, dtype), release_gil=release_gil)(x)
    assert type(y) is np.ndarray and y.dtype == dtype and y.shape == shape
    assert y.tobytes() == x.tobytes()
    assert y.flags.owndata and y.flags.writeable and y.flags.c_contiguous
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_numbers_go_in_and_come_out(way, dtype):
    call = copier(way, ((), dtype))
    for value in some((7,), dtype):
        for x in (value, np.array(value, dtype)):
            (y,) = call(x)
            assert type(y) is dtype.type and y.tobytes() == value.tobytes()


def test_a_python_float_is_a_float64(way):
    call = copier(way, ((), F64))
    for x in (1.5, -0.0, float("inf"), 5e-324):
        (y,) = call(x)
        assert type(y) is np.float64 and y.tobytes() == np.float64(x).tobytes()
    assert np.isnan(call(float("nan"))[0])


def test_several_keep_their_order(way):
    specs = [((2,), F64), ((), I64), ((1, 3), F32), ((), F64), ((4,), BOOL)]
    given = [some(shape, dtype)[()] for shape, dtype in specs]
    results = copier(way, *specs)(*given)
    assert type(results) is tuple and len(results) == 5
    for x, y in zip(given, results, strict=True):
        assert type(x) is type(y) and x.tobytes() == y.tobytes()


def test_a_hundred_arguments(way):
    specs = [((k % 3,), F64) for k in range(100)]
    given = [np.full(k % 3, k, float) for k in range(100)]
    assert all(np.array_equal(x, y) for x, y in zip(given, copier(way, *specs)(*given), strict=True))


def test_nothing_in_and_nothing_out(way):
    assert copier(way)() == ()


def test_results_are_new_each_time(way):
    call = copier(way, ((3,), F64))
    x = np.ones(3)
    (first,), (second,) = call(x), call(x)
    first[:] = 5
    assert second.tolist() == x.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "x",
    [
        pickle.loads(pickle.dumps(np.arange(3.0))),  # its dtype is not the one object float64
        np.arange(3, dtype=np.dtype(float, metadata={"unit": "m"})),
        np.arange(3.0, dtype="=f8"),
        np.arange(9.0)[3:6],
        np.arange(9.0).reshape(3, 3)[1],
        np.arange(3.0)[None, :][0],
        np.frombuffer(np.arange(3.0).tobytes()),  # read-only
    ],
)
def test_any_array_that_is_as_declared_will_do(way, x):
    assert copier(way, ((3,), F64))(x)[0].tolist() == x.tolist()


def test_both_names_of_int64_will_do(way):
    x = np.arange(3, dtype=np.longlong)
    (y,) = copier(way, ((3,), I64))(x)
    assert y.dtype == np.int64 and y.tolist() == [0, 1, 2]


# --------------------------------------------------------------------------------------------- what it refuses


class Sub(np.ndarray):
    pass


class Number(float):
    pass


def misaligned():
    return np.zeros(25, np.uint8)[1:].view(np.float64)


@pytest.mark.parametrize(
    "args",
    [
        (),
        (np.zeros(3), np.zeros(3)),
        (np.zeros(2),),
        (np.zeros(4),),
        (np.zeros((3, 1)),),
        (np.zeros((1, 3)),),
        (np.zeros(()),),
        (np.zeros(3, np.float32),),
        (np.zeros(3, np.int64),),
        (np.zeros(3, bool),),
        (np.zeros(3, np.uint64),),
        (np.zeros(3, complex),),
        (np.zeros(3, "m8[s]"),),
        (np.zeros(3, object),),
        (np.zeros(3, "S8"),),
        (np.zeros(3, ">f8"),),
        (np.zeros(6)[::2],),
        (np.zeros(3)[::-1],),
        (np.broadcast_to(0.0, 3),),
        (misaligned(),),
        (np.zeros(3).view(Sub),),
        (np.ma.zeros(3),),
        ([0.0, 0.0, 0.0],),
        (1.0,),
        (np.float64(1),),
        (None,),
        ("abc",),
        (...,),
    ],
    ids=repr,
)
def test_a_vector_that_is_not_as_declared_is_refused(way, args):
    assert copier(way, ((3,), F64))(*args) is NotImplemented


@pytest.mark.parametrize(
    "x",
    [1, True, np.True_, np.float32(1), np.int64(1), Number(1.0), 1j, np.complex128(1), np.zeros(1), "1", None,
     np.zeros((), np.float32), np.zeros((), ">f8"), np.zeros(()).view(Sub)],
    ids=lambda x: f"{type(x).__name__} {x!r}",
)  # fmt: skip
def test_a_number_of_another_type_is_refused(way, x):
    assert copier(way, ((), F64))(x) is NotImplemented


@pytest.mark.parametrize("dtype, x", [(F32, 1.0), (I64, 1), (I64, True), (BOOL, True), (BOOL, 1.0), (I64, np.int32(1)),
                                      (F32, np.float64(1)), (I64, np.uint64(1)), (BOOL, np.uint8(1))])  # fmt: skip
def test_only_float64_takes_python_numbers(way, dtype, x):
    assert copier(way, ((), dtype))(x) is NotImplemented


def test_a_matrix_in_fortran_order_is_refused(way):
    call = copier(way, ((2, 3), F64))
    x = np.arange(6.0).reshape(2, 3)
    assert call(np.asfortranarray(x)) is NotImplemented
    assert call(x.T) is NotImplemented
    assert call(x)[0].tolist() == x.tolist()


def test_the_second_argument_is_looked_at_too(way):
    call = copier(way, ((2,), F64), ((), I64))
    assert call(np.zeros(2), np.float64(1)) is NotImplemented
    assert call(np.zeros(2), np.int64(4))[1] == 4


def test_keywords_are_refused(way):
    with pytest.raises(TypeError, match="keyword"):
        copier(way, ((), F64))(x=1.0)


# --------------------------------------------------------------------------------------- guards and failures


@pytest.mark.parametrize("guard", [1, 2, 2**31 - 1])
def test_a_guard_that_fails_gives_none(way, guard):
    call = way(compiled(answers(guard), [((3,), F64)], [((3,), F64), ((), F64)]))
    assert call(np.zeros(3)) is None


def test_out_of_memory(way):
    with pytest.raises(MemoryError):
        way(compiled(answers(-1), [], [((3,), F64)]))()


@pytest.mark.parametrize(
    "answer, message", [(-2, "Singular matrix"), (-3, "no “convergence”"), (-9, "Singular matrix")]
)
def test_a_factorization_that_fails(way, answer, message):
    call = way(compiled(answers(answer), [], [((3,), F64)], failures=("Singular matrix", "no “convergence”")))
    with pytest.raises(np.linalg.LinAlgError, match=f"^{message}$"):
        call()


def test_a_failure_without_words(way):
    with pytest.raises(np.linalg.LinAlgError, match=signature.FAILED):
        way(compiled(answers(-2), [], []))()


def test_a_call_left_to_the_interpreter(way):
    call = way(compiled(answers(signature.REFUSED), [], [((3,), F64), ((), F64), ((2, 2), I64)]))
    before = sys.getrefcount(NotImplemented)
    assert all(call() is NotImplemented for _ in range(10_000))
    assert sys.getrefcount(NotImplemented) - before < 100


def test_an_output_larger_than_memory(way):
    outputs = [((1000,), F64), ((), F64), ((1 << 27, 1 << 30), F64)]
    call = way(compiled(answers(0), [], outputs))

    def fail(times):
        for _ in range(times):
            with pytest.raises(MemoryError):
                call()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = fail(10)  # NumPy books one block that it did not get
        assert fail(100) - before < 100_000
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------------------------------------------- scratch

_WHERE = """\
define internal i32 @program(ptr %inputs, ptr %outputs, ptr %scratch) {
store volatile i8 7, ptr %scratch
%number = ptrtoint ptr %scratch to i64
%out = load ptr, ptr %outputs
store i64 %number, ptr %out
ret i32 0
}"""


@pytest.mark.parametrize("size", [1, 100, signature.ON_STACK, signature.ON_STACK + 1, 1 << 20, signature.KEPT + 1])
def test_scratch_begins_at_a_multiple_of_64_bytes(way, size):
    call = way(compiled(_WHERE, [], [((), I64)], scratch=size))
    assert call()[0] % 64 == call()[0] % 64 == 0


@pytest.mark.parametrize(
    "size, kept",
    [(signature.ON_STACK, False), (signature.ON_STACK + 1, True), (signature.KEPT, True), (signature.KEPT + 1, False)],
)
def test_scratch_is_kept_unless_it_is_very_large_and_freed_with_the_callable(size, kept):
    call = entry.callable(compiled(_WHERE, [], [((), I64)], scratch=size))
    call()
    call = entry.callable(compiled(_WHERE, [], [((), I64)], scratch=size))
    tracemalloc.start()
    try:
        call()
        assert (tracemalloc.get_traced_memory()[0] >= size) == kept
        call()
        assert tracemalloc.get_traced_memory()[0] < 1.5 * size + 100_000
        del call
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < min(size, 100_000)
    finally:
        tracemalloc.stop()


# Writes x to all of the scratch memory, then adds it up again.
_FILL = """\
define internal i32 @program(ptr %inputs, ptr %outputs, ptr %scratch) {
%in = load ptr, ptr %inputs
%x = load double, ptr %in
br label %fill
fill:
%i = phi i64 [ 0, %0 ], [ %i1, %fill ]
%p = getelementptr double, ptr %scratch, i64 %i
store volatile double %x, ptr %p
%i1 = add i64 %i, 1
%more = icmp slt i64 %i1, 20000
br i1 %more, label %fill, label %sum
sum:
%j = phi i64 [ 0, %fill ], [ %j1, %sum ]
%s = phi double [ 0.0, %fill ], [ %s1, %sum ]
%q = getelementptr double, ptr %scratch, i64 %j
%y = load volatile double, ptr %q
%s1 = fadd double %s, %y
%j1 = add i64 %j, 1
%rest = icmp slt i64 %j1, 20000
br i1 %rest, label %sum, label %end
end:
%out = load ptr, ptr %outputs
store double %s1, ptr %out
ret i32 0
}"""


def test_threads_do_not_share_scratch(way):
    call = way(compiled(_FILL, [((), F64)], [((), F64)], scratch=160_000, release_gil=True))
    wrong = []

    def hammer(x):
        wrong.extend(r for r in (call(x)[0] for _ in range(300)) if r != 20000 * x)

    threads = [threading.Thread(target=hammer, args=(float(k),)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Waits until another thread has changed the input; gives up after some seconds.
_WAIT = """\
define internal i32 @program(ptr %inputs, ptr %outputs, ptr %scratch) {
%in = load ptr, ptr %inputs
%go = getelementptr i64, ptr %in, i64 1
store volatile i64 1, ptr %in
br label %loop
loop:
%i = phi i64 [ 0, %0 ], [ %i1, %next ]
%seen = load volatile i64, ptr %go
%changed = icmp ne i64 %seen, 0
br i1 %changed, label %yes, label %next
next:
%i1 = add i64 %i, 1
%more = icmp slt i64 %i1, 20000000000
br i1 %more, label %loop, label %no
yes:
ret i32 0
no:
ret i32 1
}"""


def test_other_threads_run_meanwhile(way):
    call = way(compiled(_WAIT, [((2,), I64)], [], release_gil=True))
    flags = np.zeros(2, np.int64)

    def answer():
        while not flags[0]:
            time.sleep(0.001)
        flags[1] = 1

    thread = threading.Thread(target=answer)
    thread.start()
    assert call(flags) == ()
    thread.join()


# ----------------------------------------------------------------------------------------- counts and lifetimes


def test_nothing_leaks(way):
    n = 100_000 if way is entry.callable else 2_000
    specs = [((512,), F64), ((), F64)]
    good = copier(way, *specs)
    guarded = way(compiled(answers(1), specs, specs))
    failing = way(compiled(answers(-2), specs, specs))
    x, y = np.zeros(512), np.float64(2.5)
    watched = [x, y, None, NotImplemented, np.ndarray, np.float64, F64, np.linalg.LinAlgError]

    def rounds(n):
        for _ in itertools.repeat(None, n):
            good(x, y)
            good(x)
            guarded(x, y)
        for _ in itertools.repeat(None, n // 10):
            with pytest.raises(np.linalg.LinAlgError):
                failing(x, y)

    rounds(100)
    gc.collect()
    counts = [sys.getrefcount(thing) for thing in watched]
    tracemalloc.start()
    try:
        rounds(100)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        rounds(500)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
    rounds(n)
    gc.collect()
    changes = [sys.getrefcount(thing) - count for thing, count in zip(watched, counts, strict=True)]
    assert max(map(abs, changes)) < 100, changes


def test_the_code_lives_as_long_as_the_callable(way):
    code = compiled(copies([((3,), F64)]), [((3,), F64)], [((3,), F64)])
    watch = weakref.ref(code)
    call = way(code)
    del code
    gc.collect()
    assert watch() is not None
    assert call(np.arange(3.0))[0].tolist() == [0, 1, 2]
    del call
    gc.collect()
    assert watch() is None


# ------------------------------------------------------------------------------------ objects of another layout


def test_a_callable_that_may_not_look_into_objects_goes_through_ctypes(monkeypatch):
    monkeypatch.setattr(objects, "_known", {})
    assert not objects.supported()
    call = entry.callable(compiled(copies([((3,), F64)]), [((3,), F64)], [((3,), F64)]))
    assert call.__code__ is entry.fallback(call.code).__code__
    assert call(np.arange(3.0))[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "offset", ["TYPE", "VALUE", "DATA", "NDIM", "DESCR", "FLAGS", "KIND", "BYTEORDER", "ITEMSIZE", "STRUCTURE"]
)
def test_another_layout_is_noticed(monkeypatch, offset):
    assert objects._layout_holds()
    monkeypatch.setattr(objects, offset, getattr(objects, offset) + 8)
    assert not objects._layout_holds()
    assert objects._addresses() == {}


@pytest.mark.parametrize(
    "place, name, value",
    [
        (sys.implementation, "name", "pypy"),
        (objects.struct, "calcsize", lambda _: 4),
        (objects.sysconfig, "get_config_var", lambda name: name == "Py_GIL_DISABLED"),
        (sys, "byteorder", "big"),
    ],
    ids=["interpreter", "32 bits", "free-threaded", "byte order"],
)
def test_other_interpreters_are_not_looked_into(monkeypatch, place, name, value):
    monkeypatch.setattr(place, name, value)
    assert objects._addresses() == {}
