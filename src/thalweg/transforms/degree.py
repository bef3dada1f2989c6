"""The degree of a graph as a polynomial in its inputs, as far as it can be read from the ops.

Sums, products, constant integer powers and linear ops of polynomials are polynomials; their degrees add up by the
rules of algebra. So the result is an upper bound, or infinity where an op is none of these. It is a proof, not a
measurement: what is called a polynomial here is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from thalweg.graph import Node, is_several, reachable
from thalweg.ops import elementwise as e
from thalweg.ops import reduce as r

_SUMS = {e.add, e.subtract, e.negative, e.deg2rad, e.rad2deg}
_PRODUCTS = {e.multiply, e.chain_product}


def polynomial_degree(outputs: Sequence[Node], inputs: Iterable[Node]) -> float:
    """An upper bound of the degree of ``outputs`` in ``inputs``; infinity if they are not known to be polynomials."""
    degrees: dict[Node, float] = dict.fromkeys(inputs, 1.0)
    for n in reachable(outputs):
        if n not in degrees:
            degrees[n] = _degree(n, [degrees[a] for a in n.args])
    return max((degrees[y] for y in outputs), default=0.0)


def _degree(n: Node, of: list[float]) -> float:
    op = n.op
    highest = max(of, default=0.0)
    if highest == 0.0 or highest == math.inf or is_several(n):
        return 0.0 if highest == 0.0 else math.inf
    if op in _SUMS:
        return highest
    if op in _PRODUCTS:
        return sum(of)
    if op is e.square:
        return 2 * highest
    if op is e.divide:
        return of[0] if of[1] == 0.0 else math.inf
    if op is e.power:
        return _degree_of_power(n, of)
    if op is e.where:
        return highest if of[0] == 0.0 else math.inf
    if op is e.cast:
        return highest if n.dtype.kind == "f" else math.inf
    if op is r.PROD or op is r.CUMPROD:
        return highest * max(1, n.args[0].shape[n.params[0]])
    if op.linear is not None and not op.linear:
        return highest if op.transpose is not None and op.jvp is not None else math.inf
    if op.linear and all(d == 0.0 or k in op.linear for k, d in enumerate(of)):
        return sum(of)
    return math.inf


def _degree_of_power(n: Node, of: list[float]) -> float:
    exponent = n.args[1].value
    if of[1] != 0.0 or exponent is None or n.args[1].shape != ():
        return math.inf
    return of[0] * float(exponent) if exponent >= 0 and exponent == int(exponent) else math.inf
