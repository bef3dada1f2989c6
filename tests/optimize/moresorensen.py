"""The conditions of Moré and Sorensen, checked without the code that is tested."""

import numpy as np


def violation(H, g, d, step, radius):
    """By how much (H̃ + σI) z = −g̃, H̃ + σI ⪰ 0, σ ≥ 0, ‖z‖ ≤ Δ fail for the best σ, relative to the sizes in play."""
    H, g, z = H / np.outer(d, d), g / d, d * step
    size = np.linalg.norm(H, 2)
    length = np.linalg.norm(z)
    sigma = max(0.0, -float(z @ (H @ z + g)) / length**2) if length > 0 else 0.0
    residual = np.linalg.norm(H @ z + sigma * z + g) / max(np.linalg.norm(g), size * length)
    indefinite = max(0.0, -(np.linalg.eigvalsh(H)[0] + sigma) / size)
    outside = max(0.0, length / radius - 1)
    slack = sigma / size if length < 0.85 * radius else 0.0
    return max(residual, indefinite, outside, slack)


def best_value(H, g, d, radius):
    """The least value of the model over the ball, from the eigenvalues and bisection."""
    H, g = H / np.outer(d, d), g / d
    values, Q = np.linalg.eigh(H)
    gamma = Q.T @ g
    if values[0] > 0 and np.linalg.norm(gamma / values) <= radius:
        z = -gamma / values
    else:
        low, high = max(0.0, -values[0]), max(0.0, -values[0]) + np.linalg.norm(g) / radius + 1.0
        for _ in range(200):
            middle = 0.5 * (low + high)
            with np.errstate(divide="ignore", invalid="ignore"):
                length = np.linalg.norm(np.where(gamma == 0, 0.0, gamma / (values + middle)))
            low, high = (middle, high) if length > radius else (low, middle)
        z = -gamma / (values + high)
        short = radius**2 - z @ z
        if short > 0:
            z[0] += np.sign(z[0] or 1.0) * (np.sqrt(z[0] ** 2 + short) - abs(z[0]))
    return float(gamma @ z + 0.5 * values @ z**2)
