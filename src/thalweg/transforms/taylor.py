r"""Taylor coefficients of the outputs to any order, by recurrences between power series.

When the inputs are power series x(t) = Σ x_k t^k, so is every node: y(t) = Σ y_k t^k. A linear op acts on each
coefficient; a product is Cauchy's, (ab)_k = Σ_j a_j b_{k−j}; from q·b = a follow the coefficients of a quotient. Every
other op is known by its derivative, y′ = D(x, y)·x′, which is an expression of the same kind, so that

    y_{k+1} = [D(x, y)·x′]_k / (k + 1)

needs only coefficients that are there already. For exp, sin, tanh, log … the expression is made of nodes at hand, and
all coefficients up to order K cost O(K²) products, where nesting first derivatives would cost O(2^K).

The series may be in several variables: then k is a multi-index, the parts are the homogeneous polynomials of each
degree, and the derivative is the one in the first variable that k has. One variable is the multi-index ``(k,)``.

The coefficients are nodes, so what is expanded can be differentiated, batched and expanded again.

References: Griewank & Walther (2008), *Evaluating Derivatives*, ch. 13; Bettencourt, Johnson & Duvenaud (2019),
"Taylor-mode automatic differentiation for higher-order derivatives in JAX".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thalweg.graph import (
    CONSTANT,
    INPUT,
    ITEM,
    Node,
    as_node,
    input_node,
    is_several,
    location,
    make,
    make_several,
    zeros_like,
)
from thalweg.ops.elementwise import (
    add,
    astype,
    cast,
    chain_product,
    deg2rad,
    divide,
    multiply,
    negative,
    power,
    rad2deg,
    reciprocal,
    square,
    subtract,
    where,
)
from thalweg.ops.movement import broadcast, is_zero
from thalweg.transforms.forward import tangent_of

Index = tuple[int, ...]
Part = dict[Index, Node]
"""The terms of one degree: multi-index → coefficient; what is not there is zero."""


def taylor_series(outputs: Sequence[Node], series: Mapping[Node, Part], order: int) -> list[Part]:
    """The power series of ``outputs`` up to ``order``, all terms of an output in one dict.

    ``series`` gives for nodes the terms of degree one and more: ``{x: {(1,): v}}`` is x + v t, and
    ``{x: {(1, 0): u, (0, 1): v}}`` is x + u s + v t. A coefficient has the shape of its node.
    """
    expansion = _Expansion(series)
    expansion.enter(outputs)
    results: list[Part] = []
    before = location.where
    for y in outputs:
        of_y = expansion.series[y]
        expansion.ensure(of_y, order)
        results.append({index: c for k in range(order + 1) for index, c in of_y.part(k).items()})
    location.where = before
    return results


def line_series(outputs: Sequence[Node], directions: Mapping[Node, Node], order: int) -> list[list[Node | None]]:
    """The coefficients of t ↦ f(x + t v), orders 0 to ``order``; ``None`` stands for zero."""
    found = taylor_series(outputs, {x: {(1,): v} for x, v in directions.items()}, order)
    return [[terms.get((k,)) for k in range(order + 1)] for terms in found]


class _Series:
    """The power series of one node, known up to some degree."""

    __slots__ = ("alias", "given", "moved", "node", "parts", "rule", "slopes", "sources", "variable")

    def __init__(self, node: Node, rule: Any, sources: Sequence[_Series] = (), moved: bool = False) -> None:
        self.node = node
        self.rule = rule  # how the next part follows; None: there are no terms of positive degree
        self.sources = sources
        self.moved = moved  # whether the constant term is another than the node: it contains a derivative of a series
        self.parts: list[Part] = []
        self.slopes: list[_Series | None] | None = None
        self.alias: _Series | None = None  # of an integer power: the products that stand for it
        self.given: Part = _NOTHING  # of an input: its terms
        self.variable = 0  # of a derivative: which one

    def part(self, k: int) -> Part:
        return self.parts[k] if k < len(self.parts) else _NOTHING

    def constant_term(self) -> Node:
        """The coefficient of degree 0, as a node even where it is zero."""
        for c in self.part(0).values():
            return c
        return zeros_like(self.node)


_NOTHING: Part = {}


class _Expansion:
    """All series of one expansion; a part is worked out when something asks for it."""

    def __init__(self, given: Mapping[Node, Part]) -> None:
        self.variables = len(next(iter(next(iter(given.values())))))
        self.zero: Index = (0,) * self.variables
        self.series: dict[Node, _Series] = {}
        self.derivatives: dict[tuple[Node, int], Node] = {}
        for x, terms in given.items():
            s = _Series(x, _given)
            s.given = terms
            self.series[x] = s

    # --- which rule a node follows ------------------------------------------------------------------------------------

    def enter(self, nodes: Sequence[Node]) -> None:
        """Prepare the series of ``nodes`` and of all that they need."""
        new: set[Node] = set()
        stack = list(nodes)
        while stack:
            n = stack.pop()
            if n not in new and n not in self.series:
                new.add(n)
                stack.extend(n.args)
        for n in sorted(new, key=lambda n: n.serial):
            self.series[n] = self._classified(n)

    def _classified(self, n: Node) -> _Series:
        op = n.op
        if op is CONSTANT or op is INPUT:
            return _Series(n, None)
        args = [self.series[a] for a in n.args]
        active = [k for k, s in enumerate(args) if s.rule is not None]
        moved = any(s.moved for s in args)
        if not active:
            return _Series(n, None, args, moved)
        if is_several(n):
            return _Series(n, _several, args, moved)
        if n.dtype.kind != "f":
            return _Series(n, None, args, moved)
        if op.elementwise:
            rule = _ELEMENTWISE.get(op, _by_derivative)
            if op is power and 1 not in active:
                rule = _power_rule(n)
            return _Series(n, rule, args, moved)
        if op.linear is not None and not op.linear:  # linear in all arguments together, or without a derivative
            return _Series(n, _jointly_linear if op.jvp is not None else None, args, moved)
        if op.linear and all(k in op.linear for k in active):
            return _Series(n, _linear if len(active) == 1 else _bilinear, args, moved)
        if op.jvp is None and op is not ITEM:
            return _Series(n, None, args, moved)
        return _Series(n, _by_derivative, args, moved)

    # --- filling in ---------------------------------------------------------------------------------------------------

    def ensure(self, wanted: _Series, degree: int) -> None:
        """Work out the parts of ``wanted`` up to ``degree``, and what they need, without recursion."""
        stack = [(wanted, degree)]
        while stack:
            s, k = stack[-1]
            m = len(s.parts)
            if m > k or (s.rule is None and m > 0):
                stack.pop()
                continue
            missing = [(r, j) for r, j in self._needs(s, m) if len(r.parts) <= (j if r.rule is not None else 0)]
            if missing:
                stack.extend(missing)
                continue
            location.where = s.node.where
            part = self._constant_part(s) if m == 0 else s.rule(self, s, m)
            s.parts.append({index: c for index, c in part.items() if not _vanishes(c)} if m else part)

    def _needs(self, s: _Series, m: int) -> list[tuple[_Series, int]]:
        if m == 0:
            return [(r, 0) for r in s.sources] if s.moved and s.rule is not _derivative else self._rule_needs(s, 0)
        return self._rule_needs(s, m)

    def _rule_needs(self, s: _Series, m: int) -> list[tuple[_Series, int]]:
        if s.rule is _derivative:
            return [(s.sources[0], m + 1)]
        if m == 0 or s.rule is None:
            return []
        if s.rule is _by_derivative:
            return [(slope, m - 1) for slope in self.slopes_of(s) if slope is not None]
        if s.rule is _power_by_products:
            return [(self._product_form(s), m)]
        return [(r, m) for r in s.sources]

    def _constant_part(self, s: _Series) -> Part:
        if s.rule is _derivative:
            return _derivative(self, s, 0)
        n = s.node
        if not s.moved:
            return {self.zero: n}
        if s.rule in (_linear, _bilinear) and any(not r.part(0) for r in s.sources):
            return {}
        args = tuple(r.constant_term() if r.moved else r.node for r in s.sources)
        return {self.zero: make_several(n.op, args, n.params) if is_several(n) else make(n.op, args, n.params)}

    # --- the series of a derivative -----------------------------------------------------------------------------------

    def derivative_of(self, x: Node, i: int) -> Node:
        """A placeholder for ∂x/∂tᵢ; its series is that of x, differentiated."""
        placeholder = self.derivatives.get((x, i))
        if placeholder is None:
            placeholder = self.derivatives[x, i] = input_node(x.shape, x.dtype)
            s = _Series(placeholder, _derivative, (self.series[x],), moved=True)
            s.variable = i
            self.series[placeholder] = s
        return placeholder

    def slopes_of(self, s: _Series) -> list[_Series | None]:
        """The series of ∂y/∂tᵢ for every variable, by the derivative rule of the op."""
        if s.slopes is None:
            y = s.node.args[0] if s.node.op is ITEM else s.node
            expressions: list[Node | None] = []
            location.where = s.node.where
            for i in range(self.variables):
                tangents = [
                    self.derivative_of(a, i) if self.series[a].rule is not None and a.dtype.kind == "f" else None
                    for a in y.args
                ]
                plain_power = y.op is power and tangents[1] is None
                e = _slope_of_power(y, tangents[0]) if plain_power else tangent_of(y, tangents)
                expressions.append(e[s.node.params[0]] if s.node.op is ITEM and e is not None else e)
            self.enter([e for e in expressions if e is not None])
            s.slopes = [None if e is None else self.series[e] for e in expressions]
        return s.slopes

    def _product_form(self, s: _Series) -> _Series:
        """An integer power as products: x⁵ = (x²)²·x."""
        if s.alias is None:
            x, exponent = s.node.args[0], int(s.node.args[1].value)
            base, result = x, None
            while exponent:
                if exponent & 1:
                    result = base if result is None else make(multiply, (result, base))
                exponent >>= 1
                if exponent:
                    base = make(square, (base,))
            assert result is not None
            self.enter([result])
            s.alias = self.series[result]
        return s.alias


def _vanishes(c: Node) -> bool:
    return is_zero(c) or (c.value is not None and not np.any(c.value))


def _fit(c: Node, s: _Series) -> Node:
    return astype(broadcast(c, s.node.shape), s.node.dtype)


# --- rules: the part of degree k of a series from the parts of its sources


def _given(expansion: _Expansion, s: _Series, k: int) -> Part:
    return {index: _fit(c, s) for index, c in s.given.items() if sum(index) == k}


def _derivative(expansion: _Expansion, s: _Series, k: int) -> Part:
    """∂/∂tᵢ of Σ c_α t^α: α_i c_α at α − e_i. Terms with variables before the i-th are never asked for."""
    i = s.variable
    part: Part = {}
    for index, c in s.sources[0].part(k + 1).items():
        n = index[i]
        if n and not any(index[:i]):
            part[(*index[:i], n - 1, *index[i + 1 :])] = c if n == 1 else c * n
    return part


def _several(expansion: _Expansion, s: _Series, k: int) -> Part:
    return {}  # its results have their own series


def _linear(expansion: _Expansion, s: _Series, k: int) -> Part:
    n = s.node
    (place,) = (j for j, r in enumerate(s.sources) if r.rule is not None)
    args = [r.constant_term() if r.moved else r.node for r in s.sources]
    part: Part = {}
    for index, c in s.sources[place].part(k).items():
        args[place] = c
        part[index] = make(n.op, tuple(args), n.params)
    return part


def _jointly_linear(expansion: _Expansion, s: _Series, k: int) -> Part:
    n = s.node
    parts = [r.part(k) for r in s.sources]
    args = tuple(r.constant_term() if r.moved else r.node for r in s.sources)
    found: Part = {}
    for index in dict.fromkeys(i for p in parts for i in p):
        c = n.op.jvp([p.get(index) for p in parts], args, n, *n.params)  # type: ignore[misc]
        if c is not None:
            found[index] = astype(c, n.dtype)
    return found


def _sum(expansion: _Expansion, s: _Series, k: int) -> Part:
    a, b = (r.part(k) for r in s.sources)
    minus = s.node.op is subtract
    part: Part = dict(a)
    for index, c in b.items():
        here = part.get(index)
        if here is None:
            part[index] = -c if minus else c
        else:
            part[index] = here - c if minus else here + c
    return {index: _fit(c, s) for index, c in part.items()}


def _each(expansion: _Expansion, s: _Series, k: int) -> Part:
    return {index: make(s.node.op, (c,), s.node.params) for index, c in s.sources[0].part(k).items()}


def _choice(expansion: _Expansion, s: _Series, k: int) -> Part:
    c, a, b = s.sources
    condition = c.constant_term() if c.moved else c.node
    zero = as_node(0.0, s.node.dtype)
    first, second = a.part(k), b.part(k)
    return {
        index: _fit(where(condition, first.get(index, zero), second.get(index, zero)), s)
        for index in dict.fromkeys((*first, *second))
    }


def _products(op: Any, params: Any, first: list[Part], second: list[Part], start: int) -> Part:
    """Σ over degrees j ≥ start of first_j · second_{k−j}, by multi-index."""
    k = len(second) - 1
    found: Part = {}
    for j in range(start, k + 1):
        for alpha, a in first[j].items():
            for beta, b in second[k - j].items():
                index = tuple(map(int.__add__, alpha, beta))
                term = make(op, (a, b), params)
                here = found.get(index)
                found[index] = term if here is None else here + term
    return found


def _parts(s: _Series, k: int) -> list[Part]:
    return [s.part(j) for j in range(k + 1)]


def _product(expansion: _Expansion, s: _Series, k: int) -> Part:
    """Cauchy's product. An exact zero wins over an infinity, as everywhere in the chain rule."""
    a, b = s.sources
    return {i: _fit(c, s) for i, c in _products(chain_product, (), _parts(a, k), _parts(b, k), 0).items()}


def _bilinear(expansion: _Expansion, s: _Series, k: int) -> Part:
    n = s.node
    places = [j for j, r in enumerate(s.sources) if r.rule is not None]
    if len(places) != 2:
        raise NotImplementedError(f"op {n.op.name}: the series of a product of {len(places)} arguments")
    a, b = (s.sources[j] for j in places)
    args = [r.constant_term() if r.moved else r.node for r in s.sources]
    found: Part = {}
    for j in range(k + 1):
        for alpha, x in a.part(j).items():
            for beta, y in b.part(k - j).items():
                args[places[0]], args[places[1]] = x, y
                index = tuple(map(int.__add__, alpha, beta))
                term = make(n.op, tuple(args), n.params)
                here = found.get(index)
                found[index] = term if here is None else here + term
    return found


def _square(expansion: _Expansion, s: _Series, k: int) -> Part:
    """Cauchy's product of a series with itself: every mixed term stands twice."""
    (x,) = s.sources
    found: Part = {}
    for j in range(k // 2 + 1):
        low, high = list(x.part(j).items()), list(x.part(k - j).items())
        for p, (alpha, a) in enumerate(low):
            for beta, b in high[p:] if 2 * j == k else high:
                index = tuple(map(int.__add__, alpha, beta))
                same = 2 * j == k and alpha == beta
                term = make(square, (a,)) if same else 2 * make(chain_product, (a, b))
                here = found.get(index)
                found[index] = term if here is None else here + term
    return found


def _quotient(expansion: _Expansion, s: _Series, k: int) -> Part:
    """q = a/b from q·b = a: q_k = (a_k − Σ_{j≥1} b_j q_{k−j}) / b_0."""
    if s.node.op is reciprocal:
        (b,), numerator = s.sources, _NOTHING
    else:
        a, b = s.sources
        numerator = a.part(k)
    divisor = b.constant_term() if b.moved else b.node
    known = [*(s.part(j) for j in range(k)), _NOTHING]
    rest = _products(chain_product, (), _parts(b, k), known, 1)
    part: Part = {}
    for index in dict.fromkeys((*numerator, *rest)):
        top, less = numerator.get(index), rest.get(index)
        if less is None:
            assert top is not None
            part[index] = _fit(top / divisor, s)
        else:
            part[index] = _fit((-less if top is None else top - less) / divisor, s)
    return part


def _by_derivative(expansion: _Expansion, s: _Series, k: int) -> Part:
    """y_α = [∂y/∂tᵢ]_{α−eᵢ} / α_i, with i the first variable in α."""
    part: Part = {}
    for i, slope in enumerate(expansion.slopes_of(s)):
        if slope is None:
            continue
        for index, c in slope.part(k - 1).items():
            if not any(index[:i]):
                n = index[i] + 1
                part[(*index[:i], n, *index[i + 1 :])] = _fit(c if n == 1 else c / n, s)
    return part


def _power_by_products(expansion: _Expansion, s: _Series, k: int) -> Part:
    assert s.alias is not None
    return s.alias.part(k)


def _power_rule(n: Node) -> Any:
    exponent = n.args[1]
    if exponent.value is not None and exponent.shape == ():
        r = float(exponent.value)
        if r == 0:
            return None
        if r == int(r) and 1 <= r <= 1 << 20:
            return _power_by_products
    return _by_derivative


def _slope_of_power(y: Node, t: Node | None) -> Any:
    """xʳ with a constant negative exponent has the derivative r·(xʳ/x)·x′: only nodes at hand."""
    x, r = y.args
    if t is None or r.value is None or r.shape != () or r.value >= 0:
        return tangent_of(y, [t, None])
    return astype(chain_product(t, divide(y, x)) * r, y.dtype)


_ELEMENTWISE: dict[Any, Any] = {
    add: _sum,
    subtract: _sum,
    negative: _each,
    cast: _each,
    deg2rad: _each,
    rad2deg: _each,
    where: _choice,
    multiply: _product,
    chain_product: _product,
    square: _square,
    divide: _quotient,
    reciprocal: _quotient,
}
