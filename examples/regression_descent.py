"""A line through data by gradient descent, step after step down f(a, b) = 1/N Σ (yᵢ − (a xᵢ + b))², and at once.

With a file name as argument the way is drawn on the map of f: python examples/regression_descent.py way.png
"""

import sys

import numpy as np
from sklearn.datasets import load_iris

import thalweg as tw
from thalweg.models.linear import LinearRegression

length, width = load_iris().data[:, 2], load_iris().data[:, 3]  # of petals
x, y = length - length.mean(), width  # centred, so that the valley of f is not too narrow


def f(p):
    return np.mean((y - (p["a"] * x + p["b"])) ** 2)


way = tw.minimize(f, {"a": 0.0, "b": 0.0}, method="gradient-descent", learning_rate=0.1)
for k in (0, 1, 2, 5, 10, 20, 50):
    a, b = way.history.x[k]
    print(f"step {k:2}: a = {a:.6f}, b = {b:.6f}, f = {way.history.value[k]:.8f}")

model = LinearRegression().fit(x[:, None], y)
print(f"at once: a = {model.coef_[0]:.6f}, b = {model.intercept_:.6f}, f = {model.solution_.value:.8f}")
print(model.solution_.kind)

if len(sys.argv) > 1:
    way.plot(sys.argv[1])
