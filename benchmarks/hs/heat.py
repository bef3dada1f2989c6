"""Problems 88 to 92: heating a rod in the least time, with two to six switches.

A rod is heated at one end, full on and full off by turns; Σ xᵢ² is the time spent. By the eigenfunctions cos(μⱼ s) of
the rod, μⱼ tan μⱼ = 1, the squared distance of its temperature from the wanted one at the end is

    h(x) = 2/15 + Σⱼ μⱼ² aⱼ ρⱼ (μⱼ sin μⱼ ρⱼ − 2 (sin μⱼ/μⱼ − cos μⱼ)/μⱼ²),    aⱼ = 2 sin μⱼ/(μⱼ + sin μⱼ cos μⱼ),

    ρⱼ = −(e^(−μⱼ² t₁) − 2 e^(−μⱼ² t₂) + … ± 2 e^(−μⱼ² tₙ) ∓ 1)/μⱼ²,             tᵢ = xᵢ² + … + xₙ²,

with the first thirty eigenvalues. The book writes h as a double sum; the terms with i ≠ j vanish, as the
eigenfunctions are orthogonal. The bound on h is (1/100)².
"""

from __future__ import annotations

import numpy as np


def eigenvalues(count: int = 30):
    """The first positive roots of μ tan μ = 1, by Newton's method on μ sin μ − cos μ.

    Examples
    --------
    >>> eigenvalues(2)
    array([0.860334, 3.425618])
    """
    period = np.pi * np.arange(count)
    roots = period + np.where(period == 0, 0.86, 1 / np.maximum(period, 1))
    for _ in range(8):
        roots = roots - (roots * np.sin(roots) - np.cos(roots)) / (2 * np.sin(roots) + roots * np.cos(roots))
    return roots


MU = eigenvalues()
AMPLITUDE = 2 * np.sin(MU) / (MU + np.sin(MU) * np.cos(MU))
TARGET = (np.sin(MU) / MU - np.cos(MU)) / MU**2


def time(x):
    """The time spent."""
    return sum(x[i] ** 2 for i in range(len(x)))


def distance(x):
    """How far the rod is from the wanted temperature, squared and integrated."""
    n = len(x)
    rho = (-1.0) ** n
    remaining = 0.0
    for i in reversed(range(n)):
        remaining = remaining + x[i] ** 2
        rho = rho + (-1.0) ** i * (2 if i else 1) * np.exp(-(MU**2) * remaining)
    rho = -rho / MU**2
    return 2 / 15 + np.sum(MU**2 * AMPLITUDE * rho * (MU * np.sin(MU) * rho - 2 * TARGET))


def reached(x):
    """The distance kept within (1/100)²."""
    return [1e-4 - distance(x)]
