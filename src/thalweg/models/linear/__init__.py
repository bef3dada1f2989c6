"""Linear regression: least squares with all that may be said of it."""

from .inference import Intervals
from .linear_regression import LinearRegression
from .statistics import Statistics
from .summary import Summary

__all__ = ["Intervals", "LinearRegression", "Statistics", "Summary"]
