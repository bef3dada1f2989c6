"""``diagnose``: where in the user's code a NaN, an infinity, a domain fault or a kink arises.

The function and its derivative are evaluated node by node. A fault is blamed on the first nodes that turned finite
arguments into a value that is not finite; the rest only hand it on. Kinks are the nodes at which a convention decided
(``abs`` at 0, a tie in ``max``): the derivative there is one of several.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.calculus.call import Variables, traced_call
from thalweg.graph import CONSTANT, INPUT, Graph, Node, describe_place, full, is_several, reachable
from thalweg.tracing.trace import Traced
from thalweg.transforms.reverse import pullback

_SHOWN = {"absolute": "abs", "square": "x**2", "chain_product": "the chain rule's product"}


@dataclass(frozen=True)
class Fault:
    """One place that is to blame.

    Attributes
    ----------
    what : str
        ``"NaN"``, ``"inf"`` or ``"kink"``.
    operation : str
        The operation that made it, by its NumPy name.
    place : str
        ``file.py:7  source text``, or an empty text where the source is not known.
    arguments : str
        The values that went in.
    count : int
        How many elements are concerned.
    derivative : bool
        Whether it arises in the derivative rather than in the function.
    """

    what: str
    operation: str
    place: str
    arguments: str
    count: int
    derivative: bool

    def __str__(self) -> str:
        where = self.place or self.operation
        whose = "derivative of " if self.derivative and self.what != "kink" else ""
        many = f" ({self.count} elements)" if self.count > 1 else ""
        return f"{where}  → {self.what} in {whose}{self.operation}{many}, {self.arguments}"


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found: prints as one line a fault.

    Attributes
    ----------
    finite : bool
        Whether the value and the gradient are finite.
    faults : tuple of Fault
        Where they stop being finite, in the order of the computation.
    kinks : tuple of Fault
        Where the function has a kink at this point, so that its derivative is a convention.
    """

    finite: bool
    faults: tuple[Fault, ...]
    kinks: tuple[Fault, ...]

    def __str__(self) -> str:
        lines = [] if self.faults else ["the value and the gradient are finite" if self.finite else "not finite"]
        lines += [str(f) for f in (*self.faults, *self.kinks)]
        return "\n".join(lines)


def diagnose(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Diagnosis:
    """Trace a NaN, an infinity, a domain fault or a kink to the line that causes it.

    Parameters
    ----------
    f : callable
        A function written with NumPy.
    *args, **kwargs
        The point at which to look. All float arguments are taken as variables.

    Returns
    -------
    Diagnosis
        ``print`` it: a line for each fault, with the source line, the operation and the values that went in.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> report = tw.diagnose(lambda x: np.sum(np.log(x)), np.array([1.0, -2.0]))
    >>> report.finite
    False
    >>> report.faults[0].what, report.faults[0].operation, report.faults[0].arguments
    ('NaN', 'log', 'x = -2')
    """
    return traced_call(f, args, kwargs, _examine)


def _examine(traced: Traced, variables: Variables, arrays: list[Any]) -> Diagnosis:
    values: dict[Node, Any] = dict(zip(traced.inputs, arrays, strict=True))
    own = Graph(traced.inputs, traced.outputs).nodes
    outputs = [y for y in traced.outputs if y.dtype.kind == "f"]
    with np.errstate(all="ignore"):
        slopes = pullback(outputs, [full(y.shape, 1.0, y.dtype) for y in outputs], variables.nodes)
        for n in reachable([*traced.outputs, *slopes]):
            if n.op is CONSTANT:
                values[n] = n.value
            elif n.op is not INPUT:
                values[n] = n.op.evaluate(*(values[a] for a in n.args), *n.params)
    faults: list[Fault] = []
    known = set(own)
    for n in sorted(values, key=lambda n: n.serial):
        if not is_several(n) and n.op is not CONSTANT:
            fault = _fault_at(n, values, n not in known)
            if fault is not None and all((fault.what, fault.place) != (f.what, f.place) for f in faults):
                faults.append(fault)
    # a product with zero cancels an infinity; then the derivative is finite and nothing is to be said of it
    value_finite = all(np.all(np.isfinite(values[y])) for y in traced.outputs)
    slope_finite = all(np.all(np.isfinite(values[g])) for g in slopes)
    told = [f for f in faults if (not value_finite and not f.derivative) or (not slope_finite)]
    kinks = [k for n in own for k in [_kink_at(n, values)] if k is not None]
    return Diagnosis(value_finite and slope_finite, tuple(told), tuple(kinks))


def _fault_at(n: Node, values: dict[Node, Any], derivative: bool) -> Fault | None:
    result = np.asarray(values[n])
    if result.dtype.kind != "f":
        return None
    bad = ~np.isfinite(result)
    if not bad.any():
        return None
    arguments = [np.asarray(values[a]) for a in n.args if not is_several(a)]
    if n.op is not INPUT and any(a.dtype.kind == "f" and not np.all(np.isfinite(a)) for a in arguments):
        if not n.op.elementwise:
            return None
        fitted = [np.broadcast_to(a, result.shape) for a in arguments]
        bad = bad & np.logical_and.reduce([np.isfinite(a) for a in fitted])
        if not bad.any():
            return None
    where = tuple(int(i[0]) for i in np.nonzero(bad)) if result.ndim else ()
    what = "NaN" if np.isnan(result[where]) else "inf"
    if n.op is INPUT:
        return Fault(what, "the argument", "", f"x{_at(where)} = {result[where]:.6g}", int(bad.sum()), False)
    return Fault(
        what, _SHOWN.get(n.op.name, n.op.name), describe_place(n.where), _inputs(n, arguments, where),
        int(bad.sum()), derivative,
    )  # fmt: skip


def _at(where: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, where))}]" if where else ""


def _inputs(n: Node, arguments: list[Any], where: tuple[int, ...]) -> str:
    names = "x" if len(arguments) == 1 else "abcdefgh"
    shown = []
    for name, a in zip(names, arguments, strict=False):
        if n.op.elementwise:
            a = np.broadcast_to(a, n.shape)[where]
        shown.append(f"{name} = {a:.6g}" if np.ndim(a) == 0 else f"{name} of shape {np.shape(a)}")
    return ", ".join(shown)


def _kink_at(n: Node, values: dict[Node, Any]) -> Fault | None:
    test = KINKS.get(n.op.name)
    if test is None or any(a.dtype.kind != "f" for a in n.args):
        return None
    arguments = [np.asarray(values[a]) for a in n.args]
    shape = np.shape(arguments[0]) if n.op.family == "reduce" else n.shape
    hit = np.broadcast_to(np.asarray(test(*arguments, *n.params)), shape)
    if not hit.any():
        return None
    where = tuple(int(i[0]) for i in np.nonzero(hit)) if hit.ndim else ()
    elementwise = n.op.elementwise
    shown = _inputs(n, arguments, where) if elementwise else f"x{_at(where)} = {arguments[0][where]:.6g}"
    return Fault("kink", _SHOWN.get(n.op.name, n.op.name), describe_place(n.where), shown, int(hit.sum()), True)


def _tied(x: Any, y: Any, axes: Any) -> Any:
    chosen = x == np.expand_dims(y, axes)
    return chosen & (chosen.sum(axis=axes, keepdims=True) > 1)


#: Ops with kinks or jumps, and where they are, given the arguments (and parameters).
KINKS: dict[str, Callable[..., Any]] = {
    "absolute": lambda x: x == 0,
    "sign": lambda x: x == 0,
    "sqrt": lambda x: x == 0,
    "cbrt": lambda x: x == 0,
    "maximum": lambda a, b: a == b,
    "minimum": lambda a, b: a == b,
    "fmax": lambda a, b: a == b,
    "fmin": lambda a, b: a == b,
    "hypot": lambda a, b: (a == 0) & (b == 0),
    "floor": lambda x: x == np.floor(x),
    "ceil": lambda x: x == np.floor(x),
    "trunc": lambda x: (x == np.trunc(x)) & (x != 0),
    "rint": lambda x: np.abs(x - np.trunc(x)) == 0.5,
    "heaviside": lambda x, h: x == 0,
    "max": lambda x, axes: _tied(x, np.max(x, axis=axes), axes),
    "min": lambda x, axes: _tied(x, np.min(x, axis=axes), axes),
}
