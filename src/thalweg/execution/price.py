"""The price of machine code: how long a graph will take to compile, told from its size.

The coefficients were measured; every compilation in this process corrects them, by an exponential average of what it
took against what had been told.
"""

from __future__ import annotations

import sys
import threading
from math import ceil
from typing import Any

from thalweg.graph import CONSTANT, INPUT, Graph, is_several
from thalweg.ops.movement import BROADCAST, RESHAPE, SLICE, TRANSPOSE

_VIEWS = (RESHAPE, TRANSPOSE, BROADCAST, SLICE)

_START = 0.08  # seconds to import and start LLVM, paid by the first function
_BASE = 0.01
_ARRAY = 4e-3  # an operation on arrays: loops, which LLVM takes pains with
_ALIKE = 2.5e-4  # each further one of its kind
_TINY = 16  # elements up to which an array becomes scalars
_SCALAR, _SCALAR_OF_MANY = 6e-5, 2.5e-5
_MANY = 3000  # scalar operations from which they are optimised less (`native.program`)
_BYTE = 2.5e-10  # seconds to write one byte of a result
_STEP = 7e-7  # seconds of one step of the interpreter
_WEIGHT = 0.3  # of the latest compilation in the average

_TIMES_LEAST = 3.0  # what interpreting takes, as a multiple of the least it can take

_factors = {False: 1.0, True: 1.0}
_lock = threading.Lock()


def started() -> bool:
    """Whether this process has started LLVM."""
    return "llvmlite.binding" in sys.modules


def compile_seconds(graph: Graph) -> float:
    """The estimated time to compile ``graph`` in this process, now."""
    large, told = _told(graph)
    return (0.0 if started() else _START) + told * _factors[large]


def interpreting_seconds(graph: Graph) -> float:
    """What one interpreted call will take at least: its steps, and the time to write what they compute."""
    written = steps = 0
    for n in graph.nodes:
        if n.op is not INPUT and n.op is not CONSTANT and n.op not in _VIEWS and not is_several(n):
            written += n.size * n.dtype.itemsize
            steps += 1
    return written * _BYTE + steps * _STEP


def pays(graph: Graph, calls: int) -> bool:
    """Whether so many calls would take longer to interpret than the graph to compile, by the coefficients alone."""
    return calls >= calls_that_pay(graph)


def calls_that_pay(graph: Graph) -> int:
    """How many calls take as long to interpret as the graph to compile: the same in every process."""
    least = interpreting_seconds(graph)  # 0 where nothing is computed
    return ceil((_START + _told(graph)[1]) / (_TIMES_LEAST * least)) if least else sys.maxsize


def learn(graph: Graph, seconds: float) -> None:
    """Correct the estimate: ``graph`` has taken this long, LLVM having been started before."""
    large, told = _told(graph)
    with _lock:
        _factors[large] += _WEIGHT * (seconds / told - _factors[large])


def _told(graph: Graph) -> tuple[bool, float]:
    """Whether the graph is large, and its price by the coefficients."""
    scalars = arrays = 0
    kinds: set[Any] = set()  # loops of one kind, as the steps of an unrolled loop have them, share their code
    for n in graph.nodes:
        if n.op is not INPUT and n.op is not CONSTANT and n.op not in _VIEWS:
            size = _TINY + 1 if is_several(n) else n.size
            if size <= _TINY:
                scalars += size
            else:
                arrays += 1
                kinds.add((n.op, n.shape, *[(a.op, a.shape) for a in n.args[:4]]))
    large = scalars > _MANY
    loops = len(kinds) * _ARRAY + arrays * _ALIKE
    return large, _BASE + loops + scalars * (_SCALAR_OF_MANY if large else _SCALAR)
