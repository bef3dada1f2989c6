"""The price of machine code: how long a graph will take to compile, told from its size.

The coefficients were measured; every compilation in this process corrects them, by an exponential average of what it
took against what had been told.
"""

from __future__ import annotations

import sys
import threading

from thalweg.graph import CONSTANT, INPUT, Graph

_START = 0.08  # seconds to import and start LLVM, paid by the first function
_BASE = 0.012
_LARGE = 3000  # operations from which code is optimised less (`native.program`)
_SMALL_NODE, _LARGE_NODE = 1.2e-4, 2.0e-5
_WEIGHT = 0.3  # of the latest compilation in the average

_factors = {False: 1.0, True: 1.0}
_lock = threading.Lock()


def compile_seconds(graph: Graph) -> float:
    """The estimated time to compile ``graph`` in this process, now."""
    large, told = _told(graph)
    start = 0.0 if "llvmlite.binding" in sys.modules else _START
    return start + told * _factors[large]


def learn(graph: Graph, seconds: float) -> None:
    """Correct the estimate: ``graph`` has taken this long, LLVM having been started before."""
    large, told = _told(graph)
    with _lock:
        _factors[large] += _WEIGHT * (seconds / told - _factors[large])


def _told(graph: Graph) -> tuple[bool, float]:
    count = sum(1 for n in graph.nodes if n.op is not INPUT and n.op is not CONSTANT)
    large = count > _LARGE
    return large, _BASE + count * (_LARGE_NODE if large else _SMALL_NODE)
