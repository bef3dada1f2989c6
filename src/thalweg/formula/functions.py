"""The functions and constants that a formula knows: two tables, and nothing else can be called.

Each meaning is written as a call, ``lambda x: np.sin(x)`` and not ``np.sin``, so that it is looked up when the formula
runs: whatever answers for NumPy at that moment (a trace, for instance) is what the formula uses.
"""

import math
from collections.abc import Callable, Iterator
from functools import cache, reduce
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

CONSTANTS = {"pi": math.pi, "π": math.pi, "tau": math.tau, "τ": math.tau, "e": math.e, "inf": math.inf, "∞": math.inf}


class Function(NamedTuple):
    """One entry of the table: the first of its names, how many arguments it takes (`most` None: any), its meaning."""

    name: str
    least: int
    most: int | None
    meaning: Callable[..., Any]

    def takes(self) -> str:
        """``takes 1 argument``, ``takes 1 or 2 arguments``, ``takes 2 arguments or more``."""
        words = f"{self.least} argument" + "s" * (self.least != 1 or self.most not in (1, None))
        if self.most is None:
            return f"takes {words} or more"
        return f"takes {words}" if self.most == self.least else f"takes {self.least} or {self.most} arguments"


@cache
def special() -> ModuleType:
    """`scipy.special`, imported when the first formula needs it."""
    import scipy.special

    return scipy.special


def _greatest(*values: Any) -> Any:
    return np.max(values[0]) if len(values) == 1 else reduce(lambda x, y: np.maximum(x, y), values)


def _least(*values: Any) -> Any:
    return np.min(values[0]) if len(values) == 1 else reduce(lambda x, y: np.minimum(x, y), values)


def _logarithm(x: Any, *base: Any) -> Any:
    return np.log(x) / np.log(base[0]) if base else np.log(x)


# names (the first one is the function's own), fewest and most arguments, meaning
_TABLE: tuple[tuple[str, int, int | None, Callable[..., Any]], ...] = (
    # circular
    ("sin", 1, 1, lambda x: np.sin(x)),
    ("cos", 1, 1, lambda x: np.cos(x)),
    ("tan", 1, 1, lambda x: np.tan(x)),
    ("sec", 1, 1, lambda x: 1.0 / np.cos(x)),
    ("csc", 1, 1, lambda x: 1.0 / np.sin(x)),
    ("cot", 1, 1, lambda x: 1.0 / np.tan(x)),
    ("arcsin asin", 1, 1, lambda x: np.arcsin(x)),
    ("arccos acos", 1, 1, lambda x: np.arccos(x)),
    ("arctan atan", 1, 1, lambda x: np.arctan(x)),
    ("arctan2 atan2", 2, 2, lambda y, x: np.arctan2(y, x)),
    ("hypot", 2, 2, lambda x, y: np.hypot(x, y)),
    ("degrees", 1, 1, lambda x: x * (180.0 / math.pi)),
    ("radians", 1, 1, lambda x: x * (math.pi / 180.0)),
    # hyperbolic
    ("sinh", 1, 1, lambda x: np.sinh(x)),
    ("cosh", 1, 1, lambda x: np.cosh(x)),
    ("tanh", 1, 1, lambda x: np.tanh(x)),
    ("arcsinh asinh arsinh", 1, 1, lambda x: np.arcsinh(x)),
    ("arccosh acosh arcosh", 1, 1, lambda x: np.arccosh(x)),
    ("arctanh atanh artanh", 1, 1, lambda x: np.arctanh(x)),
    # exponential, logarithm, roots
    ("exp", 1, 1, lambda x: np.exp(x)),
    ("exp2", 1, 1, lambda x: np.exp2(x)),
    ("expm1", 1, 1, lambda x: np.expm1(x)),
    ("log ln", 1, 2, _logarithm),
    ("log2", 1, 1, lambda x: np.log2(x)),
    ("log10", 1, 1, lambda x: np.log10(x)),
    ("log1p", 1, 1, lambda x: np.log1p(x)),
    ("sqrt", 1, 1, lambda x: np.sqrt(x)),
    ("cbrt", 1, 1, lambda x: np.cbrt(x)),
    ("pow", 2, 2, lambda x, y: x**y),
    # sizes and steps
    ("abs", 1, 1, lambda x: np.abs(x)),
    ("sign sgn", 1, 1, lambda x: np.sign(x)),
    ("floor", 1, 1, lambda x: np.floor(x)),
    ("ceil ceiling", 1, 1, lambda x: np.ceil(x)),
    ("round", 1, 1, lambda x: np.rint(x)),
    ("trunc", 1, 1, lambda x: np.trunc(x)),
    ("mod", 2, 2, lambda x, y: np.mod(x, y)),
    ("maximum", 2, None, _greatest),
    ("minimum", 2, None, _least),
    ("clip", 3, 3, lambda x, low, high: np.clip(x, low, high)),
    ("where", 3, 3, lambda condition, x, y: np.where(condition, x, y)),
    # of neural networks
    ("sigmoid expit", 1, 1, lambda x: special().expit(x)),
    ("logit", 1, 1, lambda x: special().logit(x)),
    ("softplus", 1, 1, lambda x: np.logaddexp(0.0, x)),
    ("relu", 1, 1, lambda x: np.maximum(x, 0.0)),
    # special
    ("erf", 1, 1, lambda x: special().erf(x)),
    ("erfc", 1, 1, lambda x: special().erfc(x)),
    ("erfinv", 1, 1, lambda x: special().erfinv(x)),
    ("gamma", 1, 1, lambda x: special().gamma(x)),
    ("lgamma gammaln", 1, 1, lambda x: special().gammaln(x)),
    ("digamma", 1, 1, lambda x: special().digamma(x)),
    # of a vector
    ("sum", 1, 1, lambda x: np.sum(x)),
    ("prod", 1, 1, lambda x: np.prod(x)),
    ("mean", 1, 1, lambda x: np.mean(x)),
    ("var", 1, 1, lambda x: np.var(x)),
    ("std", 1, 1, lambda x: np.std(x)),
    ("norm", 1, 1, lambda x: np.linalg.norm(x)),
    ("dot", 2, 2, lambda x, y: np.dot(x, y)),
    ("max", 1, None, _greatest),
    ("min", 1, None, _least),
)


def _entries() -> Iterator[tuple[str, Function]]:
    for names, least, most, meaning in _TABLE:
        own, *aliases = names.split()
        function = Function(own, least, most, meaning)
        yield from ((name, function) for name in (own, *aliases))


FUNCTIONS: dict[str, Function] = dict(_entries())
