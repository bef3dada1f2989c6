"""NumPy function → Graph: run the user's function once on tracers and keep what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.errors import TraceError
from thalweg.graph import (
    BOOL,
    FLOAT64,
    INPUT,
    INT64,
    Graph,
    Node,
    Shape,
    building,
    canonical,
    describe_place,
    input_node,
    location,
    substitute,
)
from thalweg.graph import show as show_graph
from thalweg.tracing import tree
from thalweg.tracing.context import Trace, is_library, means_otherwise, refusal, running
from thalweg.tracing.reach import reach
from thalweg.tracing.surroundings import Surroundings
from thalweg.tracing.tracer import Tracer, node_of, wrap


class Traced(Graph):
    """The graph of one run of a function, with what the run took for granted.

    Attributes
    ----------
    guards : tuple of (Node, value)
        Values that Python code of the function looked at (``if x > 0``). The graph is right wherever they are the same.
    out_structure
        The nesting of the result (`thalweg.tracing.tree`).
    fleeting : bool
        Whether the run read the clock or a fresh random seed: another run would give another graph.
    catching : bool
        Whether the function would catch that a factorization fails: then a failing call is to be traced again.
    """

    __slots__ = ("catching", "fleeting", "guards", "out_structure")

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node], trace: Trace, out_structure: Any) -> None:
        super().__init__(inputs, outputs)
        self.guards = tuple(trace.guards.items())
        self.out_structure = out_structure
        self.fleeting = trace.fleeting
        self.catching = trace.catching

    def __str__(self) -> str:
        text = show_graph(Graph(self.inputs, (*self.outputs, *(n for n, _ in self.guards))))
        if not self.guards:
            return text
        body, _, results = text.rpartition("\n→ ")
        names = results.split(", ")
        count = len(self.outputs)
        answers = [f"{name} is {value}" for name, (_, value) in zip(names[count:], self.guards, strict=True)]
        return f"{body}\n→ {', '.join(names[:count])}\nwhere {', '.join(answers)}"


Signature = tuple[Shape, np.dtype[Any]]


def input_signature(leaf: Any, promote: bool) -> Signature:
    """Shape and dtype with which a leaf enters a graph; integers become float64 if they are to be differentiated."""
    if type(leaf) is Tracer:
        dtype = leaf.dtype
        return leaf.shape, FLOAT64 if promote and dtype in (INT64, BOOL) else dtype
    if type(leaf) is float:
        return (), FLOAT64
    if means_otherwise(leaf):
        raise TypeError(refusal(leaf))
    array = canonical(np.asarray(leaf))
    return array.shape, FLOAT64 if promote and array.dtype.kind != "f" else array.dtype


def trace_leaves(
    f: Any,
    leaves: Sequence[Any],
    signatures: Sequence[Signature | None],
    put_together: Callable[[list[Any]], Any],
    around: Surroundings | None = None,
) -> Traced:
    """Run ``f(*args, **kwargs)`` with the leaves that have a signature replaced by tracers.

    ``put_together(leaves)`` gives ``(args, kwargs)``; a leaf without a signature is passed as it is. ``around`` is what
    stands around ``f``, where the caller knows it already.
    """
    trace = Trace(f)
    inputs: list[Node] = []
    passed: list[Any] = []
    before = location.where
    location.where = None
    for leaf, signature in zip(leaves, signatures, strict=True):
        if signature is None:
            passed.append(leaf)
            continue
        node = input_node(*signature)
        trace.values[node] = leaf.node if type(leaf) is Tracer else np.asarray(leaf, dtype=signature[1])[()]
        inputs.append(node)
        passed.append(Tracer(node))
    args, kwargs = put_together(passed)
    running.traces.append(trace)
    try:
        with building(), reach(f, around) as called:
            result = called(*args, **kwargs)
        out_leaves, out_structure = tree.flatten(result)
        outputs = [node_of(leaf) for leaf in out_leaves]
    except (TypeError, ValueError) as error:
        better = _from_inside_numpy(error)
        if better is error:
            raise
        raise better from None
    finally:
        running.traces.pop()
        if running.moment is not None:
            running.moment = object()  # code of the user's has run
        location.where = before
    return Traced(inputs, outputs, trace, out_structure)


def _from_inside_numpy(error: Exception) -> Exception:
    """NumPy's C code replaces our errors by its own: the one that names the user's line is better."""
    cause = error.__cause__
    if not isinstance(error, TraceError) and cause is None and "'Tracer'" in str(error):
        return TraceError(
            f"a call that cannot be seen into was given a value that is being differentiated: {error}.\n"
            "  Write it with NumPy functions; to minimize it as it is, give grad=, or derivatives='finite-difference'."
            f"{_user_line(error)}"
        )
    if isinstance(error, TraceError) or not isinstance(cause, TraceError):
        return error
    if "setting an array element" not in str(error):
        return cause
    at = str(cause).rpartition("\n  at ")[2]
    return TraceError(
        "a traced value cannot be written into an array that was made outside the function that is differentiated.\n"
        f"  Create it inside the function: out = np.zeros(n), or np.array(a) for a copy.\n  at {at}"
    )


def _user_line(error: BaseException) -> str:
    """The last line of an error: where in the user's code it arose."""
    at, step = "", error.__traceback__
    while step is not None:
        frame = step.tb_frame
        if not is_library(frame.f_globals.get("__name__", "")):
            at = describe_place((frame.f_code, step.tb_lasti))
        step = step.tb_next
    return f"\n  at {at}" if at else ""


def inline(outputs: Sequence[Node], traced: Traced, leaves: Sequence[Any]) -> list[Any]:
    """Results of a trace inside another trace: its inputs are replaced by the values of the enclosing one.

    ``outputs`` may be any nodes built on the graph of ``traced`` (derivatives, say). The guards pass to the enclosing
    trace.
    """
    replacement = {n: node_of(leaf, n.dtype) for n, leaf in zip(traced.inputs, leaves, strict=True)}
    for n, given in replacement.items():
        if given.dtype != n.dtype:
            from thalweg.ops.elementwise import astype

            replacement[n] = astype(given, n.dtype)
    questions = [n for n, _ in traced.guards]
    new = substitute([*outputs, *questions], replacement)
    if running.traces:
        enclosing = running.traces[-1]
        for n, (_, answer) in zip(new[len(outputs) :], traced.guards, strict=True):
            if not n.is_constant:
                enclosing.guards.setdefault(n, answer)
    return [wrap(n) for n in new[: len(outputs)]]


def depends_on_enclosing(traced: Traced) -> bool:
    """Whether the function used variables of an enclosing trace (through its closure)."""
    own = set(traced.inputs)
    graph = Graph(traced.inputs, (*traced.outputs, *(n for n, _ in traced.guards)))
    return any(n.op is INPUT and n not in own for n in graph.nodes)


def is_traceable(leaf: Any) -> bool:
    """Whether an argument that is not differentiated becomes an input: floats and arrays do, Python integers do not."""
    kind = type(leaf)
    if kind is float or kind is Tracer:
        return True
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind in "fiub"
    return isinstance(leaf, np.floating)
