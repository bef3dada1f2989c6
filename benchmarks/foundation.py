"""The interpreter tier: overhead, gradient cost, building speed, start-up. ``python -m benchmarks.foundation``

Beside Thalweg stand plain NumPy (the function alone) and autograd, the peer that also works without compiling.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

import thalweg as tw
from benchmarks.timing import medians, process_seconds, python


def rosenbrock(x: Any, np: Any = np) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def chain(x: Any, np: Any = np) -> Any:
    return np.sum(np.exp(-x) * np.sin(x) ** 2 + np.sqrt(x + 1) * np.tanh(x))


def slices(x: Any, np: Any = np) -> Any:
    total = 0.0
    for i in range(len(x) - 1):
        total = total + np.sum(x[i : i + 2] ** 2)
    return total


def unrolled(x: Any) -> Any:
    s = x[0]
    for i in range(50_000):
        s = s * x[1] + i
    return s


def peers(f: Any, x: Any, compiled: Any = tw.value_and_grad) -> dict[str, Any]:
    ours = compiled(f)
    theirs = autograd.value_and_grad(lambda x: f(x, anp))
    value, slope = ours(x)
    other_value, other_slope = theirs(x)
    np.testing.assert_allclose(value, other_value, rtol=1e-12)
    np.testing.assert_allclose(slope, other_slope, rtol=1e-9, atol=1e-12)
    return {"NumPy f": lambda: f(x), "Thalweg f, ∇f": lambda: ours(x), "autograd f, ∇f": lambda: theirs(x)}


def show(title: str, seconds: dict[str, float], unit: float, name: str) -> None:
    base = seconds["NumPy f"]
    cells = "   ".join(f"{k} {v / unit:9.2f} {name} ({v / base:5.2f}×)" for k, v in seconds.items())
    print(f"{title:34} {cells}")


def main() -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}\n")
    show("Rosenbrock, n = 10", medians(peers(rosenbrock, np.linspace(0.1, 1, 10))), 1e-6, "µs")
    show("elementwise chain, n = 1e5", medians(peers(chain, np.linspace(0.1, 1, 100_000))), 1e-3, "ms")
    for n in (300, 1200):
        show(f"sum over {n} slices", medians(peers(slices, np.linspace(0.1, 1, n)), 5), 1e-3, "ms")

    start = time.perf_counter()
    graph = tw.trace(unrolled, np.ones(2))
    seconds = time.perf_counter() - start
    each = seconds / len(graph) * 1e5
    print(f"\n{len(graph)} scalar nodes from a Python loop: {seconds:.2f} s, {each:.2f} s for 100 000")
    f = tw.value_and_grad(rosenbrock)
    start = time.perf_counter()
    f(np.linspace(0.1, 1, 10))
    print(f"first call of value_and_grad(Rosenbrock 10): {(time.perf_counter() - start) * 1e3:.2f} ms")

    print(f"\npython -c 'pass'              {process_seconds(python('pass')):.3f} s")
    print(f"python -c 'import numpy'      {process_seconds(python('import numpy')):.3f} s")
    print(f"python -c 'import thalweg'    {process_seconds(python('import thalweg')):.3f} s")
    rosen = "100*(y - x^2)^2 + (1 - x)^2"
    command = [sys.executable, "-m", "thalweg", "minimize", rosen, "--start", "x=-1.2,y=1"]
    print(f"thalweg minimize (Rosenbrock) {process_seconds(command):.3f} s")


if __name__ == "__main__":
    main()
