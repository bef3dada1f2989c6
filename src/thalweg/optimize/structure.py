"""The starting point: a number, an array, nested containers of arrays, and the same laid out as one flat vector.

A list or tuple of plain numbers is a vector, as everywhere in SciPy; a container that holds arrays is a structure,
whose leaves keep their shapes.  Every coordinate gets a name for display: ``x`` for a number, ``x[1]`` and ``x[0,2]``
in an array, ``a`` and ``layer.w[3]`` in nested dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.tracing import tree

from .problem import Vector

__all__ = ["Structure", "layout_of", "random_start", "structure_of"]


class Unravel:
    """From the flat vector to the structure: data, no closure, so that it can be pickled.

    Examples
    --------
    >>> import pickle
    >>> unravel = structure_of({"b": 2.0, "w": np.zeros((1, 2))}).unravel
    >>> pickle.loads(pickle.dumps(unravel))(np.array([7.0, 8.0, 9.0]))
    {'b': 7.0, 'w': array([[8., 9.]])}
    """

    def __init__(self, structure: Any, shapes: tuple[tuple[int, ...], ...]) -> None:
        self._structure = structure
        self._shapes = shapes
        sizes = [int(np.prod(shape)) for shape in shapes]
        self._n = sum(sizes)
        self._sizes = tuple(sizes)

    def __call__(self, v: Any) -> Any:
        parts, end = [], 0
        for size, shape in zip(self._sizes, self._shapes):
            end += size
            if shape == ():
                part = v[end - 1]
                parts.append(float(part) if type(v) is np.ndarray else part)
            else:
                part = v if size == self._n else v[end - size : end]
                parts.append(part if len(shape) == 1 else part.reshape(shape))
        return tree.unflatten(self._structure, parts)

    def __reduce__(self) -> Any:
        # an example goes in place of the structure: another process may not know the dataclasses in it yet
        return _unravel_like, (tree.unflatten(self._structure, [0.0] * len(self._shapes)), self._shapes)


def _unravel_like(example: Any, shapes: tuple[tuple[int, ...], ...]) -> Unravel:
    return Unravel(tree.flatten(example)[1], shapes)


@dataclass(frozen=True)
class Structure:
    """The flat vector of a starting point, and the way back."""

    start: Vector
    unravel: Callable[[Any], Any]
    names: tuple[str, ...]


def structure_of(x0: Any, name: str = "x") -> Structure:
    """Lay a starting point out as a vector.

    Examples
    --------
    >>> s = structure_of({"b": 2.0, "w": np.zeros((1, 2))})
    >>> s.start, s.names
    (array([2., 0., 0.]), ('b', 'w[0,0]', 'w[0,1]'))
    >>> s.unravel(np.array([7.0, 8.0, 9.0]))
    {'b': 7.0, 'w': array([[8., 9.]])}
    >>> structure_of([1, 2]).unravel(np.array([3.0, 4.0]))
    array([3., 4.])
    """
    if x0 is None:
        raise ArgumentError(
            "x0 is missing: give a starting point (a number, an array, or a dict of them), "
            "or draw one with random_start(shape, seed=...)."
        )
    if _only_numbers(x0):
        try:
            x0 = np.array(x0)
        except ValueError:
            raise ArgumentError(
                f"The rows of x0 have different lengths: {x0!r}. Give arrays of one shape, or a list of arrays."
            ) from None
    leaves, structure = tree.flatten(x0)
    prefixes = [_readable(path) for path in tree.paths(x0)]
    arrays = [_real(leaf, prefix or name) for leaf, prefix in zip(leaves, prefixes)]
    shapes = tuple(a.shape for a in arrays)
    if sum(a.size for a in arrays) == 0:
        raise ArgumentError(f"x0 holds no numbers (it is {x0!r}), so there is nothing to vary.")
    names = [label for prefix, shape in zip(prefixes, shapes) for label in _labels(prefix or name, shape)]

    return Structure(np.concatenate([a.ravel() for a in arrays]), Unravel(structure, shapes), tuple(names))


def random_start(like: Any, *, seed: int = 0, scale: float = 1.0) -> Any:
    """Draw a starting point at random: independent normal numbers, the same for the same seed.

    Parameters
    ----------
    like : int, tuple of int, formula, or structure of arrays
        A length, a shape, a formula (gives a dict of its variables), or anything that could be a starting point itself.
    seed : int
        Which draw.
    scale : float
        Standard deviation.

    Examples
    --------
    >>> random_start(2, seed=1)
    array([0.34558419, 0.82161814])
    >>> sorted(random_start({"a": 0.0, "b": np.zeros(3)}))
    ['a', 'b']
    """
    rng = np.random.default_rng(seed)
    variables = getattr(like, "variables", None)
    if isinstance(like, (int, np.integer)):
        like = np.zeros(int(like))
    elif isinstance(like, tuple) and all(isinstance(k, (int, np.integer)) for k in like):
        like = np.zeros(like)
    elif variables is not None and callable(like):
        like = {str(variable): 0.0 for variable in variables}
    layout = structure_of(like)
    return layout.unravel(scale * rng.standard_normal(layout.start.size))


def _only_numbers(x0: Any) -> bool:
    """Whether a list or tuple holds nothing but plain numbers, nested or not: then it is an array."""
    if type(x0) not in (list, tuple) or not x0:
        return False
    return all(isinstance(item, (int, float, np.number)) or _only_numbers(item) for item in x0)


def _real(leaf: Any, name: str) -> np.ndarray:
    try:
        array = np.asarray(leaf)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"x0 must hold real numbers, but {name} is {leaf!r}.")
    return array.astype(np.float64)


def _labels(prefix: str, shape: tuple[int, ...]) -> list[str]:
    if shape == ():
        return [prefix]
    return [f"{prefix}[{','.join(map(str, index))}]" for index in np.ndindex(shape)]


def _readable(path: str) -> str:
    """``['a']['w']`` → ``a.w``;  ``[0]`` → ``x[0]``;  ``.weights`` → ``weights``."""
    import re

    path = re.sub(r"\[(['\"])(\w+)\1\]", r".\2", path)
    path = path.removeprefix(".")
    return "x" + path if path.startswith("[") else path


def layout_of(f: Callable[..., Any], x0: Any) -> Structure:
    """The structure of the starting point; the coordinates of a formula are named by its variables."""
    layout = structure_of(x0)
    variables = tuple(getattr(f, "variables", ()))
    if variables and not isinstance(x0, Mapping) and len(variables) == layout.start.size:
        return Structure(layout.start, layout.unravel, tuple(str(v) for v in variables))
    return layout
