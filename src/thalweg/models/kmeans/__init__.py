"""k-means: Lloyd's algorithm with bounds, mini-batches, and any distance; the objective as a plain function."""

from .model import KMeans

__all__ = ["KMeans"]
