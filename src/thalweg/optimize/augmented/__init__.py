"""The augmented Lagrangian method, for problems too large to factorize."""

from .augmented_lagrangian import AugmentedLagrangian

__all__ = ["AugmentedLagrangian"]
