"""A likelihood that is not a number, and the line that made it so."""

import numpy as np

import thalweg as tw

waits = np.array([0.4, 1.3, 2.2])


def log_likelihood(p):
    intensity = p["rate"] + p["trend"] * waits
    return np.sum(np.log(intensity)) - np.sum(intensity * waits)


print(tw.diagnose(log_likelihood, {"rate": 1.0, "trend": -0.6}))
