"""A curve through measurements of adsorption (NIST's Misra1a), from the farther of the two official starts."""

from pathlib import Path

import numpy as np

import thalweg as tw

volume, pressure = np.loadtxt(Path(__file__).with_name("misra1a.csv"), delimiter=",", skiprows=1, unpack=True)


def residual_sum_of_squares(b):
    return np.sum((volume - b[0] * (1 - np.exp(-b[1] * pressure))) ** 2)


solution = tw.minimize(residual_sum_of_squares, np.array([500.0, 0.0001]), tol=1e-6)

print(solution)
print()
print("certified by NIST: 238.94212918, 5.5015643181e-4, sum of squares 0.12455138894")
