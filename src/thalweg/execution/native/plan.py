"""What runs where: the steps of a program, read from what was written for it.

The program is written as it would be compiled (LLVM is not asked), and its tasks are described one by one: loops,
products, tiles, and what is left to NumPy between segments of machine code. A graph that stays interpreted is described
by its calls of NumPy.

*Flop* counts every operation on one number, an ``exp`` as well as an addition, and a product's term as two. *Bytes*
counts each element of memory that a step reads or writes once: what lies within a tile stays in the cache and is left
out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph, Node

if TYPE_CHECKING:
    from thalweg.execution.native.plan_steps import Reading
    from thalweg.execution.tiers import Executable

Line = tuple[str, int]


@dataclass(frozen=True)
class Step:
    """One thing that is done, or several on the same tiles.

    Attributes
    ----------
    kind : str
        "loop" (over arrays), "numbers" (straight-line code), "BLAS gemm", "BLAS gemv", "BLAS dot", "product" (a
        contraction by loops of our own), "scan", "linalg", "tiles" (the ``steps`` on a tile of rows after another), or
        "NumPy".
    what : str
        In words.
    flop, bytes : int
        Operations on numbers; bytes read from and written to memory.
    lines : tuple of (file, line)
        The user's code that it comes from.
    steps : tuple of Step
        What is done in each tile.
    """

    kind: str
    what: str
    flop: int
    bytes: int
    lines: tuple[Line, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What runs where in one call; ``print`` shows it.

    Attributes
    ----------
    name, signature : str
        The function, and the types of its arguments and results.
    tier : str
        "native", "interpreted", or what stands between: "counting", "on trial", "on disk".
    why : str
        The tier in a sentence.
    native : bool
        Whether the steps are those of machine code.
    steps : tuple of Step
        In order.
    conditions : int
        Answers that Python's ``if`` got when the function was traced. They are asked for at each call; where one is
        another, the function is traced again.
    arrays, scratch_bytes : int
        Arrays that are neither arguments nor results, and the memory for them and for what the steps need besides.
    in_tiles, tile_bytes : int
        Arrays of which only one tile exists at a time, and the memory for these, a thread.
    threads : int
        The most that work at once.
    """

    name: str
    signature: str
    tier: str
    why: str
    native: bool
    steps: tuple[Step, ...]
    conditions: int = 0
    arrays: int = 0
    scratch_bytes: int = 0
    in_tiles: int = 0
    tile_bytes: int = 0
    threads: int = 1

    @cached_property
    def flop(self) -> int:
        """Operations on numbers in one call."""
        return sum(s.flop for s in self.steps)

    @cached_property
    def bytes(self) -> int:
        """Bytes that one call reads from and writes to memory."""
        return sum(s.bytes for s in self.steps)

    def __str__(self) -> str:
        from thalweg.execution.native.plan_text import text

        return text(self)

    def __repr__(self) -> str:
        return f"<Plan of {self.name}: {self.tier}, {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


def plan(executable: Executable, name: str = "") -> Plan:
    """What runs where when ``executable`` is called."""
    from thalweg.execution.native.plan_steps import read, types

    graph, guards = executable.graph, executable.guards
    tier, why = _tier(executable)
    signature = f"{types(graph.inputs)} → {types(graph.outputs)}"
    reading: Reading | None = None
    if tier != "interpreted":
        reading = read(graph, guards)
        if reading is None:
            tier, why = "interpreted", "most of it is calls of NumPy and SciPy, which machine code would not speed up"
    if reading is None:
        return _interpreted(Plan(name, signature, tier, why, False, (), len(guards)), graph, guards)
    return Plan(
        name, signature, tier, why, True, tuple(reading.steps), len(guards), reading.arrays, reading.scratch_bytes,
        reading.in_tiles, reading.tile_bytes, reading.threads,
    )  # fmt: skip


def _interpreted(empty: Plan, graph: Graph, guards: Sequence[tuple[Node, Any]]) -> Plan:
    from thalweg.execution.native.plan_steps import calls

    buffers = Interpreter(graph, guards).buffers
    nodes = Graph(graph.inputs, (*graph.outputs, *(n for n, _ in guards))).nodes
    return replace(
        empty,
        steps=tuple(calls(nodes)),
        arrays=len(buffers),
        scratch_bytes=sum(math.prod(shape) * dtype.itemsize for shape, dtype in buffers),
    )


# --- the tier ---------------------------------------------------------------------------------------------------------

_REASONS = {
    "compiled": "machine code, compiled in this process",
    "from disk": "machine code that an earlier process has left on disk",
    "slower": "interpreted: machine code was tried and was slower",
    "none": "interpreted: no machine code could be made for it",
    "off": "interpreted: machine code is switched off, by native=False or THALWEG_NATIVE=0",
}


def _tier(executable: Executable) -> tuple[str, str]:
    from thalweg.execution.native import llvm
    from thalweg.execution.native.plan_text import seconds

    if executable.settled is not None:
        tier = "native" if executable.native else "interpreted"
        if executable.reason == "none" and not llvm.available():
            return tier, _NO_LLVM
        return tier, _REASONS[executable.reason]
    if not executable.allowed:
        return "interpreted", _REASONS["off"]
    price = executable.estimate  # before LLVM is started by looking for it
    if not llvm.available():
        return "interpreted", _NO_LLVM
    if executable.on_trial:
        return "on trial", "machine code, on trial: it is kept when a call is no slower than an interpreted one"
    if not executable.spent and _on_disk(executable):
        return "on disk", "machine code from the first call, which an earlier process has left on disk"
    return "counting", (
        f"interpreted until that has taken {seconds(price)}, the estimated time to compile it "
        f"({seconds(executable.spent)} so far)"
    )


_NO_LLVM = "interpreted: LLVM cannot start on this machine, see the warning"


def _on_disk(executable: Executable) -> bool:
    from thalweg.execution.native import kept
    from thalweg.execution.native.key import graph_key

    if not kept.exists():
        return False
    key = graph_key(executable.graph, executable.guards)
    return key is not None and kept.fetch(*key) is not None
