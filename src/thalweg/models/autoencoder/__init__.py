"""Autoencoders: rows through a narrow code and back, and the estimator."""

from .model import Autoencoder

__all__ = ["Autoencoder"]
