"""The layout of CPython's and NumPy's objects, as compiled code reads them, and the addresses it calls.

The offsets are those of the public structs of CPython with the GIL and of NumPy's ABI 2, on machines of 64 bits.
`supported` reads known objects through them before anybody relies on them. Addresses of this process never stand in IR:
they are external symbols, so that object code can be kept on disk.
"""

from __future__ import annotations

import ctypes
import importlib
import struct
import sys
import sysconfig
from typing import Any

import numpy as np

from thalweg.execution.native import llvm

# Offsets in bytes.
TYPE = 8  # PyObject
VALUE = 16  # PyFloatObject.ob_fval; obval of NumPy's scalars
DATA, NDIM, SHAPE, DESCR, FLAGS = 16, 24, 32, 56, 64  # PyArrayObject
KIND, BYTEORDER, ITEMSIZE = 24, 26, 40  # PyArray_Descr
STRUCTURE = 16  # CDataObject.b_ptr of ctypes
CARRAY = 0x0101  # NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED

# NumPy's C API is a table of addresses; the places in it belong to its ABI.
_NUMPY = {"PyArray_Scalar": 60, "PyArray_New": 93}
_ABI, _NDARRAY, _DOUBLE = 0, 2, 31
_PYTHON = ("Py_IncRef", "Py_DecRef", "PyTuple_New", "PyTuple_SetItem", "PyErr_NoMemory", "PyErr_SetString",
           "PyEval_SaveThread", "PyEval_RestoreThread", "PyMem_RawMalloc", "PyMem_RawFree")  # fmt: skip

OBJECTS = {
    "thalweg_ndarray": np.ndarray,
    "thalweg_float": float,
    "thalweg_none": None,
    "thalweg_not_implemented": NotImplemented,
    "thalweg_LinAlgError": np.linalg.LinAlgError,
    **{f"thalweg_{name}": np.dtype(name) for name in ("float64", "float32", "int64", "bool")},
    **{f"thalweg_{name}_scalar": np.dtype(name).type for name in ("float64", "float32", "int64", "bool")},
}


def _python(name: str, result: Any, *arguments: Any) -> Any:
    """A function of CPython's C API, with a prototype that nobody else can change."""
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


def new_function(definition: int, self: Any, module: Any) -> Any:
    """A builtin function from the address of its ``PyMethodDef``."""
    new = _python("PyCFunction_NewEx", ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return new(definition, self, module)


_forever: list[Any] = []


def keep_forever(thing: Any) -> None:
    """Keep an object alive until the process ends, through the end of the interpreter."""
    _forever.append(thing)
    if sys.implementation.name == "cpython":
        _python("Py_IncRef", None, ctypes.py_object)(thing)


def _addresses() -> dict[str, int]:
    """The addresses of what compiled code refers to; empty where objects are laid out otherwise."""
    if (
        sys.implementation.name != "cpython"
        or struct.calcsize("P") != 8
        or sysconfig.get_config_var("Py_GIL_DISABLED")
        or sys.byteorder != "little"
    ):
        return {}
    api = importlib.import_module("numpy._core._multiarray_umath")._ARRAY_API
    pointer = _python("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    table = ctypes.cast(pointer(api, None), ctypes.POINTER(ctypes.c_void_p))
    if (table[_NDARRAY], table[_DOUBLE]) != (id(np.ndarray), id(np.float64)) or not _layout_holds():
        return {}
    if ctypes.CFUNCTYPE(ctypes.c_uint)(table[_ABI])() >> 24 != 2:
        return {}
    python = {name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0 for name in _PYTHON}
    numpy = {name: table[place] or 0 for name, place in _NUMPY.items()}
    return {**python, **numpy, **{name: id(thing) for name, thing in OBJECTS.items()}}


class _Known(ctypes.Structure):
    _fields_ = (("a", ctypes.c_void_p), ("b", ctypes.c_void_p))


def _layout_holds() -> bool:
    """Read known objects through the offsets above."""
    array = np.arange(6.0).reshape(2, 3)[:, 1:]
    known = _Known()
    at, dtype = id(array), array.dtype
    word, half, byte = ctypes.c_int64.from_address, ctypes.c_int32.from_address, ctypes.c_char.from_address
    shape = word(at + SHAPE).value
    return (
        word(id(known) + STRUCTURE).value == ctypes.addressof(known)
        and word(at + TYPE).value == id(np.ndarray)
        and word(at + DATA).value == array.ctypes.data
        and half(at + NDIM).value == 2
        and (word(shape).value, word(shape + 8).value) == (2, 2)
        and word(at + DESCR).value == id(dtype)
        and half(at + FLAGS).value == array.flags.num
        and byte(id(dtype) + KIND).value == b"f"
        and byte(id(dtype) + BYTEORDER).value == b"="
        and word(id(np.dtype(complex)) + ITEMSIZE).value == 16
        and all(_value_at(number, "d") for number in (0.1, np.float64(0.1)))
        and all(_value_at(number, number.dtype.char) for number in (np.float32(0.1), np.int64(-7), np.True_))
    )


def _value_at(number: Any, char: str) -> bool:
    size = np.dtype(char).itemsize
    return ctypes.string_at(id(number) + VALUE, size) == np.array(number, char).tobytes()


_known: dict[str, int] | None = None


def supported() -> bool:
    """Whether compiled code may look into objects here; registers the symbols that it needs."""
    global _known
    if _known is None:
        try:
            found = _addresses()
        except (AttributeError, ImportError, ValueError, OSError):
            found = {}
        for name, address in found.items():
            llvm.add_symbol(name, address)
        _known = found
    return bool(_known)
