"""Models that learn from data, under scikit-learn's contract, each with its objective as a plain NumPy function.

Needs scikit-learn: ``pip install thalweg[models]``.
"""

from __future__ import annotations

from thalweg.errors import MissingPackageError

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise MissingPackageError(
        "Models need scikit-learn, which is not installed: pip install thalweg[models]"
    ) from error

from .autoencoder import Autoencoder
from .estimator import estimator
from .kmeans import KMeans
from .linear import LinearRegression
from .mixture import GaussianMixture
from .network import NeuralNetworkClassifier, NeuralNetworkRegressor
from .persistence import load
from .trained import Trained

__all__ = [
    "Autoencoder",
    "GaussianMixture",
    "KMeans",
    "LinearRegression",
    "NeuralNetworkClassifier",
    "NeuralNetworkRegressor",
    "Trained",
    "estimator",
    "load",
]
