"""Machine code for k-means in this process: which is there, and a call of it.

Where LLVM cannot start, or is forbidden, there is none, and NumPy does the work.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from thalweg.execution.tiers import native_enabled

from .rows import Array, Rows

__all__ = ["Loops", "pays"]

_WORTH = 1 << 24  # products in one pass, from which on machine code pays for being loaded
_KINDS = {"d": "double", "f": "float"}


def pays(rows: Rows, clusters: int) -> bool:
    """Whether machine code is taken: sizes alone decide, so the same data are always treated in the same way."""
    return (
        not rows.sparse
        and rows.count * rows.features * clusters >= _WORTH
        and native_enabled()
        and _loaded("nearest", rows.X.dtype.char) is not None
    )


@functools.cache
def _loaded(which: str, char: str) -> Any:
    """``run(problem, chunks)``, or None where there can be none."""
    from thalweg.execution.native import kept, llvm, symbols
    from thalweg.execution.native.objects import keep_forever

    from . import kernel, seeding_kernel

    if not llvm.available():
        return None
    write = kernel.kernel_ir if which == "nearest" else seeding_kernel.seeding_ir
    try:
        code = symbols.load(kept.compiled(write(_KINDS[char]), 1))
    except llvm.LinkError:
        return None
    keep_forever(code)
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(code.address("run"))


class Loops:
    """Compiled loops over rows, with what they read and write.

    Parameters
    ----------
    which : {'nearest', 'seeding'}
    rows : Rows
    centers : int
        How many centres, or candidates, at most.
    arrays : mapping
        The fields of the kernel beside those of every one.
    """

    def __init__(self, which: str, rows: Rows, centers: int, arrays: Mapping[str, Array]) -> None:
        from thalweg.execution.native import threads

        from . import kernel, panel, seeding_kernel

        of: Any = kernel if which == "nearest" else seeding_kernel
        fields, integers = of.FIELDS, of.NUMBERS
        X, d = rows.X, rows.features
        self.chunks = -(-rows.count // panel.CHUNK)
        self._at_once = panel.AT_ONCE
        self._run = _loaded(which, X.dtype.char)
        groups = -(-centers // panel.AT_ONCE)
        panel_bytes = X.itemsize * d * panel.lanes(_KINDS[X.dtype.char])
        scratch_bytes = -(-(8 * panel.CHUNK + panel_bytes) // 64) * 64
        scratch = np.empty(threads.limit() * scratch_bytes + 64, np.uint8)
        self.arrays: dict[str, Array] = {
            "X": X,
            "packed": np.zeros((groups, d, panel.AT_ONCE), X.dtype),
            "norms": np.full(groups * panel.AT_ONCE, np.inf, X.dtype),
            "mean": rows.origin,
            "scratch": scratch[-scratch.ctypes.data % 64 :],
            **arrays,
        }
        numbers = {"rows": rows.count, "features": d, "groups": groups, "scratch_bytes": scratch_bytes}
        self._at = {name: number for number, name in enumerate(fields)}
        self._problem = np.array(
            [numbers.get(f, 0) if f in integers else self.arrays[f].ctypes.data for f in fields], np.int64
        )

    def take(self, centers: Array) -> Array:
        """Pack these centres, given from the origin of the rows; returns their squared norms."""
        k, d = centers.shape
        groups = -(-k // self._at_once)
        self._problem[self._at["groups"]] = groups
        norms = np.einsum("ij,ij->i", centers, centers)
        self.arrays["norms"][:k] = norms
        self.arrays["norms"][k:] = np.inf
        padded = np.zeros((groups * self._at_once, d), centers.dtype)
        np.multiply(centers, -2.0, out=padded[:k])
        self.arrays["packed"][:groups] = padded.reshape(groups, self._at_once, d).transpose(0, 2, 1)
        return norms

    def run(self, **numbers: int) -> None:
        """Do all chunks, with these integers among the fields."""
        for name, number in numbers.items():
            self._problem[self._at[name]] = number
        self._run(self._problem.ctypes.data, self.chunks)
