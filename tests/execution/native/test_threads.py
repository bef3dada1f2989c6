"""How many threads the environment allows, and the counters of BLAS libraries."""

import ctypes
import os
import threading

import pytest
import threadpoolctl

from thalweg.execution.native import threads


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "_cores", lambda: 16)
    monkeypatch.setattr(threads, "_quota", lambda _: None)


def test_without_limits_all_cores_are_used():
    assert threads.limit() == 16


@pytest.mark.parametrize("name", threads.VARIABLES)
@pytest.mark.parametrize(
    "value, count",
    [("3", 3), ("1", 1), (" 2 ", 2), ("4,2", 4), ("64", 16), ("0", 16), ("-1", 16), ("", 16), ("many", 16), ("²", 16)],
)
def test_a_variable_limits_the_count(monkeypatch, name, value, count):
    monkeypatch.setenv(name, value)
    assert threads.limit() == count


def test_the_smallest_limit_holds(monkeypatch):
    monkeypatch.setenv("THALWEG_NUM_THREADS", "8")
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert threads.limit() == 4
    monkeypatch.setattr(threads, "_quota", lambda _: 3)
    assert threads.limit() == 3


def test_the_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.undo()
    assert threads._cores() == len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    "text, count",
    [("max 100000", None), ("200000 100000", 2), ("250000 100000", 3), ("50000 100000", 1), ("", None), ("1 0", None)],
)
def test_the_share_of_a_container(monkeypatch, tmp_path, text, count):
    monkeypatch.undo()
    file = tmp_path / "cpu.max"
    assert threads._quota(file) is None
    file.write_text(text)
    assert threads._quota(file) == count


def test_the_counters_are_those_that_threadpoolctl_finds():
    import scipy.linalg.cython_blas  # noqa: F401

    found = threads.counters()
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    assert len(found) == len(pools)
    for limit in (1, 2):
        with threadpoolctl.threadpool_limits(limit, user_api="blas"):
            assert {ctypes.CFUNCTYPE(ctypes.c_int)(counter.get)() for counter in found} == {limit}
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        for counter in found:
            ctypes.CFUNCTYPE(None, ctypes.c_int)(counter.set)(1)
        assert {p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"} == {1}


def test_modules_without_blas_have_no_counters():
    assert threads.counters(["not.imported", "os", "_ctypes"]) == []


def test_blas_is_held_to_one_thread_and_let_go():
    def counts():
        return {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        with threads.one_blas_thread():
            assert counts() == {1}
            with threads.one_blas_thread():
                assert counts() == {1}
            assert counts() == {1}
        assert counts() == {2}
        with pytest.raises(ZeroDivisionError), threads.one_blas_thread():
            raise ZeroDivisionError
        assert counts() == {2}


def test_blocks_in_two_threads_may_end_in_any_order():
    entered, leave = threading.Event(), threading.Event()

    def other():
        with threads.one_blas_thread():
            entered.set()
            leave.wait(10)

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        worker = threading.Thread(target=other)
        with threads.one_blas_thread():
            worker.start()
            entered.wait(10)
        assert {p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"} == {1}
        leave.set()
        worker.join()
        assert {p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"} == {2}
