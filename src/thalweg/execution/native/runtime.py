"""What compiled code may call while it runs: the `pool` of threads and the counts of `blas_threads`.

``void thalweg_parallel(ptr f, ptr c, i64 chunks, i64 n)``
    calls ``f(c, chunk, seat)`` for all chunks, on up to n threads;
``i64 thalweg_threads()``
    how many threads may be used now;
``void thalweg_blas_enter()``, ``void thalweg_blas_leave()``
    stand round a job whose chunks call BLAS: between the first enter and the last leave BLAS uses one thread.

Measured on two cores: a job of two chunks costs 0.3–0.7 µs while the worker still spins, about 25 µs more when it must
be woken; asking for the count costs 10 ns. Two threads that call ``dgemm`` with BLAS held to one thread reach twice the
speed of one.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from typing import Any

from thalweg.execution.native import kept, llvm, threads
from thalweg.execution.native.blas_threads import MOST_BLAS
from thalweg.execution.native.module import Module
from thalweg.execution.native.objects import keep_forever
from thalweg.execution.native.pool import pool_ir

_SPIN = 20e-6  # seconds; about what it costs to wake a sleeper

_POSIX = ("pthread_create", "pthread_detach", "pthread_sigmask", "pthread_mutex_init", "pthread_mutex_lock",
          "pthread_mutex_unlock", "pthread_cond_init", "pthread_cond_wait", "pthread_cond_signal")  # fmt: skip

_DECLARATIONS = {
    "thalweg_parallel": "declare void @thalweg_parallel(ptr, ptr, i64, i64)",
    "thalweg_threads": "declare i64 @thalweg_threads()",
    "thalweg_blas_enter": "declare void @thalweg_blas_enter()",
    "thalweg_blas_leave": "declare void @thalweg_blas_leave()",
}


def declare(module: Module) -> None:
    """Declare the functions above in a module. `start` must run before its code is loaded."""
    for name, text in _DECLARATIONS.items():
        module.declare(name, text)


def declares(symbol: str) -> bool:
    """Whether `start` gives this external symbol its address."""
    return symbol in _DECLARATIONS


_starting = threading.Lock()
_code: llvm.Code | None = None
_linked = 0  # modules with BLAS that were imported when its counters were last looked for


def start() -> None:
    """Make the functions known to `llvm.load`. Later calls look for BLAS libraries that have come since."""
    global _code, _linked
    with _starting:
        if _code is None:
            _code = _compiled(_posix())
        present = sum(name in sys.modules for name in threads.LINKED)
        if present != _linked:
            _watch(_code)
            _linked = present


def _compiled(posix: dict[str, int]) -> llvm.Code:
    for name, address in posix.items():
        llvm.add_symbol(name, address)
    code = llvm.load(kept.compiled(pool_ir(bool(posix)), 0))
    keep_forever(code)  # its threads never end, so it may not either
    _number(code, "limit").value = threads.limit()
    if posix:
        _block_signals(code)
        if (os.cpu_count() or 1) > 1:
            _number(code, "spins").value = _spins(code)
    reset = ctypes.CFUNCTYPE(None)(code.address("reset"))
    reset()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=reset)
    for name in _DECLARATIONS:
        llvm.add_symbol(name, code.address(name))
    return code


def _number(code: llvm.Code, name: str) -> ctypes.c_int64:
    return ctypes.c_int64.from_address(code.address(name))


def _posix() -> dict[str, int]:
    """The functions of POSIX threads, all of them or none."""
    if os.name != "posix":
        return {}
    process = ctypes.CDLL(None)
    try:
        return {name: ctypes.cast(getattr(process, name), ctypes.c_void_p).value or 0 for name in _POSIX}
    except AttributeError:
        return {}


def _block_signals(code: llvm.Code) -> None:
    """Workers take no signal but those of their own faults."""
    process = ctypes.CDLL(None)
    mask = code.address("signals")
    process.sigfillset(ctypes.c_void_p(mask))
    for fault in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP):
        process.sigdelset(ctypes.c_void_p(mask), int(fault))
    for name, value in (("sig_block", signal.SIG_BLOCK), ("sig_setmask", signal.SIG_SETMASK)):
        ctypes.c_int32.from_address(code.address(name)).value = int(value)


def _spins(code: llvm.Code) -> int:
    """Pauses in `_SPIN` seconds."""
    spin = ctypes.CFUNCTYPE(None, ctypes.c_int64)(code.address("spin"))
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        spin(500)
        times.append(time.perf_counter() - begin)
    return max(1, int(500 * _SPIN / min(times)))


def _watch(code: llvm.Code) -> None:
    """Add the BLAS libraries that the compiled code does not count yet; other threads may be counting meanwhile."""
    count = _number(code, "blas_count")
    rows: Any = (ctypes.c_int64 * (3 * MOST_BLAS)).from_address(code.address("blas"))
    for counter in threads.counters():
        n = count.value
        if n < MOST_BLAS and counter.get not in rows[: 3 * n : 3]:
            rows[3 * n : 3 * n + 3] = [*counter, ctypes.CFUNCTYPE(ctypes.c_int)(counter.get)()]
            count.value = n + 1
