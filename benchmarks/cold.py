"""From the start of a process to the first gradient of Rosenbrock's function of ten variables."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_OURS = """
import numpy as np, thalweg as tw
def f(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
g = tw.value_and_grad(f)
g(np.linspace(0.1, 1, 10))
"""
_REPEATED = "\nimport time\nend = time.time() + 2\nwhile time.time() < end:\n    g(np.linspace(0.1, 1, 10))\n"
_JAX = """
import jax, numpy as np
import jax.numpy as jnp
jax.config.update("jax_enable_x64", True)
def f(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
jax.block_until_ready(jax.jit(jax.value_and_grad(f))(np.linspace(0.1, 1, 10)))
"""
_TORCH = """
import torch
x = torch.linspace(0.1, 1, 10, dtype=torch.float64, requires_grad=True)
y = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
torch.autograd.grad(y, x)
"""
_CASADI = """
import casadi as ca, numpy as np
x = ca.SX.sym("x", 10)
y = ca.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
ca.Function("f", [x], [y, ca.gradient(y, x)])(np.linspace(0.1, 1, 10))
"""
_AUTOGRAD = """
import autograd, autograd.numpy as np
def f(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
autograd.value_and_grad(f)(np.linspace(0.1, 1, 10))
"""
_SAY_WHEN = "\nimport time\nprint(repr(time.time()))"
_SCRIPTS = {
    "Thalweg, empty cache": _OURS,
    "Thalweg, second run": _OURS,
    "JAX": _JAX,
    "JAX, its cache": _JAX,
    "PyTorch": _TORCH,
    "CasADi": _CASADI,
    "autograd": _AUTOGRAD,
}


def cold(peers: set[str], rounds: int = 7) -> dict[str, float]:
    """The median seconds of each candidate, in turn, each in a new process."""
    names = [n for n in _SCRIPTS if n.split(",")[0] in peers or n.startswith("Thalweg")]
    seconds: dict[str, list[float]] = {n: [] for n in names}
    with tempfile.TemporaryDirectory() as kept:
        for name in names:  # also brings the files of each library into memory
            _run(_SCRIPTS[name] + (_REPEATED if name == "Thalweg, second run" else ""), Path(kept))
        for _ in range(rounds):
            for name in names:
                if name in ("Thalweg, second run", "JAX, its cache"):
                    seconds[name].append(_run(_SCRIPTS[name], Path(kept)))
                else:
                    with tempfile.TemporaryDirectory() as empty:
                        seconds[name].append(_run(_SCRIPTS[name], Path(empty) if "empty" in name else None))
    return {name: statistics.median(s) for name, s in seconds.items()}


def _run(script: str, cache: Path | None) -> float:
    environment = dict(os.environ)
    if cache is not None:
        environment["THALWEG_CACHE_DIR"] = str(cache / "thalweg")
        environment["JAX_COMPILATION_CACHE_DIR"] = str(cache / "jax")
        environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        environment["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    start = time.time()
    done = subprocess.run(
        [sys.executable, "-c", script + _SAY_WHEN], env=environment, check=True, capture_output=True, text=True
    )
    return float(done.stdout) - start
