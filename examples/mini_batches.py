"""Logistic regression along mini-batches, and the same minimum by Newton's method on all data."""

import numpy as np

import thalweg as tw
from thalweg.optimize import Batches
from thalweg.optimize.schedules import Cosine

rng = np.random.default_rng(0)
inputs = rng.normal(size=(2_000, 3))
labels = (inputs @ [1.5, -2.0, 0.5] + rng.logistic(size=2_000) > 0).astype(float)


def loss(weights, inputs, labels):
    scores = inputs @ weights
    return np.mean(np.logaddexp(0, scores) - labels * scores)


batches = Batches(inputs, labels, size=50, seed=1)
sampled = tw.minimize(
    loss, np.zeros(3), batches=batches, method="adam", epochs=20, schedule=Cosine(0.05, over=20 * len(batches))
)
exact = tw.minimize(loss, np.zeros(3), args=(inputs, labels))

print(f"adam, 20 epochs: {sampled.x.round(4)}, loss {sampled.value:.6f}")
print(f"newton:          {exact.x.round(4)}, loss {exact.value:.6f}, {exact.kind}")
