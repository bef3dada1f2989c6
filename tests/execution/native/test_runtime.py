"""The thread pool of compiled code, by small programs written in IR that call it."""

import ctypes
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl

from thalweg.execution.native import llvm, pool, runtime, threads
from thalweg.execution.native.module import Module

# Adds 1 to the cell of the chunk and to that of the seat, and works for a while. A context: [rounds, sink, chunks …].
_CHUNK = """\
@seats = internal global [256 x i64] zeroinitializer
define void @chunk(ptr %context, i64 %chunk, i64 %seat) {
%at = getelementptr i64, ptr %context, i64 %chunk
%cell = getelementptr i64, ptr %at, i64 2
atomicrmw add ptr %cell, i64 1 monotonic
%rounds = load i64, ptr %context
br label %loop
loop:
%i = phi i64 [ 0, %0 ], [ %next, %loop ]
%seen = load volatile i64, ptr %cell
%next = add i64 %i, 1
%more = icmp slt i64 %next, %rounds
br i1 %more, label %loop, label %end
end:
%place = getelementptr [256 x i64], ptr @seats, i64 0, i64 %seat
atomicrmw add ptr %place, i64 1 monotonic
ret void
}
define ptr @seat_counts() {
ret ptr @seats
}
define void @job(ptr %context, i64 %chunks, i64 %threads) {
call void @thalweg_parallel(ptr @chunk, ptr %context, i64 %chunks, i64 %threads)
ret void
}
define i64 @count() {
%n = call i64 @thalweg_threads()
ret i64 %n
}
define void @enter() {
call void @thalweg_blas_enter()
ret void
}
define void @leave() {
call void @thalweg_blas_leave()
ret void
}

; Every chunk is a job of its own: 4 chunks that add to the same cell.
define void @inner(ptr %cell, i64 %chunk, i64 %seat) {
atomicrmw add ptr %cell, i64 1 monotonic
ret void
}
define void @outer(ptr %context, i64 %chunk, i64 %seat) {
%cell = getelementptr i64, ptr %context, i64 %chunk
call void @thalweg_parallel(ptr @inner, ptr %cell, i64 4, i64 4)
ret void
}
define void @nested(ptr %context, i64 %chunks, i64 %threads) {
call void @thalweg_parallel(ptr @outer, ptr %context, i64 %chunks, i64 %threads)
ret void
}

; A chunk that ends when as many chunks have begun as there are, or after some seconds: proves that they overlap.
define void @meeting(ptr %context, i64 %chunk, i64 %seat) {
%wanted = load i64, ptr %context
%begun = getelementptr i64, ptr %context, i64 1
atomicrmw add ptr %begun, i64 1 seq_cst
br label %loop
loop:
%i = phi i64 [ 0, %0 ], [ %next, %wait ]
%now = load atomic i64, ptr %begun seq_cst, align 8
%all = icmp sge i64 %now, %wanted
br i1 %all, label %met, label %wait
wait:
%next = add i64 %i, 1
%more = icmp slt i64 %next, 20000000000
br i1 %more, label %loop, label %end
met:
%count = getelementptr i64, ptr %context, i64 2
atomicrmw add ptr %count, i64 1 seq_cst
br label %end
end:
ret void
}
define void @meet(ptr %context, i64 %chunks, i64 %threads) {
call void @thalweg_parallel(ptr @meeting, ptr %context, i64 %chunks, i64 %threads)
ret void
}"""


class Probe:
    """The functions above, as Python functions; they release Python's lock."""

    def __init__(self):
        runtime.start()
        module = Module()
        runtime.declare(module)
        module.define(_CHUNK)
        self.code = llvm.load(llvm.compile_ir(module.text(), 0))
        for name in ("job", "nested", "meet"):
            call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(self.code.address(name))
            setattr(self, name, call)
        for name in ("enter", "leave"):
            setattr(self, name, ctypes.CFUNCTYPE(None)(self.code.address(name)))
        self.count = ctypes.CFUNCTYPE(ctypes.c_int64)(self.code.address("count"))
        seats = ctypes.CFUNCTYPE(ctypes.c_void_p)(self.code.address("seat_counts"))()
        self.seats = np.ctypeslib.as_array((ctypes.c_int64 * 256).from_address(seats))

    def run(self, chunks, threads, rounds=1):
        """How often each chunk has run."""
        context = np.zeros(chunks + 2, np.int64)
        context[0] = rounds
        self.seats[:] = 0
        self.job(context.ctypes.data, chunks, threads)
        return context[2:].tolist()


@pytest.fixture(scope="module")
def probe():
    return Probe()


@pytest.mark.parametrize("threads", [-1, 0, 1, 2, 3, 8])
@pytest.mark.parametrize("chunks", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("rounds", [1, 3000])
def test_every_chunk_runs_once(probe, chunks, threads, rounds):
    assert probe.run(chunks, threads, rounds) == [1] * chunks
    assert probe.seats.sum() == chunks
    assert not probe.seats[max(threads, 1) :].any()  # seats are below the count of threads


@pytest.mark.parametrize("spins", ["none", "usual", "many"])
def test_many_short_jobs(probe, spins):
    """Whether workers and caller sleep at once or spin: no wake-up is lost."""
    number = runtime._number(runtime._code, "spins")
    usual = number.value
    number.value = {"none": 0, "usual": usual, "many": 100 * usual}[spins]
    try:
        for k in range(3000):
            assert probe.run(3, 3, rounds=k % 200) == [1, 1, 1]
    finally:
        number.value = usual


def test_more_threads_than_the_pool_holds(probe):
    assert probe.run(2000, 1000) == [1] * 2000


@pytest.mark.parametrize("count", [2, 4])
def test_chunks_run_at_the_same_time(probe, count):
    context = np.array([count, 0, 0])
    probe.meet(context.ctypes.data, count, count)
    assert context.tolist() == [count, count, count]


def test_a_job_inside_a_chunk_runs_in_its_thread(probe):
    for _ in range(200):
        context = np.zeros(16, np.int64)
        probe.nested(context.ctypes.data, 16, 4)
        assert context.tolist() == [4] * 16


def test_jobs_from_several_threads(probe):
    wrong = []

    def hammer():
        for _ in range(200):
            context = np.zeros(22, np.int64)
            context[0] = 500
            probe.job(context.ctypes.data, 20, 3)
            if context[2:].tolist() != [1] * 20:
                wrong.append(context)

    callers = [threading.Thread(target=hammer) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


def test_a_second_job_does_not_wait_for_the_first(probe):
    first = np.array([3, 0, 0])  # waits for a third chunk, which the second job brings
    caller = threading.Thread(target=lambda: probe.meet(first.ctypes.data, 2, 2))
    caller.start()
    while first[1] < 2:
        pass
    assert probe.run(10, 2) == [1] * 10
    probe.meet(first.ctypes.data, 1, 2)
    caller.join()
    assert first[2] == 3


def test_without_posix_threads_the_caller_does_all():
    code = llvm.load(llvm.compile_ir(pool.pool_ir(threaded=False), 0))
    ctypes.CFUNCTYPE(None)(code.address("reset"))()
    chunk = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    ran = []
    call = chunk(lambda context, chunk, seat: ran.append((chunk, seat, threading.get_ident())))
    word = ctypes.c_int64
    parallel = ctypes.CFUNCTYPE(None, chunk, ctypes.c_void_p, word, word)(code.address("thalweg_parallel"))
    parallel(call, None, 4, 2)
    assert ran == [(k, 0, threading.get_ident()) for k in range(4)]


def test_a_processor_without_a_known_pause(monkeypatch):
    monkeypatch.setattr(pool.platform, "machine", lambda: "riscv64")
    code = llvm.load(llvm.compile_ir(pool.pool_ir(threaded=False), 0))
    ctypes.CFUNCTYPE(None, ctypes.c_int64)(code.address("spin"))(100)


# ------------------------------------------------------------------------------------------------------ the count


def blas_counts():
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]


def test_the_count_follows_threadpoolctl(probe):
    usual = probe.count()
    assert usual == min(threads.limit(), *blas_counts())
    with threadpoolctl.threadpool_limits(1):
        assert probe.count() == 1
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        assert probe.count() == 1
    assert probe.count() == usual


def test_blas_uses_one_thread_between_enter_and_leave(probe):
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        usual, counts = probe.count(), blas_counts()
        assert min(counts) == 2
        probe.enter()
        probe.enter()
        try:
            assert set(blas_counts()) == {1}
            assert probe.count() == usual  # what is allowed has not changed
            probe.leave()
            assert set(blas_counts()) == {1}
        finally:
            probe.leave()
        assert blas_counts() == counts


def test_a_count_that_was_set_meanwhile_stays(probe):
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        probe.enter()
        with threadpoolctl.threadpool_limits(3, user_api="blas"):
            probe.leave()
            assert set(blas_counts()) == {3}


def test_enter_and_leave_from_several_threads(probe):
    with threadpoolctl.threadpool_limits(2, user_api="blas"):

        def hammer():
            for _ in range(20_000):
                probe.enter()
                probe.leave()

        callers = [threading.Thread(target=hammer) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert set(blas_counts()) == {2}


def test_each_blas_library_is_watched_once(probe):
    import scipy.linalg.cython_blas  # noqa: F401

    for _ in range(3):
        runtime.start()
        runtime._watch(runtime._code)
    assert runtime._number(runtime._code, "blas_count").value == len(blas_counts())


# -------------------------------------------------------------------------------------------------- whole processes


def script(text, **environment):
    """Run a script with a `Probe` called ``probe``; its output."""
    here = Path(__file__)
    start = f"""
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("probe_of_the_pool", {str(here)!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
probe = module.Probe()
"""
    done = subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(text)],
        env={**__import__("os").environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_environment_limits_the_count():
    assert script("print(probe.count())", THALWEG_NUM_THREADS="1") == ["1"]


def test_a_blas_library_that_comes_later_is_watched():
    text = """
    runtime = module.runtime
    before = runtime._number(runtime._code, "blas_count").value
    import scipy.linalg.cython_blas
    runtime.start()
    print(before, runtime._number(runtime._code, "blas_count").value, len(module.blas_counts()))
    """
    before, after, pools = script(text)
    assert int(before) <= int(after) == int(pools)


def test_a_process_ends_while_its_workers_wait_and_work():
    text = """
    import threading, time
    import numpy as np
    context = np.array([3, 0, 0])
    assert probe.run(100, 4, 1000) == [1] * 100
    threading.Thread(target=lambda: probe.meet(context.ctypes.data, 2, 2), daemon=True).start()
    while context[1] < 2:
        time.sleep(0.001)
    print("end")
    """
    assert script(text) == ["end"]


def test_a_forked_child_has_a_pool_of_its_own():
    text = """
    import os, threading, time
    import numpy as np
    assert probe.run(50, 3, 1000) == [1] * 50
    context = np.array([3, 0, 0])  # a job that goes on while the process forks
    worker = threading.Thread(target=lambda: probe.meet(context.ctypes.data, 2, 2))
    worker.start()
    while context[1] < 2:
        time.sleep(0.001)
    child = os.fork()
    if child == 0:
        meeting = np.array([2, 0, 0])
        probe.meet(meeting.ctypes.data, 2, 2)  # needs a worker
        good = meeting.tolist() == [2, 2, 2] and probe.run(50, 3, 1000) == [1] * 50
        os._exit(0 if good else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    probe.meet(context.ctypes.data, 1, 2)
    worker.join()
    assert probe.run(50, 3, 1000) == [1] * 50
    print(status)
    """
    assert script(text) == ["0"]


def test_a_child_forked_between_enter_and_leave_has_the_usual_count_of_blas_threads():
    text = """
    import os
    import threadpoolctl
    threadpoolctl.threadpool_limits(2, user_api="blas")
    probe.enter()
    child = os.fork()
    if child == 0:
        os._exit(min(module.blas_counts()))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert script(text) == ["2"]


def test_workers_leave_signals_to_python():
    text = """
    import signal, threading
    probe.run(100, 4, 1000)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert before == set()  # making workers has left the caller's mask as it was
    seen = []
    signal.signal(signal.SIGUSR1, lambda *_: seen.append(threading.current_thread()))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])  # now only a worker could take it
    os.kill(os.getpid(), signal.SIGUSR1)
    assert signal.SIGUSR1 in signal.sigpending() and not seen
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
    assert seen == [threading.main_thread()]
    print("taken")
    """
    assert script(text, OPENBLAS_NUM_THREADS="1") == ["taken"]
