"""Answers of different libraries, made comparable: nested numbers, arrays, tensors, sparse matrices → flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse


class Disagreement(AssertionError):
    """Two answers to one question differ."""


def arrays(answer: Any) -> Iterator[Any]:
    """The arrays of a nested answer in order; dicts by their keys in alphabetical order. Sparse ones stay sparse."""
    if isinstance(answer, dict):
        for key in sorted(answer):
            yield from arrays(answer[key])
    elif isinstance(answer, tuple | list):
        for part in answer:
            yield from arrays(part)
    elif scipy.sparse.issparse(answer):
        yield answer.tocsr()
    elif hasattr(answer, "detach"):
        yield answer.detach().numpy()
    else:
        yield np.asarray(answer)


def agree(ours: Any, theirs: Any, rtol: float) -> float:
    """The largest difference relative to the largest number of its array; a `Disagreement` where it passes ``rtol``."""
    left, right = list(arrays(ours)), list(arrays(theirs))
    if [a.shape for a in left] != [a.shape for a in right]:
        raise Disagreement(f"shapes {[a.shape for a in left]} and {[a.shape for a in right]}")
    worst = 0.0
    for a, b in zip(left, right, strict=True):
        if scipy.sparse.issparse(a) or scipy.sparse.issparse(b):
            difference, scale = abs(scipy.sparse.csr_array(a) - scipy.sparse.csr_array(b)).max(), abs(b).max()
        else:
            difference, scale = np.max(np.abs(a - b), initial=0), np.max(np.abs(b), initial=0)
        error = float(difference) / max(float(scale), 1e-300) if difference != 0 else 0.0
        if not error <= rtol:
            raise Disagreement(f"relative difference {error:.2g}, allowed are {rtol:.2g}")
        worst = max(worst, error)
    return worst
