"""A convolution is an index and a product: a small convolutional network on digits, as a function of one's own."""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from thalweg.models import NeuralNetworkClassifier

# Where the 3×3 windows of an 8×8 image lie: a row of 9 places for each of the 36 windows.
corner = 8 * np.arange(6)[:, None] + np.arange(6)
window = 8 * np.arange(3)[:, None] + np.arange(3)
PLACES = corner.reshape(36, 1) + window.reshape(1, 9)


def network(p, X):
    windows = X[:, PLACES]  # (rows, 36, 9)
    maps = np.maximum(windows @ p["filters"] + p["shifts"], 0)  # (rows, 36, 12): each filter over each window
    pooled = np.max(np.reshape(maps, (-1, 3, 2, 3, 2, 12)), axis=(2, 4))  # the greatest of each 2×2
    return np.reshape(pooled, (-1, 108)) @ p["out"] + p["bias"]


def start(X, y, rng):
    return {
        "filters": rng.normal(0, (2 / 9) ** 0.5, (9, 12)),
        "shifts": np.zeros(12),
        "out": rng.normal(0, (1 / 108) ** 0.5, (108, y.shape[1])),
        "bias": np.zeros(y.shape[1]),
    }


X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
model = NeuralNetworkClassifier(
    architecture=network, parameters=start, learning_rate_init=0.005, max_iter=30, random_state=0
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # 30 epochs are not the end
    model.fit(X, y)
print(f"{sum(p.size for p in model.parameters_.values())} parameters")
print(f"loss {model.loss_curve_[0]:.2f} in the first epoch, {model.loss_:.2f} in the last")
print(f"{100 * model.score(X_test, y_test):.1f} % of the digits that it has not seen are right")
