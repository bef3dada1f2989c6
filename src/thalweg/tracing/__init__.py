"""NumPy function → Graph."""

from thalweg.tracing import functions, operators  # what functions and operators mean must be there before a trace
from thalweg.tracing.trace import Traced

__all__ = ["Traced", "functions", "operators"]
