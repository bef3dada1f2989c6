"""Where is the receiver?  Distances to four beacons, measured with errors, and how far the answer can be trusted."""

import numpy as np

import thalweg as tw

beacons = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 8.0], [0.0, 8.0]])
measured = np.array([4.98, 7.65, 6.39, 4.12])


def errors(place):
    return np.hypot(beacons[:, 0] - place[0], beacons[:, 1] - place[1]) - measured


solution = tw.least_squares(errors, [5.0, 5.0])

J = tw.jacobian(errors)(solution.x)
variance = 2 * solution.value / (len(measured) - 2)
deviations = np.sqrt(variance * np.diag(np.linalg.inv(J.T @ J)))

print(solution)
print()
for name, value, deviation in zip("xy", solution.x, deviations):
    print(f"{name} = {value:.3f} ± {deviation:.3f}")
