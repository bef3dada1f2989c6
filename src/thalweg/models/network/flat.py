r"""Nested parameters as views of one vector, so that an optimizer makes its step in one go.

Arrays of two axes or more come first: they are what the penalty ½ α Σ ‖W‖² draws to zero, and so one stretch of the
vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.tracing import tree

__all__ = ["Flat"]


class Flat:
    """A vector, and the parameters that lie in it.

    Parameters
    ----------
    parameters : nested structure of arrays
        Copied.
    dtype : dtype
        Of the vector.

    Attributes
    ----------
    vector : array (size,)
    leaves, nested : list of arrays, and nested structure of them
        Views of `vector`: what changes in one changes in the other.
    weights : int
        Numbers at the beginning that belong to arrays of two axes or more.

    Examples
    --------
    >>> flat = Flat([(np.ones((2, 2)), np.zeros(2))], np.float32)
    >>> flat.vector += 1
    >>> flat.nested[0][1], flat.weights
    (array([1., 1.], dtype=float32), 4)
    """

    def __init__(self, parameters: Any, dtype: Any) -> None:
        leaves, self.structure = tree.flatten(parameters)
        arrays = [np.asarray(leaf) for leaf in leaves]
        for array in arrays:
            if array.dtype.kind not in "fiub":
                raise ArgumentError(f"The parameters of a network are real arrays; one has the dtype {array.dtype}.")
        self.order = sorted(range(len(arrays)), key=lambda i: arrays[i].ndim < 2)
        self.shapes = [a.shape for a in arrays]
        self.weights = sum(a.size for a in arrays if a.ndim > 1)
        self.vector = np.empty(sum(a.size for a in arrays), dtype)
        self.leaves = self.parts(self.vector)
        self.nested = tree.unflatten(self.structure, self.leaves)
        self.fill(self.vector, leaves)

    def parts(self, vector: Any) -> list[Any]:
        """Return the arrays that lie in a vector of this size, in the order of the nesting, without a copy."""
        leaves: list[Any] = [None] * len(self.shapes)
        first = 0
        for i in self.order:
            size = prod(self.shapes[i])
            leaves[i] = vector[first : first + size].reshape(self.shapes[i])
            first += size
        return leaves

    def view(self, vector: Any) -> Any:
        """Return a vector of this size as nested parameters, without a copy."""
        return tree.unflatten(self.structure, self.parts(vector))

    def fill(self, vector: Any, leaves: Sequence[Any]) -> None:
        """Write arrays, in the order of the nesting, into a vector."""
        np.concatenate([np.ravel(leaves[i]) for i in self.order], out=vector, casting="same_kind")
