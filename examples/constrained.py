"""A can for one litre, of as little sheet as possible, on a shelf that is ten centimetres high; in decimetres."""

import numpy as np

import thalweg as tw


def sheet(can):
    r, h = can["radius"], can["height"]
    return 2 * np.pi * r**2 + 2 * np.pi * r * h


def conditions(can):
    r, h = can["radius"], can["height"]
    return {"volume": np.pi * r**2 * h == 1, "shelf": h <= 1}


solution = tw.minimize(sheet, {"radius": 1.0, "height": 1.0}, subject_to=conditions)

print(solution)
print()
print(f"λ of the volume {solution.multipliers['volume']:.4f}, of the shelf {solution.multipliers['shelf']:.4f}")
print(f"one more litre would cost {solution.shadow_prices['volume']:.4f} dm² of sheet, by the slope")
