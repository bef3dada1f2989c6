"""Neural networks: layers as one plain function, the losses, the training, and the two estimators."""

from .classifier import NeuralNetworkClassifier
from .regressor import NeuralNetworkRegressor

__all__ = ["NeuralNetworkClassifier", "NeuralNetworkRegressor"]
