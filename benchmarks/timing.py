"""Interleaved timing: every candidate once a round, medians over the rounds, so that drift of the machine cancels."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable


def once(call: Callable[[], object], at_least: float = 0.02) -> float:
    """Seconds of one call, from as many calls as fill ``at_least`` seconds."""
    count = 1
    while True:
        start = time.perf_counter()
        for _ in range(count):
            call()
        elapsed = time.perf_counter() - start
        if elapsed >= at_least:
            return elapsed / count
        count = max(2 * count, int(count * at_least / max(elapsed, 1e-9)))


def medians(candidates: dict[str, Callable[[], object]], rounds: int = 9) -> dict[str, float]:
    """The median seconds a call of each candidate, measured in turn."""
    for call in candidates.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, call in candidates.items():
            seconds[name].append(once(call))
    return {name: statistics.median(values) for name, values in seconds.items()}


def process_seconds(command: list[str], rounds: int = 9) -> float:
    """The median wall time of a whole process."""
    seconds = []
    for k in range(rounds + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        if k:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def python(code: str) -> list[str]:
    """A command that runs ``code`` in a new interpreter."""
    return [sys.executable, "-c", code]
