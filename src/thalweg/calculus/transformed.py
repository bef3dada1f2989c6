"""A user's function with a transform applied: trace, transform, execute; and remember.

The first call with arguments of some shapes and dtypes traces the function, rewrites its graph by a *rule* (gradient,
Hessian …) and plans its execution; later calls only execute. What a trace took for granted is checked at each call: the
guards (which way each ``if`` went) and the values that the function took from around it (its closure and globals).
Called inside another trace, the rewritten graph becomes part of that one, so derivatives nest to any depth.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import FLOAT32, FLOAT64, Graph, Node, building, canonical, reachable
from thalweg.tracing import tree
from thalweg.tracing.captured import Captured
from thalweg.tracing.context import running
from thalweg.tracing.trace import (
    Signature,
    Traced,
    depends_on_enclosing,
    inline,
    input_signature,
    is_traceable,
    trace_leaves,
)
from thalweg.tracing.tracer import Tracer
from thalweg.transforms.simplify import simplified

Wrt = int | str | tuple[int | str, ...]


class Variables:
    """The inputs of a traced call with respect to which derivatives are taken, and how they nest.

    Attributes
    ----------
    nodes : list of Node
        The differentiated inputs, one a leaf.
    structures : list
        The nesting of each differentiated argument.
    several : bool
        Whether several arguments were named (the result is then a tuple).
    """

    def __init__(self, nodes: list[Node], structures: list[Any], counts: list[int], several: bool) -> None:
        self.nodes = nodes
        self.structures = structures
        self.counts = counts
        self.several = several

    def nest(self, leaves: Sequence[Any]) -> Any:
        """One value a leaf, put together as the arguments were."""
        parts, start = [], 0
        for structure, count in zip(self.structures, self.counts, strict=True):
            parts.append(tree.unflatten(structure, list(leaves[start : start + count])))
            start += count
        return tuple(parts) if self.several else parts[0]


Assemble = Callable[[list[Any]], Any]
Rule = Callable[[Traced, Variables], tuple[list[Node], Assemble]]

_SIMPLIFIED = 20_000  # nodes up to which a graph is simplified
_TRACES_KEPT = 64  # a function with data-dependent loops has many; the least recently used go first
_SIGNATURES_KEPT = 256  # of shapes, dtypes and plain arguments; the oldest go first


def entries_of(cache: dict[Any, list[Any]], key: Any) -> list[Any]:
    """The traces remembered for one signature, in a cache of bounded size."""
    entries = cache.get(key)
    if entries is None:
        if len(cache) >= _SIGNATURES_KEPT:
            cache.pop(next(iter(cache)), None)
        entries = cache.setdefault(key, [])
    return entries


class Transformed:
    """A function under a transform. Call it like the original."""

    def __init__(self, f: Callable[..., Any], wrt: Wrt, rule: Rule, name: str) -> None:
        if not callable(f):
            raise ArgumentError(f"tw.{name} takes a function as its first argument, not a {type(f).__name__}")
        self.__wrapped__ = f
        self.__name__ = f"{name}({getattr(f, '__name__', type(f).__name__)})"
        self.__doc__ = f"tw.{name} of {getattr(f, '__name__', f)!s}."
        self._f = f
        self._wrt = wrt
        self._rule = rule
        self._cache: dict[Any, list[_Entry]] = {}

    def __repr__(self) -> str:
        return f"<thalweg {self.__name__}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and not running.traces:  # the common call, with little around it
            x = args[0]
            if type(x) is np.ndarray and (x.dtype is FLOAT64 or x.dtype is FLOAT32):
                result = self._run(self._cache.get((x.shape, x.dtype)), (x[()] if x.ndim == 0 else x,))
                if result is not None:
                    return result[0]
        return self._general(args, kwargs)

    def _run(self, entries: list[_Entry] | None, leaves: Sequence[Any]) -> tuple[Any] | None:
        """The result of the first remembered trace that still holds, in a 1-tuple."""
        if entries is None:
            return None
        for k, entry in enumerate(entries):
            if entry.captured.unchanged():
                try:
                    values = entry.execute(*leaves)
                except np.linalg.LinAlgError:
                    if not entry.catching:
                        raise
                    continue
                if values is not None:
                    if k:
                        entries.insert(0, entries.pop(k))
                    return (entry.assemble(values),)
        return None

    def _general(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = _Call(self._f, self._wrt, args, kwargs)
        if running.traces:
            return self._nested(call)
        key = call.key()
        leaves = call.arrays()
        entries = entries_of(self._cache, key)
        result = self._run(entries, leaves)
        if result is not None:
            return result[0]
        entries[:] = [e for e in entries if e.captured.unchanged()][: _TRACES_KEPT - 1]
        captured = Captured(self._f, *plain_leaves(call.leaves, call.signatures))
        with building():
            traced = call.trace()
            outputs, assemble = self._rule(traced, call.variables(traced))
            execute = _planned(traced, outputs)
        if captured.unchanged() and not traced.fleeting:  # what draws random numbers, say, is traced each time
            entries.insert(0, _Entry(execute, assemble, captured, traced.catching))
        values = execute(*leaves)
        if values is None:  # an answer on a knife's edge, which another order of rounding turns: it stands as traced
            values = Interpreter(Graph(traced.inputs, outputs)).values(*leaves)
        return assemble(values)

    def _nested(self, call: _Call) -> Any:
        traced = call.trace()
        outputs, assemble = self._rule(traced, call.variables(traced))
        inputs = call.traced_leaves()
        if not any(type(x) is Tracer for x in inputs) and not depends_on_enclosing(traced):
            return assemble(Interpreter(Graph(traced.inputs, outputs)).values(*call.arrays()))
        return assemble(inline(outputs, traced, inputs))


def _planned(traced: Traced, outputs: list[Node]) -> Interpreter:
    """The interpreter of the transformed graph, simplified first unless it is so large that this would be felt."""
    guards = traced.guards
    if len(outputs) + len(guards) < _SIMPLIFIED and len(reachable(outputs)) < _SIMPLIFIED:
        new = simplified([*outputs, *(n for n, _ in guards)])
        outputs, questions = new[: len(outputs)], new[len(outputs) :]
        guards = tuple(zip(questions, (answer for _, answer in guards), strict=True))
    return Interpreter(Graph(traced.inputs, outputs), guards)


class _Entry:
    __slots__ = ("assemble", "captured", "catching", "execute")

    def __init__(self, execute: Interpreter, assemble: Assemble, captured: Captured, catching: bool) -> None:
        self.catching = catching
        self.execute = execute
        self.assemble = assemble
        self.captured = captured


class _Call:
    """One call: its arguments flattened, sorted into differentiated, traced and static ones."""

    def __init__(self, f: Callable[..., Any], wrt: Wrt, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.f = f
        self.several = isinstance(wrt, tuple)
        chosen = wrt if isinstance(wrt, tuple) else (wrt,)
        if self.several and not chosen:
            raise ArgumentError("wrt=(): name at least one argument to differentiate")
        kwargs = dict(kwargs)
        places = [_resolve(f, w, args, kwargs) for w in chosen]
        if len(set(places)) != len(places):
            raise ArgumentError(f"wrt={wrt!r} names an argument twice")
        self.leaves: list[Any] = []
        self.signatures: list[Signature | None] = []
        self.slices: dict[int | str, slice] = {}
        self.structures: dict[int | str, Any] = {}
        for place, argument in _placed(args, kwargs):
            self._add(place, argument, place in places)
        self.places = places
        self.positional = len(args)
        self.names = tuple(sorted(kwargs))

    def _add(self, place: int | str, argument: Any, differentiated: bool) -> None:
        leaves, structure = tree.flatten(argument)
        start = len(self.leaves)
        for leaf in leaves:
            if differentiated:
                self.signatures.append(self._differentiable(place, leaf))
            else:
                self.signatures.append(input_signature(leaf, False) if is_traceable(leaf) else None)
        self.leaves.extend(leaves)
        self.slices[place] = slice(start, len(self.leaves))
        self.structures[place] = structure

    def _differentiable(self, place: int | str, leaf: Any) -> Signature:
        try:
            return input_signature(leaf, True)
        except (TypeError, ValueError) as error:
            which = f"argument {place}" if isinstance(place, int) else f"argument {place!r}"
            raise ArgumentError(
                f"{which} cannot be differentiated: {error}. Give numbers or arrays, or choose another argument by wrt="
            ) from None

    def key(self) -> Any:
        if self.positional == 1 and not self.names and len(self.leaves) == 1 and self.structures[0] is tree.LEAF:
            signature = self.signatures[0]
            if signature is not None and type(self.leaves[0]) is np.ndarray and self.leaves[0].dtype == signature[1]:
                return signature
        static = tuple(
            s if s is not None else static_key(leaf) for s, leaf in zip(self.signatures, self.leaves, strict=True)
        )
        structures = tuple(self.structures[p] for p in (*range(self.positional), *self.names))
        return (structures, self.names, static, tuple(self.places))

    def put_together(self, leaves: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        values = {p: tree.unflatten(self.structures[p], leaves[s]) for p, s in self.slices.items()}
        return tuple(values[i] for i in range(self.positional)), {name: values[name] for name in self.names}

    def trace(self) -> Traced:
        return trace_leaves(self.f, self.leaves, self.signatures, self.put_together)

    def traced_leaves(self) -> list[Any]:
        return [x for x, s in zip(self.leaves, self.signatures, strict=True) if s is not None]

    def arrays(self) -> list[Any]:
        return [
            x if type(x) is Tracer else np.asarray(canonical(np.asarray(x)), dtype=s[1])[()]
            for x, s in zip(self.leaves, self.signatures, strict=True)
            if s is not None
        ]

    def variables(self, traced: Traced) -> Variables:
        order = [i for i, s in enumerate(self.signatures) if s is not None]
        input_at = dict(zip(order, traced.inputs, strict=True))
        nodes: list[Node] = []
        structures: list[Any] = []
        counts: list[int] = []
        for place in self.places:
            where = self.slices[place]
            nodes.extend(input_at[i] for i in range(where.start, where.stop))
            structures.append(self.structures[place])
            counts.append(where.stop - where.start)
        return Variables(nodes, structures, counts, self.several)


def _placed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[int | str, Any]]:
    """The arguments of a call with their places: positions, then names in alphabetical order."""
    return [*enumerate(args), *sorted(kwargs.items())]


def traced_call(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], read: Callable[..., Any]) -> Any:
    """``read(traced, variables, arrays)`` for one call of ``f``, every float argument being a variable."""
    floats = tuple(
        place
        for place, argument in _placed(args, kwargs)
        if (leaves := tree.flatten(argument)[0]) and all(_is_float(x) for x in leaves)
    )
    if not floats:
        floats = (0,)
    call = _Call(f, floats, args, kwargs)
    traced = call.trace()
    return read(traced, call.variables(traced), call.arrays())


def _is_float(leaf: Any) -> bool:
    return isinstance(leaf, float) or (isinstance(leaf, np.ndarray | np.floating) and leaf.dtype.kind in "fiu")


def plain_leaves(leaves: Sequence[Any], signatures: Sequence[Signature | None]) -> list[Any]:
    """What is passed as it is; such an object may change, or be read in part only."""
    return [x for x, s in zip(leaves, signatures, strict=True) if s is None]


def static_key(leaf: Any) -> Any:
    try:
        hash(leaf)
    except TypeError:
        return ("by identity", id(leaf))
    return (type(leaf), leaf)


def _resolve(f: Callable[..., Any], wrt: int | str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | str:
    """Where the argument ``wrt`` stands in this call: a position, or a keyword. A default is brought into the call."""
    if isinstance(wrt, bool) or not isinstance(wrt, int | str):
        raise ArgumentError(f"wrt={wrt!r}: give the position or the name of an argument, or a tuple of these")
    if isinstance(wrt, int) and -len(args) <= wrt < len(args):
        return wrt % len(args)
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters]
    if isinstance(wrt, int):
        if 0 <= wrt < len(names) and names[wrt] in kwargs:
            return names[wrt]
        raise ArgumentError(f"wrt={wrt}, but the function was called with {len(args)} positional argument(s)")
    if wrt in kwargs:
        return wrt
    if wrt in names:
        position = names.index(wrt)
        if position < len(args):
            return position
        default = parameters[position].default
        if default is not inspect.Parameter.empty:
            kwargs[wrt] = default
            return wrt
        raise ArgumentError(f"wrt={wrt!r}: the call does not give this argument")
    raise ArgumentError(f"wrt={wrt!r}: the function has no such argument; it has {', '.join(names) or 'none'}")
