"""Creation of arrays inside a traced function, by reach: they may be filled with traced values later."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import canonical, constant
from thalweg.tracing.reach import reaches
from thalweg.tracing.tracer import Tracer, contains_tracer, stack_sequence


@reaches("numpy", "zeros", "empty", "ones", "full", "eye", "identity")
def create(original: Any, *args: Any, **kwargs: Any) -> Any:
    array = original(*args, **kwargs)
    if type(array) is not np.ndarray or array.dtype.kind not in "fiub":
        return array
    return Tracer(constant(canonical(array)))


@reaches("numpy", "array", "asarray")
def array(original: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
    if contains_tracer(value):
        return Tracer(stack_sequence(value)) if type(value) is not Tracer else Tracer(value.node)
    return original(value, *args, **kwargs)
