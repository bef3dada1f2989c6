"""How each peer is called, as its own documentation advises.

JAX: one ``jax.jit`` around the whole question, 64-bit, arguments put on the device beforehand, ``block_until_ready``.
PyTorch: ``torch.autograd.grad`` on tensors that share memory with the arrays, eagerly, and through ``torch.compile``.
CasADi: one ``Function`` of SX (scalar formulas) or MX (whole arrays), called through ``Function.buffer``: nothing is
given, converted or allocated in a call, which reads and overwrites fixed memory; small formulas also through its C
compiler (``jit``). autograd: its own ``value_and_grad``.

A call that answers the question anew, as all others do, takes its arguments and returns arrays of its own: that is
measured as well, as ``CasADi, copied``.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.workload import Build, Call

PACKAGES = {
    "JAX": "jax",
    "PyTorch": "torch",
    "torch.compile": "torch",
    "CasADi": "casadi",
    "CasADi C": "casadi",
    "autograd": "autograd",
}
COPIED = "CasADi, copied"


def available(threads: int) -> dict[str, str]:
    """The peers that can be imported, with their versions; set up for 64 bits and so many threads."""
    found = {}
    compiler = shutil.which("cc") or shutil.which("gcc")
    for peer, package in PACKAGES.items():
        if peer in ("torch.compile", "CasADi C") and compiler is None:
            continue
        try:
            module = importlib.import_module(package)
        except ImportError:
            continue
        if package == "jax":
            module.config.update("jax_enable_x64", True)
        elif package == "torch":
            module.set_num_threads(threads)
        found[peer] = importlib.metadata.version(package)
    return found


def jax_call(g: Callable[..., Any], args: Sequence[Any]) -> Call:
    """A call of ``jax.jit(g)`` on arguments that are on the device already."""
    import jax

    compiled = jax.jit(g)
    placed = jax.device_put(tuple(args))
    return lambda: jax.block_until_ready(compiled(*placed))


def jax_gradient(f: Callable[..., Any], args: Sequence[Any], wrt: int | tuple[int, ...] = 0) -> Call:
    import jax

    return jax_call(jax.value_and_grad(f, argnums=wrt), args)


def tensors(args: Sequence[Any]) -> list[Any]:
    """The arguments as tensors on the same memory."""
    import torch

    return [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in args]


def torch_gradient(
    f: Callable[..., Any], args: Sequence[Any], wrt: Sequence[int] = (0,), compiled: bool = False
) -> Call:
    """The value and the gradients (one alone if only one argument is named)."""
    import torch

    given = tensors(args)
    leaves = [given[i].requires_grad_() for i in wrt]
    if compiled:
        f = torch.compile(f, dynamic=False)

    def call() -> Any:
        y = f(*given)
        slopes = torch.autograd.grad(y, leaves)
        return y.detach(), slopes[0] if len(leaves) == 1 else slopes

    return call


def both_torch(build: Callable[..., Call]) -> dict[str, Build]:
    """The rows of a builder that takes ``compiled=``."""
    return {"PyTorch": build, "torch.compile": functools.partial(build, compiled=True)}


def autograd_gradient(f: Callable[..., Any], args: Sequence[Any], wrt: int | tuple[int, ...] = 0) -> Call:
    import autograd

    g = autograd.value_and_grad(f, wrt)
    return lambda: g(*args)


def both_casadi(build: Callable[..., Call]) -> dict[str, Build]:
    """The rows of a builder that takes ``compiled=``."""
    return {"CasADi": build, "CasADi C": functools.partial(build, compiled=True)}


def casadi_call(
    variables: Sequence[Any], outputs: Sequence[Any], args: Sequence[Any], shapes: Sequence[Any], compiled: bool = False
) -> Call:
    """A call through the raw buffers of a CasADi function; ``shapes`` are those of the results, as NumPy has them.

    Matrices of CasADi lie column by column: a matrix argument is given as its transpose lies in NumPy.
    """
    import casadi

    if compiled:
        f = _compiled(variables, outputs)
    else:
        f = casadi.Function("f", list(variables), list(outputs))
    buffer, trigger = f.buffer()
    results = [np.zeros(f.nnz_out(i)) for i in range(f.n_out())]
    given = [np.array(a, dtype=float).ravel() for a in args]
    for i, a in enumerate(given):
        assert a.size == f.nnz_in(i)
        buffer.set_arg(i, memoryview(a))
    for i, a in enumerate(results):
        buffer.set_res(i, memoryview(a))
    shaped = [r.reshape(s) for r, s in zip(results, shapes, strict=True)]
    places = [g.reshape(np.shape(a)) for g, a in zip(given, args, strict=True)]

    def call() -> Any:
        trigger()
        return shaped

    def copied() -> Any:
        for place, a in zip(places, args, strict=True):
            place[...] = a
        trigger()
        return [r.copy() for r in shaped]

    call.places = places  # type: ignore[attr-defined]
    call.copied = copied  # type: ignore[attr-defined]
    call.alive = (f, buffer)  # type: ignore[attr-defined]
    return call


def _compiled(variables: Sequence[Any], outputs: Sequence[Any]) -> Any:
    """A function through generated C; the compiler's files lie in a folder that is removed."""
    import casadi

    flags = {"flags": ["-O3", "-march=native"], "cleanup": False}
    options = {"jit": True, "compiler": "shell", "jit_options": flags, "jit_cleanup": False}
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return casadi.Function("f", list(variables), list(outputs), options)
        finally:
            os.chdir(here)
