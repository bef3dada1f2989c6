"""Interleaved timing: every candidate once a round, medians over the rounds, so that drift of the machine cancels."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable


def once(call: Callable[[], object], at_least: float = 0.02) -> float:
    """Seconds of one call, from as many calls as fill ``at_least`` seconds."""
    return _once(call, at_least, 1)[0]


def _once(call: Callable[[], object], at_least: float, count: int) -> tuple[float, int]:
    """The same, starting from a guess of the number of calls; and the number that it took."""
    while True:
        start = time.perf_counter()
        for _ in range(count):
            call()
        elapsed = time.perf_counter() - start
        if elapsed >= at_least:
            return elapsed / count, count
        count = max(2 * count, int(1.1 * count * at_least / max(elapsed, 1e-9)))


def medians(
    candidates: dict[str, Callable[[], object]], rounds: int = 9, budget: float = 60.0, at_least: float = 0.02
) -> dict[str, float]:
    """The median seconds a call of each candidate, measured in turn.

    Each is called once untimed before it is timed, so that the data of another does not lie in its cache. Once
    ``budget`` seconds are spent, no round begins, but the first three do; a candidate whose three calls took a third of
    the budget has had its turns.
    """
    for call in candidates.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    counts = dict.fromkeys(candidates, 1)
    start = time.perf_counter()
    for k in range(rounds):
        if k >= 3 and time.perf_counter() - start > budget:
            break
        for name, call in candidates.items():
            if k >= 3 and 3 * statistics.median(seconds[name]) > budget / 3:
                continue
            call()
            one, taken = _once(call, at_least, counts[name])
            counts[name] = max(1, min(taken, int(1.5 * at_least / one)))
            seconds[name].append(one)
    return {name: statistics.median(values) for name, values in seconds.items()}


def warmed(
    call: Callable[[], object], least: float = 1.0, most: float = 20.0, settled: Callable[[], bool] = lambda: True
) -> float:
    """Call until the time of a call no longer falls and ``settled()`` holds, for what is compiled on the way.

    Returns the last time of a call; ``most`` seconds are the bound, whatever else holds.
    """
    start = time.perf_counter()
    call()
    before = once(call, 0.1)
    while True:
        elapsed = time.perf_counter() - start
        now = once(call, min(0.25, max(least, 0.05)))
        if elapsed > most or (elapsed > least and now > 0.9 * before and settled()):
            return now
        before = now


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
