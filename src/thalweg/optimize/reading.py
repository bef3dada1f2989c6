r"""Reading constraints as people write them.

    subject_to = lambda x: [x[0] + x[1] == 1, x >= 0, between(-1, x[0] * x[1], 1)]

is called on traced values, so a comparison is not True or False but a node of the graph with two sides; the row of c is
their difference.  What is read: comparisons ``==  <=  >=`` (and ``<  >``, which close to the same set) of numbers and
arrays, alone or in nested lists, tuples and dicts; ranges made by `between`; and plain values g, read as g(x) = 0.  The
other forms are brought into this one by `written`.

A comparison of variables with constants, ``x >= 0``, is a bound and costs a solver nothing.  Python asks
``0 <= x[0] <= 5`` for the truth of its first half and throws it away: such a chain is refused, with its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import FLOAT64, Graph, Node, input_node, location, substitute
from thalweg.ops.elementwise import subtract
from thalweg.tracing.tracer import Tracer, node_of, wrap
from thalweg.transforms.degree import polynomial_degree

from .problem import Vector
from .relations import Nesting, Relation, Relations
from .source import at_line, code_text, oriented, place_text, source_text
from .written import Between, Plain, Ranged, Texted

__all__ = ["Read", "read_constraints"]

SIGNS = {"equal": "==", "less_equal": "<=", "less": "<=", "greater_equal": ">=", "greater": ">="}
MIRRORED = {"==": "==", "<=": ">=", ">=": "<="}
_BOTH = ("logical_and", "bitwise_and")


@dataclass(frozen=True, eq=False)
class Read:
    """Constraints of one trace: the rows of c as traced values, and what was written."""

    rows: list[Any]
    relations: Relations


class _Reader:
    """Goes through what `subject_to` returned, and collects."""

    def __init__(self, variable: Node | None, fixed: bool) -> None:
        self.variable = variable
        self.fixed = fixed
        self.rows: list[Any] = []
        self.relations: list[Relation] = []
        self.words = ""  # of the text that is being read, which has no place in a source

    def _text(self, node: Node | None) -> str:
        return self.words or ("" if node is None else source_text(node))

    def _place(self, node: Node | None) -> str:
        return "" if node is None or self.words else place_text(node)

    def add(
        self, sign: str, body: Any, lower: Any, upper: Any, node: Node | None, text: str = "", shape: Any = None
    ) -> int:
        """Note a relation  lower ≤ body ≤ upper  and return its number."""
        body_node = node_of(body)
        where = self._place(node)
        text = text or oriented(self._text(node), sign)
        shape = body_node.shape if shape is None else shape
        low = np.broadcast_to(np.asarray(lower, dtype=np.float64), shape).ravel()
        high = np.broadcast_to(np.asarray(upper, dtype=np.float64), shape).ravel()
        if np.isnan(low).any() or np.isnan(high).any():
            raise ArgumentError(f"A side of the constraint {text or 'here'} is NaN.{at_line(where)}")
        if (low == np.inf).any() or (high == -np.inf).any():
            raise ArgumentError(f"No point satisfies {text}: nothing is beyond infinity.{at_line(where)}")
        if (low > high).any():
            raise ArgumentError(
                f"No point satisfies the range {text}: its lower side is above its upper one.{at_line(where)}"
            )
        if np.prod(shape) == 0:
            raise ArgumentError(f"The constraint {text} has no rows: its shape is {shape}.{at_line(where)}")
        self.relations.append(
            Relation(text, where, sign, tuple(shape), low.copy(), high.copy(), None, self._degree(body_node))
        )
        self.rows.append(body if body_node.ndim == 1 else np.reshape(body, (-1,)))
        return len(self.relations) - 1

    def bound(self, sign: str, at: Any, lower: Any, upper: Any, node: Node, text: str = "") -> int:
        """Note bounds of single variables."""
        low = np.broadcast_to(np.asarray(lower, dtype=np.float64), at.shape).ravel().copy()
        high = np.broadcast_to(np.asarray(upper, dtype=np.float64), at.shape).ravel().copy()
        text, where = text or oriented(self._text(node), sign), self._place(node)
        if np.isnan(low).any() or np.isnan(high).any():
            raise ArgumentError(f"A side of the constraint {text} is NaN.{at_line(where)}")
        if (low == np.inf).any() or (high == -np.inf).any() or (low > high).any():
            raise ArgumentError(f"No number satisfies {text}.{at_line(where)}")
        self.relations.append(Relation(text, where, sign, at.shape, low, high, at.ravel(), 1.0))
        return len(self.relations) - 1

    def _degree(self, body: Node) -> float:
        return float("inf") if self.variable is None else polynomial_degree([body], [self.variable])

    # ---------------------------------------------------------------- what may be written

    def read(self, value: Any) -> Any:
        """Note everything in `value`; return its nesting, with numbers of relations for leaves."""
        if isinstance(value, Mapping):
            return {key: self.read(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.read(item) for item in value]
        if isinstance(value, Texted):
            self.words = value.text
            try:
                return self.read(value.value)
            finally:
                self.words = ""
        if isinstance(value, Between):
            return self._range(value)
        if isinstance(value, Plain):
            return self._plain(value)
        if isinstance(value, Ranged):
            return self._ranged(value)
        if type(value) is Tracer:
            if value.dtype.kind == "b":
                return self._comparison(value.node)
            if not value.node.is_constant:
                self._refuse_counts(value.node)
                return self.add("==", value, 0.0, 0.0, value.node)
        raise ArgumentError(_no_constraint(value))

    def _refuse_counts(self, node: Node) -> None:
        """A whole number, such as how many comparisons hold, is no g(x): it has no slope to follow."""
        if node.dtype.kind in "iu":
            raise ArgumentError(
                f"A constraint is the whole number {self._text(node) or node.op.name}, which has no slope: a count of "
                "comparisons is not read as g(x) = 0. Return the comparisons themselves, such as x >= 1, and all of "
                f"them must hold.{at_line(self._place(node))}"
            )

    def _comparison(self, node: Node) -> Any:
        name = node.op.name
        if name in _BOTH:
            return self._both(*node.args)
        if name == "all":
            return self._comparison(node.args[0])
        if name in ("reshape", "transpose", "broadcast", "slice") and not node.is_constant:
            return self._comparison(node.args[0])
        if self.fixed and node.is_constant:
            return self._settled(node)
        if name not in SIGNS or node.is_constant:
            raise ArgumentError(_no_constraint(wrap(node), node))
        left, right = node.args
        sign = SIGNS[name]
        if left.is_constant:  # the number stands on the right, as prices are told of the right side
            left, right, sign = right, left, MIRRORED[sign]
        side = self._bound_side(left, right, node.shape)
        if side is not None and sign != "==":
            at, number, flipped = side
            below = (sign == ">=") != flipped
            return self.bound(sign, at, number if below else -np.inf, np.inf if below else number, node)
        location.where = node.where  # faults of the difference belong to the line of the comparison
        body = wrap(subtract(left, right))
        lower = 0.0 if sign in ("==", ">=") else -np.inf
        upper = 0.0 if sign in ("==", "<=") else np.inf
        right_value = right.value if right.is_constant else left.value if left.is_constant else None
        if right_value is not None and np.isnan(right_value).any():
            raise ArgumentError(f"A side of the constraint {self._text(node)} is NaN.{at_line(self._place(node))}")
        if right_value is not None and np.isinf(right_value).any():
            return self._infinite_side(sign, left, right, node)
        return self.add(sign, body, lower, upper, node)

    def _settled(self, node: Node) -> int:
        """A comparison of variables that the bounds have fixed: it holds, or nothing does."""
        if not np.all(node.value):
            raise ArgumentError("The bounds fix variables such that a constraint can never hold: it is False.")
        nothing = np.full(node.shape, np.inf).ravel()
        at = np.zeros(nothing.size, dtype=np.int64)
        self.relations.append(Relation("", "", "==", node.shape, -nothing, nothing, at, 0.0))
        return len(self.relations) - 1

    def _infinite_side(self, sign: str, left: Node, right: Node, node: Node) -> int:
        """``g <= inf`` says nothing; the sides are told from the body, so that no row is infinite."""
        body, number, flipped = (left, right, False) if right.is_constant else (right, left, True)
        value = np.broadcast_to(np.asarray(number.value, dtype=np.float64), node.shape)
        below = (sign == ">=") != flipped
        if sign == "==":
            raise ArgumentError(f"An expression cannot equal infinity: {source_text(node)}.{at_line(place_text(node))}")
        whole = np.broadcast_to(wrap(body), node.shape) if body.shape != node.shape else wrap(body)
        return self.add(sign, whole, value if below else -np.inf, np.inf if below else value, node)

    def _both(self, first: Node, second: Node) -> Any:
        """``(lo <= g) & (g <= hi)``: a range where both speak of the same g, else two constraints."""
        pair = [_as_range(n) for n in (first, second)]
        if pair[0] is not None and pair[1] is not None and pair[0][0] is pair[1][0]:
            g = pair[0][0]
            low = max((p[1] for p in pair if p is not None), key=lambda v: float(np.max(v)))
            high = min((p[2] for p in pair if p is not None), key=lambda v: float(np.min(v)))
            return self._range(Between(low, wrap(g), high), first)
        return [self._comparison(first), self._comparison(second)]

    def _moving_range(self, given: Between) -> Any:
        """A range whose sides depend on parameters or variables: two comparisons."""
        found = []
        for sign, side in ((">=", given.lower), ("<=", given.upper)):
            moving = type(side) is Tracer and not side.node.is_constant
            if moving or np.isfinite(np.asarray(_plain(side), dtype=np.float64)).any():
                told = self._text(side.node) if moving else _side(np.asarray(_plain(side), dtype=np.float64))
                body, node = given.g - side, given.g.node
                text = f"{self._text(node)} {sign} {told}"
                below = sign == ">="
                found.append(self.add(sign, body, 0.0 if below else -np.inf, np.inf if below else 0.0, node, text))
        return found[0] if len(found) == 1 else found

    def _range(self, given: Between, node: Node | None = None) -> Any:
        if type(given.g) is not Tracer or given.g.node.is_constant:
            raise ArgumentError(_no_constraint(given.g))
        if any(type(side) is Tracer and not side.node.is_constant for side in (given.lower, given.upper)):
            return self._moving_range(given)
        low, high = (np.asarray(_plain(side), dtype=np.float64) for side in (given.lower, given.upper))
        middle = given.g.node
        shape = np.broadcast_shapes(middle.shape, low.shape, high.shape)
        text = self._text(node or middle)
        if node is None:  # x itself and its parts have no source of their own
            middle_text = text or ("x" if middle is self.variable else "…")
            text = f"{_side(low)} <= {middle_text} <= {_side(high)}"
        equal = np.broadcast_to(low == high, shape)
        at = self._places(middle) if middle.shape == shape and not equal.any() else None
        if at is not None:
            return self.bound("between", at, low, high, middle, text)
        body = given.g if middle.shape == shape else np.broadcast_to(given.g, shape)
        return self.add("between", body, low, high, middle, text, shape)

    def _plain(self, given: Plain) -> int:
        value = given.value
        if type(value) is not Tracer or value.node.is_constant:
            raise ArgumentError(_no_constraint(value))
        self._refuse_counts(value.node)
        equality = given.kind == "eq"
        return self.add("==" if equality else ">=", value, 0.0, 0.0 if equality else np.inf, value.node, given.text)

    def _ranged(self, given: Ranged) -> int:
        value = given.value
        if type(value) is not Tracer or value.node.is_constant:
            raise ArgumentError(_no_constraint(value))
        low, high = (np.asarray(side, dtype=np.float64) for side in (given.lower, given.upper))
        text = f"{_side(low)} <= {given.text} <= {_side(high)}"
        shape = np.broadcast_shapes(value.shape, low.shape, high.shape)
        at = self._places(value.node) if shape == value.shape and not np.any(low == high) else None
        if at is not None:
            return self.bound("between", at, low, high, value.node, text)
        return self.add("between", value, low, high, value.node, text, shape)

    # ---------------------------------------------------------------- bounds

    def _bound_side(self, left: Node, right: Node, shape: tuple[int, ...]) -> tuple[Any, Any, bool] | None:
        """Where one side is constant and the other nothing but variables: which ones, the constant, which side."""
        for variables, number, flipped in ((left, right, False), (right, left, True)):
            if number.is_constant and variables.shape == shape:
                at = self._places(variables)
                if at is not None:
                    return at, number.value, flipped
        return None

    def _places(self, node: Node) -> Any:
        """Which variable each element is, if all that was done to the vector of variables is to move its elements."""
        if self.variable is None:
            return None
        n = node
        while n is not self.variable:
            if n.op.family != "movement" or n.is_constant:
                return None
            moving = [a for a in n.args if not a.is_constant]
            if len(moving) != 1 or any(a.dtype.kind == "f" for a in n.args if a.is_constant):
                return None
            n = moving[0]
        numbers = np.arange(self.variable.size, dtype=np.float64).reshape(self.variable.shape)
        every = input_node(self.variable.shape, FLOAT64)  # the variables may be put together of free and fixed ones
        (found,) = Interpreter(Graph([every], substitute([node], {self.variable: every}))).values(numbers)
        return np.asarray(found).astype(np.int64)


def read_constraints(values: Any, variable: Node | None, fixed: bool = False) -> Read:
    """Read what `subject_to` returned while it was traced.

    Parameters
    ----------
    values
        Comparisons, ranges and traced values, nested.
    variable : Node or None
        The flat vector of all variables in the graph, to tell bounds from other constraints.
    fixed : bool
        Whether some variables are constants, so that a comparison may be settled.
    """
    reader = _Reader(variable, fixed)
    nesting = reader.read(values)
    return Read(reader.rows, Relations(tuple(reader.relations), Nesting(nesting)))


# --- texts ------------------------------------------------------------------------------------------------------------


def _no_constraint(value: Any, node: Node | None = None) -> str:
    at = "" if node is None else at_line(place_text(node))
    if isinstance(value, (bool, np.bool_)) or (type(value) is Tracer and value.dtype.kind == "b"):
        if type(value) is Tracer and not value.node.is_constant:
            return (
                f"A constraint must be a comparison with ==, <= or >=, and this is {value.node.op.name}.{at} List the "
                "comparisons one by one."
            )
        known = bool(np.all(value.node.value)) if type(value) is Tracer else bool(value)
        return (
            f"A constraint does not depend on the variables: it is {known} whatever they are.{at} Take it out, or "
            "look whether it compares what was meant."
        )
    if value is None:
        return "subject_to returned None; is a return missing?"
    if isinstance(value, Iterator):
        code = getattr(value, "gi_code", None)
        return (
            f"subject_to returned a {type(value).__name__}, which can be gone through only once: make it a list, as in "
            f"[x[i] >= 0 for i in range(n)] or list(...).{'' if code is None else at_line(code_text(code, None))}"
        )
    if type(value) is Tracer or isinstance(value, (int, float, np.ndarray, np.generic)):
        return f"A constraint does not depend on the variables: it is a constant.{at} Take it out, or mend it."
    return f"A constraint must be a comparison such as x[0] + x[1] == 1, not {value!r}."


def _side(value: Any) -> str:
    return format(float(value), "g") if value.ndim == 0 else "[…]"


def _plain(side: Any) -> Any:
    return side.node.value if type(side) is Tracer else side


def _as_range(n: Node) -> tuple[Node, Any, Any] | None:
    """A comparison with a constant as (g, lower, upper)."""
    if n.op.name not in SIGNS or SIGNS[n.op.name] == "==":
        return None
    left, right = n.args
    for g, number, flipped in ((left, right, False), (right, left, True)):
        if number.is_constant and not g.is_constant:
            below = (SIGNS[n.op.name] == ">=") != flipped
            value: Vector = np.asarray(number.value, dtype=np.float64)
            return (g, value, np.asarray(np.inf)) if below else (g, np.asarray(-np.inf), value)
    return None
