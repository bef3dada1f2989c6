"""How the best can changes with its volume: from the optimality conditions, and by solving again."""

import numpy as np

import thalweg as tw


def sheet(can, volume):
    return 2 * np.pi * can[0] ** 2 + 2 * np.pi * can[0] * can[1]


def holds(can, volume):
    return np.pi * can[0] ** 2 * can[1] == volume


solution = tw.minimize(sheet, [1.0, 1.0], args=(1.0,), subject_to=holds)
change = solution.sensitivity("volume")
again = tw.minimize(sheet, [1.0, 1.0], args=(1.01,), subject_to=holds)

print(f"1 litre:          r, h = {solution.x},  sheet {solution.value:.6f}")
print(f"1.01 predicted:   r, h = {solution.x + 0.01 * change.x},  sheet {solution.value + 0.01 * change.value:.6f}")
print(f"1.01 solved:      r, h = {again.x},  sheet {again.value:.6f}")
print()

best = tw.argmin(sheet, [1.0, 1.0], subject_to=holds)  # volume ↦ (r, h), a function like any other
print(f"d(r, h)/d volume = {tw.jacobian(best)(1.0)}")
