"""What is new at each call: the clock, and random generators that take a fresh seed.

A trace would freeze them. They are answered by the originals, and the trace is marked as one that must not be kept.
(Generators that live longer than a call are watched by their state: `thalweg.tracing.captured`.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from thalweg.tracing.context import running
from thalweg.tracing.reach import reaches


def _mark() -> None:
    for trace in running.traces:
        trace.fleeting = True


@reaches("numpy.random", "default_rng")
def generator(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not any(seed is not None for seed in (*args, *kwargs.values())):
        _mark()
    return original(*args, **kwargs)


@reaches("time", "time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time")
@reaches("os", "urandom", "getrandom")
def clock(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    _mark()
    return original(*args, **kwargs)
