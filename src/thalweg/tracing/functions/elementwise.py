"""NumPy's elementwise functions: most are ops by themselves; a few are formulas in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import OPS, Node
from thalweg.ops import elementwise as e
from thalweg.tracing.functions.registry import implements
from thalweg.tracing.tracer import UFUNCS, nodes_of

for _name, _op in list(OPS.items()):
    if _op.elementwise and isinstance(getattr(np, _name, None), np.ufunc):
        UFUNCS[getattr(np, _name)] = _op


@implements(np.where)
def where(condition: Any, x: Any, y: Any) -> Node:
    c = nodes_of([condition])[0]
    a, b = nodes_of([x, y])
    return e.where(c, a, b)
