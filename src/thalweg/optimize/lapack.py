"""SciPy's LAPACK, loaded when the first routine is called: ``import thalweg`` stays quick.

``lapack.dpotrf(A)`` is `scipy.linalg.lapack.dpotrf`; on small matrices these cost a tenth of what NumPy's and SciPy's
own functions around them do.
"""

from __future__ import annotations

from typing import Any

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    from scipy.linalg import lapack

    routine = getattr(lapack, name)
    globals()[name] = routine
    return routine
