"""A straight line through the calibration data of an ozone monitor (NIST's Norris)."""

from pathlib import Path

import numpy as np

import thalweg as tw

y, x = np.loadtxt(Path(__file__).with_name("norris.csv"), delimiter=",", skiprows=1, unpack=True)


def mean_squared_error(line):
    return np.mean((y - (line["slope"] * x + line["intercept"])) ** 2)


solution = tw.minimize(mean_squared_error, {"slope": 0.0, "intercept": 0.0})

print(solution)
print()
print("certified by NIST: slope 1.00211681802045, intercept -0.262323073774029")
