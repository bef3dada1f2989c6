"""The four steps of gradient descent as a textbook has them, with Thalweg for the derivative alone.

1. Begin anywhere. 2. Take the gradient. 3. Step against it, by the learning rate η. 4. Repeat until it is small.
"""

import numpy as np

import thalweg as tw


def valley(θ):
    return (θ[0] - 1) ** 2 + 10 * (θ[1] - θ[0]) ** 2


gradient = tw.grad(valley)
η = 0.04

θ = np.random.default_rng(0).normal(size=2)
steps = 0
while np.linalg.norm(gradient(θ)) > 1e-8:
    θ = θ - η * gradient(θ)
    steps += 1

print(f"after {steps} steps: θ = {θ}")
print()
print("the same by the library, with what it knows of the point:")
print(tw.minimize(valley, np.zeros(2), method="gradient-descent", learning_rate=η))
