"""What may be given as a parameter of a network, and what is said where something else is."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .activations import activation_of
from .layers import INITIALIZATIONS

__all__ = ["SCHEDULES", "SOLVERS", "checked", "dtype_of", "sizes_of"]

SOLVERS = ("adam", "adamw", "sgd", "lbfgs")
SCHEDULES = ("constant", "invscaling", "adaptive", "cosine")
_Check = tuple[Callable[[Any], bool], str]


def _real(low: float, high: float = np.inf, *, above: bool = False, below: bool = False) -> _Check:
    def holds(v: Any) -> bool:
        if isinstance(v, (bool, np.bool_)) or not isinstance(v, Real):
            return False
        v = float(v)
        return (low < v if above else low <= v) and (v < high if below else v <= high)

    span = f"{'above' if above else 'of at least'} {low:g}"
    if high < np.inf:
        span += f" and {'below' if below else 'of at most'} {high:g}"
    return holds, f"a number {span}"


def _whole(low: int) -> _Check:
    return lambda v: isinstance(v, Integral) and not isinstance(v, bool) and int(v) >= low, f"a whole number from {low}"


def _word(*words: str) -> _Check:
    return lambda v: isinstance(v, str) and v in words, "one of " + ", ".join(map(repr, words))


_FLAG: _Check = (lambda v: isinstance(v, (bool, np.bool_)), "True or False")
_COUNT = _whole(1)
CHECKS: dict[str, _Check] = {
    "solver": _word(*SOLVERS),
    "alpha": _real(0),
    "batch_size": (lambda v: v == "auto" or _COUNT[0](v), "'auto' or a whole number from 1"),
    "learning_rate": (
        lambda v: callable(v) or v in SCHEDULES,
        "one of " + ", ".join(map(repr, SCHEDULES)) + ", or a function from the number of a step to its rate",
    ),
    "learning_rate_init": _real(0, above=True),
    "power_t": _real(0),
    "max_iter": _COUNT,
    "shuffle": _FLAG,
    "tol": _real(0),
    "warm_start": _FLAG,
    "momentum": _real(0, 1, below=True),
    "nesterovs_momentum": _FLAG,
    "early_stopping": _FLAG,
    "validation_fraction": _real(0, 1, above=True, below=True),
    "beta_1": _real(0, 1, below=True),
    "beta_2": _real(0, 1, below=True),
    "epsilon": _real(0, above=True),
    "n_iter_no_change": (lambda v: _COUNT[0](v) or v == np.inf, "a whole number from 1, or infinity"),
    "max_fun": _COUNT,
    "weight_decay": _real(0),
    "dropout": _real(0, 1, below=True),
    "batch_normalization": _FLAG,
    "initialization": _word(*INITIALIZATIONS),
    "delta": _real(0, above=True),
    "n_components": _COUNT,
    "tied": _FLAG,
    "noise": _real(0),
    "variational": _FLAG,
    "beta": _real(0),
}


def checked(model: Any) -> None:
    """Raise where a parameter of a model is not what it may be."""
    for name, value in model.get_params(deep=False).items():
        holds, expected = CHECKS.get(name, (None, ""))
        if name == "solver" and value == "auto" and "n_components" in model.get_params(deep=False):
            continue  # an autoencoder chooses
        if holds is not None and not holds(value):
            raise ArgumentError(f"{name}={value!r}: give {expected}.")
    activation_of(model.activation)


def sizes_of(given: Any, name: str = "hidden_layer_sizes") -> list[int]:
    """Return the widths of layers from a number or a sequence."""
    sizes = list(given) if hasattr(given, "__iter__") and not isinstance(given, str) else [given]
    if not all(_COUNT[0](size) for size in sizes):
        raise ArgumentError(f"{name} must be > 0, got {given!r}: the width of each layer, as in (100, 50).")
    return [int(size) for size in sizes]


def dtype_of(given: Any, solver: str) -> np.dtype[Any]:
    """Return the dtype to compute in: float32, or float64 for L-BFGS, whose line search needs the digits."""
    if given == "auto":
        return np.dtype(np.float64 if solver == "lbfgs" else np.float32)
    try:
        dtype = np.dtype(given)
    except TypeError:
        dtype = None
    if dtype not in (np.float32, np.float64):
        raise ArgumentError(f"dtype={given!r}: give 'auto', 'float32' or 'float64'.")
    return np.dtype(dtype)
