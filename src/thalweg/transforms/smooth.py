"""Whether a graph is a smooth function of its inputs wherever its derivatives are finite, read from its ops.

Compositions of smooth functions are smooth. So the answer is yes where every op that depends on the inputs is one
without a kink or a jump inside its domain: sums and products, quotients, whole powers, exp, log, sin, tanh, …, and
whatever only moves values about. It is a proof; where it says no, the function may still be smooth.

Roots are left out: √ has the derivative 0 at 0 by convention, so √(x²) has a kink that derivatives do not see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from thalweg.graph import Node, reachable

__all__ = ["is_smooth"]

_SMOOTH = frozenset(
    "add subtract negative multiply divide reciprocal square exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh "
    "tanh arctan arcsinh logistic softmax logsumexp logsumexp_weights logaddexp logaddexp2 one_minus_square deg2rad "
    "rad2deg chain_product sum prod cumsum cumprod contract convolve correlate det inv solve triangular_solve "
    "reshape transpose slice broadcast concatenate assemble pack update item share triangle scatter_add".split()
)


def is_smooth(outputs: Sequence[Node], inputs: Iterable[Node]) -> bool:
    """Whether ``outputs`` are known to be smooth in ``inputs``.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg import trace
    >>> for f in (lambda x: np.exp(x[0]) / x[1] ** 3, lambda x: np.abs(x[0]), lambda x: np.sqrt(x[1])):
    ...     graph = trace(f, np.ones(2))
    ...     print(is_smooth(graph.outputs, graph.inputs))
    True
    False
    False
    """
    depends = set(inputs)
    for n in reachable(outputs):
        if n in depends or not any(a in depends for a in n.args):
            continue
        if not _smooth(n, depends):
            return False
        depends.add(n)
    return True


def _smooth(n: Node, depends: set[Node]) -> bool:
    name = n.op.name
    if name in _SMOOTH:
        return True
    if name == "power":
        exponent = n.args[1].value
        return exponent is not None and bool(np.all(np.mod(exponent, 1) == 0))
    if name in ("where", "take"):
        return not any(a in depends for k, a in enumerate(n.args) if _decides(name, k))
    return name == "cast" and n.dtype.kind == "f"


def _decides(name: str, place: int) -> bool:
    """Whether an argument chooses among others: the condition of ``where``, the places of ``take``."""
    return place == 0 if name == "where" else place > 0
