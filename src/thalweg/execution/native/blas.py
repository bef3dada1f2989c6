"""BLAS and LAPACK, as symbols that compiled code may call: ``thalweg_dgemm`` for ``dgemm`` and so on.

NumPy's own library is in the process already, with its Fortran names, and NumPy's results come from it. Where it cannot
be found (a NumPy built otherwise), SciPy's exported pointers are the general way; loading SciPy for them costs a fifth
of a second. Fortran takes every number by its address; the lengths of character arguments follow at the end.
"""

from __future__ import annotations

import ctypes
import importlib
from functools import lru_cache
from typing import Any

from thalweg.execution.native import llvm
from thalweg.execution.native.module import Body, Module

_REGISTERED: set[str] = set()


@lru_cache(maxsize=1)
def _bundled() -> Any:
    """The shared library of NumPy's core: a symbol is sought in all that it links to, its BLAS among them."""
    try:
        core = importlib.import_module("numpy._core._multiarray_umath")
        library = ctypes.CDLL(core.__file__)
        for name in ("dgemm", "sgemm", "dpotrf", "dgetrf"):
            library[f"scipy_{name}_64_"]
    except (ImportError, OSError, AttributeError, TypeError):
        return None
    return library


@lru_cache(maxsize=1)
def integer() -> str:
    """The type of Fortran's integers: ``i64`` in NumPy's own library, ``i32`` in SciPy's interface."""
    return "i32" if _bundled() is None else "i64"


def _capsule_pointer(capsule: Any) -> int:
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return int(api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule)))


def address(name: str) -> int:
    """Where the routine is, with its prefix ``d`` or ``s``: ``dgemm``."""
    library = _bundled()
    if library is not None:
        try:
            found = ctypes.cast(library[f"scipy_{name}_64_"], ctypes.c_void_p).value
        except AttributeError:
            found = None
        if found is not None:
            return found
        raise LookupError(f"NumPy's BLAS has no routine {name}")
    from scipy.linalg import cython_blas, cython_lapack

    for module in (cython_blas, cython_lapack):
        if name in module.__pyx_capi__:
            return _capsule_pointer(module.__pyx_capi__[name])
    raise LookupError(f"SciPy has no routine {name}")


# OpenBLAS's kernels for vectors of 64 bytes. Where it does not know a CPU it takes those for 32, at half the speed.
_WIDE_CORES = (b"SKYLAKEX", b"COOPERLAKE", b"SAPPHIRERAPIDS", b"A64FX")


@lru_cache(maxsize=1)
def narrow(vector_bytes: int) -> bool:
    """Whether NumPy's BLAS is one that leaves half of each vector register of this CPU unused."""
    library = _bundled()
    if vector_bytes < 64 or library is None:
        return False
    for name in ("scipy_openblas_get_corename64_", "openblas_get_corename64_"):
        try:
            core = library[name]
        except AttributeError:
            continue
        core.restype = ctypes.c_char_p
        return core().upper() not in _WIDE_CORES
    return False


def symbol(name: str) -> str:
    """The name by which compiled code calls the routine; LLVM knows its address from now on."""
    if name not in _REGISTERED:
        llvm.add_symbol(f"thalweg_{name}", address(name))
        _REGISTERED.add(name)
    return f"thalweg_{name}"


def prefix(kind: str) -> str:
    """``d`` for double, ``s`` for float."""
    return "d" if kind == "double" else "s"


# --- arguments ------------------------------------------------------------------------------------------------------


def constant(module: Module, kind: str, value: int | float | str) -> str:
    """The address of a constant of the module."""
    text = str(value).replace("-", "m").replace(".", "_").replace("+", "")
    name = f"@const.{kind}.{text}"
    module.declare(name, f"{name} = private unnamed_addr constant {kind} {value}")
    return name


def letter(module: Module, value: str) -> str:
    """The address of one character."""
    return constant(module, "i8", ord(value))


def number(body: Body, value: int | str) -> str:
    """The address of a Fortran integer: a constant, or a register (i64) that is put on the stack."""
    if isinstance(value, int):
        return constant(body.module, integer(), value)
    if integer() == "i32":
        value = body.emit(f"trunc i64 {value} to i32")
    place = body.emit(f"alloca {integer()}")
    body.line(f"store {integer()} {value}, ptr {place}")
    return place


def call(body: Body, name: str, arguments: list[str], letters: int = 0, result: str = "void") -> str:
    """Call a routine with addresses; ``letters`` of them are characters, whose lengths Fortran passes too."""
    target = symbol(name)
    lengths = ["i64 1"] * letters
    kinds = ", ".join(["ptr"] * len(arguments) + ["i64"] * letters)
    body.module.declare(f"@{target}", f"declare {result} @{target}({kinds})")
    text = f"call {result} @{target}({', '.join([f'ptr {a}' for a in arguments] + lengths)})"
    if result == "void":
        body.line(text)
        return ""
    return body.emit(text)


def scalar(body: Body, kind: str, value: float) -> str:
    """The address of a number."""
    return constant(body.module, kind, f"{value:.1f}")


def gemm(
    body: Body,
    kind: str,
    transposed: tuple[bool, bool],
    sizes: tuple[int | str, int | str, int | str],
    a: tuple[str, int | str],
    b: tuple[str, int | str],
    c: tuple[str, int | str],
    times: float = 1.0,
    add: bool = False,
) -> None:
    """C = op(A) op(B) times a number (+ C) in Fortran's order: (pointer, distance of columns) each, sizes (M, N, K)."""
    flags = [letter(body.module, "T" if t else "N") for t in transposed]
    m, n, k = (number(body, size) for size in sizes)
    alpha, beta = scalar(body, kind, times), scalar(body, kind, 1.0 if add else 0.0)
    (pa, lda), (pb, ldb), (pc, ldc) = ((p, number(body, ld)) for p, ld in (a, b, c))
    call(body, f"{prefix(kind)}gemm", [*flags, m, n, k, alpha, pa, lda, pb, ldb, beta, pc, ldc], 2)


def gemv(
    body: Body,
    kind: str,
    transposed: bool,
    sizes: tuple[int | str, int | str],
    a: tuple[str, int],
    x: tuple[str, int],
    y: tuple[str, int],
    add: bool = False,
) -> None:
    """y = op(A) x (+ y), A of M rows and N columns in Fortran's order; x and y as (lowest address, step)."""
    flag = letter(body.module, "T" if transposed else "N")
    m, n = (number(body, size) for size in sizes)
    one, beta = scalar(body, kind, 1.0), scalar(body, kind, 1.0 if add else 0.0)
    (pa, lda), (px, incx), (py, incy) = ((p, number(body, step)) for p, step in (a, x, y))
    call(body, f"{prefix(kind)}gemv", [flag, m, n, one, pa, lda, px, incx, beta, py, incy], 1)


def dot(body: Body, kind: str, n: int | str, x: tuple[str, int], y: tuple[str, int]) -> str:
    """Σ x y, in a register; x and y as (lowest address, step)."""
    (px, incx), (py, incy) = ((p, number(body, step)) for p, step in (x, y))
    return call(body, f"{prefix(kind)}dot", [number(body, n), px, incx, py, incy], result=kind)
