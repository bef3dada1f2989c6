"""Graphs with ops that native code lacks: native segments, and between them calls of NumPy and SciPy.

Every node has a *stage*: one more than that of the foreign ops whose results it reads (those of an eigenvalue
decomposition, a sort …). A graph with s stages of foreign ops is run as native code, foreign ops, native code, …: at
most s + 1 segments, however many ops there are. What a later segment needs is handed over as arrays; views are taken
again where they are needed. Guards are checked by the segment that knows them.

All native segments are one module (`joined`), so that one piece of object code stands for the whole.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thalweg.execution.interpreter import Interpreter
from thalweg.execution.native.layout import VIEWS
from thalweg.execution.native.tasks import Unsupported, supports
from thalweg.graph import CONSTANT, INPUT, ITEM, Graph, Node, input_node, rebuild

_LEAST = 2  # operations from which a segment is worth a call of native code
_ATTEMPTS = 8

Guard = tuple[Node, Any]
Write = Callable[[Sequence[Node], Sequence[Node], Sequence[Guard]], Any]


@dataclass
class Step:
    """A segment: native (``program``) or interpreted (``graph``, of which the last outputs are guarded)."""

    reads: list[int]
    writes: list[int]
    program: Any = None
    graph: Graph | None = None
    answers: list[Any] = field(default_factory=list)


@dataclass
class Segmented:
    """The program of a graph in several segments: like a `Program`, but that Python leads from one to the next.

    Values have numbers: first the arguments, then what segments write.
    """

    ir: str
    level: int
    inputs: list[Any]
    outputs: list[Any]
    steps: list[Step]
    results: list[int]
    count: int
    constants: list[Any] = field(default_factory=list)
    scratch_bytes: int = 0


def build(inputs: Sequence[Node], outputs: Sequence[Node], guards: Sequence[Guard], write: Write) -> Segmented | None:
    """The segments of a graph in canonical form, or ``None`` where native code would have too little to do."""
    foreign: set[Node] = set()
    for _ in range(_ATTEMPTS):
        partition = _Partition(inputs, outputs, guards, foreign)
        try:
            return partition.segmented(write)
        except Unsupported as lacking:
            foreign.add(partition.origin.get(lacking.node, lacking.node))
    return None


class _Partition:
    def __init__(
        self, inputs: Sequence[Node], outputs: Sequence[Node], guards: Sequence[Guard], foreign: set[Node]
    ) -> None:
        self.inputs, self.outputs, self.guards = inputs, outputs, guards
        self.nodes = Graph(inputs, [*outputs, *(n for n, _ in guards)]).nodes
        self.foreign: dict[Node, bool] = {}
        self.stage: dict[Node, int] = {}
        self.origin: dict[Node, Node] = {}
        for n in self.nodes:
            if n.op is INPUT or n.op is CONSTANT:
                self.foreign[n], self.stage[n] = False, 0
            elif n.op in VIEWS or n.op is ITEM:
                (a,) = n.args
                self.foreign[n], self.stage[n] = self.foreign[a], self.stage[a]
            else:
                mine = self.foreign[n] = n in foreign or not supports(n)
                self.stage[n] = max((self.stage[a] + (self.foreign[a] and not mine) for a in n.args), default=0)
        self.number = {n: k for k, n in enumerate(inputs)}

    def segmented(self, write: Write) -> Segmented | None:
        members: dict[tuple[int, bool], list[Node]] = defaultdict(list)
        for n in self.nodes:
            if n.args and n.op not in VIEWS:
                members[self.stage[n], self.foreign[n]].append(n)
        if not any(len(nodes) >= _LEAST for (_, foreign), nodes in members.items() if not foreign):
            return None
        given = self._given()
        for n in (*given[0, False], *(n for n, _ in self.guards)):  # also what is only seen in an argument
            members.setdefault((self.stage[n], self.foreign[n]), [])
        steps = [
            self._step(key, members[key], given[key], write, len(members[key]) >= _LEAST and not key[1])
            for key in sorted(members)
        ]
        programs = [s.program for s in steps if s.program is not None]
        ir = joined([p.ir for p in programs])
        for p in programs:
            p.ir = ""
        return Segmented(
            ir,
            max(p.level for p in programs),
            [(n.shape, n.dtype) for n in self.inputs],
            [(n.shape, n.dtype) for n in self.outputs],
            steps,
            [self.number[n] for n in self.outputs],
            len(self.number),
        )

    def _given(self) -> dict[tuple[int, bool], dict[Node, None]]:
        """What each segment hands over: to other segments, or as a result."""
        given: dict[tuple[int, bool], dict[Node, None]] = defaultdict(dict)

        def key(n: Node) -> tuple[int, bool]:
            return self.stage[n], self.foreign[n]

        for n in self.nodes:
            if n.op in VIEWS or n.op is ITEM:
                continue
            for a in n.args:
                base = _base(a)
                if base.args and key(base) != key(n):
                    given[key(base)][base] = None
        for n in self.outputs:
            if n not in self.number:
                given[key(n)][n] = None
        return given

    def _step(
        self, key: tuple[int, bool], members: Sequence[Node], given: dict[Node, None], write: Write, native: bool
    ) -> Step:
        new: dict[Node, Node] = {}
        reads: dict[Node, Node] = {}
        guards = [(n, answer) for n, answer in self.guards if (self.stage[n], self.foreign[n]) == key]

        def get(n: Node) -> Node:
            found = new.get(n)
            if found is None:
                if n.op is CONSTANT:
                    found = n
                elif n.op in VIEWS:
                    found = rebuild(n, (get(n.args[0]),))
                else:
                    found = reads[n] = input_node(n.shape, n.dtype)
                new[n] = found
            return found

        for n in members:
            made = new[n] = rebuild(n, tuple([get(a) for a in n.args]))
            self.origin[made] = n
        outputs = [get(n) for n in given]
        asked = [(get(n), answer) for n, answer in guards]
        step = Step([self.number[n] for n in reads], [self.number.setdefault(n, len(self.number)) for n in given])
        if native:
            step.program = write(list(reads.values()), outputs, asked)
        else:
            step.graph = Graph(list(reads.values()), [*outputs, *(n for n, _ in asked)])
            step.answers = [answer for _, answer in asked]
        return step


def _base(n: Node) -> Node:
    while n.op in VIEWS:
        n = n.args[0]
    return n


# --- running ----------------------------------------------------------------------------------------------------------


def link(program: Segmented, code: Any, link_one: Callable[[Any, Any], Callable[..., Any]]) -> Callable[..., Any]:
    """The Python callable of all segments."""
    runs: list[tuple[Callable[..., Any], list[int], list[int]]] = []
    number = 0
    for step in program.steps:
        if step.graph is None:
            runs.append((link_one(step.program, _Part(code, number)), step.reads, step.writes))
            number += 1
        else:
            runs.append((_interpreted(step), step.reads, step.writes))
    specs = list(program.inputs)
    room = [None] * (program.count - len(specs))
    results = program.results
    shared = [k for k, i in enumerate(results) if i < len(specs) or i in results[:k]]

    def call(*arrays: Any) -> Any:
        if len(arrays) != len(specs):
            return NotImplemented
        for a, (shape, dtype) in zip(arrays, specs, strict=True):
            if type(a) is np.ndarray:
                if a.dtype != dtype or a.shape != shape:
                    return NotImplemented
            elif shape or type(a) is not dtype.type:
                return NotImplemented
        values: list[Any] = [*arrays, *room]
        for run, reads, writes in runs:
            try:
                found = run(*[values[i] for i in reads])
            except (ArithmeticError, LookupError, TypeError, ValueError):  # the interpreter knows what is to be said
                return NotImplemented
            if found is None or found is NotImplemented:
                return found
            for i, v in zip(writes, found, strict=True):
                values[i] = v
        found = [values[i] for i in results]
        for k in shared:  # what is returned is the caller's own, to change as he likes
            found[k] = found[k].copy()
        return tuple(found)

    return call


def _interpreted(step: Step) -> Callable[..., Any]:
    """An interpreted segment: its results in the form that native code takes."""
    graph = step.graph
    assert graph is not None
    count = len(step.writes)
    guards = list(zip(graph.outputs[count:], step.answers, strict=True))
    interpreter = Interpreter(Graph(graph.inputs, graph.outputs[:count]), guards)
    dtypes = [n.dtype for n in graph.outputs[:count]]

    def run(*arrays: Any) -> Any:
        found = interpreter(*arrays)
        if found is None:
            return None
        return [
            np.ascontiguousarray(v, d) if np.ndim(v) else np.asarray(v, d)[()]
            for v, d in zip(found, dtypes, strict=True)
        ]

    return run


class _Part:
    """One of the programs in the machine code of several."""

    def __init__(self, code: Any, number: int) -> None:
        self.code = code
        self.number = number

    def address(self, symbol: str) -> int:
        return int(self.code.address(f"{symbol}.{self.number}"))


# --- several modules as one -------------------------------------------------------------------------------------------

_DEFINED = re.compile(r"^(?:define [^@]*@([\w.$]+)\(|@([\w.$]+) = (?!external))", re.MULTILINE)
_USED = re.compile(r"@([\w.$]+)")
_NUMBER = re.compile(r"([#!])(\d+)")  # of attributes and metadata
_DECLARED = re.compile(r"(?:declare [^@]*@|@)([\w.$]+)")
_KEPT = "@llvm.compiler.used"


def joined(texts: Sequence[str]) -> str:
    """One module of several: what each defines is given its number, what they share is declared once."""
    types: dict[str, str] = {}
    declared: dict[str, str] = {}
    kept: dict[str, None] = {}
    rest: list[str] = []
    for number, text in enumerate(texts):
        own = {a or b for a, b in _DEFINED.findall(text)}
        own.discard(_KEPT[1:])

        def renamed(match: re.Match[str], own: set[str] = own, number: int = number) -> str:
            return f"@{match[1]}.{number}" if match[1] in own else match[0]

        def renumbered(match: re.Match[str], number: int = number) -> str:
            return f"{match[1]}{int(match[2]) * len(texts) + number}"

        for line in text.split("\n"):
            if line.startswith(_KEPT):
                kept.update(dict.fromkeys(_USED.findall(line.split("[", 2)[2].split("]")[0])))
                continue
            if line.startswith("%") and " = type " in line:
                types[line.split(" ", 1)[0]] = line
                continue
            if "@" in line:
                line = _USED.sub(renamed, line)
            if "#" in line or "!" in line:
                line = _NUMBER.sub(renumbered, line)
            if line.startswith("declare ") or " = external " in line:
                found = _DECLARED.match(line)
                assert found is not None
                declared.setdefault(found[1], line)
            else:
                rest.append(line)
    if kept:
        listed = ", ".join(f"ptr @{symbol}" for symbol in kept)
        rest.append(f'{_KEPT} = appending global [{len(kept)} x ptr] [{listed}], section "llvm.metadata"')
    return "\n".join([*types.values(), *declared.values(), *rest, ""])
