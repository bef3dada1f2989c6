"""The same number of threads for everybody. To be imported, and used, before any library that computes."""

from __future__ import annotations

import os

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NPROC",  # XLA's
)


def cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def limit(threads: int) -> None:
    """Let every library, in this process and its children, use so many threads, and (on Linux) so many cores."""
    for name in VARIABLES:
        os.environ[name] = str(threads)
    if hasattr(os, "sched_setaffinity") and threads < cores():
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
