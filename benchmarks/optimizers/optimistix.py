"""optimistix: BFGS for objectives and Levenberg–Marquardt for residuals, on JAX, which compiles at every new problem.

The functions are the same text with JAX's NumPy for NumPy. It has no constraints.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.optimizers.solver import Answer, Solver, renewed, unconstrained


def solve(problem: Any, limit: float) -> Answer:
    """BFGS. It knows no time limit; 5000 steps are the bound."""
    import jax
    import jax.numpy as jnp
    import optimistix as optx

    jax.config.update("jax_enable_x64", True)
    f = renewed(problem.f, jnp)
    start = time.perf_counter()
    method = optx.BFGS(rtol=1e-9, atol=1e-9)
    found = optx.minimise(lambda x, _: jnp.asarray(f(x)), method, _start(problem), max_steps=5000, throw=False)
    return _answer(found, start)


def least_squares(problem: Any, limit: float) -> Answer:
    """Levenberg–Marquardt."""
    import jax
    import jax.numpy as jnp
    import optimistix as optx

    jax.config.update("jax_enable_x64", True)
    residuals = renewed(problem.residuals, jnp)
    start = time.perf_counter()
    method = optx.LevenbergMarquardt(rtol=1e-9, atol=1e-9)
    found = optx.least_squares(
        lambda x, _: jnp.stack([jnp.asarray(r) for r in residuals(x)]),
        method,
        _start(problem),
        max_steps=5000,
        throw=False,
    )
    return _answer(found, start)


def _start(problem: Any) -> Any:
    import jax.numpy as jnp

    return jnp.asarray(problem.x0, dtype=float)


def _answer(found: Any, start: float) -> Answer:
    import optimistix as optx

    x = np.asarray(found.value)
    seconds = time.perf_counter() - start
    success = bool(found.result == optx.RESULTS.successful)
    steps = int(found.stats["num_steps"])
    message = "converged" if success else str(optx.RESULTS[found.result]).splitlines()[0]
    return Answer(x, success, message, seconds, {"value": steps, "gradient": steps}, steps)


BFGS = Solver("optimistix BFGS", "optimistix", solve, unconstrained)
LEAST_SQUARES = Solver(
    "optimistix LM", "optimistix", least_squares, lambda p: p.residuals is not None and unconstrained(p)
)
