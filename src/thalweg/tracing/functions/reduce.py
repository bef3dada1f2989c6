"""NumPy's reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import Node
from thalweg.ops import reduce as r
from thalweg.tracing.functions.registry import array_methods, implements, implements_method, normalize_axes
from thalweg.tracing.tracer import node_of


@implements(np.sum)
def sum(a: Any, axis: Any = None, keepdims: bool = False) -> Node:
    x = node_of(a)
    axes = normalize_axes(axis, x.ndim)
    y = r.sum_(x, axes)
    return r.keep(y, x, axes) if keepdims else y


@implements_method("reduce", "add")
def add_reduce(ufunc: Any, a: Any, axis: Any = 0, dtype: Any = None, keepdims: bool = False) -> Node:
    return sum(a, axis, keepdims)


array_methods(sum=np.sum)
