"""How many threads compiled code may use, and the thread counts of the BLAS libraries in this process.

The limit is the smallest of: the cores that this process may run on, the share of them that its container grants, the
environment variables below, and, asked again at each parallel region, the thread count of every BLAS library that is
loaded. The last is what ``threadpoolctl.threadpool_limits`` sets, so a limit set there holds for Thalweg as well.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import math
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

VARIABLES = ("THALWEG_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

# Extension modules that are linked with a BLAS library: NumPy's, SciPy's. A symbol is searched in them and in the
# libraries that they load, so the library is found whatever its file is called.
LINKED = ("numpy.linalg._umath_linalg", "numpy._core._multiarray_umath", "scipy.linalg._fblas",
           "scipy.linalg.cython_blas")  # fmt: skip
_COUNTERS = [
    *(
        (f"{prefix}openblas_get_num_threads{suffix}", f"{prefix}openblas_set_num_threads{suffix}")
        for prefix in ("scipy_", "")
        for suffix in ("", "64_", "_64")
    ),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
    ("bli_thread_get_num_threads", "bli_thread_set_num_threads"),
]


class Counter(NamedTuple):
    """The addresses of the two C functions, ``int get(void)`` and ``void set(int)``, of one BLAS library."""

    get: int
    set: int


def limit() -> int:
    """The count of threads that this process and its environment allow."""
    counts = [_cores(), _quota("/sys/fs/cgroup/cpu.max"), *map(_variable, VARIABLES)]
    return max(1, min(count for count in counts if count is not None))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(file: str | os.PathLike[str]) -> int | None:
    """Cores that a container grants (cgroup v2: microseconds of CPU time in a period), rounded up."""
    try:
        with open(file) as text:
            time, period = text.read().split()
        return None if time == "max" else math.ceil(int(time) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _variable(name: str) -> int | None:
    """A positive integer, or the first of a list such as ``4,2``; anything else sets no limit."""
    text = os.environ.get(name, "").split(",")[0].strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None


def counters(modules: Iterable[str] = LINKED) -> list[Counter]:
    """The BLAS libraries that the given modules, as far as they are imported, are linked with."""
    found: dict[int, Counter] = {}
    for name in modules:
        file = getattr(sys.modules.get(name), "__file__", None)
        if not file:
            continue
        try:
            library = ctypes.CDLL(file)
        except OSError:
            continue
        for get, set_ in _COUNTERS:
            try:
                addresses = [ctypes.cast(getattr(library, n), ctypes.c_void_p).value or 0 for n in (get, set_)]
            except AttributeError:
                continue
            found.setdefault(addresses[0], Counter(*addresses))
    return list(found.values())


@functools.cache
def _functions() -> list[tuple[Callable[[], int], Callable[[int], None]]]:
    """The two C functions of each BLAS library that NumPy and SciPy are linked with."""
    get, set_ = ctypes.CFUNCTYPE(ctypes.c_int), ctypes.CFUNCTYPE(None, ctypes.c_int)
    return [(get(counter.get), set_(counter.set)) for counter in counters()]


_alone = threading.Lock()
_within = 0  # blocks of `one_blas_thread` that are running, in all threads
_before: list[int] = []


@contextlib.contextmanager
def one_blas_thread() -> Iterator[Callable[[], int]]:
    """Hold BLAS to one thread: the same bits whatever the machine grants, and no waiting for threads on small matrices.

    Gives a function that says how many threads may be used instead: as many as BLAS had, or less where the process may
    use less.
    Blocks may nest and run in several threads; the last that ends gives back the counts, unless somebody has set
    another one meanwhile.
    """
    global _within
    functions = _functions()
    with _alone:
        _within += 1
        if _within == 1:
            _before[:] = [get() for get, _ in functions]
            for _, set_ in functions:
                set_(1)
        counts = tuple(_before)
    try:
        yield lambda: min([limit(), *counts])
    finally:
        with _alone:
            _within -= 1
            if _within == 0:
                for (get, set_), count in zip(functions, _before, strict=True):
                    if get() == 1:
                        set_(count)
