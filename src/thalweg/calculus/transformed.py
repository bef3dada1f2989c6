"""A user's function with a transform applied: trace, transform, execute; and remember.

The first call with arguments of some shapes and dtypes traces the function, rewrites its graph by a *rule* (gradient,
Hessian …) and plans its execution; later calls only execute. What a trace took for granted is checked at each call: the
guards (which way each ``if`` went) and the values that the function took from around it (its closure and globals).
Called inside another trace, the rewritten graph becomes part of that one, so derivatives nest to any depth.

A call takes the first of these ways that is open to it:

1. The arguments are handed as they are to the machine code that was used last: it looks at their types, shapes and
   dtypes itself, and refuses what does not fit.
2. The arguments are flattened and the traces for their nesting, shapes and dtypes looked up.
3. The function is traced.

No way takes a lock: what is remembered are tuples that are replaced, never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.calculus.call import Assemble, Call, Form, Variables, Wrt, flatten_call, plain_leaves, prepared
from thalweg.errors import ArgumentError
from thalweg.execution.interpreter import Interpreter
from thalweg.execution.tiers import Executable, checked_native
from thalweg.graph import Graph, Node, building, reachable
from thalweg.tracing.captured import Captured
from thalweg.tracing.context import running
from thalweg.tracing.surroundings import Surroundings
from thalweg.tracing.trace import Traced, depends_on_enclosing, inline
from thalweg.tracing.tracer import Tracer
from thalweg.transforms.simplify import simplified

if TYPE_CHECKING:
    from thalweg.execution.native.plan import Plan

Rule = Callable[[Traced, Variables], tuple[list[Node], Assemble]]

_SIMPLIFIED = 20_000  # nodes up to which a graph is simplified
_TRACES_KEPT = 64  # a function with data-dependent loops has many; the least recently used go first
_SIGNATURES_KEPT = 256  # of shapes, dtypes and plain arguments; the oldest go first
_NOTHING: Any = object()


class Transformed:
    """A function under a transform. Call it like the original.

    Pickles by the function and the rule, where these pickle; the traces are made anew on arrival.
    """

    def __init__(self, f: Callable[..., Any], wrt: Wrt, rule: Rule, name: str, native: bool | None = None) -> None:
        if not callable(f):
            raise ArgumentError(f"tw.{name} takes a function as its first argument, not a {type(f).__name__}")
        self.__wrapped__ = f
        self.__name__ = f"{name}({getattr(f, '__name__', type(f).__name__)})"
        self.__doc__ = f"tw.{name} of {getattr(f, '__name__', f)!s}."
        self._f = f
        self._wrt = wrt
        self._rule = rule
        self._name = name
        self._native = checked_native(native)
        self._cache: dict[Any, Traces] = {}
        self._forms: dict[Any, Form] = {}
        self._last = Traces()  # of the last call whose arguments were all arrays or floats, given by position

    def __repr__(self) -> str:
        return f"<thalweg {self.__name__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._f, self._wrt, self._rule, self._name, self._native)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not kwargs:  # also while a trace runs in this thread: the code refuses its tracers, the rest are numbers
            traces = self._last
            for entry in traces.entries:
                direct = entry.direct
                if direct is not None and entry.unchanged():
                    values = direct(*args)
                    if values is NotImplemented:
                        break
                    if values is not None:
                        if entry is not traces.entries[0]:
                            traces.put_first(entry)
                        return entry.assemble(values)
        return self._looked_up(args, kwargs)

    def plan(self, *args: Any, **kwargs: Any) -> Plan:
        """What runs where in a call with these arguments: in machine code or interpreted, which loops and products.

        Nothing is computed; the function is traced if it has not been for such arguments.

        Returns
        -------
        Plan
            ``print`` shows it; ``steps``, ``flop``, ``bytes`` and ``scratch_bytes`` are there for programs.

        Examples
        --------
        >>> import numpy as np, thalweg as tw
        >>> plan = tw.grad(lambda x: np.sum(np.sin(x) ** 2)).plan(np.zeros(1000))
        >>> plan.flop  # a sine, a cosine and two products for each element
        4000
        """
        return self.entry(*args, **kwargs).execute.plan(self.__name__)

    def entry(self, *args: Any, **kwargs: Any) -> Entry:
        """The trace that a call with these arguments uses: for whoever calls it many times, or settles how it is run.

        Nothing is computed; the function is traced if it has not been for such arguments.
        """
        call = Call(self._f, self._wrt, args, kwargs)
        arrays = call.arrays()
        traces = _kept(self._cache, call.key(), Traces)
        for entry in traces.entries:
            execute = entry.execute
            if entry.unchanged() and Interpreter(Graph(execute.graph.inputs, ()), execute.guards)(*arrays) is not None:
                return entry
        return self._entry(call, traces)

    def last_used(self) -> Entry | None:
        """The trace that the last call used, if all that it took for granted is as it was."""
        entries = self._last.entries
        return entries[0] if entries and entries[0].unchanged() else None

    def _looked_up(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if running.traces:
            return self._nested(Call(self._f, self._wrt, args, kwargs))
        leaves, structure = flatten_call(args, kwargs)
        form = self._forms.get(structure)
        key = None if form is None else form.key(leaves)
        if form is not None and key is not None:
            traces = form.traces.get(key)
            if traces is not None:
                result = traces.run(leaves if traces.traced is None else [leaves[i] for i in traces.traced])
                if result is not _NOTHING:
                    if type(structure) is int and traces.traced is None:
                        self._last = traces
                    return result
        call = Call(self._f, self._wrt, args, kwargs)
        traces = _kept(self._cache, call.key(), Traces)
        if form is None and not call.completed:
            form = _kept(self._forms, structure, call.form)
        if form is not None and (key := form.key(leaves)) is not None:
            places = [i for i, s in enumerate(call.signatures) if s is not None]
            traces.traced = None if len(places) == len(leaves) else places
            _kept(form.traces, key, lambda: traces)
            result = self._traced(call, traces)
            if type(structure) is int and traces.traced is None:
                self._last = traces
            return result
        return self._traced(call, traces)

    def _traced(self, call: Call, traces: Traces) -> Any:
        arrays = call.arrays()
        result = traces.run(arrays)
        if result is not _NOTHING:
            return result
        entry = self._entry(call, traces)
        values = entry.execute(*arrays)
        if values is None:  # an answer on a knife's edge, which another order of rounding turns: it stands as traced
            values = Interpreter(entry.execute.graph).values(*arrays)
        return entry.assemble(values)

    def _entry(self, call: Call, traces: Traces) -> Entry:
        """A new trace, remembered if it may stand for later calls."""
        plain = plain_leaves(call.leaves, call.signatures)
        around = Surroundings(self._f, *plain)
        captured = Captured(around, *plain)
        with building():
            traced = call.trace(around)
            outputs, assemble = self._rule(traced, call.variables(traced))
            execute = executable(traced, outputs, self._native)
        entry = Entry(execute, assemble, captured, traced.catching)
        if captured.unchanged() and not traced.fleeting:  # what draws random numbers, say, is traced each time
            traces.add(entry)
        return entry

    def _nested(self, call: Call) -> Any:
        traced = call.trace()
        outputs, assemble = self._rule(traced, call.variables(traced))
        inputs = call.traced_leaves()
        if not any(type(x) is Tracer for x in inputs) and not depends_on_enclosing(traced):
            return assemble(Interpreter(Graph(traced.inputs, outputs)).values(*call.arrays()))
        return assemble(inline(outputs, traced, inputs))


def executable(traced: Traced, outputs: Sequence[Node], native: bool | None = None) -> Executable:
    """The transformed graph to be executed, simplified first unless it is so large that this would be felt."""
    guards = traced.guards
    if len(outputs) + len(guards) < _SIMPLIFIED and len(reachable(outputs)) < _SIMPLIFIED:
        new = simplified([*outputs, *(n for n, _ in guards)])
        outputs, questions = new[: len(outputs)], new[len(outputs) :]
        guards = tuple(zip(questions, (answer for _, answer in guards), strict=True))
    return Executable(Graph(traced.inputs, outputs), guards, native)


class Entry:
    """One trace, ready to be executed.

    Attributes
    ----------
    direct : callable or None
        The machine code itself, once there is some: it takes the arguments as they are, and answers ``None`` where a
        guard does not hold, ``NotImplemented`` where they do not fit.
    """

    __slots__ = ("assemble", "captured", "catching", "direct", "execute", "unchanged")

    def __init__(self, execute: Executable, assemble: Assemble, captured: Captured, catching: bool) -> None:
        self.execute = execute
        self.assemble = assemble
        self.captured = captured
        self.unchanged = captured.unchanged
        self.catching = catching
        self.direct: Callable[..., Any] | None = None

    def values(self, leaves: Sequence[Any]) -> Any:
        """The outputs; ``None`` where this trace is not for these arguments."""
        if self.direct is not None:
            values = self.direct(*leaves)
            if values is not NotImplemented:
                return values
        try:
            values = self.execute(*prepared(leaves))
        except np.linalg.LinAlgError:
            if not self.catching:
                raise
            return None
        if self.direct is None and not self.catching:
            self.direct = self.execute.entry
        return values


class Traces:
    """The traces of a function for one signature of its arguments, the last used first.

    Attributes
    ----------
    traced : list of int or None
        Which leaves are inputs of the graphs; ``None`` if all are.
    """

    __slots__ = ("entries", "traced")

    def __init__(self) -> None:
        self.entries: tuple[Entry, ...] = ()
        self.traced: list[int] | None = None

    def run(self, leaves: Sequence[Any]) -> Any:
        """The result of the first trace that still holds."""
        for entry in self.entries:
            if entry.unchanged():
                values = entry.values(leaves)
                if values is not None:
                    if entry is not self.entries[0]:
                        self.put_first(entry)
                    return entry.assemble(values)
        return _NOTHING

    def put_first(self, entry: Entry) -> None:
        self.entries = (entry, *(e for e in self.entries if e is not entry))

    def add(self, entry: Entry) -> None:
        """Remember a new trace, and forget those that hold no longer."""
        self.entries = (entry, *[e for e in self.entries if e.unchanged()][: _TRACES_KEPT - 1])


def _kept(cache: dict[Any, Any], key: Any, make: Callable[[], Any]) -> Any:
    """What a cache of bounded size holds under a key."""
    found = cache.get(key)
    if found is None:
        make_room(cache, key)
        found = cache.setdefault(key, make())
    return found


def make_room(cache: dict[Any, Any], key: Any) -> None:
    """Let the oldest go if a cache is full and does not hold ``key``."""
    if len(cache) >= _SIGNATURES_KEPT and key not in cache:
        for oldest in list(cache)[:1]:
            cache.pop(oldest, None)
