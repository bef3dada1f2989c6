"""Which centre is nearest to each row, exactly: by NumPy a block of rows at a time, or by machine code with bounds.

Machine code (`kernel`) is taken where the work of a pass is worth loading it, which sizes alone decide: so the same data
are always treated in the same way.  Where LLVM cannot start, and for sparse rows, NumPy does it all.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np

from thalweg.execution.tiers import native_enabled

from .rows import Array, Rows

__all__ = ["BoundedSearch", "PlainSearch", "nearest", "search"]

_WORTH = 1 << 24  # products in one pass, from which on machine code pays for being loaded


def search(rows: Rows, clusters: int) -> PlainSearch:
    """The way to search that suits the sizes."""
    if rows.count * rows.features * clusters >= _WORTH and not rows.sparse and _kernel(rows.X.dtype.char) is not None:
        return BoundedSearch(rows, clusters)
    return PlainSearch(rows)


def nearest(rows: Rows, centers: Array) -> Array:
    """The number of the nearest centre for each row; centres from the origin of the rows."""
    found = search(rows, len(centers))
    found.assign(centers)
    return found.labels


class PlainSearch:
    """All distances, in blocks.

    Attributes
    ----------
    labels : ndarray of int32
        The nearest centre of each row; of several the first.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.labels = np.zeros(rows.count, np.int32)

    def assign(self, centers: Array, shift: Array | None = None) -> None:
        """Find the nearest of the centres, given from the origin.

        Parameters
        ----------
        centers : ndarray of shape (clusters, features)
        shift : ndarray of shape (clusters,), optional
            How far each has moved since the last call; without it nothing of the last call is used.
        """
        norms, doubled = np.einsum("ij,ij->i", centers, centers), -2.0 * centers.T
        for block in self.rows.blocks(len(centers)):
            distances = self.rows.part(block) @ doubled
            distances += norms
            self.labels[block] = np.argmin(distances, axis=1)


class BoundedSearch(PlainSearch):
    """Machine code on all threads, and rows left out whose bounds prove that nothing has changed."""

    def __init__(self, rows: Rows, clusters: int) -> None:
        from thalweg.execution.native import threads

        from . import kernel

        super().__init__(rows)
        X, n, d = rows.X, rows.count, rows.features
        self._run = _kernel(X.dtype.char)
        self._chunks = -(-n // kernel.CHUNK)
        groups = -(-clusters // kernel.AT_ONCE)
        lanes = kernel.lanes(_KINDS[X.dtype.char])
        scratch_bytes = -(-(8 * kernel.CHUNK + X.itemsize * d * lanes) // 64) * 64
        scratch = np.empty(threads.limit() * scratch_bytes + 64, np.uint8)
        self._epsilon = float(np.finfo(X.dtype).eps)
        self._arrays: dict[str, Array] = {
            "X": X,
            "packed": np.zeros((groups, d, kernel.AT_ONCE), X.dtype),
            "norms": np.full(groups * kernel.AT_ONCE, np.inf, X.dtype),
            "mean": rows.origin,
            "centers": np.empty((clusters, d), X.dtype),
            "labels": self.labels,
            "upper": np.empty(n, X.dtype),
            "lower": np.empty(n, X.dtype),
            "shift": np.zeros(clusters, X.dtype),
            "others": np.zeros(clusters, X.dtype),
            "half": np.zeros(clusters, X.dtype),
            "slack": np.zeros(1, X.dtype),
            "seen": np.zeros((self._chunks, 2), np.int64),
            "scratch": scratch[-scratch.ctypes.data % 64 :],
        }
        numbers = {"rows": n, "features": d, "groups": groups, "mode": 0, "scratch_bytes": scratch_bytes}
        self._problem = np.array(
            [numbers[f] if f in numbers else self._arrays[f].ctypes.data for f in kernel.FIELDS], np.int64
        )
        self._mode = kernel.FIELDS.index("mode")
        self._at_once = kernel.AT_ONCE

    @property
    def seen(self) -> tuple[int, int]:
        """Of the last pass: rows whose bounds failed, and rows whose distances to all centres were computed."""
        failed, computed = self._arrays["seen"].sum(axis=0)
        return int(failed), int(computed)

    def assign(self, centers: Array, shift: Array | None = None) -> None:
        a, (k, d) = self._arrays, centers.shape
        a["centers"][...] = centers
        norms = np.einsum("ij,ij->i", a["centers"], a["centers"])
        a["norms"][:k] = norms
        padded = np.zeros((len(a["norms"]), d), centers.dtype)
        np.multiply(centers, -2.0, out=padded[:k])
        a["packed"][...] = padded.reshape(-1, self._at_once, d).transpose(0, 2, 1)
        radius = np.sqrt(self.rows.squares[2]) + np.sqrt(float(np.max(norms)))
        a["slack"][0] = self._epsilon * (d + 8) * radius**2  # γ_d Σ|x||c|, doubled: the error of an inner product
        if shift is not None:
            self._bound(np.asarray(shift, np.float64), np.asarray(centers, np.float64), float(a["slack"][0]))
        self._problem[self._mode] = 0 if shift is None else 2
        self._run(self._problem.ctypes.data, self._chunks)

    def _bound(self, shift: Array, centers: Array, slack: float) -> None:
        """What the bounds are moved by, rounded outwards."""
        a, up, down = self._arrays, 1.0 + 8 * self._epsilon, 1.0 - 8 * self._epsilon
        a["shift"][...] = shift * up
        if len(shift) == 1:  # no other centre ever is nearer
            a["others"][...] = 0.0
            a["half"][...] = np.inf
            return
        first = int(np.argmax(shift))
        a["others"][...] = shift[first] * up
        a["others"][first] = np.max(np.delete(shift, first)) * up
        norms = np.einsum("ij,ij->i", centers, centers)
        between = norms[:, None] + norms - 2.0 * (centers @ centers.T) - slack
        np.fill_diagonal(between, np.inf)
        a["half"][...] = 0.5 * np.sqrt(np.maximum(np.min(between, axis=1), 0.0)) * down


_KINDS = {"d": "double", "f": "float"}


@functools.cache
def _loaded(char: str) -> Any:
    from thalweg.execution.native import kept, llvm, symbols
    from thalweg.execution.native.objects import keep_forever

    from . import kernel

    if not llvm.available():
        return None
    try:
        code = symbols.load(kept.compiled(kernel.kernel_ir(_KINDS[char]), 2))
    except llvm.LinkError:  # no threads of its own on this system
        return None
    keep_forever(code)
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(code.address("run"))


def _kernel(char: str) -> Any:
    """The compiled function, or None where there can be none."""
    return _loaded(char) if native_enabled() else None
