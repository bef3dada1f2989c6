r"""The forms that constraints may have, brought into one: a function of traced x that gives comparisons.

- a function that returns comparisons, ranges (`between`) or plain values, read as g(x) = 0, nested as one likes;
- a text or a formula over the variables of the objective: ``"x + y = 1"``;
- ``{"eq": g, "ineq": h}``, plain functions (or lists of such) read as g(x) = 0 and h(x) ≥ 0;
- SciPy's ``{"type": "ineq", "fun": h}`` (h(x) ≥ 0), ``LinearConstraint``, ``NonlinearConstraint`` and ``Bounds``;
- a list of any of these.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.formula import Formula, formula
from thalweg.graph import Node, as_node
from thalweg.ops.gather import scatter_add
from thalweg.tracing import tree
from thalweg.tracing.context import running
from thalweg.tracing.tracer import Tracer, node_of, wrap

from .source import at_line, code_text, place_text, source_text

__all__ = ["Between", "Plain", "Ranged", "Texted", "accepted", "between", "written"]

Call = Callable[[Callable[..., Any], Any, Any], Any]
#: The ops that a comparison becomes.
COMPARISONS = ("equal", "less_equal", "less", "greater_equal", "greater")


@dataclass(frozen=True, eq=False)
class Between:
    """A range lower ≤ g ≤ upper, made by `between`."""

    lower: Any
    g: Any
    upper: Any


def between(lower: Any, g: Any, upper: Any) -> Between:
    """Write the constraint lower ≤ g(x) ≤ upper.

    Python's own chain ``lower <= g <= upper`` cannot be seen by a library: it is two comparisons of which the first is
    thrown away.

    Parameters
    ----------
    lower, upper : number, array or None
        The sides; None, −inf or inf where there is none.  Where they depend on parameters (``args``) or variables,
        the range is two comparisons, with a multiplier each.
    g : traced value
        An expression of the variables.

    Examples
    --------
    >>> import thalweg as tw
    >>> s = tw.minimize(lambda x: (x[0] - 3) ** 2 + x[1] ** 2, [0.0, 0.0],
    ...                 subject_to=lambda x: tw.between(-1, x[0] + x[1], 1))
    >>> s.x.round(6) + 0.0, round(s.multipliers, 6)
    (array([ 2., -1.]), 2.0)
    """
    return Between(-np.inf if lower is None else lower, g, np.inf if upper is None else upper)


def written(subject_to: Any, call: Call, variables: tuple[str, ...]) -> Any:
    """Return a function of traced x (and further arguments) that gives comparisons, for every form of `subject_to`.

    Parameters
    ----------
    subject_to
        As the user gave it.
    call : callable
        ``(g, x, given) -> g(x)`` in the way the objective is called, with its further arguments.
    variables : tuple of str
        Names of the objective's variables, for constraints that are texts.
    """
    if subject_to is None:
        return None
    if isinstance(subject_to, str):
        try:
            read = formula(subject_to, variables or None)
        except TypeError as error:
            raise ArgumentError(str(error)) from None
        return _named(read, call)
    if isinstance(subject_to, Formula) or callable(subject_to):
        return _named(subject_to, call)
    if isinstance(subject_to, Mapping):
        return _from_mapping(subject_to, call, variables)
    kind = type(subject_to).__name__
    if kind in ("LinearConstraint", "NonlinearConstraint", "Bounds"):
        return _from_scipy(subject_to, kind, call)
    if isinstance(subject_to, (list, tuple)):
        parts = [written(item, call, variables) for item in subject_to]
        if not parts or any(part is None for part in parts):
            raise ArgumentError("subject_to is empty, or holds None: leave it out where there are no constraints.")
        return lambda x, given: [part(x, given) for part in parts]
    raise ArgumentError(
        f"subject_to must be a function that returns comparisons, such as lambda x: [x[0] + x[1] == 1, x >= 0], or one "
        f"of SciPy's constraints, a dict {{'eq': g, 'ineq': h}} or a list of these; not {subject_to!r}."
    )


def _named(g: Callable[..., Any], call: Call) -> Callable[[Any, Any], Any]:
    def constraint(x: Any, given: Any) -> Any:
        trace = running.traces[-1] if running.traces else None
        before = set() if trace is None else set(trace.guards)
        try:
            found = call(g, x, given)
        except TypeError as error:
            _refuse_sets(g, error)
            raise
        if trace is not None:
            _refuse_chains(g, [n for n in trace.guards if n not in before])
        if isinstance(g, Formula) and g.is_comparison and "!=" in g.relations:
            raise ArgumentError(f"The constraint {g.text!r} says 'not equal', which bounds nothing.")
        if isinstance(g, Formula):
            return Texted(found, " ".join(g.text.split()) + ("" if g.is_comparison else " = 0"))
        return found

    return constraint


def _refuse_chains(g: Any, guards: list[Node]) -> None:
    """A comparison written in the constraints themselves was asked for its truth: its other half would be lost."""
    own = _codes(getattr(g, "__code__", None))
    for n in guards:
        if n.where is not None and n.where[0] in own and n.op.name in COMPARISONS:
            raise ArgumentError(
                f"In the constraints, Python asked {source_text(n) or 'a comparison'} for its truth, and would drop "
                "it: a chain `lo <= g <= hi` or an `and` keeps only its last part. Write tw.between(lo, g, hi) or list "
                f"the comparisons one by one; instead of an `if`, write np.where.{at_line(place_text(n))}"
            )


def _refuse_sets(g: Any, error: TypeError) -> None:
    """``{x[0] >= 1, x[1] >= 2}`` is a set: it asks for hashes, which comparisons of arrays have not."""
    own, at = _codes(getattr(g, "__code__", None)), error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is not None and at.tb_frame.f_code in own and str(error).startswith("unhashable type: 'Tracer'"):
        raise ArgumentError(
            "The constraints stand in a set, {…}, which cannot hold comparisons: write a list, [x[0] >= 1, x[1] >= 2], "
            f"or a dict that gives names to them.{at_line(code_text(at.tb_frame.f_code, at.tb_lineno))}"
        ) from None


def _codes(code: Any) -> set[Any]:
    """A function's code and that of the comprehensions and lambdas within."""
    if code is None:
        return set()
    return {code}.union(*(_codes(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def _from_mapping(given: Mapping[Any, Any], call: Call, variables: tuple[str, ...]) -> Any:
    if "type" in given and "fun" in given:  # SciPy's
        kind, g, args = str(given["type"]).lower(), given["fun"], given.get("args", ())
        if kind not in ("eq", "ineq"):
            raise ArgumentError(f"The type of a constraint is 'eq' or 'ineq', not {given['type']!r}.")
        name = str(getattr(g, "__name__", "constraint"))
        if args:
            several: tuple[Any, ...] = tuple(args) if isinstance(args, (list, tuple)) else (args,)
            return _signed(lambda x: g(x, *several), kind, call, name)
        return _signed(g, kind, call, name)
    unknown = set(given) - {"eq", "ineq"}
    if unknown:
        raise ArgumentError(
            "A dict of constraints has the keys 'eq' (g(x) = 0) and 'ineq' (h(x) >= 0); there is also "
            f"{sorted(map(str, unknown))}."
        )
    parts = {}
    for key, g in given.items():
        if g is None:
            continue
        items = g if isinstance(g, (list, tuple)) else [g]
        made = [_signed(_function(item, variables), key, call, str(getattr(item, "__name__", key))) for item in items]
        parts[key] = made if isinstance(g, (list, tuple)) else made[0]
    if not parts:
        return None

    def constraint(x: Any, given: Any) -> Any:
        return {
            k: [p(x, given) for p in part] if isinstance(part, list) else part(x, given) for k, part in parts.items()
        }

    return constraint


def _function(g: Any, variables: tuple[str, ...]) -> Callable[..., Any]:
    if isinstance(g, str):
        return formula(g, variables or None)
    if not callable(g):
        raise ArgumentError(f"A constraint is a function, not {g!r}.")
    return g


def _signed(g: Callable[..., Any], kind: str, call: Call, name: str) -> Callable[[Any, Any], Any]:
    """g(x) = 0 or g(x) ≥ 0 from a plain function."""
    text = f"{kind if name == '<lambda>' else name}(x) {'==' if kind == 'eq' else '>='} 0"

    def constraint(x: Any, given: Any) -> Any:
        return Plain(_one_array(call(g, x, given)), kind, text)

    return constraint


def _one_array(value: Any) -> Any:
    """What a function returned, a list of numbers as an array."""
    if isinstance(value, (list, tuple)) and value:
        return np.stack([np.asarray(v) if type(v) in (int, float) else v for v in value])
    return value


def accepted(g: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The further arguments, where g takes them: constraints may do without."""
    if not args:
        return ()
    try:
        parameters = inspect.signature(g).parameters.values()
    except (TypeError, ValueError):
        return ()
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    many = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return args if many or len(places) > len(args) else ()


@dataclass(frozen=True, eq=False)
class Texted:
    """A constraint with the text that it was read from."""

    value: Any
    text: str


@dataclass(frozen=True, eq=False)
class Plain:
    """A value that is to be zero ('eq') or not negative ('ineq')."""

    value: Any
    kind: str
    text: str


def _from_scipy(given: Any, kind: str, call: Call) -> Callable[[Any, Any], Any]:
    lower, upper = given.lb, given.ub
    if kind == "Bounds":
        return lambda x, given: Ranged(_flat(x), lower, upper, "bounds")
    if kind == "LinearConstraint":
        times = _sparse_product(given.A) if hasattr(given.A, "tocsr") else _dense_product(given.A)
        return lambda x, given: Ranged(times(_flat(x)), lower, upper, "A @ x")
    name = str(getattr(given.fun, "__name__", "fun"))
    text = "fun(x)" if name == "<lambda>" else f"{name}(x)"
    return lambda x, further: Ranged(_one_array(call(given.fun, x, further)), lower, upper, text)


def _flat(x: Any) -> Any:
    """All variables as one vector, from whatever structure x has."""
    parts = [np.reshape(leaf, (-1,)) for leaf in tree.flatten(x)[0]]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _dense_product(A: Any) -> Callable[[Any], Any]:
    matrix = np.atleast_2d(np.asarray(A, dtype=np.float64))
    return lambda x: matrix @ _of_length(matrix.shape, x)


def _sparse_product(A: Any) -> Callable[[Any], Any]:
    """v ↦ A v with the entries of A alone, so that its derivative is as sparse as A."""
    A = A.tocsr(copy=True)
    A.sum_duplicates()
    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
    columns, entries = A.indices.astype(np.int64), np.asarray(A.data, dtype=np.float64)

    def times(x: Any) -> Any:
        parts = entries * _of_length(A.shape, x)[columns]
        if type(parts) is not Tracer:
            return np.bincount(rows, weights=parts, minlength=A.shape[0])
        return wrap(scatter_add(as_node(np.zeros(A.shape[0])), node_of(parts), as_node(rows), 0))

    return times


def _of_length(shape: tuple[int, ...], x: Any) -> Any:
    if shape[-1] != x.shape[0]:
        raise ArgumentError(
            f"The matrix of a LinearConstraint has the shape {shape}, but there are {x.shape[0]} variables."
        )
    return x


@dataclass(frozen=True, eq=False)
class Ranged:
    """lower ≤ value ≤ upper as SciPy writes it: equal sides make an equality, row by row."""

    value: Any
    lower: Any
    upper: Any
    text: str
