"""Of all boxes with surface 6, the cube has the largest volume.

The surface 2(xy + yz + zx) = 6 is solved for the third side, z = (3 − xy)/(x + y); two sides remain free.
"""

import numpy as np

import thalweg as tw


def volume(sides):
    x, y = sides
    return x * y * (3 - x * y) / (x + y)


solution = tw.maximize(volume, np.array([0.3, 1.4]))
x, y = solution.x

print(solution)
print()
print(f"sides: {x:.6f}, {y:.6f}, {(3 - x * y) / (x + y):.6f}")
