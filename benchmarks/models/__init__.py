"""``python -m benchmarks models``: the five models beside scikit-learn and PyTorch, in one run, on the same data.

A file a model has its `CASES`; `runner` measures them: first call and peak memory in a process of its own for each
candidate, later calls in turn, and what was reached by both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """One model on one data set, by us and by a peer.

    Attributes
    ----------
    name : str
        What is fitted, with its sizes.
    peer : str
        Whose the other candidate is: 'scikit-learn', 'PyTorch'.
    data : callable
        ``data() -> tuple`` of arrays, the same at every call.
    ours, theirs : callable
        ``ours(*data) -> fitted``, as a user would write it; the time of this call is measured.
    quality : callable
        ``quality(fitted, *data) -> float``, what was reached by either; less is better.
    target : float
        The ratio of times that is wanted, ours by theirs.
    slack : float
        By how much, relatively, our quality may be above theirs: 0 for "equal or better" up to rounding.
    memory : float or None
        MiB above the data that a call may need at its peak.
    """

    name: str
    peer: str
    data: Callable[[], tuple[Any, ...]]
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    quality: Callable[..., float]
    target: float
    slack: float = 1e-6
    memory: float | None = None
