"""Functions of lists of traced numbers: ``np.sum([a, b])``, ``np.dot([x, y], w)``, ``np.linalg.norm([x - y, z])``.

NumPy asks arrays how they are to be treated, but not the elements of a list. So the functions that people call on lists
are answered by reach, where a list or tuple holds a traced value; all other calls go on to NumPy, which asks as ever.
"""

from __future__ import annotations

from typing import Any

from thalweg.tracing.reach import reaches
from thalweg.tracing.tracer import FUNCTIONS, call, contains_tracer


@reaches("numpy", "sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "ptp", "median", "average")
@reaches("numpy", "any", "all", "argmax", "argmin", "cumsum", "sort")
@reaches("numpy", "dot", "vdot", "inner", "outer", "cross", "einsum")
@reaches("numpy.linalg", "norm", "det", "inv", "solve")
def of_a_sequence(original: Any, *args: Any, **kwargs: Any) -> Any:
    for a in (*args, *kwargs.values()):
        if type(a) in (list, tuple) and contains_tracer(a):
            break
    else:
        return original(*args, **kwargs)
    if original not in FUNCTIONS:
        return original(*args, **kwargs)
    return call(original, *args, **kwargs)
