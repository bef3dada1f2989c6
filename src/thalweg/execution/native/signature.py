"""The signature of a compiled program: a constant in its module that says what goes in and what comes out.

It lies beside the program, so object code from the disk needs no other description.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.execution.native.module import Module

Spec = tuple[tuple[int, ...], np.dtype[Any]]

ON_STACK = 32 << 10  # scratch up to here lives on the stack
KEPT = 256 << 20  # scratch up to here is kept between calls
REFUSED = -(1 << 31)  # the answer of a program that leaves a call to the interpreter, which says what is wrong
FAILED = "the factorization of a matrix failed"
DTYPES = tuple(np.dtype(t) for t in (np.float64, np.float32, np.int64, np.bool_))


class Array(ctypes.Structure):
    """Dtype (its place in ``DTYPES``) and shape of an input or output."""

    _fields_ = (("dtype", ctypes.c_int64), ("ndim", ctypes.c_int64), ("shape", ctypes.POINTER(ctypes.c_int64)))


class Signature(ctypes.Structure):
    """What ``@signature`` of a module holds."""

    _fields_ = (
        ("program", ctypes.c_void_p),
        ("scratch_bytes", ctypes.c_int64),
        ("release_gil", ctypes.c_int64),
        ("count_in", ctypes.c_int64),
        ("inputs", ctypes.POINTER(Array)),
        ("count_out", ctypes.c_int64),
        ("outputs", ctypes.POINTER(Array)),
        ("count_failures", ctypes.c_int64),
        ("failures", ctypes.POINTER(ctypes.c_char_p)),
    )


TYPES = """\
%array = type { i64, i64, ptr }
%signature = type { ptr, i64, i64, i64, ptr, i64, ptr, i64, ptr }"""


def emit_entry(
    module: Module,
    inputs: Sequence[Spec],
    outputs: Sequence[Spec],
    scratch_bytes: int,
    release_gil: bool,
    failures: Sequence[str] = (),
) -> None:
    """Add to a module with ``@program`` all that `callable` needs to know of it."""
    messages = failures or (FAILED,)
    for k, message in enumerate(messages):
        data = message.encode() + b"\0"
        text = "".join(f"\\{byte:02x}" for byte in data)
        module.declare(f"@failure.{k}", f'@failure.{k} = private constant [{len(data)} x i8] c"{text}"')
    pointers = ", ".join(f"ptr @failure.{k}" for k in range(len(messages)))
    constants = [
        TYPES,
        f"@failures = private constant [{len(messages)} x ptr] [{pointers}]",
        f"@inputs = private constant [{len(inputs)} x %array] [{_arrays(module, inputs)}]",
        f"@outputs = private constant [{len(outputs)} x %array] [{_arrays(module, outputs)}]",
        f"@signature = constant %signature {{ ptr @program, i64 {scratch_bytes}, i64 {int(release_gil)}, "
        f"i64 {len(inputs)}, ptr @inputs, i64 {len(outputs)}, ptr @outputs, i64 {len(messages)}, ptr @failures }}",
    ]
    module.declare("@signature", "\n".join(constants))


def _arrays(module: Module, specs: Sequence[Spec]) -> str:
    texts = []
    for shape, dtype in specs:
        name = "@shape" + "".join(f".{n}" for n in shape)
        numbers = ", ".join(f"i64 {n}" for n in shape)
        module.declare(name, f"{name} = private constant [{len(shape)} x i64] [{numbers}]")
        texts.append(f"%array {{ i64 {DTYPES.index(dtype)}, i64 {len(shape)}, ptr {name} }}")
    return ", ".join(texts)


def read(arrays: Any, count: int) -> list[Spec]:
    return [(tuple(arrays[i].shape[: arrays[i].ndim]), DTYPES[arrays[i].dtype]) for i in range(count)]
