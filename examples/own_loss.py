"""A loss of one's own as a scikit-learn estimator: quantiles of a regression, each with the verdict on its minimum."""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_score

import thalweg as tw


def line(p, X):
    return X @ p["slope"] + p["intercept"]


def start(X, y):
    return {"slope": np.zeros(X.shape[1]), "intercept": np.mean(y)}


def pinball(p, X, y, quantile=0.5, softness=2.0):
    """Koenker & Bassett (1978); the corner is rounded, so that there is a curvature to judge by."""
    r = y - line(p, X)
    return quantile * r + softness * np.logaddexp(0, -r / softness)


X, y = load_diabetes(return_X_y=True)
X = X / X.std(axis=0)
for quantile in (0.1, 0.5, 0.9):
    model = tw.estimator(pinball, predict=line, parameters=start, quantile=quantile).fit(X, y)
    below = np.mean(y < model.predict(X))
    print(f"quantile {quantile}: {100 * below:.0f} % of the patients are below it; {model.solution_.kind}")

scores = cross_val_score(model.set_params(quantile=0.5), X, y, scoring="neg_median_absolute_error", cv=5)
print(f"median error in cross-validation {-scores.mean():.0f}")
