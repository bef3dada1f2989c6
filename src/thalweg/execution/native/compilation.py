"""One graph on its way to machine code: found on disk, or written, compiled, loaded and linked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from types import ModuleType
from typing import Any

from thalweg.execution import price
from thalweg.execution.native import cache, kept, llvm
from thalweg.execution.native.key import graph_key, key_seconds
from thalweg.graph import Graph, Node, building

Entry = Callable[..., Any]


def compiler() -> ModuleType:
    """What writes IR: ``build(graph, guards) -> Program | None`` and ``link(program, code) -> Entry``."""
    from thalweg.execution.native import program

    return program


class Compilation:
    """The machine code of a graph, by all the ways to get it."""

    def __init__(self, graph: Graph, guards: Sequence[tuple[Node, Any]] = ()) -> None:
        self.graph = graph
        self.guards = guards
        self._key: Any = None
        self._made: Any = None

    @property
    def look_up_seconds(self) -> float:
        """How long `look_up` takes when it finds nothing."""
        return key_seconds(self.graph) if kept.exists() else 0.0

    def look_up(self) -> Entry | None:
        """The entry of what an earlier process has kept, if there is something."""
        if not kept.exists():
            return None
        self._key = self._key or graph_key(self.graph, self.guards)
        if self._key is None:
            return None
        found = kept.fetch(*self._key)
        if found is None:
            return None
        program, object_code = found
        try:
            return self._loaded(program, object_code)
        except llvm.LinkError as error:
            cache.note("code from the cache cannot be used: %s", error)
            return None

    def compile(self) -> Entry | None:
        """The entry of new code; ``None`` where there is no way, or no LLVM."""
        if not llvm.available():
            return None
        writer = compiler()
        start = perf_counter()
        with building():  # Python's cycle collector would take half of the time for a large graph
            program = writer.build(self.graph, self.guards)
        if program is None:
            return None
        object_code = llvm.compile_ir(program.ir, program.level)
        entry = self._loaded(program, object_code)
        price.learn(self.graph, perf_counter() - start)
        self._made = program, object_code
        return entry

    def _loaded(self, program: Any, object_code: bytes) -> Entry:
        from thalweg.execution.native import symbols

        entry: Entry = compiler().link(program, symbols.load(object_code))
        return entry

    def keep(self) -> None:
        """Let later processes find what `compile` has made."""
        if self._made is None or not kept.possible():
            return
        self._key = self._key or graph_key(self.graph, self.guards)
        if self._key is not None:
            program, object_code = self._made
            key, constants = self._key
            kept.store(key, program, object_code, constants)
        self._made = None
