"""Of all boxes with surface 6, the cube has the largest volume."""

import numpy as np

import thalweg as tw


def volume(sides):
    return np.prod(sides)


def surface(sides):
    x, y, z = sides
    return 2 * (x * y + y * z + z * x)


solution = tw.maximize(volume, [0.3, 1.4, 2.0], subject_to=lambda sides: surface(sides) == 6, bounds=(0, None))

print(solution)
print()
print(f"sides {solution.x.round(6)}, λ = {solution.multipliers:.6f}")
print(f"a surface of 7 would give about {solution.value + solution.shadow_prices:.4f} (exactly: {(7 / 6) ** 1.5:.4f})")
