"""NumPy function → Graph."""

from thalweg.tracing import functions  # what NumPy's functions mean must be there before anything is traced
from thalweg.tracing.trace import Traced, trace

__all__ = ["Traced", "functions", "trace"]
