"""What NumPy's functions mean in terms of the primitives: one table, filled by one file a family.

A handler takes the arguments of the NumPy function (tracers, numbers, arrays, sequences) and returns a node, or a tuple
or list of nodes. Handlers are entered with ``@implements(np.something)``.
"""

from thalweg.tracing.functions import (
    contract,
    creation,
    differences,
    einsum,
    elementwise,
    fleeting,
    grids,
    joining,
    linalg,
    mathematics,
    movement,
    nanreduce,
    norm,
    ordering,
    padding,
    pieces,
    reduce,
    scipy_linalg,
    selection,
    sequences,
    special_reach,
    statistics,
    ufunc_methods,
)

__all__ = [
    "contract",
    "creation",
    "differences",
    "einsum",
    "elementwise",
    "fleeting",
    "grids",
    "joining",
    "linalg",
    "mathematics",
    "movement",
    "nanreduce",
    "norm",
    "ordering",
    "padding",
    "pieces",
    "reduce",
    "scipy_linalg",
    "selection",
    "sequences",
    "special_reach",
    "statistics",
    "ufunc_methods",
]
