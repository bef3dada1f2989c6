"""What is measured in a process of its own: a first call of one candidate, or later calls of both in turn.

A first call begins with the data made and the libraries imported: those that the file of the case imports at its top,
and those that the function of the candidate imports in its body, which are imported before the clock starts.  (So a
case whose functions import what they need lets each process have its own library alone.)  Whatever else the call
imports, traces or compiles is in its time.  The peak is the highest resident memory during the call, above the level
just before it, when what the allocator keeps of freed memory has been given back.  (Linux: ``VmHWM``.)
"""

from __future__ import annotations

import ctypes
import dis
import gc
import importlib
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.models import Case

OURS, THEIRS = "ours", "theirs"
MIB = 1024.0
#: A call is timed over as many repetitions as fill these seconds.
AT_LEAST = 0.02
SHORT = 5


def case_at(module: str, index: int) -> Case:
    return importlib.import_module(module).CASES[index]


def import_what_it_imports(f: Callable[..., Any]) -> None:
    """Import the modules that the body of a plain function names."""
    code = getattr(f, "__code__", None)
    if code is not None:
        for instruction in dis.get_instructions(code):
            if instruction.opname == "IMPORT_NAME":
                importlib.import_module(str(instruction.argval))


def first(case: Case, candidate: str) -> dict[str, Any]:
    """Seconds and peak memory of a first call, and what it reached."""
    call = getattr(case, candidate)
    data = case.data()
    import_what_it_imports(call)
    gc.collect()
    before = _level()
    start = time.perf_counter()
    fitted = call(*data)
    seconds = time.perf_counter() - start
    peak = None if before is None else _status("VmHWM") - before
    return {"seconds": seconds, "peak": peak, "quality": float(case.quality(fitted, *data))}


def later(case: Case, rounds: int, budget: float) -> dict[str, dict[str, Any]]:
    """Median seconds of both in turn, after an untimed call of each; no round begins once ``budget`` is spent.

    Short calls have `SHORT` times as many rounds, since a busy machine disturbs them more.
    """
    data = case.data()
    begun = time.perf_counter()
    names = (OURS, THEIRS)
    found: dict[str, dict[str, Any]] = {}
    taken: dict[str, list[float]] = {name: [] for name in names}
    counts = {}
    for name in names:
        start = time.perf_counter()
        fitted = getattr(case, name)(*data)
        one = time.perf_counter() - start
        found[name] = {"quality": float(case.quality(fitted, *data))}
        counts[name] = 1
        if one < AT_LEAST:
            _timed(getattr(case, name), data, 1)
            one = min(_timed(getattr(case, name), data, 3) for _ in range(3))
            counts[name] = max(1, int(AT_LEAST / max(one, 1e-9)))
    if max(counts.values()) > 1:
        rounds *= SHORT
    for k in range(rounds):
        if k and time.perf_counter() - begun > budget:
            break
        for name in names if k % 2 == 0 else reversed(names):
            taken[name].append(_timed(getattr(case, name), data, counts[name]))
    for name in names:
        found[name] |= {"seconds": statistics.median(taken[name]), "rounds": len(taken[name])}
    return found


def _timed(call: Callable[..., Any], data: tuple[Any, ...], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call(*data)
    return (time.perf_counter() - start) / count


def _level() -> float | None:
    """The MiB that reside, and from which the peak is counted; None where the system does not say."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    try:
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps freed memory that a call could use unseen
    except (AttributeError, OSError):
        pass
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(name: str) -> float:
    """A line of /proc/self/status, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / MIB
    raise KeyError(name)


def main(arguments: list[str]) -> None:
    """``first MODULE INDEX CANDIDATE`` or ``later MODULE INDEX ROUNDS BUDGET``; the last line printed is JSON."""
    warnings.simplefilter("ignore")  # of iterations that end at their limit, as both do on purpose
    what, module, index, *rest = arguments
    case = case_at(module, int(index))
    found = first(case, rest[0]) if what == "first" else later(case, int(rest[0]), float(rest[1]))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
