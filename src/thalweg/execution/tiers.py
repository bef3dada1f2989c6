"""Tiers: a graph is interpreted at once, and becomes machine code when that has proved worth it.

The rule is that of renting skis: buy when the rent paid so far has reached the price (Karlin, Manasse, Rudolph &
Sleator 1988, "Competitive snoopy caching"). The rent is the time spent interpreting, the price the estimated time to
compile; whatever the future brings, the total is at most twice what the best choice would have cost.

Code that an earlier process has compiled is found on disk by the key of the graph, and runs from the first call, or for
quick functions after some milliseconds of calls. New code is tried first: it is kept, here and on disk, as soon as a
call of it has been no slower than the fastest interpreted one, and given up if that does not come about.

The two tiers round differently in the last digits, and time decides when one follows the other: a long iteration need
not come out the same twice. Under `reproducible(calls)` the tier is chosen before the first call, by sizes alone.

``THALWEG_NATIVE=0`` switches native code off; ``THALWEG_NATIVE=always`` compiles before the first call, for tests.
"""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.errors import ArgumentError, NativeCodeWarning
from thalweg.execution import price
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph, Node

if TYPE_CHECKING:
    from thalweg.execution.native.compilation import Compilation, Entry
    from thalweg.execution.native.plan import Plan

_LOOKED_UP = 0.25  # seconds that the key of a graph may take before its first call
_QUICK = 2e-3  # seconds that may be spent interpreting before code is looked for on disk
_UNTIMED = 15  # calls at most between two that are timed
_UNSEEN = 0.02  # of the price of the next step may be spent in them
_TRIALS = 20  # calls in which new code may show that it is no slower
_SLOWER = 1.1  # times the interpreter: what is given up after them


def native_enabled(argument: bool | None = None) -> bool:
    """Whether functions may become machine code: neither the argument nor ``THALWEG_NATIVE`` forbids it."""
    return argument is not False and os.environ.get("THALWEG_NATIVE", "").lower() not in ("0", "off", "false", "no")


def checked_native(argument: Any) -> bool | None:
    """The argument ``native=`` of a public function."""
    if argument is not None and not isinstance(argument, bool):
        raise ArgumentError(f"native={argument!r}: give False (no machine code), or True or None (where it pays)")
    return argument


_expected: ContextVar[int | None] = ContextVar("calls that are expected of functions first called here", default=None)


@contextlib.contextmanager
def reproducible(calls: int) -> Iterator[None]:
    """Within it, a function that is called for the first time is compiled at once, or interpreted for ever.

    Which of the two depends on the graph and the expected number of calls, not on any clock, other functions, or what
    is found on disk: the same computation gives the same bits, in this process and in the next on this machine.

    Examples
    --------
    >>> import thalweg as tw
    >>> f = tw.grad(lambda x: x**3)
    >>> with reproducible(calls=10):
    ...     print(f(2.0))
    12.0
    """
    token = _expected.set(calls)
    try:
        yield
    finally:
        _expected.reset(token)


class Executable:
    """A callable for a graph, like `Interpreter`: arrays in, the outputs out, ``None`` when a guard does not hold.

    Safe to call from several threads: one compiles, the others go on interpreting. Pickles by its graph.

    Parameters
    ----------
    graph : Graph
        What to compute.
    guards : sequence of (Node, answer)
        What must hold for the outputs to be right.
    native : bool, optional
        ``False``: interpret for ever.

    Attributes
    ----------
    entry : callable or None
        The machine code itself, once it has been settled on. It takes the arguments as they are, and answers ``None``
        where a guard does not hold, ``NotImplemented`` where an argument has another dtype, shape or order.
    settled : callable or None
        What every later call will run, once that is decided; calling it in place of this object saves a call.
    spent : float
        Seconds spent interpreting, until it was decided.
    reason : str
        Why that was settled on: "compiled" or "from disk"; "off", "none" (no machine code could be made), "slower",
        "few calls" (`reproducible`).
    """

    __slots__ = (
        "__weakref__", "_allowed", "_busy", "_compilation", "_counted", "_due", "_fastest", "_interpreter", "_looked",
        "_new", "_skipped", "_tried", "_untimed", "entry", "graph", "guards", "reason", "settled",
        "spent",
    )  # fmt: skip

    def __init__(self, graph: Graph, guards: Sequence[tuple[Node, Any]] = (), native: bool | None = None) -> None:
        self.graph = graph
        self.guards = tuple(guards)
        self.entry: Entry | None = None
        self.settled: Callable[..., Any] | None = None
        self.spent = 0.0
        self.reason = ""
        self._allowed = native
        self._compilation: Compilation | None = None
        self._interpreter: Interpreter | None = None
        self._counted: Interpreter | None = None  # the interpreter, while its time is counted
        self._due = 0.0  # what must have been spent before the next step
        self._fastest = float("inf")
        self._looked = False  # on disk
        self._skipped = self._untimed = 0  # calls for which the next timed one stands; those still to come
        self._new: Entry | None = None  # code on trial
        self._tried: list[float] = []
        self._busy = threading.Lock()

    def __call__(self, *arrays: Any) -> Any:
        settled = self.settled
        if settled is not None:
            return settled(*arrays)
        interpreter = self._counted
        if interpreter is None:
            return self._first(arrays) if self._new is None else self._try(arrays)
        if self._untimed > 0:  # two threads may take one away at once
            self._untimed -= 1
            return interpreter(*arrays)
        return self._timed(interpreter, arrays)

    def values(self, *arrays: Any) -> Any:
        """The results of a graph that has no guards to fail."""
        found = self(*arrays)
        assert found is not None
        return found

    @property
    def native(self) -> bool:
        """Whether calls run machine code."""
        return self.entry is not None

    @property
    def allowed(self) -> bool:
        """Whether it may become machine code."""
        return native_enabled(self._allowed)

    @property
    def on_trial(self) -> bool:
        """Whether there is machine code that has not shown yet that it is no slower than the interpreter."""
        return self._new is not None

    @property
    def estimate(self) -> float:
        """Seconds that compiling would take."""
        return price.compile_seconds(self.graph)

    def compile_now(self) -> bool:
        """Settle on machine code at once, without counting or trying; returns whether there is some.

        Where there can be none the interpreter is settled on. A fault of the compiler is raised.
        """
        with self._busy:
            if self.entry is None:
                self._compile_now()
        return self.native

    def plan(self, name: str = "") -> Plan:
        """What runs where."""
        from thalweg.execution.native.plan import plan

        return plan(self, name)

    def __reduce__(self) -> tuple[Any, ...]:
        graph = Graph(self.graph.inputs, (*self.graph.outputs, *(n for n, _ in self.guards)))
        return (_unpickle, (graph, len(self.graph.outputs), [answer for _, answer in self.guards], self._allowed))

    # --- the steps: look up, count, compile, try, settle. One thread takes them; the others interpret meanwhile. -----

    def _timed(self, interpreter: Interpreter, arrays: tuple[Any, ...]) -> Any:
        """A call whose time is taken, also for some like it: reading a clock costs as much as a short formula."""
        start = perf_counter()
        values = interpreter(*arrays)
        seconds = perf_counter() - start
        self.spent += seconds * (1 + self._skipped)
        if seconds < self._fastest and values is not None:
            self._fastest = seconds
        if self.spent >= self._due:
            self._advance()
        self._untimed = self._skipped = min(_UNTIMED, int(_UNSEEN * self._due / (seconds + 1e-9)))
        return values

    def _first(self, arrays: tuple[Any, ...]) -> Any:
        with self._alone() as alone:
            if alone and self.settled is None and self._counted is None:
                self._begin()
        run = self.settled or self._counted or Interpreter(self.graph, self.guards)
        return self(*arrays) if run is self._counted else run(*arrays)

    def _begin(self) -> None:
        if not native_enabled(self._allowed):
            return self._settle(None, "off")
        if os.environ.get("THALWEG_NATIVE") == "always":
            with _faults_are_told():
                self._compile_now()
            return None if self.settled else self._settle(None, "none")
        calls = _expected.get()
        if calls is not None:
            if price.pays(self.graph, calls):
                with _faults_are_told():
                    self._compile_now()
            return None if self.settled else self._settle(None, "few calls")
        if self._stage().look_up_seconds > _LOOKED_UP:
            self._due = self._stage().look_up_seconds
        elif price.interpreting_seconds(self.graph) >= _QUICK:
            self._look_up()
        else:  # for a few quick calls even to look on disk costs more than they do
            self._due = _QUICK
        if self.settled is None and price.interpreting_seconds(self.graph) >= self.estimate:
            with _faults_are_told():  # the first call alone would cost more; nor shall its arrays fill the memory
                self._compile_now()
        if self.settled is None:
            self._counted = self._interpreter = Interpreter(self.graph, self.guards)
        return None

    def _advance(self) -> None:
        """What follows when the time spent interpreting has reached the price of the next step."""
        with self._alone() as alone:
            if not alone or self._counted is None:
                return
            if not self._looked:
                self._look_up()
            elif self.spent < self.estimate:  # other compilations have corrected the price
                self._due = self.estimate
            else:
                new = None
                with _faults_are_told():
                    new = self._stage().compile()
                if new is None:
                    self._settle(None, "none")
                else:
                    self._new = new
                    self._counted = None

    def _look_up(self) -> None:
        self._looked = True
        with _faults_are_told():
            entry = self._stage().look_up()
            if entry is not None:
                return self._settle(entry, "from disk")
        self._due = self.estimate
        return None

    def _compile_now(self) -> None:
        entry, reason = None, "off"
        if native_enabled(self._allowed):
            entry, reason = self._stage().look_up(), "from disk"
            if entry is None:
                entry, reason = self._new or self._stage().compile(), "compiled"
            self._stage().keep()
        self._settle(entry, reason if entry is not None or reason == "off" else "none")

    def _try(self, arrays: tuple[Any, ...]) -> Any:
        """A call of code that has not shown yet that it is no slower than the interpreter."""
        entry = self._new
        if entry is None:
            return self(*arrays)
        run = _fitted(entry, self.graph, self.guards)
        start = perf_counter()
        values = run(*arrays)
        seconds = perf_counter() - start
        if values is None:
            return None
        self._tried.append(seconds)
        shown = seconds <= self._fastest
        if shown or len(self._tried) >= _TRIALS:
            with self._alone() as alone:
                if alone and self._new is not None:
                    if shown or min(self._tried) <= _SLOWER * self._fastest:
                        self._stage().keep()
                        self._settle(entry, "compiled")
                    else:
                        self._settle(None, "slower")
        return values

    def _settle(self, entry: Entry | None, reason: str) -> None:
        """From now on every call runs ``entry``, or the interpreter if there is none."""
        self.entry, self.reason = entry, reason
        if entry is not None:
            self.settled = _fitted(entry, self.graph, self.guards)
        else:
            self.settled = self._interpreter or Interpreter(self.graph, self.guards)
        self._counted = self._interpreter = self._new = self._compilation = None

    def _stage(self) -> Compilation:
        if self._compilation is None:
            from thalweg.execution.native.compilation import Compilation

            self._compilation = Compilation(self.graph, self.guards)
        return self._compilation

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether this thread may take the next step; it does not wait for another that does."""
        alone = False
        try:
            alone = self._busy.acquire(blocking=False)
            yield alone
        finally:
            if alone:
                self._busy.release()


def _unpickle(graph: Graph, count: int, answers: list[Any], native: bool | None) -> Executable:
    guards = list(zip(graph.outputs[count:], answers, strict=True))
    return Executable(Graph(graph.inputs, graph.outputs[:count]), guards, native)


def _fitted(entry: Entry, graph: Graph, guards: Sequence[tuple[Node, Any]]) -> Callable[..., Any]:
    """``entry`` for arrays of any order and dtype, which are brought into form where it does not take them."""
    dtypes = [n.dtype for n in graph.inputs]
    interpreters: list[Interpreter] = []  # made when a call first needs one

    def run(*arrays: Any) -> Any:
        values = entry(*arrays)
        if values is NotImplemented:
            values = entry(*[np.require(a, d, ("C", "A")) for a, d in zip(arrays, dtypes, strict=True)])
            if values is NotImplemented:
                if not interpreters:
                    interpreters.append(Interpreter(graph, guards))
                values = interpreters[0](*arrays)
        return values

    return run


@contextlib.contextmanager
def _faults_are_told() -> Iterator[None]:
    """A fault of the compiler does not stop the computation, which can be interpreted; but it is not hidden."""
    try:
        yield
    except Exception as error:
        warnings.warn(
            f"a function stays interpreted (slower, same results), since compiling it failed. This is a fault of "
            f"thalweg: {type(error).__name__}: {error}",
            NativeCodeWarning,
            stacklevel=2,
        )
