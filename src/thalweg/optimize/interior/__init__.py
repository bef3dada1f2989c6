"""A primal–dual interior point method for general constraints."""

from .interior_point import InteriorPoint

__all__ = ["InteriorPoint"]
