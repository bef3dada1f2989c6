"""The Python entry of a compiled program: NumPy arrays in, a tuple of NumPy arrays out.

A program knows only data pointers, ``i32 @program(ptr inputs, ptr outputs, ptr scratch)``. Between it and a Python call
stands one C function for all programs, written in IR and compiled once a process: it reads the fields of the array
objects itself, has NumPy make the outputs, and costs 50–130 ns. What it must know of a program is a constant in the
program's module, its *signature*. An argument that it cannot use as it is (another shape, dtype, order or type) is
answered by ``NotImplemented``, and the caller brings it into form.

=====================  =============================================================================================
``@program`` returns   the call returns or raises
=====================  =============================================================================================
0                      a tuple of the outputs: arrays, NumPy scalars for shape ``()``
k ≥ 1                  ``None``: guard k does not hold
−1                     ``MemoryError``
−2³¹                   ``NotImplemented``: the interpreter shall say what is wrong (`REFUSED`)
−1 − k, k ≥ 1          ``numpy.linalg.LinAlgError`` with the k-th of ``failures``
=====================  =============================================================================================

Scratch memory lies on the stack when it is small; else a block is kept between calls (each thread takes it or makes
its own), and one that is very large is given back after each call.

Where the objects have another layout than `objects` knows (PyPy, free-threaded CPython, a later NumPy ABI), the call
goes through ctypes: `fallback`, the same in all but speed.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.execution.native import kept, llvm
from thalweg.execution.native.entry_ir import entry_ir
from thalweg.execution.native.objects import keep_forever, new_function, supported
from thalweg.execution.native.signature import KEPT, REFUSED, Signature, emit_entry, read

__all__ = ["REFUSED", "callable", "emit_entry", "fallback"]

_METH_FASTCALL = 0x0080


@functools.cache
def _entry() -> llvm.Code:
    """The compiled entry. Kept as long as the process lives: its callables may outlive all modules."""
    code = llvm.load(kept.compiled(entry_ir(), 0))  # level 2 would gain 6 ns a call and cost 26 ms
    keep_forever(code)
    return code


class _Program(ctypes.Structure):
    """``self`` of a callable: where the signature lies, and scratch memory; keeps the code alive."""

    _fields_ = (("signature", ctypes.c_void_p), ("scratch", ctypes.c_void_p))

    code: llvm.Code
    definition: _MethodDef
    free: Any

    def __del__(self) -> None:
        if self.scratch:
            self.free(self.scratch)


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def callable(code: llvm.Code) -> Callable[..., Any]:
    """The Python callable of a loaded module that `emit_entry` has completed."""
    if not supported():
        return fallback(code)
    entry = _entry()
    program = _Program(code.address("signature"), None)
    program.code = code
    program.definition = _MethodDef(b"program", entry.address("entry"), _METH_FASTCALL, None)
    program.free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(entry.address("free_scratch"))
    return new_function(ctypes.addressof(program.definition), program, None)


def fallback(code: llvm.Code) -> Callable[..., Any]:
    """What `callable` makes, without looking into objects: for interpreters whose objects are laid out otherwise."""
    signature = Signature.from_address(code.address("signature"))
    inputs, outputs = (read(signature.inputs, signature.count_in), read(signature.outputs, signature.count_out))
    failures = [signature.failures[k].decode() for k in range(signature.count_failures)]
    scratch_bytes = signature.scratch_bytes
    prototype = ctypes.CFUNCTYPE if signature.release_gil else ctypes.PYFUNCTYPE
    program = prototype(ctypes.c_int32, *(ctypes.c_void_p,) * 3)(signature.program)
    blocks: list[Any] = []

    def call(*args: Any) -> Any:
        if len(args) != len(inputs):
            return NotImplemented
        arrays = [_fitting(arg, *spec) for arg, spec in zip(args, inputs, strict=True)]
        if any(array is None for array in arrays):
            return NotImplemented
        results = [np.empty(shape, dtype) for shape, dtype in outputs]
        try:
            scratch = blocks.pop()
        except IndexError:
            scratch = np.empty(scratch_bytes + 64, np.uint8)
        answer = program(_pointers(arrays), _pointers(results), -(-scratch.ctypes.data // 64) * 64)
        if not blocks and scratch_bytes <= KEPT:
            blocks.append(scratch)
        if answer > 0:
            return None
        if answer == REFUSED:
            return NotImplemented
        if answer == -1:
            raise MemoryError
        if answer < -1:
            raise np.linalg.LinAlgError(failures[-2 - answer if -2 - answer < len(failures) else 0])
        return tuple([result[()] if not result.ndim else result for result in results])

    call.code = code  # type: ignore[attr-defined]  # its memory must live as long as the function
    return call


def _fitting(arg: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    if type(arg) is np.ndarray:
        same = arg.dtype == dtype and arg.dtype.isnative and arg.shape == shape
        return arg if same and arg.flags.c_contiguous and arg.flags.aligned else None
    if not shape and (type(arg) is dtype.type or (type(arg) is float and dtype == np.float64)):
        return np.array(arg, dtype)
    return None


def _pointers(arrays: list[Any]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])
