"""The memory that a gradient of the mixture of 10⁵ points needs beyond its arguments, a process for each candidate.

The process makes its arguments and takes a small gradient, so that its libraries are loaded; what resides then is the
level above which the peaks of the first call, and of a later one, are given. (Linux: ``VmHWM``, which the kernel resets
on request.)
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import threads

NAME = "Gaussian mixture 16, 10, 10⁵"
MIB = 1024.0


def memory(candidates: list[str]) -> dict[str, dict[str, float]]:
    """For each candidate: MiB of the arguments, of the results, and of the peaks beyond the level before."""
    if not Path("/proc/self/clear_refs").exists():
        return {}
    found = {}
    for candidate in candidates:
        command = [sys.executable, "-m", "benchmarks.memory", candidate]
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
        if done.returncode == 0:
            found[candidate] = json.loads(done.stdout.splitlines()[-1])
    return found


def _status(name: str) -> float:
    """A line of /proc/self/status, in MiB."""
    match = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match is not None
    return int(match[1]) / MIB


def _reset() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def main(candidate: str) -> None:
    threads.limit(threads.cores())
    import numpy as np

    from benchmarks import peers
    from benchmarks.results import arrays
    from benchmarks.timing import warmed
    from benchmarks.workloads import ALL

    peers.available(threads.cores())
    (workload,) = (w for w in ALL if w.name == NAME)

    def built(args: tuple[Any, ...]) -> Any:
        return workload.ours(args) if candidate == "Thalweg" else workload.peers[candidate](*args)

    warmed(built(workload.small()), 0.5, 3)
    args = workload.data()
    call = built(args)
    before = _status("VmRSS")
    _reset()
    results = list(arrays(call()))
    first = _status("VmHWM") - before
    size = sum(r.nbytes for r in results) / MIB**2
    del results
    warmed(call, 3, 20)
    _reset()
    call()
    later = _status("VmHWM") - before
    given = sum(a.nbytes for a in args if isinstance(a, np.ndarray)) / MIB**2
    print(json.dumps({"arguments": given, "results": size, "first": first, "later": later}))


if __name__ == "__main__":
    main(sys.argv[1])
