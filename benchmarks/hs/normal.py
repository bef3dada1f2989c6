"""The distribution function of the standard normal variable, for numbers, tracers and symbols alike."""

from __future__ import annotations

from math import sqrt

from scipy.special import erf


def normal_distribution(t):
    """Φ(t) = (1 + erf(t/√2))/2. A symbol of CasADi brings its own ``erf``; SciPy's serves everything else.

    Examples
    --------
    >>> round(float(normal_distribution(1.0)), 12)
    0.841344746069
    """
    scaled = t / sqrt(2)
    own = getattr(scaled, "erf", None)
    return (1 + (erf(scaled) if own is None else own())) / 2
