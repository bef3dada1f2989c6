"""A drop-in for `scipy.optimize`: the same signatures and results, exact derivatives, and the truth about the point.

    from thalweg.scipy import minimize          # was: from scipy.optimize import minimize
    import thalweg.scipy as optimize            # was: from scipy import optimize

What Thalweg does not replace (`linprog`, `differential_evolution`, `Bounds` …) is SciPy's own, looked up when used.
"""

from __future__ import annotations

from typing import Any

import scipy.optimize as _theirs

from .curve_fit import curve_fit
from .least_squares import least_squares
from .minimize import minimize
from .minimize_scalar import minimize_scalar
from .root import fsolve, root
from .root_scalar import root_scalar

__all__ = ["curve_fit", "fsolve", "least_squares", "minimize", "minimize_scalar", "root", "root_scalar"]


def __getattr__(name: str) -> Any:
    """Whatever is not here is SciPy's."""
    try:
        return getattr(_theirs, name)
    except AttributeError:
        raise AttributeError(f"neither thalweg.scipy nor scipy.optimize has {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in dir(_theirs) if not name.startswith("_"))})
