"""Stochastic objectives: means over data that are seen a few rows at a time.

`batches` cuts the data, `sampled` is the objective, `engine` makes the steps, with `sgd` or `adam` for each.
"""

from .adam import Adam
from .batches import Batches
from .engine import Stochastic, Update
from .sampled import Sampled
from .sgd import SGD

__all__ = ["SGD", "Adam", "Batches", "Sampled", "Stochastic", "Update"]
